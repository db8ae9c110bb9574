"""Efficiency edits of what each round of a loop computes, and of where loops stop."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ci_rlm.training.edits.edit import Edit, edit
from ci_rlm.training.edits.follow import before_loop, called, held_names
from ci_rlm.training.edits.syntax import LOOPS, Change, Code, Swaps, moved


@edit("costlier", inverse="hoist_assignment", weight=2)
def sink_assignment(code: Code) -> Iterator[Change]:
    """An assignment before a loop is made anew in each round."""
    for statement in code.of(ast.Assign):
        loop = _next_loop(code, statement)
        match statement:
            case ast.Assign([ast.Name(name)], value) if loop is not None and not code.simple(value):
                steady = code.invariant(value, loop) and name not in code.touches(loop) | code.reads(value)
                if steady and name in code.reads(loop) and not _in_header(code, name, loop):
                    yield Change({statement: [], loop.body[0]: [moved(statement), loop.body[0]]})


def _next_loop(code: Code, statement: ast.stmt) -> ast.For | ast.While | None:
    """The first loop that follows, with nothing but assignments between."""
    for after in code.following(statement):
        if isinstance(after, ast.For | ast.While):
            return after
        if not isinstance(after, ast.Assign) or code.touches(after) & code.reads(statement):
            return None
        if code.touches(statement) & (code.reads(after) | code.touches(after)):
            return None
    return None


def _in_header(code: Code, name: str, loop: ast.For | ast.While) -> bool:
    """Whether a loop's head, or what follows the loop, reads a name."""
    head = loop.iter if isinstance(loop, ast.For) else loop.test
    return name in code.reads(head) or any(name in code.reads(each) for each in code.following(loop))


@edit("cheaper", inverse="sink_assignment", weight=2)
def hoist_assignment(code: Code) -> Iterator[Change]:
    """The same value, assigned in each round of a loop, is assigned once before it."""
    for statement in code.of(ast.Assign):
        loops = code.loops(statement)
        if not loops or code.parent[statement] is not loops[0]:
            continue
        match statement:
            case ast.Assign([ast.Name(name)], value) if code.invariant(value, loops[0]):
                others = [each for each in ast.walk(loops[0]) if each is not statement.targets[0]]
                again = any(
                    isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for n in others
                )
                if not again and name not in _mutated(code, loops[0], statement) and not code.simple(value):
                    yield Change({loops[0]: [moved(statement), loops[0]], statement: []})


def _mutated(code: Code, loop: ast.AST, but: ast.stmt) -> frozenset[str]:
    """Names that a loop touches otherwise than by one statement of its body."""
    assert isinstance(loop, LOOPS)
    return code.touched_by(each for each in loop.body if each is not but)


@edit("cheaper", inverse="recompute_invariant", weight=2)
def hoist_invariant(code: Code) -> Iterator[Change]:
    """A call with the same answer in each round is made once, before the loop."""
    for call in code.of(ast.Call):
        if not code.repeated(call) or not code.reads(call) or not code.pure(call):
            continue
        where = before_loop(code, call)
        if where is None or called(call) in (
            "range",
            "zip",
            "enumerate",
            "reversed",
            "iter",
            "map",
            "filter",
        ):
            continue
        if (
            called(call) in ("set", "list", "dict", "deque", "defaultdict", "Counter", "copy")
            and not call.args
        ):
            continue
        name = code.fresh(*_name_for(call))
        value = ast.Assign([ast.Name(name, ast.Store())], moved(call))
        yield Change({where: [value, where], call: ast.Name(name, ast.Load())})


def _name_for(call: ast.Call) -> tuple[str, ...]:
    """Names that a person might give the result of a call."""
    by_call = {
        "len": ("size", "length", "count"), "max": ("highest", "top"), "min": ("lowest", "bottom"),
        "sum": ("total", "whole"), "sorted": ("ordered", "in_order"), "set": ("lookup", "members"),
    }  # fmt: skip
    match call.args:
        case [ast.Name(inner)] if called(call) == "len":
            return (f"{inner}_len", *by_call["len"])
    return (*by_call.get(called(call), ()), "value", "fixed")


@edit("costlier", inverse="hoist_invariant", weight=2)
def recompute_invariant(code: Code) -> Iterator[Change]:
    """`n = len(xs)` is left out, and `len(xs)` stands in the loop."""
    for target, value, uses in held_names(code):
        if not any(code.repeated(name) for name in uses) or not any(called(part) for part in ast.walk(value)):
            continue
        statement = code.statement(target)
        if not code.pure(value) or called(value) in (
            "set",
            "list",
            "dict",
            "deque",
            "defaultdict",
            "Counter",
        ):
            continue
        fixed = not code.reads(value) & _touched_later(code, statement)
        if fixed and target.id not in _changed_in_place(code, statement) and _sees(code, target, value, uses):
            swaps: Swaps = dict.fromkeys(uses, value)
            yield Change({statement: [], **swaps})


def _touched_later(code: Code, statement: ast.stmt) -> frozenset[str]:
    loops = code.loops(statement)
    return code.touched_by([*code.following(statement), *(each for each in loops)])


def _changed_in_place(code: Code, statement: ast.stmt) -> frozenset[str]:
    return code.touched_by(code.following(statement))


def _sees(code: Code, target: ast.Name, value: ast.expr, uses: list[ast.Name]) -> bool:
    """Whether each use sees the names that the value reads as the assignment does."""
    home = code.scope[target]
    return all(
        code.home(word, code.scope[name]) is code.home(word, home)
        for name in uses
        for word in code.reads(value)
    )


@edit("costlier", inverse="sort_once")
def sort_each_round(code: Code) -> Iterator[Change]:
    """A list sorted before a loop is sorted in each round as well."""
    for statement in code.of(ast.Expr, ast.Assign):
        name = _sorted_name(statement)
        if not name:
            continue
        loop = next(
            (each for each in code.following(statement) if isinstance(each, ast.For | ast.While)), None
        )
        if loop is None or name in code.touches(loop) or name not in code.reads(loop):
            continue
        if not (isinstance(loop, ast.For) and name in code.reads(loop.iter)):
            yield Change({loop.body[0]: [moved(statement), loop.body[0]]})


def _sorted_name(statement: ast.stmt) -> str:
    match statement:
        case ast.Expr(ast.Call(ast.Attribute(ast.Name(name), "sort"), [])):
            return name
        case ast.Assign([ast.Name(name)], ast.Call(ast.Name("sorted"), [ast.Name(again)])) if name == again:
            return name
    return ""


@edit("cheaper", inverse="sort_each_round")
def sort_once(code: Code) -> Iterator[Change]:
    """A list that only its sorting changes is sorted before the loop, not in it."""
    for statement in code.of(ast.Expr, ast.Assign):
        name, loops = _sorted_name(statement), code.loops(statement)
        if (
            name
            and loops
            and code.parent[statement] is loops[0]
            and name not in _mutated(code, loops[0], statement)
        ):
            before = code.preceding(loops[0])
            if before is not None and _sorted_name(before) == name:
                yield Change({statement: []})
            else:
                yield Change({loops[0]: [moved(statement), loops[0]], statement: []})


@edit("cheaper", inverse="call_through_attribute")
def bind_method(code: Code) -> Iterator[Change]:
    """`xs.append` in a loop is looked up once, before it."""
    for call in code.of(ast.Call):
        match call:
            case ast.Call(ast.Attribute(ast.Name(owner) as name, method) as function) if code.loops(call):
                loop = code.loops(call)[-1]
                rebound = any(
                    isinstance(n, ast.Name) and n.id == owner and isinstance(n.ctx, ast.Store)
                    for n in ast.walk(loop)
                )
                if not rebound and method in ("append", "add", "get", "popleft", "extend", "appendleft"):
                    bound = code.fresh(f"{owner}_{method}", f"{method}_{owner}")
                    value = ast.Assign([ast.Name(bound, ast.Store())], moved(function))
                    yield Change({loop: [value, loop], **_all_of(code, name, method, loop, bound)})


def _all_of(code: Code, name: ast.Name, method: str, loop: ast.AST, bound: str) -> Swaps:
    return {
        node: ast.Name(bound, ast.Load())
        for node in ast.walk(loop)
        if isinstance(node, ast.Attribute)
        and node.attr == method
        and isinstance(node.value, ast.Name)
        and node.value.id == name.id
        and code.function(node) is code.function(name)
    }


@edit("costlier", inverse="bind_method")
def call_through_attribute(code: Code) -> Iterator[Change]:
    """`push = xs.append` is left out: `xs.append(x)`."""
    for target, value, uses in held_names(code):
        match value:
            case ast.Attribute(ast.Name()):
                if all(isinstance(p := code.parent[name], ast.Call) and p.func is name for name in uses):
                    swaps: Swaps = dict.fromkeys(uses, value)
                    yield Change({code.statement(target): [], **swaps})


@edit("costlier", inverse="add_break")
def drop_break(code: Code) -> Iterator[Change]:
    """`flag = True` and `break` in a loop: the loop goes on to its end."""
    for node in code.of(ast.Break):
        before = code.preceding(node)
        loops = code.loops(node)
        if before is not None and loops and isinstance(loops[0], ast.For) and not loops[0].orelse:
            match before:
                case ast.Assign([ast.Name()], ast.Constant()):
                    yield Change({node: []})


@edit("cheaper", inverse="drop_break")
def add_break(code: Code) -> Iterator[Change]:
    """A loop that does nothing but raise a flag stops at the first."""
    for loop in code.of(ast.For):
        match loop:
            case ast.For(
                _, _, [ast.If(test, [ast.Assign([ast.Name(name)], ast.Constant()) as flag], [])], []
            ):
                if code.pure(test) and name not in code.reads(test):
                    yield Change({flag: [flag, ast.Break()]})


EDITS: tuple[Edit, ...] = (
    sink_assignment,
    hoist_assignment,
    hoist_invariant,
    recompute_invariant,
    sort_each_round,
    sort_once,
    bind_method,
    call_through_attribute,
    drop_break,
    add_break,
)
