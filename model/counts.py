"""What counting says of code: gradient-boosted trees over what is counted of a text, or of both versions.

Of a change, for each metric, the trees answer a few yes-or-no questions: is after ÷ before over 1.1,
over 1.5, and so on? Asked of the versions the other way round, the same trees say whether it is under
1 ÷ 1.1 and so on. Together these are points of one distribution of ln(after ÷ before), and that of a
change and of its inverse mirror each other. (A chain of binary questions is Frank and Hall's way to
ordered classes, ECML 2001.) Of one text, they say the middle of ln(cost), about which the errors on
held-out texts make a distribution.

The file is `counts.safetensors`. Reading it takes no torch; the trees are arrays, nothing is executed.

Shapes: F names that are counted, E questions, T trees, N nodes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ci_rlm.errors import CheckpointError
from ci_rlm.model.weights import RESTORE

VERSION = 2
"""Of the file, and of what its names mean (`extract/tally.py`)."""
MOST = 16_000
"""Names at most: trees number twice as many in 15 bits."""
LEAF = -1
"""The feature of a node that asks nothing."""
Points = Sequence[tuple[float, float]]
"""(x, P(value <= x)), both ascending."""

_ANEW = "train the checkpoint anew with this version, or name another one"
_AT_ONCE = 4096
"""Rows that go through the trees together, which takes some kilobytes a row."""
_UNREADABLE = (ValueError, KeyError, TypeError, OverflowError, RecursionError)
_ARRAYS = {"feature": "int16", "threshold": "float32", "left": "int32", "right": "int32", "value": "float32"}
_PER_TREE = {"root": "int32", "question": "int32"}


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """Boosted trees that answer several questions, each by a sum.

    A node sends a row left where `row[feature] <= threshold`. Children come after their parents.
    """

    feature: NDArray[np.int16]
    """(N,); LEAF where `value` is the answer."""
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float32]
    root: NDArray[np.int32]
    """(T,)."""
    question: NDArray[np.int32]
    """(T,); ascending."""
    bias: tuple[float, ...]
    """(E,)."""

    def and_then(self, others: Trees) -> Trees:
        """These trees and others behind them, whose answers to the same questions are added."""
        first = len(self.feature)
        behind = others.feature != LEAF
        question = np.concatenate([self.question, others.question])
        order = np.argsort(question, kind="stable")
        return Trees(
            feature=np.concatenate([self.feature, others.feature]),
            threshold=np.concatenate([self.threshold, others.threshold]),
            left=np.concatenate([self.left, np.where(behind, others.left + first, 0)]).astype(np.int32),
            right=np.concatenate([self.right, np.where(behind, others.right + first, 0)]).astype(np.int32),
            value=np.concatenate([self.value, others.value]),
            root=np.concatenate([self.root, others.root + first])[order].astype(np.int32),
            question=question[order],
            bias=tuple(map(sum, zip(self.bias, others.bias, strict=True))),
        )

    def sums(self, rows: NDArray[np.float64]) -> list[list[float]]:
        """Of each question, for each of R rows: (R, E) numbers, the same on every machine."""
        ends = np.searchsorted(self.question, np.arange(len(self.bias) + 1)).tolist()
        questions = list(zip(self.bias, pairwise(ends), strict=True))
        # fsum rounds once, so the order of a processor's own sums does not matter.
        return [
            [math.fsum([bias, *values[start:end]]) for bias, (start, end) in questions]
            for first in range(0, len(rows), _AT_ONCE)
            for values in self._leaves(rows[first : first + _AT_ONCE]).tolist()
        ]

    def _leaves(self, rows: NDArray[np.float64]) -> NDArray[np.float32]:
        """The value that each tree answers a row with: (R, T)."""
        place = np.tile(self.root, (len(rows), 1))
        which = np.arange(len(rows))[:, None]
        while ((asked := self.feature[place]) != LEAF).any():
            goes_left = rows[which, asked] <= self.threshold[place]
            place = np.where(asked == LEAF, place, np.where(goes_left, self.left[place], self.right[place]))
        return self.value[place]


@dataclass(frozen=True, slots=True, eq=False)
class Odds:
    """What counting says of one metric of a change."""

    edges: tuple[float, ...]
    """ln of the ratios that are asked about, ascending, over 0: (E,)."""
    trees: Trees
    """Each question's sum is log odds."""
    network: float = 0.0
    """The share of the network's log odds in what both say together."""
    counts: float = 1.0
    """The share of these."""


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """What counting says of one metric of one text."""

    errors: Points
    """(ln(measured ÷ told), probability), both ascending, of held-out texts."""
    trees: Trees
    """Their one sum is ln(cost), in the metric's unit."""
    network: float = 0.0
    counts: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """The names that are counted, and what is made of them, by space and metric."""

    names: tuple[str, ...]
    parts: Mapping[tuple[str, str], Odds | Level]
    """Odds for a space that compares."""

    def counting(self, names: Iterable[str]) -> Counts:
        """The same that counts further names besides, of which no tree asks yet; `MOST` in all at most."""
        known = set(self.names)
        further = tuple(name for name in dict.fromkeys(names) if name not in known)
        further = further[: max(0, MOST - len(self.names))]

        def moved(trees: Trees) -> Trees:
            # What comes behind the counts of a text, or of what a change adds, is now further behind.
            feature = trees.feature + np.where(trees.feature >= len(self.names), len(further), 0)
            return replace(trees, feature=feature.astype(np.int16))

        parts = {key: replace(part, trees=moved(part.trees)) for key, part in self.parts.items()}
        return Counts((*self.names, *further), parts)

    def row(self, before: Mapping[str, int], after: Mapping[str, int]) -> NDArray[np.float64]:
        """A change as the trees read it, (2 x F,): what it adds of each name, and what was there."""
        old, new = self._vector(before), self._vector(after)
        return np.concatenate([new - old, old])

    def row_of_one(self, found: Mapping[str, int], size: float | None) -> NDArray[np.float64]:
        """A text as the trees read it, (F + 1,): what is there of each name, and ln of the input size."""
        return np.append(self._vector(found), math.log(size) if size else 0.0)

    def _vector(self, found: Mapping[str, int]) -> NDArray[np.float64]:
        return np.array([found.get(name, 0) for name in self.names], np.float64)

    def of_change(self, part: Odds, before: Mapping[str, int], after: Mapping[str, int]) -> Points:
        """(x, P(ln(after / before) <= x)) at each edge and its negative, x ascending."""
        both = np.stack([self.row(before, after), self.row(after, before)])
        over, under = map(_falling, part.trees.sums(both))
        whole = max(1.0, over[0] + under[0])  # it cannot be both
        below = [p / whole for p in reversed(under)]
        above = [1 - p / whole for p in over]
        # Sums to one may be a unit of the last digit off.
        rising = accumulate([*below, *above], max)
        return list(zip([*(-x for x in reversed(part.edges)), *part.edges], rising, strict=True))

    def of_one(self, part: Level, found: Mapping[str, int], size: float | None) -> Points:
        """(x, P(ln(cost) <= x)) of a text at an input size, x ascending."""
        ((middle,),) = part.trees.sums(self.row_of_one(found, size)[None])
        return [(middle + error, p) for error, p in part.errors]

    def sharing(self, shares: Mapping[tuple[str, str], tuple[float, float]]) -> Counts:
        """The same with other shares of (network, counts)."""
        parts = dict(self.parts)
        for key, (network, counts) in shares.items():
            parts[key] = replace(parts[key], network=network, counts=counts)
        return replace(self, parts=parts)

    def to_bytes(self) -> bytes:
        """The content of the file."""
        from safetensors.numpy import save

        tensors: dict[str, NDArray[Any]] = {}
        parts = []
        for (space, metric), part in self.parts.items():
            names = {**_ARRAYS, **_PER_TREE}
            tensors |= {f"{space}/{metric}/{name}": getattr(part.trees, name) for name in names}
            own = {"edges": part.edges} if isinstance(part, Odds) else {"errors": part.errors}
            shares = {"network": part.network, "counts": part.counts}
            parts.append({"space": space, "metric": metric, "bias": part.trees.bias, **own, **shares})
        told = {"version": VERSION, "names": self.names, "parts": parts}
        return save(tensors, metadata={"counts": json.dumps(told, allow_nan=False)})


def _falling(log_odds: Sequence[float]) -> list[float]:
    """Probabilities of ever larger ratios: none is likelier than one before it."""
    found, least = [], 1.0
    for each in log_odds:
        least = min(least, _sigmoid(each))
        found.append(least)
    return found


def _sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def read(path: Path) -> Counts:
    """The counts of a file. Raises CheckpointError for one that is damaged, or of another version."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            told = json.loads((file.metadata() or {}).get("counts", "null"))
            if not isinstance(told, dict) or told.get("version") != VERSION:
                raise CheckpointError(f"{path} is of another version of this program", hint=_ANEW)
            names = tuple(map(str, told["names"]))
            parts = {}
            for part in told["parts"]:
                key = str(part["space"]), str(part["metric"])
                arrays = {name: file.get_tensor("/".join([*key, name])) for name in (*_ARRAYS, *_PER_TREE)}
                parts[key] = _part(part, arrays, len(names))
            return Counts(names, parts)
    except (OSError, SafetensorError, *_UNREADABLE) as error:
        raise CheckpointError(f"{path} is damaged: {error}", hint=RESTORE) from error


def _part(part: Mapping[str, Any], arrays: Mapping[str, Any], names: int) -> Odds | Level:
    """One part. Raises ValueError, KeyError or TypeError for trees that do not end, or are none."""
    for name, dtype in (_ARRAYS | _PER_TREE).items():
        if arrays[name].dtype != dtype or arrays[name].ndim != 1:
            raise ValueError(f"{name} is {arrays[name].dtype} of {arrays[name].ndim} dimensions")
    trees = Trees(**arrays, bias=tuple(map(float, part["bias"])))
    network, counts = float(part["network"]), float(part["counts"])
    if not all(map(math.isfinite, (network, counts, *trees.bias))):
        raise ValueError("its shares or sums are no numbers")
    if min(network, counts) < 0 or not network + counts:
        raise ValueError("its shares are none")
    if "edges" in part:
        edges = tuple(map(float, part["edges"]))
        _check(trees, 2 * names)
        if not edges or len(edges) != len(trees.bias) or edges[0] <= 0 or not _ascending(edges):
            raise ValueError("its edges do not ascend from 0, one a question")
        return Odds(edges, trees, network, counts)
    errors = [(float(error), float(p)) for error, p in part["errors"]]
    _check(trees, names + 1)
    levels = [p for _, p in errors]
    if len(trees.bias) != 1 or len(errors) < 2 or not all(map(_ascending, (levels, [e for e, _ in errors]))):
        raise ValueError("its errors do not ascend")
    if not 0 < levels[0] < levels[-1] < 1:
        raise ValueError("its errors' probabilities are none")
    return Level(tuple(errors), trees, network, counts)


def _ascending(values: Sequence[float]) -> bool:
    return all(map(math.isfinite, values)) and all(a < b for a, b in pairwise(values))


def _check(trees: Trees, width: int) -> None:
    """Raises ValueError unless every way through the trees ends at a leaf, and every leaf has a number."""
    nodes, inner = len(trees.feature), trees.feature != LEAF
    if {len(getattr(trees, name)) for name in _ARRAYS} != {nodes}:
        raise ValueError("its nodes are not whole")
    if not _within(trees.feature[inner], 0, width):
        raise ValueError("it asks for what is not counted")
    place = np.arange(nodes)[inner]
    for children in (trees.left[inner], trees.right[inner]):
        if not _within(children, 0, nodes) or not (children > place).all():
            raise ValueError("its trees do not end")
    if len(trees.root) != len(trees.question) or not _within(trees.root, 0, nodes):
        raise ValueError("its trees do not begin")
    if not _within(trees.question, 0, len(trees.bias)) or not (np.diff(trees.question) >= 0).all():
        raise ValueError("its trees answer no question")
    if not (np.isfinite(trees.value).all() and np.isfinite(trees.threshold).all()):
        raise ValueError("its leaves are no numbers")


def _within(values: NDArray[Any], low: int, high: int) -> bool:
    return bool(((values >= low) & (values < high)).all())
