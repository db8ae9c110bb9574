"""What a program is to do: idioms chosen one after the other, each fed by what is there already.

A plan is drawn towards a wanted growth of time and of memory, so that the classes are
balanced: left to chance, two in three programs would be linear in time, and few grow faster in
memory.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import TypeVar

from ci_rlm.training.profile.inputs import SIZES
from ci_rlm.training.synthetic import folds, graphs, grids, integers, library, maps, nesting, texts
from ci_rlm.training.synthetic.kinds import Character, character, fits, length_of
from ci_rlm.training.synthetic.library import Hole, Idiom, Way

_T = TypeVar("_T")
Slopes = tuple[float, float]
"""Exponents of growth of time and of memory."""
WORK = 2_000_000.0
"""Estimated steps that the largest size may take: at most some 0.1 s of CPU time."""
_CANDIDATES = 24
_NEAR = 0.3
_SIGNATURES = (
    (("ints",), 30), (("ints", "ints"), 10), (("sorted",), 5), (("text",), 14), (("words",), 10),
    (("number",), 14), (("grid",), 8), (("edges",), 5), (("adj",), 5), (("pairs",), 5), (("tree",), 6),
    (("linked",), 4), (("ints", "number"), 3), (("text", "words"), 3),
)  # fmt: skip
_TIMES = ((0.0, 3), (0.5, 3), (1.0, 4), (1.25, 3), (1.5, 4), (2.0, 7), (2.5, 1))
_ROOMS = ((0.0, 4), (0.5, 3), (1.0, 5), (1.5, 2), (2.0, 4))
"""Wanted exponents of growth with their weights."""
_LEFT_TO_CHANCE = 0.4
"""Share of the programs whose growth is what it happens to be, so that no idiom becomes rare."""
_FORMS = (("function", 45), ("method", 35), ("script", 12), ("main", 8))
_READABLE = frozenset({"ints", "sorted", "words", "grid", "edges", "pairs"})
"""Kinds that a script reads from standard input."""


@dataclass(frozen=True, slots=True)
class Step:
    """One idiom in its place."""

    place: str
    """Unique in the plan: where the step's own randomness starts."""
    idiom: Idiom
    way: int
    sources: tuple[int, ...]
    """Values that it takes: the inputs first, then what the steps gave."""
    separate: bool
    """Written as a function of its own."""
    inner: Step | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A program before it is written."""

    seed: int
    inputs: tuple[str, ...]
    steps: tuple[Step, ...]
    form: str
    """`function`, `method` (of a class `Solution`), `script` or `main` (a script with a function)."""
    like: Character
    stretch: float
    """Inputs are so much longer than the size that is asked for: sizes differ from plan to plan."""
    idle: Step | None
    """A function that is there and never called."""

    def kind(self, value: int) -> str:
        """The kind of a value."""
        given = len(self.inputs)
        return self.inputs[value] if value < given else self.steps[value - given].idiom.gives

    def unused(self) -> list[int]:
        """Values that no step takes: the result of the program."""
        taken = {source for step in self.steps for source in step.sources}
        return [value for value in range(len(self.inputs) + len(self.steps)) if value not in taken]

    def largest(self) -> int:
        """The largest size on the ladder that the program is run at; 0 if none."""
        return max((size for size in SIZES if self._bears(size)), default=0)

    def _bears(self, size: float) -> bool:
        lengths = self._lengths(size)
        return self.estimate(size)[0] <= WORK and all(
            _bears(step, _length(step, lengths)) for step in self.steps
        )

    def estimate(self, size: float) -> tuple[float, float]:
        """Steps, and elements held, for an input of a size: rough, for the balance of classes."""
        lengths = self._lengths(size)
        costs = [_estimate(step, _length(step, lengths)) for step in self.steps]
        return 1 + sum(time for time, _ in costs), 1 + max(room for _, room in costs)

    def _lengths(self, size: float) -> list[float]:
        share = size * self.stretch / len(self.inputs)
        lengths = [length_of(kind, share, self.like) for kind in self.inputs]
        for step in self.steps:
            lengths.append(step.idiom.length(_length(step, lengths)))
        return lengths


@cache
def idioms() -> tuple[Idiom, ...]:
    """The whole library."""
    parts = (
        integers.NUMBERS, folds.FOLDS, maps.MAPS, texts.TEXTS, grids.GRIDS, graphs.GRAPHS, nesting.NESTING,
    )  # fmt: skip
    return tuple(idiom for text in parts for idiom in library.read(text))


@lru_cache(maxsize=4)
def plan_of(seed: int, version: str) -> Plan:
    """The plan of a seed: of many candidates, the one nearest to the growth that is wanted."""
    chance = random.Random(f"{version}/{seed}/plan")
    if chance.random() < _LEFT_TO_CHANCE:
        return next(_candidates(seed, (math.inf, math.inf), chance))
    wanted = _draw(chance, _TIMES), _draw(chance, _ROOMS)
    best, best_distance = None, math.inf
    for candidate in _candidates(seed, wanted, chance):
        distance = _distance(candidate, wanted)
        if distance < best_distance:
            best, best_distance = candidate, distance
        if best_distance < 0.15:
            break
    assert best is not None
    return best


def other_way(plan: Plan, version: str) -> Plan | None:
    """The same plan with one idiom solved in another way; None where no idiom has one."""
    chance = random.Random(f"{version}/{plan.seed}/sibling")
    places = [step.place for step in _all_steps(plan.steps) if len(_allowed(plan, step)) > 1]
    if not places:
        return None
    chosen = chance.choice(places)
    return replace(plan, steps=tuple(_switched(plan, step, chosen, chance) for step in plan.steps))


def _switched(plan: Plan, step: Step, place: str, chance: random.Random) -> Step:
    if step.place == place:
        others = [way for way in _allowed(plan, step) if way != step.way]
        return replace(step, way=chance.choice(others))
    return replace(step, inner=_switched(plan, step.inner, place, chance)) if step.inner else step


def _all_steps(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        if step.inner:
            yield from _all_steps((step.inner,))


def _candidates(seed: int, wanted: Slopes, chance: random.Random) -> Iterator[Plan]:
    found = 0
    while found < _CANDIDATES:
        count = chance.choice((1, 1, 1, 2, 2, 2, 3, 3, 4))
        weighty = chance.randrange(count)
        plan = _structure(seed, count, weighty, wanted, chance)
        plan = _with_ways(plan, weighty, wanted, chance)
        if plan.largest() >= SIZES[1] and all(value >= len(plan.inputs) for value in plan.unused()):
            found += 1
            yield plan


def _distance(plan: Plan, wanted: Slopes) -> float:
    return _apart(_slopes(plan.estimate(64), plan.estimate(1024)), wanted)


def _slopes(few: tuple[float, float], many: tuple[float, float]) -> Slopes:
    """Exponents of growth, from costs at an input and at one sixteen times as long."""
    return math.log(many[0] / few[0], 16), math.log(many[1] / few[1], 16)


def _apart(one: Slopes, other: Slopes) -> float:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]))


@cache
def _way_slopes(idiom: Idiom) -> tuple[Slopes, ...]:
    """How each way of an idiom grows, the hole left out."""
    few, many = (
        [(1 + way.time(length), 1 + way.room(length) + idiom.length(length)) for way in idiom.ways]
        for length in (64.0, 1024.0)
    )
    return tuple(map(_slopes, few, many))


def _suits(slopes: Slopes, wanted: Slopes, weighty: bool) -> bool:
    """Whether a step may grow so: the one that the program's growth comes from as wanted, others less."""
    if weighty:
        return _apart(slopes, wanted) <= _NEAR
    return slopes[0] <= wanted[0] + _NEAR and slopes[1] <= wanted[1] + _NEAR


def _structure(seed: int, count: int, weighty: int, wanted: Slopes, chance: random.Random) -> Plan:
    inputs = _draw(chance, _SIGNATURES)
    kinds, steps = list(inputs), list[Step]()
    for index in range(count):
        step = _step(kinds, steps, wanted, index == weighty, chance, place=str(index))
        if step is not None:
            steps.append(step)
            kinds.append(step.idiom.gives)
    form = _draw(chance, _FORMS)
    return Plan(
        seed=seed,
        inputs=inputs,
        steps=tuple(steps),
        form=form if form in ("function", "method") or _READABLE.issuperset(inputs) else "function",
        like=character(chance),
        stretch=chance.uniform(0.7, 1.35),
        idle=_idle(chance) if chance.random() < 0.08 else None,
    )


def _step(
    kinds: Sequence[str],
    before: Sequence[Step],
    wanted: Slopes,
    weighty: bool,
    chance: random.Random,
    *,
    place: str,
) -> Step | None:
    """A step that takes one of the values, mostly one that nothing took so far; no idiom comes twice."""
    taken = {source for step in before for source in step.sources}
    known = {step.idiom.name for step in before}
    usable = [value for value, kind in enumerate(kinds) if kind != "int"]
    fresh = [value for value in usable if value not in taken]
    first = chance.choice(fresh if fresh and chance.random() < 0.85 else usable)
    fitting = [
        idiom
        for idiom in _suited(kinds[first], wanted, weighty) or _takers(kinds[first])
        if idiom.name not in known and _second(idiom, first, kinds) is not None
    ]
    if not fitting:
        return None
    # Two-list idioms are few; where two lists are there, they are what the program is about.
    double = [idiom for idiom in fitting if len(idiom.takes) > 1]
    idiom = chance.choice(double if double and chance.random() < 0.4 else fitting)
    return _placed(place, idiom, (first, *(_second(idiom, first, kinds) or ())), chance, depth=0)


def _second(idiom: Idiom, first: int, kinds: Sequence[str]) -> tuple[int, ...] | None:
    """The value that a second input is, as a tuple; None where there is none that fits."""
    if len(idiom.takes) == 1:
        return ()
    wanted = idiom.takes[1][0]
    return next(((v,) for v, kind in enumerate(kinds) if v != first and fits(kind, wanted)), None)


def _placed(place: str, idiom: Idiom, sources: tuple[int, ...], chance: random.Random, depth: int) -> Step:
    inner = None
    if idiom.hole:
        choices = _fillers(idiom.hole, depth < 1 and chance.random() < 0.25)
        inner = _placed(f"{place}.0", chance.choice(choices), (), chance, depth + 1)
    return Step(place, idiom, 0, sources, chance.random() < 0.3, inner)


def _idle(chance: random.Random) -> Step:
    plain = [idiom for idiom in idioms() if not idiom.hole]
    idiom = chance.choice(plain)
    return Step("idle", idiom, chance.randrange(len(idiom.ways)), (), True)


@cache
def _suited(kind: str, wanted: Slopes, weighty: bool) -> tuple[Idiom, ...]:
    return tuple(
        idiom
        for idiom in _takers(kind)
        if any(_suits(slopes, wanted, weighty) for slopes in _way_slopes(idiom))
    )


@cache
def _takers(kind: str) -> tuple[Idiom, ...]:
    return tuple(idiom for idiom in idioms() if fits(kind, idiom.takes[0][0]))


@cache
def _fillers(hole: Hole, nested: bool) -> tuple[Idiom, ...]:
    """Idioms that fit a hole; what they give is not longer than it may be, so that rounds do not explode."""
    part, most = hole.takes_length(256), hole.gives_length(256)
    return tuple(
        idiom
        for idiom in _takers(hole.takes)
        if len(idiom.takes) == 1
        and fits(idiom.gives, hole.gives)
        and bool(idiom.hole) <= nested
        and (idiom.gives == "int" or idiom.length(part) <= most)
    )


def _with_ways(plan: Plan, weighty: int, wanted: Slopes, chance: random.Random) -> Plan:
    steps = (_with_way(plan, step, step.place == str(weighty), wanted, chance) for step in plan.steps)
    return replace(plan, steps=tuple(steps))


def _with_way(plan: Plan, step: Step, weighty: bool, wanted: Slopes, chance: random.Random) -> Step:
    inner = _with_way(plan, step.inner, False, wanted, chance) if step.inner else None
    allowed, slopes = _allowed(plan, step), _way_slopes(step.idiom)
    suited = [way for way in allowed if _suits(slopes[way], wanted, weighty)] or allowed
    # Recursion would be rare: few ways recurse.
    weights = [3 if step.idiom.ways[way].deep else 1 for way in suited]
    return replace(step, way=chance.choices(suited, weights)[0], inner=inner)


def _allowed(plan: Plan, step: Step) -> list[int]:
    """The ways that a step may be solved in: an input that others see must not change."""
    private = bool(step.sources) and sum(step.sources[0] in other.sources for other in plan.steps) == 1
    return [index for index, way in enumerate(step.idiom.ways) if private or not way.changes]


def _way(step: Step) -> Way:
    return step.idiom.ways[step.way]


def _length(step: Step, lengths: Sequence[float]) -> float:
    """The length that a step's growth is told in: of its longest source."""
    return max(lengths[source] for source in step.sources)


def _estimate(step: Step, length: float) -> tuple[float, float]:
    way, hole = _way(step), step.idiom.hole
    lines = 0.7 * way.body.count("\n")
    time, room = lines * way.time(length), way.room(length)
    if hole and step.inner:
        inner_time, inner_room = _estimate(step.inner, hole.takes_length(length))
        time += hole.rounds(length) * inner_time
        room += inner_room
    return time, room + step.idiom.length(length)


def _bears(step: Step, length: float) -> bool:
    hole = step.idiom.hole
    inner = step.inner is None or hole is None or _bears(step.inner, hole.takes_length(length))
    return inner and length <= _way(step).most


def _draw(chance: random.Random, weighted: Sequence[tuple[_T, int]]) -> _T:
    return chance.choices([value for value, _ in weighted], [weight for _, weight in weighted])[0]
