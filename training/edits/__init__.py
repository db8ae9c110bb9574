"""Edits such as a pull request makes, each with what it should do to the cost.

Efficiency edits make a program costlier or cheaper, neutral ones neither; most have an inverse
here. None is trusted: an edited program counts only if it gives the answers of the program it
came from, and its cost is measured, not assumed.

Both sides of a pair are written by `ast.unparse`, so they differ by the edit alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ci_rlm.training.edits import (
    branches,
    buildup,
    calls,
    forms,
    membership,
    memories,
    naming,
    rounds,
    scripts,
    spelling,
    stores,
    streams,
)
from ci_rlm.training.edits.edit import Edit
from ci_rlm.training.edits.syntax import Change, Code

__all__ = [
    "EFFICIENCY",
    "NEUTRAL",
    "NEUTRAL_NAMES",
    "SEVERAL",
    "Edit",
    "Edited",
    "edits_of",
    "kind_of",
    "sites",
]

EFFICIENCY: tuple[Edit, ...] = (
    *forms.FORMS,
    *membership.EDITS,
    *stores.EDITS,
    *streams.EDITS,
    *rounds.EDITS,
    *buildup.EDITS,
    *memories.EDITS,
    *scripts.EDITS,
    *calls.EFFICIENCY,
)
NEUTRAL: tuple[Edit, ...] = (*naming.EDITS, *branches.EDITS, *spelling.EDITS, *calls.NEUTRAL)
SEVERAL = "several_neutral"
"""The kind of two to four neutral edits at once, as real pull requests have."""
NEUTRAL_NAMES = frozenset({SEVERAL, *(edit.name for edit in NEUTRAL)})

_SEVERAL_SHARE = 0.25
_MOST_COMPOSITES = 12
_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


@dataclass(frozen=True, slots=True)
class Edited:
    """A program before and after one edit."""

    edit: str
    """The kind; a further place of the same kind is numbered: `kind.2`."""
    neutral: bool
    before: str
    after: str


def kind_of(edit_name: str) -> str:
    """The kind of an edit: its name without a number."""
    return edit_name.partition(".")[0]


def sites(text: str) -> dict[str, int]:
    """In how many places of a text each kind applies; kinds that do not are left out.

    A text that does not parse has none.
    """
    try:
        code = Code(text)
    except _UNREADABLE:
        return {}
    counts = {edit.name: sum(1 for _ in edit.find(code)) for edit in (*EFFICIENCY, *NEUTRAL)}
    return {name: count for name, count in counts.items() if count}


def edits_of(text: str, *, efficiency: int, neutral: int, seed: str) -> list[Edited]:
    """At most so many edits of each sort, drawn from those that apply; the same for a seed.

    Kinds differ as long as enough apply; then further places of the same kinds follow. About
    every fourth neutral edit is a composite of several. Who asks for more gets the same and more.
    """
    try:
        code = Code(text)
    except _UNREADABLE:
        return []
    quicker = islice(_drawn(code, EFFICIENCY, random.Random(f"{seed}:efficiency")), efficiency)
    return [*quicker, *islice(_neutral(code, seed), neutral)]


def _neutral(code: Code, seed: str) -> Iterator[Edited]:
    """Single edits and composites in random turns, until both are exhausted."""
    turns = random.Random(f"{seed}:turns")
    single = _drawn(code, NEUTRAL, random.Random(f"{seed}:neutral"))
    several = _composites(code, random.Random(f"{seed}:{SEVERAL}"))
    while True:
        first, second = (several, single) if turns.random() < _SEVERAL_SHARE else (single, several)
        found = next(first, None) or next(second, None)
        if found is None:
            return
        yield found


def _drawn(code: Code, library: Sequence[Edit], chance: random.Random) -> Iterator[Edited]:
    """Edits of one sort: a place of each kind in turn, kinds in a weighted order."""
    made = {code.text}
    left = [(edit, _changes(edit, code, chance)) for edit in _shuffled(library, chance)]
    number = 1
    while left:
        again = []
        for edit, changes in left:
            after = _next_text(code, changes, made)
            if after is not None:
                made.add(after)
                again.append((edit, changes))
                name = edit.name if number == 1 else f"{edit.name}.{number}"
                yield Edited(name, edit.neutral, code.text, after)
        left, number = again, number + 1


def _changes(edit: Edit, code: Code, chance: random.Random) -> Iterator[Change]:
    """The places of one kind in a random order, found when the first is asked for."""
    places = list(edit.find(code))
    chance.shuffle(places)
    yield from places


def _next_text(code: Code, changes: Iterator[Change], made: set[str]) -> str | None:
    texts = (code.after(change) for change in changes)
    return next((text for text in texts if text is not None and text not in made), None)


def _shuffled(library: Sequence[Edit], chance: random.Random) -> list[Edit]:
    """A random order in which edits of more weight tend to come first."""
    keys = {edit.name: chance.random() ** (1 / edit.weight) for edit in library}
    return sorted(library, key=lambda edit: keys[edit.name], reverse=True)


def _composites(code: Code, chance: random.Random) -> Iterator[Edited]:
    """Two to four neutral edits, each made on the result of the last; a few of them."""
    made = {code.text}
    for number in range(1, _MOST_COMPOSITES + 1):
        text, steps = code.text, 0
        for _ in range(chance.randint(2, 4)):
            step = next(_drawn(Code(text), NEUTRAL, chance), None)
            if step is not None:
                text, steps = step.after, steps + 1
        if steps > 1 and text not in made:
            made.add(text)
            yield Edited(SEVERAL if number == 1 else f"{SEVERAL}.{number}", True, code.text, text)
