"""Nsight Systems: `nsys stats --format csv` with the report `cuda_gpu_kern_sum`.

Other reports before and after it, and what nsys prints between them, are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ci_rlm.errors import LogError
from ci_rlm.logs import Bad, Measurement, Options
from ci_rlm.logs.kernels import latency
from ci_rlm.logs.tables import rows
from ci_rlm.logs.values import count, seconds

_HEADER = re.compile(rb"^\"?Time ?\(%\)\"?,.{0,200}\bInstances\b.{0,200}\bName\"?\s*$", re.MULTILINE)
_COLUMN = re.compile(r"(?P<of>Med|Avg|Average) \((?P<unit>\w+)\)")
_SHAPES = {"GridXYZ": "grid", "BlockXYZ": "block"}


@dataclass(frozen=True, slots=True)
class _Header:
    names: list[str]
    value: int
    """The column of the median; of the mean where an older nsys gives no median."""
    unit: str


def sniff(head: bytes, path: Path) -> bool:
    """The header of a summary of kernels; that of ranges ends with another column."""
    return _HEADER.search(head) is not None


def read(path: Path, options: Options) -> Iterator[Measurement | Bad]:
    """One measurement a kernel: the median of its launches. Raises LogError without a summary of kernels."""
    header: _Header | None = None
    found = False
    for row in rows(path, ended=True):
        if isinstance(row, Bad):
            yield row
            continue
        line, cells = row
        if cells[0].startswith("Time"):
            header = _header(cells)
            found |= header is not None
        elif header and len(cells) == len(header.names):
            yield _kernel(line, cells, header)
        else:
            header = None
    if not found:
        raise LogError(
            f"{path} has no summary of kernels", hint="nsys stats --report cuda_gpu_kern_sum --format csv"
        )


def _header(names: list[str]) -> _Header | None:
    if not {"Instances", "Name"} <= set(names):
        return None
    columns = {
        match["of"]: (place, match["unit"])
        for place, match in enumerate(map(_COLUMN.fullmatch, names))
        if match
    }
    best = next((columns[of] for of in ("Med", "Avg", "Average") if of in columns), None)
    return _Header(names, *best) if best else None


def _kernel(line: int, cells: list[str], header: _Header) -> Measurement | Bad:
    row = dict(zip(header.names, cells, strict=True))
    try:
        value = seconds(_number(cells[header.value]), header.unit)
        n = count(_number(row["Instances"]))
        params = tuple((_SHAPES[name], cell) for name, cell in row.items() if name in _SHAPES)
        return latency(row["Name"], value, "nsys", n=n, params=params)
    except ValueError as error:
        return Bad(f"line {line}", str(error))


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise ValueError("the value is not a number") from None
