"""`ci-rlm trend`: how predicted costs went, commit after commit."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ci_rlm.history import Course, History, Trend

_WIDTH = 100
"""Of tables that go to no terminal."""


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--function", "functions", multiple=True, metavar="NAME",
    help="Only this function, as NAME or PATH::NAME; repeatable.",
)  # fmt: skip
@click.option("--metric", metavar="NAME", help="Only this cost.  [default: all]")
@click.option("--last", type=click.IntRange(1), metavar="N", help="Only the latest N commits.")
@click.option(
    "--model", default="", metavar="DIGEST",
    help="The predictions of this model, by the start of its digest.  [default: the latest check's]",
)  # fmt: skip
@click.option(
    "--top", type=click.IntRange(0), default=20, show_default=True, metavar="N",
    help="How many functions to show, those that changed most first.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print every course as JSON in place of the table.")
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Draw them into a page, too.",
)  # fmt: skip
def trend(
    file: Path | None,
    functions: Sequence[str],
    metric: str | None,
    last: int | None,
    model: str,
    top: int,
    as_json: bool,
    html: Path | None,
) -> int:
    """Show the course of predicted costs in FILE, a history that `ci-rlm check --history FILE` keeps.

    Commits are in the order of their time. Costs are told for all functions together and for those
    that changed most, with the commits at which a regression was called, accepted or not. FILE defaults
    to the configured history.
    """
    from ci_rlm.cli.publish import write_whole
    from ci_rlm.cli.talk import warn
    from ci_rlm.history import read, trend_of
    from ci_rlm.render.trend import render_html, render_json, render_text

    history = read(file or _configured())
    if history.damaged:
        warn(f"lines left out that are no record: {history.damaged:,}")
    told = trend_of(history.records, model, _wanted(functions, metric), last)
    _refuse_nothing(told, history)
    if html is not None:
        write_whole(html, render_html(told, top=top).encode("utf-8", "backslashreplace"))
    text = render_json(told) if as_json else render_text(told, top=top, width=_width(), color=_colorful())
    click.echo(text.encode("utf-8", "backslashreplace"), nl=False)
    return 0


def _configured() -> Path:
    """The history of the repository around. Raises UsageError where none is configured."""
    from ci_rlm.cli.remember import history_file
    from ci_rlm.cli.settings import configure
    from ci_rlm.errors import UsageError
    from ci_rlm.git import Repository
    from ci_rlm.occasion import read_plain

    repository = Repository.discover(Path())
    config = configure({}, None, repository.root, lambda name: read_plain(repository.root / name))
    place = history_file(None, config, repository)
    if place is None:
        hint = "name FILE, or set `history` in the configuration"
        raise UsageError("no history is configured", hint=hint)
    return place


def _wanted(functions: Sequence[str], metric: str | None) -> Callable[[Course], bool]:
    named = frozenset(functions)

    def wanted(course: Course) -> bool:
        told = {course.name, f"{course.path}::{course.name}"}
        return (not named or bool(told & named)) and metric in (None, course.metric)

    return wanted


def _refuse_nothing(told: Trend, history: History) -> None:
    """Raise UsageError where the flags leave nothing of a history that holds something."""
    from ci_rlm.errors import UsageError

    if not told.functions and any(record.entries for record in history.records):
        raise UsageError("nothing in the history is of that function, metric or model")


def _width() -> int:
    return shutil.get_terminal_size((_WIDTH, 24)).columns


def _colorful() -> bool:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not plain
