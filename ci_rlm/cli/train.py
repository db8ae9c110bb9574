"""`ci-rlm train`: from a recipe and a corpus to a checkpoint, and into its place if it is better."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ci_rlm.cli.extras import TRAINING, need

if TYPE_CHECKING:
    from ci_rlm.training.promote import Decision
    from ci_rlm.training.recipe import Recipe

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

    With --promote-if-better, the outcome is compared with the checkpoint in that folder, or where
    there is none with the one that the recipe starts from: on the test split of the recipe's
    corpus, where it must be better with confidence, and of --general, where it must not be worse.
    """
    from ci_rlm.errors import UsageError

    if general is not None and place is None:
        raise UsageError("--general is for --promote-if-better", hint="name the folder in use with it")
    need("train", *TRAINING)
    from ci_rlm.training import train as training
    from ci_rlm.training.recipe import read_recipe

    run = read_recipe(recipe)
    folder = training.main(run, minutes=minutes, threads=threads)
    click.echo(str(folder))
    return 0 if place is None else _promoted(run, folder, place, general)


def _promoted(recipe: Recipe, candidate: Path, place: Path, general: Path | None) -> int:
    from ci_rlm.training import promote

    decision = _decision(recipe, candidate, place, general)
    click.echo(promote.told(decision))
    if not decision.better:
        click.echo("not promoted: " + "; ".join(decision.against))
        return 1
    kept = promote.install(candidate, place)
    click.echo(f"promoted: {place} holds it now" + (f"; the one before is {kept}" if kept else ""))
    return 0


def _decision(recipe: Recipe, candidate: Path, place: Path, general: Path | None) -> Decision:
    from rich.progress import Progress

    from ci_rlm.cli.talk import warn
    from ci_rlm.errors import CiRlmError, UsageError
    from ci_rlm.model import checkpoint
    from ci_rlm.predict import of_checkpoint
    from ci_rlm.training import calibrate, examples, grown, promote
    from ci_rlm.training import general as shipped
    from ci_rlm.training.networks import size_of
    from ci_rlm.training.questions import few

    if not place.exists() and recipe.start is None:
        hint = "let the recipe start from a checkpoint, or copy one into the folder"
        raise UsageError(f"{place} holds no checkpoint to beat", hint=hint)
    beaten = place if place.exists() or recipe.start is None else checkpoint.locate(recipe.start.checkpoint)
    others = examples.read(general or shipped.corpus(recipe.out), size=size_of(recipe))
    others = few(others, "test", promote.GENERAL)
    ours = examples.read(recipe.corpus, size=size_of(recipe), time=recipe.time)
    with Progress(disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("predictions", total=None)

        def tell(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        grown.write(candidate, ours, others, tell)
        try:
            fitted = calibrate.calibrations(of_checkpoint(candidate), others, progress=tell)
            calibrate.write(candidate, fitted)
        except CiRlmError as error:
            warn(f"the outcome is not calibrated, so its verdicts stay unsure: {error.message}")
        both = of_checkpoint(candidate), of_checkpoint(beaten)
        own = promote.differences(*both, ours, "test", tell)
        return promote.decide(own, promote.differences(*both, others, "test", tell))
