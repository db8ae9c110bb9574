"""Templates of code: matched against a program, and filled to make new code."""

from __future__ import annotations

import ast
from functools import cache
from typing import Any

from ci_rlm.training.edits.syntax import LIBRARY, Code


@cache
def parsed(template: str) -> tuple[ast.stmt, ...]:
    """A template as statements; not to be changed."""
    return tuple(ast.parse(template).body)


def quote(template: str, **holes: Any) -> list[ast.stmt]:
    """Statements of a template with its holes filled.

    A hole is a name: filled by an expression, by a string (another name, also of a function,
    parameter or attribute), or, where it stands as a statement, by a list of statements.
    """
    return [each for statement in parsed(template) for each in _filled(statement, holes)]


def quoted(template: str, **holes: Any) -> ast.expr:
    """The expression of a template with its holes filled."""
    (statement,) = quote(template, **holes)
    assert isinstance(statement, ast.Expr)
    return statement.value


def parameters(names: list[str]) -> ast.arguments:
    """Plain parameters of these names."""
    return ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])


def call_of(function: str, names: list[str]) -> ast.Call:
    """A call of a function with names as its arguments."""
    return ast.Call(ast.Name(function, ast.Load()), [ast.Name(name, ast.Load()) for name in names], [])


def _filled(node: Any, holes: dict[str, Any]) -> list[Any]:
    match node:
        case ast.Expr(ast.Name(name)) if isinstance(holes.get(name), list):
            return list(holes[name])
        case ast.Name(name) if name in holes:
            made = holes[name]
            return [ast.Name(made, node.ctx) if isinstance(made, str) else made]
        case ast.AST():
            return [
                type(node)(**{name: _filled_field(value, holes) for name, value in ast.iter_fields(node)})
            ]
    return [node]


def _filled_field(value: Any, holes: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [each for item in value for each in _filled(item, holes)]
    if isinstance(value, str):
        made = holes.get(value, value)
        return made.id if isinstance(made, ast.Name) else made if isinstance(made, str) else value
    return _filled(value, holes)[0]


def match(code: Code, pattern: Any, node: Any, found: dict[str, Any]) -> bool:
    """Whether a node has the form of a template; `found` gets what stands in its holes.

    Holes are names in capitals. `NAME…` and those of `NEW_NAMES` take names alone, `CONST…`
    constants, `BODY…` the rest of a block; a hole that stands twice takes equal trees. Library
    names match through their modules too.
    """
    if isinstance(pattern, ast.Name):
        if pattern.id.isupper():
            return _take(pattern.id, node, found)
        if pattern.id in LIBRARY:
            return code.is_library(node, pattern.id)
        return isinstance(node, ast.Name) and node.id == pattern.id and node.id not in code.shadowed
    if type(pattern) is not type(node):
        return False
    if pattern is None:
        return True
    if isinstance(pattern, ast.Constant):
        return type(pattern.value) is type(node.value) and pattern.value == node.value
    for name in pattern._fields:
        if name in ("ctx", "kind", "type_comment"):
            continue
        wanted, given = getattr(pattern, name, None), getattr(node, name, None)
        if isinstance(wanted, list):
            if not match_all(code, wanted, given or [], found):
                return False
        elif isinstance(wanted, ast.AST):
            if not match(code, wanted, given, found):
                return False
        elif isinstance(wanted, str) and wanted.isupper():
            if not isinstance(given, str) or not _take(wanted, ast.Name(given, ast.Load()), found):
                return False
        elif wanted != given:
            return False
    return True


def match_all(code: Code, patterns: list[Any], nodes: list[Any], found: dict[str, Any]) -> bool:
    """Whether nodes match patterns one by one; a last `BODY` takes all that is left, at least one."""
    match patterns:
        case [*first, ast.Expr(ast.Name(name))] if name.startswith("BODY"):
            rest = nodes[len(first) :]
            if not rest or not _take(name, rest, found):
                return False
            return all(match(code, p, n, found) for p, n in zip(first, nodes, strict=False))
    return len(patterns) == len(nodes) and all(
        match(code, p, n, found) for p, n in zip(patterns, nodes, strict=True)
    )


NEW_NAMES = {
    "AT": ("i", "idx", "position"),
    "AT2": ("j", "idx2", "other"),
    "FOUND": ("found", "result", "answer"),
    "IT": ("x", "v", "item", "value"),
    "KEY": ("k", "key", "label"),
}
"""Holes for names that an edit brings in: they become names that the text does not use yet."""
_NAMED = ("NAME", *NEW_NAMES)


def _take(name: str, node: Any, found: dict[str, Any]) -> bool:
    if name in found:
        return same(found[name], node)
    if name.startswith(_NAMED) and not isinstance(node, ast.Name):
        return False
    if name.startswith("CONST") and not isinstance(node, ast.Constant):
        return False
    if node is None or isinstance(node, ast.Starred):  # None: a `return` without a value
        return False
    found[name] = node
    return True


def same(one: Any, other: Any) -> bool:
    """Whether two trees read the same, loads and stores alike."""
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    if not isinstance(one, ast.AST):
        return bool(type(one) is type(other) and one == other)
    if isinstance(one, ast.expr_context):
        return isinstance(other, ast.expr_context)
    return type(one) is type(other) and all(
        same(getattr(one, name, None), getattr(other, name, None)) for name in one._fields
    )
