"""What counting alone predicts: gradient boosting on counts of syntax-node types, and on length.

Both are told the input size, and fitted on the training programs in the same run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ci_rlm.training.corpus import METRICS, Example
from ci_rlm.training.questions import Centres, Point, points_of, truth
from ci_rlm.training.scores import Reals


def baselines(training: Sequence[Example], points: Sequence[Point]) -> dict[str, Centres]:
    """Gradient boosting on node counts, and on length, fitted on the training programs.

    NaN for a metric that none of them has.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    learning = points_of(training)
    kinds = sorted({kind for example in training for kind, _ in example.counts})
    wanted: dict[str, Callable[[Sequence[Point]], Reals]] = {
        "node counts": lambda these: node_features(these, kinds),
        "length": lambda these: np.array([[math.log(row.size), math.log(len(e.text))] for e, row in these]),
    }
    found = {}
    for name, features in wanted.items():
        given, asked, known = features(learning), features(points), truth(learning)
        found[name] = np.full((len(points), len(METRICS)), np.nan)
        for metric, target in enumerate(known.T):
            mine = ~np.isnan(target)
            if mine.any():
                model = HistGradientBoostingRegressor(max_iter=400, learning_rate=0.06, random_state=0)
                found[name][:, metric] = model.fit(given[mine], target[mine]).predict(asked)
    return found


def node_features(points: Sequence[Point], kinds: Sequence[str]) -> Reals:
    """Counts of syntax-node types, and the log of the input size."""
    place = {kind: index for index, kind in enumerate(kinds)}
    table = np.zeros((len(points), len(kinds) + 1))
    for row, (example, costs) in enumerate(points):
        table[row, -1] = math.log(costs.size)
        for kind, count in example.counts:
            if kind in place:
                table[row, place[kind]] = count
    return table
