"""Nsight Compute: `ncu --csv` with `gpu__time_duration.sum`, or the page of details, where it is `Duration`.

Of its two layouts, the long one has a row for each launch and metric; the wide one (`--page raw`) has
a row for each launch, a column for each metric, and the units in a row below the header. What ncu
and the program itself print around the table is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ci_rlm.errors import LogError
from ci_rlm.logs import Bad, Measurement, Options
from ci_rlm.logs.kernels import Launches
from ci_rlm.logs.tables import rows
from ci_rlm.logs.values import seconds

_SHAPES = {"grid": "Grid Size", "block": "Block Size"}
DURATIONS = ("gpu__time_duration.sum", "Duration")
_ROWS_TO_TELL_LOCALE = 2000
_SPACES = re.compile(r"[\s'’]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", re.ASCII)
_HEADER = re.compile(rb'^"?ID"?,.*"?Kernel Name"?,', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Launch:
    line: int
    cells: dict[str, str]
    duration: str
    unit: str
    marked: tuple[str, ...]
    """Every value of a metric in the row, which tell how the locale writes numbers."""


def sniff(head: bytes, path: Path) -> bool:
    """A header with the names of ncu's first columns."""
    return _HEADER.search(head) is not None


def read(path: Path, options: Options) -> Iterator[Measurement | Bad]:
    """One measurement a kernel, grid and block: the median of its launches, the first left out."""
    mark = _decimal_mark(path)
    devices: dict[str, Launches] = {}
    timed = 0
    for launch in _launches(path):
        if isinstance(launch, Bad):
            yield launch
        elif launch.duration:
            timed += 1
            device = _hardware(launch.cells)
            try:
                value = seconds(_number(launch.duration, mark), launch.unit)
                launches = devices.setdefault(device, Launches("ncu", device))
                launches.add(launch.cells["Kernel Name"], value, _params(launch.cells))
            except ValueError as error:
                yield Bad(f"line {launch.line}", str(error))
    for launches in devices.values():
        yield from launches.measurements()
    if not timed:
        yield Bad("the whole file", f"no {DURATIONS[0]} was collected")


def _params(cells: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, cells[column]) for name, column in _SHAPES.items() if cells.get(column))


def _launches(path: Path) -> Iterator[_Launch | Bad]:
    """Rows of the table. Raises LogError if there is none."""
    header: list[str] = []
    units: dict[str, str] | None = None
    for row in rows(path, ended=True):
        if isinstance(row, Bad):
            yield row
            continue
        line, cells = row
        if "Kernel Name" in cells:
            header, units = cells, None
        elif not header or cells[0].startswith("=="):
            continue
        elif len(cells) != len(header):
            yield Bad(f"line {line}", "the line is no row of the table")
        elif "Metric Name" in header:
            yield _long(line, dict(zip(header, cells, strict=True)))
        elif units is None:
            units = dict(zip(header, cells, strict=True))
        else:
            yield _wide(line, dict(zip(header, cells, strict=True)), units)
    if not header:
        raise LogError(f"{path} is no CSV of ncu: it has no column 'Kernel Name'")


def _long(line: int, cells: dict[str, str]) -> _Launch:
    value = cells.get("Metric Value", "")
    duration = value if cells["Metric Name"] in DURATIONS else ""
    return _Launch(line, cells, duration, cells.get("Metric Unit", ""), (value,))


def _wide(line: int, cells: dict[str, str], units: dict[str, str]) -> _Launch:
    column = next((name for name in DURATIONS if name in cells), "")
    marked = tuple(cell for name, cell in cells.items() if "__" in name)
    return _Launch(line, cells, cells.get(column, ""), units.get(column, ""), marked)


def _hardware(cells: dict[str, str]) -> str:
    capability = cells.get("CC", "")
    named = cells.get("device__attribute_display_name", "")
    return named or (f"compute capability {capability}" if capability else "")


def _decimal_mark(path: Path) -> str:
    """How the locale writes a decimal point, by the first rows; a point if they do not tell."""
    seen = {
        mark
        for launch in islice(_launches(path), _ROWS_TO_TELL_LOCALE)
        if not isinstance(launch, Bad)
        for mark in map(_told_mark, launch.marked)
    }
    if {".", ","} <= seen:
        raise LogError(f"{path} writes numbers both as 1,234.5 and as 1.234,5")
    return "," if "," in seen else "."


def _told_mark(number: str) -> str:
    """`.` or `,` if the number can only be read with that as its decimal point; else empty."""
    number = _SPACES.sub("", number)
    marks: Sequence[str] = re.findall("[.,]", number)
    if not marks or re.search("[^0-9.,]", number):
        return ""
    if len(marks) > 1:
        return marks[-1] if marks[-1] != marks[0] else {".": ",", ",": "."}[marks[0]]
    whole, _, fraction = number.partition(marks[0])
    thousands = len(fraction) == 3 and 0 < len(whole) <= 3 and whole != "0"
    return "" if thousands else marks[0]


def _number(written: str, mark: str) -> float:
    plain = _SPACES.sub("", written).replace("," if mark == "." else ".", "").replace(mark, ".")
    if not _NUMBER.fullmatch(plain):
        raise ValueError("the value is not a number")
    return float(plain)
