"""pytest-benchmark: `pytest --benchmark-json FILE`.

A benchmark is named by its test; which function the test calls is for its source to say, unless it
sets `benchmark.extra_info["target"]` to `module:function` or `path.py::function`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ci_rlm.logs import Bad, Kind, Measurement, Options, Place
from ci_rlm.logs.entries import Entry, entries, facts
from ci_rlm.logs.values import at, bound, count, moment, seconds, shown, text

_CPU_TIMERS = ("process_time", "thread_time")


_UNTOLD = ("unversioned", "unknown")
"""What the tool writes for a commit where there is no repository, or git fails."""


def sniff(head: bytes, path: Path) -> bool:
    """The machine comes first in such a file."""
    return head.lstrip().startswith(b"{") and b'"machine_info"' in head and b'"commit_info"' in head


def read(path: Path, options: Options) -> Iterator[Measurement | Bad]:
    """One measurement a benchmark: the median of its rounds, in seconds a call."""
    run = facts(path, "machine_info", "commit_info", "datetime")
    # `data` holds every round of every benchmark where it was saved, and nothing else does.
    for entry in entries(path, "benchmarks", skip=("data",)):
        yield entry if isinstance(entry, Bad) else _measured(entry, run)


def _measured(entry: Entry, run: dict[str, object]) -> Measurement | Bad:
    stats = at(entry.value, "stats")
    timer = text(at(entry.value, "options", "timer"))
    try:
        value = seconds(at(stats, "median"), "s")
    except ValueError as error:
        return Bad(entry.where, str(error))
    symbol = text(at(entry.value, "extra_info", "target"))
    test = text(at(entry.value, "fullname"))
    if not (symbol or test):
        return Bad(entry.where, "the benchmark has no name")
    return Measurement(
        Place(symbol=symbol, test=test),
        "cpu_time" if timer.endswith(_CPU_TIMERS) else "wall_time",
        Kind.PER_CALL,
        value,
        "pytest_benchmark",
        lower=bound(at(stats, "q1"), "s"),
        upper=bound(at(stats, "q3"), "s"),
        n=count(at(stats, "rounds")),
        params=_params(at(entry.value, "params")),
        hardware=_hardware(run.get("machine_info")),
        commit=_commit(run.get("commit_info")),
        dirty=at(run.get("commit_info"), "dirty") is True,
        when=moment(run.get("datetime")),
    )


def _commit(info: object) -> str:
    told = text(at(info, "id"))
    return "" if told in _UNTOLD else told


def _params(value: object) -> tuple[tuple[str, str], ...]:
    return tuple((text(name), shown(each)) for name, each in value.items()) if isinstance(value, dict) else ()


def _hardware(machine: object) -> str:
    cpu = text(at(machine, "cpu", "brand_raw")) or text(at(machine, "cpu", "brand"))
    python = f"{text(at(machine, 'python_implementation'))} {text(at(machine, 'python_version'))}"
    return ", ".join(part for part in (cpu, python.strip()) if part)
