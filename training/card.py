"""The model card of the checkpoint that ships, in Markdown: every figure is one of its record."""

from __future__ import annotations

from collections.abc import Sequence

from ci_rlm.flow import Outcome
from ci_rlm.model.config import ModelConfig
from ci_rlm.training.recorded import FIGURES, Record, Row, Wild


def figures_table(figures: Sequence[Row]) -> str:
    """All of `FIGURES`, with their 95% intervals, for each metric and predictor."""
    names = list(dict.fromkeys(row.predictor for row in figures))
    lines = [f"| metric | figure | {' | '.join(names)} |", "|---|---|" + "---|" * len(names)]
    cells = {(row.metric, row.figure, row.predictor): _cell(row) for row in figures}
    for metric, figure in dict.fromkeys((row.metric, row.figure) for row in figures):
        each = " | ".join(cells.get((metric, figure, name), "") for name in names)
        lines.append(f"| {metric.replace('_', ' ')} | {FIGURES[figure]} | {each} |")
    return "\n".join(lines)


def _cell(row: Row) -> str:
    if row.value is None:
        return ""
    if row.low is None or row.high is None:
        return f"{row.value:.3f}"
    return f"{row.value:.3f} [{row.low:.3f}, {row.high:.3f}]"


def hunks_table(hunks: Sequence[Row]) -> str:
    """How often the right hunk is named first: by the way of naming, of all and of called changes."""
    among = {row.predictor: f"{row.predictor} ({row.count} of {row.problems} problems)" for row in hunks}
    lines = [f"| the hunk | {' | '.join(among.values())} |", "|---|" + "---|" * len(among)]
    cells = {(row.figure, row.predictor): _cell(row) for row in hunks}
    for method in dict.fromkeys(row.figure for row in hunks):
        each = " | ".join(cells.get((method, name), "") for name in among)
        lines.append(f"| {_METHODS.get(method, method)} | {each} |")
    return "\n".join(lines)


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


def card(config: ModelConfig, record: Record) -> str:
    """The model card."""
    training, sources = record.training, record.training.sources
    releases, hunks = record.releases, record.hunks
    return _CARD.format(
        name=config.name,
        parameters=record.weights.parameters / 1e6,
        config=config,
        hardware=config.spaces[0].hardware,
        size=config.spaces[0].size,
        training=training,
        sources=", ".join(f"{count} {source}" for source, count in sorted(sources.items())),
        data=record.held_out,
        draws=record.asked.resamples,
        table=figures_table(record.figures),
        calibrations="\n".join(f"- {each}" for each in record.calibrations),
        wild=_WILD.format(packages=releases[0].packages, table=wild_table(releases)) if releases else "",
        hunks=_HUNKS.format(table=hunks_table(hunks)) if hunks else "",
        ways=_WAYS.format(table=figures_table(record.ways)) if record.ways else "",
    )


_METHODS = {
    "explanation": "that `ci-rlm explain` names",
    "taken from the whole": "whose taking back moves the ratio most",
    "made alone": "that made alone moves the ratio most",
    "most lines": "of the most lines",
    "drawn blindly": "drawn blindly",
}

_HUNKS = """\
Changes of several hunks, of which one efficiency edit of 1.5x or more makes some and edits that keep
the cost make the others: how often is a right hunk of memory named first?

{table}

"""

_WILD = """\
Of changed functions between two releases of {packages} packages, nearly all of which keep the cost,
the gate says at its default limits:

{table}

"""

_WAYS = """\
Small functions of `training/ways/`, of tasks never trained on, near the reference size. A change from
one way of a task to another, which may cost a thousand times as much, counts as an edit; the neutral
ones are edits of a way that keep the cost:

{table}

"""

_CARD = """\
# {name}

The checkpoint that ci-rlm ships: a regression language model for Python functions and whole
Python programs, with a model of counts beside it. It has two spaces. `python` reads a function and
answers with the distribution of its peak memory (bytes, tracemalloc), then of its CPU time (seconds).
`python-change` reads both versions of a function as one text, with what they share once, and answers
with after ÷ before of the same two. Both are given an input size; the gate asks for {size:.0f} elements.
The gate compares by the second, in both orders, and takes the cost before from the first.

What the network answers is pooled with what *counting* says: gradient-boosted trees over the syntax
nodes and called names that a function has, in loops and outside, and of a change, that it takes away and
adds (`counts.safetensors`, `ci_rlm/predict/pooled.py`). They were fitted on the same training split,
those of changes also on changes between releases of packages, others than below, which are taken to keep
the cost, and on edits of these functions, which are taken to cost what edits of their kind were measured
to. Each has a share in the log odds of an answer, found on the calibration split. The tables tell what
each says alone.

- {parameters:.1f} million parameters, bfloat16: width {config.width}, {config.encoder_layers} encoder
  and {config.decoder_layers} decoder layers, {config.heads} heads, byte-level BPE of
  {config.vocab_size} tokens learned on the training texts and on functions of open-source packages.
- Trained with `training/recipes/embedded-code.toml`, `embedded.toml`, `embedded-last.toml`,
  `embedded-ways.toml` and `embedded-ways-last.toml`, one after the other; what was tried on the way
  is in `training/EXPERIMENTS.md`.
- Licence of the weights: Apache-2.0, as the rest of the repository.

## Data

{training.programs} programs of {training.problems} problems, {training.rows} measured (program, input
size) rows; {training.edited} of the programs are edits made by `training/edits/`, or another way of the
same task. Sources: {sources} programs,
the `ways` from `training/ways/`, our own, the others from newfacade/LeetCodeDataset (MIT),
CodeContests problems through JohnnyPeng18/Coffe (Apache-2.0; problems CC-BY-4.0), HumanEval
samples of microsoft/CodeT (MIT)
and MBPP through amazon-science/mxeval (Apache-2.0). Besides: 15,994 programs of our own generator, of which
peak memory is known, and, for the first recipe alone, 68,009 functions of 47 open-source packages,
of which no cost is. The repository keeps measured costs and hashes of the texts
(`training/measured/`), not the texts.

Measured by `training/profile/python.py` (protocol of Appendix D.4.1 of the paper in its fast
form), the ways by `training/ways/measuring.py`, on: {hardware}. The machine was shared while
measuring, so CPU time is the shortest of up to five repeats. Slow spells outlast those: near the reference
size, edits and what they were made of were timed again in turns, in four processes each (ways four times
in one), and these times count, in training and in the figures below (`training/measured/README.md`).

## Figures

Splits are by problem, and were fixed before the first run. {data.problems} problems
({data.programs} programs, {data.rows} points) of the test split were never trained on, and are
read as the gate reads them: the function that the costs are of, with its context. All predictors
below are told the input size, and the baselines were fitted on the same training rows in the same run:
gradient boosting on the counts of one version, which tells an edit by the difference of two answers. In
brackets 95% intervals from {draws} draws of problems.

{table}

What is said of edits is said near the reference size, both ways round, at default limits.

{wild}{hunks}{ways}Calibrated on problems that are in neither the training nor the test split:

{calibrations}

## Limits

- Small competitive-programming and textbook functions are all whose costs it has seen. Code that
  calls libraries, does I/O or holds state is unlike its training data; treat verdicts there as hints.
- One input size, one machine class; a ratio travels better than a cost.
- What a change does is told by counting alone: on the calibration split the network's answer added
  nothing to it, so its share is 0 and it is not asked. Of single costs it has about a sixth.
- What cannot be counted is not seen in a change: two lines in another order, one variable for another.
- That changes between releases keep their cost is an assumption, and so is that an edit costs in a
  package what one of its kind cost in a measured program.
- Costs of single functions are no measurements.
- Most claims warn: few are sure enough to fail a gate at the default confidence, see above.
- It has no space for Triton kernels: those are reported as skipped.

## Remake

```sh
python -m ci_rlm.training.corpus build --data DATA --language python --out runs/corpus
ci-rlm train training/recipes/embedded-code.toml      # a GPU for these two
ci-rlm train training/recipes/embedded.toml
ci-rlm train training/recipes/embedded-last.toml
python -m ci_rlm.training.corpus sample --percent 0 25 --all brief-1 --out runs/ways-1
ci-rlm train training/recipes/embedded-ways.toml
python -m ci_rlm.training.corpus sample --percent 25 40 --all brief-1 --out runs/ways-2
ci-rlm train training/recipes/embedded-ways-last.toml
python -m ci_rlm.training.publish runs/embedded-ways-last/checkpoint --corpus runs/corpus --changes CHANGES
ci-rlm evaluate embedded --suite embedded --corpus runs/corpus --changes CHANGES
```

The last line makes every figure above again, as `figures.json` says how, and tells which differ.
"""
