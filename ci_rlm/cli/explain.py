"""`ci-rlm explain`: which hunk of a change moves its prediction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ci_rlm.cli.flags import GateFlags, ModelFlags, model_flags
from ci_rlm.cli.selection import Selection, selection_flags

if TYPE_CHECKING:
    from ci_rlm.flow import Report, Verdict

_SOURCE = click.Path(exists=True, dir_okay=False, path_type=Path)
_EVERYTHING = GateFlags(mode=None, include=(), exclude=())


@click.command()
@selection_flags
@click.option(
    "--files",
    nargs=2,
    type=_SOURCE,
    metavar="BEFORE AFTER",
    help="Explain how two files differ, in place of a range.",
)
@click.option(
    "--function",
    metavar="NAME",
    help="Explain this function alone, by its qualified name, whatever is said of it.",
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON a function and metric.")
@model_flags
def explain(
    selection: Selection,
    files: tuple[Path, Path] | None,
    function: str | None,
    as_json: bool,
    model: ModelFlags,
) -> int:
    """Tell which hunks of a change move its prediction, the most responsible first.

    Each hunk is reverted in turn, and the model is asked again: its share of the predicted
    difference, and what it does to the cost by itself. The range is chosen as in `check`; of
    it, functions that regressed or improved are explained, those that changed the worst first.
    """
    selection.refuse_conflicts()
    if files is not None:
        _show(_of_files(*files, function, selection, model), as_json=as_json)
        return 0
    return _of_range(selection, function, model, as_json=as_json)


def _of_range(selection: Selection, function: str | None, model: ModelFlags, *, as_json: bool) -> int:
    from ci_rlm.cli.check import judged_range
    from ci_rlm.cli.talk import warn
    from ci_rlm.gate import nothing_scored

    report = judged_range(selection, _EVERYTHING, model, function=function).report
    if function is not None and not report.verdicts:
        raise _absent(function, report)
    _show([verdict for verdict in report.verdicts if verdict.hunks or function], as_json=as_json)
    if report.unexplained:
        warn(f"{report.unexplained:,} more changed functions are not explained: name one with --function")
    if nothing_scored(report):
        warn("code was changed, but none of it could be judged: `ci-rlm check` tells why")
        return 3
    return 0


def _of_files(
    before: Path, after: Path, function: str | None, selection: Selection, model: ModelFlags
) -> Sequence[Verdict]:
    from ci_rlm import gate, predict
    from ci_rlm.api import change_of
    from ci_rlm.cli.settings import configure_here
    from ci_rlm.cli.source import function_of
    from ci_rlm.cli.talk import progress_bar, warn
    from ci_rlm.errors import CiRlmError, UsageError
    from ci_rlm.extract.files import program_of
    from ci_rlm.flow import Skipped

    if selection.given:
        raise UsageError("--files is a change of its own", hint="give it without a range or PATHS")
    config = configure_here(model)
    limit = config.max_file_size
    sides = [
        function_of(path, function, limit) if function else program_of(path, limit)
        for path in (before, after)
    ]
    predictor = predict.load(config, warn=warn)
    with progress_bar() as progress:
        told = gate.explain_change(change_of(*sides), predictor, config, progress=progress)
    if isinstance(told, Skipped):
        raise CiRlmError(f"{after}: {told.reason}")
    return told


def _absent(function: str, report: Report) -> Exception:
    from ci_rlm.errors import CiRlmError, UsageError

    for miss in report.skipped:
        if miss.name == function:
            return CiRlmError(f"{miss.path} {miss.name}: {miss.reason}")
    return UsageError(f"the change has no function {function!r}", hint="`ci-rlm check -v` lists those it has")


def _show(verdicts: Sequence[Verdict], *, as_json: bool) -> None:
    from ci_rlm.render import explanation

    if as_json:
        for verdict in verdicts:
            click.echo(json.dumps(explanation.record(verdict)))
        return
    blocks = [explanation.text(verdict) for verdict in verdicts]
    nothing = "No claim of a difference to explain; --function NAME explains any function.\n"
    click.echo(("\n".join(blocks) or nothing).encode("utf-8", "backslashreplace"), nl=False)
