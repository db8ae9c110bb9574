"""Programs by seed and by record."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from ci_rlm.errors import UsageError
from ci_rlm.training.profile.inputs import SIZES
from ci_rlm.training.synthetic import kinds
from ci_rlm.training.synthetic.plan import Plan, other_way, plan_of
from ci_rlm.training.synthetic.render import Written, write

VERSION = "synthetic-1"
"""Part of every record: raise it when a seed gives another program."""
SIBLING = "+sibling"


@dataclass(frozen=True, slots=True)
class Synthetic:
    """A program with the inputs that it can be run on."""

    record: str
    text: str
    entry: str | None
    """An expression that names the callable; None: reads standard input."""
    problem: str
    """What it solves, as its sibling does."""
    kind: str
    """Kinds of its inputs, then the idioms that it is made of."""
    sizes: tuple[int, ...]
    """Sizes that it is to be run at: few where it grows fast."""
    builders: tuple[str, ...]
    """How each argument is built from its literal, by the harness's name for it."""
    plan: Plan
    written: Written

    def arguments(self, size: int) -> list[Any]:
        """Arguments, as literals, of about so many elements: the same for a seed and a size."""
        values = self._inputs(size)
        return [*values, *(value for _, value in self.written.choices.extras.values())]

    def stdin(self, size: int) -> str:
        """The same inputs as text, for a program that reads standard input."""
        return "".join(map(_lines, self._inputs(size)))

    def _inputs(self, size: int) -> list[Any]:
        plan = self.plan
        chance = random.Random(f"{VERSION}/{plan.seed}/arguments/{size}")
        share = max(1, round(size * plan.stretch / len(plan.inputs)))
        return [kinds.make(kind, share, plan.like, chance) for kind in plan.inputs]


def generate(seed: int) -> Synthetic:
    """The program of a seed: the same on every machine."""
    plan = plan_of(seed, VERSION)
    return _synthetic(plan, f"{VERSION}/{seed}", write(plan, VERSION))


def sibling(seed: int) -> Synthetic | None:
    """The program of a seed with one of its idioms solved in another way: same inputs, same answer.

    None where the generator knows no other way.
    """
    plan = plan_of(seed, VERSION)
    other = other_way(plan, VERSION)
    if other is None:
        return None
    written = write(other, VERSION, write(plan, VERSION).choices)
    return _synthetic(other, f"{VERSION}/{seed}{SIBLING}", written)


def text_of(record: str) -> str:
    """The text of a record. Raises UsageError for one that this version did not make."""
    return program_of(record).text


def program_of(record: str) -> Synthetic:
    """The program of a record. Raises UsageError for one that this version did not make."""
    version, _, rest = record.partition("/")
    seed, plus, suffix = rest.partition("+")
    if version != VERSION or not seed.isdecimal() or plus + suffix not in ("", SIBLING):
        raise UsageError(
            f"not a record of {VERSION}: {record!r}", hint="measure anew with ci-rlm profile synthetic"
        )
    made = sibling(int(seed)) if plus else generate(int(seed))
    if made is None:
        raise UsageError(f"no such record: {record!r}", hint=f"{VERSION}/{seed} has no sibling")
    return made


def _synthetic(plan: Plan, record: str, written: Written) -> Synthetic:
    largest = plan.largest()
    lifted = ("plain",) * len(written.choices.extras)
    return Synthetic(
        record=record,
        problem=record.removesuffix(SIBLING),
        text=written.text,
        entry=written.entry,
        kind=f"{' '.join(plan.inputs)}: {' '.join(step.idiom.name for step in plan.steps)}",
        sizes=tuple(size for size in SIZES if size <= largest),
        builders=(*(kinds.BUILDERS.get(kind, "plain") for kind in plan.inputs), *lifted),
        plan=plan,
        written=written,
    )


def _lines(value: Any) -> str:
    """An input as lines: a count, then a line of elements, or a line for each row."""
    if value and isinstance(value[0], list | tuple):
        rows = [" ".join(map(str, row)) for row in value]
    else:
        rows = [" ".join(map(str, value))]
    return "\n".join([str(len(value)), *rows]) + "\n"
