"""Names drawn anew: which are a program's own, and what a renamed program keeps."""

from __future__ import annotations

import ast
import random
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_rlm.extract.canonical import canonical
from ci_rlm.training.names import names_in, pool, renamed

PROGRAM = """
import heapq
from math import inf
def dijkstra(graph, source):
 far={node:inf for node in graph}
 far[source]=0
 queue=[(0,source)]
 while queue:
  cost,node=heapq.heappop(queue)
  for other,weight in graph[node]:
   if cost+weight<far[other]:
    far[other]=cost+weight
    heapq.heappush(queue,(far[other],other))
 return far
""".strip()
OWN = ["cost", "dijkstra", "far", "graph", "node", "other", "queue", "source", "weight"]
FRESH = tuple(f"fresh_{number}" for number in range(40))


def shape(source: str, rename: Mapping[str, str]) -> str:
    """The standard parser's tree, with these names replaced wherever the tree holds a name."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for field in ("id", "name", "arg"):
            if isinstance(getattr(node, field, None), str):
                setattr(node, field, rename.get(getattr(node, field), getattr(node, field)))
    return ast.dump(tree)


def test_the_names_of_a_program_are_those_that_it_chose_itself() -> None:
    assert names_in(PROGRAM) == OWN


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("for x in y: pass", ["x", "y"]),
        ("print(len(x))", ["x"]),
        ("self.x", []),
        ("match x:\n case _:\n  pass", ["x"]),
        ("import x\nx.y", []),
        ("from a import b as c\nc(b)", []),
        ("'x'", []),
        ("1e5+0x1f+1j", []),
    ],
)
def test_keywords_builtins_attributes_imports_and_strings_are_not_its_own(text: str, own: list[str]) -> None:
    assert names_in(text) == own


def test_a_pool_holds_the_names_that_enough_texts_use() -> None:
    assert pool(["a + b", "a + c + c", "b + a"], least=2) == ("a", "b")


def test_a_name_counts_once_a_text() -> None:
    assert pool(["a + a + a", "b"], least=2) == ()


@settings(max_examples=40)
@given(st.randoms(use_true_random=False))
def test_a_renamed_program_is_the_same_but_for_its_names(chance: random.Random) -> None:
    text = renamed(PROGRAM, FRESH, chance)
    names = dict(zip(_names_in_order(PROGRAM), _names_in_order(text), strict=True))
    assert shape(PROGRAM, names) == shape(text, {})
    assert len(set(names.values())) == len(names)


def _names_in_order(source: str) -> list[str]:
    """Each name of a tree once, in the order in which the tree first holds it."""
    found: dict[str, None] = {}
    for node in ast.walk(ast.parse(source)):
        for field in ("id", "name", "arg"):
            if isinstance(name := getattr(node, field, None), str):
                found[name] = None
    return list(found)


@settings(max_examples=40)
@given(st.randoms(use_true_random=False))
def test_no_keyword_builtin_import_or_attribute_is_renamed(chance: random.Random) -> None:
    text = renamed(PROGRAM, FRESH, chance)
    kept = ("import heapq", "from math import inf", "heapq.heappop(", "heapq.heappush(", ":inf for ")
    assert all(part in text for part in kept)


@settings(max_examples=40)
@given(st.randoms(use_true_random=False))
def test_a_name_that_the_program_has_already_is_given_to_no_other(chance: random.Random) -> None:
    text = renamed(PROGRAM, OWN, chance)
    assert text == PROGRAM


def test_one_seed_gives_one_renaming() -> None:
    assert renamed(PROGRAM, FRESH, random.Random(3)) == renamed(PROGRAM, FRESH, random.Random(3))


def test_seeds_rename_different_shares() -> None:
    texts = [renamed(PROGRAM, FRESH, random.Random(seed)) for seed in range(30)]
    shares = {sum(name in text for name in FRESH) for text in texts}
    assert min(shares) <= 2
    assert max(shares) >= 8


def test_a_small_pool_renames_no_more_names_than_it_has() -> None:
    texts = [renamed(PROGRAM, FRESH[:2], random.Random(seed)) for seed in range(30)]
    assert max(sum(name in text for name in FRESH) for text in texts) == 2


def test_renamed_code_still_parses_in_a_real_module() -> None:
    source = (Path(sysconfig.get_path("stdlib")) / "heapq.py").read_text(encoding="utf-8")
    ast.parse(renamed(canonical(source, "python"), FRESH, random.Random(1)))
