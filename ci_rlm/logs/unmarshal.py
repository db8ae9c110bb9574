"""What `marshal` wrote, for the few types that statistics of cProfile are made of.

`marshal.loads` is no reader for strange files: damaged bytes can crash the interpreter. This one
reads a dictionary pair by pair, knows strings, numbers, tuples and references, and limits their
depth and size. Format: `Python/marshal.c` of CPython, versions 0 to 5.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Iterator
from typing import IO

from ci_rlm.errors import LogError

MOST_NESTED = 8
MOST_KNOWN = 1 << 22
"""Objects that references may mean."""
MOST_KEPT = 1 << 28
"""Bytes of all that references keep, as they are held."""
LONGEST_STRING = 1 << 16
LONGEST_TUPLE = 1 << 8
MOST_KEYS = 1 << 16
"""Of a dictionary inside the one that is read."""
MOST_DIGITS = 8
"""Of an integer that 32 bits do not hold, 15 bits each."""

_REFERABLE = 0x80
"""In the byte of a type: references may mean this object by its number."""
_CONSTANTS = {b"N": None, b"T": True, b"F": False}
_SHORT_STRINGS, _LONG_STRINGS = b"zZ", b"aAut"
_BROKEN = (struct.error, EOFError, OSError, ValueError, zlib.error)


class _End:
    """What stands behind the last pair of a dictionary."""


class Unmarshal:
    """One marshalled dictionary, read from its start."""

    def __init__(self, file: IO[bytes], *, inner: bool = False) -> None:
        """With `inner`, a dictionary inside the one that is read is a tuple of its keys; else it is None."""
        self._file, self._inner = file, inner
        self._known: list[object] = []
        """What references mean, by number. Dictionaries, which nothing here needs twice, are None."""
        self._kept = 0

    def pairs(self) -> Iterator[tuple[object, object]]:
        """Keys with their values. Raises LogError where the dictionary breaks off, and before code."""
        try:
            kind, _ = self._kind()
            if kind != b"{":
                raise ValueError("no dictionary")
            while (key := self._value(1)) is not _End:
                yield key, self._value(1)
        except _BROKEN as error:
            raise LogError("the file is damaged or cut off from here on") from error

    def _kind(self) -> tuple[bytes, int]:
        """The type of the next object, and the number that references know it by, or -1."""
        byte = self._bytes(1)[0]
        number = len(self._known) if byte & _REFERABLE else -1
        if number >= MOST_KNOWN:
            raise ValueError("too many objects")
        if number >= 0:
            self._known.append(None)  # numbered before what is inside it
        return bytes((byte & ~_REFERABLE,)), number

    def _value(self, depth: int, *, kept: bool = False) -> object:
        """The next object; with `kept`, it is inside one that references may mean."""
        if depth > MOST_NESTED:
            raise ValueError("nested too deeply")
        kind, number = self._kind()
        known = number >= 0 and kind != b"{"
        kept = kept or known
        if kind in b")(":
            value: object = self._tuple(kind, depth, kept=kept)
        elif kind == b"{":
            value = self._keys(depth, kept=kept)
        else:
            value = self._scalar(kind)
        if kept and kind != b"r":
            self._weigh(value)
        if known:
            self._known[number] = value
        return value

    def _weigh(self, value: object) -> None:
        self._kept += sys.getsizeof(value)
        if self._kept > MOST_KEPT:
            raise ValueError("too much to keep")

    def _tuple(self, kind: bytes, depth: int, *, kept: bool) -> tuple[object, ...]:
        length = self._bytes(1)[0] if kind == b")" else self._integer(4)
        if not 0 <= length <= LONGEST_TUPLE:
            raise ValueError("too long a tuple")
        return tuple([self._value(depth + 1, kept=kept) for _ in range(length)])

    def _keys(self, depth: int, *, kept: bool) -> tuple[object, ...] | None:
        """A dictionary inside the one that is read: who called a function."""
        keys: list[object] = []
        while (key := self._value(depth + 1, kept=kept and self._inner)) is not _End:
            self._value(depth + 1)
            if self._inner:
                keys.append(key)
                if len(keys) > MOST_KEYS:
                    raise ValueError("too large a dictionary")
        return tuple(keys) if self._inner else None

    def _scalar(self, kind: bytes) -> object:
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        if kind in _SHORT_STRINGS:
            return self._text(self._bytes(1)[0])
        if kind in _LONG_STRINGS:
            return self._text(self._integer(4))
        match kind:
            case b"i":
                return self._integer(4)
            case b"I":
                return self._integer(8)
            case b"l":
                return self._digits()
            case b"g":
                return float(struct.unpack("<d", self._bytes(8))[0])
            case b"f":
                return float(self._bytes(self._bytes(1)[0]))
            case b"r":
                return self._referred(self._integer(4))
            case b"0":
                return _End
            case b"c":
                raise LogError("the file holds code from here on, which is not read")
        raise ValueError("a type that statistics are not made of")

    def _referred(self, number: int) -> object:
        if not 0 <= number < len(self._known):
            raise ValueError("a reference to nothing")
        return self._known[number]

    def _digits(self) -> int:
        count = self._integer(4)
        if abs(count) > MOST_DIGITS:
            raise ValueError("too long an integer")
        digits = struct.unpack(f"<{abs(count)}H", self._bytes(2 * abs(count)))
        whole: int = sum(digit << (15 * place) for place, digit in enumerate(digits))
        return whole if count >= 0 else -whole

    def _text(self, length: int) -> str:
        if not 0 <= length <= LONGEST_STRING:
            raise ValueError("too long a string")
        return self._bytes(length).decode("utf-8", "replace")

    def _integer(self, size: int) -> int:
        return int.from_bytes(self._bytes(size), "little", signed=True)

    def _bytes(self, length: int) -> bytes:
        read = self._file.read(length)
        while len(read) < length:
            more = self._file.read(length - len(read))
            if not more:
                raise EOFError
            read += more
        return read
