"""Expressions moved into functions and back: costlier in a loop, neutral outside."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from ci_rlm.training.edits.edit import Edit, edit
from ci_rlm.training.edits.follow import called
from ci_rlm.training.edits.syntax import FUNCTIONS, Change, Code, Function, Swaps, moved
from ci_rlm.training.edits.templates import call_of, parameters, quote, quoted


@edit("costlier", inverse="inline_in_loop")
def extract_in_loop(code: Code) -> Iterator[Change]:
    """An expression computed in a loop moves into a function that is called each round."""
    for node in code.of(ast.BinOp, ast.Compare):
        if not code.loops(node) or len(list(ast.walk(node))) < 8 or not _extractable(code, node):
            continue
        if not isinstance(code.parent[node], ast.BinOp | ast.Compare):
            change = extracted(code, node)
            if change is not None:
                yield change


def _extractable(code: Code, node: ast.expr) -> bool:
    return not any(
        isinstance(part, ast.Yield | ast.YieldFrom | ast.Await | ast.NamedExpr | ast.Starred)
        for part in ast.walk(node)
    )


def extracted(code: Code, node: ast.expr) -> Change | None:
    """An expression moved to a function of the module that takes the names it reads."""
    if any(name.startswith("__") for name in code.reads(node)):
        return None  # names of a class are mangled
    free = [part for part in _names(node) if not _bound_inside(code, part, node)]
    given = sorted({name.id for name in free if not _module_wide(code, name)})
    helper = code.pick(*_helper_names(node))
    (function,) = quote("def F():\n    return X", F=helper, X=moved(node))
    assert isinstance(function, ast.FunctionDef)
    function.args = parameters(given)
    outermost = outermost_statement(code, node)
    return Change({outermost: [function, outermost], node: call_of(helper, given)})


def _names(node: ast.AST) -> list[ast.Name]:
    return [part for part in ast.walk(node) if isinstance(part, ast.Name)]


def outermost_statement(code: Code, node: ast.AST) -> ast.stmt:
    """The statement of the module that a node is part of."""
    *_, last = [above for above in (node, *code.up(node)) if isinstance(above, ast.stmt)]
    return last


def _module_wide(code: Code, name: ast.Name) -> bool:
    """Whether a name means the same everywhere: a builtin, an import or a definition of the module."""
    home = code.home(name.id, code.scope[name])
    if home is not code.tree:
        return home is None
    fixed = (ast.alias, *FUNCTIONS, ast.ClassDef)
    return all(isinstance(each.node, fixed) for each in code.bindings(name.id, home))


def _bound_inside(code: Code, name: ast.Name, node: ast.expr) -> bool:
    """Whether a name is bound by a comprehension or lambda inside an expression."""
    home = code.home(name.id, code.scope[name])
    return home is not None and any(home is part for part in ast.walk(node))


def _helper_names(node: ast.expr) -> tuple[str, ...]:
    match node:
        case ast.Compare() | ast.BoolOp():
            return "is_match", "holds", "is_valid"
        case ast.BinOp(_, ast.Mod(), _):
            return "wrap", "reduced", "normalise"
        case ast.BinOp(_, ast.Add() | ast.Sub(), _):
            return "combine", "offset", "shifted"
        case ast.BinOp():
            return "scale", "weigh", "compute"
        case ast.ListComp():
            return "collect", "build", "make_list"
    return "compute", "evaluate", "get_value", "helper"


@edit("cheaper", inverse="extract_in_loop")
def inline_in_loop(code: Code) -> Iterator[Change]:
    """A call, in a loop, of a function that only returns an expression becomes that expression."""
    for call in code.of(ast.Call):
        if code.loops(call) and (body := inlined(code, call)) is not None:
            yield Change({call: body, **_unused(code, call)})


def _unused(code: Code, call: ast.Call) -> Swaps:
    """The definition of a function whose only call this is, to be left out with it."""
    assert isinstance(call.func, ast.Name)
    home = code.home(call.func.id, code.scope[call.func])
    assert home is not None
    (binding,) = code.bindings(call.func.id, home)
    return {binding.node: []} if len(code.uses(call.func.id, home)) == 1 else {}


def inlined(code: Code, call: ast.Call) -> ast.expr | None:
    """The expression that a call of a one-line function stands for; None where that cannot be seen."""
    if (
        not isinstance(call.func, ast.Name)
        or call.keywords
        or any(isinstance(a, ast.Starred) for a in call.args)
    ):
        return None
    home = code.home(call.func.id, code.scope[call.func])
    bound = code.bindings(call.func.id, home) if home is not None else []
    if len(bound) != 1 or not isinstance(function := bound[0].node, ast.FunctionDef):
        return None
    names = [each.arg for each in function.args.args]
    match function.body:
        case [ast.Return(ast.expr() as value)] if (
            len(names) == len(call.args) and not function.decorator_list
        ):
            pass
        case _:
            return None
    if any(
        isinstance(part, (ast.Lambda, ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp))
        for part in ast.walk(value)
    ):
        return None
    if any(isinstance(part, ast.Name) and part.id == function.name for part in ast.walk(value)):
        return None
    given = dict(zip(names, call.args, strict=True))
    often = {name: sum(isinstance(p, ast.Name) and p.id == name for p in ast.walk(value)) for name in names}
    if any(often[name] != 1 and not code.simple(given[name]) for name in names):
        return None
    if any(
        code.home(word, code.scope[call]) is not code.home(word, function)
        for word in code.reads(value) - set(names)
    ):
        return None
    # Written as text once, so that parameters become holes.
    return quoted(ast.unparse(value), **given)


@edit("neutral", inverse="inline_helper", weight=1.5)
def extract_helper(code: Code) -> Iterator[Change]:
    """An expression outside of loops moves into a function of its own."""
    for node in code.of(ast.BinOp, ast.Compare, ast.Call, ast.ListComp, ast.BoolOp):
        alone = isinstance(code.parent[node], ast.stmt) and not code.repeated(node)
        big = len(list(ast.walk(node))) >= 9 and called(node) not in ("range", "zip", "enumerate")
        if alone and big and _once(code, node) and code.pure(node):
            change = extracted(code, node)
            if change is not None:
                yield change


def _once(code: Code, node: ast.expr) -> bool:
    """Whether a run of the program comes by just once, as far as shows: in no function that calls itself."""
    function = code.function(node)
    if isinstance(function, ast.Module):
        return True
    return (
        isinstance(function, ast.FunctionDef)
        and not isinstance(code.function(function), FUNCTIONS)
        and not any(
            isinstance(part, ast.Name | ast.Attribute)
            and (part.id if isinstance(part, ast.Name) else part.attr) == function.name
            for part in ast.walk(function)
        )
    )


@edit("neutral", inverse="extract_helper")
def inline_helper(code: Code) -> Iterator[Change]:
    """A call, outside of loops, of a function that only returns an expression becomes that expression."""
    for call in code.of(ast.Call):
        if not code.repeated(call) and (body := inlined(code, call)) is not None:
            yield Change({call: body, **_unused(code, call)})


@edit("neutral", weight=1.5)
def extract_tail(code: Code) -> Iterator[Change]:
    """The last statements of a function move into a function of the module."""
    for function in code.of(ast.FunctionDef):
        if not _once_function(code, function) or len(function.body) < 4:
            continue
        for start in range(len(function.body) // 2, len(function.body) - 1):
            change = _tail(code, function, start)
            if change is not None:
                yield change


def _once_function(code: Code, function: ast.FunctionDef) -> bool:
    outer = code.scope[function]
    named = {part.id for part in ast.walk(function) if isinstance(part, ast.Name)}
    attributes = {part.attr for part in ast.walk(function) if isinstance(part, ast.Attribute)}
    return isinstance(outer, ast.Module | ast.ClassDef) and function.name not in named | attributes


def _tail(code: Code, function: Function, start: int) -> Change | None:
    head, tail = function.body[:start], function.body[start:]
    answers = isinstance(tail[-1], ast.Return) and tail[-1].value is not None
    if not answers or not _self_contained(code, function, head, tail):
        return None
    names = sorted(_own(code, function, tail, ast.Load) & _bound_by(code, function, head))
    helper = code.pick("finish", "finalise", "build_answer", "get_result")
    made = ast.FunctionDef(helper, parameters(names), [moved(each) for each in tail], [], None)
    outermost = outermost_statement(code, function)
    gone: Swaps = {each: [] for each in tail[1:]}
    return Change({outermost: [made, outermost], tail[0]: [ast.Return(call_of(helper, names))], **gone})


def _own(code: Code, function: Function, body: Sequence[ast.stmt], use: type[ast.expr_context]) -> set[str]:
    """A function's own names that some of its statements load, or store."""
    return {
        name.id
        for each in body
        for name in _names(each)
        if isinstance(name.ctx, use) or isinstance(code.parent[name], ast.AugAssign)
        if code.home(name.id, code.scope[name]) is function
    }


def _bound_by(code: Code, function: Function, head: list[ast.stmt]) -> set[str]:
    """The names that a function surely has when its first statements are done."""
    plain = [each for each in head if isinstance(each, ast.Assign | ast.AnnAssign | ast.AugAssign)]
    return {each.arg for each in function.args.args} | _own(code, function, plain, ast.Store)


_CLOSED = (*FUNCTIONS, ast.Lambda, ast.Nonlocal, ast.Global, ast.Yield, ast.YieldFrom, ast.Await)


def _self_contained(code: Code, function: Function, head: list[ast.stmt], tail: list[ast.stmt]) -> bool:
    """Whether no inner function, and no name that may be unbound, stands between head and tail."""
    parts = [part for each in function.body for part in ast.walk(each)]
    private = any(isinstance(part, ast.Attribute) and part.attr.startswith("__") for part in parts)
    unsure = _own(code, function, head, ast.Store) - _bound_by(code, function, head)
    closed = any(isinstance(part, _CLOSED) for part in parts)
    return not private and not closed and not unsure & _own(code, function, tail, ast.Load)


@edit("neutral", inverse="def_to_lambda")
def lambda_to_def(code: Code) -> Iterator[Change]:
    """`f = lambda x: e` to a `def`."""
    for node in code.of(ast.Assign):
        match node:
            case ast.Assign([ast.Name(name)], ast.Lambda(arguments, body)):
                yield Change({node: [ast.FunctionDef(name, arguments, [ast.Return(body)], [], None)]})


@edit("neutral", inverse="lambda_to_def")
def def_to_lambda(code: Code) -> Iterator[Change]:
    """A function that only returns an expression to a `lambda` with a name."""
    for function in code.of(ast.FunctionDef):
        match function.body:
            case [ast.Return(ast.expr() as value)] if not function.decorator_list:
                inside = not isinstance(code.scope[function], ast.ClassDef)
                if inside and not any(each.annotation for each in function.args.args):
                    made = ast.Lambda(function.args, value)
                    yield Change({function: [ast.Assign([ast.Name(function.name, ast.Store())], made)]})


EFFICIENCY: tuple[Edit, ...] = (extract_in_loop, inline_in_loop)
NEUTRAL: tuple[Edit, ...] = (extract_helper, inline_helper, extract_tail, lambda_to_def, def_to_lambda)
