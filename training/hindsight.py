"""What predictions were worth once they were measured: calls, misses, probabilities, intervals.

The measured ratio of a comparison is after / before. Where several benchmarks measured one function,
it is the geometric mean of their ratios, so that each counts the same whatever its scale, and a
ratio and its inverse cancel. A ratio within its own noise, where the intervals of both sides
overlap, is read as 1; one whose noise could hide a regression over the failing limit, or as large an
improvement, tells nothing and is not counted.

Intervals of shares are those of Clopper and Pearson, "The use of confidence or fiducial limits"
(Biometrika, 1934), with comparisons taken as independent of each other.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property

from ci_rlm.comparing import LEAST
from ci_rlm.flow import Outcome, TrackRecord
from ci_rlm.training.profile.rows import METRICS
from ci_rlm.training.verified import Comparison, Measured

BINS = 10
MOST_RECORDS = 100
LEVEL = 0.95


class Truth(StrEnum):
    """What was measured, by the limits that the prediction was judged under."""

    WORSE = "over the failing limit"
    WARNED = "over the warning limit"
    STEADY = "no change"
    BETTER = "improved"


@dataclass(frozen=True)
class Share:
    """How many of how many, with the 95% interval of what the share is in the long run."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        """None of nothing."""
        return self.hits / self.of if self.of else None

    @cached_property
    def interval(self) -> tuple[float, float]:
        """0 to 1 of nothing."""
        if not self.of:
            return 0.0, 1.0
        from scipy.stats import binomtest

        ends = binomtest(self.hits, self.of).proportion_ci(LEVEL, method="exact")
        return float(ends.low), float(ends.high)


@dataclass(frozen=True, slots=True)
class Bin:
    """Comparisons whose told probability of a regression is about the same."""

    told: float
    """The mean of their probabilities."""
    found: Share
    """Of them, those that were measured over the failing limit."""


@dataclass(frozen=True)
class Scores:
    """What some comparisons were worth."""

    counts: Counter[tuple[Outcome, Truth]]
    """How often the gate said what, and what was measured then."""
    noisy: int
    """Left out of all else: the measurement could not tell."""
    bins: tuple[Bin, ...]
    """By ascending probability; of comparisons that a model was asked about."""
    inside: Share
    """Measured ratios within the predicted 5% to 95% interval: right in the long run is 90%."""

    @property
    def comparisons(self) -> int:
        """With a measured ratio."""
        return self.counts.total()

    @property
    def precision(self) -> Share:
        """Called regressions that were measured over the warning limit: the rest were false alarms."""
        return self._share((Outcome.REGRESSED,), (Truth.WORSE, Truth.WARNED), tuple(Truth))

    @property
    def recall(self) -> Share:
        """Of what was measured over the failing limit, what was called: the rest were missed."""
        hits = self._sum((Outcome.REGRESSED,), (Truth.WORSE,))
        return Share(hits, self._sum(tuple(Outcome), (Truth.WORSE,)))

    @property
    def unsure(self) -> int:
        """Missed by being left unsure."""
        return self._sum((Outcome.UNSURE,), (Truth.WORSE,))

    @property
    def improved(self) -> Share:
        """Called improvements that were measured as such."""
        return self._share((Outcome.IMPROVED,), (Truth.BETTER,), tuple(Truth))

    @property
    def quiet(self) -> Share:
        """Said to be the same, and not over the failing limit."""
        return self._share((Outcome.SAME,), (Truth.WARNED, Truth.STEADY, Truth.BETTER), tuple(Truth))

    @property
    def calibration_error(self) -> float | None:
        """Mean distance of told and found probabilities of a regression, over the bins (ECE)."""
        total = sum(each.found.of for each in self.bins)
        off = sum(abs(each.told * each.found.of - each.found.hits) for each in self.bins)
        return off / total if total else None

    def _share(self, said: Sequence[Outcome], right: Sequence[Truth], every: Sequence[Truth]) -> Share:
        return Share(self._sum(said, right), self._sum(said, every))

    def _sum(self, said: Iterable[Outcome], measured: Sequence[Truth]) -> int:
        return sum(self.counts[outcome, truth] for outcome in said for truth in measured)


def scores(comparisons: Iterable[Comparison]) -> Scores:
    """What these comparisons were worth."""
    told = [(comparison, ratio_of(comparison)) for comparison in comparisons]
    known = [(comparison, ratio) for comparison, ratio in told if ratio is not None]
    asked = [(comparison, ratio) for comparison, ratio in known if not comparison.equal]
    return Scores(
        counts=Counter((comparison.outcome, truth_of(comparison, ratio)) for comparison, ratio in known),
        noisy=len(told) - len(known),
        bins=tuple(_bins(asked)),
        inside=_inside(asked),
    )


def ratio_of(comparison: Comparison) -> float | None:
    """The measured after / before; None where noise could hide anything."""
    ratios = [ratio for each in comparison.measured if (ratio := _ratio(each, comparison.fail)) is not None]
    if len(ratios) < 2:
        return ratios[0] if ratios else None  # exactly: it may be equal to a limit
    return statistics.geometric_mean(ratios)


def _ratio(measured: Measured, fail: float) -> float | None:
    least = LEAST[METRICS[measured.quantity.metric]]  # zero has no logarithm
    before, after = measured.before, measured.after
    if before.lower > after.upper or after.lower > before.upper:
        return max(after.value, least) / max(before.value, least)
    highest = max(after.upper, least) / max(before.lower, least)
    lowest = max(after.lower, least) / max(before.upper, least)
    return 1.0 if highest <= 1 + fail and lowest >= 1 / (1 + fail) else None


def truth_of(comparison: Comparison, ratio: float) -> Truth:
    """What was measured.

    A difference below the least effect of the limits is none that a gate without a call has missed.
    """
    said_something = comparison.outcome in (Outcome.REGRESSED, Outcome.IMPROVED)
    if not said_something and _effect(comparison) < comparison.min_effect:
        return Truth.STEADY
    if ratio > 1 + comparison.fail:
        return Truth.WORSE
    if ratio > 1 + comparison.warn:
        return Truth.WARNED
    return Truth.BETTER if ratio < 1 / (1 + comparison.warn) else Truth.STEADY


def _effect(comparison: Comparison) -> float:
    """The largest measured difference, in the metric's unit."""
    return max(abs(each.after.value - each.before.value) for each in comparison.measured)


def _bins(asked: Iterable[tuple[Comparison, float]]) -> Iterator[Bin]:
    found: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for comparison, ratio in asked:
        p = comparison.p_regression
        found[min(int(p * BINS), BINS - 1)].append((p, ratio > 1 + comparison.fail))
    for _, pairs in sorted(found.items()):
        yield Bin(statistics.fmean(p for p, _ in pairs), Share(sum(hit for _, hit in pairs), len(pairs)))


def _inside(asked: Iterable[tuple[Comparison, float]]) -> Share:
    within = [
        comparison.low <= ratio <= comparison.high
        for comparison, ratio in asked
        if comparison.low is not None and comparison.high is not None
    ]
    return Share(sum(within), len(within))


@dataclass(frozen=True, slots=True)
class Group:
    """Comparisons that have something in common."""

    what: str
    """`metric`, `month` or `checkpoint`."""
    name: str
    scores: Scores


def groups(comparisons: Sequence[Comparison]) -> Iterator[Group]:
    """By metric; by month of the head commit; by checkpoint, in the order of their first comparisons."""
    keys: dict[str, Callable[[Comparison], str]] = {
        "metric": lambda comparison: comparison.metric,
        "month": month_of,
        "checkpoint": lambda comparison: f"{comparison.model} ({comparison.digest[:12]})",
    }
    for what, key in keys.items():
        found: dict[str, list[Comparison]] = defaultdict(list)
        for comparison in sorted(comparisons, key=lambda each: each.committed):
            found[key(comparison)].append(comparison)
        for name in found if what == "checkpoint" else sorted(found):
            yield Group(what, name, scores(found[name]))


def month_of(comparison: Comparison) -> str:
    """`2026-11`, in UTC."""
    return datetime.fromtimestamp(comparison.committed, UTC).strftime("%Y-%m")


def track_records(comparisons: Sequence[Comparison]) -> list[TrackRecord]:
    """What a check tells of them: of all, and of each of the latest checkpoints."""
    by_digest: dict[str, list[Comparison]] = defaultdict(list)
    for comparison in sorted(comparisons, key=lambda each: each.committed, reverse=True):
        by_digest[comparison.digest].append(comparison)
    newest = sorted(list(by_digest)[:MOST_RECORDS])
    every = {"": comparisons, **{digest: by_digest[digest] for digest in newest}}
    return [_track_record(digest, scores(some)) for digest, some in every.items()]


def _track_record(digest: str, told: Scores) -> TrackRecord:
    low, high = told.precision.interval
    return TrackRecord(
        digest=digest,
        comparisons=told.comparisons,
        calls=told.precision.of,
        right=told.precision.hits,
        low=math.floor(low * 1e6) / 1e6,
        high=math.ceil(high * 1e6) / 1e6,
        missed=told.recall.of - told.recall.hits,
        unsure=told.unsure,
    )
