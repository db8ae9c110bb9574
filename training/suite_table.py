"""The figures of a card beside what they came to now, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ci_rlm.render.drawn import drawn
from ci_rlm.render.text import printable
from ci_rlm.training.suite import Line, Value

if TYPE_CHECKING:
    from rich.console import Console


def render(lines: Sequence[Line], differing_inputs: Sequence[str], *, width: int, color: bool) -> str:
    """A row a figure, then what was read that is not what the card was made of, and how many differ."""

    def draw(console: Console) -> None:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(box=SIMPLE_HEAD, expand=True, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("", overflow="fold", ratio=3)
        for title in ("card", "now"):
            table.add_column(title, justify="right", overflow="fold", ratio=2)
        table.add_column("", min_width=7)
        for line in lines:
            now = "" if line.now is None else _words(line.now)
            style = "" if line.agrees else "red"
            table.add_row(
                printable(line.what), _words(line.card), now, "" if line.agrees else "differs", style=style
            )
        console.print(table)
        for each in differing_inputs:
            console.print(printable(f"Not what the card was made of: {each}."))
        console.print(summary(lines))

    return drawn(draw, width=width, color=color)


def summary(lines: Sequence[Line]) -> str:
    """How many figures agree, and how many were not made again."""
    made = [line for line in lines if line.now is not None]
    left = len(lines) - len(made)
    differing = sum(not line.agrees for line in made)
    told = f"{differing} of {len(made)} figures differ" if differing else f"All {len(made)} figures agree"
    return f"{told}; {left} need --changes and were not made again." if left else f"{told}."


def _words(value: Value) -> str:
    if not value:
        return "none"
    first, *interval = (_word(each) for each in value)
    known = any(each is not None for each in value[1:])
    return f"{first} [{', '.join(interval)}]" if known else first


def _word(value: float | str | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:.3f}" if isinstance(value, float) else printable(str(value))
