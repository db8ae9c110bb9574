"""A split of a corpus as a file that is mapped, not read: random access without the memory.

Parquet shards are compressed and read in order; an epoch takes programs in any order. So what
training needs of a split is written once as an Arrow file into the run's folder, a piece at a
time, and mapped into memory: what is held at once is what the operating system likes to hold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, overload

from ci_rlm.training import corpus, shards
from ci_rlm.training.corpus import Example

_PIECE = 1000


@dataclass(frozen=True, slots=True)
class Program:
    """What training sees of an example."""

    text: str
    """The prompt."""
    problem: str
    numbers: tuple[tuple[float, ...], ...]
    """Size, peak memory and CPU time of each row: bytes and seconds."""
    counts: tuple[tuple[str, int], ...]
    """Syntax-node types and how often each occurs."""

    @classmethod
    def of(cls, example: Example) -> Program:
        """The program of an example."""
        numbers = tuple((row.size, row.peak_memory, row.cpu_time) for row in example.rows)
        return cls(example.text, example.problem, numbers, example.counts)


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
        return Program(record["text"], record["problem"], numbers, tuple(map(tuple, record["counts"])))

    def texts(self) -> Iterator[str]:
        """Every text, in order."""
        for batch in self._table.select(["text"]).to_batches(_PIECE):
            yield from batch["text"].to_pylist()


def digest(folder: Path) -> dict[str, str]:
    """sha256 of each file of a corpus."""
    found = {}
    for path in [folder / shards.SUMMARY, *shards.files(folder, "programs")]:
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def keep(folder: Path, split: str, path: Path, digests: dict[str, str]) -> Programs:
    """The programs of one split of a corpus, written to `path` unless it holds them already.

    Raises CiRlmError where there is no corpus.
    """
    known = hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()
    if not path.exists() or _digest_of(path) != known:
        origin = corpus.commonest_origin(folder)
        chosen = (example for example in corpus.examples(folder, origin) if example.split == split)
        write(chosen, path, {"digest": known, "hardware": origin[1]})
    return Programs(path)


def write(examples: Iterable[Example], path: Path, about: dict[str, str]) -> None:
    """Write programs in pieces, the file whole or not at all."""
    import pyarrow as pa

    schema = pa.schema(
        [
            ("text", pa.large_string()),
            ("problem", pa.string()),
            ("numbers", pa.list_(pa.list_(pa.float64()))),
            ("counts", pa.map_(pa.string(), pa.int32())),
        ],
        metadata=about,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".writing")
    records = (_record(Program.of(example)) for example in examples)
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
    }


def _digest_of(path: Path) -> str:
    import pyarrow
    import pyarrow.ipc as ipc

    with pyarrow.memory_map(str(path)) as file:
        metadata = ipc.open_file(file).schema.metadata or {}
    return str(metadata.get(b"digest", b"").decode())
