"""Does a space keep its figure when one model learns several? Table 10 of the paper, at a size for one core.

    python benchmarks/together.py --corpus runs/corpus [--out runs/together] [--programs 6000]
        [--graphs 1500] [--held-out 400] [--epochs 3] [--seeds 1] [--arms python together ...]
        [--parallel 1] [--minutes M] [--threads T] [--recipe FILE] [--table]

The corpus is of all languages: `python -m ci_rlm.training.corpus build --data DATA`. Of each space, at
most so many unedited programs are learned from and ranked; which, their names alone decide. Arms are
runs of `ci-rlm train` on the recipe, training/recipes/together.toml by default: with all of its
spaces, with each alone, and with its spaces of code, as the paper has them. All pass over all of their
own programs equally often, with one vocabulary, learned from all. Each then ranks held-out programs of the
calibration split by exact medians, at the input size nearest to the space's own.

A run that is stopped goes on where it was. --parallel runs so many arms at once, as processes, on a GPU
where Accelerate finds one; after --minutes they save and stop, to go on another time.
"""

from __future__ import annotations

import argparse
import dataclasses
import heapq
import json
import math
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from ablation_tables import markdown
from ablations import AT_ONCE, tell, write_json
from scipy.stats import rankdata

from ci_rlm.flow import Space
from ci_rlm.model import alternatives
from ci_rlm.model.alternatives import Head
from ci_rlm.model.network import collate
from ci_rlm.model.tokenizer import TextTokenizer
from ci_rlm.training import bootstrap, corpus, examples, networks, programs, scores, train
from ci_rlm.training.bootstrap import Sampled
from ci_rlm.training.corpus import Example
from ci_rlm.training.programs import Program
from ci_rlm.training.recipe import Also, Recipe, read_recipe
from ci_rlm.training.scores import Reals
from ci_rlm.training.spaces import DOMAINS

RECIPE = Path(__file__).parents[1] / "training" / "recipes" / "together.toml"
CODE, TOGETHER = "code", "together"
"""The arms of several spaces: those of code, which is Code of Table 10, and all, its Code + Graphs."""
LANGUAGES = "languages"
PAPER = {
    "python": "APPS 0.942 → 0.925; CodeNet 0.651 → 0.634",
    LANGUAGES: "C 0.684 → 0.740; C++ 0.741 → 0.733",
    "kernels": "KernelBook 0.486 → 0.499",
}
"""Code → Code + Graphs; graphs themselves are not told of."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all arms of one folder have in common."""

    out: Path
    recipe: Recipe
    """Of the arm with all spaces."""

    @property
    def spaces(self) -> tuple[str, ...]:
        return (self.recipe.space, *(also.space for also in self.recipe.also))

    @property
    def arms(self) -> dict[str, tuple[str, ...]]:
        """The spaces of each arm."""
        code = tuple(name for name in self.spaces if not has_graphs(name))
        several = {CODE: code} if 1 < len(code) < len(self.spaces) else {}
        return {**{name: (name,) for name in self.spaces}, **several, TOGETHER: self.spaces}

    def of(self, arm: str, seed: int) -> Recipe:
        """An arm's recipe."""
        first, *others = self.arms[arm]
        return dataclasses.replace(
            self.recipe,
            corpus=self.out / "corpus",
            out=self.out / "runs" / f"{arm}-{seed}",
            seed=seed,
            space=first,
            size=DOMAINS[first].space.size or 1.0,
            also=tuple(map(Also, others)),
        )

    def result(self, arm: str, seed: int) -> Path:
        """The file of what came of an arm."""
        return self.out / "results" / f"{arm}-{seed}.json"

    def prepare(self, whole: Path, most: Mapping[str, int], held_out: int) -> None:
        """Write the corpus and the vocabulary of all arms, of each space so many programs to learn from.

        Raises SystemExit where the folder has those of another setting.
        """
        path, own = self.out / "setting.json", self.out / "corpus"
        asked = {"programs": most, "held_out": held_out, "of": _digest(whole)}
        if path.exists():
            if json.loads(path.read_text(encoding="utf-8")) != asked:
                raise SystemExit(f"{self.out} is of another corpus or size: name another --out")
            return
        found = []
        for space, learned in most.items():
            found += few(whole, space, "train", learned) + few(whole, space, "calibration", held_out)
        corpus.write(found, own)
        recipe = self.of(TOGETHER, self.recipe.seed)
        first, *further = train.kept(recipe, "train", programs.digest(own))
        networks.tokenizer_of(recipe, first, further)
        shutil.copy(recipe.out / "tokenizer.json", self.out)
        write_json(path, asked)


def has_graphs(space: str) -> bool:
    """Whether its texts are networks, and no code."""
    return "onnx" in DOMAINS[space].languages


def _digest(corpus_folder: Path) -> str:
    return sha256(repr(sorted(programs.digest(corpus_folder).items())).encode()).hexdigest()


def few(folder: Path, space: str, split: str, count: int) -> list[Example]:
    """So many unedited programs of a split, always the same ones."""
    _, found = examples.stream(folder, size=1.0, domain=DOMAINS[space])
    mine = (example for example in found if example.split == split and not example.edit)
    return heapq.nsmallest(count, mine, key=lambda e: sha256(f"{e.source} {e.record}".encode()).digest())


def run(setting: Setting, until: float | None, threads: int | None, arm: str, seed: int) -> str:
    """Train an arm until then, and keep what it answers if it came to its end; what to tell of it."""
    if threads:
        torch.set_num_threads(threads)
    recipe, minutes = setting.of(arm, seed), None if until is None else (until - time.time()) / 60
    if minutes is not None and minutes <= 0:
        return "no time was left"
    recipe.out.mkdir(parents=True, exist_ok=True)
    shutil.copy(setting.out / "tokenizer.json", recipe.out)
    folder = train.train(recipe, stop_after=minutes)
    # It stops early for want of time alone; one that ended as time did is asked when it goes on.
    if until is not None and time.time() >= until:
        return f"stopped after {log_of(recipe)[-1]['step']} steps"
    write_json(setting.result(arm, seed), answers(folder, recipe))
    return f"{log_of(recipe)[-1]['step']} steps"


def log_of(recipe: Recipe) -> list[dict[str, float]]:
    """The lines of a run's log."""
    text = (recipe.out / "log.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def answers(folder: Path, recipe: Recipe) -> dict[str, Any]:
    """What a trained model says of the held-out programs of each of its spaces."""
    network, words = alternatives.load(folder)
    network.to("cuda" if torch.cuda.is_available() else "cpu")
    held_out = train.kept(recipe, "calibration", programs.digest(recipe.corpus))
    spaces = (space for space in network.config.spaces if not space.compares)
    return {
        space.name: ranked(network, words, space, own, recipe.train.longest)
        for space, own in zip(spaces, held_out, strict=True)
    }


def ranked(
    network: Head, words: TextTokenizer, space: Space, held_out: Sequence[Program], longest: int
) -> dict[str, Any]:
    """Measured and predicted costs of the programs of one space, each at one size; NaN: not measured."""
    rows = [min(each.numbers, key=lambda row: abs(math.log(row[0] / (space.size or 1)))) for each in held_out]
    ids, _ = words.encode_batch([each.text for each in held_out], longest)
    order = sorted(range(len(ids)), key=lambda at: len(ids[at]))
    guessed = np.empty((len(ids), len(space.metrics)))
    for start in range(0, len(order), AT_ONCE):
        chosen = order[start : start + AT_ONCE]
        asked = collate([ids[at] for at in chosen], network.device)
        guessed[chosen] = network.predict(*asked, [rows[at][:1] for at in chosen], space)
    return {
        "problems": [each.problem for each in held_out],
        # The line that names the language, of prompts that have one.
        "languages": [each.text.split("\n", 2)[1] for each in held_out],
        "measured": [row[1:] for row in rows],
        "predicted": guessed.tolist(),
    }


Seeds = Mapping[int, Mapping[str, Any]]
"""What came of an arm, by seed."""


def table(setting: Setting, results: Mapping[str, Seeds]) -> Iterator[str]:
    """One row a space and metric: ρ of each arm, and how far that of all spaces is from the others'."""
    yield markdown(["space", "cost", "n", "alone", CODE, TOGETHER, "- alone", f"- {CODE}", "paper"])
    yield markdown(["---", "---", *(["---:"] * 6), "---"])
    for name in setting.spaces:
        runs = runs_of(setting, results, name)
        for at, metric in enumerate(DOMAINS[name].metrics if runs else ()):
            for within in (False, True) if name == LANGUAGES else (False,):
                title = metric.replace("_", " ") + (", within a language" if within else "")
                found = {arm: sampled(own, at, within) for arm, own in runs.items()}
                yield markdown([name, title, *cells(found, name), PAPER.get(name, "")])


def runs_of(setting: Setting, results: Mapping[str, Seeds], space: str) -> dict[str, list[Any]]:
    """What the arms that know a space say of it, of the seeds that all of these have."""
    arms = [arm for arm in (space, CODE, TOGETHER) if results.get(arm) and space in setting.arms[arm]]
    seeds = sorted(set.intersection(*(set(results[arm]) for arm in arms))) if arms else []
    return {arm: [results[arm][seed][space] for seed in seeds] for arm in arms if seeds}


def cells(found: Mapping[str, Sampled], alone: str) -> Iterator[str]:
    """How many programs, ρ of each arm, and the differences with their intervals."""
    yield str(len(next(iter(found.values())).score.owner))
    for arm in (alone, CODE, TOGETHER):
        yield f"{found[arm].value:.3f}" if arm in found else ""
    for arm in (alone, CODE):
        apart = ""
        if arm in found and TOGETHER in found:
            told = bootstrap.difference(found[TOGETHER], found[arm]).difference
            apart = "–" if told.value is None else f"{told.value:+.3f}"
            apart += "" if told.low is None else f" [{told.low:+.3f}, {told.high:+.3f}]"
        yield apart


def sampled(runs: Sequence[Mapping[str, Any]], metric: int, within: bool) -> Sampled:
    """The mean over runs of Spearman's ρ of one metric, each on the same draws of problems.

    `within` a language: of the ranks that programs have among those of their own.
    """
    _, owner = np.unique(runs[0]["problems"], return_inverse=True)
    drawn, found = bootstrap.draws(int(owner.max()) + 1), []
    for run in runs:
        y, p = (np.array(run[key], dtype=np.float64)[:, metric] for key in ("measured", "predicted"))
        known = ~np.isnan(y)
        y, p = y[known], p[known]
        if within:
            languages = np.array(run["languages"])[known]
            y, p = ranks_within(languages, y), ranks_within(languages, p)
        found.append(bootstrap.sampled({"": scores.spearman(y, p, owner[known])}, drawn)[""])
    mean = np.mean([each.drawn for each in found], axis=0)
    return Sampled(found[0].score, fmean(each.value for each in found), mean)


def ranks_within(groups: Any, values: Reals) -> Reals:
    """The rank of each value (N,) in its group, between 0 and 1."""
    ranks = np.empty(len(values))
    for group in np.unique(groups):
        mine = groups == group
        ranks[mine] = (rankdata(values[mine]) - 0.5) / mine.sum()
    return ranks


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="of all languages")
    parser.add_argument("--out", type=Path, default=Path("runs/together"))
    parser.add_argument("--recipe", type=Path, default=RECIPE, help="with [[also]] tables", metavar="FILE")
    parser.add_argument("--programs", type=int, default=6000, help="learned from, of a space at most")
    parser.add_argument("--graphs", type=int, default=1500, help="the same of a space of networks")
    parser.add_argument("--held-out", type=int, default=400, help="ranked, of a space at most")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--arms", nargs="+", help="all by default")
    parser.add_argument("--parallel", type=int, default=1, help="arms at once")
    parser.add_argument("--minutes", type=float, help="in all")
    parser.add_argument("--threads", type=int, help="of each arm")
    parser.add_argument("--table", action="store_true", help="train nothing")
    return parser.parse_args()


def main() -> None:
    flags = arguments()
    recipe = read_recipe(flags.recipe)
    settings = dataclasses.replace(recipe.train, epochs=flags.epochs)
    setting = Setting(flags.out, dataclasses.replace(recipe, train=settings))
    until = None if flags.minutes is None else time.time() + 60 * flags.minutes
    if unknown := set(flags.arms or ()) - set(setting.arms):
        raise SystemExit(f"no such arm: {', '.join(unknown)}; there are {', '.join(setting.arms)}")
    most = {name: flags.graphs if has_graphs(name) else flags.programs for name in setting.spaces}
    setting.prepare(flags.corpus, most, flags.held_out)
    pairs = [(arm, seed) for seed in flags.seeds for arm in flags.arms or setting.arms]
    todo = [] if flags.table else [pair for pair in pairs if not setting.result(*pair).exists()]
    # A process an arm: Accelerate and the threads of torch are set up once in each.
    with ProcessPoolExecutor(flags.parallel, get_context("spawn"), max_tasks_per_child=1) as pool:
        running = {pair: pool.submit(run, setting, until, flags.threads, *pair) for pair in todo}
        for (arm, seed), ended in running.items():
            tell(f"{arm}, seed {seed}: {ended.result()}")
    results = {
        arm: {
            seed: json.loads(path.read_text(encoding="utf-8"))
            for seed in flags.seeds
            if (path := setting.result(arm, seed)).exists()
        }
        for arm in setting.arms
    }
    print("\n".join(table(setting, results)))


if __name__ == "__main__":
    main()
