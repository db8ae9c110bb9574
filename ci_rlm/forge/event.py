"""What an event of GitHub Actions proposes: the two commits, or the pull request, that a workflow runs for.

The payloads are those of "Events that trigger workflows" and "Webhook events and payloads" in
GitHub's documentation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ci_rlm.errors import UsageError
from ci_rlm.forge import Head, Run

PRIVILEGED = frozenset({"pull_request_target", "workflow_run", "issue_comment"})
"""Events that run with secrets while a stranger's code may be checked out."""

_ELSEWHERE = frozenset({"workflow_run", "issue_comment"})
"""Events that check out the default branch, whatever commit or pull request they are about."""

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Proposal:
    """The range that an event names, as revisions."""

    base: str | None = None
    """None: the branch that changes are proposed against."""
    head: str = "HEAD"
    merge_base: bool = True
    """Whether the base is a branch, left where `head` forked, and not itself the state before."""

    @property
    def commits(self) -> tuple[str, ...]:
        """The revisions that are commit ids, which a clone may lack."""
        return tuple(name for name in (self.base, self.head) if name and _COMMIT.fullmatch(name))


@dataclass(frozen=True, slots=True)
class Description:
    """What people say of a pull request, as it stood when the event happened."""

    labels: frozenset[str]
    """Given by people who may: on GitHub those with triage rights."""
    description: str
    """Its author's text, or that of someone with write access."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The pull request that a workflow runs for."""

    run: Run
    """The run that judged: of a pair of workflows the first one."""
    number: int | None = None
    """None: the forge knows it, by the head."""
    commit: str | None = None
    """The commit that the pull request proposed."""
    head: Head | None = None
    fork: bool = False
    """Whether the run that judged was a fork's, and so under its author's control."""


def proposal(environ: Mapping[str, str]) -> Proposal | None:
    """What the event of this workflow run proposes; None outside of workflows.

    Raises UsageError for a payload that lacks what its event's name promises.
    """
    name = environ.get("GITHUB_EVENT_NAME")
    return _told(environ, _READERS.get(name or "", _default_branch), "name --base")


def base_commit(environ: Mapping[str, str]) -> str | None:
    """Where the base branch of the event's pull request was then; None in an event that does not tell.

    Raises UsageError for a payload that lacks what its event's name promises.
    """
    return _told(environ, _base_commit, "name --base")


def subject(environ: Mapping[str, str]) -> Subject:
    """The pull request of this workflow run; one without a number outside of workflows.

    Raises UsageError for a payload that lacks what its event's name promises.
    """
    run = Run(_count(environ.get("GITHUB_RUN_ID")), _count(environ.get("GITHUB_RUN_ATTEMPT")))
    reader = _SUBJECTS.get(environ.get("GITHUB_EVENT_NAME", ""), _of_none)
    return _told(environ, partial(reader, run), "name --pr") or Subject(run)


def described(environ: Mapping[str, str]) -> Description | None:
    """What is said of the pull request that a workflow runs for; None in an event that is of none.

    Raises UsageError for a payload that lacks what its event's name promises.
    """
    of_pull_request = _READERS.get(environ.get("GITHUB_EVENT_NAME", "")) in (
        _pull_request,
        _pull_request_target,
    )
    return _told(environ, _description, 'accept.label = ""') if of_pull_request else None


def refuse_elsewhere(environ: Mapping[str, str]) -> None:
    """Raise UsageError in an event whose checkout is not what it is about: nothing would be judged."""
    name = environ.get("GITHUB_EVENT_NAME", "")
    if name in _ELSEWHERE:
        raise UsageError(f"a {name} event does not say what to compare", hint="name --base and --head")


def _told(environ: Mapping[str, str], reader: Callable[[Any], Read], hint: str) -> Read | None:
    """What a reader makes of the event's payload; None without an event."""
    name, path = environ.get("GITHUB_EVENT_NAME"), environ.get("GITHUB_EVENT_PATH")
    if not name or not path:
        return None
    try:
        return reader(json.loads(Path(path).read_bytes()))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        what = name.removesuffix("_target").replace("_", " ")
        raise UsageError(f"GITHUB_EVENT_PATH holds no {what}: {path}", hint=hint) from error


def _pull_request(payload: Any) -> Proposal:
    """Of stacked pull requests, the base is the branch below. The checkout is what a merge would give."""
    return Proposal(f"origin/{_text(payload['pull_request']['base']['ref'])}")


def _base_commit(payload: Any) -> str | None:
    commit = payload.get("pull_request", {}).get("base", {}).get("sha")
    return _commit(commit) if commit else None


def _pull_request_target(payload: Any) -> Proposal:
    """The checkout is a branch of the repository itself, so the head has to be named."""
    head = _commit(payload["pull_request"]["head"]["sha"])
    return Proposal(_pull_request(payload).base, head)


def _push(payload: Any) -> Proposal:
    """A branch's state before: compared as it is, so that no history has to be there."""
    before = _commit(payload["before"])
    return Proposal(before, merge_base=False) if before.strip("0") else _default_branch(payload)


def _merge_group(payload: Any) -> Proposal:
    """The base is the branch, or the group that is queued before."""
    return Proposal(_commit(payload["merge_group"]["base_sha"]), merge_base=False)


def _default_branch(payload: Any) -> Proposal:
    """What every other event is compared with, where its payload names it."""
    branch = payload.get("repository", {}).get("default_branch")
    return Proposal(f"origin/{_text(branch)}" if branch else None)


def _description(payload: Any) -> Description:
    """Payloads leave out neither; both may be null."""
    pull = payload["pull_request"]
    labels = frozenset(_text(label["name"]) for label in pull.get("labels") or ())
    return Description(labels, str(pull.get("body") or ""))


def _of_pull_request(run: Run, payload: Any) -> Subject:
    pull = payload["pull_request"]
    fork = (pull["head"]["repo"] or {}).get("id") != pull["base"]["repo"]["id"]
    return Subject(run, int(pull["number"]), _commit(pull["head"]["sha"]), fork=fork)


def _of_pull_request_target(run: Run, payload: Any) -> Subject:
    """The workflow is the repository's own, whoever proposes."""
    return replace(_of_pull_request(run, payload), fork=False)


def _of_issue_comment(run: Run, payload: Any) -> Subject:
    """A comment on an issue is about no pull request, and one on a pull request about no commit."""
    issue = payload["issue"]
    return Subject(run, int(issue["number"]) if "pull_request" in issue else None)


def _of_workflow_run(run: Run, payload: Any) -> Subject:
    """Of a fork's, GitHub tells no number but the head, and that no artifact can forge."""
    first = payload["workflow_run"]
    source = first["head_repository"]
    head = Head(
        owner=_text(source["owner"]["login"]),
        branch=_text(first["head_branch"]),
        commit=_commit(first["head_sha"]),
        repository=int(source["id"]),
    )
    judged = Run(int(first["id"]), int(first["run_attempt"]))
    return Subject(judged, None, head.commit, head, fork=head.repository != payload["repository"]["id"])


def _of_none(run: Run, payload: Any) -> Subject:
    return Subject(run)


def _commit(value: object) -> str:
    if not _COMMIT.fullmatch(_text(value)):
        raise ValueError(value)
    return str(value)


def _count(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(value)
    return value


_READERS: dict[str, Callable[[Any], Proposal]] = {
    "pull_request": _pull_request,
    "pull_request_review": _pull_request,
    "pull_request_review_comment": _pull_request,
    "pull_request_target": _pull_request_target,
    "push": _push,
    "merge_group": _merge_group,
}

_SUBJECTS: dict[str, Callable[[Run, Any], Subject]] = {
    "pull_request": _of_pull_request,
    "pull_request_review": _of_pull_request,
    "pull_request_review_comment": _of_pull_request,
    "pull_request_target": _of_pull_request_target,
    "issue_comment": _of_issue_comment,
    "workflow_run": _of_workflow_run,
}
