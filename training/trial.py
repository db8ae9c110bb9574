"""What a gate said of edits whose meaning is known: hits, false alarms, and how sure that leaves one.

Intervals of shares are those of Clopper and Pearson, "The use of confidence or fiducial limits"
(Biometrika, 1934), with functions taken as independent of each other.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ci_rlm.flow import Limits, ModelInfo, Outcome, Verdict
from ci_rlm.render.text import storable
from ci_rlm.training.effects import ANY, Effect
from ci_rlm.training.injection import Injection

LEVEL = 0.95
_HALVINGS = 50


@dataclass(frozen=True, slots=True)
class Trial:
    """One injected edit with what the gate made of it."""

    injection: Injection
    verdicts: tuple[Verdict, ...]
    """One a metric; none where it could not be judged."""
    unjudged: str = ""
    """Why there is no verdict."""

    @property
    def called(self) -> bool:
        """At least one metric is called regressed, as a warning or more."""
        return any(verdict.outcome is Outcome.REGRESSED for verdict in self.verdicts)

    @property
    def unsure(self) -> bool:
        """Nothing is called, and at least one metric is left open."""
        return not self.called and any(verdict.outcome is Outcome.UNSURE for verdict in self.verdicts)


@dataclass(frozen=True, slots=True)
class Tally:
    """Trials of one sort that were judged."""

    of: int
    called: int
    unsure: int

    @property
    def interval(self) -> tuple[float, float]:
        """Between which shares the called part lies, at 95%; 0 to 1 of nothing."""
        return exact_interval(self.called, self.of)


def tally(trials: Sequence[Trial], *, bad: bool) -> Tally:
    """The bad or the neutral ones, counted; those that could not be judged are left out."""
    judged = [trial for trial in trials if trial.verdicts and trial.injection.bad is bad]
    called = sum(trial.called for trial in judged)
    return Tally(len(judged), called, sum(trial.unsure for trial in judged))


def expected(trials: Sequence[Trial], effects: Mapping[str, Effect]) -> float:
    """How many of the judged bad edits are over the limit, if they do here what they did where measured."""
    judged = (trial.injection for trial in trials if trial.verdicts and trial.injection.bad)
    return sum(effects[injection.edit.name].share[ANY] for injection in judged)


def by_kind(trials: Sequence[Trial], *, bad: bool) -> list[tuple[Injection, Tally]]:
    """An example and the tally of each kind of edit, the most frequent first."""
    kinds: dict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        if trial.verdicts and trial.injection.bad is bad:
            kinds[trial.injection.edit.name].append(trial)
    found = [(members[0].injection, tally(members, bad=bad)) for members in kinds.values()]
    return sorted(found, key=lambda item: (-item[1].of, item[0].edit.name))


def exact_interval(hits: int, of: int, level: float = LEVEL) -> tuple[float, float]:
    """The shares under which so many hits or more, and so many or fewer, are not too rare."""
    if not of:
        return 0.0, 1.0
    rare = (1 - level) / 2
    low = _share_where(lambda share: 1 - _at_most(hits - 1, of, share) >= rare) if hits else 0.0
    high = _share_where(lambda share: _at_most(hits, of, share) <= rare) if hits < of else 1.0
    return low, high


def _share_where(reached: Any) -> float:
    """The smallest share from which on a condition holds."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return (low + high) / 2


def _at_most(hits: int, of: int, share: float) -> float:
    """The probability of at most so many hits (the binomial distribution)."""
    terms = (math.comb(of, count) * share**count * (1 - share) ** (of - count) for count in range(hits + 1))
    return math.fsum(terms)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a trial was made with."""

    commit: str
    seed: int
    model: ModelInfo
    limits: tuple[tuple[str, Limits], ...]


def document(setting: Setting, trials: Sequence[Trial], effects: Mapping[str, Effect]) -> dict[str, Any]:
    """All of it for machines."""
    return {
        "commit": setting.commit,
        "seed": setting.seed,
        "model": {"name": setting.model.name, "digest": setting.model.digest},
        "limits": {
            metric: {
                "warn": limits.warn,
                "fail": limits.fail,
                "confidence": limits.confidence,
                "warn_confidence": limits.warn_confidence,
            }
            for metric, limits in setting.limits
        },
        "bad": {**_counts(tally(trials, bad=True)), "expected": round(expected(trials, effects), 1)},
        "neutral": _counts(tally(trials, bad=False)),
        "kinds": [
            {**_kind(injection, effects), **_counts(counted)}
            for bad in (True, False)
            for injection, counted in by_kind(trials, bad=bad)
        ],
        "trials": [_trial(trial) for trial in trials],
    }


def _counts(counted: Tally) -> dict[str, Any]:
    low, high = counted.interval
    return {
        "of": counted.of,
        "called": counted.called,
        "unsure": counted.unsure,
        "interval": [round(low, 6), round(high, 6)],
    }


def _kind(injection: Injection, effects: Mapping[str, Effect]) -> dict[str, Any]:
    effect = effects[injection.edit.name]
    return {
        "kind": injection.edit.name,
        "bad": injection.bad,
        "undone": injection.reversed,
        "summary": injection.edit.summary,
        "measured": {"pairs": effect.pairs, "share_over_limit": dict(effect.share)},
    }


def _trial(trial: Trial) -> dict[str, Any]:
    unit = trial.injection.change.unit
    return {
        "path": storable(str(unit.path)),
        "line": trial.injection.line,
        "name": storable(unit.name),
        "kind": trial.injection.edit.name,
        "bad": trial.injection.bad,
        "called": trial.called,
        "outcomes": {verdict.comparison.metric.name: str(verdict.outcome) for verdict in trial.verdicts},
        "reasons": {verdict.comparison.metric.name: verdict.reason for verdict in trial.verdicts},
        "unjudged": trial.unjudged,
    }
