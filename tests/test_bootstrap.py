"""Intervals from drawing problems: how often they hold the truth, and when there are none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from ci_rlm.training import bootstrap, scores
from ci_rlm.training.bootstrap import Figure, Sampled
from ci_rlm.training.scores import Indices, Reals, Score

PROBLEMS = 40


def told(score: Score, problems: int = PROBLEMS, **draws: int) -> Sampled:
    return bootstrap.sampled({"it": score}, bootstrap.draws(problems, **draws))["it"]


def alike(seed: int) -> tuple[Reals, Indices]:
    """Ten values a problem, which has more to say of them than chance has; their mean is 0."""
    chance = np.random.default_rng(seed)
    owner = np.repeat(np.arange(PROBLEMS), 10)
    return chance.normal(size=PROBLEMS)[owner] + chance.normal(size=len(owner)) * 0.3, owner


def holds(figure: Figure, truth: float) -> bool:
    assert figure.low is not None
    assert figure.high is not None
    return figure.low <= truth <= figure.high


def test_each_draw_is_of_as_many_problems_as_there_are() -> None:
    drawn = bootstrap.draws(7, 500)
    assert drawn.shape == (500, 7)
    assert set(drawn.sum(axis=1)) == {7.0}
    assert drawn.mean(axis=0) == pytest.approx(np.ones(7), abs=0.2)


def test_draws_are_the_same_for_a_seed_and_others_for_another() -> None:
    assert np.array_equal(bootstrap.draws(9, 50, 3), bootstrap.draws(9, 50, 3))
    assert not np.array_equal(bootstrap.draws(9, 50, 3), bootstrap.draws(9, 50, 4))


def test_an_interval_holds_the_truth_nineteen_times_in_twenty() -> None:
    held = [
        holds(bootstrap.figure(told(scores.mean(*alike(seed)), resamples=400, seed=seed)), 0.0)
        for seed in range(300)
    ]
    assert 0.91 <= np.mean(held) <= 0.98


def test_an_interval_of_a_rank_correlation_holds_the_truth() -> None:
    # Of a bivariate normal distribution with correlation r: (6 / π) asin(r / 2).
    held = []
    for seed in range(200):
        chance = np.random.default_rng(seed)
        y, p = chance.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 60).T
        each = told(scores.spearman(y, p, np.arange(60)), 60, resamples=200, seed=seed)
        held.append(holds(bootstrap.figure(each), 6 / np.pi * np.arcsin(0.3)))
    assert 0.89 <= np.mean(held) <= 0.99


def test_items_that_are_drawn_one_by_one_would_promise_too_much() -> None:
    held = []
    for seed in range(100):
        values, _ = alike(seed)
        each = scores.mean(values, np.arange(len(values)))
        held.append(holds(bootstrap.figure(told(each, len(values), resamples=200)), 0.0))
    assert np.mean(held) < 0.7


def test_a_difference_is_surer_than_its_two_sides() -> None:
    values, owner = alike(1)
    noise = np.random.default_rng(2).normal(size=len(values)) * 0.1
    left, right = told(scores.mean(values + 0.1 + noise, owner)), told(scores.mean(values, owner))
    found = bootstrap.difference(left, right)
    assert holds(found.difference, 0.1)
    assert not holds(found.difference, 0.0)
    assert holds(bootstrap.figure(left), 0.0)
    assert found.higher == 1.0


def test_a_predictor_is_no_better_than_itself() -> None:
    each = told(scores.mean(*alike(1)))
    found = bootstrap.difference(each, each)
    assert (found.difference.low, found.difference.high, found.higher) == (0.0, 0.0, 0.5)


def test_few_problems_have_no_interval() -> None:
    values, owner = alike(1)
    figure = bootstrap.figure(told(scores.mean(values[:40], owner[:40])))
    assert (figure.low, figure.high, figure.count, figure.problems) == (None, None, 40, 4)
    assert figure.value == pytest.approx(values[:40].mean())


def test_no_false_alarm_in_so_many_problems_is_not_no_risk() -> None:
    owner = np.repeat(np.arange(PROBLEMS), 3)
    for hits in (np.zeros(len(owner), dtype=np.bool_), np.ones(len(owner), dtype=np.bool_)):
        figure = bootstrap.figure(told(scores.mean(hits, owner)))
        ends = beta.ppf(0.975, 1, PROBLEMS), 1 - beta.ppf(0.975, 1, PROBLEMS)
        expected = (0.0, ends[0]) if not hits.any() else (ends[1], 1.0)
        assert (figure.low, figure.high) == pytest.approx(expected)


def test_a_score_that_most_draws_cannot_tell_has_no_interval() -> None:
    # In the five problems only one program of one is positive, and most draws are without it.
    owner = np.arange(5)
    each = scores.auc(np.array([True, False, False, False, False]), np.arange(5.0), owner)
    rare = told(each, 5, resamples=500)
    assert np.isnan(rare.drawn).mean() == pytest.approx(0.8**5, abs=0.06)
    assert bootstrap.figure(rare).low is not None
    assert bootstrap.figure(Sampled(each, rare.value, rare.drawn[np.isnan(rare.drawn)])).low is None


def test_without_draws_there_is_a_value_and_no_interval() -> None:
    values, owner = alike(1)
    figure = bootstrap.figure(told(scores.spearman(values, values, owner), resamples=0))
    assert figure == Figure(pytest.approx(1.0), None, None, len(values), PROBLEMS)  # type: ignore[arg-type]
