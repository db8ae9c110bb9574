"""`ci-rlm train`: from a recipe and a corpus to a checkpoint."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--minutes", type=click.FloatRange(min=0), help="Stop after so long; the same command goes on.")
@click.option("--threads", type=click.IntRange(min=1), help="Of torch; all cores by default.")
def train(recipe: Path, minutes: float | None, threads: int | None) -> int:
    """Train a model as RECIPE, a TOML file, says it.

    A run that is stopped or killed goes on where it was when the command is given again. With
    `accelerate launch -m ci_rlm train RECIPE` it runs on several GPUs or machines. The recipes
    in training/recipes are documented examples.
    """
    from ci_rlm.errors import UsageError

    try:
        from ci_rlm.training import train as training
        from ci_rlm.training.recipe import read_recipe

        folder = training.main(read_recipe(recipe), minutes=minutes, threads=threads)
    except ModuleNotFoundError as error:
        hint = 'pip install "ci-rlm[train]"'
        raise UsageError(f"training needs {error.name}, which is not installed", hint=hint) from error
    click.echo(str(folder))
    return 0
