"""Airspeed Velocity: `results/MACHINE/COMMIT-ENVIRONMENT.json`, read with the `benchmarks.json` above it.

The results hold values by benchmark, the other file what the benchmarks are: their source, unit
and version. Layout 2 of the results is read, which has `result_columns`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice, product
from pathlib import Path

from ci_rlm.errors import LogError
from ci_rlm.logs import Bad, Kind, Measurement, Options, Place
from ci_rlm.logs.entries import Entry, entries, facts
from ci_rlm.logs.values import at, bound, count, moment, number, seconds, size, text

MOST_PARAMETERS = 64
"""Of a benchmark."""
_SHOWN = 60
"""Characters of a parameter that a bad entry tells."""
MAX_BENCHMARKS = 64 * 1_048_576
"""Characters of `benchmarks.json`, which is held whole; those of large projects have some millions."""

_VERSION = re.compile(r"\d+(\.\d+)*")


@dataclass(frozen=True, slots=True)
class _Benchmark:
    code: str
    type: str
    unit: str
    version: str
    names: tuple[str, ...]


def sniff(head: bytes, path: Path) -> bool:
    """`benchmarks.json` and `machine.json` beside the results are none."""
    return head.lstrip().startswith(b"{") and b'"commit_hash"' in head and b'"env_name"' in head


def read(path: Path, options: Options) -> Iterator[Measurement | Bad]:
    """One measurement a benchmark and combination of parameters.

    Raises LogError where `benchmarks.json` is missing, or the results are of an older layout.
    """
    run = facts(path, "commit_hash", "date", "params", "python", "result_columns")
    columns = run.get("result_columns")
    if not isinstance(columns, list):
        next(entries(path, "results"), None)  # which tells if it is damaged, or no results at all
        raise LogError(f"{path} is of an older layout of asv's results", hint="rewrite it with `asv update`")
    benchmarks = _benchmarks(path)
    for entry in entries(path, "results"):
        if isinstance(entry, Bad):
            yield entry
        elif entry.key not in benchmarks:
            yield Bad(entry.where, "the benchmark is not in benchmarks.json")
        elif not isinstance(entry.value, list):
            yield Bad(entry.where, "the result is no row of values")
        else:
            row = dict(zip(map(text, columns), entry.value, strict=False))  # cut at trailing nulls
            yield from _benchmark_results(entry, row, benchmarks[entry.key], run)


def _benchmarks(path: Path) -> Mapping[str, _Benchmark]:
    places = [folder / "benchmarks.json" for folder in (path.parent.parent, path.parent)]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise LogError(f"{path} cannot be read without {places[0]}", hint="asv writes it beside the machines")
    known: dict[str, _Benchmark] = {}
    held = 0
    for entry in entries(found):
        if isinstance(entry, Entry) and isinstance(entry.value, dict):
            known[entry.key] = _benchmark(entry.value)
            held += len(entry.key) + len(known[entry.key].code)
            if held > MAX_BENCHMARKS:
                raise LogError(f"{found} holds over {MAX_BENCHMARKS} characters of benchmarks")
    return known


def _benchmark(told: dict[str, object]) -> _Benchmark:
    names = told.get("param_names")
    return _Benchmark(
        code=text(told.get("code")),
        type=text(told.get("type")),
        unit=text(told.get("unit")),
        version=text(told.get("version")),
        names=tuple(map(text, names)) if isinstance(names, list) else (),
    )


def _benchmark_results(
    entry: Entry, row: dict[str, object], benchmark: _Benchmark, run: dict[str, object]
) -> Iterator[Measurement | Bad]:
    """All combinations of one benchmark's parameters; `row` is its results by column."""
    try:
        common = _common(entry.key, row, benchmark, run)
        combinations = _combinations(row)
    except ValueError as error:
        yield Bad(entry.where, str(error))
        return
    names: tuple[str, ...] = ()
    for index, (value, params) in enumerate(combinations):
        if len(names) != len(params):  # of one benchmark all combinations have as many
            further = (str(place) for place in range(len(benchmark.names), len(params)))
            names = (*benchmark.names[: len(params)], *further)
        try:
            yield replace(
                common,
                value=_value(value, benchmark.unit),
                lower=bound(_nth(row.get("stats_q_25"), index), benchmark.unit),
                upper=bound(_nth(row.get("stats_q_75"), index), benchmark.unit),
                n=count(_nth(row.get("stats_repeat"), index)),
                params=tuple(zip(names, params, strict=False)),
            )
        except ValueError as error:
            told = ", ".join(each[:_SHOWN] for each in params)
            yield Bad(f"{entry.where}({told})", str(error))


def _common(name: str, row: dict[str, object], benchmark: _Benchmark, run: dict[str, object]) -> Measurement:
    """What all combinations share. Raises ValueError for a benchmark that measures nothing of use."""
    if benchmark.type == "memory":
        raise ValueError("a mem_ benchmark tells the size of an object, not what a function needs")
    if benchmark.type not in ("time", "peakmemory"):
        raise ValueError("the benchmark tracks a number that is neither time nor memory")
    if text(row.get("version")) != benchmark.version:
        raise ValueError("the benchmark's code has changed since this result")
    timed = benchmark.type == "time"
    python = text(run.get("python"))
    hardware = [text(at(run.get("params"), "cpu")), f"Python {python}" if _VERSION.fullmatch(python) else ""]
    return Measurement(
        Place(symbol=name, source=benchmark.code),
        # What the operating system saw of the whole process, interpreter and imports included.
        "wall_time" if timed else "peak_rss",
        Kind.PER_CALL if timed else Kind.HIGH_WATER,
        0.0,
        "asv",
        hardware=", ".join(filter(None, hardware)),
        commit=text(run.get("commit_hash")),
        when=moment(row.get("started_at")) or moment(run.get("date")),
    )


def _combinations(row: dict[str, object]) -> Iterator[tuple[object, tuple[str, ...]]]:
    """(value, parameters) in asv's order, the last parameter fastest. Raises ValueError."""
    values, params = row.get("result"), row.get("params")
    if values is None:
        raise ValueError("there is no value: it failed or was skipped")
    if not isinstance(params, list) or not all(isinstance(several, list) for several in params):
        raise ValueError("the parameters are no lists")
    if len(params) > MOST_PARAMETERS:
        raise ValueError(f"over {MOST_PARAMETERS} parameters")
    if not isinstance(values, list) or len(values) != math.prod(map(len, params)):
        raise ValueError("there are not as many values as combinations of parameters")
    every = product(*(map(text, several) for several in params))
    return zip(values, islice(every, len(values)), strict=True)


def _value(value: object, unit: str) -> float:
    if value is None:
        raise ValueError("there is no value: it failed or was skipped")
    return seconds(value, unit) if unit == "seconds" else size(number(value), unit)


def _nth(column: object, index: int) -> object:
    return column[index] if isinstance(column, list) and index < len(column) else None
