"""What a training run or an evaluation reads: measured programs, or a team's own ingested logs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ci_rlm.errors import UsageError
from ci_rlm.training import corpus, ingested, shards, team
from ci_rlm.training.corpus import Example
from ci_rlm.training.spaces import PYTHON, Domain


def read(folder: Path, *, size: float, time: str = "cpu_time") -> list[Example]:
    """The Python programs of a folder, a corpus or what `ci-rlm ingest` wrote, as a gate reads them.

    `size` and `time` are those of `team.examples`, which reads the latter. Raises CiRlmError where
    there is neither.
    """
    return corpus.as_functions(stream(folder, size=size, time=time)[1])


def stream(
    folder: Path,
    *,
    size: float,
    time: str = "cpu_time",
    protocols: Sequence[str] = (),
    domain: Domain = PYTHON,
) -> tuple[str, Iterable[Example]]:
    """The class of hardware, and the programs of a domain one by one; of Python with rows of `protocols` too.

    Raises CiRlmError where there are none, UsageError for another domain than Python of ingested logs.
    """
    if domain != PYTHON:
        if (folder / ingested.FILE).is_file():
            raise UsageError(f"{folder} holds logs of Python alone", hint=f"no [[also]] {domain.name}")
        return corpus.of_domain(folder, domain)
    if (folder / ingested.FILE).is_file():
        found = team.examples(folder / ingested.FILE, size=size, time=time)
        return found[0].hardware, found
    origin = corpus.commonest_origin(folder)
    return origin[1], corpus.examples(folder, origin, also=protocols)


def files(folder: Path) -> list[Path]:
    """The files that the programs come from. Raises CiRlmError where there are none."""
    own = folder / ingested.FILE
    return [own] if own.is_file() else [folder / shards.SUMMARY, *shards.files(folder, "programs")]
