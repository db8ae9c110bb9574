"""Comments that speak to a tool, each with the definition in whose head it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ci_rlm.extract.canonical import python_parser
from ci_rlm.extract.python_tree import parse

if TYPE_CHECKING:
    from tree_sitter import Node, Query


@dataclass(frozen=True, slots=True)
class Remark:
    """One comment."""

    line: int
    """From 1."""
    text: str
    """Without the sign that opens the comment and the white space around."""
    head: int
    """The first line of the function, its decorators included, on whose definition line the comment
    stands; 0 if it stands elsewhere. A head of several lines ends with the line of its colon."""


def remarks(text: str, language: str, marker: str) -> tuple[Remark, ...]:
    """The comments of a text that hold the marker, by line.

    Lines end with a newline alone. None are found where parsing takes too long. Raises KeyError for a
    language without a row in the table.
    """
    if marker not in text:
        return ()
    return tuple(sorted(_REMARKS[language](text, marker), key=lambda remark: remark.line))


def _python(text: str, marker: str) -> Iterator[Remark]:
    from tree_sitter import QueryCursor

    root = parse(text.encode())
    if root is None:
        return
    found = QueryCursor(_python_query()).captures(root)
    heads = {row: first for node in found.get("function", []) for row, first in _python_head(node)}
    for node in found.get("comment", []):
        comment = (node.text or b"").decode()
        if marker in comment:
            row = node.start_point.row
            yield Remark(row + 1, comment.lstrip("#").strip(), heads.get(row, 0))


def _python_head(function: Node) -> Iterator[tuple[int, int]]:
    """The rows of a function's head, each with the first line of the whole definition."""
    colon = next((child for child in function.children if child.type == ":"), function)
    around = function.parent
    outer = around if around is not None and around.type == "decorated_definition" else function
    for row in range(function.start_point.row, colon.start_point.row + 1):
        yield row, outer.start_point.row + 1


@cache
def _python_query() -> Query:
    from tree_sitter import Query

    language = python_parser().language
    assert language is not None
    return Query(language, "(comment) @comment (function_definition) @function")


_REMARKS: dict[str, Callable[[str, str], Iterator[Remark]]] = {"python": _python}
