"""What `ci-rlm rank` is worth: how often the first is the best, beside the probability that it told.

    python benchmarks/rank.py CHECKPOINT --corpus runs/corpus [--of 5] [--groups 5]

Of each held-out problem so many of its solutions are ranked at a time, at the input size nearest to a
gate's. A solution counts as the best if it costs no more than a thousandth over the least.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath

import numpy as np

from ci_rlm.flow import Kind, Metric, Span, Unit
from ci_rlm.predict.rlm import RlmPredictor
from ci_rlm.rank import Candidate, Contest
from ci_rlm.training import corpus, evaluate
from ci_rlm.training.questions import Point, points_of

SIZE = 1024.0
BINS = (0.0, 0.3, 0.5, 0.7, 0.9, 1.001)
RESAMPLES = 2000


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


def contest(
    group: Sequence[Point], answers: Sequence[evaluate.Answer], predictor: RlmPredictor, metric: str
) -> tuple[float, bool]:
    """The probability told of the first, and whether it is the best."""
    position = corpus.METRICS.index(metric)
    made = Contest(Metric(metric, answers[0][position].unit), predictor.calibrations)
    for number, ((example, _), answer) in enumerate(zip(group, answers, strict=True)):
        unit = Unit(PurePosixPath("a.py"), "a.py", Kind.PROGRAM, "python", Span(1, 1), example.text)
        made.enter(Candidate(number, unit, example.text, answer[position]))
    first = made.standings(1)[0]
    costs = [getattr(row, metric) for _, row in group]
    assert first.p_best is not None
    return first.p_best, costs[int(first.ids[0])] <= min(costs) * 1.001


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--of", type=int, default=5, help="candidates a problem")
    parser.add_argument("--groups", type=int, default=5, help="at most, of a problem")
    flags = parser.parse_args()
    predictor = RlmPredictor(flags.checkpoint)
    examples = [each for each in corpus.read(flags.corpus) if each.split == "test"]
    chosen = groups(points_of(examples), flags.of, flags.groups)
    points = [point for group in chosen for point in group]
    answers = evaluate.predictions(points, predictor, evaluate.space_of(predictor))
    owners = [group[0][0].problem for group in chosen]
    for metric in corpus.METRICS:
        started = time.perf_counter()
        told = [
            contest(group, answers[at * flags.of : (at + 1) * flags.of], predictor, metric)
            for at, group in enumerate(chosen)
        ]
        report(
            metric,
            np.array(told, dtype=np.float64),
            owners,
            flags.of,
            (time.perf_counter() - started) / len(told),
        )


def report(metric: str, told: np.ndarray, owners: Sequence[str], of: int, seconds: float) -> None:
    """Print the figures of one metric; intervals from drawing problems anew."""
    _, owner = np.unique(owners, return_inverse=True)
    problems = int(owner.max()) + 1
    drawn = np.random.default_rng(0).multinomial(problems, np.full(problems, 1 / problems), RESAMPLES)
    low, high = np.quantile(drawn[:, owner] @ told[:, 1] / drawn[:, owner].sum(axis=1), (0.025, 0.975))
    print(f"{metric}: {len(told)} groups of {of} candidates, {problems} problems, {seconds:.3f} s a group")
    print(
        f"  the first is the best in {told[:, 1].mean():.3f} ({low:.3f} to {high:.3f}); chance {1 / of:.3f}"
    )
    print(f"  told on average {told[:, 0].mean():.3f}")
    for least, most in itertools.pairwise(BINS):
        some = told[(told[:, 0] >= least) & (told[:, 0] < most)]
        if len(some):
            mean, found = some.mean(axis=0)
            print(
                f"  told {least:.1f} to {most:.1f}: {mean:.2f} on average, found {found:.2f} of {len(some)}"
            )


if __name__ == "__main__":
    main()
