"""Error bands from held-out pairs: quantiles, slopes, coverage and weights on made-up pairs."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np
import pytest

from ci_rlm import comparing
from ci_rlm.flow import Calibration, Change, Interval, Kind, Limits, Metric, Prediction, Span, Unit
from ci_rlm.training import calibrate, edits, evaluate
from ci_rlm.training.calibrate import EDGES, NEUTRAL_SHARE, PROBABILITIES, Pairs
from ci_rlm.training.corpus import Example, Row
from ci_rlm.training.evaluate import Pair


def made_up(count: int, alike: float = 0.95, *, slope: float, floor: float, growth: float = 0.0) -> Pairs:
    """Pairs whose true log ratio is slope·z + (floor + growth·|z|)·e, with e normal and both ways round."""
    chance = np.random.default_rng(7)
    z = chance.normal(0, 1, count)
    y = slope * z + (floor + growth * np.abs(z)) * chance.normal(0, 1, count)
    flags = np.zeros(2 * count, dtype=bool)
    return Pairs(
        alike=np.full(2 * count, alike),
        predicted=np.concatenate([z, -z]),
        measured=np.concatenate([y, -y]),
        weight=np.ones(2 * count),
        neutral=flags,
        edited=flags,
        owner=np.tile(np.arange(count) % 60, 2),
    )


def test_weighted_quantiles_are_linear_between_mid_ranks() -> None:
    # Weights 1, 2, 1 of the values 1, 2, 4: their middles are at 1/8, 1/2 and 7/8.
    values, weights = np.array([4.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0])
    found = calibrate.weighted_quantiles(values, weights, [0.01, 1 / 8, 5 / 16, 1 / 2, 11 / 16, 0.99])
    assert found == pytest.approx([1, 1, 1.5, 2, 3, 4])


def test_weighted_quantiles_of_many_values_are_those_of_repeated_ones() -> None:
    chance = np.random.default_rng(1)
    values, weights = chance.normal(size=4000), chance.integers(1, 6, 4000)
    found = calibrate.weighted_quantiles(values, weights.astype(float), PROBABILITIES)
    repeated = np.quantile(np.repeat(values, weights), PROBABILITIES, method="hazen")
    assert found == pytest.approx(repeated, abs=0.02)


def test_equal_weights_give_plain_quantiles_between_mid_ranks() -> None:
    values = np.random.default_rng(2).normal(size=101)
    found = calibrate.weighted_quantiles(values, np.full(101, 3.0), PROBABILITIES)
    assert found == pytest.approx(np.quantile(values, PROBABILITIES, method="hazen"))


@pytest.mark.parametrize("slope", [0.0, 0.4, 1.0])
def test_the_slope_between_predicted_and_measured_is_recovered(slope: float) -> None:
    (band,) = calibrate.fit(made_up(4000, slope=slope, floor=0.2), "cpu_time").bands
    assert band.slope == pytest.approx(slope, abs=0.03)


def test_a_spread_that_grows_with_the_ratio_is_recovered() -> None:
    (band,) = calibrate.fit(made_up(20_000, slope=0.7, floor=0.1, growth=0.3), "cpu_time").bands
    mean = math.sqrt(2 / math.pi)  # of a standard normal's absolute value
    assert (band.floor, band.growth) == pytest.approx((0.1 * mean, 0.3 * mean), abs=0.02)


def test_the_interval_of_a_fitted_band_covers_nine_tenths_of_new_pairs() -> None:
    found = calibrate.fit(made_up(4000, slope=0.6, floor=0.2, growth=0.1), "cpu_time")
    fresh = np.random.default_rng(99)
    z = fresh.normal(0, 1, 500)
    y = 0.6 * z + (0.2 + 0.1 * np.abs(z)) * fresh.normal(0, 1, 500)
    inside = [
        low <= math.exp(ratio) <= high for (low, high), ratio in zip(_intervals(found, z), y, strict=True)
    ]
    assert np.mean(inside) == pytest.approx(0.9, abs=0.04)


def _intervals(calibration: Calibration, z: calibrate.Numbers) -> list[tuple[float, float]]:
    """The intervals that the gate would give for these predicted log ratios."""
    return [(found.low, found.high) for found in (_slowdown(calibration, float(each)) for each in z)]


def _slowdown(calibration: Calibration, z: float) -> Interval:
    unit = Unit(PurePosixPath("a.py"), "f", Kind.FUNCTION, "python", Span(1, 1), "")
    before, after = (Prediction("cpu_time", "s", ((0.5, value),)) for value in (1.0, math.exp(z)))
    found = comparing.compare(
        Change(unit, unit), Metric("cpu_time", "s"), before, after, [calibration], Limits(), 0.95
    )
    assert found.slowdown is not None
    return found.slowdown


def test_a_band_holds_the_quantiles_of_standardised_errors_in_order() -> None:
    (band,) = calibrate.fit(made_up(4000, slope=0.6, floor=0.2), "cpu_time").bands
    probabilities, errors = zip(*band.quantiles, strict=True)
    assert probabilities == PROBABILITIES
    assert list(errors) == sorted(errors)
    assert errors[len(errors) // 2] == pytest.approx(0, abs=0.1)


def test_the_order_of_a_pair_changes_nothing() -> None:
    pairs = made_up(400, slope=0.6, floor=0.2)
    swapped = replace(pairs, predicted=-pairs.predicted, measured=-pairs.measured)
    assert calibrate.fit(swapped, "cpu_time") == calibrate.fit(pairs, "cpu_time")


def test_claims_that_are_right_or_void_have_errors_to_one_side() -> None:
    pairs = made_up(4000, slope=1.0, floor=0.0)
    void = np.arange(len(pairs.measured)) % 4 == 0
    mixed = replace(pairs, measured=np.where(void, 0.0, pairs.predicted))
    (band,) = calibrate.fit(mixed, "cpu_time").bands
    errors = dict(band.quantiles)
    assert abs(errors[0.05]) > 2 * abs(errors[0.95])


def test_a_band_without_pairs_enough_is_left_out() -> None:
    found = calibrate.fit(made_up(39, slope=1.0, floor=0.2), "cpu_time")
    assert (found.bands, found.pairs) == ((), 39)


def test_bands_are_by_ascending_similarity_about_their_pairs() -> None:
    low, high = (made_up(100, alike=alike, slope=1.0, floor=0.2) for alike in (0.2, 0.95))
    joined = {name: np.concatenate([getattr(high, name), getattr(low, name)]) for name in Pairs.__slots__}
    found = calibrate.fit(Pairs(**joined), "cpu_time")
    assert [band.similarity for band in found.bands] == [0.2, 0.95]


def test_every_similarity_is_in_a_range() -> None:
    assert EDGES[0] == 0
    assert EDGES[-1] > 1
    assert list(EDGES) == sorted(set(EDGES))


def test_a_wild_pair_does_not_turn_the_slope() -> None:
    pairs = made_up(2000, slope=1.0, floor=0.1)
    pairs.measured[0], pairs.measured[2000] = -math.log(1e6), math.log(1e6)
    (band,) = calibrate.fit(pairs, "cpu_time").bands
    assert band.slope == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize(
    ("edit", "neutral"),
    [("", False), (edits.SEVERAL, True), (edits.NEUTRAL[0].name, True), (edits.EFFICIENCY[0].name, False)],
    ids=["none", "several", "neutral", "costly"],
)
def test_an_edit_is_neutral_by_its_name(edit: str, neutral: bool) -> None:
    assert evaluate.is_neutral(Pair(0, 1, edit)) is neutral


def program(record: str, cost: float, text: str, size: float = 1000.0) -> Example:
    return Example(text, "p", "made up", record, "calibration", (Row(size, cost, cost / 1e6),), ())


def answers(*medians: float) -> list[tuple[Prediction, ...]]:
    return [
        (
            Prediction("peak_memory", "B", ((0.5, median),)),
            Prediction("cpu_time", "s", ((0.5, median / 1e6),)),
        )
        for median in medians
    ]


POINTS = evaluate.points_of(
    [
        program("a", 100.0, "x = 1"),
        program("a+set_to_list", 800.0, "x = 2"),
        program("b", 200.0, "y"),
        program("b+rename_local", 200.0, "y"),
    ]
)


def test_a_pair_is_taken_both_ways_round() -> None:
    pairs = calibrate.pairs_of(POINTS, answers(100, 200, 400, 800), 0)
    # Solutions a and b, a with its edit, b with its edit; then the same mirrored.
    assert np.exp(pairs.measured) == pytest.approx([2, 8, 1, 1 / 2, 1 / 8, 1])
    assert np.exp(pairs.predicted) == pytest.approx([4, 2, 2, 1 / 4, 1 / 2, 1 / 2])


def test_a_pair_needs_the_metric_on_both_sides() -> None:
    points = [(e, replace(row, cpu_time=None) if e.record == "a" else row) for e, row in POINTS]
    assert len(calibrate.pairs_of(points, answers(1, 1, 1, 1), 0).alike) == 6
    assert calibrate.pairs_of(points, answers(1, 1, 1, 1), 1).measured.tolist() == [0, 0]


def test_a_pair_is_as_alike_as_its_texts() -> None:
    pairs = calibrate.pairs_of(POINTS, answers(1, 1, 1, 1), 0)
    assert pairs.alike == pytest.approx([0, 2 / 3, 1] * 2)


def test_neutral_edits_have_their_share_of_the_weight_of_edits() -> None:
    points = evaluate.points_of(
        [
            *(program(str(number), 1.0, "x") for number in range(9)),
            *(program(f"{number}+set_to_list", 2.0, "x") for number in range(6)),
            *(program(f"{number}+rename_local", 1.0, "x") for number in range(3)),
        ]
    )
    pairs = calibrate.pairs_of(points, answers(*[1.0] * len(points)), 0)
    weight = pairs.weight[pairs.edited]
    assert pairs.weight[pairs.neutral].sum() / weight.sum() == pytest.approx(NEUTRAL_SHARE)
    assert set(pairs.weight[~pairs.edited]) == {1.0}


def test_pairs_far_from_the_size_that_a_gate_asks_for_are_left_out() -> None:
    points = evaluate.points_of([program("a", 1.0, "x", size=16.0), program("b", 1.0, "x", size=16.0)])
    pairs = calibrate.pairs_of(points, answers(1, 1), 0)
    assert calibrate.fit(pairs, "peak_memory") == Calibration("peak_memory", (), pairs=0)
