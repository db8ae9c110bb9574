"""A team's own measurements as a training run reads them: examples, split by function and in time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from ci_rlm.logs import FORMATS
from ci_rlm.training import ingested, texts
from ci_rlm.training.corpus import Example, Row
from ci_rlm.training.ingested import Merged, Params
from ci_rlm.training.sources import sha256

SOURCE = "ingested"
_PROFILERS = frozenset({"cprofile", "speedscope", "collapsed", "pyinstrument", "memray", "scalene"})
"""Tools under which a call takes longer than by itself."""


def examples(path: Path, *, size: float, time: str = "cpu_time") -> list[Example]:
    """The Python functions of an ingested corpus whose peak memory and time are both known.

    Both must be of one class of hardware and of the same parameters; where several tools measured
    one of them, a benchmark goes before a profiler. `time` is the metric that stands for CPU time:
    `wall_time` where the functions neither wait nor use several threads. The input size of a row is
    its only parameter that is a number from 1, or else `size`, which the gate asks for. Raises
    CiRlmError for a file that is no such corpus.
    """
    rows = [row for row in ingested.read(path) if row.key.language == "python" and row.trains]
    rows.sort(key=lambda row: _rank(row.key.origin), reverse=True)
    problems = _problems(rows)
    splits = splits_in_time(_newest(rows, problems))
    found: dict[tuple[str, str], dict[Params, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        found[row.key.text, row.key.hardware][row.key.params][row.key.metric] = row.value
    made = [
        _example(text, hardware, problems[text], splits[problems[text]], _rows(costs, size, time), size)
        for (text, hardware), costs in found.items()
    ]
    return [example for example in made if example.rows]


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


def _rows(costs: Mapping[Params, Mapping[str, float]], size: float, time: str) -> tuple[Row, ...]:
    return tuple(
        Row(_size_of(params, size), by_metric["peak_memory"], by_metric[time])
        for params, by_metric in costs.items()
        if "peak_memory" in by_metric and time in by_metric
    )


def _example(
    text: str, hardware: str, problem: str, split: str, rows: tuple[Row, ...], size: float
) -> Example:
    return Example(
        text=texts.python_space(hardware, size).prefix + text,
        problem=problem,
        source=SOURCE,
        record=f"{problem}@{sha256(text)[:12]}",
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
