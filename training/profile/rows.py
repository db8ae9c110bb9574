"""Measured costs as rows, one a (program, input size, metric), and the folder that a run keeps them in.

A folder holds Parquet shards, each written whole or not at all, and a journal of the tasks that
were finished since the last shard. So a run that is interrupted, killed or out of power loses no
finished task, and none is measured twice.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ci_rlm.errors import CiRlmError

if TYPE_CHECKING:
    import pyarrow

Row = dict[str, Any]
"""A row by column name; `schema` says which."""

METRICS: dict[str, str] = {
    "peak_memory": "B",
    "peak_memory_net": "B",
    "allocated_bytes": "B",
    "allocated_blocks": "1",
    "peak_rss": "B",
    "cpu_time": "s",
    "wall_time": "s",
    "line_events": "1",
    "calls": "1",
    "depth": "1",
    "instructions": "1",
    "latency": "s",
    "throughput": "1/s",
    "accuracy": "%",
    "parameters": "1",
    "flops": "1",
}
"""Every metric that a row can hold, with its unit."""

SPREAD = ("minimum", "mean", "p90", "maximum", "std")
_JOURNAL = "journal.jsonl"
_TASKS = b"tasks"
_SHARD_ROWS = 100_000
_LONGEST_REASON = 120


@dataclass(frozen=True, slots=True)
class Subject:
    """What was measured."""

    source: str
    problem: str
    record: str
    sha256: str
    """Hex digest of the text in UTF-8."""
    language: str


@dataclass(frozen=True, slots=True)
class Origin:
    """How and where it was measured."""

    protocol: str
    hardware: str
    toolchain: str


@dataclass(frozen=True, slots=True)
class Spread:
    """Repeated measurements of one metric (the summary of Appendix D.4.1)."""

    median: float
    minimum: float
    mean: float
    p90: float
    maximum: float
    std: float
    """Of the sample; its square is the variance."""
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Summarise at least one value; the 90th percentile is linear between its neighbours."""
        ordered = sorted(values)
        place = 0.9 * (len(ordered) - 1)
        below = math.floor(place)
        above = min(below + 1, len(ordered) - 1)
        return cls(
            median=statistics.median(ordered),
            minimum=ordered[0],
            mean=statistics.fmean(ordered),
            p90=ordered[below] + (place - below) * (ordered[above] - ordered[below]),
            maximum=ordered[-1],
            std=statistics.stdev(ordered) if len(ordered) > 1 else 0.0,
            n=len(ordered),
        )


def measured(subject: Subject, size: int, costs: Mapping[str, float | Spread], origin: Origin) -> list[Row]:
    """One row a metric. Raises KeyError for a metric that `METRICS` lacks."""
    for metric in costs:
        METRICS[metric]
    return [_row(subject, size, "ok", metric, cost, origin) for metric, cost in costs.items()]


def failed(subject: Subject, size: int, reason: str, origin: Origin) -> list[Row]:
    """The one row of a measurement that did not come about."""
    clean = " ".join(reason.split())[:_LONGEST_REASON] or "no reason given"
    return [_row(subject, size, clean, None, None, origin)]


def _row(
    subject: Subject, size: int, status: str, metric: str | None, cost: float | Spread | None, origin: Origin
) -> Row:
    spread = cost if isinstance(cost, Spread) else None
    return {
        "source": subject.source,
        "problem": subject.problem,
        "record": subject.record,
        "sha256": subject.sha256,
        "language": subject.language,
        "size": size,
        "status": status,
        "metric": metric,
        "value": spread.median if spread else cost,
        # Floats: Arrow refuses a whole number over 2**24 as a float32.
        **{name: float(getattr(spread, name)) if spread else None for name in SPREAD},
        "n": spread.n if spread else None,
        "protocol": origin.protocol,
        "hardware": origin.hardware,
        "toolchain": origin.toolchain,
        "utc": int(time.time()),
    }


def schema() -> pyarrow.Schema:
    """The columns of a measured file."""
    import pyarrow as pa

    text, real = pa.string(), pa.float32()  # a dispersion needs no more digits than that
    return pa.schema(
        [(name, text) for name in ("source", "problem", "record", "sha256", "language")]
        + [("size", pa.int64()), ("status", text), ("metric", text), ("value", pa.float64())]
        + [(name, real) for name in SPREAD]
        + [("n", pa.int32())]
        + [(name, text) for name in ("protocol", "hardware", "toolchain")]
        + [("utc", pa.int64())]
    )


class Store:
    """The folder of a run: what it measured, and which tasks that finished.

    One process at a time writes to a folder: CiRlmError where another one does.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CiRlmError(
                f"another run is writing to {folder}", hint="wait for it, or name another folder with --out"
            ) from error
        self.done = {task for shard in shards(folder) for task in _tasks_of(shard)}
        self.rows = 0
        """Rows that this run added."""
        # A crash between shard and journal leaves tasks in both.
        self._pending = {task: rows for task, rows in _replay(folder / _JOURNAL) if task not in self.done}
        self._waiting_rows = sum(map(len, self._pending.values()))
        self.done |= self._pending.keys()
        self._journal = self._fresh_journal()

    def add(self, task: str, rows: list[Row]) -> None:
        """Keep the rows of a finished task; they outlive this process from here on."""
        # Before the journal: an interrupt behind its line would else let `close` write it anew without them.
        self._pending[task] = rows
        self._journal.write(json.dumps({"task": task, "rows": rows}) + "\n")
        self._journal.flush()
        os.fsync(self._journal.fileno())
        self._waiting_rows += len(rows)
        self.rows += len(rows)
        self.done.add(task)
        if self._waiting_rows >= _SHARD_ROWS:
            self._write_shard()

    def close(self) -> None:
        """Write what waits as a shard."""
        if self._pending:
            self._write_shard()
        self._journal.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def _fresh_journal(self) -> Any:
        """The journal, holding what is pending and no torn last line."""
        scratch = self.folder / "journal.writing"
        with scratch.open("w", encoding="utf-8") as lines:
            for task, rows in self._pending.items():
                lines.write(json.dumps({"task": task, "rows": rows}) + "\n")
        scratch.replace(self.folder / _JOURNAL)
        return (self.folder / _JOURNAL).open("a", encoding="utf-8")

    def _write_shard(self) -> None:
        import pyarrow

        # Taken at once: an interrupt in here leaves them to the journal, and `close` writes no second shard.
        pending, self._pending = self._pending, {}
        rows = [row for found in pending.values() for row in found]
        tasks = json.dumps(list(pending)).encode()
        table = pyarrow.Table.from_pylist(rows, schema=schema()).replace_schema_metadata({_TASKS: tasks})
        last = max((int(shard.stem.removeprefix("part-")) for shard in shards(self.folder)), default=-1)
        _write(table, self.folder / f"part-{last + 1:05d}.parquet")
        self._waiting_rows = 0
        self._journal.close()
        self._journal = self._fresh_journal()


def shards(folder: Path) -> list[Path]:
    """The Parquet shards of a run's folder, in the order that they were written."""
    return sorted(folder.glob("part-*.parquet"))


def _tasks_of(shard: Path) -> list[str]:
    import pyarrow.parquet as parquet

    found: list[str] = json.loads((parquet.read_schema(shard).metadata or {}).get(_TASKS, b"[]"))
    return found


def _replay(journal: Path) -> Iterator[tuple[str, list[Row]]]:
    """The whole lines of a journal; a run that was killed may have torn the last one."""
    if not journal.exists():
        return
    with journal.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                return
            yield entry["task"], entry["rows"]


def read(path: Path) -> pyarrow.Table:
    """The rows of a measured file or of a run's folder, its journal included.

    Raises CiRlmError for a path that holds none.
    """
    import pyarrow
    import pyarrow.parquet as parquet

    if path.is_file():
        return parquet.read_table(path, schema=schema())
    found = shards(path) or sorted(path.glob("*.parquet"))
    known = {task for shard in found for task in _tasks_of(shard)}
    waiting = [row for task, rows in _replay(path / _JOURNAL) if task not in known for row in rows]
    tables = [parquet.read_table(shard, schema=schema()) for shard in found]
    if waiting:
        tables.append(pyarrow.Table.from_pylist(waiting, schema=schema()))
    if not tables:
        raise CiRlmError(f"no measured rows in {path}", hint="ci-rlm profile writes them")
    return pyarrow.concat_tables([table.replace_schema_metadata() for table in tables])


_ORDER = ("source", "problem", "record", "sha256", "size", "metric", "protocol", "hardware", "toolchain")


def merge(folders: Sequence[Path], into: Path) -> int:
    """Join runs into one sorted file, the same for the same rows; the number of rows."""
    import pyarrow

    table = pyarrow.concat_tables([read(folder) for folder in folders])
    table = table.sort_by([(name, "ascending") for name in (*_ORDER, "status", "value", "utc")])
    into.parent.mkdir(parents=True, exist_ok=True)
    _write(table, into, level=19)
    return int(table.num_rows)


def _write(table: pyarrow.Table, target: Path, level: int = 3) -> None:
    import pyarrow.parquet as parquet

    scratch = target.with_suffix(".writing")
    parquet.write_table(table, scratch, compression="zstd", compression_level=level)
    scratch.replace(target)
