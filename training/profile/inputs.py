"""Recorded arguments grown to a wanted size, so that a program's own growth shows.

Test inputs are tiny. `grow` keeps what makes a recorded argument legal, as far as it shows:
its type, element range, order, distinctness, being a permutation or a set of node ids, and
integers that repeat a length. What it gets wrong the caller finds out: a grown input is used
only if the problem's reference program accepts it and other programs give the same answer.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Mapping, Sequence
from typing import Any

SIZES = (16, 64, 256, 1024, 4096)
"""The ladder: elements of the arguments, all containers together about this many."""


def atoms(value: Any) -> int:
    """How many elements a value holds: characters, numbers, None; the size of an input."""
    if isinstance(value, str | bytes):
        return max(1, len(value))
    if isinstance(value, Mapping):
        return max(1, sum(atoms(key) + atoms(item) for key, item in value.items()))
    if isinstance(value, list | tuple | set | frozenset):
        return max(1, sum(atoms(item) for item in value))
    return 1


def size_of(arguments: Sequence[Any]) -> int:
    """The size of an input: its atoms, or its largest number where it has no container."""
    if any(isinstance(value, list | tuple | set | dict | str) for value in arguments):
        return sum(atoms(value) for value in arguments)
    numbers = [abs(int(value)) for value in arguments if isinstance(value, int | float) and abs(value) < 1e18]
    return max([1, *numbers])


def parse_keywords(text: str) -> dict[str, Any]:
    """Read `nums = [2,7], target = 9` as JSON-like literals; ValueError if it is not that."""
    try:
        call = ast.parse(f"f({text})", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        raise ValueError(f"not keyword arguments: {text[:60]!r}") from problem
    if not isinstance(call, ast.Call) or call.args:
        raise ValueError(f"not keyword arguments: {text[:60]!r}")
    return {str(keyword.arg): _literal(keyword.value) for keyword in call.keywords}


_NAMES = {"null": None, "true": True, "false": False}


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Name) and node.id in _NAMES:
        return _NAMES[node.id]
    if isinstance(node, ast.List):
        return [_literal(item) for item in node.elts]
    return ast.literal_eval(node)


def grow(arguments: Sequence[Any], size: int, chance: random.Random) -> list[Any]:
    """New arguments of about `size` atoms in the likeness of the recorded ones."""
    if not any(_is_long(value) for value in arguments):
        return _grow_numbers(arguments, size)
    now = max(1, sum(atoms(value) for value in arguments if _is_long(value)))
    factor = size / now
    grown = [_grow_value(value, factor, chance) if _is_long(value) else value for value in arguments]
    return [_follow(value, arguments, grown, factor) for value in grown]


def _is_long(value: Any) -> bool:
    return isinstance(value, list | tuple | str | set | dict) and len(value) > 0


def _grow_numbers(arguments: Sequence[Any], size: int) -> list[Any]:
    """With numbers alone the largest one is the size; the others keep their proportion."""
    whole = [value for value in arguments if type(value) is int and value > 0]
    factor = size / max(whole, default=1)
    return [
        max(1, round(value * factor)) if type(value) is int and value > 0 else value for value in arguments
    ]


def _follow(value: Any, before: Sequence[Any], after: Sequence[Any], factor: float) -> Any:
    """An integer argument that repeats a length, or a node count, follows what it repeats."""
    if type(value) is not int or value <= 1:
        return value
    for was, now in zip(before, after, strict=True):
        if not _is_long(was):
            continue
        if len(was) == value:
            return len(now)
        if isinstance(was, list) and _node_rows(was) and value == _top(was) + 1:
            return _top(now) + 1
    longest = max(len(was) for was in before if _is_long(was))
    return max(1, round(value * factor)) if 3 < value < longest else value


def _grow_value(value: Any, factor: float, chance: random.Random) -> Any:
    if isinstance(value, str):
        return _grow_text(value, max(1, round(len(value) * factor)), chance)
    if isinstance(value, dict):
        keys = _grow_flat(list(value), max(1, round(len(value) * factor)), chance)
        items = list(value.values())
        return {key: chance.choice(items) for key in keys}
    if isinstance(value, tuple):
        return tuple(_grow_value(list(value), factor, chance))
    if isinstance(value, set):
        return set(_grow_value(sorted(value, key=repr), factor, chance))
    if all(isinstance(row, list | tuple) for row in value):
        return _grow_rows(value, factor, chance)
    if all(isinstance(item, str) for item in value):
        return _grow_words(value, factor, chance)
    return _grow_flat(value, max(1, round(len(value) * factor)), chance)


def _grow_text(text: str, length: int, chance: random.Random) -> str:
    # Letters are drawn anew; anything with structure (brackets, digits, separators) is tiled.
    if text.isalpha():
        letters = sorted(set(text))
        return "".join(chance.choices(letters, k=length))
    return (
        (text * (length // len(text) + 1))[:length]
        if length < len(text)
        else text * max(1, length // len(text))
    )


def _grow_words(words: Sequence[str], factor: float, chance: random.Random) -> list[str]:
    count = max(1, round(len(words) * factor))
    lengths = [len(word) for word in words]
    if len(set(words)) == len(words) and all(word.isalpha() for word in words):
        letters = (
            "abcdefghijklmnopqrstuvwxyz"
            if all(word.islower() for word in words)
            else "".join(set("".join(words)))
        )
        longest = max(*lengths, len(str(count))) if len(lengths) > 1 else max(lengths[0], len(str(count)))
        return ["".join(chance.choices(sorted(letters), k=max(longest, 3))) for _ in range(count)]
    return [chance.choice(words) for _ in range(count)]


def _grow_rows(rows: Sequence[Sequence[Any]], factor: float, chance: random.Random) -> list[Any]:
    widths = {len(row) for row in rows}
    if len(widths) == 1 and min(widths) in (1, 2, 3) and (len(rows) != min(widths) or min(widths) == 1):
        return _grow_records(rows, max(1, round(len(rows) * factor)), chance)
    # A matrix, or ragged rows: both sides grow by the root.
    root = factor**0.5
    flat = [item for row in rows for item in row]
    count = max(1, round(len(rows) * root))
    square = len(widths) == 1 and len(rows) == min(widths)
    made = []
    for index in range(count):
        like = rows[index % len(rows)]
        width = count if square else max(1, round(len(like) * root))
        made.append(_grow_flat(flat, width, chance) if flat else [])
    return made


def _node_rows(rows: Sequence[Any]) -> bool:
    """Rows that look like edges between nodes numbered from 0 or 1."""
    if not all(isinstance(row, list | tuple) and len(row) in (2, 3) for row in rows):
        return False
    ends = [end for row in rows for end in row[:2]]
    return all(type(end) is int and end >= 0 for end in ends) and max(ends) <= len(rows) + 2


def _top(rows: Sequence[Any]) -> int:
    return max(int(max(row[0], row[1])) for row in rows)


def _grow_records(rows: Sequence[Sequence[Any]], count: int, chance: random.Random) -> list[Any]:
    if _node_rows(rows):
        first = min(min(row[0], row[1]) for row in rows)
        tree = _top(rows) - first == len(rows)
        return [_edge(rows, first, index, count, tree, chance) for index in range(count)]
    columns = [[row[column] for row in rows] for column in range(len(rows[0]))]
    ordered = len(columns) > 1 and all(_less(row[0], row[1]) for row in rows)
    made: list[Any] = []
    for _ in range(count):
        row = [_like(column, count, chance) for column in columns]
        if ordered and _less(row[1], row[0]):
            row[0], row[1] = row[1], row[0]
        made.append(row)
    numbers = all(isinstance(item, int | float) for row in rows for item in row)
    return sorted(made) if numbers and len(rows) > 2 and list(rows) == sorted(rows, key=list) else made


def _less(left: Any, right: Any) -> bool:
    return isinstance(left, int | float) and isinstance(right, int | float) and left <= right


def _edge(
    rows: Sequence[Sequence[Any]], first: int, index: int, count: int, tree: bool, chance: random.Random
) -> list[Any]:
    like = rows[index % len(rows)]
    if tree:
        parent, node = chance.randint(0, index), index + 1
    else:
        parent, node = chance.sample(range(max(2, count * 2 // 3)), 2)
        parent, node = (parent, node) if like[0] < like[1] else (node, parent)
    return [first + parent, first + node, *like[2:]]


def _like(column: Sequence[Any], count: int, chance: random.Random) -> Any:
    if all(type(item) is int for item in column):
        low, high = min(column), max(column)
        return chance.randint(low, max(high, low + count) if high - low >= len(column) else high)
    return chance.choice(column)


def _grow_flat(items: Sequence[Any], length: int, chance: random.Random) -> list[Any]:
    """A list of numbers (or anything else) with the recorded range, order and distinctness."""
    if not all(type(item) is int for item in items):
        if all(isinstance(item, float | int) and not isinstance(item, bool) for item in items):
            return [round(chance.uniform(min(items), max(items)), 2) for _ in range(length)]
        return [chance.choice(items) for _ in range(length)]
    low, high, known = min(items), max(items), len(items)
    distinct = len(set(items)) == known and known > 2
    if distinct and high - low + 1 == known and low in (0, 1):
        made = list(range(low, low + length))
        chance.shuffle(made)
    elif distinct:
        top = max(high, low + 4 * length)
        made = chance.sample(range(low, top + 1), length)
    elif low >= 0 and high < known and high > 1 and known > 3:
        made = [chance.randrange(low, max(low + 1, length)) for _ in range(length)]
    else:
        made = [chance.randint(low, high) for _ in range(length)]
    if known > 2 and list(items) == sorted(items):
        return sorted(made)
    if known > 2 and list(items) == sorted(items, reverse=True):
        return sorted(made, reverse=True)
    return made


def shrink_constants(source: str, factor: int) -> str:
    """A generator of stress inputs with its large integer constants divided by a factor.

    Constants of at least 500, written out or as a power of ten, are scaled down to no less
    than 10. SyntaxError if the source does not parse.
    """
    return ast.unparse(ast.fix_missing_locations(_Shrink(factor).visit(ast.parse(source))))


class _Shrink(ast.NodeTransformer):
    def __init__(self, factor: int) -> None:
        self.factor = factor

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if type(node.value) is not int or not 500 <= node.value <= 10**7:
            return node
        return ast.copy_location(ast.Constant(max(10, node.value // self.factor)), node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        match node:
            case ast.BinOp(ast.Constant(int() as base), ast.Pow(), ast.Constant(int() as power)) if (
                power < 12
            ):
                return self.visit_Constant(ast.copy_location(ast.Constant(base**power), node))
        return self.generic_visit(node)
