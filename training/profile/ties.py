"""Which lengths of a call's arguments are equal in every recorded case, and how long all become."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ci_rlm.training.profile.arguments import Cases, Dims, Part, atoms_of, lengths, listed
from ci_rlm.training.profile.likeness import is_long, whole

_COUNTS = {
    "n", "m", "size", "length", "len", "count", "num", "nodes", "rows", "cols", "numcourses", "labels",
    "num_nodes", "row", "col", "columns", "l", "r1", "arr_size", "list_length",
}  # fmt: skip

_LARGEST_COUNT = 1000
"""A recorded number above this is not taken as a length: what it counts would grow beyond all memory."""

Slot = tuple[int, str]
"""An argument, and one of its lengths."""


@dataclass(slots=True)
class Ties:
    """Lengths over the cases, and which of them are equal, or differ by one, in all."""

    values: dict[Slot, list[int]]
    root: dict[Slot, Slot] = field(default_factory=dict)
    offset: dict[Slot, int] = field(default_factory=dict)
    area: dict[Slot, tuple[Slot, Slot]] = field(default_factory=dict)
    """Lengths that are the product of two others."""
    lone: set[Slot] = field(default_factory=set)
    """Single numbers that are no length."""
    free: dict[Slot, int] = field(default_factory=dict)
    """Single numbers that are a length of their own, and how many of them there are."""


def ties_of(parts: Sequence[Part], cases: Cases) -> Ties:
    """Read the recorded cases."""
    ties = Ties(_slots(parts, cases))
    _widen_nodes(ties, parts)
    for slot in ties.values:
        ties.root[slot], ties.offset[slot] = _root(slot, ties, parts)
    followed = {root for slot, root in ties.root.items() if root != slot}
    alone = {slot for slot, root in ties.root.items() if slot == root and slot[1] == "value"} - followed
    counts = {slot for slot in alone if _is_count(slot, ties, parts, cases)}
    ties.lone, ties.free = alone - counts, dict.fromkeys(counts, len(counts))
    for i, part in enumerate(parts):
        if part.kind == "grid":
            ties.area |= _areas(i, ties)
    return ties


def _slots(parts: Sequence[Part], cases: Cases) -> dict[Slot, list[int]]:
    """Every length, and every whole number that may be one, over the cases; containers first."""
    found: dict[Slot, list[int]] = {}
    for i, part in enumerate(parts):
        for name in part.dims if part.kind != "value" else ():
            told = [lengths(part.kind, listed(case[i])) if is_long(case[i]) else {} for case in cases]
            found[i, name] = [length.get(name, 0) for length in told]
    for i, part in enumerate(parts):
        if part.kind == "value" and whole(part.records):
            found[i, "value"] = [case[i] for case in cases]
    return found


def _widen_nodes(ties: Ties, parts: Sequence[Part]) -> None:
    """Nodes without an edge: the number of nodes is what another argument says, if one does."""
    for slot, present in list(ties.values.items()):
        if slot[1] != "nodes" or parts[slot[0]].kind != "edges":
            continue
        for other, values in ties.values.items():
            named = parts[other[0]].name in _COUNTS
            enough = other[0] != slot[0] and all(n >= most for n, most in zip(values, present, strict=True))
            if enough and other[1] in ("value", "len") and (named or any(map(int.__eq__, values, present))):
                ties.values[slot] = list(values)
                break


def _root(slot: Slot, ties: Ties, parts: Sequence[Part]) -> tuple[Slot, int]:
    """The first length that this one follows, and by how much it differs from it."""
    for other, root in ties.root.items():
        if root == other:
            apart = _apart(ties.values[other], ties.values[slot], parts[other[0]], parts[slot[0]])
            if apart is not None:
                return other, apart
    return slot, 0


def _apart(one: Sequence[int], other: Sequence[int], part: Part, mate: Part) -> int | None:
    """The constant difference of two lengths if it seems to be meant."""
    differences = {b - a for a, b in zip(one, other, strict=True)}
    if len(differences) > 1:
        return None
    apart = differences.pop()
    varied = len(set(one)) > 1
    if apart == 0:
        single = "value" in (part.kind, mate.kind)
        named = part.name in _COUNTS or mate.name in _COUNTS
        return 0 if varied or not single or one[-1] > 3 or (named and one[-1] > 1) else None
    return apart if abs(apart) == 1 and varied and min(*one, *other) > 0 else None


def _is_count(slot: Slot, ties: Ties, parts: Sequence[Part], cases: Cases) -> bool:
    """Whether a single number says how many of something there are that other arguments index."""
    i, values = slot[0], ties.values[slot]
    if not parts[i].wide or not all(1 < value <= _LARGEST_COUNT for value in values):
        return False
    for j, part in enumerate(parts):
        numbers = [_numbers_in(case[j]) for case in cases] if part.kind in ("flat", "records") else [[]]
        if not all(row and whole(row) and min(row) >= 0 for row in numbers):
            continue
        tops = [max(row) for row in numbers]
        gaps = [value - top for value, top in zip(values, tops, strict=True)]
        if min(gaps) in (0, 1) and (parts[i].name in _COUNTS or (len(set(tops)) > 1 and max(gaps) < 3)):
            return True
    return False


def _numbers_in(value: Any) -> list[Any]:
    """The items of a list, or the first two of each of its rows."""
    return [item for row in value for item in (row[:2] if isinstance(row, list | tuple) else [row])]


def _areas(i: int, ties: Ties) -> dict[Slot, tuple[Slot, Slot]]:
    """Lengths of other arguments that are rows times columns of a grid."""
    sides = ((i, "len"), (i, "columns"))
    areas = [one * other for one, other in zip(*(ties.values[side] for side in sides), strict=True)]
    return {
        slot: sides
        for slot, values in ties.values.items()
        if slot[0] != i and slot[1] in ("len", "value") and values == areas and max(values) > 3
    }


def solve(parts: Sequence[Part], ties: Ties, size: int) -> list[Dims]:
    """Lengths of every argument so that all together hold about `size` atoms."""

    def total(factor: float) -> float:
        return sum(map(atoms_of, parts, _scaled(parts, ties, factor)))

    low, high = 0.0, 1.0
    while total(high) < size and high < 1e6:
        high *= 4
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if total(middle) < size else (low, middle)
    return _scaled(parts, ties, high)


def _scaled(parts: Sequence[Part], ties: Ties, factor: float) -> list[Dims]:
    dims: list[Dims] = [{} for _ in parts]
    for slot, root in ties.root.items():
        if root in ties.lone:
            continue
        values = ties.values[root]
        stretch = factor ** (1 / ties.free.get(root, 1))
        length = _rounded(max(1, round((values[-1] or max(values)) * stretch)), values)
        dims[slot[0]][slot[1]] = max(1, length + ties.offset[slot])
    for (i, name), sides in ties.area.items():
        dims[i][name] = math.prod(dims[part][side] for part, side in sides)
    for part, own in zip(parts, dims, strict=True):
        if part.graph and part.graph.tree:
            own["len"] = max(1, own["nodes"] - 1)
    return dims


def _rounded(length: int, values: Sequence[int]) -> int:
    """A length that is odd, or a multiple of what all recorded ones are multiples of."""
    if len(set(values)) < 2 or min(values) < 1:
        return length
    step = math.gcd(*values)
    if step > 1:
        return max(step, round(length / step) * step)
    return length | 1 if len(set(values)) > 2 and all(value % 2 for value in values) else length
