"""Single values of a log, of which no type is taken for granted."""

from __future__ import annotations

from datetime import UTC, datetime

from ci_rlm.logs.opening import to_base

MOST_COUNTED = 10**12


def at(value: object, *keys: str) -> object:
    """What nested objects hold under `keys`; None where there is no such thing."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def text(value: object) -> str:
    """A string that UTF-8 can hold; empty for anything else."""
    # "\ud800" is a string of JSON, and half a character of no encoding.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def shown(value: object) -> str:
    """A parameter as text: strings as they are, numbers and the rest as Python writes them."""
    return text(value) if isinstance(value, str) else text(repr(value))


def number(value: object) -> float:
    """A number that JSON holds. Raises ValueError for anything else, true and false included."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("the value is not a number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError("the value is not a finite number of at least 0") from None


def seconds(value: object, unit: str) -> float:
    """A time in seconds. Raises ValueError if it is none."""
    return _of("s", number(value), unit)


def size(value: object, unit: str) -> float:
    """A size in bytes. Raises ValueError if it is none."""
    return _of("B", number(value), unit)


def bound(value: object, unit: str) -> float | None:
    """An end of an interval, in seconds or bytes; None where the log has none that makes sense."""
    try:
        return to_base(number(value), unit)[0]
    except ValueError:
        return None


def count(value: object) -> int:
    """How many times something was done: 1 where the log does not say, or says what cannot be."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and 1 <= value <= MOST_COUNTED else 1


def moment(value: object) -> str:
    """A moment in UTC as ISO 8601, from such a text or from milliseconds since 1970; empty for others."""
    try:
        if isinstance(value, str):
            read = datetime.fromisoformat(value)
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
        return datetime.fromtimestamp(number(value) / 1000, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def _of(base: str, value: float, unit: str) -> float:
    scaled, found = to_base(value, unit)
    if found != base:
        raise ValueError(f"unit {unit!r} is not one of {'time' if base == 's' else 'memory'}")
    return scaled
