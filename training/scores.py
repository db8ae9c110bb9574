"""Scores of predictions, each a function of how often every problem is drawn.

Programs of one problem are alike, so what is uncertain about a score is which problems were asked.
A score is therefore written for weights: drawn problems count as often as they were drawn, as if
their rows were repeated. With weights of one it is the plain statistic, and with the weights of
many draws (`bootstrap.py`) it is its sampling distribution, in one pass over arrays.

Shapes: R draws, C problems, N items (points, pairs or problems), L levels of quantiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]

_AT_ONCE = 1 << 21
"""Weights of items that are held at once: 16 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """One statistic of some items."""

    owner: Indices
    """The problem of each item it is of: (N,)."""
    of: Callable[[Reals], Reals]
    """Weights (R, C) to values (R,); not a number where a draw has nothing to score."""
    share: bool = False
    """It is a share of items that are each in or out, or a part of each."""

    def plain(self, problems: int) -> float:
        """The value with each of so many problems once."""
        return float(self.of(np.ones((1, problems)))[0])


def mean(values: Reals | Flags, owner: Indices, *, share: bool = False) -> Score:
    """Mean of values (N,); `owner` is the problem of each.

    It is a share of flags, and, if so said, of values from 0 to 1 that tell how far an item is in.
    """
    given = np.asarray(values, dtype=np.float64)

    def of(weights: Reals) -> Reals:
        return _ratio(weights @ _sums(owner, given, weights), weights @ _sums(owner, None, weights))

    return Score(owner, of, share=share or values.dtype == np.bool_)


def geometric_mean(logarithms: Reals, owner: Indices) -> Score:
    """e to the mean of logarithms (N,)."""
    inner = mean(logarithms, owner)
    return Score(owner, lambda weights: np.exp(inner.of(weights)))


def median(values: Reals, owner: Indices) -> Score:
    """Median of values (N,): half way between the two in the middle of an even number."""
    order = np.argsort(values, kind="stable")
    ascending, owners = values[order], owner[order]

    def of(weights: Reals) -> Reals:
        mass = np.cumsum(weights[:, owners], axis=1)
        if not mass.shape[1]:
            return np.full(len(weights), math.nan)
        half = mass[:, -1:] / 2
        last = len(ascending) - 1
        low = np.minimum((mass < half).sum(axis=1), last)
        high = np.minimum((mass <= half).sum(axis=1), last)
        middle = (ascending[low] + ascending[high]) / 2
        return np.where(half[:, 0] > 0, middle, math.nan)

    return Score(owner, of)


def spearman(y: Reals, p: Reals, owner: Indices) -> Score:
    """Spearman's rank correlation of two (N,): Pearson's of mid-ranks."""
    ranks = _Ranks(y), _Ranks(p)

    def of(weights: Reals) -> Reals:
        if not len(y):
            return np.full(len(weights), math.nan)
        return np.concatenate([_pearson(ranks, part) for part in _parts(weights, owner)])

    return Score(owner, of)


def _pearson(ranks: tuple[_Ranks, _Ranks], weight_RN: Reals) -> Reals:
    (left, told), (right, known) = (each.of(weight_RN) for each in ranks)
    total = weight_RN.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        left = left - (weight_RN * left).sum(axis=1, keepdims=True) / total
        right = right - (weight_RN * right).sum(axis=1, keepdims=True) / total
        both = (weight_RN * left * right).sum(axis=1)
        spread = np.sqrt((weight_RN * left**2).sum(axis=1) * (weight_RN * right**2).sum(axis=1))
        # What does not vary has no correlation, and rounding must not give it one.
        return np.where(told & known, both / spread, math.nan)


class _Ranks:
    """Mid-ranks of values (N,) under weights."""

    def __init__(self, values: Reals) -> None:
        self.order = np.argsort(values, kind="stable")
        ascending = values[self.order]
        first = np.ones(len(values), dtype=np.bool_)
        first[1:] = ascending[1:] != ascending[:-1]
        self.starts = np.flatnonzero(first)
        self.group = np.empty(len(values), dtype=np.intp)
        self.group[self.order] = np.cumsum(first) - 1

    def masses(self, weight_RN: Reals) -> Reals:
        """Weight of each group of equal values, ascending: shape (R, groups)."""
        return np.add.reduceat(weight_RN[:, self.order], self.starts, axis=1)

    def of(self, weight_RN: Reals) -> tuple[Reals, Flags]:
        """The rank of each item, and whether a draw has more than one value."""
        mass = self.masses(weight_RN)
        middle = np.cumsum(mass, axis=1) - mass / 2
        return middle[:, self.group], (mass > 0).sum(axis=1) > 1


def kendall(y: Reals, p: Reals, owner: Indices) -> Score:
    """Kendall's τ-b of two (N,), from the order of every two items.

    Takes time in proportion to N²: 0.3 s for 5,000 items.
    """
    problems, place = np.unique(owner, return_inverse=True)
    agreeing, telling, told = (np.zeros((len(problems), len(problems))) for _ in range(3))
    order = np.argsort(place, kind="stable")
    y, p, place = y[order], p[order], place[order]
    starts = np.searchsorted(place, np.arange(len(problems)))
    step = max(1, _AT_ONCE // max(1, len(y)))
    for at in range(0, len(y), step):
        rows = slice(at, at + step)
        by_y = np.sign(y[rows, None] - y[None])
        by_p = np.sign(p[rows, None] - p[None])
        for table, pairs in ((agreeing, by_y * by_p), (telling, by_y != 0), (told, by_p != 0)):
            summed = np.add.reduceat(pairs, starts, axis=1, dtype=np.float64)
            np.add.at(table, place[rows], summed)

    def of(weights: Reals) -> Reals:
        w = weights[:, problems]
        both, left, right = (((w @ table) * w).sum(axis=1) for table in (agreeing, telling, told))
        return _ratio(both, np.sqrt(left * right))

    return Score(owner, of)


def auc(positive: Flags, score: Reals, owner: Indices) -> Score:
    """Area under the ROC curve: the chance that a positive item scores over a negative one, ties half."""
    ranks = _Ranks(score)

    def part(weight_RN: Reals) -> Reals:
        above, below = weight_RN * positive, weight_RN * ~positive
        lesser = ranks.masses(below)
        beaten = np.cumsum(lesser, axis=1) - lesser / 2
        return _ratio((ranks.masses(above) * beaten).sum(axis=1), above.sum(axis=1) * below.sum(axis=1))

    def of(weights: Reals) -> Reals:
        if not len(score):
            return np.full(len(weights), math.nan)
        return np.concatenate([part(weight_RN) for weight_RN in _parts(weights, owner)])

    return Score(owner, of)


def calibration_error(p: Reals, hit: Flags, owner: Indices, bins: int = 10) -> Score:
    """Expected calibration error of probabilities (N,), in bins of equal width.

    Mean over the items of |mean probability - share of hits| of their bin.
    """
    place = bin_of(p, bins)

    def of(weights: Reals) -> Reals:
        off = np.stack(
            [_sums(owner[place == b], (p - hit)[place == b], weights) for b in range(bins)], axis=1
        )
        return _ratio(np.abs(weights @ off).sum(axis=1), weights @ _sums(owner, None, weights))

    return Score(owner, of)


def bin_of(p: Reals, bins: int = 10) -> Indices:
    """Which of so many equal bins of 0 to 1 each probability is in; 1 is in the last."""
    return np.minimum((p * bins).astype(np.intp), bins - 1)


def _sums(owner: Indices, values: Reals | None, weights: Reals) -> Reals:
    return np.asarray(np.bincount(owner, values, minlength=weights.shape[1]), dtype=np.float64)


def _ratio(above: Reals, below: Reals) -> Reals:
    found = np.full(len(above), math.nan)
    np.divide(above, below, out=found, where=below > 0)
    return found


def _parts(weights: Reals, owner: Indices) -> Iterator[Reals]:
    """Weights of items, some draws at a time."""
    step = max(1, _AT_ONCE // max(1, len(owner)))
    for at in range(0, max(1, len(weights)), step):
        yield weights[at : at + step][:, owner]


# Without weights.


def rho(y: Reals, p: Reals) -> float:
    """Spearman's rank correlation; not a number for fewer than three items or where one is constant."""
    from scipy.stats import spearmanr

    return float(spearmanr(y, p).statistic) if _varied(y, p) else math.nan


def tau(y: Reals, p: Reals) -> float:
    """Kendall's τ-b; not a number where `rho` is none."""
    from scipy.stats import kendalltau

    return float(kendalltau(y, p).statistic) if _varied(y, p) else math.nan


def _varied(*each: Reals) -> bool:
    return all(len(values) > 2 and np.ptp(values) > 0 for values in each)


def pit_masses(levels: Sequence[float], quantiles_NL: Reals, y: Reals, tolerance: float) -> Reals:
    """Where each measured value falls among the quantiles of its prediction: masses (N, L + 1).

    Bin j is between the probabilities j-1 and j. A value within `tolerance` of some quantiles sits
    on a step of its distribution, which begins and ends half way between two levels as far as the
    quantiles tell. It is spread evenly over the step: the histogram of Czado, Gneiting and Held,
    "Predictive model assessment for count data" (2009).
    """
    widths = np.diff([0.0, *levels, 1.0])
    low = (quantiles_NL < y[:, None] - tolerance).sum(axis=1)
    high = (quantiles_NL <= y[:, None] + tolerance).sum(axis=1)
    masses = np.zeros((len(y), len(widths)))
    for row, (first, last) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
        step = widths[first : last + 1].copy()
        step[[0, -1]] /= 2
        masses[row, first : last + 1] = step / step.sum()
    return masses


def crps(levels: Sequence[float], quantiles_NL: Reals, y: Reals) -> Reals:
    """Continuous ranked probability score of each prediction, from its quantiles: (N,).

    Twice the pinball loss, averaged over probabilities; each level stands for what is half way to
    its neighbours. For a point prediction it is the absolute error.
    """
    u = np.array(levels)
    cuts = np.concatenate([[0.0], (u[1:] + u[:-1]) / 2, [1.0]])
    off = y[:, None] - quantiles_NL
    return np.asarray(2 * (np.maximum(u * off, (u - 1) * off) * np.diff(cuts)).sum(axis=1))


@dataclass(frozen=True, slots=True)
class Selection:
    """What came of choosing the cheapest programs of one problem by prediction."""

    hit: float
    """1 if the one that is said to be cheapest is among the cheapest p% (Figure 10 of the paper)."""
    chance: float
    """The same for one that is drawn blindly."""
    overlap: float
    """Share of the p% that are said to be cheapest that are."""
    log_regret: float
    """ln(mean cost of the chosen p% / mean cost of the cheapest p%), the mean being geometric."""


def select(known: Reals, guessed: Reals, percent: float) -> Selection:
    """Choose the cheapest p%, at least one, of programs with log costs (N,).

    Programs that cost as much as the dearest of the cheapest p% count as cheapest, too. Programs
    with the same prediction are chosen with the same chance: figures are means over such draws.
    """
    size = max(1, math.ceil(percent / 100 * len(known) - 1e-9))
    good = known <= np.sort(known)[size - 1]
    share = _chosen(guessed, size)
    return Selection(
        hit=float(_chosen(guessed, 1) @ good),
        chance=float(good.mean()),
        overlap=float(share @ good) / size,
        log_regret=float(share @ known) / size - float(np.sort(known)[:size].mean()),
    )


def _chosen(guessed: Reals, size: int) -> Reals:
    """The chance of each to be among the `size` that are said to be cheapest."""
    edge = np.sort(guessed)[size - 1]
    sure, tied = guessed < edge, guessed == edge
    return np.where(sure, 1.0, np.where(tied, (size - sure.sum()) / tied.sum(), 0.0))
