"""A report as its JSON document: the one form that every other format is made from.

The shape is published as `report_schema.json`; within version 1 it only ever gains keys.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NotRequired, TypedDict

from ci_rlm import flow
from ci_rlm.render import diff
from ci_rlm.render.diff import DiffRow
from ci_rlm.render.text import storable
from ci_rlm.trailers import to_paste

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


class HunkRow(TypedDict):
    """Lines that the change rewrites, and what they do to the row's metric (`flow.Hunk`)."""

    before: list[int] | None
    """First and last line of the file before; null where nothing was."""
    after: list[int] | None
    """First and last line of the file after; null where nothing is left."""
    effect: float
    share: float


class AcceptedRow(TypedDict):
    """Who accepts the cost (`flow.Acceptance`); the row's own level is `none` then."""

    means: str
    source: str
    reason: str
    level: str
    """The level that the row would have."""


class WeightRow(TypedDict):
    """What the function weighs in a whole run (`flow.Weight`)."""

    share: float
    warn: float
    fail: float


class NoticeRow(TypedDict):
    """An acceptance that accepts nothing, and why (`flow.Notice`)."""

    means: str
    source: str
    line: int
    text: str


class _Settlement(TypedDict, total=False):
    """What people say of a row."""

    accepted: AcceptedRow
    weight: WeightRow
    accept_with: str
    """The trailer that would accept a failing row, with a word in place of the reason."""


class Row(_Settlement):
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
    p_worse_matters: NotRequired[float]
    p_better_matters: NotRequired[float]
    """Both where a model was asked for the ratio."""
    hunks: NotRequired[list[HunkRow]]
    """The most responsible first; of an explained claim of a difference."""


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
    warn_confidence: NotRequired[float]


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
    diffs: NotRequired[list[DiffRow]]
    """In the order of the rows; of functions that are not equal and not removed."""
    false_alarms: NotRequired[dict[str, FalseAlarmsRow]]
    """By metric, of a checkpoint whose calibration has such bounds."""
    overridden: NotRequired[list[OverriddenRow]]
    """By path and metric; only where some limits are overridden."""
    notices: NotRequired[list[NoticeRow]]
    """By means, source and line; only where there are any."""
    track_record: NotRequired[TrackRecordRow]
    """Of a repository that keeps a scoreboard."""
    unexplained: NotRequired[int]
    """Functions whose hunks were not looked at, because the report has too many of them."""


def document(report: flow.Report) -> Document:
    """The JSON document of a report: rows in the report's order (worst first), no clock, numbers rounded."""
    rows: list[Row] = [{**_row(verdict), **_settlement(verdict, report)} for verdict in report.verdicts]
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
    if diffs := list(diff.rows(verdict.comparison.change for verdict in report.verdicts)):
        told["diffs"] = diffs
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
    if report.notices:
        told["notices"] = [_notice(notice) for notice in report.notices]
    if report.track_record:
        told["track_record"] = _track_record(report.track_record)
    if report.unexplained:
        told["unexplained"] = report.unexplained
    return told


def function_of(row: Row) -> tuple[str, str, int]:
    """What the rows of one function share."""
    return row["path"], row["name"], row["line"]


def _row(verdict: flow.Verdict) -> Row:
    comparison = verdict.comparison
    change, unit = comparison.change, comparison.change.unit
    sides = [side for side in (comparison.before, comparison.after) if side is not None]
    row: Row = {
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
        "ratio": ratio_row(comparison.slowdown),
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
    if comparison.slowdown is not None and not change.equal:
        row["p_worse_matters"] = _rounded(comparison.worse_matters)
        row["p_better_matters"] = _rounded(comparison.better_matters)
    if verdict.hunks:
        row["hunks"] = [hunk_row(hunk) for hunk in verdict.hunks]
    return row


def _settlement(verdict: flow.Verdict, report: flow.Report) -> _Settlement:
    """Who accepts a row, how it could be accepted, and what its function weighs."""
    told: _Settlement = {}
    unit, metric = verdict.comparison.change.unit, verdict.comparison.metric.name
    if word := verdict.accepted:
        told["accepted"] = {
            "means": word.means.value,
            "source": storable(word.source),
            "reason": storable(word.reason),
            "level": word.level.value,
        }
    if weight := verdict.weight:
        told["weight"] = {
            "share": _rounded(weight.share),
            "warn": _rounded(weight.warn),
            "fail": _rounded(weight.fail),
        }
    failing = report.trailers and verdict.level is flow.Level.FAIL
    if failing and (line := to_paste(str(unit.path), unit.name, metric)):
        told["accept_with"] = line
    return told


def _notice(notice: flow.Notice) -> NoticeRow:
    return {
        "means": notice.means.value,
        "source": storable(notice.source),
        "line": notice.line,
        "text": storable(notice.text),
    }


def hunk_row(hunk: flow.Hunk) -> HunkRow:
    """A hunk with its numbers rounded."""
    return {
        "before": _lines(hunk.before),
        "after": _lines(hunk.after),
        "effect": _rounded(hunk.effect),
        "share": _rounded(hunk.share),
    }


def _lines(span: flow.Span | None) -> list[int] | None:
    return None if span is None else [span.first, span.last]


def _quantiles(prediction: flow.Prediction | None) -> Quantiles | None:
    if prediction is None:
        return None
    pairs = {f"{p:g}": _rounded(value) for p, value in prediction.quantiles}
    return {"median": _rounded(prediction.median), "quantiles": pairs}


def ratio_row(slowdown: flow.Interval | None) -> Ratio | None:
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
        "warn_confidence": limits.warn_confidence,
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
