"""JSON lines: one request a line in, one answer a line out, in order, in bounded memory."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Generic, TypeVar

Record = Mapping[str, object]
Identity = str | int | float | None
Request = TypeVar("Request")

BATCH = 64
"""Lines answered together: what the model needs to fill its batches, and what is held at once."""
LINE_BYTES = 16 << 20
"""A longer line is dropped unread, and answered with an error."""

_FIRST_ID = re.compile(rb'\s*\{\s*"id"\s*:\s*("(?:[^"\\\x00-\x1f]|\\.){0,1000}"|-?[0-9]{1,18})\s*,')


class BadLineError(ValueError):
    """A line that cannot be answered, in one clause."""


@dataclass(frozen=True, slots=True)
class Line(Generic[Request]):
    """A request with its id, or the reason why there is none."""

    id: Identity
    request: Request | BadLineError


def answer_lines(
    stream: BinaryIO,
    write: Callable[[str], None],
    prepare: Callable[[Record], Request],
    answer: Callable[[Sequence[Request]], Iterable[Record]],
    batch_size: int = BATCH,
) -> None:
    """Answer each line of `stream`; a bad one is answered with `{"id", "error"}` and ends nothing.

    `prepare` raises BadLineError; `answer` gives one record a request. `write` is called once a batch:
    whoever waits for an answer before writing the next line needs batches of one.
    """
    lines = (read_line(line, whole, prepare) for line, whole in split_lines(stream, LINE_BYTES))
    while batch := list(islice(lines, batch_size)):
        answers = iter(answer([line.request for line in batch if not isinstance(line.request, BadLineError)]))
        write("".join(_dumped(line, answers) for line in batch))


def read_line(line: bytes, whole: bool, prepare: Callable[[Record], Request]) -> Line[Request]:
    """A line as a request; its id is kept wherever it can be read."""
    if not whole:
        return Line(_id_at_start(line), BadLineError(f"the line is over {LINE_BYTES >> 20} MiB"))
    try:
        record = _record(line)
    except BadLineError as error:
        return Line(None, error)
    identity = record.get("id")
    if isinstance(identity, bool) or not isinstance(identity, (str, int, float)):
        return Line(None, BadLineError('"id" must be a text or a number'))
    try:
        return Line(identity, prepare(record))
    except BadLineError as error:
        return Line(identity, error)


def text_of(record: Record, key: str, max_bytes: int) -> str:
    """A text of the record, of at most `max_bytes` in UTF-8. Raises BadLineError."""
    if key not in record:
        raise BadLineError(f'"{key}" is missing')
    value = record[key]
    if not isinstance(value, str):
        raise BadLineError(f'"{key}" must be a text')
    try:
        size = len(value.encode("utf-8"))
    except UnicodeEncodeError:
        raise BadLineError(f'"{key}" holds half a surrogate pair, which is no character') from None
    if size > max_bytes:
        raise BadLineError(f'"{key}" has {size:,} bytes; {max_bytes:,} are read')
    return value


def split_lines(stream: BinaryIO, limit: int) -> Iterator[tuple[bytes, bool]]:
    """Each line, and whether it is whole: of one over `limit` bytes only the start is kept."""
    while line := stream.readline(limit):
        whole, piece = True, line
        while not piece.endswith(b"\n") and (piece := stream.readline(limit)):
            whole = False
        yield line, whole


def _record(line: bytes) -> Record:
    try:
        record = json.loads(line, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BadLineError(f"not JSON: {error}") from None
    if not isinstance(record, dict):
        raise BadLineError("not a JSON object")
    return record


def _finite(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _refuse(digits)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant[:20]} is not a number that JSON has")


def _id_at_start(line: bytes) -> Identity:
    found = _FIRST_ID.match(line)
    try:
        identity = json.loads(found[1]) if found else None
    except ValueError:
        return None
    return identity if isinstance(identity, (str, int)) else None


def _dumped(line: Line[Request], answers: Iterator[Record]) -> str:
    if isinstance(line.request, BadLineError):
        answer: Record = {"error": str(line.request)}
    else:
        answer = next(answers)
    return json.dumps({"id": line.id, **answer}, allow_nan=False) + "\n"
