"""Globs agree with git's own reading of `.gitignore`."""

from __future__ import annotations

import subprocess
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.globs import matches

PATHS = ["a.py", "src/a.py", "src/hot/a.py", "src/hot/deep/b.py", "tests/a.py", "x/tests/y/a.py", "srcs/a.py"]
GLOBS = [
    "src/**",
    "src/",
    "src",
    "a.py/",
    "**/",
    "*.py",
    "/*.py",
    "**/tests/**",
    "src/*/a.py",
    "src/**/a.py",
    "src/**/**/b.py",
    "**/a.py",
    "**",
    "src/?ot/*.py",
    "[a-b].py",
    "[!a].py",
    "src/[z-a]ot/a.py",
    r"src/\hot/*.py",
    r"src/\*/a.py",
]


def ignored(root: Path, glob: str) -> set[str]:
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / ".git/info").mkdir(exist_ok=True)
    (root / ".git/info/exclude").write_text(glob + "\n")
    answer = subprocess.run(
        ["git", "-C", str(root), "check-ignore", "--no-index", *PATHS], capture_output=True, text=True
    )
    assert answer.returncode in (0, 1), answer.stderr
    return set(answer.stdout.split())


@pytest.mark.parametrize("glob", GLOBS)
def test_a_glob_matches_the_paths_that_git_would_ignore(tmp_path: Path, glob: str) -> None:
    assert {path for path in PATHS if matches(PurePosixPath(path), [glob])} == ignored(tmp_path, glob)


@given(st.text(alphabet="ab*?[]!^-/\\&~|.", min_size=1, max_size=12))
def test_any_text_is_a_glob(glob: str) -> None:
    assert matches(PurePosixPath("a/b"), [glob]) in (True, False)


def test_no_glob_matches_nothing() -> None:
    assert not matches(PurePosixPath("a.py"), [])
