"""A candidate takes the place of the checkpoint in use only if it is better, and shown to be.

Better: on held-out functions of the team's own, newer than any that it learned from, the score of
some metric is better with confidence, and of none worse, as they are printed: to three digits. Not
worse elsewhere: on a general corpus the score of no metric may be worse by more than a margin, with
confidence (a test of non-inferiority). The score is the continuous ranked probability score of ln
cost, which a whole distribution has to earn; the intervals are of the paired difference, from draws
of functions.

A gate compares, so where both checkpoints have a space for it, neither may what they say of changes
be worse by more than the margin: the same score of ln ratio, near the reference size, on the general
corpus's edits and on versions of the team's held-out functions.

The checkpoint that was replaced is kept beside its place, under its name and the digest of all its files.
"""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ci_rlm.errors import CheckpointError, UsageError
from ci_rlm.model import checkpoint
from ci_rlm.model.weights import sha256
from ci_rlm.predict import Predictor
from ci_rlm.training import evaluate, team
from ci_rlm.training.bootstrap import Difference
from ci_rlm.training.corpus import Example, Row
from ci_rlm.training.questions import Pair, Point, few, pairs_of, points_of, solution_pairs

SCORE, CHANGES = "accuracy/crps", "pairs/edits/ratio_crps"
"""Of costs, and of the ratios of changes."""
GENERAL = 150
"""Problems of a general corpus at most that two checkpoints are compared on: more take long and tell
little more."""
MARGIN = 0.05
"""Of the present score on the general corpus, by which the candidate's may be worse."""
VERSION = "version"
"""The edit between two texts of a team's function."""

Differences = Mapping[str, Difference]
"""By metric: candidate less present; below 0 is better."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The scores of two checkpoints on one corpus."""

    costs: Differences
    changes: Differences = field(default_factory=dict)
    """Empty where one of them has no space that compares, or nothing was measured twice."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the candidate takes the place, and what speaks against it."""

    against: tuple[str, ...]
    """Clauses; empty if it does."""
    own: Compared
    general: Compared

    @property
    def better(self) -> bool:
        """Nothing speaks against it."""
        return not self.against


def general(examples: Sequence[Example], size: float) -> list[Example]:
    """Of a general corpus what two checkpoints are compared on: problems of the test split, each program
    at the input size that is nearest to `size`. The other splits stay as they are."""

    def nearest(rows: Sequence[Row]) -> tuple[Row, ...]:
        return tuple(sorted(rows, key=lambda row: abs(math.log(max(row.size, 1.0) / size)))[:1])

    found = few(examples, "test", GENERAL)
    return [replace(e, rows=nearest(e.rows)) if e.split == "test" else e for e in found]


def decide(own: Compared, general: Compared) -> Decision:
    """Weigh the differences on the team's held-out functions and on the general corpus."""
    against = []
    known = {m: d.difference for m, d in own.costs.items() if d.difference.high is not None}
    if not known:
        against.append("too few held-out functions of your own to tell")
    elif not any(d.high is not None and _told(d.high) < 0 for d in known.values()):
        against.append("no metric is better with confidence on your held-out functions")
    against += [
        f"{metric} is worse with confidence on your held-out functions"
        for metric, d in known.items()
        if d.low is not None and _told(d.low) > 0
    ]
    told_of = {m: d for m, d in own.changes.items() if d.difference.high is not None}
    against += _inferior(told_of, _OF_CHANGES, "your held-out functions")
    against += _inferior(general.costs, "", "general programs")
    against += _inferior(general.changes, _OF_CHANGES, "general programs")
    return Decision(tuple(against), own, general)


def _told(score: float) -> float:
    """As it is printed: nobody takes "+0.000 to +0.000" for worse, however sure it is."""
    return round(score, 3)


_OF_CHANGES = " of changes"


def _inferior(found: Differences, of: str, where: str) -> Iterator[str]:
    """Clauses for the scores that are not shown to be no worse than by the margin."""
    for metric, each in found.items():
        high, present = each.difference.high, each.present
        if high is None or present is None:
            yield f"too few {where} to tell of {metric}{of}"
        elif high > MARGIN * present:
            yield f"{metric}{of} may be worse by more than {MARGIN:.0%} on {where}"


def differences(
    candidate: Predictor,
    present: Predictor,
    examples: Sequence[Example],
    split: str,
    progress: evaluate.Progress,
) -> Compared:
    """The scores of both on one split of a corpus, by metric. Raises UsageError for an empty split."""
    chosen = [example for example in examples if example.split == split]
    if not chosen:
        raise UsageError(f"the corpus has no programs in its split {split!r}", hint="give a larger corpus")
    points = points_of(chosen)
    pairs = [*pairs_of(points), *versions(points)]
    found = evaluate.compare(candidate, present, chosen, pairs, progress=progress)
    return Compared(
        {metric: scores[SCORE] for metric, scores in found.items()},
        {metric: scores[CHANGES] for metric, scores in found.items() if _told_of(scores.get(CHANGES))},
    )


def _told_of(each: Difference | None) -> bool:
    return each is not None and each.difference.problems > 0


def versions(points: Sequence[Point]) -> list[Pair]:
    """Two texts of one function of a team's, measured at one input size: a change that was made."""
    own = (pair for pair in solution_pairs(points) if points[pair.after][0].source == team.SOURCE)
    return [replace(pair, edit=VERSION) for pair in own]


def told(decision: Decision) -> str:
    """The comparison as lines for people; lower scores are better."""
    lines = []
    for where, compared in (
        ("your held-out functions", decision.own),
        ("general programs", decision.general),
    ):
        for of, found in (("", compared.costs), (_OF_CHANGES, compared.changes)):
            lines += [f"{metric}{of} on {where}: {_line(each)}" for metric, each in found.items()]
    return "\n".join(lines)


def _line(each: Difference) -> str:
    apart = each.difference
    span = "no interval" if apart.low is None else f"{apart.low:+.3f} to {apart.high:+.3f}"
    both = f"{_number(each.candidate)} against {_number(each.present)}"
    return f"{both} ({span}, {apart.problems} functions)"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def install(candidate: Path, place: Path) -> Path | None:
    """Put a copy of a checkpoint into a place; where the one that was there is kept now, if one was.

    Raises UsageError where the place holds something else.
    """
    _refuse_other(place)
    fresh = place.with_name(f".{place.name}.fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(candidate, fresh)
    kept = None
    if place.exists():
        _, info, _ = checkpoint.read_info(place)
        kept = earlier(place) / f"{info.name}-{content(place)[:12]}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        if kept.exists():
            shutil.rmtree(place)
        else:
            place.rename(kept)
    fresh.rename(place)
    return kept


def content(folder: Path) -> str:
    """sha256 of a checkpoint's files: of two with the same weights, what is counted may differ."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole.update(f"{path.relative_to(folder).as_posix()} {sha256(path)}\n".encode())
    return whole.hexdigest()


def earlier(place: Path) -> Path:
    """Where the checkpoints that were replaced are kept, one folder each."""
    return place.with_name(f"{place.name}.earlier")


def restore(place: Path, name: str) -> Path | None:
    """Put an earlier checkpoint back by its name; where the present one is kept now.

    Raises UsageError for a name that is not there, with those that are.
    """
    known = sorted(path.name for path in earlier(place).iterdir()) if earlier(place).is_dir() else []
    if name not in known:
        hint = f"kept: {', '.join(known)}" if known else f"{earlier(place)} keeps none"
        raise UsageError(f"no earlier checkpoint {name!r}", hint=hint)
    return install(earlier(place) / name, place)


def _refuse_other(place: Path) -> None:
    if place.exists() and any(place.iterdir()) and not (place / checkpoint.CONFIG).is_file():
        raise CheckpointError(f"{place} is there and is no checkpoint", hint="name another folder")
