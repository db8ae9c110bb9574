"""The model card of the checkpoint that ships, in Markdown: every figure is of one evaluation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ci_rlm.flow import Calibration, Outcome
from ci_rlm.model.config import ModelConfig
from ci_rlm.training import calibrate
from ci_rlm.training.corpus import Example
from ci_rlm.training.evaluation_document import Document

FIGURES = {
    "ranking/spearman": "Spearman, all sizes",
    "ranking/spearman_near": "Spearman, near the reference size",
    "ranking/spearman_within_median": "Spearman within a problem, median",
    "pairs/solutions/over 1.5/sign_accuracy": "two solutions over 1.5x apart: right order",
    "pairs/edits/over 1.5/sign_accuracy": "an edit of over 1.5x: right direction",
    "calls/auc": "edits of over 1.5x against neutral ones: ROC-AUC",
    "probabilities/edits/ece": "calibration error of P(regression)",
    "calls/neutral_called": "neutral edits called regressed",
    "calls/recall": "edits of over 1.5x called regressed",
    "calls/precision": "calls whose measured ratio is over 1.1",
    "calls/unsure": "edits left unsure",
    "coverage/inside_90": "measured inside the 5% to 95% interval",
}
"""Keys of an evaluation, and what a card calls them."""


@dataclass(frozen=True, slots=True)
class Wild:
    """What the gate says of changes between releases, nearly all of which keep the cost."""

    metric: str
    packages: int
    outcomes: Mapping[str, int]
    """How often it says each."""


def figures_table(document: Document) -> str:
    """All of `FIGURES`, with their 95% intervals, for each metric and predictor."""
    names = [predictor["name"] for predictor in document["predictors"]]
    lines = [f"| metric | figure | {' | '.join(names)} |", "|---|---|" + "---|" * len(names)]
    for metric in document["metrics"]:
        each = [predictor["figures"] for predictor in metric["predictors"]]
        for key, title in FIGURES.items():
            if key in each[0]:
                cells = " | ".join(_cell(figures.get(key)) for figures in each)
                lines.append(f"| {metric['metric'].replace('_', ' ')} | {title} | {cells} |")
    return "\n".join(lines)


def _cell(figure: Mapping[str, Any] | None) -> str:
    if figure is None or figure["value"] is None:
        return ""
    if figure["low"] is None:
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def wild_table(wild: Sequence[Wild]) -> str:
    """What was called between releases."""
    kinds = (Outcome.REGRESSED, Outcome.IMPROVED, Outcome.SAME, Outcome.UNSURE)
    lines = [f"| metric | functions | {' | '.join(kinds)} |", "|---|---|" + "---|" * len(kinds)]
    for each in wild:
        total = sum(each.outcomes.values())
        cells = " | ".join(f"{each.outcomes.get(kind, 0)} ({_percent(each, kind)})" for kind in kinds)
        lines.append(f"| {each.metric.replace('_', ' ')} | {total} | {cells} |")
    return "\n".join(lines)


def _percent(wild: Wild, kind: str) -> str:
    return f"{100 * wild.outcomes.get(kind, 0) / max(1, sum(wild.outcomes.values())):.1f}%"


def card(
    config: ModelConfig,
    examples: Sequence[Example],
    calibrations: Sequence[Calibration],
    document: Document,
    parameters: int,
    wild: Sequence[Wild] = (),
) -> str:
    """The model card."""
    splits = Counter(example.split for example in examples)
    training = [example for example in examples if example.split == "train"]
    sources = Counter(example.source for example in training)
    data, interval = document["data"], document["interval"]
    return _CARD.format(
        name=config.name,
        parameters=parameters / 1e6,
        config=config,
        hardware=config.spaces[0].hardware,
        size=config.spaces[0].size,
        programs=splits["train"],
        rows=sum(len(example.rows) for example in training),
        edited=sum(bool(example.edit) for example in training),
        problems=len({example.problem for example in training}),
        sources=", ".join(f"{count} {source}" for source, count in sorted(sources.items())),
        data=data,
        draws=interval["resamples"],
        table=figures_table(document),
        calibrations="\n".join(f"- {calibrate.told(each)}" for each in calibrations),
        wild=_WILD.format(packages=wild[0].packages, table=wild_table(wild)) if wild else "",
    )


_WILD = """\
Of changed functions between two releases of {packages} packages, nearly all of which keep the cost,
the gate says at its default limits:

{table}

"""

_CARD = """\
# {name}

The checkpoint that ci-rlm ships: a regression language model for Python functions and whole
Python programs. It has two spaces. `python` reads a function and answers with the distribution of
its peak memory (bytes, tracemalloc), then of its CPU time (seconds). `python-change` reads both
versions of a function as one text, with what they share once, and answers with after ÷ before of
the same two. Both are given an input size; the gate asks for {size:.0f} elements. The gate compares
by the second, asked in both orders, and takes the cost before from the first.

- {parameters:.1f} million parameters, bfloat16: width {config.width}, {config.encoder_layers} encoder
  and {config.decoder_layers} decoder layers, {config.heads} heads, byte-level BPE of
  {config.vocab_size} tokens learned on the training texts and on functions of open-source packages.
- Trained with `training/recipes/embedded-code.toml`, `embedded.toml` and `embedded-last.toml`, one
  after the other; what was tried on the way is in `training/EXPERIMENTS.md`.
- Licence of the weights: Apache-2.0, as the rest of the repository.

## Data

{programs} programs of {problems} problems, {rows} measured (program, input size) rows; {edited} of the
programs are edits made by `training/edits/`. Sources: {sources}
programs, from newfacade/LeetCodeDataset (MIT), CodeContests problems through
JohnnyPeng18/Coffe (Apache-2.0; problems CC-BY-4.0), HumanEval samples of microsoft/CodeT (MIT)
and MBPP through amazon-science/mxeval (Apache-2.0). Besides: 15,994 programs of our own generator, of which
peak memory is known, and, for the first recipe alone, 68,009 functions of 47 open-source packages,
of which no cost is. The repository keeps measured costs and hashes of the texts
(`training/measured/`), not the texts.

Measured by `training/profile/python.py` (protocol of Appendix D.4.1 of the paper in its fast
form) on: {hardware}. The machine was shared while measuring, so CPU time is the shortest of
up to five repeats.

## Figures

Splits are by problem, and were fixed before the first run. {data[problems]} problems
({data[programs]} programs, {data[points]} points) of the test split were never trained on, and are
read as the gate reads them: the function that the costs are of, with its context. All predictors
below are told the input size, and the baselines (gradient boosting) were fitted on the same training
rows in the same run. In brackets 95% intervals from {draws} draws of problems.

{table}

What is said of edits is said near the reference size, both ways round, at default limits.

{wild}Calibrated on problems that are in neither the training nor the test split:

{calibrations}

## Limits

- Small competitive-programming and textbook functions are all whose costs it has seen. Code that
  calls libraries, does I/O or holds state is unlike its training data; treat verdicts there as hints.
- One input size, one machine class; a ratio travels better than a cost.
- Costs of single functions are ranked no better than by counting syntax nodes: do not read
  them as measurements. What it says of an edit is another matter, see above.
- It has no space for Triton kernels: those are reported as skipped.

## Remake

```sh
python -m ci_rlm.training.corpus build --data DATA --language python --out runs/corpus
ci-rlm train training/recipes/embedded-code.toml      # a GPU for these two
ci-rlm train training/recipes/embedded.toml
ci-rlm train training/recipes/embedded-last.toml
python -m ci_rlm.training.publish runs/embedded-last/checkpoint --corpus runs/corpus --changes CHANGES
```
"""
