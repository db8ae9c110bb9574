"""Changed bytes to units, and units before to units after. Nothing here runs what it reads."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import PurePosixPath

from ci_rlm.extract.outline import Broken, Outline, simple
from ci_rlm.extract.pair import by_name, elsewhere, has_changed, is_equal
from ci_rlm.extract.python import outline as python_outline
from ci_rlm.extract.python_tree import PARSE_SECONDS, first_error
from ci_rlm.extract.remarks import Remark, remarks
from ci_rlm.flow import Change, FileChange, Kind, Skipped, Span, Unit

LANGUAGES: dict[str, str] = {".py": "python"}
"""By suffix. Stub files (`.pyi`) never run, so they have no row."""
_OUTLINES: dict[str, Callable[[PurePosixPath, str], Outline | None]] = {"python": python_outline}
_LINES_OF_ERRORS: dict[str, Callable[[str], int]] = {"python": first_error}
_MAY_EXIST = "line {} does not parse, so it may still exist"
_NO_BEFORE = "line {} of the version before does not parse, so nothing compares with it"
_LINE_END = re.compile(r"(?<!\r)\r+\n")
# A carriage return alone ends a line for Python and none for git, so no span would hold for both.
_NO_TEXT = re.compile("[\0\r\ud800-\udfff]")


_ENCODING = re.compile(r"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
"""As Python finds it in the first two lines (PEP 263)."""
_LIKE_ASCII = re.compile(
    r"u8|utf-?8(-.*)?|(us-)?ascii|l1|(iso-?)?(latin-?|8859-?)\d+(-.*)?|(cp|windows-)125\d", re.IGNORECASE
)
"""Encodings in which text reads as it does in UTF-8, but for letters beyond ASCII."""


def language_of(path: PurePosixPath) -> str | None:
    """The language of a file by its suffix, or None if it is none that units are cut from."""
    return LANGUAGES.get(path.suffix)


def units(path: PurePosixPath, text: str, language: str) -> tuple[tuple[Unit, ...], tuple[Skipped, ...]]:
    """All units of a text with their context, and what of it could not be read.

    Names are as `__qualname__` has them; the second definition of one name in a file is
    called `name#2`, and so on. Raises KeyError for a language without a row in the table.
    """
    outline = _outline(path, text, language)
    if isinstance(outline, Skipped):
        return (), (outline,)
    found = tuple(outline.with_context(unit) for unit in outline.units)
    return found, tuple(_skipped(path, outline.broken))


def program(path: PurePosixPath, text: str, language: str) -> Unit:
    """A whole text as one unit, named after its file; its lines end with a newline alone."""
    source = _plain(text)
    return Unit(path, path.name, Kind.PROGRAM, language, Span(1, source.count("\n") + 1), source)


def why_unread(text: str, language: str) -> str:
    """Why a whole text cannot be read as a program, in one clause; empty if it can."""
    plain = _plain(text)
    if not plain.strip():
        return "there is no code in it"
    outline = _outline(PurePosixPath("-"), plain, language)
    if isinstance(outline, Skipped):
        return outline.reason
    line = _LINES_OF_ERRORS[language](plain)
    return f"line {line} does not parse" if line else ""


def remarks_of(path: PurePosixPath, data: bytes | None, marker: str) -> tuple[Remark, ...]:
    """The comments of a file that hold the marker; none of a file that is no readable code."""
    language = language_of(path)
    if data is None or language is None or marker.encode() not in data:
        return ()
    text = _plain(data.decode("utf-8", "surrogateescape"))
    return () if _NO_TEXT.search(text) else remarks(text, language, marker)


def changes(files: Iterable[FileChange]) -> Iterator[Change | Skipped]:
    """What changed, over all files: skipped places first, then changes by path, line and name.

    A unit is a change when its text, its lines, its file or its name changed; a change of
    its callees or constants alone is theirs. All files are read before the first answer,
    since a unit may have moved from any of them to any other.
    """
    found = _Found()
    for file in files:
        _add(file, found)
    moved = elsewhere(found.before, found.after)
    found.changes.extend(Change(one, other, is_equal(one, other)) for one, other in moved.pairs)
    found.changes.extend(Change(unit, None) for unit in moved.before)
    found.changes.extend(Change(None, unit) for unit in moved.after)
    yield from sorted(found.skipped, key=lambda skipped: (skipped.path, skipped.name, skipped.reason))
    yield from sorted(found.changes, key=_place)


@dataclass(slots=True)
class _Found:
    """What the files read so far gave; `before` and `after` wait for a match in another file."""

    changes: list[Change] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    before: list[Unit] = field(default_factory=list)
    after: list[Unit] = field(default_factory=list)


def _add(file: FileChange, found: _Found) -> None:
    before = _side(file.before_path or file.path, file.before)
    after = _side(file.path, file.after)
    if isinstance(after, Skipped):
        found.skipped.append(after)
    elif isinstance(before, Skipped):
        found.skipped.append(Skipped(file.path, "", f"the version before cannot be read: {before.reason}"))
    else:
        _compare(file, before, after, found)


def _compare(file: FileChange, before: Outline, after: Outline, found: _Found) -> None:
    named = by_name(before.units, after.units)
    for one, other in named.pairs:
        if has_changed(one, other) or _touched(file, one, other):
            equal = is_equal(one, other)
            found.changes.append(Change(before.with_context(one), after.with_context(other), equal))
    skipped = (
        *_skipped(file.path, _only_in(after.broken, before.broken)),
        *_uncertain(file.path, named.before, after, _MAY_EXIST),
        *_uncertain(file.path, named.after, before, _NO_BEFORE),
    )
    found.skipped.extend({(one.path, one.name): one for one in reversed(skipped)}.values())
    found.before.extend(before.with_context(unit) for unit in _certain(named.before, after))
    found.after.extend(after.with_context(unit) for unit in _certain(named.after, before))


def _touched(file: FileChange, before: Unit, after: Unit) -> bool:
    return _meets(before.span, file.touched_before) or _meets(after.span, file.touched)


def _meets(span: Span, touched: Sequence[Span]) -> bool:
    """Whether a span has a line of others, which ascend."""
    at = bisect_left(touched, span.first, key=attrgetter("last"))
    return at < len(touched) and touched[at].first <= span.last


def _certain(alone: Iterable[Unit], other: Outline) -> Iterator[Unit]:
    """Units that the other side lacks, and not merely because it does not parse there."""
    hidden = other.hidden()
    return (unit for unit in alone if simple(unit.name) not in hidden)


def _uncertain(path: PurePosixPath, alone: Iterable[Unit], other: Outline, reason: str) -> Iterator[Skipped]:
    """Units that the other side may have where it does not parse: neither new nor removed."""
    hidden = other.hidden()
    for unit in alone:
        if simple(unit.name) in hidden:
            yield Skipped(path, unit.name, reason.format(hidden[simple(unit.name)]))


def _only_in(broken: Iterable[Broken], others: Iterable[Broken]) -> Iterator[Broken]:
    """Places that a change brought or touched: the same text did not parse before is no news."""
    known = {(place.name, place.source) for place in others}
    return (place for place in broken if (place.name, place.source) not in known)


def _skipped(path: PurePosixPath, broken: Iterable[Broken]) -> Iterator[Skipped]:
    """One value a definition, and one for all that lies outside of definitions."""
    first: dict[str, int] = {}
    for place in broken:
        first.setdefault(place.name, place.line)
    for name, line in first.items():
        lost = "" if name else ", so functions around it may be missing"
        yield Skipped(path, name, f"line {line} does not parse{lost}")


def _side(path: PurePosixPath, data: bytes | None) -> Outline | Skipped:
    language = language_of(path)
    if data is None or language is None:
        return Outline((), (), lambda _unit: ())
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return Skipped(path, "", f"not UTF-8 at byte {error.start}")
    return _outline(path, text, language)


def _outline(path: PurePosixPath, text: str, language: str) -> Outline | Skipped:
    outline = _OUTLINES[language]
    plain = _plain(text)
    unreadable = _NO_TEXT.search(plain)
    if unreadable:
        line = plain.count("\n", 0, unreadable.start()) + 1
        return Skipped(path, "", f"line {line} holds the control character {unreadable[0]!a}")
    encoding = _other_encoding(plain)
    if encoding:
        return Skipped(path, "", f"declares the encoding {encoding}, in which comments may be code")
    return outline(path, plain) or Skipped(path, "", f"took over {PARSE_SECONDS:.0f} s to parse")


def _other_encoding(text: str) -> str:
    """The encoding that a Python text declares, if it is none that it can be read without; else empty."""
    for line in text.split("\n", 2)[:2]:
        declared = _ENCODING.match(line)
        if declared:
            return "" if _LIKE_ASCII.fullmatch(declared[1].replace("_", "-")) else declared[1]
        if not line.lstrip(" \t\f").startswith("#") and line.strip(" \t\f"):
            break
    return ""


def _plain(text: str) -> str:
    return _LINE_END.sub("\n", text.removeprefix("\ufeff"))


def _place(change: Change) -> tuple[PurePosixPath, int, str, bool]:
    unit = change.unit
    return unit.path, unit.span.first, unit.name, change.after is None
