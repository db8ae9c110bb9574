"""Graphs and trees in the likeness of recorded ones: edges, adjacency lists, parents, level orders."""

from __future__ import annotations

import itertools
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ci_rlm.training.profile.likeness import FEW, Flat, flat, whole


@dataclass(frozen=True, slots=True)
class Graph:
    """What all records of a list of edges have in common."""

    first: int
    """The lowest node."""
    tree: bool
    forward: bool
    """The first end is the lower one."""
    acyclic: bool
    """As directed edges."""
    connected: bool
    simple: bool
    """No two edges between the same nodes."""
    columns: tuple[tuple[Any, ...], ...]
    """What stands behind the two ends."""

    @staticmethod
    def of(records: Sequence[Sequence[Sequence[Any]]]) -> Graph:
        """Study records that are lists of edges."""
        told = [record for record in records if record]
        rows = [row for record in told for row in record]
        forest = all(_is_forest(record) for record in told)
        return Graph(
            first=min(1, *(end for row in rows for end in row[:2])),
            tree=forest and all(_parts(record) == 1 for record in told) and any(len(r) > 2 for r in told),
            forward=all(row[0] < row[1] for row in rows),
            acyclic=all(_is_acyclic(record) for record in told),
            connected=all(_parts(record) == 1 for record in told),
            simple=all(len({frozenset(row[:2]) for row in record}) == len(record) for record in told),
            columns=tuple(tuple(row[column] for row in rows) for column in range(2, len(rows[0]))),
        )


def _roots(record: Sequence[Sequence[Any]]) -> dict[Any, Any]:
    """Node to the name of its part, by union of the ends."""
    above: dict[Any, Any] = {}

    def find(node: Any) -> Any:
        while above.setdefault(node, node) != node:
            node = above[node]
        return node

    for row in record:
        above[find(row[0])] = find(row[1])
    return {node: find(node) for node in list(above)}


def _parts(record: Sequence[Sequence[Any]]) -> int:
    return len(set(_roots(record).values()))


def _is_forest(record: Sequence[Sequence[Any]]) -> bool:
    roots = _roots(record)
    return len(record) == len(roots) - len(set(roots.values()))


def _is_acyclic(record: Sequence[Sequence[Any]]) -> bool:
    following: dict[Any, list[Any]] = {}
    waiting: dict[Any, int] = {}
    for row in record:
        following.setdefault(row[0], []).append(row[1])
        waiting[row[1]] = waiting.get(row[1], 0) + 1
        waiting.setdefault(row[0], 0)
    free = deque(node for node, count in waiting.items() if not count)
    seen = 0
    while free:
        seen += 1
        for node in following.get(free.popleft(), ()):
            waiting[node] -= 1
            if not waiting[node]:
                free.append(node)
    return seen == len(waiting)


def edges(like: Graph, nodes: int, count: int, chance: random.Random) -> list[list[Any]]:
    """Edges between nodes numbered from the first; a tree has one less than nodes."""
    ends = [(chance.randrange(node), node) for node in range(1, nodes)] if like.tree or like.connected else []
    seen = set(ends)
    most = nodes * (nodes - 1) // 2
    for _ in range(0 if like.tree else 4 * count):
        if len(ends) >= (min(count, most) if like.simple else count):
            break
        one, other = chance.randrange(nodes), chance.randrange(nodes)
        pair = (min(one, other), max(one, other))
        if one != other and not (like.simple and pair in seen):
            seen.add(pair)
            ends.append(pair)
    if not like.forward:
        ends = _shuffled(ends, nodes, like.acyclic, chance)
    columns = [flat(Flat.of([column]), len(ends), chance, wide=False) for column in like.columns]
    return [
        [like.first + one, like.first + other, *rest]
        for (one, other), *rest in zip(ends, *columns, strict=True)
    ]


def _shuffled(
    ends: Sequence[tuple[int, int]], nodes: int, acyclic: bool, chance: random.Random
) -> list[tuple[int, int]]:
    """Other names for the nodes, but for the first one, and other directions where cycles may be."""
    names = [0, *chance.sample(range(1, nodes), nodes - 1)]
    made = [(names[one], names[other]) for one, other in ends]
    return made if acyclic else [pair if chance.random() < 0.5 else pair[::-1] for pair in made]


def neighbours(
    records: Sequence[Sequence[Sequence[int]]], nodes: int, chance: random.Random
) -> list[list[int]]:
    """Adjacency lists: symmetric, or without cycles, where the recorded ones are; about as dense."""
    pairs = [[(one, other) for one, row in enumerate(record) for other in row] for record in records]
    ways = sum(map(len, pairs)) / max(1, sum(map(len, records)))
    mutual = all((other, one) in set(record) for record in pairs for one, other in record)
    acyclic = all(_is_acyclic(record) for record in pairs if record)
    made: list[list[int]] = [[] for _ in range(nodes)]
    for _ in range(round(ways * nodes / (2 if mutual else 1))):
        one, other = chance.randrange(nodes), chance.randrange(nodes)
        if one == other or other in made[one]:
            continue
        if acyclic:
            one, other = min(one, other), max(one, other)
        made[one].append(other)
        if mutual:
            made[other].append(one)
    return [sorted(set(row)) for row in made]


def parents(records: Sequence[Sequence[int]], nodes: int, chance: random.Random) -> list[int]:
    """A tree as the parent of each node, -1 for the root, which stays where it was in the longest record."""
    before = all(parent < node for record in records for node, parent in enumerate(record))
    root = 0 if before else min(nodes - 1, max(records, key=len).index(-1))
    if before:
        return [-1, *(chance.randrange(node) for node in range(1, nodes))]
    names = chance.sample([node for node in range(nodes) if node != root], nodes - 1)
    made = [-1] * nodes
    for place, node in enumerate(names):
        made[node] = root if not place else chance.choice((root, names[chance.randrange(place)]))
    return made


def is_parents(record: Sequence[Any]) -> bool:
    """Whether a list holds one -1, and from each node the parents lead there."""
    if len(record) < 2 or not whole(record) or list(record).count(-1) != 1:
        return False
    if not all(-1 <= parent < len(record) for parent in record):
        return False
    return _is_acyclic([(node, parent) for node, parent in enumerate(record)])


# Binary trees in level order


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a binary tree, its children by their place in the level order."""

    value: Any
    left: int | None
    right: int | None


def nodes_of(record: Sequence[Any]) -> list[Node]:
    """Read a level order in which None is a missing child."""
    values = [record[0]] if record and record[0] is not None else []
    children: list[list[int | None]] = [[None, None] for _ in values]
    rest, parent = list(record[1:]), 0
    while rest and parent < len(values):
        for side, value in enumerate(rest[:2]):
            if value is not None:
                children[parent][side] = len(values)
                values.append(value)
                children.append([None, None])
        del rest[:2]
        parent += 1
    return [Node(value, *sides) for value, sides in zip(values, children, strict=True)]


def binary_tree(records: Sequence[Sequence[Any]], nodes: int, chance: random.Random) -> list[Any]:
    """A level order: complete, full, a search tree, with other leaves than inner nodes, as recorded."""
    told = [nodes_of(record) for record in records if record and record[0] is not None]
    told = [tree for tree in told if len(tree) > 2] or told
    if not told:
        return []
    shape = _shape(told, nodes, chance)
    values = _tree_values(told, shape, chance)
    made = [values[0]]
    for left, right in shape:
        made += [None if left is None else values[left], None if right is None else values[right]]
    while made[-1] is None:
        made.pop()
    return made


Shape = list[tuple[int | None, int | None]]


def _shape(told: Sequence[list[Node]], nodes: int, chance: random.Random) -> Shape:
    """Children of each node, in level order."""
    if all(_is_complete(tree) for tree in told):
        return [(_within(2 * at + 1, nodes), _within(2 * at + 2, nodes)) for at in range(nodes)]
    inner = [node for tree in told for node in tree if node.left is not None or node.right is not None]
    both = sum(node.left is not None and node.right is not None for node in inner) / max(1, len(inner))
    return _random_shape(nodes, both, chance)


def _within(place: int, nodes: int) -> int | None:
    return place if place < nodes else None


def _random_shape(nodes: int, both: float, chance: random.Random) -> Shape:
    """A tree of so many nodes, or one less; `both` is the share of inner nodes with two children."""
    grown: list[list[list[Any] | None]] = [[None, None]]
    open_ends = [grown[0]]
    while len(grown) < nodes:
        at = chance.randrange(len(open_ends))
        open_ends[at], open_ends[-1] = open_ends[-1], open_ends[at]
        parent = open_ends.pop()
        room = nodes - len(grown)
        sides = (0, 1) if chance.random() < both and room > 1 else (chance.randrange(2),)
        if room == 1 and both == 1.0:
            break
        for side in sides:
            child: list[list[Any] | None] = [None, None]
            parent[side] = child
            grown.append(child)
            open_ends.append(child)
    return _levels(grown[0])


def _levels(root: list[list[Any] | None]) -> Shape:
    """Linked nodes as places of the children, in level order."""
    order, shape = [root], []
    for node in order:
        places = []
        for child in node:
            places.append(None if child is None else len(order))
            if child is not None:
                order.append(child)
        shape.append((places[0], places[1]))
    return shape


def _is_complete(tree: Sequence[Node]) -> bool:
    children = [child for node in tree for child in (node.left, node.right)]
    present = [child is not None for child in children]
    return present == sorted(present, reverse=True)


def _tree_values(told: Sequence[list[Node]], shape: Shape, chance: random.Random) -> list[Any]:
    like = Flat.of([[node.value for node in tree] for tree in told])
    search = whole(like.pool) and all(_is_search(tree) for tree in told)
    if search and any(len(tree) > 2 for tree in told):
        low = min(like.pool)
        ordered = sorted(chance.sample(range(low, max(max(like.pool), low + 4 * len(shape)) + 1), len(shape)))
        made: list[Any] = [None] * len(shape)
        for value, at in zip(ordered, _inorder(shape), strict=True):
            made[at] = value
        return made
    leaves = [node.value for tree in told for node in tree if node.left is None and node.right is None]
    inner = [node.value for tree in told for node in tree if node.left is not None or node.right is not None]
    if inner and not set(leaves) & set(inner) and len(set(like.pool)) <= 2 * FEW and not like.distinct:
        return [chance.choice(leaves if sides == (None, None) else inner) for sides in shape]
    return flat(like, len(shape), chance)


def _is_search(tree: Sequence[Node]) -> bool:
    values = [tree[at].value for at in _inorder([(node.left, node.right) for node in tree])]
    return all(one < other for one, other in itertools.pairwise(values))


def _inorder(shape: Shape) -> list[int]:
    found: list[int] = []
    waiting: list[int] = []
    at: int | None = 0
    while waiting or at is not None:
        while at is not None:
            waiting.append(at)
            at = shape[at][0]
        here = waiting.pop()
        found.append(here)
        at = shape[here][1]
    return found


def _preorder(shape: Shape) -> list[int]:
    found, waiting = [], [0]
    while waiting:
        at = waiting.pop()
        found.append(at)
        waiting += [child for child in reversed(shape[at]) if child is not None]
    return found


def _postorder(shape: Shape) -> list[int]:
    return _preorder([(right, left) for left, right in shape])[::-1]


WALKS = ("preorder", "inorder", "postorder")


def walks(names: Sequence[str], values: Sequence[Any], chance: random.Random) -> list[list[Any]]:
    """The values in the named orders of one random binary tree without single children."""
    shape = _random_shape(len(values), 1.0, chance)
    order = {"inorder": _inorder, "preorder": _preorder, "postorder": _postorder}
    named = chance.sample(list(values), len(shape)) if len(shape) <= len(values) else list(values)
    return [[named[at] for at in order[name](shape)] for name in names]
