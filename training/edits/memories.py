"""Efficiency edits of functions that remember their answers."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ci_rlm.training.edits.edit import Edit, edit
from ci_rlm.training.edits.syntax import FUNCTIONS, Change, Code, Swaps
from ci_rlm.training.edits.templates import call_of, parameters, quote


def _mark(decorator: ast.expr) -> str:
    plain = decorator.func if isinstance(decorator, ast.Call) else decorator
    return plain.id if isinstance(plain, ast.Name) else getattr(plain, "attr", "")


def _remembered(code: Code, function: ast.FunctionDef) -> list[ast.expr]:
    """The decorators that make a function remember its answers."""
    return [mark for mark in function.decorator_list if _mark(mark) in ("cache", "lru_cache")]


def _plain(function: ast.FunctionDef, decorators: list[ast.expr]) -> ast.FunctionDef:
    return ast.FunctionDef(function.name, function.args, function.body, decorators, function.returns)


def _clearings(code: Code, name: str) -> Swaps:
    """`f.cache_clear()` statements, which go with the memory."""
    return {
        statement: []
        for statement in code.of(ast.Expr)
        if isinstance(call := statement.value, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "cache_clear"
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == name
    }


@edit("costlier", inverse="remember_answers", weight=2)
def forget_answers(code: Code) -> Iterator[Change]:
    """A memoised function loses its `cache` or `lru_cache`."""
    for function in code.of(ast.FunctionDef):
        if marks := _remembered(code, function):
            kept = [mark for mark in function.decorator_list if mark not in marks]
            yield Change({function: [_plain(function, kept)], **_clearings(code, function.name)})


@edit("cheaper", inverse="forget_answers", weight=2)
def remember_answers(code: Code) -> Iterator[Change]:
    """A pure function that calls itself more than once gets a `cache`."""
    for function in code.of(ast.FunctionDef):
        if function.decorator_list or not _recursive(code, function) or not _functional(code, function):
            continue
        mark, top = code.library("cache")
        yield Change({function: [_plain(function, [mark])]}, top)


def _own_calls(code: Code, function: ast.FunctionDef) -> list[ast.Call]:
    return [
        call
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == function.name
    ]


def _recursive(code: Code, function: ast.FunctionDef) -> bool:
    calls = _own_calls(code, function)
    return len(calls) > 1 or any(code.repeated(call) for call in calls)


_OUTWARD = (ast.Nonlocal, ast.Global, ast.Yield, ast.YieldFrom)
_UNHASHABLE = ("list", "set", "dict", "deque", "defaultdict", "counter")


def _functional(code: Code, function: ast.FunctionDef) -> bool:
    """Whether a function answers with a value and touches nothing outside itself."""
    arguments = {each.arg for each in function.args.args}
    returns = [part for part in ast.walk(function) if isinstance(part, ast.Return)]
    answers = bool(returns) and all(part.value is not None for part in returns)
    if not arguments or arguments & {"self", "node", "root"} or not answers:
        return False
    if any(
        isinstance(part, ast.Nonlocal | ast.Global | ast.Yield | ast.YieldFrom) for part in ast.walk(function)
    ):
        return False
    own = set(code.bound(function))
    return not (_outer_touches(code, function) - own) and _hashable(code, function)


def _hashable(code: Code, function: ast.FunctionDef) -> bool:
    """Whether no call of a function gives it a list, set or dictionary, as far as shows."""
    home = code.scope[function]
    calls = [code.parent[use] for use in code.uses(function.name, home)]
    given = [each for call in calls if isinstance(call, ast.Call) for each in call.args]
    return not any(
        code.kind(each) in ("list", "set", "dict", "deque", "defaultdict", "counter") for each in given
    )


def _outer_touches(code: Code, function: ast.FunctionDef) -> frozenset[str]:
    names = code.touched_by(function.body)
    callees = {call.func.id for call in _own_calls(code, function) if isinstance(call.func, ast.Name)}
    return names - callees


@edit("costlier")
def remember_by_hand(code: Code) -> Iterator[Change]:
    """`@cache` to a dictionary that the function asks and fills itself."""
    for function in code.of(ast.FunctionDef):
        nested = isinstance(code.function(function), FUNCTIONS)
        if nested and _remembered(code, function) and _plain_parameters(function.args):
            memory = _asking(code, function)
            yield Change({function: memory, **_clearings(code, function.name)})


def _plain_parameters(arguments: ast.arguments) -> bool:
    return not (arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.defaults)


def _asking(code: Code, function: ast.FunctionDef) -> list[ast.stmt]:
    """A dictionary, the function that computes, and the one that asks the dictionary first."""
    names = [each.arg for each in function.args.args]
    inner = code.fresh(f"{function.name}_once", "compute")
    memory, asking = quote(
        "MEMO = {}\ndef F():\n    KEY = K\n    if KEY not in MEMO:\n        MEMO[KEY] = CALL\n"
        "    return MEMO[KEY]",
        MEMO=code.pick("memo", "known", "answers"),
        F=function.name,
        KEY=code.fresh("key", "state"),
        K=ast.Tuple([ast.Name(name, ast.Load()) for name in names], ast.Load()),
        CALL=call_of(inner, names),
    )
    assert isinstance(asking, ast.FunctionDef)
    asking.args = parameters(names)
    computing = ast.FunctionDef(inner, function.args, function.body, [], function.returns)
    return [memory, computing, asking]


@edit("costlier")
def forget_by_hand(code: Code) -> Iterator[Change]:
    """`if key in memo: return memo[key]` at the head of a recursive function is left out."""
    for branch in code.of(ast.If):
        function = code.function(branch)
        match branch:
            case ast.If(
                ast.Compare(asked, [ast.In()], [memo]),
                [ast.Return(ast.Subscript(again, key))],
                [],
            ) if isinstance(function, ast.FunctionDef):
                same = ast.dump(asked) == ast.dump(key) and ast.dump(memo) == ast.dump(again)
                if same and code.parent[branch] is function:
                    yield Change({branch: []})


EDITS: tuple[Edit, ...] = (forget_answers, remember_answers, remember_by_hand, forget_by_hand)
