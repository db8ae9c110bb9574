"""The trailer that accepts a cost, read and written: `Perf-Accepted: src/a.py::Store.build [cpu_time] | why`.

Which lines of a message are trailers is git's affair (git-interpret-trailers). Several metrics stand in
one pair of brackets, with commas. The reason begins behind the first ` | `.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

KEY = "Perf-Accepted"
REASON = "REASON"
"""Stands for the reason in a line to paste; nothing is accepted until it is replaced."""
LONGEST = 400
"""Characters of a line to paste: longer names only ever come from a generator or a prankster."""

_MOST = 1_000
"""Characters of a trailer that is read."""
_TARGETED = re.compile(r"(?P<path>.+?)::(?P<name>.+?) \[(?P<metrics>[\w, ]+)\] \|(?: (?P<reason>.*))?")


@dataclass(frozen=True, slots=True)
class Trailer:
    """What one trailer says."""

    path: str
    name: str
    """Qualified, as reports have it."""
    metrics: tuple[str, ...]
    reason: str


def parse(value: str) -> Trailer:
    """The text behind `Perf-Accepted:`. Raises ValueError with one clause that says what is wrong."""
    found = _TARGETED.fullmatch(value.strip()) if len(value) <= _MOST else None
    if found is None:
        raise ValueError("is not of the form `path::name [metric] | reason`")
    reason = (found["reason"] or "").strip()
    if reason in ("", REASON):
        raise ValueError(f"has no reason behind its `|`{' but the word to replace' if reason else ''}")
    metrics = tuple(metric for part in found["metrics"].split(",") if (metric := part.strip()))
    if not metrics:
        raise ValueError("names no metric in its brackets")
    return Trailer(found["path"], found["name"], metrics, reason)


def to_paste(path: str, name: str, metric: str) -> str:
    """The trailer for one row of a report; empty where no line can name it and be read back."""
    target = f"{path}::{name} [{metric}] |"
    line = f"{KEY}: {target} {REASON}"
    if not line.isprintable() or len(line) > LONGEST:
        return ""
    try:
        read = parse(f"{target} a reason")
    except ValueError:
        return ""
    return line if (read.path, read.name, read.metrics) == (path, name, (metric,)) else ""
