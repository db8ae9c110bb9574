"""When a commit was made."""

from __future__ import annotations

from ci_rlm.git.plumbing import Plumbing
from ci_rlm.git.repository import Repository


def moment_of(repository: Repository, revision: str) -> int:
    """When a commit was committed, in seconds since 1970. Raises GitError for an unknown revision."""
    commit = repository.resolve(revision)
    git = Plumbing(repository.root)
    return int(git.read("show", "--no-patch", "--format=%ct", "--no-show-signature", commit))
