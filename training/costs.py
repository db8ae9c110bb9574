"""Measured rows as columns: one entry a (program, input size), its metrics side by side.

Everything that learns from measurements or counts them starts here, so it works on arrays:
a corpus has millions of rows, one a metric.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ci_rlm.errors import CiRlmError
from ci_rlm.training.profile import rows

if TYPE_CHECKING:
    import pyarrow

Reals = NDArray[np.float64]
Indices = NDArray[np.intp]
Names = NDArray[np.object_]

PROGRAM = ("source", "problem", "record", "sha256", "language")
"""What tells one program from another."""
ORIGIN = ("protocol", "hardware", "toolchain")
"""How and where: costs that differ in one of them are never compared."""

IN_TURNS = {"turns-1": "fast-2", "brief-turns-1": "brief-1"}
"""Protocols that time edits again, in turns with what was edited, and those whose times they better."""

LEAST = frozenset({"cpu_time", "wall_time"})
"""Metrics whose value is the shortest of the repeats: disturbances only add, so it is the least disturbed."""

FLOORS = {
    "peak_memory": 32.0, "peak_memory_net": 32.0, "allocated_bytes": 32.0,
    "cpu_time": 1e-7, "wall_time": 1e-7,
    "allocated_blocks": 1.0, "line_events": 1.0, "calls": 1.0, "depth": 1.0, "instructions": 1.0,
}  # fmt: skip
"""Below the smallest Python object, the clock's own cost or one event, a measurement says nothing."""

_MEDIAN_ERROR = 1.2533
"""Standard error of a median in standard deviations over √n, for normal errors: √(π/2)."""


@dataclass(frozen=True, slots=True, eq=False)
class Costs:
    """Usable measurements: P programs, O origins, and N entries sorted by program, origin and size."""

    programs: dict[str, Names]
    """By name of `PROGRAM`: P values, sorted by these names."""
    origins: tuple[tuple[str, ...], ...]
    """The values of `ORIGIN`."""
    program: Indices
    """N indices of programs."""
    origin: Indices
    """N indices of origins."""
    size: NDArray[np.int64]
    """N input sizes."""
    value: dict[str, Reals]
    """By metric: N values in its unit, NaN where it was not measured."""
    error: dict[str, Reals]
    """By metric: N relative standard errors by the repeats' own dispersion, NaN where there was none."""

    @property
    def edited(self) -> NDArray[np.bool_]:
        """Which of the P programs are edits of another one."""
        return np.array(["+" in record for record in self.programs["record"]], dtype=np.bool_)

    def starts(self) -> Indices:
        """P + 1 places: the entries of program p are those from starts[p] to starts[p + 1]."""
        return np.searchsorted(self.program, np.arange(len(self.programs["record"]) + 1))

    def log(self, metric: str) -> Reals:
        """Natural logarithms of a metric's values, raised to what can be measured."""
        return np.log(np.maximum(self.value[metric], FLOORS.get(metric, 1e-12)))

    def series(self, program: int, metric: str) -> tuple[list[int], list[float]]:
        """The input sizes of a program and its costs, of the origin with most of them."""
        first, last = np.searchsorted(self.program, [program, program + 1])
        entries = np.arange(first, last)
        entries = entries[~np.isnan(self.value[metric][entries]) & (self.size[entries] > 0)]
        if len(entries):
            entries = entries[self.origin[entries] == np.bincount(self.origin[entries]).argmax()]
        return self.size[entries].tolist(), self.value[metric][entries].tolist()

    def of_programs(self, kept: NDArray[np.bool_]) -> Costs:
        """The same for some of the programs."""
        place = np.cumsum(kept) - 1
        inside = kept[self.program]
        return Costs(
            programs={name: values[kept] for name, values in self.programs.items()},
            origins=self.origins,
            program=place[self.program[inside]],
            origin=self.origin[inside],
            size=self.size[inside],
            value={metric: values[inside] for metric, values in self.value.items()},
            error={metric: values[inside] for metric, values in self.error.items()},
        )


def with_turns(costs: Costs) -> Costs:
    """The costs with times that were taken in turns in place of those of the same program and size.

    A machine of the same class may have been quicker: they are brought to the level of those that they
    replace by one factor, the median of the ratio. What was timed in turns alone is left out.
    """
    values = {metric: known.copy() for metric, known in costs.value.items()}
    kept = np.ones(len(costs.program), dtype=np.bool_)
    key = costs.program * (int(costs.size.max(initial=0)) + 1) + costs.size
    for place, (protocol, *where) in enumerate(costs.origins):
        if protocol not in IN_TURNS:
            continue
        kept &= costs.origin != place
        bettered = (IN_TURNS[protocol], *where)
        if bettered not in costs.origins:
            continue
        new, old = (np.flatnonzero(costs.origin == at) for at in (place, costs.origins.index(bettered)))
        _, left, right = np.intersect1d(key[new], key[old], assume_unique=True, return_indices=True)
        for metric in LEAST & values.keys():
            again, known = values[metric][new[left]], values[metric][old[right]]
            both = ~np.isnan(again) & ~np.isnan(known)
            if both.any():
                level = np.exp(np.median(np.log(known[both] / again[both])))
                values[metric][old[right][both]] = again[both] * level
    found = np.bincount(costs.program[kept], minlength=len(costs.programs["record"])) > 0
    return replace(
        costs,
        program=costs.program[kept],
        origin=costs.origin[kept],
        size=costs.size[kept],
        value={metric: known[kept] for metric, known in values.items()},
        error={metric: known[kept] for metric, known in costs.error.items()},
    ).of_programs(found)


def read(paths: Sequence[Path], languages: Sequence[str] = ()) -> pyarrow.Table:
    """The rows of measured files and folders together, names as dictionaries.

    Some languages alone, where they are named. Raises CiRlmError for a path without rows.
    """
    import pyarrow
    import pyarrow.compute as pc

    if not paths:
        raise CiRlmError("no measured rows are named", hint="name a measured file or folder")
    tables = [_encoded(rows.read(path)) for path in paths]
    table = pyarrow.concat_tables(tables).unify_dictionaries()
    return table.filter(pc.is_in(table["language"], pyarrow.array(languages))) if languages else table


def _encoded(table: pyarrow.Table) -> pyarrow.Table:
    """Text columns as dictionaries: a few distinct names in a few hundred thousand rows."""
    import pyarrow

    for place, field in enumerate(table.schema):
        if pyarrow.types.is_string(field.type):
            table = table.set_column(place, field.name, table.column(place).dictionary_encode())
    return table


def codes(column: pyarrow.ChunkedArray) -> tuple[Indices, Names]:
    """The place of each value in a sorted list of the distinct ones, and that list; nulls are empty."""
    import pyarrow

    if not pyarrow.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    single = column.unify_dictionaries().combine_chunks()
    words = np.array([*(word or "" for word in single.dictionary.to_pylist()), ""], dtype=np.object_)
    found = single.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)
    distinct, place = np.unique(words, return_inverse=True)
    return place[found], distinct


def joint(parts: Iterable[tuple[Indices, int]], count: int) -> NDArray[np.int64]:
    """A number for each combination of codes, given each code with how many there are; sorted as they."""
    key, span = np.zeros(count, dtype=np.int64), 1
    for part, distinct in parts:
        if span * max(1, distinct) >= 2**62:
            found, key = np.unique(key, return_inverse=True)
            span = len(found)
        key, span = key * distinct + part, span * max(1, distinct)
    return key


def costs_of(table: pyarrow.Table) -> Costs:
    """The usable rows of a table as columns; where one was measured twice, the later one counts."""
    good = _usable(table)
    program, programs = _numbered(good, PROGRAM)
    origin, origins = _numbered(good, ORIGIN)
    size = good["size"].to_numpy()
    sizes, size_code = np.unique(size, return_inverse=True)
    spans = (len(programs["record"]), len(origins["protocol"]), len(sizes))
    key = joint(zip((program, origin, size_code), spans, strict=True), len(size))
    _, head, entry = np.unique(key, return_index=True, return_inverse=True)
    value, error = {}, {}
    metric_code, metrics = codes(good["metric"])
    for code, metric in enumerate(metrics):
        mine = np.flatnonzero(metric_code == code)
        if len(mine):
            values, errors = _values(good.take(mine), metric)
            value[metric] = _placed(values, entry[mine], len(head))
            error[metric] = _placed(errors, entry[mine], len(head))
    return Costs(
        programs=programs,
        origins=tuple(zip(*origins.values(), strict=True)),
        program=program[head],
        origin=origin[head],
        size=size[head],
        value=value,
        error=error,
    )


def _usable(table: pyarrow.Table) -> pyarrow.Table:
    """The rows that hold a cost, by time."""
    import pyarrow.compute as pc

    good = table.filter(pc.and_(pc.equal(table["status"], "ok"), pc.is_valid(table["metric"])))
    return good.take(pc.sort_indices(good["utc"]))


def _numbered(table: pyarrow.Table, names: Sequence[str]) -> tuple[Indices, dict[str, Names]]:
    """A number for each combination of names, in sorted order, and the names of each number."""
    encoded = {name: codes(table[name]) for name in names}
    key = joint(((found, len(words)) for found, words in encoded.values()), table.num_rows)
    _, first, number = np.unique(key, return_index=True, return_inverse=True)
    return number, {name: words[found[first]] for name, (found, words) in encoded.items()}


def _placed(values: Reals, entry: Indices, count: int) -> Reals:
    column = np.full(count, np.nan)
    column[entry] = values
    return column


def _values(table: pyarrow.Table, metric: str) -> tuple[Reals, Reals]:
    """The values of one metric's rows, and their relative standard errors by the repeats.

    Shortest of n: its error is (mean - minimum) / (n - 1), the standard deviation of the
    least of n delays that are exponential above an undisturbed time, which the repeats
    estimate. Median of n: √(π/2)·std/√n, as of normal errors.
    """
    real = {name: _real(table[name]) for name in ("value", "minimum", "mean", "std", "n")}
    count = np.where(real["n"] > 1, real["n"], np.nan)
    if metric in LEAST:
        value = np.where(np.isnan(real["minimum"]), real["value"], real["minimum"])
        error = np.maximum(0.0, real["mean"] - real["minimum"]) / (count - 1)
    else:
        value = real["value"]
        error = _MEDIAN_ERROR * real["std"] / np.sqrt(count)
    return value, error / np.maximum(np.abs(value), FLOORS.get(metric, 1e-12))


def _real(column: Any) -> Reals:
    return np.asarray(column.cast("float64").to_numpy(), dtype=np.float64)
