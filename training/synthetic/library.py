"""Idioms: small problems with one or several ways to solve each, read from a compact notation.

    ### count_pairs(ints xs) -> int
    ## n n
    $seen = set()
    ...
    return $total
    ## n2 1
    ...

`###` opens an idiom: its name, the kinds and roles of what it takes, the kind of what it
gives with its length in brackets (`ints[n2]`; a container is as long as what it is made of,
unless it says otherwise). `; inner ints[root] -> int * root` tells of a hole that another
idiom fills: its kinds, how long its input is, and how often it runs. `##` opens a way: how its
time and its memory grow, then flags (`deep`: recursion as deep as the input is long; `most=64`:
no larger inputs; `changes`: it changes its input). Then comes Python: `$role` is a name,
`$slot{key ...}` an expression of `grammar.py`, `$DO{value part}` the hole as statements that give `value`
for `part`, `$FN` the hole as a function. All ways of an idiom give the same answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Growth = Callable[[float], float]
"""A number of steps or elements as a function of a length."""

_CURVES: dict[str, Growth] = {
    "": lambda n: 1.0,
    "log": lambda n: math.log2(n + 2),
    "root": math.sqrt,
    "nlog": lambda n: n * math.log2(n + 2),
}
_HEADER = re.compile(
    r"(?P<name>\w+)\((?P<takes>[^)]*)\) -> (?P<gives>\w+)(?:\[(?P<length>[\w.]+)\])?"
    r"(?:; inner (?P<part>\w+)\[(?P<part_length>[\w.]+)\] -> (?P<inner>\w+)(?:\[(?P<inner_length>[\w.]+)\])?"
    r" \* (?P<rounds>[\w.]+))?"
)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to solve an idiom."""

    body: str
    """Statements with slots, the last one a `return`."""
    time: Growth
    """Steps for an input of a length, lines and what C loops do alike."""
    room: Growth
    """Elements held beside the input."""
    deep: bool = False
    """Recurses as deep as its input is long."""
    changes: bool = False
    """Changes the input in place."""
    most: float = math.inf
    """Longest input that it bears."""


@dataclass(frozen=True, slots=True)
class Hole:
    """What a nesting idiom wants of the idiom inside it."""

    takes: str
    takes_length: Growth
    gives: str
    gives_length: Growth
    rounds: Growth
    """How often it runs."""


@dataclass(frozen=True, slots=True)
class Idiom:
    """A small problem; values are told by kind (see `kinds.py`) and role."""

    name: str
    takes: tuple[tuple[str, str], ...]
    """Kind and role of each input."""
    gives: str
    length: Growth
    """Of what it gives, from the length of its longest input."""
    ways: tuple[Way, ...]
    hole: Hole | None = None


def growth(text: str) -> Growth:
    """Read `1`, `log`, `root`, `n`, `nlog`, `n1.5`, `n2`, with a factor in front if need be: `8n`.

    Raises ValueError for anything else.
    """
    found = re.fullmatch(r"(?P<scale>\d+(?:\.\d+)?)?(?P<curve>log|root|nlog|n[\d.]*)?", text)
    if not text or found is None:
        raise ValueError(f"not a growth: {text!r}")
    scale, curve = float(found["scale"] or 1), found["curve"] or ""
    shape = _CURVES[curve] if curve in _CURVES else _power(float(curve[1:] or 1))
    return lambda n: scale * shape(n)


def _power(exponent: float) -> Growth:
    return lambda n: float(n**exponent)


def read(text: str) -> tuple[Idiom, ...]:
    """The idioms of a text. Raises ValueError where it is not in the notation."""
    return tuple(_idiom(part) for part in re.split(r"^### ", text, flags=re.MULTILINE)[1:])


def _idiom(text: str) -> Idiom:
    head, _, rest = text.partition("\n")
    found = _HEADER.fullmatch(head.strip())
    if found is None:
        raise ValueError(f"not the head of an idiom: {head!r}")
    ways = tuple(_way(part) for part in re.split(r"^## ", rest, flags=re.MULTILINE)[1:])
    scalar = found["gives"] in ("int", "flag")
    return Idiom(
        name=found["name"],
        takes=tuple(_pairs(found["takes"])),
        gives=found["gives"],
        length=growth(found["length"] or ("1" if scalar else "n")),
        ways=ways,
        hole=_hole(found) if found["part"] else None,
    )


def _pairs(takes: str) -> Iterator[tuple[str, str]]:
    for field in takes.split(","):
        kind, role = field.split()
        yield kind, role


def _hole(found: re.Match[str]) -> Hole:
    return Hole(
        takes=found["part"],
        takes_length=growth(found["part_length"]),
        gives=found["inner"],
        gives_length=growth(found["inner_length"] or "1"),
        rounds=growth(found["rounds"]),
    )


def _way(text: str) -> Way:
    head, _, body = text.partition("\n")
    time, room, *flags = head.split()
    limits = [float(flag.removeprefix("most=")) for flag in flags if flag.startswith("most=")]
    if unknown := [flag for flag in flags if flag not in ("deep", "changes") and "most=" not in flag]:
        raise ValueError(f"no such flag: {unknown[0]!r}")
    return Way(
        body=body.rstrip() + "\n",
        time=growth(time),
        room=growth(room),
        deep="deep" in flags,
        changes="changes" in flags,
        most=min(limits, default=math.inf),
    )
