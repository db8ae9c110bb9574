"""Bytes that can be judged as code, or the reason why they cannot."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from ci_rlm.flow import FileChange, Skipped
from ci_rlm.git.hunks import touched_spans

Content = bytes | str | None
"""A side's bytes, or one clause why they cannot be judged, or None for a side that is not there."""

_LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
_BINARY_PROBE = 8000
"""As git has it (`buffer_is_binary`): a NUL among the first 8,000 bytes makes a file binary."""


def file_change(
    path: PurePosixPath, before_path: PurePosixPath | None, before: Content, after: Content
) -> FileChange | Skipped | None:
    """A change with its touched lines; Skipped if a side cannot be judged, None if the bytes are equal."""
    after, before = judged(after), judged(before)
    if isinstance(after, str):
        return Skipped(path, "", after)
    if isinstance(before, str):
        return Skipped(path, "", f"before the change: {before}")
    if before == after:
        return None
    touched_before, touched = touched_spans(before, after)
    return FileChange(path, before_path, before, after, touched_before, touched)


def judged(content: Content) -> Content:
    """The bytes, if they are UTF-8 text; else the reason."""
    if not isinstance(content, bytes):
        return content
    if content.startswith(_LFS_POINTER):
        return "Git LFS pointer: the code is not in the repository"
    if b"\0" in content[:_BINARY_PROBE]:
        return "binary"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "not UTF-8"
    return content


def oversize(size: int, max_bytes: int) -> str:
    """Why a file of that size is not read; empty if it is."""
    return f"{size} bytes, over the limit of {max_bytes}" if size > max_bytes else ""


def read_inside(root: Path, name: bytes, refused: Callable[[int], str]) -> bytes | str:
    """A regular file below `root`, or the reason; no symbolic link is followed on the way.

    `refused` says why a file of that many bytes is not to be read; nothing if it is.
    """
    path = root.resolve() / os.fsdecode(name)
    if escapes(name) or os.path.realpath(path.parent) != str(path.parent):
        return "the path leads out of the tree"
    try:
        info = path.lstat()
        if not stat.S_ISREG(info.st_mode):
            return "not a regular file"
        return refused(info.st_size) or _read(path)
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def escapes(name: bytes) -> bool:
    """Whether a path from outside could lead out of the tree, or into git's own folder."""
    # Where the separator is not a slash, a backslash and a drive letter lead elsewhere too.
    odd = b"\0" in name or (os.sep != "/" and (b"\\" in name or b":" in name))
    return odd or any(part.lower() in (b"", b".", b"..", b".git") for part in name.split(b"/"))


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read()
