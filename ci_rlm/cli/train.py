"""`ci-rlm train`: from a recipe and a corpus to a checkpoint, and into its place if it is better."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ci_rlm.cli.extras import TRAINING, need

if TYPE_CHECKING:
    from ci_rlm.predict import Predictor
    from ci_rlm.training.corpus import Example
    from ci_rlm.training.promote import Decision
    from ci_rlm.training.recipe import Recipe

ANSWERS = "answers"
"""What checkpoints said, in a run's folder, so that nothing is asked twice."""
FALSE_ALARMS = 0.01
"""Of neutral edits in other code, at most this share may be called by an outcome, as by what ships."""
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--minutes", type=click.FloatRange(min=0), help="Stop after so long; the same command goes on.")
@click.option("--threads", type=click.IntRange(min=1), help="Of torch; all cores by default.")
@click.option(
    "--promote-if-better",
    "place",
    type=_FOLDER,
    help="Put the outcome into this folder if it beats the checkpoint there; else exit 1.",
)
@click.option(
    "--general",
    type=_FOLDER,
    help="A corpus of other programs, on which the outcome must not be worse; by default the generated "
    "ones that come with ci-rlm.",
)
def train(
    recipe: Path, minutes: float | None, threads: int | None, place: Path | None, general: Path | None
) -> int:
    """Train a model as RECIPE, a TOML file, says it.

    A run that is stopped or killed goes on where it was when the command is given again. With
    `accelerate launch -m ci_rlm train RECIPE` it runs on several GPUs or machines. The recipes
    in training/recipes are documented examples.

    After a run on logs that `ci-rlm ingest` joined, or with --promote-if-better, what is counted of
    code learns from the rows as well, and the outcome is calibrated on --general.

    With --promote-if-better, the outcome is compared with the checkpoint in that folder, or where
    there is none with the one that the recipe starts from: on the test split of the recipe's
    corpus, where it must be better with confidence, and of --general, where it must not be worse.
    """
    from ci_rlm.errors import UsageError

    need("train", *TRAINING)
    from ci_rlm.model.alternatives import NUMBERS
    from ci_rlm.training import ingested
    from ci_rlm.training import train as training
    from ci_rlm.training.recipe import read_recipe

    run = read_recipe(recipe)
    own_logs = (run.corpus / ingested.FILE).is_file()
    if general is not None and place is None and not own_logs:
        message = "--general is for runs on ingested logs, and for --promote-if-better"
        raise UsageError(message, hint="name the folder in use with it")
    folder = training.main(run, minutes=minutes, threads=threads)
    if not training.writes():
        return 0
    click.echo(str(folder))
    if place is None and not (own_logs and run.head == NUMBERS):
        return 0
    others = _others(run, general)
    _make_ready(run, folder, others)
    return 0 if place is None else _promoted(run, folder, place, others)


def _others(recipe: Recipe, general: Path | None) -> list[Example]:
    """Other code, on which the outcome is calibrated and must not be worse."""
    from ci_rlm.training import examples, promote
    from ci_rlm.training import general as shipped
    from ci_rlm.training.networks import size_of

    size = size_of(recipe)
    return promote.general(examples.read(general or shipped.corpus(recipe.out), size=size), size)


def _ours(recipe: Recipe) -> list[Example]:
    from ci_rlm.training import examples
    from ci_rlm.training.networks import size_of

    return examples.read(recipe.corpus, size=size_of(recipe), time=recipe.time)


def _make_ready(recipe: Recipe, candidate: Path, others: Sequence[Example]) -> None:
    """Give a run's checkpoint what it counts and what its probabilities are worth."""
    from ci_rlm.cli.talk import warn
    from ci_rlm.errors import CiRlmError
    from ci_rlm.model import checkpoint
    from ci_rlm.predict import of_checkpoint
    from ci_rlm.training import calibrate, grown

    def asked() -> Predictor:
        return of_checkpoint(candidate, cache_dir=recipe.out / ANSWERS, warn=warn)

    with _telling() as tell:
        grown.write(candidate, asked(), _ours(recipe), others, tell)
        try:
            fitted = calibrate.calibrations(asked(), others, FALSE_ALARMS, tell)
            checkpoint.write_calibration(candidate, fitted)
        except CiRlmError as error:
            warn(f"the outcome is not calibrated, so its verdicts stay unsure: {error.message}; {error.hint}")


def _promoted(recipe: Recipe, candidate: Path, place: Path, others: Sequence[Example]) -> int:
    from ci_rlm.training import promote

    decision = _decision(recipe, candidate, place, others)
    click.echo(promote.told(decision))
    if not decision.better:
        click.echo("not promoted: " + "; ".join(decision.against))
        return 1
    kept = promote.install(candidate, place)
    click.echo(f"promoted: {place} holds it now" + (f"; the one before is {kept}" if kept else ""))
    return 0


def _decision(recipe: Recipe, candidate: Path, place: Path, others: Sequence[Example]) -> Decision:
    from ci_rlm.cli.talk import warn
    from ci_rlm.errors import UsageError
    from ci_rlm.model import checkpoint
    from ci_rlm.predict import of_checkpoint
    from ci_rlm.training import promote

    if not place.exists() and recipe.start is None:
        hint = "let the recipe start from a checkpoint, or copy one into the folder"
        raise UsageError(f"{place} holds no checkpoint to beat", hint=hint)
    beaten = place if place.exists() or recipe.start is None else checkpoint.locate(recipe.start.checkpoint)
    with _telling() as tell:
        kept = recipe.out / ANSWERS
        new, old = (of_checkpoint(each, cache_dir=kept, warn=warn) for each in (candidate, beaten))
        own = promote.differences(new, old, _ours(recipe), "test", tell)
        return promote.decide(own, promote.differences(new, old, others, "test", tell))


@contextmanager
def _telling() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, to tell how many of how many predictions are made."""
    from rich.progress import Progress

    with Progress(disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("predictions", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
