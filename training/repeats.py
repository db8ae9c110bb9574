"""The same programs measured twice: how far to trust one measurement, and how two protocols agree."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ci_rlm.errors import CiRlmError
from ci_rlm.training import costs as measurements
from ci_rlm.training import markdown, pairs
from ci_rlm.training.costs import Costs, Indices, Reals

if TYPE_CHECKING:
    import pyarrow

_LEAST_ROWS = 20
"""A decade with fewer tells nothing of its own."""


def matched(first: Costs, second: Costs) -> tuple[Indices, Indices]:
    """Entries of two sets of costs that are of the same program at the same size.

    Raises CiRlmError where there are none.
    """
    place = {key: index for index, key in enumerate(_keys(first))}
    met = [(place[key], index) for index, key in enumerate(_keys(second)) if key in place]
    if not met:
        raise CiRlmError("no program was measured in both runs", hint="measure the same problems twice")
    found = np.array(met, dtype=np.intp)
    return found[:, 0], found[:, 1]


def _keys(costs: Costs) -> Iterator[tuple[str, str, str, int]]:
    words = costs.programs
    named = list(zip(words["problem"], words["record"], words["sha256"], strict=True))
    for program, size in zip(costs.program.tolist(), costs.size.tolist(), strict=True):
        yield (*named[program], size)


def repeatability(first: pyarrow.Table, second: pyarrow.Table) -> dict[str, Any]:
    """How much a second run differs from the first, by metric and decade of the value.

    `identical`: share of equal values; `spread`: standard deviation of one run's ln(value),
    √(mean squared difference / 2); `typical`: the same by the middle 68%; `variation`: median
    coefficient of variation of the repeats within a process. Raises CiRlmError where the two
    have nothing in common, or were not measured alike.
    """
    one, other = measurements.costs_of(first), measurements.costs_of(second)
    if one.origins != other.origins:
        raise CiRlmError(
            f"the runs were not measured alike: {one.origins} and {other.origins}",
            hint="`survey agree` compares protocols",
        )
    left, right = matched(one, other)
    within = variations(first)
    metrics = {
        metric: _repeated(metric, one, other, left, right, within.get(metric, {}))
        for metric in sorted(one.value.keys() & other.value.keys())
    }
    return {
        "origins": [dict(zip(measurements.ORIGIN, origin, strict=True)) for origin in one.origins],
        "programs": len(np.unique(one.program[left])),
        "rows": len(left),
        "metrics": {metric: told for metric, told in metrics.items() if told["rows"]},
    }


def _repeated(
    metric: str, first: Costs, second: Costs, left: Indices, right: Indices, variation: dict[int, float]
) -> dict[str, Any]:
    one, other = first.value[metric][left], second.value[metric][right]
    both = ~np.isnan(one) & ~np.isnan(other)
    same = (one == other)[both]
    change = (second.log(metric)[right] - first.log(metric)[left])[both]
    decade = pairs.decades(np.sqrt(np.maximum(one, 0) * np.maximum(other, 0))[both])
    by_decade = {
        str(each): {
            **_differences(same[decade == each], change[decade == each]),
            **({"variation": round(variation[each], 5)} if each in variation else {}),
        }
        for each in np.unique(decade).tolist()
        if (decade == each).sum() >= min(_LEAST_ROWS, len(decade))
    }
    return {**_differences(same, change), "by_decade": by_decade}


def _differences(same: NDArray[np.bool_], change: Reals) -> dict[str, Any]:
    if not len(change):
        return {"rows": 0}
    return {
        "rows": len(change),
        "identical": round(float(same.mean()), 5),
        "spread": round(float(np.sqrt((change**2).mean() / 2)), 6),
        "typical": round(float(np.quantile(np.abs(change), 0.6827) / math.sqrt(2)), 6),
    }


def variations(table: pyarrow.Table) -> dict[str, dict[int, float]]:
    """Median coefficient of variation of the repeats within a process, by metric and decade."""
    import pyarrow.compute as pc

    several = table.filter(pc.and_(pc.greater(table["n"], 1), pc.greater(table["value"], 0)))
    value, deviation = several["value"].to_numpy(), several["std"].to_numpy()
    code, metrics = measurements.codes(several["metric"])
    decade = pairs.decades(value)
    found: dict[str, dict[int, float]] = {}
    for place, metric in enumerate(metrics):
        mine = code == place
        found[metric] = {
            each: float(np.median((deviation / value)[mine & (decade == each)]))
            for each in np.unique(decade[mine]).tolist()
        }
    return found


def table_of(told: dict[str, Any]) -> str:
    """The table of `repeatability` in Markdown."""
    body: list[tuple[object, ...]] = []
    for metric, figures in told["metrics"].items():
        body.append((markdown.title(metric), "all", *_repeat_cells(figures)))
        if metric in measurements.LEAST:
            rows = sorted(figures["by_decade"].items(), key=lambda item: int(item[0]))
            body += [("", f"from 1e{decade} s", *_repeat_cells(each)) for decade, each in rows]
    head = ("metric", "magnitude", "rows", "identical", "between runs", "typically", "within a run")
    return markdown.table(head, body)


def _repeat_cells(figures: dict[str, Any]) -> tuple[object, ...]:
    shares = [f"{figures[name]:.1%}" if name in figures else "" for name in _SHARES]
    return figures["rows"], *shares


_SHARES = ("identical", "spread", "typical", "variation")


def agreement(first: pyarrow.Table, second: pyarrow.Table) -> str:
    """Two protocols on the same programs and sizes: how they rank them, and second over first."""
    one, other = measurements.costs_of(first), measurements.costs_of(second)
    left, right = matched(one, other)
    body = []
    for metric in sorted(one.value.keys() & other.value.keys()):
        logs = np.stack([one.log(metric)[left], other.log(metric)[right]])
        body += [(markdown.title(metric), *cells) for cells in _agreed(logs[:, ~np.isnan(logs).any(axis=0)])]
    head = ("metric", "rows", "Spearman", "median ratio", "5% to 95%", "within 10%")
    return markdown.table(head, body)


def _agreed(logs: Reals) -> Iterator[tuple[object, ...]]:
    from scipy.stats import spearmanr

    change = logs[1] - logs[0]
    if len(change) > 2:
        rho = float(spearmanr(logs[0], logs[1]).statistic)
        low, middle, high = np.exp(np.quantile(change, (0.05, 0.5, 0.95)))
        near = markdown.percent(np.abs(change) < math.log(1.1))
        yield len(change), f"{rho:.4f}", f"{middle:.3f}", f"{low:.3f}–{high:.3f}", near
