"""Numbers as a reviewer reads them: three significant digits and one unit for both sides.

Bytes take IEC prefixes (1 KiB is 1024 B), seconds SI prefixes; other units stand as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

_SCALES: dict[str, tuple[tuple[float, str], ...]] = {
    "B": tuple(
        (1024.0**power, prefix) for power, prefix in enumerate(("B", "KiB", "MiB", "GiB", "TiB", "PiB"))
    ),
    "s": ((1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s")),
}
_SMALLEST = 0.001
"""Below this many of the unit that a pair shares, a value is only said to be smaller."""
_LARGEST = 1e6
"""From this many of the largest unit on, digits give way to an exponent."""
_PROMOTE = 0.9995
"""1023.49 KiB and more would round to 1024 KiB: it is 1.00 MiB."""
_TIMES = 10.0
"""From this ratio on, `×23.0` says more than `+2200%`, and `÷175` more than `-99%`."""


def amounts(values: Sequence[float], unit: str) -> tuple[tuple[str, ...], str]:
    """Each value's digits, and the one unit, fit for the largest of them, that all are given in."""
    size, symbol = _scale(max((abs(value) for value in values), default=0.0), unit)
    return tuple(_digits(value / size) for value in values), symbol


def amount(value: float, unit: str) -> str:
    """One value with its unit: `1.50 MiB`, `320 µs`."""
    (digits,), symbol = amounts((value,), unit)
    return f"{digits} {symbol}".rstrip()


def change(before: float, after: float, unit: str) -> str:
    """Both sides in one unit: `1.20 → 1.83 MiB`."""
    (left, right), symbol = amounts((before, after), unit)
    return f"{left} → {right} {symbol}".rstrip()


def percent(ratio: float) -> str:
    """A ratio as the change it makes: `+52%`, `-4.2%`, `0%`; `×23.0` or `÷175` from ten times on."""
    if ratio >= _TIMES:
        return f"×{_digits(ratio)}"
    if 0.0 < ratio <= 1.0 / _TIMES:
        return f"÷{_digits(1.0 / ratio)}"
    delta = (ratio - 1.0) * 100.0
    places = 1 if abs(delta) < 9.95 else 0
    text = f"{delta:+.{places}f}%"
    return "0%" if text in {"+0.0%", "-0.0%"} else text


def interval(low: float, high: float) -> str:
    """The two ends of a ratio's interval: `+12% … +80%`."""
    return f"{percent(low)} … {percent(high)}"


def probability(p: float) -> str:
    """Two decimals, and never a certainty: `0.93`, `>0.99`, `<0.01`."""
    if p >= 0.995:
        return ">0.99"
    return "<0.01" if p < 0.005 else f"{p:.2f}"


def _scale(largest: float, unit: str) -> tuple[float, str]:
    scales = _SCALES.get(unit, ((1.0, unit),))
    fitting = [scale for scale in scales if largest >= _PROMOTE * scale[0]]
    return fitting[-1] if fitting else scales[0]


def _digits(value: float) -> str:
    if value < 0.0:
        return f"-{_digits(-value)}"
    if value == 0.0:
        return "0"
    if value < _SMALLEST:
        return f"<{_SMALLEST}"
    if value >= _LARGEST:
        return f"{value:.2e}"
    if value >= 999.5:  # which three digits would round to 1000
        return f"{value:.0f}"
    rounded = float(f"{value:.3g}")
    places = next(places for places, below in ((2, 10.0), (1, 100.0), (0, 1000.0)) if rounded < below)
    return f"{rounded:.{places if rounded >= 1.0 else 3}f}"
