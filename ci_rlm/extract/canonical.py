"""Source as its token stream without comments, docstrings and layout.

Two units are equal, and cost the same, when their canonical texts are equal. The same text
is what the model reads, so training and the gate see one form: one statement a line, one
space an indent level, a space between tokens only where they would run together.

Besides comments and white space, three things that formatters change and that cannot change
a cost are normalised: a trailing comma before a closing bracket, the quotes of a plain
string, and the letter case of a string prefix.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

_CLAUSES = frozenset({"elif_clause", "else_clause", "except_clause", "except_group_clause", "finally_clause"})
_BRACKETED = frozenset(
    {
        *("argument_list", "parameters", "list", "dictionary", "set", "list_pattern", "type_parameter"),
        *("import_from_statement", "with_clause"),
    }
)
_ANNOTATION = {
    "typed_parameter": (":", "type"),
    "typed_default_parameter": (":", "type"),
    "assignment": (":", "type"),
    "function_definition": ("->", "type"),
}
"""The children of a node that only annotate it."""
_PLAIN_STRING = re.compile(r"""([A-Za-z]*)(['"])([^'"\\\n]*)\2""")
_WORD = re.compile(r"[\w'\"]")


def canonical(source: str, language: str) -> str:
    """The canonical text of a piece of source, ending without a newline.

    Any text is accepted: parts that do not parse keep their tokens, each set off by a
    space. Raises KeyError for a language without a row in the table.
    """
    return _CANONICAL[language](source)


def unannotated(source: str, language: str) -> str:
    """The canonical text without type annotations.

    A call evaluates neither those of its signature nor those of its local variables, so they
    cost it nothing. What reads them, a decorator or Triton's compiler, is the caller's to mind.
    """
    return _UNANNOTATED[language](source)


def parses(source: str, language: str) -> bool:
    """Whether all of a text follows its language's grammar; KeyError for one without a row in the table."""
    return _PARSES[language](source)


def python_parser() -> Parser:
    """A parser for Python; the grammar is loaded once."""
    from tree_sitter import Parser

    return Parser(_python_language())


@cache
def _python_language():  # type: ignore[no-untyped-def]
    import tree_sitter_python
    from tree_sitter import Language

    return Language(tree_sitter_python.language())


def _python(source: str, *, annotations: bool = True) -> str:
    root = python_parser().parse(source.encode("utf-8", "surrogatepass")).root_node
    loose = root.has_error
    left_out = _is_layout if annotations else _is_layout_or_annotation
    lines: list[str] = []
    for depth, text, opens_line in _tokens(root, left_out):
        if opens_line or not lines:
            lines.append(" " * depth + text)
        else:
            gap = " " if loose or _run_together(lines[-1], text) else ""
            lines[-1] += gap + text
    return "\n".join(lines)


def _run_together(left: str, right: str) -> bool:
    return bool(_WORD.match(left[-1:]) and _WORD.match(right))


def _tokens(root: Node, left_out: Callable[[Node, Node], bool]) -> Iterator[tuple[int, str, bool]]:
    """Yield (indent depth, token, opens a line) in source order.

    Iterative, so that nesting as deep as the parser takes cannot exhaust the stack.
    """
    opens_line = True
    stack: list[tuple[Node, int, bool]] = [(root, 0, False)]
    while stack:
        node, depth, starts = stack.pop()
        opens_line = opens_line or starts
        if node.type in ("comment", "line_continuation"):
            continue
        if node.child_count == 0 or node.type == "string" or _is_docstring(node):
            text = _token_text(node)
            if text:
                yield depth, text, opens_line
                opens_line = False
            continue
        inside = depth + 1 if node.type == "block" else depth
        children = [
            (child, inside, _starts_line(node, child)) for child in node.children if not left_out(node, child)
        ]
        stack.extend(reversed(children))


def _starts_line(parent: Node, child: Node) -> bool:
    if parent.type in ("block", "module"):
        return child.is_named
    if parent.type == "decorated_definition":
        return True
    return child.type in _CLAUSES


def _is_layout(parent: Node, child: Node) -> bool:
    """Tokens that only lay text out: semicolons and trailing commas."""
    return child.type == ";" or (child.type == "," and _is_trailing_comma(parent, child))


def _is_layout_or_annotation(parent: Node, child: Node) -> bool:
    return child.type in _ANNOTATION.get(parent.type, ()) or _is_layout(parent, child)


def _is_trailing_comma(parent: Node, comma: Node) -> bool:
    following = comma.next_sibling
    while following is not None and following.type == "comment":
        following = following.next_sibling
    closes = following is not None and following.type in (")", "]", "}")
    # (x,) is a tuple and (x) is not: only there does the comma carry meaning.
    return closes and (parent.type in _BRACKETED or (parent.type == "tuple" and parent.named_child_count > 1))


def _is_docstring(node: Node) -> bool:
    """Whether a statement is the string that heads a module, class or function."""
    if node.type != "expression_statement" or node.child_count != 1 or node.children[0].type != "string":
        return False
    body = node.parent
    if body is None or _prefix(node.children[0]) not in ("", "r", "u"):
        return False
    owner = body.parent
    heads = body.type == "module" or (
        body.type == "block"
        and owner is not None
        and owner.type in ("function_definition", "class_definition")
    )
    return heads and _statements(body)[0].id == node.id


def _statements(body: Node) -> list[Node]:
    return [child for child in body.named_children if child.type != "comment"]


def _prefix(string: Node) -> str:
    return re.match(rb"[A-Za-z]*", string.text or b"")[0].decode().lower()  # type: ignore[index]


def _token_text(node: Node) -> str:
    """A leaf's text; nothing for a docstring, or `pass` where it is the whole body."""
    if node.type == "expression_statement":
        body = node.parent
        return "pass" if body is not None and body.type == "block" and len(_statements(body)) == 1 else ""
    text = (node.text or b"").decode("utf-8", "surrogatepass")
    plain = _PLAIN_STRING.fullmatch(text) if node.type == "string" else None
    return f'{plain[1].lower()}"{plain[3]}"' if plain else text


def _python_parses(source: str) -> bool:
    root = python_parser().parse(source.encode("utf-8", "surrogatepass")).root_node
    return not root.has_error


_CANONICAL: dict[str, Callable[[str], str]] = {"python": _python}
_UNANNOTATED: dict[str, Callable[[str], str]] = {"python": partial(_python, annotations=False)}
_PARSES: dict[str, Callable[[str], bool]] = {"python": _python_parses}
