"""The files of one commit by path, for those who look up code where a log says it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from ci_rlm.git.plumbing import Plumbing
from ci_rlm.git.repository import Repository
from ci_rlm.git.tree import Side


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The regular files of a commit; links and submodules are left out."""

    commit: str
    """A full id."""
    committed: int
    """When it was committed, in seconds since 1970."""
    files: Mapping[PurePosixPath, str]
    """The id of each file's blob, by its path from the root."""


def snapshot_of(
    repository: Repository, revision: str, wanted: Callable[[PurePosixPath], bool] = lambda _: True
) -> Snapshot:
    """The files of a commit that are wanted. Raises GitError for an unknown revision."""
    commit = repository.resolve(revision)
    git = Plumbing(repository.root)
    committed = int(git.read("show", "--no-patch", "--format=%ct", "--no-show-signature", commit))
    listed = git.read("ls-tree", "-r", "-z", "--full-tree", commit)
    sides = (_side(line) for line in listed.split(b"\0") if line)
    files = {side.path: side.blob for side in sides if side.kind == "regular file" and wanted(side.path)}
    return Snapshot(commit, committed, files)


def _side(line: bytes) -> Side:
    """One entry of `git ls-tree -z`: mode, type, blob, a tab and the path."""
    fields, _, name = line.partition(b"\t")
    mode, _, blob = fields.decode("ascii").split(" ")
    return Side(name, mode, blob)
