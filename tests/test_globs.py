"""Globs agree with git's own reading of `.gitignore`."""

from __future__ import annotations

import subprocess
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_rlm.globs import matches

if TYPE_CHECKING:
    from tests.conftest import Checkout

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


def slowly(path: str, glob: str) -> bool:
    """One component against a glob of plain letters, `?` and `*`: all ways tried."""
    if not glob:
        return not path
    if glob[0] == "*":
        return any(slowly(path[skipped:], glob[1:]) for skipped in range(len(path) + 1))
    return bool(path) and glob[0] in ("?", path[0]) and slowly(path[1:], glob[1:])


@given(st.text("ab", min_size=1, max_size=9), st.text("ab?*", min_size=1, max_size=7))
def test_stars_match_whatever_lets_the_rest_match(path: str, glob: str) -> None:
    assert matches(PurePosixPath(path), [glob]) == slowly(path, glob)
    assert matches(PurePosixPath(f"x/{path}/y"), [f"x/{glob}/y"]) == slowly(path, glob)


def slowly_by_component(parts: list[str], globs: list[str]) -> bool:
    """A path against a glob with a slash: all ways tried."""
    if globs == ["**"]:
        return bool(parts)
    if not globs:
        return True  # a folder, and what it holds
    if globs[0] == "**":
        return any(slowly_by_component(parts[skipped:], globs[1:]) for skipped in range(len(parts) + 1))
    return bool(parts) and slowly(parts[0], globs[0]) and slowly_by_component(parts[1:], globs[1:])


@given(
    st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=7),
    st.lists(st.sampled_from(["**", "a", "b", "*", "?", "a*", "*b*"]), min_size=2, max_size=6),
)
def test_stars_over_components_match_whatever_lets_the_rest_match(parts: list[str], globs: list[str]) -> None:
    taken = matches(PurePosixPath(*parts), ["/".join(globs)])
    assert taken == slowly_by_component(parts, globs)


def test_many_stars_are_no_trap() -> None:
    assert not matches(PurePosixPath("a" * 200), ["*a" * 40 + "b"])
    assert matches(PurePosixPath("a" * 200 + "b"), ["*a" * 40 + "b"])
    deep = "a/" * 200
    assert not matches(PurePosixPath(f"{deep}c"), ["a/**/" * 40 + "b"])
    assert matches(PurePosixPath(f"{deep}b"), ["a/**/" * 40 + "b"])
    assert not matches(PurePosixPath(f"{deep}c"), ["*/**/" * 40 + "*a*/b"])


@given(st.text(alphabet="ab*?[]!^-/\\&~|.", min_size=1, max_size=12))
def test_any_text_is_a_glob(glob: str) -> None:
    assert matches(PurePosixPath("a/b"), [glob]) in (True, False)


def test_no_glob_matches_nothing() -> None:
    assert not matches(PurePosixPath("a.py"), [])


NAMES = st.lists(st.sampled_from(["a", "b", ".", "*", "?", "[ab]", "[!a]", "[^b]"]), min_size=1, max_size=3)
# `a**` is left out: there git departs from its manual, which calls those two regular asterisks.
PARTS = st.lists(
    NAMES.map("".join).filter(lambda name: "**" not in name) | st.just("**"), min_size=1, max_size=4
)
SHORT_PATHS = ["a", "b", "ab", "a.b", "a/b", "b/a", "a/a/b", "b/b/a", "a/b/a/b", "ab/a", ".a/b", "a/ab/b.a"]


def ignored_by_git(repo: Checkout, glob: str) -> set[str]:
    """What git itself takes for the only line of a .gitignore."""
    repo.write(".gitignore", f"{glob}\n")
    listed = subprocess.run(
        ["git", "-C", str(repo.root), "check-ignore", "--no-index", "--stdin", "-z"],
        input="\0".join(SHORT_PATHS).encode(),
        capture_output=True,
        check=False,
    )
    assert listed.returncode in (0, 1), listed.stderr
    return set(filter(None, listed.stdout.decode().split("\0")))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=PARTS, start=st.sampled_from(["", "/"]), end=st.sampled_from(["", "/"]))
def test_a_glob_takes_what_the_same_line_of_a_gitignore_takes(
    repo: Checkout, parts: list[str], start: str, end: str
) -> None:
    glob = start + "/".join(parts) + end

    taken = {path for path in SHORT_PATHS if matches(PurePosixPath(path), [glob])}

    assert taken == ignored_by_git(repo, glob)


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
        ("**//**/a", "b/a", False),
    ],
)
def test_globs_of_the_documentation(glob: str, path: str, *, taken: bool) -> None:
    assert matches(PurePosixPath(path), [glob]) is taken
