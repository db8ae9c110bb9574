"""JSON logs as streams, for documents whose entries lie too deep, or are too large, to be held whole."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import ijson

from ci_rlm.errors import LogError
from ci_rlm.logs.finite import Finite
from ci_rlm.logs.opening import open_log

Wanted: TypeAlias = Mapping[str | int, "Wanted"]
"""Which values of a document: by key those below it, `EACH` for those of an array, `TAKE` for all of it."""
Keys: TypeAlias = tuple[str | int, ...]
Event: TypeAlias = tuple[str, Any]

TAKE: Wanted = {}
EACH = -1
MOST_NESTED = 20
"""In a value that is taken whole."""

_BROKEN = (ijson.JSONError, EOFError, OSError, ValueError, zlib.error)
_STARTS = frozenset(("start_map", "start_array"))
_ENDS = frozenset(("end_map", "end_array"))


@contextmanager
def events(path: Path) -> Iterator[Iterator[Event]]:
    """(event, value) one after the other, as ijson's `basic_parse` names them.

    Numbers are float, or int of 64 bits. Raises LogError where the document breaks off.
    """
    try:
        with open_log(path) as file:
            yield ijson.basic_parse(Finite(file), use_float=True)
    except _BROKEN as error:
        raise LogError("the file is damaged or cut off from here on") from error


def select(path: Path, wanted: Wanted) -> Iterator[tuple[Keys, Any]]:
    """The values that are wanted, each behind the keys and indices that lead to it, in the file's order.

    Raises LogError where the document breaks off, and for a value that is nested too deeply.
    """
    with events(path) as found:
        yield from _selected(found, next(found), (), wanted)


def _selected(found: Iterator[Event], first: Event, at: Keys, wanted: Wanted) -> Iterator[tuple[Keys, Any]]:
    if not wanted:
        yield at, _whole(found, first, MOST_NESTED)
    elif first[0] in _STARTS:
        for index in count():
            event = next(found)
            if event[0] in _ENDS:
                return
            named = event[0] == "map_key"
            below = wanted.get(event[1] if named else EACH)
            key, event = (event[1], next(found)) if named else (index, event)
            if below is None:
                skip(found, event)
            else:
                yield from _selected(found, event, (*at, key), below)


def skip(found: Iterator[Event], first: Event) -> None:
    """Read over a value that begins with the event `first`."""
    depth = int(first[0] in _STARTS)
    while depth:
        for event, _ in found:  # most of what is passed over are numbers
            if event in _STARTS:
                depth += 1
            elif event in _ENDS:
                depth -= 1
                break


def _whole(found: Iterator[Event], first: Event, depth: int) -> Any:
    """A value that begins with the event `first`."""
    if first[0] not in _STARTS:
        return first[1]
    if depth == 0:
        raise LogError("the values are nested too deeply")
    items: list[Any] = []
    pairs: dict[str, Any] = {}
    for event, value in found:
        if event in _ENDS:
            break
        if event == "map_key":
            pairs[value] = _whole(found, next(found), depth - 1)
        else:
            items.append(_whole(found, (event, value), depth - 1) if event in _STARTS else value)
    return pairs if first[0] == "start_map" else items
