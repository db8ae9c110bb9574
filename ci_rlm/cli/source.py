"""Functions of files, and records, as units."""

from __future__ import annotations

import difflib
from pathlib import Path, PurePosixPath

from ci_rlm.cli.jsonl import BadLineError, Record, text_of
from ci_rlm.errors import UsageError
from ci_rlm.flow import Unit


def function_of(path: Path, name: str, max_bytes: int) -> Unit:
    """One function of a file, by its qualified name. Raises UsageError for a name that is not there."""
    from ci_rlm import extract
    from ci_rlm.extract.files import language_of_file, read_source

    units, _ = extract.units(PurePosixPath(path), read_source(path, max_bytes), language_of_file(path))
    named = {unit.name: unit for unit in units}
    if name not in named:
        near = difflib.get_close_matches(name, named, n=3, cutoff=0.4) or sorted(named)[:3]
        hint = f"there is {', '.join(near)}" if near else "no function was found in it"
        raise UsageError(f"{path} has no function {name!r}", hint=hint)
    return named[name]


def unit_of(record: Record, key: str, max_bytes: int, function: str | None = None) -> Unit:
    """A text of a JSON line as a program, or one function of it. Raises BadLineError."""
    from ci_rlm import extract

    language = text_of(record, "language", 100)
    if language not in extract.LANGUAGES.values():
        known = ", ".join(sorted(set(extract.LANGUAGES.values())))
        raise BadLineError(f"unknown language {language!r}; known: {known}")
    path, text = PurePosixPath("-"), text_of(record, key, max_bytes)
    if function is None:
        reason = extract.why_unread(text, language)
        if reason:
            raise BadLineError(f'"{key}" cannot be read: {reason}')
        return extract.program(path, text, language)
    units, _ = extract.units(path, text, language)
    named = [unit for unit in units if unit.name == function]
    if not named:
        raise BadLineError(f'"{key}" has no function {function!r}')
    return named[0]
