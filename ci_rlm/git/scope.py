"""Which files a check looks at: globs, a size limit, and what the extractor can read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from ci_rlm.globs import matches


def every_file(path: PurePosixPath) -> bool:
    """Claim each path: the default of `FileLimits.wanted`."""
    return True


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Which changed files are worth reading; globs are those of `ci_rlm.globs`."""

    include: tuple[str, ...] = ()
    """A path must match one of these; empty takes every path."""
    exclude: tuple[str, ...] = ()
    """A path that matches one of these is left out, included or not."""
    max_bytes: int = 1_048_576
    """A file with a larger side is skipped unread."""
    wanted: Callable[[PurePosixPath], bool] = every_file
    """Whether some language claims the path; other files are neither read nor reported."""
    max_total_bytes: int = 256 * 1_048_576
    """Both sides of all files of a range together, each file counted: they are in memory at one time. A
    file that would go over it is skipped unread; those that come before it by path are kept."""

    def covers(self, path: PurePosixPath) -> bool:
        """Whether the globs take the path, whatever its language."""
        included = not self.include or matches(path, self.include)
        return included and not matches(path, self.exclude)

    def accepts(self, path: PurePosixPath) -> bool:
        """Whether the globs take the path and some language claims it."""
        return self.wanted(path) and self.covers(path)
