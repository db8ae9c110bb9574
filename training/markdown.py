"""Tables in Markdown, for pages about measurements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray


def table(head: Sequence[str], body: Iterable[Sequence[object]]) -> str:
    """A table in Markdown, its numbers to the right."""
    rows = [[_cell(value) for value in row] for row in body]
    right = [all(re.fullmatch(r"[-\d,.%×e–]*", row[place]) for row in rows) for place in range(len(head))]
    rule = ["---:" if flag else "---" for flag in right]
    return "\n".join("| " + " | ".join(line) + " |" for line in ([*head], rule, *rows))


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3g}" if isinstance(value, float) else str(value).replace("|", "\\|")


def title(metric: str) -> str:
    """The name of a metric as people write it."""
    return metric.replace("cpu_", "CPU ").replace("_", " ")


def percent(flags: NDArray[np.bool_]) -> str:
    """The share of flags that are set; nothing where there are none."""
    return f"{flags.mean():.1%}" if len(flags) else ""
