"""Which hunk moves a prediction: each is reverted in turn, and the model is asked again.

A hunk is put to the test twice: taken from the whole change (the version after against itself with
that hunk reverted), and made alone (the version before against itself with that hunk alone). The
mean of both is its effect. Where two hunks lean on each other, the first test says what either is
worth with the other, the second what without; of a change of two hunks their mean is the Shapley
value (Shapley, "A value for n-person games", 1953), and of more it is that value's two outer terms.

Pure: questions are changes like any other, and whoever compares changes answers them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ci_rlm.extract.canonical import parses
from ci_rlm.extract.pair import is_equal
from ci_rlm.flow import Change, Comparison, Hunk, Outcome, Skipped, Span, Unit, Verdict
from ci_rlm.marks import MARKS, Side, marked

MOST_CHANGES = 10
"""Changes of several hunks that are explained in one report, the worst first."""
MOST_HUNKS = 8
"""Hunks of a change that are told apart: of more, those that are nearest to each other are one."""

Answers = Iterable[tuple[Comparison, ...] | Skipped]
Compare = Callable[[Sequence[Change]], Answers]
"""From changes to the comparisons of each, in order, one a metric."""

_CLAIMS = (Outcome.REGRESSED, Outcome.IMPROVED)
_WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of lines that a change rewrites, in each source of its units, counted from 0."""

    before: range
    after: range


@dataclass(frozen=True, slots=True)
class Trials:
    """What the model is asked about one piece."""

    taken: Change
    """From the version after without the piece to the whole version after."""
    alone: Change
    """From the version before to the one with the piece alone."""


def explained(
    verdicts: Sequence[Verdict], compare: Compare, *, most: int = MOST_CHANGES, whatever: bool = False
) -> tuple[tuple[Verdict, ...], int]:
    """The verdicts, worst first, with the hunks of those that claim a difference, or of `whatever` they say.

    Of changes of several hunks the first `most` are looked at; also told is how many are left.
    """
    asked = [verdict for verdict in verdicts if _explainable(verdict, whatever)]
    # By identity, since hashing a change hashes whole sources.
    changes = {id(verdict.comparison.change): verdict.comparison.change for verdict in asked}
    pieces = {key: pieces_of(change) for key, change in changes.items()}
    several = [key for key, found in pieces.items() if len(found) > 1]
    trials = {key: [trials_of(changes[key], piece) for piece in pieces[key]] for key in several[:most]}
    effects = _effects(trials, compare)
    told = {id(verdict): _hunks(verdict, pieces, effects) for verdict in asked}
    with_hunks = (replace(verdict, hunks=told.get(id(verdict), ())) for verdict in verdicts)
    return tuple(with_hunks), len(several[most:])


def pieces_of(change: Change) -> tuple[Piece, ...]:
    """What a change of both sides rewrites, top down; a piece that alters no token is left out.

    Pieces are apart by lines of some meaning, and of any the rest can be read without it: pieces of
    which one alone leaves a text that does not parse are one.
    """
    before, after = _sides(change)
    found = _across_blanks(list(_stretches(before.source, after.source)), before.source.split("\n"))
    found = _parted(change, _nearest_joined(found))
    return tuple(piece for piece in found if not trials_of(change, piece).taken.equal)


def trials_of(change: Change, piece: Piece) -> Trials:
    """A piece's two tests; what a unit leans on is the same on both sides of each."""
    before, after = _sides(change)
    lines = before.source.split("\n"), after.source.split("\n")
    rest = _with(after, lines[1], piece.after, lines[0][piece.before.start : piece.before.stop])
    own = _with(before, lines[0], piece.before, lines[1][piece.after.start : piece.after.stop])
    return Trials(_change(rest, after), _change(before, own))


def hunk_of(change: Change, piece: Piece, effect: float, share: float) -> Hunk:
    """A piece with its lines as those of the files."""
    before, after = _sides(change)
    return Hunk(_span(before, piece.before), _span(after, piece.after), effect, share)


def shares(effects: Sequence[float], direction: float) -> list[float]:
    """What part each has of all effects in the direction (1 or -1); those against it have none."""
    along = [max(direction * effect, 0.0) for effect in effects]
    total = math.fsum(along)
    return [part / total if total else 0.0 for part in along]


def _explainable(verdict: Verdict, whatever: bool) -> bool:
    change = verdict.comparison.change
    both = change.before is not None and change.after is not None and not change.equal
    return both and (whatever or verdict.outcome in _CLAIMS)


def _effects(trials: dict[int, list[Trials]], compare: Compare) -> dict[tuple[int, str], list[float]]:
    """The effect of each piece, by change and metric."""
    asked = [change for each in trials.values() for trial in each for change in (trial.taken, trial.alone)]
    answers = iter(compare(asked) if asked else ())
    effects: dict[tuple[int, str], list[float]] = {}
    for key, each in trials.items():
        pairs = [(_log_ratios(next(answers)), _log_ratios(next(answers))) for _ in each]
        for metric in set.intersection(*(set(taken) & set(alone) for taken, alone in pairs)):
            effects[key, metric] = [(taken[metric] + alone[metric]) / 2 for taken, alone in pairs]
    return effects


def _log_ratios(answer: tuple[Comparison, ...] | Skipped) -> dict[str, float]:
    """ln(after / before) of each metric that is known."""
    if isinstance(answer, Skipped):
        return {}
    ratios = {each.metric.name: each.slowdown.mid for each in answer if each.slowdown is not None}
    return {metric: math.log(ratio) for metric, ratio in ratios.items() if 0 < ratio < math.inf}


def _hunks(
    verdict: Verdict, pieces: dict[int, tuple[Piece, ...]], effects: dict[tuple[int, str], list[float]]
) -> tuple[Hunk, ...]:
    """Best first; empty where the change was not looked at."""
    comparison = verdict.comparison
    change, found = comparison.change, pieces[id(comparison.change)]
    total = _log_ratios((comparison,)).get(comparison.metric.name, 0.0)
    if len(found) == 1:
        return (hunk_of(change, found[0], total, 1.0),)
    of_each = effects.get((id(change), comparison.metric.name))
    if of_each is None:
        return ()
    direction = math.copysign(1.0, total)
    told = [
        hunk_of(change, piece, effect, share)
        for piece, effect, share in zip(found, of_each, shares(of_each, direction), strict=True)
    ]
    return tuple(sorted(told, key=lambda hunk: -direction * hunk.effect))


def _stretches(before: str, after: str) -> Iterator[Piece]:
    """The runs of lines that are not of both texts."""
    at = {Side.BEFORE: 0, Side.AFTER: 0}
    start = dict(at)
    for line in [*marked(before, after).split("\n"), MARKS[Side.BOTH]]:
        if line[:1] != MARKS[Side.BOTH]:
            at[Side.BEFORE if line[:1] == MARKS[Side.BEFORE] else Side.AFTER] += 1
            continue
        piece = Piece(*(range(start[side], at[side]) for side in at))
        if piece.before or piece.after:
            yield piece
        at = {side: line_number + 1 for side, line_number in at.items()}
        start = dict(at)


def _across_blanks(pieces: list[Piece], lines: Sequence[str]) -> list[Piece]:
    """Pieces with nothing but blank lines and brackets between them, as one."""
    joined: list[Piece] = []
    for piece in pieces:
        between = lines[joined[-1].before.stop : piece.before.start] if joined else []
        if joined and not any(map(_WORD.search, between)):
            piece = _joined(joined.pop(), piece)
        joined.append(piece)
    return joined


def _nearest_joined(pieces: list[Piece]) -> list[Piece]:
    """At most `MOST_HUNKS`: those with the fewest lines between them as one, the first of equals."""
    joined = list(pieces)
    while len(joined) > MOST_HUNKS:
        gaps = [right.before.start - left.before.stop for left, right in pairwise(joined)]
        _join_at(joined, gaps.index(min(gaps)))
    return joined


def _parted(change: Change, pieces: list[Piece]) -> list[Piece]:
    """Pieces of which each can be made or reverted alone; one that cannot is joined with the next."""
    if not all(parses(unit.source, unit.language) for unit in _sides(change)):
        return pieces
    joined, at = list(pieces), 0
    while at < len(joined) > 1:
        if _reads(trials_of(change, joined[at])):
            at += 1
        else:
            at = min(at, len(joined) - 2)
            _join_at(joined, at)
    return joined


def _reads(trials: Trials) -> bool:
    units = trials.taken.before, trials.alone.after
    return all(unit is not None and parses(unit.source, unit.language) for unit in units)


def _join_at(pieces: list[Piece], at: int) -> None:
    pieces[at : at + 2] = [_joined(pieces[at], pieces[at + 1])]


def _joined(left: Piece, right: Piece) -> Piece:
    return Piece(range(left.before.start, right.before.stop), range(left.after.start, right.after.stop))


def _sides(change: Change) -> tuple[Unit, Unit]:
    if change.before is None or change.after is None:
        raise ValueError("a change of one side has no hunks")
    return change.before, change.after


def _with(unit: Unit, lines: Sequence[str], place: range, instead: Sequence[str]) -> Unit:
    return replace(unit, source="\n".join([*lines[: place.start], *instead, *lines[place.stop :]]))


def _change(before: Unit, after: Unit) -> Change:
    return Change(before, after, is_equal(before, after))


def _span(unit: Unit, lines: range) -> Span | None:
    first = unit.span.first
    return Span(first + lines.start, first + lines.stop - 1) if lines else None
