"""Two predictions to a ratio: closed forms, sampling, hand computation, and what must always hold."""

from __future__ import annotations

import itertools
import math
from pathlib import PurePosixPath
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ci_rlm.comparing import (
    LEAST,
    band_at,
    centre,
    compare,
    equal,
    predicted_log_ratio,
    probability_over,
    similarity,
)
from ci_rlm.flow import (
    Calibration,
    Change,
    Comparison,
    ErrorBand,
    Interval,
    Kind,
    Limits,
    Metric,
    Prediction,
    Span,
    Unit,
)

MEMORY = Metric("peak_memory", "B")
UNIT = Unit(PurePosixPath("a.py"), "f", Kind.FUNCTION, "python", Span(1, 2), "def f(): pass")
CHANGE = Change(UNIT, UNIT)
DEFAULTS = Limits()
PROBABILITIES = (0.01, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.99)
ERRORS = ((0.05, -2.0), (0.25, -1.0), (0.5, 0.0), (0.75, 1.0), (0.95, 2.0))

TEXTS = st.text(st.sampled_from("ab+( \n"), max_size=30)
ASCENDING = st.lists(st.floats(0.0, 1e12), min_size=5, max_size=5).map(sorted)
ERROR_STEPS = st.lists(st.floats(0.01, 3.0), min_size=2, max_size=2)


def prediction(*values: float, at: tuple[float, ...] = (0.05, 0.25, 0.5, 0.75, 0.95)) -> Prediction:
    return Prediction("peak_memory", "B", tuple(zip(at, values, strict=True)))


def lognormal(mean: float, deviation: float) -> Prediction:
    """The exact quantiles of a log-normal value."""
    law = NormalDist(mean, deviation)
    return prediction(*(math.exp(law.inv_cdf(u)) for u in PROBABILITIES), at=PROBABILITIES)


def calibration(*bands: ErrorBand, metric: str = "peak_memory") -> Calibration:
    return Calibration(metric, bands, pairs=100)


def one_band(slope: float = 1.0, floor: float = 0.1, growth: float = 0.0) -> Calibration:
    return calibration(ErrorBand(0.5, slope, floor, growth, ERRORS))


def compared(
    before: Prediction | None,
    after: Prediction | None,
    *calibrations: Calibration,
    limits: Limits = DEFAULTS,
    alike: float = 0.5,
) -> Comparison:
    return compare(CHANGE, MEMORY, before, after, calibrations, limits, alike)


def interval(comparison: Comparison) -> tuple[float, float, float]:
    assert comparison.slowdown is not None
    return (comparison.slowdown.low, comparison.slowdown.mid, comparison.slowdown.high)


def probabilities(comparison: Comparison) -> tuple[float, float, float]:
    return (comparison.p_regression, comparison.p_warning, comparison.p_improvement)


@given(TEXTS, TEXTS)
def test_similarity_is_a_share_and_the_same_both_ways(one: str, other: str) -> None:
    assert 0 <= similarity(one, other) == similarity(other, one) <= 1


@given(TEXTS)
def test_a_text_is_wholly_similar_to_itself(text: str) -> None:
    assert similarity(text, text) == 1


def test_texts_without_a_token_in_common_are_not_similar() -> None:
    assert similarity("a + b", "c * d") == 0


def test_similarity_is_the_dice_coefficient_of_token_pairs() -> None:
    # start·a, a·+, +·b against start·a, a·+, +·c: two of three and three in common.
    assert similarity("a + b", "a+c") == pytest.approx(2 * 2 / 6)


def test_equal_code_has_ratio_one_and_no_probability_of_a_change() -> None:
    found = equal(Change(UNIT, UNIT, equal=True), MEMORY)
    assert found.slowdown == Interval(1.0, 1.0, 1.0)
    assert (*probabilities(found), found.p_over_budget) == (0, 0, 0, 0)


def test_the_centre_is_the_mean_log_quantile_from_a_tenth_to_nine_tenths() -> None:
    told = prediction(1.0, 2.0, 8.0, 64.0, 1e9, at=(0.05, 0.1, 0.5, 0.9, 0.95))
    assert centre(told) == pytest.approx((1 + 3 + 6) / 3 * math.log(2))


def test_the_centre_of_a_prediction_with_outer_quantiles_alone_is_its_median() -> None:
    assert centre(prediction(1.0, 8.0, at=(0.01, 0.95))) == pytest.approx(math.log(8))


def test_the_predicted_ratio_is_after_over_before() -> None:
    assert predicted_log_ratio(lognormal(1.0, 0.3), lognormal(3.0, 0.3)) == pytest.approx(2.0)


def test_a_calibrated_interval_is_slope_times_ratio_plus_scaled_errors() -> None:
    found = compared(lognormal(5.0, 0.5), lognormal(5.0 + math.log(4), 0.5), one_band(0.5, 0.1, 0.25))
    # z = ln 4, its slope 1/2 gives ln 2; the scale is 0.1 + 0.25 ln 4, and the errors at 5% and 95% are ±2.
    wide = math.exp(2 * (0.1 + 0.25 * math.log(4)))
    assert interval(found) == pytest.approx((2 / wide, 2, 2 * wide))


def test_calibrated_probabilities_are_read_off_the_error_quantiles() -> None:
    # z = 0: the log ratio is 0.1 e, so that e = 1 at exp(0.1) and 2 at exp(0.2).
    limits = Limits(warn=math.expm1(0.1), fail=math.expm1(0.15))
    found = compared(lognormal(5.0, 0.5), lognormal(5.0, 0.5), one_band(), limits=limits)
    assert probabilities(found) == pytest.approx((0.15, 0.25, 0.25))


def test_the_calibration_of_another_metric_is_not_used() -> None:
    before, after = lognormal(5.0, 0.5), lognormal(6.0, 0.5)
    other = calibration(one_band().bands[0], metric="cpu_time")
    assert compared(before, after, other) == compared(before, after)


def test_a_calibration_without_bands_is_not_used() -> None:
    before, after = lognormal(5.0, 0.5), lognormal(6.0, 0.5)
    assert compared(before, after, calibration()) == compared(before, after)


def test_errors_between_two_bands_are_mixed_in_proportion() -> None:
    low = ErrorBand(0.2, 0.0, 1.0, 0.4, ((0.1, -4.0), (0.9, 4.0)))
    high = ErrorBand(0.8, 1.0, 0.0, 0.0, ((0.1, 0.0), (0.9, 0.0)))
    found = band_at(calibration(low, high), 0.35)
    assert (found.slope, found.floor, found.growth) == pytest.approx((0.25, 0.75, 0.3))
    assert dict(found.quantiles) == pytest.approx({0.1: -3.0, 0.9: 3.0})


@pytest.mark.parametrize(("alike", "index"), [(0.0, 0), (0.2, 0), (0.8, 1), (1.0, 1)])
def test_beyond_the_outer_bands_the_nearest_one_holds(alike: float, index: int) -> None:
    bands = (ErrorBand(0.2, 0.5, 1.0, 0.0, ERRORS), ErrorBand(0.8, 1.0, 0.1, 0.0, ERRORS))
    found = band_at(calibration(*bands), alike)
    assert (found.slope, found.floor) == pytest.approx((bands[index].slope, bands[index].floor))


def test_without_calibration_the_ratio_of_two_log_normals_is_log_normal() -> None:
    found = compared(lognormal(2.0, 0.3), lognormal(2.5, 0.4), limits=Limits(warn=0.1, fail=0.5))
    law = NormalDist(0.5, 0.5)  # means subtract, variances add: 0.3² + 0.4² = 0.5²
    exact = (1 - law.cdf(math.log(1.5)), 1 - law.cdf(math.log(1.1)), law.cdf(-math.log(1.1)))
    assert probabilities(found) == pytest.approx(exact, abs=0.01)
    assert np.log(interval(found)) == pytest.approx([law.inv_cdf(u) for u in (0.05, 0.5, 0.95)], abs=0.04)


def test_without_calibration_the_ratio_is_that_of_independent_samples() -> None:
    chance = np.random.default_rng(0)
    before = chance.gamma(2.0, 100.0, 200_000)
    after = np.where(chance.random(200_000) < 0.7, 1.0, 3.0) * chance.gamma(8.0, 30.0, 200_000)
    one, other = (prediction(*np.quantile(side, PROBABILITIES), at=PROBABILITIES) for side in (before, after))
    found = compared(one, other, limits=Limits(warn=0.1, fail=0.25))
    sampled = after / before
    shares = ((sampled > 1.25).mean(), (sampled > 1.1).mean(), (sampled < 1 / 1.1).mean())
    assert probabilities(found) == pytest.approx(shares, abs=0.015)
    assert found.slowdown is not None
    assert found.slowdown.mid == pytest.approx(np.median(sampled), rel=0.02)


@given(ASCENDING, ASCENDING, st.booleans(), st.floats(0.01, 5.0))
def test_a_probability_is_never_certain(
    before: list[float], after: list[float], known: bool, fail: float
) -> None:
    known_errors = [one_band()] if known else []
    found = compared(prediction(*before), prediction(*after), *known_errors, limits=Limits(fail=fail))
    assert all(0 < p < 1 for p in probabilities(found))


@given(ASCENDING, ASCENDING, st.booleans())
def test_a_larger_slowdown_is_never_more_probable(
    before: list[float], after: list[float], known: bool
) -> None:
    known_errors = [one_band(growth=0.2)] if known else []
    found = [
        compared(
            prediction(*before), prediction(*after), *known_errors, limits=Limits(fail=fail)
        ).p_regression
        for fail in (0.01, 0.1, 0.5, 2.0, 10.0, 1e6)
    ]
    assert all(right <= left + 1e-12 for left, right in itertools.pairwise(found))


@given(ASCENDING, ASCENDING, ERROR_STEPS, st.floats(0.0, 1.5), st.floats(0.02, 0.98))
def test_swapping_the_sides_mirrors_a_comparison_however_skewed_its_errors(
    before: list[float], after: list[float], steps: list[float], slope: float, alike: float
) -> None:
    inner, outer = steps[0], sum(steps)
    errors = ((0.05, -inner), (0.3, -inner / 2), (0.5, 0.0), (0.7, inner), (0.95, outer))
    skewed = calibration(ErrorBand(0.3, slope, 0.2, 0.1, errors), ErrorBand(0.9, slope, 0.05, 0.0, errors))
    one, other = prediction(*before), prediction(*after)
    assume(centre(one) != centre(other))
    there = compared(one, other, skewed, alike=alike)
    back = compared(other, one, skewed, alike=alike)
    assert there.p_improvement == pytest.approx(back.p_warning, abs=1e-9)
    assert interval(there) == pytest.approx(tuple(1 / ratio for ratio in reversed(interval(back))))


@given(ASCENDING, ASCENDING, st.booleans())
def test_an_interval_is_in_order_and_finite(before: list[float], after: list[float], known: bool) -> None:
    low, mid, high = interval(
        compared(prediction(*before), prediction(*after), *([one_band()] if known else []))
    )
    assert 0 < low <= mid <= high < math.inf


def test_zero_is_read_as_the_least_value_of_its_unit() -> None:
    nothing, some = prediction(*[0.0] * 5), prediction(*[LEAST["B"] * 8] * 5)
    assert interval(compared(nothing, some)) == pytest.approx((8, 8, 8))


def test_a_new_unit_has_no_ratio_but_a_probability_over_its_budget() -> None:
    found = compared(None, prediction(1, 2, 4, 8, 16), limits=Limits(budget=8.0))
    assert (found.slowdown, found.p_over_budget) == (None, 0.25)


def test_a_removed_unit_is_over_no_budget() -> None:
    found = compared(prediction(1, 2, 4, 8, 16), None, limits=Limits(budget=1.0))
    assert (found.slowdown, found.p_over_budget) == (None, 0)


@pytest.mark.parametrize(
    ("budget", "probability"),
    [
        (None, 0.0),
        (8.0, 0.5),
        (math.sqrt(4 * 8), 1 - (0.25 + 0.5) / 2),  # half way between two quantiles on the log scale
        (1.0, 1 - 0.05 / 2),
        (1e9, 0.05 / 2),
    ],
    ids=["no budget", "a quantile", "between two", "below all", "over all"],
)
def test_the_probability_over_a_budget_is_interpolated(budget: float | None, probability: float) -> None:
    assert probability_over(prediction(2, 4, 8, 16, 32), budget) == pytest.approx(probability)


def test_the_probability_over_a_budget_of_a_log_normal_is_its_tail() -> None:
    tail = 1 - NormalDist(10.0, 0.5).cdf(10.4)
    assert probability_over(lognormal(10.0, 0.5), math.exp(10.4)) == pytest.approx(tail, abs=0.01)
