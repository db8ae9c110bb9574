"""Plots of a row as paths in a view box: the predictions of both sides, and the ratio between them.

Pure, from numbers to places; the template of the page puts them into SVG.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, count, pairwise

from ci_rlm.render import measure
from ci_rlm.render.document import Quantiles, Ratio, Row

WIDTH = 360
"""Of the view box: on a phone about one pixel a unit."""
_LEFT, _RIGHT = 6.0, WIDTH - 6.0
_HILL_TOP, _HILL_FLOOR = 6.0, 96.0
_BAR_TOP, _BAR_FLOOR = 6.0, 26.0
_LABELS = 20.0
"""What an axis' labels need below it."""
_LABEL = 27.0
"""Half of a long label."""
_CHARACTER = 7.0
"""Of a label, with a little air."""

_POINTS = 90
"""Places at which a density is computed."""
_BLUR = 1 / 50
"""Standard deviation of the smoothing, in widths of the axis: enough that no step shows."""
_LEAST = {"B": 1.0, "s": 1e-9}
"""Values below this, in a row's unit, are drawn here: zero has no logarithm."""
_LARGEST = 700.0
"""Largest logarithm drawn; e^710 is no float."""
_SPAN = math.log(8.0)
"""An axis of values spans this at least, so that a narrow prediction looks narrow."""
_TICKS = 6
"""On one axis, at most."""
_STRIDES = (1, 2, 5)
_RATIOS = (1.0, 2.0, 0.5, 10.0, 0.1, 1e2, 1e-2, 1e3, 1e-3, 5.0, 0.2)
"""Where ticks can be, the most wanted first."""

Segment = tuple[float, float, float]
"""From and to, as logarithms of values, and the probability between."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that is drawn in one style."""

    style: str
    """Its classes in the style sheet: `before`, `median after`, `band`."""
    path: str
    """The `d` of an SVG path."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on the axis, and what stands below it."""

    at: float
    label: str
    anchor: str
    """`start`, `middle` or `end` of the label is at the place, so that none leaves the box."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot above one logarithmic axis."""

    text: str
    """What is seen, for those who do not see it."""
    height: float
    floor: float
    """Where the axis runs."""
    ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class _Axis:
    """From logarithms to places in the box."""

    low: float
    high: float

    def at(self, log: float) -> float:
        share = (log - self.low) / (self.high - self.low)
        return round(_LEFT + min(max(share, 0.0), 1.0) * (_RIGHT - _LEFT), 1)

    def tick(self, value: float, label: str) -> Tick:
        at = self.at(math.log(value))
        anchor = "start" if at < _LEFT + _LABEL else "end" if at > _RIGHT - _LABEL else "middle"
        return Tick(at, label.replace(".00", "").replace(".0", ""), anchor)


def densities(row: Row) -> Plot | None:
    """What was predicted of each side, as densities over the logarithm of the value; None without any.

    Equal areas are equal probabilities, on both sides. Beyond the outermost quantiles there is
    nothing but the smoothing.
    """
    unit = row["unit"]
    told = [(name, side) for name, side in (("before", row["before"]), ("after", row["after"])) if side]
    sides = [(name, side, segments(side, unit)) for name, side in told]
    logs = [log for _, _, found in sides for start, end, _ in found for log in (start, end)]
    if not logs:
        return None
    axis = _axis(min(logs), max(logs))
    curves = [(name, side, _curve(found, axis)) for name, side, found in sides]
    peak = max(max(curve) for _, _, curve in curves)
    marks = [Mark(name, _hill(curve, peak)) for name, _, curve in curves]
    marks += [
        Mark(f"median {name}", f"M{axis.at(_log(side['median'], unit))} {_HILL_TOP}V{_HILL_FLOOR}")
        for name, side, _ in curves
    ]
    ticks = [axis.tick(value, measure.amount(value, unit)) for value in _ticks(axis, unit)]
    text = "; ".join(_spread(name, side, unit) for name, side in told)
    return Plot(text, _HILL_FLOOR + _LABELS, _HILL_FLOOR, _apart(ticks), tuple(marks))


def ratio(row: Row, warn: float | None) -> Plot | None:
    """The interval of after / before, with its middle and the band of changes that `warn` lets pass."""
    interval = row["ratio"]
    if interval is None:
        return None
    low, mid, high = (_log(value, "") for value in (interval["low"], interval["mid"], interval["high"]))
    edge = math.log1p(max(warn or 0.0, 0.0))
    axis = _Axis(min(low, mid, -edge, math.log(0.5)) - 0.1, max(high, mid, edge, math.log(2.0)) + 0.1)
    middle = (_BAR_TOP + _BAR_FLOOR) / 2
    marks = (
        Mark("band", f"M{axis.at(-edge)} {_BAR_TOP}H{axis.at(edge)}V{_BAR_FLOOR}H{axis.at(-edge)}Z"),
        Mark("guide", f"M{axis.at(0.0)} {_BAR_TOP}V{_BAR_FLOOR}"),
        Mark("bar", f"M{axis.at(low)} {middle}H{axis.at(high)}"),
        Mark("dot", f"M{axis.at(mid)} {middle}h0"),
    )
    shown = [value for value in _RATIOS if axis.low <= math.log(value) <= axis.high]
    ticks = [axis.tick(value, measure.percent(value)) for value in shown]
    return Plot(_reach(interval), _BAR_FLOOR + _LABELS, _BAR_FLOOR, _apart(ticks), marks)


def segments(side: Quantiles, unit: str) -> tuple[Segment, ...]:
    """The stretches between neighbouring quantiles, ascending; none of fewer than two quantiles."""
    pairs = sorted((float(p), _log(value, unit)) for p, value in side["quantiles"].items())
    # A stranger's quantiles may fall.
    logs = accumulate((log for _, log in pairs), max)
    points = zip((p for p, _ in pairs), logs, strict=True)
    return tuple((start, end, q - p) for (p, start), (q, end) in pairwise(points))


def density(stretches: Iterable[Segment], log: float, blur: float) -> float:
    """Probability density at a place, each stretch level and its edges smoothed by a normal kernel.

    `blur` is the kernel's standard deviation. A stretch without length is one kernel.
    """
    total = 0.0
    for start, end, mass in stretches:
        end = max(end, start + blur / 100)
        total += mass / (end - start) * (_normal((log - start) / blur) - _normal((log - end) / blur))
    return total


def _normal(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def _log(value: float, unit: str) -> float:
    return min(math.log(max(value, _LEAST.get(unit, 1e-12))), _LARGEST)


def _axis(low: float, high: float) -> _Axis:
    """From one end to the other with room for the smoothing, and no shorter than `_SPAN`."""
    room = max((high - low) * 4 * _BLUR, (_SPAN - (high - low)) / 2)
    return _Axis(low - room, high + room)


def _curve(stretches: Sequence[Segment], axis: _Axis) -> list[float]:
    width = axis.high - axis.low
    places = (axis.low + width * step / (_POINTS - 1) for step in range(_POINTS))
    return [density(stretches, log, width * _BLUR) for log in places]


def _hill(curve: Sequence[float], peak: float) -> str:
    """A path from the axis to the axis, the peak of all as high as the box allows."""
    step, scale = (_RIGHT - _LEFT) / (len(curve) - 1), (_HILL_FLOOR - _HILL_TOP) / (peak or 1.0)
    places = (f"{_LEFT + step * i:.1f} {_HILL_FLOOR - scale * y:.1f}" for i, y in enumerate(curve))
    return f"M{_LEFT} {_HILL_FLOOR}L{'L'.join(places)}L{_RIGHT} {_HILL_FLOOR}"


def _ticks(axis: _Axis, unit: str) -> list[float]:
    """Round values on the axis: powers of two for bytes, else 1, 2 and 5 times powers of ten."""
    if unit != "B":
        fine = [digit * 10.0**power for power in _powers(axis, 10.0) for digit in (1, 2, 5)]
        shown = [value for value in fine if axis.low <= math.log(value) <= axis.high]
        if len(shown) <= _TICKS:
            return shown
    base = 2.0 if unit == "B" else 10.0
    powers = [p for p in _powers(axis, base) if axis.low <= p * math.log(base) <= axis.high]
    stride = next(s for s in _strides() if sum(p % s == 0 for p in powers) <= _TICKS)
    return [base**p for p in powers if p % stride == 0]


def _powers(axis: _Axis, base: float) -> range:
    high = min(axis.high, _LARGEST)  # the axis has room beyond it
    return range(math.floor(axis.low / math.log(base)), math.floor(high / math.log(base)) + 1)


def _strides() -> Iterator[int]:
    return (stride * 10**power for power in count() for stride in _STRIDES)


def _apart(ticks: Iterable[Tick]) -> tuple[Tick, ...]:
    """As many ticks as an axis has, whose labels do not run into that of one before, by their places."""
    kept: list[Tick] = []
    for tick in ticks:
        if all(abs(tick.at - k.at) >= _CHARACTER / 2 * (len(tick.label) + len(k.label)) for k in kept):
            kept.append(tick)
    return tuple(sorted(kept[:_TICKS], key=lambda tick: tick.at))


def _spread(name: str, side: Quantiles, unit: str) -> str:
    """One side in words: `before: half below 436 B, 98% from 104 B to 48.5 KiB`."""
    half = f"{name}: half below {measure.amount(side['median'], unit)}"
    ends = sorted((float(p), value) for p, value in side["quantiles"].items())
    if len(ends) < 2:
        return half
    (least, low), (most, high) = ends[0], ends[-1]
    between = f"{measure.amount(low, unit)} to {measure.amount(high, unit)}"
    return f"{half}, {most - least:.0%} from {between}"


def _reach(interval: Ratio) -> str:
    middle, ends = measure.percent(interval["mid"]), measure.interval(interval["low"], interval["high"])
    return f"after / before: {middle}, with a probability of 90% {ends}"
