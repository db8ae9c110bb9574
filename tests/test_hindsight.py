"""What predictions were worth: counted by hand, with intervals of another library."""

from __future__ import annotations

import math
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from ci_rlm.flow import Outcome
from ci_rlm.training.hindsight import Share, Truth, groups, ratio_of, scores, track_records, truth_of
from ci_rlm.training.verified import Comparison
from tests.scoreboards import NOVEMBER, comparison, measured, once

REGRESSED, SAME, UNSURE, IMPROVED = Outcome.REGRESSED, Outcome.SAME, Outcome.UNSURE, Outcome.IMPROVED


# The measured ratio.


def test_a_ratio_is_after_by_before() -> None:
    assert ratio_of(comparison(SAME, measured(2.0, 3.0))) == 1.5


def test_several_benchmarks_of_a_function_are_joined_by_the_geometric_mean_of_their_ratios() -> None:
    several = comparison(SAME, measured(1.0, 2.0), measured(300.0, 2400.0, benchmark="test_large"))
    assert ratio_of(several) == pytest.approx(math.sqrt(2 * 8))


def test_a_ratio_within_its_own_noise_is_no_change() -> None:
    assert ratio_of(comparison(SAME, measured(1.0, 1.08, spread=0.05))) == 1.0


def test_a_ratio_beyond_its_noise_is_as_measured() -> None:
    assert ratio_of(comparison(SAME, measured(1.0, 1.08, spread=0.03))) == pytest.approx(1.08)


@pytest.mark.parametrize(("spread", "told"), [(0.11, True), (0.12, False)])
def test_noise_that_could_hide_a_regression_over_the_failing_limit_tells_nothing(
    spread: float, told: bool
) -> None:
    """1.11 / 0.89 is 1.247, and 1.12 / 0.88 is 1.273: the limit is 1.25."""
    assert (ratio_of(comparison(SAME, measured(1.0, 1.0, spread=spread))) is not None) is told


def test_a_quantity_that_tells_nothing_leaves_the_others_their_say() -> None:
    both = comparison(SAME, measured(1.0, 1.0, spread=0.5), measured(1.0, 2.0, benchmark="quiet"))
    assert ratio_of(both) == 2.0


def test_a_cost_of_zero_is_read_as_the_least_there_is() -> None:
    """A nanosecond, or a byte."""
    assert ratio_of(comparison(SAME, measured(0.0, 3e-9))) == pytest.approx(3.0)
    memory = measured(0.0, 3.0, metric="peak_memory", kind="peak")
    assert ratio_of(comparison(SAME, memory, metric="peak_memory")) == 3.0


# What was measured.


@pytest.mark.parametrize(
    ("ratio", "truth"),
    [
        (1.26, Truth.WORSE),
        (1.25, Truth.WARNED),
        (1.11, Truth.WARNED),
        (1.1, Truth.STEADY),
        (0.91, Truth.STEADY),
        (0.9, Truth.BETTER),
    ],
)
def test_the_limits_of_the_verdict_say_what_a_ratio_is(ratio: float, truth: Truth) -> None:
    assert truth_of(once(SAME, ratio), ratio) is truth


@pytest.mark.parametrize(
    ("outcome", "truth"),
    [(SAME, Truth.STEADY), (UNSURE, Truth.STEADY), (REGRESSED, Truth.WORSE)],
)
def test_a_difference_below_the_least_effect_is_none_that_a_quiet_gate_missed(
    outcome: Outcome, truth: Truth
) -> None:
    small = comparison(outcome, measured(1e-6, 2e-6), min_effect=1e-5)
    assert truth_of(small, 2.0) is truth


# Scores.

EVERY = [
    *[once(REGRESSED, 2.0, p_regression=0.95)] * 5,
    *[once(REGRESSED, 1.2, p_regression=0.6)] * 2,
    *[once(REGRESSED, 1.0, p_regression=0.92)] * 1,
    *[once(SAME, 1.0, p_regression=0.02)] * 10,
    *[once(SAME, 1.5, p_regression=0.04)] * 2,
    *[once(UNSURE, 1.4, p_regression=0.4)] * 3,
    *[once(UNSURE, 1.0, p_regression=0.3)] * 4,
    *[once(IMPROVED, 0.5, p_regression=0.01)] * 3,
    *[once(IMPROVED, 1.0, p_regression=0.01)] * 1,
    *[comparison(SAME, measured(1.0, 1.0, spread=0.5))] * 6,
]
"""Thirty-one comparisons with a ratio, and six too noisy for one."""


def test_calls_misses_and_false_alarms_are_counted_apart() -> None:
    told = scores(EVERY)
    assert (told.comparisons, told.noisy) == (31, 6)
    assert (told.precision.hits, told.precision.of) == (7, 8)
    assert (told.recall.hits, told.recall.of) == (5, 10)
    assert told.unsure == 3
    assert (told.quiet.hits, told.quiet.of) == (10, 12)
    assert (told.improved.hits, told.improved.of) == (3, 4)


def test_probabilities_are_held_against_what_was_found() -> None:
    """By hand: bins of 0.0 to 0.1, 0.3, 0.4, 0.6 and from 0.9 on."""
    told = scores(EVERY)
    by_hand = [
        (16, 2, (10 * 0.02 + 2 * 0.04 + 4 * 0.01) / 16),
        (4, 0, 0.3),
        (3, 3, 0.4),
        (2, 0, 0.6),
        (6, 5, (5 * 0.95 + 0.92) / 6),
    ]
    assert [(each.found.of, each.found.hits) for each in told.bins] == [(n, k) for n, k, _ in by_hand]
    assert [each.told for each in told.bins] == pytest.approx([p for _, _, p in by_hand])
    error = sum(n * abs(p - k / n) for n, k, p in by_hand) / 31
    assert told.calibration_error == pytest.approx(error)


def test_the_share_of_ratios_within_the_predicted_interval_is_told() -> None:
    """0.8 to 1.6: twice the cost and half of it are outside."""
    inside = scores(EVERY).inside
    assert (inside.hits, inside.of) == (31 - 5 - 3, 31)


def test_equal_code_says_nothing_of_a_model() -> None:
    told = scores([once(SAME, 1.0, equal=True, p_regression=0.0, low=1.0, mid=1.0, high=1.0)])
    assert (told.quiet.of, told.bins, told.inside.of) == (1, (), 0)


def test_nothing_at_all_has_no_figures() -> None:
    told = scores([])
    assert (told.precision.value, told.recall.value, told.calibration_error) == (None, None, None)
    assert told.precision.interval == (0.0, 1.0)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_are_those_of_clopper_and_pearson(trial: tuple[int, int]) -> None:
    """Quantiles of beta distributions, as the textbooks write them."""
    k, n = trial
    low = float(beta.ppf(0.025, k, n - k + 1)) if k else 0.0
    high = float(beta.ppf(0.975, k + 1, n - k)) if k < n else 1.0
    assert Share(k, n).interval == pytest.approx((low, high), abs=1e-9)


# Groups and records.


def dated(month: int, digest: str, outcome: Outcome, ratio: float) -> Comparison:
    """A month has at least 28 days: these are in as many different ones."""
    return once(outcome, ratio, committed=NOVEMBER + month * 31 * 86_400, digest=digest * 64)


def test_records_of_the_latest_checkpoints_are_kept() -> None:
    many = [once(SAME, 1.0, digest=f"{number:03}", committed=number) for number in range(150)]
    digests = [record.digest for record in track_records(many[::-1])]
    assert digests == ["", *(f"{number:03}" for number in range(50, 150))]


TWO_CHECKPOINTS = [
    dated(2, "b", REGRESSED, 2.0),
    dated(0, "c", REGRESSED, 1.0),
    dated(0, "c", REGRESSED, 2.0),
    dated(1, "c", UNSURE, 2.0),
]


def test_groups_are_by_metric_month_and_checkpoint_in_the_order_of_their_appearance() -> None:
    told = [(group.what, group.name, group.scores.comparisons) for group in groups(TWO_CHECKPOINTS)]
    assert told == [
        ("metric", "cpu_time", 4),
        ("month", "2026-11", 2),
        ("month", "2026-12", 1),
        ("month", "2027-01", 1),
        ("checkpoint", f"compact ({'c' * 12})", 3),
        ("checkpoint", f"compact ({'b' * 12})", 1),
    ]


def test_a_record_is_kept_of_all_and_of_each_checkpoint() -> None:
    records = [asdict(record) for record in track_records(TWO_CHECKPOINTS)]
    counts = [{key: record[key] for key in record if key not in ("low", "high")} for record in records]
    assert counts == [
        {"digest": "", "comparisons": 4, "calls": 3, "right": 2, "missed": 1, "unsure": 1},
        {"digest": "b" * 64, "comparisons": 1, "calls": 1, "right": 1, "missed": 0, "unsure": 0},
        {"digest": "c" * 64, "comparisons": 3, "calls": 2, "right": 1, "missed": 1, "unsure": 1},
    ]
    assert (records[0]["low"], records[0]["high"]) == pytest.approx((0.094299, 0.991596), abs=2e-6)
