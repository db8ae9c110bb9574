"""What is said on standard error: warnings, and progress where someone watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


def warn(message: str) -> None:
    """A line on standard error."""
    click.echo(f"ci-rlm: warning: {message}", err=True)


@contextmanager
def progress_bar() -> Iterator[Callable[[int, int], None]]:
    """A bar for `gate.Progress`: drawn on a terminal only, and only once there is something to wait for."""
    from ci_rlm.gate import silent

    if not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("predicting"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("predicting", total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)
