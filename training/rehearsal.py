"""What a checkpoint knows, said again while it learns something new (pseudo-rehearsal).

To learn from a few hundred functions of one sort spoils the answers about all other code. So
generated programs are mixed in, with what the starting checkpoint says of them as if it had been
measured (Robins, Connection Science 7, 1995). Not its medians, which would teach it to be sure of
itself: each row is a sample of its distribution, so that to learn it is to stay as one is.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import count, islice
from typing import Any

import torch

from ci_rlm.model import checkpoint, decode
from ci_rlm.model.alternatives import NumberHead, T5GemmaHead
from ci_rlm.model.tokenizer import TextTokenizer
from ci_rlm.training import programs, texts
from ci_rlm.training.corpus import Example, Row
from ci_rlm.training.profile.inputs import SIZES
from ci_rlm.training.programs import Programs
from ci_rlm.training.recipe import Recipe
from ci_rlm.training.splits import split_of
from ci_rlm.training.synthetic import Synthetic, generate

FURTHER = 2
"""Input sizes of a program beside the one that the gate asks for."""
_FILE = "rehearsed.arrow"


def keep(network: NumberHead | T5GemmaHead, words: TextTokenizer, recipe: Recipe, number: int) -> Programs:
    """So many generated programs with what the network says of them, written into the run's folder.

    A run that goes on reads what it wrote at first: the network is the one it started from.
    """
    path = recipe.out / _FILE
    known = f"{_digest(recipe)} {recipe.seed} {number}"
    if not path.exists() or programs.digest_of(path) != known:
        network.eval()
        chosen = islice(_generated(), number)
        programs.write(_told(chosen, network, words, recipe), path, {"digest": known})
    return Programs(path)


def _digest(recipe: Recipe) -> str:
    if recipe.start is None:
        raise ValueError("fresh weights have nothing to rehearse")
    return checkpoint.read_info(checkpoint.locate(recipe.start.checkpoint))[1].digest


def _generated() -> Iterator[Synthetic]:
    """Generated programs that nothing is calibrated or tested on."""
    return (program for seed in count() if split_of((program := generate(seed)).problem) == "train")


def _told(
    chosen: Iterable[Synthetic], network: NumberHead | T5GemmaHead, words: TextTokenizer, recipe: Recipe
) -> Iterator[Example]:
    space = network.config.spaces[0]
    for program in chosen:
        chance = random.Random(f"{recipe.seed} {program.record}")
        text = texts.program_text(program.text, space)
        (ids,), _ = words.encode_batch([text], recipe.train.longest)
        memory = network.encode(torch.tensor([ids], device=network.device), None)
        sizes = [space.size or 1.0, *map(float, chance.sample(SIZES, FURTHER))]
        rows = tuple(_sampled(network, memory, size, chance) for size in dict.fromkeys(sizes))
        yield Example(
            text, program.problem, "rehearsed", program.record, "train", rows, texts.node_counts(text)
        )


def _sampled(network: NumberHead | T5GemmaHead, memory: Any, size: float, chance: random.Random) -> Row:
    """One number after the other, each by a quantile at a level that is drawn."""
    numbers = [size] if network.config.spaces[0].size is not None else []
    for _ in network.config.spaces[0].metrics:
        level = chance.uniform(0.001, 0.999)
        numbers.append(float(decode.quantiles(network, memory, [numbers], [level])[0, 0, 0]))
    return Row(size, *numbers[-2:])
