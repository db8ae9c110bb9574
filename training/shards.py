"""The files of a corpus: Parquet shards of bounded size in a folder that appears whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ci_rlm.errors import CiRlmError, UsageError
from ci_rlm.training.costs import ORIGIN, PROGRAM
from ci_rlm.training.profile.rows import METRICS
from ci_rlm.training.texts import GROWN

if TYPE_CHECKING:
    import pyarrow

VERSION = 2
"""Of the layout of a corpus folder."""
SUMMARY = "corpus.json"
"""What a corpus holds and was made of."""
_FULL_BYTES = 56 << 20
"""A shard is full from here on; with its last piece and its footer it stays under 64 MB."""
_PIECE_CHARACTERS = 4 << 20


def schema() -> pyarrow.Schema:
    """The columns of a shard of programs.

    `text` is the prompt of a program, `unit` that of the function that its costs are of, as the gate
    would write it, or empty. One of `rows` is an input size, with the metrics that were measured;
    `counts` are of syntax nodes, `growth` the exponents of metrics over the sizes.
    """
    import pyarrow as pa

    # Plain strings: dictionaries inside lists cannot be read back in pieces.
    row = [("size", pa.float64()), *((name, pa.string()) for name in ORIGIN)]
    row += [(name, pa.float64()) for name in METRICS]
    return pa.schema(
        [("text", pa.string()), ("unit", pa.string())]
        + [(name, pa.string()) for name in (*PROGRAM, "split")]
        + [("rows", pa.list_(pa.struct(row))), ("counts", pa.map_(pa.string(), pa.int32()))]
        + [("growth", pa.struct([(name, pa.float32()) for name in GROWN]))]
    )


class Shards:
    """Parquet files of one kind in a folder, each of at most 64 MB, written a piece at a time."""

    def __init__(
        self,
        folder: Path,
        name: str,
        schema: pyarrow.Schema,
        *,
        full: int = _FULL_BYTES,
        piece: int = _PIECE_CHARACTERS,
    ) -> None:
        self.folder, self.name, self.schema = folder, name, schema
        self.full, self.piece = full, piece
        self.count = 0
        self._waiting: list[dict[str, Any]] = []
        self._characters = 0
        self._writer: Any = None
        self._file: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        if not self.count:
            self.add_table(self.schema.empty_table())
        self._close()

    def add(self, record: dict[str, Any]) -> None:
        """Write one record with a text, together with others that come."""
        self._waiting.append(record)
        self._characters += len(record["text"])
        if self._characters > self.piece:
            self._flush()

    def add_table(self, table: pyarrow.Table) -> None:
        """Write a table as one piece."""
        import pyarrow.parquet as parquet

        if self._writer is None:
            self._file = (self.folder / f"{self.name}-{self.count:05d}.parquet").open("wb")
            self._writer = parquet.ParquetWriter(self._file, self.schema, compression="zstd")
            self.count += 1
        self._writer.write_table(table)
        if self._file.tell() > self.full:
            self._close()

    def _flush(self) -> None:
        import pyarrow

        if self._waiting:
            self.add_table(pyarrow.Table.from_pylist(self._waiting, schema=self.schema))
        self._waiting, self._characters = [], 0

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._file.close()
        self._writer = None


def fill_splits(folder: Path, splits: Mapping[str, str]) -> None:
    """Write each program's split, which is known only when all texts have been seen."""
    import pyarrow
    import pyarrow.parquet as parquet

    place = schema().get_field_index("split")
    for path in files(folder, "programs"):
        scratch = path.with_suffix(".writing")
        source = parquet.ParquetFile(path)
        with parquet.ParquetWriter(scratch, schema(), compression="zstd") as writer:
            for group in range(source.num_row_groups):
                table = source.read_row_group(group)
                column = pyarrow.array(
                    [splits[name] for name in table["problem"].to_pylist()], pyarrow.string()
                )
                writer.write_table(table.set_column(place, "split", column).cast(schema()))
        scratch.replace(path)


def files(folder: Path, name: str) -> list[Path]:
    """The shards of one kind, in order."""
    return sorted(folder.glob(f"{name}-*.parquet"))


def tables(folder: Path, columns: Sequence[str]) -> Iterator[pyarrow.Table]:
    """Some columns of the programs of a corpus, a piece at a time.

    Raises CiRlmError where there is no corpus.
    """
    import pyarrow
    import pyarrow.parquet as parquet

    if not (folder / SUMMARY).exists():
        raise CiRlmError(
            f"no corpus at {folder}", hint=f"python -m ci_rlm.training.corpus build --out {folder}"
        )
    for path in files(folder, "programs"):
        for batch in parquet.ParquetFile(path).iter_batches(2000, columns=list(columns)):
            yield pyarrow.Table.from_batches([batch])


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """A scratch folder that takes the place of the corpus at `out` if all goes well.

    Raises UsageError where `out` is something else.
    """
    if out.exists() and not (out / SUMMARY).exists():
        raise UsageError(f"{out} is there and is no corpus", hint="name another folder with --out")
    scratch = out.with_name(out.name + ".writing")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        yield scratch
    except BaseException:
        shutil.rmtree(scratch)
        raise
    shutil.rmtree(out, ignore_errors=True)
    scratch.replace(out)


def write_summary(folder: Path, summary: Mapping[str, Any]) -> None:
    """Write what a corpus holds."""
    (folder / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
