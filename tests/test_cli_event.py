"""Which range an event of GitHub Actions names: full and shallow checkouts of a paper forge."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ci_rlm.cli import main
from ci_rlm.errors import UsageError
from ci_rlm.forge.event import proposal
from tests.conftest import Checkout
from tests.fakes import by_length, checkpoint_without_weights, remember
from tests.forge import NOTHING, Forge, Workflow

SHORT = "def f(x):\n    return x\n"
LONG = "def f(x):\n    y = x + x + x + x + x + x + x + x\n    return y\n"
DEPTHS = pytest.mark.parametrize("depth", [0, 1], ids=["full", "shallow"])


@pytest.fixture
def forge(repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Forge:
    """A pull request that makes `src/a.py` costlier; `main` has since gained `src/other.py`."""
    folder = checkpoint_without_weights(tmp_path / "checkpoint")
    monkeypatch.setenv("CI_RLM_CHECKPOINT", str(folder))
    remember(folder, Path(os.environ["CI_RLM_CACHE_DIR"]), [SHORT, LONG], by_length)
    for text in ("first", "second"):
        repo.write("src/a.py", SHORT)
        repo.commit(text)
    repo.git("checkout", "-q", "-b", "topic")
    repo.write("src/a.py", LONG)
    repo.commit("long")
    repo.git("checkout", "-q", "main")
    repo.write("src/other.py", SHORT)
    repo.commit("other")
    forge = Forge(repo, tmp_path)
    forge.propose("topic")
    return forge


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(workflow: Workflow, *arguments: str) -> Result:
        for name, value in workflow.environ.items():
            monkeypatch.setenv(name, value)
        flags = ("check", "-C", str(workflow.checkout.root), "--format", "json")
        return CliRunner().invoke(main, [*flags, *arguments])

    return run


def compared(result: Result) -> tuple[dict[str, str], str, str]:
    """Outcomes by path, and the two trees."""
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    outcomes = {row["path"]: row["outcome"] for row in report["rows"]}
    return outcomes, report["range"]["base"], report["range"]["head"]


@DEPTHS
def test_a_pull_request_is_what_it_adds_to_its_base(forge: Forge, check: Any, depth: int) -> None:
    outcomes, base, head = compared(check(forge.pull_request(depth=depth)))
    assert outcomes == {"src/a.py": "regressed"}
    assert (base, head) == (forge.commit("main"), forge.commit("refs/pull/1/merge"))


@DEPTHS
def test_a_fork_is_judged_in_a_privileged_event_without_being_checked_out(
    forge: Forge, check: Any, depth: int
) -> None:
    workflow = forge.pull_request_target(depth=depth)
    outcomes, base, head = compared(check(workflow))
    assert outcomes == {"src/a.py": "regressed"}
    assert (base, head) == (forge.origin.git("merge-base", "main", "topic"), forge.commit("topic"))
    assert workflow.checkout.git("rev-parse", "HEAD") == forge.commit("main")


@DEPTHS
def test_a_head_that_no_flag_names_is_the_privileged_events(forge: Forge, check: Any, depth: int) -> None:
    _, _, head = compared(check(forge.pull_request_target(depth=depth), "--base", "origin/main"))
    assert head == forge.commit("topic")


@DEPTHS
def test_a_fork_from_before_the_gate_was_enforced_does_not_escape_it(
    forge: Forge, check: Any, depth: int
) -> None:
    forge.origin.write("ci-rlm.toml", 'mode = "enforce"\n')
    forge.origin.commit("enforce")
    assert check(forge.pull_request_target(depth=depth)).exit_code == 1


@DEPTHS
def test_a_fork_cannot_configure_its_own_gate(forge: Forge, check: Any, depth: int) -> None:
    forge.origin.git("checkout", "-q", "topic")
    forge.origin.write("ci-rlm.toml", 'paths.exclude = ["**"]\n')
    forge.propose(forge.origin.commit("switch the gate off"))
    outcomes, _, _ = compared(check(forge.pull_request_target(depth=depth)))
    assert outcomes == {"src/a.py": "regressed"}


def without_its_branch(workflow: Workflow, *, commit: bool) -> Workflow:
    """A checkout that never fetched the base branch under its name; `commit`: it has that of the event."""
    workflow.checkout.git("update-ref", "-d", "refs/remotes/origin/main")
    place = Path(workflow.environ["GITHUB_EVENT_PATH"])
    payload = json.loads(place.read_bytes())
    if not commit:
        payload["pull_request"]["base"]["sha"] = "0" * 39 + "1"
    place.write_text(json.dumps(payload))
    return workflow


@pytest.mark.parametrize("commit", [True, False], ids=["commit of the event", "base as named"])
def test_without_the_base_branch_a_fork_from_before_the_gate_does_not_escape_it_either(
    forge: Forge, check: Any, commit: bool
) -> None:
    forge.origin.write("ci-rlm.toml", 'mode = "enforce"\n')
    forge.origin.commit("enforce")
    workflow = without_its_branch(forge.pull_request_target(depth=0), commit=commit)
    base = forge.commit("topic~1") if commit else "main"
    assert check(workflow, "--base", base, "--head", forge.commit("topic")).exit_code == 1


def test_without_any_commit_of_the_base_branch_nothing_configures_the_gate(forge: Forge, check: Any) -> None:
    workflow = without_its_branch(forge.pull_request_target(depth=0), commit=False)
    result = check(workflow, "--include-untracked")
    assert result.exit_code == 3
    assert "no such revision: origin/main" in result.stderr
    assert "git fetch origin main" in result.stderr


@DEPTHS
def test_a_push_is_compared_with_the_branch_before_it(forge: Forge, check: Any, depth: int) -> None:
    before = forge.commit("main")
    forge.origin.git("merge", "-q", "--no-edit", "topic")
    outcomes, base, head = compared(check(forge.push(before, "main", depth=depth)))
    assert outcomes == {"src/a.py": "regressed"}
    assert (base, head) == (before, forge.commit("main"))


@DEPTHS
def test_a_forced_push_is_compared_with_what_it_replaced(forge: Forge, check: Any, depth: int) -> None:
    before = forge.commit("topic")
    forge.origin.git("branch", "--force", "topic", "main")
    outcomes, base, _ = compared(check(forge.push(before, "topic", depth=depth)))
    assert base == before
    assert outcomes == {"src/a.py": "improved", "src/other.py": "new"}


@DEPTHS
def test_a_new_branch_is_compared_with_the_default_one(forge: Forge, check: Any, depth: int) -> None:
    outcomes, base, head = compared(check(forge.push(NOTHING, "topic", depth=depth)))
    assert outcomes == {"src/a.py": "regressed"}
    assert (base, head) == (forge.origin.git("merge-base", "main", "topic"), forge.commit("topic"))


@DEPTHS
def test_a_merge_group_is_what_it_adds_to_the_group_before_it(forge: Forge, check: Any, depth: int) -> None:
    before = forge.commit("main")
    forge.origin.git("checkout", "-q", "-b", "gh-readonly-queue/main/pr-1")
    forge.origin.git("merge", "-q", "--no-edit", "topic")
    outcomes, base, _ = compared(check(forge.merge_group(before, "gh-readonly-queue/main/pr-1", depth=depth)))
    assert outcomes == {"src/a.py": "regressed"}
    assert base == before


@DEPTHS
def test_what_a_person_starts_is_compared_with_the_default_branch(
    forge: Forge, check: Any, depth: int
) -> None:
    outcomes, base, head = compared(check(forge.dispatched("topic", depth=depth)))
    assert outcomes == {"src/a.py": "regressed"}
    assert (base, head) == (forge.origin.git("merge-base", "main", "topic"), forge.commit("topic"))


def test_history_is_deepened_and_never_cut(forge: Forge, check: Any) -> None:
    workflow = forge.pull_request_target(depth=0)
    before = workflow.checkout.git("rev-list", "--count", "HEAD")
    check(workflow)
    assert workflow.checkout.git("rev-list", "--count", "HEAD") == before
    assert workflow.checkout.git("rev-parse", "--is-shallow-repository") == "false"


def test_offline_nothing_is_fetched(forge: Forge, check: Any) -> None:
    result = check(forge.push(forge.commit("topic"), "main", depth=1), "--offline")
    assert result.exit_code == 3
    assert f"no such revision: {forge.commit('topic')}" in result.stderr


@pytest.mark.parametrize("event", ["workflow_run", "issue_comment"])
def test_an_event_that_checks_out_something_else_says_not_what_to_compare(
    forge: Forge, check: Any, event: str
) -> None:
    """Its checkout is the default branch: an empty range would be judged, and always pass."""
    workflow = forge.after_workflow()
    workflow.environ["GITHUB_EVENT_NAME"] = event
    result = check(workflow)
    assert result.exit_code == 2
    assert "does not say what to compare" in result.stderr


def test_flags_come_before_the_event(forge: Forge, check: Any) -> None:
    workflow = forge.pull_request(depth=0)
    _, base, head = compared(check(workflow, "--base", "HEAD^2~1", "--head", "HEAD^2"))
    assert (base, head) == (forge.commit("topic~1"), forge.commit("topic"))


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target", "push", "merge_group"])
@pytest.mark.parametrize(
    "payload", ["", "[]", "{}", '{"pull_request": {"base": {"ref": 1}}, "before": "--exec"}']
)
def test_a_payload_without_its_promise_is_a_usage_error(event: str, payload: str, tmp_path: Path) -> None:
    place = tmp_path / "event.json"
    place.write_text(payload)
    with pytest.raises(UsageError, match="GITHUB_EVENT_PATH holds no"):
        proposal({"GITHUB_EVENT_NAME": event, "GITHUB_EVENT_PATH": str(place)})
