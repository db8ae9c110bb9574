"""pyinstrument's JSON (`pyinstrument -r json`): a tree of frames, each with the time spent within it.

Times are of the wall clock, or of what an `async` function spent and awaited. Frames named `[self]`
and `[await]` are parts of the frame around them. A line is that of the definition. `class_name` is
the class of the object at run time, which may only inherit the function: it is not read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from ci_rlm.errors import LogError
from ci_rlm.logs import Bad, Call, Measurement, Options
from ci_rlm.logs.below import Below
from ci_rlm.logs.documents import Event, events, skip
from ci_rlm.logs.entries import facts
from ci_rlm.logs.opening import to_base
from ci_rlm.logs.stacks import Frame, Stacks, summed
from ci_rlm.logs.values import moment, number

MOST_DEEP = 20_000
"""Frames within frames."""
_FIELDS = ("function", "file_path", "line_no", "time")


def sniff(head: bytes, path: Path) -> bool:
    """The scalars of the session come first."""
    return head.lstrip()[:1] == b"{" and b'"sample_count"' in head and b'"root_frame"' in head


def read(path: Path, options: Options) -> Iterator[Measurement | Bad]:
    """Cumulative and own wall time of each function."""
    started = facts(path, "start_time").get("start_time")
    when = moment(started * 1000) if isinstance(started, (int, float)) else ""
    tree = _Tree(Stacks(defined=True))
    sums = tree.stacks.measurements("pyinstrument", "wall_time", when=when, whole=options.whole)
    yield from summed(tree.gather(path), sums=sums)


def calls(path: Path, starts: Collection[str]) -> Iterator[Call | Bad]:
    """What is below one of the starts in the tree."""
    stacks = Below(starts, defined=True)
    yield from summed(_Tree(stacks).gather(path), sums=stacks.calls())


class _Node:
    """A frame whose end has not been read."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.opened = False
        self.seconds: float | None = None
        """None until its fields are read, and if they make no sense."""
        self.below = 0.0
        """Seconds of its children."""


class _Tree:
    """The frames between the root and the place where a log is being read."""

    def __init__(self, stacks: Stacks) -> None:
        self.stacks = stacks
        self._nodes: list[_Node] = []
        self._count = 0

    def gather(self, path: Path) -> Iterator[Bad]:
        """Read the whole tree. Raises LogError where it breaks off."""
        with events(path) as found:
            _seek_root(found)
            self._enter()
            while self._nodes:
                yield from self._follow(found)

    def _follow(self, found: Iterator[Event]) -> Iterator[Bad]:
        event, value = next(found)
        if event == "start_map":
            self._enter()
        elif event == "end_map":
            yield from self._open()
            self._leave()
        elif event == "map_key" and value == "children":
            yield from self._open()
        elif event == "map_key":
            first = next(found)
            skip(found, first)
            if value in _FIELDS:
                self._nodes[-1].fields[value] = first[1]

    def _enter(self) -> None:
        if len(self._nodes) == MOST_DEEP:
            raise LogError("the frames are nested too deeply")
        self._nodes.append(_Node())
        self._count += 1

    def _open(self) -> Iterator[Bad]:
        """All is known of the innermost frame but its children."""
        node = self._nodes[-1]
        if node.opened:
            return
        node.opened = True
        name, file, line, time = (node.fields.get(each) for each in _FIELDS)
        try:
            seconds = to_base(number(time), "s")[0]
            self.stacks.open(Frame.of(name, file, line))
            node.seconds = seconds
        except ValueError as error:
            self.stacks.open(Frame(""))
            yield Bad(f"frame {self._count}", str(error))

    def _leave(self) -> None:
        """The innermost frame's own time is what its children leave of it."""
        node = self._nodes.pop()
        seconds = node.below if node.seconds is None else node.seconds
        self.stacks.spend(seconds - node.below)
        self.stacks.close()
        if self._nodes:
            self._nodes[-1].below += seconds


def _seek_root(found: Iterator[Event]) -> None:
    """Read up to the start of the root frame. Raises LogError if there is none."""
    started = next(found)[0] == "start_map"
    while started and (event := next(found))[0] == "map_key":
        first = next(found)
        if event[1] == "root_frame" and first[0] == "start_map":
            return
        skip(found, first)
    raise LogError("the log has no root frame")
