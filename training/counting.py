"""Boosted trees on what is counted of code, and their share beside a network.

Those of changes are fitted on edits and solutions of the training split near the gate's input size, and on
changes between releases, which are taken to keep the cost: without these, anything unlike an edit is a
surprise to them, and called. The functions of these releases are edited as well, and such an edit is taken
to cost what one of its kind was measured to cost elsewhere: else, all code that looks like a package would
be learned as keeping its cost, whatever is done to it. Those of single costs are fitted on all of the split.
The shares are fitted on the calibration split, which neither the trees nor the network learned from.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ci_rlm.extract.tally import tally
from ci_rlm.flow import Prediction, Space
from ci_rlm.model import checkpoint
from ci_rlm.model.alternatives import NUMBERS
from ci_rlm.model.counts import LEAF, Counts, Level, Odds, Points, Trees
from ci_rlm.predict import Predictor
from ci_rlm.predict.pooled import cdf, log_odds, points_of
from ci_rlm.training import corpus, edits, evaluate
from ci_rlm.training.calibrate import boost_of, weighted_quantiles
from ci_rlm.training.corpus import METRICS, Example
from ci_rlm.training.questions import (
    Pair,
    Point,
    edit_pairs,
    is_near,
    is_neutral,
    solution_pairs,
    truth,
)
from ci_rlm.training.questions import points_of as points_of_examples
from ci_rlm.training.recipe import Recipe
from ci_rlm.training.scores import Reals
from ci_rlm.training.ways.programs import SOURCE as WAYS

EDGES = (1.02, 1.05, 1.1, 1.25, 1.5, 2.5, 8.0)
"""Ratios that are asked about: the gate's limits are among them."""
SOLUTIONS, SOLUTION_WEIGHT = 40, 0.5
"""Pairs of solutions of one problem and size, at most, and the weight of each beside an edit's."""
RELEASE_WEIGHT = 10.0
"""Of a change between releases: there are few, and most pull requests look like them."""
EFFICIENT, NEUTRAL, EDIT_WEIGHT = 3, 1, 2.0
"""Edits that are put into each function before such a change, and the weight of each."""
PROBLEMS = 20
"""A name is counted that the programs of so many problems have."""
NAMES = 4000
"""Names at most."""
ROUNDS, RATE = 200, 0.1
"""Trees of a question, and how much of each is added."""


def of_checkpoint(
    network: Predictor,
    examples: Sequence[Example],
    changes: Sequence[tuple[str, str]] = (),
    progress: evaluate.Progress = evaluate.silent,
) -> Counts | None:
    """The counts for a checkpoint, with their shares; None for one that does not compare.

    `network` answers alone; `examples` and `changes` as in `fit`.
    """
    found = fit(examples, network.spaces, changes)
    return share(found, network, examples, progress) if found else None


def of_run(recipe: Recipe) -> Counts | None:
    """The counts of the checkpoint that a recipe starts from, for what it trains; None without."""
    if recipe.head != NUMBERS or recipe.start is None:
        return None
    return checkpoint.read_counts(checkpoint.locate(recipe.start.checkpoint))


def fit(
    examples: Sequence[Example],
    spaces: Sequence[Space],
    changes: Sequence[tuple[str, str]] = (),
    seed: int = 0,
) -> Counts | None:
    """The counts for a space of single costs and one that compares, learned from the training split.

    `examples` are as a gate reads them (`corpus.as_functions`); `changes` are texts before and after of
    changes that nobody measured. None without a space that compares, or without edits.
    """
    points = points_of_examples([example for example in examples if example.split == "train"])
    learned = _learned(points)
    space = next((each for each in spaces if not each.compares), None)
    compares = next((each for each in spaces if each.compares), None)
    if not learned.pairs or space is None or compares is None:
        return None
    texts = Tallies(points)
    counted = Counts(texts.names(PROBLEMS), {})
    edges = tuple(math.log(edge) for edge in EDGES)
    known = truth(points)
    parts: dict[tuple[str, str], Odds | Level] = {}
    donors, edited = _edited(changes, learned.pairs, seed)
    rows = _rows_of_changes(counted, texts, learned.pairs, [*changes, *edited])
    shares = (learned.weight, np.full(len(changes), RELEASE_WEIGHT), np.full(len(edited), EDIT_WEIGHT))
    weight = np.repeat(np.concatenate(shares), 2)
    for metric, of in _measured(compares, known):
        ratio = of[[pair.after for pair in learned.pairs]] - of[[pair.before for pair in learned.pairs]]
        both = np.repeat(np.concatenate([ratio, np.zeros(len(changes)), ratio[donors]]), 2)
        both[1::2] *= -1
        good = ~np.isnan(both)
        if not np.isnan(ratio).all():
            trees = _answering(rows[good], both[good], weight[good], edges, seed)
            parts[compares.name, metric] = Odds(edges, trees)
    rows = rows_of_texts(counted, texts, points)
    for metric, of in _measured(space, known):
        good = ~np.isnan(of)
        if good.any():
            parts[space.name, metric] = Level(_NO_ERRORS, _guessing(rows[good], of[good], seed))
    return Counts(counted.names, parts) if parts else None


def guesses(training: Sequence[Example], points: Sequence[Point], seed: int = 0) -> evaluate.Centres:
    """ln(cost) of points, (N, K), by trees that are fitted on the training programs as `fit` fits them.

    NaN for a metric that none of them has.
    """
    texts = Tallies(points_of_examples(corpus.as_functions(training)))
    counted = Counts(texts.names(PROBLEMS), {})
    rows = rows_of_texts(counted, texts, texts.points)
    asked = rows_of_texts(counted, texts, points)
    known = truth(texts.points)
    found = np.full((len(points), len(METRICS)), np.nan)
    for metric, of in enumerate(known.T):
        good = ~np.isnan(of)
        if good.any():
            trees = _guessing(rows[good], of[good], seed)
            found[:, metric] = np.array(trees.sums(asked))[:, 0]
    return found


_NO_ERRORS = ((-1.0, 0.25), (1.0, 0.75))
"""Of costs, until the errors on the calibration split are known."""


def _measured(space: Space, known: Reals) -> Iterator[tuple[str, Reals]]:
    """The metrics of a space that a corpus has, and ln of what was measured of each point."""
    for metric in space.metrics:
        if metric.name in METRICS:
            yield metric.name, known[:, METRICS.index(metric.name)]


def _rows_of_changes(
    counted: Counts, texts: Tallies, pairs: Sequence[Pair], changes: Sequence[tuple[str, str]]
) -> Reals:
    """Every pair and change as the trees read it, both ways round one after the other."""
    sides = [(texts.of(texts.points[p.before]), texts.of(texts.points[p.after])) for p in pairs]
    sides += [(tally(before), tally(after)) for before, after in changes]
    rows = np.empty((2 * len(sides), 2 * len(counted.names)))
    for place, (before, after) in enumerate(sides):
        rows[2 * place] = counted.row(before, after)
        rows[2 * place + 1] = counted.row(after, before)
    return rows


def rows_of_texts(counted: Counts, texts: Tallies, points: Sequence[Point]) -> Reals:
    """Points as the trees of single costs read them: (N, F + 1)."""
    return np.stack([counted.row_of_one(texts.of(point), point[1].size) for point in points])


def _edited(
    changes: Sequence[tuple[str, str]], pairs: Sequence[Pair], seed: int
) -> tuple[NDArray[np.intp], list[tuple[str, str]]]:
    """Edits put into what changes were made to, each with a pair that has an edit of its kind."""
    kinds: dict[str, list[int]] = defaultdict(list)
    for place, pair in enumerate(pairs):
        if pair.edit:
            kinds[pair.edit].append(place)
    chance = random.Random(seed)
    donors, made = [], []
    for at, (text, _) in enumerate(changes):
        for each in edits.edits_of(text, efficiency=EFFICIENT, neutral=NEUTRAL, seed=f"{seed}:{at}"):
            alike = kinds.get(edits.kind_of(each.edit))
            if alike:
                donors.append(chance.choice(alike))
                made.append((each.before, each.after))
    return np.array(donors, np.intp), made


@dataclass(frozen=True, slots=True)
class _Learned:
    pairs: list[Pair]
    weight: Reals


def _learned(points: Sequence[Point]) -> _Learned:
    """Edits, each kind of source with its share of neutral ones, and solutions."""
    edited = [pair for pair in edit_pairs(points) if is_near(points[pair.after])]
    solutions = [pair for pair in solution_pairs(points, SOLUTIONS) if is_near(points[pair.after])]
    small = np.array([points[pair.before][0].source == WAYS for pair in edited], dtype=np.bool_)
    neutral = np.array([is_neutral(pair) for pair in edited], dtype=np.bool_)
    weight = np.ones(len(edited))
    for group in (small, ~small):
        weight[group & neutral] = boost_of((group & ~neutral).sum(), (group & neutral).sum())
    return _Learned([*edited, *solutions], np.concatenate([weight, np.full(len(solutions), SOLUTION_WEIGHT)]))


class Tallies:
    """What is counted of the texts of some points, each text once."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.points = points
        self._known: dict[str, Mapping[str, int]] = {}

    def of(self, point: Point) -> Mapping[str, int]:
        """What is counted of a point's text."""
        text = evaluate.body_of(point[0])
        if text not in self._known:
            self._known[text] = tally(text)
        return self._known[text]

    def names(self, problems: int) -> tuple[str, ...]:
        """Those that the programs of so many problems have, ascending; of too many the commonest."""
        users: dict[str, set[str]] = defaultdict(set)
        for point in self.points:
            for name in self.of(point):
                users[name].add(point[0].problem)
        common = {name: len(found) for name, found in users.items() if len(found) >= problems}
        return tuple(sorted(sorted(common, key=lambda name: (-common[name], name))[:NAMES]))


def _answering(rows: Reals, ratio: Reals, weight: Reals, edges: Sequence[float], seed: int) -> Trees:
    """One classifier a question, as one set of trees; a question of one answer has no tree."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    models: list[Any] = []
    bias = []
    for edge in edges:
        over = ratio > edge
        if over.all() or not over.any():
            share = (over.sum() + 0.5) / (len(over) + 1)
            bias.append(math.log(share / (1 - share)))
            models.append(None)
            continue
        model = HistGradientBoostingClassifier(max_iter=ROUNDS, learning_rate=RATE, random_state=seed)
        models.append(model.fit(rows, over, sample_weight=weight))
        bias.append(float(model._baseline_prediction.item()))
    return flat(models, bias)


def _guessing(rows: Reals, cost: Reals, seed: int) -> Trees:
    """A regression of ln(cost), by the settings of the baseline (`baselines.py`)."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(max_iter=400, learning_rate=0.06, random_state=seed)
    model.fit(rows, cost)
    return flat([model], [float(model._baseline_prediction.item())])


def flat(models: Sequence[Any], bias: Sequence[float]) -> Trees:
    """The trees of one model a question, or of None, behind each other.

    scikit-learn has no public way to its trees; the tests hold what these say against the models.
    """
    nodes: list[NDArray[Any]] = []
    root, question, first = [], [], 0
    for place, model in enumerate(models):
        for (predictor,) in model._predictors if model else ():
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
        feature=np.where(leaf, LEAF, flat["feature_idx"]).astype(np.int16),
        threshold=_not_under(np.where(leaf, 0.0, flat["num_threshold"])),
        left=np.where(leaf, 0, flat["left"]).astype(np.int32),
        right=np.where(leaf, 0, flat["right"]).astype(np.int32),
        value=np.where(leaf, flat["value"], 0.0).astype(np.float32),
        root=np.array(root, np.int32),
        question=np.array(question, np.int32),
        bias=tuple(bias),
    )


def _not_under(threshold: Reals) -> NDArray[np.float32]:
    """The next number of single precision: a row that is the threshold itself goes left, as it did."""
    near = threshold.astype(np.float32)
    return np.where(near < threshold, np.nextafter(near, np.float32(np.inf)), near)


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
    others: Sequence[Example] = (),
) -> Counts:
    """The counts with the shares that predict the calibration split best, and the errors found there.

    A logistic regression of what was measured to be over each edge, or cost, on what both told, no share
    below 0. `others` are of other code, on which the costs shall be told no worse: their split weighs as
    much as that of `examples`. What `examples` say too little of keeps its shares.
    """
    own, also = ([each for each in found if each.split == "calibration"] for found in (examples, others))
    found = _of_costs(counts, network, own, also, progress)
    return found.sharing(_of_changes(found, network, own, progress))


ENOUGH = 20
"""Costs, or changes that differ in cost, that tell a share."""
DIFFERS = math.log(1.1)


def _of_changes(
    counts: Counts, network: Predictor, examples: Sequence[Example], progress: evaluate.Progress
) -> dict[tuple[str, str], tuple[float, float]]:
    """The shares of (network, counts), from the edits near the gate's input size.

    Not from a team's versions: between two of its logs, most of what differs is noise.
    """
    points = points_of_examples(examples)
    texts, known = Tallies(points), truth(points)
    compares = next((each for each in network.spaces if each.compares), None)
    pairs = [pair for pair in edit_pairs(points) if is_near(points[pair.after])]
    before, after = (np.array([getattr(p, side) for p in pairs], np.intp) for side in ("before", "after"))
    ratios = known[after] - known[before]
    telling = (np.abs(ratios) > DIFFERS).sum(axis=0) >= ENOUGH
    if compares is None or not telling.any():
        return {}
    asked = [(pair.before, pair.after) for pair in pairs]
    answers = evaluate.ratios(points, asked, network, evaluate.space_of(network), progress)
    neutral = np.array([is_neutral(pair) for pair in pairs], dtype=np.bool_)
    weight = np.where(neutral, boost_of((~neutral).sum(), neutral.sum()), 1.0)
    shares = {}
    for place, metric in enumerate(compares.metrics):
        part = counts.parts.get((compares.name, metric.name))
        column = METRICS.index(metric.name)
        if not isinstance(part, Odds) or not telling[column]:
            continue
        told = [
            (ratio[place], counts.of_change(part, *(texts.of(points[at]) for at in both)))
            for (ratio, _), both in zip(answers, asked, strict=True)
        ]
        shares[compares.name, metric.name] = _shares(told, ratios[:, column], weight)
    return shares


def _of_costs(
    counts: Counts,
    network: Predictor,
    examples: Sequence[Example],
    others: Sequence[Example],
    progress: evaluate.Progress,
) -> Counts:
    """The counts with the errors and the shares of single costs."""
    space = evaluate.space_of(network)
    own, also = (_few(points_of_examples(found)) for found in (examples, others))
    also = also[:: max(1, len(also) // max(1, len(own)))]
    points = [*own, *also]
    mine = np.arange(len(points)) < len(own)
    known = truth(points)
    measured = ~np.isnan(known)
    telling = measured[mine].sum(axis=0) >= ENOUGH
    if not telling.any():
        return counts
    answers = evaluate.predictions(points, network, space, progress)
    rows = rows_of_texts(counts, Tallies(points), points)
    parts, shares = dict(counts.parts), {}
    for place, metric in enumerate(space.metrics):
        part, at = counts.parts.get((space.name, metric.name)), METRICS.index(metric.name)
        if not isinstance(part, Level) or not telling[at]:
            continue
        good = measured[:, at]
        middles = np.array(part.trees.sums(rows))[:, 0]
        weight = np.where(mine, 1.0, (good & mine).sum() / max(1, (good & ~mine).sum()))
        apart = (known[:, at] - middles)[good]
        errors = _rising(weighted_quantiles(apart, weight[good], LEVELS))
        parts[space.name, metric.name] = replace(part, errors=errors)
        told = [
            (answer[place], [(middle + error, p) for error, p in errors])
            for answer, middle in zip(answers, middles.tolist(), strict=True)
        ]
        shares[space.name, metric.name] = _shares(told, known[:, at], weight)
    return replace(counts, parts=parts).sharing(shares)


LEVELS = (0.005, 0.02, *(round(0.05 * step, 2) for step in range(1, 20)), 0.98, 0.995)
"""Of the errors of single costs."""
COSTS = 8
"""Points of a problem, at most, that these are learned from."""


def _few(points: Sequence[Point]) -> list[Point]:
    """At most so many points of each problem, evenly."""
    groups: dict[str, list[int]] = defaultdict(list)
    for place, (example, _) in enumerate(points):
        groups[example.problem].append(place)
    chosen = sorted(at for group in groups.values() for at in group[:: -(-len(group) // COSTS)])
    return [points[at] for at in chosen]


def _rising(errors: Reals) -> tuple[tuple[float, float], ...]:
    """Errors with their levels; of equal ones the last level is the one."""
    last = {round(float(error), 6): level for error, level in zip(errors, LEVELS, strict=True)}
    found = sorted(last.items())
    return tuple(found) if len(found) > 1 else ((found[0][0] - 1e-6, 0.25), (found[0][0], found[0][1]))


def _shares(told: Sequence[tuple[Prediction, Points]], measured: Reals, weight: Reals) -> tuple[float, float]:
    """The shares of a network's and of counting's answers, from those of which something was measured."""
    log_odds_of_both, over, weights = [], [], []
    for (network, counted), value, heavy in zip(told, measured.tolist(), weight.tolist(), strict=True):
        if math.isnan(value):
            continue
        said = points_of(network)
        for x, p in counted:
            log_odds_of_both.append((-log_odds(cdf(said, x)), -log_odds(p)))
            over.append(value > x)
            weights.append(heavy)
    return _least_loss(np.array(log_odds_of_both), np.array(over), np.array(weights))


def _least_loss(told: Reals, over: NDArray[np.bool_], weight: Reals) -> tuple[float, float]:
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
    return (network, counts) if network or counts else (1.0, 0.0)
