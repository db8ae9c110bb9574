"""The changes of a unified diff that came from outside, as `Repository.changes` gives those of a range."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path, PurePosixPath

from ci_rlm.errors import GitError
from ci_rlm.flow import FileChange, Skipped
from ci_rlm.git.contents import Content, escapes, file_change, judged, oversize, read_inside
from ci_rlm.git.hunks import apply_hunks, revert_hunks
from ci_rlm.git.plumbing import Blobs
from ci_rlm.git.repository import Repository
from ci_rlm.git.scope import FileLimits
from ci_rlm.git.tree import shown
from ci_rlm.git.unified import FilePatch, read_patch

_STALE = "the diff fits neither the blob that it names nor the working file"


def patch_changes(
    patch: bytes, limits: FileLimits, repository: Repository | None, root: Path
) -> Iterator[FileChange | Skipped]:
    """The files that a unified diff changes, by path.

    The before side is the blob that the diff names, if the repository has it; else the file
    below `root`: the after side if the hunks can be undone there, or the before side if they
    can be applied. Nothing is written, and a path that leads out of `root` is skipped. Raises
    GitError for text without a diff.
    """
    files = sorted(read_patch(patch), key=_path)
    if patch.strip() and not files:
        raise GitError("no unified diff in the input", hint="git diff > change.diff")
    return _changes([file for file in files if _in_scope(file, limits)], limits, repository, root)


def _changes(
    files: Sequence[FilePatch], limits: FileLimits, repository: Repository | None, root: Path
) -> Iterator[FileChange | Skipped]:
    with repository.blobs() if repository else nullcontext() as blobs:
        for file in files:
            change = _change(file, limits, blobs, root)
            if change:
                yield change


def _path(file: FilePatch) -> PurePosixPath:
    return shown(file.after or file.before or b"")


def _in_scope(file: FilePatch, limits: FileLimits) -> bool:
    path = _path(file)
    return limits.covers(path) if file.mode == "160000" else limits.accepts(path)


def _change(
    file: FilePatch, limits: FileLimits, blobs: Blobs | None, root: Path
) -> FileChange | Skipped | None:
    path = _path(file)
    reason = _refusal(file)
    if reason:
        return Skipped(path, "", reason)
    if not file.hunks:
        return None
    before, after = (_fair(side, limits) for side in _sides(file, limits.max_bytes, blobs, root))
    return file_change(path, shown(file.before) if file.before else None, before, after)


def _fair(side: Content, limits: FileLimits) -> Content:
    return oversize(len(side), limits.max_bytes) or side if isinstance(side, bytes) else side


def _refusal(file: FilePatch) -> str:
    if any(escapes(name) for name in (file.before, file.after) if name is not None):
        return "the path leads out of the tree"
    if file.mode == "160000":
        return "submodule: its code is in another repository"
    if file.mode == "120000":
        return "symbolic link: its target is judged where it lies"
    return file.problem


def _sides(file: FilePatch, max_bytes: int, blobs: Blobs | None, root: Path) -> tuple[Content, Content]:
    """Both sides' bytes, or the reason twice."""
    if file.before is None:
        return None, apply_hunks(b"", file.hunks) or _STALE
    named = blobs.at_most(max_bytes, file.before_id) if blobs and file.before_id else None
    if named is not None and (after := apply_hunks(named, file.hunks)) is not None:
        return named, None if file.after is None else after
    if file.after is None:
        before = revert_hunks(b"", file.hunks)
        return (_STALE, _STALE) if before is None else (before, None)
    return _sides_from_working_file(file, max_bytes, root)


def _sides_from_working_file(file: FilePatch, max_bytes: int, root: Path) -> tuple[Content, Content]:
    working = judged(read_inside(root, file.after or b"", max_bytes))
    if not isinstance(working, bytes):
        return working, working
    before = revert_hunks(working, file.hunks)
    if before is not None:
        return before, working
    after = apply_hunks(working, file.hunks)
    return (working, after) if after is not None else (_STALE, _STALE)
