"""What `benchmarks/rank.py` counts: who is first, whether it is the best, and what ratios say of it."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from ci_rlm.comparing import mixture
from ci_rlm.flow import Prediction
from ci_rlm.training.corpus import Example, Row
from tests.fakes import PROBABILITIES

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("rank")


def ratio(*values: float) -> Prediction:
    """A ratio whose quantiles, in equal parts, are these values."""
    at = [int(u * len(values)) for u in PROBABILITIES]
    return Prediction("cpu_time", "1", tuple((u, values[i]) for u, i in zip(PROBABILITIES, at, strict=True)))


def answers(*values: float) -> tuple[tuple[Prediction], tuple[Prediction]]:
    return (ratio(*sorted(values)),), (ratio(*sorted(1 / value for value in values)),)


def test_a_dearer_second_makes_the_first_the_likelier(script: ModuleType) -> None:
    told = script.told_of(mixture(ratio(2.0), ratio(0.5)))
    assert 0.95 < told.p_cheaper < 1
    assert told.ratio.mid == pytest.approx(2.0)


def test_nothing_between_two_programs_is_a_tossed_coin(script: ModuleType) -> None:
    assert script.told_of(mixture(ratio(1.0), ratio(1.0))).p_cheaper == pytest.approx(0.5)
    assert script.told_of(mixture(ratio(0.5, 2.0), ratio(0.5, 2.0))).p_cheaper == pytest.approx(0.5)


def test_the_cheapest_of_three_has_most_of_the_chances(script: ModuleType) -> None:
    # Second ÷ first, third ÷ first, third ÷ second: the third is the cheapest.
    pairs = [answers(0.9, 1.1), answers(0.1, 0.2), answers(0.1, 0.2)]
    chances = script.tournament(3, pairs, 0)
    assert int(np.argmax(chances)) == 2
    assert sum(chances) == pytest.approx(1.0)


def test_the_likeliest_counts_as_the_best_if_none_costs_less(script: ModuleType) -> None:
    def point(seconds: float) -> tuple[Example, Row]:
        row = Row(1000.0, 1.0, seconds)
        return Example("", "p", "made up", "r", "test", (row,), ()), row

    groups = [[point(1.0), point(2.0)], [point(1.0), point(2.0)], [point(1.0), point(1.0005)]]
    chances = np.array([[0.8, 0.2], [0.3, 0.7], [0.1, 0.9]])
    told = script.first_of(groups, script.Ranked.by(chances), "cpu_time")
    assert told.tolist() == [[0.8, 1.0], [0.7, 0.0], [0.9, 1.0]]
