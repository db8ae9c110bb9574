"""Kinds of values: which stands for which, how they are written, and random inputs of each.

The size of an input is the count of its elements: characters, numbers, tree nodes (as
`profile/inputs.py` counts them), or its value where it is one number.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ci_rlm.training.synthetic.grammar import number

WIDER = {"sorted": "ints", "grid": "rows"}
"""A kind that can stand where a wider one is wanted."""

ANNOTATIONS = {
    "int": "int",
    "number": "int",
    "ints": "list[int]",
    "sorted": "list[int]",
    "text": "str",
    "words": "list[str]",
    "rows": "list[list[int]]",
    "grid": "list[list[int]]",
    "edges": "list[list[int]]",
    "adj": "list[list[int]]",
    "pairs": "list[tuple[int, int]]",
    "tree": "TreeNode",
    "linked": "ListNode",
}
BUILDERS = {"tree": "binary_tree", "linked": "linked_list"}
"""Kinds that the harness builds from a list, by its name for them."""


@dataclass(frozen=True, slots=True)
class Character:
    """What the inputs of one program have in common, whatever their size."""

    low: int
    high: int
    """Range of numbers."""
    repeats: float
    """Share of elements that repeat an earlier one."""
    letters: str
    word: int
    """Mean length of a word."""
    tall: float
    """Rows for each column of a grid."""
    shape: str
    """Of trees and graphs: `even`, `random` or `long`."""


def fits(kind: str, wanted: str) -> bool:
    """Whether a value of one kind can stand for another."""
    return kind == wanted or WIDER.get(kind) == wanted


def character(chance: random.Random) -> Character:
    """Draw what the inputs of a program have in common."""
    high = number(chance, 1, 10**6)
    return Character(
        low=chance.choice((0, 0, 0, 1, -high)),
        high=high,
        repeats=chance.choice((0.0, 0.0, 0.2, 0.6)),
        letters=chance.choice(
            ("ab", "abc", "abcdefghi", "abcdefghijklmnopqrstuvwxyz", "abcde 0123", "aAbBcC d1")
        ),
        word=chance.choice((2, 3, 4, 6, 9)),
        tall=chance.choice((1.0, 1.0, 1.0, 0.5, 2.0)),
        shape=chance.choice(("even", "random", "random", "long")),
    )


def make(kind: str, size: int, like: Character, chance: random.Random) -> Any:
    """A literal of a kind with about so many elements. Raises KeyError for a kind without inputs."""
    return MAKERS[kind](max(1, size), like, chance)


def length_of(kind: str, size: float, like: Character) -> float:
    """The length that idioms count in: elements, but whole words and edges."""
    return size / {"words": like.word, "edges": 2, "pairs": 2, "adj": 1}.get(kind, 1)


def _ints(size: int, like: Character, chance: random.Random) -> list[int]:
    made: list[int] = []
    for _ in range(size):
        again = made and chance.random() < like.repeats
        made.append(chance.choice(made[-50:]) if again else chance.randint(like.low, like.high))
    return made


def _sorted(size: int, like: Character, chance: random.Random) -> list[int]:
    return sorted(_ints(size, like, chance))


def _text(size: int, like: Character, chance: random.Random) -> str:
    return "".join(chance.choices(like.letters, k=size))


def _words(size: int, like: Character, chance: random.Random) -> list[str]:
    made: list[str] = []
    left = size
    while left > 0:
        again = made and chance.random() < like.repeats
        length = min(left, chance.randint(max(1, like.word - 1), like.word + 1))
        letters = [letter for letter in like.letters if letter.isalnum()]
        made.append(chance.choice(made[-50:]) if again else "".join(chance.choices(letters, k=length)))
        left -= len(made[-1])
    return made


def _grid(size: int, like: Character, chance: random.Random) -> list[list[int]]:
    rows = max(1, round((size * like.tall) ** 0.5))
    return [_ints(max(1, round(size / rows)), like, chance) for _ in range(rows)]


def _edges(size: int, like: Character, chance: random.Random) -> list[list[int]]:
    """Each node but the first is linked to a lower one; a random graph has half as many edges again."""
    count = max(1, size // 2)
    nodes = count * 2 // 3 + 2 if like.shape == "random" else count + 1
    made = [_edge(node, like, chance) for node in range(1, nodes)]
    return made + [chance.sample(range(nodes), 2) for _ in range(count - len(made))]


def _edge(node: int, like: Character, chance: random.Random) -> list[int]:
    other = {
        "even": (node - 1) // 2,
        "random": chance.randrange(node),
        "long": max(0, node - chance.randint(1, 4)),
    }[like.shape]
    return [other, node] if chance.random() < 0.7 else [node, other]


def _adjacency(size: int, like: Character, chance: random.Random) -> list[list[int]]:
    edges = _edges(size, like, chance)
    rows: list[list[int]] = [[] for _ in range(1 + max(map(max, edges)))]
    for one, other in edges:
        rows[one].append(other)
        rows[other].append(one)
    return rows


def _pairs(size: int, like: Character, chance: random.Random) -> list[tuple[int, int]]:
    starts = _ints(max(1, size // 2), like, chance)
    width = max(2, (like.high - like.low) // max(2, len(starts) // 3))
    return [(start, start + chance.randint(1, width)) for start in starts]


def _number(size: int, _: Character, __: random.Random) -> int:
    return size


def _tree(size: int, like: Character, chance: random.Random) -> list[int | None]:
    """A tree in level order, where None is a missing child: about so many entries."""
    if like.shape == "even":
        return list(_ints(size, like, chance))
    values = _ints(size // 2 + 1, like, chance)
    kids: list[list[int | None]] = [[None, None] for _ in values]
    free = [(0, 0), (0, 1)]
    for node in range(1, len(values)):
        reach = 7 if like.shape == "long" else len(free)
        parent, side = free.pop(-chance.randint(1, min(reach, len(free))))
        kids[parent][side] = node
        free += [(node, 0), (node, 1)]
    return _level_order(kids, values)


def _level_order(kids: list[list[int | None]], values: list[int]) -> list[int | None]:
    level: list[int | None] = [0]
    out: list[int | None] = []
    while any(node is not None for node in level):
        out += [None if node is None else values[node] for node in level]
        level = [kid for node in level if node is not None for kid in kids[node]]
    while out and out[-1] is None:
        out.pop()
    return out


MAKERS: dict[str, Callable[[int, Character, random.Random], Any]] = {
    "ints": _ints,
    "sorted": _sorted,
    "text": _text,
    "words": _words,
    "grid": _grid,
    "edges": _edges,
    "adj": _adjacency,
    "pairs": _pairs,
    "number": _number,
    "tree": _tree,
    "linked": _ints,
}
