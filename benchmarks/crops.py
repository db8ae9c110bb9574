"""Crops: what to keep of a program, or of the two sides of an edit, that is over a model's room.

A crop by itself sees one text. One of a pair sees both sides, and can keep what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise

PLAIN = "head"


@dataclass(frozen=True)
class Text:
    """A program as lines and their tokens. Before them the prompt has an opening that every crop keeps."""

    lines: list[str]
    pieces: list[list[int]]
    """The tokens of each line, with the newline before it."""

    @cached_property
    def body(self) -> list[int]:
        """All tokens."""
        return list(chain.from_iterable(self.pieces))


Crop = Callable[[Text, int], list[int]]
"""So many of a text's tokens, where it has more."""
Sides = tuple[list[int], list[int]]
PairCrop = Callable[[Text, Text, int], Sides]
"""The same for a text before and after an edit."""


def ends(share: float) -> Crop:
    """The head and the tail; `share` is the head's part."""

    def crop(text: Text, room: int) -> list[int]:
        front = round(share * room)
        return text.body[:front] + text.body[len(text.body) - (room - front) :]

    return crop


def middle(text: Text, room: int) -> list[int]:
    """What is left when as much is cut off at the head as at the tail."""
    start = (len(text.body) - room) // 2
    return text.body[start : start + room]


def lines_by(rank: Callable[[Text], Sequence[float]]) -> Crop:
    """Whole lines, least rank first and the sooner of equals, as long as they fit."""

    def crop(text: Text, room: int) -> list[int]:
        ranks, kept = rank(text), set()
        for line in sorted(range(len(ranks)), key=lambda line: ranks[line]):
            if len(text.pieces[line]) <= room:
                kept.add(line)
                room -= len(text.pieces[line])
        return list(chain.from_iterable(text.pieces[line] for line in sorted(kept)))

    return crop


def from_both_ends(text: Text) -> list[float]:
    """How far each line is from the nearer end."""
    return [min(line, len(text.lines) - 1 - line) for line in range(len(text.lines))]


def loops_first(text: Text) -> list[float]:
    """The innermost loops with all that encloses them, then what runs less often."""
    indents = [len(line) - len(line.lstrip(" ")) for line in text.lines]
    around: list[tuple[int, bool]] = []
    loops = []
    for line, indent in zip(text.lines, indents, strict=True):
        while around and around[-1][0] >= indent:
            around.pop()
        is_loop = line.lstrip().startswith(("for ", "while ", "async for "))
        loops.append(sum(loop for _, loop in around) + (is_loop or " for " in line))
        around.append((indent, is_loop))
    return [-max(loops[line : _block_end(indents, line)]) for line in range(len(loops))]


def _block_end(indents: Sequence[int], line: int) -> int:
    """One past the last line that is further in than this one, and follows it without a break."""
    inside = (at for at in range(line + 1, len(indents)) if indents[at] <= indents[line])
    return next(inside, len(indents))


def functions_alike(text: Text, room: int) -> list[int]:
    """The head of each definition; the long ones are cut to one length, the short ones stay whole."""
    opens = [at for at, line in enumerate(text.lines) if line.lstrip().startswith(("def ", "class "))]
    borders = sorted({0, *opens, len(text.lines)})
    parts = [list(chain.from_iterable(text.pieces[a:b])) for a, b in pairwise(borders)]
    longest = max(cap for cap in range(room + 1) if sum(min(len(part), cap) for part in parts) <= room)
    return list(chain.from_iterable(part[:longest] for part in parts))


CROPS: dict[str, Crop] = {
    PLAIN: ends(1.0),
    "head 3/4, tail 1/4": ends(0.75),
    "head 1/2, tail 1/2": ends(0.5),
    "head 1/4, tail 3/4": ends(0.25),
    "tail": ends(0.0),
    "middle": middle,
    "both ends, whole lines": lines_by(from_both_ends),
    "innermost loops first": lines_by(loops_first),
    "head of each function": functions_alike,
}


def apart(crop: Crop) -> PairCrop:
    """Each side cropped as if it were alone; one that fits stays whole."""

    def one(text: Text, room: int) -> list[int]:
        return crop(text, room) if len(text.body) > room else text.body

    return lambda before, after, room: (one(before, room), one(after, room))


def around(share: float) -> PairCrop:
    """A window about what changed; before it, `share` of the room is for the head."""

    def crop(before: Text, after: Text, room: int) -> Sides:
        front = round(share * room)
        longest = max(len(before.body), len(after.body))
        shared = common(before.body, after.body)
        shared_end = common(before.body[shared:][::-1], after.body[shared:][::-1])
        changed, window = longest - shared - shared_end, room - front
        start = max(front, min(shared - max(0, window - changed) // 2, longest - window))
        # Equally much is left out behind, so that the sides still end alike.
        behind = min(shared_end, max(0, longest - start - window))

        def one(body: list[int]) -> list[int]:
            return (body[:front] + body[start : len(body) - behind])[:room]

        return one(before.body), one(after.body)

    return crop


def about_first_difference(share: float) -> PairCrop:
    """The same with a window of each side's own: all that it need be told is where the sides part."""

    def crop(before: Text, after: Text, room: int) -> Sides:
        front, shared = round(share * room), common(before.body, after.body)

        def one(body: list[int]) -> list[int]:
            start = min(shared - (room - front) // 2, len(body) - (room - front))
            return body[:front] + body[max(front, start) :][: room - front]

        return one(before.body), one(after.body)

    return crop


def common(left: Sequence[int], right: Sequence[int]) -> int:
    """How many tokens two texts have in common from the first on."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(left), len(right)))


PAIR_CROPS: dict[str, PairCrop] = {
    **{name: apart(crop) for name, crop in CROPS.items()},
    "around the edit": around(0.0),
    "head 1/4, around the edit": around(0.25),
    "head 1/2, around the edit": around(0.5),
    "head 3/4, around the edit": around(0.75),
    "head 1/2, about the first difference": about_first_difference(0.5),
}
