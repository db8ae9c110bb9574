"""The occasion of a check: which commits it compares, who accepts costs, and what the repository keeps.

Commits come from a workflow's event or the default branch; words from commits, the event's pull request
and the baseline; weights and track records from files of the repository. In an event that runs with
secrets, files are read from the base branch alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ci_rlm.errors import GitError, ScoreboardError, UsageError
from ci_rlm.forge.event import PRIVILEGED, Proposal, base_commit, described, proposal, refuse_elsewhere

if TYPE_CHECKING:
    from ci_rlm.acceptance import Terms
    from ci_rlm.acceptance.waiver import Waiver
    from ci_rlm.config import Config
    from ci_rlm.flow import Notice, Range, TrackRecord
    from ci_rlm.git import FileLimits, Repository
    from ci_rlm.weights import Weights

DIFF = "diff"
"""Both ends of the range of a diff that stands alone."""


def range_between(repository: Repository, base: str | None, head: str | None, *, deepen: bool) -> Range:
    """Two commits; what is None is what the workflow's event proposes, else the default branch and HEAD.

    Raises GitError for a revision that is not there, UsageError for an event that proposes none.
    """
    if base and head:
        return repository.between(base, head, deepen=deepen)
    if not base and not head:
        refuse_elsewhere(os.environ)
    event = proposal(os.environ) or Proposal()
    before, after = base or event.base, head or event.head
    for commit in event.commits if deepen else ():
        if commit in (before, after):
            repository.bring(commit)
    # A base that a person names is a branch to them, even where the event's own is a state.
    forked = event.merge_base or bool(base)
    return repository.between(before or repository.default_base(), after, merge_base=forked, deepen=deepen)


def file_limits(config: Config) -> FileLimits:
    """Which files of a range are read."""
    from ci_rlm import extract
    from ci_rlm.git import FileLimits

    paths, served = config.paths, lambda path: extract.language_of(path) is not None
    return FileLimits(paths.include, paths.exclude, config.max_file_size, served)


def reader_of_config(
    compared: Range, repository: Repository | None, root: Path
) -> Callable[[str], bytes | None]:
    """Where configuration is read: the working tree, or the base branch in a privileged event.

    A diff has no base commit, so in a privileged event no file configures how it is judged.
    """
    if not is_privileged():
        return lambda name: read_plain(root / name)
    if repository is None or compared.base == DIFF:
        return lambda name: None
    tree = _trusted_tree(compared, repository)
    return lambda name: repository.blob(tree, PurePosixPath(name))


def read_plain(path: Path) -> bytes | None:
    """A regular file's bytes, or None."""
    return path.read_bytes() if path.is_file() else None


def terms_of(
    config: Config,
    compared: Range,
    repository: Repository | None,
    *,
    label: bool,
    writing: bool = False,
) -> Terms:
    """What may accept a cost. `label` says that the range is what the event's pull request proposes.

    Raises UsageError for a damaged baseline, and unless it is about to be written (`writing`) for a
    configured one that is missing.
    """
    from ci_rlm.acceptance import Terms
    from ci_rlm.git import INDEX

    of_commits = config.accept.trailers and repository is not None and compared.head not in (INDEX, DIFF)
    entries = entries_of(config, compared, repository, required=not writing)
    words: list[Waiver | Notice] = [*entries, *(_of_label(config.accept.label) if label else ())]
    if of_commits and repository is not None:
        words += _of_commits(repository, compared)
    return Terms(config.accept.comments, _day_of(compared, repository), tuple(words), of_commits)


def entries_of(
    config: Config, compared: Range, repository: Repository | None, *, required: bool
) -> tuple[Waiver, ...]:
    """The entries of the baseline, which is read from where the configuration is read."""
    from ci_rlm.acceptance import baseline

    name = config.accept.baseline or baseline.PLACE
    data = _kept_file(name, baseline.MAX_BYTES, compared, repository)
    if data is None and required and config.accept.baseline and repository is not None:
        hint = "ci-rlm check --write-baseline --reason TEXT writes it; or leave the setting out"
        raise _missing("accept.baseline", name, baseline.MAX_BYTES, hint)
    return () if data is None else baseline.read(data, name)


def weights_of(config: Config, compared: Range, repository: Repository | None) -> Weights:
    """What functions weigh, if the configuration names a profile. Raises UsageError if it cannot be read."""
    from ci_rlm.weights import MAX_BYTES, Weights, shares

    name, run = config.hot_paths, config.whole_run
    if name is None or repository is None:
        return Weights()
    data = _kept_file(name, MAX_BYTES, compared, repository)
    if data is None:
        raise _missing("hot_paths", name, MAX_BYTES, "ci-rlm weigh LOG writes it; or leave the setting out")
    return Weights(shares(data, name), run.warn, run.fail)


def track_records_of(
    named: str | None, compared: Range, repository: Repository | None, warn: Callable[[str], None]
) -> tuple[TrackRecord, ...]:
    """What the repository's scoreboard says, read from where the configuration is read.

    A damaged one is a warning. Raises UsageError where a file that the configuration names is missing.
    """
    from ci_rlm.scoreboard import MAX_BYTES, PLACE, track_records

    data = _kept_file(named or PLACE, MAX_BYTES, compared, repository)
    if repository is None or (is_privileged() and compared.base == DIFF):
        return ()
    if data is None and named:
        hint = "run `ci-rlm verify`, or leave the setting out"
        raise _missing("scoreboard", named, MAX_BYTES, hint)
    if data is None and not is_privileged() and os.path.lexists(repository.root / PLACE):
        warn(f"{PLACE} is left out of the report: it is no regular file of at most {MAX_BYTES:,} bytes")
    try:
        return () if data is None else track_records(data)
    except ScoreboardError as error:
        warn(f"{named or PLACE} is left out of the report: {error.message}")
        return ()


def is_privileged() -> bool:
    """Whether a stranger's code may be judged by a workflow that holds secrets."""
    return os.environ.get("GITHUB_EVENT_NAME") in PRIVILEGED


def _kept_file(name: str, max_bytes: int, compared: Range, repository: Repository | None) -> bytes | None:
    """A file of the repository, read from where the configuration is read; None if it is not there."""
    from ci_rlm.git import WORKING_TREE

    if repository is None or (is_privileged() and compared.base == DIFF):
        return None
    tree = _trusted_tree(compared, repository) if is_privileged() else WORKING_TREE
    return repository.blob(tree, PurePosixPath(name), max_bytes)


def _trusted_tree(compared: Range, repository: Repository) -> str:
    """The base branch of the event as it stands, else at the event, else the base that a person named.

    Never the merge base, which is a pull request's own choice: it may fork from before its gate was
    enforced. Raises GitError where none of them is there.
    """
    from ci_rlm.git import named_base

    event = proposal(os.environ)
    names = (event.base if event else None, base_commit(os.environ), named_base(compared))
    missing: GitError | None = None
    for name in filter(None, names):
        try:
            return repository.resolve(name)
        except GitError as error:
            missing = missing or error
    raise missing or GitError("no base branch to read the configuration from", hint="name it with --base")


def _of_commits(repository: Repository, compared: Range) -> Iterator[Waiver | Notice]:
    from ci_rlm.acceptance import words
    from ci_rlm.git.messages import trailers_of
    from ci_rlm.trailers import KEY

    return words.of_commits(trailers_of(repository, compared, KEY))


def _of_label(label: str) -> Iterator[Waiver | Notice]:
    """What the event's pull request accepts by its label; nothing where no label is configured."""
    from ci_rlm.acceptance import words

    pull = described(os.environ) if label else None
    if pull is not None and label in pull.labels:
        yield from words.of_label(label, pull.description)


def _day_of(compared: Range, repository: Repository | None) -> date | None:
    """The day of the head's commit, in UTC; of what is no commit yet, that of HEAD."""
    from ci_rlm.git import INDEX, WORKING_TREE
    from ci_rlm.git.moment import moment_of

    if repository is None:
        return None
    head = "HEAD" if compared.head in (INDEX, WORKING_TREE, DIFF) else compared.head
    try:
        return datetime.fromtimestamp(moment_of(repository, head), UTC).date()
    except GitError:  # before the first commit
        return None


def _missing(setting: str, name: str, max_bytes: int, hint: str) -> UsageError:
    return UsageError(f"{setting}: no regular file {name} of at most {max_bytes:,} bytes", hint=hint)
