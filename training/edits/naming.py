"""Neutral edits of names, of the order of statements, of hints and docstrings, and of imports."""

from __future__ import annotations

import ast
import zlib
from collections.abc import Iterator

from ci_rlm.training.edits.edit import Edit, edit
from ci_rlm.training.edits.syntax import COMPREHENSIONS, FUNCTIONS, Change, Code, Swaps, moved
from ci_rlm.training.edits.templates import quote, quoted

_SYNONYMS = {
    "i": "idx p a",
    "j": "jdx q b",
    "k": "kk r c",
    "n": "size m total",
    "m": "rows width",
    "x": "value item a",
    "y": "other b",
    "a": "first xs",
    "b": "second ys",
    "c": "char ch",
    "s": "text word string",
    "t": "target other",
    "l": "left low",
    "r": "right high",
    "d": "delta dist table",
    "q": "queue todo",
    "p": "pos point",
    "f": "dp table",
    "g": "graph adj",
    "ans": "result best res",
    "res": "result answer out",
    "cnt": "count freq",
    "dp": "table f memo",
    "cur": "current now",
    "prev": "last before",
    "result": "res ans out",
    "nums": "values arr numbers",
    "dfs": "visit walk search",
    "left": "lo start",
    "right": "hi end",
    "count": "cnt total",
    "total": "acc whole",
    "arr": "values items",
    "queue": "todo q",
    "stack": "pending st",
}


def _renamings(code: Code, name: str) -> str:
    """Another name that a person might have chosen, by chance that the name itself decides."""
    words = name.split("_")
    camel = words[0] + "".join(word.title() for word in words[1:])
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
    short = name[0] + "".join(letter for letter in name[1:] if letter not in "aeiou")
    choices = [
        *_SYNONYMS.get(name, "").split(),
        camel,
        snake,
        *([short] if len(name) > 5 and words == [name] else []),
    ]
    choices += [f"{name}_", f"cur_{name}", f"{name}_value"]
    usable = [word for word in choices if word.isidentifier() and word != name and word not in code.words]
    # A digest, because `hash` of a text differs from process to process.
    turn = zlib.crc32(name.encode())
    return usable[turn % min(3, len(usable))] if usable else code.fresh(f"{name}_value")


def _renamed(code: Code, name: str, scope: ast.AST, new: str) -> Swaps | None:
    """All nodes of a scope's name under a new name; None where not all that binds it can be renamed."""
    swaps: Swaps = {use: ast.Name(new, use.ctx) for use in code.uses(name, scope)}
    for binding in code.bindings(name, scope):
        match binding.node:
            case ast.arg() as parameter:
                swaps[parameter] = ast.arg(new, parameter.annotation)
            case ast.alias() | ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar() | ast.ClassDef():
                return None
            case ast.FunctionDef() as made:
                swaps[made] = ast.FunctionDef(new, made.args, made.body, made.decorator_list, made.returns)
            case ast.AsyncFunctionDef():
                return None
    return None if code.shared(name) or any(map(_by_name, code.of(ast.Name))) else swaps


def _by_name(node: ast.Name) -> bool:
    return node.id in ("locals", "globals", "eval", "exec", "vars")


_OTHER_BINDERS = (
    *(ast.arg, ast.alias, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar),
    *FUNCTIONS,
)


def _locals(code: Code, scope: ast.AST) -> list[str]:
    """The names of a function or script that plain stores alone bind."""
    stored = (name for name in code.bound(scope) if not name.startswith("_"))
    return [
        name
        for name in stored
        if not any(isinstance(each.node, _OTHER_BINDERS) for each in code.bindings(name, scope))
    ]


@edit("neutral", inverse="rename_local", weight=2)
def rename_local(code: Code) -> Iterator[Change]:
    """One local name takes another one throughout its function."""
    for scope in code.of(ast.FunctionDef, ast.Lambda, ast.Module, *COMPREHENSIONS):
        for name in _locals(code, scope):
            if swaps := _renamed(code, name, scope, _renamings(code, name)):
                yield Change(swaps)


@edit("neutral", weight=2)
def rename_all_locals(code: Code) -> Iterator[Change]:
    """Every local name of a function or script takes another one."""
    for scope in code.of(ast.FunctionDef, ast.Module):
        swaps: Swaps = {}
        taken: set[str] = set()
        names = _locals(code, scope)
        for name in names:
            new = _renamings(code, name)
            made = _renamed(code, name, scope, new) if new not in taken else None
            swaps |= made or {}
            taken.add(new)
        if len(names) > 1 and swaps:
            yield Change(swaps)


def _positional(code: Code, function: ast.FunctionDef) -> bool:
    """Whether no call of the text names a parameter of the function."""
    names = {each.arg for each in function.args.args}
    return not any(keyword.arg is None or keyword.arg in names for keyword in code.of(ast.keyword))


@edit("neutral")
def rename_parameter(code: Code) -> Iterator[Change]:
    """A parameter that calls give by position takes another name."""
    for function in code.of(ast.FunctionDef):
        names = [each.arg for each in function.args.args if each.arg not in ("self", "cls")]
        for name in names if _positional(code, function) else ():
            if swaps := _renamed(code, name, function, _renamings(code, name)):
                yield Change(swaps)


@edit("neutral")
def rename_function(code: Code) -> Iterator[Change]:
    """A function inside another, or one that the module itself calls, takes another name."""
    for function in code.of(ast.FunctionDef):
        scope = code.scope[function]
        if isinstance(scope, ast.ClassDef) or len(code.bindings(function.name, scope)) != 1:
            continue
        called = code.uses(function.name, scope)
        outside = [use for use in called if code.function(use) is not function]
        if outside and (swaps := _renamed(code, function.name, scope, _renamings(code, function.name))):
            yield Change(swaps)


@edit("neutral", inverse="reorder_statements", weight=1.5)
def reorder_statements(code: Code) -> Iterator[Change]:
    """Two neighbouring assignments that have nothing to do with each other change places."""
    for first in code.of(ast.Assign, ast.AnnAssign):
        for second in code.following(first)[:1]:
            if _settled(code, first) and _settled(code, second) and _unrelated(code, first, second):
                yield Change({first: moved(second), second: moved(first)})


def _settled(code: Code, statement: ast.stmt) -> bool:
    assigns = isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None
    return assigns and code.pure(statement)


def _unrelated(code: Code, first: ast.stmt, second: ast.stmt) -> bool:
    one, two = code.touches(first), code.touches(second)
    return not (one & (two | code.reads(second)) or two & code.reads(first))


@edit("neutral")
def reorder_functions(code: Code) -> Iterator[Change]:
    """Two neighbouring functions change places."""
    for first in code.of(ast.FunctionDef):
        following = code.following(first)
        if following and isinstance(second := following[0], ast.FunctionDef):
            decorated = first.decorator_list or second.decorator_list
            if (
                first.name != second.name
                and not decorated
                and not first.args.defaults
                and not second.args.defaults
            ):
                yield Change({first: moved(second), second: moved(first)})


@edit("neutral", weight=0.5)
def reorder_imports(code: Code) -> Iterator[Change]:
    """Two neighbouring imports change places."""
    for first in code.of(ast.Import, ast.ImportFrom):
        following = code.following(first)
        if following and isinstance(second := following[0], ast.Import | ast.ImportFrom):
            names = [alias.name for each in (first, second) for alias in each.names]
            if "*" not in names and "annotations" not in names:
                yield Change({first: moved(second), second: moved(first)})


SELDOM = 0.15
"""Weight of edits that the canonical text takes away again before a model sees it."""


@edit("neutral", inverse="drop_local_hint", weight=SELDOM)
def add_local_hint(code: Code) -> Iterator[Change]:
    """`x = 0` to `x: int = 0`."""
    for node in code.of(ast.Assign):
        match node:
            case ast.Assign([ast.Name(name) as target], ast.Constant(value)) if type(value) in (
                int,
                str,
                float,
                bool,
            ):
                if len(code.bindings(name, code.scope[target])) == 1 and not code.shared(name):
                    kind = ast.Name(type(value).__name__, ast.Load())
                    yield Change({node: [ast.AnnAssign(target, kind, node.value, 1)]})


@edit("neutral", inverse="add_local_hint", weight=SELDOM)
def drop_local_hint(code: Code) -> Iterator[Change]:
    """`x: int = 0` to `x = 0`."""
    for node in code.of(ast.AnnAssign):
        if (
            isinstance(node.target, ast.Name)
            and node.value is not None
            and not isinstance(code.scope[node], ast.ClassDef)
        ):
            yield Change({node: [ast.Assign([node.target], node.value)]})


@edit("neutral", weight=SELDOM)
def drop_hints(code: Code) -> Iterator[Change]:
    """A function's parameters and result lose their annotations."""
    for function in code.of(ast.FunctionDef):
        marked = [each for each in function.args.args if each.annotation is not None]
        if (marked or function.returns) and not _reads_hints(function):
            bare = ast.FunctionDef(function.name, function.args, function.body, function.decorator_list, None)
            yield Change({function: [bare], **{each: ast.arg(each.arg) for each in marked}})


def _reads_hints(function: ast.FunctionDef) -> bool:
    # The measuring harness reads them of the entry point, to build nodes of lists and trees.
    return any(
        isinstance(part, ast.Name) and part.id in ("ListNode", "TreeNode", "Node")
        for part in ast.walk(function.args)
    )


@edit("neutral", inverse="drop_docstring", weight=SELDOM)
def add_docstring(code: Code) -> Iterator[Change]:
    """A function gets a docstring."""
    for function in code.of(ast.FunctionDef):
        if ast.get_docstring(function) is None:
            words = " ".join(function.name.strip("_").split("_")).capitalize() or "Compute"
            yield Change({function.body[0]: [ast.Expr(ast.Constant(f"{words}.")), function.body[0]]})


@edit("neutral", inverse="add_docstring", weight=SELDOM)
def drop_docstring(code: Code) -> Iterator[Change]:
    """A function loses its docstring."""
    for function in code.of(ast.FunctionDef):
        if ast.get_docstring(function) is not None and len(function.body) > 1:
            yield Change({function.body[0]: []})


@edit("neutral", weight=SELDOM)
def add_import(code: Code) -> Iterator[Change]:
    """A module is imported that nothing uses yet."""
    for module in ("os", "math", "typing"):
        if module not in code.words:
            yield Change({}, tuple(quote(f"import {module}")))


@edit("neutral", weight=0.4)
def add_assert(code: Code) -> Iterator[Change]:
    """`n = len(xs)` is followed by an assertion that always holds."""
    for node in code.of(ast.Assign):
        match node:
            case ast.Assign([ast.Name() as name], ast.Call(ast.Name("len"))) if not code.loops(node):
                yield Change({node: [node, *quote("assert N >= 0", N=ast.Name(name.id, ast.Load()))]})


@edit("neutral", inverse="unqualify_import", weight=0.7)
def qualify_import(code: Code) -> Iterator[Change]:
    """`from collections import deque` to `import collections`, `deque` to `collections.deque`."""
    for node in code.of(ast.ImportFrom):
        module = node.module or ""
        if node.level or "." in module or module in code.words | {"__future__", "typing"}:
            continue
        names = [alias.name for alias in node.names]
        plain = all(alias.asname is None and alias.name != "*" for alias in node.names)
        uses = [use for name in names for use in code.uses(name, code.tree)]
        alone = code.parent[node] is code.tree and all(len(code.bindings(n, code.tree)) == 1 for n in names)
        if uses and plain and alone and not any(code.repeated(use) for use in uses):
            swaps: Swaps = {use: quoted("M.A", M=module, A=use.id) for use in uses}
            yield Change({node: quote(f"import {module}"), **swaps})


@edit("neutral", inverse="qualify_import", weight=0.7)
def unqualify_import(code: Code) -> Iterator[Change]:
    """`import collections` to `from collections import deque`, `collections.deque` to `deque`."""
    for node in code.of(ast.Import):
        match node.names:
            case [ast.alias(module, None)] if "." not in module and code.parent[node] is code.tree:
                read = _attributes(code, code.uses(module, code.tree))
                names = sorted({each.attr for each in read})
                if names and not code.words & set(names):
                    swaps: Swaps = {each: ast.Name(each.attr, ast.Load()) for each in read}
                    made = ast.ImportFrom(module, [ast.alias(name) for name in names], 0)
                    yield Change({node: [made], **swaps})


def _attributes(code: Code, uses: list[ast.Name]) -> list[ast.Attribute]:
    """The attributes that all uses of a module read, outside of loops; none if one is used otherwise."""
    found = [parent for use in uses if isinstance(parent := code.parent[use], ast.Attribute)]
    read = all(isinstance(each.ctx, ast.Load) and not code.repeated(each) for each in found)
    return found if read and len(found) == len(uses) else []


EDITS: tuple[Edit, ...] = (
    rename_local,
    rename_all_locals,
    rename_parameter,
    rename_function,
    reorder_statements,
    reorder_functions,
    reorder_imports,
    add_local_hint,
    drop_local_hint,
    drop_hints,
    add_docstring,
    drop_docstring,
    add_import,
    add_assert,
    qualify_import,
    unqualify_import,
)
