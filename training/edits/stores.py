"""Efficiency edits of queues, heaps, dictionaries with defaults and tables of rows."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from ci_rlm.training.edits.edit import Edit, edit
from ci_rlm.training.edits.follow import held_names, method_call, with_method
from ci_rlm.training.edits.syntax import Change, Code, Swaps, moved
from ci_rlm.training.edits.templates import match, parsed, quote, quoted

_DEQUE_METHODS = {
    "popleft": ("pop", (0,)), "appendleft": ("insert", (0,)), "append": ("append", ()), "pop": ("pop", ()),
    "extend": ("extend", ()), "clear": ("clear", ()), "copy": ("copy", ()), "remove": ("remove", ()),
}  # fmt: skip


@edit("costlier", inverse="queue_as_deque", weight=2)
def queue_as_list(code: Code) -> Iterator[Change]:
    """`q = deque(...)`, `q.popleft()` to a list and `q.pop(0)`."""
    for _, value, uses in held_names(code):
        if not isinstance(value, ast.Call) or not code.is_library(value.func, "deque") or value.keywords:
            continue
        swaps: Swaps = {}
        for name in uses:
            called = method_call(code, name)
            if called is not None and called[0] in _DEQUE_METHODS:
                method, first = _DEQUE_METHODS[called[0]]
                swaps[called[1]] = with_method(called[1], method, *(ast.Constant(each) for each in first))
            elif called is not None:
                break
        else:
            yield Change({value: _plain_list(value.args), **swaps})


def _plain_list(arguments: list[ast.expr]) -> ast.expr:
    match arguments:
        case []:
            return ast.List([], ast.Load())
        case [ast.List() as only]:
            return only
    return ast.Call(ast.Name("list", ast.Load()), arguments, [])


@edit("cheaper", inverse="queue_as_list", weight=2)
def queue_as_deque(code: Code) -> Iterator[Change]:
    """A list that is popped at the front becomes a deque."""
    for _, value, uses in held_names(code):
        if code.kind(value) != "list":
            continue
        swaps: Swaps = {}
        for name in uses:
            match method_call(code, name):
                case "pop", ast.Call(args=[ast.Constant(0)]) as call:
                    swaps[call] = quoted("X.popleft()", X=name)
                case "insert", ast.Call(args=[ast.Constant(0), item]) as call:
                    swaps[call] = quoted("X.appendleft(Y)", X=name, Y=item)
                case (("append" | "pop" | "extend" | "clear"), ast.Call(args=[]) | ast.Call(args=[_])):
                    pass
                case (_, _):
                    swaps.clear()
                    break
            if isinstance(parent := code.parent[name], ast.Subscript) and isinstance(parent.slice, ast.Slice):
                swaps.clear()
                break
        if any(isinstance(made, ast.Call) and made.args == [] for made in swaps.values()):
            deque, top = code.library("deque")
            empty = isinstance(value, ast.List) and not value.elts
            yield Change({value: ast.Call(deque, [] if empty else [value], []), **swaps}, top)


@edit("costlier", weight=2)
def heap_by_sorting(code: Code) -> Iterator[Change]:
    """A heap becomes a list that is sorted after each push and popped at the front."""
    for _, _, uses in held_names(code):
        swaps: Swaps = {}
        for name in uses:
            call = code.parent[name]
            if not isinstance(call, ast.Call) or not call.args or call.args[0] is not name:
                continue
            made = _sorted_heap(code, call, name)
            if made is None:
                continue
            key, new = made
            swaps[key] = new
        if any(isinstance(key, ast.Call) for key in swaps):
            yield Change(swaps)


def _sorted_heap(code: Code, call: ast.Call, name: ast.Name) -> tuple[ast.AST, Any] | None:
    if code.is_library(call.func, "heappop"):
        return call, quoted("H.pop(0)", H=name)
    statement = code.parent[call]
    if not isinstance(statement, ast.Expr):
        return None
    if code.is_library(call.func, "heapify"):
        return statement, quote("H.sort()", H=name)
    if code.is_library(call.func, "heappush") and len(call.args) == 2:
        return statement, quote("H.append(X)\nH.sort()", H=name, X=call.args[1])
    return None


@edit("costlier", inverse="default_by_factory")
def default_by_setdefault(code: Code) -> Iterator[Change]:
    """`d = defaultdict(list)`, `d[k].append(v)` to a dict and `setdefault`."""
    for _, value, uses in held_names(code):
        if not isinstance(value, ast.Call) or not code.is_library(value.func, "defaultdict"):
            continue
        match value.args:
            case [ast.Name("list" | "set" | "dict" as made)]:
                swaps = _defaults(code, uses, made)
                if swaps:
                    yield Change({value: ast.Dict([], []), **swaps})


def _defaults(code: Code, uses: list[ast.Name], made: str) -> Swaps:
    empty = {"list": "[]", "set": "set()", "dict": "{}"}[made]
    swaps: Swaps = {}
    for name in uses:
        match code.parent[name]:
            case ast.Subscript(container, key, ast.Load()) as whole if container is name:
                if isinstance(code.parent[whole], ast.Attribute):
                    swaps[whole] = quoted(f"D.setdefault(K, {empty})", D=name, K=key)
                else:
                    swaps[whole] = quoted(f"D.get(K, {empty})", D=name, K=key)
    return swaps


@edit("cheaper", inverse="default_by_setdefault")
def default_by_factory(code: Code) -> Iterator[Change]:
    """`d.setdefault(k, []).append(v)` on a dict to a `defaultdict`."""
    for _, value, uses in held_names(code):
        if not isinstance(value, ast.Dict) or value.keys:
            continue
        swaps: Swaps = {}
        kinds: set[str] = set()
        for name in uses:
            match method_call(code, name):
                case "setdefault" | "get", ast.Call(
                    args=[key, ast.List([]) | ast.Call(ast.Name("set"), [])]
                ) as call:
                    kinds.add("list" if isinstance(call.args[1], ast.List) else "set")
                    swaps[call] = ast.Subscript(name, key, ast.Load())
        if len(kinds) == 1:
            factory, top = code.library("defaultdict")
            yield Change({value: quoted("F(X)", F=factory, X=kinds.pop()), **swaps}, top)


@edit("cheaper")
def table_of_two_rows(code: Code) -> Iterator[Change]:
    """A table whose rows depend on the row before keeps two rows."""
    pattern = parsed("[[CONST] * W for IT in range(N)]")[0]
    assert isinstance(pattern, ast.Expr)
    for _, value, uses in held_names(code):
        found: dict[str, Any] = {}
        if not match(code, pattern.value, value, found) or not code.pure(found["N"]):
            continue
        swaps = _parity(code, uses, found["N"])
        if swaps:
            yield Change({found["N"]: ast.Constant(2), **swaps})


def _parity(code: Code, uses: list[ast.Name], rows: ast.expr) -> Swaps | None:
    """Row indexes modulo two; None where a use is no row, or a row reaches further back than one."""
    swaps: Swaps = {}
    back = False
    for name in uses:
        row = code.parent[name]
        whole = code.parent.get(row)
        if (
            not isinstance(row, ast.Subscript)
            or not isinstance(whole, ast.Subscript)
            or whole.value is not row
        ):
            return None
        match row.slice:
            case ast.UnaryOp(ast.USub(), ast.Constant(1)):
                swaps[row.slice] = quoted("(N - 1) % 2", N=moved(rows))
                continue
            case ast.BinOp(ast.Name(), ast.Sub() | ast.Add(), ast.Constant(1)):
                back = True
            case ast.Name() | ast.Constant(0):
                pass
            case _:
                return None
        if not isinstance(row.slice, ast.Constant):
            swaps[row.slice] = quoted("I % 2", I=row.slice)
    return swaps if back else None


EDITS: tuple[Edit, ...] = (
    queue_as_list,
    queue_as_deque,
    heap_by_sorting,
    default_by_setdefault,
    default_by_factory,
    table_of_two_rows,
)
