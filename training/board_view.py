"""What a scoreboard says, as a JSON document and as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ci_rlm.flow import Outcome
from ci_rlm.render.drawn import drawn
from ci_rlm.render.text import clipped, counted, printable
from ci_rlm.training.hindsight import Scores, Share, Truth, groups, month_of, scores
from ci_rlm.training.verified import Comparison

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_SAID = (Outcome.REGRESSED, Outcome.UNSURE, Outcome.SAME, Outcome.IMPROVED)
_LONGEST = 60
_NOTES = (
    "Measured over a limit: after / before beyond the one that the verdict was judged under. "
    "Within its own noise, a measured ratio counts as 1.",
    "Missed: measured over the failing limit, and not called. False alarm: called, and not measured over "
    "the warning limit.",
    "Intervals: 95%, Clopper and Pearson, with comparisons taken as independent.",
)


def document(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """Every figure of a scoreboard, in order; no clock, and None for what cannot be told."""
    return {
        "changes": _changes(comparisons),
        **_scores(scores(comparisons)),
        "groups": [
            {"by": group.what, "name": group.name, **_scores(group.scores)} for group in groups(comparisons)
        ],
    }


def _changes(comparisons: Sequence[Comparison]) -> int:
    return len({(comparison.base, comparison.head) for comparison in comparisons})


def _scores(told: Scores) -> dict[str, Any]:
    calls = told.precision
    return {
        "comparisons": told.comparisons,
        "too_noisy": told.noisy,
        "hits": calls.hits,
        "false_alarms": calls.of - calls.hits,
        "missed": told.recall.of - told.recall.hits,
        "missed_unsure": told.unsure,
        "counts": {
            said.value: {truth.name.lower(): told.counts[said, truth] for truth in Truth} for said in _SAID
        },
        "precision": _share(calls),
        "recall": _share(told.recall),
        "quiet": _share(told.quiet),
        "improved": _share(told.improved),
        "calibration_error": _rounded(told.calibration_error),
        "inside": _share(told.inside),
        "bins": [{"told": _rounded(each.told), "found": _share(each.found)} for each in told.bins],
    }


def _share(share: Share) -> dict[str, Any]:
    low, high = share.interval
    return {
        "hits": share.hits,
        "of": share.of,
        "value": _rounded(share.value),
        "low": _rounded(low),
        "high": _rounded(high),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


def render(comparisons: Sequence[Comparison], *, width: int = 100, color: bool = False) -> str:
    """Tables as wide as that; without `color` not one escape sequence."""
    told = scores(comparisons)

    def draw(console: Console) -> None:
        console.print(_headline(comparisons, told), style="bold")
        if comparisons:
            for table in (_counts(told), _figures(told), _groups(comparisons), _reliability(told)):
                if table.row_count:
                    console.print(table)
            console.print("\n".join(_NOTES))

    return drawn(draw, width=width, color=color)


def _headline(comparisons: Sequence[Comparison], told: Scores) -> str:
    if not comparisons:
        return "No prediction is verified yet"
    months = sorted({month_of(comparison) for comparison in comparisons})
    span = months[0] if len(months) == 1 else f"{months[0]} to {months[-1]}"
    noisy = f"; {told.noisy:,} more measured too noisily to tell" if told.noisy else ""
    changes = counted(_changes(comparisons), "change")
    return f"{counted(told.comparisons, 'verified comparison')} of {changes}, {span}{noisy}"


def _counts(told: Scores) -> Table:
    table = _table("Said by the gate, then measured", *Truth)
    for said in _SAID:
        table.add_row(said.value, *(_number(told.counts[said, truth]) for truth in Truth))
    return table


def _figures(told: Scores) -> Table:
    table = _table("", "Share", "95%", "Of")
    shares = {
        "Precision: called regressions that were right": told.precision,
        "Recall: regressions over the failing limit that were called": told.recall,
        "Said to be the same, and not over the failing limit": told.quiet,
        "Called improvements that were right": told.improved,
        "Measured ratios in the predicted 5% to 95% (90% is right)": told.inside,
    }
    for title, share in shares.items():
        table.add_row(title, _value(share.value), _interval(share), _number(share.of))
    table.add_row("Calibration error of P(regression)", _value(told.calibration_error), "", "")
    return table


def _groups(comparisons: Sequence[Comparison]) -> Table:
    table = _table(
        "By metric, month, checkpoint",
        "Comparisons",
        "Calls",
        "Precision",
        "Missed",
        "Recall",
        "Calibr. error",
        "In interval",
    )
    what = ""
    for group in groups(comparisons):
        if group.what != what:
            table.add_section()
            what = group.what
        told = group.scores
        table.add_row(
            printable(clipped(group.name.replace("_", " "), _LONGEST)),
            _number(told.comparisons),
            _number(told.precision.of),
            _value(told.precision.value),
            _number(told.recall.of - told.recall.hits),
            _value(told.recall.value),
            _value(told.calibration_error),
            _value(told.inside.value),
        )
    return table


def _reliability(told: Scores) -> Table:
    table = _table("P(regression) told, on average", "Found", "95%", "Of")
    for each in told.bins:
        row = _value(each.found.value), _interval(each.found), _number(each.found.of)
        table.add_row(f"{each.told:.2f}", *row)
    return table


def _table(first: str, *others: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right", overflow="fold")
    return table


def _number(count: int) -> str:
    return f"{count:,}"


def _value(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _interval(share: Share) -> str:
    return "{:.2f} to {:.2f}".format(*share.interval) if share.of else ""
