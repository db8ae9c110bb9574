"""What is counted of a Python text: its syntax nodes, its loops, and what it calls by which name.

Of two versions these counts say what a change takes away and adds, whatever the lines are called
in a diff. What is called in a loop, and loops in loops, are counted as that, too: they multiply.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ci_rlm.extract.canonical import python_parser

if TYPE_CHECKING:
    from tree_sitter import Node

DEEPEST = 2
"""Loops around a node that are told apart: more count as so many."""

_LOOPS = frozenset(
    {
        *("for_statement", "while_statement", "generator_expression"),
        *("list_comprehension", "set_comprehension", "dictionary_comprehension"),
    }
)
_DEFINITIONS = frozenset({"function_definition", "class_definition"})


def tally(text: str) -> Counter[str]:
    """How often each thing is in a text, which need not parse.

    Names: `TYPE` of a syntax node, anonymous ones included, which are operators and keywords; `call
    NAME` and `call .NAME` of a method, but for names that the text itself defines; loops and calls
    inside of loops also as `…@1`, inside of two or more as `…@2`.
    """
    source = text.encode("utf-8", "surrogatepass")
    found: Counter[str] = Counter()
    called: Counter[tuple[str, int]] = Counter()
    defined: set[str] = set()
    # Iterative, so that nesting as deep as the parser takes cannot exhaust the stack.
    stack: list[tuple[Node, int]] = [(python_parser().parse(source).root_node, 0)]
    while stack:
        node, depth = stack.pop()
        kind = node.type
        found[kind] += 1
        if kind in _DEFINITIONS:
            defined.add(_name_of(node, "name"))
        elif kind == "call":
            called[_callee_of(node), depth] += 1
        if kind in _LOOPS:
            if depth:
                found[f"{kind}@{depth}"] += 1
            depth = min(depth + 1, DEEPEST)
        stack.extend((child, depth) for child in node.children)
    for (name, depth), times in called.items():
        if name and name.removeprefix(".") not in defined:
            found[f"call {name}"] += times
            if depth:
                found[f"call {name}@{depth}"] += times
    return found


def _callee_of(call: Node) -> str:
    """`NAME` or `.NAME` of what is called; empty for any other expression."""
    callee = call.child_by_field_name("function")
    if callee is None:
        return ""
    if callee.type == "identifier":
        return _text_of(callee)
    return f".{_name_of(callee, 'attribute')}" if callee.type == "attribute" else ""


def _name_of(node: Node, field: str) -> str:
    named = node.child_by_field_name(field)
    return "" if named is None else _text_of(named)


def _text_of(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")
