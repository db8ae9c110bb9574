"""memray: `memray transform csv` and `memray stats --json`.

The table holds what was allocated when the process held most, with the stack that asked for it,
leaf first (`--leaks` and `--temporary-allocations` write the same columns for other questions, and
cannot be told apart). The statistics hold all that the largest lines ever allocated, freed or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from ci_rlm.logs import Bad, Kind, Measurement, Options
from ci_rlm.logs.entries import entries
from ci_rlm.logs.opening import head_of
from ci_rlm.logs.stacks import LONGEST_FRAME, TOO_LONG, Frame, Stacks, summed
from ci_rlm.logs.tables import rows
from ci_rlm.logs.values import at, size, text

_COLUMNS = ["allocator", "num_allocations", "size", "tid", "thread_name", "stack_trace"]
_HEADER = ",".join(_COLUMNS).encode()
_FRAME = re.compile(r"(?P<name>[^;]*);(?P<file>.*);(?P<line>\d{1,9})")
_LOCATION = re.compile(r"(?P<name>[^:]*):(?P<file>.*):(?P<line>\d{1,9})")
_WHOLE = re.compile(r"\d{1,18}")


def sniff(head: bytes, path: Path) -> bool:
    """The table by its header, the statistics by their first fields."""
    told = head.lstrip()[:1] == b"{" and b'"total_bytes_allocated"' in head
    return head.startswith(_HEADER) or (told and b'"allocation_size_histogram"' in head)


def read(path: Path, options: Options) -> Iterator[Measurement | Bad]:
    """Of each function the bytes held at the peak, or else all that its largest lines allocated."""
    stacks = Stacks()
    if head_of(path).startswith(_HEADER):
        sums = stacks.measurements("memray", "peak_memory", Kind.HIGH_WATER)
        yield from summed(_held(path, stacks), sums=sums)
    else:
        sums = stacks.measurements("memray", "allocated_bytes", Kind.ALLOC)
        yield from summed(_allocated(path, stacks), sums=sums)


def _held(path: Path, stacks: Stacks) -> Iterator[Bad]:
    for each in rows(path):
        if isinstance(each, Bad):
            yield each
        elif each[1] != _COLUMNS:
            try:
                held, trace = _cells(each[1])
                frames = [_frame(frame) for frame in reversed(trace.split("|")) if frame]
                stacks.add(frames, _whole(held))
            except ValueError as error:
                yield Bad(f"line {each[0]}", str(error))


def _cells(row: list[str]) -> tuple[str, str]:
    """Size and stack of a row. Raises ValueError."""
    if len(row) != len(_COLUMNS):
        raise ValueError("the row has not six cells")
    return row[2], row[5]


def _allocated(path: Path, stacks: Stacks) -> Iterator[Bad]:
    for each in entries(path, "top_allocations_by_size"):
        if isinstance(each, Bad):
            yield each
            continue
        try:
            stacks.add([_location(text(at(each.value, "location")))], size(at(each.value, "size"), "B"))
        except ValueError as error:
            yield Bad(each.where, str(error))


@lru_cache(1 << 14)
def _frame(written: str) -> Frame:
    if len(written) > LONGEST_FRAME:
        raise ValueError(TOO_LONG)
    return _parsed(_FRAME.fullmatch(written))


def _location(written: str) -> Frame:
    return _parsed(_LOCATION.fullmatch(written))


def _parsed(found: re.Match[str] | None) -> Frame:
    if found is None:
        raise ValueError("a place is not written as function, file and line")
    return Frame(found["name"], found["file"], int(found["line"]))


def _whole(cell: str) -> int:
    if not _WHOLE.fullmatch(cell):
        raise ValueError("the size is not a whole number of at least 0")
    return int(cell)
