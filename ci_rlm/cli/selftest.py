"""`ci-rlm selftest`: what the gate makes of edits whose meaning is known, in the user's own functions."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from ci_rlm.cli.flags import GateFlags, ModelFlags, gate_flags, model_flags

if TYPE_CHECKING:
    from ci_rlm.config import Config
    from ci_rlm.flow import Limits
    from ci_rlm.git import Repository
    from ci_rlm.predict import Predictor
    from ci_rlm.training.effects import Effect
    from ci_rlm.training.injection import Injection
    from ci_rlm.training.trial import Setting, Trial

_MOST = 500
_WIDTH = 110
"""Of a table that goes to no terminal."""


@click.command()
@gate_flags
@model_flags
@click.option(
    "--functions", type=click.IntRange(1, _MOST), default=40, show_default=True, metavar="N",
    help="Try at most so many functions.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed draws other functions.")
@click.option("--rev", default="HEAD", show_default=True, help="The commit whose functions are tried.")
@click.option("-v", "--verbose", is_flag=True, help="List every function that took part.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON in place of tables.")
@click.option(
    "-C", "--repo", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".",
    help="Run as if started in this folder.",
)  # fmt: skip
def selftest(
    gate: GateFlags,
    model: ModelFlags,
    functions: int,
    seed: int,
    rev: str,
    verbose: bool,
    as_json: bool,
    repo: Path,
) -> int:
    """Try the gate on known-bad and neutral edits of this repository's own functions.

    Each function gets an edit that makes code dearer and one that does not matter, at the configured
    limits. Nothing is run and nothing is written: an edit counts as bad where most of the measured
    programs with an edit of its kind cost over 1.25x, which the report tells.
    """
    from ci_rlm import predict
    from ci_rlm.cli.talk import warn
    from ci_rlm.git import Repository
    from ci_rlm.training import effects
    from ci_rlm.training.trial import Setting, document

    repository = Repository.discover(repo)
    commit = repository.resolve(rev)
    config = _config(gate, model, repository)
    predictor = predict.load(config, warn=warn)
    known = effects.read()
    injections = _injections(repository, commit, config, known, functions, seed)
    trials = _judged(injections, predictor, config)
    setting = Setting(commit, seed, predictor.info, _limits(config, predictor))
    if as_json:
        click.echo(json.dumps(document(setting, trials, known), indent=2, allow_nan=False))
    else:
        click.echo(_text(setting, trials, known, verbose=verbose).encode(), nl=False)
    return 0


def _config(gate: GateFlags, model: ModelFlags, repository: Repository) -> Config:
    from ci_rlm.cli.settings import configure
    from ci_rlm.occasion import read_plain

    root = repository.root
    return configure(
        {**gate.table, **model.table}, model.config_file, root, lambda name: read_plain(root / name)
    )


def _injections(
    repository: Repository,
    commit: str,
    config: Config,
    known: Mapping[str, Effect],
    functions: int,
    seed: int,
) -> list[Injection]:
    """What is tried, drawn from the files of a commit that a check would look at."""
    from ci_rlm import extract
    from ci_rlm.errors import CiRlmError
    from ci_rlm.git import FileLimits
    from ci_rlm.git.snapshot import snapshot_of
    from ci_rlm.training.injection import draw

    limits = FileLimits(
        config.paths.include,
        config.paths.exclude,
        config.max_file_size,
        lambda path: extract.language_of(path) == "python",
    )
    snapshot = snapshot_of(repository, commit, limits.accepts)
    with repository.blobs() as blobs:

        def read(path: PurePosixPath) -> str | None:
            content = blobs.at_most(limits.max_bytes, snapshot.files[path])
            try:
                return content.decode("utf-8") if content is not None else None
            except UnicodeDecodeError:
                return None

        drawn = list(draw(snapshot.files, read, known, functions=functions, seed=seed))
    if not drawn:
        hint = "the configuration leaves out too much, or the functions have no loops, lists or lookups"
        raise CiRlmError("no function here has a place for a known-bad edit", hint=hint)
    return [injection for each in drawn for injection in each.injections]


def _judged(injections: Sequence[Injection], predictor: Predictor, config: Config) -> list[Trial]:
    from ci_rlm.cli.talk import progress_bar
    from ci_rlm.flow import Skipped
    from ci_rlm.gate import compare_changes
    from ci_rlm.judge import judge
    from ci_rlm.training.trial import Trial

    changes = [injection.change for injection in injections]
    trials = []
    with progress_bar() as progress:
        compared = compare_changes(changes, predictor, config, progress=progress)
        for injection, result in zip(injections, compared, strict=True):
            if isinstance(result, Skipped):
                trials.append(Trial(injection, (), result.reason))
                continue
            path = injection.change.unit.path
            verdicts = tuple(judge(each, config.limits_for(path, each.metric.name)) for each in result)
            trials.append(Trial(injection, verdicts))
    return trials


def _limits(config: Config, predictor: Predictor) -> tuple[tuple[str, Limits], ...]:
    """Those of the metrics that the checkpoint answers for."""
    served = {metric.name for space in predictor.spaces for metric in space.metrics}
    return tuple((metric, limits) for metric, limits in config.metrics if metric in served)


def _text(setting: Setting, trials: Sequence[Trial], known: Mapping[str, Effect], *, verbose: bool) -> str:
    from ci_rlm.training.trial_view import render

    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    width = shutil.get_terminal_size((_WIDTH, 24)).columns
    color = sys.stdout.isatty() and not plain
    return render(setting, trials, known, width=width, color=color, verbose=verbose)
