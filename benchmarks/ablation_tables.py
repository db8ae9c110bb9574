"""The tables of ablations.py: ours as Markdown, with how sure they are, beside the paper's figures.

Shapes: N held-out programs, M metrics.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

import numpy as np

from ci_rlm.training import bootstrap, scores
from ci_rlm.training.bootstrap import Sampled
from ci_rlm.training.corpus import METRICS
from ci_rlm.training.scores import Reals

BASE = "numbers"
"""The arm that the others are held against."""
LABELS = {
    "numbers": "number tokens, 2 + 2 layers",
    "mse-log": "MSE on logs of costs, 4 layers",
    "mse-normalised": "MSE on costs scaled to [0, 1]",
    "mse": "MSE on costs as they are",
    "text": "text tokens",
    "general-vocabulary": "general vocabulary",
    "tokens-32": "32 tokens",
    "tokens-64": "64 tokens",
    "tokens-128": "128 tokens",
    "from-synthetic": "from generated programs",
}


@dataclass(frozen=True, slots=True)
class Table:
    """One comparison of the paper."""

    title: str
    paper: Mapping[str, str]
    """By arm, in the order of the rows: what the paper has; nothing where it does not try it."""
    labels: Mapping[str, str]
    """Of arms that go by another name here."""
    lengths: bool = False
    """Whether the tokens of a program are told."""


TABLES = (
    Table(
        "Table 5: number tokens beside a regression head",
        {"numbers": "0.800", "mse-normalised": "0.717", "mse": "0.478", "mse-log": ""},
        {},
    ),
    Table(
        "Table 9: digits beside text",
        {"numbers": "0.747", "text": "0.654"},
        {"numbers": "number tokens"},
    ),
    Table(
        "Table 7: the encoder's vocabulary",
        {"numbers": "0.723", "general-vocabulary": "0.533"},
        {"numbers": "learned on the programs"},
        lengths=True,
    ),
    Table(
        "Table 8: how much of the text is read",
        {"tokens-32": "", "tokens-64": "0.819 (1K)", "tokens-128": "0.833 (2K)", "numbers": "0.838 (4K)"},
        {"numbers": "512 tokens"},
        lengths=True,
    ),
    Table(
        "Figures 6 and 7: what the weights start from",
        {"numbers": "0.504; 0.83", "from-synthetic": "0.532 (from language); 0.85"},
        {"numbers": "random"},
    ),
)


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What one run of an arm came to."""

    problems: tuple[str, ...]
    """Of each held-out program: N."""
    measured: Reals
    """(N, M); NaN: not measured."""
    predicted: Reals
    """(N, M)."""
    tokens: tuple[int, ...]
    """Of each held-out program, whole: N."""
    read: tuple[int, ...]
    """The same as the arm reads it."""
    losses: tuple[float, ...]
    """Of each step."""
    held_out_loss: float
    seconds: float

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Result:
        """What a file of results holds."""
        return cls(
            problems=tuple(record["problems"]),
            measured=np.array(record["measured"], dtype=np.float64),
            predicted=np.array(record["predicted"], dtype=np.float64),
            tokens=tuple(record["tokens"]),
            read=tuple(record["read"]),
            losses=tuple(record["losses"]),
            held_out_loss=float(record["held_out_loss"]),
            seconds=float(record["seconds"]),
        )


Seeds = Mapping[int, Result]
"""By seed."""


def tables(results: Mapping[str, Seeds], steps: int) -> Iterator[str]:
    """The lines of all tables that there are results for."""
    runs = [run for seeds in results.values() for run in seeds.values()]
    minutes = sum(run.seconds for run in runs) / 60
    yield f"{len(runs)} runs of {steps} steps, pretraining of more; {minutes:.0f} minutes. Spearman's ρ is"
    yield "the mean of the seeds', which are beside it; a difference is from the row of number tokens, on"
    yield "the same programs, and its interval is of 95%, from drawing the held-out problems."
    for table in TABLES:
        arms = [arm for arm in table.paper if results.get(arm)]
        if BASE in arms and len(arms) > 1:
            yield from ("", f"## {table.title}", "", *comparison(table, arms, results))
    if results.get("synthetic"):
        yield from ("", "## Figure 8: a cheap metric of generated programs", "")
        yield from figure_8(results["synthetic"])
    if results.get("from-synthetic") and results.get(BASE):
        yield from ("", "## Figures 6 and 7: loss while training", "")
        yield from loss_curves({arm: results[arm] for arm in (BASE, "from-synthetic")})


def comparison(table: Table, arms: Sequence[str], results: Mapping[str, Seeds]) -> Iterator[str]:
    """One row an arm: each metric's ρ, seed by seed, and how far it is from the base's."""
    titles = [part for metric in METRICS for part in (metric.replace("_", " "), "seeds", "difference")]
    titles += ["tokens, median", "cropped"] if table.lengths else []
    yield markdown(["", *titles, "paper"])
    yield markdown(["---"] * (len(titles) + 2))
    for arm in arms:
        cells = [cell for at in range(len(METRICS)) for cell in metric_cells(results, arm, at)]
        cells += length_cells(results[arm]) if table.lengths else []
        yield markdown([table.labels.get(arm, LABELS[arm]), *cells, table.paper[arm]])


def metric_cells(results: Mapping[str, Seeds], arm: str, metric: int) -> list[str]:
    """An arm's mean ρ, that of each seed, and the difference from the base on the seeds of both.

    A dash stands for what cannot be told: a model that says the same of every program ranks none.
    """
    each = [sampled([result], metric).value for result in results[arm].values()]
    cells = [told(fmean(each)), " ".join(map(told, each)), ""]
    common = [seed for seed in results[arm] if seed in results[BASE]]
    if arm != BASE and common:
        ours, base = (sampled([results[name][seed] for seed in common], metric) for name in (arm, BASE))
        apart = bootstrap.difference(ours, base).difference
        if apart.low is not None:
            cells[2] = f"{apart.value:+.3f} ({apart.low:+.3f} to {apart.high:+.3f})"
    return cells


def told(rho: float) -> str:
    """A correlation in three digits."""
    return "–" if math.isnan(rho) else f"{rho:.3f}"


def sampled(runs: Sequence[Result], metric: int) -> Sampled:
    """The mean over runs of Spearman's ρ, each on the same draws of problems."""
    _, owner = np.unique(runs[0].problems, return_inverse=True)
    drawn = bootstrap.draws(int(owner.max()) + 1)
    found = [
        bootstrap.sampled({"": scores.spearman(*known(run, metric), owner[is_known(run, metric)])}, drawn)[""]
        for run in runs
    ]
    value = fmean(each.value for each in found)
    return Sampled(found[0].score, value, np.mean([each.drawn for each in found], axis=0))


def is_known(run: Result, metric: int) -> Any:
    """Which of the N programs have the metric."""
    return ~np.isnan(run.measured[:, metric])


def known(run: Result, metric: int) -> tuple[Reals, Reals]:
    """Measured and predicted costs of the programs that have the metric."""
    chosen = is_known(run, metric)
    return run.measured[chosen, metric], run.predicted[chosen, metric]


def length_cells(runs: Seeds) -> list[str]:
    """The median length of a program in tokens, and the share that is not read whole."""
    run = next(iter(runs.values()))
    cropped = fmean(read < whole for read, whole in zip(run.read, run.tokens, strict=True))
    return [f"{median(run.tokens):.0f}", f"{cropped:.0%}"]


def figure_8(runs: Seeds) -> Iterator[str]:
    """How well peak memory of generated programs is learned."""
    for seed, run in runs.items():
        y, p = known(run, 0)
        within = float(np.mean(np.abs(np.log(p / y)) < math.log(1.1)))
        yield (
            f"Seed {seed}: after {len(run.losses)} steps, ρ {scores.rho(y, p):.3f} over {len(y)} held-out "
            f"generated programs, {within:.0%} within a tenth."
        )


def loss_curves(arms: Mapping[str, Seeds], points: int = 8) -> Iterator[str]:
    """The mean loss of each part of the run, on programs before they are learned from."""
    yield "Cross-entropy a token, on each batch before it is learned from; the last row is of held-out"
    yield "programs, at the end."
    yield ""
    yield markdown(["steps", *({**LABELS, BASE: "from random weights"}[arm] for arm in arms)])
    yield markdown(["---"] * (len(arms) + 1))
    ends = np.linspace(0, min(len(run.losses) for runs in arms.values() for run in runs.values()), points + 1)
    for first, last in zip(ends[:-1].astype(int), ends[1:].astype(int), strict=True):
        part = slice(int(first), int(last))
        yield markdown([f"{first + 1}–{last}", *(over_seeds(runs, part) for runs in arms.values())])
    yield markdown(
        ["held out", *(f"{fmean(r.held_out_loss for r in runs.values()):.3f}" for runs in arms.values())]
    )


def over_seeds(runs: Seeds, part: slice) -> str:
    """The mean loss of some steps, over all runs."""
    return f"{fmean(loss for run in runs.values() for loss in run.losses[part]):.3f}"


def markdown(cells: Iterable[str]) -> str:
    """One row of a table."""
    return f"| {' | '.join(cells)} |"
