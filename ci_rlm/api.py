"""The gate for programs: a range checked, code scored, two versions compared.

Nothing is printed and nothing ends the process; what goes wrong is a `CiRlmError`. Values are those
of `flow.py`. Heavy imports wait for the first call.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ci_rlm.config import Config, Layer
    from ci_rlm.flow import Change, Comparison, Prediction, Report, Unit
    from ci_rlm.predict import Predictor


def check(
    repository: str | Path = ".",
    base: str | None = None,
    head: str | None = None,
    *,
    checkpoint: str | None = None,
    config: Config | None = None,
    predictor: Predictor | None = None,
) -> Report:
    """Judge the functions that `head` changes since its merge base with `base`, as `ci-rlm check` does.

    What is None is what the event of a workflow proposes, else the remote's default branch and HEAD.
    Without `config`, files and the environment configure, read as the command reads them: in an event that
    runs with secrets from the base branch alone. `checkpoint` goes before both. A `predictor` that is given
    is asked instead of a checkpoint.

    Costs are accepted by comments, trailers, the baseline and, where `head` is None, the label of the
    event's pull request; hot paths and the scoreboard count as well. Raises CiRlmError: GitError for a
    revision that is not there, UsageError for a bad configuration or baseline, CheckpointError for a
    checkpoint that cannot be read.
    """
    from ci_rlm import gate
    from ci_rlm.config import from_root
    from ci_rlm.git import Repository
    from ci_rlm.occasion import (
        file_limits,
        range_between,
        reader_of_config,
        terms_of,
        track_records_of,
        weights_of,
    )

    found = Repository.discover(Path(repository))
    compared = range_between(found, base, head, deepen=not (config or _from_layers()).offline)
    read = reader_of_config(compared, found, found.root)
    config = _configured(config, checkpoint, None if config else from_root(read, found.root))
    terms = terms_of(config, compared, found, label=head is None)
    return gate.check(
        compared,
        found.changes(compared, file_limits(config)),
        predictor or _loaded(config),
        config,
        track_records=track_records_of(config.scoreboard, compared, found, _warn),
        terms=terms,
        weights=weights_of(config, compared, found),
    )


def score(
    source: str | Path,
    *,
    size: float | None = None,
    language: str = "python",
    checkpoint: str | None = None,
    config: Config | None = None,
    predictor: Predictor | None = None,
) -> tuple[Prediction, ...]:
    """What a program is predicted to cost, one prediction a metric, in the metric's base unit.

    `source` is a file if it is a Path, else the text itself, in `language`. `size` is the input size in
    elements; None is the one that the checkpoint takes as reference. Only the environment configures where no
    `config` is given. Raises CiRlmError, also for a kind of code that the checkpoint does not serve.
    """
    from ci_rlm import gate
    from ci_rlm.errors import CiRlmError
    from ci_rlm.extract.files import program_of
    from ci_rlm.flow import Skipped

    config = _configured(config, checkpoint)
    unit = program_of(source, config.max_file_size, language)
    (answer,) = gate.score([(unit, size)], predictor or _loaded(config))
    if isinstance(answer, Skipped):
        raise CiRlmError(f"{answer.path}: {answer.reason}")
    return answer


def compare(
    before: str | Path,
    after: str | Path,
    *,
    language: str = "python",
    checkpoint: str | None = None,
    config: Config | None = None,
    predictor: Predictor | None = None,
) -> tuple[Comparison, ...]:
    """How the cost of one program relates to that of another version, one comparison a metric.

    `slowdown` is an interval of after ÷ before. Files, texts, configuration and errors as in `score`.
    """
    from ci_rlm import gate
    from ci_rlm.errors import CiRlmError
    from ci_rlm.extract.files import program_of
    from ci_rlm.flow import Skipped

    config = _configured(config, checkpoint)
    left, right = (program_of(source, config.max_file_size, language) for source in (before, after))
    change = change_of(left, right)
    (answer,) = gate.compare_changes([change], predictor or _loaded(config), config)
    if isinstance(answer, Skipped):
        raise CiRlmError(f"{answer.path}: {answer.reason}")
    return answer


def change_of(before: Unit, after: Unit) -> Change:
    """Two programs as a change, equal when language and canonical text are."""
    from ci_rlm.extract.canonical import canonical
    from ci_rlm.flow import Change

    texts = {(unit.language, canonical(unit.source, unit.language)) for unit in (before, after)}
    return Change(before, after, equal=len(texts) == 1)


def _configured(config: Config | None, checkpoint: str | None, file: Layer | None = None) -> Config:
    """The configuration that is given, or that of a file and the environment."""
    config = config or _from_layers(file)
    return config if checkpoint is None else replace(config, checkpoint=checkpoint)


def _from_layers(file: Layer | None = None) -> Config:
    from ci_rlm.config import build, from_environment

    return build([*([file] if file else []), from_environment(os.environ)])


def _loaded(config: Config) -> Predictor:
    from ci_rlm import predict

    return predict.load(config, warn=_warn)


def _warn(message: str) -> None:
    import warnings

    warnings.warn(message, stacklevel=4)
