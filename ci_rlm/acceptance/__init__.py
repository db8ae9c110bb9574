"""Costs that people accept, with a reason each: comments, a baseline, trailers of commits, a label.

Each word is a `Waiver`, whoever gave it. `settle` takes the level of the verdicts that one covers, and
tells which words accept nothing. A failing gate stays as strict as it was wherever a word is unclear.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from ci_rlm.acceptance import comments
from ci_rlm.acceptance.waiver import Waiver
from ci_rlm.flow import Acceptance, Change, FileChange, Level, Means, Notice, Unit, Verdict

_ORDER = (Means.COMMENT, Means.BASELINE, Means.TRAILER, Means.LABEL)
"""Whose word is told where several accept one verdict: the one that lies nearest to the code."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What may accept a cost, gathered before the check."""

    comments: bool = True
    """Comments in the code do."""
    today: date | None = None
    """The day that comments expire by: that of the head's commit, so that no clock decides a verdict."""
    words: tuple[Waiver | Notice, ...] = ()
    """Given elsewhere than in the code."""
    trailers: bool = False
    """A commit's message can accept what fails."""

    def of(self, files: Iterable[FileChange], changes: Iterable[Change]) -> tuple[Waiver | Notice, ...]:
        """All words on a change."""
        return (*(comments.waivers(files, changes) if self.comments else ()), *self.words)


def settle(
    verdicts: Iterable[Verdict], words: Iterable[Waiver | Notice], today: date | None = None
) -> tuple[tuple[Verdict, ...], tuple[Notice, ...]]:
    """The verdicts with those that are accepted, in their order, and the words that accept nothing."""
    judged, given = tuple(verdicts), tuple(words)
    waivers = [word for word in given if isinstance(word, Waiver)]
    notices = [word for word in given if isinstance(word, Notice)]
    book = _Book(sorted(waivers, key=lambda waiver: _ORDER.index(waiver.means)), today)
    settled = tuple(map(book.accepted, judged))
    notices += book.idle(judged)
    return settled, tuple(
        sorted(set(notices), key=lambda each: (each.means, each.source, each.line, each.text))
    )


class _Book:
    """Waivers by the function that they name, and which of them were needed."""

    def __init__(self, waivers: Sequence[Waiver], today: date | None) -> None:
        self._waivers = waivers
        self._today = today
        self._used: set[int] = set()
        self._by_function: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, waiver in enumerate(waivers):
            self._by_function[waiver.path, waiver.name].append(number)

    def accepted(self, verdict: Verdict) -> Verdict:
        """The verdict without its level, if someone accepts it."""
        if verdict.level is Level.NONE:
            return verdict
        unit = verdict.comparison.change.unit
        numbers = (*self._by_function[str(unit.path), unit.name], *self._by_function["", ""])
        covering = [number for number in sorted(numbers) if self._covers(self._waivers[number], verdict)]
        self._used.update(covering)
        if not covering:
            return verdict
        waiver = self._waivers[covering[0]]
        word = Acceptance(waiver.means, waiver.source, waiver.reason, verdict.level)
        return replace(verdict, level=Level.NONE, accepted=word)

    def _covers(self, waiver: Waiver, verdict: Verdict) -> bool:
        return not waiver.expired(self._today) and waiver.covers(verdict)

    def idle(self, verdicts: Iterable[Verdict]) -> Iterator[Notice]:
        """What there is to say of each waiver that no verdict needed."""
        changes = [verdict.comparison.change for verdict in verdicts]
        before = {(str(unit.path), unit.name) for change in changes if (unit := change.before)}
        after = {(str(unit.path), unit.name): unit for change in changes if (unit := change.after)}
        for number, waiver in enumerate(self._waivers):
            function = waiver.path, waiver.name
            needed = number in self._used
            text = "" if needed else self._why_idle(waiver, after.get(function), gone=function in before)
            if text:
                yield Notice(waiver.means, waiver.source, text, waiver.line)

    def _why_idle(self, waiver: Waiver, unit: Unit | None, *, gone: bool) -> str:
        """One clause; empty for a label, or an entry of a baseline, that just has nothing to do."""
        if waiver.expired(self._today):
            return f"expired on {waiver.until}: {waiver.target} is judged as without it"
        if waiver.means is Means.BASELINE:
            stale = gone if unit is None else not waiver.fits(unit)
            return f"stale: {waiver.target} has changed, moved or gone since" if stale else ""
        if unit is not None:
            return f"unused: this change makes {waiver.target} no costlier than its limits allow"
        return (
            f"accepts nothing: the change has no function {waiver.path}::{waiver.name}" if waiver.path else ""
        )
