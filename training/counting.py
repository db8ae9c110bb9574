"""Boosted trees on what changes take away and add, and their share beside a network.

The trees are fitted on edits and solutions of the training split near the gate's input size, and on
changes between releases, which are taken to keep the cost: without these, anything unlike an edit is a
surprise to them, and called. The shares are fitted on the edits of the calibration split, which
neither the trees nor the network learned from.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ci_rlm.extract.tally import tally
from ci_rlm.flow import Space
from ci_rlm.model import checkpoint
from ci_rlm.model.alternatives import NUMBERS
from ci_rlm.model.counts import LEAF, Counts, Odds, Trees
from ci_rlm.predict import Predictor
from ci_rlm.predict.pooled import cdf, log_odds, points_of
from ci_rlm.training import evaluate
from ci_rlm.training.corpus import METRICS, Example
from ci_rlm.training.questions import (
    NEAR,
    Pair,
    Point,
    edit_pairs,
    is_neutral,
    solution_pairs,
    truth,
)
from ci_rlm.training.questions import points_of as points_of_examples
from ci_rlm.training.recipe import Recipe
from ci_rlm.training.scores import Reals

EDGES = (1.02, 1.05, 1.1, 1.25, 1.5, 2.5, 8.0)
"""Ratios that are asked about: the gate's limits are among them."""
NEUTRAL_SHARE = 0.8
"""Weight of neutral edits among edits, as in `calibrate.py`."""
SOLUTIONS, SOLUTION_WEIGHT = 40, 0.5
"""Pairs of solutions of one problem and size, at most, and the weight of each beside an edit's."""
RELEASE_WEIGHT = 10.0
"""Of a change between releases: there are few, and most pull requests look like them."""
PROBLEMS = 20
"""A name is counted that the programs of so many problems have."""
ROUNDS, RATE = 100, 0.1
"""Trees of a question, and how much of each is added."""


def of_changes(
    network: Predictor,
    examples: Sequence[Example],
    changes: Sequence[tuple[str, str]] = (),
    progress: evaluate.Progress = evaluate.silent,
) -> Counts | None:
    """The counts for a checkpoint, with their shares; None for one that does not compare.

    `network` answers alone; `examples` and `changes` as in `fit`.
    """
    space = next((each for each in network.spaces if each.compares), None)
    found = fit(examples, space, changes) if space else None
    return share(found, network, examples, progress) if found else None


def of_run(recipe: Recipe) -> Counts | None:
    """The counts of the checkpoint that a recipe starts from, for what it trains; None without."""
    if recipe.head != NUMBERS or recipe.start is None:
        return None
    return checkpoint.read_counts(checkpoint.locate(recipe.start.checkpoint))


def fit(
    examples: Sequence[Example], space: Space, changes: Sequence[tuple[str, str]] = (), seed: int = 0
) -> Counts | None:
    """The counts of a space that compares, learned from the training split; None where nothing is.

    `examples` are as a gate reads them (`corpus.as_functions`); `changes` are texts before and after of
    changes that nobody measured.
    """
    points = points_of_examples([example for example in examples if example.split == "train"])
    learned = _learned(points)
    if not learned.pairs:
        return None
    texts = _Tallies(points, learned.pairs)
    names = texts.names(points)
    width = len(names)
    counted = Counts(names, {})
    rows = np.empty((2 * (len(learned.pairs) + len(changes)), 2 * width))
    sides = [(texts.of(points[p.before]), texts.of(points[p.after])) for p in learned.pairs]
    sides += [(tally(before), tally(after)) for before, after in changes]
    for place, (before, after) in enumerate(sides):
        rows[2 * place] = counted.row(before, after)
        rows[2 * place + 1] = counted.row(after, before)
    known = truth(points)
    odds = {}
    for metric in space.metrics:
        if metric.name not in METRICS:
            continue
        of = known[:, METRICS.index(metric.name)]
        measured = of[[pair.after for pair in learned.pairs]] - of[[pair.before for pair in learned.pairs]]
        ratio = np.concatenate([measured, np.zeros(len(changes))])
        both = np.stack([ratio, -ratio], axis=1).ravel()
        weight = np.repeat(np.concatenate([learned.weight, np.full(len(changes), RELEASE_WEIGHT)]), 2)
        good = ~np.isnan(both)
        if good.sum() > 2 * len(changes):
            edges = tuple(math.log(edge) for edge in EDGES)
            trees = _trees(rows[good], both[good], weight[good], edges, seed)
            odds[space.name, metric.name] = Odds(edges, trees)
    return Counts(names, odds) if odds else None


@dataclass(frozen=True, slots=True)
class _Learned:
    pairs: list[Pair]
    weight: Reals


def _learned(points: Sequence[Point]) -> _Learned:
    """Edits, each kind of source with its share of neutral ones, and solutions."""
    edits = [pair for pair in edit_pairs(points) if _is_near(points[pair.after])]
    solutions = [pair for pair in solution_pairs(points, SOLUTIONS) if _is_near(points[pair.after])]
    small = np.array([points[pair.before][0].source == WAYS for pair in edits], dtype=np.bool_)
    neutral = np.array([is_neutral(pair) for pair in edits], dtype=np.bool_)
    weight = np.ones(len(edits))
    for group in (small, ~small):
        costly, same = (group & ~neutral).sum(), (group & neutral).sum()
        weight[group & neutral] = NEUTRAL_SHARE / (1 - NEUTRAL_SHARE) * costly / max(1, same)
    return _Learned([*edits, *solutions], np.concatenate([weight, np.full(len(solutions), SOLUTION_WEIGHT)]))


WAYS = "ways"
"""The source of small functions of `training/ways/`."""


def _is_near(point: Point) -> bool:
    return NEAR[0] <= point[1].size <= NEAR[1]


class _Tallies:
    """What is counted of the texts of some points, each text once."""

    def __init__(self, points: Sequence[Point], pairs: Sequence[Pair]) -> None:
        self._known: dict[str, Mapping[str, int]] = {}
        self._used = {place for pair in pairs for place in (pair.before, pair.after)}
        for place in self._used:
            self.of(points[place])

    def of(self, point: Point) -> Mapping[str, int]:
        text = evaluate.body_of(point[0])
        if text not in self._known:
            self._known[text] = tally(text)
        return self._known[text]

    def names(self, points: Sequence[Point]) -> tuple[str, ...]:
        """Those that the points' programs of `PROBLEMS` problems or more have, ascending."""
        users: dict[str, set[str]] = defaultdict(set)
        for place in self._used:
            for name in self.of(points[place]):
                users[name].add(points[place][0].problem)
        return tuple(sorted(name for name, problems in users.items() if len(problems) >= PROBLEMS))


def _trees(rows: Reals, ratio: Reals, weight: Reals, edges: Sequence[float], seed: int) -> Trees:
    """One classifier a question, as one set of trees; a question of one answer has no tree."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    nodes: list[NDArray[Any]] = []
    root, question, bias, first = [], [], [], 0
    for place, edge in enumerate(edges):
        over = ratio > edge
        if over.all() or not over.any():
            share = (over.sum() + 0.5) / (len(over) + 1)
            bias.append(math.log(share / (1 - share)))
            continue
        model = HistGradientBoostingClassifier(max_iter=ROUNDS, learning_rate=RATE, random_state=seed)
        model.fit(rows, over, sample_weight=weight)
        bias.append(float(model._baseline_prediction.item()))
        for (predictor,) in model._predictors:
            each = predictor.nodes.copy()
            inner = each["is_leaf"] == 0
            for child in ("left", "right"):
                each[child][inner] += first
            nodes.append(each)
            root.append(first)
            question.append(place)
            first += len(each)
    flat = np.concatenate(nodes) if nodes else _one_leaf()
    leaf = flat["is_leaf"] != 0
    return Trees(
        feature=np.where(leaf, LEAF, flat["feature_idx"]).astype(np.int32),
        threshold=np.where(leaf, 0.0, flat["num_threshold"]).astype(np.float64),
        left=np.where(leaf, 0, flat["left"]).astype(np.int32),
        right=np.where(leaf, 0, flat["right"]).astype(np.int32),
        value=np.where(leaf, flat["value"], 0.0).astype(np.float64),
        root=np.array(root, np.int32),
        question=np.array(question, np.int32),
        bias=tuple(bias),
    )


def _one_leaf() -> NDArray[Any]:
    numbers = (
        ("feature_idx", "i4"),
        ("num_threshold", "f8"),
        ("left", "i4"),
        ("right", "i4"),
        ("value", "f8"),
    )
    flat = np.zeros(1, dtype=[("is_leaf", "u1"), *numbers])
    flat["is_leaf"] = 1
    return flat


def share(
    counts: Counts,
    network: Predictor,
    examples: Sequence[Example],
    progress: evaluate.Progress = evaluate.silent,
) -> Counts:
    """The counts with the shares that predict the edits of the calibration split best.

    A logistic regression of what was measured to be over each edge on what both told, no share
    below 0. What the split says nothing of keeps its shares.
    """
    points = points_of_examples([example for example in examples if example.split == "calibration"])
    pairs = [pair for pair in edit_pairs(points) if _is_near(points[pair.after])]
    space = evaluate.space_of(network)
    both = evaluate.ratios(points, [(p.before, p.after) for p in pairs], network, space, progress)
    known, texts = truth(points), _Tallies(points, pairs)
    compares = next(each for each in network.spaces if each.compares)
    neutral = np.array([is_neutral(pair) for pair in pairs], dtype=np.bool_)
    boost = NEUTRAL_SHARE / (1 - NEUTRAL_SHARE) * (~neutral).sum() / max(1, neutral.sum())
    shares = {}
    for place, metric in enumerate(compares.metrics):
        odds = counts.odds.get((compares.name, metric.name))
        if odds is None:
            continue
        told, over, weight = [], [], []
        for pair, (ratio, _), is_same in zip(pairs, both, neutral.tolist(), strict=True):
            measured = float(np.subtract(*known[[pair.after, pair.before], METRICS.index(metric.name)]))
            if math.isnan(measured):
                continue
            counted = counts.cdf(odds, texts.of(points[pair.before]), texts.of(points[pair.after]))
            network_points = points_of(ratio[place])
            for x, p in counted:
                told.append((-log_odds(cdf(network_points, x)), -log_odds(p)))
                over.append(measured > x)
                weight.append(boost if is_same else 1.0)
        if told:
            shares[compares.name, metric.name] = _shares(np.array(told), np.array(over), np.array(weight))
    return counts.sharing(shares)


def _shares(told: Reals, over: NDArray[np.bool_], weight: Reals) -> tuple[float, float]:
    """The two shares, not below 0, with the least weighted log loss; no share without log odds of its own."""
    from scipy.optimize import minimize

    sign = np.where(over, 1.0, -1.0)

    def loss(shares: Reals) -> tuple[float, Reals]:
        margin = sign * (told @ shares)
        value = np.logaddexp(0, -margin)
        slope = -sign * weight / (1 + np.exp(np.clip(margin, -500, 500)))
        return float(weight @ value), told.T @ slope

    found = minimize(loss, np.array([0.5, 0.5]), jac=True, bounds=[(0, None), (0, None)], method="L-BFGS-B")
    network, counts = (round(float(each), 3) for each in found.x)
    return network, counts
