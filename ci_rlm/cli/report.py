"""`ci-rlm report`: a report in another format."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import click

from ci_rlm.cli.publish import Publishing, publish, publishing_flags

if TYPE_CHECKING:
    from ci_rlm.render import Document


@click.command()
@click.option(
    "--from",
    "source",
    type=click.File("rb"),
    required=True,
    metavar="FILE",
    help="A JSON report; - reads it.",
)
@publishing_flags
def report(source: BinaryIO, publishing: Publishing) -> int:
    """Write the JSON report of an earlier check in other formats.

    The report is checked against its schema first, so one that a stranger's workflow made is
    safe to show.
    """
    targets = publishing.targets()
    publish(read_report(source), targets, publishing.verbose)
    return 0


def read_report(source: BinaryIO) -> Document:
    """A stored report, checked against its schema. Raises ReportError."""
    from ci_rlm.errors import ReportError
    from ci_rlm.render import parse

    try:
        text = source.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ReportError("the report is not UTF-8 text") from error
    return parse(text)
