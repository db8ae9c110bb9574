"""Predictions of earlier checks joined with what benchmarks measured later.

A report names functions of two commits, and logs say what functions cost at commits (`bench.py`). The
cost before and the cost after make a measured ratio where they are of the same benchmark, kind,
metric, parameters, hardware and tool. Several logs of one commit are several runs: a side's value
is the median of what they say of a quantity.

A prediction that finds no counterpart is counted with its reason.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ci_rlm.flow import Outcome
from ci_rlm.render.document import Document, LimitsRow, Row
from ci_rlm.render.text import clipped
from ci_rlm.training.bench import Bench, Reading
from ci_rlm.training.ingested import MOST_REPEATS
from ci_rlm.training.verified import Comparison, Measured, Quantity, Side

_COMMIT = (40, 64)
"""Digits of an id: SHA-1 or SHA-256."""
_LONGEST = 200
"""Of what a report says of its model."""
_HEXADECIMAL = frozenset("0123456789abcdef")
_NO_RATIO = "the function is new or removed: there is no ratio"


@dataclass(frozen=True, slots=True)
class Ends:
    """The two commits of a change, as full ids."""

    base: str
    head: str


@dataclass(slots=True)
class Joined:
    """What came of one report."""

    rows: int = 0
    comparisons: list[Comparison] = field(default_factory=list)
    """Those of the rows that were measured."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why the others were not."""
    unpredicted: int = 0
    """Functions that were measured on both sides, and of which the report has no row."""

    @property
    def predictions(self) -> int:
        """Rows that tell a ratio: a new or removed function has none."""
        return self.rows - self.reasons[_NO_RATIO]


class _UnverifiedError(Exception):
    """A row has no measured counterpart; the argument is the reason, one clause."""


def ends_of(report: Document) -> Ends | None:
    """The commits that a report compares; None where one side of it is no commit."""
    base, head = report["range"]["base"], report["range"]["head"]
    whole = all(len(each) in _COMMIT and set(each) <= _HEXADECIMAL for each in (base, head))
    return Ends(base, head) if whole else None


def wanted(ends: Iterable[Ends | None]) -> Iterator[str]:
    """The commits that some report compares."""
    for each in ends:
        if each:
            yield from (each.base, each.head)


def join(report: Document, measured: Ends | None, bench: Bench) -> Joined:
    """The rows of a report with what was measured at two commits: its own, or others named for it."""
    joined = Joined(len(report["rows"]))
    limits = _Limits(report)
    for row in report["rows"]:
        try:
            joined.comparisons.append(_compared(report, row, limits.of(row), measured, bench))
        except _UnverifiedError as error:
            joined.reasons[str(error)] += 1
    if measured:
        known = {(row["path"], row["name"]) for row in report["rows"]}
        joined.unpredicted = len((bench.functions(measured.base) & bench.functions(measured.head)) - known)
    return joined


def _compared(
    report: Document, row: Row, limits: LimitsRow, measured: Ends | None, bench: Bench
) -> Comparison:
    """One row as a comparison. Raises _UnverifiedError."""
    if row["outcome"] in (Outcome.NEW, Outcome.REMOVED):
        raise _UnverifiedError(_NO_RATIO)
    if measured is None:
        raise _UnverifiedError("the report does not compare two commits")
    pairs = _pairs(row, measured, bench)
    try:
        return _comparison(report, row, limits, bench.committed[measured.head], pairs)
    except ValueError as error:
        raise _UnverifiedError(f"the report contradicts itself: {error}") from error


def _pairs(row: Row, measured: Ends, bench: Bench) -> tuple[Measured, ...]:
    """Every quantity that was measured before and after. Raises _UnverifiedError if there is none."""
    function = (row["path"], row["name"])
    earlier = (row["before_path"] or row["path"], row["before_name"] or row["name"])
    before = bench.at(measured.base, earlier, row["metric"])
    after = bench.at(measured.head, function, row["metric"])
    pairs = tuple(
        _measured(quantity, before[quantity], after[quantity]) for quantity in before if quantity in after
    )
    if not pairs:
        sides = ("base", measured.base, before), ("head", measured.head, after)
        raise _UnverifiedError(_lacking(sides, bench.committed))
    return pairs


def _lacking(sides: Sequence[tuple[str, str, Collection[Quantity]]], measured: Collection[str]) -> str:
    """Why no quantity was measured on both sides: (which, commit, what was measured of the function)."""
    for which, commit, _ in sides:
        if commit not in measured:
            return f"nothing of use was measured at the {which} commit"
    lacking = [which for which, _, found in sides if not found]
    if len(lacking) == 2:
        return "no benchmark measured this metric of the function"
    if lacking:
        return f"the function was not measured at the {lacking[0]} commit, only at the other"
    return "measured on both sides, but not by one benchmark with the same parameters and hardware"


def _measured(quantity: Quantity, before: Sequence[Reading], after: Sequence[Reading]) -> Measured:
    every = [*before, *after]
    return Measured(
        quantity,
        _side(before),
        _side(after),
        max(reading.when for reading in every),
        tuple(sorted({reading.log for reading in every})),
    )


def _side(readings: Sequence[Reading]) -> Side:
    """The median of all runs.

    Its noise is that of a typical run, or the middle half of the runs where that reaches further.
    """
    values = [reading.value for reading in readings]
    value = statistics.median(values)
    first, _, third = statistics.quantiles(values, method="inclusive") if len(values) > 1 else 3 * values
    lower = min(value, first, statistics.median(reading.lower for reading in readings))
    upper = max(value, third, statistics.median(reading.upper for reading in readings))
    n = min(MOST_REPEATS, sum(reading.n for reading in readings))
    return Side(_rounded(value), _rounded(lower), _rounded(upper), n)


def _rounded(value: float) -> float:
    """Six significant digits, as reports have them."""
    return float(f"{value:.6g}")


class _Limits:
    """The limits that each row of a report was judged under."""

    def __init__(self, report: Document) -> None:
        self._usual = report["limits"]
        overridden = report.get("overridden", [])
        self._special = {(entry["path"], entry["metric"]): entry for entry in overridden}

    def of(self, row: Row) -> LimitsRow:
        """Those of its path, or of its metric, or the usual ones; a hot function's own where stricter."""
        key = row["path"], row["metric"]
        limits = self._special.get(key) or self._usual.get(row["metric"]) or _DEFAULT
        if (weight := row.get("weight")) is None:
            return limits
        stricter = {name: min(limits[name], weight[name]) for name in ("warn", "fail")}
        return {**limits, **stricter}  # type: ignore[typeddict-item]


_DEFAULT: LimitsRow = {"warn": 0.1, "fail": 0.25, "min_effect": 0.0, "budget": None, "confidence": 0.9}
"""`flow.Limits` as they are where nobody sets any."""


def _comparison(
    report: Document, row: Row, limits: LimitsRow, committed: int, measured: tuple[Measured, ...]
) -> Comparison:
    ratio = row["ratio"]
    return Comparison(
        base=report["range"]["base"],
        head=report["range"]["head"],
        committed=committed,
        model=clipped(report["model"]["name"], _LONGEST),
        digest=clipped(report["model"]["digest"], _LONGEST),
        path=row["path"],
        name=row["name"],
        metric=row["metric"],
        outcome=Outcome(row["outcome"]),
        low=ratio and ratio["low"],
        mid=ratio and ratio["mid"],
        high=ratio and ratio["high"],
        p_regression=row["p_regression"],
        p_warning=row["p_warning"],
        p_improvement=row["p_improvement"],
        warn=limits["warn"],
        fail=limits["fail"],
        min_effect=limits["min_effect"],
        equal=row["equal"],
        measured=measured,
    )
