"""Changes to learn from: two programs of one family or of one problem, drawn anew each epoch.

A program and its edits are a family: any two of them are a change, and its ratios are known
wherever both were measured at one input size. So are two solutions of one problem, which differ
more than a pull request's versions do, and teach what makes a difference.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Sequence

from ci_rlm.training.programs import Numbers, Program

SOLUTIONS = 0.2
"""Share of the changes that are two solutions of a problem."""
FROM_ORIGINAL = 0.6
"""Share of a family's changes with its unedited program on one side."""
_TRIES = 4

Places = tuple[int, int]
"""Which program is before, and which after."""


class Changes:
    """What changes can be drawn from some programs."""

    def __init__(self, programs: Sequence[Program]) -> None:
        families: dict[str, list[int]] = defaultdict(list)
        problems: dict[str, dict[str, int]] = defaultdict(dict)
        self._measured: list[frozenset[tuple[float, int]]] = []
        """Of each program, the sizes with the metrics that were measured there."""
        for place, program in enumerate(programs):
            self._measured.append(_measured(program.numbers))
            families[program.family].append(place)
            # The unedited program of a family comes first.
            problems[program.problem].setdefault(program.family, place)
        self._families = [members for members in families.values() if len(members) > 1]
        self._problems = [list(firsts.values()) for firsts in problems.values() if len(firsts) > 1]

    def draw(self, count: int, chance: random.Random) -> list[Places]:
        """So many changes, either way round, fewer where there are no such programs."""
        share = SOLUTIONS if self._families and self._problems else float(bool(self._problems))
        solutions = round(share * count)
        edits = count - solutions if self._families else 0
        drawn = self._drawn(self._families, edits, FROM_ORIGINAL, chance)
        drawn += self._drawn(self._problems, solutions, 0.0, chance)
        return [places if chance.random() < 0.5 else places[::-1] for places in drawn]

    def _drawn(
        self, groups: list[list[int]], count: int, from_first: float, chance: random.Random
    ) -> list[Places]:
        # A group of n is drawn for each of its n - 1 changes that start from one program.
        weights = [len(members) - 1 for members in groups]
        chosen = chance.choices(groups, weights, k=count) if count else []
        found = (self._two_of(members, from_first, chance) for members in chosen)
        return [places for places in found if places is not None]

    def _two_of(self, members: list[int], from_first: float, chance: random.Random) -> Places | None:
        for _ in range(_TRIES):
            first = members[0] if chance.random() < from_first else chance.choice(members)
            second = chance.choice(members)
            if first != second and not self._measured[first].isdisjoint(self._measured[second]):
                return first, second
        return None


def _measured(numbers: Numbers) -> frozenset[tuple[float, int]]:
    return frozenset((row[0], at) for row in numbers for at, cost in enumerate(row[1:]) if cost > 0)


def ratios(before: Numbers, after: Numbers) -> Numbers:
    """Size, then after ÷ before of each metric, for every size at which both were measured.

    NaN where either side lacks the metric; a size at which nothing compares is left out.
    """
    known = {row[0]: row[1:] for row in before}
    found = []
    for size, *costs in after:
        if size in known:
            row = tuple(
                b / a if a > 0 and b > 0 else math.nan for a, b in zip(known[size], costs, strict=True)
            )
            if not all(map(math.isnan, row)):
                found.append((size, *row))
    return tuple(found)
