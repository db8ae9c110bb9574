"""The paper's ablations on Python programs, at a size for two cores: ours beside its figures.

    python benchmarks/ablations.py --corpus runs/corpus [--vocabulary FILE] [--out runs/ablations]
        [--seeds 1 2] [--steps 400] [--arms numbers text ...] [--tables]

Each arm is a recipe of `training/recipes/baselines/`, run as `ci-rlm train` runs it: this script fills
in its corpus, folder, seed and number of steps. All see the same programs, once, and rank the same
held-out ones, each at the input size nearest to the recipe's, which they are told. FILE is a
SentencePiece model of the T5 family, the general vocabulary of Table 7; without it that arm is left out.

A run that is stopped goes on where it was; `--tables` prints what is there. The paper's figures are
beside ours for their order alone: they are of larger models and a hundred times as many texts. Tables
5, 7 and 8 and Figures 7 and 8 are there of neural architectures as ONNX text, of thousands of tokens
each: a small model that read 512 of them ranked held-out networks of NAS-Bench-201 with a ρ of 0.3 after
300 steps, by number tokens and by a regression head alike. So ours are of programs of a hundred tokens,
whose two metrics, bytes and seconds, differ in range as the paper's spaces do.

An arm takes one to five minutes of one core, two seeds of all of them less than an hour.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ablation_tables
import numpy as np
import torch
from ablation_corpora import CORPORA, general_vocabulary
from ablation_tables import Result

from ci_rlm.model import alternatives
from ci_rlm.model.network import collate
from ci_rlm.training import corpus, programs
from ci_rlm.training.corpus import METRICS, Example, Row
from ci_rlm.training.recipe import Recipe, read_recipe
from ci_rlm.training.train import train

RECIPES = Path(__file__).parents[1] / "training" / "recipes" / "baselines"
GENERAL = "general-vocabulary"
ARMS = (
    "numbers", "mse-log", "mse-normalised", "mse", "text", GENERAL,
    "tokens-32", "tokens-64", "tokens-128", "synthetic", "from-synthetic",
)  # fmt: skip
"""Recipes, in the order that they are run in: one that starts from another's weights comes after it."""
LONGER = {"synthetic": 3}
"""Arms that take so many times the steps: pretraining goes on until its metric is learned."""
AT_ONCE = 32


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """What all arms of one folder have in common."""

    corpus: Path
    vocabulary: Path | None
    recipes: Path
    out: Path
    steps: int

    def recipe(self, arm: str, seed: int) -> Recipe:
        """An arm's recipe for this folder."""
        found = read_recipe(self.recipes / f"{arm}.toml")
        start = found.start
        if start is not None:
            before = Path(start.checkpoint).parent.name.rpartition("-")[0]
            start = dataclasses.replace(start, checkpoint=str(self.run(before, seed) / "checkpoint"))
        return dataclasses.replace(
            found,
            corpus=self.out / "corpora" / found.corpus.name,
            out=self.run(arm, seed),
            seed=seed,
            start=start,
        )

    def run(self, arm: str, seed: int) -> Path:
        """The folder of a training run."""
        return self.out / "runs" / f"{arm}-{seed}"

    def result(self, arm: str, seed: int) -> Path:
        """The file of what came of it."""
        return self.out / "results" / f"{arm}-{seed}.json"

    def keep(self) -> None:
        """Note the setting in its folder. Raises SystemExit where the results there are of another one."""
        path = self.out / "setting.json"
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        present = {
            "corpus": programs.digest(self.corpus),
            "steps": self.steps,
            "recipes": {file.stem: sha256(file) for file in sorted(self.recipes.glob("*.toml"))},
            "vocabulary": sha256(self.vocabulary) if self.vocabulary else known.get("vocabulary"),
        }
        for name, value in present.items():
            if known.get(name) not in (None, value):
                raise SystemExit(f"{self.out} holds results with other {name}: name another --out")
        write_json(path, present)


def run_arm(setting: Setting, arm: str, seed: int) -> None:
    """Train an arm, ask it, and keep what it answered."""
    recipe, began = setting.recipe(arm, seed), time.monotonic()
    if not recipe.corpus.exists():
        tell(f"writing {recipe.corpus}")
        CORPORA[recipe.corpus.name](setting.corpus, recipe.corpus)
    if arm == GENERAL and setting.vocabulary is not None:
        recipe.out.mkdir(parents=True, exist_ok=True)
        text = general_vocabulary(setting.vocabulary).to_json()
        (recipe.out / "tokenizer.json").write_text(text, encoding="utf-8")
    folder = train(recipe, steps=setting.steps * LONGER.get(arm, 1))
    asked = [example for example in corpus.read(recipe.corpus) if example.split == "test"]
    found = {**answers(folder, asked, recipe.train.longest), **curves(recipe.out)}
    write_json(setting.result(arm, seed), {**found, "seconds": time.monotonic() - began})


def answers(folder: Path, asked: Sequence[Example], longest: int) -> dict[str, Any]:
    """What a trained model says of held-out programs, with what was measured; None: it was not."""
    network, words = alternatives.load(folder)
    size = network.config.spaces[0].size or 1.0
    rows = [nearest(example, size) for example in asked]
    whole, _ = words.encode_batch([example.text for example in asked], sys.maxsize)
    ids, _ = words.encode_batch([example.text for example in asked], longest)
    order = sorted(range(len(ids)), key=lambda at: len(ids[at]))
    guessed = np.empty((len(ids), len(METRICS)))
    for start in range(0, len(order), AT_ONCE):
        chosen = order[start : start + AT_ONCE]
        given = [[rows[at].size] for at in chosen]
        guessed[chosen] = network.predict(*collate([ids[at] for at in chosen]), given)
    return {
        "problems": [example.problem for example in asked],
        "measured": [[getattr(row, metric) for metric in METRICS] for row in rows],
        "predicted": guessed.tolist(),
        "tokens": [len(each) for each in whole],
        "read": [len(each) for each in ids],
    }


def nearest(example: Example, size: float) -> Row:
    """The row whose input size is nearest, as a ratio."""
    return min(example.rows, key=lambda row: abs(math.log(row.size / size)))


def curves(run: Path) -> dict[str, Any]:
    """The loss of every step, of programs that it had not seen, and the last held-out loss."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    return {
        "losses": [line["loss"] for line in lines if "loss" in line],
        "held_out_loss": next(line["held_out_loss"] for line in reversed(lines) if "held_out_loss" in line),
    }


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_json(path: Path, record: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".writing")
    scratch.write_text(json.dumps(record) + "\n", encoding="utf-8")
    scratch.replace(path)


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder of measured Python programs")
    parser.add_argument("--vocabulary", type=Path, metavar="FILE", help="the general one of Table 7")
    parser.add_argument("--out", type=Path, default=Path("runs/ablations"))
    parser.add_argument("--recipes", type=Path, default=RECIPES, metavar="FOLDER")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=ARMS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--steps", type=int, default=400, help="of each arm")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tables", action="store_true", help="train nothing")
    return parser.parse_args()


def main() -> None:
    flags = arguments()
    torch.set_num_threads(flags.threads)
    setting = Setting(flags.corpus, flags.vocabulary, flags.recipes, flags.out, flags.steps)
    setting.keep()
    left_out = {GENERAL} if flags.vocabulary is None else set()
    arms = [arm for arm in ARMS if arm in flags.arms and arm not in left_out]
    todo = [(arm, seed) for seed in flags.seeds for arm in arms if not setting.result(arm, seed).exists()]
    for place, (arm, seed) in enumerate(() if flags.tables else todo, 1):
        tell(f"{place} of {len(todo)}: {arm}, seed {seed}")
        run_arm(setting, arm, seed)
    results = {
        arm: {
            seed: Result.of(json.loads(path.read_text(encoding="utf-8")))
            for seed in flags.seeds
            if (path := setting.result(arm, seed)).exists()
        }
        for arm in ARMS
    }
    print("\n".join(ablation_tables.tables(results, flags.steps)))
    if not results[GENERAL]:
        print("\nTable 7 is left out: it needs a general vocabulary, --vocabulary FILE.")


if __name__ == "__main__":
    main()
