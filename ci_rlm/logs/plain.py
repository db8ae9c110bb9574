"""Tables of measurements that no format covers: CSV with a header (`,`, `;` or tabs), or lines of JSON.

Fields are columns of the same name unless `Options.columns` says otherwise; a column `=TEXT` stands
for that text in every row. `symbol`, `file` with `line`, `source` or `test` say where; `metric`,
`value` and `unit` what; the rest may be missing.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from ci_rlm.errors import LogError
from ci_rlm.logs import Bad, Kind, Measurement, Options, Place
from ci_rlm.logs.opening import head_of, to_base
from ci_rlm.logs.tables import lines, rows
from ci_rlm.logs.values import bound, count, moment, number, shown, text

METRICS = {
    "cpu_time": ("s", Kind.PER_CALL),
    "wall_time": ("s", Kind.PER_CALL),
    "latency": ("s", Kind.PER_CALL),
    "peak_memory": ("B", Kind.PEAK),
    "peak_rss": ("B", Kind.HIGH_WATER),
    "allocated_bytes": ("B", Kind.ALLOC),
}
"""Base unit, and the kind that is meant where no other is given."""

FIELDS = (
    *("symbol", "file", "line", "source", "test", "metric", "kind", "value", "unit", "lower", "upper"),
    *("n", "commit", "dirty", "when", "hardware", "language"),
)
_NAMES = ("symbol", "file", "source", "test")
_PARAM = "params."
_MOST_LINES = 10**9

Cells = Mapping[str, object]


def sniff(head: bytes, path: Path) -> bool:
    """A first line, of JSON or of a table, with columns for what was measured and where."""
    first = _first_line(head)
    if first.startswith("{"):
        try:
            columns = set(json.loads(first))
        except (ValueError, RecursionError):
            return False
    else:
        columns = set(_header(first))
    return {"metric", "value"} <= columns and bool(columns & set(_NAMES))


def read(path: Path, options: Options) -> Iterator[Measurement | Bad]:
    """One measurement a row. Raises LogError for a file that is neither kind of table."""
    first = _first_line(head_of(path))
    table = _objects(path) if first.startswith("{") else _table(path, _delimiter(first), options)
    for row in table:
        if isinstance(row, Bad):
            yield row
            continue
        where, cells = row
        try:
            yield _measurement(_fields(cells, options), _params(cells, options), options)
        except ValueError as error:
            yield Bad(where, str(error))


def _objects(path: Path) -> Iterator[tuple[str, Cells] | Bad]:
    for line in lines(path):
        if isinstance(line, Bad):
            yield line
            continue
        where = f"line {line[0]}"
        try:
            value = json.loads(line[1])
        except (ValueError, RecursionError):
            value = None
        yield (where, value) if isinstance(value, dict) else Bad(where, "the line is no object of JSON")


def _table(path: Path, delimiter: str, options: Options) -> Iterator[tuple[str, Cells] | Bad]:
    table = rows(path, delimiter)
    header = next(table, None)
    if header is None or isinstance(header, Bad):
        raise LogError(f"{path} is no table: it has no header")
    columns = [column.strip() for column in header[1]]
    missing = {options.columns.get(field, field) for field in ("metric", "value")} - set(columns)
    if missing := {column for column in missing if not column.startswith("=")}:
        hint = f"columns: {', '.join(columns)}"
        raise LogError(f"{path} has no column {' and no column '.join(sorted(missing))}", hint=hint)
    for row in table:
        if isinstance(row, Bad):
            yield row
        elif len(row[1]) != len(columns):
            yield Bad(f"line {row[0]}", "the row is not as long as the header")
        else:
            yield f"line {row[0]}", dict(zip(columns, row[1], strict=True))


def _first_line(head: bytes) -> str:
    return head.decode("utf-8-sig", "replace").lstrip().partition("\n")[0]


def _header(line: str) -> list[str]:
    try:
        return [column.strip() for column in next(csv.reader([line], delimiter=_delimiter(line)), [])]
    except csv.Error:
        return []


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)


def _fields(cells: Cells, options: Options) -> dict[str, object]:
    """What the row says of each field; None for a blank cell too."""
    told = {field: _cell(cells, options.columns.get(field, field)) for field in FIELDS}
    return {
        field: None if isinstance(value, str) and not value.strip() else value
        for field, value in told.items()
    }


def _cell(cells: Cells, column: str) -> object:
    if column.startswith("="):
        return column[1:]
    value = cells.get(column)
    # What is of more than one line is source, where the first line's indent counts.
    return value.strip() if isinstance(value, str) and "\n" not in value else value


def _params(cells: Cells, options: Options) -> tuple[tuple[str, str], ...]:
    """Columns `params.NAME`, those that are mapped to such a field, and members of an object `params`."""
    mapped = {field: column for field, column in options.columns.items() if field.startswith(_PARAM)}
    found = {field: _cell(cells, column) for field, column in mapped.items()}
    found |= {column: value for column, value in cells.items() if column.startswith(_PARAM)}
    inner = cells.get("params")
    found |= {_PARAM + name: value for name, value in inner.items()} if isinstance(inner, dict) else {}
    return tuple(
        (text(field.removeprefix(_PARAM)), shown(value))
        for field, value in found.items()
        if value not in (None, "")
    )


def _measurement(
    fields: dict[str, object], params: tuple[tuple[str, str], ...], options: Options
) -> Measurement:
    """The row's measurement. Raises ValueError with what is missing or wrong."""
    if not any(text(fields[name]) for name in _NAMES):
        raise ValueError("the row names no function, file, source or test")
    metric = text(fields["metric"])
    if metric not in METRICS:
        raise ValueError(f"unknown metric; known: {', '.join(METRICS)}")
    unit = text(fields["unit"]) or options.unit
    if not unit:
        raise ValueError("the unit is not given")
    base, usual = METRICS[metric]
    value, found = to_base(_number(fields["value"]), unit)
    if found != base:
        raise ValueError(f"unit {unit!r} does not fit {metric}")
    lower, upper = (bound(_if_number(fields[name]), unit) for name in ("lower", "upper"))
    return Measurement(
        Place(
            symbol=text(fields["symbol"]),
            file=text(fields["file"]),
            line=_line(fields["line"]),
            source=text(fields["source"]),
            test=text(fields["test"]),
        ),
        metric,
        _kind(fields["kind"], usual),
        value,
        "plain",
        text(fields["language"]) or "python",
        lower=lower,
        upper=upper,
        n=count(_if_number(fields["n"])),
        params=params,
        hardware=text(fields["hardware"]),
        commit=text(fields["commit"]),
        dirty=_truth(fields["dirty"]),
        when=moment(fields["when"]),
    )


def _number(value: object) -> float:
    if value is None:
        raise ValueError("the value is missing")
    try:
        return float(value) if isinstance(value, str) else number(value)
    except ValueError:
        raise ValueError("the value is not a number") from None


def _if_number(value: object) -> object:
    try:
        return _number(value)
    except ValueError:
        return None


def _line(value: object) -> int:
    line = _if_number(value)
    return int(line) if isinstance(line, float) and line.is_integer() and 0 < line < _MOST_LINES else 0


def _kind(value: object, usual: Kind) -> Kind:
    if value is None:
        return usual
    try:
        return Kind(text(value))
    except ValueError:
        raise ValueError(f"unknown kind; known: {', '.join(Kind)}") from None


def _truth(value: object) -> bool:
    return value is True or text(value).lower() in ("true", "yes", "1")
