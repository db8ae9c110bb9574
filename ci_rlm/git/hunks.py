"""Hunks of a unified diff as values: apply them either way, and say which lines two texts differ in."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from io import BytesIO
from itertools import pairwise

from ci_rlm.flow import Span

Spans = tuple[Span, ...]

Block = tuple[int, int, int, int]
"""A stretch that differs: (start, end) of the left and (start, end) of the right."""

MOST_LINES = 1_000
"""Lines of both sides together, from the first difference to the last, that are matched one by one. The
time for that grows with their square and beyond, and a stranger writes them: 20,000 took 34 s."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Adjacent lines of one file on both sides, line ends included."""

    before_index: int
    """Where the before lines start, counted from 0."""
    after_index: int
    before: tuple[bytes, ...]
    after: tuple[bytes, ...]

    def reversed(self) -> Hunk:
        """The hunk that undoes this one."""
        return Hunk(self.after_index, self.before_index, self.after, self.before)


def apply_hunks(text: bytes, hunks: Sequence[Hunk]) -> bytes | None:
    """Replace each hunk's before lines by its after lines; None if they are not exactly there."""
    lines = split_lines(text)
    result: list[bytes] = []
    done = 0
    for hunk in hunks:
        end = hunk.before_index + len(hunk.before)
        fits = done <= hunk.before_index and end <= len(lines)
        if not fits or tuple(lines[hunk.before_index : end]) != hunk.before:
            return None
        result += lines[done : hunk.before_index]
        result += hunk.after
        done = end
    return b"".join(result + lines[done:])


def revert_hunks(text: bytes, hunks: Sequence[Hunk]) -> bytes | None:
    """The text that the hunks were applied to; None if their after lines are not exactly there."""
    return apply_hunks(text, [hunk.reversed() for hunk in hunks])


def touched_spans(before: bytes | None, after: bytes | None) -> tuple[Spans, Spans]:
    """The lines of each side that the other lacks, as spans; line ends alone do not count.

    Exact up to `MOST_LINES` from the first difference to the last. Past that, only lines that each
    side has once part what differs, and all between two of them counts: a touched line is never missed.
    """
    blocks = list(_differing(_bare_lines(before), _bare_lines(after)))
    return (
        tuple(Span(i + 1, j) for i, j, _, _ in blocks if i < j),
        tuple(Span(k + 1, m) for _, _, k, m in blocks if k < m),
    )


def split_lines(text: bytes) -> list[bytes]:
    """Lines with their ends, split at line feeds alone, as git does it."""
    return BytesIO(text).readlines()


def _differing(left: Sequence[bytes], right: Sequence[bytes]) -> Iterator[Block]:
    """What differs, in order."""
    whole = _trimmed(left, right, (0, len(left), 0, len(right)))
    i, j, k, m = whole
    if j - i + m - k > MOST_LINES:
        gaps = (_trimmed(left, right, gap) for gap in _between_anchors(left, right, whole))
        yield from (gap for gap in gaps if gap[0] < gap[1] or gap[2] < gap[3])
        return
    for tag, *(a, b, c, d) in SequenceMatcher(None, left[i:j], right[k:m]).get_opcodes():
        if tag != "equal":
            yield i + a, i + b, k + c, k + d


def _trimmed(left: Sequence[bytes], right: Sequence[bytes], block: Block) -> Block:
    """A block without the lines that both sides have at its ends."""
    i, j, k, m = block
    while i < j and k < m and left[i] == right[k]:
        i, k = i + 1, k + 1
    while i < j and k < m and left[j - 1] == right[m - 1]:
        j, m = j - 1, m - 1
    return i, j, k, m


def _between_anchors(left: Sequence[bytes], right: Sequence[bytes], block: Block) -> Iterator[Block]:
    """A block parted at its anchors: lines that each side has once there, in an order that both keep.

    They are the longest such run (patience sorting), found in n log n.
    """
    i, j, k, m = block
    once = {line for line, count in Counter(left[i:j]).items() if count == 1}
    once &= {line for line, count in Counter(right[k:m]).items() if count == 1}
    places = {right[at]: at for at in range(k, m)}
    pairs = [(at, places[left[at]]) for at in range(i, j) if left[at] in once]
    ends = [(i - 1, k - 1), *_ascending(pairs), (j, m)]
    for (a, b), (c, d) in pairwise(ends):
        yield a + 1, c, b + 1, d


def _ascending(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of pairs, whose first numbers ascend, in which the second ones do too."""
    tails: list[int] = []
    """The least last number of a run of each length."""
    lengths: list[int] = []
    for _, number in pairs:
        at = bisect_left(tails, number)
        tails[at : at + 1] = [number]
        lengths.append(at)
    run: list[tuple[int, int]] = []
    wanted = len(tails) - 1
    for pair, length in zip(reversed(pairs), reversed(lengths), strict=True):
        if length == wanted:
            run.append(pair)
            wanted -= 1
    return run[::-1]


def _bare_lines(text: bytes | None) -> list[bytes]:
    # A checkout under core.autocrlf ends its lines in CR LF where the blob has LF.
    return [line.rstrip(b"\r\n") for line in split_lines(text or b"")]
