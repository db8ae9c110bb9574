"""How well a checkpoint predicts programs and pairs of problems it never saw, beside baselines.

    python -m ci_rlm.training.evaluate runs/embedded/checkpoint --corpus runs/corpus

Three predictors answer the same questions in one run: the checkpoint, gradient boosting on
counts of syntax-node types, and gradient boosting on the length of the code alone. All three
are told the input size.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ci_rlm import compare, prompt
from ci_rlm.flow import Calibration, Change, Kind, Limits, Metric, Outcome, Prediction, Space, Span, Unit
from ci_rlm.judge import judge
from ci_rlm.predict.rlm import RlmPredictor
from ci_rlm.training import corpus, edits
from ci_rlm.training.corpus import Example, Row

METRICS = ("peak_memory", "cpu_time")
Point = tuple[Example, Row]
Centres = NDArray[np.float64]
"""Predicted log of each metric: shape (points, metrics)."""

MANY = 8
"""A problem is ranked within when it has more solutions than this (Figure 3)."""
TELLING = 1.5
"""Pairs count for sign accuracy when the measured ratio is over this."""
NEAR = (512.0, 2048.0)
"""Sizes about the reference size of a gate."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two programs of one problem at one size: indices of points, before and after."""

    before: int
    after: int
    edit: str
    """The kind of edit between them; empty for two solutions of a problem."""


def is_neutral(pair: Pair) -> bool:
    """Whether a pair's edit is meant to keep the cost."""
    return pair.edit in edits.NEUTRAL_NAMES


def points_of(examples: Sequence[Example]) -> list[Point]:
    """Every (program, input size), in order."""
    return [(example, row) for example in examples for row in example.rows]


def truth(points: Sequence[Point]) -> Centres:
    """Log of what was measured."""
    return np.log([[row.peak_memory, row.cpu_time] for _, row in points])


def predictions(
    points: Sequence[Point], predictor: RlmPredictor, space: Space
) -> list[tuple[Prediction, ...]]:
    """The checkpoint's answers at each point's own input size."""
    prompts = [
        prompt.prompt_from_text(example.text.removeprefix(space.prefix), space, size=row.size)
        for example, row in points
    ]
    return list(predictor.predict(prompts))


def centres(answers: Sequence[tuple[Prediction, ...]]) -> Centres:
    """The centre of each answer, on the log scale."""
    return np.array([[compare.centre(prediction) for prediction in answer] for answer in answers])


def baselines(training: Sequence[Example], points: Sequence[Point]) -> dict[str, Centres]:
    """Gradient boosting on node counts, and on length, fitted on the training programs."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    learning = points_of(training)
    kinds = sorted({kind for example in training for kind, _ in example.counts})
    wanted: dict[str, Callable[[Sequence[Point]], NDArray[np.float64]]] = {
        "node counts": lambda these: node_features(these, kinds),
        "length": lambda these: np.array([[math.log(row.size), math.log(len(e.text))] for e, row in these]),
    }
    found = {}
    for name, features in wanted.items():
        given, asked, known = features(learning), features(points), truth(learning)
        fitted = []
        for metric in range(len(METRICS)):
            model = HistGradientBoostingRegressor(max_iter=400, learning_rate=0.06, random_state=0)
            fitted.append(model.fit(given, known[:, metric]).predict(asked))
        found[name] = np.stack(fitted, axis=1)
    return found


def node_features(points: Sequence[Point], kinds: Sequence[str]) -> NDArray[np.float64]:
    """Counts of syntax-node types, and the log of the input size."""
    place = {kind: index for index, kind in enumerate(kinds)}
    table = np.zeros((len(points), len(kinds) + 1))
    for row, (example, costs) in enumerate(points):
        table[row, -1] = math.log(costs.size)
        for kind, count in example.counts:
            if kind in place:
                table[row, place[kind]] = count
    return table


def solution_pairs(points: Sequence[Point], cap: int = 200) -> list[Pair]:
    """Pairs of unedited solutions of one problem at one size, at most `cap` a problem and size."""
    groups: dict[tuple[str, float], list[int]] = defaultdict(list)
    for index, (example, row) in enumerate(points):
        if not example.edit:
            groups[example.problem, row.size].append(index)
    chance = np.random.default_rng(0)
    pairs: list[Pair] = []
    for members in groups.values():
        every = list(combinations(members, 2))
        chosen = chance.permutation(len(every))[:cap]
        pairs += [Pair(before, after, "") for before, after in (every[index] for index in sorted(chosen))]
    return pairs


def edit_pairs(points: Sequence[Point]) -> Iterator[Pair]:
    """A program and its edited self at one size."""
    plain = {(e.problem, e.record, row.size): i for i, (e, row) in enumerate(points) if not e.edit}
    for index, (example, row) in enumerate(points):
        before = plain.get((example.problem, example.original, row.size))
        if example.edit and before is not None:
            yield Pair(before, index, edits.kind_of(example.edit))


def figures(points: Sequence[Point], known: Centres, guessed: Centres) -> dict[str, dict[str, Any]]:
    """The figures of one predictor, a metric at a time."""
    solutions = [index for index, (example, _) in enumerate(points) if not example.edit]
    near = [index for index in solutions if NEAR[0] <= points[index][1].size <= NEAR[1]]
    pairs = solution_pairs(points)
    answer = {}
    for metric, name in enumerate(METRICS):
        y, p = known[:, metric], guessed[:, metric]
        within = _within(points, solutions, y, p)
        answer[name] = {
            "spearman": _rounded(spearman(y[solutions], p[solutions])),
            "spearman_near_reference_size": _rounded(spearman(y[near], p[near])),
            "spearman_within_problem": _rounded(float(np.median(within)) if within else math.nan),
            "problems_within": len(within),
            **_signs(pairs, y, p),
        }
    return answer


def spearman(y: NDArray[np.float64], p: NDArray[np.float64]) -> float:
    """Spearman's rank correlation; not a number for fewer than three points."""
    from scipy.stats import spearmanr

    return float(spearmanr(y, p).statistic) if len(y) > 2 else math.nan


def _within(points: Sequence[Point], chosen: Sequence[int], y: Any, p: Any) -> list[float]:
    """Spearman within each problem that has many solutions, at its largest common size."""
    groups: dict[tuple[str, float], list[int]] = defaultdict(list)
    for index in chosen:
        groups[points[index][0].problem, points[index][1].size].append(index)
    largest: dict[str, tuple[float, list[int]]] = {}
    for (problem, size), members in groups.items():
        if len(members) > MANY and size > largest.get(problem, (0.0, []))[0] and np.ptp(y[members]) > 0:
            largest[problem] = (size, members)
    found = (spearman(y[members], p[members]) for _, members in largest.values())
    return [0.0 if math.isnan(rho) else rho for rho in found]


def _signs(pairs: Sequence[Pair], y: Any, p: Any) -> dict[str, Any]:
    told = [
        (y[pair.after] - y[pair.before]) * (p[pair.after] - p[pair.before]) > 0
        for pair in pairs
        if abs(y[pair.after] - y[pair.before]) > math.log(TELLING)
    ]
    return {"sign_accuracy": _rounded(float(np.mean(told)) if told else math.nan), "pairs": len(told)}


def coverage(answers: Sequence[tuple[Prediction, ...]], known: Centres) -> dict[str, float]:
    """Share of measured values inside each metric's interval from 5% to 95%; 0.90 is right."""
    found = {}
    for metric, name in enumerate(METRICS):
        inside = []
        for answer, y in zip(answers, known[:, metric], strict=True):
            at = dict(answer[metric].quantiles)
            inside.append(at[0.05] <= math.exp(y) * (1 + 1e-4) and math.exp(y) <= at[0.95] * (1 + 1e-4))
        found[name] = _rounded(float(np.mean(inside)))
    return found


def calls(
    points: Sequence[Point], answers: Sequence[tuple[Prediction, ...]], calibrations: Sequence[Calibration]
) -> dict[str, dict[str, Any]]:
    """What the gate would say, at default limits, of each edit of the points, both ways round.

    `neutral_called` is the share of neutral edits called regressed; `recall` the share of
    edits that made the cost over 1.5 times as high that were called so; `precision` the share
    of calls whose measured ratio is over 1.1; `unsure` the share of all edits left open.
    """
    pairs = list(edit_pairs(points))
    pairs += [Pair(pair.after, pair.before, pair.edit) for pair in pairs]
    known = truth(points)
    found = {}
    for metric, name in enumerate(METRICS):
        told = [_call(points, answers, calibrations, pair, metric) for pair in pairs]
        ratios = [float(known[pair.after, metric] - known[pair.before, metric]) for pair in pairs]
        neutral = [outcome for outcome, pair in zip(told, pairs, strict=True) if is_neutral(pair)]
        worse = [outcome for outcome, y in zip(told, ratios, strict=True) if y > math.log(TELLING)]
        called = [y for outcome, y in zip(told, ratios, strict=True) if outcome is Outcome.REGRESSED]
        found[name] = {
            "edits": len(pairs),
            "neutral": len(neutral),
            "neutral_called": _share([outcome is Outcome.REGRESSED for outcome in neutral]),
            "worse": len(worse),
            "recall": _share([outcome is Outcome.REGRESSED for outcome in worse]),
            "called": len(called),
            "precision": _share([y > math.log(1.1) for y in called]),
            "unsure": _share([outcome is Outcome.UNSURE for outcome in told]),
        }
    return found


def _call(
    points: Sequence[Point],
    answers: Sequence[tuple[Prediction, ...]],
    calibrations: Sequence[Calibration],
    pair: Pair,
    metric: int,
) -> Outcome:
    before, after = (_change_side(points[index][0]) for index in (pair.before, pair.after))
    limits = Limits()
    comparison = compare.compare(
        Change(before, after),
        Metric(METRICS[metric], answers[pair.before][metric].unit),
        answers[pair.before][metric],
        answers[pair.after][metric],
        calibrations,
        limits,
        compare.similarity(points[pair.before][0].text, points[pair.after][0].text),
    )
    return judge(comparison, limits).outcome


def _change_side(example: Example) -> Unit:
    return Unit(PurePosixPath("p.py"), example.record, Kind.PROGRAM, "python", Span(1, 1), example.text)


def _share(hits: Sequence[bool]) -> float:
    return round(sum(hits) / len(hits), 4) if hits else 0.0


def _rounded(value: float) -> float:
    return round(value, 3) if not math.isnan(value) else 0.0


def evaluate(folder: Path, examples: Sequence[Example], split: str = "test") -> dict[str, Any]:
    """All figures of a checkpoint and the baselines on one split."""
    predictor = RlmPredictor(folder)
    points = points_of([example for example in examples if example.split == split])
    known = truth(points)
    answers = predictions(points, predictor, predictor.spaces[0])
    guesses = {predictor.info.name: centres(answers)}
    guesses |= baselines([example for example in examples if example.split == "train"], points)
    return {
        "split": split,
        "problems": len({example.problem for example, _ in points}),
        "programs": len({(example.problem, example.record) for example, _ in points}),
        "points": len(points),
        "figures": {name: figures(points, known, guess) for name, guess in guesses.items()},
        "coverage_90": coverage(answers, known),
        "calls": calls(*_near(points, answers), predictor.calibrations),
    }


def few(examples: Sequence[Example], split: str, count: int) -> list[Example]:
    """The examples without those of a split that are of other than its first `count` problems by hash."""
    names = {example.problem for example in examples if example.split == split}
    kept = set(sorted(names, key=lambda name: sha256(name.encode()).digest())[:count])
    return [example for example in examples if example.split != split or example.problem in kept]


def _near(
    points: Sequence[Point], answers: Sequence[tuple[Prediction, ...]]
) -> tuple[list[Point], list[tuple[Prediction, ...]]]:
    kept = [index for index, (_, row) in enumerate(points) if NEAR[0] <= row.size <= NEAR[1]]
    return [points[index] for index in kept], [answers[index] for index in kept]


def table(result: Mapping[str, Any]) -> str:
    """The figures as a Markdown table."""
    keys = {
        "spearman": "Spearman, all sizes",
        "spearman_near_reference_size": "Spearman, near the reference size",
        "spearman_within_problem": "Spearman within problem, median",
        "sign_accuracy": "sign accuracy, ratio over 1.5",
    }
    names = list(result["figures"])
    lines = ["| metric | figure | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    for metric in METRICS:
        for key, title in keys.items():
            values = " | ".join(f"{result['figures'][name][metric][key]:.3f}" for name in names)
            lines.append(f"| {metric.replace('_', ' ')} | {title} | {values} |")
    return "\n".join(lines)


def main() -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--split", default="test", choices=("test", "calibration"))
    parser.add_argument("--problems", type=int, help="of the split at most; all by default")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    flags = parser.parse_args()
    examples = corpus.read(flags.corpus)
    if flags.problems is not None:
        examples = few(examples, flags.split, flags.problems)
    result = evaluate(flags.checkpoint, examples, flags.split)
    if flags.json:
        flags.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"{result['problems']} problems, {result['programs']} programs, {result['points']} points\n")
    print(table(result))
    print(f"\nShare inside the 5% to 95% interval: {result['coverage_90']}")
    for metric, told in result["calls"].items():
        print(f"Edits, {metric}: {told}")


if __name__ == "__main__":
    main()
