"""`ci-rlm comment`: a report as the one comment on a pull request."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

import click

from ci_rlm.cli.extras import COMMENTING, need
from ci_rlm.cli.report import read_report
from ci_rlm.errors import ForgeError, UsageError
from ci_rlm.forge import Head
from ci_rlm.forge.event import Subject, subject

if TYPE_CHECKING:
    from ci_rlm.forge.comment import Note, Outcome
    from ci_rlm.render import Document

DEFAULT = "report"
"""What the comment is called where nobody names it."""
FORKS_WORD = (
    "\n<sub>This report is the word of the fork: its author can change the workflow that made it.</sub>\n"
)

_REPOSITORY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*/[A-Za-z0-9._-]+")
_TOKEN = re.compile(r"[!-~]+")
"""What a header can hold: an error about any other would quote it."""
_HERE = frozenset({"127.0.0.1", "::1", "localhost"})
"""Hosts that a token may reach without encryption."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to comment, and on whose behalf."""

    url: str
    token: str = field(repr=False)
    repository: str


@click.command()
@click.option(
    "--from",
    "source",
    type=click.File("rb"),
    required=True,
    metavar="FILE",
    help="A JSON report; - reads it.",
)
@click.option(
    "--pr",
    "number",
    type=click.IntRange(min=1),
    metavar="NUMBER",
    help="The pull request; by default the one that the workflow's event is about.",
)
@click.option(
    "--id",
    "name",
    default=DEFAULT,
    show_default=True,
    metavar="NAME",
    help="Which comment: one for each name, so that each project of a monorepo can have its own.",
)
@click.option(
    "--repository",
    envvar="GITHUB_REPOSITORY",
    metavar="OWNER/NAME",
    help="The repository on GitHub; by default GITHUB_REPOSITORY.",
)
def comment(source: BinaryIO, number: int | None, name: str, repository: str | None) -> int:
    """Put a JSON report on a pull request of GitHub, as one comment that later runs edit.

    Reads the token from GITHUB_TOKEN, and sends it to GITHUB_API_URL alone. A comment of a newer run
    is left as it is. The exit code says nothing of the gate: 0 the comment stands, 3 it could not be
    written, 2 wrong usage.
    """
    need("comment", *COMMENTING, extra="comment")
    import asyncio

    from ci_rlm.render.text import printable

    _refuse_name(name)
    where = _address(repository)
    about = subject(os.environ)
    outcome = asyncio.run(_post(where, number, note_of(read_report(source), name, about), about))
    click.echo(printable(f"comment {outcome.ending}" + (f": {outcome.url}" if outcome.url else "")))
    return 0


def note_of(document: Document, name: str, about: Subject) -> Note:
    """What stands on the pull request: the Markdown report, at most 60,000 bytes with its marker."""
    from ci_rlm.forge.comment import Note, marker
    from ci_rlm.render.markdown import render
    from ci_rlm.render.options import Options

    below = f"\n<sub>ci-rlm comment `{name}`</sub>\n" if name != DEFAULT else ""
    below += FORKS_WORD if about.fork else ""
    taken = len((marker(name, about.run) + below).encode())
    text = render(document, Options(reserved_bytes=taken)) + below
    return Note(name, about.run, text, about.commit)


async def _post(where: Address, number: int | None, note: Note, about: Subject) -> Outcome:
    from ci_rlm.forge.comment import Patience, keep
    from ci_rlm.forge.github import PullRequest, connected, numbers_of

    patience = Patience()
    async with connected(where.url, where.token) as api:
        found = number or about.number
        if found is None and about.head is not None:
            numbers = await patience.ask(partial(numbers_of, api, where.repository, about.head))
            found = _only(numbers, about.head)
        if found is None:
            event = os.environ.get("GITHUB_EVENT_NAME")
            told = f"a {event} event is about no pull request" if event else "which pull request?"
            raise UsageError(told, hint="name --pr")
        return await keep(PullRequest(api, where.repository, found), note, patience)


def _only(numbers: Sequence[int], head: Head) -> int:
    if not numbers:
        hint = "it has been changed or closed since"
        raise ForgeError(f"no open pull request proposes {head.commit}", hint=hint)
    if len(numbers) > 1:
        raise ForgeError(f"several pull requests propose {head.commit}", hint="name --pr")
    return numbers[0]


def _address(repository: str | None) -> Address:
    if not repository or not _REPOSITORY.fullmatch(repository):
        raise UsageError("which repository?", hint="name it: --repository OWNER/NAME")
    token = os.environ.get("GITHUB_TOKEN", "")
    if not _TOKEN.fullmatch(token):
        what = "is no token" if token else "is not set"
        raise UsageError(f"GITHUB_TOKEN {what}", hint="in a workflow: GITHUB_TOKEN: ${{ github.token }}")
    url = os.environ.get("GITHUB_API_URL") or "https://api.github.com"
    parts = urlsplit(url)
    if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in _HERE):
        raise UsageError(f"GITHUB_API_URL is no address with https: {url}")
    return Address(url, token, repository)


def _refuse_name(name: str) -> None:
    from ci_rlm.forge.comment import NAME

    if not NAME.fullmatch(name):
        raise UsageError(
            f"no name for a comment: {name}", hint="letters, digits, '.', '_' and '-', 64 at most"
        )
