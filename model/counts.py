"""What counting says of a change: gradient-boosted trees over the counts of both versions.

For each metric, the trees answer a few yes-or-no questions: is after ÷ before over 1.1, over 1.5,
and so on? Asked of the versions the other way round, the same trees say whether it is under 1 ÷ 1.1
and so on. Together these are points of one distribution of ln(after ÷ before), and that of a change
and of its inverse mirror each other. (A chain of binary questions is Frank and Hall's way to ordered
classes, ECML 2001.)

The file is `counts.safetensors`. Reading it takes no torch; the trees are arrays, nothing is executed.

Shapes: F names that are counted, B changes, E questions, T trees, N nodes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ci_rlm.errors import CheckpointError
from ci_rlm.model.weights import RESTORE

VERSION = 1
LEAF = -1
"""The feature of a node that asks nothing."""
_ARRAYS = {"feature": "int32", "threshold": "float64", "left": "int32", "right": "int32", "value": "float64"}
_PER_TREE = {"root": "int32", "question": "int32"}


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """Boosted trees that answer several questions; `log_odds` is their sum.

    A node sends a row left where `row[feature] <= threshold`. Children come after their parents.
    """

    feature: NDArray[np.int32]
    """(N,); LEAF where `value` is the answer."""
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    root: NDArray[np.int32]
    """(T,)."""
    question: NDArray[np.int32]
    """(T,); ascending."""
    bias: tuple[float, ...]
    """(E,)."""

    def log_odds(self, row: NDArray[np.float64]) -> list[float]:
        """Of each question, for one row of 2 x F counts: E numbers, the same on every machine."""
        place = self.root
        while ((asked := self.feature[place]) != LEAF).any():
            goes_left = row[asked] <= self.threshold[place]
            place = np.where(asked == LEAF, place, np.where(goes_left, self.left[place], self.right[place]))
        sums = list(self.bias)
        answers = zip(self.question.tolist(), self.value[place].tolist(), strict=True)
        for question, each in groupby(answers, key=lambda answer: answer[0]):
            # fsum rounds once, so the order of a processor's own sums does not matter.
            sums[question] = math.fsum([self.bias[question], *(value for _, value in each)])
        return sums


@dataclass(frozen=True, slots=True, eq=False)
class Odds:
    """What counting says of one metric of a space that compares."""

    edges: tuple[float, ...]
    """ln of the ratios that are asked about, ascending, over 0: (E,)."""
    trees: Trees
    network: float = 0.0
    """The share of the network's log odds in what both say together."""
    counts: float = 1.0
    """The share of these."""


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """The names that are counted, and what is made of them, by space and metric."""

    names: tuple[str, ...]
    odds: Mapping[tuple[str, str], Odds]

    def row(self, before: Mapping[str, int], after: Mapping[str, int]) -> NDArray[np.float64]:
        """A change as the trees read it, (2 x F): what it adds of each name, and what was there."""
        old, new = (
            np.array([side.get(name, 0) for name in self.names], np.float64) for side in (before, after)
        )
        return np.concatenate([new - old, old])

    def cdf(self, of: Odds, before: Mapping[str, int], after: Mapping[str, int]) -> list[tuple[float, float]]:
        """(x, P(ln(after / before) <= x)) at each edge and its negative, x ascending."""
        over = _falling(of.trees.log_odds(self.row(before, after)))
        under = _falling(of.trees.log_odds(self.row(after, before)))
        whole = max(1.0, over[0] + under[0])  # it cannot be both
        below = [p / whole for p in reversed(under)]
        above = [1 - p / whole for p in over]
        # Sums to one may be a unit of the last digit off.
        rising = accumulate([*below, *above], max)
        return list(zip([*(-x for x in reversed(of.edges)), *of.edges], rising, strict=True))

    def sharing(self, shares: Mapping[tuple[str, str], tuple[float, float]]) -> Counts:
        """The same with other shares of (network, counts)."""
        odds = dict(self.odds)
        for key, (network, counts) in shares.items():
            odds[key] = replace(odds[key], network=network, counts=counts)
        return replace(self, odds=odds)

    def to_bytes(self) -> bytes:
        """The content of the file."""
        from safetensors.numpy import save

        tensors: dict[str, NDArray[Any]] = {}
        parts = []
        for (space, metric), odds in self.odds.items():
            names = {**_ARRAYS, **_PER_TREE}
            tensors |= {f"{space}/{metric}/{name}": getattr(odds.trees, name) for name in names}
            parts.append(
                {
                    "space": space, "metric": metric, "edges": odds.edges, "bias": odds.trees.bias,
                    "network": odds.network, "counts": odds.counts,
                }
            )  # fmt: skip
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
                raise CheckpointError(f"{path} is of another version of this program", hint=RESTORE)
            odds = {
                (part["space"], part["metric"]): _odds(
                    part, {name: file.get_tensor(f"{part['space']}/{part['metric']}/{name}") for name in
                           (*_ARRAYS, *_PER_TREE)}, 2 * len(told["names"])
                )
                for part in told["parts"]
            }  # fmt: skip
            return Counts(tuple(map(str, told["names"])), odds)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: {error}", hint=RESTORE) from error


def _odds(part: Mapping[str, Any], arrays: Mapping[str, Any], width: int) -> Odds:
    """One part. Raises ValueError, KeyError or TypeError for trees that do not end, or are none."""
    for name, dtype in (_ARRAYS | _PER_TREE).items():
        if arrays[name].dtype != dtype or arrays[name].ndim != 1:
            raise ValueError(f"{name} is {arrays[name].dtype} of {arrays[name].ndim} dimensions")
    edges, bias = (tuple(map(float, part[name])) for name in ("edges", "bias"))
    trees = Trees(**arrays, bias=bias)
    _check(trees, width)
    if not edges or len(edges) != len(bias) or edges[0] <= 0 or list(edges) != sorted(set(edges)):
        raise ValueError("its edges do not ascend from 0, one a question")
    shares = [float(part[name]) for name in ("network", "counts")]
    if not all(map(math.isfinite, (*shares, *bias, *edges))) or min(shares) < 0:
        raise ValueError("its shares or odds are no numbers")
    return Odds(edges, trees, *shares)


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


def _within(values: NDArray[np.int32], low: int, high: int) -> bool:
    return bool(((values >= low) & (values < high)).all())
