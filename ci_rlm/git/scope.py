"""Which files a check looks at: globs, a size limit, and what the extractor can read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath


def every_file(path: PurePosixPath) -> bool:
    """Claim each path: the default of `FileLimits.wanted`."""
    return True


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Which changed files are worth reading.

    Globs are those of a `.gitignore` line, without negation: `*`, `?` and `[a-z]` stay within
    one folder, `**` crosses folders, a glob without an inner slash matches at any depth, one
    with a slash starts at the root, and a glob that names a folder takes all that lies below.
    """

    include: tuple[str, ...] = ()
    """A path must match one of these; empty takes every path."""
    exclude: tuple[str, ...] = ()
    """A path that matches one of these is left out, included or not."""
    max_bytes: int = 1_048_576
    """A file with a larger side is skipped unread."""
    wanted: Callable[[PurePosixPath], bool] = every_file
    """Whether some language claims the path; other files are neither read nor reported."""

    def covers(self, path: PurePosixPath) -> bool:
        """Whether the globs take the path, whatever its language."""
        name = path.as_posix()
        included = not self.include or any(matches(glob, name) for glob in self.include)
        return included and not any(matches(glob, name) for glob in self.exclude)

    def accepts(self, path: PurePosixPath) -> bool:
        """Whether the globs take the path and some language claims it."""
        return self.wanted(path) and self.covers(path)


def matches(glob: str, path: str) -> bool:
    """Whether a glob, with the meaning that `FileLimits` gives it, takes a path from the root."""
    return _pattern(glob).fullmatch(path) is not None


@lru_cache(maxsize=512)
def _pattern(glob: str) -> re.Pattern[str]:
    body = glob.strip("/")
    if "/" not in glob.rstrip("/"):
        body = f"**/{body}"
    translated = "".join(map(_translate, _PIECE.finditer(body)))
    below = "/.+" if glob.endswith("/") else "(?:/.+)?"
    return re.compile(f"{translated}{below}", re.DOTALL)


_PIECE = re.compile(
    r"""(?P<folders>(?<![^/])\*\*/)
      | (?P<below>(?<![^/])\*\*\Z)
      | (?P<stars>\*+)
      | (?P<one>\?)
      | \[(?P<members>[!^]?\]?[^]/]*)\]
      | \\?(?P<plain>.)""",
    re.VERBOSE | re.DOTALL,
)
_TRANSLATED = {"folders": "(?:[^/]+/)*", "below": ".+", "stars": "[^/]*", "one": "[^/]"}


def _translate(piece: re.Match[str]) -> str:
    if piece["members"]:
        return _character_class(piece["members"])
    if piece["plain"]:
        return re.escape(piece["plain"])
    return _TRANSLATED.get(str(piece.lastgroup), re.escape(piece[0]))


def _character_class(body: str) -> str:
    inverse = body[0] in "!^" and len(body) > 1
    members = body[1:] if inverse else body
    escaped = re.sub(r"([\\\[\]&~|^])", r"\\\1", members)
    return f"[^/{escaped}]" if inverse else f"(?!/)[{escaped}]"
