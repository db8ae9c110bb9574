"""Quantities as people write them in a configuration: `25%`, `64 KiB`, `5 ms`.

Bytes take decimal (kB) and binary (KiB) prefixes, as IEC 80000-13 defines them.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

_WRITTEN = re.compile(r"\s*([0-9]{1,30}(?:\.[0-9]{1,30})?)\s*([^\s0-9.]*)\s*")

SCALES: dict[str, dict[str, str]] = {
    "": {"%": "0.01"},
    "B": {
        "B": "1",
        "kB": "1e3",
        "MB": "1e6",
        "GB": "1e9",
        "KiB": "1024",
        "MiB": "1048576",
        "GiB": "1073741824",
    },
    "s": {"ns": "1e-9", "us": "1e-6", "µs": "1e-6", "ms": "1e-3", "s": "1", "min": "60"},
}
"""By base unit (none for a ratio): what may be written after a number, and what it multiplies by."""


def quantity(value: object, unit: str) -> float:
    """A non-negative number in the base unit: `""` for a ratio, `B` for bytes, `s` for seconds.

    A bare number is in the base unit already. Raises ValueError that says what was expected.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"expected {_expected(unit)}, not {value!r}")
    try:
        number = _read(value, unit) if isinstance(value, str) else float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"expected a finite number that is not negative, not {value!r}")
    return number


def _read(text: str, unit: str) -> float:
    found = _WRITTEN.fullmatch(text)
    suffixes = {"": "1", **SCALES[unit]}
    if found is None or found[2] not in suffixes:
        raise ValueError(f"expected {_expected(unit)}, not {text!r}")
    # In decimal: 7 * 0.01 in binary is 0.07000000000000001, and reports print limits.
    return float(Decimal(found[1]) * Decimal(suffixes[found[2]]))


def _expected(unit: str) -> str:
    examples = {"": '0.25 or "25%"', "B": '65536 or "64 KiB"', "s": '0.005 or "5 ms"'}
    kinds = {"": "a ratio", "B": "a size in bytes", "s": "a time in seconds"}
    return f"{kinds[unit]} such as {examples[unit]}"
