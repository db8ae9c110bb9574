"""Efficiency edits of what is searched, counted and looked up: sets, counters, tables of positions, flags."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from ci_rlm.training.edits.edit import Edit, edit
from ci_rlm.training.edits.follow import (
    before_loop,
    held_names,
    is_call,
    is_searched,
    method_call,
    with_method,
)
from ci_rlm.training.edits.syntax import Change, Code, Swaps
from ci_rlm.training.edits.templates import match, parsed, quote, quoted


@edit("costlier", inverse="list_to_set")
def set_to_list(code: Code) -> Iterator[Change]:
    """A set that is added to and asked becomes a list that is searched."""
    for _, value, uses in held_names(code):
        swaps = _as_list(code, uses) if is_call(value, "set") or isinstance(value, ast.Set) else None
        if swaps is not None:
            yield Change({value: _listed(value), **swaps})


def _listed(value: ast.expr) -> ast.expr:
    if isinstance(value, ast.Set):
        return ast.List(value.elts, ast.Load())
    assert isinstance(value, ast.Call)
    return ast.Call(ast.Name("list", ast.Load()), value.args, []) if value.args else ast.List([], ast.Load())


def _as_list(code: Code, uses: list[ast.Name]) -> Swaps | None:
    """The uses of a set as those of a list; None if one has no counterpart."""
    swaps: Swaps = {}
    once = any(_sized(code, name) for name in uses)
    for name in uses:
        match method_call(code, name):
            case None if is_searched(code, name) or _sized(code, name):
                pass
            case "add", call if isinstance(statement := code.parent[call], ast.Expr):
                # Where its length is asked, it may hold nothing twice.
                template = "if X not in S:\n    S.append(X)" if once else "S.append(X)"
                swaps[statement] = quote(template, S=name, X=call.args[0])
            case "remove", _:
                pass
            case _:
                return None
    return swaps


def _sized(code: Code, name: ast.Name) -> bool:
    return is_call(parent, "len") if isinstance(parent := code.parent[name], ast.expr) else False


@edit("cheaper", inverse="set_to_list")
def list_to_set(code: Code) -> Iterator[Change]:
    """A list that is only appended to and searched becomes a set."""
    for _, value, uses in held_names(code):
        if not isinstance(value, ast.List) and not is_call(value, "list"):
            continue
        swaps: Swaps = {}
        asked = False
        for name in uses:
            called = method_call(code, name)
            if called is None:
                asked = asked or is_searched(code, name)
                if not is_searched(code, name):
                    break
            elif called[0] == "append":
                swaps[called[1]] = with_method(called[1], "add")
            elif called[0] != "remove":
                break
        else:
            if asked:
                yield Change({value: _set_of(value), **swaps})


def _set_of(value: ast.expr) -> ast.expr:
    if isinstance(value, ast.List):
        return ast.Set(value.elts) if value.elts else quoted("set()")
    assert isinstance(value, ast.Call)
    return ast.Call(ast.Name("set", ast.Load()), value.args, [])


@edit("costlier", inverse="search_as_it_is")
def search_a_copy(code: Code) -> Iterator[Change]:
    """`x in seen` to `x in list(seen)`."""
    for node in code.of(ast.Compare):
        match node:
            case ast.Compare(_, [ast.In() | ast.NotIn()], [ast.Name() | ast.Attribute() as container]):
                if code.kind(container) != "str":
                    yield Change({container: quoted("list(X)", X=container)})


@edit("cheaper", inverse="search_a_copy")
def search_as_it_is(code: Code) -> Iterator[Change]:
    """`x in list(seen)` to `x in seen`."""
    for node in code.of(ast.Compare):
        match node:
            case ast.Compare(
                _, [ast.In() | ast.NotIn()], [ast.Call(ast.Name("list" | "tuple"), [kept]) as copy]
            ):
                yield Change({copy: kept})


@edit("cheaper", inverse="search_the_list", weight=2)
def search_a_set(code: Code) -> Iterator[Change]:
    """A list searched over and over is made a set before the loop."""
    for node in code.of(ast.Compare):
        match node:
            case ast.Compare(_, [ast.In() | ast.NotIn()], [ast.Name(word) as container]):
                if code.kind(container) == "list" and (where := before_loop(code, container)) is not None:
                    lookup = code.fresh(f"{word}_set", "lookup")
                    made = quote("LOOKUP = set(X)", LOOKUP=lookup, X=ast.Name(word, ast.Load()))
                    yield Change({where: [*made, where], container: ast.Name(lookup, ast.Load())})


@edit("costlier", inverse="search_a_set")
def search_the_list(code: Code) -> Iterator[Change]:
    """`lookup = set(xs)`, only asked, is left out: `x in xs`."""
    for target, value, uses in held_names(code):
        match value:
            case ast.Call(ast.Name("set" | "frozenset"), [ast.Name() as source]) if all(
                is_searched(code, name) for name in uses
            ):
                if code.kind(source) in ("list", "tuple", "str", ""):
                    swaps: Swaps = dict.fromkeys(uses, source)
                    yield Change({code.statement(target): [], **swaps})


@edit("costlier", inverse="literal_as_set")
def literal_as_list(code: Code) -> Iterator[Change]:
    """`x in {1, 2}` to `x in list({1, 2})`: the constant is built for each question."""
    for node in code.of(ast.Compare):
        match node:
            case ast.Compare(_, [ast.In() | ast.NotIn()], [ast.Set(items) as literal]):
                yield Change({literal: quoted("list(X)", X=ast.List(items, ast.Load()))})


@edit("cheaper", inverse="literal_as_list")
def literal_as_set(code: Code) -> Iterator[Change]:
    """`x in [1, 2]` to `x in {1, 2}`."""
    for node in code.of(ast.Compare):
        match node:
            case ast.Compare(_, [ast.In() | ast.NotIn()], [ast.List(items) | ast.Tuple(items) as literal]):
                if items and all(isinstance(item, ast.Constant) for item in items):
                    yield Change({literal: ast.Set(items)})


@edit("cheaper", inverse="count_by_scanning", weight=2)
def count_by_table(code: Code) -> Iterator[Change]:
    """`xs.count(x)` in a loop asks a `Counter` made before it."""
    pattern = parsed("NAME.count(Y)")[0]
    assert isinstance(pattern, ast.Expr)
    for call in code.of(ast.Call):
        found: dict[str, Any] = {}
        if not match(code, pattern.value, call, found) or (
            code.kind(found["NAME"]) == "str" and not _letter(found["Y"])
        ):
            continue
        name = found["NAME"]
        if code.repeated(call) and (where := before_loop(code, name)) is not None:
            counter, top = code.library("Counter")
            table = code.fresh(f"{name.id}_counts", "counts")
            made = quote("TABLE = C(X)", TABLE=table, C=counter, X=ast.Name(name.id, ast.Load()))
            yield Change({where: [*made, where], call: quoted("T[Y]", T=table, Y=found["Y"])}, top)


def _letter(node: ast.expr) -> bool:
    return not isinstance(node, ast.Constant) or (isinstance(node.value, str) and len(node.value) == 1)


@edit("costlier", inverse="count_by_table", weight=2)
def count_by_scanning(code: Code) -> Iterator[Change]:
    """A `Counter` that is only asked is left out: `counts[x]` to `xs.count(x)`."""
    for target, value, uses in held_names(code):
        if not isinstance(value, ast.Call) or not code.is_library(value.func, "Counter"):
            continue
        match value.args:
            case [ast.Name() as source]:
                swaps = _asked(code, uses, "X.count(Y)", source)
                if swaps is not None and not _changed_after(code, source, target):
                    yield Change({code.statement(target): [], **swaps})


@edit("costlier")
def position_by_scanning(code: Code) -> Iterator[Change]:
    """`{x: i for i, x in enumerate(xs)}`, only asked, is left out: `xs.index(x)`."""
    pattern = parsed("{IT: AT for AT, IT in enumerate(NAME)}")[0]
    assert isinstance(pattern, ast.Expr)
    for target, value, uses in held_names(code):
        found: dict[str, Any] = {}
        if match(code, pattern.value, value, found):
            swaps = _asked(code, uses, "X.index(Y)", found["NAME"])
            if swaps is not None and not _changed_after(code, found["NAME"], target):
                yield Change({code.statement(target): [], **swaps})


def _asked(code: Code, uses: list[ast.Name], template: str, source: ast.expr) -> Swaps | None:
    swaps: Swaps = {}
    for name in uses:
        match code.parent[name]:
            case ast.Subscript(_, ast.expr() as key, ast.Load()) as whole if key is not name:
                swaps[whole] = quoted(template, X=source, Y=key)
            case ast.Compare(_, [ast.In() | ast.NotIn()], [container]) if container is name:
                swaps[name] = source
            case _:
                return None
    return swaps


def _changed_after(code: Code, source: ast.Name, target: ast.Name) -> bool:
    """Whether what follows an assignment, in its function, changes what it was made from."""
    statement = code.statement(target)
    around = [statement, *code.loops(target)]
    return any(source.id in code.touched_by(code.following(each)) for each in around)


@edit("cheaper")
def position_by_table(code: Code) -> Iterator[Change]:
    """`xs.index(x)` in a loop asks a dictionary of positions made before it."""
    for call in code.of(ast.Call):
        match call:
            case ast.Call(ast.Attribute(ast.Name(word) as name, "index"), [wanted], []):
                where = before_loop(code, name) if code.repeated(call) else None
                if where is not None and code.kind(name) != "str":
                    table = code.fresh(f"{word}_positions", "positions")
                    template = "TABLE = {IT: AT for AT, IT in reversed(list(enumerate(X)))}"
                    new = {"IT": code.fresh("x", "item"), "AT": code.fresh("i", "at")}
                    made = quote(template, TABLE=table, X=ast.Name(word, ast.Load()), **new)
                    yield Change({where: [*made, where], call: quoted("T[Y]", T=table, Y=wanted)})


@edit("cheaper", inverse="flags_as_list")
def flags_as_bytes(code: Code) -> Iterator[Change]:
    """`[False] * n`, used as flags, to `bytearray(n)`."""
    for _, value, uses in held_names(code):
        match value:
            case ast.BinOp(ast.List([ast.Constant(False)]), ast.Mult(), count) if all(
                _flag(code, name) for name in uses
            ):
                yield Change({value: quoted("bytearray(N)", N=count)})


@edit("costlier", inverse="flags_as_bytes")
def flags_as_list(code: Code) -> Iterator[Change]:
    """`bytearray(n)` to `[False] * n`."""
    for _, value, uses in held_names(code):
        match value:
            case ast.Call(ast.Name("bytearray"), [count]) if all(_flag(code, name) for name in uses):
                yield Change({value: quoted("[False] * N", N=count)})


@edit("costlier")
def flags_as_set(code: Code) -> Iterator[Change]:
    """`[False] * n`, used as flags, to the set of the indexes that are true."""
    for _, value, uses in held_names(code):
        match value:
            case ast.BinOp(ast.List([ast.Constant(False)]), ast.Mult(), _) if all(
                _flag(code, name) for name in uses
            ):
                swaps: Swaps = {}
                for name in uses:
                    _put_flag(code, name, swaps)
                yield Change({value: quoted("set()"), **swaps})


def _flag(code: Code, name: ast.Name) -> bool:
    match code.parent[name]:
        case ast.Subscript(container, index, ctx) as whole if container is name:
            if isinstance(index, ast.Slice):
                return False
            if isinstance(ctx, ast.Load):
                return True
            match code.parent[whole]:
                case ast.Assign([_], ast.Constant(True | False)):
                    return True
    return False


def _put_flag(code: Code, name: ast.Name, swaps: Swaps) -> None:
    whole = code.parent[name]
    assert isinstance(whole, ast.Subscript)
    if isinstance(whole.ctx, ast.Load):
        swaps[whole] = quoted("I in S", I=whole.slice, S=name)
        return
    statement = code.parent[whole]
    assert isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
    method = "add" if statement.value.value else "discard"
    swaps[statement] = quote(f"S.{method}(I)", I=whole.slice, S=name)


EDITS: tuple[Edit, ...] = (
    set_to_list,
    list_to_set,
    search_a_copy,
    search_as_it_is,
    search_a_set,
    search_the_list,
    literal_as_list,
    literal_as_set,
    count_by_table,
    count_by_scanning,
    position_by_scanning,
    position_by_table,
    flags_as_bytes,
    flags_as_list,
    flags_as_set,
)
