"""Which two trees a check compares: from flags, pre-commit, a workflow's event, or the default branch."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from ci_rlm.cli.flags import grouped
from ci_rlm.errors import UsageError
from ci_rlm.occasion import range_between

if TYPE_CHECKING:
    from ci_rlm.flow import FileChange, Range, Skipped
    from ci_rlm.git import FileLimits, Repository


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

    @property
    def given(self) -> bool:
        """Some part of the range is named."""
        named = self.base, self.head, self.staged, self.diff_file, self.include_untracked
        return bool(self.paths) or any(named)

    @property
    def names_head(self) -> bool:
        """Whether a flag says what is judged, and not the event."""
        return bool(self.head or self.staged or self.diff_file or self.include_untracked)

    def refuse_conflicts(self) -> None:
        """Raise UsageError when two flags name different ranges, or one names nothing."""
        for flag, value in (("--base", self.base), ("--head", self.head)):
            if value == "":
                raise UsageError(f"{flag} is empty", hint="name a revision, or leave the flag out")
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
    click.option(
        "--staged",
        is_flag=True,
        help="Judge what is in the index, as a commit would take it; in a pre-push hook, what is pushed.",
    ),
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
    if selection.include_untracked:
        return repository.working(selection.base or "HEAD")
    if not selection.base and not selection.head:
        # The hook of a commit has one command line for its other stages: in a push, this is what is pushed.
        if pushed := _from_pre_commit():
            return repository.between(*pushed, deepen=deepen)
        if selection.staged:
            return repository.staged()
    return range_between(repository, selection.base, selection.head, deepen=deepen)


def files_of(
    selection: Selection, compared: Range, limits: FileLimits, repository: Repository | None
) -> Iterable[FileChange | Skipped]:
    """Both sides of each file that the range changes. Raises UsageError for a path that names nothing."""
    from ci_rlm.git import patch_changes

    if selection.diff_file is not None:
        root = repository.root if repository else selection.repo
        return patch_changes(selection.diff_file.read(), limits, repository, root)
    assert repository is not None
    found = list(
        repository.changes(
            compared, limits, paths=selection.paths, include_untracked=selection.include_untracked
        )
    )
    missing = next((path for path in selection.paths if not (selection.repo / path).exists()), None)
    if missing is not None and not found:
        hint = f"if it is a revision: --base {missing}"
        raise UsageError(f"{missing} is no file or folder here, and nothing of that name changed", hint=hint)
    return found


def _from_pre_commit() -> tuple[str, str] | None:
    before, after = os.environ.get("PRE_COMMIT_FROM_REF"), os.environ.get("PRE_COMMIT_TO_REF")
    return (before, after) if before and after else None
