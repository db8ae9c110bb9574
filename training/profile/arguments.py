"""One recorded argument: what kind of value it is, its lengths, and how a longer one is made."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ci_rlm.training.profile import likeness, nodes, texts
from ci_rlm.training.profile.likeness import Flat, atoms, flat, is_long, real, whole
from ci_rlm.training.profile.nodes import Graph

Cases = Sequence[Sequence[Any]]
"""Recorded calls, each a list of arguments."""
Dims = dict[str, int]
"""Lengths by name: len, columns, nodes, or value for a single number."""


_GRIDS = {"grid", "matrix", "mat", "board", "maze", "image", "img", "picture", "rooms", "isconnected", "land"}
_GRIDS |= {"heights", "forest", "seats", "grid1", "grid2", "mat1", "mat2", "m1", "m2", "obstaclegrid"}


_ROWS = {"edges", "points", "intervals", "queries", "relations", "prerequisites", "roads", "connections"}
_ROWS |= {"trips", "meetings", "events", "flights", "tasks", "pairs", "operations", "updates", "requests"}


_NOT_EDGES = {"points", "intervals", "queries", "operations", "rectangles", "costs", "updates", "events"}


@dataclass(frozen=True, slots=True)
class Part:
    """One argument: how it is read, all that was recorded of it, and what bounds its numbers."""

    kind: str
    name: str
    records: tuple[Any, ...]
    wide: bool
    dims: Mapping[str, int]
    """The lengths of the base record."""
    graph: Graph | None = None


def part_of(cases: Cases, index: int, name: str, builder: str, way: int) -> Part:
    """Read one argument over all cases; `builder` says how the harness builds it, if it knows."""
    records = [case[index] for case in cases]
    told = [listed(record) for record in records if is_long(record)]
    if not told or _is_fixed(cases, index, way):
        return Part("value", name, tuple(records), way == 0, {})
    kind = _kind(told, name, builder, way, cases, index)
    graph = Graph.of(told) if kind == "edges" else None
    return Part(kind, name, tuple(told), way == 0, lengths(kind, told[-1]), graph)


def _is_fixed(cases: Cases, index: int, way: int) -> bool:
    """A place or a pair: two or three numbers in every case, while other arguments differ in length."""
    records = [case[index] for case in cases]
    if not all(isinstance(record, list | tuple) and real(record) for record in records):
        return False
    widths = {len(record) for record in records}
    if len(widths) > 1 or not widths <= {2, 3}:
        return False
    others = [i for i in range(len(cases[-1])) if i != index and is_long(cases[-1][i])]
    varied = any(len({len(case[i]) for case in cases if is_long(case[i])}) > 1 for i in others)
    return varied or (way == 1 and bool(others))


def listed(value: Any) -> Any:
    """Tuples and sets as lists, at any depth."""
    if isinstance(value, set | frozenset):
        return sorted((listed(item) for item in value), key=repr)
    if isinstance(value, list | tuple):
        return [listed(item) for item in value]
    return value


def retyped(made: Any, like: Any) -> Any:
    """Lists as the tuples and sets that they were recorded as."""
    return _retyped(made, like) if _has_other(like) else made


def _has_other(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_other, value))
    return isinstance(value, tuple | set | frozenset)


def _retyped(made: Any, like: Any) -> Any:
    if not isinstance(made, list) or not isinstance(like, list | tuple | set | frozenset):
        return made
    inner = next(iter(like), None)
    alike = all(type(item) is type(inner) for item in like)
    return type(like)([_retyped(item, inner) for item in made] if alike else made)


def _kind(
    records: Sequence[Any],
    name: str,
    builder: str,
    way: int,
    cases: Cases,
    index: int,
) -> str:
    if isinstance(records[0], str):
        return "value" if _is_short(records, cases, index) else "text"
    if isinstance(records[0], dict):
        return "dict"
    items = [item for record in records for item in record]
    nested = any(isinstance(item, list | dict) for item in items)
    if builder == "binary_tree" and not nested:
        return "tree"
    if all(isinstance(item, list) for item in items):
        return _rows_kind(records, name, way, cases)
    if all(isinstance(item, str) for item in items):
        return "board" if _is_board(records, name) else "words"
    if nested:
        return "mixed"
    if builder == "plain" and None in items and records[0][0] is not None:
        return "tree"
    if builder == "plain" and all(nodes.is_parents(r) for r in records) and max(map(len, records)) > 2:
        return "parents"
    return "flat"


def _is_short(records: Sequence[str], cases: Cases, index: int) -> bool:
    """A single sign, or a word that another argument holds."""
    if max(map(len, records)) == 1:
        return any(is_long(value) for i, value in enumerate(cases[-1]) if i != index)
    for i, other in enumerate(cases[-1]):
        if i != index and isinstance(other, list | tuple | set | str) and len(other) > 1:
            pairs = [(case[i], case[index]) for case in cases if case[index]]
            if all(word in other and word != other for other, word in pairs):
                return True
    return False


def _is_board(records: Sequence[Sequence[str]], name: str) -> bool:
    even = all(len({len(word) for word in record}) == 1 for record in records)
    wide = any(len(record) > 1 and len(record[0]) > 1 for record in records)
    letters = all(word.isalpha() and word.islower() for record in records for word in record)
    return (
        even
        and wide
        and (name in _GRIDS or not letters)
        and all(
            len(record[0]) == len(records[0][0]) or name in _GRIDS or len(record) == len(record[0])
            for record in records
        )
    )


def _rows_kind(records: Sequence[Sequence[list[Any]]], name: str, way: int, cases: Cases) -> str:
    rows = [row for record in records for row in record]
    widths = {len(row) for row in rows}
    if any(isinstance(item, list | dict) for row in rows for item in row):
        return "mixed"
    if 0 not in widths and all(len({len(row) for row in record}) == 1 for record in records):
        grid = _is_grid(records, widths, name)
        if grid == (way != 2):
            return "grid"
        if name not in _NOT_EDGES and way != 2 and _are_edges(records, cases, name):
            return "edges"
        return "records" if len(widths) == 1 else "grid"
    if len(widths) > 1 and all(
        [len(r) for r in record] == list(range(1, len(record) + 1)) for record in records
    ):
        return "triangle"
    if (
        way != 2
        and all(
            whole(row) and all(0 <= item < len(record) for item in row)
            for record in records
            for row in record
        )
        and any(len(record) > 2 for record in records)
    ):
        return "adjacency"
    return "ragged"


def _is_grid(records: Sequence[Sequence[list[Any]]], widths: set[int], name: str) -> bool:
    if name in _GRIDS:
        return True
    if name in _ROWS or name.endswith(("edges", "points", "pairs")):
        return False
    if len(widths) > 1:
        return True
    width = min(widths)
    square = all(len(record) == width for record in records)
    return (square and width > 1) or width > 4


def _are_edges(records: Sequence[Sequence[list[Any]]], cases: Cases, name: str) -> bool:
    rows = [row for record in records for row in record]
    if not all(2 <= len(row) <= 4 and whole(row[:2]) and min(row[:2]) >= 0 for row in rows):
        return False
    if any(row[0] == row[1] for row in rows):
        return False
    if name == "edges":
        return True
    return all(max(max(row[:2]) for row in record) <= len(record) + 2 for record in records)


def lengths(kind: str, record: Any) -> Dims:
    """The lengths of a record that is read as this kind."""
    found = {"len": len(record)}
    if kind in ("grid", "board"):
        found["columns"] = len(record[0])
    if kind == "edges":
        ends = [end for row in record for end in row[:2]]
        found["nodes"] = max(ends) - min(1, *ends) + 1
    if kind == "tree":
        found = {"nodes": sum(item is not None for item in record)}
    return found


# Making it


def atoms_of(part: Part, dims: Dims) -> float:
    """About how many atoms an argument of these lengths will have."""
    if part.kind == "value":
        return max(1, atoms(part.records[-1]))
    if part.kind in ("grid", "board"):
        return dims["len"] * dims["columns"]
    if part.kind == "triangle":
        return dims["len"] * (dims["len"] + 1) / 2
    if part.kind == "tree":
        return dims["nodes"] * (1.45 if any(None in record for record in part.records) else 1)
    if part.kind == "words" and part.wide and likeness.are_new(part.records):
        pool = [word for record in part.records for word in record]
        mean = sum(map(len, pool)) / len(pool)
        return dims["len"] * (mean + likeness.lengthening(pool, dims["len"]))
    if part.kind == "ragged" and _square(part):
        return dims["len"] ** 2 * _mean_width(part) / max(1, part.dims["len"])
    whole_size = (
        sum(atoms(item) for item in part.records[-1])
        if not isinstance(part.records[-1], dict)
        else atoms(part.records[-1])
    )
    return dims["len"] * whole_size / len(part.records[-1])


def _mean_width(part: Part) -> float:
    rows = [row for record in part.records for row in record]
    return sum(map(len, rows)) / len(rows)


def _square(part: Part) -> bool:
    """Rows of numbers grow to both sides."""
    return all(real(row) for record in part.records for row in record) and part.wide


def make_part(part: Part, dims: Dims, chance: random.Random) -> Any:
    """A new value of an argument, with lists in the place of tuples and sets."""
    return _MAKERS[part.kind](part, dims, chance)


def _make_text(part: Part, dims: Dims, chance: random.Random) -> str:
    return texts.text(part.records, dims["len"], chance, wide=part.wide)


def _make_flat(part: Part, dims: Dims, chance: random.Random) -> list[Any]:
    return flat(Flat.of(part.records), dims["len"], chance, wide=part.wide)


def _make_words(part: Part, dims: Dims, chance: random.Random) -> list[str]:
    return likeness.words(part.records, dims["len"], chance, wide=part.wide)


def _make_grid(part: Part, dims: Dims, chance: random.Random) -> list[list[Any]]:
    return likeness.grid(part.records, dims["len"], dims["columns"], chance, wide=part.wide)


def _make_board(part: Part, dims: Dims, chance: random.Random) -> list[str]:
    records = [[list(row) for row in record] for record in part.records]
    return [
        "".join(row) for row in likeness.grid(records, dims["len"], dims["columns"], chance, wide=part.wide)
    ]


def _make_edges(part: Part, dims: Dims, chance: random.Random) -> list[list[Any]]:
    assert part.graph is not None
    return nodes.edges(part.graph, max(2, dims["nodes"]), dims["len"], chance)


def _make_adjacency(part: Part, dims: Dims, chance: random.Random) -> list[list[int]]:
    return nodes.neighbours(part.records, dims["len"], chance)


def _make_parents(part: Part, dims: Dims, chance: random.Random) -> list[int]:
    return nodes.parents(part.records, dims["len"], chance)


def _make_tree(part: Part, dims: Dims, chance: random.Random) -> list[Any]:
    return nodes.binary_tree(part.records, dims["nodes"], chance)


def _make_triangle(part: Part, dims: Dims, chance: random.Random) -> list[list[Any]]:
    like = Flat.of([[item for row in record for item in row] for record in part.records])
    return [flat(like, row, chance, wide=part.wide) for row in range(1, dims["len"] + 1)]


def _make_ragged(part: Part, dims: Dims, chance: random.Random) -> list[list[Any]]:
    rows = [row for record in part.records for row in record]
    like, width = Flat.of([row for row in rows if row]), _mean_width(part)
    stretch = dims["len"] / max(1, part.dims["len"]) if _square(part) else 1.0
    made = []
    for _ in range(dims["len"]):
        length = round(len(chance.choice(rows)) * stretch)
        made.append(flat(like, length, chance, wide=part.wide) if width else [])
    return made


def _make_dict(part: Part, dims: Dims, chance: random.Random) -> dict[Any, Any]:
    keys = [list(record) for record in part.records]
    strings = all(isinstance(key, str) for record in keys for key in record)
    made = (
        likeness.new_words([key for record in keys for key in record], dims["len"], chance)
        if strings
        else flat(Flat.of(keys), dims["len"], chance, wide=part.wide)
    )
    values = [value for record in part.records for value in record.values()]
    return {key: chance.choice(values) for key in made}


def _make_mixed(part: Part, dims: Dims, chance: random.Random) -> list[Any]:
    pool = [item for record in part.records for item in record]
    return chance.choices(pool, k=dims["len"])


def _make_records(part: Part, dims: Dims, chance: random.Random) -> list[list[Any]]:
    rows = [row for record in part.records for row in record]
    if all(len(row) >= 2 and real(row[:2]) and row[0] <= row[1] for row in rows) and len(rows) > 1:
        return _intervals(part, dims["len"], chance)
    columns = []
    for column in range(len(rows[0])):
        told = [[row[column] for row in record] for record in part.records]
        strings = all(isinstance(item, str) for record in told for item in record)
        columns.append(
            likeness.words(told, dims["len"], chance, wide=part.wide)
            if strings
            else flat(_unordered(Flat.of(told), part), dims["len"], chance, wide=part.wide)
        )
    made = [list(row) for row in zip(*columns, strict=True)]
    return row_order(made, part)


def _unordered(like: Flat, part: Part) -> Flat:
    """Columns are ordered on their own only if more than the first one is."""
    return (
        like
        if like.order in ("up", "down")
        else Flat(like.pool, "", like.distinct, like.varied, like.permuted, like.indices)
    )


def row_order(made: list[list[Any]], part: Part) -> list[list[Any]]:
    """Rows in order where the recorded ones are."""
    told = [record for record in part.records if len(record) > 1]
    rows = [*made, *(row for record in told for row in record)]
    able = all(real(column) for column in zip(*rows, strict=True))
    if able and all(len(record) > 2 and list(record) == sorted(record) for record in told):
        return sorted(made)
    return made


def _intervals(part: Part, count: int, chance: random.Random) -> list[list[Any]]:
    """Ends in order; disjoint, strict and sorted as recorded; further columns drawn."""
    records = [record for record in part.records if len(record) > 1]
    rows = [row for record in part.records for row in record]
    tidy = bool(records) and all(
        one[1] <= other[0] for record in records for one, other in itertools.pairwise(record)
    )
    low, high = min(row[0] for row in rows), max(row[1] for row in rows)
    if tidy:
        places = sorted(chance.sample(range(math.floor(low), math.floor(low) + 6 * count), 2 * count))
        ends = [places[at : at + 2] for at in range(0, 2 * count, 2)]
    else:
        strict = all(row[0] < row[1] for row in rows)
        like = Flat.of([[row[0] for row in record] for record in part.records])
        reach = max(high, low + (2 * count if like.varied and part.wide else 0))
        lengths = [row[1] - row[0] for row in rows]
        starts = (
            flat(like, count, chance, wide=part.wide)
            if not part.wide
            else likeness.spread(count, math.floor(low), math.ceil(reach), chance)
        )
        if like.order == "up":
            starts.sort()
        ends = [[start, start + max(int(strict), chance.choice(lengths))] for start in starts]
        if like.order != "up" and all(list(record) == sorted(record) for record in records) and records:
            ends.sort()
    rest = [
        flat(
            Flat.of([[row[column] for row in record] for record in part.records]),
            count,
            chance,
            wide=part.wide,
        )
        for column in range(2, len(rows[0]))
    ]
    return [[*pair, *more] for pair, *more in zip(ends, *rest, strict=True)]


_MAKERS: dict[str, Callable[[Part, Dims, random.Random], Any]] = {
    "text": _make_text,
    "flat": _make_flat,
    "words": _make_words,
    "board": _make_board,
    "grid": _make_grid,
    "records": _make_records,
    "edges": _make_edges,
    "adjacency": _make_adjacency,
    "parents": _make_parents,
    "tree": _make_tree,
    "triangle": _make_triangle,
    "ragged": _make_ragged,
    "dict": _make_dict,
    "mixed": _make_mixed,
}
