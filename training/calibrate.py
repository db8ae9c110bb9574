"""From held-out pairs to an error model: how far to trust the ratio of two predictions.

    ci-rlm calibrate runs/embedded/checkpoint --corpus runs/corpus --false-alarms 5%

Pairs are two solutions of one problem, and a program with its edited self, of problems that
the model was not trained on, both ways round, at input sizes about the gate's. They are put
into bands by how alike their texts are; `flow.ErrorBand` says what is fitted in each. What the bands
tell of problems that they were not fitted on is then held against what was found
(`reliability.py`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ci_rlm import comparing, prompt
from ci_rlm.errors import CiRlmError
from ci_rlm.flow import Calibration, ErrorBand, Limits, Prediction, Space, Vocabulary
from ci_rlm.predict import Predictor
from ci_rlm.predict.unlike import strangers_of
from ci_rlm.training import corpus, evaluate, reliability
from ci_rlm.training.evaluate import METRICS, Point
from ci_rlm.training.questions import is_near

EDGES = (0.0, 0.5, 0.75, 0.9, 0.96, 1.001)
"""Of the similarity bands; small edits of a function lie in the last two."""

NEUTRAL_SHARE = 0.8
"""Weight of neutral edits among edits: most changes of a pull request do not touch the cost."""

SIZES = (250.0, 4200.0)
"""Input sizes that pairs are taken from: about the size that the gate asks for."""

GRID = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
PROBABILITIES = (*GRID, *(round(1 - u, 4) for u in reversed(GRID[:-1])))

_LEAST_PAIRS = 40
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Held-out pairs of one metric, each both ways round."""

    alike: Numbers
    predicted: Numbers
    """ln(after / before), as predicted."""
    measured: Numbers
    """ln(after / before), as measured."""
    weight: Numbers
    neutral: NDArray[np.bool_]
    edited: NDArray[np.bool_]
    owner: NDArray[np.intp]
    """Whose problem each pair is."""

    def where(self, chosen: NDArray[np.bool_]) -> Pairs:
        """Some of the pairs."""
        return Pairs(*(getattr(self, name)[chosen] for name in Pairs.__slots__))


def pairs_of(points: Sequence[Point], answers: Sequence[tuple[Prediction, ...]], metric: int) -> Pairs:
    """Solution pairs and edit pairs of the points, weighted so that neutral edits have their share."""
    chosen = [*evaluate.solution_pairs(points, cap=60), *evaluate.edit_pairs(points)]
    chosen = [pair for pair in chosen if SIZES[0] <= points[pair.after][1].size <= SIZES[1]]
    known = evaluate.truth(points)[:, metric]
    chosen = [pair for pair in chosen if not np.isnan(known[[pair.before, pair.after]]).any()]
    neutral = np.array([evaluate.is_neutral(pair) for pair in chosen], dtype=np.bool_)
    edited = np.array([bool(pair.edit) for pair in chosen], dtype=np.bool_)
    centre = np.array([comparing.centre(answer[metric]) for answer in answers])
    alike = np.array(
        [comparing.similarity(points[p.before][0].text, points[p.after][0].text) for p in chosen]
    )
    before = np.array([pair.before for pair in chosen], dtype=np.intp)
    after = np.array([pair.after for pair in chosen], dtype=np.intp)
    costly = edited & ~neutral
    boost = boost_of(costly.sum(), neutral.sum())
    weight = np.where(neutral, boost, 1.0)
    predicted, measured = centre[after] - centre[before], known[after] - known[before]
    return Pairs(
        alike=np.tile(alike, 2),
        predicted=np.concatenate([predicted, -predicted]),
        measured=np.concatenate([measured, -measured]),
        weight=np.tile(weight, 2),
        neutral=np.tile(neutral, 2),
        edited=np.tile(edited, 2),
        owner=np.tile(_owners(points, before), 2),
    )


def boost_of(costly: int, neutral: int) -> float:
    """The weight of each neutral edit beside so many others, by which all of them have their share."""
    return NEUTRAL_SHARE / (1 - NEUTRAL_SHARE) * costly / max(1, neutral)


def _owners(points: Sequence[Point], before: NDArray[np.intp]) -> NDArray[np.intp]:
    names = [points[index][0].problem for index in before]
    place = {name: at for at, name in enumerate(sorted(set(names)))}
    return np.array([place[name] for name in names], dtype=np.intp)


def fit(pairs: Pairs, metric: str) -> Calibration:
    """One error band for each range of similarity that has pairs enough."""
    bands = []
    for low, high in itertools.pairwise(EDGES):
        inside = (pairs.alike >= low) & (pairs.alike < high)
        if inside.sum() >= 2 * _LEAST_PAIRS:
            bands.append(_band(pairs, inside))
    return Calibration(metric, tuple(bands), pairs=len(pairs.alike) // 2)


def _band(pairs: Pairs, inside: NDArray[np.bool_]) -> ErrorBand:
    z, y, w = pairs.predicted[inside], pairs.measured[inside], pairs.weight[inside]
    # A few pairs differ a thousandfold; least squares would serve them alone.
    clipped = np.clip(y, -math.log(20), math.log(20))
    slope = float(np.clip((w * z * clipped).sum() / max(1e-9, (w * z * z).sum()), 0.0, 1.5))
    error = y - slope * z
    floor, growth = _spread(np.abs(z), np.minimum(np.abs(error), math.log(20)), w)
    # In the direction of z: what is said to be twice as slow is, if not, rarely twice as fast.
    standard = np.where(z < 0, -error, error) / (floor + growth * np.abs(z))
    quantiles = weighted_quantiles(standard, w, PROBABILITIES)
    return ErrorBand(
        similarity=round(float(np.average(pairs.alike[inside], weights=w)), 4),
        slope=round(slope, 4),
        floor=round(floor, 5),
        growth=round(growth, 5),
        quantiles=tuple((u, round(float(x), 4)) for u, x in zip(PROBABILITIES, quantiles, strict=True)),
    )


def _spread(z: Numbers, error: Numbers, w: Numbers) -> tuple[float, float]:
    """floor + growth·|z| for the mean absolute error, neither below nothing."""
    from scipy.optimize import nnls

    root = np.sqrt(w)
    (floor, growth), _ = nnls(np.stack([root, root * z], axis=1), root * error)
    return max(0.005, float(floor)), float(growth)


def weighted_quantiles(values: Numbers, weight: Numbers, probabilities: Sequence[float]) -> Numbers:
    """Quantiles of weighted values, linear between their mid-ranks."""
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(weight[order])
    middle = (mass - weight[order] / 2) / mass[-1]
    return np.interp(probabilities, middle, values[order])


def reliable(pairs: Pairs, metric: str, target: float | None = None) -> Calibration:
    """The error bands, the map of their probabilities, and with `target` the bound on false alarms.

    Raises CiRlmError for too few pairs or problems, with the number that it takes.
    """
    whole = fit(pairs, metric)
    if not whole.bands:
        hint = f"a band takes {_LEAST_PAIRS} pairs of problems in the calibration split: measure more of them"
        raise CiRlmError(f"{whole.pairs} held-out pairs are too few for an error band of {metric}", hint=hint)
    told = np.full(len(pairs.alike), np.nan)
    for fold in range(reliability.FOLDS):
        inside = pairs.owner % reliability.FOLDS == fold
        others = fit(pairs.where(~inside), metric)
        if others.bands:
            told[inside] = _told(others, pairs.where(inside))
    known = ~np.isnan(told)
    seen = pairs.where(known)
    reliability.tells(seen.weight, metric)
    regressed = seen.measured > math.log1p(Limits().warn)
    probabilities = reliability.map_of(told[known], regressed, seen.weight, seen.owner)
    fitted = replace(whole, probabilities=probabilities)
    if target is None:
        return fitted
    found = np.array([comparing.found_probability(fitted)(p) for p in told[known].tolist()])
    alarms = reliability.false_alarms(found, seen.neutral & ~regressed, seen.owner, target)
    return replace(fitted, false_alarms=alarms)


@dataclass(frozen=True, slots=True)
class Told:
    """Held-out edits of one metric, each both ways round, with what is said of both sides at once."""

    over: Numbers
    """P(after > (1 + t) x before) for t = warn and t = fail: shape (2, M)."""
    measured: Numbers
    """ln(after / before): (M,)."""
    weight: Numbers
    neutral: NDArray[np.bool_]
    owner: NDArray[np.intp]
    """Whose problem each edit is."""


THRESHOLDS = (Limits().warn, Limits().fail)


def of_told(told: Told, metric: str, target: float | None = None, wild: Numbers | None = None) -> Calibration:
    """The calibration of a space that compares; `target` bounds the share of false alarms.

    A neutral edit that was measured over the limit, a helper cut out of a function of one line, say, is
    no false alarm. `wild` are told probabilities, over `THRESHOLDS`, of changes that nobody measured,
    nearly all of which keep the cost: shape (2, W); 0 for one of which nothing is claimed. At most `target`
    of them may be called, either. Raises CiRlmError for too few problems, with the number that it takes.
    """
    reliability.tells(told.weight, metric)
    regressed = np.concatenate([told.measured > math.log1p(limit) for limit in THRESHOLDS])
    probabilities = reliability.map_of(
        np.concatenate(told.over), regressed, np.tile(told.weight, 2), np.tile(told.owner, 2)
    )
    fitted = Calibration(metric, (), pairs=len(told.measured) // 2, probabilities=probabilities)
    if target is None:
        return fitted
    found = comparing.found_probability(fitted)
    alarms = reliability.false_alarms(
        np.array(list(map(found, told.over[0].tolist()))),
        told.neutral & (told.measured <= math.log1p(Limits().warn)),
        told.owner,
        target,
    )
    if wild is not None:
        passed = np.sort([found(p) for p in wild[0].tolist()])
        rank = min(len(passed), math.ceil((len(passed) + 1) * (1 - target)))
        least = reliability.rounded_up(passed[rank - 1])
        alarms = replace(alarms, threshold=max(alarms.threshold, least))
    return replace(fitted, false_alarms=alarms)


def told_of(
    points: Sequence[Point],
    answers: Sequence[tuple[tuple[Prediction, ...], tuple[Prediction, ...]]],
    pairs: Sequence[evaluate.Pair],
    metric: int,
) -> Told:
    """What was said of the edits `pairs`, one answer each, weighted so that neutral ones have their share."""
    known = evaluate.truth(points)[:, metric]
    good = [at for at, pair in enumerate(pairs) if not np.isnan(known[[pair.before, pair.after]]).any()]
    mixed = [comparing.mixture(*(side[metric] for side in answers[at])) for at in good]
    flipped = [[(1 - u, -x) for u, x in reversed(each)] for each in mixed]
    over = np.array([[over_of(each, limit) for each in (*mixed, *flipped)] for limit in THRESHOLDS])
    chosen = [pairs[at] for at in good]
    neutral = np.array([evaluate.is_neutral(pair) for pair in chosen], dtype=np.bool_)
    boost = boost_of((~neutral).sum(), neutral.sum())
    before = np.array([pair.before for pair in chosen], dtype=np.intp)
    after = np.array([pair.after for pair in chosen], dtype=np.intp)
    ratio = known[after] - known[before]
    return Told(
        over=over,
        measured=np.concatenate([ratio, -ratio]),
        weight=np.tile(np.where(neutral, boost, 1.0), 2),
        neutral=np.tile(neutral, 2),
        owner=np.tile(_owners(points, before), 2),
    )


def over_of(mixed: comparing.Quantiles, limit: float) -> float:
    """P(after > (1 + limit) x before) by (probability, ln ratio) pairs."""
    return 1 - comparing.cdf_of(mixed, math.log1p(limit))


def _told(calibration: Calibration, pairs: Pairs) -> Numbers:
    """P(after > (1 + warn) x before) as the bands tell it."""
    limit = math.log1p(Limits().warn)
    rows = zip(pairs.predicted.tolist(), pairs.alike.tolist(), strict=True)
    return np.array([1 - comparing.error_cdf(calibration, z, alike)(limit) for z, alike in rows])


def calibrations(
    predictor: Predictor,
    examples: Sequence[corpus.Example],
    target: float | None = None,
    progress: evaluate.Progress = evaluate.silent,
    changes: Sequence[tuple[str, str]] = (),
) -> tuple[Calibration, ...]:
    """Calibrate the metrics that the calibration split has; `target` bounds false alarms.

    `changes` are texts before and after of changes that nobody measured, as between two releases of
    a package: nearly all keep the cost. Only a checkpoint that compares learns from them.

    What the checkpoint knew of other metrics is kept.
    """
    points = _near(evaluate.points_of([e for e in examples if e.split == "calibration"]))
    if not points:
        hint = "measure programs at about the input size that a gate asks for"
        raise CiRlmError("the calibration split has no programs to calibrate on", hint=hint)
    known = evaluate.truth(points)
    measured = [at for at in range(len(METRICS)) if not np.isnan(known[:, at]).all()]
    kept = [each for each in predictor.calibrations if each.metric not in {METRICS[at] for at in measured}]
    space = predictor.spaces[0]
    if any(each.compares for each in predictor.spaces):
        near = (pair for pair in evaluate.edit_pairs(points) if is_near(points[pair.after]))
        pairs = list(near)
        asked = [(pair.before, pair.after) for pair in pairs]
        both = evaluate.ratios(points, asked, predictor, space, progress)
        told = (told_of(points, both, pairs, at) for at in measured)
        wild = ratios_of_changes(predictor, space, changes, progress)
        found = [
            of_told(
                each,
                METRICS[at],
                target,
                claimable(_over(wild, at), changes, predictor.vocabulary) if wild else None,
            )
            for each, at in zip(told, measured, strict=True)
        ]
    else:
        answers = evaluate.predictions(points, predictor, space, progress)
        found = [reliable(pairs_of(points, answers, at), METRICS[at], target) for at in measured]
    return (*kept, *found)


def ratios_of_changes(
    predictor: Predictor,
    space: Space,
    changes: Sequence[tuple[str, str]],
    progress: evaluate.Progress = evaluate.silent,
) -> list[tuple[tuple[Prediction, ...], tuple[Prediction, ...]]]:
    """What is said of changes, texts before and after, both ways round."""
    comparing = next(each for each in predictor.spaces if each.compares)
    asked = []
    for texts in changes:
        before, after = (prompt.prompt_from_text(text, space) for text in texts)
        asked += [
            prompt.change_prompt(before, after, space, comparing),
            prompt.change_prompt(after, before, space, comparing),
        ]
    answers = []
    for answer in predictor.predict(asked):
        answers.append(answer)
        progress(len(answers), len(asked))
    return list(zip(answers[::2], answers[1::2], strict=True))


def _over(both: Sequence[tuple[tuple[Prediction, ...], tuple[Prediction, ...]]], metric: int) -> Numbers:
    """P over `THRESHOLDS` of each change: shape (2, changes)."""
    mixed = [comparing.mixture(ratio[metric], inverse[metric]) for ratio, inverse in both]
    return np.array([[over_of(each, limit) for each in mixed] for limit in THRESHOLDS])


def claimable(over: Numbers, changes: Sequence[tuple[str, str]], vocabulary: Vocabulary | None) -> Numbers:
    """Probabilities of changes, (2, W); 0 for one unlike the training code, of which nothing is claimed."""
    return np.where([bool(strangers_of(*texts, vocabulary)) for texts in changes], 0.0, over)


def _near(points: Sequence[Point]) -> list[Point]:
    return [point for point in points if SIZES[0] <= point[1].size <= SIZES[1]]


def told(calibration: Calibration) -> str:
    """One line on a calibration, for people."""
    mapped, alarms = calibration.probabilities, calibration.false_alarms
    among = f" in {len(calibration.bands)} bands" if calibration.bands else ""
    parts = [
        f"{calibration.metric}: {calibration.pairs} pairs{among}",
        f"probabilities {mapped.method if mapped else 'as told'}",
    ]
    if alarms:
        bound = f"at most {100 * alarms.target:g}% false alarms above {alarms.threshold:.3f}"
        parts.append(f"{bound} ({alarms.problems} problems)")
    return ", ".join(parts)
