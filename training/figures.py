"""What is scored of a predictor.

Scores have keys such as `pairs/edits/1.5 to 2/auc`: the section, what of it, and last the name of
the score, which `meanings.py` explains.

Shapes: N points, M sides near the reference size, L levels of quantiles.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ci_rlm.flow import Limits
from ci_rlm.training import scores
from ci_rlm.training.questions import MANY, TELLING, Questions, Sides
from ci_rlm.training.scores import Flags, Indices, Reals, Score

RATIOS = (1.0, 1.1, 1.5, 2.0, 5.0, math.inf)
"""Edges of the bins of measured ratios, the dearer program to the cheaper."""
PERCENTS = (5, 10, 20, 30, 50)
"""Shares of the programs of a problem that are chosen as its cheapest."""
ORDERED = 5000
"""Programs that are compared with each other for Kendall's τ; of more, an even part."""
BINS = 10
"""Of probabilities, in a reliability curve."""
TOLERANCE = 1e-4
"""Numbers are decoded to five digits: logarithms this close are of one number."""
SLOWER = math.log(1.1)
"""ln of the ratio from which on a call of a regression is right."""


@dataclass(frozen=True, slots=True, eq=False)
class Claims:
    """What is said of the ratios of the sides near the reference size, at default limits: (M,)."""

    p_regression: Reals
    regressed: Flags
    failing: Flags
    """Of the regressed, those that would fail an enforced gate."""
    unsure: Flags


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What one predictor says of one metric of the points, in natural logarithms."""

    centres: Reals
    """(N,)."""
    levels: tuple[float, ...] = ()
    quantiles: Reals | None = None
    """(N, L); None for a predictor of points."""
    claims: Mapping[str, Claims] = field(default_factory=dict)
    """By the kind of sides; empty where none are made."""
    ratios: Mapping[str, Reals] = field(default_factory=dict)
    """By the kind of sides, after - before of those that are predicted as such: (M,); NaN away from the
    reference size, where they are not asked."""
    mixtures: Mapping[str, Sequence[Sequence[tuple[float, float]] | None]] = field(default_factory=dict)
    """By the kind of sides, (probability, quantile) pairs of the same: M of them, None likewise."""


def scores_of(questions: Questions, known: Reals, said: Said) -> dict[str, Score]:
    """All scores of one metric of a predictor; `known` is the log of what was measured: (N,)."""
    found = _accuracy(questions, known, said)
    found |= _within(questions, known, said.centres)
    found |= _selection(questions, known, said.centres)
    for name, sides in questions.sides.items():
        y, p = (values[sides.after] - values[sides.before] for values in (known, said.centres))
        asked = sides.near if name == "edits" else np.ones(len(y), dtype=np.bool_)
        p = said.ratios.get(name, p)
        found |= _pairs(f"pairs/{name}", y[asked], p[asked], sides.owner[asked])
        if name in said.mixtures:
            found[f"pairs/{name}/ratio_crps"] = _ratio_crps(y, sides, said.mixtures[name])
        if name in said.claims:
            found |= _reliability(f"probabilities/{name}", y[sides.near], sides, said.claims[name])
    if "edits" in said.claims:
        sides = questions.sides["edits"]
        y = (known[sides.after] - known[sides.before])[sides.near]
        found |= _calls(y, sides, said.claims["edits"])
    if said.quantiles is not None:
        found |= _quantiles(known, said.levels, said.quantiles, questions.owner)
    return found


def _accuracy(questions: Questions, y: Reals, said: Said) -> dict[str, Score]:
    plain, near, owner, p = questions.plain, questions.near, questions.owner, said.centres
    off = np.abs(y - p)[plain]
    spread = off if said.quantiles is None else scores.crps(said.levels, said.quantiles[plain], y[plain])
    found = {
        **_ranks("ranking", y, p, owner, plain),
        "ranking/spearman_near": scores.spearman(y[near], p[near], owner[near]),
        "accuracy/log_error": scores.mean(off, owner[plain]),
        "accuracy/crps": scores.mean(spread, owner[plain]),
    }
    spoken = np.array(questions.languages, dtype=np.object_)[plain]
    for language in sorted(set(spoken)):
        found |= _ranks(f"languages/{language}", y, p, owner, plain[spoken == language])
    return found


def _ranks(key: str, y: Reals, p: Reals, owner: Indices, chosen: Indices) -> dict[str, Score]:
    some = chosen[:: -(-len(chosen) // ORDERED) or 1]
    return {
        f"{key}/spearman": scores.spearman(y[chosen], p[chosen], owner[chosen]),
        f"{key}/kendall": scores.kendall(y[some], p[some], owner[some]),
    }


def _within(questions: Questions, y: Reals, p: Reals) -> dict[str, Score]:
    # What costs the same in all programs of a problem has no order there.
    ranked = [members for members in questions.rankings if np.ptp(y[members]) > 0]
    owner = _owners(questions, ranked)
    # A prediction that is the same for all programs of a problem ranks none of them.
    rho, tau = (
        np.nan_to_num(np.array([of(y[members], p[members]) for members in ranked]))
        for of in (scores.rho, scores.tau)
    )
    large = np.array([len(members) > MANY for members in ranked], dtype=np.bool_)
    return {
        "ranking/spearman_within": scores.mean(rho, owner),
        "ranking/kendall_within": scores.mean(tau, owner),
        "ranking/spearman_within_median": scores.median(rho[large], owner[large]),
    }


def _owners(questions: Questions, groups: Sequence[Indices]) -> Indices:
    return np.array([questions.owner[members[0]] for members in groups], dtype=np.intp)


def _selection(questions: Questions, y: Reals, p: Reals) -> dict[str, Score]:
    many = [members for members in questions.rankings if len(members) > MANY]
    owner = _owners(questions, many)
    found = {}
    for percent in PERCENTS:
        chosen = [scores.select(y[members], p[members], percent) for members in many]
        for name in ("hit", "chance", "overlap"):
            values = np.array([getattr(selection, name) for selection in chosen])
            found[f"selection/{percent}/{name}"] = scores.mean(values, owner)
        regrets = np.array([selection.log_regret for selection in chosen])
        found[f"selection/{percent}/regret"] = scores.geometric_mean(regrets, owner)
    return found


def _pairs(key: str, y: Reals, p: Reals, owner: Indices) -> dict[str, Score]:
    found = {}
    for low, high in (*itertools.pairwise(RATIOS), (TELLING, math.inf)):
        inside = (np.abs(y) > math.log(low)) & (np.abs(y) <= math.log(high))
        label = f"{low:g} to {high:g}" if math.isfinite(high) else f"over {low:g}"
        # Both ways round a sign is right or wrong alike; ranks need both.
        once = inside & (np.arange(len(y)) < len(y) // 2)
        found[f"{key}/{label}/sign_accuracy"] = scores.mean(y[once] * p[once] > 0, owner[once])
        found[f"{key}/{label}/auc"] = scores.auc(y[inside] > 0, p[inside], owner[inside])
    return found


def _ratio_crps(y: Reals, sides: Sides, mixtures: Sequence[Sequence[tuple[float, float]] | None]) -> Score:
    # The other way round the score is the same.
    told = [at for at, mixed in enumerate(mixtures[: len(y) // 2]) if mixed is not None]
    found = np.array([_crps(mixtures[at] or (), float(y[at])) for at in told])
    return scores.mean(found, sides.owner[told])


def _crps(mixed: Sequence[tuple[float, float]], y: float) -> float:
    levels, quantiles = zip(*mixed, strict=True)
    return float(scores.crps(levels, np.array([quantiles]), np.array([y]))[0])


def _quantiles(y: Reals, levels: Sequence[float], q: Reals, owner: Indices) -> dict[str, Score]:
    masses = scores.pit_masses(levels, q, y, TOLERANCE)
    found = {}
    for place, level in enumerate(levels):
        found[f"coverage/{level:g}/below"] = scores.mean(masses[:, : place + 1].sum(axis=1), owner)
    for place, (low, high) in enumerate(itertools.pairwise((0.0, *levels, 1.0))):
        found[f"pit/{low:g} to {high:g}/mass"] = scores.mean(masses[:, place], owner)
    if {0.05, 0.95} <= set(levels):
        least, most = (q[:, levels.index(level)] for level in (0.05, 0.95))
        inside = (least <= y + TOLERANCE) & (y <= most + TOLERANCE)
        found["coverage/inside_90"] = scores.mean(inside, owner)
    return found


def _reliability(key: str, y: Reals, sides: Sides, claims: Claims) -> dict[str, Score]:
    p, hit, owner = claims.p_regression, y > math.log1p(Limits().fail), sides.owner[sides.near]
    found = {f"{key}/ece": scores.calibration_error(p, hit, owner, BINS)}
    for place in range(BINS):
        mine = scores.bin_of(p, BINS) == place
        label = f"{place / BINS:g} to {(place + 1) / BINS:g}"
        found[f"{key}/{label}/predicted"] = scores.mean(p[mine], owner[mine])
        found[f"{key}/{label}/observed"] = scores.mean(hit[mine], owner[mine])
    return found


def _calls(y: Reals, sides: Sides, claims: Claims) -> dict[str, Score]:
    owner, neutral, worse = sides.owner[sides.near], sides.neutral[sides.near], y > math.log(TELLING)
    called, failing, told = claims.regressed, claims.failing, worse | neutral
    return {
        "calls/auc": scores.auc(worse[told], claims.p_regression[told], owner[told]),
        "calls/neutral_called": scores.mean(called[neutral], owner[neutral]),
        "calls/recall": scores.mean(called[worse], owner[worse]),
        "calls/precision": scores.mean(y[called] > SLOWER, owner[called]),
        "calls/failing_recall": scores.mean(failing[worse], owner[worse]),
        "calls/failing_precision": scores.mean(y[failing] > SLOWER, owner[failing]),
        "calls/unsure": scores.mean(claims.unsure, owner),
    }
