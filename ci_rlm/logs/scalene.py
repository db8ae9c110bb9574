"""Scalene's JSON: files, and in each the functions in which samples fell.

The field `line` holds a function's name. What is called outside the profiled files counts for the
line that calls it. Shares of CPU time are percents of the whole run; the part `sys`, in which the
process did not run, is no CPU time. Memory is the most that the function's lines had in use, over
all calls. A value of 0 says that no sample fell there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ci_rlm.logs import Bad, Kind, Measurement, Options, Place
from ci_rlm.logs.entries import entries, facts
from ci_rlm.logs.stacks import Frame
from ci_rlm.logs.values import at, number, seconds, size

_START = re.compile(rb'\s*\{\s*"alloc_samples"')
_PARTS = ("n_cpu_percent_python", "n_cpu_percent_c")
_LARGE = ("lines", "leaks", "imports", "memory_samples", "cpu_samples_list")


def sniff(head: bytes, path: Path) -> bool:
    """Its keys are sorted."""
    return _START.match(head) is not None


def read(path: Path, options: Options) -> Iterator[Measurement | Bad]:
    """Own CPU time and memory high-water mark of each function, where samples fell in it."""
    elapsed = facts(path, "elapsed_time_sec").get("elapsed_time_sec")
    for file in entries(path, "files", skip=_LARGE):
        if isinstance(file, Bad):
            yield file
            continue
        functions = at(file.value, "functions")
        if not isinstance(functions, list):
            yield Bad(file.where, "the file has no list of functions")
            continue
        for index, function in enumerate(functions):
            yield from _measured(function, file.key, f"{file.where}.functions[{index}]", elapsed)


def _measured(function: object, file: str, where: str, elapsed: object) -> Iterator[Measurement | Bad]:
    frame = Frame.of(at(function, "line"), file, at(function, "lineno"))
    if not frame.name:
        yield Bad(where, "the function has no name")
        return
    place = Place(frame.name, frame.file, frame.line)
    for metric, kind, value_of in (
        ("cpu_time", Kind.SELF, _cpu_time),
        ("peak_memory", Kind.HIGH_WATER, _peak),
    ):
        try:
            if value := value_of(function, elapsed):
                yield Measurement(place, metric, kind, value, "scalene")
            else:
                yield Bad(f"{where}: {metric}", "no sample fell in the function")
        except ValueError as error:
            yield Bad(f"{where}: {metric}", str(error))


def _cpu_time(function: object, elapsed: object) -> float:
    """Seconds; `elapsed` are those of the whole run. Raises ValueError where the log does not tell."""
    percent = sum(number(at(function, part)) for part in _PARTS)
    return seconds(percent / 100 * number(elapsed), "s")


def _peak(function: object, _: object) -> float:
    return size(at(function, "n_peak_mb"), "MiB")
