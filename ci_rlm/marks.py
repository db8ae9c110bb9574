"""Two versions of a text as one, each line marked: what both have, before alone, or after alone.

The marks are those of a unified diff with all of its context. Prompts of changes are written so,
and a tokenizer reads the marks as what they are, not as text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from enum import IntEnum

MOST_LINES = 300
"""Lines of a side, less those that both have at their ends, that are matched one by one. More are one
rewrite: the time for that grows with their cube where every second line is the same (0.1 s here, 4 s
for 1,000 lines), and a stranger writes them. So many lines fill a model of 2,048 tokens anyway."""


class Side(IntEnum):
    """Which version a piece of text is of."""

    BOTH = 0
    BEFORE = 1
    AFTER = 2


MARKS = {Side.BOTH: " ", Side.BEFORE: "-", Side.AFTER: "+"}
_SIDES = {mark: side for side, mark in MARKS.items()}


def marked(before: str, after: str) -> str:
    """Both texts as one: lines without their marks and those of the other side are each text again."""
    left, right = before.split("\n"), after.split("\n")
    return "\n".join(MARKS[side] + line for side, line in _lines(left, right))


def swapped(text: str) -> str:
    """The marked text of the same two versions the other way round."""
    return marked(version(text, Side.AFTER), version(text, Side.BEFORE))


def version(text: str, side: Side) -> str:
    """One version of a marked text."""
    return "\n".join(line[1:] for line in text.split("\n") if _side_of(line) in (Side.BOTH, side))


def unmarked(text: str) -> tuple[str, list[tuple[int, Side]]]:
    """A marked text without its marks, and its sides: (end, side) of each stretch, ends ascending.

    An end is a place in characters, and lies behind the line's newline. A line without a mark, which
    `marked` never writes, is read as one that both versions have.
    """
    lines = text.split("\n")
    ends: list[tuple[int, Side]] = []
    place = 0
    for line in lines:
        side, place = _side_of(line), place + len(line) - (line[:1] in _SIDES) + 1
        if ends and ends[-1][1] is side:
            ends.pop()
        ends.append((place, side))
    return "\n".join(line[1:] if line[:1] in _SIDES else line for line in lines), ends


def _side_of(line: str) -> Side:
    return _SIDES.get(line[:1], Side.BOTH)


def _lines(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[Side, str]]:
    least = min(len(left), len(right))
    head = next((at for at in range(least) if left[at] != right[at]), least)
    room = least - head
    tail = next((at for at in range(room) if left[-1 - at] != right[-1 - at]), room)
    yield from ((Side.BOTH, line) for line in left[:head])
    yield from _middle(left[head : len(left) - tail], right[head : len(right) - tail])
    yield from ((Side.BOTH, line) for line in left[len(left) - tail :])


def _middle(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[Side, str]]:
    if max(len(left), len(right)) > MOST_LINES:
        steps = [("replace", 0, len(left), 0, len(right))]
    else:
        steps = list(SequenceMatcher(None, left, right, autojunk=False).get_opcodes())
    for tag, first, last, other_first, other_last in steps:
        if tag == "equal":
            yield from ((Side.BOTH, line) for line in left[first:last])
        else:
            yield from ((Side.BEFORE, line) for line in left[first:last])
            yield from ((Side.AFTER, line) for line in right[other_first:other_last])
