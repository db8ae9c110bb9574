"""Ways as tasks of a measuring run: briefly, many in one process, since all are our own and short.

Memory is tracemalloc's peak of a call, as everywhere; CPU time is the least of a few calls. A way counts
where it gives the answer of the first.
"""

from __future__ import annotations

import copy
import gc
import platform
import signal
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from ci_rlm.training.profile import rows
from ci_rlm.training.profile.engine import Task
from ci_rlm.training.profile.hardware import hardware_class
from ci_rlm.training.profile.python import edited_programs
from ci_rlm.training.profile.rows import Origin, Row, Subject
from ci_rlm.training.sources import Program, sha256
from ci_rlm.training.ways.programs import SOURCE, Way, arguments, problem_of, ways

PROTOCOL, IN_TURNS = "brief-1", "brief-turns-1"
SIZES = (256, 1024, 3072)
"""Elements of the inputs."""
REFERENCE, TURNS = 1024, 4
"""Elements of the inputs, and how often, where ways are timed in turns."""
CHUNK = 25
CALLS, ENOUGH, LONGEST = 5, 0.02, 1.0
"""Calls of which the least time counts, seconds after which no more are made, and seconds of one call."""
WORTH = 0.02
"""Seconds of a call over which no larger input is tried."""


def tasks(count: int, seed0: int = 0) -> Iterator[Task]:
    """So many functions from a seed on, each in all of its ways."""
    stop = seed0 + count
    for start in range(seed0, stop, CHUNK):
        seeds = tuple(range(start, min(start + CHUNK, stop)))
        yield Task(f"{SOURCE}/{seeds[0]}-{seeds[-1]}", seeds)


def measure(seeds: tuple[int, ...]) -> list[Row]:
    """Rows of the functions of some seeds, in all ways, and of a few edits of the first."""
    return [row for seed in seeds for row in _of_seed(seed)]


def _of_seed(seed: int) -> Iterator[Row]:
    first, *others = ways(seed)
    known: dict[int, Any] = {}
    for way in (first, *others, *_edited(first)):
        subject, origin = _subject(way), _origin(PROTOCOL)
        seconds = 0.0
        for size in SIZES:
            if seconds > WORTH:
                break
            try:
                costs, answer = _cost(way, arguments(way.inputs, size, seed))
            except Exception as error:  # noqa: BLE001  # whatever generated code raises is the row's reason
                yield from rows.failed(subject, size, type(error).__name__, origin)
                break
            if known.setdefault(size, answer) != answer:
                yield from rows.failed(subject, size, "answer differs", origin)
                break
            seconds = costs["cpu_time"]
            yield from rows.measured(subject, size, costs, origin)


def in_turns(seeds: tuple[int, ...]) -> list[Row]:
    """CPU times of the same ways and edits at the gate's input size, one after the other, several times.

    So a slow spell of the machine hits none of them alone.
    """
    return [row for seed in seeds for row in _in_turns(seed)]


def _in_turns(seed: int) -> Iterator[Row]:
    first, *others = ways(seed)
    every = (first, *others, *_edited(first))
    known: list[Any] = []
    times: dict[str, list[float]] = {way.record: [] for way in every}
    for _ in range(TURNS):
        for way in every:
            if way.record not in times:
                continue
            try:
                costs, answer = _cost(way, arguments(way.inputs, REFERENCE, seed))
            except Exception:  # noqa: BLE001  # the reason is told where memory is measured as well
                del times[way.record]
                continue
            known = known or [answer]
            if answer == known[0]:
                times[way.record].append(costs["cpu_time"])
            else:
                del times[way.record]
    for way in every:
        if way.record in times:
            yield from rows.measured(
                _subject(way), REFERENCE, {"cpu_time": min(times[way.record])}, _origin(IN_TURNS)
            )


def _subject(way: Way) -> Subject:
    return Subject(SOURCE, problem_of(way.task), way.record, sha256(way.text), "python")


def _origin(protocol: str) -> Origin:
    return Origin(protocol, hardware_class(), f"CPython {platform.python_version()}")


def _edited(way: Way) -> list[Way]:
    made = edited_programs(Program(way.record, way.text, way.entry), SOURCE)
    return [Way(each.record, way.task, each.text, way.entry, way.inputs) for each in made]


def _cost(way: Way, given: list[Any]) -> tuple[dict[str, float], Any]:
    scope: dict[str, Any] = {"__name__": "way"}
    exec(compile(way.text, "way", "exec"), scope)  # noqa: S102  # our own generator's
    function = eval(way.entry, scope)  # noqa: S307
    with _at_most(LONGEST), _without_collector():
        answer = function(*copy.deepcopy(given))
        seconds = _least_time(function, given)
        inputs = copy.deepcopy(given)
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            kept = function(*inputs)
            peak = tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()
    del kept
    return {"peak_memory": float(max(peak, 1)), "cpu_time": seconds}, answer


def _least_time(function: Callable[..., Any], given: list[Any]) -> float:
    """Seconds of CPU of the quickest of a few calls; of calls too short for the clock, several together."""
    least, spent, together = float("inf"), 0.0, 1
    for _ in range(CALLS):
        inputs = [[copy.copy(each) for each in given] for _ in range(together)]
        began = time.process_time_ns()
        for each in inputs:
            function(*each)
        seconds = (time.process_time_ns() - began) / 1e9
        least, spent = min(least, seconds / together), spent + seconds
        if spent > ENOUGH:
            break
        if seconds < 5e-4:
            together = min(16, together * 4)
    return max(least, 1e-9)


@contextmanager
def _without_collector() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in what takes longer by much: a few calls have to fit."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError

    old = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds * (CALLS + 2))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
