"""Programs from texts and files that somebody names, as units."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ci_rlm import extract
from ci_rlm.errors import CiRlmError, UsageError
from ci_rlm.flow import Unit


def program_of(source: str | Path, max_bytes: int, language: str = "") -> Unit:
    """A whole file as one unit, or a text in `language`; a file's language is that of its suffix.

    Raises UsageError for a language that is not read, CiRlmError for what is too large, cannot be read or
    does not parse.
    """
    if isinstance(source, Path):
        return _whole(PurePosixPath(source), read_source(source, max_bytes), language_of_file(source))
    if language not in extract.LANGUAGES.values():
        known = ", ".join(sorted(set(extract.LANGUAGES.values())))
        raise UsageError(f"no language {language!r} is read", hint=f"known: {known}")
    content = source.encode("utf-8", "surrogatepass")
    return _whole(PurePosixPath("-"), _decoded(content, "the source", max_bytes), language)


def _whole(path: PurePosixPath, text: str, language: str) -> Unit:
    reason = extract.why_unread(text, language)
    if reason:
        name = "the source" if path.name == "-" else path
        raise CiRlmError(f"{name} cannot be read: {reason}", hint="name code that runs")
    return extract.program(path, text, language)


def read_source(path: Path, max_bytes: int) -> str:
    """A source file's text. Raises CiRlmError for one that cannot be read or is no UTF-8."""
    try:
        with path.open("rb") as file:
            return _decoded(file.read(max_bytes + 1), str(path), max_bytes)
    except OSError as error:
        raise CiRlmError(f"cannot read {path}: {error.strerror}") from error


def language_of_file(path: Path) -> str:
    """Told by the suffix. Raises UsageError for one that no language has."""
    language = extract.language_of(PurePosixPath(path))
    if language is None:
        known = ", ".join(sorted(extract.LANGUAGES))
        raise UsageError(f"no language is known for {path}", hint=f"known suffixes: {known}")
    return language


def _decoded(content: bytes, name: str, max_bytes: int) -> str:
    # The size first: a text that is cut at its limit may end amid a character.
    if len(content) > max_bytes:
        raise CiRlmError(f"{name} is over {max_bytes:,} bytes", hint="raise max_file_size")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CiRlmError(f"{name} is not UTF-8 text") from error
