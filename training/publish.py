"""A run's checkpoint as one to ship: bfloat16 weights, calibration, figures, model card.

    python -m ci_rlm.training.publish runs/embedded/checkpoint --corpus runs/corpus

Calibration and figures are those of the rounded weights that are shipped, and the figures of
the card come from one run of `ci_rlm.training.evaluate` on problems never trained on.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ci_rlm.flow import Calibration
from ci_rlm.model import checkpoint
from ci_rlm.model.config import ModelConfig
from ci_rlm.training import calibrate, corpus, evaluate
from ci_rlm.training.corpus import Example

EMBEDDED = Path(__file__).parents[1] / "model" / "pretrained"


def publish(run: Path, examples: Sequence[Example], target: Path) -> dict[str, Any]:
    """Write a checkpoint with its card to `target`; the figures that the card tells."""
    network = checkpoint.load_network(run)
    words = (run / checkpoint.TOKENIZER).read_text(encoding="utf-8")
    checkpoint.save(target, network, words, "")
    fitted = calibrate.calibrations(target, examples)
    checkpoint.save(target, network, words, "", fitted)
    result = evaluate.evaluate(target, examples)
    parameters = sum(tensor.numel() for tensor in network.parameters())
    checkpoint.save(
        target, network, words, card(network.config, examples, fitted, result, parameters), fitted
    )
    return result


def card(
    config: ModelConfig,
    examples: Sequence[Example],
    calibrations: Sequence[Calibration],
    result: Mapping[str, Any],
    parameters: int,
) -> str:
    """The model card, in Markdown."""
    space = config.spaces[0]
    splits = Counter(example.split for example in examples)
    sources = Counter(example.source for example in examples if example.split == "train")
    pairs = ", ".join(f"{c.pairs} pairs for {c.metric.replace('_', ' ')}" for c in calibrations)
    return _CARD.format(
        name=config.name,
        parameters=parameters / 1e6,
        config=config,
        hardware=space.hardware,
        size=space.size,
        programs=splits["train"],
        rows=sum(len(example.rows) for example in examples if example.split == "train"),
        edited=sum(bool(example.edit) for example in examples if example.split == "train"),
        problems=len({example.problem for example in examples if example.split == "train"}),
        sources=", ".join(f"{count} {source}" for source, count in sorted(sources.items())),
        table=evaluate.table(result),
        result=result,
        coverage=", ".join(f"{v:.3f} for {k.replace('_', ' ')}" for k, v in result["coverage_90"].items()),
        calls=_calls(result["calls"]),
        pairs=pairs,
    )


def _calls(calls: Mapping[str, Mapping[str, Any]]) -> str:
    lines = ["| | " + " | ".join(metric.replace("_", " ") for metric in calls) + " |", "|---|---|---|"]
    rows: dict[str, Callable[[Mapping[str, Any]], str]] = {
        "neutral edits called regressed": lambda t: f"{t['neutral_called']:.1%} of {t['neutral']}",
        "edits over 1.5x the cost called regressed": lambda t: f"{t['recall']:.1%} of {t['worse']}",
        "calls whose measured ratio is over 1.1": lambda t: f"{t['precision']:.1%} of {t['called']}",
        "edits left unsure": lambda t: f"{t['unsure']:.1%} of {t['edits']}",
    }
    for title, told in rows.items():
        lines.append(f"| {title} | " + " | ".join(told(call) for call in calls.values()) + " |")
    return "\n".join(lines)


_CARD = """\
# {name}

The checkpoint that ci-rlm ships: a regression language model for Python functions and whole
Python programs. It reads canonical source text and answers with the distribution of two
metrics, one after the other: peak memory (bytes, tracemalloc), then CPU time (seconds), both
given an input size. The gate asks for {size:.0f} elements.

- {parameters:.1f} million parameters, bfloat16: width {config.width}, {config.encoder_layers} encoder
  and {config.decoder_layers} decoder layers, {config.heads} heads, byte-level BPE of
  {config.vocab_size} tokens learned on the training texts.
- Trained from scratch with `training/recipes/embedded.toml`, on two CPU cores.
- Licence of the weights: Apache-2.0, as the rest of the repository.

## Data

{programs} programs of {problems} problems, {rows} measured (program, input size) rows; {edited} of the
programs are edits made by `training/edits/`. Sources: {sources}
programs, from newfacade/LeetCodeDataset (MIT), CodeContests problems through
JohnnyPeng18/Coffe (Apache-2.0; problems CC-BY-4.0), HumanEval samples of microsoft/CodeT (MIT)
and MBPP through amazon-science/mxeval (Apache-2.0). The repository keeps measured costs and
hashes of the texts (`training/measured/python.parquet`), not the texts.

Measured by `training/profile/python.py` (protocol of Appendix D.4.1 of the paper in its fast
form) on: {hardware}. The machine was shared while measuring, so CPU time is the shortest of
up to five repeats.

## Figures

Splits are by problem. {result[problems]} problems ({result[programs]} programs, {result[points]}
points) were never trained on; all predictors below are told the input size, and the two
baselines (gradient boosting) were fitted on the same training rows in the same run.

{table}

Share of measured values inside the predicted 5% to 95% interval (0.90 is right): {coverage}.

What the gate says of single edits of unseen problems, both ways round, at its default limits and
near the reference size:

{calls}

Calibrated on {pairs} of problems that are in neither the training nor the test split.

## Limits

- Small competitive-programming and textbook functions are all that it has seen. Code that calls
  libraries, does I/O or holds state is unlike its training data; treat verdicts there as hints.
- One input size, one machine class; the ratio of two predictions travels better than either.
- It has no space for Triton kernels: those are reported as skipped.

## Remake

```sh
ci-rlm profile python --data DATA --out runs/measured
ci-rlm profile merge runs/measured --into training/measured/python.parquet
python -m ci_rlm.training.corpus build --data DATA --out runs/corpus
ci-rlm train training/recipes/embedded.toml
python -m ci_rlm.training.publish runs/embedded/checkpoint --corpus runs/corpus
```
"""


def main() -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path, help="the folder that a run wrote")
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--target", type=Path, default=EMBEDDED)
    flags = parser.parse_args()
    result = publish(flags.checkpoint, corpus.read(flags.corpus), flags.target)
    print(evaluate.table(result))


if __name__ == "__main__":
    main()
