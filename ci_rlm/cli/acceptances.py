"""The baseline, as the command line writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from ci_rlm.cli.flags import grouped
from ci_rlm.errors import UsageError
from ci_rlm.occasion import entries_of, is_privileged

if TYPE_CHECKING:
    from ci_rlm.config import Config
    from ci_rlm.flow import Report
    from ci_rlm.git import Repository


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
