"""A split of a corpus as a file that is mapped, not read: random access without the memory.

Parquet shards are compressed and read in order; an epoch takes programs in any order. So what
training needs of a split is written once as an Arrow file into the run's folder, a piece at a
time, and mapped into memory: what is held at once is what the operating system likes to hold.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, overload

import numpy as np

from ci_rlm.errors import UsageError
from ci_rlm.training import examples, texts
from ci_rlm.training.corpus import METRICS, Example, Row
from ci_rlm.training.sources import sha256_of_file
from ci_rlm.training.spaces import PYTHON, Domain

FORM = 2
"""Of the file."""
_PIECE = 1000


Numbers = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Program:
    """What training sees of an example."""

    text: str
    """The prompt."""
    problem: str
    numbers: Numbers
    """The size and the space's metrics of each row, in their units; NaN: not measured."""
    counts: tuple[tuple[str, int], ...]
    """Syntax-node types and how often each occurs."""
    unit: str = ""
    """The prompt of the function that the costs are of; empty where there is none."""
    family: str = ""
    """The same for a program and its edits."""

    @classmethod
    def of(cls, example: Example, metrics: Sequence[str] = METRICS) -> Program:
        """The program of an example with these of its metrics."""
        costs = ([getattr(row, metric) for metric in metrics] for row in example.rows)
        numbers = tuple(
            (row.size, *(math.nan if cost is None else cost for cost in own))
            for row, own in zip(example.rows, costs, strict=True)
        )
        family = f"{example.problem} {example.source} {example.original}"
        return cls(example.text, example.problem, numbers, example.counts, example.unit, family)


class Programs(Sequence[Program]):
    """The programs of a file that `keep` wrote."""

    def __init__(self, path: Path) -> None:
        import pyarrow
        import pyarrow.ipc as ipc

        self._table = ipc.open_file(pyarrow.memory_map(str(path))).read_all()
        self.hardware = (self._table.schema.metadata or {}).get(b"hardware", b"").decode()

    def __len__(self) -> int:
        return int(self._table.num_rows)

    @overload
    def __getitem__(self, index: int) -> Program: ...
    @overload
    def __getitem__(self, index: slice) -> list[Program]: ...
    def __getitem__(self, index: int | slice) -> Program | list[Program]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        record: dict[str, Any] = self._table.slice(index, 1).to_pylist()[0]
        numbers = tuple(map(tuple, record["numbers"]))
        counts = tuple(map(tuple, record["counts"]))
        return Program(record["text"], record["problem"], numbers, counts, record["unit"], record["family"])

    def unmeasured(self, given: int) -> list[int]:
        """The programs with a row where a metric is not measured that a later one is conditioned on.

        The first `given` numbers of a row are no metrics, and nothing is conditioned on the last.
        """
        if not len(self):
            return []
        rows = self._table["numbers"].combine_chunks()
        owner = rows.value_parent_indices().to_numpy()
        number_RN = rows.flatten().flatten().to_numpy().reshape(len(owner), -1)
        return sorted(set(owner[np.isnan(number_RN[:, given:-1]).any(axis=1)].tolist()))

    def texts(self) -> Iterator[str]:
        """Every text, in order."""
        for batch in self._table.select(["text"]).to_batches(_PIECE):
            yield from batch["text"].to_pylist()


def digest(folder: Path) -> dict[str, str]:
    """sha256 of each file that the programs of a folder come from."""
    found = {}
    for path in examples.files(folder):
        found[path.name] = sha256_of_file(path)
    return found


def keep(
    folder: Path,
    split: str,
    path: Path,
    digests: dict[str, str],
    *,
    size: float,
    time: str,
    protocols: Sequence[str] = (),
    domain: Domain = PYTHON,
    characters: int | None = None,
) -> Programs:
    """The programs of one split of a folder, written to `path` unless it holds them already.

    `size`, `time`, `protocols` and `domain` as in `examples.stream`; of each text so many characters.
    Raises CiRlmError where there is no corpus.
    """
    asked: tuple[object, ...] = (FORM, sorted(digests.items()), size, time, *protocols)
    if domain != PYTHON:
        asked = (*asked, repr(domain), characters)
    known = hashlib.sha256(repr(asked).encode()).hexdigest()
    if not path.exists() or digest_of(path) != known:
        hardware, found = examples.stream(folder, size=size, time=time, protocols=protocols, domain=domain)
        chosen = (
            replace(example, text=example.text[:characters]) for example in found if example.split == split
        )
        write(chosen, path, {"digest": known, "hardware": hardware}, domain.metrics)
    return Programs(path)


def keep_texts(files: Sequence[Path], path: Path) -> Programs:
    """Code of which no cost is known, from the column `text` of Parquet files, as programs of a kind.

    Each is a problem and a family of its own. Raises UsageError for a file that cannot be read.
    """
    from pyarrow import ArrowException, parquet

    prefix = texts.python_space("", 1.0).prefix
    try:
        found = [
            text for file in files for text in parquet.read_table(file, columns=["text"])["text"].to_pylist()
        ]
    except (OSError, ArrowException) as error:
        raise UsageError(f"cannot read texts: {error}", hint="Parquet files with a column `text`") from error
    unknown = (Row(1.0, None, None),)
    made = (
        Example(prefix + text, f"text {at}", "texts", str(at), "train", unknown, ())
        for at, text in enumerate(found)
    )
    write(made, path, {})
    return Programs(path)


def write(
    chosen: Iterable[Example], path: Path, about: dict[str, str], metrics: Sequence[str] = METRICS
) -> None:
    """Write programs with these metrics in pieces, the file whole or not at all."""
    import pyarrow as pa

    schema = pa.schema(
        [
            ("text", pa.large_string()),
            ("problem", pa.string()),
            ("numbers", pa.list_(pa.list_(pa.float64()))),
            ("counts", pa.map_(pa.string(), pa.int32())),
            ("unit", pa.large_string()),
            ("family", pa.string()),
        ],
        metadata=about,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".writing")
    records = (_record(Program.of(example, metrics)) for example in chosen)
    with pa.OSFile(str(scratch), "wb") as file, pa.ipc.new_file(file, schema) as writer:
        while piece := list(islice(records, _PIECE)):
            writer.write_table(pa.Table.from_pylist(piece, schema=schema))
    scratch.replace(path)


def _record(program: Program) -> dict[str, Any]:
    return {
        "text": program.text,
        "problem": program.problem,
        "numbers": [list(row) for row in program.numbers],
        "counts": list(program.counts),
        "unit": program.unit,
        "family": program.family,
    }


def digest_of(path: Path) -> str:
    """What a file that `write` wrote was said to be of."""
    import pyarrow
    import pyarrow.ipc as ipc

    with pyarrow.memory_map(str(path)) as file:
        metadata = ipc.open_file(file).schema.metadata or {}
    return str(metadata.get(b"digest", b"").decode())
