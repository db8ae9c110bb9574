"""The gate for programs: a range checked, code scored, two versions compared.

Nothing is printed and nothing ends the process; what goes wrong is a `CiRlmError`. Values are those
of `flow.py`. Heavy imports wait for the first call.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ci_rlm.acceptance import Terms
    from ci_rlm.config import Config
    from ci_rlm.flow import Change, Comparison, Prediction, Range, Report, Unit
    from ci_rlm.git import Repository
    from ci_rlm.predict import Predictor


def check(
    repository: str | Path = ".",
    base: str | None = None,
    head: str = "HEAD",
    *,
    checkpoint: str | None = None,
    config: Config | None = None,
    predictor: Predictor | None = None,
) -> Report:
    """Judge the functions that `head` changes since its merge base with `base`.

    Without `base` it is the remote's default branch. Without `config`, the files in the working tree
    and the environment configure, as they do for `ci-rlm check`; `checkpoint` goes before both. A
    `predictor` that is given is asked instead of a checkpoint.

    Costs are accepted by comments in the code alone: trailers, labels, the baseline, hot paths and the
    scoreboard are the command's. No event of a forge is looked at, so for a stranger's change
    give a `config` of your own. Raises CiRlmError: GitError for a revision that is not there, UsageError
    for a bad configuration, CheckpointError for a checkpoint that cannot be read.
    """
    from ci_rlm import extract, gate
    from ci_rlm.git import FileLimits, Repository

    found = Repository.discover(Path(repository))
    config = _configured(config, checkpoint, found.root)
    compared = found.between(base or found.default_base(), head, deepen=not config.offline)
    limits = FileLimits(
        config.paths.include,
        config.paths.exclude,
        config.max_file_size,
        lambda path: extract.language_of(path) is not None,
    )
    return gate.check(
        compared,
        found.changes(compared, limits),
        predictor or _loaded(config),
        config,
        terms=_terms(config, compared, found),
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
    from ci_rlm.flow import Skipped

    config = _configured(config, checkpoint)
    unit = _program(source, language, config.max_file_size)
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
    from ci_rlm.flow import Skipped

    config = _configured(config, checkpoint)
    left, right = (_program(source, language, config.max_file_size) for source in (before, after))
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


def _configured(config: Config | None, checkpoint: str | None, root: Path | None = None) -> Config:
    from ci_rlm.config import build, from_environment, from_root

    def read(name: str) -> bytes | None:
        place = (root or Path()) / name
        return place.read_bytes() if place.is_file() else None

    if config is None:
        file = from_root(read, root) if root else None
        config = build([*([file] if file else []), from_environment(os.environ)])
    return config if checkpoint is None else replace(config, checkpoint=checkpoint)


def _loaded(config: Config) -> Predictor:
    import warnings

    from ci_rlm import predict

    return predict.load(config, warn=lambda message: warnings.warn(message, stacklevel=4))


def _terms(config: Config, compared: Range, repository: Repository) -> Terms:
    """Comments alone accept, held against the day of the head's commit, in UTC."""
    from datetime import UTC, datetime

    from ci_rlm.acceptance import Terms
    from ci_rlm.git.moment import moment_of

    day = datetime.fromtimestamp(moment_of(repository, compared.head), UTC).date()
    return Terms(config.accept.comments, day)


def _program(source: str | Path, language: str, max_bytes: int) -> Unit:
    from ci_rlm import extract
    from ci_rlm.errors import CiRlmError, UsageError

    path, known = PurePosixPath("-"), extract.LANGUAGES.values()
    content = source.encode() if isinstance(source, str) else b""
    if isinstance(source, Path):
        path = PurePosixPath(source)
        language = extract.language_of(path) or ""
        try:
            with source.open("rb") as file:
                content = file.read(max_bytes + 1)
        except OSError as error:
            raise CiRlmError(f"cannot read {source}: {error.strerror}") from error
    if language not in known:
        raise UsageError(f"no language is known for {path}", hint=f"known: {', '.join(sorted(set(known)))}")
    if len(content) > max_bytes:
        raise CiRlmError(f"{path} is over {max_bytes:,} bytes", hint="raise max_file_size")
    try:
        return extract.program(path, content.decode("utf-8-sig"), language)
    except UnicodeDecodeError as error:
        raise CiRlmError(f"{path} is not UTF-8 text") from error
