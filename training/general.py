"""The general set: generated programs with their edits, measured, that come with the package.

What a checkpoint is worth beside a team's own code has to be told without public data, which a
user does not have. All problems of the set are in the calibration or the test split; the texts
are made again by their generator and by the library of edits, which takes some seconds, once.

The rows are of two runs, on a machine that others used as well. Disturbances only add to a cost,
so the least of what the runs measured is kept:

    ci-rlm profile synthetic --timed --held-out --count 600 --workers 1 --out runs/first
    ci-rlm profile synthetic --timed --held-out --count 600 --workers 1 --out runs/second
    python -m ci_rlm.training.general runs/first runs/second
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ci_rlm import prompt
from ci_rlm.training import joining, shards
from ci_rlm.training.costs import ORIGIN, PROGRAM
from ci_rlm.training.profile import rows

if TYPE_CHECKING:
    import pyarrow

MEASURED = joining.MEASURED / "general" / "rows.parquet"
"""In a folder of its own: the corpus that is trained and evaluated on is made of those beside it."""


def corpus(folder: Path, measured: Path = MEASURED) -> Path:
    """The corpus of the general set, in `folder`; built there where it is not there yet.

    It is there whole or not at all, whoever else builds it at the same time, and built anew
    when the rows or the form of prompts have changed.
    """
    place = folder / f"general-{_digest(measured)}"
    if not _is_there(place):
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".general-", dir=folder) as scratch:
            fresh = Path(scratch, place.name)
            joining.build([measured], None, fresh)
            _put(fresh, place)
    return place


def _put(fresh: Path, place: Path) -> None:
    try:
        fresh.rename(place)
    except OSError:
        # Another process was quicker, and what it built is the same.
        if not _is_there(place):
            raise


def _is_there(place: Path) -> bool:
    return (place / shards.SUMMARY).exists()


def _digest(measured: Path) -> str:
    """Of all that a corpus is made from and written by."""
    about = hashlib.sha256(f"{prompt.VERSION} {shards.VERSION}\0".encode())
    about.update(measured.read_bytes())
    return about.hexdigest()[:16]


def keep(runs: Sequence[Path], into: Path = MEASURED) -> int:
    """Join runs of the same programs into one file, the least of each cost; the number of rows."""
    import pyarrow
    from pyarrow import parquet

    table = least(pyarrow.concat_tables([rows.read(run) for run in runs]))
    with TemporaryDirectory() as scratch:
        path = Path(scratch, "rows.parquet")
        parquet.write_table(table, path)
        return rows.merge([path], into)


_COST = (*PROGRAM, *ORIGIN, "size", "metric")
"""What tells one cost from another."""


def least(table: pyarrow.Table) -> pyarrow.Table:
    """Of the rows of each cost the one with the least, by the shortest where it was repeated."""
    import pyarrow
    import pyarrow.compute as pc

    cost = pc.coalesce(table["minimum"].cast("float64"), table["value"])
    order = pc.sort_indices(pyarrow.table({"cost": cost}), [("cost", "ascending")])
    ranked = table.take(order).append_column("rank", pyarrow.array(range(table.num_rows)))
    first = ranked.group_by(list(_COST)).aggregate([("rank", "min")])["rank_min"]
    return ranked.take(first).drop_columns(["rank"])


def main() -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs="+", help="folders that ci-rlm profile wrote")
    parser.add_argument("--into", type=Path, default=MEASURED, help="Parquet file")
    flags = parser.parse_args()
    print(f"{keep(flags.runs, flags.into):,} rows in {flags.into}")


if __name__ == "__main__":
    main()
