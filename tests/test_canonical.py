"""Canonical text: what it must keep (the standard parser says) and what it must not see."""

from __future__ import annotations

import ast
import io
import sysconfig
import tokenize
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ci_rlm.extract.canonical import canonical, parses, unannotated

STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))
MODULES = (
    "asyncio/tasks.py", "bisect.py", "contextlib.py", "dataclasses.py", "graphlib.py", "heapq.py",
    "json/decoder.py", "statistics.py", "textwrap.py",
)  # fmt: skip

Headed = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def meaning(source: str) -> str:
    """The standard parser's tree, with docstrings gone or, where one is all there is, `pass`."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, Headed) and _heads_with_text(node):
            node.body = node.body[1:] or ([] if isinstance(node, ast.Module) else [ast.Pass()])
    return ast.dump(tree)


def _heads_with_text(node: Headed) -> bool:
    match node.body[:1]:
        case [ast.Expr(ast.Constant(str()))]:
            return True
    return False


def commented(source: str) -> str:
    """The same program with a comment after every logical line, and a blank line below it."""
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NEWLINE:
            lines[token.start[0] - 1] += "  # why\n"
    return "\n".join(lines) + "\n"


def read(module: str) -> str:
    return (STANDARD_LIBRARY / module).read_text(encoding="utf-8")


@pytest.mark.parametrize("module", MODULES)
def test_canonical_text_parses_to_the_tree_of_its_source(module: str) -> None:
    source = read(module)
    assert meaning(canonical(source, "python")) == meaning(source)


@pytest.mark.parametrize("module", MODULES)
def test_canonical_text_is_its_own_canonical_text(module: str) -> None:
    once = canonical(read(module), "python")
    assert canonical(once, "python") == once


@pytest.mark.parametrize("module", ["bisect.py", "textwrap.py"])
def test_comments_and_blank_lines_are_not_seen(module: str) -> None:
    source = read(module)
    assert canonical(commented(source), "python") == canonical(source, "python")


SAME = {
    "line breaks in brackets": ("f(a, b)", "f(\n    a,\n    b\n)"),
    "a trailing comma in a call": ("f(a, b)", "f(\n    a,\n    b,\n)"),
    "a trailing comma in a list": ("x = [1, 2]", "x = [\n    1,\n    2,  # two\n]"),
    "a trailing comma before a comment": ("x = {1: 2}", "x = {\n    1: 2,\n    # more\n}"),
    "a trailing comma in a tuple of two": ("x = (1, 2)", "x = (1, 2,)"),
    "a comment in a tuple of one": ("x = (1,)", "x = (\n    1,  # one\n)"),
    "a backslash in a tuple of one": ("x = (1,)", "x = (1, \\\n)"),
    "a trailing comma in a target": ("(a, b) = x", "(a, b,) = x"),
    "a trailing comma in a subscript": ("x[1, 2]", "x[1, 2,]"),
    "a trailing comma in a tuple's pattern": (
        "match x:\n  case (a, b): pass",
        "match x:\n  case (a, b,): pass",
    ),
    "a trailing comma in a class's pattern": ("match x:\n  case A(b): pass", "match x:\n  case A(b,): pass"),
    "a trailing comma in a mapping's pattern": (
        "match x:\n  case {1: a}: pass",
        "match x:\n  case {1: a,}: pass",
    ),
    "a trailing comma in parameters": ("def f(a, *, b): pass", "def f(\n    a,\n    *,\n    b,\n): pass"),
    "quotes of a plain string": ("x = 'abc'", 'x = "abc"'),
    "the case of a prefix": ("x = B'abc'", 'x = b"abc"'),
    "semicolons": ("x = 1; y = 2;", "x = 1\ny = 2"),
    "a body on the line of its header": ("if x: y()", "if x:\n    y()"),
    "indent width": ("def f():\n  if x:\n    y()", "def f():\n\tif x:\n\t\ty()"),
    "a backslash at a line's end": ("x = 1 + \\\n    2", "x = 1 + 2"),
    "spaces about operators": ("x=a [1]+ -b", "x = a[1] + -b"),
    "comments": ("# one\nx = 1  # two", "x = 1"),
    "a docstring": ('def f():\n    """Why."""\n    return 1', "def f():\n    return 1"),
    "a docstring that is the whole body": (
        'class E(Exception):\n    r"""Why."""',
        "class E(Exception): pass",
    ),
    "a docstring below a comment": ("def f():\n    # c\n    'd'\n    g()", "def f(): g()"),
    "line ends of another system": ("x = 1\r\ny = 2\r\n", "x = 1\ny = 2\n"),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_what_a_formatter_changes_is_not_seen(one: str, other: str) -> None:
    assert canonical(one, "python") == canonical(other, "python")


DIFFERENT = {
    "a tuple of one": ("x = (1,)", "x = (1)"),
    "a tuple of one with a comment": ("x = (\n    1,  # one\n)", "x = (\n    1  # one\n)"),
    "a tuple of one with a backslash": ("x = (1, \\\n)", "x = (1 \\\n)"),
    "a target of one": ("(a,) = x", "(a) = x"),
    "a pattern of one": ("match x:\n  case (a,): pass", "match x:\n  case (a): pass"),
    "parentheses": ("x = (a + b)", "x = a + b"),
    "a subscript of a tuple of one": ("x[1,]", "x[1]"),
    "a bytes prefix": ("x = b'a'", "x = 'a'"),
    "an f-string's text": ("x = f'{a} b'", "x = f'{a}  b'"),
    "white space in a string": ("x = 'a b'", "x = 'a  b'"),
    "a comment's text in a string": ("x = 'a # b'", "x = 'a'"),
    "nesting": ("if a:\n    b()\nc()", "if a:\n    b()\n    c()"),
    "an else of another loop": (
        "for x in y:\n    if x:\n        a()\n    else:\n        b()",
        "for x in y:\n    if x:\n        a()\nelse:\n    b()",
    ),
    "a string that is no docstring": ("def f():\n    g()\n    'd'", "def f():\n    g()"),
    "names that would run together": ("not x", "notx"),
}


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_changes_the_meaning_is_seen(one: str, other: str) -> None:
    assert canonical(one, "python") != canonical(other, "python")


@pytest.mark.parametrize(
    "literal", [r"f'{a!r:>{w}} {b}'", "f\"{d['k']}\"", r"'\''", "'''a\n  'b'\n'''", r"rb'\x00'", "'it\"s'"]
)
def test_a_string_with_structure_keeps_every_character_of_its_value(literal: str) -> None:
    assert ast.dump(ast.parse(canonical(f"x = {literal}", "python"))) == ast.dump(ast.parse(f"x = {literal}"))


def test_each_statement_has_a_line_and_each_level_one_space() -> None:
    source = "async def f(a):\n    for x in a:\n        if x: yield x\n        else: break\n    return\n"
    lines = ["async def f(a):", " for x in a:", "  if x:", "   yield x", "  else:", "   break", " return"]
    assert canonical(source, "python") == "\n".join(lines)


def test_code_that_does_not_parse_keeps_all_its_tokens() -> None:
    found = canonical("def f(:\n    return ] a b\n", "python").split()
    assert sorted("".join(found)) == sorted("deff(:return]ab")


def test_fifty_thousand_statements_and_members_are_read() -> None:
    body = "".join(f" '{place}'\n" for place in range(50_000))
    assert canonical(f"def f():\n{body}", "python").count("\n") == 50_000 - 1
    members = canonical(f"x = [{'1,' * 50_000}]", "python")
    assert members == f"x=[{','.join('1' * 50_000)}]"


def test_ten_thousand_nested_brackets_are_read() -> None:
    deep = "x = " + "(" * 10_000 + ")" * 10_000
    assert canonical(deep, "python").count("(") == 10_000


def test_a_language_without_a_row_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        canonical("x", "cobol")


SCRAPS = st.lists(
    st.sampled_from(
        ["def f(", "):", "\n", "    ", "\t", "'", '"""', "#", "\\", "if", "x", "[", "]", ",", ";"]
    )
).map("".join)


@given(st.text() | st.text(st.characters()) | SCRAPS)
@example(")\\\n")
def test_any_text_has_a_canonical_text_without_a_last_newline(text: str) -> None:
    assert not canonical(text, "python").endswith("\n")


@pytest.mark.parametrize(
    ("annotated", "bare"),
    [
        (
            "def f(a: int, b: str = 'x', *c: int, **d: t.Any) -> list[int]:\n    return a",
            "def f(a, b='x', *c, **d):\n    return a",
        ),
        ("def f():\n    x: int = 1\n    self.y: dict[str, int] = {}", "def f():\n    x = 1\n    self.y = {}"),
        (
            "def f(a):\n    return {a: 1}, a[1:2], lambda b: b",
            "def f(a):\n    return {a: 1}, a[1:2], lambda b: b",
        ),
    ],
)
def test_without_annotations_a_text_is_what_it_would_be_had_none_been_written(
    annotated: str, bare: str
) -> None:
    assert unannotated(annotated, "python") == canonical(bare, "python")


@pytest.mark.parametrize(
    ("text", "whole"), [("x = [1]\n", True), ("x = [1\n", False), ("else:\n    f()\n", False), ("", True)]
)
def test_whether_all_of_a_text_parses(text: str, whole: bool) -> None:
    assert parses(text, "python") is whole
