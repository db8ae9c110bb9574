""".pre-commit-hooks.yaml, with the real pre-commit on a real repository.

The hook's own environment would be minutes of installation, so its language is `system` here: what runs
is the ci-rlm of the tests, by the hook's entry and stages.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Checkout
from tests.fakes import by_length, checkpoint_without_weights, remember

MANIFEST = Path(__file__).parents[1] / ".pre-commit-hooks.yaml"
SHORT = "def f(x):\n    return x\n"
LONG = "def f(x):\n    y = x + x + x + x + x + x + x + x\n    return y\n"
CONFIG = """
repos:
  - repo: {repository}
    rev: {revision}
    hooks:
      - id: ci-rlm
        language: system
"""


@pytest.fixture
def hooked(repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A repository with the hook at commit and at push, an enforced gate, and one short function."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "pre-commit"))
    checkpoint = checkpoint_without_weights(tmp_path / "checkpoint")
    monkeypatch.setenv("CI_RLM_CHECKPOINT", str(checkpoint))
    remember(checkpoint, Path(os.environ["CI_RLM_CACHE_DIR"]), [SHORT, LONG], by_length)
    hooks = Checkout(tmp_path / "hooks")
    hooks.root.mkdir()
    hooks.git("init", "--quiet")
    shutil.copy(MANIFEST, hooks.root)
    revision = hooks.commit()
    repo.write(".pre-commit-config.yaml", CONFIG.format(repository=hooks.root.as_uri(), revision=revision))
    repo.write("ci-rlm.toml", 'mode = "enforce"\n')
    repo.write("a.py", SHORT)
    repo.commit()
    for stage in ("pre-commit", "pre-push"):
        subprocess.run(["pre-commit", "install", "-t", stage], cwd=repo.root, check=True, capture_output=True)
    return repo


def ended(repo: Checkout, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A git command that may fail, as a person gives it."""
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    return subprocess.run(
        ["git", *who, *arguments], cwd=repo.root, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def test_a_regression_is_not_committed(hooked: Checkout) -> None:
    hooked.write("a.py", LONG)
    done = ended(hooked, "commit", "--all", "--message", "longer")
    assert done.returncode == 1
    assert "a.py:2" in done.stdout  # the line that was rewritten
    assert hooked.git("rev-list", "--count", "HEAD") == "1"


def test_what_is_not_staged_is_not_judged(hooked: Checkout) -> None:
    hooked.write("b.py", SHORT)
    hooked.git("add", "b.py")
    hooked.write("a.py", LONG)
    assert ended(hooked, "commit", "--message", "another").returncode == 0


def test_a_passing_commit_is_told_its_report(hooked: Checkout) -> None:
    """An advisory report that nobody sees would be no use."""
    hooked.write("a.py", LONG)
    hooked.git("commit", "--all", "--no-verify", "--message", "longer")
    hooked.write("a.py", SHORT)
    assert "improved" in ended(hooked, "commit", "--all", "--message", "short again").stdout


def test_a_commit_without_python_is_not_checked(hooked: Checkout) -> None:
    hooked.write("notes.txt", "nothing\n")
    hooked.git("add", "notes.txt")
    assert "Skipped" in ended(hooked, "commit", "--message", "notes").stdout


def test_a_push_is_judged_by_what_it_pushes(hooked: Checkout, tmp_path: Path) -> None:
    """Nothing is staged then, and the hook's command line is that of a commit."""
    hooked.git("init", "--quiet", "--bare", str(tmp_path / "remote"))
    hooked.git("remote", "add", "origin", str(tmp_path / "remote"))
    assert ended(hooked, "push", "--quiet", "origin", "main").returncode == 0
    hooked.write("a.py", LONG)
    hooked.git("commit", "--all", "--no-verify", "--message", "longer")
    done = ended(hooked, "push", "origin", "main")
    assert done.returncode == 1
    assert "a.py:2" in done.stdout  # the line that was rewritten


def test_the_manifest_is_one() -> None:
    subprocess.run([sys.executable, "-m", "pre_commit", "validate-manifest", str(MANIFEST)], check=True)
