"""Length-bucketed batches under a token budget; what a step sees is a function of seed and step alone.

Shapes: as in network.py; B programs, R input sizes of each, T tokens of all their numbers, M metrics,
C types.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ci_rlm.model.alternatives import Head, given_numbers
from ci_rlm.model.network import collate
from ci_rlm.model.tokenizer import TextTokenizer
from ci_rlm.training import names
from ci_rlm.training.programs import Numbers, Program
from ci_rlm.training.recipe import Recipe

AUXILIARY_TYPES = 96
"""Syntax-node types whose counts the auxiliary objective predicts, the commonest ones."""

_WINDOW = 1024


class Batch(NamedTuple):
    """What one pass through the network is given."""

    source_BS: Tensor
    keep_BS: Tensor | None
    target_BRT: Tensor
    known_BRM: Tensor
    """Which metrics were measured."""
    counts_BC: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same where the network is."""
        return Batch(*(None if tensor is None else tensor.to(device) for tensor in self))  # type: ignore[arg-type]  # of keep_BS alone


class Batches:
    """The batches of each epoch over some programs."""

    def __init__(
        self,
        programs: Sequence[Program],
        types: Sequence[str],
        words: TextTokenizer,
        network: Head,
        recipe: Recipe,
    ) -> None:
        self.filled: Mapping[int, Numbers] = {}
        """The numbers of programs with unmeasured ones that later ones are conditioned on, by index."""
        self.programs, self.words, self.network, self.recipe = programs, words, network, recipe
        self.config = network.config
        self.pool = names.pool(program.text for program in programs)
        self.place = {kind: index for index, kind in enumerate(types)}
        self.lengths: list[int] = []
        texts = (program.text for program in programs)
        while window := list(islice(texts, _WINDOW)):
            ids, _ = words.encode_batch(window, recipe.train.longest)
            self.lengths += [len(row) for row in ids]

    def plan(self, epoch: int) -> list[list[int]]:
        """Which programs go together in this epoch."""
        chance = random.Random(f"{self.recipe.seed} {epoch}")
        order = chance.sample(range(len(self.programs)), len(self.programs))
        batches: list[list[int]] = []
        for start in range(0, len(order), _WINDOW):
            window = sorted(order[start : start + _WINDOW], key=self.lengths.__getitem__)
            batches += _cut(window, self.lengths, self.recipe.train.batch_tokens)
        chance.shuffle(batches)
        return batches

    def steps(self, epoch: int) -> list[list[list[int]]]:
        """The batches of this epoch, as many together as one step takes."""
        plan, together = self.plan(epoch), self.recipe.train.batches
        return [plan[start : start + together] for start in range(0, len(plan), together)]

    def make(self, chosen: Sequence[int], chance: random.Random) -> Batch:
        """The tensors of a batch; `chance` draws new names and the rows."""
        train, prefix = self.recipe.train, self.config.spaces[0].prefix
        programs = [self.programs[index] for index in chosen]
        given = given_numbers(self.config)
        texts = [
            prefix + names.renamed(program.text.removeprefix(prefix), self.pool, chance)
            if chance.random() < train.rename
            else program.text
            for program in programs
        ]
        ids, _ = self.words.encode_batch(texts, train.longest)
        source_BS, keep_BS = collate(ids)
        rows = [chance.choices(range(len(program.numbers)), k=train.rows) for program in programs]
        targets, known = [], []
        for index, program, picked in zip(chosen, programs, rows, strict=True):
            number_RN = np.array([program.numbers[row] for row in picked])
            filled_RN = np.array([self.filled.get(index, program.numbers)[row] for row in picked])
            # What stands in the last place is read by nothing.
            targets.append(self.network.targets(np.where(np.isnan(filled_RN), 1.0, filled_RN)))
            known.append(torch.from_numpy(~np.isnan(number_RN[:, given:])))
        return Batch(source_BS, keep_BS, torch.stack(targets), torch.stack(known), self._counts(programs))

    def _counts(self, programs: Sequence[Program]) -> Tensor:
        counts_BC = torch.zeros(len(programs), len(self.place))
        for row, program in enumerate(programs):
            for kind, count in program.counts:
                if kind in self.place:
                    counts_BC[row, self.place[kind]] = math.log1p(count)
        return counts_BC


def common_types(programs: Sequence[Program]) -> list[str]:
    """The syntax-node types that most programs have."""
    seen = Counter(kind for program in programs for kind, _ in program.counts)
    return [kind for kind, _ in seen.most_common(AUXILIARY_TYPES)]


def _cut(order: Sequence[int], lengths: Sequence[int], budget: int) -> list[list[int]]:
    batches: list[list[int]] = [[]]
    for index in order:
        if batches[-1] and lengths[index] * (len(batches[-1]) + 1) > budget:
            batches.append([])
        batches[-1].append(index)
    return batches
