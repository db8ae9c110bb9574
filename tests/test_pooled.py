"""A network's answers of changes pooled with counting."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm import comparing, predict, prompt
from ci_rlm.errors import CheckpointError
from ci_rlm.flow import Prediction, Prompt
from ci_rlm.model import checkpoint
from ci_rlm.predict.pooled import LEVELS, PooledPredictor, cdf, points_of, pool
from tests.fakes import SPACE
from tests.made_up_programs import Comparer, example
from tests.test_counts import CHANGES, COUNTS, KEY

TEXTS = "def f(x):\n return min(x)", "def f(x):\n return sorted(x)[0]"
PROGRAMS = [example(str(at), [1000.0], text=f"PYTHON\n{text}") for at, text in enumerate(TEXTS)]
BEFORE, AFTER = (prompt.prompt_from_text(text, SPACE) for text in TEXTS)
PROMPT = prompt.change_prompt(BEFORE, AFTER, SPACE, CHANGES)


def pooled(**shares: float) -> PooledPredictor:
    counts = COUNTS.sharing({KEY: (shares.get("network", 0.5), shares.get("counts", 2.0))})
    return PooledPredictor(Comparer(PROGRAMS, spread=0.2), lambda: counts, "digest")


def distribution(predictor: predict.Predictor) -> list[tuple[float, float]]:
    """ln ratio and probability of the memory of the change."""
    (answer,) = predictor.predict([PROMPT])
    return points_of(answer[0])


POINTS = st.lists(
    st.tuples(st.floats(-3, 3), st.floats(0.01, 0.99)), min_size=2, max_size=8, unique_by=lambda pair: pair[0]
).map(lambda pairs: list(zip(sorted(x for x, _ in pairs), sorted(p for _, p in pairs), strict=True)))


@given(POINTS, POINTS, st.floats(0, 2), st.floats(0.01, 2))
def test_the_log_odds_of_a_pool_are_the_sum_of_the_shares(
    one: list[tuple[float, float]], other: list[tuple[float, float]], network: float, counts: float
) -> None:
    for x, p in pool(one, other, (network, counts)):
        parts = []
        for points in (one, other):
            xs, ps = zip(*points, strict=True)
            left, right = ps[0] / 2, (1 + ps[-1]) / 2
            parts.append(float(np.interp(x, xs, ps, left=left, right=right)))
        expected = network * math.log(parts[0] / (1 - parts[0])) + counts * math.log(
            parts[1] / (1 - parts[1])
        )
        assert math.log(p / (1 - p)) == pytest.approx(expected, abs=1e-6)


@given(POINTS, POINTS)
def test_a_pool_never_falls_and_its_mirror_image_is_that_of_the_mirrored(
    one: list[tuple[float, float]], other: list[tuple[float, float]]
) -> None:
    shares = (0.7, 1.3)
    found = pool(one, other, shares)
    assert [p for _, p in found] == sorted(p for _, p in found)
    turned = pool([(-x, 1 - p) for x, p in reversed(one)], [(-x, 1 - p) for x, p in reversed(other)], shares)
    for (x, p), (y, q) in zip(found, reversed(turned), strict=True):
        assert (y, q) == (pytest.approx(-x), pytest.approx(1 - p, abs=1e-9))


def test_the_network_alone_is_told_as_it_was() -> None:
    (said,) = pooled(network=1.0, counts=0.0).predict([PROMPT])
    (answer,) = Comparer(PROGRAMS, spread=0.2).predict([PROMPT])
    for level, value in answer[0].quantiles:
        assert dict(said[0].quantiles)[level] == pytest.approx(value)


def test_counting_alone_says_what_its_trees_say() -> None:
    said = distribution(pooled().counting())
    before, after = {}, {"call sorted": 1}
    for x, p in COUNTS.of_change(COUNTS.parts[KEY], before, after):
        assert cdf(said, x) == pytest.approx(p, abs=0.011)


def test_both_are_surer_than_either() -> None:
    # The network says no change, the trees say dearer; here they are asked where both lean one way.
    network = Comparer(PROGRAMS, lambda: 0.2, spread=0.2)
    both = PooledPredictor(network, lambda: COUNTS.sharing({KEY: (1.0, 1.0)}), "digest")
    edge = math.log(1.1)
    over = [1 - cdf(distribution(each), edge) for each in (network, both.counting(), both)]
    assert 0.5 < max(over[:2]) < over[2]


def test_an_answer_of_a_change_has_percentiles() -> None:
    (change,) = pooled().predict([PROMPT])
    assert [level for level, _ in change[0].quantiles] == list(LEVELS)
    values = [value for _, value in change[0].quantiles]
    assert values == sorted(values)
    (alone,) = Comparer(PROGRAMS, spread=0.2).predict([PROMPT])
    assert change[1] == alone[1]  # nothing was counted of its time


@pytest.mark.parametrize(("prompt", "sorts"), [(BEFORE, 0), (AFTER, 1)])
def test_a_cost_is_pooled_at_the_networks_levels(prompt: Prompt, sorts: int) -> None:
    alone, counting, both = (
        next(iter(each.predict([prompt])))
        for each in (Comparer(PROGRAMS, spread=0.2), pooled().counting(), pooled())
    )
    assert both[0] == alone[0]  # nothing was counted of its memory
    assert [level for level, _ in both[1].quantiles] == [level for level, _ in alone[1].quantiles]
    assert math.log(counting[1].median) == pytest.approx(5.0 + sorts)
    least, most = sorted((counting[1].median, alone[1].median))
    assert least < both[1].median < most


def test_a_check_reads_probabilities_off_the_answer_to_a_percent() -> None:
    predictor = pooled(network=0.0, counts=1.0)
    there, back = predictor.predict([PROMPT, prompt.change_prompt(AFTER, BEFORE, SPACE, CHANGES)])
    mixed = comparing.mixture(there[0], back[0])
    told = COUNTS.of_change(COUNTS.parts[KEY], {}, {"call sorted": 1})
    for x, p in told:
        assert comparing.cdf_of(mixed, x) == pytest.approx(p, abs=0.015)


def test_its_digest_is_of_weights_and_counts() -> None:
    network = Comparer(PROGRAMS)
    digests = {PooledPredictor(network, lambda: COUNTS, name).info.digest for name in ("a", "b")}
    assert len(digests | {network.info.digest}) == 3


class _Silent(Comparer):
    """A network that must not be asked about changes."""

    def predict(self, prompts: Sequence[Prompt]) -> Iterator[tuple[Prediction, ...]]:
        assert all(each.space == SPACE.name for each in prompts)
        return super().predict(prompts)


def test_a_network_without_a_share_is_not_asked() -> None:
    both = dict.fromkeys([KEY, (CHANGES.name, "cpu_time")], COUNTS.parts[KEY])
    counts = replace(COUNTS, parts=COUNTS.parts | both)
    counts = counts.sharing(dict.fromkeys(both, (0.0, 1.0)))
    found = PooledPredictor(_Silent(PROGRAMS), lambda: counts, "digest").predict([BEFORE, PROMPT, AFTER])
    assert [answer[0].unit for answer in found] == ["B", "1", "B"]
    with pytest.raises(AssertionError):
        list(PooledPredictor(_Silent(PROGRAMS), lambda: COUNTS, "digest").predict([PROMPT]))


def test_equal_values_keep_the_last_probability() -> None:
    told = Prediction("peak_memory", "1", ((0.1, 1.0), (0.5, 1.0), (0.9, 2.0)))
    assert points_of(told) == [(0.0, 0.5), (pytest.approx(math.log(2)), 0.9)]


def test_a_damaged_file_is_told_at_the_first_answer(tmp_path: Path) -> None:
    (tmp_path / checkpoint.COUNTS).write_bytes(b"nothing")
    predictor = PooledPredictor.of_checkpoint(Comparer(PROGRAMS), tmp_path)
    with pytest.raises(CheckpointError, match=r"counts\.safetensors"):
        list(predictor.predict([PROMPT]))


def test_counting_loads_no_torch(tmp_path: Path) -> None:
    (tmp_path / checkpoint.COUNTS).write_bytes(COUNTS.to_bytes())
    program = (
        "import sys; from pathlib import Path; from ci_rlm.model.checkpoint import read_counts;"
        "import ci_rlm.predict.pooled; read_counts(Path(sys.argv[1])); sys.exit('torch' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": ""}
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, env=environment)
