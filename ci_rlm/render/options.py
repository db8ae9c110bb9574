"""How to show a report."""

from __future__ import annotations

from dataclasses import dataclass

WIDTH = 100
"""Columns where nobody says how wide the terminal is: fits the log of every CI service."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the reader asked for; a format ignores what does not concern it."""

    verbose: int = 0
    """1 adds every row with its interval, 2 the quantiles as well."""
    width: int = WIDTH
    """Columns of the terminal."""
    color: bool = False
    """Whether escape sequences may be written."""
    reserved_bytes: int = 0
    """What a format with a limit leaves free, for text that someone puts before or behind it."""
