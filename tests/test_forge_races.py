"""Many runs that write one comment at once: in simulated time, and against a server."""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.forge import RefusedError, Run
from ci_rlm.forge.comment import Note, Outcome, Patience, Posted, keep, read
from ci_rlm.forge.github import PullRequest, connected
from tests.github_api import SECRET, FakeGitHub, serving

COMMIT = "a" * 40
T = TypeVar("T")


def note(text: str, id: int) -> Note:
    return Note("report", Run(id, 1), f"{text}\n", COMMIT)


# Simulated time.


class SimulatedTime(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next thing that happens."""

    class Selector(selectors.SelectSelector):
        """Waits by moving the clock."""

        now_s = 0.0

        def select(self, timeout: float | None = None) -> Any:
            self.now_s += timeout or 0.0
            return super().select(0)

    def __init__(self) -> None:
        self._clock = self.Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now_s


def simulated(work: Coroutine[Any, Any, T]) -> T:
    loop = SimulatedTime()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


@dataclass
class SlowThread:
    """Implements `Thread` in memory: each call takes its time, before and after it takes effect."""

    random: random.Random
    stored: dict[int, str] = field(default_factory=dict)
    longest_s: float = 0.5

    async def _way(self) -> None:
        await asyncio.sleep(self.random.uniform(0, self.longest_s / 2))

    async def comments(self) -> list[Posted]:
        await self._way()
        parsed = [(id, read(body)) for id, body in self.stored.items()]
        found = [Posted(id, *of, url="") for id, of in parsed if of]
        await self._way()
        return found

    async def head(self) -> str:
        await self._way()
        await self._way()
        return COMMIT

    async def create(self, body: str) -> str:
        await self._way()
        self.stored[max(self.stored, default=0) + len(self.stored) + 1] = body
        await self._way()
        return ""

    async def edit(self, id: int, body: str) -> str:
        await self._way()
        if id not in self.stored:
            raise RefusedError("gone", status=404)
        self.stored[id] = body
        await self._way()
        return ""

    async def remove(self, id: int) -> None:
        await self._way()
        if self.stored.pop(id, None) is None:
            raise RefusedError("gone", status=404)
        await self._way()


async def race(seed: int, runs: int, spread_s: float, *, standing: bool) -> list[str]:
    """What stands after runs that began within `spread_s` seconds, in any order."""
    chance = random.Random(seed)
    thread = SlowThread(chance)
    if standing:
        thread.stored[1] = note("old", 1).body

    async def one(id: int) -> None:
        await asyncio.sleep(chance.uniform(0, spread_s))
        await keep(thread, note(f"run {id}", id), Patience(settle_s=2.0))

    await asyncio.gather(*(one(id) for id in chance.sample(range(10, 10 + runs), runs)))
    return list(thread.stored.values())


@given(st.integers(0, 2**32), st.integers(2, 50), st.floats(0, 10), st.booleans())
def test_of_runs_at_once_one_comment_stays_and_it_is_the_newest(
    seed: int, runs: int, spread_s: float, standing: bool
) -> None:
    """Calls take up to half a second, and a run waits two before it looks again."""
    stands = simulated(race(seed, runs, spread_s, standing=standing))
    assert stands == [note(f"run {9 + runs}", 9 + runs).body]


def test_where_the_forge_is_slow_a_run_waits_longer_for_others() -> None:
    pauses: list[float] = []

    async def paused(seconds: float) -> None:
        pauses.append(seconds)

    async def settled(took_s: float) -> None:
        await Patience(paused, settle_s=2.0, took_s=took_s).settle()

    for took_s in (0.1, 3.0, 100.0):
        asyncio.run(settled(took_s))
    assert pauses == [2.0, 12.0, 30.0]


# A server.


@pytest.mark.parametrize("standing", [False, True])
def test_fifty_runs_at_once_leave_one_comment_the_newest(standing: bool) -> None:
    async def one(url: str, id: int) -> Outcome:
        async with connected(url, SECRET) as api:
            said = note(f"run {id}", id)
            return await keep(PullRequest(api, "ada/shop", 1), said, Patience(settle_s=0.3))

    async def all_of_them(url: str) -> None:
        ids = random.Random(7).sample(range(10, 60), 50)
        await asyncio.gather(*(one(url, id) for id in ids))

    with serving(FakeGitHub()) as hub:
        hub.propose(1, COMMIT)
        hub.latency_s = (0.0, 0.02)
        if standing:
            hub.say(note("old", 1).body)
        asyncio.run(all_of_them(hub.url))
        assert hub.bodies() == [note("run 59", 59).body]
