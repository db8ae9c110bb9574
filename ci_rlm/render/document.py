"""A report as its JSON document: the one form that every other format is made from.

The shape is published as `report_schema.json`; within version 1 it only ever gains keys.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NotRequired, TypedDict

from ci_rlm import flow
from ci_rlm.render.text import storable

SCHEMA_VERSION = "1.0"
SIGNIFICANT_DIGITS = 6
"""Each predicted number is rounded to this many digits, so that float noise cannot change a byte."""


class Quantiles(TypedDict):
    """One side's predicted distribution, in the row's unit."""

    median: float
    quantiles: dict[str, float]
    """Probability, as text, to value; ascending."""


class Ratio(TypedDict):
    """After / before: the 5%, 50% and 95% points."""

    low: float
    mid: float
    high: float


class Row(TypedDict):
    """One metric of one changed function; a `before` or `after` that was not predicted is null."""

    path: str
    before_path: str | None
    name: str
    before_name: str | None
    kind: str
    language: str
    line: int
    end_line: int
    metric: str
    unit: str
    before: Quantiles | None
    after: Quantiles | None
    ratio: Ratio | None
    p_regression: float
    p_warning: float
    p_improvement: float
    p_over_budget: float
    outcome: str
    level: str
    reason: str
    equal: bool
    truncated: bool


class SkippedRow(TypedDict):
    """What could not be judged; an empty name stands for the whole file."""

    path: str
    name: str
    reason: str


class Model(TypedDict):
    """Which model spoke."""

    name: str
    digest: str
    tokenizer_digest: str
    dtype: str
    hardware: str


class FalseAlarmsRow(TypedDict):
    """A bound on the neutral edits that are called regressions (`flow.FalseAlarms`)."""

    target: float
    threshold: float
    problems: int


class RangeRow(TypedDict):
    """The two trees compared, and what the user typed."""

    base: str
    head: str
    text: str


class LimitsRow(TypedDict):
    """The limits of one metric, as configured."""

    warn: float
    fail: float
    min_effect: float
    budget: float | None
    confidence: float


class OverriddenRow(LimitsRow):
    """The limits of one metric for one path, where they are not the configured ones."""

    path: str
    metric: str


class TrackRecordRow(TypedDict):
    """How earlier calls in the repository turned out (`flow.TrackRecord`)."""

    own: bool
    """Of the checkpoint that spoke; else of all that predicted before."""
    comparisons: int
    calls: int
    right: int
    low: float
    high: float
    missed: int
    unsure: int


class Summary(TypedDict):
    """Counts: functions, rows by outcome and level, and whether the gate fails."""

    failed: bool
    functions: int
    equal: int
    """Functions whose tokens did not change."""
    outcomes: dict[str, int]
    levels: dict[str, int]
    skipped: int


class Document(TypedDict):
    """The whole report."""

    schema_version: str
    tool: str
    model: Model
    range: RangeRow
    mode: str
    limits: dict[str, LimitsRow]
    summary: Summary
    rows: list[Row]
    skipped: list[SkippedRow]
    false_alarms: NotRequired[dict[str, FalseAlarmsRow]]
    """By metric, of a checkpoint whose calibration has such bounds."""
    overridden: NotRequired[list[OverriddenRow]]
    """By path and metric; only where some limits are overridden."""
    track_record: NotRequired[TrackRecordRow]
    """Of a repository that keeps a scoreboard."""


def document(report: flow.Report) -> Document:
    """The JSON document of a report: rows in the report's order (worst first), no clock, numbers rounded."""
    rows = [_row(verdict) for verdict in report.verdicts]
    told: Document = {
        "schema_version": SCHEMA_VERSION,
        "tool": storable(report.tool),
        "model": _model(report.model),
        "range": _range(report.range),
        "mode": report.mode.value,
        "limits": {storable(metric): _limits(limits) for metric, limits in sorted(report.limits, key=_first)},
        "summary": _summary(report, rows),
        "rows": rows,
        "skipped": [_skipped(skipped) for skipped in sorted(report.skipped, key=_place)],
    }
    if report.false_alarms:
        told["false_alarms"] = {
            storable(metric): {
                "target": bound.target,
                "threshold": bound.threshold,
                "problems": bound.problems,
            }
            for metric, bound in sorted(report.false_alarms, key=lambda pair: pair[0])
        }
    if report.overridden:
        told["overridden"] = [
            {"path": storable(str(path)), "metric": storable(metric), **_limits(limits)}
            for path, metric, limits in report.overridden
        ]
    if report.track_record:
        told["track_record"] = _track_record(report.track_record)
    return told


def function_of(row: Row) -> tuple[str, str, int]:
    """What the rows of one function share."""
    return row["path"], row["name"], row["line"]


def _row(verdict: flow.Verdict) -> Row:
    comparison = verdict.comparison
    change, unit = comparison.change, comparison.change.unit
    sides = [side for side in (comparison.before, comparison.after) if side is not None]
    return {
        "path": storable(str(unit.path)),
        "before_path": storable(str(change.before.path)) if change.before else None,
        "name": storable(unit.name),
        "before_name": storable(change.before.name) if change.before else None,
        "kind": unit.kind.value,
        "language": storable(unit.language),
        "line": unit.span.first,
        "end_line": unit.span.last,
        "metric": storable(comparison.metric.name),
        "unit": storable(comparison.metric.unit),
        "before": _quantiles(comparison.before),
        "after": _quantiles(comparison.after),
        "ratio": _ratio(comparison.slowdown),
        "p_regression": _rounded(comparison.p_regression),
        "p_warning": _rounded(comparison.p_warning),
        "p_improvement": _rounded(comparison.p_improvement),
        "p_over_budget": _rounded(comparison.p_over_budget),
        "outcome": verdict.outcome.value,
        "level": verdict.level.value,
        "reason": storable(verdict.reason),
        "equal": change.equal,
        "truncated": any(side.truncated for side in sides),
    }


def _quantiles(prediction: flow.Prediction | None) -> Quantiles | None:
    if prediction is None:
        return None
    pairs = {f"{p:g}": _rounded(value) for p, value in prediction.quantiles}
    return {"median": _rounded(prediction.median), "quantiles": pairs}


def _ratio(slowdown: flow.Interval | None) -> Ratio | None:
    """Null when there is none, or when it is not finite: JSON has no infinity, and 1 / 0 is no news."""
    if slowdown is None or not all(map(math.isfinite, (slowdown.low, slowdown.mid, slowdown.high))):
        return None
    return {"low": _rounded(slowdown.low), "mid": _rounded(slowdown.mid), "high": _rounded(slowdown.high)}


def _rounded(value: float) -> float:
    """`value` to six significant digits, without a negative zero."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}") + 0.0


def _model(model: flow.ModelInfo) -> Model:
    return {
        "name": storable(model.name),
        "digest": storable(model.digest),
        "tokenizer_digest": storable(model.tokenizer_digest),
        "dtype": storable(model.dtype),
        "hardware": storable(model.hardware),
    }


def _range(range: flow.Range) -> RangeRow:
    return {"base": storable(range.base), "head": storable(range.head), "text": storable(range.text)}


def _limits(limits: flow.Limits) -> LimitsRow:
    """Not rounded: someone wrote these numbers."""
    return {
        "warn": limits.warn,
        "fail": limits.fail,
        "min_effect": limits.min_effect,
        "budget": limits.budget,
        "confidence": limits.confidence,
    }


def _track_record(record: flow.TrackRecord) -> TrackRecordRow:
    return {
        "own": bool(record.digest),
        "comparisons": record.comparisons,
        "calls": record.calls,
        "right": record.right,
        "low": _rounded(record.low),
        "high": _rounded(record.high),
        "missed": record.missed,
        "unsure": record.unsure,
    }


def _skipped(skipped: flow.Skipped) -> SkippedRow:
    return {
        "path": storable(str(skipped.path)),
        "name": storable(skipped.name),
        "reason": storable(skipped.reason),
    }


def _summary(report: flow.Report, rows: list[Row]) -> Summary:
    return {
        "failed": report.failed,
        "functions": len({function_of(row) for row in rows}),
        "equal": len({function_of(row) for row in rows if row["equal"]}),
        "outcomes": _tally(flow.Outcome, Counter(row["outcome"] for row in rows)),
        "levels": _tally(flow.Level, Counter(row["level"] for row in rows)),
        "skipped": len(report.skipped),
    }


def _tally(members: Iterable[str], counts: Mapping[str, int]) -> dict[str, int]:
    return {str(member): counts[str(member)] for member in members}


def _first(pair: tuple[str, flow.Limits]) -> str:
    return pair[0]


def _place(skipped: flow.Skipped) -> tuple[str, str, str]:
    return str(skipped.path), skipped.name, skipped.reason
