"""What was measured of one function or program, as a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ci_rlm.training.profile import rows
from ci_rlm.training.profile.growth import exponent
from ci_rlm.training.profile.rows import Subject

Costs = dict[int, dict[str, Any]]
"""By input size, then by metric: the row."""

COLUMNS = {
    "peak_memory": "peak memory",
    "allocated_bytes": "allocated",
    "peak_rss": "peak RSS",
    "cpu_time": "CPU time",
    "instructions": "instructions",
    "latency": "latency",
    "line_events": "lines",
    "calls": "calls",
    "depth": "depth",
}


def costs_of(
    subject: Subject, protocol: str, sizes: Iterable[int], out: Path
) -> tuple[Costs, dict[int, str]]:
    """The newest rows of a subject at some input sizes, and the reasons where there are none."""
    import pyarrow.compute as pc

    table = rows.read(out)
    wanted = pc.and_(pc.equal(table["sha256"], subject.sha256), pc.equal(table["protocol"], protocol))
    costs: Costs = {size: {} for size in sizes}
    failures: dict[int, str] = {}
    for row in table.filter(wanted).to_pylist():
        if row["metric"] is None:
            failures[row["size"]] = row["status"]
        elif row["size"] in costs:
            costs[row["size"]][row["metric"]] = row
    return costs, {size: reason for size, reason in failures.items() if not costs.get(size)}


def print_costs(title: str, costs: Costs, failures: Mapping[int, str]) -> None:
    """Write the table to standard output, with the growth of each metric below it."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = [metric for metric in COLUMNS if any(metric in found for found in costs.values())]
    if "peak_memory" in shown and "peak_rss" in shown:
        shown.remove("peak_rss")
    table = Table("size", title=Text(title), title_justify="left", box=SIMPLE_HEAD)
    for metric in shown:
        table.add_column(COLUMNS[metric], justify="right")
    for size, found in sorted(costs.items()):
        if found:
            table.add_row(f"{size:,}", *(cell(found.get(metric)) for metric in shown))
    fits = [_growth(costs, metric) for metric in shown]
    if any(fits):
        table.add_section()
        table.add_row("growth", *fits)
    console = Console(highlight=False)
    if shown:
        console.print(table)
    for size, reason in sorted(failures.items()):
        console.print(Text(f"size {size:,}: {reason}"))


def cell(row: Mapping[str, Any] | None) -> str:
    """A cost with its unit, and the relative deviation of its repeats."""
    if row is None:
        return "-"
    text = scaled(row["value"], rows.METRICS[row["metric"]])
    return text if row["std"] is None else f"{text} ±{row['std'] / max(row['mean'], 1e-12):.0%}"


_STEPS: dict[str, list[tuple[float, str]]] = {
    "B": [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")],
    "s": [(1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")],
}


def scaled(value: float, unit: str) -> str:
    """Three significant digits in a unit that suits them; counts with separators."""
    for step, name in _STEPS.get(unit, ()):
        if value >= step:
            return f"{value / step:.3g} {name}" if value < 1000 * step else f"{value / step:,.0f} {name}"
    return f"{value:,.0f}" if unit == "1" else f"0 {unit}"


def _growth(costs: Costs, metric: str) -> str:
    points = sorted((size, found[metric]["value"]) for size, found in costs.items() if metric in found)
    fit = exponent([size for size, _ in points], [value for _, value in points])
    return "" if fit is None else f"n^{fit.exponent:.2f}"
