"""Found probabilities and the bound on false alarms, against simulations whose truth is known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from ci_rlm.comparing import found_probability
from ci_rlm.errors import CiRlmError
from ci_rlm.flow import Calibration
from ci_rlm.training import calibrate, reliability
from tests.test_calibrate import made_up

OWNERS = np.arange(6000) % 100


def simulated(distort: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities as told, and outcomes that come about with `told ** distort`."""
    chance = np.random.default_rng(3)
    told = chance.uniform(0.01, 0.99, 6000)
    return told, chance.uniform(size=6000) < told**distort


@pytest.mark.parametrize("distort", [0.4, 3.0])
def test_told_probabilities_are_mapped_to_what_is_found(distort: float) -> None:
    told, regressed = simulated(distort)
    fitted = reliability.map_of(told, regressed, np.ones(6000), OWNERS)
    assert fitted is not None
    found = found_probability(Calibration("cpu_time", (), 0, fitted))
    for p in (0.1, 0.3, 0.5, 0.7, 0.9):
        assert found(p) == pytest.approx(p**distort, abs=0.06)


def test_probabilities_that_are_right_are_left_alone() -> None:
    told, regressed = simulated(1.0)
    assert reliability.map_of(told, regressed, np.ones(6000), OWNERS) is None


def test_a_map_never_falls_and_is_never_certain() -> None:
    told, regressed = simulated(3.0)
    fitted = reliability.map_of(told, regressed, np.ones(6000), OWNERS)
    assert fitted is not None
    values = [value for _, value in fitted.points]
    assert values == sorted(values)
    assert 0 < values[0] < values[-1] < 1


def test_of_two_probabilities_the_higher_one_stays_the_higher_one() -> None:
    # Two levels of what is found, so that plain steps would be flat from 0.1 to 0.45.
    told = np.linspace(0.01, 0.99, 6000)
    regressed = np.random.default_rng(3).uniform(size=6000) < np.where(told < 0.5, 0.1, 0.9)
    fitted = reliability.map_of(told, regressed, np.ones(6000), OWNERS)
    assert fitted is not None
    found = found_probability(Calibration("cpu_time", (), 0, fitted))
    values = [found(p) for p in np.linspace(0.1, 0.9, 33)]
    assert fitted.method == "isotonic"
    assert all(low < high for low, high in itertools.pairwise(values))


@pytest.mark.parametrize(("problems", "target"), [(19, 0.05), (60, 0.05), (40, 0.2)])
def test_new_neutral_edits_pass_no_more_often_than_promised(problems: int, target: float) -> None:
    chance = np.random.default_rng(5)
    passed = []
    for _ in range(4000):
        scores = chance.beta(1, 4, problems + 1)
        neutral, owner = np.ones(problems, dtype=bool), np.arange(problems)
        bound = reliability.false_alarms(scores[:-1], neutral, owner, target)
        passed.append(scores[-1] > bound.threshold)
    error = 3 * math.sqrt(target * (1 - target) / 4000)
    assert np.mean(passed) < target + error
    assert np.mean(passed) > target - 1 / (problems + 1) - error


def test_a_threshold_that_is_kept_is_not_under_the_one_that_was_found() -> None:
    scores = np.array([0.02703381] * 40)
    bound = reliability.false_alarms(scores, np.ones(40, dtype=bool), np.arange(40), 0.05)
    assert bound.threshold == 0.0271


@pytest.mark.parametrize("problems", [1, 2, 3, 6])
def test_a_map_of_few_problems_is_made_or_not_and_nothing_breaks(problems: int) -> None:
    told, regressed = simulated(0.4)
    fitted = reliability.map_of(told, regressed, np.ones(6000), np.arange(6000) % problems)
    assert (fitted is None) == (problems == 1)


def test_pairs_without_weight_in_a_fold_are_no_evidence() -> None:
    told, regressed = simulated(0.4)
    weight = np.where(OWNERS % reliability.FOLDS == 1, 0.0, 1.0)
    fitted = reliability.map_of(told, regressed, weight, OWNERS)
    assert fitted is not None
    assert (
        fitted.points
        == reliability.map_of(*(each[weight > 0] for each in (told, regressed, weight, OWNERS))).points
    )


def test_edits_that_all_keep_the_cost_tell_nothing_of_claims() -> None:
    nothing = np.zeros(30)
    told = calibrate.Told(np.full((2, 30), 0.1), nothing, nothing, np.ones(30, dtype=bool), np.arange(30))
    with pytest.raises(CiRlmError, match="no edits that change cpu_time"):
        calibrate.of_told(told, "cpu_time", 0.05)
    none = calibrate.Told(
        np.zeros((2, 0)), *(np.zeros(0) for _ in range(2)), np.zeros(0, bool), np.zeros(0, int)
    )
    with pytest.raises(CiRlmError, match="no edits that change cpu_time"):
        calibrate.of_told(none, "cpu_time")


def test_a_problem_counts_once_however_many_edits_it_has() -> None:
    scores = np.array([0.9] * 500 + [0.1] * 19)
    owner = np.array([0] * 500 + list(range(1, 20)))
    bound = reliability.false_alarms(scores, np.ones(519, dtype=bool), owner, 0.1)
    assert (bound.threshold, bound.problems) == (0.1, 20)


def test_edits_that_change_the_cost_are_no_false_alarms() -> None:
    scores, owner = np.array([0.2] * 20 + [0.99] * 20), np.tile(np.arange(20), 2)
    neutral = np.arange(40) < 20
    assert reliability.false_alarms(scores, neutral, owner, 0.05).threshold == 0.2


@pytest.mark.parametrize(("target", "needed"), [(0.05, 19), (0.01, 99), (0.5, 1)])
def test_too_few_problems_are_refused_with_the_number_that_it_takes(target: float, needed: int) -> None:
    few = needed - 1
    with pytest.raises(CiRlmError, match=f"{few} held-out problems have a neutral edit") as caught:
        reliability.false_alarms(np.zeros(few), np.ones(few, dtype=bool), np.arange(few), target)
    assert f"takes {needed} of them" in caught.value.hint
    assert reliability.false_alarms(np.zeros(needed), np.ones(needed, dtype=bool), np.arange(needed), target)


def test_too_few_pairs_are_refused_with_the_number_that_it_takes() -> None:
    with pytest.raises(CiRlmError, match="39 held-out pairs are too few") as caught:
        calibrate.reliable(made_up(39, slope=1.0, floor=0.2), "cpu_time")
    assert "takes 40 pairs" in caught.value.hint


def test_a_calibration_holds_bands_and_a_bound_and_tells_them() -> None:
    pairs = made_up(4000, slope=0.5, floor=0.3)
    pairs.neutral[:] = np.tile(np.random.default_rng(1).random(4000) < 0.3, 2)
    pairs.measured[pairs.neutral] = 0.0
    found = calibrate.reliable(pairs, "cpu_time", 0.1)
    assert found.bands
    assert found.false_alarms is not None
    assert found.false_alarms.problems == 60
    assert 0 < found.false_alarms.threshold < 1
    assert "at most 10% false alarms" in calibrate.told(found)
