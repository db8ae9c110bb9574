"""Length-bucketed batches under a token budget; what a step sees is a function of seed and step alone.

A batch is of one space, or of a space and its changes, whose metrics are the same.

Shapes: as in network.py; B programs or changes, R input sizes of each, T tokens of all their
numbers, M metrics, C types.
"""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ci_rlm.flow import Space
from ci_rlm.marks import marked
from ci_rlm.model.alternatives import Head, given_numbers
from ci_rlm.model.network import collate
from ci_rlm.model.tokenizer import TextTokenizer
from ci_rlm.training import names
from ci_rlm.training.changes import Changes, Places, ratios
from ci_rlm.training.programs import Numbers, Program
from ci_rlm.training.recipe import Recipe
from ci_rlm.training.spaces import DOMAINS

AUXILIARY_TYPES = 96
"""Syntax-node types whose counts the auxiliary objective predicts, the commonest ones."""

_WINDOW = 1024
_APART = "\n\f\n"
"""Between two sides that are renamed together; no canonical text holds it."""


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


Item = int | Places
"""A program by its place, or a change between two."""


class Part(NamedTuple):
    """The programs of one space."""

    space: Space
    programs: Sequence[Program]
    first: int
    """The place of the first one; those of all parts are counted through."""
    is_python: bool
    """Names are drawn anew, and syntax nodes counted."""
    at_most: int = 0
    """Of an epoch; 0: all."""

    @property
    def places(self) -> range:
        """The places of its programs."""
        return range(self.first, self.first + len(self.programs))

    def drawn(self, chance: random.Random) -> Sequence[int]:
        """The places of those that an epoch sees."""
        few = 0 < self.at_most < len(self.programs)
        return chance.sample(self.places, self.at_most) if few else self.places


class Read(NamedTuple):
    """One text of a batch, with the numbers that rows are drawn from."""

    text: str
    compares: bool
    numbers: Numbers
    filled: Numbers
    counts: Sequence[tuple[str, int]] | None


class Batches:
    """The batches of each epoch over some programs, and over changes between them.

    `further` are the programs of the recipe's further spaces, in its order.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        types: Sequence[str],
        words: TextTokenizer,
        network: Head,
        recipe: Recipe,
        further: Sequence[Sequence[Program]] = (),
    ) -> None:
        self.filled: Mapping[int, Numbers] = {}
        """The numbers of programs with unmeasured ones that later ones are conditioned on, by place."""
        self.programs, self.words, self.recipe = programs, words, recipe
        self.config, self.targets = network.config, network.targets
        self.parts = [Part(self.config.spaces[0], programs, 0, DOMAINS[recipe.space].is_python)]
        for also, own in zip(recipe.also, further, strict=True):
            space, is_python = self.config.space(also.space), DOMAINS[also.space].is_python
            self.parts.append(Part(space, own, self.parts[-1].places.stop, is_python, also.at_most))
        self.pool = names.pool(
            program.text for part in self.parts if part.is_python for program in part.programs
        )
        self.place = {kind: index for index, kind in enumerate(types)}
        self.changes = Changes(programs)
        self.lengths: list[int] = []
        texts = (program.text for part in self.parts for program in part.programs)
        while window := list(islice(texts, _WINDOW)):
            ids, _ = words.encode_batch(window, recipe.train.longest)
            self.lengths += [len(row) for row in ids]

    def plan(self, epoch: int) -> list[list[Item]]:
        """Which programs and changes go together in this epoch."""
        chance = random.Random(f"{self.recipe.seed} {epoch}")
        drawn = self.changes.draw(round(self.recipe.train.changes * len(self.programs)), chance)
        batches = self._bucketed([*self.parts[0].drawn(chance), *drawn], chance)
        for part in self.parts[1:]:
            batches += self._bucketed(part.drawn(chance), chance)
        chance.shuffle(batches)
        return batches

    def _bucketed(self, items: Sequence[Item], chance: random.Random) -> list[list[Item]]:
        """Batches of texts of about one length."""
        order = chance.sample(items, len(items))
        batches: list[list[Item]] = []
        for start in range(0, len(order), _WINDOW):
            window = order[start : start + _WINDOW]
            lengths = {item: self._length(item) for item in window}
            batches += _cut(sorted(window, key=lengths.__getitem__), lengths, self.recipe.train.batch_tokens)
        return batches

    def part_of(self, item: Item) -> Part:
        """The programs that an item is of; changes are of the first part."""
        firsts = [part.first for part in self.parts]
        return self.parts[bisect(firsts, item) - 1 if isinstance(item, int) else 0]

    def _length(self, item: Item) -> int:
        """Tokens, about: of a change what its longer side has, and some of the other."""
        if isinstance(item, int):
            return self.lengths[item]
        before, after = (self.lengths[place] for place in item)
        return min(self.recipe.train.longest, max(before, after) + min(before, after) // 4)

    def steps(self, epoch: int) -> list[list[list[Item]]]:
        """The batches of this epoch, as many together as one step takes."""
        plan, together = self.plan(epoch), self.recipe.train.batches
        return [plan[start : start + together] for start in range(0, len(plan), together)]

    def make(self, chosen: Sequence[Item], chance: random.Random) -> Batch:
        """The tensors of a batch; `chance` draws new names, the form of each text and the rows."""
        read = [self._read(item, chance) for item in chosen]
        source_BS, keep_BS = collate(self.encoded(read))
        given = given_numbers(self.config)
        targets, known = [], []
        for each in read:
            rows = chance.choices(range(len(each.numbers)), k=self.recipe.train.rows)
            number_RN = np.array([each.numbers[row] for row in rows])
            filled_RN = np.array([each.filled[row] for row in rows])
            # What stands in the last place is read by nothing.
            targets.append(self.targets(np.where(np.isnan(filled_RN), 1.0, filled_RN)))
            known.append(torch.from_numpy(~np.isnan(number_RN[:, given:])))
        counts_BC = torch.stack([self._counts(each.counts) for each in read])
        return Batch(source_BS, keep_BS, torch.stack(targets), torch.stack(known), counts_BC)

    def encoded(self, read: Sequence[Read]) -> list[list[int]]:
        """The ids of texts of both sorts, in order."""
        longest = self.recipe.train.longest
        plain = iter(self.words.encode_batch([each.text for each in read if not each.compares], longest)[0])
        changed = iter(self.words.encode_changes([each.text for each in read if each.compares], longest)[0])
        return [next(changed if each.compares else plain) for each in read]

    def plainly(self, item: Item) -> Read:
        """A program or change as it is."""
        return self._read(item, None)

    def _read(self, item: Item, chance: random.Random | None) -> Read:
        """A program or change as the network is to read it this time; without a chance, as it is."""
        train, part = self.recipe.train, self.part_of(item)
        prefix = part.space.prefix
        renames = chance is not None and chance.random() < train.rename and part.is_python
        as_unit = train.units > 0 if chance is None else chance.random() < train.units
        if isinstance(item, int):
            program = part.programs[item - part.first]
            body = _form(program, as_unit).removeprefix(prefix)
            text = prefix + (names.renamed(body, self.pool, chance) if renames and chance else body)
            filled = self.filled.get(item, program.numbers)
            counts = program.counts if part.is_python else None
            return Read(text, False, program.numbers, filled, counts)
        before, after = (self.programs[place] for place in item)
        as_unit = as_unit and bool(before.unit and after.unit)
        sides = [_form(program, as_unit).removeprefix(prefix) for program in (before, after)]
        if renames and chance:
            # Together, so that a name stays the same on both sides.
            sides = names.renamed(_APART.join(sides), self.pool, chance).split(_APART)
        numbers = ratios(before.numbers, after.numbers)
        space = next(space for space in self.config.spaces if space.compares)
        return Read(space.prefix + marked(*sides), True, numbers, numbers, None)

    def _counts(self, counts: Sequence[tuple[str, int]] | None) -> Tensor:
        """Logs of the counts of syntax nodes: (C,); NaN where they are not asked for."""
        if counts is None:
            return torch.full((len(self.place),), math.nan)
        counts_C = torch.zeros(len(self.place))
        for kind, count in counts:
            if kind in self.place:
                counts_C[self.place[kind]] = math.log1p(count)
        return counts_C


def _form(program: Program, as_unit: bool) -> str:
    return program.unit if as_unit and program.unit else program.text


def common_types(programs: Sequence[Program]) -> list[str]:
    """The syntax-node types that most programs have."""
    seen = Counter(kind for program in programs for kind, _ in program.counts)
    return [kind for kind, _ in seen.most_common(AUXILIARY_TYPES)]


def _cut(order: Sequence[Item], lengths: Mapping[Item, int], budget: int) -> list[list[Item]]:
    """Batches in order; lengths ascend, so that the last of a batch is its longest."""
    batches: list[list[Item]] = [[]]
    for item in order:
        if batches[-1] and lengths[item] * (len(batches[-1]) + 1) > budget:
            batches.append([])
        batches[-1].append(item)
    return batches
