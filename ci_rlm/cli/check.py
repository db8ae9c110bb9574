"""`ci-rlm check`: judge the functions that a change touches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ci_rlm.cli.acceptances import BaselineFlags, accept_all, baseline_flags
from ci_rlm.cli.flags import GateFlags, ModelFlags, gate_flags, model_flags
from ci_rlm.cli.publish import Publishing, publish, publishing_flags
from ci_rlm.cli.selection import Selection, files_of, range_of, selection_flags
from ci_rlm.occasion import (
    DIFF,
    file_limits,
    reader_of_config,
    terms_of,
    track_records_of,
    weights_of,
)

if TYPE_CHECKING:
    from ci_rlm.config import Config
    from ci_rlm.flow import Range, Report
    from ci_rlm.git import Repository


@click.command()
@selection_flags
@gate_flags
@model_flags
@publishing_flags
@baseline_flags
@click.option(
    "--history",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Add a line on this commit to a file, for `ci-rlm trend`.",
)
@click.option("--exit-zero", is_flag=True, help="Exit 0 even when the gate fails.")
def check(
    selection: Selection,
    gate: GateFlags,
    model: ModelFlags,
    publishing: Publishing,
    accepting: BaselineFlags,
    history: Path | None,
    exit_zero: bool,
) -> int:
    """Judge the functions that a change touches, without running them.

    PATHS restrict the check to files or folders. Without a range, the merge base with the
    remote's default branch is compared with HEAD.

    Exit codes: 0 passed or advisory, 1 the gate failed, 2 wrong usage or configuration,
    3 could not judge.
    """
    from ci_rlm.cli.remember import remember
    from ci_rlm.render import document

    selection.refuse_conflicts()
    accepting.refuse_conflicts()
    targets = publishing.targets()
    checked = judged_range(selection, gate, model, writing=accepting.write_baseline)
    report = checked.report
    if accepting.write_baseline:
        report = accept_all(report, accepting.reason or "", checked.config, checked.repository)
    told = document(report)
    try:
        publish(told, targets, publishing.verbose)
    finally:
        remember(told, history, checked.config, checked.repository, selection.paths)
    return exit_code(report, exit_zero=exit_zero)


@dataclass(frozen=True, slots=True)
class Checked:
    """A report, and what it was made with."""

    report: Report
    config: Config
    repository: Repository | None


def judged_range(
    selection: Selection,
    gate: GateFlags,
    model: ModelFlags,
    *,
    function: str | None = None,
    writing: bool = False,
) -> Checked:
    """Judge the range that the command line selects; of it the functions of one name, if one is given.

    `writing` says that the baseline is about to be written, so it need not be there.
    """
    from ci_rlm import predict
    from ci_rlm.cli.talk import progress_bar, warn
    from ci_rlm.gate import check as judged

    repository = _repository(selection)
    compared = _range(selection, model, repository)
    config = _config(selection, gate, model, compared, repository)
    track_records = track_records_of(config.scoreboard, compared, repository, warn)
    terms = terms_of(config, compared, repository, label=not selection.names_head, writing=writing)
    weights = weights_of(config, compared, repository)
    predictor = predict.load(config, warn=warn)
    files = files_of(selection, compared, file_limits(config), repository)
    with progress_bar() as progress:
        report = judged(
            compared,
            files,
            predictor,
            config,
            track_records=track_records,
            terms=terms,
            weights=weights,
            function=function,
            progress=progress,
        )
    return Checked(report, config, repository)


def _repository(selection: Selection) -> Repository | None:
    """The repository around; a diff can be judged without one."""
    from ci_rlm.errors import GitError
    from ci_rlm.git import Repository

    try:
        return Repository.discover(selection.repo)
    except GitError:
        if selection.diff_file is None:
            raise
        return None


def _range(selection: Selection, model: ModelFlags, repository: Repository | None) -> Range:
    import os

    from ci_rlm.config import build, from_environment
    from ci_rlm.flow import Range

    if selection.diff_file is not None or repository is None:
        name = getattr(selection.diff_file, "name", "-")
        return Range(DIFF, DIFF, "the diff on standard input" if name in ("-", "<stdin>") else str(name))
    offline = model.offline or build([from_environment(os.environ)]).offline
    return range_of(selection, repository, deepen=not offline)


def _config(
    selection: Selection, gate: GateFlags, model: ModelFlags, compared: Range, repository: Repository | None
) -> Config:
    from ci_rlm.cli.settings import configure

    root = repository.root if repository else selection.repo
    read = reader_of_config(compared, repository, root)
    return configure({**gate.table, **model.table}, model.config_file, root, read)


def exit_code(report: Report, *, exit_zero: bool) -> int:
    """What a report means for the exit code; that nothing could be judged is a warning besides."""
    from ci_rlm.cli.talk import warn
    from ci_rlm.gate import nothing_scored

    if nothing_scored(report):
        warn("code was changed, but none of it could be judged: see what was skipped")
        return 3
    return 1 if report.failed and not exit_zero else 0
