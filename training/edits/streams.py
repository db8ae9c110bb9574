"""Efficiency edits of what loops run over and reductions read: streams, lists, copies."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ci_rlm.training.edits.edit import Edit, edit
from ci_rlm.training.edits.follow import called
from ci_rlm.training.edits.syntax import COMPREHENSIONS, Change, Code
from ci_rlm.training.edits.templates import quote, quoted

_REDUCERS = frozenset({"sum", "min", "max", "sorted", "set", "tuple", "dict", "frozenset", "join"})


_STREAMS = {"range": "range", "enumerate": "stream", "zip": "stream", "reversed": "stream", "map": "stream",
            "filter": "stream", "combinations": "stream", "permutations": "stream", "product": "stream",
            "items": "view", "keys": "view", "values": "view"}  # fmt: skip


_CONSUMERS = _REDUCERS | {"list", "any", "all", "enumerate", "Counter", "deque", "extend", "reversed"}


def _listed(node: ast.expr) -> ast.expr:
    return quoted("list(X)", X=node)


def _reduced(code: Code, names: frozenset[str]) -> Iterator[tuple[ast.Call, ast.expr]]:
    """Calls of these names with one argument, or of `sum` with a start, and what they consume."""
    for node in code.of(ast.Call):
        name = called(node)
        if name in names - code.shadowed and node.args and (len(node.args) == 1 or name == "sum"):
            yield node, node.args[0]


@edit("costlier", inverse="stream_into_reducer")
def list_into_reducer(code: Code) -> Iterator[Change]:
    """`sum(x for x in xs)` to `sum([x for x in xs])`."""
    for _, only in _reduced(code, _REDUCERS):
        if isinstance(only, ast.GeneratorExp):
            yield Change({only: ast.ListComp(only.elt, only.generators)})


@edit("cheaper", inverse="list_into_reducer")
def stream_into_reducer(code: Code) -> Iterator[Change]:
    """`sum([x for x in xs])` to `sum(x for x in xs)`."""
    for _, only in _reduced(code, _REDUCERS):
        if isinstance(only, ast.ListComp):
            yield Change({only: ast.GeneratorExp(only.elt, only.generators)})


@edit("costlier", inverse="search_a_stream")
def search_a_full_list(code: Code) -> Iterator[Change]:
    """`any(p(x) for x in xs)` to `any([p(x) for x in xs])`: nothing stops it early."""
    for _, only in _reduced(code, frozenset({"any", "all"})):
        if isinstance(only, ast.GeneratorExp):
            yield Change({only: ast.ListComp(only.elt, only.generators)})


@edit("cheaper", inverse="search_a_full_list")
def search_a_stream(code: Code) -> Iterator[Change]:
    """`any([p(x) for x in xs])` to `any(p(x) for x in xs)`."""
    for _, only in _reduced(code, frozenset({"any", "all"})):
        if isinstance(only, ast.ListComp):
            yield Change({only: ast.GeneratorExp(only.elt, only.generators)})


@edit("costlier", inverse="needless_list_dropped", weight=0.5)
def needless_list(code: Code) -> Iterator[Change]:
    """`sorted(xs)` to `sorted(list(xs))`."""
    for call, only in _reduced(code, _CONSUMERS - {"list", "reversed"}):
        other = isinstance(call.func, ast.Attribute) and called(call) not in ("join", "extend", "Counter")
        given = isinstance(only, ast.Name | ast.Attribute | ast.Call)
        if given and called(only) not in ("list", "sorted") and not other:
            yield Change({only: _listed(only)})


@edit("cheaper", inverse="needless_list")
def needless_list_dropped(code: Code) -> Iterator[Change]:
    """`sorted(list(xs))` to `sorted(xs)`."""
    for _, only in _reduced(code, _CONSUMERS - {"reversed"}):
        match only:
            case ast.Call(ast.Name("list"), [kept]):
                yield Change({only: kept})


@edit("costlier", inverse="range_as_it_is")
def range_to_list(code: Code) -> Iterator[Change]:
    """`for i in range(n)` to `for i in list(range(n))`."""
    yield from _materialised(code, "range")


@edit("cheaper", inverse="range_to_list")
def range_as_it_is(code: Code) -> Iterator[Change]:
    """`for i in list(range(n))` to `for i in range(n)`."""
    yield from _streamed(code, "range")


@edit("costlier", inverse="stream_as_it_is")
def stream_to_list(code: Code) -> Iterator[Change]:
    """`for i, x in enumerate(xs)` to `for i, x in list(enumerate(xs))`."""
    yield from _materialised(code, "stream")


@edit("cheaper", inverse="stream_to_list")
def stream_as_it_is(code: Code) -> Iterator[Change]:
    """`for i, x in list(enumerate(xs))` to `for i, x in enumerate(xs)`."""
    yield from _streamed(code, "stream")


@edit("costlier", inverse="view_as_it_is")
def view_to_list(code: Code) -> Iterator[Change]:
    """`for k, v in d.items()` to `for k, v in list(d.items())`."""
    yield from _materialised(code, "view")


@edit("cheaper", inverse="view_to_list")
def view_as_it_is(code: Code) -> Iterator[Change]:
    """`for k, v in list(d.items())` to `for k, v in d.items()`, where the loop leaves `d` alone."""
    yield from _streamed(code, "view")


def _materialised(code: Code, sort: str) -> Iterator[Change]:
    for node in code.of(ast.For, ast.comprehension):
        if _STREAMS.get(called(node.iter)) == sort:
            yield Change({node.iter: _listed(node.iter)})


def _streamed(code: Code, sort: str) -> Iterator[Change]:
    for node in code.of(ast.For, ast.comprehension):
        match node.iter:
            case ast.Call(ast.Name("list" | "tuple"), [ast.Call() as kept]) if (
                _STREAMS.get(called(kept)) == sort
            ):
                if isinstance(node, ast.comprehension) or not code.reads(kept) & code.touched_by(node.body):
                    yield Change({node.iter: kept})


@edit("costlier", inverse="loop_without_copy")
def loop_over_copy(code: Code) -> Iterator[Change]:
    """`for x in xs` to `for x in xs[:]`."""
    for node in code.of(ast.For, ast.comprehension):
        if isinstance(node.iter, ast.Name) and code.kind(node.iter) in ("list", "tuple", ""):
            template = "list(X)" if code.kind(node.iter) == "" else "X[:]"
            yield Change({node.iter: quoted(template, X=node.iter)})


@edit("cheaper", inverse="loop_over_copy")
def loop_without_copy(code: Code) -> Iterator[Change]:
    """`for x in xs[:]`, `list(xs)` or `xs.copy()` to `for x in xs`, where the loop leaves `xs` alone."""
    for node in code.of(ast.For, ast.comprehension):
        match node.iter:
            case (
                ast.Subscript(ast.Name() as kept, ast.Slice(None, None, None))
                | ast.Call(ast.Name("list" | "tuple"), [ast.Name() as kept])
                | ast.Call(ast.Attribute(ast.Name() as kept, "copy"), [])
            ):
                if isinstance(node, ast.comprehension) or kept.id not in code.touched_by(node.body):
                    yield Change({node.iter: kept})


@edit("costlier", inverse="unpack_a_stream", weight=0.7)
def unpack_a_list(code: Code) -> Iterator[Change]:
    """`a, b = map(int, s.split())` to `a, b = list(map(int, s.split()))`."""
    for node in code.of(ast.Assign):
        match node:
            case ast.Assign([ast.Tuple()], ast.Call(ast.Name("map" | "zip")) | ast.GeneratorExp() as value):
                yield Change({value: _listed(value)})


@edit("cheaper", inverse="unpack_a_list")
def unpack_a_stream(code: Code) -> Iterator[Change]:
    """`a, b = list(map(int, s.split()))` or a comprehension to the bare stream."""
    for node in code.of(ast.Assign):
        match node:
            case ast.Assign([ast.Tuple()], ast.Call(ast.Name("list"), [ast.Call() as kept]) as value):
                yield Change({value: kept})
            case ast.Assign([ast.Tuple()], ast.ListComp(elt, generators) as value):
                yield Change({value: ast.GeneratorExp(elt, generators)})


@edit("costlier")
def item_of_copy(code: Code) -> Iterator[Change]:
    """`xs[i]` in a loop to `list(xs)[i]`."""
    for node in code.of(ast.Subscript):
        match node:
            case ast.Subscript(ast.Name() as name, index, ast.Load()) if not isinstance(index, ast.Slice):
                if code.loops(node) and code.kind(name) == "list":
                    yield Change({name: _listed(name)})


@edit("cheaper")
def item_without_copy(code: Code) -> Iterator[Change]:
    """`list(d)[0]` to `next(iter(d))`."""
    for node in code.of(ast.Subscript):
        match node:
            case ast.Subscript(ast.Call(ast.Name("list"), [kept]), ast.Constant(0), ast.Load()):
                yield Change({node: quoted("next(iter(X))", X=kept)})


@edit("costlier")
def drain_a_copy(code: Code) -> Iterator[Change]:
    """`for x in xs` to a copy that is popped at the front until it is empty."""
    for loop in code.of(ast.For):
        if (
            isinstance(loop.iter, ast.Name)
            and not loop.orelse
            and code.kind(loop.iter) in ("list", "tuple", "str")
        ):
            rest = code.fresh(f"{loop.iter.id}_left", "remaining")
            template = "REST = list(X)\nwhile REST:\n    T = REST.pop(0)\n    BODY"
            yield Change({loop: quote(template, REST=rest, X=loop.iter, T=loop.target, BODY=loop.body)})


@edit("costlier")
def copy_in_comprehension(code: Code) -> Iterator[Change]:
    """`[f(x) for x in xs]` to `list([f(x) for x in xs])`."""
    for node in code.of(ast.ListComp):
        parent = code.parent[node]
        if isinstance(parent, ast.Assign | ast.Return) and not isinstance(node.elt, COMPREHENSIONS):
            yield Change({node: _listed(node)})


EDITS: tuple[Edit, ...] = (
    list_into_reducer,
    stream_into_reducer,
    search_a_full_list,
    search_a_stream,
    needless_list,
    needless_list_dropped,
    range_to_list,
    range_as_it_is,
    stream_to_list,
    stream_as_it_is,
    view_to_list,
    view_as_it_is,
    loop_over_copy,
    loop_without_copy,
    unpack_a_list,
    unpack_a_stream,
    item_of_copy,
    item_without_copy,
    drain_a_copy,
    copy_in_comprehension,
)
