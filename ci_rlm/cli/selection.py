"""Which two trees a check compares: from flags, from pre-commit, or from the default branch."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from ci_rlm.cli.flags import grouped
from ci_rlm.errors import UsageError

if TYPE_CHECKING:
    from ci_rlm.flow import FileChange, Range, Skipped
    from ci_rlm.git import FileLimits, Repository

DIFF = "diff"
"""Both ends of the range of `--diff-file`."""

PRIVILEGED = frozenset({"pull_request_target", "workflow_run"})
"""Events of GitHub Actions that run with secrets while a stranger's code may be checked out."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What the command line says of the range."""

    paths: tuple[str, ...]
    base: str | None
    head: str | None
    staged: bool
    diff_file: BinaryIO | None
    include_untracked: bool
    repo: Path

    def refuse_conflicts(self) -> None:
        """Raise UsageError when two flags name different ranges."""
        ranges = {
            "--base/--head": bool(self.base or self.head),
            "--staged": self.staged,
            "--diff-file": self.diff_file is not None,
        }
        given = [flag for flag, present in ranges.items() if present]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} name different ranges", hint="give one of them")
        if self.diff_file is not None and self.paths:
            raise UsageError("--diff-file says itself which files it changes", hint="use --include for fewer")
        if self.include_untracked and (self.head or self.staged or self.diff_file):
            raise UsageError("--include-untracked is for the working tree", hint="give it with --base alone")


selection_flags = grouped(
    "selection",
    Selection,
    click.argument("paths", nargs=-1),
    click.option("--base", metavar="REV", help="Compare with the merge base of REV and the head."),
    click.option("--head", metavar="REV", help="The commit to judge.  [default: HEAD]"),
    click.option("--staged", is_flag=True, help="Judge what is in the index, as a commit would take it."),
    click.option(
        "--diff-file", type=click.File("rb"), metavar="FILE", help="Judge a unified diff; - reads it."
    ),
    click.option("--include-untracked", is_flag=True, help="Judge the working tree, untracked files too."),
    click.option(
        "-C",
        "--repo",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        default=".",
        help="Run as if started in this folder.",
    ),
)


def range_of(selection: Selection, repository: Repository, *, deepen: bool) -> Range:
    """The two trees, resolved. Raises GitError when they cannot be found."""
    if selection.staged:
        return repository.staged()
    if selection.include_untracked:
        return repository.working(selection.base or "HEAD")
    base, head = selection.base, selection.head
    if base is None and head is None:
        base, head = _from_pre_commit() or (_from_event(), None)
    return repository.between(base or repository.default_base(), head or "HEAD", deepen=deepen)


def files_of(
    selection: Selection, compared: Range, limits: FileLimits, repository: Repository | None
) -> Iterable[FileChange | Skipped]:
    """Both sides of each file that the range changes."""
    from ci_rlm.git import patch_changes

    if selection.diff_file is not None:
        root = repository.root if repository else selection.repo
        return patch_changes(selection.diff_file.read(), limits, repository, root)
    assert repository is not None
    return repository.changes(
        compared, limits, paths=selection.paths, include_untracked=selection.include_untracked
    )


def reader_of_config(
    compared: Range, repository: Repository | None, root: Path
) -> Callable[[str], bytes | None]:
    """Where configuration is read: the working tree, or the base commit in a privileged event.

    A diff has no base commit, so in a privileged event no file configures how it is judged.
    """
    from pathlib import PurePosixPath

    from ci_rlm.cli.settings import read_plain

    if os.environ.get("GITHUB_EVENT_NAME") not in PRIVILEGED:
        return lambda name: read_plain(root / name)
    if repository is None or compared.base == DIFF:
        return lambda name: None
    return lambda name: repository.blob(compared.base, PurePosixPath(name))


def _from_pre_commit() -> tuple[str, str] | None:
    before, after = os.environ.get("PRE_COMMIT_FROM_REF"), os.environ.get("PRE_COMMIT_TO_REF")
    return (before, after) if before and after else None


def _from_event() -> str | None:
    """The base of the pull request that the workflow runs for: of stacked ones, the branch below."""
    path = os.environ.get("GITHUB_EVENT_PATH")
    if os.environ.get("GITHUB_EVENT_NAME") != "pull_request" or not path:
        return None
    try:
        branch = json.loads(Path(path).read_bytes())["pull_request"]["base"]["ref"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"GITHUB_EVENT_PATH holds no pull request: {path}", hint="name --base") from error
    return f"origin/{branch}"
