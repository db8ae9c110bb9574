"""`ci-rlm compare`: how the costs of two versions relate, as JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ci_rlm.api import change_of
from ci_rlm.cli.flags import ModelFlags, model_flags
from ci_rlm.cli.publish import write_lines

if TYPE_CHECKING:
    from ci_rlm.cli.jsonl import Record
    from ci_rlm.config import Config
    from ci_rlm.flow import Change, Comparison, Skipped
    from ci_rlm.predict import Predictor

_SOURCE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("before", required=False, type=_SOURCE)
@click.argument("after", required=False, type=_SOURCE)
@click.option("--jsonl", is_flag=True, help="Answer lines of standard input, one a line.")
@model_flags
def compare(before: Path | None, after: Path | None, jsonl: bool, model: ModelFlags) -> int:
    """Predict the ratio of the costs of AFTER to those of BEFORE, as one line of JSON.

    With --jsonl, each line of standard input is {"id", "language", "before", "after"}, and each
    is answered with one line: of each metric the ratio (its 5%, 50% and 95% points) and the
    probability of a regression past the configured limit, or an "error".
    """
    from ci_rlm import predict
    from ci_rlm.cli.settings import configure_here
    from ci_rlm.cli.talk import warn
    from ci_rlm.errors import UsageError

    if jsonl == (after is not None) or (before and after is None):
        raise UsageError("give BEFORE and AFTER, or --jsonl alone", hint="ci-rlm compare --help")
    config = configure_here(model)
    predictor = predict.load(config, warn=warn)
    if before is None or after is None:
        _stream(predictor, config)
    else:
        _pair(before, after, predictor, config)
    return 0


def _pair(before: Path, after: Path, predictor: Predictor, config: Config) -> None:
    from ci_rlm.errors import CiRlmError
    from ci_rlm.extract.files import program_of

    limit = config.max_file_size
    (answer,) = answers([change_of(program_of(before, limit), program_of(after, limit))], predictor, config)
    if "error" in answer:
        raise CiRlmError(f"{after}: {answer['error']}")
    click.echo(json.dumps({"id": str(after), **answer}))


def _stream(predictor: Predictor, config: Config) -> None:
    from ci_rlm.cli.jsonl import answer_lines
    from ci_rlm.cli.source import unit_of

    def prepare(record: Record) -> Change:
        limit = config.max_file_size
        return change_of(unit_of(record, "before", limit), unit_of(record, "after", limit))

    answer_lines(
        sys.stdin.buffer,
        write_lines,
        prepare,
        lambda changes: answers(changes, predictor, config),
    )


def answers(changes: Sequence[Change], predictor: Predictor, config: Config) -> Iterator[Record]:
    """One answer a change: its ratios, or an error."""
    from ci_rlm import gate

    return map(_answer, gate.compare_changes(changes, predictor, config))


def _answer(result: tuple[Comparison, ...] | Skipped) -> Record:
    from ci_rlm.flow import Skipped

    if isinstance(result, Skipped):
        return {"error": result.reason}
    metrics = {comparison.metric.name: _relation(comparison) for comparison in result}
    return {"metrics": metrics, "equal": all(comparison.change.equal for comparison in result)}


def _relation(comparison: Comparison) -> Record:
    ratio = comparison.slowdown
    assert ratio is not None  # both sides are there
    return {
        "ratio": {"low": _rounded(ratio.low), "mid": _rounded(ratio.mid), "high": _rounded(ratio.high)},
        "p_regression": _rounded(comparison.p_regression),
        "p_improvement": _rounded(comparison.p_improvement),
    }


def _rounded(value: float) -> float:
    """Six significant digits, as in reports: float noise must not change a byte."""
    return float(f"{value:.6g}")
