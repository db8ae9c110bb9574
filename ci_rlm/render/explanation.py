"""What each hunk of a change does to its prediction, for a terminal and as a record of JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TypedDict

from ci_rlm.flow import Hunk, Span, Unit, Verdict
from ci_rlm.render import measure
from ci_rlm.render.document import HunkRow, Ratio, hunk_row, ratio_row
from ci_rlm.render.text import clipped, counted, printable, storable
from ci_rlm.render.view import span

LINES = 12
"""Of one side of a hunk."""
WIDTH = 100
"""Characters of a line of code."""
_LARGEST = 700.0
"""Of a logarithm whose exponential is told: e^710 is no float."""


class Explanation(TypedDict):
    """One metric of one change."""

    path: str
    name: str
    metric: str
    outcome: str
    reason: str
    ratio: Ratio | None
    hunks: list[HunkRow]
    """The most responsible first."""


def record(verdict: Verdict) -> Explanation:
    """A verdict with its hunks as JSON holds it."""
    comparison = verdict.comparison
    unit = comparison.change.unit
    return {
        "path": storable(str(unit.path)),
        "name": storable(unit.name),
        "metric": storable(comparison.metric.name),
        "outcome": verdict.outcome.value,
        "reason": storable(verdict.reason),
        "ratio": ratio_row(comparison.slowdown),
        "hunks": [hunk_row(hunk) for hunk in verdict.hunks],
    }


def text(verdict: Verdict) -> str:
    """A verdict in one line, then each hunk: its share, what it does to the ratio, and its lines."""
    told = [_headline(verdict), *(line for hunk in verdict.hunks for line in _hunk(hunk, verdict))]
    return "".join(f"{printable(line)}\n" for line in told)


def _headline(verdict: Verdict) -> str:
    comparison = verdict.comparison
    unit, ratio = comparison.change.unit, ratio_row(comparison.slowdown)
    delta = f" {measure.percent(ratio['mid'])}" if ratio and not comparison.change.equal else ""
    metric = comparison.metric.name.replace("_", " ")
    place = f"{unit.path}:{unit.span.first}"
    return f"{place} {unit.name}: {metric}{delta}, {verdict.outcome.value}: {verdict.reason}"


def _hunk(hunk: Hunk, verdict: Verdict) -> Iterator[str]:
    change = verdict.comparison.change
    effect = measure.percent(math.exp(max(-_LARGEST, min(hunk.effect, _LARGEST))))
    yield f"  {hunk.share:4.0%}  {effect:>7}  {_place(hunk)}"
    for sign, unit, lines in (("-", change.before, hunk.before), ("+", change.after, hunk.after)):
        if unit is not None and lines is not None:
            yield from (f"        {sign} {line}" for line in _shown(_lines(unit, lines)))


def _place(hunk: Hunk) -> str:
    if hunk.after is None:
        return f"{_span(hunk.before)} before, removed"
    return _span(hunk.after) if hunk.before is not None else f"{_span(hunk.after)}, added"


def _span(lines: Span | None) -> str:
    return span((lines.first, lines.last)) if lines else ""


def _lines(unit: Unit, lines: Span) -> Sequence[str]:
    first = lines.first - unit.span.first
    return unit.source.split("\n")[first : first + lines.last - lines.first + 1]


def _shown(lines: Sequence[str]) -> Iterator[str]:
    yield from (clipped(line, WIDTH) for line in lines[:LINES])
    if len(lines) > LINES:
        yield f"… {counted(len(lines) - LINES, 'line')} more"
