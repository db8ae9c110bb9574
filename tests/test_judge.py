"""A comparison and limits to an outcome, a level and a reason; verdicts worst first."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.flow import (
    Change,
    Comparison,
    Interval,
    Kind,
    Level,
    Limits,
    Metric,
    Outcome,
    Prediction,
    Span,
    Unit,
    Verdict,
)
from ci_rlm.judge import judge, worst_first

LIMITS = Limits(warn=0.1, fail=0.25, confidence=0.9)
UNIT = Unit(PurePosixPath("a.py"), "f", Kind.FUNCTION, "python", Span(1, 2), "def f(): pass")
BOTH = Change(UNIT, UNIT)


def prediction(median: float) -> Prediction:
    return Prediction("peak_memory", "B", ((0.5, median),))


def comparison(
    change: Change = BOTH,
    *,
    regression: float = 0.0,
    warning: float = 0.0,
    improvement: float = 0.0,
    over_budget: float = 0.0,
) -> Comparison:
    both = change.before is not None and change.after is not None
    return Comparison(
        change=change,
        metric=Metric("peak_memory", "B"),
        before=prediction(1000.0) if change.before else None,
        after=prediction(1300.0) if change.after else None,
        slowdown=Interval(0.8, 1.3, 2.0) if both else None,
        p_regression=regression,
        p_warning=warning,
        p_improvement=improvement,
        p_over_budget=over_budget,
    )


def answer(verdict: Verdict) -> tuple[Outcome, Level, str]:
    return verdict.outcome, verdict.level, verdict.reason


TABLE = {
    "a likely failing slowdown": (
        comparison(regression=0.9, warning=0.95),
        (Outcome.REGRESSED, Level.FAIL, "likely over 1.25x the cost"),
    ),
    "a likely warning slowdown": (
        comparison(regression=0.89, warning=0.9),
        (Outcome.REGRESSED, Level.WARN, "likely over 1.10x the cost"),
    ),
    "a likely gain": (
        comparison(improvement=0.9),
        (Outcome.IMPROVED, Level.NONE, "likely under 0.91x the cost"),
    ),
    "likely no difference": (
        comparison(warning=0.05, improvement=0.04),
        (Outcome.SAME, Level.NONE, "likely within 10%"),
    ),
    "nothing that is likely enough": (
        comparison(regression=0.5, warning=0.6, improvement=0.3),
        (Outcome.UNSURE, Level.NONE, "anywhere from 0.80x to 2.00x"),
    ),
    "a likely slowdown, but neutral edits look as likely": (
        replace(comparison(regression=0.95, warning=0.97), alarm=0.97),
        (Outcome.UNSURE, Level.NONE, "anywhere from 0.80x to 2.00x"),
    ),
    "a slowdown likelier than that of neutral edits": (
        replace(comparison(regression=0.95, warning=0.98), alarm=0.97),
        (Outcome.REGRESSED, Level.FAIL, "likely over 1.25x the cost"),
    ),
    "a slowdown that is likely, and too small to matter": (
        replace(comparison(regression=0.95, warning=0.97), worse_matters=0.1),
        (Outcome.SAME, Level.NONE, "effect below the limit"),
    ),
    "a slowdown that is likely, and may be too small to matter": (
        replace(comparison(regression=0.95, warning=0.97), worse_matters=0.49),
        (Outcome.UNSURE, Level.NONE, "anywhere from 0.80x to 2.00x"),
    ),
    "a slowdown that is likely, and as likely to matter as not": (
        replace(comparison(regression=0.95, warning=0.97), worse_matters=0.5, better_matters=0.0),
        (Outcome.REGRESSED, Level.FAIL, "likely over 1.25x the cost"),
    ),
    "a gain that is likely, and too small to matter": (
        replace(comparison(improvement=0.95), better_matters=0.1),
        (Outcome.SAME, Level.NONE, "effect below the limit"),
    ),
    "a slowdown that is more likely than not, by a checkpoint that bounds its false alarms": (
        replace(comparison(regression=0.45, warning=0.5), alarm=0.3),
        (Outcome.REGRESSED, Level.WARN, "more likely than not over 1.10x the cost"),
    ),
    "a gain that is more likely than not": (
        replace(comparison(improvement=0.5), alarm=0.3),
        (Outcome.IMPROVED, Level.NONE, "more likely than not under 0.91x the cost"),
    ),
    "a gain, but neutral edits look as likely": (
        replace(comparison(improvement=0.6), alarm=0.6),
        (Outcome.UNSURE, Level.NONE, "anywhere from 0.80x to 2.00x"),
    ),
    "equal code": (
        replace(comparison(Change(UNIT, UNIT, equal=True)), before=None, after=None),
        (Outcome.SAME, Level.NONE, "same code, same cost"),
    ),
    "a new unit": (
        comparison(Change(None, UNIT)),
        (Outcome.NEW, Level.NONE, "new: nothing to compare with"),
    ),
    "a removed unit": (
        comparison(Change(UNIT, None)),
        (Outcome.REMOVED, Level.NONE, "removed"),
    ),
    "a change over its budget": (
        comparison(warning=0.05, over_budget=0.9),
        (Outcome.SAME, Level.FAIL, "likely over its budget"),
    ),
    "a new unit over its budget": (
        comparison(Change(None, UNIT), over_budget=0.95),
        (Outcome.NEW, Level.FAIL, "likely over its budget"),
    ),
    "a new unit that may be over its budget": (
        comparison(Change(None, UNIT), over_budget=0.89),
        (Outcome.NEW, Level.NONE, "new: nothing to compare with"),
    ),
    "sides that were not predicted": (
        replace(comparison(), before=None, after=None, slowdown=None),
        (Outcome.UNSURE, Level.NONE, "no ratio to judge"),
    ),
}


@pytest.mark.parametrize(("found", "expected"), TABLE.values(), ids=TABLE)
def test_an_outcome_has_its_level_and_its_reason(
    found: Comparison, expected: tuple[Outcome, Level, str]
) -> None:
    assert answer(judge(found, LIMITS)) == expected


def test_a_verdict_keeps_its_comparison() -> None:
    found = comparison(regression=1.0)
    assert judge(found, LIMITS).comparison is found


@pytest.mark.parametrize(("worse", "better", "outcome"), [
    (0.1, 0.1, Outcome.SAME),  # 0.05 + 0.03 are past a limit and matter
    (0.2, 0.1, Outcome.UNSURE),  # 0.10 + 0.03
    (0.1, 0.2, Outcome.UNSURE),  # 0.05 + 0.06
])  # fmt: skip
def test_a_cost_is_the_same_where_what_could_differ_is_small(
    worse: float, better: float, outcome: Outcome
) -> None:
    found = comparison(regression=0.4, warning=0.5, improvement=0.3)
    verdict = judge(replace(found, worse_matters=worse, better_matters=better), LIMITS)
    assert verdict.outcome is outcome


def test_a_budget_holds_however_small_the_effect() -> None:
    found = replace(comparison(over_budget=0.99), worse_matters=0.0, better_matters=0.0)
    assert judge(found, LIMITS).level is Level.FAIL


def test_a_stricter_confidence_turns_a_regression_into_doubt() -> None:
    found = comparison(regression=0.9, warning=0.92)
    assert judge(found, replace(LIMITS, confidence=0.95)).outcome is Outcome.UNSURE


PROBABILITY = st.floats(0.0, 1.0)


@given(PROBABILITY, PROBABILITY, PROBABILITY, st.floats(0.51, 0.99))
def test_a_comparison_within_its_budget_fails_exactly_when_a_regression_is_likely_enough(
    regression: float, warning: float, improvement: float, confidence: float
) -> None:
    found = comparison(regression=regression, warning=warning, improvement=improvement)
    verdict = judge(found, replace(LIMITS, confidence=confidence))
    assert (verdict.level is Level.FAIL) == (regression >= confidence)


def verdict(
    name: str = "f",
    *,
    path: str = "a.py",
    level: Level = Level.NONE,
    outcome: Outcome = Outcome.SAME,
    ratio: float = 1.0,
    line: int = 1,
    metric: str = "cpu_time",
) -> Verdict:
    unit = replace(UNIT, path=PurePosixPath(path), name=name, span=Span(line, line))
    found = Comparison(
        Change(unit, unit), Metric(metric, "s"), None, None, Interval(ratio / 2, ratio, ratio * 2)
    )
    return Verdict(found, outcome, level, "")


WORST_FIRST = (
    verdict(level=Level.FAIL, outcome=Outcome.REGRESSED, ratio=3.0),
    verdict(level=Level.FAIL, outcome=Outcome.REGRESSED, ratio=2.0),
    verdict(level=Level.FAIL, outcome=Outcome.NEW, ratio=9.0),
    verdict(level=Level.WARN, outcome=Outcome.REGRESSED, ratio=9.0),
    verdict(outcome=Outcome.UNSURE),
    verdict(outcome=Outcome.NEW),
    verdict(outcome=Outcome.IMPROVED, ratio=0.9),
    verdict(outcome=Outcome.IMPROVED, ratio=0.5),
    verdict("f", line=9),
    verdict("f", line=10),
    verdict("f", line=10, metric="peak_memory"),
    verdict("g"),
    verdict("a", path="b.py"),
    verdict(outcome=Outcome.REMOVED),
)


@given(st.permutations(WORST_FIRST))
def test_verdicts_come_worst_first_in_whatever_order_they_were_found(found: list[Verdict]) -> None:
    assert worst_first(found) == WORST_FIRST


def test_a_verdict_without_a_ratio_stands_where_an_unchanged_one_does() -> None:
    without = verdict("b", outcome=Outcome.NEW)
    without = replace(without, comparison=replace(without.comparison, slowdown=None))
    around = (verdict("a", outcome=Outcome.NEW), without, verdict("c", outcome=Outcome.NEW))
    orders = itertools.permutations(around)
    assert {worst_first(order) for order in orders} == {around}
