"""What is predicted of the two sides of a change as one statement on their ratio.

The two sides' errors are not independent: what a model gets wrong about a function it gets
wrong about the same function with one line changed. So the ratio's distribution comes from
held-out pairs of texts that are about as alike (`flow.ErrorBand`), not from multiplying two
distributions; only a checkpoint without calibration falls back on independence. A model that
reads both sides at once answers with the ratio itself (`of_ratios`).
"""

from __future__ import annotations

import itertools
import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from operator import itemgetter

from ci_rlm.flow import Calibration, Change, Comparison, ErrorBand, Interval, Limits, Metric, Prediction

Quantiles = Sequence[tuple[float, float]]
Cdf = Callable[[float], float]
"""P(ln(after / before) <= x)."""

LEAST = {"B": 1.0, "s": 1e-9}
"""Values below this, in a metric's unit, are read as this: zero has no logarithm."""

_TOKEN = re.compile(r"\w+|[^\w\s]")
_CENTRE = (0.1, 0.9)
_ENDS = (0.05, 0.5, 0.95)
_TIE = 1e-9
"""Probabilities no further apart are the same: a change and its inverse round differently."""


def similarity(before: str, after: str) -> float:
    """Share of token pairs that two texts have in common, 0 to 1 (the Dice coefficient of bigrams)."""
    left, right = _bigrams(before), _bigrams(after)
    total = left.total() + right.total()
    return 2 * (left & right).total() / total if total else 1.0


def _bigrams(text: str) -> Counter[tuple[str, str]]:
    tokens = ["", *_TOKEN.findall(text)]
    return Counter(itertools.pairwise(tokens))


def equal(change: Change, metric: Metric) -> Comparison:
    """The comparison of a change whose two sides are token for token the same: ratio 1, no model."""
    return Comparison(change, metric, None, None, Interval(1.0, 1.0, 1.0))


def compare(
    change: Change,
    metric: Metric,
    before: Prediction | None,
    after: Prediction | None,
    calibrations: Sequence[Calibration],
    limits: Limits,
    alike: float,
) -> Comparison:
    """Compare two predictions; a side that is None was not there, or was not asked for.

    `alike` is the `similarity` of the two prompts.
    """
    if before is None or after is None:
        over = 0.0 if after is None else probability_over(after, limits.budget)
        return Comparison(change, metric, before, after, None, p_over_budget=over)
    calibration = next((c for c in calibrations if c.metric == metric.name and c.bands), None)
    ends, cdf = _calibrated(calibration, before, after, alike) if calibration else _independent(before, after)
    return _statement(change, metric, (before, after), ends, cdf, calibration, limits)


def of_ratios(
    change: Change,
    metric: Metric,
    before: Prediction,
    ratios: tuple[Prediction, Prediction],
    calibrations: Sequence[Calibration],
    limits: Limits,
) -> Comparison:
    """Compare by what a model that reads both sides says of after ÷ before.

    `ratios` are what it says of after ÷ before and, asked the other way round, of before ÷ after. Both
    are taken as equally good: the ratio's distribution is the mean of the two, so a change and its
    inverse mirror each other exactly. The interval has the probabilities that held-out edits found, as
    claims have. The side after is the side before times the middle ratio.
    """
    calibration = next((c for c in calibrations if c.metric == metric.name and not c.bands), None)
    pairs = mixture(*ratios)
    ends = [_found_quantile(pairs, u, calibration) for u in _ENDS]
    scaled = tuple((u, value * math.exp(ends[1])) for u, value in before.quantiles)
    after = replace(before, quantiles=scaled, truncated=any(ratio.truncated for ratio in ratios))
    return _statement(change, metric, (before, after), ends, lambda x: cdf_of(pairs, x), calibration, limits)


def mixture(ratio: Prediction, inverse: Prediction) -> list[tuple[float, float]]:
    """(probability, ln(after / before)) pairs, ascending, of a ratio and of its inverse asked for itself."""
    return _levels(
        (sign * _log(value, side.unit), weight / 2)
        for sign, side in ((1.0, ratio), (-1.0, inverse))
        for (_, value), weight in zip(side.quantiles, _weights(side.quantiles), strict=True)
    )


def _statement(
    change: Change,
    metric: Metric,
    sides: tuple[Prediction, Prediction],
    ends: Sequence[float],
    cdf: Cdf,
    calibration: Calibration | None,
    limits: Limits,
) -> Comparison:
    found = found_probability(calibration)
    alarms = calibration.false_alarms if calibration and limits.warn >= Limits().warn else None
    fails, warns = (found(1 - cdf(math.log1p(limit))) for limit in (limits.fail, limits.warn))
    better = found(cdf(-math.log1p(limits.warn)))
    whole = max(1.0, warns + better)  # each is what was found of its like; it cannot be both
    return Comparison(
        change=change,
        metric=metric,
        before=sides[0],
        after=sides[1],
        slowdown=Interval(*map(math.exp, ends)),
        p_regression=fails / whole,
        p_warning=warns / whole,
        p_improvement=better / whole,
        p_over_budget=probability_over(sides[1], limits.budget),
        worse_matters=_matters(sides[0], cdf, limits, worse=True),
        better_matters=_matters(sides[0], cdf, limits, worse=False),
        alarm=alarms.threshold if alarms else 0.0,
    )


def _matters(before: Prediction, cdf: Cdf, limits: Limits, *, worse: bool) -> float:
    """P(the sides are `min_effect` apart), given that the ratio is past the warning limit in one direction.

    The cost before and the ratio are taken as independent.
    """
    least = math.log1p(limits.warn)
    claimed = 1 - cdf(least) if worse else cdf(-least)
    if not limits.min_effect or claimed <= 0:
        return 1.0
    enough = 0.0
    for (_, value), weight in zip(before.quantiles, _weights(before.quantiles), strict=True):
        apart = limits.min_effect / max(value, LEAST.get(before.unit, 1e-12))
        if worse:
            enough += weight * (1 - cdf(max(least, math.log1p(apart))))
        elif apart < 1:  # nothing saves more than all
            enough += weight * cdf(min(-least, math.log1p(-apart)))
    return enough / claimed


def _found_quantile(pairs: Quantiles, u: float, calibration: Calibration | None) -> float:
    """The log ratio that is passed with probability 1 - u, as held-out pairs found probabilities.

    The map is of P(after is so much dearer), and mirrored of P(so much cheaper). What neither direction
    reaches is no difference; where both do, the one that is told to be likelier has it.
    """
    told_of = _told_probability(calibration)
    above, below = _quantile_of(pairs, 1 - told_of(1 - u)), _quantile_of(pairs, told_of(u))
    if above > 0 > below:
        likelier = cdf_of(_mirrored(pairs), 0.0) - cdf_of(pairs, 0.0)
        if abs(likelier) < _TIE:
            return _quantile_of(pairs, u)
        return above if likelier > 0 else below
    return above if above > 0 else min(below, 0.0)


def _mirrored(pairs: Quantiles) -> list[tuple[float, float]]:
    """The distribution of before / after."""
    return [(1 - u, -x) for u, x in reversed(pairs)]


def _told_probability(calibration: Calibration | None) -> Callable[[float], float]:
    """The inverse of `found_probability`: of the probabilities that are found alike, the least."""
    if calibration is None or calibration.probabilities is None:
        return lambda found: found
    inverse = [(found, told) for told, found in calibration.probabilities.points]
    return lambda found: _quantile_of(inverse, found)


def found_probability(calibration: Calibration | None) -> Callable[[float], float]:
    """From the probability that the error bands tell to the one that held-out pairs found."""
    if calibration is None or calibration.probabilities is None:
        return lambda told: told
    points = calibration.probabilities.points
    return lambda told: _quantile_of(points, told)


def probability_over(prediction: Prediction, budget: float | None) -> float:
    """P(value > budget), interpolated between the quantiles on a logarithmic scale; 0 without a budget."""
    if budget is None:
        return 0.0
    pairs = [(u, _log(value, prediction.unit)) for u, value in prediction.quantiles]
    return 1 - cdf_of(pairs, _log(budget, prediction.unit))


def predicted_log_ratio(before: Prediction, after: Prediction) -> float:
    """ln(after / before) between the centres of two predictions."""
    return centre(after) - centre(before)


def centre(prediction: Prediction) -> float:
    """The middle of a prediction on the log scale: the mean of its log quantiles from 10% to 90%.

    It moves smoothly where the median jumps from one mode to another.
    """
    low, high = _CENTRE
    logs = [_log(value, prediction.unit) for u, value in prediction.quantiles if low <= u <= high]
    return math.fsum(logs) / len(logs) if logs else _log(prediction.median, prediction.unit)


def _log(value: float, unit: str) -> float:
    return math.log(max(value, LEAST.get(unit, 1e-12)))


def band_at(calibration: Calibration, alike: float) -> ErrorBand:
    """The error model for texts this alike: linear between the two nearest bands."""
    bands = calibration.bands
    place = bisect_left([band.similarity for band in bands], alike)
    if place == 0 or place == len(bands):
        return bands[min(place, len(bands) - 1)]
    left, right = bands[place - 1], bands[place]
    share = (alike - left.similarity) / (right.similarity - left.similarity)
    return ErrorBand(
        similarity=alike,
        slope=_between(left.slope, right.slope, share),
        floor=_between(left.floor, right.floor, share),
        growth=_between(left.growth, right.growth, share),
        quantiles=tuple(
            (u, _between(x, y, share)) for (u, x), (_, y) in zip(left.quantiles, right.quantiles, strict=True)
        ),
    )


def _between(left: float, right: float, share: float) -> float:
    return left + (right - left) * share


def _calibrated(
    calibration: Calibration, before: Prediction, after: Prediction, alike: float
) -> tuple[list[float], Cdf]:
    pairs = _error_quantiles(calibration, predicted_log_ratio(before, after), alike)
    return [_quantile_of(pairs, u) for u in _ENDS], lambda x: cdf_of(pairs, x)


def error_cdf(calibration: Calibration, predicted: float, alike: float) -> Cdf:
    """The distribution of the true log ratio, given the predicted one, as the error bands tell it."""
    pairs = _error_quantiles(calibration, predicted, alike)
    return lambda x: cdf_of(pairs, x)


def _error_quantiles(calibration: Calibration, predicted: float, alike: float) -> list[tuple[float, float]]:
    band = band_at(calibration, alike)
    scale = band.floor + band.growth * abs(predicted)
    pairs = [(u, band.slope * abs(predicted) + scale * error) for u, error in band.quantiles]
    # Of a lower cost it is the same statement, read from the other side.
    return _mirrored(pairs) if predicted < 0 else pairs


def _independent(before: Prediction, after: Prediction) -> tuple[list[float], Cdf]:
    """Every quantile of one side against every one of the other, as if the errors were independent."""
    pairs = _levels(
        (_log(later, after.unit) - _log(earlier, before.unit), right * left)
        for (_, later), right in zip(after.quantiles, _weights(after.quantiles), strict=True)
        for (_, earlier), left in zip(before.quantiles, _weights(before.quantiles), strict=True)
    )
    return [_quantile_of(pairs, u) for u in _ENDS], lambda x: cdf_of(pairs, x)


def _levels(weighted: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """(value, probability) pieces of a distribution as its quantiles, ascending.

    A piece is at the middle of its probability; several of one value reach from the middle of the
    least of them at one end to that at the other, so that what is read backwards is the mirror image.
    """
    pairs, total = [], 0.0
    for x, same in itertools.groupby(sorted(weighted), key=itemgetter(0)):
        weights = [weight for _, weight in same]
        own, edge = math.fsum(weights), min(weights) / 2
        pairs.append((total + edge, x))
        if len(weights) > 1:
            pairs.append((total + own - edge, x))
        total += own
    return pairs


def _weights(quantiles: Quantiles) -> list[float]:
    """How much probability each quantile stands for: half way to its neighbours."""
    cuts = [0.0, *((a + b) / 2 for (a, _), (b, _) in itertools.pairwise(quantiles)), 1.0]
    return [high - low for low, high in itertools.pairwise(cuts)]


def _quantile_of(pairs: Quantiles, u: float) -> float:
    place = bisect_left(pairs, u, key=lambda pair: pair[0])
    if place == 0 or place == len(pairs):
        return pairs[min(place, len(pairs) - 1)][1]
    (u0, x0), (u1, x1) = pairs[place - 1], pairs[place]
    return _between(x0, x1, (u - u0) / (u1 - u0))


def cdf_of(pairs: Quantiles, x: float) -> float:
    """F(x) from quantiles: linear between them, the outer ones' own probability beyond them.

    Beyond the outermost quantile nothing is known, so it never answers 0 or 1.
    """
    values = [value for _, value in pairs]
    first, last = bisect_left(values, x), len(values) - 1
    if first > last:
        return 1 - (1 - pairs[-1][0]) / 2
    if values[first] == x:
        return max(u for u, value in pairs if value == x)
    if first == 0:
        return pairs[0][0] / 2
    (u0, x0), (u1, x1) = pairs[first - 1], pairs[first]
    return _between(u0, u1, (x - x0) / (x1 - x0))
