"""What of a repository matters to whoever sets a check up in it: its files, remote, hooks and depth."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ci_rlm.git.plumbing import Plumbing
from ci_rlm.git.repository import Repository
from ci_rlm.git.tree import shown


@dataclass(frozen=True, slots=True)
class About:
    """How a repository stands here."""

    shallow: bool
    """Its history was cut when it was cloned."""
    remote: str
    """The address of `origin`, as configured; empty without one. It may hold a password."""
    hooks: Path
    """The folder that git takes hooks from."""


def about(repository: Repository) -> About:
    """What git says of a repository. Raises GitError."""
    git = Plumbing(repository.root)

    def text(*arguments: str) -> str:
        return os.fsdecode(git.read(*arguments, allow=(0, 1))).strip()

    # The last value is our own: the room turns hooks off for what it runs.
    configured = text("config", "--get-all", "core.hooksPath").splitlines()[:-1]
    folder = configured[-1] if configured else os.path.join(text("rev-parse", "--git-common-dir"), "hooks")  # noqa: PTH118
    return About(
        shallow=text("rev-parse", "--is-shallow-repository") == "true",
        remote=text("config", "--get", "remote.origin.url"),
        hooks=repository.root / Path(folder).expanduser(),
    )


def files_of_tree(repository: Repository) -> tuple[PurePosixPath, ...]:
    """The paths of the working tree that git tracks or does not ignore, sorted. Raises GitError."""
    git = Plumbing(repository.root)
    listed = git.read("ls-files", "--cached", "--others", "--exclude-standard", "-z")
    return tuple(sorted({shown(name) for name in listed.split(b"\0") if name}))
