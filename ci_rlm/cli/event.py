"""What an event of GitHub Actions proposes: the two commits that a workflow runs for.

The payloads are those of "Events that trigger workflows" and "Webhook events and payloads" in
GitHub's documentation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci_rlm.errors import UsageError

PRIVILEGED = frozenset({"pull_request_target", "workflow_run", "issue_comment"})
"""Events that run with secrets while a stranger's code may be checked out."""

_ELSEWHERE = frozenset({"workflow_run", "issue_comment"})
"""Events that check out the default branch, whatever commit or pull request they are about."""

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


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


def proposal(environ: Mapping[str, str]) -> Proposal | None:
    """What the event of this workflow run proposes; None outside of workflows.

    Raises UsageError for a payload that lacks what its event's name promises.
    """
    name, path = environ.get("GITHUB_EVENT_NAME"), environ.get("GITHUB_EVENT_PATH")
    if not name or not path:
        return None
    try:
        return _READERS.get(name, _default_branch)(json.loads(Path(path).read_bytes()))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        what = name.removesuffix("_target").replace("_", " ")
        raise UsageError(f"GITHUB_EVENT_PATH holds no {what}: {path}", hint="name --base") from error


def refuse_elsewhere(environ: Mapping[str, str]) -> None:
    """Raise UsageError in an event whose checkout is not what it is about: nothing would be judged."""
    name = environ.get("GITHUB_EVENT_NAME", "")
    if name in _ELSEWHERE:
        raise UsageError(f"a {name} event does not say what to compare", hint="name --base and --head")


def _pull_request(payload: Any) -> Proposal:
    """Of stacked pull requests, the base is the branch below. The checkout is what a merge would give."""
    return Proposal(f"origin/{_text(payload['pull_request']['base']['ref'])}")


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


def _commit(value: object) -> str:
    if not _COMMIT.fullmatch(_text(value)):
        raise ValueError(value)
    return str(value)


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
