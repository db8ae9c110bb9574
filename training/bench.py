"""What benchmarks measured of functions at the commits that earlier checks compared.

A log's place is resolved to its function at the measured commit, as `ci-rlm ingest` does it; only
commits that some report compares are looked up. What is not kept is counted, by format and reason.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ci_rlm import logs
from ci_rlm.config import METRICS
from ci_rlm.errors import LogError
from ci_rlm.logs import Bad, Measurement, Options
from ci_rlm.render.text import clipped, storable
from ci_rlm.training.ingest import Log, Tally, no_call, where
from ci_rlm.training.ingested import TARGETS
from ci_rlm.training.resolve import Resolver, Unresolved
from ci_rlm.training.sources import sha256_of_file
from ci_rlm.training.verified import Quantity

_SHORTEST = 7
"""Digits of the start of an id that stand for it."""
_DIGITS_OF_LOG = 16
_MOST_READINGS = 1000
"""Of one quantity at one commit; the first ones are kept."""
_MOST_KEPT = 1_000_000
"""Of all: a hostile log could name a new configuration in every entry."""
_MOST_PARAMS = 20
_LONGEST = 200
"""Of a text that a log tells: hardware, a parameter, a test."""
_UNTOLD = "the log tells no commit: name it, as --bench REV=LOG"

Function = tuple[str, str]
"""Path and qualified name."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a user says of all logs."""

    time: str = "cpu_time"
    """`wall_time` where it stands for CPU time, too; else `cpu_time`."""
    hardware: str = ""
    """The class of machine, in place of what logs tell."""
    allow_dirty: bool = False
    """Keep what was measured on a tree with changes beside its commit."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one entry of a log says of a quantity."""

    value: float
    lower: float
    upper: float
    n: int
    when: str
    log: str


class Bench:
    """What logs say of functions at the commits that reports compare; grows with each log."""

    def __init__(self, resolver: Resolver, commits: Iterable[str], told: Told) -> None:
        self._resolver = resolver
        self._commits = frozenset(commits)
        self._told = told
        self._predicted = {**{metric: metric for metric in METRICS}, told.time: "cpu_time"}
        self._readings: dict[tuple[str, Function, str], dict[Quantity, list[Reading]]] = defaultdict(dict)
        self._kept = 0
        self._read: set[str] = set()
        self.committed: dict[str, int] = {}
        """When each measured commit was made, in seconds since 1970."""
        self.tallies: dict[str, Tally] = defaultdict(Tally)
        """What came of the logs, by format."""
        self.refused: dict[str, str] = {}
        """Logs that could not be read to their end, with the reason."""

    def read(self, log: Log, options: Options, commit: str = "") -> None:
        """Take in one log; `commit` is the full id of what was measured, where the log tells none."""
        if not log.format:
            if log.named:
                self.refused[str(log.path)] = "it is of no known format"
            return
        try:
            digest = sha256_of_file(log.path)
            if (digest + commit) in self._read:
                return
            self._read.add(digest + commit)
            self.tallies[log.format].logs += 1
            for entry in logs.reader(log.format).read(log.path, options):
                self._count(log, entry, self._keep(entry, commit, digest))
        except OSError as error:
            self.refused[str(log.path)] = f"cannot be read: {error.strerror}"
        except LogError as error:
            self.refused[str(log.path)] = "; ".join(filter(None, (error.message, error.hint)))

    def _count(self, log: Log, entry: Measurement | Bad, reason: str) -> None:
        tally = self.tallies[log.format]
        tally.entries += 1
        if reason:
            tally.drop(reason, f"{log.path}: {where(entry)}")
        else:
            tally.kept += 1

    def _keep(self, entry: Measurement | Bad, commit: str, digest: str) -> str:
        """Put a measurement beside the others of its quantity; the reason if it is not kept."""
        if isinstance(entry, Bad):
            return entry.reason
        reason = self._refusal(entry)
        if reason:
            return reason
        at = self._compared(entry.commit or commit)
        if at is None:
            return "no report compares its commit" if entry.commit or commit else _UNTOLD
        code = self._resolver.resolve(entry.place, entry.language, at)
        if isinstance(code, Unresolved):
            return code.reason
        if reason := no_call(entry, code):
            return reason
        self.committed[at] = code.committed
        function = storable(str(code.unit.path)), storable(code.unit.name)
        return self._add(entry, (at, function, self._predicted[entry.metric]), digest)

    def _add(self, entry: Measurement, place: tuple[str, Function, str], digest: str) -> str:
        quantity = _quantity(entry, self._told)
        known = len(self._readings[place].get(quantity, ())) if place in self._readings else 0
        if known >= _MOST_READINGS or self._kept >= _MOST_KEPT:
            return "there are more measurements of its quantity, or of all, than are looked at"
        self._readings[place].setdefault(quantity, []).append(_reading(entry, digest))
        self._kept += 1
        return ""

    def _refusal(self, entry: Measurement) -> str:
        if entry.metric not in self._predicted:
            if entry.metric == "wall_time":
                return "wall time stands for CPU time only with --time wall_time"
            return "no prediction is of its metric"
        if entry.metric not in TARGETS[entry.kind]:
            return "it is not the cost of one call, or its peak"
        if not math.isfinite(entry.value) or entry.value < 0:
            return "its value is not a finite number of at least 0"
        if entry.dirty and not self._told.allow_dirty:
            return "the measured tree had changes beside its commit"
        if len(entry.params) > _MOST_PARAMS:
            return f"it has over {_MOST_PARAMS} parameters"
        return ""

    def _compared(self, commit: str) -> str | None:
        """The commit of a report that a log means, by its whole id or the start of it."""
        if commit in self._commits or len(commit) < _SHORTEST:
            return commit if commit in self._commits else None
        found = [each for each in self._commits if each.startswith(commit)]
        return found[0] if len(found) == 1 else None

    def at(self, commit: str, function: Function, metric: str) -> Mapping[Quantity, Sequence[Reading]]:
        """What was measured of a function's metric at a commit, by quantity."""
        return self._readings.get((commit, function, metric), {})

    def document(self) -> dict[str, Any]:
        """What came of the logs, for machines."""
        formats = {
            name: {
                "logs": tally.logs,
                "kept": tally.kept,
                "dropped": {reason: drops.count for reason, drops in sorted(tally.drops.items())},
            }
            for name, tally in sorted(self.tallies.items())
        }
        return {"logs": formats, "refused": dict(sorted(self.refused.items()))}

    def functions(self, commit: str) -> set[Function]:
        """The functions that were measured at a commit."""
        return {function for at, function, _ in self._readings if at == commit}


def _reading(entry: Measurement, digest: str) -> Reading:
    known = [bound for bound in (entry.lower, entry.upper) if bound is not None and 0 <= bound < math.inf]
    lower, upper = min([entry.value, *known]), max([entry.value, *known])
    return Reading(entry.value, lower, upper, max(1, entry.n), storable(entry.when), digest[:_DIGITS_OF_LOG])


def _quantity(entry: Measurement, told: Told) -> Quantity:
    """The benchmark is a part of it: two tests call one function with arguments of their own."""
    place = entry.place
    named = place.test or (place.symbol if place.source else "")
    return Quantity(
        benchmark=_text(named),
        metric=entry.metric,
        kind=str(entry.kind),
        params=tuple((_text(name), _text(value)) for name, value in entry.params),
        hardware=_text(told.hardware or entry.hardware),
        tool=entry.origin,
    )


def _text(told: str) -> str:
    return clipped(storable(told), _LONGEST)
