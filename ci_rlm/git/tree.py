"""What git's raw diff says: pairs of files in two trees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ci_rlm.git.scope import FileLimits

INDEX = "index"
WORKING_TREE = "working tree"


@dataclass(frozen=True, slots=True)
class Side:
    """One file in one tree."""

    name: bytes
    """The path from the root, as git holds it."""
    mode: str
    """git's octal file mode."""
    blob: str
    """A full id; zeros when the working tree alone has the bytes."""

    @property
    def path(self) -> PurePosixPath:
        """The path as text."""
        return shown(self.name)

    @property
    def kind(self) -> str:
        """What the mode says the file is."""
        return {"120000": "symbolic link", "160000": "submodule"}.get(self.mode, "regular file")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file before and after; at least one side is there."""

    before: Side | None
    after: Side | None
    unmerged: bool = False

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides that are there."""
        return tuple(side for side in (self.before, self.after) if side)

    @property
    def path(self) -> PurePosixPath:
        """The path to name the change by: after, or before for a deleted file."""
        return self.sides[-1].path

    @property
    def idle(self) -> bool:
        """Only the name or the permissions change."""
        known = {side.blob for side in self.sides if side.blob.strip("0")}
        return len(self.sides) == 2 and len(known) == 1 and all(side.blob.strip("0") for side in self.sides)


def shown(name: bytes) -> PurePosixPath:
    """A path from git's bytes; a byte that is not UTF-8 shows as `\\xNN`, so that any report can hold it."""
    return PurePosixPath(name.decode("utf-8", "backslashreplace"))


def raw_entries(raw: bytes) -> Iterator[Entry]:
    """Read the output of a raw diff under `-z` (git-diff-tree, "Raw output format")."""
    fields = iter(raw.split(b"\0"))
    for header in fields:
        if not header:
            return
        mode_before, mode_after, blob_before, blob_after, status = header.decode("ascii")[1:].split(" ")
        before = after = next(fields)
        if status[0] in "RC":
            after = next(fields)
        if status == "U":
            yield Entry(None, Side(after, "100644", blob_after), unmerged=True)
        else:
            yield Entry(_side(before, mode_before, blob_before), _side(after, mode_after, blob_after))


def untracked_entries(names: bytes) -> Iterator[Entry]:
    """New files of the working tree, from NUL-separated names."""
    for name in filter(None, names.split(b"\0")):
        yield Entry(None, Side(name, "100644", "0"))


def scoped(entry: Entry, limits: FileLimits, folders: Sequence[PurePosixPath]) -> Entry | None:
    """What of an entry is to be read: a file that moves into the limits is new, out of them deleted.

    `folders`, if any, must hold one of the sides.
    """
    if folders and not any(_below(side.path, folders) for side in entry.sides):
        return None
    before, after = (
        side if side and _in_scope(side, limits) else None for side in (entry.before, entry.after)
    )
    return Entry(before, after, entry.unmerged) if before or after else None


def refusal(entry: Entry) -> str:
    """Why an entry cannot be judged before its bytes are read; empty if it can."""
    kinds = {side.kind for side in entry.sides}
    if entry.unmerged:
        return "unmerged: resolve the conflict first"
    if len(kinds) == 2 and entry.before and entry.after:
        return f"changed from a {entry.before.kind} to a {entry.after.kind}"
    if "submodule" in kinds:
        return "submodule: its code is in another repository"
    return "symbolic link: its target is judged where it lies" if "symbolic link" in kinds else ""


def _side(name: bytes, mode: str, blob: str) -> Side | None:
    return Side(name, mode, blob) if mode.strip("0") else None


def _in_scope(side: Side, limits: FileLimits) -> bool:
    return limits.covers(side.path) if side.kind == "submodule" else limits.accepts(side.path)


def _below(path: PurePosixPath, folders: Sequence[PurePosixPath]) -> bool:
    return any(folder in (path, *path.parents) for folder in folders)
