"""Efficiency edits of texts put together piece by piece, and of sums over slices."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ci_rlm.training.edits.edit import Edit, edit
from ci_rlm.training.edits.follow import before_loop, held_names
from ci_rlm.training.edits.syntax import Change, Code, Swaps
from ci_rlm.training.edits.templates import quote, quoted


@edit("costlier", inverse="join_once", weight=2)
def concatenate(code: Code) -> Iterator[Change]:
    """Pieces appended to a list and joined become one text that grows piece by piece."""
    for _, value, uses in held_names(code):
        if not isinstance(value, ast.List) or value.elts:
            continue
        swaps: Swaps = {}
        joined = 0
        for name in uses:
            match code.parent[name], code.parent[code.parent[name]]:
                case ast.Attribute(_, "append"), ast.Call(args=[piece]) as call:
                    if not isinstance(statement := code.parent[call], ast.Expr) or not _seen_here(code, name):
                        break
                    swaps[statement] = quote("S += X", S=name, X=piece)
                case ast.Call(ast.Attribute(ast.Constant(""), "join"), [only]) as call, _ if only is name:
                    swaps[call] = name
                    joined += 1
                case _:
                    break
        else:
            if joined and len(swaps) > joined:
                yield Change({value: ast.Constant(""), **swaps})


def _seen_here(code: Code, name: ast.Name) -> bool:
    """Whether a name is bound by the very function that uses it, so that it may be bound again."""
    scope = code.function(name)
    return code.home(name.id, scope) is scope


@edit("cheaper", inverse="concatenate", weight=2)
def join_once(code: Code) -> Iterator[Change]:
    """A text that grows in a loop becomes a list of pieces, joined at the end."""
    for statement in code.of(ast.Assign):
        match statement:
            case ast.Assign([ast.Name(word) as target], ast.Constant("") as empty):
                home = code.scope[target]
                uses = [name for name in code.uses(word, home) if name is not target]
                change = _pieces(code, uses, empty)
                if change is not None:
                    yield change


def _pieces(code: Code, uses: list[ast.Name], empty: ast.Constant) -> Change | None:
    swaps: Swaps = {}
    grown = 0
    for name in uses:
        parent = code.parent[name]
        match parent:
            case ast.AugAssign(target, ast.Add(), piece) if target is name:
                swaps[parent] = quote("S.append(X)", S=ast.Name(name.id, ast.Load()), X=piece)
                grown += bool(code.loops(parent))
            case _ if isinstance(name.ctx, ast.Load) and not code.repeated(name):
                swaps[name] = quoted("''.join(S)", S=name)
            case _:
                return None
    return Change({empty: ast.List([], ast.Load()), **swaps}) if grown else None


@edit("cheaper", inverse="sum_each_slice", weight=2)
def prefix_sums(code: Code) -> Iterator[Change]:
    """`sum(xs[i:j])` in a loop becomes a difference of prefix sums made before it."""
    for call in code.of(ast.Call):
        match call:
            case ast.Call(
                ast.Name("sum"), [ast.Subscript(ast.Name(word) as name, ast.Slice(low, high, None))], []
            ):
                where = before_loop(code, name) if code.repeated(call) else None
                if where is not None:
                    running, top = code.library("accumulate")
                    table = code.fresh(f"{word}_prefix", "prefix")
                    made = quote(
                        "P = list(A(X, initial=0))", P=table, A=running, X=ast.Name(word, ast.Load())
                    )
                    ends = {
                        "P": table,
                        "L": low or ast.Constant(0),
                        "H": high or quoted("len(X)", X=ast.Name(word, ast.Load())),
                    }
                    yield Change({where: [*made, where], call: quoted("P[H] - P[L]", **ends)}, top)


@edit("costlier", inverse="prefix_sums", weight=2)
def sum_each_slice(code: Code) -> Iterator[Change]:
    """A difference of prefix sums becomes the sum of the slice."""
    for target, value, uses in held_names(code):
        match value:
            case ast.Call(
                ast.Name("list"), [ast.Call(running, [ast.Name() as source], [ast.keyword("initial")])]
            ):
                if code.is_library(running, "accumulate"):
                    swaps = _differences(code, uses, source)
                    if swaps:
                        yield Change({code.statement(target): [], **swaps})


def _differences(code: Code, uses: list[ast.Name], source: ast.Name) -> Swaps | None:
    swaps: Swaps = {}
    for name in uses:
        item = code.parent[name]
        match code.parent.get(item):
            case ast.BinOp(
                ast.Subscript(ast.Name(one), high), ast.Sub(), ast.Subscript(ast.Name(two), low)
            ) as whole:
                if one != name.id or two != name.id:
                    return None
                swaps[whole] = quoted("sum(X[L:H])", X=source, L=low, H=high)
            case _:
                return None
    return swaps


EDITS: tuple[Edit, ...] = (concatenate, join_once, prefix_sums, sum_each_slice)
