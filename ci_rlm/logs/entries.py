"""The entries of JSON documents, one in memory at a time, however long or damaged the document is."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

import ijson

from ci_rlm.errors import LogError
from ci_rlm.logs import Bad
from ci_rlm.logs.finite import Finite
from ci_rlm.logs.opening import open_log

Events: TypeAlias = Iterator[tuple[str, Any]]
"""(event, value) as ijson's `basic_parse` gives them."""

MAX_DEPTH = 200
MAX_WEIGHT = 32 * 1_048_576
"""Of one entry: its characters, and 16 for each value. Beyond that a log is taken for damaged."""

_DAMAGE = (ijson.JSONError, OSError, EOFError, zlib.error, ValueError)
_STARTS = frozenset(("start_map", "start_array"))
_ENDS = frozenset(("end_map", "end_array"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of an array or object."""

    where: str
    """Its path within the document: `benchmarks[3]`."""
    key: str
    """Its name in an object, its index in an array."""
    value: object


def entries(path: Path, *keys: str, skip: Collection[str] = ()) -> Iterator[Entry | Bad]:
    """Members of the array or object that `keys` lead to from the root, in order.

    Objects within them come without the keys in `skip`, which are read over and never held.
    A document that is damaged ends with one Bad. Raises LogError if nothing comes before the
    damage, or if there is no such array or object.
    """
    last: Entry | None = None
    try:
        with open_log(path) as file:
            events = _events(file)
            kind = _seek(events, keys)
            if kind not in _STARTS:
                raise LogError(f"{path} is not of this format: it has no {'.'.join(keys) or 'entries'}")
            for key, event, value in _members(events, kind):
                last = Entry(f"{'.'.join(keys)}[{key}]", key, _value(events, event, value, skip))
                yield last
    except _DAMAGE as error:
        if last is None:
            raise LogError(f"cannot read {path}: it is empty, damaged or no JSON") from error
        yield Bad(f"after {last.where}", "the file is damaged or cut off from here on")


def facts(path: Path, *names: str) -> dict[str, object]:
    """Those of the named members of the root that are there and whole, found in one pass."""
    found: dict[str, object] = {}
    try:
        with open_log(path) as file:
            events = _events(file)
            kind = _seek(events, ())
            for key, event, value in _members(events, kind) if kind == "start_map" else ():
                if key in names:
                    found[key] = _value(events, event, value, ())
                    if len(found) == len(names):
                        break
                else:
                    _skip(events, event)
    except _DAMAGE:
        pass  # `entries` tells of it
    return found


def _events(file: IO[bytes]) -> Events:
    # ijson's own `items` keeps a path for each level, which for 100,000 brackets is 25 GB.
    events: Events = ijson.basic_parse(Finite(file), use_float=True)
    return events


def _seek(events: Events, keys: tuple[str, ...]) -> str:
    """The first event of the value that `keys` lead to; empty if there is no such value."""
    kind, _ = next(events, ("", None))
    for key in keys:
        for name, event, _ in _members(events, kind) if kind == "start_map" else ():
            if name == key:
                kind = event
                break
            _skip(events, event)
        else:
            return ""
    return kind


def _members(events: Events, kind: str) -> Iterator[tuple[str, str, Any]]:
    """(key, first event, its value) of each member; who asks takes the events between."""
    number = 0
    for event, value in events:
        if event in _ENDS:
            return
        if kind == "start_map":
            yield value, *next(events, ("", None))
        else:
            yield str(number), event, value
            number += 1


def _value(events: Events, first: str, scalar: object, skip: Collection[str]) -> object:
    """One value from its first event on."""
    if first not in _STARTS:
        return scalar
    root = _empty(first)
    stack, key, weight = [root], "", 0
    for event, value in events:
        weight += len(value) if isinstance(value, str) else 16
        if weight > MAX_WEIGHT:
            raise ValueError("an entry is too large")
        if event in _ENDS:
            stack.pop()
            if not stack:
                break
        elif event == "map_key":
            key = value
            if key in skip:
                _skip(events, next(events, ("", None))[0])
        else:
            held = _empty(event) if event in _STARTS else value
            inner = stack[-1]
            if isinstance(inner, dict):
                inner[key] = held
            else:
                inner.append(held)
            if event in _STARTS:
                stack.append(held)
                _check_depth(len(stack))
    return root


def _empty(event: str) -> list[object] | dict[str, object]:
    return {} if event == "start_map" else []


def _skip(events: Events, event: str) -> None:
    """Read over a value from its first event on."""
    depth = int(event in _STARTS)
    while depth:
        event, _ = next(events, ("end_map", None))
        depth += (event in _STARTS) - (event in _ENDS)
        _check_depth(depth)


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
