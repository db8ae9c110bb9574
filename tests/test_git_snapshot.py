"""The files of one commit."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from ci_rlm.errors import GitError
from ci_rlm.git import Repository
from ci_rlm.git.snapshot import snapshot_of
from tests.conftest import FIRST_COMMIT, Checkout


def test_a_snapshot_has_the_files_of_its_commit_and_no_others(repo: Checkout) -> None:
    repo.write("pack/a b\té.py", "x = 1\n")
    repo.write("pack/gone.py", "x = 2\n")
    first = repo.commit()
    repo.remove("pack/gone.py")
    repo.write("later.py", "x = 3\n")
    repo.commit()
    snapshot = snapshot_of(Repository.discover(repo.root), "HEAD~1")
    assert (snapshot.commit, snapshot.committed) == (first, FIRST_COMMIT)
    paths = (PurePosixPath("pack/a b\té.py"), PurePosixPath("pack/gone.py"))
    assert dict(snapshot.files) == {path: repo.git("rev-parse", f"{first}:{path}") for path in paths}


def test_links_and_submodules_are_no_files(repo: Checkout) -> None:
    repo.write("a.py", "x = 1\n")
    (repo.root / "link.py").symlink_to("a.py")
    commit = repo.commit()
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{commit},module.py")
    repo.git("commit", "--quiet", "--message", "a submodule")
    snapshot = snapshot_of(Repository.discover(repo.root), "HEAD")
    assert set(snapshot.files) == {PurePosixPath("a.py")}


def test_only_wanted_files_are_listed(repo: Checkout) -> None:
    repo.write("a.py", "x = 1\n")
    repo.write("a.txt", "x\n")
    repo.commit()
    snapshot = snapshot_of(Repository.discover(repo.root), "HEAD", lambda path: path.suffix == ".py")
    assert set(snapshot.files) == {PurePosixPath("a.py")}


def test_an_unknown_revision_is_an_error(repo: Checkout) -> None:
    repo.commit()
    with pytest.raises(GitError, match="no such revision"):
        snapshot_of(Repository.discover(repo.root), "0" * 40)
