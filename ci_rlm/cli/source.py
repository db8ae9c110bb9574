"""Source files and records as units."""

from __future__ import annotations

import difflib
from pathlib import Path, PurePosixPath

from ci_rlm.cli.jsonl import BadLineError, Record, text_of
from ci_rlm.errors import CiRlmError, UsageError
from ci_rlm.flow import Unit


def read_source(path: Path, max_bytes: int) -> str:
    """A source file's text. Raises CiRlmError for one that cannot be read or is no UTF-8."""
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise CiRlmError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CiRlmError(f"{path} is not UTF-8 text") from error
    if len(content) > max_bytes:
        raise CiRlmError(f"{path} is over {max_bytes:,} bytes", hint="raise max_file_size")
    return text


def program_of(path: Path, max_bytes: int) -> Unit:
    """A whole file as one unit. Raises UsageError for a language that is not read."""
    from ci_rlm import extract

    return extract.program(PurePosixPath(path), read_source(path, max_bytes), _language(path))


def function_of(path: Path, name: str, max_bytes: int) -> Unit:
    """One function of a file, by its qualified name. Raises UsageError for a name that is not there."""
    from ci_rlm import extract

    units, _ = extract.units(PurePosixPath(path), read_source(path, max_bytes), _language(path))
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
        return extract.program(path, text, language)
    units, _ = extract.units(path, text, language)
    named = [unit for unit in units if unit.name == function]
    if not named:
        raise BadLineError(f'"{key}" has no function {function!r}')
    return named[0]


def _language(path: Path) -> str:
    from ci_rlm import extract

    language = extract.language_of(PurePosixPath(path))
    if language is None:
        known = ", ".join(sorted(extract.LANGUAGES))
        raise UsageError(f"no language is known for {path}", hint=f"known suffixes: {known}")
    return language
