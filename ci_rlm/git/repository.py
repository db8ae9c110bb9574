"""A repository's ranges, and the changed files of one range with the bytes of both sides."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path, PurePosixPath

from ci_rlm.errors import GitError, UsageError
from ci_rlm.flow import FileChange, Range, Skipped
from ci_rlm.git.allowance import Allowance
from ci_rlm.git.contents import Content, escapes, file_change, oversize, read_inside
from ci_rlm.git.plumbing import Blobs, Plumbing, opened
from ci_rlm.git.scope import FileLimits
from ci_rlm.git.tree import (
    INDEX,
    WORKING_TREE,
    Entry,
    Side,
    raw_entries,
    refusal,
    scoped,
    shown,
    untracked_entries,
)

# A dirty submodule would be found by running git inside it, under its own configuration.
_DIFF = (
    "--raw", "-r", "-z", "-M", "-l1000", "--no-abbrev",
    "--no-color", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty",
)  # fmt: skip
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules")
_DEEPENINGS = (50, 500, 5000)
_RELATIVE = re.compile(r"[~^@]")
"""In a name such as `HEAD~1`: it is reached from another revision, not fetched by itself."""
_FULL_HISTORY = "fetch the whole history: fetch-depth: 0 in actions/checkout, or git fetch --unshallow"


def named_base(compared: Range) -> str | None:
    """The base of a range between two commits as it was named: the range may start at a merge base with it.

    None if that cannot be told, as where a revision has dots of its own.
    """
    ends = re.split(r"\.{2,3}", compared.text)
    return ends[0] if len(ends) == 2 else None


class Repository:
    """A git repository with a working tree: read, and never written but by a fetch."""

    def __init__(self, root: Path, git_folder: Path, start: Path, plumbing: Plumbing) -> None:
        self.root = root
        """The top of the working tree."""
        self._git_folder = git_folder
        self._start = start
        self._git = plumbing

    @classmethod
    def discover(cls, start: Path) -> Repository:
        """Find the repository that holds the folder `start`, whatever GIT_DIR says.

        Raises GitError when there is none, when it is bare, when it belongs to another user
        (`safe.directory`), or when git itself is missing.
        """
        here = Plumbing(start)
        answer = here.read("rev-parse", "--is-bare-repository", "--is-inside-work-tree", "--absolute-git-dir")
        bare, inside, git_folder = answer.removesuffix(b"\n").split(b"\n", 2)
        if bare == b"true":
            raise GitError(f"a bare repository has no working tree: {start}", hint="run in a clone of it")
        if inside != b"true":
            raise GitError(f"inside git's own folder: {start}", hint="run in the working tree")
        root = Path(os.fsdecode(here.read("rev-parse", "--show-toplevel").removesuffix(b"\n")))
        return cls(root, Path(os.fsdecode(git_folder)), start.resolve(), Plumbing(root))

    def resolve(self, revision: str) -> str:
        """The full id of the commit that a revision names.

        Raises GitError for an unknown revision, with the fetch that may bring it.
        """
        commit = self._lookup(revision)
        if commit:
            return commit
        if revision == "HEAD":
            raise GitError("the repository has no commit yet", hint="commit first, or check what is staged")
        raise GitError(f"no such revision: {revision}", hint=self._way_to(revision))

    def _way_to(self, revision: str) -> str:
        """What may bring a revision that is not here."""
        if _RELATIVE.search(revision) and self._is_shallow():
            return _FULL_HISTORY
        remote, branch = self._tracked(revision) or ("origin", revision.removeprefix("origin/"))
        return f"git fetch {shlex.quote(remote)} {shlex.quote(branch)}"

    def between(
        self, base: str, head: str = "HEAD", *, text: str = "", merge_base: bool = True, deepen: bool = False
    ) -> Range:
        """The range from `base` to `head`: from their merge base, unless `merge_base` is false.

        With `deepen`, a shallow clone that lacks the merge base fetches more history of a
        `base` that is a remote's branch, in growing steps; otherwise the network is not used.
        Raises GitError for an unknown revision and for histories without a common commit.
        """
        tip = self.resolve(head)
        start = self._merge_base(base, tip, deepen=deepen) if merge_base else self.resolve(base)
        return Range(start, tip, text or f"{base}{'...' if merge_base else '..'}{head}")

    def bring(self, commit: str) -> None:
        """Fetch a commit by its id where the clone lacks it; into a shallow one, with some history around it.

        A failure shows when the commit is looked up, with the command that may bring it.
        """
        if self._lookup(commit):
            return
        # Never --depth: it would cut the history that is there already.
        depth = (f"--deepen={_DEEPENINGS[0]}",) if self._is_shallow() else ()
        self._git.answer(*_FETCH, *depth, "--", "origin", commit)

    def staged(self) -> Range:
        """What a commit would record now: the index against HEAD, or against nothing before the first."""
        base = self._lookup("HEAD") or self._text("hash-object", "-t", "tree", "--stdin")
        return Range(base, INDEX, "staged changes")

    def working(self, base: str = "HEAD") -> Range:
        """The range to the files as they lie in the working tree, from the merge base of `base` and HEAD.

        A renamed file is a deleted one and a new one there.
        """
        start = self._merge_base(base, self.resolve("HEAD"), deepen=False)
        return Range(start, WORKING_TREE, f"{base} to the working tree")

    def default_base(self) -> str:
        """The branch that changes are proposed against: the remote's default, else a usual name.

        Raises GitError when none of them is there.
        """
        remote_head = self._text(
            "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD", allow=(0, 1)
        )
        for candidate in (remote_head, "origin/main", "origin/master", "main", "master"):
            if candidate and self._lookup(candidate):
                return candidate
        raise GitError("no default branch to compare with", hint="name one with --base")

    def changes(
        self,
        compared: Range,
        limits: FileLimits,
        *,
        paths: Sequence[str] = (),
        include_untracked: bool = False,
    ) -> Iterator[FileChange | Skipped]:
        """The files that a range changes, by path, each read when it is asked for.

        `paths` are files or folders, seen from where the repository was discovered. A file
        whose bytes stay equal is left out; one that cannot be read as code is a `Skipped`.
        Raises UsageError for a path outside the tree, and for untracked files in a range that
        does not end in the working tree.
        """
        if include_untracked and compared.head != WORKING_TREE:
            raise UsageError(
                "untracked files are in the working tree alone", hint="leave out --head and --staged"
            )
        folders = [self._inside(path) for path in paths]
        entries = [*self._diff(compared), *(self._untracked() if include_untracked else ())]
        chosen = [kept for entry in entries if (kept := scoped(entry, limits, folders)) and not kept.idle]
        return self._read(sorted(chosen, key=lambda entry: entry.path), limits)

    def blob(self, revision: str, path: PurePosixPath, max_bytes: int = 1_048_576) -> bytes | None:
        """A file's bytes in a commit or tree, the index or the working tree.

        None if no regular file of at most `max_bytes` is there. Raises GitError for an unknown
        revision.
        """
        if escapes(os.fsencode(path)):
            return None
        if revision == WORKING_TREE:
            content = read_inside(self.root, os.fsencode(path), partial(oversize, max_bytes=max_bytes))
            return content if isinstance(content, bytes) else None
        listed = self._listed_in_index(path) if revision == INDEX else self._listed(revision, path)
        if listed is None or listed.kind != "regular file":
            return None
        with self.blobs() as blobs:
            return blobs.at_most(max_bytes, listed.blob)

    def blobs(self) -> AbstractContextManager[Blobs]:
        """Blobs by id; their processes end with the block."""
        return opened(self._git)

    def _listed(self, revision: str, path: PurePosixPath) -> Side | None:
        tree = self._lookup(revision, "tree") or self.resolve(revision)
        line = self._git.read("ls-tree", "--full-tree", "-z", tree, "--", str(path))
        if not line:
            return None
        mode, _, blob = line.partition(b"\t")[0].decode().split(" ")
        return Side(os.fsencode(path), mode, blob)

    def _listed_in_index(self, path: PurePosixPath) -> Side | None:
        files = self._git.read("ls-files", "--stage", "-z", "--", str(path), extra=self._index())
        for line in filter(None, files.split(b"\0")):
            fields, _, name = line.partition(b"\t")
            mode, blob, stage = fields.decode().split(" ")
            if name == os.fsencode(path) and stage == "0":
                return Side(name, mode, blob)
        return None

    def _diff(self, compared: Range) -> list[Entry]:
        if compared.head == WORKING_TREE:
            # To pair renamed files git would run the clean filters that the repository configures.
            entries = raw_entries(self._raw_diff("diff-index", "--no-renames", compared.base))
            # An unmerged file has a second line, for the file as it stands.
            return [entry for entry in entries if not entry.unmerged]
        if compared.head == INDEX:
            return list(raw_entries(self._raw_diff("diff-index", "--cached", compared.base)))
        return list(raw_entries(self._raw_diff("diff-tree", compared.base, compared.head)))

    def _raw_diff(self, command: str, *arguments: str) -> bytes:
        return self._git.read(command, *_DIFF, *arguments, "--", extra=self._index())

    def _untracked(self) -> Iterator[Entry]:
        names = self._git.read("ls-files", "--others", "--exclude-standard", "-z", extra=self._index())
        return untracked_entries(names)

    def _read(self, entries: Sequence[Entry], limits: FileLimits) -> Iterator[FileChange | Skipped]:
        with self.blobs() as blobs:
            allowance = Allowance(limits, blobs)
            for entry in entries:
                reason = refusal(entry)
                change = Skipped(entry.path, "", reason) if reason else self._change(entry, allowance)
                if change:
                    yield change

    def _change(self, entry: Entry, allowance: Allowance) -> FileChange | Skipped | None:
        before, after = (self._content(side, allowance) for side in (entry.before, entry.after))
        before_path = entry.before.path if entry.before else None
        return file_change(entry.path, before_path, before, after)

    def _content(self, side: Side | None, allowance: Allowance) -> Content:
        if side is None:
            return None
        if not side.blob.strip("0"):
            return read_inside(self.root, side.name, allowance.refused)
        content = allowance.blob(side.blob)
        return "its blob is missing from the repository" if content is None else content

    def _merge_base(self, base: str, tip: str, *, deepen: bool) -> str:
        common = self._common(base, tip)
        shallow = not common and self._is_shallow()
        if shallow and deepen and (tracked := self._tracked(base)):
            common = self._common_after_fetching(base, tip, *tracked)
        if common:
            return common
        self.resolve(base)
        if shallow:
            raise GitError(f"this shallow clone lacks the merge base with {base}", hint=_FULL_HISTORY)
        raise GitError(f"no common commit with {base}", hint="compare the two trees without their merge base")

    def _is_shallow(self) -> bool:
        return self._text("rev-parse", "--is-shallow-repository") == "true"

    def _common(self, base: str, tip: str) -> str:
        commit = self._lookup(base)
        return self._text("merge-base", commit, tip, allow=(0, 1)) if commit else ""

    def _common_after_fetching(self, base: str, tip: str, remote: str, branch: str) -> str:
        for step in _DEEPENINGS:
            self._deepen(remote, branch, tip, step)
            if common := self._common(base, tip):
                return common
        return ""

    def _deepen(self, remote: str, branch: str, tip: str, step: int) -> None:
        fetch = (*_FETCH, f"--deepen={step}", "--", remote)
        refspec = f"+refs/heads/{branch}:refs/remotes/{remote}/{branch}"
        # The head's own history deepens only where the remote has that commit: a local one is refused.
        if self._git.answer(*fetch, refspec, tip).status == 0:
            return
        answer = self._git.answer(*fetch, refspec)
        if answer.status:
            raise GitError(f"cannot fetch {branch} from {remote}: {answer.complaint}", hint=_FULL_HISTORY)

    def _tracked(self, revision: str) -> tuple[str, str] | None:
        """(remote, branch) of a name such as `origin/main`, whether or not it was fetched."""
        short = revision.removeprefix("refs/remotes/")
        remotes = [name for name in self._text("remote").splitlines() if short.startswith(f"{name}/")]
        remote = max(remotes, key=len, default="")
        branch = short[len(remote) + 1 :]
        return (remote, branch) if remote and branch else None

    def _lookup(self, revision: str, kind: str = "commit") -> str:
        """The full id of a commit or tree, or empty."""
        # git would take a leading dash for an option.
        if not revision or revision.startswith("-") or "\0" in revision:
            raise GitError(f"not a revision: {revision!r}", hint="name a branch, a tag or a commit id")
        answer = self._git.answer("rev-parse", "--verify", "--quiet", f"{revision}^{{{kind}}}")
        return answer.out.decode().strip() if answer.status == 0 else ""

    def _inside(self, path: str) -> PurePosixPath:
        named = Path(os.path.normpath(self._start / path))
        absolute = named.parent.resolve() / named.name
        if not absolute.is_relative_to(self.root):
            raise UsageError(f"outside the repository: {path}", hint=f"name paths below {self.root}")
        return shown(os.fsencode(absolute.relative_to(self.root)))

    def _index(self) -> Mapping[str, str]:
        """The index that git handed to a hook, if it is one of this repository's.

        `git commit -a` and `git commit FILE` build the commit in a scratch index beside the
        real one and name it to the hook in GIT_INDEX_FILE; the real one does not hold it.
        """
        named = os.environ.get("GIT_INDEX_FILE")
        if not named:
            return {}
        index = (self.root / named).resolve()
        ours = index.parent == self._git_folder.resolve() and index.is_file()
        return {"GIT_INDEX_FILE": str(index)} if ours else {}

    def _text(self, *arguments: str, allow: Sequence[int] = (0,)) -> str:
        return os.fsdecode(self._git.read(*arguments, allow=allow)).strip()
