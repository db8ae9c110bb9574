"""Pairs of programs that answer the same question, with how far their costs stand apart.

Two solutions of one problem, and a program with its edited self, at the same input size, by the
same protocol on the same hardware. A pair's difference counts only as far as it stands above
what measuring the same program twice would show.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ci_rlm.training import edits
from ci_rlm.training.costs import LEAST, Costs, Indices, Reals

if TYPE_CHECKING:
    import pyarrow

METRICS = (
    "peak_memory", "peak_memory_net", "allocated_bytes", "peak_rss", "cpu_time", "wall_time",
    "line_events", "instructions", "latency",
)  # fmt: skip
"""Costs that pairs are compared by."""

STEPS = {"peak_memory": 16.0, "peak_memory_net": 16.0, "allocated_bytes": 16.0, "peak_rss": 4096.0}
"""The step of what is counted, where it is not one: an allocator's blocks, the pages of a process."""

_CONTINUOUS = frozenset({*LEAST, "latency"})

CAP = 400
"""Ordered pairs of solutions a problem and language at most."""

REPEATABILITY = Path(__file__).parent / "measured" / "repeatability.json"
_BATCH = 20_000
"""Pairs of programs that are joined with their sizes at once."""


@dataclass(frozen=True, slots=True)
class Repeatability:
    """How much a second run of the same program differs, by the magnitude of the cost."""

    spread: Mapping[str, Mapping[int, float]]
    """By metric, then by decade (floor of log10 of the value): standard deviation of one run's ln(value)."""

    def floor(self, metric: str, value: Reals) -> Reals:
        """Standard deviation of ln(value) between runs: that of the nearest decade that was repeated."""
        by_decade = self.spread.get(metric)
        if not by_decade:
            return np.zeros(len(value))
        known = np.array(sorted(by_decade))
        spreads = np.array([by_decade[decade] for decade in known.tolist()])
        decade = decades(value)
        place = np.clip(np.searchsorted(known, decade), 1, max(1, len(known) - 1))
        left, right = known[place - 1], known[np.minimum(place, len(known) - 1)]
        nearer = np.where(np.abs(right - decade) < np.abs(decade - left), place, place - 1)
        return np.asarray(spreads[np.minimum(nearer, len(known) - 1)], dtype=np.float64)


def decades(value: Reals) -> NDArray[np.int64]:
    """The power of ten that each value reaches; zero for those that are not positive."""
    positive = np.where(value > 0, value, 1.0)
    # A nudge, so that 1000 does not fall below its own decade.
    return np.floor(np.log10(positive) + 1e-9).astype(np.int64)


def read_repeatability(path: Path) -> Repeatability | None:
    """The table that `survey repeat` wrote; None where there is none."""
    if not path.exists():
        return None
    metrics = json.loads(path.read_text(encoding="utf-8"))["metrics"]
    return Repeatability(
        {
            metric: {int(decade): figures["spread"] for decade, figures in told["by_decade"].items()}
            for metric, told in metrics.items()
        }
    )


def noise(costs: Costs, metric: str, repeatability: Repeatability | None) -> Reals:
    """Standard deviation of each entry's ln(value).

    The larger of what its own repeats say and of what a second process shows at that magnitude,
    but never less than the step that the metric is counted in.
    """
    value = costs.value[metric]
    own = np.nan_to_num(costs.error[metric], nan=0.0)
    floor = repeatability.floor(metric, value) if repeatability else np.zeros(len(value))
    step = STEPS.get(metric, 0.0 if metric in _CONTINUOUS else 1.0)
    # A rounding error is uniform over a step: its deviation is step / √12.
    rounding = step / math.sqrt(12) / np.maximum(np.abs(value), max(step, 1e-300))
    return np.asarray(np.maximum(np.maximum(own, floor), rounding), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of programs, as indices into the programs of costs."""

    before: Indices
    after: Indices
    kind: NDArray[np.object_]
    """`solutions`, `efficiency` or `neutral`."""
    edit: NDArray[np.object_]
    """Kind of the edit that made `after` of `before`; empty for solutions."""


def pairs_of(costs: Costs, cap: int = CAP) -> Pairs:
    """Solutions of one problem in both orders, and every program with its edits."""
    solutions, edited = solution_pairs(costs, cap), edit_pairs(costs)
    return Pairs(
        **{
            name: np.concatenate([getattr(solutions, name), getattr(edited, name)])
            for name in ("before", "after", "kind", "edit")
        }
    )


def solution_pairs(costs: Costs, cap: int = CAP) -> Pairs:
    """All ordered pairs of unedited programs of a problem and language that differ in their text.

    Where there are more than `cap`, those whose hashes rank first: a program that is added
    displaces few, and no order of files or records matters.
    """
    words = costs.programs
    mark = np.array([int(digest[:16] or "0", 16) for digest in words["sha256"]], dtype=np.uint64)
    plain = np.flatnonzero(~costs.edited)
    befores, afters = [], []
    for members in _groups(plain, words["problem"], words["language"]):
        left, right = (members[place] for place in np.triu_indices(len(members), 1))
        differ = mark[left] != mark[right]
        left, right = left[differ], right[differ]
        chosen = np.argsort(_mixed(mark[left], mark[right]), kind="stable")[: cap // 2]
        befores += [left[chosen], right[chosen]]
        afters += [right[chosen], left[chosen]]
    before, after = _joined(befores), _joined(afters)
    order = np.lexsort((after, before))
    kind = np.full(len(before), "solutions", dtype=np.object_)
    return Pairs(before[order], after[order], kind, np.full(len(before), "", dtype=np.object_))


def _groups(members: Indices, *names: NDArray[np.object_]) -> Iterator[Indices]:
    """Members that share these names, two or more of them."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for member in members.tolist():
        groups.setdefault(tuple(name[member] for name in names), []).append(member)
    yield from (np.array(group, dtype=np.intp) for group in groups.values() if len(group) > 1)


def _mixed(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A number for each unordered pair of digests, spread evenly (the finaliser of splitmix64)."""
    low, high = np.minimum(left, right), np.maximum(left, right)
    mixed = low ^ (high * np.uint64(0x9E3779B97F4A7C15))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _joined(parts: list[Indices]) -> Indices:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.intp)


def edit_pairs(costs: Costs) -> Pairs:
    """Every measured program with its edits; the record `X+edit` is an edit of the record X."""
    words = costs.programs
    records = list(zip(words["source"], words["problem"], words["record"], strict=True))
    place = {key: index for index, key in enumerate(records) if "+" not in key[2]}
    before, after, names = [], [], []
    for index, (source, problem, record) in enumerate(records):
        original, mark, name = record.partition("+")
        if mark and (found := place.get((source, problem, original))) is not None:
            before.append(found)
            after.append(index)
            names.append(edits.kind_of(name))
    neutral = [name in edits.NEUTRAL_NAMES for name in names]
    return Pairs(
        before=np.array(before, dtype=np.intp),
        after=np.array(after, dtype=np.intp),
        kind=np.array(["neutral" if flag else "efficiency" for flag in neutral], dtype=np.object_),
        edit=np.array(names, dtype=np.object_),
    )


def meetings(costs: Costs, before: Indices, after: Indices) -> tuple[Indices, Indices, Indices]:
    """Where the programs of each pair meet: the pair, and an entry of either side.

    Both entries have one input size, and come from one protocol on one hardware.
    """
    starts = costs.starts()
    count = starts[before + 1] - starts[before]
    pair = np.repeat(np.arange(len(before)), count)
    first = np.repeat(starts[before] - np.cumsum(count) + count, count)
    left = first + np.arange(len(pair))
    sizes, size = np.unique(costs.size, return_inverse=True)
    origins = max(1, len(costs.origins))
    key = (costs.program * origins + costs.origin) * max(1, len(sizes)) + size
    wanted = (after[pair] * origins + costs.origin[left]) * max(1, len(sizes)) + size[left]
    right = np.minimum(np.searchsorted(key, wanted), max(0, len(key) - 1))
    met = key[right] == wanted if len(key) else np.zeros(0, dtype=np.bool_)
    return pair[met], left[met], right[met]


def schema() -> pyarrow.Schema:
    """The columns of a file of pairs.

    For each metric: ln(after / before), the standard deviation of that logarithm by noise
    alone, and how many of them it stands from nothing. Null where either side lacks the metric.
    """
    import pyarrow as pa

    word = pa.dictionary(pa.int32(), pa.string())
    names = ("problem", "source", "language", "split", "kind", "edit", "before", "after")
    fields = [(name, word) for name in (*names, "before_sha256", "after_sha256", "protocol", "hardware")]
    fields += [("size", pa.int64())]
    costs = [(f"{metric}{part}", pa.float32()) for metric in METRICS for part in ("", "_noise", "_clear")]
    return pa.schema(fields + costs)


def tables(
    costs: Costs,
    pairs: Pairs,
    splits: Mapping[str, str],
    repeatability: Repeatability | None,
    *,
    batch: int = _BATCH,
) -> Iterator[pyarrow.Table]:
    """The rows of pairs, one a (pair, input size), a batch at a time."""
    logs = {metric: costs.log(metric) for metric in METRICS if metric in costs.value}
    noises = {metric: noise(costs, metric, repeatability) for metric in logs}
    for start in range(0, len(pairs.before), batch):
        chosen = slice(start, start + batch)
        pair, left, right = meetings(costs, pairs.before[chosen], pairs.after[chosen])
        if len(pair):
            yield _table(costs, pairs, splits, pair + start, left, right, logs, noises)


def _table(
    costs: Costs,
    pairs: Pairs,
    splits: Mapping[str, str],
    pair: Indices,
    left: Indices,
    right: Indices,
    logs: Mapping[str, Reals],
    noises: Mapping[str, Reals],
) -> pyarrow.Table:
    import pyarrow

    words, before, after = costs.programs, pairs.before[pair], pairs.after[pair]
    origin = costs.origin[left]
    columns: dict[str, Any] = {
        **{name: words[name][before] for name in ("problem", "source", "language")},
        "split": [splits[problem] for problem in words["problem"][before]],
        "kind": pairs.kind[pair],
        "edit": pairs.edit[pair],
        "before": words["record"][before],
        "after": words["record"][after],
        "before_sha256": words["sha256"][before],
        "after_sha256": words["sha256"][after],
        "protocol": [costs.origins[place][0] for place in origin],
        "hardware": [costs.origins[place][1] for place in origin],
        "size": costs.size[left],
    }
    for metric in METRICS:
        ratio = spread = np.full(len(pair), np.nan)
        if metric in logs:
            ratio = logs[metric][right] - logs[metric][left]
            spread = np.where(np.isnan(ratio), np.nan, np.hypot(noises[metric][left], noises[metric][right]))
        clear = clearness(ratio, spread)
        for part, values in (("", ratio), ("_noise", spread), ("_clear", clear)):
            columns[metric + part] = pyarrow.array(values.astype(np.float32), from_pandas=True)
    return pyarrow.table(
        [pyarrow.array(columns[field.name]).cast(field.type) for field in schema()], schema=schema()
    )


def clearness(ratio: Reals, spread: Reals) -> Reals:
    """|ratio| in standard deviations of its noise; nothing stays nothing, whatever the noise."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(ratio == 0, 0.0, np.abs(ratio) / spread)
