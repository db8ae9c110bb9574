"""JSON with bare NaN and Infinity, which Python's own module writes, as JSON without."""

from __future__ import annotations

import re
from typing import IO

MAX_STRING_BYTES = 8 * 1_048_576
"""What the parser needs for a string grows with the square of its length: 45 s for 100 MB."""

_STRING_REST = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_STRING_OR_WORD = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|-?\bInfinity\b|\bNaN\b', re.DOTALL)
_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_BREAKS = tuple(bytes((byte,)) for byte in b' \n,:"[]{}')
_LONGER_THAN_A_WORD = 32


class Finite:
    """A stream of JSON in which NaN, Infinity and -Infinity read as null; strings stay as they are.

    A string over `MAX_STRING_BYTES` raises ValueError.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._rest = b""
        self._in_string = False
        self._since_quote = 0

    def read(self, size: int = -1) -> bytes:
        """About `size` more bytes; none only at the end."""
        while size:
            chunk = self._file.read(size)
            held = self._rest + chunk
            cut = _safe_end(held) if chunk else len(held)
            piece, self._rest = held[:cut], held[cut:]
            if piece or not chunk:
                return self._finite(piece)
        return b""

    def _finite(self, piece: bytes) -> bytes:
        rest = _STRING_REST.match(piece) if self._in_string else None
        quotes = (_ESCAPED.sub(b"", piece) if b"\\" in piece else piece).count(b'"')
        self._in_string ^= bool(quotes % 2)
        self._check_string(piece)
        if b"NaN" not in piece and b"Infinity" not in piece:
            return piece
        begin = rest.end() if rest else 0
        return piece[:begin] + _STRING_OR_WORD.sub(_null_for_word, piece[begin:])

    def _check_string(self, piece: bytes) -> None:
        quote = piece.rfind(b'"')
        self._since_quote = len(piece) + (self._since_quote if quote < 0 else -quote)
        if self._in_string and self._since_quote > MAX_STRING_BYTES:
            raise ValueError(f"a string is longer than {MAX_STRING_BYTES} bytes")


def _null_for_word(found: re.Match[bytes]) -> bytes:
    return found[0] if found[0].startswith(b'"') else b"null"


def _safe_end(held: bytes) -> int:
    """An end that splits neither a word nor an escaped character; 0 if more is needed to tell."""
    end = 1 + max(held.rfind(mark) for mark in _BREAKS)
    if end or len(held) < _LONGER_THAN_A_WORD:
        return end
    return len(held) - (len(held) - len(held.rstrip(b"\\"))) % 2
