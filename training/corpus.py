"""Measured costs joined with the texts that they belong to: what a model is trained on.

    python -m ci_rlm.training.corpus --data DATA --out runs/corpus.parquet

The repository keeps costs and hashes; the texts stay with the public data and are looked up
by hash. Each program becomes one example: the text of its prompt, made by the same code as
the gate's, with one row an input size.
"""

from __future__ import annotations

import argparse
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ci_rlm import prompt
from ci_rlm.extract.canonical import python_parser
from ci_rlm.flow import Kind, Metric, Space, Span, Unit
from ci_rlm.training.profile.python import EDITED_PROGRAMS, edited_programs
from ci_rlm.training.sources import Program, problems

FLOORS = {"peak_memory": 32.0, "cpu_time": 1e-7}
"""Below the smallest Python object, or the clock's own cost, a measurement says nothing."""

SPLITS = {"test": range(10), "calibration": range(10, 20)}
"""Hundredths of the problems, by hash of the name, so that additions move no problem."""


def python_space(hardware: str, size: float) -> Space:
    """The space of Python functions and programs: peak memory, then CPU time, given the size."""
    return Space(
        name="python",
        prefix="PYTHON\n",
        kinds=(Kind.FUNCTION, Kind.PROGRAM),
        metrics=(Metric("peak_memory", "B"), Metric("cpu_time", "s")),
        hardware=hardware,
        size=size,
    )


@dataclass(frozen=True, slots=True)
class Row:
    """Costs at one input size."""

    size: float
    peak_memory: float
    """Bytes."""
    cpu_time: float
    """Seconds, the shortest of the repeats: on a shared machine the least disturbed one."""


@dataclass(frozen=True, slots=True)
class Example:
    """One program: what the model reads, and what it is to answer."""

    text: str
    """The prompt."""
    problem: str
    source: str
    record: str
    split: str
    rows: tuple[Row, ...]
    counts: tuple[tuple[str, int], ...]
    """Syntax-node types of the prompt's text and how often each occurs."""

    @property
    def original(self) -> str:
        """The record that an edited program came from, or its own."""
        return self.record.partition("+")[0]

    @property
    def edit(self) -> str:
        """The name of the edit, or nothing."""
        return self.record.partition("+")[2]


_NO_SPAN = Span(1, 1)


def split_of(problem: str) -> str:
    """The split of a problem: a function of its name alone."""
    place = int.from_bytes(hashlib.sha256(problem.encode()).digest()[:8], "big") % 100
    return next((name for name, places in SPLITS.items() if place in places), "train")


def program_text(text: str, space: Space) -> str:
    """The prompt of a whole program."""
    unit = Unit(PurePosixPath("program.py"), "", Kind.PROGRAM, "python", _NO_SPAN, text)
    return prompt.prompt_of(unit, space).text


def node_counts(text: str) -> tuple[tuple[str, int], ...]:
    """How often each type of syntax node occurs in a Python text, sorted by type."""
    counts: Counter[str] = Counter()
    stack = [python_parser().parse(text.encode("utf-8", "surrogatepass")).root_node]
    while stack:
        node = stack.pop()
        counts[node.type] += 1
        stack.extend(node.children)
    return tuple(sorted(counts.items()))


def measured_rows(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Usable rows of a measured file, by hash of the program's text."""
    import pyarrow.parquet as parquet

    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in parquet.read_table(path).to_pylist():
        if row["status"] == "ok" and row["size"] > 0:
            found[row["sha256"]].append(row)
    return found


def build(data: Path, measured: Path, space: Space) -> Iterator[Example]:
    """Examples of every program that has a measured row; edits of the programs included."""
    rows = measured_rows(measured)
    seen: set[tuple[str, str]] = set()
    for problem in problems(data):
        for program in _with_edits(problem.programs, rows):
            key = (problem.name, program.sha256)
            if program.sha256 not in rows or key in seen:
                continue
            seen.add(key)
            text = program_text(program.text, space)
            yield Example(
                text=text,
                problem=problem.name,
                source=problem.source,
                record=program.record,
                split=split_of(problem.name),
                rows=tuple(_costs(row) for row in rows[program.sha256] if row["problem"] == problem.name),
                counts=node_counts(text.removeprefix(space.prefix)),
            )


def _with_edits(programs: tuple[Program, ...], rows: dict[str, Any]) -> Iterator[Program]:
    """The programs, and the edits of those that edits were tried on."""
    yield from programs
    reference, *others = programs
    right = [reference, *(p for p in sorted(others, key=lambda p: p.sha256) if p.sha256 in rows)]
    for program in right[:EDITED_PROGRAMS]:
        if program.sha256 in rows:
            yield from edited_programs(program)


def _costs(row: dict[str, Any]) -> Row:
    return Row(
        size=float(row["size"]),
        peak_memory=max(FLOORS["peak_memory"], float(row["peak_memory"])),
        cpu_time=max(FLOORS["cpu_time"], row["cpu_time_min"]),
    )


def write(examples: list[Example], path: Path) -> None:
    """Examples as one Parquet file, written whole or not at all."""
    import pyarrow
    import pyarrow.parquet as parquet

    columns = {
        "text": [e.text for e in examples],
        "problem": [e.problem for e in examples],
        "source": [e.source for e in examples],
        "record": [e.record for e in examples],
        "split": [e.split for e in examples],
        "rows": [[[row.size, row.peak_memory, row.cpu_time] for row in e.rows] for e in examples],
        "counts": [list(map(list, ((k, str(v)) for k, v in e.counts))) for e in examples],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".writing")
    parquet.write_table(pyarrow.table(columns), scratch, compression="zstd")
    scratch.replace(path)


def read(path: Path) -> list[Example]:
    """The examples of a corpus file."""
    import pyarrow.parquet as parquet

    return [
        Example(
            **{name: row[name] for name in ("text", "problem", "source", "record", "split")},
            rows=tuple(Row(*costs) for costs in row["rows"]),
            counts=tuple((kind, int(count)) for kind, count in row["counts"]),
        )
        for row in parquet.read_table(path).to_pylist()
    ]


def main() -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the public programs")
    parser.add_argument("--measured", type=Path, default=Path("training/measured/python.parquet"))
    parser.add_argument("--out", type=Path, default=Path("runs/corpus.parquet"))
    flags = parser.parse_args()
    examples = list(build(flags.data, flags.measured, python_space("", 1.0)))
    write(examples, flags.out)
    for (split, source), count in sorted(Counter((e.split, e.source) for e in examples).items()):
        print(f"{split:12} {source:14} {count:6} programs")
    print(f"{len(examples)} programs, {sum(len(e.rows) for e in examples)} rows in {flags.out}")


if __name__ == "__main__":
    main()
