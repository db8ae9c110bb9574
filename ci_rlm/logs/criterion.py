"""Criterion.rs: `target/criterion/GROUP/ID/new/estimates.json`, or cargo-criterion's messages.

The first are read with the `benchmark.json` beside them, which has the name. `base` and saved
baselines hold a run again, `change` holds ratios. The second are lines of
`cargo criterion --message-format json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ci_rlm.errors import LogError
from ci_rlm.logs import Bad, Kind, Measurement, Options, Place
from ci_rlm.logs.entries import entries, facts
from ci_rlm.logs.tables import lines
from ci_rlm.logs.values import at, bound, seconds, text


def sniff(head: bytes, path: Path) -> bool:
    """Estimates of the newest run, by their path; messages by their first."""
    if path.name == "estimates.json":
        return path.parent.name == "new" and b'"point_estimate"' in head
    first = head.lstrip()[:200]
    return first.startswith(b"{") and (b'"benchmark-complete"' in first or b'"group-complete"' in first)


def read(path: Path, options: Options) -> Iterator[Measurement | Bad]:
    """One measurement a benchmark: the median, with its confidence interval.

    Raises LogError for estimates without `benchmark.json`, and for those of a change.
    """
    if path.name == "estimates.json":
        yield _estimates(path)
    else:
        yield from _messages(path)


def _estimates(path: Path) -> Measurement | Bad:
    if path.parent.name == "change":
        raise LogError(f"{path} holds ratios to an earlier run, and no times")
    beside = path.with_name("benchmark.json")
    if not beside.is_file():
        raise LogError(f"{path} cannot be read without {beside}")
    median = facts(path, "median").get("median")
    if median is None:
        raise LogError(f"cannot read {path}: it has no median")
    named = facts(beside, "group_id", "function_id", "value_str")
    group, function = text(named.get("group_id")), text(named.get("function_id"))
    params = {"group": group if function else "", "value": text(named.get("value_str"))}
    interval = at(median, "confidence_interval")
    return _measured(
        "median",
        function or group,
        tuple((key, value) for key, value in params.items() if value),
        # Without a unit in the file: nanoseconds, unless a benchmark measures with a clock of its own.
        (at(median, "point_estimate"), at(interval, "lower_bound"), at(interval, "upper_bound"), "ns"),
        _samples(path.with_name("sample.json")),
    )


def _samples(path: Path) -> int:
    try:
        return max(1, sum(not isinstance(entry, Bad) for entry in entries(path, "times")))
    except LogError:
        return 1


def _messages(path: Path) -> Iterator[Measurement | Bad]:
    found = False
    for line in lines(path):
        if isinstance(line, Bad):
            yield line
            continue
        where = f"line {line[0]}"
        try:
            message = json.loads(line[1])
        except (ValueError, RecursionError):
            yield Bad(where, "the line is no JSON")
            continue
        found |= isinstance(message, dict) and "reason" in message
        if at(message, "reason") == "benchmark-complete":
            yield _message(where, message)
    if not found:
        raise LogError(f"{path} holds no messages of cargo-criterion")


def _message(where: str, message: object) -> Measurement | Bad:
    median, values = at(message, "median"), at(message, "measured_values")
    group, _, rest = text(at(message, "id")).partition("/")
    # An id is GROUP, GROUP/VALUE, GROUP/FUNCTION or GROUP/FUNCTION/VALUE, and says no more.
    function, _, value = rest.partition("/")
    params = {"group": group if function else "", "value": value}
    unit = text(at(median, "unit")) or text(at(message, "unit"))
    return _measured(
        where,
        function or group,
        tuple((key, told) for key, told in params.items() if told),
        (at(median, "estimate"), at(median, "lower_bound"), at(median, "upper_bound"), unit),
        len(values) if isinstance(values, list) and values else 1,
    )


def _measured(
    where: str,
    symbol: str,
    params: tuple[tuple[str, str], ...],
    estimate: tuple[object, object, object, str],
    n: int,
) -> Measurement | Bad:
    value, lower, upper, unit = estimate
    if not symbol:
        return Bad(where, "the benchmark has no name")
    try:
        return Measurement(
            Place(symbol=symbol),
            "wall_time",
            Kind.PER_CALL,
            seconds(value, unit),
            "criterion",
            "rust",
            lower=bound(lower, unit),
            upper=bound(upper, unit),
            n=n,
            params=params,
        )
    except ValueError as error:
        return Bad(where, str(error))
