"""A trend of predicted costs for a terminal, as one HTML page, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ci_rlm.history.courses import Course, Mark, Point, Trend
from ci_rlm.render import line_chart
from ci_rlm.render.drawn import drawn
from ci_rlm.render.measure import amount, change, percent
from ci_rlm.render.pages import page_template
from ci_rlm.render.text import clipped, counted, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

BARS = "▁▂▃▄▅▆▇█"
WIDEST = 24
"""Columns of a sparkline; of more commits, neighbours share one."""
_LONGEST = 60
_WORDS = {Mark.REGRESSED: "regressed", Mark.ACCEPTED: "regressed, accepted"}
CAVEAT = (
    "Predicted from the code, not measured. Between its changes a function costs what it was last "
    "predicted to cost; functions that no check has seen change are not in the sum."
)


def render_text(trend: Trend, *, top: int, width: int, color: bool) -> str:
    """Lines for a terminal that wide; without `color` not one escape sequence."""

    def draw(console: Console) -> None:
        console.print(headline(trend), style="bold")
        if trend.functions:
            console.print(_table(trend, top))
            told = [*_told_regressions(trend), *_rest(trend, top), CAVEAT]
            console.print("\n".join(told))

    return drawn(draw, width=width, color=color)


def render_json(trend: Trend) -> str:
    """Every course with every point."""
    document = {
        "model": trend.model,
        "commits": trend.commits,
        "left_out": trend.left_out,
        "sums": list(map(_plain, trend.sums)),
        "functions": list(map(_plain, trend.functions)),
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def render_html(trend: Trend, *, top: int) -> str:
    """A page that needs nothing beside it; the same trend gives the same bytes."""
    courses = [*trend.sums, *trend.functions[:top]]
    return page_template("trend").render(
        headline=headline(trend),
        box=line_chart,
        charts=[line_chart.chart(course, title_of(course), _summary(course)) for course in courses],
        regressions=_regressions(trend),
        rest=_rest(trend, top),
        caveat=CAVEAT,
        model=printable(trend.model[:12]),
    )


def headline(trend: Trend) -> str:
    """What the trend is of, in one line."""
    if not trend.functions:
        return "No predicted cost in this history"
    points = trend.functions[0].points
    first, last = day(points[0]), day(points[-1])
    span = first if first == last else f"{first} to {last}"
    functions = len({(course.path, course.name) for course in trend.functions})
    return f"{counted(functions, 'function')} over {counted(trend.commits, 'commit')}, {span}"


def title_of(course: Course) -> str:
    """The function, or that it is all of them, with the metric."""
    what = course.name or f"All {counted(course.functions, 'function')}"
    return f"{printable(what)}, {printable(course.metric.replace('_', ' '))}"


def day(point: Point) -> str:
    """The day of a commit, in UTC."""
    return datetime.fromtimestamp(point.committed, UTC).date().isoformat()


def sparkline(values: Sequence[float | None], widest: int = WIDEST) -> str:
    """A bar for each value, from the least to the greatest; a dot where there is none."""
    count = min(len(values), widest)
    shown = [values[(at + 1) * len(values) // count - 1] for at in range(count)]
    known = [value for value in shown if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    return "".join("·" if value is None else _bar(value, low, high) for value in shown)


def _bar(value: float, low: float, high: float) -> str:
    share = (value - low) / (high - low) if high > low else 0.5
    return BARS[min(int(share * len(BARS)), len(BARS) - 1)]


def _table(trend: Trend, top: int) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, expand=True, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Function", overflow="fold", ratio=1)
    table.add_column("Metric", overflow="fold")
    table.add_column("Course", no_wrap=True)
    table.add_column("First → last", justify="right", no_wrap=True)
    table.add_column("Δ", justify="right", no_wrap=True)
    table.add_column("Regressed", justify="right", no_wrap=True)
    for courses in (trend.sums, trend.functions[:top]):
        for course in courses:
            table.add_row(*_cells(course))
        table.add_section()
    return table


def _cells(course: Course) -> tuple[str, ...]:
    name = course.name or f"all {counted(course.functions, 'function')}"
    place = f"\n{printable(clipped(course.path, _LONGEST))}" if course.path else ""
    values = [point.value for point in course.points]
    first, last = course.ends or (0.0, 0.0)
    return (
        printable(clipped(name, _LONGEST)) + place,
        printable(course.metric.replace("_", " ")),
        sparkline(values),
        printable(change(first, last, course.unit)),
        percent(course.ratio),
        _count(course.marked),
    )


def _count(marked: Sequence[Point]) -> str:
    accepted = sum(point.mark is Mark.ACCEPTED for point in marked)
    return f"{len(marked)} ({accepted} accepted)" if accepted else str(len(marked) or "")


def _told_regressions(trend: Trend) -> Iterable[str]:
    found = _regressions(trend)
    if found:
        yield "Called regressions:"
    for each in found:
        yield f"  {each['day']} {each['commit']}  {each['title']}: {each['verdict']}"
    if found:
        yield ""


def _regressions(trend: Trend) -> list[dict[str, str]]:
    """What was called, the latest first, in words that a terminal may see."""
    found = [(course, point) for course in trend.functions for point in course.marked]
    return [
        {
            "day": day(point),
            "commit": printable(point.commit[:12]),
            "title": title_of(course),
            "path": printable(course.path),
            "verdict": _WORDS[point.mark],
        }
        for course, point in sorted(found, key=_latest_first)
    ]


def _latest_first(each: tuple[Course, Point]) -> tuple[int, str, str, str]:
    course, point = each
    return -point.committed, course.path, course.name, course.metric


def _rest(trend: Trend, top: int) -> list[str]:
    told = []
    if len(trend.functions) > top:
        told.append(f"{counted(len(trend.functions) - top, 'course')} more: --top shows them")
    if trend.left_out:
        told.append(f"{counted(trend.left_out, 'check')} of other models left out: --model shows them")
    return told


def _summary(course: Course) -> str:
    first, last = course.ends or (0.0, 0.0)
    return printable(f"{amount(first, course.unit)} to {amount(last, course.unit)} ({percent(course.ratio)})")


def _plain(course: Course) -> dict[str, Any]:
    return {
        "path": course.path or None,
        "name": course.name or None,
        "functions": course.functions,
        "metric": course.metric,
        "unit": course.unit,
        "points": [
            {
                "commit": point.commit,
                "committed": point.committed,
                "value": point.value,
                "regressed": point.mark is not Mark.NONE,
                "accepted": point.mark is Mark.ACCEPTED,
            }
            for point in course.points
        ],
    }
