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
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

    LeftOut: TypeAlias = Callable[[Node, Sequence[Node]], set[int]]
    """From a node and its children to the places of those that are left out."""

_LAYOUT = frozenset({"comment", "line_continuation"})
"""Nodes that may stand anywhere and mean nothing."""
_CLAUSES = frozenset({"elif_clause", "else_clause", "except_clause", "except_group_clause", "finally_clause"})
_BRACKETED = frozenset(
    {
        *("argument_list", "parameters", "list", "dictionary", "set", "type_parameter"),
        *("list_pattern", "dict_pattern", "class_pattern", "import_from_statement", "with_clause"),
    }
)
_TELLING = {"tuple": 1, "tuple_pattern": 1, "subscript": 2}
"""Where a comma behind so few members makes a tuple of one, and behind more of them is layout."""
_ANNOTATION = {
    "typed_parameter": (":", "type"),
    "typed_default_parameter": (":", "type"),
    "assignment": (":", "type"),
    "function_definition": ("->", "type"),
}
"""The children of a node that only annotate it."""
_EFFECTS = frozenset({"yield", "await", "named_expression"})
"""What an annotation that is never evaluated does to its function all the same."""
DEFINITIONS = frozenset({"function_definition", "class_definition"})
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


def is_bare(source: str) -> bool:
    """Whether Python source is a function without decorators and without definitions inside.

    Those read annotations, or evaluate them in each call.
    """
    definitions = 0
    stack = [python_parser().parse(source.encode("utf-8", "surrogatepass")).root_node]
    while stack:
        node = stack.pop()
        definitions += node.type in DEFINITIONS
        if definitions > 1 or node.type == "decorated_definition":
            return False
        stack.extend(node.children)
    return True


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
    left_out = _layout if annotations else _layout_and_annotations
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


def _tokens(root: Node, is_left_out: LeftOut) -> Iterator[tuple[int, str, bool]]:
    """Yield (indent depth, token, opens a line) in source order.

    Iterative, so that nesting as deep as the parser takes cannot exhaust the stack; and no node is asked
    for its parent or its siblings, which takes longer the more of them there are.
    """
    opens_line = True
    stack: list[tuple[Node, str, int, bool, str | None]] = [(root, "", 0, False, None)]
    while stack:
        node, owner, depth, starts, instead = stack.pop()
        opens_line = opens_line or starts
        if node.type in _LAYOUT:
            continue
        if node.child_count == 0 or node.type == "string" or instead is not None:
            text = _token_text(node) if instead is None else instead
            if text:
                yield depth, text, opens_line
                opens_line = False
            continue
        inside = depth + 1 if node.type == "block" else depth
        children = node.children
        docstring, told = _docstring(node, owner, children)
        left_out = is_left_out(node, children)
        stack.extend(
            (child, node.type, inside, _starts_line(node, child), told if place == docstring else None)
            for place, child in reversed([*enumerate(children)])
            if place not in left_out
        )


def _starts_line(parent: Node, child: Node) -> bool:
    if parent.type in ("block", "module"):
        return child.is_named
    if parent.type == "decorated_definition":
        return True
    return child.type in _CLAUSES


def _layout(parent: Node, children: Sequence[Node]) -> set[int]:
    """The places of tokens that only lay text out: semicolons, and a comma before a closing bracket."""
    found = {place for place, child in enumerate(children) if child.type == ";"}
    telling = [place for place, child in enumerate(children) if child.type not in _LAYOUT]
    if len(telling) > 1 and children[telling[-1]].type in (")", "]", "}"):
        comma = telling[-2]
        members = sum(children[place].is_named for place in telling)
        # (x,) is a tuple and (x) is not: only there does the comma carry meaning.
        enough = parent.type in _BRACKETED or members > _TELLING.get(parent.type, len(children))
        if children[comma].type == "," and enough:
            found.add(comma)
    return found


def _layout_and_annotations(parent: Node, children: Sequence[Node]) -> set[int]:
    names = _ANNOTATION.get(parent.type, ())
    if parent.type == "assignment" and not _only_annotates(parent):
        names = ()
    return _layout(parent, children) | {place for place, child in enumerate(children) if child.type in names}


def _only_annotates(assignment: Node) -> bool:
    """Whether an assignment is the same without its annotation.

    Without a value the annotated form assigns nothing, and reads nothing of its target.
    """
    annotation, value = map(assignment.child_by_field_name, ("type", "right"))
    return value is not None and not (annotation is not None and _has_effects(annotation))


def _has_effects(annotation: Node) -> bool:
    stack = [annotation]
    while stack:
        node = stack.pop()
        if node.type in _EFFECTS:
            return True
        stack.extend(node.children)
    return False


def _docstring(body: Node, owner: str, children: Sequence[Node]) -> tuple[int, str]:
    """The place of the string that heads a module, class or function, or -1, and what stands for it.

    Nothing does, or `pass` where it is the whole body. `owner` is the type of the node that holds `body`.
    """
    if body.type != "module" and not (body.type == "block" and owner in DEFINITIONS):
        return -1, ""
    said = (place for place, child in enumerate(children) if child.is_named and child.type != "comment")
    head = list(islice(said, 2))
    if not head or not _is_string(children[head[0]]):
        return -1, ""
    return head[0], "pass" if body.type == "block" and len(head) == 1 else ""


def _is_string(statement: Node) -> bool:
    if statement.type != "expression_statement" or statement.child_count != 1:
        return False
    string = statement.children[0]
    return string.type == "string" and _prefix(string) in ("", "r", "u")


def _prefix(string: Node) -> str:
    return re.match(rb"[A-Za-z]*", string.text or b"")[0].decode().lower()  # type: ignore[index]


def _token_text(node: Node) -> str:
    text = (node.text or b"").decode("utf-8", "surrogatepass")
    if node.type != "string":
        return text.rstrip("\n")  # where the text does not parse, a backslash may hold its line's end
    plain = _PLAIN_STRING.fullmatch(text)
    return f'{plain[1].lower()}"{plain[3]}"' if plain else text


def _python_parses(source: str) -> bool:
    root = python_parser().parse(source.encode("utf-8", "surrogatepass")).root_node
    return not root.has_error


_CANONICAL: dict[str, Callable[[str], str]] = {"python": _python}
_UNANNOTATED: dict[str, Callable[[str], str]] = {"python": partial(_python, annotations=False)}
_PARSES: dict[str, Callable[[str], bool]] = {"python": _python_parses}
