"""The file of a history: a line of JSON for each check, appended and never rewritten.

A line is of one commit under one configuration and holds no clock: the same check again adds nothing.
The file is content of a repository, and so a stranger's: it is read strictly and up to a size, a line
that is no record is counted and left out, and no link is followed to where it is written.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, cast

from ci_rlm.errors import HistoryError

T = TypeVar("T")

VERSION = 1
MAX_BYTES = 64 << 20
"""A larger file is neither read nor appended to."""
_FULL = "move it away; the next check begins a new one"


@dataclass(frozen=True, slots=True)
class Entry:
    """One metric of one changed function."""

    path: str
    name: str
    before_path: str | None
    """None for a new function; differs from `path` after a move."""
    before_name: str | None
    metric: str
    unit: str
    before: float | None
    """Predicted median in the unit; None where nothing was predicted."""
    after: float | None
    outcome: str
    level: str
    accepted: bool
    """Someone has accepted the regression."""


@dataclass(frozen=True, slots=True)
class Record:
    """One check."""

    commit: str
    base: str
    """The commit that it was compared with."""
    committed: int
    """When `commit` was made, in seconds since 1970."""
    tool: str
    model: str
    """sha256 of the weights: predictions of two models do not compare."""
    configuration: str
    """sha256 of what decides which functions are checked, and how they are judged."""
    counts: Mapping[str, int]
    """Of rows, by outcome; with `functions` and `skipped`."""
    entries: tuple[Entry, ...]
    """Functions whose code changed."""

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What a second record with the same adds nothing to."""
        return self.commit, self.base, self.tool, self.model, self.configuration


@dataclass(frozen=True, slots=True)
class History:
    """A file's records in its order, and how many of its lines are none."""

    records: tuple[Record, ...]
    damaged: int


def record_of(document: Mapping[str, Any], committed: int, configuration: str) -> Record:
    """A report's JSON document as a record; functions whose code and name stayed are left out."""
    summary = document["summary"]
    return Record(
        commit=document["range"]["head"],
        base=document["range"]["base"],
        committed=committed,
        tool=document["tool"],
        model=document["model"]["digest"],
        configuration=configuration,
        counts={
            "functions": summary["functions"],
            "skipped": summary["skipped"],
            **{outcome: count for outcome, count in summary["outcomes"].items() if count},
        },
        entries=tuple(_entry(row) for row in document["rows"] if not row["equal"] or _moved(row)),
    )


def _moved(row: Mapping[str, Any]) -> bool:
    return bool((row["before_path"], row["before_name"]) != (row["path"], row["name"]))


def _entry(row: Mapping[str, Any]) -> Entry:
    before, after = (side and side["median"] for side in (row["before"], row["after"]))
    named = {key: row[key] for key in ("path", "name", "before_path", "before_name", "metric", "unit")}
    return Entry(
        **named,
        before=before,
        after=after,
        outcome=row["outcome"],
        level=row["level"],
        accepted=bool(row.get("accepted")),
    )


def append(record: Record, path: Path) -> bool:
    """Add a record to a file in one piece; whether it was not there yet.

    Raises HistoryError for a file that cannot be written, that is full, or that is none of ours.
    """
    line = json.dumps({"version": VERSION, **asdict(record)}, allow_nan=False).encode("ascii") + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path) as descriptor:
            known = _content(descriptor, path)
            if known.strip() and not known.lstrip().startswith(b"{"):
                raise HistoryError(f"{path} holds something else than a history", hint="name another file")
            if any(each.key == record.key for each in parse_lines(known).records):
                return False
            if len(known) + len(line) > MAX_BYTES:
                raise HistoryError(f"{path} would be over {MAX_BYTES:,} bytes", hint=_FULL)
            # A line that a killed process left unfinished ends here.
            os.write(descriptor, line if known[-1:] in (b"", b"\n") else b"\n" + line)
            return True
    except OSError as error:
        raise HistoryError(f"cannot write {path}: {error.strerror}") from error


@contextmanager
def _alone(path: Path) -> Iterator[int]:
    """The open file, while no other process appends to it."""
    import fcntl

    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o666)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise HistoryError(f"{path} is no regular file")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _content(descriptor: int, path: Path) -> bytes:
    if os.fstat(descriptor).st_size > MAX_BYTES:
        raise HistoryError(f"{path} is over {MAX_BYTES:,} bytes", hint=_FULL)
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return file.read(MAX_BYTES)


def read(path: Path) -> History:
    """A file's records. Raises HistoryError for one that cannot be read or is too large."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        hint = "`ci-rlm check --history FILE` begins one"
        raise HistoryError(f"cannot read {path}: {error.strerror}", hint=hint) from error
    if len(data) > MAX_BYTES:
        raise HistoryError(f"{path} is over {MAX_BYTES:,} bytes", hint=_FULL)
    return parse_lines(data)


def parse_lines(data: bytes) -> History:
    """The records in a file's bytes."""
    found = [_parsed(line) for line in data.split(b"\n") if line.strip()]
    records = tuple(record for record in found if record is not None)
    return History(records, len(found) - len(records))


def _parsed(line: bytes) -> Record | None:
    """A record of the known version; None for anything else. Keys that are not known are let through."""
    try:
        plain = json.loads(line.decode("utf-8"))
        if plain["version"] != VERSION:
            return None
        entries = tuple(_sound(Entry, each) for each in plain["entries"])
        return _sound(Record, {**plain, "entries": entries}) if type(plain["entries"]) is list else None
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None


def _sound(of: type[T], plain: Mapping[str, Any]) -> T:
    """A value of that class, each field of its kind. Raises ValueError and LookupError."""
    values = {field.name: plain[field.name] for field in fields(of)}  # type: ignore[arg-type]
    for field in fields(of):  # type: ignore[arg-type]  # one of the two above
        if not _KINDS[str(field.type)](values[field.name]):
            raise ValueError(field.name)
    return of(**values)


_MOST = 1e300
"""Of a cost, so that the sum of many is a number as well."""


def _is_cost(value: object) -> bool:
    return value is None or (type(value) in (int, float) and 0 <= cast(float, value) <= _MOST)


def _is_text(value: object) -> bool:
    # A lone surrogate, which nothing could print, raises.
    return isinstance(value, str) and value.encode("utf-8") is not None


_LATEST = 253_402_300_800
"""The year 10000, which has no date."""
_KINDS: dict[str, Callable[[Any], bool]] = {
    "str": _is_text,
    "str | None": lambda value: value is None or _is_text(value),
    "float | None": _is_cost,
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: type(value) is int and 0 <= value < _LATEST,
    "Mapping[str, int]": lambda value: all(type(count) is int for count in value.values()),
    "tuple[Entry, ...]": lambda value: isinstance(value, tuple),
}
"""By a field's type: whether a value is of it."""
