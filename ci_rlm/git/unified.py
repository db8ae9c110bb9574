"""Reading unified diffs, as git, `diff -u` or a mailed patch spell them.

A diff from outside is hostile text: hunk bodies are counted against their headers, so that a
line inside a hunk can never pose as a header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ci_rlm.git.hunks import Hunk, split_lines

_HEADERS = {
    b"index ": "index",
    b"old mode ": "mode",
    b"new mode ": "mode",
    b"new file mode ": "mode",
    b"deleted file mode ": "mode",
    b"rename from ": "renamed_from",
    b"rename to ": "renamed_to",
    b"copy from ": "renamed_from",
    b"copy to ": "renamed_to",
    b"--- ": "before",
    b"+++ ": "after",
    b"Binary files ": "binary",
    b"GIT binary patch": "binary",
}
_HUNK = re.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_INDEX = re.compile(rb"([0-9a-f]{4,64})\.\.[0-9a-f]{4,64}(?: (\d{6}))?")
_PREFIXES = {(b"a/", b"b/"), (b"i/", b"w/"), (b"c/", b"i/"), (b"c/", b"w/"), (b"o/", b"w/"), (b"1/", b"2/")}


@dataclass(frozen=True, slots=True)
class FilePatch:
    """What a unified diff says of one file."""

    before: bytes | None
    """The path as the diff spells it, prefix removed; None for a new file."""
    after: bytes | None
    """None for a deleted file."""
    before_id: str = ""
    """Possibly abbreviated blob id of the before side, if the diff gives one."""
    mode: str = ""
    """git's octal file mode, if the diff gives one."""
    hunks: tuple[Hunk, ...] = ()
    problem: str = ""
    """Why the file's hunks cannot be used: one clause, empty if they can."""
    line: int = field(default=0, compare=False)
    """Where the diff comes to this file, counted from 1."""


def read_patch(patch: bytes) -> Iterator[FilePatch]:
    """Read the files of a unified diff, as git, `diff -u` or a mailed patch spell it.

    Text around the files is passed over; a file whose hunks are damaged has a `problem`.
    """
    lines = split_lines(patch)
    at = 0
    while at < len(lines):
        if _opens_file(lines, at):
            opened = at + 1
            file, at = _read_file(lines, at)
            yield replace(file, line=opened)
        else:
            at += 1


def _opens_file(lines: list[bytes], at: int) -> bool:
    if lines[at].startswith((b"diff --git ", b"diff --cc ", b"diff --combined ")):
        return True
    return lines[at].startswith(b"--- ") and at + 1 < len(lines) and lines[at + 1].startswith(b"+++ ")


def _read_file(lines: list[bytes], at: int) -> tuple[FilePatch, int]:
    first = lines[at]
    if not first.startswith((b"diff --git ", b"--- ")):
        name = first.split(b" ", 2)[2].rstrip(b"\r\n")
        return FilePatch(name, name, problem="a combined diff of a merge has no single before side"), at + 1
    headers, at = _read_headers(lines, at)
    file = _named(first, headers)
    try:
        hunks, at = _read_hunks(lines, at)
    except ValueError as error:
        return replace(file, problem=str(error)), at + 1
    return replace(file, hunks=hunks), at


def _read_headers(lines: list[bytes], at: int) -> tuple[dict[str, bytes], int]:
    headers: dict[str, bytes] = {}
    start = at
    at += lines[at].startswith(b"diff --git ")
    while at < len(lines) and not (at > start and "after" in headers):
        field = next(((p, n) for p, n in _HEADERS.items() if lines[at].startswith(p)), None)
        if field is None and not lines[at].startswith((b"similarity index ", b"dissimilarity index ")):
            break
        if field is not None:
            headers[field[1]] = lines[at][len(field[0]) :].rstrip(b"\r\n")
        at += 1
    return headers, at


def _named(first: bytes, headers: dict[str, bytes]) -> FilePatch:
    """The file without its hunks: names, ids and mode from its headers."""
    before, after = _names(first, headers)
    index = _INDEX.match(headers.get("index", b""))
    mode = headers.get("mode") or (index and index[2]) or b""
    return FilePatch(
        before=before,
        after=after,
        before_id=index[1].decode() if index else "",
        mode=mode.decode("ascii", "replace"),
        problem="binary" if "binary" in headers else "",
    )


def _names(first: bytes, headers: dict[str, bytes]) -> tuple[bytes | None, bytes | None]:
    if "renamed_from" in headers and "renamed_to" in headers:
        return _name(headers["renamed_from"]), _name(headers["renamed_to"])
    if "before" in headers and "after" in headers:
        return _without_prefixes(_name(headers["before"]), _name(headers["after"]))
    # Both halves of the line name the same file, or there would be `rename` lines.
    both = first.removeprefix(b"diff --git ").rstrip(b"\r\n")
    middle = len(both) // 2
    return _without_prefixes(_name(both[:middle]), _name(both[middle + 1 :]))


def _without_prefixes(before: bytes | None, after: bytes | None) -> tuple[bytes | None, bytes | None]:
    left, right = before and before[:2], after and after[:2]
    known = any(left in (pair[0], None) and right in (pair[1], None) for pair in _PREFIXES)
    return (before and before[2:], after and after[2:]) if known else (before, after)


def _name(value: bytes) -> bytes | None:
    name = _unquoted(value) if value.startswith(b'"') else value.split(b"\t")[0]
    return None if name == b"/dev/null" else name


_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_LETTERS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def _unquoted(value: bytes) -> bytes:
    """A path that git quoted the way C quotes a string."""
    inside = value[1:].rpartition(b'"')[0]
    return _ESCAPE.sub(lambda match: _unescaped(match[1]), inside)


def _unescaped(code: bytes) -> bytes:
    return bytes([int(code, 8) & 0xFF]) if len(code) == 3 else _LETTERS.get(code, code)


def _read_hunks(lines: list[bytes], at: int) -> tuple[tuple[Hunk, ...], int]:
    hunks: list[Hunk] = []
    while at < len(lines) and (header := _HUNK.match(lines[at])):
        hunk, at = _read_hunk(lines, at + 1, header)
        hunks.append(hunk)
    return tuple(hunks), at


def _read_hunk(lines: list[bytes], at: int, header: re.Match[bytes]) -> tuple[Hunk, int]:
    first_before, count_before, first_after, count_after = (
        1 if number is None else int(number) for number in header.groups()
    )
    body, at = _read_body(lines, at, count_before, count_after)
    # A side without lines is placed by the line that it follows.
    before_index = first_before - (count_before > 0)
    after_index = first_after - (count_after > 0)
    if min(before_index, after_index) < 0:
        raise ValueError("a hunk starts before the first line")
    before = tuple(text for tag, text in body if tag != b"+")
    after = tuple(text for tag, text in body if tag != b"-")
    return Hunk(before_index, after_index, before, after), at


def _read_body(lines: list[bytes], at: int, before: int, after: int) -> tuple[list[tuple[bytes, bytes]], int]:
    """Tagged lines, until as many of both sides are read as the hunk's header counts."""
    body: list[tuple[bytes, bytes]] = []
    while before > 0 or after > 0:
        tag, text = _tagged(lines[at]) if at < len(lines) else (b"", b"")
        if tag == b"\\" and body:
            body[-1] = (body[-1][0], body[-1][1].removesuffix(b"\n"))
        elif tag in (b" ", b"-", b"+"):
            body.append((tag, text))
            before -= tag != b"+"
            after -= tag != b"-"
        else:
            raise ValueError("a hunk ends before its header says")
        at += 1
    if min(before, after) < 0:
        raise ValueError("a hunk holds more lines than its header says")
    if body and at < len(lines) and lines[at].startswith(b"\\"):
        body[-1] = (body[-1][0], body[-1][1].removesuffix(b"\n"))
        at += 1
    return body, at


def _tagged(line: bytes) -> tuple[bytes, bytes]:
    # Mail clients strip the blank that marks an empty context line.
    line = b" " + line if line in (b"\n", b"\r\n") else line
    return line[:1], line[1:] if line.endswith(b"\n") else line[1:] + b"\n"
