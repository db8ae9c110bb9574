"""Calls drawn anew: every argument longer, and what it has to do with the others kept."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ci_rlm.training.profile import likeness, nodes
from ci_rlm.training.profile.arguments import (
    Cases,
    Dims,
    Part,
    lengths,
    listed,
    make_part,
    part_of,
    retyped,
    row_order,
)  # fmt: skip
from ci_rlm.training.profile.likeness import Flat, is_long, real, whole
from ci_rlm.training.profile.ties import solve, ties_of

MODULI = {10**9 + 7, 998244353, 10**9 + 9, 1337}
"""Numbers that never grow."""

_INDICES = {"queries", "indices", "indexes", "index", "left", "right", "swaps", "allowedswaps", "lefts"}
_TOTALS = {"target", "amount", "sum", "total", "capacity", "budget", "money", "limit", "goal", "maxcost"}


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a call is drawn from."""

    cases: Cases
    parts: Sequence[Part]
    dims: Sequence[Dims]
    chance: random.Random

    def pairs(self, i: int, j: int) -> list[tuple[Any, Any]]:
        """Two arguments in the cases in which both hold something."""
        return [(case[i], case[j]) for case in self.cases if is_long(case[i]) and is_long(case[j])]


def drawn(
    cases: Cases, size: int, chance: random.Random, names: Sequence[str], kinds: Sequence[str], way: int
) -> list[Any]:
    """A new call of about `size` atoms: way 0 grows all, 1 keeps recorded ranges, 2 reads rows otherwise."""
    parts = [
        part_of(
            cases, i, names[i].lower() if i < len(names) else "", kinds[i] if i < len(kinds) else "plain", way
        )
        for i in range(len(cases[-1]))
    ]
    scene = Scene(cases, parts, solve(parts, ties_of(parts, cases), size), chance)
    made = [
        None if part.kind == "value" else make_part(part, own, chance)
        for part, own in zip(parts, scene.dims, strict=True)
    ]
    for i, part in enumerate(parts):
        if part.kind != "value":
            made[i] = _with_mates(scene, i, made)
    _walk(scene, made)
    _order_mates(scene, made)
    return [
        _single(scene, i, made) if part.kind == "value" else retyped(made[i], cases[-1][i])
        for i, part in enumerate(parts)
    ]


def _with_mates(scene: Scene, i: int, made: Sequence[Any]) -> Any:
    """An argument with the items, or the indices, of others where the recorded ones have them."""
    mine, kind = made[i], scene.parts[i].kind
    for j, other in enumerate(scene.parts):
        if i == j or other.kind == "value":
            continue
        if j < i and kind == other.kind and kind in ("flat", "text", "words"):
            mine = _rearranged(scene.pairs(i, j), mine, made[j], scene.chance)
        if kind in ("flat", "words") and other.kind in ("flat", "words", "dict"):
            mine = _items_of(scene.pairs(i, j), mine, made[j], scene.chance)
    if kind == "flat":
        return _indices(scene, i, mine)
    return _index_columns(scene, i, mine) if kind == "records" else mine


def _rearranged(pairs: Sequence[tuple[Any, Any]], mine: Any, other: Any, chance: random.Random) -> Any:
    """The other one's items in another order, where each recorded pair is that."""
    same = all(sorted(one, key=repr) == sorted(two, key=repr) for one, two in pairs)
    if not same or len(other) != len(mine) or not any(len(one) > 1 for one, _ in pairs):
        return mine
    shuffled = chance.sample(list(other), len(other))
    return "".join(shuffled) if isinstance(mine, str) else shuffled


def _items_of(pairs: Sequence[tuple[Any, Any]], mine: Any, other: Any, chance: random.Random) -> Any:
    """Items of the other argument, where all recorded ones are and the other one holds distinct ones."""
    told = [(list(one), list(two)) for one, two in pairs]
    inside = all(
        len(set(map(repr, two))) == len(two) > 2 and all(item in two for item in one) for one, two in told
    )
    if not inside or max((len(one) for one, _ in told), default=0) < 2:
        return mine
    source = list(other)
    apart = all(len(set(map(repr, one))) == len(one) for one, _ in told)
    if apart and len(mine) <= len(source):
        return chance.sample(source, len(mine))
    return chance.choices(source, k=len(mine))


def _indices(scene: Scene, i: int, mine: list[Any]) -> list[Any]:
    """Numbers that are indices into another argument, drawn over all of it."""
    like = Flat.of(scene.parts[i].records)
    roof = _roof(scene, i, [list(case[i]) for case in scene.cases])
    if roof is None or like.distinct or not whole(mine):
        return mine
    low = min(like.pool)
    fresh = likeness.spread(len(mine), low, max(low, roof), scene.chance)
    return likeness.arrange(fresh, like.order, scene.chance)


def _index_columns(scene: Scene, i: int, mine: list[list[Any]]) -> list[list[Any]]:
    """The same for each column of rows."""
    rows = [row for record in scene.parts[i].records for row in record]
    columns = list(zip(*mine, strict=True))
    roofs = [
        _roof(scene, i, [[row[at] for row in listed(case[i])] for case in scene.cases])
        for at in range(len(columns))
    ]
    for at, roof in enumerate(roofs):
        if roof is not None:
            low = min(row[at] for row in rows)
            columns[at] = tuple(likeness.spread(len(mine), low, max(low, roof), scene.chance))
    fresh = [list(row) for row in zip(*columns, strict=True)]
    if len(roofs) > 1 and None not in roofs[:2] and all(row[0] <= row[1] for row in rows):
        fresh = [[*sorted(row[:2]), *row[2:]] for row in fresh]
    return row_order(fresh, scene.parts[i])


def _roof(scene: Scene, i: int, values: Sequence[Sequence[Any]]) -> int | None:
    """The highest index allowed, if the numbers seem to be indices into another argument; else None."""
    if not all(case and whole(case) and min(case) >= 0 for case in values):
        return None
    tops = [max(case) for case in values]
    if max(tops) < 2 or not (scene.parts[i].name in _INDICES or len(set(tops)) > 1 or tops[-1] > 3):
        return None
    for j, part in enumerate(scene.parts):
        for name, length in scene.dims[j].items() if j != i else ():
            bounds = [_bound(case[j], part, name) for case in scene.cases]
            gap = min(bound - top for bound, top in zip(bounds, tops, strict=True))
            if gap in (0, 1, 2):
                return length if gap == 0 else length - 1
    return None


def _bound(value: Any, part: Part, name: str) -> int:
    """A length of a recorded argument; below every index where it has none."""
    if part.kind == "value":
        return int(value) if isinstance(value, int) else -1
    return lengths(part.kind, listed(value)).get(name, -1) if is_long(value) else -1


def _walk(scene: Scene, made: list[Any]) -> None:
    """Two orders of one tree."""
    known = [i for i, part in enumerate(scene.parts) if part.kind == "flat" and part.name in nodes.WALKS]
    if len(known) == 2 and len(made[known[0]]) == len(made[known[1]]):
        names = [scene.parts[i].name for i in known]
        made[known[0]], made[known[1]] = nodes.walks(names, sorted(made[known[0]]), scene.chance)


def _order_mates(scene: Scene, made: list[Any]) -> None:
    """Two lists of which one never exceeds the other, place by place."""
    numbers = [i for i, part in enumerate(scene.parts) if part.kind == "flat" and real(made[i])]
    for j, i in [(j, i) for i in numbers for j in numbers if j != i and len(made[j]) == len(made[i])]:
        told = scene.pairs(j, i)
        pairs = [pair for low, high in told for pair in zip(low, high, strict=False)]
        level = all(len(low) == len(high) for low, high in told)
        if (
            level
            and len(pairs) > 1
            and real([item for pair in pairs for item in pair])
            and all(a <= b for a, b in pairs)
        ):
            both = [sorted(pair) for pair in zip(made[j], made[i], strict=True)]
            made[j], made[i] = [low for low, _ in both], [high for _, high in both]


def _single(scene: Scene, i: int, made: Sequence[Any]) -> Any:
    """A single value that follows a length, is an item, or goes with a sum; else as recorded."""
    base = scene.cases[-1]
    value, wide = base[i], scene.parts[i].wide
    if "value" in scene.dims[i]:
        return scene.dims[i]["value"]
    containers = [j for j, part in enumerate(scene.parts) if part.kind != "value"]
    for j in containers:
        if _is_item(scene, i, j):
            return _picked(value, made[j], scene.chance)
    if type(value) is not int or value <= 1 or not containers or value in MODULI:
        return value
    longest = max(containers, key=lambda j: len(base[j]))
    if all(0 <= case[i] < len(case[longest]) for case in scene.cases):
        before, after = len(base[longest]), len(made[longest])
        grown = round(value * after / before) if value > 3 and wide else value
        return max(1, min(grown, after - 1))
    return _total(scene, i, made, containers) if wide else value


def _is_item(scene: Scene, i: int, j: int) -> bool:
    """Whether a single value is one of the items of an argument, in every case."""
    kind = scene.parts[j].kind
    if kind not in ("flat", "words", "text", "tree"):
        return False
    sought = [case[i] for case in scene.cases]
    if any(isinstance(value, list | tuple | set | frozenset | dict) for value in sought):
        return False
    if kind == "text" and not all(isinstance(value, str) and value for value in sought):
        return False
    return all(is_long(case[j]) and case[i] in case[j] for case in scene.cases)


def _picked(value: Any, source: Any, chance: random.Random) -> Any:
    """The value if the source still holds it, else one of its items."""
    if value in source:
        return value
    if isinstance(source, str):
        start = chance.randrange(max(1, len(source) - len(value) + 1))
        return source[start : start + len(value)]
    items = [item for item in source if type(item) is type(value)]
    return chance.choice(items) if items else value


def _total(scene: Scene, i: int, made: Sequence[Any], containers: Sequence[int]) -> int:
    """A number beyond each item of a list grows with the list's sum."""
    value: int = scene.cases[-1][i]
    for j in containers:
        before, after = _firsts(listed(scene.cases[-1][j])), _firsts(made[j])
        if not (real(before) and real(after) and before and after):
            continue
        if value > max(before) > 0 < sum(before) and (scene.parts[i].name in _TOTALS or value <= sum(before)):
            scaled: int = round(value * sum(after) / sum(before))
            return max(value, scaled)
    return value


def _firsts(value: Any) -> list[Any]:
    """The items of a list, or the first item of each of its rows."""
    if not isinstance(value, list):
        return []
    return [row[0] if isinstance(row, list) and row else row for row in value]
