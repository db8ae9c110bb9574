"""Statistics of cProfile and profile: `python -m cProfile -o FILE`, or `Stats.dump_stats`.

A marshalled dictionary: (file, first line, function) → (primitive calls, calls, own time, cumulative
time, callers). Times are of the profiler's timer, which the file does not tell: wall time, unless
someone chose another. A call of a generator or coroutine counts once for each time that it goes on.
`python -m profile` (not cProfile) puts a code object among the functions: what is behind it is lost.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TypeGuard

from ci_rlm.errors import LogError
from ci_rlm.logs import Bad, Call, Kind, Measurement, Options, Place
from ci_rlm.logs.below import attributed
from ci_rlm.logs.opening import open_log, to_base
from ci_rlm.logs.stacks import LONGEST_NAME, TOO_LONG, Frame, summed
from ci_rlm.logs.unmarshal import Unmarshal
from ci_rlm.logs.values import number

_START = re.compile(rb"[\x7b\xfb](?:[\x29\xa9]\x03|[\x28\xa8]\x03\0\0\0)[zZaAut\xfa\xda\xe1\xc1\xf5\xf4]")
"""A dictionary whose first key is a tuple of three with a string in front."""


MOST_CALLERS = 1 << 20
"""Of all functions of one log together."""
_BUILT_IN = "<built in>"
_NO_FUNCTION = "the entry is of no function"
_NO_TIMES = "the entry is not a count of calls and their times"


_Callees = dict[Frame, dict[Frame, None]]
"""By caller."""


def sniff(head: bytes, path: Path) -> bool:
    """By its first key; no JSON has a tuple in front."""
    return _START.match(head) is not None


def read(path: Path, options: Options) -> Iterator[Measurement | Bad]:
    """Of each function the cumulative time of a call, recursion within it included, and all own time."""
    index, total = -1, 0.0
    try:
        with open_log(path) as file:
            for index, (key, value) in enumerate(Unmarshal(file).pairs()):
                try:
                    yield from _measured(key, value)
                    total += _own(value)
                except ValueError as error:
                    yield Bad(f"entry {index}", str(error))
    except LogError as error:
        if index < 0:
            raise
        yield Bad(f"after entry {index}", error.message)
    if options.whole and total > 0:
        yield Measurement(Place(), "wall_time", Kind.CUMULATIVE, total, "cprofile")


def calls(path: Path, starts: Collection[str]) -> Iterator[Call | Bad]:
    """What ran below one of the starts, as far as callers tell (`attributed`)."""
    callees: _Callees = defaultdict(dict)
    yield from summed(_callers(path, callees), sums=attributed(callees, starts))


def _callers(path: Path, callees: _Callees) -> Iterator[Bad]:
    """Put every function among the callees of its callers. Raises LogError where the file breaks off."""
    count = 0
    with open_log(path) as file:
        for index, (key, value) in enumerate(Unmarshal(file, inner=True).pairs()):
            try:
                function, callers = _frame(key), [_frame(each) for each in _keys(value)]
            except ValueError as error:
                yield Bad(f"entry {index}", str(error))
                continue
            count += len(callers)
            if count > MOST_CALLERS:
                raise LogError(f"the log tells more than {MOST_CALLERS:,} callers")
            for caller in callers:
                callees[caller][function] = None


def _frame(key: object) -> Frame:
    """Raises ValueError for what is no function."""
    if not (isinstance(key, tuple) and len(key) == 3 and isinstance(key[0], str) and _is_place(key[1:])):
        raise ValueError(_NO_FUNCTION)
    file, line, name = key
    if max(len(file), len(name)) > LONGEST_NAME:
        raise ValueError(TOO_LONG)
    return Frame(name, _BUILT_IN if file == "~" else file, line)


def _keys(value: object) -> tuple[object, ...]:
    """Who called a function. Raises ValueError."""
    if not (isinstance(value, tuple) and len(value) == 5 and isinstance(value[4], tuple)):
        raise ValueError(_NO_TIMES)
    return value[4]


def _measured(key: object, value: object) -> Iterator[Measurement]:
    """Raises ValueError with the reason if there is nothing."""
    if not (isinstance(key, tuple) and len(key) == 3 and isinstance(key[0], str) and _is_place(key[1:])):
        raise ValueError(_NO_FUNCTION)
    if not (isinstance(value, tuple) and len(value) == 5):
        raise ValueError(_NO_TIMES)
    file, line, name = key
    primitive, every = (_calls(count) for count in value[:2])
    own, cumulative = (to_base(number(seconds), "s")[0] for seconds in value[2:4])
    if Frame(name, file).is_function and file != "~":
        place = Place(name, file, line)
        yield Measurement(place, "wall_time", Kind.PER_CALL, cumulative / primitive, "cprofile", n=primitive)
        yield Measurement(place, "wall_time", Kind.SELF, own, "cprofile", n=every)


def _own(value: object) -> float:
    """The own time of an entry that was measured, built-in functions too. Raises ValueError."""
    assert isinstance(value, tuple)
    return to_base(number(value[2]), "s")[0]


def _is_place(pair: tuple[object, ...]) -> TypeGuard[tuple[int, str]]:
    return type(pair[0]) is int and pair[0] >= 0 and isinstance(pair[1], str)


def _calls(count: object) -> int:
    if type(count) is not int or count < 1:
        raise ValueError("no call of the function came to an end")
    return count
