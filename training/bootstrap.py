"""How sure a score is: intervals from drawing problems with replacement.

Whole problems are drawn, so that programs of one stay together; all scores of an evaluation, and
both sides of a difference, are computed on the same draws.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ci_rlm.training.scores import Reals, Score

LEVEL = 0.95
"""Probability of an interval."""
RESAMPLES = 1000
_LEAST_PROBLEMS = 5
"""Draws of fewer say little of how problems differ."""
_LEAST_SHARE = 0.5
"""An interval needs this share of the draws; in the others nothing was there to score."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A score with its interval; None for what cannot be told."""

    value: float | None
    low: float | None
    high: float | None
    count: int
    """How many items it is of."""
    problems: int
    """Of how many problems these are."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A score of two predictors on the same draws."""

    candidate: float | None
    present: float | None
    difference: Figure
    """Candidate - present."""
    higher: float | None
    """Share of draws in which the candidate's score is higher, equal ones half; None without an interval."""


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """A score and its values over draws."""

    score: Score
    value: float
    drawn: Reals
    """Shape (resamples,)."""


def draws(problems: int, resamples: int = RESAMPLES, seed: int = 0) -> Reals:
    """How often each problem is in each draw of as many as there are: shape (resamples, problems)."""
    if not problems:
        return np.zeros((resamples, 0))
    chance = np.random.default_rng(seed)
    return chance.multinomial(problems, np.full(problems, 1 / problems), resamples).astype(np.float64)


def sampled(scores: Mapping[str, Score], drawn: Reals) -> dict[str, Sampled]:
    """Every score with its values over draws."""
    problems = drawn.shape[1]
    return {key: Sampled(score, score.plain(problems), score.of(drawn)) for key, score in scores.items()}


def figure(told: Sampled) -> Figure:
    """A score with its percentile interval.

    There is none where fewer than five problems have something to score. A share of none or of all
    items varies in no draw: its interval is Clopper and Pearson's for as many trials as problems.
    """
    if told.score.share and told.value in (0, 1):
        bound = _unseen(told.score)
        return _figure(told, *((0.0, bound) if told.value == 0 else (1 - bound, 1.0)))
    return _figure(told, *_percentiles(told.drawn))


def difference(candidate: Sampled, present: Sampled) -> Difference:
    """The paired difference of a score between two predictors."""
    apart = Sampled(candidate.score, candidate.value - present.value, candidate.drawn - present.drawn)
    told = _figure(apart, *_percentiles(apart.drawn))
    known = apart.drawn[~np.isnan(apart.drawn)]
    higher = None if told.low is None else float((known > 0).mean() + (known == 0).mean() / 2)
    return Difference(_told(candidate.value), _told(present.value), told, higher)


def _figure(told: Sampled, low: float | None, high: float | None) -> Figure:
    problems = len(np.unique(told.score.owner))
    if problems < _LEAST_PROBLEMS or math.isnan(told.value):
        low = high = None
    return Figure(_told(told.value), low, high, len(told.score.owner), problems)


def _percentiles(drawn: Reals) -> tuple[float | None, float | None]:
    known = drawn[~np.isnan(drawn)]
    if len(known) < max(1, _LEAST_SHARE * len(drawn)):
        return None, None
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _unseen(score: Score) -> float:
    """The highest share of problems of a kind that may well be in none of as many as were asked."""
    return float(1 - ((1 - LEVEL) / 2) ** (1 / max(1, len(np.unique(score.owner)))))


def _told(value: float) -> float | None:
    return None if math.isnan(value) else value
