"""The whole line: changed files in, a report out. Nothing is printed and no exit code is chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ci_rlm import __version__, extract
from ci_rlm.compare import compare, equal, similarity
from ci_rlm.config import Config
from ci_rlm.flow import (
    Change,
    Comparison,
    FileChange,
    Limits,
    Prediction,
    Prompt,
    Range,
    Report,
    Skipped,
    Space,
    TrackRecord,
    Unit,
    Verdict,
)
from ci_rlm.judge import judge, worst_first
from ci_rlm.predict import Predictor
from ci_rlm.prompt import prompt_of, prompts_of, space_for
from ci_rlm.scoreboard import of_checkpoint

Answer = tuple[Prediction, ...]
Progress = Callable[[int, int], None]
"""Told how many prompts are answered, and of how many."""


def silent(done: int, total: int) -> None:
    """A progress that tells nobody."""


def check(
    range: Range,
    files: Iterable[FileChange | Skipped],
    predictor: Predictor,
    config: Config,
    *,
    track_records: Sequence[TrackRecord] = (),
    progress: Progress = silent,
) -> Report:
    """Judge each changed unit of the files, one verdict a metric.

    `track_records` are the repository's; the one of the predictor is told with the report.
    """
    changes, skipped = _changes(files)
    judged: list[Comparison] = []
    for result in compare_changes(changes, predictor, config, progress=progress):
        if isinstance(result, Skipped):
            skipped.append(result)
        else:
            judged.extend(result)
    verdicts = worst_first(judge(comparison, _limits(comparison, config)) for comparison in judged)
    return Report(
        range=range,
        verdicts=verdicts,
        skipped=tuple(sorted(skipped, key=lambda miss: (miss.path, miss.name, miss.reason))),
        model=predictor.info,
        mode=config.mode,
        limits=_configured(config, predictor),
        tool=f"ci-rlm {__version__}",
        false_alarms=tuple((c.metric, c.false_alarms) for c in predictor.calibrations if c.false_alarms),
        overridden=_overridden(verdicts, config),
        track_record=of_checkpoint(track_records, predictor.info.digest),
    )


def nothing_scored(report: Report) -> bool:
    """Code was changed, and not one unit of it could be judged.

    Skipped files that no language claims (a submodule, say) do not count as code.
    """
    return not report.verdicts and any(
        miss.name or extract.language_of(miss.path) is not None for miss in report.skipped
    )


def compare_changes(
    changes: Sequence[Change], predictor: Predictor, config: Config, *, progress: Progress = silent
) -> Iterator[tuple[Comparison, ...] | Skipped]:
    """For each change, in order, one comparison a metric, or why there is none."""
    asked = [_ask(change, predictor.spaces) for change in changes]
    prompts = [prompt for each in asked if isinstance(each, _Asked) for prompt in each.prompts]
    answers = _answers(prompts, predictor, progress)
    for each in asked:
        yield each if isinstance(each, Skipped) else _compared(each, answers, predictor, config)


def score(
    requests: Sequence[tuple[Unit, float | None]], predictor: Predictor, *, progress: Progress = silent
) -> Iterator[Answer | Skipped]:
    """For each unit and input size, in order, its predictions, or why there are none.

    The size is in elements; None, or a space that is not conditioned on it, means the reference.
    """
    asked = [_prompt(unit, size, predictor.spaces) for unit, size in requests]
    answers = _answers([prompt for prompt in asked if isinstance(prompt, Prompt)], predictor, progress)
    for each in asked:
        yield each if isinstance(each, Skipped) else answers[each.key]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A change with what the model has to be asked to compare its sides."""

    change: Change
    space: Space
    before: Prompt | None
    after: Prompt | None

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        return tuple(prompt for prompt in (self.before, self.after) if prompt is not None)


def _changes(files: Iterable[FileChange | Skipped]) -> tuple[list[Change], list[Skipped]]:
    readable: list[FileChange] = []
    skipped: list[Skipped] = []
    for file in files:
        if isinstance(file, Skipped):
            skipped.append(file)
        else:
            readable.append(file)
    changes: list[Change] = []
    for found in extract.changes(readable):
        if isinstance(found, Skipped):
            skipped.append(found)
        else:
            changes.append(found)
    return changes, skipped


def _ask(change: Change, spaces: Sequence[Space]) -> _Asked | Skipped:
    unit, before, after = change.unit, change.before, change.after
    space = space_for(unit.kind, spaces)
    if space is None:
        return _unserved(unit)
    if before is not None and after is not None and before.kind is not after.kind:
        reason = f"was a {before.kind} and is a {after.kind}: their costs do not compare"
        return Skipped(unit.path, unit.name, reason)
    if change.equal or after is None:
        return _Asked(change, space, None, None)
    if before is None:
        return _Asked(change, space, None, prompt_of(after, space))
    return _Asked(change, space, *prompts_of(before, after, space))


def _prompt(unit: Unit, size: float | None, spaces: Sequence[Space]) -> Prompt | Skipped:
    space = space_for(unit.kind, spaces)
    return _unserved(unit) if space is None else prompt_of(unit, space, size=size)


def _unserved(unit: Unit) -> Skipped:
    return Skipped(unit.path, unit.name, f"this checkpoint has no space for a {unit.kind}")


def _answers(prompts: Iterable[Prompt], predictor: Predictor, progress: Progress) -> dict[str, Answer]:
    distinct = {prompt.key: prompt for prompt in prompts}
    answers: dict[str, Answer] = {}
    if not distinct:
        return answers
    progress(0, len(distinct))
    for key, answer in zip(distinct, predictor.predict(tuple(distinct.values())), strict=True):
        answers[key] = answer
        progress(len(answers), len(distinct))
    return answers


def _compared(
    asked: _Asked, answers: Mapping[str, Answer], predictor: Predictor, config: Config
) -> tuple[Comparison, ...]:
    change, before, after = asked.change, asked.before, asked.after
    if change.equal:
        return tuple(equal(change, metric) for metric in asked.space.metrics)
    alike = similarity(before.text, after.text) if before and after else 0.0
    return tuple(
        compare(
            change,
            metric,
            _of_metric(before, metric.name, answers),
            _of_metric(after, metric.name, answers),
            predictor.calibrations,
            config.limits_for(change.unit.path, metric.name),
            alike,
        )
        for metric in asked.space.metrics
    )


def _of_metric(prompt: Prompt | None, metric: str, answers: Mapping[str, Answer]) -> Prediction | None:
    if prompt is None:
        return None
    return next(prediction for prediction in answers[prompt.key] if prediction.metric == metric)


def _limits(comparison: Comparison, config: Config) -> Limits:
    return config.limits_for(comparison.change.unit.path, comparison.metric.name)


def _configured(config: Config, predictor: Predictor) -> tuple[tuple[str, Limits], ...]:
    served = {metric.name for space in predictor.spaces for metric in space.metrics}
    return tuple((metric, limits) for metric, limits in config.metrics if metric in served)


def _overridden(verdicts: Iterable[Verdict], config: Config) -> tuple[tuple[PurePosixPath, str, Limits], ...]:
    """The limits of verdicts that are not those of their metric: by path and metric."""
    usual = dict(config.metrics)
    found = {
        (comparison.change.unit.path, comparison.metric.name): _limits(comparison, config)
        for comparison in (verdict.comparison for verdict in verdicts)
    }
    return tuple(
        (path, metric, limits)
        for (path, metric), limits in sorted(found.items())
        if limits != usual.get(metric, Limits())
    )
