"""Text that a pull request controls, made fit to be stored and shown."""

from __future__ import annotations


def storable(text: str) -> str:
    r"""Text that UTF-8 can hold: a lone surrogate, as a file name that is no UTF-8 has it, reads `\udcff`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def printable(text: str) -> str:
    r"""Text that cannot steer a terminal: controls, line breaks and bidirectional marks read as `\x1b`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def clipped(text: str, length: int) -> str:
    """At most `length` characters, the middle left out: both ends of a qualified name tell something."""
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[len(text) - tail :]}"


def counted(count: int, noun: str) -> str:
    """`1 function`, `2 functions`, `1,024 functions`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
