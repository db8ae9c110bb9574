"""An evaluation as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from ci_rlm.render.drawn import drawn
from ci_rlm.render.text import printable
from ci_rlm.training.evaluation_document import Document
from ci_rlm.training.evaluation_view import Cell, Section, footnotes, headline, named, sections

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_STYLES = {True: "green", False: "red", None: ""}


def render(document: Document, *, width: int = 100, color: bool = False, every: bool = False) -> str:
    """The main figures, or all of them; without `color` not one escape sequence."""

    def draw(console: Console) -> None:
        console.print(printable(headline(document)), style="bold")
        for metric in document["metrics"]:
            console.print(f"\n{printable(named(metric))}", style="bold")
            for _, alike in groupby(sections(document, metric), key=lambda section: section.columns):
                console.print(_table([_shortened(section, every) for section in alike]))
        console.print("\n".join(map(printable, footnotes(document))))

    return drawn(draw, width=width, color=color)


def _shortened(section: Section, every: bool) -> Section:
    return section if every else replace(section, rows=tuple(row for row in section.rows if row.key))


def _table(alike: Sequence[Section]) -> Table:
    """Sections of the same columns, one below the other."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, expand=True, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", overflow="fold", ratio=2)
    table.add_column("of", justify="right")
    for column in alike[0].columns:
        table.add_column(printable(column), justify="right", overflow="fold", ratio=1)
    for section in alike:
        if section.rows:
            table.add_section()
            table.add_row(Text(printable(section.title), style="bold"))
        for row in section.rows:
            table.add_row(f"  {printable(row.title)}", row.count, *map(_text, row.cells))
    return table


def _text(cell: Cell) -> Text:
    from rich.text import Text

    return Text("\n".join(filter(None, (cell.value, cell.interval))), style=_STYLES[cell.better])
