"""`ci-rlm init` on real repositories: what it finds, what it writes, and what it leaves alone."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from ci_rlm.cli import main
from ci_rlm.cli.additions import Fate, hook_added, toml_extended
from ci_rlm.cli.init import template
from tests.conftest import Checkout
from tests.fakes import by_length, checkpoint_without_weights, remember

SHORT = "def f(x):\n    return x\n"
LONG = "def f(x):\n    y = x + x + x + x + x + x + x + x\n    return y\n"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
KNOWN = ("--source", "https://forge.example/acme/ci-rlm.git", "--commit", COMMIT)
ENTRY = "- repo: local\n  hooks:\n    - id: ci-rlm\n"


def initialised(repo: Checkout, *flags: str) -> Result:
    result = CliRunner().invoke(main, ["init", "-C", str(repo.root), *flags])
    assert result.exit_code == 0, result.output
    return result


def all_files(repo: Checkout) -> dict[str, bytes]:
    """The working tree, without git's own folder."""
    found = (path for path in repo.root.rglob("*") if path.is_file())
    inside = ((path.relative_to(repo.root), path) for path in found)
    return {str(name): path.read_bytes() for name, path in inside if name.parts[0] != ".git"}


# Afterwards a check works.


def test_a_check_works_at_once(repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written is read: the test folder is out of the check, the package in it."""
    checkpoint = checkpoint_without_weights(tmp_path / "checkpoint")
    monkeypatch.setenv("CI_RLM_CHECKPOINT", str(checkpoint))
    remember(checkpoint, Path(os.environ["CI_RLM_CACHE_DIR"]), [SHORT, LONG], by_length)
    repo.write("src/shop/__init__.py", "")
    repo.write("pyproject.toml", '[project]\nname = "shop"\n')
    for name in ("src/shop/a.py", "src/shop/tests/b.py", "scripts/c.py"):
        repo.write(name, SHORT)
    repo.commit()
    initialised(repo)
    repo.commit()
    for name in ("src/shop/a.py", "src/shop/tests/b.py", "scripts/c.py"):
        repo.write(name, LONG)
    repo.commit()
    flags = ("--base", "HEAD~1", "--format", "json")
    result = CliRunner().invoke(main, ["check", "-C", str(repo.root), *flags])
    assert result.exit_code == 0, result.output
    assert {row["path"] for row in json.loads(result.stdout)["rows"]} == {"src/shop/a.py"}


def test_the_hook_runs_at_a_commit(repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the real pre-commit, and the ci-rlm of these tests on PATH."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "pre-commit"))
    checkpoint = checkpoint_without_weights(tmp_path / "checkpoint")
    monkeypatch.setenv("CI_RLM_CHECKPOINT", str(checkpoint))
    remember(checkpoint, Path(os.environ["CI_RLM_CACHE_DIR"]), [SHORT, LONG], by_length)
    repo.write("a.py", SHORT)
    repo.commit()
    initialised(repo)
    config = repo.root / "ci-rlm.toml"
    config.write_text(config.read_text().replace("advisory", "enforce"))
    repo.commit()
    subprocess.run(["pre-commit", "install"], cwd=repo.root, check=True, capture_output=True)
    repo.write("a.py", LONG)
    repo.git("add", "a.py")
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    done = subprocess.run(["git", *who, "commit", "-m", "x"], cwd=repo.root, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"a.py:" in done.stdout + done.stderr


def test_a_second_run_changes_nothing(repo: Checkout) -> None:
    repo.write("pkg/__init__.py", "")
    repo.write(".github/dependabot.yml", "")
    initialised(repo, *KNOWN)
    first = all_files(repo)
    result = initialised(repo, *KNOWN)
    assert all_files(repo) == first
    assert [line.split()[0] for line in result.stdout.splitlines()[1:4]] == ["keep"] * 3


# What is written.


def test_a_flat_repository_leaves_out_what_nobody_ships(repo: Checkout) -> None:
    for name in ("pkg/__init__.py", "tests/test_a.py", "docs/conf.py", "setup.py"):
        repo.write(name, "x = 1\n")
    initialised(repo)
    written = tomllib.loads((repo.root / "ci-rlm.toml").read_text())
    assert written == {
        "mode": "advisory",
        "paths": {"exclude": ["**/docs/**", "**/tests/**", "setup.py"]},
    }


def test_a_project_file_gains_a_table(repo: Checkout) -> None:
    before = b'# ours\r\n[project]\r\nname = "shop" # no line end'
    repo.write("pyproject.toml", before)
    repo.write("src/shop/__init__.py", "")
    initialised(repo)
    after = (repo.root / "pyproject.toml").read_bytes()
    assert after.startswith(before + b"\r\n\r\n")
    assert after.count(b"\n") == after.count(b"\r\n")
    assert tomllib.loads(after.decode())["tool"]["ci-rlm"]["paths"] == {"include": ["src/**"]}
    assert not (repo.root / "ci-rlm.toml").exists()


def test_a_project_file_that_takes_no_table_is_left_alone(repo: Checkout) -> None:
    before = b"tool = { black = { line-length = 99 } }\n"
    repo.write("pyproject.toml", before)
    initialised(repo)
    assert (repo.root / "pyproject.toml").read_bytes() == before
    assert (repo.root / "ci-rlm.toml").exists()


def test_a_workflow_names_the_ci_rlm_it_is_told(repo: Checkout) -> None:
    initialised(repo, "--ci", "github", *KNOWN)
    text = (repo.root / ".github/workflows/ci-rlm.yml").read_text()
    uses = [step["uses"] for step in yaml.safe_load(text)["jobs"]["check"]["steps"]]
    assert f"acme/ci-rlm@{COMMIT}" in uses
    assert "Put in" not in text


def test_a_workflow_without_a_known_ci_rlm_says_what_to_put_in(repo: Checkout) -> None:
    result = initialised(repo, "--ci", "github", "--source", "")
    assert "OWNER/ci-rlm@COMMIT" in (repo.root / ".github/workflows/ci-rlm.yml").read_text()
    assert "put whose ci-rlm you use, and at which commit, into the workflow" in result.stdout


@pytest.mark.parametrize("name", ["github.yml", "github-fork-check.yml", "github-fork-report.yml"])
def test_only_the_request_and_the_placeholder_differ_from_the_template(repo: Checkout, name: str) -> None:
    places = {
        "github.yml": "ci-rlm",
        "github-fork-check.yml": "ci-rlm",
        "github-fork-report.yml": "ci-rlm-report",
    }
    initialised(repo, "--ci", "github" if name == "github.yml" else "github-forks", *KNOWN)
    text = (repo.root / f".github/workflows/{places[name]}.yml").read_text()
    expected = template(name).replace("OWNER/ci-rlm@COMMIT", f"acme/ci-rlm@{COMMIT}").splitlines()
    left_out = [line for line in expected if line not in text.splitlines()]
    assert [line.startswith("# Put in ") for line in left_out] == [True]
    assert len(expected) - len(text.splitlines()) == 2


def test_a_gitlab_job_is_a_file_of_its_own_that_the_pipeline_includes(repo: Checkout) -> None:
    initialised(repo, "--ci", "gitlab", *KNOWN)
    pipeline = yaml.safe_load((repo.root / ".gitlab-ci.yml").read_text())
    (included,) = pipeline["include"]
    job = yaml.safe_load((repo.root / included["local"]).read_text())["ci-rlm"]
    assert job["variables"]["RLM_SOURCE"] == KNOWN[1]
    assert job["variables"]["RLM_COMMIT"] == COMMIT


def test_a_pipeline_that_is_there_is_told_what_to_include(repo: Checkout) -> None:
    repo.write(".gitlab-ci.yml", "test:\n  script: [pytest]\n")
    result = initialised(repo)
    assert (repo.root / ".gitlab-ci.yml").read_text() == "test:\n  script: [pytest]\n"
    assert "by hand  .gitlab-ci.yml: it is there already\n    include:\n      - local:" in result.stdout


def test_the_script_for_any_ci_can_be_run(repo: Checkout) -> None:
    initialised(repo, "--ci", "other")
    assert os.access(repo.root / ".ci/ci-rlm.sh", os.X_OK)


# What is left alone.


def test_a_workflow_that_is_there_is_not_overwritten(repo: Checkout) -> None:
    repo.write(".github/workflows/ci-rlm.yml", "mine\n")
    result = initialised(repo, *KNOWN)
    assert (repo.root / ".github/workflows/ci-rlm.yml").read_text() == "mine\n"
    assert f"      - uses: acme/ci-rlm@{COMMIT}" in result.stdout


def test_a_dry_run_writes_nothing_and_prints_it_all(repo: Checkout) -> None:
    result = initialised(repo, "--dry-run", "--ci", "github", *KNOWN)
    assert all_files(repo) == {}
    assert '    mode = "advisory"' in result.stdout
    assert f"acme/ci-rlm@{COMMIT}" in result.stdout
    assert "    repos:" in result.stdout


def test_a_folder_that_leads_elsewhere_is_not_written_to(repo: Checkout, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (repo.root / ".github").symlink_to(tmp_path / "elsewhere")
    result = CliRunner().invoke(main, ["init", "-C", str(repo.root), "--ci", "github"])
    assert result.exit_code == 3
    assert ".github/workflows/ci-rlm.yml leads elsewhere" in result.stderr
    assert list((tmp_path / "elsewhere").iterdir()) == []


HOOKS = {
    "indented": "repos:\n  - repo: https://a.example/b\n    rev: v1 # pinned\n    hooks:\n      - id: c\n",
    "flush": "# ours\nrepos:\n- repo: local\n  hooks:\n  - id: d\n    args: [--x, 'y: z']\n",
    "no line end": "repos:\n  - repo: meta\n    hooks: [{id: check-hooks-apply}]",
    "keys after": "repos:\n  - repo: meta\n    hooks:\n      - id: e\n\n# of all\nfail_fast: true\n",
    "text at the end": "repos:\n  - repo: meta\n    hooks:\n      - id: e\n        name: |\n          a\n",
    "windows": "repos:\r\n  - repo: meta\r\n    hooks:\r\n      - id: e\r\n",
}  # fmt: skip


@pytest.mark.parametrize("text", HOOKS.values(), ids=HOOKS)
def test_a_hook_joins_the_others_and_no_byte_is_lost(text: str) -> None:
    step = hook_added("x", text.encode(), ENTRY)
    assert step.fate is Fate.EXTENDED
    before, after = yaml.safe_load(text), yaml.safe_load(step.content)
    assert after == {**before, "repos": [*before["repos"], *yaml.safe_load(ENTRY)]}
    ends = ("\r\n",) if "\r\n" in text else ("\n",)
    added = [
        line
        for line in step.content.decode().splitlines(keepends=True)
        if line not in text.splitlines(keepends=True)
    ]
    assert all(line.endswith(ends) for line in added)
    assert is_subsequence(text.encode(), step.content)


def is_subsequence(part: bytes, whole: bytes) -> bool:
    rest = iter(whole)
    return all(byte in rest for byte in part)


@pytest.mark.parametrize(
    "text",
    ["repos: []\n", "repos: [{repo: meta, hooks: []}]\n", "x: true\n", "repos:\n", "- a\n", "", "a: [\n"],
)  # fmt: skip
def test_a_hook_that_cannot_be_added_for_sure_is_told(text: str) -> None:
    step = hook_added("x", text.encode(), ENTRY)
    assert (step.fate, step.lines, step.content) == (Fate.BY_HAND, ENTRY, b"")


def test_a_hook_that_is_there_is_kept() -> None:
    text = "repos:\n  - repo: https://a.example/ci-rlm\n    rev: v1\n    hooks:\n      - id: ci-rlm\n"
    assert hook_added("x", text.encode(), ENTRY).fate is Fate.KEPT


@pytest.mark.parametrize("text", ["\ufeffa = 1\n", "a = ", "[tool]\nci-rlm = 1\n", "[[tool]]\n"])
def test_a_table_that_cannot_be_added_for_sure_is_told(text: str) -> None:
    assert toml_extended("x", text.encode(), "[tool.ci-rlm]\nmode = 'advisory'\n").fate is Fate.BY_HAND


# Questions.


def test_nothing_is_asked_without_a_terminal(repo: Checkout) -> None:
    command = [sys.executable, "-m", "ci_rlm", "init"]
    done = subprocess.run(command, cwd=repo.root, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == 0
    assert b"?" not in done.stdout


def at_a_terminal(repo: Checkout, answers: str, *flags: str, **environ: str) -> tuple[int, str]:
    """Exit code and output of a run whose standard input is a terminal at which a person answers."""
    ours, theirs = pty.openpty()
    os.write(ours, answers.encode())
    command = [sys.executable, "-m", "ci_rlm", "init", *flags]
    done = subprocess.run(
        command, cwd=repo.root, stdin=theirs, stdout=subprocess.PIPE, check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), **environ},
    )  # fmt: skip
    os.close(ours)
    os.close(theirs)
    return done.returncode, done.stdout.decode()


def test_a_person_is_asked_for_what_no_flag_says(repo: Checkout) -> None:
    code, said = at_a_terminal(repo, "github\nn\ny\n", *KNOWN)
    assert (code, said.count("?")) == (0, 3)
    assert sorted(all_files(repo)) == [".github/workflows/ci-rlm.yml", "ci-rlm.toml"]


def test_a_person_who_says_no_has_nothing_written(repo: Checkout) -> None:
    code, _ = at_a_terminal(repo, "none\nn\nn\n", *KNOWN)
    assert code == 130
    assert all_files(repo) == {}


@pytest.mark.parametrize(("flags", "environ"), [(("--yes",), {}), ((), {"CI": "true"})])
def test_a_terminal_is_not_asked_where_that_is_said(
    repo: Checkout, flags: tuple[str, ...], environ: dict[str, str]
) -> None:
    code, said = at_a_terminal(repo, "", *flags, **environ)
    assert (code, "?" in said) == (0, False)
    assert "ci-rlm.toml" in all_files(repo)
