"""Diffs from outside: both sides are found again, and nothing outside the tree is touched."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from ci_rlm.errors import GitError
from ci_rlm.flow import FileChange, Skipped, Span
from ci_rlm.git import FileLimits, Repository, patch_changes

if TYPE_CHECKING:
    from tests.conftest import Checkout

ALL = FileLimits()
BEFORE = "".join(f"line_{number} = {number}\n" for number in range(30))
AFTER = BEFORE.replace("line_7 = 7\n", "line_7 = 'seven'\n")
EXPECTED = FileChange(
    path=PurePosixPath("a.py"),
    before_path=PurePosixPath("a.py"),
    before=BEFORE.encode(),
    after=AFTER.encode(),
    touched_before=(Span(8, 8),),
    touched=(Span(8, 8),),
)
STALE = "the diff fits neither the blob that it names nor the working file"


def diff_of(repo: Checkout, *options: str) -> bytes:
    """The diff of the last commit, as git writes it to a file."""
    out = repo.root.parent / "change.diff"
    repo.git("diff", f"--output={out}", *options, "HEAD~1", "HEAD")
    return out.read_bytes()


def edited(repo: Checkout) -> Checkout:
    repo.write("a.py", BEFORE)
    repo.commit()
    repo.write("a.py", AFTER)
    repo.commit()
    return repo


def test_the_before_side_is_the_blob_that_the_diff_names(repo: Checkout) -> None:
    patch = diff_of(edited(repo))
    repo.write("a.py", "something = 'else'\n")

    assert list(patch_changes(patch, ALL, Repository.discover(repo.root), repo.root)) == [EXPECTED]


@pytest.mark.parametrize("lies", [BEFORE, AFTER])
def test_without_the_blob_the_working_file_is_whichever_side_fits(
    tmp_path: Path, repo: Checkout, lies: str
) -> None:
    patch = diff_of(edited(repo))
    (tmp_path / "a.py").write_text(lies)

    assert list(patch_changes(patch, ALL, None, tmp_path)) == [EXPECTED]


@pytest.mark.parametrize("options", [(), ("--no-prefix",), ("--src-prefix=i/", "--dst-prefix=w/"), ("-U0",)])
def test_the_ways_to_write_a_diff_are_read_alike(
    tmp_path: Path, repo: Checkout, options: tuple[str, ...]
) -> None:
    patch = diff_of(edited(repo), *options)
    (tmp_path / "a.py").write_text(AFTER)

    assert list(patch_changes(patch, ALL, None, tmp_path)) == [EXPECTED]


def test_a_mailed_patch_is_read_past_its_letter(repo: Checkout, tmp_path: Path) -> None:
    edited(repo)
    mail = repo.git("format-patch", "--stdout", "-1").encode() + b"\n"
    (tmp_path / "a.py").write_text(AFTER)

    assert list(patch_changes(mail, ALL, None, tmp_path)) == [EXPECTED]


def test_a_file_that_fits_neither_side_is_skipped(repo: Checkout, tmp_path: Path) -> None:
    patch = diff_of(edited(repo))
    (tmp_path / "a.py").write_text("something = 'else'\n")

    assert list(patch_changes(patch, ALL, None, tmp_path)) == [Skipped(PurePosixPath("a.py"), "", STALE)]


def test_a_file_that_is_not_there_is_skipped(repo: Checkout, tmp_path: Path) -> None:
    patch = diff_of(edited(repo))

    (skipped,) = patch_changes(patch, ALL, None, tmp_path)

    assert skipped == Skipped(PurePosixPath("a.py"), "", "cannot be read: No such file or directory")


def test_new_deleted_and_renamed_files_are_those_of_the_range(repo: Checkout) -> None:
    repo.write("gone.py", "x = 1\n")
    repo.write("old name.py", BEFORE)
    repo.write("same.py", AFTER * 2)
    repo.commit()
    repo.remove("gone.py")
    repo.write("new.py", "y = 1")
    repo.git("mv", "old name.py", 'né".py')
    repo.write('né".py', AFTER)
    repo.git("mv", "same.py", "moved.py")
    repo.commit()
    repository = Repository.discover(repo.root)
    expected = list(repository.changes(repository.between("HEAD~1"), ALL))

    assert list(patch_changes(diff_of(repo), ALL, repository, repo.root)) == expected
    assert [str(change.path) for change in expected] == ["gone.py", "new.py", 'né".py']


def test_a_deletion_is_read_without_a_repository(repo: Checkout, tmp_path: Path) -> None:
    repo.write("gone.py", "x = 1\n")
    repo.commit()
    repo.remove("gone.py")
    repo.commit()

    (change,) = patch_changes(diff_of(repo), ALL, None, tmp_path)

    assert isinstance(change, FileChange)
    assert (change.before, change.after) == (b"x = 1\n", None)


def test_submodules_links_and_binaries_are_skipped(repo: Checkout) -> None:
    commit = repo.commit()
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{commit},lib")
    repo.write("data.py", b"\0\1\2")
    (repo.root / "link.py").symlink_to("data.py")
    repo.git("add", "data.py", "link.py")
    repo.git("commit", "--quiet", "--message", "odd")

    found = list(patch_changes(diff_of(repo), ALL, None, repo.root))

    assert [
        (str(change.path), change.reason.split(":")[0]) for change in found if isinstance(change, Skipped)
    ] == [
        ("data.py", "binary"),
        ("lib", "submodule"),
        ("link.py", "symbolic link"),
    ]


def test_a_combined_diff_is_skipped(repo: Checkout, tmp_path: Path) -> None:
    patch = b"diff --cc a.py\nindex 1,2..3\n--- a/a.py\n+++ b/a.py\n@@@ -1,1 -1,1 +1,1 @@@\n--x\n++y\n"

    (skipped,) = patch_changes(patch, ALL, None, tmp_path)

    assert isinstance(skipped, Skipped)
    assert "combined" in skipped.reason


@pytest.mark.parametrize(
    "name", ["../secret.py", "/etc/secret.py", "a/../../secret.py", ".git/hooks/x.py", "a/.GIT/x.py"]
)
def test_a_path_that_leads_out_of_the_tree_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.py").write_text("a\n")
    root = tmp_path / "root"
    root.mkdir()
    patch = f"--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-a\n+b\n"

    (skipped,) = patch_changes(patch.encode(), ALL, None, root)

    assert isinstance(skipped, Skipped)
    assert skipped.reason == "the path leads out of the tree"


@pytest.mark.parametrize("name", ["link.py", "folder/secret.py"])
def test_a_link_in_the_tree_is_not_followed(tmp_path: Path, name: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.py").write_text("a\n")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link.py").symlink_to("../outside/secret.py")
    (root / "folder").symlink_to("../outside")
    patch = f"--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-a\n+b\n"

    (found,) = patch_changes(patch.encode(), ALL, None, root)

    assert isinstance(found, Skipped)


def test_globs_languages_and_sizes_limit_a_diff_too(repo: Checkout, tmp_path: Path) -> None:
    repo.commit()
    for name in ("src/a.py", "src/a.md", "tests/a.py"):
        repo.write(name, BEFORE)
    repo.commit()
    limits = FileLimits(include=("src/**",), wanted=lambda path: path.suffix == ".py")

    found = list(patch_changes(diff_of(repo), limits, None, tmp_path))

    assert [str(change.path) for change in found] == ["src/a.py"]


def test_a_file_over_the_limit_is_skipped_unread(repo: Checkout, tmp_path: Path) -> None:
    patch = diff_of(edited(repo))
    (tmp_path / "a.py").write_text(AFTER)

    (skipped,) = patch_changes(patch, FileLimits(max_bytes=100), Repository.discover(repo.root), tmp_path)

    assert skipped == Skipped(PurePosixPath("a.py"), "", f"{len(BEFORE)} bytes, over the limit of 100")


def test_a_new_file_over_the_limit_is_skipped(tmp_path: Path) -> None:
    patch = b"--- /dev/null\n+++ b/a.py\n@@ -0,0 +1 @@\n+" + b"#" * 100 + b"\n"

    (skipped,) = patch_changes(patch, FileLimits(max_bytes=100), None, tmp_path)

    assert skipped == Skipped(PurePosixPath("a.py"), "", "101 bytes, over the limit of 100")


@pytest.mark.parametrize("names", ["--- a/a.py\n+++ /dev/null\n", "--- /dev/null\n+++ b/a.py\n"])
def test_a_deleted_or_new_file_that_has_both_sides_is_skipped(tmp_path: Path, names: str) -> None:
    patch = f"{names}@@ -1 +1 @@\n-a\n+b\n".encode()

    assert list(patch_changes(patch, ALL, None, tmp_path)) == [Skipped(PurePosixPath("a.py"), "", STALE)]


@pytest.mark.parametrize("lies", ["blob", "working file"])
def test_files_beyond_the_total_are_skipped(repo: Checkout, lies: str) -> None:
    patch = diff_of(edited(repo))
    patch += patch.replace(b"a.py", b"b.py") + b"--- a/c.py\n+++ b/c.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"
    repo.write("b.py", BEFORE)
    repo.write("c.py", "x = 1\n")
    repository = Repository.discover(repo.root) if lies == "blob" else None
    limits = FileLimits(max_total_bytes=len(BEFORE) + len(AFTER) + 20)

    found = list(patch_changes(patch, limits, repository, repo.root))

    assert [str(each.path) for each in found if isinstance(each, FileChange)] == ["a.py", "c.py"]
    assert ["exclude what is generated" in each.reason for each in found if isinstance(each, Skipped)] == [
        True
    ]


def test_a_blob_that_many_files_have_is_in_memory_once(repo: Checkout) -> None:
    patch = diff_of(edited(repo))
    patches = b"".join(patch.replace(b"a.py", b"%d.py" % number) for number in range(9))

    found = list(patch_changes(patches, ALL, Repository.discover(repo.root), repo.root))

    assert len({id(change.before) for change in found if isinstance(change, FileChange)}) == 1


def test_a_file_that_is_changed_twice_is_an_error_with_its_places(repo: Checkout) -> None:
    patch = diff_of(edited(repo))
    again = len(patch.splitlines()) + 3

    with pytest.raises(GitError, match=rf"changes a\.py twice, in lines 1 and {again}$"):
        patch_changes(patch + b"From: Ada\n\n" + patch, ALL, Repository.discover(repo.root), repo.root)


def test_a_file_that_became_a_link_is_no_file_changed_twice(repo: Checkout) -> None:
    repo.write("a.py", BEFORE)
    repo.commit()
    repo.remove("a.py")
    (repo.root / "a.py").symlink_to("b.py")
    repo.commit()

    gone, link = patch_changes(diff_of(repo), ALL, Repository.discover(repo.root), repo.root)

    assert isinstance(gone, FileChange)
    assert gone.after is None
    assert isinstance(link, Skipped)


def test_an_empty_diff_changes_nothing(tmp_path: Path) -> None:
    assert list(patch_changes(b"\n", ALL, None, tmp_path)) == []


def test_text_without_a_diff_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="no unified diff"):
        patch_changes(b"def f(): pass\n", ALL, None, tmp_path)
