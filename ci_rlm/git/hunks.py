"""Hunks of a unified diff as values: apply them either way, and say which lines two texts differ in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from io import BytesIO

from ci_rlm.flow import Span

Spans = tuple[Span, ...]

# Past this many lines between the first and the last difference, the whole stretch counts as touched.
_MOST_LINES = 20_000


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

    Exact up to 20,000 lines between the first and the last difference; past that the whole
    stretch counts, so a touched line is never missed.
    """
    left = _bare_lines(before)
    right = _bare_lines(after)
    start = _common_prefix(left, right)
    tail = _common_prefix(left[start:][::-1], right[start:][::-1])
    blocks = _differing(left[start : len(left) - tail], right[start : len(right) - tail])
    return (
        tuple(Span(start + i + 1, start + j) for i, j, _, _ in blocks if i < j),
        tuple(Span(start + k + 1, start + m) for _, _, k, m in blocks if k < m),
    )


def split_lines(text: bytes) -> list[bytes]:
    """Lines with their ends, split at line feeds alone, as git does it."""
    return BytesIO(text).readlines()


def _differing(left: list[bytes], right: list[bytes]) -> list[tuple[int, int, int, int]]:
    """Stretches that differ, as (start, end) of the left and (start, end) of the right."""
    if len(left) + len(right) > _MOST_LINES:
        return [(0, len(left), 0, len(right))]
    opcodes = SequenceMatcher(None, left, right).get_opcodes()
    return [(i, j, k, m) for tag, i, j, k, m in opcodes if tag != "equal"]


def _bare_lines(text: bytes | None) -> list[bytes]:
    # A checkout under core.autocrlf ends its lines in CR LF where the blob has LF.
    return [line.rstrip(b"\r\n") for line in split_lines(text or b"")]


def _common_prefix(left: list[bytes], right: list[bytes]) -> int:
    for count, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return count
    return min(len(left), len(right))
