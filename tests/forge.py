"""A forge of paper: a repository with pull requests, its event payloads, and checkouts of it.

Payloads have the keys of GitHub's "Webhook events and payloads"; a checkout runs the commands that
`actions/checkout` runs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import Checkout

REPOSITORY = {
    "id": 1,
    "name": "shop",
    "full_name": "ada/shop",
    "private": False,
    "fork": False,
    "owner": {"login": "ada", "id": 7, "type": "User"},
    "default_branch": "main",
}
FORK = {
    **REPOSITORY,
    "id": 2,
    "full_name": "mallory/shop",
    "fork": True,
    "owner": {"login": "mallory", "id": 8},
}
NUMBER = 1
NOTHING = "0" * 40
"""The commit before a branch's first."""


@dataclass
class Workflow:
    """One run of a workflow: its checkout, and what the runner says of its event."""

    checkout: Checkout
    environ: dict[str, str]


class Forge:
    """Wraps the repository that is the server's, with `main` and a pull request from `topic`."""

    def __init__(self, origin: Checkout, scratch: Path) -> None:
        self.origin = origin
        self._scratch = scratch

    def propose(self, head: str) -> None:
        """Open the pull request: its head, and its merge with `main`, as the forge keeps them."""
        self.origin.git("update-ref", f"refs/pull/{NUMBER}/head", head)
        self.origin.git("checkout", "--quiet", "--detach", "main")
        self.origin.git("merge", "--quiet", "--no-ff", "--message", "merge", head)
        self.origin.git("update-ref", f"refs/pull/{NUMBER}/merge", "HEAD")
        self.origin.git("checkout", "--quiet", "main")

    def pull_request(
        self, *, depth: int, fork: bool = False, branch: str = "topic", base: str = "main"
    ) -> Workflow:
        """What runs on the merge of a pull request."""
        payload = self._pull_request(branch, base, fork=fork)
        return self._started("pull_request", f"refs/pull/{NUMBER}/merge", payload, depth)

    def pull_request_target(self, *, depth: int, branch: str = "topic", base: str = "main") -> Workflow:
        """What runs on the base branch, with its secrets."""
        payload = self._pull_request(branch, base, fork=True)
        return self._started("pull_request_target", f"refs/heads/{base}", payload, depth)

    def push(self, before: str, branch: str, *, depth: int) -> Workflow:
        """What runs behind a push to a branch."""
        after = self.commit(branch)
        payload = {
            "ref": f"refs/heads/{branch}",
            "before": before,
            "after": after,
            "created": before == NOTHING,
            "deleted": False,
            "forced": False,
            "base_ref": None,
            "commits": [
                {"id": after, "message": "change", "added": [], "removed": [], "modified": ["src/a.py"]}
            ],
            "head_commit": {"id": after, "message": "change"},
            "pusher": {"name": "ada", "email": "ada@example.com"},
        }
        return self._started("push", f"refs/heads/{branch}", payload, depth)

    def merge_group(self, base_sha: str, branch: str, *, depth: int) -> Workflow:
        """What runs on a group of the merge queue, which the forge keeps as a branch."""
        payload = {
            "action": "checks_requested",
            "merge_group": {
                "head_sha": self.commit(branch),
                "head_ref": f"refs/heads/{branch}",
                "base_sha": base_sha,
                "base_ref": "refs/heads/main",
                "head_commit": {"id": self.commit(branch), "message": "merge"},
            },
        }
        return self._started("merge_group", f"refs/heads/{branch}", payload, depth)

    def dispatched(self, branch: str, *, depth: int) -> Workflow:
        """What a person starts on a branch."""
        payload = {"inputs": {}, "ref": f"refs/heads/{branch}", "workflow": ".github/workflows/ci-rlm.yml"}
        return self._started("workflow_dispatch", f"refs/heads/{branch}", payload, depth)

    def after_workflow(self) -> Workflow:
        """What runs on the default branch once the workflow of a fork's pull request has ended."""
        run = {
            "id": 42,
            "run_attempt": 1,
            "name": "ci-rlm",
            "event": "pull_request",
            "status": "completed",
            "conclusion": "success",
            "head_branch": "topic",
            "head_sha": self.commit(f"refs/pull/{NUMBER}/head"),
            "head_repository": FORK,
            "pull_requests": [],
        }
        return self._started(
            "workflow_run", "refs/heads/main", {"action": "completed", "workflow_run": run}, 1
        )

    def commit(self, revision: str) -> str:
        """The full id of a commit on the server."""
        return self.origin.git("rev-parse", revision)

    def _pull_request(self, branch: str, base: str, *, fork: bool) -> dict[str, Any]:
        repository = FORK if fork else REPOSITORY
        head = {"ref": branch, "sha": self.commit(f"refs/pull/{NUMBER}/head"), "repo": repository}
        return {
            "action": "synchronize",
            "number": NUMBER,
            "pull_request": {
                "number": NUMBER,
                "state": "open",
                "title": "Faster; `$(id)`",
                "body": None,
                "user": repository["owner"],
                "head": {"label": f"{repository['owner']['login']}:{branch}", **head},
                "base": {"label": f"ada:{base}", "ref": base, "sha": self.commit(base), "repo": REPOSITORY},
                "merge_commit_sha": self.commit(f"refs/pull/{NUMBER}/merge"),
            },
        }

    def _started(self, event: str, ref: str, payload: dict[str, Any], depth: int) -> Workflow:
        folder = self._scratch / event
        folder.mkdir()
        place = folder / "event.json"
        place.write_text(json.dumps({**payload, "repository": REPOSITORY, "sender": REPOSITORY["owner"]}))
        environ = {
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(place),
            "GITHUB_REF": ref,
            "GITHUB_SHA": self.commit(ref),
            "GITHUB_REPOSITORY": "ada/shop",
            "GITHUB_RUN_ID": "43",
            "GITHUB_RUN_ATTEMPT": "1",
        }
        return Workflow(self._checkout(folder / "workspace", ref, depth), environ)

    def _checkout(self, folder: Path, ref: str, depth: int) -> Checkout:
        folder.mkdir()
        clone = Checkout(folder, self.origin.commits)
        clone.git("init", "--quiet")
        clone.git("remote", "add", "origin", self.origin.root.as_uri())
        branch = ref.removeprefix("refs/heads/")
        local = f"refs/remotes/origin/{branch}" if branch != ref else ref.replace("refs/", "refs/remotes/", 1)
        fetch = ("-c", "protocol.version=2", "fetch", "--quiet", "--no-tags", "--no-recurse-submodules")
        if not depth:
            clone.git(*fetch, "origin", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        clone.git(*fetch, *((f"--depth={depth}",) if depth else ()), "origin", f"+{self.commit(ref)}:{local}")
        clone.git("checkout", "--quiet", "--force", *(("-B", branch) if branch != ref else ()), local)
        return clone
