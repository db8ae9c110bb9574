"""What is counted of a text, against Python's own parser."""

from __future__ import annotations

import ast
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.extract.tally import tally

NAMES = st.sampled_from(["sorted", "list", "f", "g"])
BODIES = st.recursive(
    st.builds("{}(x)".format, NAMES) | st.builds("x.{}()".format, NAMES),
    lambda inner: st.one_of(
        st.builds("[{} for y in x]".format, inner),
        st.builds("sum({} for y in x if y)".format, inner),
        st.builds("{{{} for y in {} for z in {}}}".format, inner, inner, inner),
        st.builds("g({})".format, inner),
    ),
    max_leaves=5,
)


def calls_by_ast(text: str) -> Counter[str]:
    """Calls by name and by the loops around them, as Python's parser sees them."""
    found: Counter[str] = Counter()
    loops = (ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

    def once(node: ast.AST) -> list[ast.AST]:
        if isinstance(node, ast.For):
            return [node.iter, *node.orelse]
        if isinstance(node, ast.While):
            return list(node.orelse)
        return [node.generators[0].iter] if isinstance(node, loops) else []

    def visit(node: ast.AST, depth: int, lifted: dict[int, int]) -> None:
        depth = lifted.get(id(node), depth)
        lifted = lifted | {id(each): depth for each in once(node)}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else f".{node.func.attr}"
            found[f"call {name}"] += 1
            if depth:
                found[f"call {name}@{min(depth, 2)}"] += 1
        for child in ast.iter_child_nodes(node):
            visit(child, depth + isinstance(node, loops), lifted)

    visit(ast.parse(text), 0, {})
    return found


LOOPS = st.sampled_from(["for x in {}:", "while {}:"])


@given(LOOPS, BODIES, st.lists(BODIES, min_size=1, max_size=3), BODIES)
def test_calls_are_counted_by_name_and_by_the_loops_that_do_them(
    loop: str, over: str, statements: list[str], otherwise: str
) -> None:
    body = "\n ".join(statements)
    text = f"{loop.format(over)}\n {body}\nelse:\n {otherwise}\nlen(z)"
    found = tally(text)
    assert {name: n for name, n in found.items() if name.startswith("call ")} == calls_by_ast(text)


def test_what_a_text_defines_is_no_name_that_it_calls() -> None:
    found = tally("def f(x):\n return f(x)+sorted(x)[0]+x.f()")
    assert found["call sorted"] == 1
    assert not {"call f", "call .f"} & found.keys()
    assert found["call"] == 3


def test_operators_and_nodes_are_counted() -> None:
    found = tally("x+=[y for y in z if y in s]\nwhile x:\n for y in z:\n  pass")
    assert (found["+="], found["list_comprehension"], found["for_statement@1"]) == (1, 1, 1)
    assert (found["while_statement"], found["if"]) == (1, 1)
    assert (found["pass"], found["pass@1"], found["pass@2"], found["in@1"]) == (1, 0, 1, 2)


@pytest.mark.parametrize("text", ["", "def (", "(" * 5000, "\x00", "\ud800", "[" * 2000 + "]" * 2000])
def test_any_text_is_counted(text: str) -> None:
    assert tally(text).total() >= 1
