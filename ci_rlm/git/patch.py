"""The changes of a unified diff that came from outside, as `Repository.changes` gives those of a range."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path, PurePosixPath

from ci_rlm.errors import GitError
from ci_rlm.flow import FileChange, Skipped
from ci_rlm.git.allowance import Allowance
from ci_rlm.git.contents import Content, escapes, file_change, judged, read_inside
from ci_rlm.git.hunks import apply_hunks, revert_hunks
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
    GitError for text without a diff, and for one that changes a file twice.
    """
    files = sorted(read_patch(patch), key=_path)
    if patch.strip() and not files:
        raise GitError("no unified diff in the input", hint="git diff > change.diff")
    chosen = [file for file in files if _in_scope(file, limits)]
    _refuse_repeats(file for file in chosen if file.hunks)
    return _changes(chosen, limits, repository, root)


def _refuse_repeats(files: Iterable[FilePatch]) -> None:
    # Where a file becomes a link, git deletes it and makes it anew under its name.
    named: dict[tuple[bytes | None, bool], FilePatch] = {}
    for file in files:
        first = named.setdefault((file.after or file.before, file.after is None), file)
        if first is not file:
            raise GitError(
                f"the diff changes {_path(file)} twice, in lines {first.line} and {file.line}",
                hint="make one diff of a series of commits: git diff BASE HEAD > change.diff",
            )


def _changes(
    files: Sequence[FilePatch], limits: FileLimits, repository: Repository | None, root: Path
) -> Iterator[FileChange | Skipped]:
    with repository.blobs() if repository else nullcontext() as blobs:
        allowance = Allowance(limits, blobs)
        for file in files:
            change = _change(file, allowance, root)
            if change:
                yield change


def _path(file: FilePatch) -> PurePosixPath:
    return shown(file.after or file.before or b"")


def _in_scope(file: FilePatch, limits: FileLimits) -> bool:
    path = _path(file)
    return limits.covers(path) if file.mode == "160000" else limits.accepts(path)


def _change(file: FilePatch, allowance: Allowance, root: Path) -> FileChange | Skipped | None:
    path = _path(file)
    reason = _refusal(file)
    if reason:
        return Skipped(path, "", reason)
    if not file.hunks:
        return None
    before, after = _sides(file, allowance, root)
    return file_change(path, shown(file.before) if file.before else None, before, after)


def _refusal(file: FilePatch) -> str:
    if any(escapes(name) for name in (file.before, file.after) if name is not None):
        return "the path leads out of the tree"
    if file.mode == "160000":
        return "submodule: its code is in another repository"
    if file.mode == "120000":
        return "symbolic link: its target is judged where it lies"
    return file.problem


def _sides(file: FilePatch, allowance: Allowance, root: Path) -> tuple[Content, Content]:
    """Both sides' bytes, or why they cannot be judged."""
    if file.before is None:
        return None, _counted(apply_hunks(b"", file.hunks) or None, allowance)
    named = allowance.blob(file.before_id) if file.before_id else None
    if isinstance(named, str):
        return named, named
    if named is not None and (after := apply_hunks(named, file.hunks)) is not None:
        return named, None if file.after is None else _counted(after, allowance)
    if file.after is None:
        before = _counted(revert_hunks(b"", file.hunks), allowance)
        return before, before if isinstance(before, str) else None
    return _sides_from_working_file(file, allowance, root)


def _sides_from_working_file(file: FilePatch, allowance: Allowance, root: Path) -> tuple[Content, Content]:
    working = judged(read_inside(root, file.after or b"", allowance.refused))
    if not isinstance(working, bytes):
        return working, working
    before = revert_hunks(working, file.hunks)
    if before is not None:
        return _counted(before, allowance), working
    return working, _counted(apply_hunks(working, file.hunks), allowance)


def _counted(content: bytes | None, allowance: Allowance) -> bytes | str:
    """A side that hunks made, or why there is none."""
    return _STALE if content is None else allowance.refused(len(content)) or content
