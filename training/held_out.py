"""How well a network in training ranks held-out programs, and changes between them.

Shapes: as in network.py; M metrics.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import islice

import numpy as np
import torch

from ci_rlm.model import alternatives
from ci_rlm.model.alternatives import Head
from ci_rlm.model.network import collate
from ci_rlm.training.batches import Batches, Item
from ci_rlm.training.scores import Reals

SCORED = 512
"""Held-out programs, and changes, that the scores after each epoch are of."""
AT_ONCE = 32
PROGRAMS, CHANGES = "", "changes"
"""What ranks are of: the run's own space, and its changes. Further spaces go by their names."""


def held_out_ranks(network: Head, held_out: Batches) -> dict[str, float]:
    """Spearman's ρ of predicted medians, the mean over metrics, by what is ranked.

    Each program and change at one size, the one nearest to its space's reference size.
    """
    own, *further = held_out.parts
    groups: dict[str, Sequence[Item]] = {PROGRAMS: own.places[:SCORED]}
    if held_out.config.compares:
        groups[CHANGES] = held_out.changes.draw(len(groups[PROGRAMS]), random.Random(0))
    groups |= {part.space.name: part.places[:SCORED] for part in further}
    return {name: _rank(network, held_out, items) for name, items in groups.items() if items}


def _rank(network: Head, held_out: Batches, items: Sequence[Item]) -> float:
    space = held_out.part_of(items[0]).space
    size = space.size or 1.0
    given = alternatives.given_numbers(network.config)
    read = [held_out.plainly(item) for item in items]
    rows = [min(each.numbers, key=lambda row: abs(math.log(row[0]) - math.log(size))) for each in read]
    asked = list(zip(held_out.encoded(read), rows, strict=True))
    order = sorted(range(len(asked)), key=lambda at: len(asked[at][0]))
    answers = np.empty((len(asked), len(rows[0]) - given))
    places = iter(order)
    while group := list(islice(places, AT_ONCE)):
        source_BS, keep_BS = collate([asked[at][0] for at in group], network.device)
        with torch.inference_mode():
            answers[group] = network.predict(source_BS, keep_BS, [rows[at][:given] for at in group], space)
    return _mean_spearman(answers, np.array([numbers[given:] for numbers in rows]))


def _mean_spearman(predicted: Reals, measured: Reals) -> float:
    from scipy.stats import spearmanr

    known = ~np.isnan(measured)
    pairs = [(predicted[mine, at], measured[mine, at]) for at, mine in enumerate(known.T) if mine.any()]
    # Constant values have no ranks to compare.
    found = [float(spearmanr(*pair).statistic) if min(map(np.ptp, pair)) > 0 else 0.0 for pair in pairs]
    return sum(found) / len(found)
