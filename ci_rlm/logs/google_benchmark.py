"""Google Benchmark: `--benchmark_out=FILE --benchmark_out_format=json`.

A benchmark that is repeated has a row a repetition, then rows of aggregates; either may be
switched off. The median stands for them all, the library's own where there is one.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from ci_rlm.logs import Bad, Kind, Measurement, Options, Place
from ci_rlm.logs.entries import Entry, entries, facts
from ci_rlm.logs.values import at, count, moment, seconds, shown, text

_TIMES = {"real_time": "wall_time", "cpu_time": "cpu_time"}
_SWITCHES = ("real_time", "process_time", "manual_time")
"""Parts of a name that say how time is taken, and nothing of the benchmark."""


@dataclass(slots=True)
class _Times:
    """What one benchmark's rows say of one of its times, in seconds."""

    repeated: list[float] = field(default_factory=list)
    median: float | None = None
    n: int = 1


def sniff(head: bytes, path: Path) -> bool:
    """A context that tells how the library was built comes first."""
    return head.lstrip().startswith(b"{") and b'"context"' in head and b'"library_build_type"' in head


def read(path: Path, options: Options) -> Iterator[Measurement | Bad]:
    """Two measurements a benchmark: wall time and CPU time a call."""
    context = facts(path, "context").get("context")
    # The rows of a benchmark are neighbours; `run_name` is without the name of an aggregate.
    for name, rows in groupby(entries(path, "benchmarks"), _run_name):
        yield from _benchmark(name, rows, context)


def _run_name(entry: Entry | Bad) -> str:
    if isinstance(entry, Bad):
        return ""
    return text(at(entry.value, "run_name")) or text(at(entry.value, "name"))


def _benchmark(name: str, rows: Iterator[Entry | Bad], context: object) -> Iterator[Measurement | Bad]:
    times = {column: _Times() for column in _TIMES}
    for row in rows:
        if isinstance(row, Bad):
            yield row
        elif not name:
            yield Bad(row.where, "the benchmark has no name")
        elif at(row.value, "error_occurred") is True:
            yield Bad(row.where, "the benchmark failed")
        else:
            try:
                _take(times, row.value)
            except ValueError as error:
                yield Bad(row.where, str(error))
    for column, taken in times.items():
        if taken.median is not None:
            yield _measurement(name, _TIMES[column], taken.median, taken.n, context)
        elif taken.repeated:
            median = statistics.median(taken.repeated)
            yield _measurement(name, _TIMES[column], median, len(taken.repeated), context)


def _take(times: dict[str, _Times], row: object) -> None:
    """One row's times. Raises ValueError if they are none."""
    aggregate = text(at(row, "aggregate_name"))
    if aggregate not in ("", "median"):
        return  # mean, deviation, complexity, or an aggregate of the user's own
    unit = text(at(row, "time_unit")) or "ns"
    for column, taken in times.items():
        value = seconds(at(row, column), unit)
        if aggregate:
            taken.median, taken.n = value, count(at(row, "repetitions"))
        else:
            taken.repeated.append(value)


def _measurement(name: str, metric: str, value: float, n: int, context: object) -> Measurement:
    symbol, params = _named(name)
    cpus, mhz = at(context, "num_cpus"), at(context, "mhz_per_cpu")
    return Measurement(
        Place(symbol=symbol),
        metric,
        Kind.PER_CALL,
        value,
        "google_benchmark",
        "c++",
        n=n,
        params=params,
        hardware=f"{shown(cpus)} CPUs at {shown(mhz)} MHz" if cpus and mhz else "",
        when=moment(at(context, "date")),
    )


def _named(name: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """(function, arguments) of `BM_Sort<int>/4096/threads:2`; unnamed arguments are named by their index."""
    symbol, *parts = name.split("/") if "<" not in name else _outside_brackets(name)
    function, _, types = symbol.partition("<")
    params = [("<>", types.removesuffix(">"))] if types else []
    for index, part in enumerate(part for part in parts if part not in _SWITCHES):
        key, colon, value = part.partition(":")
        params.append((key, value) if colon else (str(index), part))
    return function or name, tuple(params)


def _outside_brackets(name: str) -> list[str]:
    """A name split at its slashes; those within template arguments stay."""
    end = name.rfind(">") + 1
    return [name[:end], *name[end:].lstrip("/").split("/")] if name[end:] else [name]
