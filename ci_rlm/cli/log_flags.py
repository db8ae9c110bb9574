"""Flags of the commands that read profiling logs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from ci_rlm.logs import FORMATS


@dataclass(frozen=True, slots=True)
class LogFlags:
    """How profiling logs are read, and what a user says of them."""

    log_format: str | None
    unit: str
    columns: tuple[str, ...]
    mapped: tuple[str, ...]
    allow_dirty: bool
    hardware: str


log_options = (
    click.option(
        "--format", "log_format", type=click.Choice(FORMATS), metavar="NAME",
        help=f"What the logs are, in place of telling it by their first bytes: {', '.join(FORMATS)}.",
    ),
    click.option("--unit", default="", metavar="UNIT", help="Of values whose log tells none: ms, ns, KiB."),
    click.option(
        "--column", "columns", multiple=True, metavar="FIELD=COLUMN",
        help="Of a plain table, or a plot's provider: where a field is; repeatable.",
    ),
    click.option(
        "--map", "mapped", multiple=True, metavar="FROM=TO",
        help="Files that a log has below FROM lie below TO in the repository; repeatable.",
    ),
    click.option("--allow-dirty", is_flag=True, help="Also take what was measured on a changed tree."),
    click.option(
        "--hardware", default="", metavar="NAME", help="The class of machine, in place of what logs tell."
    ),
)  # fmt: skip
"""For the fields of `LogFlags`; a command has further ones."""


def pairs(given: Sequence[str], flag: str) -> dict[str, str]:
    """What a repeated `FLAG FROM=TO` says. Raises UsageError."""
    from ci_rlm.errors import UsageError

    for text in given:
        if not text.partition("=")[0] or "=" not in text:
            raise UsageError(f"not of the form FROM=TO: {flag} {text}", hint="such as --map build=src")
    return dict(text.split("=", 1) for text in given)
