"""Which of several candidates is the cheapest: the probabilities, held against integrals and brute force."""

from __future__ import annotations

import itertools
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from ci_rlm.comparing import error_cdf, similarity
from ci_rlm.flow import Calibration, ErrorBand, Interval, Kind, Metric, Prediction, Span, Unit
from ci_rlm.rank import CONTENDERS, Candidate, Contest, Pair, best_probabilities, pair

MEMORY = Metric("peak_memory", "B")
ERRORS = tuple((u, float(norm.ppf(u))) for u in (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95))
BANDS = (Calibration("peak_memory", (ErrorBand(0.5, 1.0, 0.3, 0.2, ERRORS),), pairs=100),)
EXACT = 0.006
"""What the lattice may be off by, as the module says, and what the integrals are."""


def candidate(name: str, cost: float, text: str | None = None) -> Candidate:
    text = text or f"def {name}(x):\n    return x * {cost}\n"
    unit = Unit(PurePosixPath("a.py"), name, Kind.FUNCTION, "python", Span(1, 2), text)
    quantiles = tuple((u, cost * factor) for u, factor in ((0.1, 0.8), (0.5, 1.0), (0.9, 1.25)))
    return Candidate(name, unit, text, Prediction("peak_memory", "B", quantiles))


def contest(*candidates: Candidate, calibrations: tuple[Calibration, ...] = BANDS) -> Contest:
    made = Contest(MEMORY, calibrations)
    for each in candidates:
        made.enter(each)
    return made


def pairs_of(means: np.ndarray, spreads: np.ndarray) -> list[list[Pair]]:
    """Pairs of normal log costs: `means` ascending (N,), standard deviations of differences (N, N)."""
    one = Interval(1.0, 1.0, 1.0)

    def known(k: int, j: int) -> Pair:
        p = float(norm.cdf((means[j] - means[k]) / spreads[k, j]))
        return Pair(min(p, 1 - 1e-9), one, 0.0, spreads[k, j])

    return [[known(k, j) for k in range(j)] for j in range(len(means))]


def geometry(total: int, seed: int, dimensions: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Loadings, ascending means, and how wide each difference of the errors is."""
    random = np.random.default_rng(seed)
    loadings = random.normal(size=(total, dimensions))
    spreads = np.sqrt(((loadings[:, None] - loadings[None]) ** 2).sum(axis=2))
    return loadings, np.sort(random.normal(size=total)) * spreads.mean(), spreads


@pytest.mark.parametrize(("total", "seed"), list(itertools.product((2, 3, 5, 8), (1, 2, 3))))
def test_the_probabilities_are_those_of_normal_integrals(total: int, seed: int) -> None:
    _, means, spreads = geometry(total, seed)
    found = best_probabilities(pairs_of(means, spreads))
    for k in range(total):
        others = [j for j in range(total) if j != k]
        # Covariance of the differences of all others to k, from the squares of how wide differences are.
        to_k = spreads[k, others] ** 2
        covariance = (to_k[:, None] + to_k[None] - spreads[np.ix_(others, others)] ** 2) / 2
        integral = multivariate_normal(np.zeros(total - 1), covariance, allow_singular=True)
        assert found[k] == pytest.approx(integral.cdf(means[others] - means[k]), abs=EXACT)


def test_forty_candidates_win_as_often_as_when_their_costs_are_drawn() -> None:
    loadings, means, spreads = geometry(40, seed=7)
    found = best_probabilities(pairs_of(means, spreads))
    costs = means + np.random.default_rng(8).normal(size=(200_000, 6)) @ loadings.T
    drawn = np.bincount(costs.argmin(axis=1), minlength=40) / len(costs)
    assert np.abs(np.array(found) - drawn).max() < EXACT


@pytest.mark.parametrize("total", [2, 3, 7, 20])
def test_candidates_of_which_nothing_is_known_have_equal_chances(total: int) -> None:
    found = best_probabilities(pairs_of(np.zeros(total), np.ones((total, total))))
    assert found == pytest.approx([1 / total] * total, abs=EXACT)


def test_two_that_can_only_be_right_or_wrong_together_count_as_one() -> None:
    spreads = np.array([[0, 1e-3, 1], [1e-3, 0, 1], [1, 1, 0]])
    assert best_probabilities(pairs_of(np.zeros(3), spreads)) == pytest.approx([0.25, 0.25, 0.5], abs=EXACT)


def test_widths_that_no_errors_can_have_still_give_probabilities() -> None:
    spreads = np.array([[0, 0.1, 5], [0.1, 0, 0.1], [5, 0.1, 0]])
    found = best_probabilities(pairs_of(np.array([0.0, 0.1, 0.2]), spreads))
    assert sum(found) == pytest.approx(1.0)
    assert min(found) >= 0


def test_two_candidates_have_the_calibrated_probability_of_their_pair() -> None:
    one, other = candidate("one", 1000.0), candidate("other", 1300.0)
    distance = float(np.log(1.3))
    costs_more = 1 - error_cdf(BANDS[0], distance, similarity(one.text, other.text))(0.0)
    first, second = contest(other, one).standings()
    assert (first.ids, second.ids) == (("one",), ("other",))
    assert first.p_best == pytest.approx(costs_more, abs=1e-3)
    assert second.p_best == pytest.approx(1 - costs_more, abs=1e-3)


def test_without_a_calibration_errors_are_taken_as_independent() -> None:
    one, other = candidate("one", 1000.0), candidate("other", 1100.0)
    first, _ = contest(one, other, calibrations=()).standings()
    # Three quantiles a side stand for 0.3, 0.4 and 0.3 of it; nine pairs of them, of which these cost more:
    more = 0.3 * 1.0 + 0.4 * 0.7 + 0.3 * 0.3
    assert first.p_best is not None
    assert abs(first.p_best - more) < 0.12  # interpolated between nine steps


def test_the_first_of_two_is_never_said_to_be_the_dearer() -> None:
    # Errors whose median is below zero: of a predicted rise of a hundredth, most turned out a fall.
    low = tuple((u, x - 1.0) for u, x in ERRORS)
    skewed = (Calibration("peak_memory", (ErrorBand(0.5, 1.0, 0.3, 0.0, low),), pairs=100),)
    known = pair(candidate("one", 1000.0), candidate("other", 1010.0), MEMORY, skewed)
    assert known.p_cheaper == 0.5


def test_equal_texts_are_one_program_with_several_ids() -> None:
    twins = [candidate(name, 10.0, "def f(x):\n    return x\n") for name in ("a", "b")]
    (first, second) = contest(twins[0], candidate("c", 20.0), twins[1]).standings()
    assert (first.ids, second.ids) == (("a", "b"), ("c",))
    assert (first.place, second.place) == (1, 2)


@given(st.permutations([("a", 100.0), ("b", 130.0), ("c", 170.0), ("d", 90.0)]))
def test_the_order_of_arrival_does_not_matter(arrivals: list[tuple[str, float]]) -> None:
    sorted_ones = contest(*(candidate(*each) for each in sorted(arrivals)))
    assert contest(*(candidate(*each) for each in arrivals)).standings() == sorted_ones.standings()


def test_a_place_is_told_when_a_candidate_enters() -> None:
    made = Contest(MEMORY, BANDS)
    arrivals = [("a", 100.0), ("b", 50.0), ("c", 70.0), ("d", 200.0)]
    assert [made.enter(candidate(*each)) for each in arrivals] == [1, 1, 2, 4]


def test_only_contenders_share_out_the_first_place() -> None:
    arrivals = [candidate(f"c{cost}", float(cost)) for cost in range(1000, 1000 + CONTENDERS + 5)]
    standings = contest(*reversed(arrivals)).standings()
    assert [each.ids[0] for each in standings] == [each.id for each in arrivals]
    assert sum(each.p_best or 0.0 for each in standings) == pytest.approx(1.0)
    assert [each.p_best is None for each in standings] == [False] * CONTENDERS + [True] * 5
    assert standings[:CONTENDERS] == contest(*arrivals[:CONTENDERS]).standings()


def test_the_ratio_to_the_first_is_the_one_of_its_pair() -> None:
    one, other = candidate("one", 1000.0), candidate("other", 1300.0)
    _, second = contest(one, other).standings()
    assert second.ratio == pair(one, other, MEMORY, BANDS).ratio
    assert second.ratio is not None
    assert second.ratio.mid == pytest.approx(1.3)


def test_a_lone_candidate_is_the_best() -> None:
    (only,) = contest(candidate("a", 1.0)).standings()
    assert (only.p_best, only.ratio) == (1.0, Interval(1.0, 1.0, 1.0))


def test_an_empty_contest_has_no_standings() -> None:
    assert Contest(MEMORY, BANDS).standings() == []
