"""How a cost grows with the input: the exponent of a power law over the measured sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

FEWEST = 3
"""Distinct sizes without which nothing is said about growth."""

_STEEPEST = 6.0
_BETTER = 0.5
"""The offset has to halve the scatter about the plain power law before it is believed."""
_CLEAR = (0.02, 0.05)
"""Scatter below this is noise, not an offset; for three points, which an offset always fits, the second."""


@dataclass(frozen=True, slots=True)
class Growth:
    """A cost over the input sizes, as `offset + factor * size ** exponent`."""

    exponent: float
    error: float
    """Standard error of the exponent; how far the two fits are apart where the points fix all of it."""
    points: int
    offset: float = 0.0
    """The part that does not grow, in the unit of the cost."""


def exponent(sizes: Sequence[float], values: Sequence[float], *, floor: float = 0.0) -> Growth | None:
    """The growth exponent of a cost; None with fewer than three distinct sizes.

    Costs at or below `floor` (in the cost's unit) cannot be told from it and count as it;
    without a floor, costs that are not positive are left out.

    Two fits are made. The plain one is the least squares of log cost on log size. The other
    one adds a constant, which a fixed cost of every call is: for each exponent the offset and
    factor, both not negative, that are best in the squares of relative errors follow in closed
    form (variable projection; Golub and Pereyra, SIAM J. Numer. Anal. 10, 1973), so that one
    dimension is left to search. The offset is used where it at least halves the
    scatter, and this is more than noise.
    """
    import numpy as np

    told = [
        (float(size), max(float(value), floor))
        for size, value in zip(sizes, values, strict=True)
        if size > 0 and math.isfinite(value) and max(value, floor) > 0
    ]
    if len({size for size, _ in told}) < FEWEST:
        return None
    size_N, value_N = np.array(sorted(told)).T
    plain, scatter = _plain(size_N, value_N)
    found = _offset(size_N, value_N)
    if found is None or scatter < _CLEAR[len(told) == FEWEST] or found[2] > _BETTER * scatter:
        return plain
    power, offset, rest = found
    free = len(told) - 3
    error = _error(size_N, value_N, power, offset, rest) if free > 0 else abs(power - plain.exponent)
    return Growth(power, error, len(told), offset)


def _plain(size_N: Any, value_N: Any) -> tuple[Growth, float]:
    """Least squares in logarithms, and its root mean square of relative errors."""
    import numpy as np

    x_N, y_N = np.log(size_N), np.log(value_N)
    x_N = x_N - x_N.mean()
    width = float(x_N @ x_N)
    slope = float(x_N @ y_N) / width
    rest_N = y_N - y_N.mean() - slope * x_N
    scatter = float(rest_N @ rest_N)
    error = math.sqrt(scatter / (len(x_N) - 2) / width)
    return Growth(slope, error, len(x_N)), math.sqrt(scatter / len(x_N))


def _offset(size_N: Any, value_N: Any) -> tuple[float, float, float] | None:
    """Exponent, offset and root mean square of relative errors of the best fit with an offset."""
    import numpy as np

    low, high = 0.05, _STEEPEST
    for _ in range(4):
        power_P = np.linspace(low, high, 41)
        offset_P, rest_P = _project(size_N, value_N, power_P)
        best = int(np.argmin(rest_P))
        low, high = power_P[max(0, best - 1)], power_P[min(40, best + 1)]
    return None if offset_P[best] <= 0 else (float(power_P[best]), float(offset_P[best]), float(rest_P[best]))


def _project(size_N: Any, value_N: Any, power_P: Any) -> tuple[Any, Any]:
    """The best offset for each exponent, neither it nor the factor negative, and the error that is left."""
    import numpy as np

    grown_PN = (size_N / size_N[-1]) ** power_P[:, None] / value_N
    flat_N = 1 / value_N
    gg_P, gf_P, ff = (grown_PN**2).sum(1), grown_PN @ flat_N, flat_N @ flat_N
    g1_P, f1 = grown_PN.sum(1), flat_N.sum()
    below_P = np.maximum(gg_P * ff - gf_P**2, 1e-12 * gg_P * ff)
    offset_P = np.clip((gg_P * f1 - gf_P * g1_P) / below_P, 0.0, f1 / ff)
    factor_P = (g1_P - offset_P * gf_P) / gg_P
    rest_PN = 1 - offset_P[:, None] * flat_N - factor_P[:, None] * grown_PN
    return offset_P, np.sqrt((rest_PN**2).mean(1))


def _error(size_N: Any, value_N: Any, power: float, offset: float, rest: float) -> float:
    """Standard error of the exponent from the linearised fit of all three parameters."""
    import numpy as np

    scaled_N = size_N / size_N[-1]
    factor = max(float(np.median((value_N - offset) / scaled_N**power)), 1e-300)
    slopes_NK = np.stack(
        [1 / value_N, scaled_N**power / value_N, factor * scaled_N**power * np.log(scaled_N) / value_N],
        axis=1,
    )
    spread_KK = np.linalg.pinv(slopes_NK.T @ slopes_NK)
    variance = rest**2 * len(value_N) / (len(value_N) - 3)
    return math.sqrt(max(0.0, float(spread_KK[2, 2])) * variance)
