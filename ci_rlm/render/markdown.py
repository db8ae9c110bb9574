"""The Markdown format: one comment's worth of report, GitHub flavoured."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ci_rlm.render import view
from ci_rlm.render.document import Document
from ci_rlm.render.options import Options
from ci_rlm.render.text import counted, printable
from ci_rlm.render.view import Entry, Group, View

if TYPE_CHECKING:
    from jinja2 import Template

LIMIT_BYTES = 60_000
"""GitHub takes 65,536 characters a comment."""
GROUPS = 10
"""Reasons for skipping. Two places each, and 14 bytes at most for each of 120 characters: at worst
they take half of the limit, so a page without a row fits."""
TRAILERS = 10
"""Lines to paste; 400 characters each at most, and never cut."""
NOTICES = 10
EXAMPLES = 2
"""Places named for each reason."""

_MARKUP = re.compile(r"[\\`*_\[\]<>|~&@#$^!]")
_LINKED = re.compile(r"(?<=[@#!$&%~:/])(?=\w)|(?<=\.)(?=[^\W\d])|(?i:(?<=gh-))(?=\d)")
"""Between the sign and the word of `@user`, `#1`, `GH-1`, `https://x`, `www.x`, `:tada:`."""
_BREAK = "&#8203;"
"""A zero-width space: forges look for mentions in the text that is left when entities are resolved."""


class Markdown(str):
    """Text that is Markdown already; every other value of the template is escaped."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Section:
    """One table; in a comment it may be cut."""

    title: str
    """Empty for the table that is always open."""
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    omitted: str = ""
    """What was cut, in words."""


def render(document: Document, options: Options) -> str:
    """The report as GitHub-flavoured Markdown, at most 60,000 bytes; rows beyond that are only counted."""
    shown = view.view(document)
    sections = _sections(shown)
    template = _template()

    def page(rows: int) -> str:
        return template.render(
            shown=shown, sections=_cut(sections, rows), document=document, groups=_skipped(shown), words=view,
            to_paste=_fenced(shown.to_paste[:TRAILERS]), notices=_some(shown.notices),
        )  # fmt: skip

    total = sum(len(section.rows) for section in sections)
    # The first number of rows that is too many: one more row is more bytes.
    room = LIMIT_BYTES - options.reserved_bytes
    over = bisect_left(range(total + 1), True, key=lambda rows: len(page(rows).encode()) > room)
    return page(max(over - 1, 0))


def code(text: str) -> Markdown:
    """A code span, in which no forge looks for links; its two structural characters read as escapes.

    A pipe ends a table's cell even inside a code span, and parsers disagree on what a backslash
    before it means, so neither a pipe nor a backtick is left in.
    """
    plain = printable(text).replace("`", r"\x60").replace("|", r"\x7c")
    return Markdown(f"`{plain}`" if plain.strip() else "(no name)")


def prose(text: str) -> Markdown:
    """Running text that renders as itself, not as markup, a mention, a reference, a link or an emoji."""
    broken = _LINKED.sub("\0", printable(text))
    escaped = _MARKUP.sub(lambda found: f"&#{ord(found[0])};", broken)
    return Markdown(escaped.replace("\0", _BREAK))


def _escaped(value: object) -> str:
    return value if isinstance(value, Markdown) else prose(str(value))


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # Autoescape would escape HTML alone; `finalize` sees every value that is printed.
    environment = Environment(  # noqa: S701
        loader=PackageLoader("ci_rlm.templates", ""),
        undefined=StrictUndefined,
        finalize=_escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["code"] = code
    return environment.get_template("report.md.j2")


def _sections(shown: View) -> tuple[Section, ...]:
    brief = ("Function", "Metric", "Before → after", "Δ", "P", "Verdict", "Why")
    full = ("Function", "Metric", "Before → after", "Δ, 5% … 95%", "P worse", "P better", "Verdict", "Why")
    sections = (
        Section("", brief, tuple(map(_brief, shown.alarms))),
        Section(f"{len(shown.accepted):,} accepted", brief, tuple(map(_brief, shown.accepted))),
        Section(counted(len(shown.improved), "improvement"), brief, tuple(map(_brief, shown.improved))),
        Section(f"{counted(len(shown.rows), 'comparison')} in detail", full, tuple(map(_full, shown.rows))),
    )
    return tuple(section for section in sections if section.rows)


def _brief(entry: Entry) -> tuple[str, ...]:
    return (_function(entry), entry.metric, entry.values, entry.delta, entry.p, entry.verdict, entry.reason)


def _full(entry: Entry) -> tuple[str, ...]:
    p = (entry.p_worse, entry.p_better)
    return (_function(entry), entry.metric, entry.values, entry.interval, *p, entry.verdict, entry.reason)


def _function(entry: Entry) -> Markdown:
    was = f"<br>was {code(entry.was)}" if entry.was else ""
    return Markdown(f"{code(entry.name)}<br>{code(entry.place)}{was}")


def _cut(sections: Sequence[Section], rows: int) -> list[Section]:
    """The first `rows` rows over all sections; a section that loses some says how many."""
    kept = []
    for section in sections:
        lost = max(len(section.rows) - rows, 0)
        omitted = f"{counted(lost, 'row')} more in the JSON report" if lost else ""
        kept.append(Section(section.title, section.columns, section.rows[:rows], omitted))
        rows = max(rows - len(section.rows), 0)
    return kept


def _fenced(lines: Sequence[str]) -> Markdown:
    """Trailers as a block of code, which forges give a button to copy it; empty without a line.

    Each begins with the trailer's key, so none can end the block.
    """
    return Markdown("\n".join(["```text", *lines, "```"]) if lines else "")


def _some(lines: Sequence[str]) -> list[str]:
    more = [f"{len(lines) - NOTICES:,} more in the JSON report"] if len(lines) > NOTICES else []
    return [*lines[:NOTICES], *more]


def _skipped(shown: View) -> list[Group]:
    return [Group(group.count, group.reason, group.examples[:EXAMPLES]) for group in shown.skipped[:GROUPS]]
