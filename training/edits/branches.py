"""Neutral edits of conditions, branches and returns."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ci_rlm.training.edits.edit import Edit, edit
from ci_rlm.training.edits.syntax import LOOPS, Change, Code, moved
from ci_rlm.training.edits.templates import match, parsed, quote

_SWAPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq,
}  # fmt: skip


_NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
}  # fmt: skip


def negated(node: ast.expr) -> ast.expr:
    """The opposite of a condition, without a `not` where that reads better."""
    match node:
        case ast.UnaryOp(ast.Not(), operand):
            return operand
        case ast.Compare(left, [op], right) if type(op) in _NEGATED:
            return ast.Compare(left, [_NEGATED[type(op)]()], right)
    return ast.UnaryOp(ast.Not(), node)


@edit("neutral")
def swap_conjuncts(code: Code) -> Iterator[Change]:
    """`a and b` to `b and a`, for comparisons of names and constants."""
    for node in code.of(ast.BoolOp):
        match node.values:
            case [first, second] if _plain_test(code, first) and _plain_test(code, second):
                yield Change({node: ast.BoolOp(node.op, [second, first])})


def _plain_test(code: Code, node: ast.expr) -> bool:
    match node:
        case ast.Compare(
            left, [ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE() | ast.Eq() | ast.NotEq()], [right]
        ):
            return code.simple(left) and code.simple(right)
    return False


@edit("neutral", inverse="swap_comparison")
def swap_comparison(code: Code) -> Iterator[Change]:
    """`a < b` to `b > a`."""
    for node in code.of(ast.Compare):
        if len(node.ops) == 1 and type(node.ops[0]) in _SWAPPED:
            plain = code.pure(node.left) or code.pure(node.comparators[0])
            if plain and not isinstance(node.comparators[0], ast.Constant):
                yield Change(
                    {node: ast.Compare(node.comparators[0], [_SWAPPED[type(node.ops[0])]()], [node.left])}
                )


@edit("neutral", inverse="invert_branch", weight=1.5)
def invert_branch(code: Code) -> Iterator[Change]:
    """`if c: a else: b` to `if not c: b else: a`."""
    for node in code.of(ast.If):
        if node.orelse and not isinstance(node.orelse[0], ast.If) and not _elif(code, node):
            yield Change({node: [ast.If(negated(node.test), node.orelse, node.body)]})
    for choice in code.of(ast.IfExp):
        yield Change({choice: ast.IfExp(negated(choice.test), choice.orelse, choice.body)})


def _elif(code: Code, node: ast.If) -> bool:
    owner, field, _ = code.place[node]
    return isinstance(owner, ast.If) and field == "orelse" and len(owner.orelse) == 1


@edit("neutral")
def spread_not(code: Code) -> Iterator[Change]:
    """`not (a and b)` to `not a or not b`."""
    for node in code.of(ast.UnaryOp):
        match node:
            case ast.UnaryOp(ast.Not(), ast.BoolOp(op, values)):
                other = ast.Or() if isinstance(op, ast.And) else ast.And()
                yield Change({node: ast.BoolOp(other, [negated(each) for each in values])})


@edit("neutral")
def gather_not(code: Code) -> Iterator[Change]:
    """A condition of two parts to the `not` of their opposites: `a < b or c` to `not (a >= b and not c)`."""
    for node in code.of(ast.If, ast.While):
        match node.test:
            case ast.BoolOp(op, values) as whole:
                other = ast.And() if isinstance(op, ast.Or) else ast.Or()
                inner = ast.BoolOp(other, [negated(each) for each in values])
                yield Change({whole: ast.UnaryOp(ast.Not(), inner)})


@edit("neutral", inverse="not_outside")
def not_inside(code: Code) -> Iterator[Change]:
    """`not a == b` to `a != b`, `not x in s` to `x not in s`."""
    for node in code.of(ast.UnaryOp):
        match node:
            case ast.UnaryOp(ast.Not(), ast.Compare(_, [_]) as inner):
                yield Change({node: negated(inner)})


@edit("neutral", inverse="not_inside")
def not_outside(code: Code) -> Iterator[Change]:
    """`a != b` to `not a == b`, `x not in s` to `not x in s`."""
    for node in code.of(ast.Compare):
        match node:
            case ast.Compare(_, [ast.NotEq() | ast.NotIn() | ast.IsNot()]):
                yield Change({node: ast.UnaryOp(ast.Not(), negated(node))})


@edit("neutral", inverse="join_comparisons")
def split_comparisons(code: Code) -> Iterator[Change]:
    """`a < b < c` to `a < b and b < c`."""
    for node in code.of(ast.Compare):
        match node:
            case ast.Compare(left, [first, second], [middle, right]) if code.simple(middle):
                parts: list[ast.expr] = [
                    ast.Compare(left, [first], [middle]),
                    ast.Compare(middle, [second], [right]),
                ]
                yield Change({node: ast.BoolOp(ast.And(), parts)})


@edit("neutral", inverse="split_comparisons")
def join_comparisons(code: Code) -> Iterator[Change]:
    """`a < b and b < c` to `a < b < c`."""
    for node in code.of(ast.BoolOp):
        match node:
            case ast.BoolOp(ast.And(), [ast.Compare() as one, ast.Compare() as other]) if _linked(one, other):
                made = ast.Compare(one.left, [*one.ops, *other.ops], [*one.comparators, *other.comparators])
                yield Change({node: made})


def _linked(one: ast.Compare, other: ast.Compare) -> bool:
    """Whether two comparisons meet at a name."""
    last = one.comparators[-1]
    return isinstance(last, ast.Name) and isinstance(other.left, ast.Name) and last.id == other.left.id


@edit("neutral", inverse="else_after_return")
def return_without_else(code: Code) -> Iterator[Change]:
    """`if c: return a else: b` to `if c: return a` and `b` after it."""
    for node in code.of(ast.If):
        if node.orelse and _leaves(node.body) and not _elif(code, node):
            yield Change({node: [ast.If(node.test, node.body, []), *node.orelse]})


@edit("neutral", inverse="return_without_else")
def else_after_return(code: Code) -> Iterator[Change]:
    """What follows `if c: return a` goes into its `else`."""
    for node in code.of(ast.If):
        rest = code.following(node)
        if rest and not node.orelse and _leaves(node.body):
            yield Change(
                {
                    node: [ast.If(node.test, node.body, [moved(each) for each in rest])],
                    **{each: [] for each in rest},
                }
            )


def _leaves(body: list[ast.stmt]) -> bool:
    return isinstance(body[-1], ast.Return | ast.Continue | ast.Break | ast.Raise)


@edit("neutral", inverse="continue_to_branch")
def branch_to_continue(code: Code) -> Iterator[Change]:
    """A loop whose body is one `if` skips the other rounds by `continue`."""
    for loop in code.of(*LOOPS):
        match loop.body:
            case [*_, ast.If(test, body, []) as last]:
                yield Change({last: [ast.If(negated(test), [ast.Continue()], []), *body]})


@edit("neutral", inverse="branch_to_continue")
def continue_to_branch(code: Code) -> Iterator[Change]:
    """What follows `if c: continue` goes under the opposite condition."""
    for node in code.of(ast.If):
        match node:
            case ast.If(test, [ast.Continue()], []) if isinstance(code.parent[node], LOOPS):
                rest = code.following(node)
                if rest:
                    yield Change(
                        {
                            node: [ast.If(negated(test), [moved(each) for each in rest], [])],
                            **{each: [] for each in rest},
                        }
                    )


@edit("neutral", inverse="join_conditions")
def split_condition(code: Code) -> Iterator[Change]:
    """`if a and b:` to `if a:` around `if b:`."""
    for node in code.of(ast.If):
        match node:
            case ast.If(ast.BoolOp(ast.And(), [first, *others]), body, []):
                rest = others[0] if len(others) == 1 else ast.BoolOp(ast.And(), others)
                yield Change({node: [ast.If(first, [ast.If(rest, body, [])], [])]})


@edit("neutral", inverse="split_condition")
def join_conditions(code: Code) -> Iterator[Change]:
    """`if a:` around `if b:` alone to `if a and b:`."""
    for node in code.of(ast.If):
        match node:
            case ast.If(first, [ast.If(second, body, [])], []):
                yield Change({node: [ast.If(ast.BoolOp(ast.And(), [first, second]), body, [])]})


@edit("neutral", inverse="break_to_condition")
def condition_to_break(code: Code) -> Iterator[Change]:
    """`while c:` to `while True:` that breaks on the opposite."""
    for loop in code.of(ast.While):
        if not loop.orelse and not isinstance(loop.test, ast.Constant):
            stop = ast.If(negated(loop.test), [ast.Break()], [])
            yield Change({loop: [ast.While(ast.Constant(True), [stop, *loop.body], [])]})


@edit("neutral", inverse="condition_to_break")
def break_to_condition(code: Code) -> Iterator[Change]:
    """`while True:` that breaks at its head to `while` with the opposite."""
    for loop in code.of(ast.While):
        match loop:
            case ast.While(ast.Constant(True | 1), [ast.If(test, [ast.Break()], []), first, *rest], []):
                yield Change({loop: [ast.While(negated(test), [first, *rest], [])]})


@edit("neutral", inverse="unguard_main")
def guard_main(code: Code) -> Iterator[Change]:
    """`main()` at the end of a script to `if __name__ == '__main__': main()`."""
    last = code.tree.body[-1] if code.tree.body else None
    match last:
        case ast.Expr(ast.Call(ast.Name(), [], [])) as call:
            yield Change({call: quote("if __name__ == '__main__':\n    BODY", BODY=[call])})


@edit("neutral", inverse="guard_main")
def unguard_main(code: Code) -> Iterator[Change]:
    """`if __name__ == '__main__':` is left out around what it guards."""
    pattern = parsed("if __name__ == '__main__':\n    BODY")[0]
    for node in code.of(ast.If):
        if match(code, pattern, node, {}):
            yield Change({node: list(node.body)})


EDITS: tuple[Edit, ...] = (
    swap_conjuncts,
    swap_comparison,
    invert_branch,
    spread_not,
    gather_not,
    not_inside,
    not_outside,
    split_comparisons,
    join_comparisons,
    return_without_else,
    else_after_return,
    branch_to_continue,
    continue_to_branch,
    split_condition,
    join_conditions,
    condition_to_break,
    break_to_condition,
    guard_main,
    unguard_main,
)
