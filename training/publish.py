"""A run's checkpoint as one to ship: bfloat16 weights, counts, calibration, figures, model card.

    python -m ci_rlm.training.publish runs/embedded/checkpoint --corpus runs/corpus

Calibration and figures are those of the rounded weights that are shipped. The figures are recorded
in `figures.json`, and the card is written from that record; `ci-rlm evaluate --suite embedded` makes
them again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from ci_rlm.flow import Calibration
from ci_rlm.model import checkpoint, records
from ci_rlm.model.counts import Counts
from ci_rlm.predict import of_checkpoint
from ci_rlm.training import attribution, corpus, counting, evaluate, releases, suite, vocabulary
from ci_rlm.training.card import card, figures_table
from ci_rlm.training.recorded import Asked, Record
from ci_rlm.training.releases import Changes

EMBEDDED = Path(__file__).parents[1] / "model" / "pretrained"
PART_BYTES = 15 << 20
"""Of a file of weights at most: git and its forges dislike larger ones."""


def publish(
    run: Path,
    given: suite.Given,
    target: Path,
    asked: Asked,
    *,
    kept: Path | None = None,
    progress: evaluate.Progress = evaluate.silent,
) -> Record:
    """Write a checkpoint with its record and card to `target`, once all is known; the record.

    `asked` says what it is evaluated on; answers are kept in the folder `kept`, and not asked for again.
    """
    network = checkpoint.load_network(run)
    words = (run / checkpoint.TOKENIZER).read_text(encoding="utf-8")

    examples = corpus.as_functions([*given.programs, *given.ways])
    known = vocabulary.fit(examples)
    counts: Counts | None = None

    def save(folder: Path, fitted: Sequence[Calibration] = (), told: str = "", figures: str = "") -> None:
        checkpoint.save(
            folder, network, words, told, fitted,
            part_bytes=PART_BYTES, figures=figures, vocabulary=known, counts=counts,
        )  # fmt: skip

    parameters = sum(tensor.numel() for tensor in network.parameters())
    with tempfile.TemporaryDirectory() as scratch:
        trial = Path(scratch, "checkpoint")
        predictor = partial(of_checkpoint, trial, cache_dir=kept)
        save(trial)
        counts = counting.of_checkpoint(predictor(), examples, given.changes.learn, progress)
        save(trial)
        fitted = suite.fitted(predictor(), given, asked, progress)
        save(trial, fitted)
        record = suite.measure(predictor(), given, asked, fitted, parameters, progress)
    save(target, fitted, card(network.config, record), records.dump(record))
    return record


def main() -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path, help="the folder that a run wrote")
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--changes", type=Path, help="between releases, as `releases.read` reads them")
    parser.add_argument("--most", type=int, help="of the changes, at most so many of each split but `learn`")
    parser.add_argument("--problems", type=int, help="of the test split at most; all by default")
    parser.add_argument(
        "--hunks", type=int, default=attribution.MOST, help="changes to name the right hunk of, at most"
    )
    parser.add_argument(
        "--cache", type=Path, default=Path("runs/answers"), help="answers, so that a stopped run goes on"
    )
    parser.add_argument("--target", type=Path, default=EMBEDDED)
    flags = parser.parse_args()
    changes = releases.read(flags.changes, flags.most) if flags.changes else Changes()
    asked = Asked(problems=flags.problems, changes=flags.most, hunks=flags.hunks)
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("predictions", total=None)
        record = publish(
            flags.checkpoint, suite.read(flags.corpus, changes), flags.target, asked,
            kept=flags.cache,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    print(figures_table(record.figures))


if __name__ == "__main__":
    main()
