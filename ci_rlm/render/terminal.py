"""The terminal format: a verdict line, a table worst first, and what no table shows."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ci_rlm.render import view
from ci_rlm.render.document import Document
from ci_rlm.render.drawn import drawn
from ci_rlm.render.options import Options
from ci_rlm.render.text import counted, printable
from ci_rlm.render.view import Entry, Group, View
from ci_rlm.trailers import KEY

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

ROWS = 20
"""Rows shown unless more are asked for: one screen."""
GROUPS = 10
"""Reasons for skipping shown unless more are asked for."""
EXAMPLES = 3
"""Places named for each reason unless more are asked for."""
_STYLES = {"fail": "bold red", "warn": "bold yellow", "none": "bold green"}
_VERDICTS = {"regressed": "red", "improved": "green", "unsure": "yellow", "new": "cyan"}


def render(document: Document, options: Options) -> str:
    """The report for a terminal `options.width` wide; without `options.color` not one escape sequence."""
    shown = view.view(document)
    # Where nothing changed, the range may not be the one that was meant.
    empty = not shown.judged and not shown.skipped
    above = [f"{shown.headline}: {printable(view.commits(document))}" if empty else shown.headline]
    below = [line for block in _below(document, shown, options) for line in ("", *block)]
    entries = shown.rows if options.verbose else _called(shown)[:ROWS]
    lines = _wrapped(above, options.width), _wrapped(below, options.width)
    if not entries:
        # rich takes 60 ms to load: a report without a table, above all an empty one, does without it.
        return "".join(f"{line}\n" for part in lines for line in part)
    return _drawn(lines[0], _table(entries, options), lines[1], shown.level, options)


def _called(shown: View) -> tuple[Entry, ...]:
    return (*shown.alarms, *shown.accepted, *shown.improved)


def _below(document: Document, shown: View, options: Options) -> Iterable[Sequence[str]]:
    rest = len(_called(shown)) - ROWS
    if rest > 0 and not options.verbose:
        yield [f"{counted(rest, 'row')} more: -v lists them"]
    if options.verbose > 1 and shown.rows:
        yield [
            "Quantiles (probability=value):",
            *(line for entry in shown.rows for line in _quantiles(entry)),
        ]
    if shown.tally:
        hint = "" if options.verbose else "; -v lists every comparison"
        yield [f"Besides: {shown.tally}{hint}"]
    if shown.notices:
        yield ["Acceptances:", *_some(shown.notices, options)]
    if shown.skipped:
        yield list(_skipped(shown.skipped, options))
    if shown.to_paste:
        # At the margin: pasted as they stand, wrapped lines too, they are trailers to git.
        yield [f"{view.TO_ACCEPT}:", *shown.to_paste[: len(shown.to_paste) if options.verbose else GROUPS]]
    if shown.judged:
        yield _footer(document)


def _quantiles(entry: Entry) -> Iterable[str]:
    yield f"  {printable(entry.name)} ({printable(entry.place)}), {printable(entry.metric)}"
    yield from (f"    {printable(line)}" for line in entry.quantiles)


def _skipped(groups: Sequence[Group], options: Options) -> Iterable[str]:
    most = len(groups) if options.verbose else GROUPS
    yield "Skipped:"
    for group in groups[:most]:
        yield f"  {group.count}: {printable(group.reason)} ({_examples(group.examples, options)})"
    if len(groups) > most:
        yield f"  {counted(len(groups) - most, 'reason')} more: -v lists them"


def _some(lines: Sequence[str], options: Options) -> Iterable[str]:
    most = len(lines) if options.verbose else GROUPS
    yield from (f"  {printable(line)}" for line in lines[:most])
    if len(lines) > most:
        yield f"  {len(lines) - most:,} more: -v lists them"


def _examples(places: Sequence[str], options: Options) -> str:
    most = len(places) if options.verbose else EXAMPLES
    more = ["…"] if len(places) > most else []
    return ", ".join([*map(printable, places[:most]), *more])


def _footer(document: Document) -> list[str]:
    return [
        f"Model: {printable(view.model_line(document))}",
        *filter(None, [view.track_line(document)]),
        f"Commits: {printable(view.commits(document))}, mode {document['mode']}",
        view.CAVEAT,
    ]


def _table(entries: Iterable[Entry], options: Options) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, expand=True, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Function", overflow="fold", ratio=3)
    table.add_column("Metric", overflow="fold")
    table.add_column("Before → after", justify="right", no_wrap=True)
    table.add_column("Δ", justify="right", no_wrap=True)
    table.add_column("P", justify="right", no_wrap=True)
    table.add_column("Verdict", overflow="fold", ratio=2)
    for entry in entries:
        *cells, verdict = _cells(entry, options)
        table.add_row(*cells, Text(verdict, style=_VERDICTS.get(entry.outcome, "")))
    return table


def _cells(entry: Entry, options: Options) -> tuple[str, ...]:
    """One cell a column; what takes more than one line hangs below."""
    was = f"was {entry.was}" if entry.was else ""
    detailed = options.verbose > 0 and bool(entry.interval)
    interval = entry.interval if detailed else ""
    p = f"worse {entry.p_worse}\nbetter {entry.p_better}" if detailed else entry.p
    return (
        _lines(entry.name, entry.place, was),
        _lines(entry.metric),
        _lines(entry.values),
        _lines(entry.delta, interval),
        p,
        _lines(entry.verdict, entry.reason),
    )


def _lines(*texts: str) -> str:
    return "\n".join(printable(text) for text in texts if text)


def _wrapped(lines: Iterable[str], width: int) -> list[str]:
    """Lines cut at spaces, what hangs over a list's line indented; a blank line stays."""
    return [part for line in lines for part in _wrap(line, width)]


def _wrap(line: str, width: int) -> list[str]:
    to_paste = line.startswith(KEY)  # git unfolds a trailer whose further lines are indented
    indent = " " * (2 if to_paste else 2 * (len(line) - len(line.lstrip())))
    wrapper = textwrap.TextWrapper(
        width, subsequent_indent=indent, break_on_hyphens=False, break_long_words=not to_paste
    )
    return wrapper.wrap(line) or [""]


def _drawn(above: Sequence[str], table: Table, below: Sequence[str], level: str, options: Options) -> str:
    def draw(console: Console) -> None:
        console.print("\n".join(above), style=_STYLES[level])
        console.print(table)
        console.print("\n".join(below).lstrip("\n"), soft_wrap=True)

    return drawn(draw, width=options.width, color=options.color)
