"""The counts of a fine-tune: the trees of its start go on on a team's rows."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.extract.tally import tally
from ci_rlm.model import checkpoint, counts
from ci_rlm.model.counts import Counts, Level
from ci_rlm.training import grown, rehearsal
from ci_rlm.training.corpus import Example, Row
from tests.fakes import SPACE
from tests.test_counts import COST, COUNTS, KEY, TALLIES

SIZE = SPACE.size or 1.0


def function(at: int, split: str) -> Example:
    """One of two sorts of functions; of those that draw, each call takes twenty times as long."""
    draws = at % 2 == 1
    body = f"return canvas.draw(x)+{at}" if draws else f"return x+{at}"
    row = Row(SIZE, None, 1e-3 * (20 if draws else 1))
    return Example(f"PYTHON\ndef f(x):\n {body}", f"f{at}", "ingested", f"r{at}", split, (row,), ())


TEAM = [function(at, "train") for at in range(100)] + [function(at, "calibration") for at in range(100, 140)]


def middle(of: Counts, text: str) -> float:
    part = of.parts[COST]
    assert isinstance(part, Level)
    ((told,),) = part.trees.sums(of.row_of_one(tally(text), SIZE)[None])
    return told


@pytest.fixture(scope="module")
def teams() -> Counts:
    return grown.grown(COUNTS, TEAM, SPACE.name, SIZE)


def test_what_a_team_measured_is_learned(teams: Counts) -> None:
    assert middle(teams, "def g(y):\n return y") == pytest.approx(math.log(1e-3), abs=0.2)
    assert middle(teams, "def g(y):\n return canvas.draw(y)") == pytest.approx(math.log(2e-2), abs=0.2)
    assert "call .draw" in teams.names


def test_what_is_said_of_other_code_stays(teams: Counts) -> None:
    others = [each.text for each, _ in zip(rehearsal.generated(), range(300), strict=False)][200:]
    apart = [abs(middle(teams, text) - middle(COUNTS, text)) for text in others]
    assert np.median(apart) < 0.1


def test_the_trees_of_changes_stay(teams: Counts) -> None:
    change = {"for_statement": 1}, {"call sorted": 2}
    assert teams.of_change(teams.parts[KEY], *change) == COUNTS.of_change(COUNTS.parts[KEY], *change)


def test_nothing_grows_that_does_not_help() -> None:
    """Noise about what the start says already, and a metric that nobody measured."""
    chance = np.random.default_rng(0)
    noisy = [
        replace(each, rows=(Row(SIZE, None, math.exp(middle(COUNTS, each.text) + chance.normal() * 1e-9)),))
        for each in TEAM
    ]
    found = grown.grown(COUNTS, noisy, SPACE.name, SIZE)
    assert middle(found, TEAM[0].text) == pytest.approx(middle(COUNTS, TEAM[0].text), abs=1e-6)


@pytest.mark.parametrize("split", ["train", "calibration"])
def test_too_few_rows_teach_nothing(split: str) -> None:
    few = [each for each in TEAM if each.split != split]
    assert grown.grown(COUNTS, few, SPACE.name, SIZE) is COUNTS
    few += [each for each in TEAM if each.split == split][:5]
    assert middle(grown.grown(COUNTS, few, SPACE.name, SIZE), TEAM[1].text) == middle(COUNTS, TEAM[1].text)


@given(TALLIES, TALLIES, st.lists(st.sampled_from([*COUNTS.names, "call other", "if_statement"])))
def test_to_count_further_names_changes_no_answer(
    before: dict[str, int], after: dict[str, int], names: list[str]
) -> None:
    found = COUNTS.counting(names)
    assert set(found.names) == {*COUNTS.names, *names}
    assert found.of_change(found.parts[KEY], before, after) == COUNTS.of_change(
        COUNTS.parts[KEY], before, after
    )
    assert found.of_one(found.parts[COST], after, 7.0) == COUNTS.of_one(COUNTS.parts[COST], after, 7.0)


def test_more_names_than_trees_can_number_are_left_out() -> None:
    found = COUNTS.counting(f"call {number}" for number in range(40_000))
    assert len(found.names) == counts.MOST
    change = {"for_statement": 1}, {"call sorted": 2}
    assert found.of_change(found.parts[KEY], *change) == COUNTS.of_change(COUNTS.parts[KEY], *change)


def test_trees_behind_others_add_their_answers(teams: Counts) -> None:
    rows = np.random.default_rng(0).integers(-2, 3, (40, 4)).astype(np.float64)
    one = COUNTS.parts[KEY].trees
    other = replace(one, bias=(1.0, 2.0), value=one.value * 3)
    both = one.and_then(other)
    expected = np.array(one.sums(rows)) + np.array(other.sums(rows))
    assert np.array(both.sums(rows)) == pytest.approx(expected, abs=1e-6)


def test_what_has_grown_is_written_and_read(teams: Counts, tmp_path: Path) -> None:
    checkpoint.write_counts(tmp_path, teams)
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.COUNTS]
    read = counts.read(tmp_path / checkpoint.COUNTS)
    assert middle(read, TEAM[1].text) == pytest.approx(middle(teams, TEAM[1].text), abs=1e-6)
