"""Python text as a tree of statements, each in its scope. Every walk is iterative."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ci_rlm.extract.canonical import python_parser
from ci_rlm.flow import Span

if TYPE_CHECKING:
    from tree_sitter import Node, Query

PARSE_SECONDS = 10.0
"""Far above need: 5 MB of unmatched punctuation parse in under a second."""
_CHUNK_BYTES = 1 << 16
_COMPOUND = frozenset(
    {
        "module", "block", "ERROR", "class_definition", "function_definition",
        "if_statement", "elif_clause", "else_clause", "for_statement", "while_statement",
        "try_statement", "except_clause", "except_group_clause", "finally_clause",
        "with_statement", "match_statement", "case_clause",
    }
)  # fmt: skip
_BLANK = " \t\f\r"


@dataclass(frozen=True, slots=True)
class Scope:
    """What encloses a statement: the module, a class or a function."""

    node: Node | None
    """The class or function with its decorators; None for the module."""
    name: str
    """Qualified; empty for the module."""
    parent: Scope | None
    is_class: bool = False
    in_function: bool = False

    def qualify(self, name: str) -> str:
        """The `__qualname__` of a definition in this scope."""
        if self.parent is None:
            return name
        return f"{self.name}.{name}" if self.is_class else f"{self.name}.<locals>.{name}"


MODULE = Scope(None, "", None)


@dataclass(frozen=True, slots=True)
class Statement:
    """A node at statement level."""

    outer: Node
    """With its decorators."""
    core: Node
    """Without them."""
    scope: Scope
    block: Node
    """The nearest block, or the module, that holds it."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A text by lines, from which definitions are cut dedented."""

    source: bytes
    lines: tuple[str, ...]
    verbatim: frozenset[int]
    """Rows that begin inside a string: their white space is the program's own."""
    first_error: int
    """The line of the first syntax error; 0 if the whole text parses."""
    enclosing: tuple[int, ...]
    """By row, the nearest row above that is indented less, or -1; empty if the whole text parses."""

    @classmethod
    def of(cls, text: str, source: bytes, root: Node) -> Sheet:
        """A sheet for a text whose lines end with a newline alone, parsed under `root`."""
        lines = tuple(text.split("\n"))
        verbatim = frozenset(_rows_inside_strings(root))
        if not root.has_error:
            return cls(source, lines, verbatim, 0, ())
        return cls(source, lines, verbatim, line_of_error(root), tuple(_enclosing(lines, verbatim)))

    def opens_line(self, node: Node) -> bool:
        """Whether nothing but white space precedes the node on its line."""
        return not self._head(node).strip(_BLANK)

    def is_aligned(self, outer: Node) -> bool:
        """Whether decorators and their definition are indented alike: the grammar does not ask for that."""
        if outer.type != "decorated_definition":
            return True
        return len({self._indent(child) for child in outer.children if child.type != "comment"}) == 1

    def has_body(self, definition: Node) -> bool:
        """Whether a definition has an indented body: the grammar lets it have none, or the next line."""
        body = definition.child_by_field_name("body")
        if body is None or all(child.type == "comment" for child in body.named_children):
            return False
        return not self.opens_line(body) or self._indent(body) > self._indent(definition)

    def cut(self, node: Node) -> str:
        """The whole lines of a node, dedented, their meaning unchanged."""
        lead = self._lead(node)
        first, last = rows(node)
        lines = [self._dedented(row, lead) for row in range(first, last + 1)]
        return "\n".join(lines)

    def text(self, node: Node) -> str:
        """The text of a node as it stands."""
        return self.source[node.start_byte : node.end_byte].decode()

    def slice(self, first: Node, last: Node) -> str:
        """The text from the start of one node to the end of another, dedented to the first."""
        lead = self._lead(first)
        text = self.source[first.start_byte : last.end_byte].decode()
        head, *rest = text.split("\n")
        start = first.start_point.row + 1
        dedented = (
            line if row in self.verbatim else line.removeprefix(lead) for row, line in enumerate(rest, start)
        )
        return "\n".join((head, *dedented))

    def adrift(self, statement: Statement) -> bool:
        """Whether indentation gives a statement another place than the parser did.

        Recovering from an error, the parser may lose the head of a class and hand its
        methods to the module or to the class above.
        """
        if not self.first_error:
            return False
        block = statement.block
        head = self.enclosing[statement.outer.start_point.row]
        return head >= block.start_point.row if block.type == "block" else head >= 0

    def spill(self, definition: Node) -> int:
        """The line past a definition's end that reads as more of it; 0 if there is none.

        Recovering from an error, the parser may end a function early and leave a good node.
        """
        last = rows(definition)[1]
        if is_code(self._tail(definition)):
            return last + 1
        following = (row for row in range(last + 1, len(self.lines)) if is_code(self.lines[row]))
        row = next(following, None)
        return row + 1 if row is not None and indent(self.lines[row]) > self._indent(definition) else 0

    def _head(self, node: Node) -> str:
        """What precedes a node on its line."""
        start = node.start_byte
        return self.source[start - node.start_point.column : start].decode()

    def _tail(self, node: Node) -> str:
        """What follows a node on its last line."""
        if node.end_point.row > rows(node)[1]:
            return ""
        end = self.source.find(b"\n", node.end_byte)
        return self.source[node.end_byte : None if end < 0 else end].decode()

    def _lead(self, node: Node) -> str:
        """The indentation of the line that a node opens; a form feed starts it over."""
        return self._head(node).rpartition("\f")[2]

    def _indent(self, node: Node) -> int:
        return indent(self.lines[node.start_point.row])

    def _dedented(self, row: int, lead: str) -> str:
        line = self.lines[row]
        return line if row in self.verbatim else line.lstrip("\f").removeprefix(lead)


def parse(source: bytes) -> Node | None:
    """The root of the syntax tree, or None if parsing took over `PARSE_SECONDS`."""
    deadline = time.monotonic() + PARSE_SECONDS
    late = False

    def give_up(_offset: int, _has_error: bool) -> bool:
        nonlocal late
        late = time.monotonic() > deadline
        return late

    try:
        tree = python_parser().parse(
            lambda offset, _point: source[offset : offset + _CHUNK_BYTES], progress_callback=give_up
        )
    except ValueError:
        if late:
            return None
        raise
    return tree.root_node


def statements(root: Node, sheet: Sheet) -> Iterator[Statement]:
    """Every node at statement level, in source order; a decorated definition comes once.

    Inside functions only Triton kernels are looked for, so a file that never says `jit`
    has its function bodies left out: most of the nodes, and of the time.
    """
    leaves = frozenset() if b"jit" in sheet.source else frozenset({"function_definition"})
    opened = _COMPOUND - leaves
    stack = [Statement(root, root, MODULE, root)]
    while stack:
        statement = stack.pop()
        yield statement
        core = statement.core
        if core.type not in opened:
            continue
        scope = _scope_inside(statement, sheet)
        block = core if core.type == "block" else statement.block
        stack.extend(
            Statement(child, _undecorated(child), scope, block)
            for child in reversed(core.children)
            if child.is_named or child.is_missing
        )


def is_code(line: str) -> bool:
    """Whether a line holds more than white space and a comment."""
    return not line.lstrip(_BLANK).startswith("#") and bool(line.strip(_BLANK))


def indent(line: str) -> int:
    """The column that a line starts at, counted as Python does: a form feed starts over."""
    lead = line[: len(line) - len(line.lstrip(_BLANK))]
    return len(lead.rpartition("\f")[2].expandtabs(8))


def is_compound(node: Node) -> bool:
    """Whether a node holds statements of its own."""
    return node.type in _COMPOUND


def name_of(definition: Node, sheet: Sheet) -> str:
    """The unqualified name of a class or function; empty when the parser made one up."""
    name = definition.child_by_field_name("name")
    return "" if name is None else sheet.text(name)


def names_read(root: Node, sheet: Sheet) -> dict[str, list[int]]:
    """Where each name stands outside of the bodies of functions, by ascending byte.

    But for where a class or function is given it.
    """
    found: dict[str, list[int]] = {}
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type == "identifier":
            found.setdefault(sheet.text(node), []).append(node.start_byte)
        left_out: tuple[Node | None, ...] = ()
        if _is_definition(node):
            left_out = (node.child_by_field_name("name"),)
        if node.type == "function_definition":
            left_out = (*left_out, node.child_by_field_name("body"))
        stack.extend(child for child in reversed(node.children) if child not in left_out)
    return found


def rows(node: Node) -> tuple[int, int]:
    """First and last row that a node has text on, counted from 0."""
    first, end = node.start_point.row, node.end_point
    return first, end.row - 1 if end.column == 0 and end.row > first else end.row


def span_of(node: Node) -> Span:
    """The lines of a node, counted from 1."""
    first, last = rows(node)
    return Span(first + 1, last + 1)


def first_error(text: str) -> int:
    """The line of the first syntax error of a text; 0 if it parses."""
    root = python_parser().parse(text.encode("utf-8", "surrogatepass")).root_node
    return line_of_error(root) if root.has_error else 0


def line_of_error(node: Node) -> int:
    """The line of the first syntax error in a node that has one.

    An error node that holds whole definitions only wraps what the parser could not place:
    the fault itself is further in.
    """
    at_fault: Node | None = node
    while at_fault is not None:
        node = at_fault
        if node.is_missing or (node.is_error and not any(map(_is_definition, node.children))):
            break
        at_fault = next((child for child in node.children if child.has_error or child.is_missing), None)
    return node.start_point.row + 1


def _is_definition(node: Node) -> bool:
    return node.type.endswith("_definition")


def _undecorated(node: Node) -> Node:
    if node.type != "decorated_definition":
        return node
    return node.child_by_field_name("definition") or node


def _scope_inside(statement: Statement, sheet: Sheet) -> Scope:
    core, scope = statement.core, statement.scope
    if core.type not in ("class_definition", "function_definition"):
        return scope
    return Scope(
        node=statement.outer,
        name=scope.qualify(name_of(core, sheet)),
        parent=scope,
        is_class=core.type == "class_definition",
        in_function=scope.in_function or core.type == "function_definition",
    )


def _enclosing(lines: Iterable[str], verbatim: frozenset[int]) -> Iterator[int]:
    above: list[tuple[int, int]] = []
    for row, line in enumerate(lines):
        width = indent(line)
        if row in verbatim or not is_code(line):
            yield above[-1][0] if above else -1
            continue
        while above and above[-1][1] >= width:
            above.pop()
        yield above[-1][0] if above else -1
        above.append((row, width))


def _rows_inside_strings(root: Node) -> Iterator[int]:
    for string in _strings(root):
        yield from range(string.start_point.row + 1, string.end_point.row + 1)


def _strings(root: Node) -> list[Node]:
    from tree_sitter import QueryCursor

    return QueryCursor(_string_query()).captures(root).get("string", [])


@cache
def _string_query() -> Query:
    from tree_sitter import Query

    language = python_parser().language
    assert language is not None
    return Query(language, "(string) @string")
