"""What to keep of a text that is longer than the model reads, by what each crop does to predictions.

    python benchmarks/long_inputs.py --corpus runs/corpus [--limits 64 128 256] [--splits test]

Hardly a program is over the model's own limit, so smaller limits are set to held-out programs that
fit whole: what is predicted of all of a program is known beside what is predicted of a part. Each
program is asked at the input size nearest to the space's own. Then the same for edits, whose two
sides should still differ after the crop. "Off" is the mean distance from what is predicted of the
whole texts, "5% to 95%" the share of measured values between these two quantiles. The brackets are
95% bootstrap intervals of the difference from the head crop; problems are what is drawn, so that
solutions of one stay together. On one free core it takes about ten minutes.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from crops import CROPS, PAIR_CROPS, PLAIN, Sides, Text
from numpy.typing import NDArray

from ci_rlm.flow import Prediction, Space
from ci_rlm.model import checkpoint, decode, tokenizer
from ci_rlm.model.network import collate
from ci_rlm.training import corpus, evaluate
from ci_rlm.training.evaluate import METRICS, TELLING, Pair, Point

Reals = NDArray[np.float64]
Indices = NDArray[np.intp]
AT_ONCE = 32
RESAMPLES = 500
WHOLE = "uncropped"

Answer = tuple[Prediction, ...]
Asked = tuple[tuple[int, ...], float]
"""Tokens of a program, or of what is left of it, and the input size."""


class Model:
    """The checkpoint; what it was asked before, it remembers."""

    def __init__(self, folder: Path) -> None:
        self.network = checkpoint.load_network(folder)
        self.words = tokenizer.load(folder / checkpoint.TOKENIZER)
        self.space: Space = self.network.config.spaces[0]
        self.opening = self._encoded([self.space.prefix.removesuffix("\n")])[0]
        """The start token and the space's prefix; the newline after it is the first line's."""
        self._known: dict[Asked, Answer] = {}

    def text(self, prompt: str) -> Text:
        lines = prompt.removeprefix(self.space.prefix).split("\n")
        return Text(lines, [ids[1:] for ids in self._encoded(["\n" + line for line in lines])])

    def _encoded(self, texts: Sequence[str]) -> list[list[int]]:
        return self.words.encode_batch(texts, self.network.config.max_tokens)[0]

    def answers(self, bodies: Sequence[Sequence[int]], sizes: Sequence[float]) -> list[Answer]:
        """The predictions of each program at its input size."""
        keys = [(tuple(body), size) for body, size in zip(bodies, sizes, strict=True)]
        fresh = sorted(set(keys) - self._known.keys(), key=lambda key: (len(key[0]), key))
        for start in range(0, len(fresh), AT_ONCE):
            chosen = fresh[start : start + AT_ONCE]
            self._known.update(zip(chosen, self._ask(chosen), strict=True))
        return [self._known[key] for key in keys]

    @torch.inference_mode()
    def _ask(self, asked: Sequence[Asked]) -> list[Answer]:
        metrics, probabilities = self.space.metrics, self.network.config.probabilities
        memory = self.network.encode(*collate([[*self.opening, *body] for body, _ in asked]))
        given = [[size] for _, size in asked]
        values = decode.quantiles(self.network, memory, given, probabilities, len(metrics)).tolist()
        return [
            tuple(
                Prediction(metric.name, metric.unit, tuple(zip(probabilities, row, strict=True)))
                for metric, row in zip(metrics, rows, strict=True)
            )
            for rows in values
        ]


def points_near(folder: Path, splits: Sequence[str], size: float) -> list[Point]:
    """Each program of some splits, in an order by hash, at the input size nearest to this one."""
    examples = [example for example in corpus.read(folder) if example.split in splits]
    examples.sort(key=lambda each: sha256(f"{each.source}/{each.problem}/{each.record}".encode()).digest())
    return [(each, min(each.rows, key=lambda row: abs(math.log(row.size / size)))) for each in examples]


def resamples(problems: Sequence[str]) -> list[Indices]:
    """Points of as many problems as there are, drawn with replacement; always the same draws."""
    names, owner = np.unique(problems, return_inverse=True)
    members = [np.flatnonzero(owner == name) for name in range(len(names))]
    chance = np.random.default_rng(0)
    draws = (chance.integers(len(names), size=len(names)) for _ in range(RESAMPLES))
    return [np.concatenate([members[name] for name in draw]) for draw in draws]


Statistic = Callable[[Indices], float]
"""A figure of some of the points."""


def print_table(titles: Sequence[str], figures: dict[str, list[Statistic]], problems: Sequence[str]) -> None:
    """One row a crop: each figure, and the interval of its difference from the head crop's."""
    everything, draws = np.arange(len(problems)), resamples(problems)
    drawn = {
        name: np.array([[figure(draw) for draw in draws] for figure in row]) for name, row in figures.items()
    }
    print(f"| crop | {' | '.join(titles)} |\n|---|{'---|' * len(titles)}")
    for name, row in figures.items():
        low, high = np.nanpercentile(drawn[name] - drawn[PLAIN], (2.5, 97.5), axis=1)
        ranges = ["" if name == PLAIN else f" ({a:+.3f} to {b:+.3f})" for a, b in zip(low, high, strict=True)]
        cells = (f"{figure(everything):.3f}{range}" for figure, range in zip(row, ranges, strict=True))
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    print()


def program_figures(known: Reals, whole: Reals, answers: Sequence[Answer]) -> list[Statistic]:
    """For each metric: rank correlation, distance from the uncropped median, share inside of 5% to 95%."""
    medians = log_medians(answers)
    found: list[Statistic] = []
    for metric in range(len(METRICS)):
        truth, guess = known[:, metric], medians[:, metric]
        ranked = partial(_ranked, truth, guess)
        found += [ranked, _mean(abs(guess - whole[:, metric])), _mean(inside(answers, truth, metric))]
    return found


def _ranked(truth: Reals, guess: Reals, chosen: Indices) -> float:
    return evaluate.spearman(truth[chosen], guess[chosen])


def _mean(values: Reals) -> Statistic:
    """Of what is a number."""

    def mean(chosen: Indices) -> float:
        known = values[chosen][~np.isnan(values[chosen])]
        return float(known.mean()) if len(known) else math.nan

    return mean


def log_medians(answers: Sequence[Answer]) -> Reals:
    """ln of the medians, (prompts, metrics)."""
    return np.log([[prediction.median for prediction in answer] for answer in answers])


def inside(answers: Sequence[Answer], truth: Reals, metric: int) -> Reals:
    """Which of the measured logarithms are between the 5% and the 95% quantile."""
    quantiles = [dict(answer[metric].quantiles) for answer in answers]
    ends = np.log([[at[0.05], at[0.95]] for at in quantiles])
    return ((ends[:, 0] <= truth + 1e-4) & (truth - 1e-4 <= ends[:, 1])).astype(np.float64)


def print_programs(model: Model, points: Sequence[Point], texts: Sequence[Text], room: int) -> None:
    """What each crop does to the predictions of programs that are over the room."""
    sizes = [row.size for _, row in points]
    answers = {WHOLE: model.answers([text.body for text in texts], sizes)}
    for name, crop in CROPS.items():
        answers[name] = model.answers([crop(text, room) for text in texts], sizes)
    known, whole = evaluate.truth(points), log_medians(answers[WHOLE])
    problems = [example.problem for example, _ in points]
    unedited = sum(not example.edit for example, _ in points)
    print(f"{len(points)} programs ({unedited} unedited) of {len(set(problems))} problems,", end=" ")
    print(f"median {np.median([len(text.body) for text in texts]):.0f} tokens\n")
    titles = [f"{name}: {what}" for name in METRICS for what in ("Spearman", "ln median off", "5% to 95%")]
    rows = {name: program_figures(known, whole, each) for name, each in answers.items()}
    print_table(titles, rows, problems)


@dataclass(frozen=True)
class Edits:
    """Edits with a side that is over the room; N of them."""

    before: list[Text]
    after: list[Text]
    sizes: list[float]
    problems: list[str]
    neutral: NDArray[np.bool_]
    known: Reals
    """Measured ln(after / before), (N, metrics)."""


def edits_of(points: Sequence[Point], texts: Sequence[Text], room: int, count: int) -> Edits:
    """Edits that changed a cost tellingly, and neutral ones; at most so many of either."""
    truth = evaluate.truth(points)
    telling: list[Pair] = []
    neutral: list[Pair] = []
    for pair in evaluate.edit_pairs(points):
        if max(len(texts[pair.before].body), len(texts[pair.after].body)) <= room:
            continue
        if evaluate.is_neutral(pair):
            neutral.append(pair)
        elif abs(truth[pair.after] - truth[pair.before]).max() > math.log(TELLING):
            telling.append(pair)
    chosen = telling[:count] + neutral[:count]
    return Edits(
        before=[texts[pair.before] for pair in chosen],
        after=[texts[pair.after] for pair in chosen],
        sizes=[points[pair.before][1].size for pair in chosen],
        problems=[points[pair.before][0].problem for pair in chosen],
        neutral=np.array([evaluate.is_neutral(pair) for pair in chosen], dtype=np.bool_),
        known=np.array([truth[pair.after] - truth[pair.before] for pair in chosen]),
    )


def edit_figures(edits: Edits, sides: Sequence[Sides], guessed: Reals, whole: Reals) -> list[Statistic]:
    """Share of lost edits; for each metric right signs, distance from uncropped, size of neutral ratios."""
    lost = np.array([before == after for before, after in sides])
    found = [_mean(np.where(edits.neutral, np.nan, lost))]
    for metric in range(len(METRICS)):
        known, guess = edits.known[:, metric], guessed[:, metric]
        telling = ~edits.neutral & (abs(known) > math.log(TELLING))
        found.append(_mean(np.where(telling, known * guess > 0, np.nan)))
        found.append(_mean(np.where(edits.neutral, np.nan, abs(guess - whole[:, metric]))))
        found.append(_mean(np.where(edits.neutral, abs(guess), np.nan)))
    return found


def print_edits(model: Model, edits: Edits, room: int) -> None:
    """What each crop does to the predicted ratios of edits."""
    both = list(zip(edits.before, edits.after, strict=True))
    kept = {WHOLE: [(before.body, after.body) for before, after in both]}
    for name, crop in PAIR_CROPS.items():
        kept[name] = [crop(before, after, room) for before, after in both]
    guessed = {name: log_ratios(model, sides, edits.sizes) for name, sides in kept.items()}
    telling = (abs(edits.known[~edits.neutral]) > math.log(TELLING)).sum(axis=0).tolist()
    counts = ", ".join(f"{count} in {name}" for name, count in zip(METRICS, telling, strict=True))
    print(f"{sum(~edits.neutral)} edits of over {TELLING}x ({counts}), {sum(edits.neutral)} neutral ones;")
    print(f"{len(set(edits.problems))} problems\n")
    parts = ("sign right", "ln ratio off", "neutral, size of ln ratio")
    titles = ["edit lost", *(f"{name}: {what}" for name in METRICS for what in parts)]
    rows = {name: edit_figures(edits, kept[name], guessed[name], guessed[WHOLE]) for name in kept}
    print_table(titles, rows, edits.problems)


def log_ratios(model: Model, sides: Sequence[Sides], sizes: Sequence[float]) -> Reals:
    """ln(after / before) as the gate predicts it, (pairs, metrics)."""
    before, after = (evaluate.centres(model.answers([pair[at] for pair in sides], sizes)) for at in (0, 1))
    return np.asarray(after - before)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", nargs="?", default=checkpoint.EMBEDDED)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--splits", nargs="+", default=["test"], choices=("test", "calibration"))
    parser.add_argument("--limits", type=int, nargs="+", default=[64, 128, 256], help="in tokens")
    parser.add_argument("--programs", type=int, default=300, help="a limit at most; unedited ones first")
    parser.add_argument("--edits", type=int, default=150, help="of either sort, a limit at most")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    chosen = arguments()
    torch.set_num_threads(chosen.threads)
    model = Model(checkpoint.locate(chosen.checkpoint))
    points = points_near(chosen.corpus, chosen.splits, model.space.size or 1.0)
    points.sort(key=lambda point: bool(point[0].edit))
    texts = [model.text(example.text) for example, _ in points]
    for limit in chosen.limits:
        print(f"## {limit} tokens\n")
        room = limit - len(model.opening)
        long = [at for at, text in enumerate(texts) if len(text.body) > room][: chosen.programs]
        if long:
            print_programs(model, [points[at] for at in long], [texts[at] for at in long], room)
        edits = edits_of(points, texts, room, chosen.edits)
        if edits.problems:
            print_edits(model, edits, room)


if __name__ == "__main__":
    main()
