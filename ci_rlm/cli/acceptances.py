"""Who accepts a cost, and what functions weigh: from configuration, commits, event and kept files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import click

from ci_rlm.cli.event import described
from ci_rlm.cli.flags import grouped
from ci_rlm.cli.selection import DIFF, Selection, is_privileged, kept_file
from ci_rlm.errors import GitError, UsageError

if TYPE_CHECKING:
    from ci_rlm.acceptance import Terms
    from ci_rlm.acceptance.waiver import Waiver
    from ci_rlm.config import Config
    from ci_rlm.flow import Notice, Range, Report
    from ci_rlm.git import Repository
    from ci_rlm.weights import Weights


@dataclass(frozen=True, slots=True)
class BaselineFlags:
    """What the command line says of the baseline."""

    write_baseline: bool
    reason: str | None

    def refuse_conflicts(self) -> None:
        """Raise UsageError where a reason is missing, or has nothing to be of."""
        if self.write_baseline and not (self.reason or "").strip():
            raise UsageError("a baseline needs a reason", hint="say with --reason why these costs are wanted")
        if self.reason is not None and not self.write_baseline:
            raise UsageError("--reason is of a baseline", hint="give it with --write-baseline")
        if self.write_baseline and is_privileged():
            raise UsageError("a baseline is not written in a privileged event", hint="write it in a clone")


baseline_flags = grouped(
    "accepting",
    BaselineFlags,
    click.option(
        "--write-baseline",
        is_flag=True,
        help="Accept all that this check warns of or fails: write it into the baseline file, and pass.",
    ),
    click.option("--reason", metavar="TEXT", help="Of --write-baseline: why these costs are wanted."),
)


def terms_of(
    config: Config,
    selection: Selection,
    compared: Range,
    repository: Repository | None,
    *,
    writing: bool = False,
) -> Terms:
    """What may accept a cost.

    Raises UsageError for a damaged baseline, and unless it is about to be written for one that is missing.
    """
    from ci_rlm.acceptance import Terms
    from ci_rlm.git import INDEX

    of_commits = config.accept.trailers and repository is not None and compared.head not in (INDEX, DIFF)
    entries = entries_of(config, compared, repository, required=not writing)
    words: list[Waiver | Notice] = [*entries, *_of_label(config.accept.label, selection)]
    if of_commits and repository is not None:
        words += _of_commits(repository, compared)
    return Terms(config.accept.comments, _day_of(compared, repository), tuple(words), of_commits)


def entries_of(
    config: Config, compared: Range, repository: Repository | None, *, required: bool
) -> tuple[Waiver, ...]:
    """The entries of the baseline, which is read from where the configuration is read."""
    from ci_rlm.acceptance import baseline

    name = config.accept.baseline or baseline.PLACE
    data = kept_file(name, baseline.MAX_BYTES, compared, repository)
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
    data = kept_file(name, MAX_BYTES, compared, repository)
    if data is None:
        raise _missing("hot_paths", name, MAX_BYTES, "ci-rlm weigh LOG writes it; or leave the setting out")
    return Weights(shares(data, name), run.warn, run.fail)


def accept_all(report: Report, reason: str, config: Config, repository: Repository | None) -> Report:
    """Write a baseline that accepts all that a report warns of or fails; the report as it is then.

    Raises UsageError outside of a repository, CiRlmError for a file that cannot be written.
    """
    from ci_rlm.acceptance import baseline
    from ci_rlm.cli.publish import write_whole
    from ci_rlm.gate import baselined

    if repository is None:
        raise UsageError("a baseline is a file of a repository", hint="run in a clone, or name one with -C")
    name = config.accept.baseline or baseline.PLACE
    present = entries_of(config, report.range, repository, required=False)
    report, entries = baselined(report, present, reason.strip(), name)
    place = repository.root / name
    if not place.parent.resolve().is_relative_to(repository.root.resolve()) or place.is_symlink():
        raise UsageError(f"a link leads {name} out of the repository", hint="name another file")
    place.parent.mkdir(parents=True, exist_ok=True)
    write_whole(place, baseline.text(entries))
    return report


def _of_commits(repository: Repository, compared: Range) -> Iterator[Waiver | Notice]:
    from ci_rlm.acceptance import words
    from ci_rlm.git.messages import trailers_of
    from ci_rlm.trailers import KEY

    return words.of_commits(trailers_of(repository, compared, KEY))


def _of_label(label: str, selection: Selection) -> Iterator[Waiver | Notice]:
    """What the pull request's label accepts, where it is the pull request that is judged."""
    from ci_rlm.acceptance import words

    pull = described(os.environ) if label and not selection.names_head else None
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
