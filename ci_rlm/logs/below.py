"""What ran below a function: from stacks for certain, from who called whom as far as that tells.

Functions to look below, the starts, are given by their unqualified names. Of several on one stack the
innermost counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from ci_rlm.errors import LogError
from ci_rlm.logs import Call, Place
from ci_rlm.logs.stacks import Frame, Stacks

MOST_CALLS = 1 << 18
"""Different ones of one log: a hostile log would fill the memory with them."""


class Below(Stacks):
    """Stacks that note which functions are on them below a start."""

    def __init__(self, starts: Collection[str], *, defined: bool = False) -> None:
        super().__init__(defined=defined)
        self._starts = frozenset(starts)
        self._above: list[Frame | None] = []
        """Of each open frame the innermost start, itself included."""
        self._found: dict[tuple[Frame, Frame], None] = {}

    def add(self, stack: Sequence[Frame], weight: float, samples: int = 1) -> None:
        """As `Stacks.add`; LogError also for more calls than `MOST_CALLS`."""
        super().add(stack, weight, samples)
        start: Frame | None = None
        for frame in stack:
            start = self._entered(frame, start)

    def open(self, frame: Frame) -> None:
        """As `Stacks.open`; LogError also for more calls than `MOST_CALLS`."""
        super().open(frame)
        self._above.append(self._entered(frame, self._above[-1] if self._above else None))

    def close(self) -> None:
        """As `Stacks.close`."""
        super().close()
        self._above.pop()

    def _entered(self, frame: Frame, start: Frame | None) -> Frame | None:
        """Note a frame under a start; the start of what is below the frame."""
        if is_start(frame, self._starts):
            return frame
        if start is not None and frame.is_function:
            if len(self._found) >= MOST_CALLS:
                raise LogError(f"the log tells more than {MOST_CALLS:,} calls")
            self._found[start, frame] = None
        return start

    def calls(self) -> Iterator[Call]:
        """What was noted, in the order of its first appearance."""
        for above, below in self._found:
            yield call(above, below)


def is_start(frame: Frame, starts: Collection[str]) -> bool:
    """Whether a frame is of a function of one of these names."""
    return frame.is_function and frame.name.rpartition(".")[2] in starts


def call(above: Frame, below: Frame) -> Call:
    """Two frames as a call."""
    return Call(*(Place(frame.name, frame.file, frame.line) for frame in (above, below)))


def attributed(callees: Mapping[Frame, Collection[Frame]], starts: Collection[str]) -> Iterator[Call]:
    """What ran below each start, of functions with those that they called.

    A function that only one start reaches ran for that one. What a function called that several
    reach may have been for any of them, and is not told.
    """
    owners: dict[Frame, Frame | None] = {frame: frame for frame in callees if is_start(frame, starts)}
    waiting = list(owners)
    while waiting:
        caller = waiting.pop()
        for callee in callees.get(caller, ()):
            if is_start(callee, starts):
                continue
            owner = owners[caller] if owners.get(callee, owners[caller]) == owners[caller] else None
            if callee not in owners or owners[callee] != owner:
                owners[callee] = owner
                waiting.append(callee)
    found: dict[tuple[Frame, Frame], None] = {}
    for caller, owner in owners.items():
        if owner is not None:
            below = (each for each in callees.get(caller, ()) if each.is_function)
            found |= {(owner, callee): None for callee in below if not is_start(callee, starts)}
    for above, callee in found:
        yield call(above, callee)
