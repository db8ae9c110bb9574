"""What was measured of a published checkpoint: `figures.json` beside its weights.

The card is written from this record, and `ci-rlm evaluate --suite` makes it again with the same
inputs, so that both can be held against each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from ci_rlm.errors import CheckpointError
from ci_rlm.model import checkpoint, records
from ci_rlm.training.corpus import Example
from ci_rlm.training.evaluation_document import Document

FIGURES = {
    "ranking/spearman": "Spearman, all sizes",
    "ranking/spearman_near": "Spearman, near the reference size",
    "ranking/spearman_within_median": "Spearman within a problem, median",
    "pairs/solutions/over 1.5/sign_accuracy": "two solutions over 1.5x apart: right order",
    "pairs/edits/over 1.5/sign_accuracy": "an edit of over 1.5x: right direction",
    "calls/auc": "edits of over 1.5x against neutral ones: ROC-AUC",
    "probabilities/edits/ece": "calibration error of P(regression)",
    "calls/neutral_called": "neutral edits called regressed",
    "calls/recall": "edits of over 1.5x called regressed",
    "calls/precision": "calls whose measured ratio is over 1.1",
    "calls/failing_recall": "edits of over 1.5x that would fail a gate",
    "calls/failing_precision": "calls that would fail a gate, measured over 1.1x",
    "calls/unsure": "edits left unsure",
    "coverage/inside_90": "measured inside the 5% to 95% interval",
}
"""Keys of an evaluation that are recorded, and what a card calls them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How the figures were made: with the same and the same inputs, they are the same."""

    split: str = "test"
    problems: int | None = None
    """Of the split at most; None: all."""
    changes: int | None = None
    """Between releases, at most so many to calibrate with and so many to count; None: all."""
    hunks: int = 0
    """Changes of which the right hunk is known, at most; 0: no such figure."""
    resamples: int = 1000
    seed: int = 0
    """Of the draws that intervals come from."""
    false_alarms: float = 0.01
    """Of neutral edits, at most this share may be called regressed, but for those measured to be."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Which checkpoint the figures are of."""

    name: str
    digest: str
    """As `ModelInfo.digest`."""
    parameters: int


@dataclass(frozen=True, slots=True)
class Inputs:
    """sha256 of what was read, so that other inputs are told from other figures."""

    corpus: dict[str, str]
    """By split: of the programs and their costs, whatever files hold them."""
    changes: str | None
    """Of the changes between releases; None without them."""
    ways: dict[str, str] = field(default_factory=dict, metadata={"optional": True})
    """By split, as `corpus`: of the small functions of `training/ways/`."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a split holds."""

    problems: int
    programs: int
    rows: int
    """Programs at an input size."""
    edited: int
    """Programs that are edits of another."""
    sources: dict[str, int]
    """Programs by where they come from."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one predictor."""

    metric: str
    figure: str
    """A key of `FIGURES`, or the way that a hunk was named."""
    predictor: str
    """Or the changes that it was named in."""
    value: float | None
    low: float | None
    high: float | None
    """Of the 95% interval; None where it cannot be told."""
    count: int
    problems: int


@dataclass(frozen=True, slots=True)
class Wild:
    """What the gate says of changes between releases, nearly all of which keep the cost."""

    metric: str
    packages: int
    outcomes: dict[str, int]
    """How often it says each."""


@dataclass(frozen=True, slots=True)
class Record:
    """Every figure of a card, and what it takes to make them again."""

    version: int
    weights: Weights
    asked: Asked
    inputs: Inputs
    training: Counts
    held_out: Counts
    """What the figures are of."""
    figures: tuple[Row, ...]
    calibrations: tuple[str, ...]
    """One line a metric."""
    releases: tuple[Wild, ...] = ()
    hunks: tuple[Row, ...] = ()
    """How often the right hunk of a change is named first."""
    ways: tuple[Row, ...] = field(default=(), metadata={"optional": True})
    """As `figures`: of small functions of tasks never trained on, near the reference size."""


VERSION = 1


def read(folder: Path) -> Record:
    """The record of a published checkpoint. Raises CheckpointError where there is none of this version."""
    path = folder / checkpoint.FIGURES
    if not path.is_file():
        hint = "`python -m ci_rlm.training.publish` writes it with the card"
        raise CheckpointError(f"{folder} has no {checkpoint.FIGURES} to hold figures against", hint=hint)
    record = records.load(Record, path.read_text(encoding="utf-8"), str(path))
    if record.version != VERSION:
        raise CheckpointError(f"{path} is of version {record.version}, not {VERSION}", hint="publish again")
    return record


def rows_of(document: Document) -> tuple[Row, ...]:
    """Those of the figures of an evaluation that a card tells."""
    names = [predictor["name"] for predictor in document["predictors"]]
    return tuple(
        Row(metric["metric"], key, name, **predictor["figures"][key])
        for metric in document["metrics"]
        for key in FIGURES
        for name, predictor in zip(names, metric["predictors"], strict=True)
        if key in predictor["figures"]
    )


def counts_of(examples: Sequence[Example]) -> Counts:
    """How much there is of some programs."""
    return Counts(
        problems=len({example.problem for example in examples}),
        programs=len(examples),
        rows=sum(len(example.rows) for example in examples),
        edited=sum(bool(example.edit) for example in examples),
        sources=dict(sorted(Counter(example.source for example in examples).items())),
    )


def digests(examples: Sequence[Example]) -> dict[str, str]:
    """sha256 of the programs of each split with their costs, in whatever order they lie."""
    found: dict[str, list[bytes]] = {}
    for example in examples:
        told = (example.text, example.unit, example.problem, example.source, example.record, example.rows)
        found.setdefault(example.split, []).append(sha256(repr(told).encode()).digest())
    return {split: sha256(b"".join(sorted(found[split]))).hexdigest() for split in sorted(found)}
