"""Profiling logs to rows for training: measured values joined with the code that they are of.

What cannot be joined is dropped and counted, by format and reason. Logs are read one after the
other, each as a stream; of one log no more is kept than a value a quantity, and the distinct
quantities are limited.
"""

from __future__ import annotations

import ast
import math
import random
import statistics
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ci_rlm import logs
from ci_rlm.errors import LogError, UsageError
from ci_rlm.git import FileLimits
from ci_rlm.logs import Bad, Kind, Measurement, Options, Reader
from ci_rlm.render.text import clipped, storable
from ci_rlm.training.ingested import MOST_REPEATS, TARGETS, Key, Sample, Samples
from ci_rlm.training.profile.rows import METRICS
from ci_rlm.training.resolve import Resolved, Resolver, Unresolved
from ci_rlm.training.sources import sha256_of_file

MOST_QUANTITIES = 200_000
"""Of one log: a hostile one could name a new configuration in every entry."""
_MOST_VALUES = 10_000
"""Values of one quantity in one log that its median is taken over; beyond, a uniform sample of them."""
_MOST_REASONS = 40
_OTHER = "other reasons"
_SHOWN = 3
_LONGEST_TOLD = 300
_BASE = {"s", "B"}


@dataclass(frozen=True, slots=True)
class Assumed:
    """What a user says of all logs."""

    commit: str = ""
    """Full id of the commit that was profiled, where a log tells none."""
    hardware: str = ""
    """The class of machine, in place of what logs tell."""
    allow_dirty: bool = False
    """Keep what was measured on a tree with changes beside its commit."""
    files: FileLimits = field(default_factory=FileLimits)
    """Whose functions are kept."""


@dataclass(slots=True)
class Drops:
    """Entries that were dropped for one reason."""

    count: int = 0
    first: list[str] = field(default_factory=list)
    """Where the first few are."""


@dataclass(slots=True)
class Tally:
    """What the logs of one format gave."""

    logs: int = 0
    entries: int = 0
    """Measurements and bad entries."""
    kept: int = 0
    drops: dict[str, Drops] = field(default_factory=dict)
    """By reason."""

    def drop(self, reason: str, where: str) -> None:
        """Count one entry that is not kept."""
        reason = clipped(reason, _LONGEST_TOLD)
        known = reason in self.drops or len(self.drops) < _MOST_REASONS
        drops = self.drops.setdefault(reason if known else _OTHER, Drops())
        drops.count += 1
        if len(drops.first) < _SHOWN:
            drops.first.append(clipped(where, _LONGEST_TOLD))


@dataclass(slots=True)
class Summary:
    """What all logs gave."""

    tallies: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    """By format."""
    refused: dict[str, str] = field(default_factory=dict)
    """Logs that could not be read to their end, with the reason."""
    ignored: list[str] = field(default_factory=list)
    """Files of folders that are no logs."""
    without_commit: int = 0
    """Measurements that are kept and whose log told no commit."""
    rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    """New quantities by metric and kind."""
    functions: set[str] = field(default_factory=set)

    @property
    def kept(self) -> int:
        """Measurements that became part of a row."""
        return sum(tally.kept for tally in self.tallies.values())

    def document(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "formats": {name: _document(tally) for name, tally in sorted(self.tallies.items())},
            "refused": dict(sorted(self.refused.items())),
            "ignored": len(self.ignored),
            "kept": self.kept,
            "functions": len(self.functions),
            "without_commit": self.without_commit,
            "quantities": [
                {"metric": metric, "kind": kind, "count": count, "trains": metric in TARGETS[logs.Kind(kind)]}
                for (metric, kind), count in sorted(self.rows.items())
            ],
        }


def _document(tally: Tally) -> dict[str, Any]:
    drops = sorted(tally.drops.items(), key=lambda item: (-item[1].count, item[0]))
    return {
        "logs": tally.logs,
        "entries": tally.entries,
        "kept": tally.kept,
        "dropped": [{"reason": reason, "count": each.count, "first": each.first} for reason, each in drops],
    }


class Ingestion:
    """Logs as they are read, one after the other: `samples` and `summary` grow with each."""

    def __init__(self, resolver: Resolver, assumed: Assumed) -> None:
        self._resolver = resolver
        self._assumed = assumed
        self.samples: Samples = defaultdict(list)
        self.summary = Summary()
        self.digests: set[str] = set()
        """sha256 of every log that was read."""

    def read(self, path: Path, name: str, reader: Reader, options: Options) -> None:
        """Take in one log. What is read of it before it turns out damaged is kept."""
        try:
            digest = sha256_of_file(path)
        except OSError as error:
            self.summary.refused[str(path)] = f"cannot be read: {error.strerror}"
            return
        if digest not in self.digests:
            self.digests.add(digest)
            self.summary.tallies[name].logs += 1
            self._take(path, digest, self._entries(path, reader, options), self.summary.tallies[name])

    def _entries(self, path: Path, reader: Reader, options: Options) -> Iterator[Measurement | Bad]:
        """What a log holds, up to where it cannot be read."""
        try:
            yield from reader.read(path, options)
        except LogError as error:
            self.summary.refused[str(path)] = "; ".join(filter(None, (error.message, error.hint)))

    def _take(self, path: Path, digest: str, entries: Iterable[Measurement | Bad], tally: Tally) -> None:
        piles: dict[Key, _Pile] = {}
        for entry in entries:
            tally.entries += 1
            reason = entry.reason if isinstance(entry, Bad) else self._keep(entry, piles)
            if reason:
                tally.drop(reason, f"{path}: {where(entry)}")
            else:
                tally.kept += 1
        for key, pile in piles.items():
            self.samples[key].append(pile.sample(digest))
            self.summary.rows[key.metric, key.kind] += 1
            self.summary.functions.add(pile.code.problem)

    def _keep(self, measurement: Measurement, piles: dict[Key, _Pile]) -> str:
        """Put a measurement on the pile of its quantity; the reason if it goes on none."""
        reason = _refusal(measurement, self._assumed)
        if reason:
            return reason
        commit = measurement.commit or self._assumed.commit
        code = self._resolver.resolve(measurement.place, measurement.language, commit)
        if isinstance(code, Unresolved):
            return code.reason
        if not self._assumed.files.covers(code.unit.path):
            return "its file is left out: --include, --exclude, or paths of the configuration"
        if reason := no_call(measurement, code):
            return reason
        key = Key(
            text=code.text,
            language=code.language,
            metric=measurement.metric,
            kind=measurement.kind,
            params=tuple((storable(name), storable(value)) for name, value in measurement.params),
            hardware=storable(self._assumed.hardware or measurement.hardware),
            origin=measurement.origin,
        )
        if key not in piles:
            if len(piles) >= MOST_QUANTITIES:
                return f"the log holds over {MOST_QUANTITIES:,} quantities"
            piles[key] = _Pile(code)
        piles[key].add(measurement, code)
        self.summary.without_commit += not measurement.commit
        return ""


def no_call(measurement: Measurement, code: Resolved) -> str:
    """Why a value is not the cost of one call of its code; empty if it may be."""
    if measurement.origin == "cprofile" and measurement.kind is Kind.PER_CALL and _resumes(code):
        return "cProfile counts each resumption of a generator or coroutine as a call"
    return ""


def _resumes(code: Resolved) -> bool:
    """Whether a function is left and entered again before it ends."""
    try:
        (function,) = ast.parse(code.unit.source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    if isinstance(function, ast.AsyncFunctionDef):
        return True
    inside: list[ast.AST] = list(ast.iter_child_nodes(function))
    while inside:
        node = inside.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            inside += ast.iter_child_nodes(node)
    return False


class _Pile:
    """The measurements of one quantity in one log."""

    __slots__ = ("_chance", "_lower", "_n", "_seen", "_upper", "_values", "_when", "code")

    def __init__(self, code: Resolved) -> None:
        self.code = code
        """Where the text is found: at the earliest of the commits."""
        self._values = array("d")
        self._lower, self._upper = array("d"), array("d")
        self._seen = self._n = 0
        self._when = ""
        self._chance: random.Random | None = None

    def add(self, measurement: Measurement, code: Resolved) -> None:
        """Add a value; the later ones of very many replace earlier ones at random."""
        if (code.committed, code.commit) < (self.code.committed, self.code.commit):
            self.code = code
        self._seen += 1
        self._n += max(1, measurement.n)
        self._when = max(self._when, measurement.when)
        if len(self._values) < _MOST_VALUES:
            self._values.append(measurement.value)
        else:
            self._chance = self._chance or random.Random(0)
            place = self._chance.randrange(self._seen)
            if place < _MOST_VALUES:
                self._values[place] = measurement.value
        bounds = measurement.lower, measurement.upper
        for kept, bound in zip((self._lower, self._upper), bounds, strict=True):
            if bound is not None and len(kept) < _MOST_VALUES:
                kept.append(bound)

    def sample(self, log: str) -> Sample:
        """What the log says of the quantity: medians of its values and bounds."""
        unit = self.code.unit
        return Sample(
            log=log,
            path=str(unit.path),
            symbol=unit.name,
            problem=self.code.problem,
            commit=self.code.commit,
            commit_time=self.code.committed,
            value=statistics.median(self._values),
            lower=statistics.median(self._lower) if self._lower else None,
            upper=statistics.median(self._upper) if self._upper else None,
            n=min(self._n, MOST_REPEATS),
            when=storable(self._when),
        )


def _refusal(measurement: Measurement, assumed: Assumed) -> str:
    """Why a measurement is not worth looking up its code; empty if it is."""
    if METRICS.get(measurement.metric) not in _BASE:
        return "its metric is none of time or memory that is known here"
    if not math.isfinite(measurement.value) or measurement.value < 0:
        return "its value is not a finite number of at least 0"
    if measurement.dirty and not assumed.allow_dirty:
        return "the profiled tree had changes beside its commit"
    return ""


def where(entry: Measurement | Bad) -> str:
    """Where in its log, or of which code, an entry is."""
    if isinstance(entry, Bad):
        return entry.where
    place = entry.place
    line = f":{place.line}" if place.line else ""
    return " ".join(filter(None, (place.test, f"{place.file}{line}", place.symbol)))


@dataclass(frozen=True, slots=True)
class Log:
    """A file to read."""

    path: Path
    format: str
    """Empty if none is known: it is ignored, if it was not named itself."""
    named: bool
    """The user named the file, and not a folder that it is in."""


def find(paths: Sequence[Path], detect: Callable[[Path], str]) -> Iterator[Log]:
    """The files of logs: those named, and those in folders that some format knows, by name.

    `detect` tells a file's format, and raises LogError or UsageError where it has none.
    """
    for path in paths:
        files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        for file in files:
            try:
                yield Log(file, detect(file), file == path)
            except (LogError, UsageError):
                yield Log(file, "", file == path)


def ingest(log: Log, ingestion: Ingestion, options: Options) -> None:
    """Read one file with the reader of its format."""
    if log.format:
        ingestion.read(log.path, log.format, logs.reader(log.format), options)
    elif log.named:
        ingestion.summary.refused[str(log.path)] = "it is of no known format"
    else:
        ingestion.summary.ignored.append(str(log.path))
