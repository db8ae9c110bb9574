"""What predictors are asked in an evaluation: programs at their input sizes, and pairs of them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ci_rlm.comparing import LEAST, similarity
from ci_rlm.training import edits
from ci_rlm.training.corpus import METRICS, Example, Row
from ci_rlm.training.scores import Indices, Reals

Point = tuple[Example, Row]
Centres = NDArray[np.float64]
"""Log of each metric, predicted or measured: shape (points, metrics)."""

MANY = 8
"""A problem is ranked within when it has more solutions than this (Figure 3)."""
SEVERAL = 3
"""Fewer programs than this have no order to speak of."""
TELLING = 1.5
"""A ratio that is worth a word."""
NEAR = (512.0, 2048.0)
"""Sizes about the reference size of a gate."""
SOLUTIONS_CAP = 200
"""Pairs of solutions a problem and size at most."""
_CDSS = "# CDSS\n# Language: "


@dataclass(frozen=True, slots=True)
class Pair:
    """Two programs of one problem at one size: indices of points, before and after."""

    before: int
    after: int
    edit: str
    """The kind of edit between them; empty for two solutions of a problem."""


def is_near(point: Point) -> bool:
    """Whether a point's input size is about the reference size of a gate."""
    return NEAR[0] <= point[1].size <= NEAR[1]


def is_neutral(pair: Pair) -> bool:
    """Whether a pair's edit is meant to keep the cost."""
    return pair.edit in edits.NEUTRAL_NAMES


def points_of(examples: Sequence[Example]) -> list[Point]:
    """Every (program, input size), in order."""
    return [(example, row) for example in examples for row in example.rows]


def truth(points: Sequence[Point]) -> Centres:
    """Log of what was measured; nothing is read as the least that a prediction says, NaN is not known."""
    known = [[row.peak_memory, row.cpu_time] for _, row in points]
    costs = np.array(known, dtype=np.float64).reshape(-1, len(METRICS))
    return np.asarray(np.log(np.maximum(costs, [LEAST["B"], LEAST["s"]])))


def language_of(example: Example) -> str:
    """The language of a program, as its prompt says it (`training.texts` writes the prefixes)."""
    if example.text.startswith(_CDSS):
        return example.text.removeprefix(_CDSS).partition("\n")[0]
    return "triton" if example.text.startswith("KBSS\n") else "python"


def solution_pairs(points: Sequence[Point], cap: int = SOLUTIONS_CAP) -> list[Pair]:
    """Pairs of unedited solutions of one problem at one size, at most `cap` a problem and size."""
    groups: dict[tuple[str, float], list[int]] = defaultdict(list)
    for index, (example, row) in enumerate(points):
        if not example.edit:
            groups[example.problem, row.size].append(index)
    chance = np.random.default_rng(0)
    pairs: list[Pair] = []
    for members in groups.values():
        every = list(combinations(members, 2))
        chosen = chance.permutation(len(every))[:cap]
        pairs += [Pair(before, after, "") for before, after in (every[index] for index in sorted(chosen))]
    return pairs


def edit_pairs(points: Sequence[Point]) -> Iterator[Pair]:
    """A program and its edited self at one size."""
    plain = {(e.problem, e.record, row.size): i for i, (e, row) in enumerate(points) if not e.edit}
    for index, (example, row) in enumerate(points):
        before = plain.get((example.problem, example.original, row.size))
        if example.edit and before is not None:
            yield Pair(before, index, edits.kind_of(example.edit))


def pairs_of(points: Sequence[Point]) -> list[Pair]:
    """All pairs that an evaluation asks about: of solutions, then of edits."""
    return [*solution_pairs(points), *edit_pairs(points)]


def few(examples: Sequence[Example], split: str, count: int) -> list[Example]:
    """The examples without those of a split that are of other than its first `count` problems by hash."""
    names = {example.problem for example in examples if example.split == split}
    kept = set(sorted(names, key=lambda name: sha256(name.encode()).digest())[:count])
    return [example for example in examples if example.split != split or example.problem in kept]


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """Pairs of one kind, each both ways round, as arrays of M sides."""

    before: Indices
    after: Indices
    neutral: NDArray[np.bool_]
    """The edit is meant to keep the cost."""
    near: NDArray[np.bool_]
    """The input size is about the reference size of a gate."""
    owner: Indices
    """Whose problem it is."""
    alike: Reals
    """How alike the texts are near the reference size; 0 elsewhere."""

    def among(self, good: NDArray[np.bool_], place: Indices) -> Sides:
        """The sides of good points alone; `place` says where each point is among these."""
        kept = good[self.before] & good[self.after]
        return Sides(
            before=place[self.before[kept]],
            after=place[self.after[kept]],
            neutral=self.neutral[kept],
            near=self.near[kept],
            owner=self.owner[kept],
            alike=self.alike[kept],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """Points and pairs of one split, with what was measured of them.

    Shapes: N points, M sides (two a pair), C problems.
    """

    points: Sequence[Point]
    asked: Indices
    """Which of the points that predictors are asked about these are."""
    known: Centres
    problems: tuple[str, ...]
    """Sorted; `owner` and `Sides.owner` point here."""
    owner: Indices
    languages: tuple[str, ...]
    """Of each point."""
    plain: Indices
    """Points of unedited programs: edits are too much like them to be ranked beside them."""
    rankings: tuple[Indices, ...]
    """Points of the unedited programs of one problem, three or more, at its largest common size."""
    sides: dict[str, Sides]
    """`solutions`: two programs of one problem; `edits`: a program and its edited self."""

    @classmethod
    def of(cls, points: Sequence[Point], pairs: Sequence[Pair]) -> Questions:
        """The questions about points and pairs of them."""
        problems = sorted({example.problem for example, _ in points})
        place = {problem: index for index, problem in enumerate(problems)}
        owner = np.array([place[example.problem] for example, _ in points], dtype=np.intp)
        kinds: dict[str, Callable[[Pair], bool]] = {
            "solutions": lambda pair: not pair.edit,
            "edits": lambda pair: bool(pair.edit),
        }
        return cls(
            points=points,
            asked=np.arange(len(points)),
            known=truth(points),
            problems=tuple(problems),
            owner=owner,
            languages=tuple(language_of(example) for example, _ in points),
            plain=np.array([i for i, (example, _) in enumerate(points) if not example.edit], dtype=np.intp),
            rankings=tuple(_rankings(points)),
            sides={
                name: _sides([pair for pair in pairs if belongs(pair)], points, owner)
                for name, belongs in kinds.items()
            },
        )

    @property
    def near(self) -> Indices:
        """Points of unedited programs at sizes about the reference size of a gate."""
        sizes = np.array([row.size for _, row in self.points])[self.plain]
        return self.plain[(sizes >= NEAR[0]) & (sizes <= NEAR[1])]

    def measured(self, metric: int) -> Questions:
        """The questions about those points of which a metric was measured; of the same problems."""
        good = ~np.isnan(self.known[:, metric])
        if good.all():
            return self
        place, chosen = np.cumsum(good) - 1, np.flatnonzero(good)
        rankings = (place[members[good[members]]] for members in self.rankings)
        return Questions(
            points=[self.points[at] for at in chosen.tolist()],
            asked=self.asked[chosen],
            known=self.known[chosen],
            problems=self.problems,
            owner=self.owner[chosen],
            languages=tuple(self.languages[at] for at in chosen.tolist()),
            plain=place[self.plain[good[self.plain]]],
            rankings=tuple(members for members in rankings if len(members) >= SEVERAL),
            sides={name: sides.among(good, place) for name, sides in self.sides.items()},
        )


def _sides(pairs: Sequence[Pair], points: Sequence[Point], owner: Indices) -> Sides:
    before = np.array([pair.before for pair in pairs], dtype=np.intp)
    after = np.array([pair.after for pair in pairs], dtype=np.intp)
    texts = [example.text for example, _ in points]
    near = np.array([NEAR[0] <= points[pair.after][1].size <= NEAR[1] for pair in pairs], dtype=np.bool_)
    neutral = np.array([is_neutral(pair) for pair in pairs], dtype=np.bool_)
    return Sides(
        before=np.concatenate([before, after]),
        after=np.concatenate([after, before]),
        neutral=np.tile(neutral, 2),
        near=np.tile(near, 2),
        owner=np.tile(owner[before], 2),
        alike=np.tile(_alike(texts, before, after, near), 2),
    )


def _alike(texts: Sequence[str], before: Indices, after: Indices, near: NDArray[np.bool_]) -> Reals:
    found: dict[tuple[int, int], float] = {}
    every = np.zeros(len(before))
    for at in np.flatnonzero(near).tolist():
        # Identities, not texts: hashing long texts anew for each size would cost as much.
        both = texts[before[at]], texts[after[at]]
        key = (min(map(id, both)), max(map(id, both)))
        if key not in found:
            found[key] = similarity(*both)
        every[at] = found[key]
    return every


def _rankings(points: Sequence[Point]) -> Iterator[Indices]:
    groups: dict[tuple[str, float], list[int]] = defaultdict(list)
    for index, (example, row) in enumerate(points):
        if not example.edit:
            groups[example.problem, row.size].append(index)
    largest: dict[str, tuple[float, int]] = {}
    for (problem, size), members in groups.items():
        if len(members) >= SEVERAL:
            largest[problem] = max(largest.get(problem, (-math.inf, 0)), (size, len(members)))
    for problem, (size, _) in sorted(largest.items()):
        yield np.array(groups[problem, size], dtype=np.intp)
