"""What the checkpoint that a run starts from says, as the run learns from it.

To learn from a few hundred functions of one sort spoils the answers about all other code. So
generated programs are mixed in, with what the starting checkpoint says of them as if it had been
measured (pseudo-rehearsal: Robins, Connection Science 7, 1995). Not its medians, which would teach
it to be sure of itself: each row is a sample of its distribution, so that to learn it is to stay as
one is. And a metric that was not measured is taken to be the checkpoint's median where later
metrics are conditioned on it, as they are at the gate.

Shapes: B programs that are read together, R rows of a program, N numbers of a row, K levels.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Iterator, Sequence
from itertools import count, islice

import numpy as np
from rich.console import Console
from rich.progress import track

from ci_rlm import marks
from ci_rlm.flow import Space
from ci_rlm.model import alternatives, checkpoint, decode
from ci_rlm.model.alternatives import Head, NumberHead, T5GemmaHead
from ci_rlm.model.network import collate
from ci_rlm.model.tokenizer import TextTokenizer
from ci_rlm.training import programs, texts
from ci_rlm.training.corpus import METRICS, Example, Row
from ci_rlm.training.profile.inputs import SIZES
from ci_rlm.training.programs import Numbers, Program, Programs
from ci_rlm.training.recipe import Recipe
from ci_rlm.training.scores import Reals
from ci_rlm.training.splits import split_of
from ci_rlm.training.synthetic import Synthetic, generate, sibling

FURTHER = 2
"""Input sizes of a program beside the one that the gate asks for."""
AT_ONCE = 16
LEVELS = 16
"""Equal shares of probability, of which each sample takes one, and a level within it."""
_FILE = "rehearsed.arrow"


def with_rehearsal(
    network: Head, training: Programs, words: TextTokenizer, recipe: Recipe
) -> Sequence[Program]:
    """The programs to learn from, and behind them what the recipe rehearses."""
    wanted = round(recipe.start.rehearse * len(training)) if recipe.start is not None else 0
    if not wanted or not isinstance(network, NumberHead | T5GemmaHead):
        return training
    return [*training, *keep(network, words, recipe, wanted)]


def keep(network: NumberHead | T5GemmaHead, words: TextTokenizer, recipe: Recipe, number: int) -> Programs:
    """So many generated programs with what the network says of them, written into the run's folder.

    A run that goes on reads what it wrote at first: the network is the one it started from.
    """
    path = recipe.out / _FILE
    known = f"{_digest(recipe)} {recipe.seed} {number}"
    if not path.exists() or programs.digest_of(path) != known:
        network.eval()
        chosen = list(islice(generated(), number))
        programs.write(_told(chosen, network, words, recipe), path, {"digest": known})
    return Programs(path)


def _digest(recipe: Recipe) -> str:
    if recipe.start is None:
        raise ValueError("fresh weights have nothing to rehearse")
    return checkpoint.read_info(checkpoint.locate(recipe.start.checkpoint))[1].digest


def generated() -> Iterator[Synthetic]:
    """Generated programs that nothing is calibrated or tested on."""
    return (program for seed in count() if split_of((program := generate(seed)).problem) == "train")


def _told(
    chosen: Sequence[Synthetic], network: NumberHead | T5GemmaHead, words: TextTokenizer, recipe: Recipe
) -> Iterator[Example]:
    space = network.config.spaces[0]
    comparing = next((each for each in network.config.spaces if each.compares), None)
    for start in _shown(range(0, len(chosen), AT_ONCE), f"rehearsing {len(chosen):,} generated programs"):
        group = chosen[start : start + AT_ONCE]
        texts_of = [texts.program_text(program.text, space) for program in group]
        chance = random.Random(f"{recipe.seed} {group[0].record}")
        size_BR = _sizes(len(group), space, chance)
        ids, _ = words.encode_batch(texts_of, recipe.train.longest)
        rows = _sampled(network, ids, size_BR, chance)
        for program, text, mine in zip(group, texts_of, rows, strict=True):
            yield _example(program, text, mine)
        if comparing is not None:
            yield from _changed(group, texts_of, rows, size_BR, network, words, recipe, chance)


def _changed(
    group: Sequence[Synthetic],
    texts_of: Sequence[str],
    rows: Sequence[tuple[Row, ...]],
    size_BR: Reals,
    network: NumberHead | T5GemmaHead,
    words: TextTokenizer,
    recipe: Recipe,
    chance: random.Random,
) -> Iterator[Example]:
    """The programs written another way, where they can be, so that a run rehearses changes as well.

    Their costs are those of the first way times a sampled ratio of the two.
    """
    space = network.config.spaces[0]
    comparing = next(each for each in network.config.spaces if each.compares)
    others = [(at, other) for at, program in enumerate(group) if (other := sibling(program.plan.seed))]
    if not others:
        return
    written = [texts.program_text(other.text, space) for _, other in others]
    marked = [
        comparing.prefix
        + marks.marked(texts_of[at].removeprefix(space.prefix), text.removeprefix(space.prefix))
        for (at, _), text in zip(others, written, strict=True)
    ]
    places = [at for at, _ in others]
    ids, _ = words.encode_changes(marked, recipe.train.longest)
    ratios = _sampled(network, ids, size_BR[places], chance)
    for (at, other), text, mine in zip(others, written, ratios, strict=True):
        scaled = tuple(_times(row, ratio) for row, ratio in zip(rows[at], mine, strict=True))
        yield _example(other, text, scaled)


def _times(row: Row, ratio: Row) -> Row:
    costs = ((getattr(row, name), getattr(ratio, name)) for name in METRICS)
    return Row(row.size, *(None if None in pair else math.prod(pair) for pair in costs))


def _example(program: Synthetic, text: str, rows: tuple[Row, ...]) -> Example:
    return Example(text, program.problem, "rehearsed", program.record, "train", rows, texts.node_counts(text))


def _sizes(count: int, space: Space, chance: random.Random) -> Reals:
    """The reference size and some others for each of so many programs: (B, R)."""
    reference = space.size or 1.0
    others = [size for size in SIZES if size != reference]
    return np.array([[reference, *chance.sample(others, FURTHER)] for _ in range(count)])


def _sampled(
    network: NumberHead | T5GemmaHead, ids: Sequence[Sequence[int]], size_BR: Reals, chance: random.Random
) -> list[tuple[Row, ...]]:
    """Rows of each prompt: one number after the other, each by a quantile at a level that is drawn."""
    space = network.config.spaces[0]
    memory = network.encode(*collate(ids, network.device))
    rows = []
    for size_B in size_BR.T:
        number_BN = size_B[:, None] if space.size is not None else np.empty((len(ids), 0))
        for _ in space.metrics:
            levels = [(share + chance.uniform(0.01, 0.99)) / LEVELS for share in range(LEVELS)]
            value_BK = decode.quantiles(network, memory, number_BN, levels)[:, 0]
            picked_B = [chance.randrange(LEVELS) for _ in ids]
            value_B1 = value_BK[np.arange(len(ids)), picked_B][:, None]
            number_BN = np.concatenate([number_BN, value_B1], axis=1)
        metrics = number_BN[:, -len(space.metrics) :].tolist()
        rows.append([Row(size, *costs) for size, costs in zip(size_B.tolist(), metrics, strict=True)])
    return list(zip(*rows, strict=True))


def stand_ins(network: Head, chosen: Programs, words: TextTokenizer, recipe: Recipe) -> dict[int, Numbers]:
    """The numbers of programs without a metric that later ones are conditioned on, by index.

    Fresh weights have no opinion: none are told where the recipe starts from no checkpoint.
    """
    given = alternatives.given_numbers(network.config)
    asked = chosen.unmeasured(given) if recipe.start is not None else []
    filled: dict[int, Numbers] = {}
    network.eval()
    for start in _shown(
        range(0, len(asked), AT_ONCE), f"asking of {len(asked):,} functions not measured whole"
    ):
        group = asked[start : start + AT_ONCE]
        rows = [(index, row) for index in group for row in chosen[index].numbers]
        ids, _ = words.encode_batch([chosen[index].text for index, _ in rows], recipe.train.longest)
        number_BN = np.array([row for _, row in rows])
        guessed_BM = network.predict(*collate(ids, network.device), number_BN[:, :given])
        number_BN[:, given:] = np.where(np.isnan(number_BN[:, given:]), guessed_BM, number_BN[:, given:])
        for (index, _), numbers in zip(rows, number_BN.tolist(), strict=True):
            filled[index] = (*filled.get(index, ()), tuple(numbers))
    return filled


def _shown(steps: Sequence[int], what: str) -> Iterator[int]:
    """A bar on a terminal, and elsewhere a line, where there is something to wait for."""
    watched = sys.stderr.isatty()
    if steps and not watched:
        print(f"{what} …", file=sys.stderr)
    yield from track(
        steps, what, console=Console(stderr=True), disable=not watched or not steps, transient=True
    )
