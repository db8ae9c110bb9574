"""Candidates for one task by predicted cost, and how likely each is the cheapest of them.

Of two candidates is known what `compare` says of a change from one to the other: how likely the other
costs more, which rests on held-out pairs of texts that are about as alike. To multiply those
probabilities would take pairs for independent that have a candidate in common. So all candidates get
one vector of normal errors E, whose differences are as wide as the error bands say of texts as alike, and
candidate k is cheaper than j where E_j - E_k > -z s: s is how wide that difference is, and z the normal
quantile of the pair's own probability. So each pair keeps its probability, and the widths tell
how far pairs hang together: a Gaussian copula, its errors made by classical scaling.

How often one is cheaper than all others is counted over a fixed set of points, a Richtmyer lattice
turned normal by Box and Muller: no seed, no clock, the same figures each time, within 0.005 of the
integrals.
"""

from __future__ import annotations

import hashlib
import math
import sys
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from ci_rlm.comparing import band_at, centre, compare, predicted_log_ratio, similarity
from ci_rlm.flow import Calibration, Change, Comparison, Interval, Limits, Metric, Prediction, Unit

Array = npt.NDArray[np.float64]

CONTENDERS = 64
"""The candidates of least predicted cost, between which the first place is shared out. Work grows
with their square."""
POINTS = 1 << 14
"""Of the lattice."""

_ANY = Limits(warn=0.0, fail=0.0)
_SURE = 1e-6
"""No pair is surer than this of either order."""
_LEAST_WIDTH = 1e-9
_ENDS = (0.05, 0.95)
_NORMAL = NormalDist()


Id = str | int | float


@dataclass(frozen=True, slots=True)
class Candidate:
    """One implementation with its predicted cost."""

    id: Id
    unit: Unit
    text: str
    """What the model read: equal texts are one program."""
    prediction: Prediction


@dataclass(frozen=True, slots=True)
class Pair:
    """What is known of two programs, the first of which is predicted to cost no more."""

    p_cheaper: float
    """P(the first costs less), at least one half: predictions too close to tell are a tossed coin."""
    ratio: Interval
    """Cost of the second ÷ cost of the first."""
    distance: float
    """ln(cost of the second ÷ cost of the first), as predicted."""
    width: float
    """From the 5% to the 95% point of the error of that, were the distance zero."""
    growth: float = 0.0
    """How much wider it gets with each unit of distance."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a program stands among all so far."""

    place: int
    """From 1, by predicted cost."""
    ids: tuple[Id, ...]
    """The candidates that are this program, in the order they came."""
    prediction: Prediction
    p_best: float | None
    """P(it is the cheapest of the contenders); None behind them."""
    ratio: Interval | None
    """Its cost ÷ that of the first; None behind the contenders."""


@dataclass(slots=True)
class _Entry:
    ids: list[Id]
    cost: float
    prediction: Prediction
    candidate: Candidate | None
    """None behind the contenders: nothing is compared with it any more."""
    pairs: dict[int, Pair] = field(default_factory=dict)
    """With the contenders before it in order, by their numbers."""


class Contest:
    """Candidates of one metric, entered one by one. Only equal predictions stand in the order they came."""

    def __init__(self, metric: Metric, calibrations: Sequence[Calibration]) -> None:
        self.metric = metric
        # The map of found probabilities is of changes past a limit, and this asks for any.
        self._calibrations = tuple(replace(each, probabilities=None) for each in calibrations)
        self._order: list[tuple[float, int]] = []
        """Predicted log cost and number of each program, ascending."""
        self._entries: list[_Entry] = []
        """By number."""
        self._numbers: dict[bytes, int] = {}
        """By digest of the text."""

    def __len__(self) -> int:
        return len(self._entries)

    def enter(self, candidate: Candidate) -> int:
        """Add a candidate, and compare it with the contenders if it is one; its place."""
        cost = centre(candidate.prediction)
        digest = hashlib.sha256(candidate.text.encode("utf-8", "surrogatepass")).digest()
        number = self._numbers.setdefault(digest, len(self._entries))
        if number < len(self._entries):
            entry = self._entries[number]
            entry.ids.append(candidate.id)
            return bisect_left(self._order, (entry.cost, number)) + 1
        self._entries.append(_Entry([candidate.id], cost, candidate.prediction, candidate))
        at = bisect_left(self._order, (cost, number))
        self._order.insert(at, (cost, number))
        self._pair(number, at)
        return at + 1

    def _pair(self, number: int, at: int) -> None:
        """Compare the program at a place of the order with the other contenders."""
        for _, out in self._order[max(at, CONTENDERS) : max(at, CONTENDERS) + 1]:
            self._entries[out].candidate = None
            self._entries[out].pairs.clear()
        if at < CONTENDERS:
            for place, (_, other) in enumerate(self._order[:CONTENDERS]):
                if other != number:
                    first, second = (other, number) if place < at else (number, other)
                    self._entries[second].pairs[first] = self._compared(first, second)

    def _compared(self, first: int, second: int) -> Pair:
        one, other = self._entries[first].candidate, self._entries[second].candidate
        assert one is not None and other is not None  # both are contenders
        return pair(one, other, self.metric, self._calibrations)

    def standings(self, most: int | None = None) -> list[Standing]:
        """The programs of least predicted cost, the least first; `most` of them, or all."""
        contenders = [number for _, number in self._order[:CONTENDERS]]
        chances = dict(zip(contenders, self._chances(contenders), strict=True))
        return [
            Standing(
                place,
                tuple(self._entries[number].ids),
                self._entries[number].prediction,
                chances.get(number),
                self._ratio(number),
            )
            for place, (_, number) in enumerate(self._order[:most], start=1)
        ]

    def _chances(self, contenders: Sequence[int]) -> list[float]:
        return best_probabilities(
            [
                [self._entries[second].pairs[first] for first in contenders[:at]]
                for at, second in enumerate(contenders)
            ]
        )

    def _ratio(self, number: int) -> Interval | None:
        first = self._order[0][1]
        if number == first:
            return Interval(1.0, 1.0, 1.0)
        known = self._entries[number].pairs.get(first)
        return known.ratio if known else None


def pair(first: Candidate, second: Candidate, metric: Metric, calibrations: Sequence[Calibration]) -> Pair:
    """Compare two candidates; the first has the lower predicted cost, or they have the same."""
    alike = similarity(first.text, second.text)
    change = Change(first.unit, second.unit)
    told = compare(change, metric, first.prediction, second.prediction, calibrations, _ANY, alike)
    assert told.slowdown is not None  # both sides are there
    distance = predicted_log_ratio(first.prediction, second.prediction)
    total = told.p_regression + told.p_improvement
    p = told.p_regression / total if total > 0 and distance else 0.5
    return Pair(min(max(p, 0.5), 1 - _SURE), told.slowdown, distance, *_width(told, calibrations, alike))


def _width(told: Comparison, calibrations: Sequence[Calibration], alike: float) -> tuple[float, float]:
    """The width of the error without a distance, and its growth: of texts as alike, or of both sides."""
    known = next((each for each in calibrations if each.metric == told.metric.name and each.bands), None)
    if known is None:
        assert told.slowdown is not None
        low, high = (
            math.log(max(end, sys.float_info.min)) for end in (told.slowdown.low, told.slowdown.high)
        )
        return max(high - low, _LEAST_WIDTH), 0.0
    band = band_at(known, alike)
    low, high = (min(band.quantiles, key=lambda pair: abs(pair[0] - u))[1] for u in _ENDS)
    return max(band.floor * (high - low), _LEAST_WIDTH), band.growth * (high - low)


def best_probabilities(pairs: Sequence[Sequence[Pair]]) -> list[float]:
    """How likely each of N candidates is cheaper than all others; the probabilities sum to 1.

    `pairs[j][k]`, for k < j, compares candidate k with candidate j.
    """
    total = len(pairs)
    if total < 2:
        return [1.0] * total
    # One distance for all widths. Each pair's own would make errors grow with the distance, and so
    # the dearest of all the likeliest to be cheaper than the first.
    usual = math.fsum(known.distance for row in pairs for known in row) / (total * (total - 1) / 2)
    scores, widths = np.zeros((total, total)), np.zeros((total, total))
    for second, row in enumerate(pairs):
        for first, known in enumerate(row):
            scores[first, second] = _NORMAL.inv_cdf(known.p_cheaper)
            scores[second, first] = -scores[first, second]
            widths[first, second] = widths[second, first] = known.width + known.growth * usual
    errors, spreads = _errors(widths)
    wins = np.array([_wins(errors, place, -scores[place] * spreads[place]) for place in range(total)])
    return [float(share) for share in wins / wins.sum()]


def _wins(errors: Array, place: int, thresholds: Array) -> float:
    """The share of points at which a candidate is cheaper than all others."""
    beaten = errors - errors[:, [place]] > thresholds
    beaten[:, place] = True
    return float(beaten.all(axis=1).mean())


def _errors(widths: Array) -> tuple[Array, Array]:
    """Normal errors at each point, and how wide their differences are (standard deviations).

    Widths that no set of errors can have, as when two candidates are each close to a third and far
    from one another, are met as closely as the positive part of their Gram matrix does.
    """
    total = len(widths)
    centred = np.eye(total) - 1 / total
    gram = -0.5 * centred @ (widths / widths.max()) ** 2 @ centred
    values, vectors = np.linalg.eigh(gram)
    # The widest directions first: the lattice is evenest in its first dimensions.
    loadings = (vectors * np.sqrt(values.clip(0)))[:, ::-1]
    differences = loadings[:, None] - loadings[None]
    return _points(total) @ loadings.T, np.sqrt((differences**2).sum(axis=2))


@lru_cache(maxsize=2)
def _points(dimensions: int) -> Array:
    """The lattice as independent standard normals, POINTS x `dimensions`."""
    columns = 2 * math.ceil(dimensions / 2)
    uniform = (np.arange(1, POINTS + 1)[:, None] * np.sqrt(_primes(columns))) % 1.0
    radius, angle = np.sqrt(-2 * np.log(uniform[:, ::2])), 2 * np.pi * uniform[:, 1::2]
    normal = np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=2)
    return normal.reshape(POINTS, columns)[:, :dimensions]


def _primes(wanted: int) -> list[int]:
    """The first primes: their square roots are independent over the rationals."""
    found: list[int] = []
    number = 2
    while len(found) < wanted:
        if all(number % prime for prime in found):
            found.append(number)
        number += 1
    return found
