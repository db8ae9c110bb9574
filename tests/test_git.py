"""What a range changes, read from real repositories."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from ci_rlm.errors import GitError, UsageError
from ci_rlm.flow import FileChange, Range, Skipped, Span
from ci_rlm.git import INDEX, WORKING_TREE, FileLimits, Repository, named_base

if TYPE_CHECKING:
    from tests.conftest import Checkout

ALL = FileLimits()
CODE = "def f():\n    return 1\n"
EDITED = "def f():\n    return 2\n"
SOURCE = Path(__file__).parent.parent
FIRST_COMMIT = 1_704_067_200


def changed(found: Iterable[FileChange | Skipped]) -> list[FileChange]:
    changes = list(found)
    assert all(isinstance(change, FileChange) for change in changes), changes
    return [change for change in changes if isinstance(change, FileChange)]


def names(found: Iterable[FileChange | Skipped]) -> list[str]:
    return [str(change.path) for change in found]


def last_commit(repo: Checkout, limits: FileLimits = ALL) -> list[FileChange | Skipped]:
    repository = Repository.discover(repo.root)
    return list(repository.changes(repository.between("HEAD~1"), limits))


def edited(repo: Checkout, path: str = "a.py") -> Checkout:
    """Two commits, of which the second edits one file."""
    repo.write(path, CODE)
    repo.commit("before")
    repo.write(path, EDITED)
    repo.commit("after")
    return repo


# Ranges


def test_the_base_is_the_merge_base_unless_told_otherwise(repo: Checkout) -> None:
    fork = repo.commit("fork")
    repo.git("switch", "--quiet", "--create", "topic")
    topic = repo.commit("topic")
    repo.git("switch", "--quiet", "main")
    main = repo.commit("main")
    repository = Repository.discover(repo.root)

    three_dot = repository.between("main", "topic")
    two_dot = repository.between("main", "topic", merge_base=False, text="as typed")

    assert three_dot == Range(fork, topic, "main...topic")
    assert two_dot == Range(main, topic, "as typed")


@pytest.mark.parametrize("merge_base", [True, False])
def test_a_range_tells_its_base_as_it_was_named(repo: Checkout, merge_base: bool) -> None:
    repo.commit()
    repository = Repository.discover(repo.root)

    assert named_base(repository.between("main~0", "HEAD^{}", merge_base=merge_base)) == "main~0"
    assert named_base(repository.working()) is None


def test_a_base_with_dots_of_its_own_is_not_told(repo: Checkout) -> None:
    repo.commit("a..b")

    assert named_base(Repository.discover(repo.root).between("HEAD^{/a..b}")) is None


def test_the_merge_base_moves_with_a_merge_of_the_base(repo: Checkout) -> None:
    repo.write("a.py", CODE)
    repo.commit("fork")
    repo.git("switch", "--quiet", "--create", "topic")
    repo.write("b.py", CODE)
    repo.commit("topic")
    repo.git("switch", "--quiet", "main")
    repo.write("a.py", EDITED)
    main = repo.commit("main")
    repo.git("switch", "--quiet", "topic")
    repo.git("merge", "--quiet", "--no-edit", "main")
    repository = Repository.discover(repo.root)

    compared = repository.between("main")

    assert compared.base == main
    assert names(repository.changes(compared, ALL)) == ["b.py"]


def test_a_detached_head_is_the_head(repo: Checkout) -> None:
    edited(repo)
    head = repo.git("rev-parse", "HEAD")
    repo.git("checkout", "--quiet", "--detach")

    assert Repository.discover(repo.root).between("HEAD~1").head == head


def test_an_annotated_tag_names_its_commit(repo: Checkout) -> None:
    head = repo.commit()
    repo.git("tag", "--annotate", "--message", "release", "v1")

    assert Repository.discover(repo.root).resolve("v1") == head


def test_what_is_staged_is_read_from_the_index(repo: Checkout) -> None:
    edited(repo)
    repo.write("a.py", "def f():\n    return 'staged'\n")
    repo.git("add", "a.py")
    repo.write("a.py", "def f():\n    return 'not staged'\n")
    repository = Repository.discover(repo.root)

    (change,) = changed(repository.changes(repository.staged(), ALL))

    assert (change.before, change.after) == (EDITED.encode(), b"def f():\n    return 'staged'\n")


def test_before_the_first_commit_all_that_is_staged_is_new(repo: Checkout) -> None:
    repo.write("a.py", CODE)
    repo.git("add", "a.py")
    repository = Repository.discover(repo.root)
    staged = repository.staged()

    (change,) = changed(repository.changes(staged, ALL))

    assert (change.before_path, change.before, change.after) == (None, None, CODE.encode())
    assert repository.blob(staged.base, PurePosixPath("pyproject.toml")) is None


def test_the_working_tree_is_compared_as_it_lies(repo: Checkout) -> None:
    repo.write(".gitignore", "ignored.py\n")
    repo.write("gone.py", CODE)
    edited(repo)
    repo.write("a.py", CODE)
    repo.write("loose.py", CODE)
    repo.write("ignored.py", CODE)
    repo.remove("gone.py")
    repository = Repository.discover(repo.root)

    tracked = names(repository.changes(repository.working(), ALL))
    every = names(repository.changes(repository.working(), ALL, include_untracked=True))

    assert tracked == ["a.py", "gone.py"]
    assert every == ["a.py", "gone.py", "loose.py"]


def test_a_file_touched_but_not_changed_is_no_change(repo: Checkout) -> None:
    edited(repo)
    os.utime(repo.root / "a.py", (1, 1))
    repository = Repository.discover(repo.root)

    assert list(repository.changes(repository.working(), ALL)) == []


def test_the_working_tree_is_compared_from_the_merge_base(repo: Checkout) -> None:
    fork = repo.commit("fork")
    repo.git("switch", "--quiet", "--create", "topic")
    repo.commit("topic")
    repo.git("switch", "--quiet", "main")
    repo.commit("main")

    assert Repository.discover(repo.root).working("topic").base == fork


def test_untracked_files_of_a_range_without_the_working_tree_are_refused(repo: Checkout) -> None:
    edited(repo)
    repository = Repository.discover(repo.root)

    with pytest.raises(UsageError, match="working tree"):
        repository.changes(repository.staged(), ALL, include_untracked=True)


@pytest.mark.parametrize(
    ("refs", "base"),
    [
        (("refs/heads/main", "refs/heads/master"), "main"),
        (("refs/heads/master",), "master"),
        (("refs/heads/main", "refs/remotes/origin/master"), "origin/master"),
        (("refs/remotes/origin/trunk", "refs/remotes/origin/main"), "origin/trunk"),
    ],
)
def test_the_default_base_is_the_remotes_default_branch_or_a_usual_name(
    repo: Checkout, refs: tuple[str, ...], base: str
) -> None:
    commit = repo.commit()
    repo.git("checkout", "--quiet", "--detach")
    repo.git("update-ref", "-d", "refs/heads/main")
    for ref in refs:
        repo.git("update-ref", ref, commit)
    if "refs/remotes/origin/trunk" in refs:
        repo.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")

    assert Repository.discover(repo.root).default_base() == base


def test_without_a_usual_branch_the_base_must_be_named(repo: Checkout) -> None:
    repo.git("symbolic-ref", "HEAD", "refs/heads/trunk")
    repo.commit()

    with pytest.raises(GitError) as caught:
        Repository.discover(repo.root).default_base()

    assert "--base" in caught.value.hint


# Changes


def test_a_change_holds_both_sides_and_the_lines_that_it_touches(repo: Checkout) -> None:
    edited(repo)

    assert last_commit(repo) == [
        FileChange(
            path=PurePosixPath("a.py"),
            before_path=PurePosixPath("a.py"),
            before=CODE.encode(),
            after=EDITED.encode(),
            touched_before=(Span(2, 2),),
            touched=(Span(2, 2),),
        )
    ]


def test_new_and_deleted_files_lack_a_side(repo: Checkout) -> None:
    repo.write("gone.py", CODE)
    repo.commit()
    repo.remove("gone.py")
    repo.write("new.py", "x = 1\n")
    repo.commit()

    gone, new = changed(last_commit(repo))

    assert (str(gone.path), gone.before_path, gone.after) == ("gone.py", gone.path, None)
    assert (str(new.path), new.before_path, new.before) == ("new.py", None, None)


def test_a_file_renamed_with_an_edit_keeps_its_before_side(repo: Checkout) -> None:
    body = "".join(f"line_{number} = {number}\n" for number in range(40))
    repo.write("old.py", body)
    repo.commit()
    repo.git("mv", "old.py", "new.py")
    repo.write("new.py", body + "more = 1\n")
    repo.commit()

    (change,) = changed(last_commit(repo))

    assert (str(change.before_path), str(change.path)) == ("old.py", "new.py")
    assert (change.touched_before, change.touched) == ((), (Span(41, 41),))


def test_a_rename_or_a_change_of_mode_alone_changes_no_code(repo: Checkout) -> None:
    repo.write("old.py", CODE)
    repo.write("script.py", EDITED)
    repo.commit()
    repo.git("mv", "old.py", "new.py")
    (repo.root / "script.py").chmod(0o755)
    repo.commit()

    assert last_commit(repo) == []


@pytest.mark.parametrize(
    "name",
    ["with space.py", 'quo"te\'s.py', "line\nbreak.py", "tab\t.py", "-dash.py", "ünïcödé.py", ":(top)x.py",
     "back\\slash.py", "a*[b]?.py", "b/c/d.py"],
)  # fmt: skip
@pytest.mark.parametrize("head", ["HEAD", INDEX, WORKING_TREE])
def test_odd_names_are_read_in_any_range(repo: Checkout, name: str, head: str) -> None:
    edited(repo, name)
    repository = Repository.discover(repo.root)

    (change,) = changed(repository.changes(Range(repository.resolve("HEAD~1"), head, ""), ALL))

    assert change.path == PurePosixPath(name)
    assert change.after == EDITED.encode()
    assert repository.blob(head, PurePosixPath(name)) == EDITED.encode()


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse names that are not UTF-8")
def test_a_name_that_is_not_utf8_shows_its_odd_bytes(repo: Checkout) -> None:
    edited(repo, os.fsdecode(b"caf\xe9.py"))
    repository = Repository.discover(repo.root)
    compared = Range(repository.resolve("HEAD~1"), WORKING_TREE, "")

    (change,) = changed(repository.changes(compared, ALL))

    assert str(change.path) == "caf\\xe9.py"
    assert change.after == EDITED.encode()


def test_changes_are_sorted_by_path(repo: Checkout) -> None:
    repo.commit()
    for name in ("b.py", "a/z.py", "a.py", "B.py", "renamed.py"):
        repo.write(name, f"{CODE}# {name}\n")
    repo.commit()

    assert names(last_commit(repo)) == ["B.py", "a/z.py", "a.py", "b.py", "renamed.py"]


def test_paths_are_seen_from_where_the_repository_was_discovered(repo: Checkout) -> None:
    repo.commit()
    for name in ("src/a.py", "src/deep/b.py", "c.py"):
        repo.write(name, CODE)
    repo.commit()
    repository = Repository.discover(repo.root / "src")
    compared = repository.between("HEAD~1")

    assert names(repository.changes(compared, ALL, paths=["a.py"])) == ["src/a.py"]
    assert names(repository.changes(compared, ALL, paths=["deep/"])) == ["src/deep/b.py"]
    assert names(repository.changes(compared, ALL, paths=["../c.py", "."])) == [
        "c.py",
        "src/a.py",
        "src/deep/b.py",
    ]


def test_a_path_outside_the_repository_is_a_usage_error(repo: Checkout) -> None:
    edited(repo)
    repository = Repository.discover(repo.root)

    with pytest.raises(UsageError, match="outside the repository"):
        repository.changes(repository.between("HEAD~1"), ALL, paths=["../elsewhere.py"])


def test_a_renamed_file_asked_for_by_path_keeps_its_before_side(repo: Checkout) -> None:
    body = "".join(f"line_{number} = {number}\n" for number in range(40))
    repo.write("old.py", body)
    repo.commit()
    repo.git("mv", "old.py", "new.py")
    repo.write("new.py", body + "more = 1\n")
    repo.commit()
    repository = Repository.discover(repo.root)

    (change,) = changed(repository.changes(repository.between("HEAD~1"), ALL, paths=["new.py"]))

    assert str(change.before_path) == "old.py"


def test_files_that_no_language_claims_are_neither_read_nor_reported(repo: Checkout) -> None:
    repo.commit()
    repo.write("logo.png", b"\x89PNG\0")
    repo.write("README.md", "text\n")
    repo.write("a.py", CODE)
    repo.commit()

    found = last_commit(repo, FileLimits(wanted=lambda path: path.suffix == ".py"))

    assert names(found) == ["a.py"]


def test_a_file_that_moves_out_of_the_globs_is_deleted(repo: Checkout) -> None:
    body = "".join(f"line_{number} = {number}\n" for number in range(40))
    repo.write("src/a.py", body)
    repo.commit()
    (repo.root / "attic").mkdir()
    repo.git("mv", "src/a.py", "attic/a.py")
    repo.write("attic/a.py", body + "more = 1\n")
    repo.commit()

    (change,) = changed(last_commit(repo, FileLimits(include=("src/**",))))

    assert (str(change.path), change.after) == ("src/a.py", None)


# What cannot be judged


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"x = 1\0\n", "binary"),
        (b"x = '\xe9'\n", "not UTF-8"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS pointer"),
        (b"x = 1\n" * 200, "1200 bytes, over the limit of 1000"),
    ],
)
@pytest.mark.parametrize("head", ["HEAD", INDEX, WORKING_TREE])
def test_what_is_not_text_of_a_fair_size_is_skipped(
    repo: Checkout, content: bytes, reason: str, head: str
) -> None:
    repo.commit()
    repo.write("a.py", content)
    repo.commit()
    repo.write("a.py", content + b"# loose\n")
    repository = Repository.discover(repo.root)
    compared = Range(repository.resolve("HEAD~1"), head, "")

    (skipped,) = repository.changes(compared, FileLimits(max_bytes=1000))

    assert isinstance(skipped, Skipped)
    assert skipped.reason.startswith(reason.removesuffix("1200 bytes, over the limit of 1000"))


def test_a_file_over_the_limit_says_by_how_much(repo: Checkout) -> None:
    repo.commit()
    repo.write("a.py", b"#" * 1001)
    repo.commit()

    assert last_commit(repo, FileLimits(max_bytes=1000)) == [
        Skipped(PurePosixPath("a.py"), "", "1001 bytes, over the limit of 1000")
    ]


@pytest.mark.parametrize("head", ["HEAD", INDEX, WORKING_TREE])
def test_files_beyond_the_total_are_skipped_by_path(repo: Checkout, head: str) -> None:
    repo.commit()
    for name, size in (("b.py", 60), ("a.py", 60), ("c.py", 40), ("d.py", 1)):
        repo.write(name, b"#" * size)
    repo.git("add", "--all")
    if head == "HEAD":
        repo.commit()
    repository = Repository.discover(repo.root)
    compared = Range(repository.resolve("HEAD~1" if head == "HEAD" else "HEAD"), head, "")

    a, b, c, d = repository.changes(compared, FileLimits(max_total_bytes=100))

    assert changed([a, c]) == [a, c]
    assert {each.reason for each in (b, d) if isinstance(each, Skipped)} == {
        "the files before it fill the 100 bytes that one check reads: "
        "exclude what is generated, or check fewer paths at a time"
    }


def test_a_blob_that_many_files_have_is_in_memory_once(repo: Checkout) -> None:
    for text in (CODE, EDITED):
        for number in range(5):
            repo.write(f"{number}.py", text)
        repo.commit()

    found = changed(last_commit(repo))

    assert len(found) == 5
    assert len({id(change.before) for change in found}) == len({id(change.after) for change in found}) == 1


def test_a_before_side_that_cannot_be_judged_is_named_as_such(repo: Checkout) -> None:
    repo.write("a.py", b"\xff\xfe\n")
    repo.commit()
    repo.write("a.py", CODE)
    repo.commit()

    assert last_commit(repo) == [Skipped(PurePosixPath("a.py"), "", "before the change: not UTF-8")]


def test_a_symbolic_link_is_skipped_and_never_followed(repo: Checkout, tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("token = 1\n")
    repo.commit()
    (repo.root / "link.py").symlink_to("../secret.py")
    repo.commit()

    (skipped,) = last_commit(repo)

    assert isinstance(skipped, Skipped)
    assert skipped.reason.startswith("symbolic link")


def test_a_file_that_became_a_link_is_a_change_of_type(repo: Checkout) -> None:
    repo.write("a.py", CODE)
    repo.commit()
    repo.remove("a.py")
    (repo.root / "a.py").symlink_to("b.py")
    repo.commit()

    assert last_commit(repo) == [
        Skipped(PurePosixPath("a.py"), "", "changed from a regular file to a symbolic link")
    ]


def test_an_untracked_link_out_of_the_tree_is_not_read(repo: Checkout, tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("token = 1\n")
    repo.commit()
    (repo.root / "link.py").symlink_to("../secret.py")
    repository = Repository.discover(repo.root)

    found = list(repository.changes(repository.working(), ALL, include_untracked=True))

    assert found == [Skipped(PurePosixPath("link.py"), "", "not a regular file")]


def test_a_tracked_file_below_a_folder_that_became_a_link_is_not_read(repo: Checkout, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.py").write_text("token = 1\n")
    repo.write("src/a.py", CODE)
    repo.commit()
    repo.remove("src/a.py")
    (repo.root / "src").rmdir()
    (repo.root / "src").symlink_to("../outside")
    repository = Repository.discover(repo.root)

    found = list(repository.changes(repository.working(), ALL))

    assert b"token" not in b"".join(change.after or b"" for change in changed(found))
    assert repository.blob(WORKING_TREE, PurePosixPath("src/a.py")) is None


def test_a_submodule_is_reported_though_no_language_claims_it(repo: Checkout) -> None:
    commit = repo.commit()
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{commit},vendor/lib")
    repository = Repository.discover(repo.root)

    (skipped,) = repository.changes(repository.staged(), FileLimits(wanted=lambda path: False))

    assert skipped == Skipped(PurePosixPath("vendor/lib"), "", "submodule: its code is in another repository")


def test_an_unmerged_file_is_skipped_in_the_index_and_read_in_the_working_tree(repo: Checkout) -> None:
    repo.write("a.py", CODE)
    repo.commit()
    repo.git("switch", "--quiet", "--create", "topic")
    repo.write("a.py", EDITED)
    repo.commit()
    repo.git("switch", "--quiet", "main")
    repo.write("a.py", "def f():\n    return 3\n")
    repo.commit()
    with pytest.raises(AssertionError):  # git leaves a conflict and says so by its exit status
        repo.git("merge", "--quiet", "topic")
    repository = Repository.discover(repo.root)

    (staged,) = repository.changes(repository.staged(), ALL)
    (working,) = changed(repository.changes(repository.working(), ALL))

    assert staged == Skipped(PurePosixPath("a.py"), "", "unmerged: resolve the conflict first")
    assert b"<<<<<<<" in (working.after or b"")


def test_a_lost_blob_is_skipped(repo: Checkout) -> None:
    edited(repo)
    blob = repo.git("rev-parse", "HEAD:a.py")
    (repo.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    repository = Repository.discover(repo.root)

    found = list(repository.changes(repository.between("HEAD~1"), ALL))

    assert found == [Skipped(PurePosixPath("a.py"), "", "its blob is missing from the repository")]


def test_a_damaged_blob_is_an_error_and_never_read_in_part(repo: Checkout) -> None:
    repo.commit()
    repo.write("a.py", "".join(f"{number} * {number * number}\n" for number in range(9999, 0, -7)))
    repo.commit()
    blob = repo.git("rev-parse", "HEAD:a.py")
    damaged = repo.root / ".git" / "objects" / blob[:2] / blob[2:]
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes()[:3000])
    repository = Repository.discover(repo.root)

    with pytest.raises(GitError, match=blob) as caught:
        list(repository.changes(repository.between("HEAD~1"), ALL))

    assert "git fsck" in caught.value.hint


# A hostile repository, a strange environment


def test_no_filter_conversion_hook_or_monitor_of_the_repository_runs(repo: Checkout) -> None:
    edited(repo)
    repo.git("mv", "a.py", "b.py")
    mark = repo.root.parent / "ran"
    settings = (
        "diff.external",
        "diff.odd.textconv",
        "filter.odd.smudge",
        "filter.odd.clean",
        "core.fsmonitor",
    )
    for key in settings:
        repo.git("config", key, f"touch {mark} #")
    repo.write(".git/info/attributes", "*.py diff=odd filter=odd\n")
    mark.unlink(missing_ok=True)
    repo.write("b.py", EDITED + "x = 1\n")
    repository = Repository.discover(repo.root)

    for compared in (repository.between("HEAD~1"), repository.staged(), repository.working()):
        assert changed(repository.changes(compared, ALL)) or compared.head == INDEX

    assert not mark.exists()
    repo.git("diff", "HEAD~1")
    assert mark.exists(), "the trap is not armed"


def test_a_file_renamed_in_the_working_tree_is_a_deleted_one_and_a_new_one(repo: Checkout) -> None:
    edited(repo)
    repo.git("mv", "a.py", "b.py")
    repo.write("b.py", EDITED + "x = 1\n")
    repository = Repository.discover(repo.root)

    gone, new = changed(repository.changes(repository.working(), ALL))

    assert (str(gone.path), gone.after) == ("a.py", None)
    assert (str(new.path), new.before) == ("b.py", None)


@pytest.mark.parametrize(
    "setting",
    [("diff.noprefix", "true"), ("diff.renames", "false"), ("core.quotepath", "on"), ("color.ui", "always")],
)
def test_the_users_settings_do_not_change_the_answer(repo: Checkout, setting: tuple[str, str]) -> None:
    edited(repo, "é.py")
    plain = last_commit(repo)
    repo.git("config", *setting)

    assert last_commit(repo) == plain


def test_attributes_cannot_hide_a_change(repo: Checkout) -> None:
    repo.write(".gitattributes", "*.py binary -diff\n")
    edited(repo)

    assert names(last_commit(repo)) == ["a.py"]


@pytest.mark.parametrize("variable", ["GIT_DIR", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY", "GIT_INDEX_FILE"])
def test_variables_that_point_elsewhere_are_not_followed(
    repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    edited(repo)
    repo.write("a.py", CODE)
    repo.git("add", "a.py")
    monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
    repository = Repository.discover(repo.root)

    assert names(repository.changes(repository.staged(), ALL)) == ["a.py"]
    assert repository.root == repo.root.resolve()
    assert os.environ[variable] == str(tmp_path / "elsewhere")


@pytest.mark.parametrize("options", [("--all",), ("a.py",), ()])
def test_a_hook_sees_what_is_being_committed(repo: Checkout, options: tuple[str, ...]) -> None:
    """`git commit -a` and `git commit FILE` commit a scratch index that GIT_INDEX_FILE names."""
    edited(repo)
    seen = repo.root.parent / "seen"
    script = (
        "from pathlib import Path; from ci_rlm.git import *; r = Repository.discover(Path('.'));"
        f"[c] = r.changes(r.staged(), FileLimits()); Path({str(seen)!r}).write_bytes(c.after)"
    )
    hook = repo.write(
        ".git/hooks/pre-commit", f'#!/bin/sh\nPYTHONPATH="{SOURCE}" exec "{sys.executable}" -c "{script}"\n'
    )
    hook.chmod(0o755)
    repo.write("a.py", "x = 'committed'\n")
    if not options:
        repo.git("add", "a.py")

    repo.git("commit", "--quiet", "--message", "hooked", *options)

    assert seen.read_text() == "x = 'committed'\n"


def test_a_linked_worktree_is_a_repository_of_its_own(repo: Checkout, tmp_path: Path) -> None:
    edited(repo)
    repo.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    (tmp_path / "linked" / "a.py").write_text(CODE)
    repository = Repository.discover(tmp_path / "linked")

    assert repository.root == (tmp_path / "linked").resolve()
    assert names(repository.changes(repository.working(), ALL)) == ["a.py"]


def test_a_repository_of_sha256_is_read_too(repo: Checkout, tmp_path: Path) -> None:
    repo.git("init", "--quiet", "--object-format", "sha256", str(tmp_path / "long"))
    repo.root = tmp_path / "long"
    edited(repo)

    assert names(last_commit(repo)) == ["a.py"]


def test_importing_the_room_does_not_load_gitpython() -> None:
    code = "import sys, ci_rlm.git; sys.exit('git' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=SOURCE, check=False).returncode == 0


def test_a_range_from_a_commit_to_itself_changes_nothing(repo: Checkout) -> None:
    edited(repo)
    repository = Repository.discover(repo.root)

    assert list(repository.changes(repository.between("HEAD"), ALL)) == []


# Blobs


def test_a_blob_is_read_at_a_revision_whatever_the_working_tree_holds(repo: Checkout) -> None:
    edited(repo)
    repo.write("a.py", "loose\n")
    repository = Repository.discover(repo.root)
    path = PurePosixPath("a.py")

    assert repository.blob("HEAD~1", path) == CODE.encode()
    assert repository.blob("HEAD", path) == EDITED.encode()
    assert repository.blob(INDEX, path) == EDITED.encode()
    assert repository.blob(WORKING_TREE, path) == b"loose\n"


@pytest.mark.parametrize("revision", ["HEAD", INDEX, WORKING_TREE])
@pytest.mark.parametrize("path", ["absent.py", "src", "link.py", "../outside.py", "big.py"])
def test_what_is_not_a_regular_file_of_a_fair_size_has_no_blob(
    repo: Checkout, revision: str, path: str
) -> None:
    repo.write("src/a.py", CODE)
    repo.write("big.py", b"#" * 101)
    repo.write("../outside.py", CODE)
    (repo.root / "link.py").symlink_to("src/a.py")
    repo.commit()

    assert Repository.discover(repo.root).blob(revision, PurePosixPath(path), max_bytes=100) is None


# Errors


def test_a_folder_without_a_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="not a git repository") as caught:
        Repository.discover(tmp_path)

    assert caught.value.exit_code == 3
    assert caught.value.hint


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="absent"):
        Repository.discover(tmp_path / "absent")


def test_a_bare_repository_is_refused(repo: Checkout, tmp_path: Path) -> None:
    repo.git("init", "--quiet", "--bare", str(tmp_path / "bare.git"))

    with pytest.raises(GitError, match="bare") as caught:
        Repository.discover(tmp_path / "bare.git")

    assert "clone" in caught.value.hint


def test_gits_own_folder_is_refused(repo: Checkout) -> None:
    with pytest.raises(GitError, match="own folder"):
        Repository.discover(repo.root / ".git")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_another_user_names_the_setting_that_trusts_it(repo: Checkout) -> None:
    repo.commit()
    for path in (repo.root, repo.root / ".git"):
        os.chown(path, 12345, 12345)

    with pytest.raises(GitError, match="another user") as caught:
        Repository.discover(repo.root)

    assert caught.value.hint == f"git config --global --add safe.directory {repo.root}"


@pytest.mark.parametrize(
    ("revision", "hint"),
    [
        ("origin/main", "git fetch origin main"),
        ("upstream/feature/x", "git fetch upstream feature/x"),
        ("v9.9", "git fetch origin v9.9"),
        ("0" * 40, f"git fetch origin {'0' * 40}"),
        ("$(id)", "git fetch origin '$(id)'"),
    ],
)
def test_an_unknown_revision_hints_at_the_fetch_that_may_bring_it(
    repo: Checkout, revision: str, hint: str
) -> None:
    repo.commit()
    repo.git("remote", "add", "upstream", "nowhere")
    repo.git("remote", "add", "origin", "nowhere")

    with pytest.raises(GitError) as caught:
        Repository.discover(repo.root).between(revision)

    assert (caught.value.message, caught.value.hint) == (f"no such revision: {revision}", hint)


def test_a_name_of_a_remote_that_is_not_configured_is_not_fetched_twice_over(repo: Checkout) -> None:
    repo.commit()

    with pytest.raises(GitError) as caught:
        Repository.discover(repo.root).between("origin/main")

    assert caught.value.hint == "git fetch origin main"


def test_a_relative_name_beyond_a_shallow_history_hints_at_the_whole_history(
    repo: Checkout, tmp_path: Path
) -> None:
    repo.commit("one")
    repo.write("b.py", "b = 1\n")
    repo.commit("two")
    shallow = repo.clone(tmp_path / "shallow", "--depth=1")

    with pytest.raises(GitError) as caught:
        Repository.discover(shallow.root).between("HEAD~1")

    assert "fetch-depth: 0" in caught.value.hint


@pytest.mark.parametrize("revision", ["--output=stolen", "-h", "", "a\0b"])
def test_a_revision_that_would_be_an_option_is_refused(repo: Checkout, revision: str) -> None:
    repo.commit()
    repository = Repository.discover(repo.root)

    with pytest.raises(GitError, match="not a revision"):
        repository.between(revision)
    with pytest.raises(GitError, match="not a revision"):
        repository.between("HEAD", revision)


def test_a_repository_without_commits_has_no_range(repo: Checkout) -> None:
    with pytest.raises(GitError, match="no commit yet"):
        Repository.discover(repo.root).between("main")


def test_histories_without_a_common_commit_are_an_error(repo: Checkout) -> None:
    repo.commit()
    repo.git("checkout", "--quiet", "--orphan", "island")
    repo.commit()

    with pytest.raises(GitError, match="no common commit with main"):
        Repository.discover(repo.root).between("main")


@pytest.mark.parametrize(
    "code", ["Repository.discover(Path('.'))", "import git; git = 0; Repository.discover(Path('.'))"]
)
def test_a_machine_without_git_says_so(tmp_path: Path, code: str) -> None:
    script = f"from pathlib import Path; from ci_rlm.git import Repository; {code}"

    done = subprocess.run(
        [sys.executable, "-c", script],
        env={
            "PATH": str(tmp_path),
            "PYTHONPATH": str(SOURCE),
            "GIT_PYTHON_REFRESH": "quiet" if "import" in code else "raise",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr.splitlines()[-1] == "ci_rlm.errors.GitError: git cannot be run"


# Shallow clones


def forked(repo: Checkout, depth: int) -> Checkout:
    """Branches `main` and `topic`, each `depth` commits past their merge base, tagged `fork`."""
    repo.write("a.py", CODE)
    repo.commit("fork")
    repo.git("tag", "fork")
    repo.git("switch", "--quiet", "--create", "topic")
    repo.write("b.py", CODE)
    repo.commit("topic")
    grow(repo, "topic", depth - 1)
    grow(repo, "main", depth)
    repo.git("switch", "--quiet", "main")
    return repo


def grow(repo: Checkout, branch: str, count: int) -> None:
    """Add empty commits to a branch, all in one process."""
    start = f"from refs/heads/{branch}^0\n"
    commits = (
        f"commit refs/heads/{branch}\ncommitter Ada <ada@example.com> {FIRST_COMMIT + number} +0000\n"
        f"data 4\nmore\n{'' if number else start}\n"
        for number in range(count)
    )
    command = ["git", "-C", str(repo.root), "fast-import", "--quiet"]
    subprocess.run(command, input="".join(commits), text=True, check=True)


def test_a_shallow_clone_without_the_merge_base_names_the_setting(repo: Checkout, tmp_path: Path) -> None:
    clone = forked(repo, 3).clone(tmp_path / "clone", "--depth=1", "--no-single-branch", "--branch=topic")

    with pytest.raises(GitError, match="shallow clone") as caught:
        Repository.discover(clone.root).between("origin/main")

    assert "fetch-depth: 0" in caught.value.hint


@pytest.mark.parametrize("options", [("--no-single-branch",), ("--single-branch",)])
def test_a_shallow_clone_deepens_until_the_merge_base_is_there(
    repo: Checkout, tmp_path: Path, options: tuple[str, ...]
) -> None:
    clone = forked(repo, 3).clone(tmp_path / "clone", "--depth=1", "--branch=topic", *options)
    repository = Repository.discover(clone.root)

    compared = repository.between("origin/main", deepen=True)

    assert compared.base == repo.git("rev-parse", "fork")
    assert names(repository.changes(compared, ALL)) == ["b.py"]


def test_deepening_takes_growing_steps(repo: Checkout, tmp_path: Path) -> None:
    clone = forked(repo, 60).clone(tmp_path / "clone", "--depth=1", "--branch=topic")

    compared = Repository.discover(clone.root).between("origin/main", deepen=True)

    assert compared.base == repo.git("rev-parse", "fork")


def test_a_local_commit_on_a_shallow_clone_is_deepened_too(repo: Checkout, tmp_path: Path) -> None:
    clone = forked(repo, 3).clone(tmp_path / "clone", "--depth=1", "--branch=main")
    clone.git("switch", "--quiet", "--create", "local")
    clone.write("c.py", CODE)
    clone.commit("local")
    repo.commit("main moves on")

    compared = Repository.discover(clone.root).between("origin/main", deepen=True)

    assert compared.base == repo.git("rev-parse", "main~1")


def test_a_remote_that_is_gone_is_an_error_with_the_hint(repo: Checkout, tmp_path: Path) -> None:
    clone = forked(repo, 3).clone(tmp_path / "clone", "--depth=1", "--no-single-branch", "--branch=topic")
    repo.root.rename(tmp_path / "moved")

    with pytest.raises(GitError, match="cannot fetch main from origin") as caught:
        Repository.discover(clone.root).between("origin/main", deepen=True)

    assert "fetch-depth: 0" in caught.value.hint


def test_a_whole_clone_never_uses_the_network(repo: Checkout, tmp_path: Path) -> None:
    clone = forked(repo, 1).clone(tmp_path / "clone", "--branch=topic")
    repo.root.rename(tmp_path / "moved")

    compared = Repository.discover(clone.root).between("origin/main", deepen=True)

    assert compared.base == clone.git("merge-base", "origin/main", "HEAD")
