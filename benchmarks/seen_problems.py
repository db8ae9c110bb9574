"""Held-out solutions of problems that were seen, as the paper splits its data, beside problems that were not.

    python benchmarks/seen_problems.py --corpus runs/corpus [--checkpoint embedded] [--out runs/seen]
        [--epochs 2] [--threads 2] [--resamples 1000] [--counts-alone]

A checkpoint whose training left out whole problems has no held-out solutions of those it saw. So half of
the solutions of each problem of the calibration split, with their edits, is learned from now, beside as
many programs of the training split, by the settings of `training/recipes/embedded-last.toml`; the other
half is ranked by the weights before and after. To the weights before, all of these problems are new.
Counts of syntax nodes, and the trees that a checkpoint is given besides (`training/counting.py`), are fitted
on the training split, without and with the half that is learned from. `--counts-alone` leaves out the
network, which takes most of the time.

Intervals: 95%, from drawing problems anew; differences are on the same draws. A run that is stopped
goes on where it was.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import torch
from ablation_tables import markdown

from ci_rlm.model import checkpoint
from ci_rlm.predict.rlm import RlmPredictor
from ci_rlm.training import bootstrap, corpus, counting
from ci_rlm.training.baselines import baselines
from ci_rlm.training.bootstrap import Sampled
from ci_rlm.training.corpus import METRICS, Example
from ci_rlm.training.evaluate import pairs_of, points_of, said_of
from ci_rlm.training.figures import Said, scores_of
from ci_rlm.training.questions import Questions
from ci_rlm.training.recipe import Recipe, Start, read_recipe
from ci_rlm.training.train import train

RECIPE = Path(__file__).parents[1] / "training" / "recipes" / "embedded-last.toml"
TOLD = {
    "ranking/spearman": "Spearman, all sizes",
    "ranking/spearman_near": "Spearman, near the reference size",
    "ranking/spearman_within_median": "Spearman within a problem, median",
    "pairs/solutions/over 1.5/sign_accuracy": "two solutions over 1.5x apart: right order",
}
NEW, SEEN = "new problems", "seen problems"
COUNTERS = ("counts", "trees")
DIFFERENCES = (
    (SEEN, NEW),
    (SEEN, f"counts, {SEEN}"),
    (f"trees, {SEEN}", f"trees, {NEW}"),
    (f"trees, {SEEN}", f"counts, {SEEN}"),
)
"""Predictors that are held against each other."""


def halves(examples: Sequence[Example], chance: random.Random) -> tuple[list[Example], list[Example]]:
    """What is learned from, as the training split, and what is ranked, as the test split.

    A program and its edits stay together; a problem of one solution is of neither half, but of what is
    learned from, since nothing of it could be both seen and held out.
    """
    mine = [example for example in examples if example.split == "calibration"]
    solutions: dict[str, set[str]] = {}
    for example in mine:
        solutions.setdefault(example.problem, set()).add(_family(example))
    held_out = {family for own in solutions.values() for family in _by_hash(own)[: len(own) // 2]}
    learned = [replace(e, split="train") for e in mine if _family(e) not in held_out]
    asked = [replace(e, split="test") for e in mine if _family(e) in held_out and not e.edit]
    others = [example for example in examples if example.split == "train"]
    return learned + chance.sample(others, min(len(learned), len(others))), asked


def _family(example: Example) -> str:
    return f"{example.problem} {example.source} {example.original}"


def _by_hash(names: set[str]) -> list[str]:
    return sorted(names, key=lambda name: sha256(name.encode()).digest())


def recipe_of(out: Path, start: str, epochs: int) -> Recipe:
    """The settings of the last run of what ships, on the half that is learned from."""
    base = read_recipe(RECIPE)
    settings = replace(base.train, epochs=epochs)
    return replace(base, corpus=out / "corpus", out=out / "run", start=Start(start), train=settings)


def scored(questions: Questions, said: dict[str, Said], resamples: int) -> dict[str, dict[str, Sampled]]:
    """By metric, each of the scores that are told, with its draws."""
    drawn = bootstrap.draws(len(questions.problems), resamples)
    found = {}
    for place, metric in enumerate(METRICS):
        about = questions.measured(place)
        scores = scores_of(about, about.known[:, place], said[metric])
        found[metric] = bootstrap.sampled({key: scores[key] for key in TOLD}, drawn)
    return found


def table(answers: dict[str, dict[str, dict[str, Sampled]]]) -> Iterator[str]:
    """One row a metric and score: each predictor, and how far some are from each other."""
    apart = [both for both in DIFFERENCES if all(name in answers for name in both)]
    yield markdown(["cost", "score", "n", *answers, *(" - ".join(both) for both in apart)])
    yield markdown(["---", "---", *(["---:"] * (len(answers) + len(apart) + 1))])
    for metric in METRICS:
        for key, label in TOLD.items():
            each = {name: found[metric][key] for name, found in answers.items()}
            cells = [_told(bootstrap.figure(one), "") for one in each.values()]
            for one, other in apart:
                cells.append(_told(bootstrap.difference(each[one], each[other]).difference, "+"))
            count = len(next(iter(each.values())).score.owner)
            yield markdown([metric.replace("_", " "), label, str(count), *cells])


def _told(figure: bootstrap.Figure, sign: str) -> str:
    if figure.value is None:
        return "–"
    interval = "" if figure.low is None else f" [{figure.low:{sign}.3f}, {figure.high:{sign}.3f}]"
    return f"{figure.value:{sign}.3f}{interval}"


def of_networks(
    flags: argparse.Namespace, examples: Sequence[Example], questions: Questions
) -> dict[str, dict[str, Said]]:
    """What the weights say before and after they learn from a half, which is done first."""
    if not (flags.out / "corpus").exists():
        corpus.write(examples, flags.out / "corpus")
    folder = train(recipe_of(flags.out, flags.checkpoint, flags.epochs))
    return {
        name: said_of(RlmPredictor(each, threads=flags.threads), questions)
        for name, each in ((NEW, checkpoint.locate(flags.checkpoint)), (SEEN, folder))
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder of measured Python programs")
    parser.add_argument("--checkpoint", default="embedded")
    parser.add_argument("--out", type=Path, default=Path("runs/seen"))
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resamples", type=int, default=bootstrap.RESAMPLES)
    parser.add_argument("--counts-alone", action="store_true", help="train nothing, and ask no network")
    return parser.parse_args()


def main() -> None:
    flags = arguments()
    torch.set_num_threads(flags.threads)
    examples = corpus.read(flags.corpus)
    learned, asked = halves(examples, random.Random(0))
    asked = corpus.as_functions(asked)
    points = points_of(asked)
    questions = Questions.of(points, pairs_of(points))
    said = {} if flags.counts_alone else of_networks(flags, [*learned, *asked], questions)
    all_new = [example for example in examples if example.split == "train"]
    half_seen = [*all_new, *(example for example in learned if example.problem in {e.problem for e in asked})]
    for name, training in ((NEW, all_new), (SEEN, half_seen)):
        guessed = baselines(training, points)["node counts"], counting.guesses(training, points)
        for counter, values in zip(COUNTERS, guessed, strict=True):
            said[f"{counter}, {name}"] = {
                metric: Said(values[questions.measured(at).asked, at]) for at, metric in enumerate(METRICS)
            }
    answers = {name: scored(questions, each, flags.resamples) for name, each in said.items()}
    programs = len(asked)
    print(f"{programs} solutions of {len(questions.problems)} problems, {len(points)} points\n")
    print("\n".join(table(answers)))


if __name__ == "__main__":
    main()
