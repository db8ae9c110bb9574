"""Trailers in the messages of a range's commits, by git's own rules (git-interpret-trailers)."""

from __future__ import annotations

from collections.abc import Iterator

from ci_rlm.flow import Range
from ci_rlm.git.plumbing import Plumbing
from ci_rlm.git.repository import Repository
from ci_rlm.git.tree import WORKING_TREE

MOST_COMMITS = 10_000
"""The latest of a range: older messages are not read."""


def trailers_of(repository: Repository, compared: Range, key: str) -> Iterator[tuple[str, str]]:
    """(full commit id, unfolded text) of each trailer with that key, the latest commit first.

    Of the working tree, those are the commits up to HEAD. In a shallow clone only the commits that are
    there can be read. Raises GitError where an end of the range is no commit.
    """
    head = "HEAD" if compared.head == WORKING_TREE else compared.head
    ends = f"{repository.resolve(compared.base)}..{repository.resolve(head)}"
    log = Plumbing(repository.root).read(
        "log", "-z", f"--max-count={MOST_COMMITS}", "--no-show-signature", "--no-color", "--encoding=UTF-8",
        "--format=%H%n%(trailers:only,unfold)", ends, "--",
    )  # fmt: skip
    for record in log.decode("utf-8", "replace").split("\0"):
        commit, _, trailers = record.partition("\n")
        for line in trailers.split("\n"):
            found, separator, text = line.partition(":")
            if separator and found.strip().casefold() == key.casefold():
                yield commit, text.strip()
