"""Opening logs: plain or gzip, never more of them in memory than is asked for."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import IO, cast

from ci_rlm.errors import LogError
from ci_rlm.logs import HEAD_BYTES

_GZIP = b"\x1f\x8b"

SECONDS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "second": 1.0, "ms": 1e-3, "milliseconds": 1e-3}
SECONDS |= {"us": 1e-6, "µs": 1e-6, "μs": 1e-6, "microseconds": 1e-6, "ns": 1e-9, "nanoseconds": 1e-9}
SECONDS |= {"usecond": 1e-6, "msecond": 1e-3, "nsecond": 1e-9, "m": 60.0, "min": 60.0, "h": 3600.0}
BYTES = {"B": 1.0, "byte": 1.0, "bytes": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}
BYTES |= {"KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40}


class _Gzip(gzip.GzipFile):
    """Hands out what it can of a file that is cut off, before it raises."""

    def read(self, size: int | None = -1) -> bytes:
        """At most `size` bytes, and fewer where no more is at hand."""
        return self.read1(size) if size and size > 0 else super().read(size)


def open_log(path: Path) -> IO[bytes]:
    """A log's bytes, decompressed if they are gzip. Raises LogError."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise LogError(f"cannot read {path}: {error.strerror}") from error
    start = file.read(2)
    file.seek(0)
    return cast("IO[bytes]", _Gzip(fileobj=file)) if start == _GZIP else file


def head_of(path: Path) -> bytes:
    """The first bytes of a log, decompressed. Raises LogError."""
    head = b""
    try:
        with open_log(path) as file:
            while len(head) < HEAD_BYTES and (piece := file.read(HEAD_BYTES - len(head))):
                head += piece
    except (OSError, EOFError, zlib.error) as error:
        if not head:
            raise LogError(f"cannot read {path}: {error}") from error
    return head


def to_base(value: float, unit: str) -> tuple[float, str]:
    """A value in seconds or bytes, and which of the two (`s`, `B`).

    Raises ValueError for a unit of neither, and for what is not finite or negative.
    """
    if not math.isfinite(value) or value < 0:
        raise ValueError("the value is not a finite number of at least 0")
    for scales, base in ((SECONDS, "s"), (BYTES, "B")):
        if unit in scales:
            scaled = value * scales[unit]
            if not math.isfinite(scaled):
                raise ValueError("the value is not a finite number of at least 0")
            return scaled, base
    raise ValueError(f"unit {unit!r} is neither of time nor of memory")
