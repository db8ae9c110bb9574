"""`ci-rlm doctor` names what is missing on a machine and in a repository, each with the next step."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ci_rlm.cli import main
from ci_rlm.cli.finding import Status
from ci_rlm.cli.init import template
from ci_rlm.cli.machine import of_git_version
from tests.conftest import Checkout
from tests.fakes import checkpoint_without_weights

COMMIT = "0123456789abcdef0123456789abcdef01234567"
USED = template("github.yml").replace("OWNER/ci-rlm@COMMIT", f"acme/ci-rlm@{COMMIT}")
WORKFLOW = ".github/workflows/perf.yml"


def examined(*flags: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *flags])


@pytest.fixture
def here(repo: Checkout, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A repository with one commit, in which the command runs."""
    repo.commit()
    monkeypatch.chdir(repo.root)
    return repo


def found(name: str) -> tuple[str, str, str]:
    """Status, detail and next step of the only finding of a name."""
    checks = json.loads(examined("--format", "json").stdout)["checks"]
    (check,) = (check for check in checks if check["name"] == name)
    return check["status"], check["detail"], check["next_step"]


# The machine.


def test_it_passes_where_all_is_there(tmp_path: Path) -> None:
    result = examined("--checkpoint", str(checkpoint_without_weights(tmp_path)))
    assert result.exit_code == 0
    assert "ok    checkpoint: hollow" in result.stdout


def test_it_names_what_is_missing_and_the_next_step() -> None:
    result = examined("--checkpoint", "/nowhere")
    assert result.exit_code == 3
    assert "fail  checkpoint: no such checkpoint: /nowhere\n      give 'embedded'" in result.stdout


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("git version 2.14.9", Status.FAIL),
        ("git version 2.15.0", Status.OK),
        ("git version 2.39.5 (Apple Git-154)", Status.OK),
        ("git version 10.0", Status.OK),
    ],
)
def test_an_old_git_is_no_git(told: str, status: Status) -> None:
    assert of_git_version(told).status is status


def test_an_extra_that_is_not_whole_is_told_with_what_it_is_for() -> None:
    """In a process for which one of its packages is not there."""
    program = "import importlib.metadata as about, sys\nreal = about.version\n"
    program += "def version(name):\n"
    program += "    if name == 'scikit-learn': raise about.PackageNotFoundError(name)\n"
    program += "    return real(name)\n"
    program += "about.version = version\nfrom ci_rlm.cli import main\nmain(['doctor'])\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    wanted = r"note  extra train: without scikit-learn: needed for ci-rlm profile.*\n      pip install (.*)"
    told = re.search(wanted, done.stdout)
    assert told
    assert told[1] == '"ci-rlm[train]"'


def test_it_says_where_the_model_would_run(tmp_path: Path) -> None:
    folder = checkpoint_without_weights(tmp_path)
    result = examined("--checkpoint", str(folder), "--device", "cpu")
    (line,) = (line for line in result.stdout.splitlines() if "device:" in line)
    assert re.fullmatch(r"ok    device: cpu leads to cpu: \d+ threads?, a prompt each; (.*)", line)
    assert line.endswith("; float32; attention: flash_attention")


def test_a_gpu_that_is_not_there_fails() -> None:
    result = examined("--device", "cuda:99")
    assert result.exit_code == 3
    assert "fail  device: there is no device cuda:99" in result.stdout


def test_it_fetches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI_RLM_CACHE_DIR", str(tmp_path))
    command = [sys.executable, "-m", "ci_rlm", "doctor", "--checkpoint", "acme/rlm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "fail  checkpoint: offline, and acme/rlm@main is not kept" in done.stdout


def test_it_speaks_json(here: Checkout, tmp_path: Path) -> None:
    folder = checkpoint_without_weights(tmp_path / "checkpoint")
    document = json.loads(examined("--checkpoint", str(folder), "--format", "json").stdout)
    assert document["ok"] is True
    names = [check["name"] for check in document["checks"] if not check["name"].startswith("extra ")]
    assert names == [
        "python", "git", "torch", "measuring", "configuration", "device", "checkpoint", "cache",
        "repository", "history", "base", "hook", "workflow",
    ]  # fmt: skip


# Configuration.


def test_a_wrong_configuration_fails(tmp_path: Path) -> None:
    (tmp_path / "ci-rlm.toml").write_text("mod = 1")
    result = examined("--config", str(tmp_path / "ci-rlm.toml"))
    assert result.exit_code == 3
    assert "unknown key 'mod'\n      did you mean 'mode'?" in result.stdout


def test_it_says_where_the_configuration_comes_from(here: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("configuration")[::2] == ("note", "ci-rlm init writes a file")
    here.write("pyproject.toml", '[tool.ci-rlm]\nmode = "enforce"\n')
    monkeypatch.setenv("CI_RLM_DEVICE", "cpu")
    detail = found("configuration")[1]
    assert detail.startswith("mode enforce, checkpoint embedded; from pyproject.toml, ")
    assert "CI_RLM_DEVICE" in detail


# The repository.


def test_a_folder_without_a_repository_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert found("repository")[0] == "warn"


def test_a_shallow_clone_is_a_warning(
    repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.commit()
    repo.commit()
    clone = repo.clone(tmp_path / "clone", "--depth", "1")
    monkeypatch.chdir(clone.root)
    status, _, step = found("history")
    assert (status, "fetch-depth: 0" in step) == ("warn", True)


def test_a_base_that_is_not_here_is_a_warning(here: Checkout) -> None:
    here.git("branch", "--move", "main", "trunk")
    assert found("base") == ("warn", "no default branch to compare with", "name one with --base")


def test_a_base_without_a_common_commit_is_a_warning(here: Checkout) -> None:
    here.git("checkout", "--quiet", "--orphan", "other")
    here.commit("apart")
    assert found("base")[:2] == ("warn", "no common commit with main")


@pytest.mark.parametrize("configured", [False, True])
def test_a_hook_is_looked_for_where_git_takes_it_from(here: Checkout, configured: bool) -> None:
    if configured:
        here.git("config", "core.hooksPath", "hooks")
    here.write("hooks/pre-commit" if configured else ".git/hooks/pre-commit", "ci-rlm check --staged\n")
    assert found("hook")[0] == "ok"


def test_a_hook_goes_from_missing_to_configured_to_installed(here: Checkout) -> None:
    assert found("hook")[::2] == ("note", "ci-rlm init writes a hook")
    here.write(".pre-commit-config.yaml", template("pre-commit.yml"))
    assert found("hook")[::2] == ("warn", "pre-commit install -t pre-commit -t pre-push")
    install = [sys.executable, "-m", "pre_commit", "install", "-t", "pre-push"]
    subprocess.run(install, cwd=here.root, check=True, capture_output=True)
    assert found("hook")[:2] == ("ok", "by pre-commit, at pre-push")


# Workflows.


def test_a_repository_without_a_workflow_is_told_so(here: Checkout) -> None:
    here.write(WORKFLOW, "jobs: {test: {steps: [{run: pytest}]}} # no ci-rlm\n")
    assert found("workflow") == ("note", "none here checks pull requests", "ci-rlm init writes one")


def test_the_template_as_it_is_copied_fails(here: Checkout) -> None:
    here.write(WORKFLOW, template("github.yml"))
    status, detail, _ = found("workflow")
    assert (status, detail) == ("fail", f"{WORKFLOW} still has the template's OWNER or COMMIT")


def test_the_template_filled_in_is_as_it_should_be(here: Checkout) -> None:
    here.write(WORKFLOW, USED)
    assert found("workflow")[0] == "ok"


@pytest.mark.parametrize(
    ("change", "step"),
    [
        (("fetch-depth: 0", "fetch-depth: 1"), "give actions/checkout the input fetch-depth: 0"),
        (("fetch-depth: 0 ", "show-progress: false "), "give actions/checkout the input fetch-depth: 0"),
        ((f"@{COMMIT}", "@main"), "name a commit in full, which cannot move"),
    ],
)
def test_a_workflow_that_could_be_better_is_told_how(
    here: Checkout, change: tuple[str, str], step: str
) -> None:
    assert change[0] in USED
    here.write(WORKFLOW, USED.replace(*change))
    assert found("workflow")[::2] == ("warn", step)


@pytest.mark.parametrize(("right", "status"), [("read", "warn"), ("write", "ok")])
def test_a_comment_needs_the_right_of_the_job(here: Checkout, right: str, status: str) -> None:
    """The workflow's own rights do not reach a job that has some of its own."""
    step = f"{{uses: acme/ci-rlm@{COMMIT}, with: {{comment: true}}}}"
    job = f"{{permissions: {{pull-requests: {right}}}, steps: [{step}]}}"
    here.write(WORKFLOW, f"permissions: {{pull-requests: write}}\njobs: {{a: {job}}}\n")
    assert found("workflow")[0] == status


def test_a_workflow_that_does_not_comment_is_as_it_should_be_and_told_how_to(here: Checkout) -> None:
    here.write(WORKFLOW, "jobs: {a: {steps: [{run: ci-rlm check}]}}\n")
    status, detail, step = found("workflow")
    assert (status, detail) == ("ok", f"{WORKFLOW} checks, and does not comment")
    assert "pull-requests: write" in step


@pytest.mark.parametrize("text", ["ci-rlm: [", "ci-rlm\n", "jobs: [ci-rlm]", "jobs: {ci-rlm: {steps: 7}}"])
def test_a_workflow_of_any_shape_is_no_defect(here: Checkout, text: str) -> None:
    here.write(WORKFLOW, text)
    assert found("workflow")[0] in ("note", "warn")


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (template("gitlab.yml"), "fail"),
        (template("gitlab.yml").replace(": URL", ': "u"').replace(": COMMIT", ': "c"'), "ok"),
        ("ci-rlm:\n  script: [ci-rlm check]\n", "warn"),
    ],
)
def test_a_gitlab_job_needs_all_history_and_no_placeholder(here: Checkout, text: str, status: str) -> None:
    here.write(".gitlab-ci.yml", text)
    assert found("workflow")[0] == status


def test_what_init_leaves_is_as_doctor_wants_it(here: Checkout) -> None:
    flags = ("--ci", "github", "--source", "https://forge.example/acme/ci-rlm", "--commit", COMMIT)
    assert CliRunner().invoke(main, ["init", *flags]).exit_code == 0
    assert found("workflow")[0] == "ok"
    assert found("configuration")[0] == "ok"
    assert found("hook")[::2] == ("warn", "pre-commit install -t pre-commit -t pre-push")


# What was installed.


def test_a_changed_checkpoint_is_not_what_was_installed(tmp_path: Path) -> None:
    """An installation with its record of hashes, one of which no longer holds."""
    record = tmp_path / "ci_rlm-0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: ci-rlm\nVersion: 0\n")
    pretrained = tmp_path / "ci_rlm" / "model" / "pretrained"
    pretrained.mkdir(parents=True)
    (pretrained / "config.json").write_bytes(b"abc")
    (pretrained / "tokenizer.json").write_bytes(b"changed")
    # The digest of b"abc" (FIPS 180-2, appendix B.1), in the record's base64.
    digest = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"
    lines = [
        f"ci_rlm/model/pretrained/{name},sha256={digest},3" for name in ("config.json", "tokenizer.json")
    ]
    (record / "RECORD").write_text("\n".join(lines))
    program = "from ci_rlm.cli.doctor import changed_since_installed\nprint(changed_since_installed())"
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{program}"]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.stdout == "['tokenizer.json']\n", done.stderr
