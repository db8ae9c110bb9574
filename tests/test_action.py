"""action.yml, run step by step on checkouts of a paper forge; what installs is not the real thing."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from action.outputs import delimited
from tests.action_runner import TOKEN, ActionRunner, Answer, Run, Step, file_commands
from tests.conftest import Checkout
from tests.fakes import by_length, checkpoint_without_weights, remember
from tests.forge import FORK, NUMBER, Forge, Workflow
from tests.github_api import READ_ONLY, FakeGitHub, Trouble, serving
from tests.installing import is_sprung, lay_traps, stand_in

ROOT = Path(__file__).parents[1]
ACTION = ROOT / "action.yml"
SHORT = "def f(x):\n    return x\n"
LONG = "def f(x):\n    y = x + x + x + x + x + x + x + x\n    return y\n"
HOSTILE_BRANCH = "a';$(touch${IFS}pwned)`touch${IFS}pwned`\"&&touch${IFS}pwned;#"
HOSTILE_FOLDERS = (
    "::error::forged",
    "##[error]forged",
    "::set-output name=verdict::passed",
    "$(touch pwned)",
)

Act = Callable[..., Run]


@pytest.fixture
def forge(repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Forge:
    """A pull request that makes one function costlier."""
    folder = checkpoint_without_weights(tmp_path / "checkpoint")
    monkeypatch.setenv("CI_RLM_CHECKPOINT", str(folder))
    remember(folder, Path(os.environ["CI_RLM_CACHE_DIR"]), [SHORT, LONG], by_length)
    return proposed(repo, tmp_path, "src/a.py")


def proposed(repo: Checkout, scratch: Path, *paths: str, branch: str = "topic") -> Forge:
    """A forge with a pull request that makes the function in each file costlier."""
    for text, name in ((SHORT, None), (LONG, branch)):
        if name:
            repo.git("checkout", "-q", "-b", name)
        for path in paths:
            repo.write(path, text)
        repo.commit()
    repo.git("checkout", "-q", "main")
    forge = Forge(repo, scratch)
    forge.propose(branch)
    return forge


@pytest.fixture
def act(tmp_path: Path) -> Act:
    """Runs the action; the environment that it restores is the one that runs the tests."""

    def restore(inputs: Mapping[str, str]) -> Mapping[str, str]:
        if "-environment-" not in inputs["key"]:
            return {}
        assert (Path(sys.prefix) / "bin" / "ci-rlm").exists(), "the tests need ci-rlm installed"
        Path(inputs["path"]).symlink_to(sys.prefix)
        return {"cache-hit": "true"}

    uses: dict[str, Answer] = {
        "actions/setup-python": lambda inputs: {"python-path": sys.executable},
        "actions/cache/save": lambda inputs: {},
        "actions/upload-artifact": lambda inputs: {},
        "github/codeql-action/upload-sarif": lambda inputs: {},
    }
    runs = iter(range(10))

    def run(workflow: Workflow, *, restored: bool = True, **inputs: str) -> Run:
        uses["actions/cache/restore"] = restore if restored else lambda inputs: {}
        environ = {**os.environ, **workflow.environ}
        scratch = tmp_path / f"run-{next(runs)}"
        scratch.mkdir()
        return ActionRunner(ACTION, workflow.checkout.root, scratch, environ, uses).run(**inputs)

    return run


def counts(run: Run) -> dict[str, str]:
    return {name: run.outputs[name] for name in ("regressions", "improvements", "unsure")}


def annotations(step: Step) -> list[str]:
    return [command.name for command in step.commands]


# What a run tells.


def test_an_advisory_gate_reports_and_passes(forge: Forge, act: Act) -> None:
    run = act(forge.pull_request(depth=1))
    assert (run.conclusion, run.outputs["verdict"], run.outputs["exit-code"]) == ("success", "regressed", "0")
    assert counts(run) == {"regressions": "2", "improvements": "0", "unsure": "0"}


def test_an_enforced_gate_fails_once_all_is_published(forge: Forge, act: Act) -> None:
    run = act(forge.pull_request(depth=1), mode="enforce", artifact="reports", upload_sarif="true")
    assert (run.conclusion, run.outputs["verdict"], run.outputs["exit-code"]) == ("failure", "failed", "1")
    assert [step.name for step in run.steps if step.outcome == "failure"] == ["Result"]
    uploaded = Path(run.step("Upload the reports").inputs["path"])
    assert {file.name for file in uploaded.iterdir()} == {"report.json", "report.md", "report.sarif"}
    assert run.step("Send the findings to code scanning").inputs["sarif_file"] == run.outputs["sarif"]


def test_the_lines_of_the_change_are_annotated_and_the_run_is_summarised(forge: Forge, act: Act) -> None:
    published = act(forge.pull_request(depth=1)).step("Publish")
    assert annotations(published) == ["warning", "warning"]
    places = {(command.properties["file"], command.properties["line"]) for command in published.commands}
    # The line that was rewritten, not the head of its function.
    assert places == {("src/a.py", "2")}
    assert "src/a.py" in published.summary


def test_the_reports_are_where_the_outputs_say(forge: Forge, act: Act) -> None:
    run = act(forge.pull_request(depth=1))
    report = json.loads(Path(run.outputs["report-json"]).read_bytes())
    assert {row["path"] for row in report["rows"]} == {"src/a.py"}
    assert json.loads(Path(run.outputs["sarif"]).read_bytes())["version"] == "2.1.0"
    assert Path(run.outputs["report-markdown"]).read_text() in run.step("Publish").summary


def test_a_change_without_code_passes(forge: Forge, act: Act) -> None:
    run = act(forge.pull_request(depth=1), include="docs/**")
    assert (run.conclusion, run.outputs["verdict"]) == ("success", "passed")
    assert counts(run) == {"regressions": "0", "improvements": "0", "unsure": "0"}


def test_nothing_is_uploaded_unasked(forge: Forge, act: Act) -> None:
    run = act(forge.pull_request(depth=1))
    assert run.step("Upload the reports").outcome == "skipped"
    assert run.step("Send the findings to code scanning").outcome == "skipped"


# Events.


def on_pull_request_of_a_fork(forge: Forge) -> Workflow:
    return forge.pull_request(depth=1, fork=True)


def on_pull_request_target(forge: Forge) -> Workflow:
    return forge.pull_request_target(depth=1)


def on_push(forge: Forge) -> Workflow:
    before = forge.commit("main")
    forge.origin.git("merge", "-q", "--no-ff", "--no-edit", "topic")
    return forge.push(before, "main", depth=1)


def on_merge_group(forge: Forge) -> Workflow:
    before = forge.commit("main")
    forge.origin.git("checkout", "-q", "-b", "gh-readonly-queue/main/pr-1")
    forge.origin.git("merge", "-q", "--no-ff", "--no-edit", "topic")
    return forge.merge_group(before, "gh-readonly-queue/main/pr-1", depth=1)


def on_full_history(forge: Forge) -> Workflow:
    return forge.pull_request(depth=0)


EVENTS = (on_pull_request_of_a_fork, on_pull_request_target, on_push, on_merge_group, on_full_history)


@pytest.mark.parametrize("started", EVENTS)
def test_each_event_is_judged_without_an_input(
    forge: Forge, act: Act, started: Callable[[Forge], Workflow]
) -> None:
    run = act(started(forge))
    assert (run.conclusion, run.outputs["verdict"], run.outputs["regressions"]) == (
        "success",
        "regressed",
        "2",
    )


def test_a_privileged_event_obeys_the_configuration_of_the_base(forge: Forge, act: Act) -> None:
    forge.origin.git("checkout", "-q", "topic")
    forge.origin.write("ci-rlm.toml", 'paths.exclude = ["**"]\n')
    forge.propose(forge.origin.commit("switch the gate off"))
    assert act(forge.pull_request_target(depth=1)).outputs["verdict"] == "regressed"


def test_a_second_workflow_publishes_what_the_first_one_judged(forge: Forge, act: Act) -> None:
    first = act(forge.pull_request(depth=1, fork=True), mode="enforce", artifact="ci-rlm")
    second = act(forge.after_workflow(), report=first.outputs["report-json"])
    assert (second.conclusion, second.outputs["verdict"]) == ("success", "failed")
    assert counts(second) == counts(first)
    assert second.step("Publish").summary == first.step("Publish").summary


@pytest.mark.parametrize(
    "forged", ["", "[]", '{"summary": {"failed": false, "outcomes": {"regressed": "1\\nx=y"}}}']
)
def test_a_forged_report_is_not_published(forge: Forge, act: Act, tmp_path: Path, forged: str) -> None:
    (tmp_path / "forged.json").write_text(forged)
    run = act(forge.after_workflow(), report=str(tmp_path / "forged.json"))
    assert (run.conclusion, run.outputs["verdict"]) == ("failure", "incomplete")
    assert run.step("Publish").summary == ""
    assert run.outputs["report-json"] == ""


# What fails, and what does not.


@pytest.mark.parametrize(
    ("fail_on", "conclusion"), [("incomplete", "failure"), ("regression", "success"), ("never", "success")]
)
def test_a_check_that_could_not_judge_fails_where_that_is_wanted(
    forge: Forge, act: Act, fail_on: str, conclusion: str
) -> None:
    run = act(forge.pull_request(depth=0), base="gone", fail_on=fail_on)
    assert (run.conclusion, run.outputs["verdict"], run.outputs["exit-code"]) == (
        conclusion,
        "incomplete",
        "3",
    )


@pytest.mark.parametrize(("fail_on", "conclusion"), [("regression", "failure"), ("never", "success")])
def test_a_failed_gate_fails_where_that_is_wanted(
    forge: Forge, act: Act, fail_on: str, conclusion: str
) -> None:
    run = act(forge.pull_request(depth=0), mode="enforce", fail_on=fail_on)
    assert (run.conclusion, run.outputs["verdict"], run.outputs["exit-code"]) == (conclusion, "failed", "1")


def test_an_unknown_word_for_what_fails_is_an_error(forge: Forge, act: Act) -> None:
    run = act(forge.pull_request(depth=0), fail_on="regresion")
    assert run.conclusion == "failure"
    assert "fail-on is none of" in run.step("Result").log


def test_a_wrong_configuration_fails_and_says_so(forge: Forge, act: Act) -> None:
    run = act(forge.pull_request(depth=0), mode="strict")
    assert (run.conclusion, run.outputs["verdict"], run.outputs["exit-code"]) == (
        "failure",
        "incomplete",
        "2",
    )
    assert annotations(run.step("Result")) == ["error"]


def test_without_an_installation_the_outputs_are_told_all_the_same(
    forge: Forge, act: Act, tmp_path: Path
) -> None:
    """As on a Debian machine without python3-venv."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\n[ "$3" = venv ] && exit 1\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    workflow = forge.pull_request(depth=0)
    workflow.environ["PATH"] = f"{tmp_path}:{os.environ['PATH']}"
    (tmp_path / "python3").symlink_to(python)
    run = act(workflow, python_version="", torch_backend="", fail_on="never", restored=False)
    assert [step.name for step in run.steps if step.outcome == "failure"] == ["Install"]
    assert (run.conclusion, run.outputs["verdict"], run.outputs["exit-code"]) == (
        "failure",
        "incomplete",
        "3",
    )


# The comment.


@pytest.fixture
def hub(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    """The server's own view of the pull request, which comes from a fork."""
    with serving(FakeGitHub()) as hub:
        fork = {"owner": FORK["owner"]["login"], "repository": FORK["id"]}
        hub.propose(NUMBER, forge.commit("topic"), ref="topic", **fork)
        monkeypatch.setenv("GITHUB_API_URL", hub.url)
        yield hub


def test_a_comment_is_written_where_it_is_asked_for(forge: Forge, act: Act, hub: FakeGitHub) -> None:
    workflow = forge.pull_request(depth=1)
    act(workflow)
    assert hub.seen == []
    run = act(workflow, comment="true")
    (body,) = hub.bodies()
    assert body.endswith(Path(run.outputs["report-markdown"]).read_text())


def test_a_comment_has_the_name_that_is_given(forge: Forge, act: Act, hub: FakeGitHub) -> None:
    act(forge.pull_request(depth=1), comment="true", comment_id="backend")
    assert hub.bodies()[0].startswith("<!-- ci-rlm comment backend run 43.1 -->\n")


def test_a_comment_that_may_not_be_written_fails_nothing_and_is_told_once(
    forge: Forge, act: Act, hub: FakeGitHub
) -> None:
    run = act(forge.pull_request(depth=1, fork=True), comment="true", token=READ_ONLY)
    assert (run.conclusion, run.outputs["verdict"], hub.bodies()) == ("success", "regressed", [])
    step = run.step("Comment")
    assert annotations(step) == ["notice"]
    assert "403: Resource not accessible by integration" in step.log


def test_a_gate_that_fails_fails_with_and_without_its_comment(
    forge: Forge, act: Act, hub: FakeGitHub
) -> None:
    workflow = forge.pull_request(depth=1)
    hub.trouble("GET", Trouble(401, {"message": "Bad credentials"}))
    for comments in (0, 1):
        run = act(workflow, mode="enforce", comment="true")
        assert (run.conclusion, run.outputs["exit-code"], len(hub.bodies())) == ("failure", "1", comments)


def test_what_is_no_pull_request_gets_no_comment(forge: Forge, act: Act, hub: FakeGitHub) -> None:
    run = act(on_push(forge), comment="true")
    assert (run.conclusion, run.step("Comment").log, hub.seen) == ("success", "", [])


def test_the_second_workflow_comments_on_the_forks_pull_request(
    forge: Forge, act: Act, hub: FakeGitHub
) -> None:
    hub.propose(2, forge.commit("topic"), ref="other")
    first = act(forge.pull_request(depth=1, fork=True))
    act(forge.after_workflow(), report=first.outputs["report-json"], comment="true")
    (body,) = hub.bodies(NUMBER)
    assert body.startswith("<!-- ci-rlm comment report run 42.1 -->\n")
    assert "the word of the fork" in body
    assert hub.bodies(2) == []


def test_the_token_is_in_no_log(forge: Forge, act: Act, hub: FakeGitHub) -> None:
    assert TOKEN not in act(forge.pull_request(depth=1), comment="true").log


# Installing.


@pytest.mark.parametrize(("wanted", "asked"), [("auto", "auto"), ("", "none")])
def test_an_installation_asks_for_its_build_of_pytorch_and_is_kept(
    forge: Forge, act: Act, tmp_path: Path, wanted: str, asked: str
) -> None:
    log = tmp_path / "asked"
    python = stand_in(tmp_path / "bin" / "python3", log)
    workflow = forge.pull_request(depth=0)
    workflow.environ["PATH"] = f"{python.parent}:{os.environ['PATH']}"
    run = act(workflow, python_version="", torch_backend=wanted, restored=False)
    tools, whole = log.read_text().splitlines()
    assert tools == f"none -I -m pip install --quiet -c {ROOT}/constraints.txt uv"
    assert whole.startswith(f"{asked} pip install ")
    assert whole.endswith(f" --constraint {ROOT}/constraints.txt {ROOT}[comment]")
    assert run.outputs["verdict"] == "regressed"
    assert run.step("Keep the environment").inputs == run.step("Restore the environment").inputs


def test_what_is_checked_out_takes_no_part_in_the_installation(
    forge: Forge, act: Act, tmp_path: Path
) -> None:
    log = tmp_path / "asked"
    python = stand_in(tmp_path / "bin" / "python3", log)
    workflow = forge.pull_request(depth=0)
    workflow.environ["PATH"] = f"{python.parent}:{os.environ['PATH']}"
    lay_traps(workflow.checkout.root)
    run = act(workflow, python_version="", restored=False)
    assert run.outputs["verdict"] == "regressed"
    assert len(log.read_text().splitlines()) == 2
    assert not is_sprung(workflow.checkout.root)


# Inputs.


def test_inputs_reach_the_check(forge: Forge, act: Act, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('mode = "enforce"\n')
    run = act(
        forge.pull_request(depth=0),
        base="HEAD^2~1",
        head="HEAD^2",
        config=str(tmp_path / "own.toml"),
        include="lib/**\nsrc/**\n",
        exclude="\n**/b.py\n",
        device="cpu",
        checkpoint=os.environ["CI_RLM_CHECKPOINT"],
    )
    assert run.outputs["verdict"] == "failed"
    compared = json.loads(Path(run.outputs["report-json"]).read_bytes())["range"]
    assert (compared["base"], compared["head"]) == (forge.commit("topic~1"), forge.commit("topic"))


def test_a_checkout_below_the_workspace_is_found(forge: Forge, act: Act) -> None:
    workflow = forge.pull_request(depth=1)
    inside = workflow.checkout.root
    workflow.checkout = Checkout(inside.parent)
    assert act(workflow, working_directory=inside.name).outputs["verdict"] == "regressed"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_checkout_of_another_user_is_read_as_in_a_container(forge: Forge, act: Act) -> None:
    workflow = forge.pull_request(depth=0)
    for place in (workflow.checkout.root, workflow.checkout.root / ".git"):
        os.chown(place, 12345, 12345)
    assert act(workflow).outputs["verdict"] == "regressed"


def test_a_checkpoint_of_the_hub_is_kept_under_its_name(forge: Forge, act: Act) -> None:
    run = act(forge.pull_request(depth=0), checkpoint="ada/model@main", base="gone")
    kept = run.step("Keep the checkpoint").inputs
    assert kept == run.step("Restore the checkpoint").inputs
    assert kept["path"] == str(Path(os.environ["CI_RLM_CACHE_DIR"]) / "checkpoints")


# Hostile names.


def test_a_hostile_branch_runs_nothing(repo: Checkout, forge: Forge, act: Act, tmp_path: Path) -> None:
    forge.origin.git("branch", HOSTILE_BRANCH, "main")
    workflow = forge.pull_request(depth=1, branch=HOSTILE_BRANCH, base=HOSTILE_BRANCH)
    run = act(workflow)
    assert run.outputs["verdict"] == "regressed"
    assert list(tmp_path.rglob("pwned")) == []


@pytest.mark.parametrize(
    "name", ["base", "head", "mode", "include", "exclude", "config", "checkpoint", "device"]
)
def test_a_hostile_input_runs_nothing_and_forges_nothing(
    forge: Forge, act: Act, tmp_path: Path, name: str
) -> None:
    hostile = (
        "--exit-zero\n::set-output name=verdict::passed\nverdict=passed\n"
        "$(touch pwned)`touch pwned`';touch pwned;'\";touch pwned;\""
    )
    workflow = forge.pull_request(depth=0)
    run = act(workflow, **{name: hostile})
    assert list(tmp_path.rglob("pwned")) == []
    expected = {"include": "passed", "exclude": "regressed"}.get(name, "incomplete")
    assert run.outputs["verdict"] == expected


def test_hostile_paths_forge_no_output_and_no_command(
    repo: Checkout, forge: Forge, act: Act, tmp_path: Path
) -> None:
    (tmp_path / "again").mkdir()
    hostile = proposed(
        repo, tmp_path / "again", *(f"{folder}/a.py" for folder in HOSTILE_FOLDERS), branch="hostile"
    )
    run = act(hostile.pull_request(depth=0), mode="enforce")
    assert (run.conclusion, run.outputs["verdict"]) == ("failure", "failed")
    log = run.step("Check").log
    assert "\n ::error::forged" in log
    assert "##[error]forged" in log
    assert run.step("Check").commands == []
    published = run.step("Publish").commands
    assert {command.properties["file"] for command in published} == {
        f"{folder}/a.py" for folder in HOSTILE_FOLDERS
    }
    assert list(tmp_path.rglob("pwned")) == []


def test_no_value_ends_its_delimiter() -> None:
    value = "a\nend-\nEOF\nverdict=passed\nverdict<<x\npassed\nx"
    assert file_commands(delimited("sarif", value)) == {"sarif": value}


# The whole with the model.


@pytest.mark.model
def test_the_embedded_checkpoint_judges_a_pull_request(repo: Checkout, tmp_path: Path, act: Act) -> None:
    forge = proposed(repo, tmp_path, "src/a.py")
    run = act(forge.pull_request(depth=1), checkpoint="embedded", device="auto")
    assert (run.conclusion, run.outputs["exit-code"]) == ("success", "0")
    report = json.loads(Path(run.outputs["report-json"]).read_bytes())
    assert {row["metric"] for row in report["rows"]} == {"cpu_time", "peak_memory"}
