"""What a training run or an evaluation reads: measured programs, or a team's own ingested logs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ci_rlm.training import corpus, ingested, shards, team
from ci_rlm.training.corpus import Example


def read(folder: Path, *, size: float, time: str = "cpu_time") -> list[Example]:
    """The Python programs of a folder, a corpus or what `ci-rlm ingest` wrote.

    `size` and `time` are those of `team.examples`, which reads the latter. Raises CiRlmError where
    there is neither.
    """
    return list(stream(folder, size=size, time=time)[1])


def stream(
    folder: Path, *, size: float, time: str = "cpu_time", protocols: Sequence[str] = ()
) -> tuple[str, Iterable[Example]]:
    """The class of hardware, and the programs one by one; of a corpus with rows of `protocols` too."""
    if (folder / ingested.FILE).is_file():
        found = team.examples(folder / ingested.FILE, size=size, time=time)
        return found[0].hardware, found
    origin = corpus.commonest_origin(folder)
    return origin[1], corpus.examples(folder, origin, also=protocols)


def files(folder: Path) -> list[Path]:
    """The files that the programs come from. Raises CiRlmError where there are none."""
    own = folder / ingested.FILE
    return [own] if own.is_file() else [folder / shards.SUMMARY, *shards.files(folder, "programs")]
