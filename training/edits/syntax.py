"""What edits know of a program: where its nodes stand, which names mean what, what touches what.

The tree is never changed. An edit is a `Change`, nodes that take the places of others, and
`Code.after` writes the program as it reads with them; parts that no change touches are shared.
"""

from __future__ import annotations

import ast
import builtins
import warnings
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

Swaps = dict[ast.AST, "ast.AST | list[ast.stmt]"]
Function = ast.FunctionDef | ast.AsyncFunctionDef
Loop = ast.For | ast.AsyncFor | ast.While
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES = (ast.Module, *FUNCTIONS, ast.Lambda, ast.ClassDef, *COMPREHENSIONS)
_SILENT = (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop)
"""Nodes that CPython shares between places, so that they have no place of their own."""

LIBRARY = {
    name: module
    for module, names in {
        "bisect": "bisect bisect_left bisect_right insort",
        "collections": "Counter OrderedDict defaultdict deque",
        "copy": "deepcopy",
        "functools": "cache lru_cache",
        "heapq": "heapify heappop heappush nlargest nsmallest",
        "itertools": "accumulate chain combinations islice pairwise product",
        "math": "gcd inf isqrt",
        "operator": "itemgetter",
    }.items()
    for name in names.split()
}
"""The module of each library name that edits read and write."""

PURE_CALLS = frozenset(
    {
        *("abs", "all", "any", "bin", "bool", "chr", "dict", "divmod", "enumerate", "float", "frozenset"),
        *("hash", "int", "isinstance", "len", "list", "max", "min", "ord", "pow", "range", "repr"),
        *("reversed", "round", "set", "sorted", "str", "sum", "tuple", "zip"),
        *("ceil", "comb", "floor", "gcd", "isqrt", "log", "log2", "sqrt", "bisect", "bisect_left"),
        *("bisect_right", "Counter", "defaultdict", "deque", "nlargest", "nsmallest"),
    }
)
PURE_METHODS = frozenset(
    {
        *("bit_count", "bit_length", "copy", "count", "endswith", "find", "get", "index", "isalnum"),
        *("isalpha", "isdigit", "islower", "isupper", "items", "join", "keys", "lower", "lstrip"),
        *("replace", "rfind", "rstrip", "split", "startswith", "strip", "swapcase", "title", "upper"),
        *("values", "zfill"),
    }
)
_QUIET_METHODS = PURE_METHODS | {"format", "search", "match", "most_common", "write", "intersection", "union"}
_QUIET_CALLS = PURE_CALLS | {
    "print",
    "map",
    "filter",
    "iter",
    "accumulate",
    "combinations",
    "product",
    "pairwise",
}
_CHANGING_METHODS = frozenset(
    {
        *("add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert", "pop"),
        *("popitem", "popleft", "remove", "reverse", "rotate", "setdefault", "sort", "update"),
    }
)
"""They change their owner, and leave their arguments as they are."""
_FIXED_KINDS = frozenset({"int", "float", "str", "bool", "bytes", "tuple", "frozenset", "NoneType"})


@dataclass(frozen=True, slots=True)
class Change:
    """Nodes of a program and what takes their places; a list takes the place of one statement.

    What is put in place may hold nodes of the program, and those may be swapped in turn. A node
    that moves, and whose own place is swapped as well, goes through `moved`.
    """

    swaps: Swaps
    top: tuple[ast.stmt, ...] = ()
    """Statements for the head of the module, after its docstring and `__future__` imports."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One place where a name gets a value."""

    node: ast.AST
    """The assignment, parameter, import or definition."""
    value: ast.expr | None = None
    """What a plain assignment gives it; None where that does not show."""
    annotation: ast.expr | None = None


@dataclass(slots=True)
class _Names:
    """The names of one scope."""

    bound: dict[str, list[Binding]] = field(default_factory=lambda: defaultdict(list))
    elsewhere: set[str] = field(default_factory=set)
    """Those declared global or nonlocal."""


@contextmanager
def _quiet() -> Iterator[None]:
    """What the compiler warns of in other people's programs is no news."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        yield


class Code:
    """A parsed program with its indexes; ValueError and its kin if the text does not parse."""

    def __init__(self, text: str) -> None:
        with _quiet():
            self.tree = ast.parse(text)
        self.text = ast.unparse(self.tree)
        self.parent: dict[ast.AST, ast.AST] = {}
        self.scope: dict[ast.AST, ast.AST] = {}
        """The function, lambda, class, comprehension or module that a node belongs to."""
        self.around: dict[ast.AST, ast.AST | None] = {}
        """The innermost loop or comprehension of the same function that runs a node over and over."""
        self.place: dict[ast.AST, tuple[ast.AST, str, int]] = {}
        """Where a statement stands: owner, field and index."""
        self.words: set[str] = set()
        """Every identifier of the text."""
        self._of: dict[type[ast.AST], list[Any]] = defaultdict(list)
        self._names: dict[ast.AST, _Names] = defaultdict(_Names)
        self._touched: dict[ast.AST, frozenset[str]] = {}
        self._read: dict[ast.AST, frozenset[str]] = {}
        self._kinds: dict[tuple[ast.AST, str], str] = {}
        self._uses: dict[tuple[ast.AST, str], list[ast.Name]] | None = None
        self._walk()
        bound = {name for names in self._names.values() for name in names.bound}
        self.shadowed = frozenset(name for name in bound if hasattr(builtins, name))
        """Builtins that the text gives another meaning somewhere, so that no edit may bring them in."""

    def _walk(self) -> None:
        stack: list[tuple[ast.AST, ast.AST, ast.AST | None]] = [(self.tree, self.tree, None)]
        while stack:
            node, scope, around = stack.pop()
            self._of[type(node)].append(node)
            self.scope[node], self.around[node] = scope, around
            self._bind(node, scope)
            children: list[tuple[ast.AST, ast.AST, ast.AST | None]] = []
            for name, value in ast.iter_fields(node):
                for index, child in enumerate(value if isinstance(value, list) else (value,)):
                    if not isinstance(child, ast.AST) or isinstance(child, _SILENT):
                        continue
                    self.parent[child] = node
                    if isinstance(child, ast.stmt):
                        self.place[child] = (node, name, index)
                    children.append((child, *self._inside(node, name)))
            stack.extend(reversed(children))

    def _inside(self, node: ast.AST, name: str) -> tuple[ast.AST, ast.AST | None]:
        """Scope and loop of what stands in a field of a node."""
        scope, around = self.scope[node], self.around[node]
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda() if name in ("body", "args"):
                return node, None
            case ast.ClassDef() if name == "body":
                return node, None
            case ast.arguments() if name in ("defaults", "kw_defaults"):
                return self.scope[scope], self.around[scope]
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                return node, node
            case ast.comprehension() if name == "iter":
                whole = self.parent[node]
                assert isinstance(whole, COMPREHENSIONS)
                if whole.generators[0] is node:
                    return self.scope[whole], self.around[whole]
            case ast.For() | ast.AsyncFor() if name in ("body", "target"):
                return scope, node
            case ast.While() if name in ("body", "test"):
                return scope, node
        return scope, around

    def _bind(self, node: ast.AST, scope: ast.AST) -> None:
        match node:
            case ast.Name(name, ast.Load()):
                self.words.add(name)
            case ast.Name(name):
                self.words.add(name)
                self._bind_name(node, scope)
            case ast.arg(name, annotation):
                self.words.add(name)
                self._names[scope].bound[name].append(Binding(node, None, annotation))
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                self.words.add(name)
                self._names[scope].bound[name].append(Binding(node))
            case ast.alias(name, asname):
                word = asname or name.partition(".")[0]
                self.words.add(word)
                self._names[scope].bound[word].append(Binding(node))
            case ast.Global(names) | ast.Nonlocal(names):
                self._names[scope].elsewhere.update(names)
            case ast.ExceptHandler(name=str() as name):
                self.words.add(name)
                self._names[scope].bound[name].append(Binding(node))
            case ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name):
                self.words.add(name)
                self._names[scope].bound[name].append(Binding(node))

    def _bind_name(self, node: ast.Name, scope: ast.AST) -> None:
        parent = self.parent[node]
        if isinstance(parent, ast.NamedExpr):
            while isinstance(scope, COMPREHENSIONS):
                scope = self.scope[scope]
        value = annotation = None
        match parent:
            case ast.Assign([ast.Name()], found):
                value = found
            case ast.AnnAssign(ast.Name(), marked, found):
                value, annotation = found, marked
        self._names[scope].bound[node.id].append(Binding(parent, value, annotation))

    # Where things are

    def of(self, *kinds: type[Any]) -> Iterator[Any]:
        """All nodes of these types, in the order of the text for each type."""
        for kind in kinds:
            yield from self._of.get(kind, ())

    def up(self, node: ast.AST) -> Iterator[ast.AST]:
        """The ancestors of a node, innermost first."""
        while (above := self.parent.get(node)) is not None:
            yield above
            node = above

    def loops(self, node: ast.AST) -> list[Loop]:
        """Loop statements of the same function that run a node repeatedly, innermost first."""
        found: list[Loop] = []
        above = self.around[node]
        while above is not None:
            if isinstance(above, LOOPS):
                found.append(above)
            above = self.around[above]
        return found

    def repeated(self, node: ast.AST) -> bool:
        """Whether a loop or comprehension of the same function runs the node repeatedly."""
        return self.around[node] is not None

    def statement(self, node: ast.AST) -> ast.stmt:
        """The statement that a node is part of."""
        while not isinstance(node, ast.stmt):
            node = self.parent[node]
        return node

    def block(self, statement: ast.stmt) -> list[ast.stmt]:
        """The statements that a statement stands among."""
        owner, name, _ = self.place[statement]
        return cast("list[ast.stmt]", getattr(owner, name))

    def following(self, statement: ast.stmt) -> list[ast.stmt]:
        """The statements after one, in its block."""
        return self.block(statement)[self.place[statement][2] + 1 :]

    def preceding(self, statement: ast.stmt) -> ast.stmt | None:
        """The statement just before one, in its block."""
        index = self.place[statement][2]
        return self.block(statement)[index - 1] if index else None

    def function(self, node: ast.AST) -> Function | ast.Module | ast.ClassDef:
        """The function, class or module that a node is in, past lambdas and comprehensions."""
        scope = self.scope[node]
        while isinstance(scope, (ast.Lambda, *COMPREHENSIONS)):
            scope = self.scope[scope]
        return cast("Function | ast.Module | ast.ClassDef", scope)

    # Names

    def home(self, name: str, scope: ast.AST) -> ast.AST | None:
        """The scope that binds a name as it is seen from a scope; None for builtins and preambles."""
        first = True
        while True:
            names = self._names.get(scope)
            hidden = isinstance(scope, ast.ClassDef) and not first
            if names and not hidden and name in names.bound and name not in names.elsewhere:
                return scope
            if scope is self.tree:
                return scope if names and name in names.bound else None
            scope, first = self.scope[scope], False

    def bindings(self, name: str, scope: ast.AST) -> list[Binding]:
        """All places where a name of a scope gets a value, those in inner functions left out."""
        names = self._names.get(scope)
        return names.bound.get(name, []) if names else []

    def bound(self, scope: ast.AST) -> list[str]:
        """The names that a scope binds, sorted."""
        names = self._names.get(scope)
        return sorted(set(names.bound) - names.elsewhere) if names else []

    def shared(self, name: str) -> bool:
        """Whether a name is declared global or nonlocal anywhere."""
        return any(name in names.elsewhere for names in self._names.values())

    def uses(self, name: str, scope: ast.AST) -> list[ast.Name]:
        """The nodes that mean a scope's name, in the order of the text; inner functions included."""
        if self._uses is None:
            self._uses = defaultdict(list)
            for node in self.of(ast.Name):
                start = self.scope[node]
                while isinstance(self.parent[node], ast.NamedExpr) and isinstance(start, COMPREHENSIONS):
                    start = self.scope[start]
                if (home := self.home(node.id, start)) is not None:
                    self._uses[home, node.id].append(node)
        return self._uses.get((scope, name), [])

    def only(self, name: str, scope: ast.AST) -> ast.expr | None:
        """The value of a name that is assigned once, by a plain assignment."""
        found = self.bindings(name, scope)
        return found[0].value if len(found) == 1 and not self.shared(name) else None

    def builtin(self, name: str) -> bool:
        """Whether a name is bound nowhere in the text."""
        return not any(name in names.bound for names in self._names.values())

    def fresh(self, *wanted: str) -> str:
        """The first of these names that the text does not use, or the last with a number."""
        for name in wanted:
            if name not in self.words:
                return name
        number = 2
        while f"{wanted[-1]}{number}" in self.words:
            number += 1
        return f"{wanted[-1]}{number}"

    def pick(self, *wanted: str) -> str:
        """One of these names, by chance that the text decides, or the next that it does not use."""
        turn = zlib.crc32(self.text.encode("utf-8", "surrogatepass")) % len(wanted)
        return self.fresh(*wanted[turn:], *wanted[:turn])

    def library(self, name: str) -> tuple[ast.expr, tuple[ast.stmt, ...]]:
        """How the text may call a library name, and the import that it still needs."""
        module = LIBRARY[name]
        for alias in self.of(ast.alias):
            holder = self.parent[alias]
            if isinstance(holder, ast.ImportFrom) and holder.module == module and alias.name in (name, "*"):
                return ast.Name(alias.asname or name, ast.Load()), ()
            if isinstance(holder, ast.Import) and alias.name == module and self.scope[holder] is self.tree:
                return ast.Attribute(ast.Name(alias.asname or module, ast.Load()), name, ast.Load()), ()
        needed = ast.ImportFrom(module, [ast.alias(name, None)], 0)
        plain: ast.expr = ast.Name(name, ast.Load())
        # A name that is read but never bound comes from a preamble.
        given = name in self.words and self.builtin(name)
        return plain, () if given else (needed,)

    def is_library(self, node: ast.AST, name: str) -> bool:
        """Whether an expression is a library name, plain or through its module."""
        match node:
            case ast.Name(found):
                return found == name
            case ast.Attribute(ast.Name(module), found):
                return found == name and module == LIBRARY.get(name)
        return False

    # Types, as far as the text tells them

    def kind(self, node: ast.expr) -> str:
        """`list`, `set`, `dict`, `deque`, `str`, `int`, …: the type of a value, or nothing."""
        match node:
            case ast.Name(name):
                return self._kind_of_name(name, self.home(name, self.scope[node]))
            case ast.List() | ast.ListComp():
                return "list"
            case ast.Set() | ast.SetComp():
                return "set"
            case ast.Dict() | ast.DictComp():
                return "dict"
            case ast.Constant(value):
                return type(value).__name__
            case ast.JoinedStr():
                return "str"
            case ast.Tuple():
                return "tuple"
            case ast.Compare() | ast.UnaryOp(ast.Not()):
                return "bool"
            case ast.Call(function):
                return self._kind_of_call(function)
            case ast.UnaryOp(_, operand):
                return self.kind(operand)
            case ast.BinOp(left, ast.Mult(), right):
                kinds = {self.kind(left), self.kind(right)}
                return next((kind for kind in ("list", "str") if kind in kinds), _number(kinds))
            case ast.BinOp(left, ast.Add() | ast.BitOr(), right):
                return self.kind(left) or self.kind(right)
            case ast.BinOp(left, ast.Sub() | ast.FloorDiv() | ast.Mod(), right):
                return _number({self.kind(left), self.kind(right)})
            case ast.Subscript(value, ast.Slice()):
                return self.kind(value)
        return ""

    def _kind_of_call(self, function: ast.expr) -> str:
        match function:
            case ast.Name(name) | ast.Attribute(ast.Name(_), name) if name in _RESULTS:
                return _RESULTS[name]
            case ast.Attribute(_, name):
                return _METHOD_RESULTS.get(name, "")
        return ""

    def _kind_of_name(self, name: str, scope: ast.AST | None) -> str:
        if scope is None:
            return ""
        if (scope, name) not in self._kinds:
            self._kinds[scope, name] = ""  # for values that ask in a circle
            kinds = {self._kind_of_binding(each) for each in self._telling(name, scope)}
            self._kinds[scope, name] = kinds.pop() if len(kinds) == 1 else ""
        return self._kinds[scope, name]

    def _telling(self, name: str, scope: ast.AST) -> Iterator[Binding]:
        """Bindings of a name but for those that make its value from its last one, which keep the type."""
        for binding in self.bindings(name, scope):
            again = binding.value is not None and name in self.reads(binding.value)
            if not again and not isinstance(binding.node, ast.AugAssign):
                yield binding

    def _kind_of_binding(self, binding: Binding) -> str:
        if binding.annotation is not None:
            return _annotated(binding.annotation)
        match binding.node:
            case ast.For(ast.Name(), ast.Call(ast.Name("range"))):
                return "int"
            case ast.comprehension(ast.Name(), ast.Call(ast.Name("range"))):
                return "int"
        return self.kind(binding.value) if binding.value is not None else ""

    # What happens in a piece of code

    def reads(self, node: ast.AST) -> frozenset[str]:
        """The names that a piece of code reads."""
        if node not in self._read:
            self._read[node] = frozenset(
                part.id
                for part in ast.walk(node)
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)
            )
        return self._read[node]

    def touches(self, node: ast.AST) -> frozenset[str]:
        """The names that a piece of code binds, or whose values it may change in place."""
        if node not in self._touched:
            self._touched[node] = frozenset(self._touches(node))
        return self._touched[node]

    def _touches(self, node: ast.AST) -> Iterator[str]:
        for part in ast.walk(node):
            match part:
                case ast.Name(name, ast.Store() | ast.Del()):
                    yield name
                case ast.Subscript(ctx=ast.Store() | ast.Del()) | ast.Attribute(ctx=ast.Store() | ast.Del()):
                    yield from _root(part)
                case ast.Call(ast.Attribute(owner, method), arguments) if method not in _QUIET_METHODS:
                    yield from _root(owner)
                    yield from self._handed(arguments if method not in _CHANGING_METHODS else [])
                case ast.Call(ast.Name(name), arguments) if name not in _QUIET_CALLS:
                    yield from self._handed(arguments[:1] if name.startswith("heap") else arguments)
                case ast.FunctionDef(name) | ast.ClassDef(name):
                    yield name

    def _handed(self, arguments: list[ast.expr]) -> Iterator[str]:
        """Names that a call is given whole, so that it may change what they hold."""
        for each in arguments:
            if isinstance(each, ast.Name) and self.kind(each) not in _FIXED_KINDS:
                yield each.id

    def touched_by(self, nodes: Iterable[ast.AST]) -> frozenset[str]:
        """The same for several pieces."""
        return frozenset().union(*(self.touches(node) for node in nodes))

    def pure(self, node: ast.AST) -> bool:
        """Whether evaluating an expression changes nothing, as far as names of calls tell."""
        return all(_pure_part(part) for part in ast.walk(node))

    def simple(self, node: ast.AST) -> bool:
        """A name or a constant: free to write twice."""
        return isinstance(node, ast.Name | ast.Constant) or (
            isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant)
        )

    def invariant(self, node: ast.expr, loop: ast.AST) -> bool:
        """Whether a pure expression has the same value in every round of a loop."""
        return self.pure(node) and not self.reads(node) & self.touches(loop)

    # Writing

    def after(self, change: Change) -> str | None:
        """The program with a change; None if it cannot be written, or is what it was."""
        try:
            text = ast.unparse(self._rebuilt(change))
            with _quiet():
                compile(text, "<edit>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
        return text if text != self.text else None

    def _rebuilt(self, change: Change) -> ast.Module:
        dirty = {above for node in change.swaps for above in (node, *self.up(node))}
        rebuild = _Rebuild(change.swaps, dirty, self.parent, self.shadowed)
        body: list[ast.stmt] = rebuild.copy(self.tree).body
        head = _head(body)
        return ast.Module([*body[:head], *map(rebuild.copy, change.top), *body[head:]], [])


def moved(node: Any) -> Any:
    """A node for another place of the program: what takes its own place does not take this one."""
    return type(node)(**dict(ast.iter_fields(node)))


class _Rebuild:
    """Copies what a change touches and shares the rest."""

    def __init__(
        self, swaps: Swaps, dirty: set[ast.AST], known: dict[ast.AST, ast.AST], shadowed: frozenset[str]
    ) -> None:
        self.swaps, self.dirty, self.known, self.shadowed = swaps, dirty, known, shadowed
        self.open: set[ast.AST] = set()
        """Nodes being swapped: inside its own replacement a node stands for itself."""

    def copy(self, node: Any) -> Any:
        if node in self.known and node not in self.dirty:
            return node
        if isinstance(node, ast.Name) and node.id in self.shadowed and node not in self.known:
            raise ValueError(f"{node.id} is not the builtin here")
        fields: dict[str, Any] = {}
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                made = [each for item in value for each in self.turned(item)]
                fields[name] = made or ([ast.Pass()] if value and name == "body" else [])
            else:
                fields[name] = self.turned(value)[0] if isinstance(value, ast.AST) else value
        made = type(node)(**fields)
        if isinstance(made, ast.stmt):
            made.lineno = 0  # `unparse` asks for it, and makes nothing of it
        return made

    def turned(self, node: Any) -> list[Any]:
        if not isinstance(node, ast.AST):
            return [node]
        if node not in self.swaps or node in self.open:
            return [self.copy(node)]
        made = self.swaps[node]
        self.open.add(node)
        if isinstance(made, list):
            found = [each for item in made for each in self.turned(item)]
        else:
            found = self.turned(made)
        self.open.discard(node)
        return found


def _root(node: ast.AST) -> Iterator[str]:
    """The name at the root of `a.b[c].d`."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id


def _pure_part(node: ast.AST) -> bool:
    match node:
        case ast.Call(ast.Name(name)):
            return name in PURE_CALLS
        case ast.Call(ast.Attribute(_, name)):
            return name in PURE_METHODS or name in PURE_CALLS
        case ast.Call() | ast.Yield() | ast.YieldFrom() | ast.Await() | ast.NamedExpr():
            return False
    return True


def _number(kinds: set[str]) -> str:
    return kinds.pop() if len(kinds) == 1 and kinds <= {"int", "float"} else ""


def _annotated(node: ast.expr) -> str:
    match node:
        case ast.Subscript(value):
            return _annotated(value)
        case ast.Name(name) | ast.Attribute(_, name):
            return name.lower()
    return ""


_RESULTS = {
    **{name: name for name in ("list", "set", "dict", "tuple", "str", "int", "float", "bool", "deque")},
    "sorted": "list",
    "len": "int",
    "ord": "int",
    "chr": "str",
    "bin": "str",
    "input": "str",
    "defaultdict": "defaultdict",
    "Counter": "counter",
    "OrderedDict": "dict",
    "isqrt": "int",
    "gcd": "int",
}
_METHOD_RESULTS = {
    **dict.fromkeys(("join", "strip", "lower", "upper", "replace", "lstrip", "rstrip", "readline"), "str"),
    "split": "list",
    "splitlines": "list",
    "count": "int",
    "find": "int",
    "bit_length": "int",
}


def _head(body: list[ast.stmt]) -> int:
    """Where imports may be put: after the docstring and the `__future__` imports."""
    index = 0
    for statement in body:
        match statement:
            case ast.Expr(ast.Constant(str())) | ast.ImportFrom("__future__"):
                index += 1
            case _:
                break
    return index
