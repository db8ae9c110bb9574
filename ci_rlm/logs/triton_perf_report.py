"""Triton's `triton.testing.perf_report`: the CSV of one plot, `PLOT.csv`.

First come the columns of the argument that varies, then one column a provider: `Triton (ms)`, or
`Triton` alone before Triton 3.0, where the unit has to be given. The file does not say which kernel
a provider runs. The columns of `Options` do (provider → kernel); without them it is the plot's name
for the one provider there is, or for the one that is called Triton's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ci_rlm.errors import LogError
from ci_rlm.logs import Bad, Kind, Measurement, Options, Place
from ci_rlm.logs.opening import SECONDS
from ci_rlm.logs.tables import rows
from ci_rlm.logs.values import seconds

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_HEADER = re.compile(rb"([^\n,\"]{1,99},)+[^\n,\"]{1,99}\)\r?\n(-?[0-9.]*,)+-?[0-9.]*\s")
_THROUGHPUT = re.compile(r".*/s|.+ps|.*FLOPS?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Provider:
    column: int
    name: str
    unit: str
    """As the header has it; empty if it has none."""
    kernel: str
    """Empty if nothing says which."""


def sniff(head: bytes, path: Path) -> bool:
    """A header whose last column has a unit, then nothing but numbers."""
    return _HEADER.match(head) is not None


def read(path: Path, options: Options) -> Iterator[Measurement | Bad]:
    """One measurement a provider and row. Raises LogError for a table without a column of values."""
    table = rows(path, ended=True)
    first = next(table, None)
    if first is None or isinstance(first, Bad):
        raise LogError(f"{path} is no table of a perf_report")
    providers = _providers(first[1], path.stem, options)
    for row in table:
        if isinstance(row, Bad):
            yield row
        elif len(row[1]) != len(first[1]):
            yield Bad(f"line {row[0]}", "the line is no row of the table")
        else:
            params = tuple(zip(first[1], map(_plain, row[1]), strict=True))[: providers[0].column]
            for provider in providers:
                yield _measured(row, provider, params, options)


def _providers(header: list[str], plot: str, options: Options) -> list[_Provider]:
    """The columns of values: from the first with a unit on, or the first that the user names."""
    found = [_provider(place, column, options) for place, column in enumerate(header)]
    marked = [each.column for each in found if each.unit or each.kernel]
    found = found[min(marked, default=1) :]
    if not found or not found[0].column:
        raise LogError(f"the table of {plot} has no column of values beside what it varies")
    triton = found if len(found) == 1 else [each for each in found if "triton" in each.name.lower()]
    own = triton[0] if len(triton) == 1 else None
    return [replace(each, kernel=plot) if each is own and not each.kernel else each for each in found]


def _provider(place: int, column: str, options: Options) -> _Provider:
    name, opened, unit = column.removesuffix(")").rpartition(" (")
    if not (opened and column.endswith(")")):
        name, unit = column, ""
    return _Provider(place, name, unit, options.columns.get(column) or options.columns.get(name) or "")


def _measured(
    row: tuple[int, list[str]], provider: _Provider, params: tuple[tuple[str, str], ...], options: Options
) -> Measurement | Bad:
    where = f"line {row[0]}, {provider.name}"
    written = row[1][provider.column]
    if not provider.kernel:
        return Bad(where, "nothing says which kernel the provider runs")
    if _THROUGHPUT.fullmatch(provider.unit):
        return Bad(where, "a throughput is no latency: the work of a call is not in the log")
    unit = provider.unit if provider.unit in SECONDS else options.unit
    if not unit:
        return Bad(where, "the unit is not given")
    try:
        value = seconds(float(written) if _NUMBER.fullmatch(written) else written, unit)
    except ValueError as error:
        return Bad(where, str(error))
    place = Place(symbol=provider.kernel)
    return Measurement(place, "latency", Kind.PER_CALL, value, "triton_perf_report", "triton", params=params)


def _plain(number: str) -> str:
    """`1024.000000`, as pandas writes it, is 1024."""
    return number.rstrip("0").rstrip(".") if _NUMBER.fullmatch(number) and "." in number else number
