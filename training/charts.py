"""Charts of an evaluation as geometry: axes with their ticks, and marks as SVG paths.

The page's template draws them, so that colours follow the reader's light or dark mode and every
text is escaped there. Coordinates are of a view box of WIDTH by HEIGHT; a chart of the same
figures is the same to the byte.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 400, 320
LEFT, RIGHT, TOP, BOTTOM = 58, 380, 12, 270
"""Where the plot is in it."""

Figures = Mapping[str, Mapping[str, Any]]
"""Of one predictor and metric, by key, as the document has them."""
Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that is drawn in one colour."""

    shape: str
    """Class of the style: `line`, `dots`, `bars`, `whiskers`, `guide`."""
    path: str
    """The `d` of an SVG path."""
    series: int = 0
    """Number of the colour."""
    label: str = ""
    """In the legend; empty for none."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis with what stands there."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot with two axes."""

    title: str
    text: str
    """What is seen, for those who do not see it."""
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]

    @property
    def legend(self) -> tuple[Mark, ...]:
        """Marks that have a name."""
        return tuple(mark for mark in self.marks if mark.label)


@dataclass(frozen=True, slots=True)
class _Axes:
    """From values to places in the view box."""

    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> Place:
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return LEFT + across * (RIGHT - LEFT), BOTTOM - up * (BOTTOM - TOP)

    def ticks(
        self, values: Sequence[float], name: Callable[[float], str]
    ) -> tuple[tuple[Tick, ...], tuple[Tick, ...]]:
        """The same ticks for both axes, where they are on them."""
        across = tuple(Tick(_short(self.at(v, 0)[0]), name(v)) for v in values if self.x[0] <= v <= self.x[1])
        up = tuple(Tick(_short(self.at(0, v)[1]), name(v)) for v in values if self.y[0] <= v <= self.y[1])
        return across, up


_UNIT = _Axes((0.0, 1.0), (0.0, 1.0))
_QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)


def _short(value: float) -> float:
    return round(value, 1)


def _line(places: Iterable[Place]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)


def _dots(places: Iterable[Place]) -> str:
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places)


def _whiskers(ends: Iterable[tuple[Place, Place]]) -> str:
    return "".join(f"M{x:.1f} {low:.1f}V{high:.1f}" for (x, low), (_, high) in ends)


def _bars(boxes: Iterable[tuple[Place, Place]]) -> str:
    return "".join(f"M{x:.1f} {y:.1f}V{top:.1f}H{right:.1f}V{y:.1f}Z" for (x, y), (right, top) in boxes)


def scatter(points: Sequence[Sequence[float]], unit: str) -> Chart:
    """Predicted against measured, both on a logarithmic scale (Figure 2 of the paper).

    `points` are natural logarithms of values in the unit.
    """
    tens = [[value / math.log(10) for value in point] for point in points]
    every = [value for point in tens for value in point] or [0.0, 1.0]
    low, high = math.floor(min(every)), max(math.ceil(max(every)), math.floor(min(every)) + 1)
    axes = _Axes((low, high), (low, high))
    step = max(1, -(-(high - low) // 6))
    across, up = axes.ticks([float(v) for v in range(low, high + 1, step)], lambda v: f"1e{v:.0f}")
    return Chart(
        title="Predicted against measured",
        text=f"{len(points)} programs at their input sizes; on the line a prediction is right.",
        x_label=f"measured, {unit}",
        y_label=f"predicted, {unit}",
        x_ticks=across,
        y_ticks=up,
        marks=(
            Mark("guide", _line([axes.at(low, low), axes.at(high, high)])),
            Mark("dots", _dots(axes.at(x, y) for x, y in tens)),
        ),
    )


def coverage(told: Sequence[tuple[str, Figures]]) -> Chart:
    """Share of measured values below each quantile, against its probability."""
    marks = [Mark("guide", _line([_UNIT.at(0, 0), _UNIT.at(1, 1)]))]
    for series, (name, figures) in enumerate(told):
        marks += _curve(name, series, _levels(figures))
    across, up = _UNIT.ticks(_QUARTERS, "{:g}".format)
    return Chart(
        title="Coverage of quantiles",
        text="On the line as many values lie below a quantile as its probability says.",
        x_label="probability of the quantile",
        y_label="measured values below it",
        x_ticks=across,
        y_ticks=up,
        marks=tuple(marks),
    )


def reliability(told: Sequence[tuple[str, Figures]]) -> Chart:
    """Share of pairs that regressed against the probability that was told; one curve a kind of pairs."""
    marks = [Mark("guide", _line([_UNIT.at(0, 0), _UNIT.at(1, 1)]))]
    for series, (kind, figures) in enumerate(told):
        marks += _curve(kind, series, _reliable(kind, figures))
    across, up = _UNIT.ticks(_QUARTERS, "{:g}".format)
    return Chart(
        title="Reliability of P(regression)",
        text="On the line as many pairs regressed as the probability says.",
        x_label="probability told",
        y_label="share that regressed",
        x_ticks=across,
        y_ticks=up,
        marks=tuple(marks),
    )


def pit(figures: Figures) -> Chart:
    """Density of measured values between neighbouring quantiles; 1 throughout is right."""
    bins = [
        (low, high, figure)
        for key, figure in figures.items()
        if key.startswith("pit/")
        for low, high in [map(float, key.split("/")[1].split(" to "))]
    ]
    highest = max((figure["value"] or 0) / (high - low) for low, high, figure in bins)
    top = max(2.0, math.ceil(highest))
    axes = _Axes((0.0, 1.0), (0.0, top))
    boxes = [
        (axes.at(low, 0), axes.at(high, (figure["value"] or 0) / (high - low))) for low, high, figure in bins
    ]
    ends = [
        (
            axes.at((low + high) / 2, figure["low"] / (high - low)),
            axes.at((low + high) / 2, min(top, figure["high"] / (high - low))),
        )
        for low, high, figure in bins
        if figure["low"] is not None
    ]
    across, _ = _UNIT.ticks(_QUARTERS, "{:g}".format)
    step = max(1, math.ceil(top / 5))
    _, up = axes.ticks([float(value) for value in range(0, int(top) + 1, step)], "{:g}".format)
    return Chart(
        title="Where measured values fall (PIT)",
        text="Level at 1 is right; high ends say that predictions are too sure.",
        x_label="predicted probability",
        y_label="density of measured values",
        x_ticks=across,
        y_ticks=up,
        marks=(
            Mark("bars", _bars(boxes)),
            Mark("whiskers", _whiskers(ends)),
            Mark("guide", _line([axes.at(0, 1), axes.at(1, 1)])),
        ),
    )


def selection(told: Sequence[tuple[str, Figures]]) -> Chart:
    """How often the program said to be cheapest is among the cheapest p% (Figure 10 of the paper)."""
    blind = _selected(told[0][1], "chance")
    marks = [Mark("guide", _line(_UNIT.at(x, y) for x, y, _ in blind), label="blind pick")] if blind else []
    for series, (name, figures) in enumerate(told):
        marks += _curve(name, series, _selected(figures, "hit"))
    across, up = _UNIT.ticks(_QUARTERS, "{:.0%}".format)
    return Chart(
        title="Picking the cheapest program of a problem",
        text="Share of problems whose pick is among the truly cheapest.",
        x_label="cheapest p% of the programs",
        y_label="pick is among them",
        x_ticks=across,
        y_ticks=up,
        marks=tuple(marks),
    )


_Point = tuple[float, float, Mapping[str, Any]]
"""x, y, and the figure that y is."""


def _curve(name: str, series: int, points: Sequence[_Point]) -> list[Mark]:
    """A line with its points and their intervals, in the unit square."""
    if not points:
        return []
    places = [_UNIT.at(x, y) for x, y, _ in points]
    ends = [
        (_UNIT.at(x, figure["low"]), _UNIT.at(x, figure["high"]))
        for x, _, figure in points
        if figure["low"] is not None
    ]
    return [
        Mark("whiskers", _whiskers(ends), series),
        Mark("line", _line(places), series, name),
        Mark("points", _dots(places), series),
    ]


def _levels(figures: Figures) -> list[_Point]:
    found = [(key.split("/"), figure) for key, figure in figures.items() if key.startswith("coverage/")]
    return [
        (float(parts[1]), figure["value"], figure)
        for parts, figure in found
        if parts[-1] == "below" and figure["value"] is not None
    ]


def _reliable(kind: str, figures: Figures) -> list[_Point]:
    start = f"probabilities/{kind}/"
    keys = [key for key in figures if key.startswith(start) and key.endswith("/predicted")]
    pairs = [(figures[key], figures[key.replace("/predicted", "/observed")]) for key in keys]
    return [
        (mean["value"], share["value"], share)
        for mean, share in pairs
        if mean["value"] is not None and share["value"] is not None
    ]


def _selected(figures: Figures, name: str) -> list[_Point]:
    return [
        (float(key.split("/")[1]) / 100, figure["value"], figure)
        for key, figure in figures.items()
        if key.startswith("selection/") and key.endswith(f"/{name}") and figure["value"] is not None
    ]
