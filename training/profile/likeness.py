"""Longer values in the likeness of recorded ones: lists of numbers, words and grids.

Each maker is told all that is recorded of one argument and keeps what holds for every record:
range, order, distinctness, being a permutation. What it keeps may be chance and what it loses
may matter, so whoever uses a value has to check that it is accepted.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FEW = 4
"""So few different values in at least twice as many places are an alphabet, not a range."""


def atoms(value: Any) -> int:
    """How many elements a value holds: characters, numbers, None; the size of an input."""
    if isinstance(value, str | bytes):
        return max(1, len(value))
    if isinstance(value, Mapping):
        return max(1, sum(atoms(key) + atoms(item) for key, item in value.items()))
    if isinstance(value, list | tuple | set | frozenset):
        return max(1, sum(atoms(item) for item in value))
    return 1


def is_long(value: Any) -> bool:
    """Whether a value is a container, or a text, that holds something."""
    return isinstance(value, list | tuple | str | set | frozenset | dict) and len(value) > 0


def whole(items: Sequence[Any]) -> bool:
    """Whether all items are integers, booleans left out."""
    return all(type(item) is int for item in items)


def real(items: Sequence[Any]) -> bool:
    """Whether all items are numbers, booleans left out."""
    return all(type(item) in (int, float) for item in items)


def spread(count: int, low: int, high: int, chance: random.Random) -> list[int]:
    """Random integers of a closed range."""
    if high - low < 1 << 60:  # what `choices` can index
        return chance.choices(range(low, high + 1), k=count)
    return [chance.randint(low, high) for _ in range(count)]


# Flat lists


@dataclass(frozen=True, slots=True)
class Flat:
    """What all records of a list have in common."""

    pool: tuple[Any, ...]
    """Every item of every record."""
    order: str
    """up, down, rotated, peak, or nothing."""
    distinct: bool
    """No record holds an item twice."""
    varied: bool
    """Few items repeat."""
    permuted: int | None
    """The first number of a permutation."""
    indices: bool
    """Every item could be an index into its own list."""

    @staticmethod
    def of(records: Sequence[Sequence[Any]]) -> Flat:
        """Study records; the empty ones tell nothing."""
        told = [tuple(record) for record in records if len(record) > 2] or [
            tuple(record) for record in records if record
        ]
        pool = tuple(item for record in records for item in record)
        kinds = len(set(map(repr, pool)))
        few = kinds <= FEW and len(pool) >= 2 * kinds
        numeric = real(pool) and bool(pool)
        long = numeric and all(len(record) > 2 for record in told)
        return Flat(
            pool=pool,
            order=_order(told) if long and (not few or len(told) > 1 or len(told[0]) > 5) else "",
            distinct=long and all(len(set(record)) == len(record) for record in told),
            varied=numeric and not few and sum(len(set(r)) for r in told) >= 0.7 * sum(map(len, told)),
            permuted=_first(told) if long and whole(pool) else None,
            indices=long
            and whole(pool)
            and not few
            and min(pool) >= 0
            and all(max(record) < len(record) for record in told),
        )


_SURE = 7
"""Numbers that all have to be in place before a list counts as rotated or with a peak: three always are."""


def _order(records: Sequence[tuple[Any, ...]]) -> str:
    for name, holds in _ORDERS.items():
        sure = name in ("up", "down") or sum(map(len, records)) >= _SURE
        if sure and all(holds(record) for record in records):
            return name
    return ""


def _is_rotated(record: Sequence[Any]) -> bool:
    cut = record.index(min(record)) if len(set(record)) == len(record) else 0
    turned = [*record[cut:], *record[:cut]]
    return len(record) > 3 and turned == sorted(record)


def _is_peak(record: Sequence[Any]) -> bool:
    top = record.index(max(record))
    left, right = list(record[: top + 1]), list(record[top:])
    rises = left == sorted(set(left)) and right == sorted(set(right), reverse=True)
    return rises and 0 < top < len(record) - 1


_ORDERS: dict[str, Callable[[Sequence[Any]], bool]] = {
    "up": lambda record: list(record) == sorted(record),
    "down": lambda record: list(record) == sorted(record, reverse=True),
    "rotated": _is_rotated,
    "peak": _is_peak,
}


def _first(records: Sequence[tuple[Any, ...]]) -> int | None:
    firsts = {min(record) for record in records}
    first: int = min(firsts)
    dense = all(sorted(record) == list(range(first, first + len(record))) for record in records)
    return first if dense and len(firsts) == 1 and first in (0, 1) else None


def flat(like: Flat, length: int, chance: random.Random, *, wide: bool = True) -> list[Any]:
    """A list with the order and distinctness of the recorded ones; not wide: their range too."""
    if not like.pool:
        return []
    if like.permuted is not None:
        made = list(range(like.permuted, like.permuted + length))
        chance.shuffle(made)
    elif whole(like.pool):
        made = _integers(like, length, chance, wide)
    elif real(like.pool):
        low, high = min(like.pool), max(like.pool)
        made = [round(min(high, max(low, chance.uniform(low, high))), 2) for _ in range(length)]
    else:
        return chance.choices(like.pool, k=length)
    return arrange(made, like.order, chance)


def _integers(like: Flat, length: int, chance: random.Random, wide: bool) -> list[int]:
    low, high = min(like.pool), max(like.pool)
    if like.distinct:
        top = max(high, low + (4 if wide else 1) * length)
        return chance.sample(range(low, min(top, low + (1 << 60)) + 1), length)
    if like.indices and wide:
        return spread(length, low, max(low, length - 1), chance)
    if like.varied and wide:
        return spread(length, low, max(high, low + 2 * length), chance)
    if len(set(like.pool)) <= FEW:
        return chance.choices(like.pool, k=length)
    return spread(length, low, high, chance)


def arrange(items: list[Any], order: str, chance: random.Random) -> list[Any]:
    """The items in an order that `Flat` names."""
    if order in ("up", "down"):
        return sorted(items, reverse=order == "down")
    if order == "rotated":
        cut, ordered = chance.randrange(len(items)), sorted(items)
        return ordered[cut:] + ordered[:cut]
    if order == "peak":
        ordered = sorted(items)
        return ordered[::2] + ordered[1::2][::-1]
    return items


# Words


def words(
    records: Sequence[Sequence[str]], count: int, chance: random.Random, *, wide: bool = True
) -> list[str]:
    """Words of the recorded letters and lengths; the recorded ones where they repeat or are no words."""
    pool = [word for record in records for word in record]
    told = [record for record in records if len(record) > 1]
    made = new_words(pool, count, chance) if wide and are_new(records) else chance.choices(pool, k=count)
    return sorted(made) if told and all(list(r) == sorted(r) and len(r) > 2 for r in told) else made


def are_new(records: Sequence[Sequence[str]]) -> bool:
    """Whether words of letters are recorded, none of them twice, so that new ones will do."""
    pool = [word for record in records for word in record]
    told = [record for record in records if len(record) > 1]
    distinct = bool(told) and all(len(set(record)) == len(record) for record in told)
    return distinct and all(word.isalpha() or not word for word in pool) and max(map(len, pool)) > 1


def lengthening(pool: Sequence[str], count: int) -> int:
    """Letters that words must be longer than the recorded ones, for so many to differ."""
    letters, longest = len(set("".join(pool))), max(map(len, pool))
    if letters < 2:
        return 0
    return max(0, math.ceil(math.log(4 * max(1, count), letters)) - longest)


def new_words(pool: Sequence[str], count: int, chance: random.Random) -> list[str]:
    """Distinct words where the letters allow it, related to each other as the recorded ones are."""
    letters = sorted(set("".join(pool)))
    if not letters:
        return chance.choices(pool, k=count)
    longer = lengthening(pool, count)
    lengths = [len(word) + longer for word in pool if word]
    related = _relation(pool)
    made: dict[str, None] = {}
    known: list[str] = []
    for _ in range(8 * count):
        if len(made) == count:
            break
        word = "".join(chance.choices(letters, k=chance.choice(lengths)))
        if known and chance.random() < 0.5:
            word = related(chance.choice(known), word, chance)
        if word not in made:
            made[word] = None
            known.append(word)
    return known + chance.choices(known, k=count - len(known))


def _relation(pool: Sequence[str]) -> Callable[[str, str, random.Random], str]:
    """How some of the words come from others: a longer one, the same letters, or not at all."""
    pairs = list(itertools.permutations(dict.fromkeys(pool[:40]), 2))
    if any(other.startswith(one) for one, other in pairs):
        longest = max(map(len, pool)) + 2
        return lambda known, new, chance: (known + new)[:longest]
    if any(sorted(one) == sorted(other) for one, other in pairs):
        return lambda known, new, chance: "".join(chance.sample(known, len(known)))
    if pairs and all(len(one) == len(other) for one, other in pairs):
        return lambda known, new, chance: known[: len(known) // 2] + new[len(known) // 2 :]
    return lambda known, new, chance: new


# Grids


def grid(
    records: Sequence[Sequence[Sequence[Any]]],
    rows: int,
    columns: int,
    chance: random.Random,
    *,
    wide: bool = True,
) -> list[list[Any]]:
    """A matrix: symmetric, sorted along its sides, with its single marks, as the recorded ones are."""
    told = [record for record in records if record and record[0]]
    like = Flat.of([[item for row in record for item in row] for record in told])
    if all(_symmetric(record) for record in told) and any(len(record) > 2 for record in told):
        return _mirrored(told, rows, chance)
    across, down = _sides(told)
    if like.permuted is None and not like.order and across and down and whole(like.pool):
        return _sloped(rows, columns, min(like.pool), chance)
    items = flat(like, rows * columns, chance, wide=wide)
    made = [items[start : start + columns] for start in range(0, rows * columns, columns)]
    if across:
        made = [arrange(row, across, chance) for row in made]
    marks = _marks(told)
    return _marked(made, marks, chance) if marks else made


def _symmetric(record: Sequence[Sequence[Any]]) -> bool:
    size = len(record)
    square = all(len(row) == size for row in record)
    return square and all(record[i][j] == record[j][i] for i in range(size) for j in range(i))


def _mirrored(
    records: Sequence[Sequence[Sequence[Any]]], size: int, chance: random.Random
) -> list[list[Any]]:
    pool = [item for record in records for i, row in enumerate(record) for item in row[i + 1 :]]
    diagonal = [record[i][i] for record in records for i in range(len(record))]
    made = [[None] * size for _ in range(size)]
    for i in range(size):
        for j, item in enumerate(chance.choices(pool, k=size - 1 - i), i + 1):
            made[i][j] = made[j][i] = item
        made[i][i] = chance.choice(diagonal)
    return made


def _sides(records: Sequence[Sequence[Sequence[Any]]]) -> tuple[str, str]:
    """How rows and columns are ordered, in all records."""
    rows = [tuple(row) for record in records for row in record]
    columns = [column for record in records for column in zip(*record, strict=False)]
    if not real([item for row in rows for item in row]) or min(len(rows[0]), len(columns[0])) < 3:
        return "", ""
    found = [_order(lines) for lines in (rows, columns)]
    return found[0] if found[0] in ("up", "down") else "", found[1] if found[1] in ("up", "down") else ""


def _sloped(rows: int, columns: int, low: int, chance: random.Random) -> list[list[Any]]:
    """Rises to the right and to the bottom."""
    right = list(itertools.accumulate(spread(columns, 1, 3, chance)))
    steps = itertools.accumulate(spread(rows, 1, 3, chance), initial=low)
    return [[step + rise for rise in right] for step in itertools.islice(steps, rows)]


def _marks(records: Sequence[Sequence[Sequence[Any]]]) -> dict[Any, tuple[int, int] | None]:
    """Values that every record holds exactly once: a start, an end; in a corner, or anywhere."""
    found: dict[Any, tuple[int, int] | None] = {}
    for item in dict.fromkeys(item for row in records[0] for item in row):
        places = [
            [(i, j) for i, row in enumerate(record) for j, other in enumerate(row) if other == item]
            for record in records
        ]
        if all(len(place) == 1 for place in places) and any(
            len(record) * len(record[0]) > 4 for record in records
        ):
            corners = {_corner(place[0], record) for place, record in zip(places, records, strict=True)}
            found[item] = corners.pop() if len(corners) == 1 else None
    return found if 0 < len(found) < 4 and not real(list(found)) else {}


def _corner(place: tuple[int, int], record: Sequence[Sequence[Any]]) -> tuple[int, int] | None:
    """(0 or -1, 0 or -1) in a corner."""
    ends = [{0: 0, len(record) - 1: -1}.get(place[0]), {0: 0, len(record[0]) - 1: -1}.get(place[1])]
    return None if ends[0] is None or ends[1] is None else (ends[0], ends[1])


def _marked(
    made: list[list[Any]], marks: dict[Any, tuple[int, int] | None], chance: random.Random
) -> list[list[Any]]:
    others = [item for row in made for item in row if item not in marks]
    if not others:
        return made
    made = [[chance.choice(others) if item in marks else item for item in row] for row in made]
    for item, corner in marks.items():
        i, j = corner or (chance.randrange(len(made)), chance.randrange(len(made[0])))
        made[i][j] = item
    return made
