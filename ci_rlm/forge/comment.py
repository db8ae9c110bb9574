"""One comment a pull request and name, edited in place, however many runs write at once.

A forge has no write that depends on what is there. So a run looks, writes, waits for others to be done,
and looks again, until it finds nothing left to do. The first line of a comment, which is not shown, says
which run wrote it: a run leaves alone what a newer one wrote, and of two comments the newer run's stays.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Protocol, TypeVar

from ci_rlm.errors import ForgeError
from ci_rlm.forge import BusyError, RefusedError, Run

Answer = TypeVar("Answer")

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""How a comment may be called."""

_MARKER = re.compile(
    r"<!-- ci-rlm comment (?P<name>[A-Za-z0-9._-]+) run (?P<id>[0-9]{1,18})\.(?P<attempt>[0-9]{1,9}) -->\r?\n"
)
_LOOKS = 10
"""After so many writes, something else than other runs keeps changing the comment."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a run has to say on a pull request."""

    name: str
    run: Run
    text: str
    head: str | None = None
    """The commit that it is about. Where the pull request has moved on, that commit's own run comments."""

    @property
    def body(self) -> str:
        """The text below the marker."""
        return marker(self.name, self.run) + self.text


@dataclass(frozen=True, slots=True)
class Posted:
    """A comment of ours as the forge has it."""

    id: int
    name: str
    run: Run
    text: str
    """Without the marker."""
    url: str


class Ending(StrEnum):
    """What became of a note."""

    CREATED = "created"
    EDITED = "edited"
    TIDIED = "unchanged, but for copies that were removed"
    UNCHANGED = "unchanged"
    NEWER = "left as a newer run wrote it"
    MOVED = "left to the run of a newer commit"


_WRITTEN = frozenset({Ending.CREATED, Ending.EDITED, Ending.TIDIED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended, and the address of the comment that stands, if any does."""

    ending: Ending
    url: str = ""


class Thread(Protocol):
    """The comments of one pull request. Every call may raise ForgeError."""

    async def comments(self) -> Sequence[Posted]:
        """All comments of ours, in any order."""

    async def head(self) -> str:
        """The commit that the pull request proposes now."""

    async def create(self, body: str) -> str:
        """Add a comment; its address."""

    async def edit(self, id: int, body: str) -> str:
        """Replace a comment's body; its address. RefusedError for one that is gone."""

    async def remove(self, id: int) -> None:
        """Remove a comment. RefusedError for one that is gone."""


@dataclass(slots=True)
class Patience:
    """How long a run waits, in seconds, for the forge and for other runs."""

    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    left_s: float = 120.0
    """In all, for a forge that is busy: longer than that no job should wait for a comment."""
    settle_s: float = 2.0
    """Between a write and the look that confirms it: lists lag behind, and others may be about to write."""
    failures: int = 0
    took_s: float = 0.0
    """What was asked last, without the waits before."""

    async def ask(self, question: Callable[[], Awaitable[Answer]]) -> Answer:
        """The forge's answer, asked for until it has one; raises ForgeError where that takes too long."""
        while True:
            began = time.monotonic()
            try:
                answer = await question()
            except BusyError as busy:
                await self._wait(busy)
            else:
                self.took_s = time.monotonic() - began
                return answer

    async def settle(self) -> None:
        """Wait for runs that looked before this one wrote: longer where the forge is slow for all of them."""
        await self.sleep(min(max(self.settle_s, 4 * self.took_s), 15 * self.settle_s))

    async def _wait(self, busy: BusyError) -> None:
        """Wait as long as the forge asks, or twice as long as the last time."""
        wait_s = busy.wait_s if busy.wait_s is not None else 2.0**self.failures
        self.failures += 1
        if wait_s > self.left_s:
            raise ForgeError(busy.message, hint=f"it has to be waited for, {wait_s:.0f} s from now") from busy
        self.left_s -= wait_s
        await self.sleep(wait_s)


def marker(name: str, run: Run) -> str:
    """The first line of a comment."""
    return f"<!-- ci-rlm comment {name} run {run.id}.{run.attempt} -->\n"


def read(body: str) -> tuple[str, Run, str] | None:
    """Name, run and text of a comment; None for one that does not begin with a marker."""
    found = _MARKER.match(body)
    if found is None:
        return None
    return found["name"], Run(int(found["id"]), int(found["attempt"])), body[found.end() :]


async def keep(thread: Thread, note: Note, patience: Patience) -> Outcome:
    """Have the note stand as the one comment of its name, unless a newer run's does.

    Raises ForgeError where the forge refuses, or is busy for longer than patience lasts.
    """
    written: Ending | None = None
    for _ in range(_LOOKS):
        step = await patience.ask(partial(_step, thread, note, written is not None))
        if step.ending not in _WRITTEN:
            return Outcome(written, step.url) if written and step.ending is Ending.UNCHANGED else step
        written = written or step.ending
        await patience.settle()
    raise ForgeError("the comment does not stay as it is written", hint="does something else edit it?")


async def _step(thread: Thread, note: Note, written: bool) -> Outcome:
    """One look, and at most one change."""
    found = sorted(
        (comment for comment in await thread.comments() if comment.name == note.name),
        key=lambda comment: (comment.run, -comment.id),
        reverse=True,
    )
    newest, others = (found[0], found[1:]) if found else (None, [])
    if newest and newest.run > note.run:
        await _remove(thread, [comment for comment in others if comment.run == note.run])
        return Outcome(Ending.NEWER, newest.url)
    if newest and (_same(newest.text, note.text) or (written and newest.run == note.run)):
        return Outcome(Ending.TIDIED if await _remove(thread, others) else Ending.UNCHANGED, newest.url)
    # Last, so that little time passes before the write: a newer commit's run takes seconds to start.
    if note.head is not None and await thread.head() != note.head:
        return Outcome(Ending.MOVED, newest.url if newest else "")
    return await _write(thread, note, found)


async def _write(thread: Thread, note: Note, found: Sequence[Posted]) -> Outcome:
    """Edit the newest comment that lets itself be edited; without one, add one."""
    for comment in found:
        try:
            return Outcome(Ending.EDITED, await thread.edit(comment.id, note.body))
        except RefusedError as error:
            if not _not_ours(error):
                raise
    return Outcome(Ending.CREATED, await thread.create(note.body))


async def _remove(thread: Thread, comments: Sequence[Posted]) -> int:
    """How many could be removed: all at once, because a newer run may make one of them the one to stay."""
    removals = (thread.remove(comment.id) for comment in comments)
    answers = await asyncio.gather(*removals, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not _not_ours(answer):
            raise answer
    return answers.count(None)


def _not_ours(error: BaseException) -> bool:
    """Whether the forge says that a comment is another's, or gone."""
    return isinstance(error, RefusedError) and error.status in (403, 404, 410)


def _same(posted: str, text: str) -> bool:
    """Whether two texts differ at most in line ends, which a person's browser changes."""
    return posted.replace("\r\n", "\n").rstrip() == text.rstrip()
