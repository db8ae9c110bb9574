"""The corpus that `ci-rlm ingest` writes: what a team's own functions cost by its own logs.

One Parquet file, a row a (text, metric, kind, parameters, hardware, tool). A row's value is the median of
its samples, one a log; these are kept beside it, so that a log that is read again replaces what it
said before, and further logs are merged as if all had been read at once.
"""

from __future__ import annotations

import fcntl
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ci_rlm.errors import CiRlmError
from ci_rlm.logs import Kind
from ci_rlm.training.profile.rows import METRICS
from ci_rlm.training.sources import sha256

if TYPE_CHECKING:
    import pyarrow

FILE = "ingested.parquet"

TARGETS: Mapping[Kind, frozenset[str]] = {
    Kind.PER_CALL: frozenset({"cpu_time", "wall_time", "latency"}),
    Kind.PEAK: frozenset({"peak_memory"}),
    Kind.CUMULATIVE: frozenset(),
    Kind.SELF: frozenset(),
    Kind.ALLOC: frozenset(),
    Kind.HIGH_WATER: frozenset(),
}
"""Which metrics of each kind are what a space predicts: the cost of one call, or its peak.

Totals of a run depend on how often it called a function, an exclusive time leaves out what the
function calls, and what a run had in use when it had most (memray, Scalene, asv's `peakmem_`) is
not what a call needs: rows of these kinds are kept, and no present space is trained on them. The
peak of a call is tracemalloc's (`ci-rlm profile`), or what a plain table says it is.
"""

MOST_REPEATS = 2**53
"""Of a row or sample; what a log claims beyond is counted as this."""

Params = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Key:
    """What is one quantity: samples are merged only where all of this is the same."""

    text: str
    language: str
    metric: str
    kind: Kind
    params: Params
    hardware: str
    origin: str
    """The log's format: a call takes longer under a profiler than in a benchmark."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one log says of one quantity, in base units."""

    log: str
    """sha256 of the log file."""
    path: str
    symbol: str
    problem: str
    commit: str
    commit_time: int
    """Seconds since 1970."""
    value: float
    lower: float | None
    upper: float | None
    n: int
    when: str


@dataclass(frozen=True, slots=True)
class Merged:
    """One row: the samples of a quantity as one value."""

    key: Key
    samples: tuple[Sample, ...]
    """By commit time: the first one names the function, as it was when it first had this text."""

    @property
    def value(self) -> float:
        """Their median."""
        return statistics.median(sample.value for sample in self.samples)

    @property
    def trains(self) -> bool:
        """Whether some space predicts it."""
        return self.key.metric in TARGETS[self.key.kind]


Samples = dict[Key, list[Sample]]


def schema() -> pyarrow.Schema:
    """The columns of the file."""
    import pyarrow as pa

    text, real, whole = pa.string(), pa.float64(), pa.int64()
    kinds: dict[str, Any] = {"str": text, "float": real, "float | None": real, "int": whole}
    sample = [(field.name, kinds[str(field.type)]) for field in fields(Sample)]
    return pa.schema(
        [(name, text) for name in ("text", "sha256", "language", "path", "symbol", "commit")]
        + [("commit_time", whole), ("params", pa.map_(text, text))]
        + [(name, text) for name in ("metric", "unit", "kind")]
        + [(name, real) for name in ("value", "lower", "upper")]
        + [("n", whole)]
        + [(name, text) for name in ("hardware", "origin", "problem", "when")]
        + [("samples", pa.list_(pa.struct(sample)))]
    )


def add(new: Samples, logs: Iterable[str], folder: Path) -> list[Merged]:
    """Merge samples into the corpus of a folder, written whole or not at all; all its rows.

    `logs` are the digests of all logs that were read: what the corpus has of them is replaced.
    Raises CiRlmError where the file there is another one, or another process writes to it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        merged = _joined(read(folder / FILE) if (folder / FILE).exists() else (), new, frozenset(logs))
        _write(merged, folder / FILE)
    return merged


def _joined(known: Iterable[Merged], new: Samples, logs: frozenset[str]) -> list[Merged]:
    samples: Samples = defaultdict(list)
    for row in known:
        samples[row.key] += [sample for sample in row.samples if sample.log not in logs]
    for key, found in new.items():
        samples[key] += found
    rows = [Merged(key, tuple(sorted(found, key=_age))) for key, found in samples.items() if found]
    return sorted(rows, key=_place)


def _age(sample: Sample) -> tuple[int, str, str, str]:
    return sample.commit_time, sample.commit, sample.path, sample.log


def _place(row: Merged) -> tuple[str, ...]:
    key, first = row.key, row.samples[0]
    return (
        first.problem,
        first.commit,
        key.text,
        key.metric,
        key.kind,
        repr(key.params),
        key.hardware,
        key.origin,
    )


def read(path: Path) -> list[Merged]:
    """The rows of a corpus file. Raises CiRlmError for a file that is none."""
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
        return [_merged(record) for record in table.cast(schema()).to_pylist()]
    except (OSError, ValueError, KeyError, TypeError, pyarrow.ArrowException) as error:
        hint = "name another folder with --out"
        raise CiRlmError(f"{path} is no corpus of ingested logs: {error}", hint=hint) from error


def _merged(record: Mapping[str, Any]) -> Merged:
    names = ("text", "language", "metric", "hardware", "origin")
    key = Key(
        **{name: record[name] for name in names},
        kind=Kind(record["kind"]),
        params=tuple(map(tuple, record["params"])),
    )
    return Merged(key, tuple(Sample(**sample) for sample in record["samples"]))


def _record(row: Merged) -> dict[str, Any]:
    """A row by column. Its interval is the median of its samples' bounds, where they have any."""
    key, first = row.key, row.samples[0]
    names = ("path", "symbol", "problem", "commit", "commit_time")
    return {
        **asdict(key),
        **{name: getattr(first, name) for name in names},
        "sha256": sha256(key.text),
        "unit": METRICS[key.metric],
        "params": list(key.params),
        "value": row.value,
        "lower": _median(sample.lower for sample in row.samples),
        "upper": _median(sample.upper for sample in row.samples),
        "n": min(MOST_REPEATS, sum(sample.n for sample in row.samples)),
        "when": max(sample.when for sample in row.samples),
        "samples": [asdict(sample) for sample in row.samples],
    }


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _write(rows: Iterable[Merged], target: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    scratch = target.with_suffix(".writing")
    table = pyarrow.Table.from_pylist([_record(row) for row in rows], schema=schema())
    parquet.write_table(table, scratch, compression="zstd")
    scratch.replace(target)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from merging into the same file meanwhile."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CiRlmError(
                f"another ingest is writing to {folder}",
                hint="wait for it, or name another folder with --out",
            ) from error
        yield
