"""Known-bad and neutral edits put into functions of a repository, to try a gate on them.

A file is read, parsed and written anew by `ast.unparse` with one edit of `training/edits/` in one of
its functions; nothing of it is run. So no cost is measured here: that an edit is bad or neutral is
known from its kind, and how surely, from what that kind did to measured programs (`effects.py`).
"""

from __future__ import annotations

import ast
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath

from ci_rlm import extract
from ci_rlm.flow import Change, FileChange
from ci_rlm.training import edits
from ci_rlm.training.edits import Edit
from ci_rlm.training.edits.syntax import FUNCTIONS, Code
from ci_rlm.training.edits.syntax import Change as Rewriting
from ci_rlm.training.effects import Effect

MAX_CHARACTERS = 200_000
"""A longer file is left out: to look for places in 10,000 lines takes ten seconds."""
_FILES_A_FUNCTION = 10
_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


@dataclass(frozen=True, slots=True)
class Injection:
    """One edit in one function, before and after; a bad one is dearer after."""

    edit: Edit
    reversed: bool
    """The edit makes code cheaper, so what it makes is the side before."""
    change: Change
    line: int
    """Where the function begins in the file as it is; the sides of the change are laid out anew."""

    @property
    def bad(self) -> bool:
        """Whether it is meant to cost more; else it is meant to change nothing."""
        return not self.edit.neutral


@dataclass(frozen=True, slots=True)
class Drawn:
    """What one function is tried with."""

    bad: Injection
    neutral: Injection | None
    """None where no neutral edit applies."""

    @property
    def injections(self) -> tuple[Injection, ...]:
        """Those that are there."""
        return (self.bad, self.neutral) if self.neutral else (self.bad,)


def draw(
    paths: Iterable[PurePosixPath],
    read: Callable[[PurePosixPath], str | None],
    effects: Mapping[str, Effect],
    *,
    functions: int,
    seed: int,
) -> Iterator[Drawn]:
    """At most so many functions in which a known-bad edit applies, each with its edits.

    `read` gives a file's text, or None for one that is no code. The files take turns in a random
    order, a function each, so that a few large ones do not fill the sample; each is read when its
    first turn comes, and at most ten files a function are. The same for the same files and seed.
    """
    bad = [edit for edit in edits.EFFICIENCY if (found := effects.get(edit.name)) and found.bad]
    neutral = [edit for edit in edits.NEUTRAL if (found := effects.get(edit.name)) and found.neutral]
    ordered = sorted(paths)
    random.Random(f"{seed}:files").shuffle(ordered)
    chosen = ordered[: _FILES_A_FUNCTION * functions]
    yield from islice(_round_robin(_in_file(path, read, bad, neutral, seed) for path in chosen), functions)


def _round_robin(sources: Iterable[Iterator[Drawn]]) -> Iterator[Drawn]:
    """The first of each source, then the second of each, and so on; a source is made when its turn comes."""
    left: Iterable[Iterator[Drawn]] = sources
    while True:
        again = []
        for source in left:
            drawn = next(source, None)
            if drawn is not None:
                again.append(source)
                yield drawn
        if not again:
            return
        left = again


def _in_file(
    path: PurePosixPath,
    read: Callable[[PurePosixPath], str | None],
    bad: Sequence[Edit],
    neutral: Sequence[Edit],
    seed: int,
) -> Iterator[Drawn]:
    """The functions of one file that a bad edit applies to, in a random order."""
    text = read(path)
    if text is None or len(text) > MAX_CHARACTERS:
        return
    chance = random.Random(f"{seed}:{path}")
    try:
        code = Code(text)
        worse, even = _by_function(code, bad), _by_function(code, neutral)
    except _UNREADABLE:
        return
    functions = list(worse)
    chance.shuffle(functions)
    for function in functions:
        injected = _first(path, code, function, worse, chance)
        if injected:
            yield Drawn(injected, _first(path, code, function, even, chance))


Places = dict[ast.AST, list[tuple[Edit, Rewriting]]]


def _by_function(code: Code, library: Sequence[Edit]) -> Places:
    """Where edits apply, by the function that alone they touch, in the order of the text."""
    found: Places = defaultdict(list)
    for edit in library:
        for rewriting in edit.find(code):
            holders = {_holder(code, node) for node in rewriting.swaps}
            if len(holders) == 1 and (holder := holders.pop()) is not None:
                found[holder].append((edit, rewriting))
    return dict(sorted(found.items(), key=lambda item: _line(item[0])))


def _holder(code: Code, node: ast.AST) -> ast.AST | None:
    """The innermost function around a node, or the node itself; None at the level of the module."""
    return next((each for each in (node, *code.up(node)) if isinstance(each, FUNCTIONS)), None)


def _line(function: ast.AST) -> int:
    return int(getattr(function, "lineno", 0))


def _first(
    path: PurePosixPath, code: Code, function: ast.AST, places: Places, chance: random.Random
) -> Injection | None:
    """The first of a function's edits, in a random order of kinds, that changes it and no other one."""
    rewritings = list(places.get(function, ()))
    chance.shuffle(rewritings)
    keys = {edit.name: chance.random() ** (1 / edit.weight) for edit, _ in rewritings}
    for edit, rewriting in sorted(rewritings, key=lambda place: keys[place[0].name], reverse=True):
        sides = _sides(code, edit, rewriting)
        change = _the_change(path, *sides) if sides else None
        if change:
            return Injection(edit, edit.direction == "cheaper", change, _line(function))
    return None


def _sides(code: Code, edit: Edit, rewriting: Rewriting) -> tuple[str, str] | None:
    """The file before and after, the dearer side after; None if the edit cannot be written."""
    made = code.after(rewriting)
    if made is None:
        return None
    return (made, code.text) if edit.direction == "cheaper" else (code.text, made)


def _the_change(path: PurePosixPath, before: str, after: str) -> Change | None:
    """What differs, if that is one function on both sides, and unequal; helpers may be new or gone."""
    file = FileChange(path, path, before.encode(), after.encode())
    found = [change for change in extract.changes([file]) if isinstance(change, Change)]
    both = [change for change in found if change.before and change.after]
    return both[0] if len(both) == 1 and not both[0].equal else None
