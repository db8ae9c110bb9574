"""From told probabilities of a regression to found ones, and how sure a claim must be.

Both are fitted on probabilities that were told of problems which the telling model did not see,
so that no pair vouches for itself. Shapes: M pairs, each way round.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ci_rlm.errors import CiRlmError
from ci_rlm.flow import FalseAlarms, ProbabilityMap

FOLDS = 5
_EDGE = 0.001
"""No found probability is nearer to 0 or 1."""
_GRID = 41
_GAIN = 1e-3
"""Nats a pair by which a map must predict better than none to be kept."""

Numbers = NDArray[np.float64]
Places = NDArray[np.intp]
Map = Callable[[Numbers], Numbers]


def map_of(
    told: Numbers, regressed: NDArray[np.bool_], weight: Numbers, owner: Places
) -> ProbabilityMap | None:
    """The map that predicts held-out problems best by log loss, or None if none is better than no map.

    `owner` says whose problem each pair is: problems are what is held out, one fold after another. Some
    pair has to have a weight. Of problems all in one fold nothing can be learned.
    """
    heavy = weight > 0
    folds = [inside for fold in range(FOLDS) if ((inside := owner % FOLDS == fold) & heavy).any()]
    if len(folds) < 2:
        return None
    makers = {"isotonic": _isotonic, "platt": _platt}
    loss = {"": _log_loss(told, regressed, weight)}
    for name, maker in makers.items():
        found = told.copy()
        for inside in folds:
            found[inside] = maker(told[~inside], regressed[~inside], weight[~inside])(told[inside])
        loss[name] = _log_loss(found, regressed, weight)
    best = min(loss, key=lambda name: (loss[name], name))
    if not best or loss[best] > loss[""] - _GAIN:
        return None
    grid = np.linspace(0.0, 1.0, _GRID)
    found = makers[best](told, regressed, weight)(grid)
    points = tuple((round(float(t), 4), round(float(p), 4)) for t, p in zip(grid, found, strict=True))
    return ProbabilityMap(best, points)


def tells(weight: Numbers, metric: str) -> None:
    """Raise CiRlmError for pairs of which none has a weight: without edits that change the cost, say."""
    if not weight.sum():
        message = (
            f"the calibration split has no edits that change {metric}: nothing tells what claims are worth"
        )
        raise CiRlmError(
            message, hint="name a corpus of programs with edits, as `ci-rlm profile` measures them"
        )


def _isotonic(told: Numbers, regressed: NDArray[np.bool_], weight: Numbers) -> Map:
    """Zadrozny and Elkan (KDD 2002), linear between the middles of its steps.

    So it rises wherever it can, and two claims of one step keep their order.
    """
    from sklearn.isotonic import IsotonicRegression

    heavy = weight > 0
    told, regressed, weight = told[heavy], regressed[heavy], weight[heavy]
    fitted = (
        IsotonicRegression(y_min=_EDGE, y_max=1 - _EDGE)
        .fit(told, regressed.astype(float), weight)
        .predict(told)
    )
    steps, member = np.unique(fitted, return_inverse=True)
    middles = np.bincount(member, weight * told) / np.bincount(member, weight)
    return lambda asked: np.interp(asked, middles, steps)


def _platt(told: Numbers, regressed: NDArray[np.bool_], weight: Numbers) -> Map:
    """A line on the log odds (Platt, Advances in Large Margin Classifiers, 1999)."""
    from sklearn.linear_model import LogisticRegression

    if regressed.all() or not regressed.any():
        return lambda asked: np.full_like(asked, np.clip(regressed.mean(), _EDGE, 1 - _EDGE))
    fitted = LogisticRegression(C=1e6).fit(_odds(told)[:, None], regressed, weight)
    return lambda asked: np.clip(fitted.predict_proba(_odds(asked)[:, None])[:, 1], _EDGE, 1 - _EDGE)


def _odds(p: Numbers) -> Numbers:
    clipped = np.clip(p, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(clipped / (1 - clipped)))


def _log_loss(p: Numbers, regressed: NDArray[np.bool_], weight: Numbers) -> float:
    clipped = np.clip(p, _EDGE, 1 - _EDGE)
    return float(np.average(-np.log(np.where(regressed, clipped, 1 - clipped)), weights=weight))


def false_alarms(found: Numbers, neutral: NDArray[np.bool_], owner: Places, target: float) -> FalseAlarms:
    """The threshold that at most `target` of new problems' neutral edits pass.

    One neutral pair of each problem, drawn with a fixed seed, because the bound needs pairs that
    could change places. Raises CiRlmError for too few problems, with the number that it takes.
    """
    chance = np.random.default_rng(0)
    problems = np.unique(owner[neutral])
    scores = np.sort([found[chance.choice(np.flatnonzero(neutral & (owner == one)))] for one in problems])
    rank = math.ceil((len(scores) + 1) * (1 - target))
    if rank > len(scores):
        needed = math.ceil(1 / target - 1e-9) - 1
        hint = f"that takes {needed} of them: measure more, or ask for a weaker bound"
        message = f"{len(scores)} held-out problems have a neutral edit: no bound of {target:.1%}"
        raise CiRlmError(message, hint=hint)
    return FalseAlarms(target, rounded_up(scores[rank - 1]), len(scores))


def rounded_up(threshold: float) -> float:
    """To four digits, so that what does not pass the threshold does not pass what is kept of it."""
    return math.ceil(float(threshold) * 1e4) / 1e4
