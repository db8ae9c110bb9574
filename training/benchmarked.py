"""What a benchmark measures, read from its syntax tree: names and where they were imported from.

Nothing is imported or run. What cannot be told from the text alone is an `UnresolvedError` with its
reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ci_rlm.training.codebase import UnresolvedError

Function = ast.FunctionDef | ast.AsyncFunctionDef
Parts = tuple[str, ...]
"""A dotted name, split."""

_FIXTURE = "benchmark"
_LONGEST_CHAIN = 8
"""Aliases that are followed from one to the next."""
_REPEATING = (
    *(ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
    *(ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef),
)
"""What runs the calls inside it any number of times."""
_VARIABLE = "the benchmarked function is an argument or a variable of the test"
_NO_NAME = "what the test hands to benchmark(…) is not a function's name"


@dataclass(frozen=True, slots=True)
class Reference:
    """A function by name, as a module refers to it."""

    parts: Parts
    imported: bool
    """Named from the root of the import path; else within the module itself."""


@dataclass(frozen=True, slots=True)
class Module:
    """One file of Python."""

    path: PurePosixPath
    tree: ast.Module
    imports: Mapping[str, Parts]
    """What each name stands for that an import binds."""
    stars: tuple[Parts, ...]
    """Modules whose names are all imported."""

    def refer(self, parts: Parts, bound: Mapping[str, Parts]) -> Reference:
        """A dotted name of this module, where `bound` are the imports of the function that says it."""
        known = {**self.imports, **bound}
        if parts[0] in known:
            return Reference((*known[parts[0]], *parts[1:]), imported=True)
        return Reference(parts, imported=False)


def module_of(path: PurePosixPath, text: str) -> Module:
    """Read a file. Raises UnresolvedError for one that Python cannot parse."""
    tree = parsed(text)
    statements = list(_outside_functions(tree.body))
    return Module(path, tree, imports_of(statements, path), tuple(_stars(statements, path)))


def parsed(text: str) -> ast.Module:
    """The syntax tree of a text. Raises UnresolvedError."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UnresolvedError("the file of the benchmark does not parse") from error


def _outside_functions(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those under `if` and `try` too."""
    waiting = list(reversed(list(body)))
    while waiting:
        statement = waiting.pop()
        yield statement
        if not isinstance(statement, (Function, ast.ClassDef)):
            waiting += reversed(list(_substatements(statement)))


def _substatements(statement: ast.stmt) -> Iterator[ast.stmt]:
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, ast.ExceptHandler):
            yield from child.body


def imports_of(nodes: Iterable[ast.AST], path: PurePosixPath) -> dict[str, Parts]:
    """What the names that imports bind stand for; a relative import starts at the file's own folder."""
    found: dict[str, Parts] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = tuple(alias.name.split("."))
                found[alias.asname or parts[0]] = parts if alias.asname else parts[:1]
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, path)
            found |= {alias.asname or alias.name: (*base, alias.name) for alias in node.names}
    return found


def _stars(nodes: Iterable[ast.AST], path: PurePosixPath) -> Iterator[Parts]:
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            yield _base(node, path)


def _base(node: ast.ImportFrom, path: PurePosixPath) -> Parts:
    """The module that names are imported from; folders are written as the parts of a package."""
    named = tuple(node.module.split(".")) if node.module else ()
    folders = path.parent.parts
    return (*folders[: len(folders) - (node.level - 1)], *named) if node.level else named


def function_at(body: Iterable[ast.stmt], names: Sequence[str]) -> Function | None:
    """The function of nested names, classes first; the last one if it is defined repeatedly."""
    found = [node for node in _functions(class_body(body, names[:-1]) or ()) if node.name == names[-1]]
    return found[-1] if found else None


def same_function(one: ast.Module, other: ast.Module, names: Sequence[str]) -> bool:
    """Whether two modules define the function of nested names alike, layout and comments apart."""
    functions = [function_at(module.body, names) for module in (one, other)]
    try:
        dumps = [ast.dump(function) for function in functions if function is not None]
    except RecursionError:
        return False
    return len(dumps) == 2 and dumps[0] == dumps[1]


def class_body(body: Iterable[ast.stmt], names: Sequence[str]) -> Iterable[ast.stmt] | None:
    """The statements of the class of nested names, `body` itself for none; None if there is no such class."""
    for name in names:
        nodes = [node for node in _outside_functions(body) if isinstance(node, ast.ClassDef)]
        found = [node for node in nodes if node.name == name]
        if not found:
            return None
        body = found[-1].body
    return body


def bases(module: Module, names: Sequence[str]) -> list[Reference]:
    """What the class of nested names derives from, as far as names tell."""
    outer = class_body(module.tree.body, names[:-1]) if names else None
    classes = [node for node in _outside_functions(outer or ()) if isinstance(node, ast.ClassDef)]
    found = [node for node in classes if node.name == names[-1]]
    dotted = [parts for base in (found[-1].bases if found else ()) if (parts := _dotted(base))]
    return [module.refer(parts, {}) for parts in dotted]


def _functions(body: Iterable[ast.stmt]) -> Iterator[Function]:
    return (node for node in _outside_functions(body) if isinstance(node, Function))


def tested(module: Module, names: Sequence[str], case: str = "") -> Reference:
    """What a test hands to pytest-benchmark: the first argument of `benchmark(fn, …)`.

    `names` lead to the test within its module, `case` is what its node id has in brackets. Raises
    UnresolvedError.
    """
    test = function_at(module.tree.body, names)
    if test is None:
        raise UnresolvedError("no such test at the commit")
    given = [handed for node in ast.walk(test) if (handed := _handed(node)) is not None]
    if not given:
        raise UnresolvedError("the test does not call the benchmark fixture itself")
    scope = _Scope(module, test, tuple(names[:-1]), _parametrised(test, case))
    found = {scope.follow(expression) for expression in given}
    if len(found) > 1:
        raise UnresolvedError("the test benchmarks several functions")
    return found.pop()


def _handed(node: ast.AST) -> ast.expr | None:
    """The function that a node hands to the fixture, called or used as a decorator."""
    if isinstance(node, Function):
        return ast.Name(node.name) if any(map(_is_fixture, node.decorator_list)) else None
    if not isinstance(node, ast.Call) or not _is_fixture(node.func):
        return None
    named = {keyword.arg: keyword.value for keyword in node.keywords}
    return node.args[0] if node.args else named.get("target")


def _parametrised(test: Function, case: str) -> dict[str, ast.expr]:
    """The functions and classes that a case gives to a test: pytest names them in its node id."""
    told = set(case.split("-"))
    found: dict[str, list[ast.expr]] = {}
    for decorator in test.decorator_list:
        for name, value in _parameters(decorator):
            if _dotted(value)[-1:] and _dotted(value)[-1] in told:
                found.setdefault(name, []).append(value)
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _parameters(decorator: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """The arguments of a test and their values by `@pytest.mark.parametrize("a, b", [(1, 2), …])`."""
    if not isinstance(decorator, ast.Call) or _dotted(decorator.func)[-1:] != ("parametrize",):
        return
    named, values = (*decorator.args, None, None)[:2]
    if not isinstance(named, ast.Constant) or not isinstance(values, (ast.List, ast.Tuple)):
        return
    names = [name.strip() for name in str(named.value).split(",")]
    for value in values.elts:
        if isinstance(value, ast.Call) and _dotted(value.func)[-1:] == ("param",):
            yield from zip(names, value.args, strict=False)
        elif len(names) > 1 and isinstance(value, (ast.List, ast.Tuple)):
            yield from zip(names, value.elts, strict=False)
        else:
            yield names[0], value


def _is_fixture(node: ast.expr) -> bool:
    """`benchmark`, `self.benchmark`, and `pedantic` of either; not the marker `pytest.mark.benchmark`."""
    if isinstance(node, ast.Attribute) and node.attr == "pedantic":
        node = node.value
    return _dotted(node) in ((_FIXTURE,), ("self", _FIXTURE))


def called(module: Module, names: Sequence[str]) -> list[tuple[Reference, bool]]:
    """The functions that a benchmark calls by names that can be followed, and whether each once a run."""
    body = function_at(module.tree.body, names)
    if body is None:
        return []
    inner = [node for statement in body.body for node in ast.walk(statement)]
    repeated = {id(each) for node in inner if isinstance(node, _REPEATING) for each in ast.walk(node)}
    scope = _Scope(module, body, tuple(names[:-1]))
    calls = [node for node in inner if isinstance(node, ast.Call)]
    followed = [(scope.attempt(call.func), id(call) not in repeated) for call in calls]
    return [(reference, once) for reference, once in followed if reference is not None]


class _Scope:
    """The names that one function of a module sees."""

    def __init__(
        self, module: Module, function: Function, owner: Parts, given: Mapping[str, ast.expr] | None = None
    ) -> None:
        self._module = module
        self._owner = owner
        inner = [node for statement in function.body for node in ast.walk(statement)]
        self._imports = imports_of(inner, module.path)
        self._functions = {node.name: node for node in inner if isinstance(node, Function)}
        self._assigned = {**(given or {}), **_assigned(_outside_functions(function.body))}
        arguments = function.args
        named = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        self._arguments = {each.arg for each in named}

    def attempt(self, expression: ast.expr) -> Reference | None:
        """What an expression refers to, or None."""
        try:
            return self.follow(expression)
        except UnresolvedError:
            return None

    def follow(self, expression: ast.expr) -> Reference:
        """What an expression refers to, through aliases, partials and wrappers of a single call."""
        for _ in range(_LONGEST_CHAIN):
            further = self._one_step(expression)
            if further is None:
                return self._reference(expression)
            expression = further
        raise UnresolvedError(_NO_NAME)

    def _one_step(self, expression: ast.expr) -> ast.expr | None:
        """What an expression stands for; None if it is a name to look up."""
        if isinstance(expression, ast.Lambda):
            return _function_of_call(expression.body)
        if isinstance(expression, ast.Call) and _dotted(expression.func)[-1:] == ("partial",):
            return expression.args[0] if expression.args else None
        if not isinstance(expression, ast.Name):
            return None
        if (local := self._functions.get(expression.id)) is not None:
            return _only_call(local)
        value = self._assigned.get(expression.id)
        return value if isinstance(value, (ast.Name, ast.Attribute, ast.Lambda, ast.Call)) else None

    def _reference(self, expression: ast.expr) -> Reference:
        parts = self._parts(expression)
        if parts[0] in ("self", "cls") and self._owner and len(parts) > 1:
            return self._of_self(parts)
        if parts[0] in self._arguments or parts[0] in self._assigned:
            raise UnresolvedError(_VARIABLE)
        return self._module.refer(parts, self._imports)

    def _parts(self, expression: ast.expr) -> Parts:
        """A dotted name. Variables stand for what they hold, instances for what was called to make them."""
        attributes: list[str] = []
        for _ in range(_LONGEST_CHAIN):
            held = self._assigned.get(expression.id) if isinstance(expression, ast.Name) else None
            if isinstance(expression, ast.Attribute):
                attributes.insert(0, expression.attr)
                expression = expression.value
            elif isinstance(expression, ast.Call) and attributes:
                expression = expression.func
            elif isinstance(held, (ast.Name, ast.Attribute, ast.Call)):
                expression = held
            else:
                break
        if not isinstance(expression, ast.Name):
            raise UnresolvedError(_NO_NAME)
        return (expression.id, *attributes)

    def _of_self(self, parts: Parts) -> Reference:
        """A method of the test's own class, or of an instance that its set-up makes."""
        if len(parts) == 2:
            return Reference((*self._owner, parts[1]), imported=False)
        made = [
            maker
            for method in _functions(class_body(self._module.tree.body, self._owner) or ())
            for node in ast.walk(method)
            if isinstance(node, ast.Assign) and _dotted(node.targets[0])[1:] == parts[1:2]
            if isinstance(node.value, ast.Call) and (maker := _dotted(node.value.func))
        ]
        if len(made) != 1:
            raise UnresolvedError(_VARIABLE)
        return self._module.refer((*made[0], *parts[2:]), self._imports)


def _assigned(nodes: Iterable[ast.AST]) -> dict[str, ast.expr | None]:
    """What each local name is assigned; None for one that is assigned repeatedly."""
    found: dict[str, ast.expr | None] = {}
    for node in nodes:
        if not isinstance(node, (ast.Assign, ast.AnnAssign)):
            continue
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name):
                found[target.id] = None if target.id in found else node.value
    return found


def _function_of_call(expression: ast.AST | None) -> ast.expr:
    if not isinstance(expression, ast.Call):
        raise UnresolvedError("what is benchmarked is more than one call")
    return expression.func


def _only_call(function: Function) -> ast.expr:
    """The function that a local function does nothing but call."""
    body = [node for node in function.body if not _is_docstring(node)]
    only = body[0] if len(body) == 1 else None
    return _function_of_call(only.value if isinstance(only, (ast.Expr, ast.Return, ast.Assign)) else None)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _dotted(node: ast.AST) -> Parts:
    """A name with its attributes; empty for any other expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else ()
