"""A network and counting, asked together: one answer of both.

Of a change, a network says a distribution of after ÷ before, and so does counting what was taken away
and added (`model/counts.py`); of one function, both say one of its cost. They are pooled by their log
odds: at each value, those that it is not passed are the sum of both, each times its share. The shares are
found on held-out code (`training/counting.py`). A pool of log odds sharpens where both agree, where their
mean would not, and both orders of a change stay mirror images. A network without a share is not asked.
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ci_rlm.extract.tally import tally
from ci_rlm.flow import ModelInfo, Prediction, Prompt, Space
from ci_rlm.marks import Side, version
from ci_rlm.model import checkpoint
from ci_rlm.model.counts import Counts, Level, Odds, Points, read
from ci_rlm.model.weights import sha256
from ci_rlm.predict import Predictor

LEVELS = tuple(round(percent / 100, 2) for percent in range(1, 100))
"""Of a pooled answer's quantiles. Counting often puts some probability on no change and the rest far
from it, which a few quantiles would smear over what lies between."""
FAR = math.log(64.0)
"""ln of a ratio that counting takes for the largest."""
LEAST = 1e-4
"""Neither is surer than this: a share of infinite log odds would leave the other nothing to say."""

SMALLEST = 1e-12
"""Values below this are read as this: zero has no logarithm."""


class PooledPredictor:
    """A predictor whose answers are pooled with counting, where counting has something to say."""

    def __init__(self, network: Predictor, counts: Callable[[], Counts], digest: str) -> None:
        """`counts` is asked for at the first answer; `digest` is the sha256 of what it will give."""
        self.network, self._read, self._digest = network, counts, digest
        self._counts: Counts | None = None
        both = hashlib.sha256(f"{network.info.digest} {digest}".encode()).hexdigest()
        self.info: ModelInfo = replace(network.info, digest=both)
        self.spaces, self.vocabulary = network.spaces, network.vocabulary
        self.calibrations = network.calibrations
        self._spaces = {space.name: space for space in network.spaces}

    @classmethod
    def of_checkpoint(cls, network: Predictor, folder: Path) -> PooledPredictor:
        """A checkpoint's network, with or without a cache, and its file of counts."""
        path = folder / checkpoint.COUNTS
        return cls(network, partial(read, path), sha256(path))

    @property
    def counts(self) -> Counts:
        """What counting says. Raises CheckpointError for a damaged file."""
        if self._counts is None:
            self._counts = self._read()
        return self._counts

    def over(self, network: Predictor) -> PooledPredictor:
        """The same counts beside another way to ask its network."""
        return PooledPredictor(network, lambda: self.counts, self._digest)

    def counting(self) -> PooledPredictor:
        """What counting says alone."""
        alone = dict.fromkeys(self.counts.parts, (0.0, 1.0))
        return PooledPredictor(self.network, lambda: self.counts.sharing(alone), f"{self._digest} alone")

    def predict(self, prompts: Sequence[Prompt]) -> Iterator[tuple[Prediction, ...]]:
        """For each prompt, in order, what both answer; the network alone where nothing is counted."""
        counting = _Counting(self.counts)
        answers = self.network.predict([each for each in prompts if self._has_a_say(each.space)])
        for prompt in prompts:
            space = self._spaces[prompt.space]
            answer = next(answers) if self._has_a_say(space.name) else _nothing(space)
            if not any((space.name, metric.name) in self.counts.parts for metric in space.metrics):
                yield answer
                continue
            text = prompt.text.removeprefix(space.prefix)
            versions = (Side.BEFORE, Side.AFTER) if space.compares else ()
            found = [version(text, side) for side in versions] or [text]
            yield tuple(self._pooled(space, prompt.size, told, found, counting) for told in answer)

    def _has_a_say(self, space: str) -> bool:
        """Whether the network has a share in any metric of a space; where it has none, it is not asked."""
        parts = (self.counts.parts.get((space, metric.name)) for metric in self._spaces[space].metrics)
        return any(part is None or part.network for part in parts)

    def _pooled(
        self, space: Space, size: float | None, told: Prediction, found: Sequence[str], counting: _Counting
    ) -> Prediction:
        part = self.counts.parts.get((space.name, told.metric))
        if part is None:
            return told
        if isinstance(part, Odds):
            counted = [(-FAR, 0.0), *counting.of_change(part, *found), (FAR, 1.0)]
            levels: Sequence[float] = LEVELS
        else:
            counted = list(counting.of_one(part, found[0], space.size if size is None else size))
            levels = [level for level, _ in told.quantiles] or LEVELS
        points = pool(points_of(told), counted, (part.network, part.counts))
        return replace(told, quantiles=tuple((level, math.exp(_inverse(points, level))) for level in levels))


class _Counting:
    """What counting says of texts, each counted once, and of changes, each asked about one way round."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._tallies: dict[str, Mapping[str, int]] = {}
        self._changes: dict[tuple[int, str, str], Points] = {}

    def of_one(self, part: Level, text: str, size: float | None) -> Points:
        return self._counts.of_one(part, self._tally(text), size)

    def of_change(self, part: Odds, before: str, after: str) -> Points:
        """Of both ways round the one is the mirror image of the other, whichever is asked about first."""
        if before > after:
            return [(-x, 1 - p) for x, p in reversed(self.of_change(part, after, before))]
        key = id(part), before, after
        if key not in self._changes:
            both = self._tally(before), self._tally(after)
            self._changes[key] = self._counts.of_change(part, *both)
        return self._changes[key]

    def _tally(self, text: str) -> Mapping[str, int]:
        if text not in self._tallies:
            self._tallies[text] = tally(text)
        return self._tallies[text]


def _nothing(space: Space) -> tuple[Prediction, ...]:
    """The answer of a network that is not asked."""
    return tuple(Prediction(metric.name, metric.unit, ()) for metric in space.metrics)


def points_of(told: Prediction) -> list[tuple[float, float]]:
    """A prediction as points of its distribution; of equal values the last probability is the one."""
    values = {math.log(max(value, SMALLEST)): probability for probability, value in told.quantiles}
    return sorted(values.items())


def pool(network: Points, counted: Points, shares: tuple[float, float]) -> list[tuple[float, float]]:
    """Both distributions as one, at every point of either, never falling.

    `shares` are those of (network, counts); what has none is not looked at, and one of them has.
    """
    heard = [(share, points) for share, points in zip(shares, (network, counted), strict=True) if share]
    found, least = [], 0.0
    for x in sorted({x for _, points in heard for x, _ in points}):
        pooled = math.fsum(share * log_odds(cdf(points, x)) for share, points in heard)
        least = max(least, 1 / (1 + math.exp(-pooled)))
        found.append((x, least))
    return found


def log_odds(p: float) -> float:
    """ln(p / (1 - p)), as if p were at least `LEAST` from 0 and 1."""
    p = min(max(p, LEAST), 1 - LEAST)
    return math.log(p / (1 - p))


def cdf(points: Points, x: float) -> float:
    """P(ln value <= x): linear between the points; half of what is outside of them beyond."""
    place = bisect_left(points, x, key=lambda point: point[0])
    if place == len(points):
        return (1 + points[-1][1]) / 2
    right, high = points[place]
    if right == x:
        return high
    if place == 0:
        return high / 2
    left, low = points[place - 1]
    return low + (high - low) * (x - left) / (right - left)


def _inverse(points: Points, p: float) -> float:
    """The x of a probability: linear between the points, the outer ones beyond."""
    place = bisect_left(points, p, key=lambda point: point[1])
    if place in (0, len(points)):
        return points[min(place, len(points) - 1)][0]
    (left, low), (right, high) = points[place - 1 : place + 1]
    return left + (right - left) * (p - low) / (high - low)
