"""A run's checkpoint as one to ship: bfloat16 weights, calibration, figures, model card.

    python -m ci_rlm.training.publish runs/embedded/checkpoint --corpus runs/corpus

Calibration and figures are those of the rounded weights that are shipped, and the figures of
the card come from one evaluation on problems never trained on, in the form that the gate reads.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rich.console import Console
from rich.progress import Progress

from ci_rlm.comparing import of_ratios
from ci_rlm.errors import UsageError
from ci_rlm.flow import Calibration, Change, Kind, Limits, Span, Unit
from ci_rlm.judge import judge
from ci_rlm.model import checkpoint
from ci_rlm.predict.rlm import RlmPredictor
from ci_rlm.training import calibrate, corpus, evaluate
from ci_rlm.training.card import Wild, card, figures_table
from ci_rlm.training.corpus import Example
from ci_rlm.training.evaluation_document import Document
from ci_rlm.training.questions import few

EMBEDDED = Path(__file__).parents[1] / "model" / "pretrained"
PART_BYTES = 15 << 20
"""Of a file of weights at most: git and its forges dislike larger ones."""
FALSE_ALARMS = 0.01
"""Of neutral edits, at most this share may be called regressed."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes that nobody measured, as texts before and after: some to calibrate with, others to count."""

    fit: tuple[tuple[str, str], ...] = ()
    judge: tuple[tuple[str, str], ...] = ()
    packages: int = 0
    """That those to count are from."""


def read_changes(path: Path, most: int | None = None) -> Changes:
    """Read a Parquet file with columns `before_text`, `after_text`, `package` and `split`.

    `split` is `fit` or `judge`; at most `most` of each are taken, evenly. Raises UsageError for
    another file.
    """
    from pyarrow import ArrowException, parquet

    columns = ["before_text", "after_text", "package", "split"]
    try:
        rows = parquet.read_table(path, columns=columns).to_pylist()
    except (OSError, ArrowException) as error:
        raise UsageError(f"cannot read changes: {error}", hint=f"a table of {', '.join(columns)}") from error
    parts = []
    for split in ("fit", "judge"):
        mine = [row for row in rows if row["split"] == split]
        parts.append(mine[:: max(1, -(-len(mine) // most))] if most else mine)
    fit, count = (tuple((row["before_text"], row["after_text"]) for row in part) for part in parts)
    return Changes(fit, count, len({row["package"] for row in parts[1]}))


def publish(
    run: Path,
    examples: Sequence[Example],
    target: Path,
    changes: Changes = Changes(),  # frozen
    *,
    problems: int | None = None,
    progress: evaluate.Progress = evaluate.silent,
) -> Document:
    """Write a checkpoint with its card to `target`; the evaluation that the card tells of.

    `problems` of the test split at most are evaluated on.
    """
    network = checkpoint.load_network(run)
    words = (run / checkpoint.TOKENIZER).read_text(encoding="utf-8")

    def save(told: str, fitted: Sequence[Calibration] = ()) -> None:
        checkpoint.save(target, network, words, told, fitted, part_bytes=PART_BYTES)

    save("")
    read = corpus.as_functions(examples)
    fitted = calibrate.calibrations(target, read, FALSE_ALARMS, progress, changes.fit)
    save("", fitted)
    asked = few(read, "test", problems) if problems else read
    document = evaluate.evaluation(RlmPredictor(target), asked, progress=progress)
    wild = said_of_changes(target, changes, progress) if changes.judge else ()
    parameters = sum(tensor.numel() for tensor in network.parameters())
    told = card(network.config, examples, fitted, document, parameters, wild)
    save(told, fitted)
    return document


def said_of_changes(
    folder: Path, changes: Changes, progress: evaluate.Progress = evaluate.silent
) -> tuple[Wild, ...]:
    """What the gate says of the changes to count, at default limits: by metric."""
    predictor = RlmPredictor(folder)
    space = predictor.spaces[0]
    both = calibrate.ratios_of_changes(predictor, space, changes.judge, progress)
    unit = Unit(PurePosixPath("a.py"), "f", Kind.FUNCTION, "python", Span(1, 1), "")
    found = []
    for at, metric in enumerate(space.metrics):
        outcomes: Counter[str] = Counter()
        for ratio, inverse in both:
            # Of a cost before of nothing, which decides over no limit but a least effect.
            before = evaluate.of_nothing(ratio[at], metric)
            sides = ratio[at], inverse[at]
            comparison = of_ratios(
                Change(unit, unit), metric, before, sides, predictor.calibrations, Limits()
            )
            outcomes[judge(comparison, Limits()).outcome] += 1
        found.append(Wild(metric.name, changes.packages, dict(outcomes)))
    return tuple(found)


def main() -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path, help="the folder that a run wrote")
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--changes", type=Path, help="changes between releases, as `read_changes` reads them")
    parser.add_argument("--most", type=int, help="of the changes, at most so many of each split")
    parser.add_argument("--problems", type=int, help="of the test split at most; all by default")
    parser.add_argument("--target", type=Path, default=EMBEDDED)
    flags = parser.parse_args()
    changes = read_changes(flags.changes, flags.most) if flags.changes else Changes()
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("predictions", total=None)
        document = publish(
            flags.checkpoint, corpus.read(flags.corpus), flags.target, changes, problems=flags.problems,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    print(figures_table(document))


if __name__ == "__main__":
    main()
