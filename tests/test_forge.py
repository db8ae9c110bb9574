"""The sticky comment, against a server that answers as GitHub does (many at once: `test_forge_races.py`)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.errors import ForgeError
from ci_rlm.forge import Head, RefusedError, Run
from ci_rlm.forge.comment import Ending, Note, Outcome, Patience, keep, marker, read
from ci_rlm.forge.github import PullRequest, connected, numbers_of
from tests.github_api import (
    ADA,
    FORBIDDEN,
    MALLORY,
    PERSONAL,
    READ_ONLY,
    SECONDARY,
    SECRET,
    FakeGitHub,
    Trouble,
    serving,
)

COMMIT = "a" * 40
OLDER, NEWER = Run(100, 1), Run(200, 1)
PAUSE_S = 1000.0
"""Before a confirming look, where tests do not really sleep: longer than any wait that a server asks for."""


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    """A server with one pull request."""
    with serving(FakeGitHub()) as hub:
        hub.propose(1, COMMIT)
        yield hub


@dataclass
class Waits:
    """A sleep that takes no time, and remembers how long it would have been."""

    slept: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)

    @property
    def asked(self) -> list[float]:
        """Without the pauses before a confirming look."""
        return [seconds for seconds in self.slept if seconds < PAUSE_S]


def note(text: str = "slower", run: Run = NEWER, name: str = "report", head: str | None = COMMIT) -> Note:
    return Note(name, run, f"{text}\n", head)


def post(hub: FakeGitHub, said: Note, *, token: str = SECRET, waits: Waits | None = None) -> Outcome:
    async def posted() -> Outcome:
        async with connected(hub.url, token) as api:
            patience = Patience(waits or Waits(), settle_s=PAUSE_S)
            return await keep(PullRequest(api, "ada/shop", 1), said, patience)

    return asyncio.run(posted())


# One run.


def test_the_first_run_adds_a_comment_and_says_where(hub: FakeGitHub) -> None:
    outcome = post(hub, note())
    assert hub.bodies() == ["<!-- ci-rlm comment report run 200.1 -->\nslower\n"]
    assert outcome.ending is Ending.CREATED
    assert outcome.url.endswith(f"#issuecomment-{next(iter(hub.comments))}")


def test_a_later_run_edits_it_in_place(hub: FakeGitHub) -> None:
    id = hub.say(note(run=OLDER).body)
    assert post(hub, note("faster")).ending is Ending.EDITED
    assert hub.comments.keys() == {id}
    assert hub.bodies() == [note("faster").body]


def test_whose_the_token_is_is_asked_once(hub: FakeGitHub) -> None:
    post(hub, note())
    assert hub.requests("GET").count("GET /user") == 1


def test_an_unchanged_report_is_no_edit(hub: FakeGitHub) -> None:
    hub.say(note(run=OLDER).body)
    assert post(hub, note(run=NEWER)).ending is Ending.UNCHANGED
    assert hub.requests("POST", "PATCH", "DELETE") == []


def test_a_comment_that_a_person_edited_is_written_anew(hub: FakeGitHub) -> None:
    hub.say(note(run=OLDER).body.replace("slower", "slower, but we know"))
    assert post(hub, note()).ending is Ending.EDITED
    assert hub.bodies() == [note().body]


def test_line_ends_that_a_browser_changed_are_no_change(hub: FakeGitHub) -> None:
    hub.say(note("a\n\nb", run=OLDER).body.replace("\n", "\r\n").rstrip())
    assert post(hub, note("a\n\nb")).ending is Ending.UNCHANGED


def test_a_comment_that_a_person_deleted_comes_back_with_the_next_run(hub: FakeGitHub) -> None:
    post(hub, note(run=OLDER))
    hub.comments.clear()
    assert post(hub, note()).ending is Ending.CREATED


def test_a_comment_that_is_deleted_just_before_the_edit_is_added_again(hub: FakeGitHub) -> None:
    hub.say(note("old", run=OLDER).body)
    hub.before_write = lambda method, id: hub.comments.pop(id, None)
    assert post(hub, note()).ending is Ending.CREATED
    assert hub.bodies() == [note().body]


def test_each_name_has_a_comment_of_its_own(hub: FakeGitHub) -> None:
    post(hub, note("one", name="backend"))
    post(hub, note("two", name="frontend"))
    post(hub, note("three", name="backend"))
    assert hub.bodies() == [note("three", name="backend").body, note("two", name="frontend").body]


def test_a_comment_on_a_later_page_is_found(hub: FakeGitHub) -> None:
    for number in range(250):
        hub.say(f"Talk {number}", ADA)
    hub.say(note(run=OLDER).body)
    assert post(hub, note()).ending is Ending.UNCHANGED
    pages = [request for request in hub.requests("GET") if "/comments" in request]
    assert [page.partition("&page=")[2] or "1" for page in pages] == ["1", "2", "3"]


# Whose comment it is.


@pytest.mark.parametrize("token", [SECRET, PERSONAL])
def test_a_marker_in_a_strangers_comment_counts_for_nothing(hub: FakeGitHub, token: str) -> None:
    forged = f"{marker('report', Run(10**17, 1))}all is well\n"
    hub.say(forged, MALLORY)
    assert post(hub, note(), token=token).ending is Ending.CREATED
    assert hub.bodies() == [forged, note().body]


def test_a_quoted_marker_makes_no_comment_ours(hub: FakeGitHub) -> None:
    hub.say(f"> {note().body}")
    assert post(hub, note()).ending is Ending.CREATED


def test_a_persons_token_edits_that_persons_comment(hub: FakeGitHub) -> None:
    hub.say(note(run=OLDER).body, ADA)
    assert post(hub, note("faster"), token=PERSONAL).ending is Ending.EDITED


def test_a_comment_that_may_not_be_edited_is_left_and_another_added(hub: FakeGitHub) -> None:
    hub.say(note("old", run=OLDER).body)
    hub.trouble("PATCH", Trouble(*FORBIDDEN))
    hub.trouble("DELETE", Trouble(*FORBIDDEN))
    assert post(hub, note()).ending is Ending.CREATED
    assert hub.bodies() == [note("old", run=OLDER).body, note().body]


# Older and newer runs.


@pytest.mark.parametrize("older", [Run(199, 9), Run(200, 1)])
def test_an_older_run_leaves_a_newer_comment_alone(hub: FakeGitHub, older: Run) -> None:
    hub.say(note("newer", run=Run(200, 2)).body)
    assert post(hub, note("older", run=older)).ending is Ending.NEWER
    assert hub.bodies() == [note("newer", run=Run(200, 2)).body]


def test_a_run_leaves_the_comment_to_the_commit_that_the_pull_request_has_moved_on_to(
    hub: FakeGitHub,
) -> None:
    hub.say(note("old", run=OLDER).body)
    hub.propose(1, "b" * 40)
    assert post(hub, note("late")).ending is Ending.MOVED
    assert hub.bodies() == [note("old", run=OLDER).body]


def test_of_two_comments_that_a_race_left_the_newer_runs_stays(hub: FakeGitHub) -> None:
    hub.say(note("newer", run=Run(150, 1)).body)
    hub.say(note("older", run=Run(140, 1)).body)
    assert post(hub, note("now")).ending is Ending.EDITED
    assert hub.bodies() == [note("now").body]


def test_a_copy_is_removed_even_where_nothing_else_is_to_do(hub: FakeGitHub) -> None:
    kept = hub.say(note().body)
    hub.say(note().body)
    assert post(hub, note()).ending is Ending.TIDIED
    assert hub.comments.keys() == {kept}


def test_a_newer_run_that_is_overwritten_writes_again(hub: FakeGitHub) -> None:
    """The older run looked before the newer one wrote, and writes after it."""
    id = hub.say(note("old", run=Run(50, 1)).body)
    late = iter([note("older", run=OLDER).body])

    class Overwritten(Waits):
        async def __call__(self, seconds: float) -> None:
            hub.comments[id]["body"] = next(late, hub.comments[id]["body"])

    assert post(hub, note("newer"), waits=Overwritten()).ending is Ending.EDITED
    assert hub.bodies() == [note("newer").body]


def test_what_never_stays_as_it_is_written_is_given_up(hub: FakeGitHub) -> None:
    class Vandal(Waits):
        async def __call__(self, seconds: float) -> None:
            hub.comments.clear()

    with pytest.raises(ForgeError, match="does not stay"):
        post(hub, note(), waits=Vandal())


# What the server refuses.


@pytest.mark.parametrize(
    ("trouble", "waited"),
    [
        (Trouble(429, SECONDARY, {"Retry-After": "7"}), [7.0]),
        (Trouble(403, SECONDARY, {"Retry-After": "7"}), [7.0]),
        (Trouble(429, {"message": "slow down"}, {"Retry-After": "0"}), [0.0]),
        (Trouble(403, SECONDARY), [60.0]),
        (Trouble(429, {"message": "slow down"}), [60.0]),
        (Trouble(502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"}), [1.0]),
        (Trouble(503, {"message": "maintenance"}, {"Retry-After": "3"}), [3.0]),
        (Trouble(520, b""), [1.0]),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_busy_forge_is_asked_again_when_it_says_so(
    hub: FakeGitHub, method: str, trouble: Trouble, waited: list[float]
) -> None:
    waits = Waits()
    hub.trouble(method, trouble)
    assert post(hub, note(), waits=waits).ending is Ending.CREATED
    assert waits.asked == waited
    assert hub.bodies() == [note().body]


def test_a_spent_rate_limit_is_waited_for_until_its_reset(hub: FakeGitHub) -> None:
    import time

    waits = Waits()
    told = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 30)}
    hub.trouble("GET", Trouble(403, {"message": "API rate limit exceeded for installation."}, told))
    post(hub, note(), waits=waits)
    assert 29 <= waits.asked[0] <= 31.5


def test_a_wait_of_an_hour_is_an_error_that_says_so(hub: FakeGitHub) -> None:
    hub.trouble("GET", Trouble(429, SECONDARY, {"Retry-After": "3600"}))
    with pytest.raises(ForgeError, match="429: You have exceeded a secondary rate limit") as caught:
        post(hub, note())
    assert "3600 s" in caught.value.hint


def test_a_forge_that_stays_broken_is_given_up_after_a_minute_of_longer_and_longer_waits(
    hub: FakeGitHub,
) -> None:
    waits = Waits()
    hub.trouble("GET", *[Trouble(500, {"message": "Server Error"})] * 50)
    with pytest.raises(ForgeError, match="500: Server Error"):
        post(hub, note(), waits=waits)
    assert waits.asked == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]


def test_a_comment_that_a_broken_gateway_took_all_the_same_is_not_added_twice(hub: FakeGitHub) -> None:
    hub.trouble("POST", Trouble(502, b"", after=True))
    post(hub, note())
    assert hub.bodies() == [note().body]


def test_a_job_that_may_only_read_is_told_which_right_it_lacks(hub: FakeGitHub) -> None:
    with pytest.raises(RefusedError, match="403: Resource not accessible by integration") as caught:
        post(hub, note(), token=READ_ONLY)
    assert "pull-requests: write" in caught.value.hint


def test_a_wrong_token_is_told_apart(hub: FakeGitHub) -> None:
    with pytest.raises(RefusedError, match="401: Bad credentials"):
        post(hub, note(), token="wrong")


def test_a_forge_out_of_reach_is_an_error_without_the_token() -> None:
    hub = FakeGitHub()
    with serving(hub):
        pass
    with pytest.raises(ForgeError, match=r"no answer from http://127\.0\.0\.1") as caught:
        post(hub, note())
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("body", [b"<html>", b"[", b"", {"message": 3}, [3], [{"body": 3}], [None]])
def test_an_answer_of_another_shape_is_no_defect_of_ours(hub: FakeGitHub, body: Any) -> None:
    hub.trouble("GET", *[Trouble(200, body)] * 6)
    try:
        post(hub, note())
    except ForgeError:
        return
    assert hub.bodies() == [note().body]


# Where the token goes.


@pytest.fixture
def elsewhere() -> Iterator[FakeGitHub]:
    """Another server, which is not to see the token."""
    with serving(FakeGitHub()) as other:
        yield other


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirection_gets_no_token(
    hub: FakeGitHub, elsewhere: FakeGitHub, status: int, method: str
) -> None:
    hub.trouble(method, Trouble(status, None, {"Location": f"{elsewhere.url}/user"}))
    with pytest.raises(ForgeError):
        post(hub, note())
    assert elsewhere.seen == []


def test_a_link_to_another_host_gets_no_token(hub: FakeGitHub, elsewhere: FakeGitHub) -> None:
    for _ in range(101):
        hub.say("Talk", ADA)
    hub.link_to = elsewhere.url
    with pytest.raises(ForgeError, match="another host"):
        post(hub, note())
    assert elsewhere.seen == []


# Which pull request has a head.


def numbers(hub: FakeGitHub, **changed: Any) -> list[int]:
    head = Head(**{"owner": "mallory", "branch": "a&b=c", "commit": COMMIT, "repository": 2, **changed})

    async def found() -> list[int]:
        async with connected(hub.url, SECRET) as api:
            return list(await numbers_of(api, "ada/shop", head))

    return asyncio.run(found())


def test_a_pull_request_is_found_by_its_head(hub: FakeGitHub) -> None:
    hub.propose(2, COMMIT, owner="mallory", ref="a&b=c", repository=2)
    assert numbers(hub) == [2]


@pytest.mark.parametrize(
    "changed", [{"commit": "b" * 40}, {"repository": 3}, {"owner": "eve"}, {"branch": "b"}]
)
def test_a_pull_request_with_another_head_is_not(hub: FakeGitHub, changed: dict[str, Any]) -> None:
    hub.propose(2, COMMIT, owner="mallory", ref="a&b=c", repository=2)
    assert numbers(hub, **changed) == []


def test_a_pull_request_of_a_deleted_fork_is_not(hub: FakeGitHub) -> None:
    hub.propose(2, COMMIT, owner="mallory", ref="a&b=c", repository=2)
    hub.pulls[2]["head"]["repo"] = None
    assert numbers(hub) == []


# Markers.


@given(st.integers(0, 10**17), st.integers(0, 10**8), st.text(max_size=50))
def test_a_marker_is_read_back(id: int, attempt: int, text: str) -> None:
    run = Run(id, attempt)
    assert read(Note("a.b-c_1", run, text).body) == ("a.b-c_1", run, text)


@given(st.text(max_size=80) | st.from_regex(r"<!-- ci-rlm comment .* run .* -->\n", fullmatch=True))
def test_any_other_first_line_is_no_marker_or_reads_as_one(body: str) -> None:
    found = read(body)
    assert found is None or body.startswith(f"<!-- ci-rlm comment {found[0]} run ")
