"""Collapsed stacks: a stack and a count a line, as `py-spy record --format raw` and austin write them.

py-spy writes `Store.build (shop/store.py:16);… 42`: samples, whose interval the file does not tell,
so the unit must be given (`10ms` at its usual 100 samples a second). austin 3 writes
`P1;T1;shop/store.py:Store.build:16;… 4200`: microseconds of wall or CPU time, as its header says. The
line of a frame is the one being executed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path

from ci_rlm.errors import LogError
from ci_rlm.logs import HEAD_BYTES, Bad, Call, Measurement, Options
from ci_rlm.logs.below import Below
from ci_rlm.logs.opening import head_of
from ci_rlm.logs.stacks import LONGEST_FRAME, TOO_LONG, Frame, Stacks, seconds_of, summed
from ci_rlm.logs.tables import lines

_LINE = re.compile(r"(?P<stack>.*) (?P<count>-?\d{1,18}(?:,-?\d{1,18}){0,2})\s*")
"""py-spy may write an empty stack; austin's full mode writes three counts."""
_MODE = re.compile(rb"^# mode: (\w+)", re.MULTILINE)
_BINARY = b"MOJ"
_METRICS = {b"wall": "wall_time", b"cpu": "cpu_time"}
_NO_TIME = "austin's memory and full modes tell the memory of the process, and no function's"
_PY_SPY = re.compile(r"(?P<name>.+) \((?P<file>[^()]*?)(?::(?P<line>\d{1,9}))?\)")
_AUSTIN = re.compile(r"(?P<file>.*):(?P<name>[^:/]+):(?P<line>\d{1,9})")
_TASK = re.compile(r"P\d+|T\d\w*(?::\w+)?|process \d+.*|thread \(.*")
"""What stands at the root of a stack: the process and the thread."""


def sniff(head: bytes, path: Path) -> bool:
    """Whether every line is a stack and a count, beside the headers of austin."""
    if head.startswith(_BINARY):
        return True
    found = head.decode("utf-8", "replace").splitlines()
    stacks = [line for line in found[: -1 if len(head) == HEAD_BYTES else None] if line.strip()]
    stacks = [line for line in stacks if not line.startswith("# ")]
    framed = any(";" in line or ".py:" in line for line in stacks)
    return framed and head[:1] not in (b"{", b"[") and all(map(_LINE.fullmatch, stacks))


def read(path: Path, options: Options) -> Iterator[Measurement | Bad]:
    """Cumulative and own time of each function: see `Stacks`."""
    mode = _MODE.search(_head(path))
    metric = _METRICS.get(mode[1], "") if mode else "wall_time"
    try:
        scale: float | str = seconds_of("us" if mode else options.unit) if metric else _NO_TIME
    except ValueError as error:
        scale = str(error)
    stacks = Stacks()
    yield from summed(
        _gather(path, scale, stacks), sums=stacks.measurements("collapsed", metric, whole=options.whole)
    )


def calls(path: Path, starts: Collection[str]) -> Iterator[Call | Bad]:
    """What was seen on a stack below one of the starts, however long."""
    _head(path)
    stacks = Below(starts)
    yield from summed(_gather(path, 1.0, stacks), sums=stacks.calls())


def _head(path: Path) -> bytes:
    """The first bytes. Raises LogError for what is no text."""
    head = head_of(path)
    if head.startswith(_BINARY):
        raise LogError(f"{path} is austin's binary form", hint="mojo2austin makes text of it")
    return head


def _gather(path: Path, scale: float | str, stacks: Stacks) -> Iterator[Bad]:
    for each in lines(path):
        if isinstance(each, Bad):
            yield each
        elif not each[1].startswith("# "):
            try:
                stacks.add(*_stack(each[1], scale))
            except ValueError as error:
                yield Bad(f"line {each[0]}", str(error))


def _stack(line: str, scale: float | str) -> tuple[list[Frame], float, int]:
    """(frames, seconds, count) of a line. Raises ValueError with the reason if it has none."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError("the line is not a stack and a count")
    if isinstance(scale, str):
        raise ValueError(scale)
    if not found["count"].isdecimal():
        raise ValueError("the count is not a whole number of at least 0")
    frames = [_frame(text) for text in found["stack"].split(";") if text and not _TASK.fullmatch(text)]
    # Names of threads and arguments of processes may hold a semicolon: what follows it has no file.
    frames = [frame for frame in frames if frame.file] or frames
    return frames, int(found["count"]) * scale, int(found["count"])


@lru_cache(1 << 14)
def _frame(text: str) -> Frame:
    if len(text) > LONGEST_FRAME:
        raise ValueError(TOO_LONG)
    found = _PY_SPY.fullmatch(text) or _AUSTIN.fullmatch(text)
    return Frame(found["name"], found["file"] or "", int(found["line"] or 0)) if found else Frame(text)
