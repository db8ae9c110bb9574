"""Boosted trees on counts of a change: what they say, the file that they are in, and how they are learned."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from ci_rlm.errors import CheckpointError
from ci_rlm.model import counts
from ci_rlm.model.counts import LEAF, Counts, Level, Odds, Trees
from ci_rlm.training import counting
from ci_rlm.training.corpus import Example, Row
from ci_rlm.training.texts import change_space
from tests.fakes import SPACE
from tests.made_up_programs import Comparer

CHANGES = change_space(SPACE)
KEY = (CHANGES.name, "peak_memory")


def stump(feature: int, threshold: float, low: float, high: float) -> tuple[list[Any], ...]:
    """A tree of one question: arrays of its three nodes."""
    return [feature, LEAF, LEAF], [threshold, 0.0, 0.0], [1, 0, 0], [2, 0, 0], [0.0, low, high]


def two_stumps() -> Trees:
    """Over 1.1x likelier the more sorts a change adds, over 2x a little."""
    one, other = stump(0, 0.5, -2.0, 3.0), stump(0, 1.5, -1.0, 0.5)
    arrays = [
        np.array([*a, *(x + 3 * (name in (2, 3) and at == 0) for at, x in enumerate(b))], dtype)
        for name, (a, b, dtype) in enumerate(
            zip(one, other, (np.int16, np.float32, np.int32, np.int32, np.float32), strict=True)
        )
    ]
    return Trees(*arrays, np.array([0, 3], np.int32), np.array([0, 1], np.int32), bias=(0.25, -0.5))


def one_stump() -> Trees:
    """e times the cost for a sort, and as much as the input is larger."""
    feature, threshold, left, right, value = stump(0, 0.5, 0.0, 1.0)
    arrays = (np.array(feature, np.int16), np.array(threshold, np.float32), np.array(left, np.int32))
    rest = (
        np.array(right, np.int32),
        np.array(value, np.float32),
        np.zeros(1, np.int32),
        np.zeros(1, np.int32),
    )
    return Trees(*arrays, *rest, bias=(5.0,))


COST = (SPACE.name, "cpu_time")
COUNTS = Counts(
    ("call sorted", "for_statement"),
    {
        KEY: Odds((math.log(1.1), math.log(2.0)), two_stumps(), 0.5, 2.0),
        COST: Level(((-0.5, 0.1), (0.0, 0.5), (1.0, 0.9)), one_stump(), 0.25, 0.75),
    },
)
TALLIES = st.dictionaries(st.sampled_from([*COUNTS.names, "call other"]), st.integers(0, 3))


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def test_a_change_is_answered_by_the_leaves_it_falls_into() -> None:
    found = COUNTS.of_change(COUNTS.parts[KEY], {}, {"call sorted": 1})
    over = [sigmoid(0.25 + 3.0), sigmoid(-0.5 - 1.0)]
    under = [sigmoid(0.25 - 2.0), sigmoid(-0.5 - 1.0)]
    whole = over[0] + under[0]
    edges = [math.log(1.1), math.log(2.0)]
    expected = [
        (-edges[1], min(under) / whole), (-edges[0], under[0] / whole),
        (edges[0], 1 - over[0] / whole), (edges[1], 1 - over[1] / whole),
    ]  # fmt: skip
    assert found == [(x, pytest.approx(p)) for x, p in expected]


def test_a_cost_is_the_middle_and_the_errors_about_it() -> None:
    part = COUNTS.parts[COST]
    assert isinstance(part, Level)
    assert COUNTS.of_one(part, {"call sorted": 2}, 1000.0) == [(5.5, 0.1), (6.0, 0.5), (7.0, 0.9)]
    assert COUNTS.of_one(part, {}, None) == [(4.5, 0.1), (5.0, 0.5), (6.0, 0.9)]
    assert COUNTS.row_of_one({"for_statement": 3}, math.e).tolist() == [0.0, 3.0, 1.0]


@given(TALLIES, TALLIES)
def test_the_inverse_of_a_change_is_its_mirror_image(before: dict[str, int], after: dict[str, int]) -> None:
    odds = COUNTS.parts[KEY]
    there, back = COUNTS.of_change(odds, before, after), COUNTS.of_change(odds, after, before)
    probabilities = [p for _, p in there]
    assert probabilities == sorted(probabilities)
    assert probabilities[0] >= 0 and probabilities[-1] <= 1
    assert back == [(pytest.approx(-x), pytest.approx(1 - p)) for x, p in reversed(there)]


def test_the_trees_are_those_that_were_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "ROUNDS", 12)
    chance = np.random.default_rng(0)
    rows = chance.integers(-3, 4, (600, 6)).astype(np.float64)
    ratio = rows[:, 0] * 0.3 + (rows[:, 1] > 0) * rows[:, 4] + chance.normal(size=600) * 0.2
    weight = chance.uniform(0.5, 2, 600)
    edges = (0.1, 0.8, 50.0)  # nothing is over the last
    trees = counting._answering(rows, ratio, weight, edges, seed=3)
    for place, edge in enumerate(edges[:2]):
        model = HistGradientBoostingClassifier(max_iter=12, learning_rate=counting.RATE, random_state=3)
        model.fit(rows, ratio > edge, sample_weight=weight)
        expected = model.decision_function(rows[:50])
        assert [each[place] for each in trees.sums(rows[:50])] == pytest.approx(expected.tolist(), abs=1e-5)
    assert trees.sums(rows[:1])[0][2] < -6


def test_many_rows_are_answered_as_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(0).integers(-2, 3, (30, 4)).astype(np.float64)
    trees = COUNTS.parts[KEY].trees
    expected = [trees.sums(row[None])[0] for row in rows]
    monkeypatch.setattr(counts, "_AT_ONCE", 7)
    assert trees.sums(rows) == expected
    assert trees.sums(rows[:0]) == []


def test_the_trees_of_costs_are_those_that_were_fitted() -> None:
    chance = np.random.default_rng(0)
    rows = chance.integers(0, 5, (300, 4)).astype(np.float64)
    cost = rows[:, 0] - rows[:, 1] * rows[:, 2] + chance.normal(size=300)
    trees = counting._guessing(rows, cost, seed=2)
    model = HistGradientBoostingRegressor(max_iter=400, learning_rate=0.06, random_state=2).fit(rows, cost)
    assert [each for (each,) in trees.sums(rows[:50])] == pytest.approx(
        model.predict(rows[:50]).tolist(), abs=1e-5
    )


def test_a_row_at_a_threshold_goes_where_the_fitted_trees_send_it() -> None:
    # So many distinct values that every threshold is one of them, which single precision may round down.
    rows = np.log(np.arange(2.0, 3000.0))[:, None]
    cost = np.random.default_rng(4).normal(size=len(rows))
    trees = counting._guessing(rows, cost, seed=0)
    model = HistGradientBoostingRegressor(max_iter=400, learning_rate=0.06, random_state=0).fit(rows, cost)
    told = np.array(trees.sums(rows))[:, 0]
    assert np.abs(told - model.predict(rows)).max() < 1e-4


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "counts.safetensors"
    path.write_bytes(COUNTS.to_bytes())
    read = counts.read(path)
    assert read.names == COUNTS.names
    assert (read.parts[KEY].network, read.parts[KEY].counts) == (0.5, 2.0)
    change = {"for_statement": 1}, {"call sorted": 2}
    assert read.of_change(read.parts[KEY], *change) == COUNTS.of_change(COUNTS.parts[KEY], *change)
    assert read.parts[COST].errors == COUNTS.parts[COST].errors
    assert read.to_bytes() == COUNTS.to_bytes()


def altered(path: Path, name: str, change: Callable[[np.ndarray[Any, Any]], Any]) -> None:
    """Write the counts with one array changed."""
    path.write_bytes(COUNTS.to_bytes())
    tensors = load_file(path)
    key = f"{KEY[0]}/{KEY[1]}/{name}"
    tensors[key] = change(tensors[key].copy())
    told = json.dumps(
        {
            "version": 2, "names": COUNTS.names,
            "parts": [{"space": KEY[0], "metric": KEY[1], "edges": [0.1, 0.7], "bias": [0.0, 0.0],
                       "network": 1.0, "counts": 1.0}],
        }
    )  # fmt: skip
    save_file(tensors, path, metadata={"counts": told})


def put(place: int, value: float) -> Callable[[np.ndarray[Any, Any]], Any]:
    def change(array: np.ndarray[Any, Any]) -> Any:
        array[place] = value
        return array

    return change


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("left", put(0, 0)),  # a loop without an end
        ("right", put(0, 9)),
        ("feature", put(0, 4)),
        ("feature", put(0, -7)),
        ("root", put(1, 6)),
        ("question", put(0, 2)),
        ("question", lambda array: array[::-1].copy()),
        ("value", put(1, math.nan)),
        ("value", lambda array: array[:-1]),
        ("threshold", lambda array: array.astype(np.float64)),
    ],
)
def test_trees_that_are_none_are_refused(
    tmp_path: Path, name: str, change: Callable[[np.ndarray[Any, Any]], Any]
) -> None:
    path = tmp_path / "counts.safetensors"
    altered(path, name, lambda array: array)
    counts.read(path)
    altered(path, name, change)
    with pytest.raises(CheckpointError, match="damaged"):
        counts.read(path)


@pytest.mark.parametrize(
    "errors", [((0.0, 0.5),), ((0.0, 0.5), (0.0, 0.6)), ((0.0, 0.5), (1.0, 0.5)), ((0.0, 0.0), (1.0, 0.5))]
)
def test_errors_that_do_not_ascend_are_refused(tmp_path: Path, errors: Any) -> None:
    path = tmp_path / "counts.safetensors"
    path.write_bytes(Counts(COUNTS.names, {COST: Level(errors, one_stump())}).to_bytes())
    with pytest.raises(CheckpointError, match="damaged: its errors"):
        counts.read(path)


def test_a_number_that_is_too_large_is_told(tmp_path: Path) -> None:
    path = tmp_path / "counts.safetensors"
    path.write_bytes(COUNTS.to_bytes())
    told = {"version": 2, "names": [], "parts": [{"space": KEY[0], "metric": KEY[1], "bias": [10**400]}]}
    save_file(load_file(path), path, metadata={"counts": json.dumps(told)})
    with pytest.raises(CheckpointError, match="damaged"):
        counts.read(path)


@pytest.mark.parametrize("content", [b"", b"{}", COUNTS.to_bytes()[:-5]])
def test_a_damaged_file_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "counts.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"counts\.safetensors"):
        counts.read(path)


def test_another_version_is_told(tmp_path: Path) -> None:
    path = tmp_path / "counts.safetensors"
    save_file({"a": np.zeros(1)}, path, metadata={"counts": '{"version": 99}'})
    with pytest.raises(CheckpointError, match="another version"):
        counts.read(path)


# How they are learned.


def program(problem: str, split: str, body: str, cost: float, edit: str = "") -> Example:
    text = f"PYTHON\ndef f(x):\n {body}"
    rows = (Row(1000.0, cost, cost / 1e6),)
    return Example(text, problem, "made up", f"r{edit and '+'}{edit}", split, rows, ())


def sorts(split: str, problems: int) -> list[Example]:
    """Problems where a sort doubles the memory, and a loop written in another way costs the same."""
    found = []
    for at in range(problems):
        name = f"{split}{at}"
        found += [
            program(name, split, f"return min(x)+{at}", 1000.0),
            program(name, split, f"return sorted(x)[0]+{at}", 2000.0, "sort_for_extreme"),
            program(name, split, f"return min(x)+{at}+0", 1000.0, "rename_local"),
        ]
    return found


@pytest.fixture(scope="module")
def learned() -> Counts:
    found = counting.fit(sorts("train", 60), (SPACE, CHANGES))
    assert found is not None
    return found


def over(found: Counts, before: str, after: str) -> float:
    """P(after > 1.25 x before)."""
    told = found.of_change(found.parts[KEY], counting.tally(before), counting.tally(after))
    return 1 - dict(told)[math.log(1.25)]


def test_what_costs_is_learned_of_edits(learned: Counts) -> None:
    before, after = "def g(y):\n return min(y)", "def g(y):\n return sorted(y)[0]"
    assert over(learned, before, after) > 0.9
    assert over(learned, after, before) < 0.1
    assert over(learned, before, before) < 0.1
    assert learned.parts.keys() == {
        (s.name, m) for s in (SPACE, CHANGES) for m in ("peak_memory", "cpu_time")
    }
    assert "call sorted" in learned.names


def test_changes_between_releases_are_learned_as_keeping_the_cost(learned: Counts) -> None:
    change = "def g(y):\n return min(y)", "def g(y):\n return sorted(y)[0]"
    warned = counting.fit(sorts("train", 60), (SPACE, CHANGES), [change] * 60)
    assert warned is not None
    assert over(warned, *change) < over(learned, *change) / 2


def test_what_an_edit_costs_is_learned_in_the_code_of_releases_too() -> None:
    """In code where nothing ever mattered, a sort put there is still dear, as it was elsewhere."""
    logged = "def f(x):\n log(x)\n return "
    package = [(f"{logged}min(x)+{at}", f"{logged}min(x)+{at}+1") for at in range(80)]
    change = f"{logged}min(x)", f"{logged}sorted(x)[0]"
    found = counting.fit(sorts("train", 60), (SPACE, CHANGES), package)
    assert found is not None
    assert over(found, *change) > 0.5
    assert over(found, *package[0]) < 0.1


def test_nothing_is_learned_of_no_edits() -> None:
    assert counting.fit([program("p", "train", "pass", 1.0)], (SPACE, CHANGES)) is None


def test_costs_are_learned_with_their_errors(learned: Counts) -> None:
    examples = sorts("calibration", 12)
    found = counting.share(learned, Comparer(examples, spread=0.3), examples)
    part = found.parts[SPACE.name, "peak_memory"]
    assert isinstance(part, Level)
    for text, cost in (("def g(y):\n return min(y)", 1000.0), ("def g(y):\n return sorted(y)[0]", 2000.0)):
        told = found.of_one(part, counting.tally(text), 1000.0)
        assert np.interp(0.5, [p for _, p in told], [x for x, _ in told]) == pytest.approx(
            math.log(cost), abs=0.1
        )


@pytest.mark.parametrize("error", [0.0, 3.0])
def test_the_shares_are_those_that_predict_best(learned: Counts, error: float) -> None:
    examples = sorts("calibration", 12)
    chance = np.random.default_rng(0)
    network = Comparer(examples, lambda: error * float(chance.normal()), spread=0.3)
    found = counting.share(learned, network, examples).parts[KEY]
    assert found.network >= 0 and found.counts >= 0
    if error:  # a network that guesses has less to say
        assert found.network < found.counts / 4


def test_shares_have_the_least_log_loss() -> None:
    chance = np.random.default_rng(1)
    truth = chance.random(400) < 0.5
    told = np.stack([np.where(truth, 1.0, -1.0) + chance.normal(size=400), chance.normal(size=400)], axis=1)
    weight = chance.uniform(0.5, 2, 400)
    found = counting._least_loss(told, truth, weight)

    def loss(shares: tuple[float, float]) -> float:
        margin = np.where(truth, 1, -1) * (told @ np.array(shares))
        return float(weight @ np.log1p(np.exp(-margin)))

    grid = [(a, b) for a in np.arange(0, 4, 0.1) for b in np.arange(0, 1, 0.1)]
    assert loss(found) <= min(map(loss, grid)) + 1e-3


def test_a_run_keeps_the_counts_of_its_start(tmp_path: Path) -> None:
    from ci_rlm.model import checkpoint
    from ci_rlm.training import train
    from tests.test_vocabulary import on_from, written

    first = train.train(written(tmp_path, "einsum", "first"), steps=1)
    assert not (first / checkpoint.COUNTS).exists()
    (first / checkpoint.COUNTS).write_bytes(COUNTS.to_bytes())
    second = train.train(on_from(written(tmp_path, "ravel", "second"), first), steps=1)
    assert (second / checkpoint.COUNTS).read_bytes() == COUNTS.to_bytes()
