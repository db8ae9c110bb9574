"""Scores against scipy, scikit-learn and brute force, plain and with problems drawn repeatedly."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import kendalltau, norm, spearmanr
from sklearn.metrics import roc_auc_score

from ci_rlm.training import scores
from ci_rlm.training.scores import Indices, Reals, Score

PROBLEMS = 12
OWNER = np.random.default_rng(0).integers(0, PROBLEMS, 150)


def made_up(seed: int, steps: int | None) -> tuple[Reals, Reals]:
    """Two related series; with so many steps of values, most are ties."""
    chance = np.random.default_rng(seed)
    y = chance.normal(size=len(OWNER))
    p = y + chance.normal(size=len(OWNER))
    return (y, p) if steps is None else (np.round(y * steps), np.round(p * steps))


def repeated(counts: Reals) -> Indices:
    """Places of the items, each as often as its problem was drawn."""
    return np.repeat(np.arange(len(OWNER)), counts[OWNER].astype(int))


def drawn(times: int = 6) -> Reals:
    """Some draws of the problems; in each, several are missing."""
    return np.random.default_rng(1).multinomial(PROBLEMS, [1 / PROBLEMS] * PROBLEMS, times).astype(float)


def on_repeated(of: Callable[[Indices], float]) -> list[float]:
    """A statistic of the rows as they are, then as each draw repeats them."""
    return [of(np.arange(len(OWNER))), *(of(repeated(counts)) for counts in drawn())]


def on_weights(score: Score) -> list[float]:
    """The same by a score's weights."""
    return [score.plain(PROBLEMS), *score.of(drawn()).tolist()]


@pytest.mark.parametrize("steps", [None, 1, 3])
def test_spearman_is_scipys_on_repeated_rows(steps: int | None) -> None:
    y, p = made_up(2, steps)
    found = on_weights(scores.spearman(y, p, OWNER))
    assert found == pytest.approx(on_repeated(lambda at: float(spearmanr(y[at], p[at]).statistic)))


@pytest.mark.parametrize("steps", [None, 1, 3])
def test_kendall_is_scipys_on_repeated_rows(steps: int | None) -> None:
    y, p = made_up(3, steps)
    found = on_weights(scores.kendall(y, p, OWNER))
    assert found == pytest.approx(on_repeated(lambda at: float(kendalltau(y[at], p[at]).statistic)))


def test_kendall_in_pieces_is_kendall(monkeypatch: pytest.MonkeyPatch) -> None:
    y, p = made_up(4, 2)
    monkeypatch.setattr(scores, "_AT_ONCE", 7 * len(y))
    assert scores.kendall(y, p, OWNER).plain(PROBLEMS) == pytest.approx(kendalltau(y, p).statistic)


@pytest.mark.parametrize("at_once", [1, 1 << 21])
def test_draws_in_pieces_give_the_same_spearman(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    y, p = made_up(5, None)
    monkeypatch.setattr(scores, "_AT_ONCE", at_once)
    found = scores.spearman(y, p, OWNER).of(drawn())
    assert found == pytest.approx(
        [spearmanr(y[repeated(counts)], p[repeated(counts)]).statistic for counts in drawn()]
    )


@pytest.mark.parametrize("steps", [None, 1])
def test_the_area_under_the_curve_is_scikit_learns_on_repeated_rows(steps: int | None) -> None:
    y, p = made_up(6, steps)
    found = on_weights(scores.auc(y > 0, p, OWNER))
    assert found == pytest.approx(on_repeated(lambda at: float(roc_auc_score(y[at] > 0, p[at]))))


def test_the_area_under_the_curve_needs_both_kinds() -> None:
    y, p = made_up(6, None)
    assert math.isnan(scores.auc(np.full(len(y), True), p, OWNER).plain(PROBLEMS))


def test_means_and_medians_are_those_of_repeated_rows() -> None:
    y, _ = made_up(7, None)
    for score, plain in ((scores.mean, np.mean), (scores.median, np.median)):
        assert on_weights(score(y, OWNER)) == pytest.approx(
            on_repeated(lambda at, of=plain: float(of(y[at])))
        )  # type: ignore[misc]
    found = on_weights(scores.geometric_mean(y, OWNER))
    assert found == pytest.approx(on_repeated(lambda at: math.exp(np.mean(y[at]))))


@pytest.mark.parametrize("score", [scores.mean, scores.median, scores.geometric_mean])
def test_nothing_has_no_mean(score: Callable[[Reals, Indices], Score]) -> None:
    assert math.isnan(score(np.empty(0), np.empty(0, dtype=np.intp)).plain(PROBLEMS))


@pytest.mark.parametrize("score", [scores.spearman, scores.kendall])
def test_what_does_not_vary_has_no_rank_correlation(score: Callable[[Reals, Reals, Indices], Score]) -> None:
    y, p = made_up(8, None)
    assert math.isnan(score(y, np.full(len(p), 0.1), OWNER).plain(PROBLEMS))
    assert math.isnan(score(y[:0], p[:0], OWNER[:0]).plain(PROBLEMS))


def test_a_draw_of_one_value_has_no_rank_correlation() -> None:
    owner = np.array([0, 0, 1, 1])
    score = scores.spearman(np.array([1.0, 1, 2, 2]), np.array([1.0, 2, 3, 4]), owner)
    told = score.of(np.array([[2.0, 0.0], [1.0, 1.0]]))
    assert math.isnan(told[0])
    assert told[1] == pytest.approx(spearmanr([1, 1, 2, 2], [1, 2, 3, 4]).statistic)


def test_the_calibration_error_is_that_of_binning_by_hand() -> None:
    chance = np.random.default_rng(9)
    p = np.concatenate([chance.uniform(size=len(OWNER) - 2), [0.0, 1.0]])
    hit = chance.uniform(size=len(OWNER)) < p**2

    def by_hand(at: Indices) -> float:
        total = 0.0
        for low in np.arange(10) / 10:
            inside = (p[at] >= low) & ((p[at] < low + 0.1) | (low == 0.9))
            if inside.any():
                total += inside.sum() * abs(p[at][inside].mean() - hit[at][inside].mean())
        return total / len(at)

    assert on_weights(scores.calibration_error(p, hit, OWNER)) == pytest.approx(on_repeated(by_hand))


def test_probabilities_that_come_true_have_a_small_calibration_error() -> None:
    chance = np.random.default_rng(10)
    p = chance.uniform(size=40_000)
    owner = np.zeros(len(p), dtype=np.intp)
    right = scores.calibration_error(p, chance.uniform(size=len(p)) < p, owner).plain(1)
    wrong = scores.calibration_error(p, chance.uniform(size=len(p)) < p / 2, owner).plain(1)
    assert right < 0.01
    assert wrong == pytest.approx(0.25, abs=0.01)  # the mean of p / 2


# Distributions.

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def quantiles_of(values: list[list[float]]) -> Reals:
    return np.array(values, dtype=float)


@pytest.mark.parametrize(
    ("y", "masses"),
    [
        (-1.0, [1, 0, 0, 0, 0, 0]),
        (2.5, [0, 0, 1, 0, 0, 0]),
        (9.0, [0, 0, 0, 0, 0, 1]),
        (3.0, [0, 0, 0.5, 0.5, 0, 0]),
    ],
    ids=["below", "between", "above", "on a quantile"],
)
def test_a_measured_value_falls_between_two_quantiles(y: float, masses: list[float]) -> None:
    found = scores.pit_masses(LEVELS, quantiles_of([[1, 2, 3, 4, 5]]), np.array([y]), 1e-9)
    assert found.tolist() == [masses]


def test_a_value_on_a_step_is_spread_over_it() -> None:
    # 25% to 95% are one value. The step begins between 5% and 25% and ends between 95% and 1.
    found = scores.pit_masses(LEVELS, quantiles_of([[1, 3, 3, 3, 3]]), np.array([3.0]), 1e-9)
    assert found[0] == pytest.approx(np.array([0, 0.1, 0.25, 0.25, 0.2, 0.025]) / 0.825)


def test_values_of_the_predicted_distribution_fill_the_histogram_evenly() -> None:
    y = np.random.default_rng(11).normal(size=20_000)
    quantiles = np.tile(norm.ppf(LEVELS), (len(y), 1))
    found = scores.pit_masses(LEVELS, quantiles, y, 1e-9).mean(axis=0)
    assert found == pytest.approx([0.05, 0.2, 0.25, 0.25, 0.2, 0.05], abs=0.01)


def test_values_of_a_distribution_with_steps_fill_the_histogram_about_evenly() -> None:
    # Counting y <= quantile would put 60% below each of the first three levels.
    y = np.random.default_rng(12).choice([1.0, 2.0], p=[0.6, 0.4], size=20_000)
    quantiles = np.tile([1.0, 1.0, 1.0, 2.0, 2.0], (len(y), 1))
    found = scores.pit_masses(LEVELS, quantiles, y, 1e-9).mean(axis=0)
    assert found == pytest.approx([0.05, 0.2, 0.25, 0.25, 0.2, 0.05], abs=0.03)


def test_the_ranked_probability_score_of_many_quantiles_is_that_of_the_distribution() -> None:
    # Of a standard normal: y (2Φ(y) - 1) + 2φ(y) - 1 / √π (Gneiting and Raftery, 2007).
    levels = (np.arange(4000) + 0.5) / 4000
    y = np.array([-2.0, 0.0, 0.7])
    found = scores.crps(levels.tolist(), np.tile(norm.ppf(levels), (3, 1)), y)
    known = y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / math.sqrt(math.pi)
    assert found == pytest.approx(known, abs=1e-3)


def test_the_ranked_probability_score_of_a_certain_prediction_is_its_error() -> None:
    found = scores.crps(LEVELS, np.full((1, 5), 2.0), np.array([5.0]))
    # Twice the mean of u over the levels' shares, which is one.
    assert found == pytest.approx([2 * 3 * np.average(LEVELS, weights=[0.15, 0.225, 0.25, 0.225, 0.15])])


# Selection.


def best_by_hand(known: Reals, guessed: Reals, percent: float) -> tuple[float, float, float]:
    """Hit, overlap and ln regret as means over all orders that a prediction with ties allows."""
    size = math.ceil(percent / 100 * len(known))
    limit = sorted(known)[size - 1]
    orders = [
        order
        for order in itertools.permutations(range(len(known)))
        if all(guessed[a] <= guessed[b] for a, b in itertools.pairwise(order))
    ]
    hits = [known[order[0]] <= limit for order in orders]
    overlaps = [np.mean([known[at] <= limit for at in order[:size]]) for order in orders]
    regrets = [np.mean(known[list(order[:size])]) - np.mean(sorted(known)[:size]) for order in orders]
    return float(np.mean(hits)), float(np.mean(overlaps)), float(np.mean(regrets))


@pytest.mark.parametrize("percent", [10, 30, 50])
@pytest.mark.parametrize("seed", range(4))
def test_choosing_the_cheapest_is_what_it_is_over_all_orders(percent: float, seed: int) -> None:
    chance = np.random.default_rng(seed)
    known, guessed = chance.integers(0, 5, 7).astype(float), chance.integers(0, 4, 7).astype(float)
    found = scores.select(known, guessed, percent)
    assert (found.hit, found.overlap, found.log_regret) == pytest.approx(
        best_by_hand(known, guessed, percent)
    )


def test_a_blind_choice_hits_as_often_as_there_are_cheapest_programs() -> None:
    # The cheapest 20% of ten are two; a third costs as much.
    known = np.array([1.0, 2, 2, 3, 4, 5, 6, 7, 8, 9])
    assert scores.select(known, known, 20).chance == pytest.approx(0.3)


def test_a_percentage_is_not_rounded_up_by_its_own_rounding_error() -> None:
    # 30% of 10 is 3, though 0.3 · 10 may be 3.0000000000000004.
    known = np.arange(10.0)
    assert scores.select(known, known, 30).chance == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("guessed", "expected"),
    [([10, 20, 30, 40], 1.0), ([9, 7, 5, 3], -1.0), ([1, 3, 2, 4], 0.8), ([1, 1, 1, 2], math.sqrt(0.6))],
    ids=["same order", "reversed", "one swap", "ties"],
)
def test_rho_is_the_correlation_of_ranks(guessed: list[float], expected: float) -> None:
    # One swap: 1 - 6·2 / (4·15). Ties: ranks 2, 2, 2, 4 against 1 to 4 correlate by 3 / √(3·5).
    assert scores.rho(np.array([1.0, 2, 3, 4]), np.array(guessed)) == pytest.approx(expected)


def test_tau_counts_pairs_in_order_less_pairs_out_of_order() -> None:
    assert scores.tau(np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 4])) == pytest.approx((5 - 1) / 6)


def test_two_items_or_a_constant_have_no_correlation() -> None:
    assert math.isnan(scores.rho(np.array([1.0, 2]), np.array([1.0, 2])))
    assert math.isnan(scores.tau(np.array([1.0, 2, 3]), np.array([1.0, 1, 1])))
