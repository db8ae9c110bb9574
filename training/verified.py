"""Predictions of a gate beside what was measured later: the values of a repository's scoreboard.

A comparison is one predicted ratio, of one function and metric between two commits by one
checkpoint. Beside it stand the measured costs of both sides, one pair a quantity: what was measured
under another kind, metric, parameters, hardware or tool is another quantity. Comparisons of several
runs are merged key by key, in any order and any number of times with the same outcome: a newer
measurement of a quantity takes the place of an older one, and those of further quantities join it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce

from ci_rlm.flow import Outcome
from ci_rlm.training.profile.rows import METRICS

Params = tuple[tuple[str, str], ...]

MOST_QUANTITIES = 20
"""Of one comparison; the newest stay."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """What was measured: two sides make a ratio only where all of this is the same."""

    benchmark: str
    """The test or benchmark that called the function; empty where a profiler names the function itself."""
    metric: str
    """As measured: `wall_time` may stand for the predicted `cpu_time`."""
    kind: str
    """`per_call` or `peak` (`logs.Kind`)."""
    params: Params
    """(name, value) of a parametrised benchmark."""
    hardware: str
    tool: str
    """The log's format: a call takes longer under a profiler than in a benchmark."""

    def __post_init__(self) -> None:
        _require(METRICS.get(self.metric) in ("s", "B"), "its metric is none of time or memory")


@dataclass(frozen=True, slots=True)
class Side:
    """One side's cost, in seconds or bytes."""

    value: float
    lower: float
    upper: float
    """The noise around the value, as its log tells it; the value itself where it tells none."""
    n: int
    """Of how many repeats or calls it is a summary."""

    def __post_init__(self) -> None:
        _require(
            0 <= self.lower <= self.value <= self.upper < math.inf, "its interval does not hold its value"
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """One quantity on both sides of a change."""

    quantity: Quantity
    before: Side
    after: Side
    when: str
    """The latest moment that the logs tell, as ISO 8601 in UTC; may be empty."""
    logs: tuple[str, ...]
    """Digests of the logs that it is from, shortened."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One prediction of one report, with what was measured later."""

    base: str
    head: str
    """The commits of the report."""
    committed: int
    """When the head commit was made, in seconds since 1970."""
    model: str
    digest: str
    """sha256 of the weights that predicted."""
    path: str
    name: str
    metric: str
    outcome: Outcome
    """What the gate said."""
    low: float | None
    mid: float | None
    high: float | None
    """The predicted ratio: 5%, 50% and 95% points; None where it was not finite."""
    p_regression: float
    p_warning: float
    p_improvement: float
    warn: float
    fail: float
    min_effect: float
    """The limits that the verdict was reached under (`flow.Limits`)."""
    equal: bool
    """No model was asked: the tokens did not change."""
    measured: tuple[Measured, ...]

    def __post_init__(self) -> None:
        shares = self.p_regression, self.p_warning, self.p_improvement
        _require(all(0 <= share <= 1 for share in shares), "a probability is not between 0 and 1")
        _require(0 <= self.warn <= self.fail < math.inf, "its limits are no limits")
        _require(0 <= self.min_effect < math.inf, "its least effect is no effect")
        _require(0 <= self.committed < _END_OF_TIME, "its commit is of no time")
        ends = [end for end in (self.low, self.mid, self.high) if end is not None]
        _require(all(map(math.isfinite, ends)) and ends == sorted(ends), "its interval is none")

    @property
    def key(self) -> tuple[str, ...]:
        """What is one comparison: a report that is verified again says no more."""
        return self.base, self.head, self.path, self.name, self.metric, self.digest


_END_OF_TIME = 253_402_300_800
"""The year 10000, in seconds since 1970: no calendar here goes on."""


def merged(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """Comparisons with those of one key as one, the oldest first."""
    found: dict[tuple[str, ...], list[Comparison]] = {}
    for comparison in comparisons:
        found.setdefault(comparison.key, []).append(comparison)
    whole = (_settled(reduce(_joined, alike)) for alike in found.values())
    return sorted(whole, key=lambda comparison: (comparison.committed, comparison.key))


def _joined(one: Comparison, other: Comparison) -> Comparison:
    """Of what both predicted, as if by different settings, the one of the later commit or greater text."""
    return replace(max(one, other, key=_order), measured=one.measured + other.measured)


def _settled(comparison: Comparison) -> Comparison:
    newest: dict[Quantity, Measured] = {}
    for measured in comparison.measured:
        held = newest.setdefault(measured.quantity, measured)
        newest[measured.quantity] = max(held, measured, key=_newness)
    kept = sorted(newest.values(), key=_newness)[-MOST_QUANTITIES:]
    return replace(comparison, measured=tuple(sorted(kept, key=lambda each: repr(each.quantity))))


def _order(comparison: Comparison) -> tuple[int, str]:
    return comparison.committed, repr(replace(comparison, measured=()))


def _newness(measured: Measured) -> tuple[str, int, str]:
    """The latest wins; of one moment the one of more logs; all else only makes the order total."""
    return measured.when, len(measured.logs), repr(measured)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
