"""What `ci-rlm rank` is worth: how often the first is the best, beside the probability that it told.

    python benchmarks/rank.py CHECKPOINT --corpus runs/corpus [--of 5] [--groups 5] [--split test]

Of each held-out problem so many of its solutions are ranked at a time, at the input size nearest to a
gate's. A solution counts as the best if it costs no more than a thousandth over the least.

Three ways are compared: by one prediction a candidate, as `ci-rlm rank` does it; of a checkpoint that
compares, by the ratio of each pair of candidates, asked both ways round as the gate asks it; and by the
mean of what these two tell.
Choose on the calibration split; the test split is for the figure.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ci_rlm.comparing import cdf_of, mixture
from ci_rlm.flow import Interval, Kind, Metric, Span, Unit
from ci_rlm.predict import Predictor, of_checkpoint
from ci_rlm.rank import Candidate, Contest, Pair, best_probabilities
from ci_rlm.training import corpus, evaluate
from ci_rlm.training.questions import Point, points_of

Told = npt.NDArray[np.float64]
"""Of each group: the probability told of the first, and 1 if it is the best, else 0."""


SINGLE = "single predictions"
SIZE = 1024.0
BINS = (0.0, 0.3, 0.5, 0.7, 0.9, 1.001)
RESAMPLES = 2000
ENDS = (0.05, 0.95)
SURE = 1e-6
"""No pair is surer than this of either order."""


class Ranked(NamedTuple):
    """Groups of N candidates as one way of ranking puts them, a row a group."""

    chances: npt.NDArray[np.float64]
    """The probability told of each candidate that it is the best."""
    first: npt.NDArray[np.intp]
    """The place of the one that is ranked first."""

    @classmethod
    def by(cls, chances: npt.ArrayLike) -> Ranked:
        """The likeliest is the first."""
        told = np.array(chances, dtype=np.float64)
        return cls(told, told.argmax(axis=1))


def groups(points: Sequence[Point], of: int, most: int) -> list[list[Point]]:
    """So many solutions of a problem, at one input size; `most` such groups a problem, that share none."""
    by_problem: dict[str, dict[float, list[Point]]] = defaultdict(lambda: defaultdict(list))
    for example, row in points:
        if not example.edit and row.peak_memory and row.cpu_time:
            by_problem[example.problem][row.size].append((example, row))
    found: list[list[Point]] = []
    for problem in sorted(by_problem):
        sizes = [size for size, members in by_problem[problem].items() if len(members) >= of]
        if sizes:
            size = min(sizes, key=lambda size: abs(math.log(size / SIZE)))
            members = sorted(by_problem[problem][size], key=lambda p: sha256(p[0].record.encode()).digest())
            found += [members[at : at + of] for at in range(0, len(members) - of + 1, of)][:most]
    return found


def by_predictions(chosen: Sequence[Sequence[Point]], predictor: Predictor) -> dict[str, Ranked]:
    """Each group by one prediction a candidate, by metric."""
    points = [point for group in chosen for point in group]
    answers = iter(evaluate.predictions(points, predictor, evaluate.space_of(predictor)))
    each = [list(itertools.islice(answers, len(group))) for group in chosen]
    found = {}
    for metric in corpus.METRICS:
        both = zip(chosen, each, strict=True)
        rows = [contest(group, told, predictor, metric) for group, told in both]
        chances, first = (np.array(column) for column in zip(*rows, strict=True))
        found[metric] = Ranked(chances, first)
    return found


def contest(
    group: Sequence[Point], answers: Sequence[evaluate.Answer], predictor: Predictor, metric: str
) -> tuple[list[float], int]:
    """The chances of each candidate, and the place of the first; what equal ones have is the first one's."""
    position = corpus.METRICS.index(metric)
    made = Contest(Metric(metric, answers[0][position].unit), predictor.calibrations)
    for number, ((example, _), answer) in enumerate(zip(group, answers, strict=True)):
        unit = Unit(PurePosixPath("a.py"), "a.py", Kind.PROGRAM, "python", Span(1, 1), example.text)
        made.enter(Candidate(number, unit, example.text, answer[position]))
    standings = made.standings()
    chances = {int(each.ids[0]): each.p_best or 0.0 for each in standings}
    return [chances.get(number, 0.0) for number in range(len(group))], int(standings[0].ids[0])


def by_ratios(chosen: Sequence[Sequence[Point]], predictor: Predictor) -> dict[str, Ranked]:
    """Each group by the ratio of each pair of its candidates, by metric."""
    points, asked = [point for group in chosen for point in group], []
    for group, start in zip(chosen, itertools.accumulate(map(len, chosen), initial=0), strict=False):
        asked += list(itertools.combinations(range(start, start + len(group)), 2))
    answers = iter(evaluate.ratios(points, asked, predictor, evaluate.space_of(predictor)))
    each = [list(itertools.islice(answers, math.comb(len(group), 2))) for group in chosen]
    return {
        metric: Ranked.by(
            [tournament(len(group), told, place) for group, told in zip(chosen, each, strict=True)]
        )
        for place, metric in enumerate(corpus.METRICS)
    }


def tournament(
    of: int, answers: Sequence[tuple[evaluate.Answer, evaluate.Answer]], place: int
) -> list[float]:
    """As `contest`, of the pairs of so many candidates in the order of `itertools.combinations`."""
    known: list[list[Pair]] = [[] for _ in range(of)]
    both = zip(itertools.combinations(range(of), 2), answers, strict=True)
    for (_, second), (ratio, inverse) in both:
        known[second].append(told_of(mixture(ratio[place], inverse[place])))
    return best_probabilities(known)


def told_of(ratio: Sequence[tuple[float, float]]) -> Pair:
    """A pair by the quantiles of ln(cost of the second ÷ cost of the first)."""
    levels, logs = np.array(ratio).T
    low, middle, high = np.interp((ENDS[0], 0.5, ENDS[1]), levels, logs)
    # What lies at a ratio of 1 speaks for neither: half of it is given to each.
    p = 1 - (cdf_of(ratio, 0.0) + 1 - cdf_of([(1 - u, -x) for u, x in reversed(ratio)], 0.0)) / 2
    ends = Interval(math.exp(low), math.exp(middle), math.exp(high))
    return Pair(min(max(p, SURE), 1 - SURE), ends, float(middle), max(float(high - low), 1e-9))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--of", type=int, default=5, help="candidates a problem")
    parser.add_argument("--groups", type=int, default=5, help="at most, of a problem")
    parser.add_argument("--split", default="test", choices=("test", "calibration"))
    flags = parser.parse_args()
    predictor = of_checkpoint(flags.checkpoint)
    examples = [each for each in corpus.read(flags.corpus) if each.split == flags.split]
    chosen = groups(points_of(examples), flags.of, flags.groups)
    arms = {SINGLE: by_predictions(chosen, predictor)}
    if any(space.compares for space in predictor.spaces):
        arms["ratios"] = by_ratios(chosen, predictor)
        arms["both"] = {
            metric: Ranked.by((arms[SINGLE][metric].chances + arms["ratios"][metric].chances) / 2)
            for metric in corpus.METRICS
        }
    drawn, owner = draws([group[0][0].problem for group in chosen])
    for metric in corpus.METRICS:
        print(f"{metric}: {len(chosen)} groups of {flags.of} candidates, {len(drawn[0])} problems")
        told = {name: first_of(chosen, ranked[metric], metric) for name, ranked in arms.items()}
        for name, each in told.items():
            report(name, each, drawn[:, owner], flags.of)
            if name != SINGLE:
                compare(told[SINGLE], each, drawn[:, owner])


def first_of(chosen: Sequence[Sequence[Point]], ranked: Ranked, metric: str) -> Told:
    """Of the first of each group what was told, and whether it costs the least, to a thousandth."""
    costs = np.array([[getattr(row, metric) for _, row in group] for group in chosen])
    row, first = np.arange(len(costs)), ranked.first
    return np.stack([ranked.chances[row, first], costs[row, first] <= costs.min(axis=1) * 1.001], axis=1)


def draws(owners: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.intp]]:
    """How often each problem is drawn in each resample, and the place of each owner's problem."""
    _, owner = np.unique(owners, return_inverse=True)
    problems = int(owner.max()) + 1
    drawn = np.random.default_rng(0).multinomial(problems, np.full(problems, 1 / problems), RESAMPLES)
    return drawn, owner


def interval(values: Told, weights: npt.NDArray[np.int64]) -> str:
    """A mean over groups with its 95% interval, from drawing problems anew."""
    low, high = np.quantile(weights @ values / weights.sum(axis=1), (0.025, 0.975))
    return f"{values.mean():.3f} ({low:.3f} to {high:.3f})"


def off(told: Told) -> Told:
    """The square of what the told probability is off by, of each group."""
    return np.asarray((told[:, 0] - told[:, 1]) ** 2)


def report(name: str, told: Told, weights: npt.NDArray[np.int64], of: int) -> None:
    """Print the figures of one way of ranking."""
    print(f" by {name}")
    print(f"  the first is the best in {interval(told[:, 1], weights)}; chance {1 / of:.3f}")
    print(f"  told on average {told[:, 0].mean():.3f}; Brier score {interval(off(told), weights)}")
    for least, most in itertools.pairwise(BINS):
        some = told[(told[:, 0] >= least) & (told[:, 0] < most)]
        if len(some):
            mean, found = some.mean(axis=0)
            print(
                f"  told {least:.1f} to {most:.1f}: {mean:.2f} on average, found {found:.2f} of {len(some)}"
            )


def compare(single: Told, other: Told, weights: npt.NDArray[np.int64]) -> None:
    """Print how much another way is ahead of single predictions, group by group."""
    print(
        f"  less {SINGLE}: first the best {interval(other[:, 1] - single[:, 1], weights)}, "
        f"Brier score {interval(off(other) - off(single), weights)}"
    )


if __name__ == "__main__":
    main()
