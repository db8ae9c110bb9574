"""`ci-rlm comment`: which pull request, which text, which exit code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings

from ci_rlm.cli import main
from ci_rlm.cli.comment import note_of
from ci_rlm.errors import UsageError
from ci_rlm.flow import Level, Outcome, Report
from ci_rlm.forge import Run
from ci_rlm.forge.comment import read
from ci_rlm.forge.event import Subject, subject
from ci_rlm.render import document, render
from tests.forge import FORK, REPOSITORY
from tests.github_api import READ_ONLY, SECRET, FakeGitHub, Trouble, serving
from tests.reports import every_outcome, report, reports, verdict

COMMIT = "a" * 40
LIMIT_BYTES = 60_000
PULL = {
    "number": 1,
    "head": {"sha": COMMIT, "ref": "topic", "repo": REPOSITORY},
    "base": {"ref": "main", "repo": REPOSITORY},
}
FIRST = {
    "id": 42,
    "run_attempt": 3,
    "head_sha": COMMIT,
    "head_branch": "topic",
    "head_repository": FORK,
    "pull_requests": [],
}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    """A server with a pull request, and a job that may comment on it."""
    with serving(FakeGitHub()) as hub:
        hub.propose(1, COMMIT)
        monkeypatch.setenv("GITHUB_API_URL", hub.url)
        monkeypatch.setenv("GITHUB_TOKEN", SECRET)
        monkeypatch.setenv("GITHUB_REPOSITORY", "ada/shop")
        yield hub


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    path.write_text(render(document(every_outcome()), "json"))
    return path


@pytest.fixture
def event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the environment of a workflow run that an event started."""

    def started(name: str, payload: Any, run: str = "43") -> dict[str, str]:
        path = tmp_path / "event.json"
        path.write_text(json.dumps({"repository": REPOSITORY, **payload}))
        environ = {
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": str(path),
            "GITHUB_RUN_ID": run,
            "GITHUB_RUN_ATTEMPT": "2",
        }
        for key, value in environ.items():
            monkeypatch.setenv(key, value)
        return environ

    return started


def comment(stored: Path, *flags: str) -> Result:
    return CliRunner().invoke(main, ["comment", "--from", str(stored), *flags])


# The whole.


def test_a_report_becomes_a_comment_and_its_address_is_told(hub: FakeGitHub, stored: Path) -> None:
    result = comment(stored, "--pr", "1")
    (id,) = hub.comments
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (f"comment created: https://forge.example/ada/shop/pull/1#issuecomment-{id}\n")
    found = read(hub.bodies()[0])
    assert found == ("report", Run(), render(document(every_outcome()), "markdown"))


def test_the_same_report_again_is_left_as_it_is(hub: FakeGitHub, stored: Path) -> None:
    comment(stored, "--pr", "1")
    assert comment(stored, "--pr", "1").stdout.startswith("comment unchanged: https://")
    assert len(hub.requests("POST", "PATCH", "DELETE")) == 1


def test_the_event_names_the_pull_request_and_the_run(hub: FakeGitHub, stored: Path, event: Any) -> None:
    event("pull_request", {"pull_request": PULL})
    assert comment(stored, "--id", "api").exit_code == 0
    assert hub.bodies()[0].startswith("<!-- ci-rlm comment api run 43.2 -->\n")


def test_a_second_workflow_finds_the_forks_pull_request_by_its_head(
    hub: FakeGitHub, stored: Path, event: Any
) -> None:
    hub.propose(2, COMMIT, owner="mallory", repository=FORK["id"])
    hub.propose(3, "b" * 40, owner="mallory", repository=FORK["id"])
    hub.trouble("GET", Trouble(503, {"message": "busy"}))
    event("workflow_run", {"workflow_run": FIRST})
    assert comment(stored).exit_code == 0
    assert (len(hub.bodies(1)), len(hub.bodies(2)), len(hub.bodies(3))) == (0, 1, 0)
    assert hub.bodies(2)[0].startswith("<!-- ci-rlm comment report run 42.3 -->\n")
    assert hub.bodies(2)[0].rstrip().endswith("can change the workflow that made it.</sub>")


@pytest.mark.parametrize("heads", [[], ["b" * 40], [COMMIT, COMMIT]])
def test_a_head_that_no_pull_request_or_several_propose_gets_no_comment(
    hub: FakeGitHub, stored: Path, event: Any, heads: list[str]
) -> None:
    for number, head in enumerate(heads, 2):
        hub.propose(number, head, owner="mallory", repository=FORK["id"])
    event("workflow_run", {"workflow_run": FIRST})
    result = comment(stored)
    assert result.exit_code == 3
    assert f"propose{'' if len(heads) == 2 else 's'} {COMMIT}" in result.stderr
    assert hub.comments == {}


def test_a_named_pull_request_that_does_not_propose_the_events_commit_gets_no_comment(
    hub: FakeGitHub, stored: Path, event: Any
) -> None:
    hub.propose(9, "b" * 40)
    event("workflow_run", {"workflow_run": FIRST})
    assert comment(stored, "--pr", "9").stdout == "comment left to the run of a newer commit\n"
    assert hub.comments == {}


def test_an_older_run_says_that_it_leaves_the_comment(hub: FakeGitHub, stored: Path, event: Any) -> None:
    event("pull_request", {"pull_request": PULL}, run="44")
    comment(stored)
    event("pull_request", {"pull_request": PULL}, run="43")
    assert "left as a newer run wrote it" in comment(stored, "--pr", "1").stdout


# Failures.


def test_a_refusal_is_one_message_and_no_verdict(hub: FakeGitHub, stored: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", READ_ONLY)
    result = comment(stored, "--pr", "1")
    assert (result.exit_code, result.stdout) == (3, "")
    message, hint = result.stderr.splitlines()
    assert message == "ci-rlm: GitHub answers 403: Resource not accessible by integration"
    assert hint.startswith("hint: the job needs `pull-requests: write`")


def test_a_forge_that_asks_to_wait_a_second_is_waited_for(hub: FakeGitHub, stored: Path) -> None:
    hub.trouble("POST", Trouble(429, {"message": "slow down"}, {"Retry-After": "1"}))
    assert comment(stored, "--pr", "1").exit_code == 0
    assert len(hub.bodies()) == 1


def test_text_of_the_forge_steers_no_terminal(hub: FakeGitHub, stored: Path) -> None:
    hub.trouble("GET", Trouble(401, {"message": "\x1b[31m\n::error::forged"}))
    assert r"401: \x1b[31m\n::error::forged" in comment(stored, "--pr", "1").stderr


@pytest.mark.parametrize("token", ["", "two words", "line\nend", "ключ"])
def test_what_is_no_token_is_refused_without_being_shown(
    hub: FakeGitHub, stored: Path, monkeypatch: Any, token: str
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", token)
    result = comment(stored, "--pr", "1")
    assert (result.exit_code, hub.seen) == (2, [])
    assert not token or token not in result.output


@pytest.mark.parametrize(
    "url", ["http://forge.example", "ftp://127.0.0.1", "forge.example", "http://127.0.0.1.evil.example"]
)
def test_a_token_travels_encrypted(hub: FakeGitHub, stored: Path, monkeypatch: Any, url: str) -> None:
    monkeypatch.setenv("GITHUB_API_URL", url)
    result = comment(stored, "--pr", "1")
    assert result.exit_code == 2
    assert "GITHUB_API_URL" in result.stderr


@pytest.mark.parametrize("name", ["", "a b", "-->", "é", "a" * 65, "../x", "-x"])
def test_a_name_that_no_marker_can_hold_is_wrong_usage(hub: FakeGitHub, stored: Path, name: str) -> None:
    assert comment(stored, "--pr", "1", f"--id={name}").exit_code == 2
    assert hub.seen == []


@pytest.mark.parametrize("repository", ["", "shop", "ada/shop/x", "ada/{x}", "../x", "ada/shop?x"])
def test_a_repository_that_is_none_is_wrong_usage(hub: FakeGitHub, stored: Path, repository: str) -> None:
    assert comment(stored, "--pr", "1", "--repository", repository).exit_code == 2
    assert hub.seen == []


def test_a_report_that_is_none_is_not_shown(hub: FakeGitHub, tmp_path: Path) -> None:
    (tmp_path / "forged.json").write_text('{"schema_version": "1.0"}')
    assert comment(tmp_path / "forged.json", "--pr", "1").exit_code == 3
    assert hub.seen == []


@pytest.mark.parametrize(
    ("name", "payload"), [("push", {}), ("merge_group", {}), ("issue_comment", {"issue": {"number": 1}})]
)
def test_an_event_about_no_pull_request_asks_for_one(
    hub: FakeGitHub, stored: Path, event: Any, name: str, payload: Any
) -> None:
    event(name, payload)
    result = comment(stored)
    assert result.exit_code == 2
    assert f"a {name} event is about no pull request" in result.stderr


# What stands in the comment.


@pytest.mark.parametrize("fork", [False, True])
@pytest.mark.parametrize("name", ["report", "n" * 64])
def test_a_long_report_is_cut_to_60000_bytes_with_all_that_stands_around_it(name: str, fork: bool) -> None:
    rows = [
        verdict(f"ключ_{n:04}", Outcome.REGRESSED, (1e6, 2e6), level=Level.WARN, p=(0.9, 0.95, 0.0, 0.0))
        for n in range(900)
    ]
    about = Subject(Run(10**17, 10**8), fork=fork)
    size = len(note_of(document(report(*rows)), name, about).body.encode())
    assert LIMIT_BYTES - 1000 < size <= LIMIT_BYTES


@settings(max_examples=50)
@given(reports)
def test_no_report_is_longer_or_forges_a_marker(made: Report) -> None:
    body = note_of(document(made), "report", Subject(Run(7, 1), fork=True)).body
    assert len(body.encode()) <= LIMIT_BYTES
    assert body.count("<!--") == 1


# Events.


def test_a_pull_request_of_a_fork_is_the_forks_word(event: Any) -> None:
    pull = {**PULL, "head": {**PULL["head"], "repo": FORK}}
    about = subject(event("pull_request", {"pull_request": pull}))
    assert about == Subject(Run(43, 2), 1, COMMIT, fork=True)


def test_in_a_privileged_event_the_workflow_is_the_repositorys_own(event: Any) -> None:
    pull = {**PULL, "head": {**PULL["head"], "repo": FORK}}
    assert not subject(event("pull_request_target", {"pull_request": pull})).fork


def test_a_fork_that_is_gone_is_a_fork(event: Any) -> None:
    pull = {**PULL, "head": {**PULL["head"], "repo": None}}
    assert subject(event("pull_request", {"pull_request": pull})).fork


def test_a_workflow_run_of_the_repository_itself_is_no_forks_word(event: Any) -> None:
    first = {**FIRST, "head_repository": REPOSITORY}
    assert not subject(event("workflow_run", {"workflow_run": first})).fork


def test_a_comment_on_a_pull_request_is_about_it(event: Any) -> None:
    about = subject(event("issue_comment", {"issue": {"number": 5, "pull_request": {}}}))
    assert about == Subject(Run(43, 2), 5)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("pull_request", {}),
        ("pull_request", {"pull_request": {**PULL, "number": None}}),
        ("pull_request", {"pull_request": {**PULL, "head": {**PULL["head"], "sha": "main; id"}}}),
        ("workflow_run", {"workflow_run": {**FIRST, "head_repository": None}}),
        ("workflow_run", {"workflow_run": {**FIRST, "head_sha": "HEAD"}}),
        ("workflow_run", {"workflow_run": {**FIRST, "id": "x"}}),
        ("issue_comment", []),
    ],
)
def test_a_payload_that_lacks_what_its_event_promises_is_an_error(
    event: Any, tmp_path: Path, name: str, payload: Any
) -> None:
    environ = event(name, {})
    (tmp_path / "event.json").write_text(json.dumps(payload))
    with pytest.raises(UsageError, match="GITHUB_EVENT_PATH"):
        subject(environ)


def test_outside_of_a_workflow_there_is_no_subject() -> None:
    assert subject({}) == Subject(Run())
