"""What every test shares: a clean environment, and real git repositories to read."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("ci-rlm", deadline=None)  # a busy machine would miss any deadline
settings.load_profile("ci-rlm")

FIRST_COMMIT = 1_704_067_200
"""Seconds since 1970: the first commit is of 2024-01-01 00:00 UTC, each next one a minute later."""


@dataclass
class Checkout:
    """A git repository with a working tree, free of the user's own configuration."""

    root: Path
    commits: int = 0

    def git(self, *arguments: str, env: dict[str, str] | None = None) -> str:
        """Standard output of one git command, stripped; the test fails if git does."""
        done = subprocess.run(
            ["git", "-C", str(self.root), *arguments],
            env={**os.environ, **self._author(), **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, os.fsdecode(done.stderr)
        return os.fsdecode(done.stdout).strip()

    def write(self, path: str, content: str | bytes) -> Path:
        """Write one file below the root, with the folders on its way."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def remove(self, path: str) -> None:
        """Remove one file from the working tree."""
        (self.root / path).unlink()

    def commit(self, message: str = "change") -> str:
        """Commit the whole working tree; the full id."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        self.commits += 1
        return self.git("rev-parse", "HEAD")

    def clone(self, folder: Path, *options: str) -> Checkout:
        """Clone over the file protocol, as from a server: `--depth` takes effect."""
        self.git("clone", "--quiet", *options, self.root.as_uri(), str(folder))
        return Checkout(folder, self.commits)

    def _author(self) -> dict[str, str]:
        date = f"{FIRST_COMMIT + 60 * self.commits} +0000"
        return {
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.com",
            "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.com",
            "GIT_COMMITTER_DATE": date,
        }


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No setting of the user, the machine or its CI reaches a test; caches are its own."""
    for name in list(os.environ):
        if name.startswith(("CI_RLM_", "GIT_", "GITHUB_", "PRE_COMMIT_")) or name in ("CI", "FORCE_COLOR"):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    settings = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "CI_RLM_CACHE_DIR": str(home / "cache"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def repo(tmp_path: Path) -> Checkout:
    """An empty repository on branch `main`."""
    root = tmp_path / "repo"
    root.mkdir()
    checkout = Checkout(root)
    checkout.git("init", "--quiet", "--initial-branch", "main")
    return checkout
