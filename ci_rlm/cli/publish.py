"""Where reports go: standard output, and files written whole or not at all."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ci_rlm.cli.flags import grouped
from ci_rlm.cli.runner import on_github, summarise
from ci_rlm.errors import CiRlmError, UsageError

if TYPE_CHECKING:
    from ci_rlm.render import Document

STDOUT = Path("-")
LOG = ("terminal", "github")
"""Made for the log of a workflow, and so the two formats that share standard output."""


@dataclass(frozen=True, slots=True)
class Target:
    """One format and the file it goes to."""

    format: str
    path: Path


@dataclass(frozen=True, slots=True)
class Publishing:
    """What the command line says of the report."""

    formats: tuple[str, ...]
    verbose: int

    def targets(self) -> tuple[Target, ...]:
        """Files first, standard output last. Raises UsageError.

        The terminal format goes to standard output unless another format does; where nothing is
        asked for and GitHub's runner reads it, so do annotations.
        """
        from ci_rlm.render import FORMATS

        formats = self.formats or (LOG if on_github() else LOG[:1])
        targets = [_target(text, tuple(FORMATS)) for text in formats]
        files = [target for target in targets if target.path != STDOUT]
        shown = [target for target in targets if target.path == STDOUT]
        twice = next((path for path, times in Counter(t.path for t in files).items() if times > 1), None)
        if twice is not None:
            raise UsageError(f"several formats into {twice}", hint="name a file for each")
        if len(shown) > 1 and sorted(target.format for target in shown) != sorted(LOG):
            hint = "send all but one to a file: --format json:report.json"
            raise UsageError("several formats on standard output", hint=hint)
        return (*files, *(shown or [Target("terminal", STDOUT)]))


publishing_flags = grouped(
    "publishing",
    Publishing,
    click.option(
        "--format",
        "formats",
        multiple=True,
        metavar="FORMAT[:FILE]",
        help="terminal, json, markdown, html (one page), sarif, github (annotations and job summary), "
        "gitlab (code quality) or junit, to standard output or a file; repeatable.",
    ),
    click.option("-v", "--verbose", count=True, help="Every row with its interval; -vv: the quantiles too."),
)


def publish(document: Document, targets: Sequence[Target], verbose: int) -> None:
    """Write a report in each format. Raises CiRlmError for what cannot be written, once the others are."""
    from ci_rlm.render import render

    failed: list[CiRlmError] = []
    for target in targets:
        try:
            if target.path == STDOUT:
                _show(document, target.format, verbose)
            else:
                text = render(document, target.format, verbose=verbose)
                write_whole(target.path, text.encode("utf-8", "backslashreplace"))
        except CiRlmError as error:
            failed.append(error)
    if failed:
        raise failed[0]


def _show(document: Document, format: str, verbose: int) -> None:
    from ci_rlm.render import muted, render

    text = render(document, format, verbose=verbose, width=_width(), color=_colorful())
    if format == "terminal" and on_github():
        text = muted(text)
    if format == "github":
        summarise(render(document, "markdown"))
    try:
        # Bytes, so that no locale decides what a report looks like.
        click.echo(text.encode("utf-8", "backslashreplace"), nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CiRlmError(f"cannot write to standard output: {error.strerror}") from error


def write_lines(lines: str) -> None:
    """Put finished lines on standard output at once: the reader may be waiting for them."""
    click.echo(lines, nl=False)
    sys.stdout.flush()


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that no reader ever sees half a report.

    A device or a pipe is written to as it is. Raises CiRlmError.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        resolved = path.resolve()
        partial = resolved.with_name(f".{resolved.name}.{os.getpid()}.partial")
        try:
            partial.write_bytes(content)
            partial.replace(resolved)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise CiRlmError(f"cannot write {path}: {error.strerror}") from error


def _target(text: str, formats: Sequence[str]) -> Target:
    name, colon, path = text.partition(":")
    if name not in formats:
        raise UsageError(f"no such report format: {name!r}", hint=f"one of {', '.join(formats)}")
    if colon and not path:
        raise UsageError(f"--format {text} names no file", hint=f"--format {name} is for standard output")
    return Target(name, Path(path or "-"))


def _width() -> int | None:
    return shutil.get_terminal_size().columns if _is_terminal() or "COLUMNS" in os.environ else None


def _colorful() -> bool:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return _is_terminal() and not plain


def _is_terminal() -> bool:
    # Python has no standard output where it was started without one.
    return sys.stdout is not None and sys.stdout.isatty()
