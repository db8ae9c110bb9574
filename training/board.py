"""The file of a scoreboard: read strictly, merged with further comparisons, written whole.

    {"version": 1,
     "records": [what a check tells: of all comparisons, and of each of the latest checkpoints],
     "comparisons": [every comparison, the oldest first]}

Records (`flow.TrackRecord`) are made from the comparisons whenever the file is written. The same
comparisons make the same bytes, one comparison a line, so that git shows and merges them.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from ci_rlm.config_schema import field_docs
from ci_rlm.errors import CheckpointError, ScoreboardError
from ci_rlm.flow import Outcome, TrackRecord
from ci_rlm.model import records
from ci_rlm.scoreboard import MAX_BYTES, VERSION, document
from ci_rlm.training.hindsight import track_records
from ci_rlm.training.verified import Comparison, Measured, Quantity, Side, merged

_RECORDS_BYTES = 64 * 1024
"""Kept free for what the file holds beside its comparisons."""


def read(path: Path) -> list[Comparison]:
    """The comparisons of a file; none of one that is not there. Raises ScoreboardError."""
    try:
        data = path.read_bytes() if path.exists() else None
    except OSError as error:
        raise ScoreboardError(f"cannot read {path}: {error.strerror}") from error
    return [] if data is None else parse(data, str(path))


def parse(data: bytes, where: str) -> list[Comparison]:
    """The comparisons in a file's bytes. Raises ScoreboardError where they break the schema."""
    text = json.dumps(document(data).get("comparisons"))
    try:
        found = records.load_all(Comparison, text, "comparisons")
    except (CheckpointError, OverflowError) as error:
        hint = "restore an earlier version of the file, or move it away"
        raise ScoreboardError(f"{where} is no scoreboard: {error}", hint=hint) from error
    return merged(found)


def add(new: Sequence[Comparison], path: Path) -> list[Comparison]:
    """Merge comparisons into a file, written whole or not at all; all that it has now.

    Raises ScoreboardError for a file that is no scoreboard, or that cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.parent):
            known = merged([*read(path), *new])
            content, kept = rendered(known)
            scratch = path.with_name(f".{path.name}.writing")
            scratch.write_bytes(content)
            scratch.replace(path)
    except OSError as error:
        raise ScoreboardError(f"cannot write {path}: {error.strerror}") from error
    return kept


def rendered(comparisons: Sequence[Comparison]) -> tuple[bytes, list[Comparison]]:
    """A file of comparisons, and those that it has: the newest that fit."""
    lines: list[str] = []
    room = MAX_BYTES - _RECORDS_BYTES
    for comparison in reversed(comparisons):
        line = json.dumps(asdict(comparison), allow_nan=False)
        room -= len(line) + 3
        if room < 0:
            break
        lines.append(line)
    kept = list(comparisons[len(comparisons) - len(lines) :])
    told = [json.dumps(asdict(record)) for record in track_records(kept)]
    parts = f'"version": {VERSION}', f'"records": {_list(told)}', f'"comparisons": {_list(lines[::-1])}'
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode("ascii"), kept


def _list(lines: Sequence[str]) -> str:
    return "[" + ",".join(f"\n  {line}" for line in lines) + "\n]" if lines else "[]"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait for other processes that merge into a file of the same folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


_VALUES = (TrackRecord, Comparison, Measured, Quantity, Side)


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the file, made from the values that it is read into."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ci-rlm scoreboard",
        "description": "What `ci-rlm verify` keeps: predictions, and what was measured later.",
        "type": "object",
        "properties": {
            "version": {"description": "Of this schema.", "const": VERSION},
            "records": {
                "description": "Of all comparisons, and of each of the latest checkpoints.",
                **_shape(tuple[TrackRecord, ...]),
            },
            "comparisons": {"description": "The oldest first.", **_shape(tuple[Comparison, ...])},
        },
        "required": ["version", "records", "comparisons"],
        "additionalProperties": False,
        "$defs": {
            each.__name__: _object(each) for each in (TrackRecord, Comparison, Measured, Quantity, Side)
        },
    }


def _object(of: type) -> dict[str, Any]:
    hints, told = get_type_hints(of), field_docs(of)
    names = [field.name for field in fields(of)]
    return {
        "type": "object",
        "properties": {
            name: ({"description": told[name]} if name in told else {}) | _shape(hints[name])
            for name in names
        },
        "required": names,
        "additionalProperties": False,
    }


_SCALARS: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    Outcome: {"enum": [str(outcome) for outcome in Outcome]},
}


def _shape(kind: Any) -> dict[str, Any]:
    if kind in _SCALARS:
        return _SCALARS[kind]
    inner = get_args(kind)
    if isinstance(kind, UnionType):
        return {"anyOf": [_shape(inner[0]), {"type": "null"}]}
    if get_origin(kind) is not tuple:
        return {"$ref": f"#/$defs/{kind.__name__}"}
    if inner[-1] is Ellipsis:
        return {"type": "array", "items": _shape(inner[0])}
    return {"type": "array", "prefixItems": list(map(_shape, inner)), "items": False, "minItems": len(inner)}
