"""A team's own measurements as a training run reads them: examples, split by function and in time."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from ci_rlm.errors import UsageError
from ci_rlm.logs import FORMATS
from ci_rlm.training import ingested, texts
from ci_rlm.training.corpus import Example, Row
from ci_rlm.training.ingested import Merged, Params
from ci_rlm.training.sources import sha256

SOURCE = "ingested"
_PROFILERS = frozenset({"cprofile", "speedscope", "collapsed", "pyinstrument", "memray", "scalene"})
"""Tools under which a call takes longer than by itself."""


TIMES = ("cpu_time", "wall_time")
"""What may stand for CPU time: wall time where functions neither wait nor use several threads."""


def examples(path: Path, *, size: float, time: str = "cpu_time") -> list[Example]:
    """The Python functions of an ingested corpus whose peak memory or time is known.

    They are of one class of hardware, the one with most rows. Where several tools measured one
    quantity, a benchmark goes before a profiler. `time` is one of `TIMES`. The input size of a row
    is its only parameter that is a number from 1, or else `size`, which the gate asks for; a row is
    the median of all with one size. Raises CiRlmError for a file that is no such corpus, UsageError
    where nothing in it can be learned from, with what it has.
    """
    everything = ingested.read(path)
    rows = [row for row in everything if row.key.language == "python" and row.trains]
    rows = [row for row in rows if row.key.metric in ("peak_memory", time)]
    if not rows:
        message = f"{path} has no peak memory and no {time} of Python functions"
        raise UsageError(message, hint=_hint(everything))
    counts = Counter(row.key.hardware for row in rows)
    hardware = min(counts, key=lambda name: (-counts[name], name))
    rows = [row for row in rows if row.key.hardware == hardware]
    problems = _problems(rows)
    splits = splits_in_time(_newest(rows, problems))
    by_text: dict[str, list[Merged]] = defaultdict(list)
    for row in rows:
        by_text[row.key.text].append(row)
    return [
        _example(text, hardware, problems[text], splits[problems[text]], _rows(mine, size, time), size)
        for text, mine in by_text.items()
    ]


def _hint(rows: Iterable[Merged]) -> str:
    known = Counter(f"{row.key.metric} ({row.key.language}, {row.key.kind})" for row in rows)
    told = ", ".join(f"{count:,} of {name}" for name, count in known.most_common())
    return f"its rows: {told or 'none'}; see `time` in a recipe, and ci-rlm ingest --help"


def _rank(origin: str) -> tuple[bool, int]:
    return origin in _PROFILERS, FORMATS.index(origin) if origin in FORMATS else len(FORMATS)


def _problems(rows: Iterable[Merged]) -> dict[str, str]:
    """The function that each text is a version of, by where it was first: it may have moved since."""
    first: dict[str, tuple[int, str]] = {}
    for row in rows:
        for sample in row.samples:
            place = (sample.commit_time, sample.problem)
            first[row.key.text] = min(place, first.get(row.key.text, place))
    return {text: problem for text, (_, problem) in first.items()}


def _newest(rows: Iterable[Merged], problems: Mapping[str, str]) -> dict[str, int]:
    """The commit time of each function's newest text."""
    newest: dict[str, int] = {}
    for row in rows:
        problem = problems[row.key.text]
        newest[problem] = max(newest.get(problem, 0), row.samples[0].commit_time)
    return newest


def splits_in_time(problems: Mapping[str, int], held_out: float = 0.1) -> dict[str, str]:
    """The split of each function, given the commit time of its newest text.

    The newest are tested on, those before them calibrated on, `held_out` of all for each; so no
    text that is trained on is newer than one that is tested on, and all versions of a function
    are on one side. Functions of one time are told apart by the hash of their names.
    """
    order = sorted(problems, key=lambda problem: (problems[problem], sha256(problem)))
    size = max(1, round(held_out * len(order))) if len(order) > 2 else 0
    names = ["train"] * (len(order) - 2 * size) + ["calibration"] * size + ["test"] * size
    return dict(zip(order, names, strict=True))


def _rows(merged: Iterable[Merged], size: float, time: str) -> tuple[Row, ...]:
    by_size: dict[float, list[Merged]] = defaultdict(list)
    for row in merged:
        by_size[_size_of(row.key.params, size)].append(row)
    return tuple(
        Row(at, _median(mine, "peak_memory"), _median(mine, time)) for at, mine in sorted(by_size.items())
    )


def _median(merged: Iterable[Merged], metric: str) -> float | None:
    """Of the values of a metric by the tools that say it best."""
    by_rank: dict[tuple[bool, int], list[float]] = defaultdict(list)
    for row in merged:
        if row.key.metric == metric:
            by_rank[_rank(row.key.origin)].append(row.value)
    return statistics.median(by_rank[min(by_rank)]) if by_rank else None


def _example(
    text: str, hardware: str, problem: str, split: str, rows: tuple[Row, ...], size: float
) -> Example:
    return Example(
        text=texts.python_space(hardware, size).prefix + text,
        problem=problem,
        source=SOURCE,
        record=sha256(text)[:16],
        split=split,
        rows=rows,
        counts=texts.node_counts(text),
        hardware=hardware,
    )


def _size_of(params: Params, default: float) -> float:
    numbers = [number for _, value in params if (number := _number(value)) is not None]
    return numbers[0] if len(numbers) == 1 else default


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 1 <= number < 1e12 else None
