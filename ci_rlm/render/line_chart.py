"""The course of a cost as geometry: a stepped line, its ticks, and dots where a regression was called.

A template draws it, so that colours follow the reader's light or dark mode and every text is
escaped there. Coordinates are of a view box of WIDTH by HEIGHT.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ci_rlm.history.courses import Course, Mark, Point
from ci_rlm.render.measure import amount
from ci_rlm.render.text import printable

WIDTH, HEIGHT = 420, 190
LEFT, RIGHT, TOP, BOTTOM = 74, 410, 12, 160
"""Where the plot is in it."""
_TICKS = 4


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis with what stands there."""

    at: float
    label: str
    anchor: str = "end"
    """Which part of the label is there: `start`, `middle` or `end`."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A commit at which a regression was called."""

    x: float
    y: float
    accepted: bool
    label: str


@dataclass(frozen=True, slots=True)
class LineChart:
    """A plot with commits across and a cost up."""

    title: str
    text: str
    """What is seen, for those who do not see it."""
    path: str
    """The file; empty for the sum over all functions."""
    line: str
    """The `d` of an SVG path."""
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    dots: tuple[Dot, ...]


def chart(course: Course, title: str, text: str) -> LineChart:
    """Draw a course; a function that is not there leaves a gap."""
    known = [point.value for point in course.points if point.value is not None]
    low, high = _range(known)
    places = [_place(at, point, len(course.points), low, high) for at, point in enumerate(course.points)]
    ticks = [low + (high - low) * step / _TICKS for step in range(_TICKS + 1)]
    return LineChart(
        title=title,
        text=text,
        path=printable(course.path),
        line="".join(_steps(places)),
        x_ticks=_x_ticks(course.points),
        y_ticks=tuple(Tick(_up(value, low, high), printable(amount(value, course.unit))) for value in ticks),
        dots=tuple(_dots(course.points, places)),
    )


def _range(values: Sequence[float]) -> tuple[float, float]:
    """A little more than the values take; never below zero."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    margin = (high - low or high or 1.0) * 0.1
    return max(0.0, low - margin), high + margin


def _place(at: int, point: Point, count: int, low: float, high: float) -> tuple[float, float] | None:
    if point.value is None:
        return None
    return _across(at, count), _up(point.value, low, high)


def _across(at: int, count: int) -> float:
    return round(LEFT + (RIGHT - LEFT) * (at / (count - 1) if count > 1 else 0.5), 1)


def _up(value: float, low: float, high: float) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * (value - low) / (high - low), 1)


def _steps(places: Sequence[tuple[float, float] | None]) -> Iterator[str]:
    drawing = False
    for place in places:
        if place is not None:
            x, y = place
            yield f"H{x:g}V{y:g}" if drawing else f"M{x:g} {y:g}h0"
        drawing = place is not None


def _x_ticks(points: Sequence[Point]) -> tuple[Tick, ...]:
    """The first commit and the last."""
    last = len(points) - 1
    chosen = {0: "start", last: "end"} if last else {0: "middle"}
    return tuple(
        Tick(_across(at, last + 1), f"{printable(points[at].commit[:7])} {_day(points[at])}", anchor)
        for at, anchor in chosen.items()
    )


def _day(point: Point) -> str:
    return datetime.fromtimestamp(point.committed, UTC).date().isoformat()


def _dots(points: Sequence[Point], places: Sequence[tuple[float, float] | None]) -> Iterator[Dot]:
    for point, place in zip(points, places, strict=True):
        if point.mark and place is not None:
            accepted = point.mark is Mark.ACCEPTED
            words = "regressed, accepted" if accepted else "regressed"
            yield Dot(*place, accepted, f"{printable(point.commit[:12])}, {_day(point)}: {words}")
