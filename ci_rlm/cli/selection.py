"""Which two trees a check compares: from flags, pre-commit, a workflow's event, or the default branch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from ci_rlm.cli.event import PRIVILEGED, Proposal, proposal, refuse_elsewhere
from ci_rlm.cli.flags import grouped
from ci_rlm.errors import GitError, UsageError

if TYPE_CHECKING:
    from ci_rlm.flow import FileChange, Range, Skipped, TrackRecord
    from ci_rlm.git import FileLimits, Repository

DIFF = "diff"
"""Both ends of the range of `--diff-file`."""


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
    if selection.base and selection.head:
        return repository.between(selection.base, selection.head, deepen=deepen)
    if selection.include_untracked:
        return repository.working(selection.base or "HEAD")
    if not selection.base and not selection.head:
        # The hook of a commit has one command line for its other stages: in a push, this is what is pushed.
        if pushed := _from_pre_commit():
            return repository.between(*pushed, deepen=deepen)
        if selection.staged:
            return repository.staged()
        refuse_elsewhere(os.environ)
    return _proposed(selection, repository, deepen=deepen)


def _proposed(selection: Selection, repository: Repository, *, deepen: bool) -> Range:
    """What the workflow's event proposes, else the default branch and HEAD, for what the flags leave open."""
    event = proposal(os.environ) or Proposal()
    base, head = selection.base or event.base, selection.head or event.head
    for commit in event.commits if deepen else ():
        if commit in (base, head):
            repository.bring(commit)
    # A base that a person names is a branch to them, even where the event's own is a state.
    forked = event.merge_base or bool(selection.base)
    return repository.between(base or repository.default_base(), head, merge_base=forked, deepen=deepen)


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
    """Where configuration is read: the working tree, or the base branch in a privileged event.

    A diff has no base commit, so in a privileged event no file configures how it is judged.
    """
    from pathlib import PurePosixPath

    from ci_rlm.cli.settings import read_plain

    if not is_privileged():
        return lambda name: read_plain(root / name)
    if repository is None or compared.base == DIFF:
        return lambda name: None
    tree = _trusted_tree(compared, repository)
    return lambda name: repository.blob(tree, PurePosixPath(name))


def track_records_of(
    named: str | None, compared: Range, repository: Repository | None, warn: Callable[[str], None]
) -> tuple[TrackRecord, ...]:
    """What the repository's scoreboard says, read from where the configuration is read.

    A damaged one is a warning. Raises UsageError where a file that the configuration names is missing.
    """
    from ci_rlm.errors import ScoreboardError
    from ci_rlm.scoreboard import MAX_BYTES, PLACE, track_records

    data = kept_file(named or PLACE, MAX_BYTES, compared, repository)
    if repository is None or (is_privileged() and compared.base == DIFF):
        return ()
    if data is None and named:
        hint = "run `ci-rlm verify`, or leave the setting out"
        raise UsageError(f"scoreboard: no regular file {named} of at most {MAX_BYTES:,} bytes", hint=hint)
    if data is None and not is_privileged() and os.path.lexists(repository.root / PLACE):
        warn(f"{PLACE} is left out of the report: it is no regular file of at most {MAX_BYTES:,} bytes")
    try:
        return () if data is None else track_records(data)
    except ScoreboardError as error:
        warn(f"{named or PLACE} is left out of the report: {error.message}")
        return ()


def kept_file(name: str, max_bytes: int, compared: Range, repository: Repository | None) -> bytes | None:
    """A file of the repository, read from where the configuration is read; None if it is not there."""
    from pathlib import PurePosixPath

    from ci_rlm.git import WORKING_TREE

    if repository is None or (is_privileged() and compared.base == DIFF):
        return None
    tree = _trusted_tree(compared, repository) if is_privileged() else WORKING_TREE
    return repository.blob(tree, PurePosixPath(name), max_bytes)


def is_privileged() -> bool:
    """Whether a stranger's code may be judged by a workflow that holds secrets."""
    return os.environ.get("GITHUB_EVENT_NAME") in PRIVILEGED


def _trusted_tree(compared: Range, repository: Repository) -> str:
    """The base branch of the event as it stands, else the base of the range.

    The merge base is a pull request's own choice: it may fork from before its gate was enforced.
    """
    event = proposal(os.environ)
    try:
        return repository.resolve(event.base) if event and event.base else compared.base
    except GitError:
        return compared.base


def _from_pre_commit() -> tuple[str, str] | None:
    before, after = os.environ.get("PRE_COMMIT_FROM_REF"), os.environ.get("PRE_COMMIT_TO_REF")
    return (before, after) if before and after else None
