"""`ci-rlm calibrate`: what a checkpoint's probabilities are worth, from held-out pairs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ci_rlm.cli.extras import SCORING, need
from ci_rlm.cli.flags import time_flag


@click.command()
@click.argument("checkpoint", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--corpus",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="A corpus whose calibration split the checkpoint was not trained on.",
)
@time_flag
@click.option(
    "--false-alarms",
    "target",
    metavar="SHARE",
    default="5%",
    show_default=True,
    help="Of neutral edits that keep the cost, at most this share may be called a regression; 0: no bound.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Problems at most, for a trial.")
def calibrate(checkpoint: Path, corpus: Path, time: str, target: str, limit: int | None) -> int:
    """Fit the error model of CHECKPOINT, a folder, on held-out pairs, and write it into the folder.

    Raw probabilities are mapped to found ones where that predicts held-out problems better, and
    a claim must be so sure that few edits which keep the cost are called regressions. Too few
    pairs are refused with the number that it takes.
    """
    from rich.progress import Progress

    from ci_rlm.errors import UsageError
    from ci_rlm.quantities import quantity

    try:
        share = quantity(target, "")
    except ValueError as error:
        raise UsageError(f"--false-alarms: {error}") from error
    if not 0 <= share < 1:
        raise UsageError(f"--false-alarms: expected 0 to below 1, not {target!r}")
    need("calibrate", *SCORING)
    from ci_rlm.model.checkpoint import read_config, write_calibration
    from ci_rlm.predict import of_checkpoint
    from ci_rlm.training import calibrate as calibration
    from ci_rlm.training import examples as reader
    from ci_rlm.training.questions import few

    examples = reader.read(corpus, size=read_config(checkpoint).spaces[0].size or 1.0, time=time)
    examples = examples if limit is None else few(examples, "calibration", limit)
    with Progress(disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("predictions", total=None)
        found = calibration.calibrations(
            of_checkpoint(checkpoint), examples, share or None,
            lambda done, total: progress.update(task, completed=done, total=total),
        )  # fmt: skip
    write_calibration(checkpoint, found)
    for one in found:
        click.echo(calibration.told(one))
    return 0
