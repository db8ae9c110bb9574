"""Profiling logs that a team already has, as measurements.

One module a format, with two functions: `sniff` tells a file of the format by its first bytes,
`read` yields its measurements. A log is data: nothing in it is imported, unpickled or run, and a
bad entry is a `Bad` among the others that never ends a reading. Functions are named here as the
log names them; `training/ingest.py` finds their source.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from ci_rlm.errors import UsageError

HEAD_BYTES = 65_536
"""What `sniff` is given of a file; decompressed if it is gzip."""


class Kind(StrEnum):
    """What a value is of; values of two kinds are never compared, added or merged."""

    PER_CALL = "per_call"
    """One call, everything below it included."""
    CUMULATIVE = "cumulative"
    """All calls of a run, everything below them included."""
    SELF = "self"
    """All calls of a run, what they call left out."""
    PEAK = "peak"
    """The most that one call had in use at one moment."""
    HIGH_WATER = "high_water"
    """The most that a whole run had in use at one moment, or a function's share of it.

    It holds what earlier calls left behind, and nothing of a call that was over by that moment: of
    one call it is no peak.
    """
    ALLOC = "alloc"
    """All that was ever allocated, freed again or not."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a log says the measured code is; what it does not say is empty."""

    symbol: str = ""
    """A function's name, qualified if the log does so: `Store.build`, `matmul_kernel`."""
    file: str = ""
    """As the log writes it: absolute, relative, or a module's file under site-packages."""
    line: int = 0
    """From 1: a line of the function, its `def` or the one being executed; 0 if unknown."""
    source: str = ""
    """The code itself, where the log holds it (asv)."""
    test: str = ""
    """The node id of a test that benchmarks a function (pytest-benchmark)."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One value of one function under one configuration, in base units."""

    place: Place
    metric: str
    """`cpu_time`, `wall_time`, `latency`, `peak_memory`, `allocated_bytes`, as measured rows name them."""
    kind: Kind
    value: float
    """Seconds or bytes; finite and not negative."""
    origin: str
    """The format's name."""
    language: str = "python"
    lower: float | None = None
    upper: float | None = None
    """An interval around the value, where the log has one: quartiles or confidence limits."""
    n: int = 1
    """Of how many repeats, calls or samples the value is a summary."""
    params: tuple[tuple[str, str], ...] = ()
    """(name, value) of a parametrised benchmark, in the log's order."""
    hardware: str = ""
    commit: str = ""
    """The full id of the commit that was profiled."""
    dirty: bool = False
    """The tree had changes beside that commit."""
    when: str = ""
    """ISO 8601, in UTC."""


@dataclass(frozen=True, slots=True)
class Bad:
    """An entry that is no measurement."""

    where: str
    """Line, or path within a JSON document."""
    reason: str
    """One clause; the same for all entries with the same trouble, so that they can be counted."""


@dataclass(frozen=True, slots=True)
class Call:
    """A function that ran while another one was on the stack: called by it, or by what it called."""

    above: Place
    below: Place


@dataclass(frozen=True, slots=True)
class Options:
    """What a user says of a log beside its path."""

    unit: str = ""
    """Of values whose unit the log does not tell: `ms`, `ns`, `KiB`; or the interval of a sample: `10ms`."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """For plain tables: field of a measurement → column."""
    whole: bool = False
    """Of a profile, also yield what the whole run took, as a cumulative time without a place. The formats
    in `PROFILES` can."""


class Reader(Protocol):
    """A module of this package."""

    def sniff(self, head: bytes, path: Path) -> bool:
        """Whether a file that starts like this, and is named so, is of this format."""

    def read(self, path: Path, options: Options) -> Iterator[Measurement | Bad]:
        """Its measurements, in the file's order, in bounded memory.

        Raises LogError for a file that is not of this format, or damaged beyond its entries.
        """


class Profile(Reader, Protocol):
    """A module that reads one of `PROFILES`."""

    def calls(self, path: Path, starts: Collection[str]) -> Iterator[Call | Bad]:
        """What ran below the functions of these unqualified names, each pair once: see `logs/below.py`.

        Raises LogError as `read` does.
        """


FORMATS = (
    "pytest_benchmark",
    "asv",
    "cprofile",
    "speedscope",
    "collapsed",
    "pyinstrument",
    "memray",
    "scalene",
    "torch_profiler",
    "ncu",
    "nsys",
    "triton_perf_report",
    "google_benchmark",
    "criterion",
    "jmh",
    "plain",
)
"""Every format by its module; the first whose `sniff` agrees is taken."""


PROFILES = ("cprofile", "speedscope", "collapsed", "pyinstrument")
"""Formats that tell the time of a whole run and of every function in it, and who called whom."""


def reader(name: str) -> Reader:
    """The reader of a format. Raises UsageError for an unknown one."""
    if name not in FORMATS:
        raise UsageError(f"no such format of logs: {name!r}", hint=f"known: {', '.join(FORMATS)}")
    return cast("Reader", import_module(f"{__name__}.{name}"))


def profile(name: str) -> Profile:
    """The reader of one of `PROFILES`."""
    return cast("Profile", reader(name))


def detect(path: Path, among: Sequence[str] = FORMATS) -> str:
    """The format of a file by its first bytes. Raises UsageError if none knows it."""
    from ci_rlm.logs.opening import head_of

    head = head_of(path)
    for name in among:
        if reader(name).sniff(head, path):
            return name
    hint = f"name it with --format; known: {', '.join(among)}"
    raise UsageError(f"{path} is of no known format of logs", hint=hint)
