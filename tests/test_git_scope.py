"""Globs mean what they mean in a .gitignore."""

from __future__ import annotations

import subprocess
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_rlm.git.scope import FileLimits, matches

if TYPE_CHECKING:
    from tests.conftest import Checkout

NAMES = st.lists(st.sampled_from(["a", "b", ".", "*", "?", "[ab]", "[!a]", "[^b]"]), min_size=1, max_size=3)
# `a**` is left out: there git departs from its manual, which calls those two regular asterisks.
PARTS = st.lists(
    NAMES.map("".join).filter(lambda name: "**" not in name) | st.just("**"), min_size=1, max_size=4
)
PATHS = ["a", "b", "ab", "a.b", "a/b", "b/a", "a/a/b", "b/b/a", "a/b/a/b", "ab/a", ".a/b", "a/ab/b.a"]


def ignored_by_git(repo: Checkout, glob: str) -> set[str]:
    """What git itself takes for the only line of a .gitignore."""
    repo.write(".gitignore", f"{glob}\n")
    listed = subprocess.run(
        ["git", "-C", str(repo.root), "check-ignore", "--no-index", "--stdin", "-z"],
        input="\0".join(PATHS).encode(),
        capture_output=True,
        check=False,
    )
    assert listed.returncode in (0, 1), listed.stderr
    return set(filter(None, listed.stdout.decode().split("\0")))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=PARTS, start=st.sampled_from(["", "/"]), end=st.sampled_from(["", "/"]))
def test_a_glob_takes_what_the_same_line_of_a_gitignore_takes(
    repo: Checkout, parts: list[str], start: str, end: str
) -> None:
    glob = start + "/".join(parts) + end

    assert {path for path in PATHS if matches(glob, path)} == ignored_by_git(repo, glob)


@pytest.mark.parametrize(
    ("glob", "path", "taken"),
    [
        ("src/**", "src/deep/down/a.py", True),
        ("src/**", "other/src/a.py", False),
        ("**/tests/**", "tests/test_a.py", True),
        ("**/tests/**", "pkg/tests/deep/test_a.py", True),
        ("**/tests/**", "pkg/tests.py", False),
        ("*.py", "deep/down/a.py", True),
        ("src/*.py", "src/deep/a.py", False),
        ("src", "src/deep/a.py", True),
        ("a[.py", "a[.py", True),
        ("a\\*.py", "a*.py", True),
        ("a\\*.py", "ab.py", False),
        ("*.py", "line\nbreak.py", True),
    ],
)
def test_globs_of_the_documentation(glob: str, path: str, *, taken: bool) -> None:
    assert matches(glob, path) is taken


def test_an_excluded_path_is_left_out_though_included() -> None:
    limits = FileLimits(include=("src/**",), exclude=("**/tests/**",))

    taken = [name for name in ("src/a.py", "src/tests/b.py", "c.py") if limits.accepts(PurePosixPath(name))]

    assert taken == ["src/a.py"]


def test_without_globs_the_language_alone_decides() -> None:
    limits = FileLimits(wanted=lambda path: path.suffix == ".py")

    assert limits.accepts(PurePosixPath("a.py"))
    assert not limits.accepts(PurePosixPath("a.png"))
