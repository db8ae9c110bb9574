"""Neutral edits of assignments, numbers and texts: another way to write the same."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from ci_rlm.training.edits.edit import Edit, both_ways, edit
from ci_rlm.training.edits.syntax import COMPREHENSIONS, Change, Code, Swaps, moved
from ci_rlm.training.edits.templates import quote


def _number(code: Code, name: ast.Name) -> bool:
    return code.kind(name) in ("int", "float")


@edit("neutral", inverse="contract_augmented")
def expand_augmented(code: Code) -> Iterator[Change]:
    """`x += 1` to `x = x + 1`, for numbers."""
    for node in code.of(ast.AugAssign):
        match node:
            case ast.AugAssign(ast.Name(word) as name, op, value):
                if (isinstance(value, ast.Constant) and type(value.value) in (int, float)) or _number(
                    code, name
                ):
                    yield Change(
                        {node: [ast.Assign([name], ast.BinOp(ast.Name(word, ast.Load()), op, value))]}
                    )


@edit("neutral", inverse="expand_augmented")
def contract_augmented(code: Code) -> Iterator[Change]:
    """`x = x + 1` to `x += 1`, for numbers."""
    for node in code.of(ast.Assign):
        match node:
            case ast.Assign([ast.Name(word) as name], ast.BinOp(ast.Name(again), op, value)) if word == again:
                if (isinstance(value, ast.Constant) and type(value.value) in (int, float)) or _number(
                    code, name
                ):
                    yield Change({node: [ast.AugAssign(name, op, value)]})


@edit("neutral")
def operands_swapped(code: Code) -> Iterator[Change]:
    """`i + 1` to `1 + i`."""
    for node in code.of(ast.BinOp):
        match node:
            case ast.BinOp(left, ast.Add() | ast.Mult(), ast.Constant(int())) if not isinstance(
                left, ast.List | ast.Constant
            ):
                yield Change({node: ast.BinOp(node.right, node.op, left)})


@edit("neutral", inverse="pack_assignments")
def unpack_assignment(code: Code) -> Iterator[Change]:
    """`a, b = x, y` to two assignments."""
    for node in code.of(ast.Assign):
        match node:
            case ast.Assign([ast.Tuple(targets)], ast.Tuple(values)) if len(targets) == len(values):
                names = {
                    part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)
                }
                plain = all(isinstance(target, ast.Name) for target in targets)
                if plain and not any(code.reads(value) & names for value in values[1:]):
                    made = [ast.Assign([t], v) for t, v in zip(targets, values, strict=True)]
                    yield Change({node: list(made)})


@edit("neutral", inverse="unpack_assignment")
def pack_assignments(code: Code) -> Iterator[Change]:
    """Two assignments to `a, b = x, y`."""
    for first in code.of(ast.Assign):
        match first, code.following(first)[:1]:
            case ast.Assign([ast.Name() as a], x), [ast.Assign([ast.Name() as b], y) as second]:
                apart = a.id != b.id and a.id not in code.reads(y) and not code.touches(x) | code.touches(y)
                if apart and not isinstance(x, ast.Tuple) and not isinstance(y, ast.Tuple):
                    made = ast.Assign([ast.Tuple([a, b], ast.Store())], ast.Tuple([x, y], ast.Load()))
                    yield Change({first: [made], second: []})


@edit("neutral", inverse="name_result")
def inline_result(code: Code) -> Iterator[Change]:
    """`result = f(x)` and `return result` to `return f(x)`."""
    for first in code.of(ast.Assign):
        following = code.following(first)
        match first, following[:1]:
            case ast.Assign([ast.Name(name)], value), [ast.Return(ast.Name(again)) as last] if name == again:
                yield Change({first: [], last: [ast.Return(value)]})


@edit("neutral", inverse="inline_result", weight=1.5)
def name_result(code: Code) -> Iterator[Change]:
    """`return f(x)` to `result = f(x)` and `return result`."""
    for node in code.of(ast.Return):
        if node.value is not None and not isinstance(node.value, ast.Name | ast.Constant):
            name = code.pick("result", "answer", "res", "output")
            yield Change({node: quote("R = X\nreturn R", R=name, X=node.value)})


@edit("neutral", inverse="inline_variable", weight=1.5)
def name_part(code: Code) -> Iterator[Change]:
    """Part of an expression gets a name in the statement before."""
    for node in code.of(ast.BinOp, ast.Call, ast.Subscript, ast.Compare):
        statement = code.statement(node)
        if isinstance(statement, ast.Assign | ast.Return | ast.AugAssign | ast.Expr) and _nameable(
            code, node, statement
        ):
            name = code.pick(*_words_for(node))
            value = ast.Assign([ast.Name(name, ast.Store())], moved(node))
            yield Change({statement: [value, statement], node: ast.Name(name, ast.Load())})


def _words_for(node: ast.expr) -> tuple[str, ...]:
    match node:
        case ast.Call(ast.Name(name)) | ast.Call(ast.Attribute(_, name)):
            return f"{name}_result", f"{name}_value", "part"
        case ast.Compare():
            return "holds", "ok", "is_so"
        case ast.Subscript():
            return "entry", "item", "current"
    return "term", "value", "part"


def _nameable(code: Code, node: ast.expr, statement: ast.stmt) -> bool:
    """A pure part that is always evaluated, and once, before anything of its statement acts."""
    if not isinstance(getattr(node, "ctx", None), ast.Load | None) or not code.pure(node):
        return False
    if code.parent[node] is statement or (
        not code.pure(statement) and not isinstance(statement, ast.Return | ast.Expr)
    ):
        return False
    lazy = (ast.Lambda, ast.BoolOp, ast.IfExp, *COMPREHENSIONS, ast.JoinedStr, ast.Slice)
    for above in code.up(node):
        if above is statement:
            return _first_acts_later(code, node, statement)
        if isinstance(above, lazy) or (isinstance(above, ast.Compare) and len(above.ops) > 1):
            return False
    return False


def _first_acts_later(code: Code, node: ast.expr, statement: ast.stmt) -> bool:
    acting = [part for part in ast.walk(statement) if isinstance(part, ast.Call) and not code.pure(part)]
    inside = set(ast.walk(node))
    return all(any(part is node for part in ast.walk(each)) for each in acting) and not inside & set(acting)


@edit("neutral", inverse="name_part", weight=1.5)
def inline_variable(code: Code) -> Iterator[Change]:
    """A name used once, in the very next statement, gives way to its value."""
    for first in code.of(ast.Assign):
        match first:
            case ast.Assign([ast.Name() as target], value) if not isinstance(value, ast.Tuple):
                use = _only_use(code, target)
                if use is not None and code.pure(value) and _follows(code, first, use):
                    yield Change({first: [], use: value})


def _only_use(code: Code, target: ast.Name) -> ast.Name | None:
    """The one place that reads a name that is assigned once, in the same scope."""
    home = code.scope[target]
    uses = [use for use in code.uses(target.id, home) if use is not target]
    alone = len(uses) == 1 and len(code.bindings(target.id, home)) == 1 and not code.shared(target.id)
    return uses[0] if alone and code.scope[uses[0]] is home else None


def _follows(code: Code, first: ast.stmt, use: ast.Name) -> bool:
    """Whether a name is used in the very next statement, once each time that it runs."""
    plain = (ast.Assign, ast.AugAssign, ast.Expr, ast.If, ast.Return)
    return any(
        code.statement(use) is second and isinstance(second, plain) and code.around[use] is code.around[first]
        for second in code.following(first)[:1]
    )


@edit("neutral", inverse="pack_chain")
def split_chain(code: Code) -> Iterator[Change]:
    """`x = y = 0` to two assignments."""
    for node in code.of(ast.Assign):
        if len(node.targets) > 1 and isinstance(node.value, ast.Constant | ast.Name):
            yield Change({node: [ast.Assign([target], node.value) for target in node.targets]})


@edit("neutral", inverse="split_chain")
def pack_chain(code: Code) -> Iterator[Change]:
    """Two assignments of the same constant to `x = y = 0`."""
    for first in code.of(ast.Assign):
        match first, code.following(first)[:1]:
            case ast.Assign([ast.Name() as a], ast.Constant(one)), [
                ast.Assign([ast.Name() as b], ast.Constant(two)) as second
            ]:
                if type(one) is type(two) and one == two and a.id != b.id:
                    yield Change({first: [ast.Assign([a, b], first.value)], second: []})


@edit("neutral")
def name_constant(code: Code) -> Iterator[Change]:
    """A number that a function writes out gets a name at its head."""
    for function in code.of(ast.FunctionDef):
        documented = ast.get_docstring(function) is not None and len(function.body) > 1
        start = function.body[1 if documented else 0]
        for value, places in sorted(_numbers(code, function).items()):
            name = code.pick("limit", "base", "bound")
            swaps: Swaps = {node: ast.Name(name, ast.Load()) for node in places}
            yield Change({start: [*quote("C = V", C=name, V=ast.Constant(value)), start], **swaps})


def _numbers(code: Code, function: ast.FunctionDef) -> dict[int, list[ast.Constant]]:
    """The integers of two digits and more that a function's own statements write out, and where."""
    found: dict[int, list[ast.Constant]] = {}
    for node in ast.walk(function):
        match node:
            case ast.Constant(int() as value) if type(value) is int and value > 9:
                if code.function(node) is function and not isinstance(code.parent[node], ast.arguments):
                    found.setdefault(value, []).append(node)
    return found


@edit("neutral", inverse="format_to_fstring")
def fstring_to_format(code: Code) -> Iterator[Change]:
    """`f'{a} {b}'` to `'{} {}'.format(a, b)`."""
    for node in code.of(ast.JoinedStr):
        template, values = "", []
        for part in node.values:
            match part:
                case ast.Constant(str() as text):
                    template += text.replace("{", "{{").replace("}", "}}")
                case ast.FormattedValue(value, -1, None):
                    template += "{}"
                    values.append(value)
                case _:
                    break
        else:
            inner = isinstance(code.parent[node], ast.FormattedValue | ast.JoinedStr)
            if values and not inner and not code.repeated(node):
                made = ast.Attribute(ast.Constant(template), "format", ast.Load())
                yield Change({node: ast.Call(made, list(values), [])})


@edit("neutral", inverse="fstring_to_format")
def format_to_fstring(code: Code) -> Iterator[Change]:
    """`'{} {}'.format(a, b)` to `f'{a} {b}'`."""
    for node in code.of(ast.Call):
        match node:
            case ast.Call(ast.Attribute(ast.Constant(str() as template), "format"), [*values], []) if (
                not code.repeated(node)
            ):
                pieces = template.split("{}")
                if (
                    len(pieces) == len(values) + 1
                    and values
                    and not any("{" in p or "}" in p for p in pieces)
                ):
                    parts: list[ast.expr] = [ast.Constant(pieces[0])] if pieces[0] else []
                    for value, piece in zip(values, pieces[1:], strict=True):
                        parts += [
                            ast.FormattedValue(value, -1, None),
                            *([ast.Constant(piece)] if piece else []),
                        ]
                    yield Change({node: ast.JoinedStr(parts)})


_CONDITIONAL = both_ways(
    "conditional_to_branch",
    "branch_to_conditional",
    ("NAME = X if C else Y", "if C:\n    NAME = X\nelse:\n    NAME = Y"),
    ("return X if C else Y", "if C:\n    return X\nelse:\n    return Y"),
    ("return X if C else Y", "if C:\n    return X\nreturn Y"),
    neutral=True,
)  # fmt: skip


def _once(code: Code, node: ast.AST, found: dict[str, Any]) -> bool:
    """Where nothing repeats it, a call more or less is not felt."""
    return not code.repeated(node)


def _once_sized(code: Code, node: ast.AST, found: dict[str, Any]) -> bool:
    return not code.repeated(node) and _sized(code, node, found)


def _sized(code: Code, node: ast.AST, found: dict[str, Any]) -> bool:
    return isinstance(found["X"], ast.Name) and code.kind(found["X"]) in ("list", "str", "deque")


def _whole(code: Code, node: ast.AST, found: dict[str, Any]) -> bool:
    return isinstance(found["X"], ast.BinOp) or code.kind(found["X"]) == "int"


def _maybe_whole(code: Code, node: ast.AST, found: dict[str, Any]) -> bool:
    return code.kind(found["X"]) in ("int", "")


def _list(code: Code, node: ast.AST, found: dict[str, Any]) -> bool:
    return code.kind(found["X"]) == "list"


def _pure_places(code: Code, node: ast.AST, found: dict[str, Any]) -> bool:
    return code.pure(found["X"]) and code.pure(found["Y"])


SPELLINGS: tuple[Edit, ...] = (
    *both_ways("range_from_zero", "range_without_zero", ("range(X)", "range(0, X)"), neutral=True),
    *both_ways("step_of_one", "step_left_out", ("range(X, Y)", "range(X, Y, 1)"), neutral=True),
    *both_ways("dict_by_name", "dict_by_braces", ("NAME = {}", "NAME = dict()", _once), neutral=True),
    *both_ways("list_by_name", "list_by_brackets", ("NAME = []", "NAME = list()", _once), neutral=True),
    *both_ways("copy_by_method", "copy_by_slice", ("X[:]", "X.copy()", _list), neutral=True),
    *both_ways(
        "empty_by_length", "empty_by_truth",
        ("if not X:\n    BODY", "if len(X) == 0:\n    BODY", _sized),
        ("while X:\n    BODY", "while len(X) > 0:\n    BODY", _sized),
        neutral=True,
    ),
    *both_ways("last_by_length", "last_by_minus", ("X[-1]", "X[len(X) - 1]", _once_sized), neutral=True),
    *both_ways("none_by_equality", "none_by_identity", ("X is None", "X == None"), neutral=True, weight=0.5),
    *both_ways("modulus_by_power", "modulus_by_digits", ("1000000007", "10 ** 9 + 7"), neutral=True),
    *both_ways("infinity_by_text", "infinity_by_name", ("inf", "float('inf')", _once), neutral=True),
    *both_ways("halve_by_shift", "halve_by_division", ("X // 2", "X >> 1", _whole), neutral=True),
    *both_ways("odd_by_bit", "odd_by_remainder", ("X % 2", "X & 1", _maybe_whole), neutral=True),
    *both_ways(
        "swap_by_third", "swap_by_tuple", ("X, Y = Y, X", "IT = X\nX = Y\nY = IT", _pure_places), neutral=True
    ),
)  # fmt: skip


EDITS: tuple[Edit, ...] = (
    expand_augmented,
    contract_augmented,
    operands_swapped,
    unpack_assignment,
    pack_assignments,
    inline_result,
    name_result,
    name_part,
    inline_variable,
    split_chain,
    pack_chain,
    name_constant,
    fstring_to_format,
    format_to_fstring,
    *_CONDITIONAL,
    *SPELLINGS,
)
