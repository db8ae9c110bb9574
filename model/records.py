"""JSON to frozen dataclasses and back, strictly: what a checkpoint's JSON files are read with.

Every key of the dataclass must be there, but for fields with the metadata `optional`; no other key
may be, and each value must have the type that its field declares.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from ci_rlm.errors import CheckpointError

T = TypeVar("T")


def dump(value: Any) -> str:
    """A dataclass, or a list of them, as indented JSON that ends with a newline."""
    plain = [asdict(item) for item in value] if isinstance(value, list | tuple) else asdict(value)
    return json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def load(kind: type[T], text: str, where: str) -> T:
    """Read one record; `where` names the file in errors.

    Raises CheckpointError for malformed JSON, missing or unknown keys, and wrong types.
    """
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{where} is not JSON: {error}", hint="restore the checkpoint") from error
    result: T = _read(kind, plain, where)
    return result


def load_all(kind: type[T], text: str, where: str) -> tuple[T, ...]:
    """Read a JSON list of records, with the errors of `load`."""
    result: tuple[T, ...] = load(tuple[kind, ...], text, where)  # type: ignore[valid-type]
    return result


def _read(kind: Any, plain: Any, where: str) -> Any:
    if is_dataclass(kind):
        return _read_record(kind, plain, where)
    if get_origin(kind) is dict:
        if not isinstance(plain, dict):
            raise CheckpointError(f"{where}: expected an object, found {_name(plain)}")
        return plain
    if get_origin(kind) is tuple:
        return _read_tuple(get_args(kind), plain, where)
    if isinstance(kind, UnionType):
        (inner,) = (option for option in get_args(kind) if option is not NoneType)
        return None if plain is None else _read(inner, plain, where)
    return _read_scalar(kind, plain, where)


def _read_record(kind: Any, plain: Any, where: str) -> Any:
    if not isinstance(plain, Mapping):
        raise CheckpointError(f"{where}: expected an object, found {_name(plain)}")
    known = [field.name for field in fields(kind)]
    needed = [field.name for field in fields(kind) if not field.metadata.get("optional")]
    for key in plain:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
            raise CheckpointError(f"{where}: unknown key {key!r}", hint=hint)
    for key in needed:
        if key not in plain:
            raise CheckpointError(f"{where}: missing key {key!r}", hint="the checkpoint has another layout")
    hints = _hints(kind)
    values = {key: _read(hints[key], plain[key], f"{where}: {key}") for key in known if key in plain}
    try:
        return kind(**values)
    except ValueError as error:
        raise CheckpointError(f"{where}: {error}", hint="the checkpoint has another layout") from error


_hints = cache(get_type_hints)
"""As a file of thousands of records asks for them."""


def _read_tuple(kinds: tuple[Any, ...], plain: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(plain, list):
        raise CheckpointError(f"{where}: expected a list, found {_name(plain)}")
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(plain)
    if len(kinds) != len(plain):
        raise CheckpointError(f"{where}: expected {len(kinds)} items, found {len(plain)}")
    places = (f"{where}[{at}]" for at in range(len(plain)))
    return tuple(map(_read, kinds, plain, places))


def _read_scalar(kind: Any, plain: Any, where: str) -> Any:
    if kind is float and isinstance(plain, int) and not isinstance(plain, bool):
        return float(plain)
    if issubclass(kind, StrEnum) and isinstance(plain, str) and plain in list(kind):
        return kind(plain)
    if type(plain) is kind:
        return plain
    expected = " or ".join(map(repr, map(str, kind))) if issubclass(kind, StrEnum) else kind.__name__
    raise CheckpointError(f"{where}: expected {expected}, found {_name(plain)}")


def _name(plain: Any) -> str:
    return "null" if plain is None else f"{type(plain).__name__} {str(plain)[:40]!r}"
