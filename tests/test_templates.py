"""templates/ci: what a person copies into a repository is valid, safe, and does what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Checkout
from tests.fakes import by_length, checkpoint_without_weights, remember
from tests.installing import is_sprung, lay_traps, stand_in

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "templates" / "ci"
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
WORKFLOWS = sorted(TEMPLATES.glob("github*.yml"))
SHORT = "def f(x):\n    return x\n"
LONG = "def f(x):\n    y = x + x + x + x + x + x + x + x\n    return y\n"
OURS = "OWNER/ci-rlm@COMMIT"
COMMIT = "0123456789abcdef0123456789abcdef01234567"

every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


@pytest.fixture
def topic(repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A branch off `main` on which a function got costlier, with ci-rlm on PATH."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    checkpoint = checkpoint_without_weights(tmp_path / "checkpoint")
    monkeypatch.setenv("CI_RLM_CHECKPOINT", str(checkpoint))
    remember(checkpoint, Path(os.environ["CI_RLM_CACHE_DIR"]), [SHORT, LONG], by_length)
    repo.write("a.py", SHORT)
    repo.commit()
    repo.git("checkout", "-q", "-b", "topic")
    repo.write("a.py", LONG)
    repo.commit()
    return repo


def jobs(path: Path) -> list[Any]:
    return list(yaml.safe_load(path.read_text("utf-8"))["jobs"].values())


def steps(path: Path) -> list[Any]:
    return [step for job in jobs(path) for step in job["steps"]]


def ours(path: Path) -> dict[str, Any]:
    """The step that uses this repository's action."""
    return next(step for step in steps(path) if step["uses"] == OURS)


# Valid.


def validated(schema: str, *paths: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, paths)]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


def test_workflows_are_valid() -> None:
    validated("vendor.github-workflows", *WORKFLOWS)


def test_the_action_is_valid() -> None:
    validated("vendor.github-actions", ROOT / "action.yml")


def test_the_gitlab_job_is_valid() -> None:
    validated("vendor.gitlab-ci", TEMPLATES / "gitlab.yml")


def test_the_script_has_nothing_that_shellcheck_finds() -> None:
    command = ["shellcheck", str(TEMPLATES / "generic.sh")]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


@every_workflow
def test_inputs_are_those_of_the_action(path: Path) -> None:
    assert set(ours(path).get("with", {})) <= set(ACTION["inputs"])


def test_inputs_in_comments_are_those_of_the_action() -> None:
    text = (TEMPLATES / "github.yml").read_text("utf-8")
    assert set(re.findall(r"^        #   ([\w-]+):", text, re.MULTILINE)) == {"mode"} <= set(ACTION["inputs"])


# Safe.


def test_zizmor_finds_nothing(tmp_path: Path) -> None:
    """Offline, with its pedantic rules, on workflows that name a commit as users are told to."""
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    for path in WORKFLOWS:
        (folder / path.name).write_text(path.read_text("utf-8").replace("@COMMIT", f"@{COMMIT} # v1.0.0"))
    places = [str(ROOT / "action.yml"), str(tmp_path)]
    command = [
        "zizmor",
        "--offline",
        "--no-progress",
        "--persona",
        "pedantic",
        "--strict-collection",
        *places,
    ]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


def test_zizmor_would_find_an_expression_in_a_script(tmp_path: Path) -> None:
    action = (ROOT / "action.yml").read_text("utf-8")
    (tmp_path / "action.yml").write_text(action.replace('"$FAIL_ON"', '"${{ inputs.fail-on }}"'))
    command = ["zizmor", "--offline", "--no-progress", str(tmp_path / "action.yml")]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


@every_workflow
def test_a_workflow_grants_nothing_but_to_read_and_where_it_comments_that(path: Path) -> None:
    assert yaml.safe_load(path.read_text("utf-8"))["permissions"] == {}
    granted = {item for job in jobs(path) for item in job["permissions"].items()}
    written = {("pull-requests", "write")} if ours(path).get("with", {}).get("comment") else set()
    assert {item for item in granted if item[1] != "read"} == written


@every_workflow
def test_a_checkout_keeps_no_credentials_and_has_all_history(path: Path) -> None:
    inputs = [step["with"] for step in steps(path) if step["uses"].startswith("actions/checkout@")]
    assert all(given == {"fetch-depth": 0, "persist-credentials": False} for given in inputs)


@every_workflow
def test_other_actions_are_pinned_by_commit(path: Path) -> None:
    others = [step["uses"] for step in steps(path) if step["uses"] != OURS]
    assert [name for name in others if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name)] == []


def test_the_half_with_rights_checks_out_and_runs_nothing() -> None:
    path = TEMPLATES / "github-fork-report.yml"
    assert [step for step in steps(path) if "run" in step or "checkout" in step["uses"]] == []


# What they do.


def test_the_second_half_reads_what_the_first_one_leaves() -> None:
    first, second = TEMPLATES / "github-fork-check.yml", TEMPLATES / "github-fork-report.yml"
    trigger = yaml.safe_load(second.read_text("utf-8"))[True]["workflow_run"]  # YAML 1.1 reads `on` as true
    assert trigger["workflows"] == [yaml.safe_load(first.read_text("utf-8"))["name"]]
    download = next(step["with"] for step in steps(second) if "download-artifact" in step["uses"])
    assert download["name"] == ours(first)["with"]["artifact"]
    assert ours(second)["with"]["report"] == f"{download['path']}/report.json"


def test_the_gitlab_job_judges_a_merge_request(topic: Checkout) -> None:
    job = yaml.safe_load((TEMPLATES / "gitlab.yml").read_text("utf-8"))["ci-rlm"]
    environ = {**os.environ, "CI_MERGE_REQUEST_DIFF_BASE_SHA": topic.git("rev-parse", "main")}
    for line in job["script"]:
        subprocess.run(["bash", "-euo", "pipefail", "-c", line], cwd=topic.root, env=environ, check=True)
    found = json.loads((topic.root / job["artifacts"]["reports"]["codequality"]).read_bytes())
    assert {entry["location"]["path"] for entry in found} == {"a.py"}
    assert (topic.root / job["artifacts"]["reports"]["junit"]).exists()
    assert all((topic.root / path).exists() for path in job["artifacts"]["paths"])


def test_the_generic_script_judges_a_branch(topic: Checkout, tmp_path: Path) -> None:
    """With ci-rlm installed where the script would have put it."""
    (tmp_path / "home" / "abc").mkdir(parents=True)
    (tmp_path / "home" / "abc" / "venv").symlink_to(sys.prefix)
    environ = {**os.environ, "RLM_SOURCE": "nowhere", "RLM_COMMIT": "abc", "RLM_HOME": str(tmp_path / "home")}
    for mode, code in (("advisory", 0), ("enforce", 1)):
        command = ["bash", str(TEMPLATES / "generic.sh"), "main"]
        done = subprocess.run(
            command, cwd=topic.root, env={**environ, "CI_RLM_MODE": mode}, capture_output=True, check=False
        )
        assert done.returncode == code, done.stderr
    assert json.loads((topic.root / "ci-rlm-report.json").read_bytes())["summary"]["failed"] is True


@pytest.fixture
def source(tmp_path: Path) -> Checkout:
    """The repository that ci-rlm would be cloned from."""
    (tmp_path / "source").mkdir()
    source = Checkout(tmp_path / "source")
    source.git("init", "--quiet")
    source.commit()
    return source


def test_what_is_checked_out_takes_no_part_in_the_scripts_installation(
    topic: Checkout, source: Checkout, tmp_path: Path
) -> None:
    log = tmp_path / "asked"
    environ = {
        "RLM_SOURCE": str(source.root),
        "RLM_COMMIT": source.git("rev-parse", "HEAD"),
        "RLM_HOME": str(tmp_path / "home"),
        "PYTHON": str(stand_in(tmp_path / "bin" / "python3", log)),
    }
    lay_traps(topic.root)
    command = ["bash", str(TEMPLATES / "generic.sh"), "main"]
    subprocess.run(command, cwd=topic.root, env={**os.environ, **environ}, check=True)
    assert (topic.root / "ci-rlm-report.json").exists()
    assert len(log.read_text().splitlines()) == 2
    assert not is_sprung(topic.root)


def test_what_is_checked_out_takes_no_part_in_the_gitlab_jobs_installation(
    topic: Checkout, source: Checkout, tmp_path: Path
) -> None:
    job = yaml.safe_load((TEMPLATES / "gitlab.yml").read_text("utf-8"))["ci-rlm"]
    log, tools = tmp_path / "asked", tmp_path / "bin"
    for name in ("python", "uv"):
        stand_in(tools / name, log)
    given = {"RLM_SOURCE": str(source.root), "RLM_COMMIT": source.git("rev-parse", "HEAD")}
    environ = {**os.environ, **job["variables"], **given, "PATH": f"{tools}:{os.environ['PATH']}"}
    lay_traps(topic.root)
    for line in job["before_script"]:
        here = line.replace("/opt/ci-rlm", str(tmp_path / "opt"))
        subprocess.run(["bash", "-euo", "pipefail", "-c", here], cwd=topic.root, env=environ, check=True)
    assert len(log.read_text().splitlines()) == 2
    assert not is_sprung(topic.root)


def test_the_generic_script_asks_for_what_it_needs(topic: Checkout) -> None:
    command = ["bash", str(TEMPLATES / "generic.sh"), "main"]
    done = subprocess.run(command, cwd=topic.root, text=True, capture_output=True, check=False)
    assert done.returncode != 0
    assert "RLM_SOURCE: the address that ci-rlm is cloned from" in done.stderr
