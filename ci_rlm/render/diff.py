"""A unit's two versions as a unified diff: text in the document, numbered lines on a page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypedDict

from ci_rlm.flow import Change, Unit
from ci_rlm.marks import MARKS, Side, marked
from ci_rlm.render.text import clipped, storable

CONTEXT = 3
"""Lines of both versions that stay on either side of a difference, as git has it."""
MOST_LINES = 400
"""Of one diff."""
MOST_CHARACTERS = 400
"""Of one line: more is data, or a prank."""
MOST_DIFFED = 2_000_000
"""Characters of all diffs of a report; the worst functions come first."""

_BOTH, _BEFORE, _AFTER = MARKS[Side.BOTH], MARKS[Side.BEFORE], MARKS[Side.AFTER]
_HEAD = re.compile(r"@@ -(\d{1,9}),\d+ \+(\d{1,9}),\d+ @@")


class DiffRow(TypedDict):
    """What changed in one function, for its rows: those of the same path, name and line."""

    path: str
    name: str
    line: int
    text: str
    """Hunks of a unified diff, numbered by the lines of the files."""
    cut: bool
    """Lines, or parts of long ones, are left out."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a diff, with its number in each version that has it."""

    sign: str
    """`+`, `-`, or a space for a line of both versions."""
    text: str
    before: int | None
    after: int | None


def rows(changes: Iterable[Change]) -> Iterator[DiffRow]:
    """What changed, once a function, in order and as far as `MOST_DIFFED` goes.

    Functions that are equal or removed have none, nor have those that only moved.
    """
    shown = {change.unit: change for change in changes if change.after and not change.equal}
    left = MOST_DIFFED
    for unit, change in shown.items():
        text, cut = unified(change)
        left -= len(text)
        if left < 0:
            return
        if text:
            path, name = storable(str(unit.path)), storable(unit.name)
            yield {"path": path, "name": name, "line": unit.span.first, "text": storable(text), "cut": cut}


def unified(change: Change) -> tuple[str, bool]:
    """The hunks of a unified diff, with the files' line numbers, and whether anything was left out.

    A new or a removed unit differs in every line; of two equal sources nothing is left.
    """
    lines = tuple(_numbered(_signed(change), _first(change.before), _first(change.after)))
    places = _near_differences(lines)
    cut = len(places) > MOST_LINES or any(len(lines[place].text) > MOST_CHARACTERS for place in places)
    runs = groupby(enumerate(places[:MOST_LINES]), key=lambda pair: pair[1] - pair[0])
    return "".join(_written([lines[place] for _, place in run]) for _, run in runs), cut


def read(text: str) -> Iterator[tuple[Line, ...]]:
    """The hunks of a unified diff; what is no line of a hunk is passed over."""
    hunk: list[str] = []
    before = after = 0
    for line in (*text.split("\n"), "@@ -0,0 +0,0 @@"):
        head = _HEAD.match(line)
        if head is None:
            hunk.append(line)
            continue
        if before or after:
            yield tuple(_numbered(hunk, before, after))
        hunk, before, after = [], int(head[1]), int(head[2])


def _signed(change: Change) -> Iterable[str]:
    """Every line of both versions behind its sign."""
    before, after = change.before, change.after
    if before and after:
        return marked(before.source, after.source).split("\n")
    sign = _BEFORE if before else _AFTER
    return [sign + line for line in change.unit.source.split("\n")]


def _first(unit: Unit | None) -> int:
    return unit.span.first if unit else 0


def _numbered(signed: Iterable[str], before: int, after: int) -> Iterator[Line]:
    for line in signed:
        sign, text = line[:1], line[1:]
        if sign == _BOTH:
            yield Line(sign, text, before, after)
        elif sign == _BEFORE:
            yield Line(sign, text, before, None)
        elif sign == _AFTER:
            yield Line(sign, text, None, after)
        before, after = before + (sign in (_BOTH, _BEFORE)), after + (sign in (_BOTH, _AFTER))


def _near_differences(lines: Sequence[Line]) -> list[int]:
    """Places of the lines that differ and of those around them, ascending."""
    differing = [place for place, line in enumerate(lines) if line.sign != _BOTH]
    near = {place + step for place in differing for step in range(-CONTEXT, CONTEXT + 1)}
    return sorted(near & set(range(len(lines))))


def _written(hunk: Sequence[Line]) -> str:
    head = f"@@ -{_extent(line.before for line in hunk)} +{_extent(line.after for line in hunk)} @@"
    return "".join(f"{line}\n" for line in (head, *(_clipped(line) for line in hunk)))


def _clipped(line: Line) -> str:
    return line.sign + clipped(line.text, MOST_CHARACTERS)


def _extent(numbers: Iterable[int | None]) -> str:
    """Where a hunk starts on one side, and how many lines it has there."""
    there = [number for number in numbers if number is not None]
    return f"{there[0] if there else 0},{len(there)}"
