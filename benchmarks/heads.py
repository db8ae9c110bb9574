"""Number tokens beside the paper's alternatives: the same programs, order and steps for each head.

    python benchmarks/heads.py --corpus runs/corpus [--steps 200] [--programs 4000] [--asked 512]

A small model is trained from scratch with each head and ranks held-out programs, each at the input
size nearest to the recipe's, which all heads are told. As in Section 6.2 of the paper, a regression
head has the decoder's layers in its encoder instead. The paper's figures are beside ours for their
order alone: they are of other data and larger models.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ci_rlm.model import alternatives
from ci_rlm.model.network import collate
from ci_rlm.training import corpus
from ci_rlm.training.corpus import Example, Row
from ci_rlm.training.evaluate import METRICS, spearman
from ci_rlm.training.recipe import Recipe, Train, read_recipe
from ci_rlm.training.train import train

PAPER = {
    "numbers": ("0.800", "0.747"),
    "mse": ("0.478", ""),
    "mse-normalised": ("0.717", ""),
    "mse-log": ("", ""),
    "text": ("", "0.654"),
}
"""Spearman's rank correlation: Table 5, and Table 9 with a decoder from scratch."""
AT_ONCE = 32
EMBEDDED = Path(__file__).parents[1] / "training" / "recipes" / "embedded.toml"


def recipe_of(folder: Path, head: str, steps: int) -> Recipe:
    """The embedded checkpoint's recipe, a good deal smaller."""
    base = read_recipe(EMBEDDED)
    encoder, decoder = (4, 1) if head in alternatives.SCALES else (2, 2)
    sizes = {"width": 128, "feed_forward": 352, "encoder_layers": encoder, "decoder_layers": decoder}
    settings: Train = dataclasses.replace(base.train, epochs=steps, batch_tokens=4096, longest=512)
    return dataclasses.replace(
        base,
        name=f"heads: {head}",
        corpus=folder / "corpus",
        out=folder / head,
        model={**base.model, **sizes},
        train=settings,
        head=head,
    )


def sample_of(examples: Sequence[Example], split: str, count: int) -> list[Example]:
    """So many unedited programs of a split, always the same ones."""
    mine = [example for example in examples if example.split == split and not example.edit]
    return random.Random(split).sample(mine, min(count, len(mine)))


def nearest(example: Example, size: float) -> Row:
    """The row whose input size is nearest, as a ratio."""
    return min(example.rows, key=lambda row: abs(math.log(row.size / size)))


def ranks(recipe: Recipe, folder: Path, asked: Sequence[Example]) -> list[float]:
    """Spearman's rank correlation of each metric over held-out programs."""
    network, words = alternatives.load(folder)
    rows = [nearest(example, recipe.size) for example in asked]
    ids, _ = words.encode_batch([example.text for example in asked], recipe.train.longest)
    order = sorted(range(len(ids)), key=lambda at: len(ids[at]))
    guessed = np.empty((len(ids), len(METRICS)))
    for start in range(0, len(order), AT_ONCE):
        chosen = order[start : start + AT_ONCE]
        given = [[rows[at].size] for at in chosen]
        guessed[chosen] = network.predict(*collate([ids[at] for at in chosen]), given)
    known = np.array([[row.peak_memory, row.cpu_time] for row in rows])
    return [spearman(known[:, metric], guessed[:, metric]) for metric in range(len(METRICS))]


def print_row(head: str, found: Sequence[float], seconds: float) -> None:
    ours = " | ".join(f"{value:.3f}" for value in found)
    print(f"| {head} | {ours} | {seconds:.0f} s | {' | '.join(PAPER[head])} |", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--programs", type=int, default=4000, help="to learn from")
    parser.add_argument("--asked", type=int, default=512, help="held-out programs")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--heads", nargs="+", choices=alternatives.HEADS, default=alternatives.HEADS)
    return parser.parse_args()


def main() -> None:
    chosen = arguments()
    torch.set_num_threads(chosen.threads)
    examples = corpus.read(chosen.corpus)
    learning, asked = sample_of(examples, "train", chosen.programs), sample_of(examples, "test", chosen.asked)
    print(f"{len(learning)} programs learned from, {chosen.steps} steps; {len(asked)} held-out programs\n")
    print(f"| head | {' | '.join(METRICS)} | training and ranking | Table 5 | Table 9 |")
    print("|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        corpus.write([*learning, *sample_of(examples, "calibration", 100)], folder / "corpus")
        for head in chosen.heads:
            began = time.monotonic()
            recipe = recipe_of(folder, head, chosen.steps)
            found = ranks(recipe, train(recipe, steps=chosen.steps), asked)
            print_row(head, found, time.monotonic() - began)


if __name__ == "__main__":
    main()
