"""`ci-rlm score`: what code costs, as JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ci_rlm.cli.flags import ModelFlags, model_flags
from ci_rlm.cli.publish import write_lines

if TYPE_CHECKING:
    from ci_rlm.cli.jsonl import Record
    from ci_rlm.config import Config
    from ci_rlm.flow import Prediction, Skipped, Unit
    from ci_rlm.predict import Predictor

Request = tuple["Unit", float | None]


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--function", metavar="NAME", help="Score one function of FILE, by its qualified name.")
@click.option(
    "--size", type=click.FloatRange(1, 1e12), help="Input size in elements, where the model takes one."
)
@click.option("--jsonl", is_flag=True, help="Answer lines of standard input, one a line.")
@model_flags
def score(file: Path | None, function: str | None, size: float | None, jsonl: bool, model: ModelFlags) -> int:
    """Predict what FILE costs, as one line of JSON.

    With --jsonl, each line of standard input is {"id", "language", "source"} with an optional
    "size", and each is answered with one line: quantiles of each metric in its base unit, or
    an "error".
    """
    from ci_rlm import predict
    from ci_rlm.cli.settings import configure_here
    from ci_rlm.cli.talk import warn
    from ci_rlm.errors import UsageError

    if jsonl == (file is not None) or (function and file is None):
        raise UsageError("give FILE, or --jsonl alone", hint="ci-rlm score --help")
    config = configure_here(model)
    predictor = predict.load(config, warn=warn)
    if file is None:
        _stream(predictor, config, size)
    else:
        _one(file, function, size, predictor, config)
    return 0


def _one(file: Path, function: str | None, size: float | None, predictor: Predictor, config: Config) -> None:
    from ci_rlm.cli.source import function_of
    from ci_rlm.errors import CiRlmError
    from ci_rlm.extract.files import program_of

    limit = config.max_file_size
    unit = function_of(file, function, limit) if function else program_of(file, limit)
    (answer,) = answers([(unit, size)], predictor)
    if "error" in answer:
        raise CiRlmError(f"{file}: {answer['error']}")
    click.echo(json.dumps({"id": f"{file}::{function}" if function else str(file), **answer}))


def _stream(predictor: Predictor, config: Config, size: float | None) -> None:
    from ci_rlm.cli.jsonl import answer_lines

    answer_lines(
        sys.stdin.buffer,
        write_lines,
        preparer(config, size),
        lambda requests: answers(requests, predictor),
    )


def preparer(config: Config, size: float | None) -> Callable[[Record], Request]:
    """Records to units with the size to score them at."""
    from ci_rlm.cli.source import unit_of

    def prepare(record: Record) -> Request:
        return unit_of(record, "source", config.max_file_size), _size(record, size)

    return prepare


def answers(requests: Sequence[Request], predictor: Predictor) -> Iterator[Record]:
    """One answer a request: its quantiles, or an error."""
    from ci_rlm import gate

    return map(_answer, gate.score(requests, predictor))


def _answer(result: tuple[Prediction, ...] | Skipped) -> Record:
    from ci_rlm.flow import Skipped

    if isinstance(result, Skipped):
        return {"error": result.reason}
    metrics = {prediction.metric: _distribution(prediction) for prediction in result}
    return {"metrics": metrics, "truncated": any(prediction.truncated for prediction in result)}


def _distribution(prediction: Prediction) -> Record:
    quantiles = {f"{probability:g}": value for probability, value in prediction.quantiles}
    return {"unit": prediction.unit, "median": prediction.median, "quantiles": quantiles}


def _size(record: Record, default: float | None) -> float | None:
    from ci_rlm.cli.jsonl import BadLineError

    size = record.get("size", default)
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, (int, float)) or not 1 <= size <= 1e12:
        raise BadLineError('"size" must be a number of elements from 1 to 1e12')
    return float(size)
