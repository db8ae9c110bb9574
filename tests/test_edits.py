"""What a set of edits keeps: readable programs, unlike texts, one answer for a seed, names, numbers."""

from __future__ import annotations

import ast
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_rlm.training.edits import EFFICIENCY, NEUTRAL, NEUTRAL_NAMES, SEVERAL, edits_of, kind_of, sites

ROOT = Path(__file__).parent.parent
STANDARD = Path(sysconfig.get_path("stdlib"))
MODULES = sorted(path for path in STANDARD.glob("*.py") if 2_000 < path.stat().st_size < 12_000)
KINDS = {edit.name: edit for edit in (*EFFICIENCY, *NEUTRAL)}

SOURCE = """
def f(xs, k):
    n = len(xs)
    seen = set()
    total = 0
    for i in range(n):
        if xs[i] in seen and xs[i] < k:
            total += xs[i]
        seen.add(xs[i])
    return max(total, k)
"""


@pytest.mark.parametrize("module", ["bisect.py", "heapq.py", "queue.py", "textwrap.py"])
def test_standard_modules_compile_after_each_edit(module: str) -> None:
    made = edits_of((STANDARD / module).read_text(encoding="utf-8"), efficiency=8, neutral=8, seed="")
    assert len(made) > 8
    for each in made:
        compile(each.after, each.edit, "exec")


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(MODULES), st.text(max_size=3))
def test_edits_of_standard_modules_all_differ(path: Path, seed: str) -> None:
    made = edits_of(path.read_text(encoding="utf-8"), efficiency=3, neutral=3, seed=seed)
    texts = [each.after for each in made if kind_of(each.edit) != SEVERAL]
    assert len({*texts, *(each.before for each in made)}) == len(texts) + 1


def test_at_most_so_many_edits_of_each_sort_are_made() -> None:
    made = edits_of(SOURCE, efficiency=1, neutral=2, seed="s")
    assert sorted(each.neutral for each in made) == [False, True, True]


def test_none_are_made_where_none_are_wanted() -> None:
    assert edits_of(SOURCE, efficiency=0, neutral=0, seed="s") == []


def test_a_seed_gives_the_same_edits_each_time() -> None:
    once = edits_of(SOURCE, efficiency=20, neutral=20, seed="s")
    assert once == edits_of(SOURCE, efficiency=20, neutral=20, seed="s")


def test_layout_and_comments_do_not_change_what_is_drawn() -> None:
    spread = SOURCE.replace("\n    n", "\n\n    # how many\n    n").replace(", ", ",  ")
    assert edits_of(spread, efficiency=9, neutral=9, seed="s") == edits_of(
        SOURCE, efficiency=9, neutral=9, seed="s"
    )


def test_who_asks_for_more_gets_the_same_and_more() -> None:
    few = edits_of(SOURCE, efficiency=3, neutral=3, seed="s")
    more = edits_of(SOURCE, efficiency=9, neutral=9, seed="s")
    assert [e for e in more if e in few] == few


def test_the_edits_are_the_same_in_every_process() -> None:
    ask = "import sys; from ci_rlm.training.edits import edits_of; "
    ask += "print(edits_of(sys.argv[1], efficiency=9, neutral=9, seed=''))"
    told = {
        subprocess.run(
            [sys.executable, "-c", ask, SOURCE],
            env={"PYTHONHASHSEED": hashes},
            capture_output=True,
            check=True,
            cwd=ROOT,
        ).stdout
        for hashes in ("1", "2")
    }
    assert len(told) == 1


def test_seeds_give_different_edits() -> None:
    drawn = {tuple(e.after for e in edits_of(SOURCE, efficiency=1, neutral=1, seed=str(s))) for s in range(9)}
    assert len(drawn) > 1


def test_kinds_differ_as_long_as_enough_apply() -> None:
    made = edits_of(SOURCE, efficiency=6, neutral=0, seed="s")
    assert len({kind_of(each.edit) for each in made}) == 6


def test_further_places_of_a_kind_are_numbered() -> None:
    made = edits_of("def f(a, b):\n    return max(a, b) + max(b, 3)", efficiency=99, neutral=0, seed="s")
    assert {"list_for_two", "list_for_two.2"} <= {each.edit for each in made}


def test_each_edit_of_a_program_has_its_own_name() -> None:
    names = [each.edit for each in edits_of(SOURCE, efficiency=99, neutral=99, seed="s")]
    assert len(set(names)) == len(names)


def test_an_edit_tells_its_kind_and_its_sort() -> None:
    for each in edits_of(SOURCE, efficiency=30, neutral=30, seed=""):
        assert (kind_of(each.edit) in NEUTRAL_NAMES) == each.neutral


def test_neutral_edits_come_alone_and_several_at_once() -> None:
    made = edits_of(SOURCE, efficiency=0, neutral=20, seed="s")
    assert {kind_of(each.edit) == SEVERAL for each in made} == {True, False}


def test_both_sides_are_written_alike() -> None:
    made = edits_of("def f( n ):\n    # why\n    return list( range( n ) )", efficiency=0, neutral=9, seed="")
    assert {each.before for each in made} == {"def f(n):\n    return list(range(n))"}
    assert all(each.after == ast.unparse(ast.parse(each.after)) for each in made)


@pytest.mark.parametrize("text", ["def f(", "x = 1\0", "(" * 1000])
def test_a_text_that_does_not_parse_has_no_edits(text: str) -> None:
    assert edits_of(text, efficiency=9, neutral=9, seed="") == []
    assert sites(text) == {}


def test_sites_count_the_places_of_each_kind() -> None:
    found = sites("def f(a, b):\n    return max(a, b) + min(b, a)")
    assert (found["list_for_two"], found.get("queue_as_list", 0)) == (2, 0)


def test_no_two_kinds_share_a_name() -> None:
    assert len(KINDS) == len(EFFICIENCY) + len(NEUTRAL)


def test_an_inverse_is_a_kind_whose_inverse_it_is() -> None:
    for name, each in KINDS.items():
        if each.inverse:
            assert KINDS[each.inverse].inverse == name


def test_an_inverse_goes_the_other_way() -> None:
    opposite = {"costlier": "cheaper", "cheaper": "costlier", "neutral": "neutral"}
    for each in KINDS.values():
        if each.inverse:
            assert KINDS[each.inverse].direction == opposite[each.direction]


def test_efficiency_edits_are_many_and_half_of_them_can_be_undone() -> None:
    assert len(EFFICIENCY) >= 40
    assert sum(bool(each.inverse) for each in EFFICIENCY) >= 50


def test_every_kind_says_what_it_does() -> None:
    assert all(each.summary for each in KINDS.values())


def test_a_return_without_a_value_is_no_expression() -> None:
    text = "def f(x):\n    if x:\n        return\n    return 1\n"
    assert "branch_to_conditional" not in sites(text)
