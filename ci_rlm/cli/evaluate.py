"""`ci-rlm evaluate`: how well a checkpoint predicts what it never saw."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import click
from click.core import ParameterSource

from ci_rlm.cli.extras import SCORING, need
from ci_rlm.cli.flags import ModelFlags, grouped, time_flag
from ci_rlm.cli.publish import write_whole
from ci_rlm.errors import UsageError

if TYPE_CHECKING:
    from ci_rlm.config import Config
    from ci_rlm.predict import Predictor
    from ci_rlm.training.evaluation_document import Document

_WIDTH = 120
"""Of tables that go to no terminal."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is evaluated on."""

    corpus: Path
    time: str
    split: str
    limit: int | None
    baselines: bool
    resamples: int
    seed: int


_asked_flags = grouped(
    "asked",
    Asked,
    click.option(
        "--corpus",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        required=True,
        help="A folder that `ci-rlm ingest` or `python -m ci_rlm.training.corpus build` wrote.",
    ),
    time_flag,
    click.option("--split", type=click.Choice(("test", "calibration")), default="test", show_default=True),
    click.option("--limit", type=click.IntRange(1), metavar="N", help="Problems at most, for a trial."),
    click.option(
        "--baselines/--no-baselines", default=True, help="Fit what counting alone predicts beside it."
    ),
    click.option(
        "--resamples",
        type=click.IntRange(0, 100_000),
        default=1000,
        show_default=True,
        help="Draws of problems that intervals come from; 0: no intervals.",
    ),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the draws."),
)
_FILE = click.Path(dir_okay=False, path_type=Path)
_READ = click.Path(exists=True, dir_okay=False, path_type=Path)
_FIXED = ("time", "split", "limit", "baselines", "resamples", "seed", "against", "html_file")
"""What the record of a card settles, and what is made of other figures."""


@click.command()
@click.argument("checkpoint")
@_asked_flags
@click.option(
    "--against", metavar="CHECKPOINT", help="Another checkpoint, the present one: is the first better?"
)
@click.option(
    "--suite",
    type=click.Choice(("embedded",)),
    help="Make every figure of the checkpoint's card again, as it was made, and tell which differ.",
)
@click.option(
    "--changes", type=_READ, help="With --suite: the changes between releases that the card counts."
)
@click.option("--json", "json_file", type=_FILE, help="Write every figure to this file.")
@click.option("--html", "html_file", type=_FILE, help="Write a page with plots to this file.")
@click.option("-v", "--verbose", is_flag=True, help="Every figure in the table, not only the main ones.")
@click.option("--device", metavar="NAME", help="Where the model runs: auto, cpu, cuda or cuda:N.")
@click.option("--offline", is_flag=True, help="Never touch the network.")
def evaluate(
    checkpoint: str,
    asked: Asked,
    against: str | None,
    suite: str | None,
    changes: Path | None,
    json_file: Path | None,
    html_file: Path | None,
    verbose: bool,
    device: str | None,
    offline: bool,
) -> int:
    """Hold the predictions of CHECKPOINT against a corpus of measured programs.

    CHECKPOINT is 'embedded', a folder (./NAME), or OWNER/NAME[@REVISION] on the hub. It is asked
    about problems that the corpus holds out of training. Figures come with intervals from drawing
    problems, beside those of baselines, and of another checkpoint if --against names one.

    With --suite the figures of its card are made again from the corpus that the card was made of,
    and shown beside them; where one differs by more than rounding the exit code is 1. Answers are
    kept, so that an interrupted run goes on where it was.
    """
    _refuse_mixed(suite, changes)
    need("evaluate", *SCORING)
    if suite:
        return _again(checkpoint, asked.corpus, changes, json_file, device, offline)
    document = _document(checkpoint, against, asked, device, offline)
    if json_file:
        text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        write_whole(json_file, text.encode())
    if html_file:
        from ci_rlm.training import evaluation_page

        write_whole(html_file, evaluation_page.render(document).encode())
    _show(document, verbose)
    return 0


def _refuse_mixed(suite: str | None, changes: Path | None) -> None:
    if changes and not suite:
        raise UsageError("--changes is for --suite alone", hint="add --suite embedded")
    context = click.get_current_context()
    given = [name for name in _FIXED if context.get_parameter_source(name) is not ParameterSource.DEFAULT]
    if suite and given:
        flag = next(each.opts[0] for each in context.command.params if each.name == given[0])
        raise UsageError(f"{flag} does not go with --suite", hint="the record of the card says what is asked")


def _again(
    checkpoint: str,
    corpus_folder: Path,
    changes_file: Path | None,
    json_file: Path | None,
    device: str | None,
    offline: bool,
) -> int:
    from ci_rlm.cli.settings import configure_here
    from ci_rlm.cli.talk import progress_bar, warn
    from ci_rlm.model import records
    from ci_rlm.model.checkpoint import locate
    from ci_rlm.predict import load
    from ci_rlm.training import recorded, releases, suite, suite_table

    config = configure_here(ModelFlags(None, checkpoint, device, None, offline))
    card = recorded.read(locate(config.checkpoint, cache_dir=config.cache_dir, offline=config.offline))
    changes = releases.read(changes_file, card.asked.changes) if changes_file else None
    given = suite.read(corpus_folder, changes or releases.Changes())
    with progress_bar() as progress:
        now = suite.again(load(config, warn=warn), given, card, progress)
    if json_file:
        write_whole(json_file, records.dump(now).encode())
    lines = suite.compared(card, now)
    _echo(suite_table.render(lines, suite.differing_inputs(card, now), **_screen()))
    return 0 if all(line.agrees for line in lines) else 1


def _document(
    checkpoint: str, against: str | None, asked: Asked, device: str | None, offline: bool
) -> Document:
    from ci_rlm.cli.settings import configure_here
    from ci_rlm.cli.talk import progress_bar
    from ci_rlm.training import evaluate as training
    from ci_rlm.training import examples as reader

    names = [checkpoint] if against is None else [checkpoint, against]
    configs = [configure_here(ModelFlags(None, name, device, None, offline)) for name in names]
    first, *others = map(_predictor, configs)
    examples = reader.read(asked.corpus, size=training.space_of(first).size or 1.0, time=asked.time)
    if asked.limit is not None:
        examples = training.few(examples, asked.split, asked.limit)
    settings = training.Settings(asked.split, asked.resamples, asked.seed, asked.baselines)
    with progress_bar() as progress:
        return training.evaluation(
            first, examples, settings, against=others[0] if others else None, progress=progress
        )


def _predictor(config: Config) -> Predictor:
    from ci_rlm.model.checkpoint import locate
    from ci_rlm.predict import of_checkpoint

    folder = locate(config.checkpoint, cache_dir=config.cache_dir, offline=config.offline)
    return of_checkpoint(folder, config.device)


def _show(document: Document, verbose: bool) -> None:
    from ci_rlm.training import evaluation_table

    _echo(evaluation_table.render(document, every=verbose, **_screen()))


class _Screen(TypedDict):
    width: int
    color: bool


def _screen() -> _Screen:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    width = shutil.get_terminal_size((_WIDTH, 24)).columns
    return {"width": width, "color": sys.stdout.isatty() and not plain}


def _echo(text: str) -> None:
    click.echo(text.encode("utf-8", "backslashreplace"), nl=False)
