"""The counts of a fine-tune: those of its start, grown on the run's own rows.

The trees of single costs go on where the start's end: further ones learn what those leave of what a team
measured, beside names that its functions use. Generated programs stand among the rows, of which nothing is
left by definition, so that what is said of other code stays (`rehearsal.py` does so for a network). How
many trees there are is told by the calibration split: none, where none helps. The trees of changes stay,
and the shares of both, and the errors of costs, are fitted anew (`counting.share`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ci_rlm.model import checkpoint
from ci_rlm.model.counts import Counts, Level, Trees
from ci_rlm.predict import Predictor
from ci_rlm.predict.pooled import PooledPredictor
from ci_rlm.training import counting, evaluate, rehearsal
from ci_rlm.training.corpus import METRICS, Example, Row
from ci_rlm.training.counting import Tallies, flat, rows_of_texts
from ci_rlm.training.questions import points_of, truth
from ci_rlm.training.scores import Reals

NAMES = 20
"""A name is counted besides those of the start that so many of a team's functions use."""
REHEARSED = 4000
"""Generated programs at most; fewer where there are fewer texts to learn from."""
ROUNDS, RATE = 200, 0.06


def write(
    folder: Path,
    predictor: Predictor,
    examples: Sequence[Example],
    others: Sequence[Example],
    progress: evaluate.Progress = evaluate.silent,
) -> None:
    """Put what it counts into a run's checkpoint, from the run's examples, if its start counts.

    `predictor` answers for the checkpoint as it is; `others` are of other code: see `counting.share`.
    """
    if isinstance(predictor, PooledPredictor):
        space = evaluate.space_of(predictor)
        found = grown(predictor.counts, examples, space.name, space.size or 1.0)
        found = counting.share(found, predictor.network, examples, progress, others)
        checkpoint.write_counts(folder, found)


def grown(counts: Counts, examples: Sequence[Example], space: str, size: float, seed: int = 0) -> Counts:
    """The counts with further trees for the single costs of a space, whose input size is `size`."""
    learned, told = (
        points_of([each for each in examples if each.split == split]) for split in ("train", "calibration")
    )
    if not learned or not told:
        return counts
    own = Tallies(learned)
    counts = counts.counting(own.names(NAMES))
    number = min(REHEARSED, len({each.text for each, _ in learned}))
    rehearsed = points_of(_rehearsed(number, size))
    rows = rows_of_texts(counts, own, learned)
    others = rows_of_texts(counts, Tallies(rehearsed), rehearsed)
    asked = rows_of_texts(counts, Tallies(told), told)
    parts = dict(counts.parts)
    for place, metric in enumerate(METRICS):
        part = counts.parts.get((space, metric))
        if isinstance(part, Level):
            left, missed = (
                truth(points)[:, place] - np.array(part.trees.sums(each))[:, 0]
                for points, each in ((learned, rows), (told, asked))
            )
            further = _further(rows, left, others, asked, missed, seed)
            if further is not None:
                parts[space, metric] = replace(part, trees=part.trees.and_then(further))
    return replace(counts, parts=parts)


def _further(rows: Reals, left: Reals, others: Reals, asked: Reals, missed: Reals, seed: int) -> Trees | None:
    """Trees for what is left of ln(cost), as many as leave least of what others miss; None for none.

    Of `others` nothing is left; they weigh as much as the rows that were measured.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    good, known = ~np.isnan(left), ~np.isnan(missed)
    if good.sum() < counting.ENOUGH or known.sum() < counting.ENOUGH:
        return None
    learned = np.concatenate([rows[good], others])
    residual = np.concatenate([left[good], np.zeros(len(others))])
    weight = np.concatenate([np.ones(good.sum()), np.full(len(others), good.sum() / len(others))])
    model: Any = HistGradientBoostingRegressor(max_iter=ROUNDS, learning_rate=RATE, random_state=seed)
    model.fit(learned, residual, sample_weight=weight)
    stages = [np.abs(missed[known] - each).mean() for each in model.staged_predict(asked[known])]
    best = int(np.argmin(stages))
    if stages[best] >= np.abs(missed[known]).mean():
        return None
    model._predictors = model._predictors[: best + 1]
    return flat([model], [float(model._baseline_prediction.item())])


def _rehearsed(number: int, size: float) -> list[Example]:
    """So many generated programs, at the reference size."""
    return [
        Example(each.text, each.problem, "", "", "train", (Row(size, None, None),), ())
        for each in islice(rehearsal.generated(), number)
    ]
