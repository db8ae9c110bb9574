"""What is counted of a Python text: its syntax nodes, its loops, and what it calls by which name.

Of two versions these counts say what a change takes away and adds, whatever the lines are called
in a diff. What a loop does more than once is counted as that, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from ci_rlm.extract.canonical import DEFINITIONS, python_parser

if TYPE_CHECKING:
    from tree_sitter import Node

DEEPEST = 2
"""Loops that do a node at each turn are told apart up to so many: more count as these."""

_LOOPS = frozenset(
    {
        *("for_statement", "while_statement", "generator_expression"),
        *("list_comprehension", "set_comprehension", "dictionary_comprehension"),
    }
)


def tally(text: str) -> Counter[str]:
    """How often each thing is in a text, which need not parse.

    Names: `TYPE` of a syntax node, anonymous ones included, which are operators and keywords; `call
    NAME` and `call .NAME` of a method, but for names that the text itself defines; what a loop
    does at each turn also as `…@1`, what two or more do as `…@2`.
    """
    source = text.encode("utf-8", "surrogatepass")
    found: Counter[str] = Counter()
    called: Counter[tuple[str, int]] = Counter()
    defined: set[str] = set()
    once: dict[int, int] = {}
    # Iterative, so that nesting as deep as the parser takes cannot exhaust the stack.
    stack: list[tuple[Node, int]] = [(python_parser().parse(source).root_node, 0)]
    while stack:
        node, depth = stack.pop()
        kind, depth = node.type, once.pop(node.id, depth)
        found[kind] += 1
        if depth:
            found[f"{kind}@{depth}"] += 1
        if kind in DEFINITIONS:
            defined.add(_name_of(node, "name"))
        elif kind == "call":
            called[_callee_of(node), depth] += 1
        if kind in _LOOPS:
            once |= dict.fromkeys(_done_once(node), depth)
            depth = min(depth + 1, DEEPEST)
        stack.extend((child, depth) for child in node.children)
    for (name, depth), times in called.items():
        if name and name.removeprefix(".") not in defined:
            found[f"call {name}"] += times
            if depth:
                found[f"call {name}@{depth}"] += times
    return found


def _done_once(loop: Node) -> Iterator[int]:
    """The ids of what is evaluated once, however often a loop turns: what it goes over, and its `else`.

    Of a comprehension's clauses only the first: the others are evaluated at each turn of those before.
    """
    clauses = (child for child in loop.children if child.type == "for_in_clause")
    for holder in (loop, *islice(clauses, 1)):
        for field in ("right", "alternative"):
            part = holder.child_by_field_name(field)
            if part is not None:
                yield part.id


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
