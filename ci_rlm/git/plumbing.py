"""git as a child process, through GitPython: hardened, scrubbed, bytes in and bytes out.

Blobs come from `cat-file`, so no filter, text conversion, hook or external diff that a
repository configures runs. Not for use from several threads (see `_scrubbed`).
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING

from ci_rlm.errors import GitError

if TYPE_CHECKING:
    from git.cmd import Git

_SETTINGS = (
    "core.quotepath=off",
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "protocol.ext.allow=never",
    "gc.auto=0",
)
_ENVIRONMENT = {
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}
# The user's own configuration, credentials and transport. All else is taken away, above all
# what says where the repository lies: CI and hooks export GIT_DIR, and with it set, -C points
# at the wrong repository.
_INHERITED = (
    "GIT_ALLOW_PROTOCOL",
    "GIT_ASKPASS",
    "GIT_CEILING_DIRECTORIES",
    "GIT_CONFIG_",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_EXEC_PATH",
    "GIT_HTTP_",
    "GIT_PROXY_",
    "GIT_SSH",
    "GIT_SSL_",
    "GIT_TRACE",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """How one git command ended."""

    status: int
    out: bytes
    complaint: str
    """The first line of standard error that says what is wrong."""


class Plumbing:
    """Runs git commands in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._git = _gitpython()()
        settings = (word for setting in _SETTINGS for word in ("-c", setting))
        self._command = (self._git.GIT_PYTHON_GIT_EXECUTABLE, "--no-pager", *settings, "-C", str(folder))

    def answer(self, *arguments: str, extra: Mapping[str, str] | None = None) -> Answer:
        """Run a command to its end, whatever its exit status; `extra` adds to the environment."""
        from git.exc import GitCommandNotFound

        try:
            with _scrubbed():
                status, out, stderr = self._git.execute(
                    [*self._command, *arguments],
                    with_extended_output=True,
                    with_exceptions=False,
                    stdout_as_string=False,
                    strip_newline_in_stdout=False,
                    env={**_ENVIRONMENT, **(extra or {})},
                )
        except GitCommandNotFound as error:
            raise _missing_git() from error
        return Answer(status, out, _complaint(stderr))

    def read(
        self, *arguments: str, allow: Sequence[int] = (0,), extra: Mapping[str, str] | None = None
    ) -> bytes:
        """Standard output of a command; GitError for an exit status that is not in `allow`."""
        answer = self.answer(*arguments, extra=extra)
        if answer.status not in allow:
            raise _failure(arguments[0], answer.complaint, self._folder)
        return answer.out

    def start(self, *arguments: str) -> Git.AutoInterrupt:
        """Start a command that answers on its standard output to what it reads."""
        with _scrubbed():
            return self._git.execute(
                [*self._command, *arguments], istream=PIPE, as_process=True, env=_ENVIRONMENT
            )


class Blobs:
    """Blob contents, from two `cat-file` processes that start when first asked.

    In a partial clone git itself fetches a blob that is not there yet.
    """

    def __init__(self, plumbing: Plumbing) -> None:
        self._plumbing = plumbing
        self._running: dict[str, Git.AutoInterrupt] = {}

    def size(self, blob: str) -> int | None:
        """The size in bytes of the blob that a full or abbreviated id names; None if there is none."""
        return self._header("--batch-check", blob)

    def read(self, blob: str) -> bytes | None:
        """All bytes of a blob, whatever its size; None if there is none."""
        size = self._header("--batch", blob)
        if size is None:
            return None
        content: bytes = self._running["--batch"].stdout.read(size + 1)
        if len(content) <= size:
            raise _damaged(blob)
        return content[:-1]

    def at_most(self, max_bytes: int, blob: str) -> bytes | None:
        """All bytes of a blob; None if there is none, or none so small."""
        size = self.size(blob)
        return self.read(blob) if size is not None and size <= max_bytes else None

    def close(self) -> None:
        """End the processes."""
        for process in self._running.values():
            process.communicate()
        self._running.clear()

    def _header(self, mode: str, blob: str) -> int | None:
        process = self._running.get(mode) or self._plumbing.start("cat-file", mode)
        self._running[mode] = process
        process.stdin.write(blob.encode("ascii") + b"\n")
        process.stdin.flush()
        fields = process.stdout.readline().split()
        if not fields:
            raise _damaged(blob)
        return int(fields[2]) if fields[1:2] == [b"blob"] else None


@contextmanager
def opened(plumbing: Plumbing) -> Iterator[Blobs]:
    """Blobs whose processes end with the block."""
    blobs = Blobs(plumbing)
    try:
        yield blobs
    finally:
        blobs.close()


@contextmanager
def _scrubbed() -> Iterator[None]:
    """Hide git's inherited variables while a child starts.

    GitPython hands os.environ to every child, and can add to it but not take away.
    """
    hidden = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("GIT_") and not name.startswith(_INHERITED)
    }
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


def _gitpython() -> type[Git]:
    # GitPython costs 0.1 s to import, and runs git to do it: without git the import itself fails.
    try:
        from git.cmd import Git
    except ModuleNotFoundError:
        raise
    except ImportError as error:
        raise _missing_git() from error
    return Git


def _missing_git() -> GitError:
    return GitError("git cannot be run", hint="install git 2.15 or later and put it on PATH")


def _damaged(blob: str) -> GitError:
    return GitError(f"git cannot read the object {blob}", hint="git fsck lists what is damaged")


def _complaint(stderr: str) -> str:
    lines = stderr.strip().splitlines() or [""]
    worst = next((line for line in lines if line.startswith(("fatal: ", "error: "))), lines[0])
    return worst.removeprefix("fatal: ").removeprefix("error: ")


def _failure(command: str, complaint: str, folder: Path) -> GitError:
    if "dubious ownership" in complaint:
        trust = f"git config --global --add safe.directory {shlex.quote(str(folder.resolve()))}"
        return GitError(f"the repository belongs to another user: {folder}", hint=trust)
    if "not a git repository" in complaint:
        return GitError(f"not a git repository: {folder}", hint="run in a clone, or name one with -C")
    return GitError(f"git {command} failed: {complaint}")
