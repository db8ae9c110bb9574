"""JMH: `-rf json -rff FILE`.

Times an operation are taken as they are, operations a time inverted. In mode `sample` the median
of the calls is taken, in the others the mean of the iterations, which is all that they know.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ci_rlm.logs import Bad, Kind, Measurement, Options, Place
from ci_rlm.logs.entries import Entry, entries
from ci_rlm.logs.values import at, count, number, seconds, size, text

_ALLOCATED = ("gc.alloc.rate.norm", "·gc.alloc.rate.norm")
"""Bytes an operation, of `-prof gc`; with a dot in front before JMH 1.36."""
_NO_VALUE = "the value is not a finite number of at least 0"


def sniff(head: bytes, path: Path) -> bool:
    """A list of benchmarks with their primary metrics."""
    return head.lstrip().startswith(b"[") and b'"primaryMetric"' in head and b'"mode"' in head


def read(path: Path, options: Options) -> Iterator[Measurement | Bad]:
    """One measurement a benchmark, and one of what it allocates if that was profiled."""
    # Mode `sample` has a histogram of every call in `rawDataHistogram`.
    for entry in entries(path, skip=("rawData", "rawDataHistogram")):
        if isinstance(entry, Bad):
            yield entry
            continue
        yield _timed(entry)
        for name in _ALLOCATED:
            if (metric := at(entry.value, "secondaryMetrics", name)) is not None:
                yield _allocated(entry, metric)


def _timed(entry: Entry) -> Measurement | Bad:
    metric = at(entry.value, "primaryMetric")
    unit, inverted = _unit(metric)
    # Operations of all threads count together; an operation may be a batch of calls.
    threads, batch = (count(at(entry.value, key)) for key in ("threads", "measurementBatchSize"))
    scale = threads / batch if inverted else 1 / batch
    try:
        if not unit:
            raise ValueError("the unit is neither time an operation nor operations a time")
        sampled = at(metric, "scorePercentiles", "50.0") if at(entry.value, "mode") == "sample" else None
        value = _duration(at(metric, "score") if sampled is None else sampled, unit, inverted)
        ends = () if sampled is not None else _interval(metric, unit, inverted)
        return _measurement(entry, "wall_time", Kind.PER_CALL, value * scale, [end * scale for end in ends])
    except ValueError as error:
        return Bad(entry.where, str(error))


def _allocated(entry: Entry, metric: object) -> Measurement | Bad:
    try:
        unit = text(at(metric, "scoreUnit"))
        value = size(at(metric, "score"), unit.removesuffix("/op"))
        return _measurement(entry, "allocated_bytes", Kind.ALLOC, value, [])
    except ValueError as error:
        return Bad(f"{entry.where}.secondaryMetrics", str(error))


def _unit(metric: object) -> tuple[str, bool]:
    """(unit of time, whether operations are counted in it) of `us/op` or `ops/us`; empty for others."""
    over, _, under = text(at(metric, "scoreUnit")).partition("/")
    return (under, True) if over == "ops" else (over, False) if under == "op" else ("", False)


def _duration(score: object, unit: str, inverted: bool) -> float:
    """Seconds an operation. Raises ValueError."""
    if not inverted:
        return seconds(score, unit)
    operations = number(score)
    if not operations > 0:
        raise ValueError(_NO_VALUE)
    return seconds(1.0, unit) / operations


def _interval(metric: object, unit: str, inverted: bool) -> list[float]:
    """Both ends of the mean's confidence interval; none where the log has none."""
    ends = at(metric, "scoreConfidence")
    try:
        found = [_duration(end, unit, inverted) for end in ends] if isinstance(ends, list) else []
    except ValueError:  # "NaN" as text, for a single iteration, or less than nothing
        return []
    return sorted(found) if len(found) == 2 else []


def _measurement(entry: Entry, metric: str, kind: Kind, value: float, interval: list[float]) -> Measurement:
    symbol = text(at(entry.value, "benchmark"))
    if not symbol:
        raise ValueError("the benchmark has no name")
    params = at(entry.value, "params")
    lower, upper = interval or (None, None)
    return Measurement(
        Place(symbol=symbol),
        metric,
        kind,
        value,
        "jmh",
        "java",
        lower=lower,
        upper=upper,
        n=count(at(entry.value, "forks")) * count(at(entry.value, "measurementIterations")),
        params=tuple((text(key), text(each)) for key, each in params.items())
        if isinstance(params, dict)
        else (),
    )
