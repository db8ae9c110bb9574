"""Following one name through its uses: the base of edits that change what a name holds."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ci_rlm.training.edits.syntax import LOOPS, Code

Held = tuple[ast.Name, ast.expr, list[ast.Name]]
"""A name with one value: where it is assigned, what it holds, and where it is used."""


def held_names(code: Code) -> Iterator[Held]:
    """Names that one plain assignment gives their value, with all their other uses."""
    for statement in code.of(ast.Assign, ast.AnnAssign):
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        if not isinstance(target, ast.Name):
            continue
        home = code.home(target.id, code.scope[target])
        value = code.only(target.id, home) if home is not None else None
        if home is not None and value is not None:
            uses = [name for name in code.uses(target.id, home) if name is not target]
            if uses:
                yield target, value, uses


def method_call(code: Code, name: ast.Name) -> tuple[str, ast.Call] | None:
    """The method that a use of a name calls."""
    attribute = code.parent[name]
    call = code.parent.get(attribute)
    if isinstance(attribute, ast.Attribute) and isinstance(call, ast.Call) and call.func is attribute:
        return attribute.attr, call
    return None


def is_searched(code: Code, name: ast.Name) -> bool:
    """Whether a use is the container of an `in` or `not in`."""
    match code.parent[name]:
        case ast.Compare(_, [ast.In() | ast.NotIn()], [container]):
            return container is name
    return False


def with_method(call: ast.Call, method: str, *arguments: ast.expr) -> ast.Call:
    """A method call as a call of another method, with arguments put before its own."""
    assert isinstance(call.func, ast.Attribute)
    return ast.Call(
        ast.Attribute(call.func.value, method, ast.Load()), [*arguments, *call.args], call.keywords
    )


def is_call(node: ast.expr, name: str) -> bool:
    """Whether an expression calls a plain name."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def before_loop(code: Code, node: ast.expr) -> ast.stmt | None:
    """The outermost statement that an invariant can be computed before, so that it is computed once.

    None if nothing repeats the node, or a lambda or an inner function stands between.
    """
    place: ast.stmt | None = None
    for above in code.up(node):
        if isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)):
            break
        if isinstance(above, ast.Lambda):
            return None
        if isinstance(above, LOOPS) and above in code.loops(node):
            if not code.invariant(node, above):
                break
            place = above
        elif isinstance(above, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            if code.around[node] is None or code.reads(node) & code.touches(above):
                break
            place = code.statement(above)
    # A condition of an `elif` chain has no place before it in its block.
    return place


def called(node: ast.AST) -> str:
    """The bare name of what a call calls, or nothing."""
    match node:
        case ast.Call(ast.Name(name)) | ast.Call(ast.Attribute(_, name)):
            return name
    return ""
