"""Sums over call stacks: what each function costs with, and without, what it calls.

A function that is on a stack twice counts once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from ci_rlm.errors import LogError
from ci_rlm.logs import Bad, Call, Kind, Measurement, Place
from ci_rlm.logs.opening import to_base
from ci_rlm.logs.values import text

MOST_FRAMES = 1 << 18
"""Different ones of one log: a hostile log would fill the memory with them."""
MOST_OPEN = 1 << 16
"""Frames at a time."""
MOST_LINES = 1 << 31
"""Of a file."""
LONGEST_NAME = 1000
"""Of a function or a file, in characters."""
LONGEST_FRAME = 2 * LONGEST_NAME + 20
"""Of a frame as text holds it: name, file and line."""
TOO_LONG = "a name or path is too long to be one"
FoundT = TypeVar("FoundT", Measurement, Call)
_INTERVAL = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)?\s*([^\s\d]+)\s*")


class Frame(NamedTuple):
    """One entry of a stack."""

    name: str
    file: str = ""
    line: int = 0
    """From 1; 0 if unknown."""

    @classmethod
    def of(cls, name: object, file: object, line: object) -> Frame:
        """From what a document holds, whatever that is."""
        known = line if isinstance(line, int) and 0 < line < MOST_LINES else 0
        return cls(text(name), text(file), known)

    @property
    def is_function(self) -> bool:
        """Whether it is a named function of a file: no module, lambda, comprehension or builtin."""
        name = self.name.rpartition(".")[2]
        return bool(name) and name[0] not in "<[~:" and not self.file.startswith("<")

    @property
    def is_part(self) -> bool:
        """Whether it is a part of the frame around it: `[self]`, `[await]` of pyinstrument."""
        return self.name.startswith("[")


@dataclass(slots=True, eq=False)
class _Function:
    frame: Frame
    line: int
    inclusive: float = 0.0
    own: float = 0.0
    samples: int = 0
    """That it is on."""
    own_samples: int = 0
    depth: int = 0
    """How many times it is open."""
    opened: float = 0.0
    """What all functions had spent when it was opened first."""


class Stacks:
    """Sums of one log: of whole stacks (`add`), or of frames that open, spend and close.

    Samplers tell the line that was being executed: functions of one name in one file are then one
    function, whose line is known only if there was only one. Where a line is that of the definition
    (`defined`), it tells the `__init__` of two classes apart.
    """

    def __init__(self, *, defined: bool = False) -> None:
        self._defined = defined
        self._by_frame: dict[Frame, _Function] = {}
        self._functions: dict[Frame, _Function] = {}
        self._open: list[_Function] = []
        self._spent = 0.0
        self._total = 0.0

    def add(self, stack: Sequence[Frame], weight: float, samples: int = 1) -> None:
        """Add a stack, root first. Raises ValueError and LogError as `open` does."""
        functions = [self._by_frame.get(frame) or self._new(frame) for frame in stack]
        for function in set(functions):
            function.inclusive += weight
            function.samples += samples
        if functions:
            functions[-1].own += weight
            functions[-1].own_samples += samples
            self._total += weight

    def open(self, frame: Frame) -> None:
        """Enter a frame.

        Raises ValueError for a name longer than `LONGEST_NAME` and for more than `MOST_OPEN` frames,
        LogError for more different ones than `MOST_FRAMES`.
        """
        if len(self._open) >= MOST_OPEN:
            raise ValueError("the frames are nested too deeply")
        if frame.is_part and self._open:
            function = self._open[-1]
        else:
            function = self._by_frame.get(frame) or self._new(frame)
        if function.depth == 0:
            function.opened = self._spent
        function.depth += 1
        self._open.append(function)

    def spend(self, weight: float) -> None:
        """Spend in the innermost frame that is open; nothing if none is."""
        if self._open:
            self._open[-1].own += weight
            self._spent += weight
            self._total += weight

    def close(self) -> None:
        """Leave the innermost frame."""
        function = self._open.pop()
        function.depth -= 1
        if function.depth == 0:
            function.inclusive += self._spent - function.opened

    def close_all(self) -> None:
        """Leave every frame: the log ends, or breaks off."""
        while self._open:
            self.close()

    def _new(self, frame: Frame) -> _Function:
        if max(len(frame.name), len(frame.file)) > LONGEST_NAME:
            raise ValueError(TOO_LONG)
        if len(self._by_frame) >= MOST_FRAMES:
            raise LogError(f"the log names more than {MOST_FRAMES:,} places of code")
        key = frame if self._defined else frame._replace(line=0)
        function = self._functions.setdefault(key, _Function(key, frame.line))
        if function.line != frame.line:
            function.line = 0
        self._by_frame[frame] = function
        return function

    def measurements(
        self, origin: str, metric: str, kind: Kind = Kind.CUMULATIVE, *, when: str = "", whole: bool = False
    ) -> Iterator[Measurement]:
        """What each function got, in the order of their first appearance; of times also its own part.

        With `whole`, the sum of all stacks comes last.

        A value of 0 says that no sample fell there, not that nothing was used: it is left out.
        """
        self.close_all()
        for function in self._functions.values():
            if not function.frame.is_function:
                continue
            place = Place(function.frame.name, function.frame.file, function.line)
            parts = [(kind, function.inclusive, 1)]
            if kind is Kind.CUMULATIVE:
                parts = [
                    (kind, function.inclusive, function.samples),
                    (Kind.SELF, function.own, function.own_samples),
                ]
            for part, value, samples in parts:
                if 0 < value < math.inf:
                    yield Measurement(place, metric, part, value, origin, n=max(samples, 1), when=when)
        if whole and kind is Kind.CUMULATIVE and 0 < self._total < math.inf:
            yield Measurement(Place(), metric, kind, self._total, origin, when=when)


def summed(*gatherings: Iterable[Bad], sums: Iterable[FoundT]) -> Iterator[FoundT | Bad]:
    """Bad entries while they are gathered, then what comes of all that was read, then where it broke off.

    Raises LogError if the log broke off before it told of any function.
    """
    damage = None
    for gathering in gatherings:
        try:
            yield from gathering
        except LogError as error:
            damage = error
    empty = True
    for each in sums:
        empty = False
        yield each
    if damage and empty:
        raise damage
    if damage:
        yield Bad("the rest", damage.message)


def seconds_of(unit: str) -> float:
    """The seconds of one sample, where a user tells its interval: `10ms`, or a unit alone.

    Raises ValueError with the reason if there are none.
    """
    found = _INTERVAL.fullmatch(unit)
    if found is None:
        raise ValueError("the unit of the counts is not given")
    seconds, base = to_base(float(found[1] or 1), found[2])
    if base != "s":
        raise ValueError("the unit of the counts is not one of time")
    return seconds
