"""The whole line: changed files in, a report out. Nothing is printed and no exit code is chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TypeVar

from ci_rlm import __version__, acceptance, explain, extract
from ci_rlm.acceptance import Terms, baseline
from ci_rlm.acceptance.waiver import Waiver
from ci_rlm.comparing import compare, equal, of_ratios, similarity
from ci_rlm.config import Config
from ci_rlm.flow import (
    Change,
    Comparison,
    FileChange,
    Limits,
    Means,
    Metric,
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
from ci_rlm.predict.unlike import strangers_of
from ci_rlm.prompt import change_prompt, change_space_for, prompt_of, prompts_of, space_for
from ci_rlm.scoreboard import of_checkpoint
from ci_rlm.weights import Weights, limits_with, weighed

NO_TERMS = Terms()
"""Comments in the code accept costs, and nothing else."""
UNWEIGHED = Weights()
"""No function weighs more or less than another."""

Answer = tuple[Prediction, ...]
Found = TypeVar("Found", FileChange, Change)
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
    terms: Terms = NO_TERMS,
    weights: Weights = UNWEIGHED,
    function: str | None = None,
    progress: Progress = silent,
) -> Report:
    """Judge each changed unit of the files, one verdict a metric.

    `track_records` are the repository's; the one of the predictor is told with the report. `terms` say
    who may accept a cost, `weights` what functions weigh in a whole run. Claims of a difference are
    explained by their hunks. With `function`, a qualified name, only functions of that name are judged,
    and all that is said of them is explained.
    """
    readable, skipped = _apart(files)
    changes, unread = _apart(extract.changes(readable))
    skipped += unread
    if function is not None:
        changes = [change for change in changes if change.unit.name == function]
    judged: list[Comparison] = []
    for result in compare_changes(changes, predictor, config, weights=weights, progress=progress):
        if isinstance(result, Skipped):
            skipped.append(result)
        else:
            judged.extend(result)
    words = terms.of(readable, changes)
    settled, notices = acceptance.settle(
        (_judged(comparison, config, weights) for comparison in judged), words, terms.today
    )
    verdicts, unexplained = _explained(
        worst_first(settled), predictor, config, whatever=function is not None, progress=progress
    )
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
        notices=notices,
        trailers=terms.trailers,
        unexplained=unexplained,
    )


def explain_change(
    change: Change, predictor: Predictor, config: Config, *, progress: Progress = silent
) -> tuple[Verdict, ...] | Skipped:
    """What is said of one change, a verdict a metric, each explained by its hunks."""
    (result,) = compare_changes([change], predictor, config, progress=progress)
    if isinstance(result, Skipped):
        return result
    verdicts = worst_first(judge(comparison, _limits(comparison, config)) for comparison in result)
    return _explained(verdicts, predictor, config, whatever=True, progress=progress)[0]


def _explained(
    verdicts: Sequence[Verdict], predictor: Predictor, config: Config, *, whatever: bool, progress: Progress
) -> tuple[tuple[Verdict, ...], int]:
    def compared(changes: Sequence[Change]) -> Iterator[tuple[Comparison, ...] | Skipped]:
        return compare_changes(changes, predictor, config, progress=progress)

    return explain.explained(verdicts, compared, whatever=whatever)


def baselined(
    report: Report, entries: Sequence[Waiver], reason: str, source: str
) -> tuple[Report, tuple[Waiver, ...]]:
    """The report once the baseline accepts all that still has a level, and the baseline's new entries."""
    renewed = baseline.renewed(entries, report.verdicts, reason, source)
    settled, _ = acceptance.settle(report.verdicts, renewed)
    others = tuple(notice for notice in report.notices if notice.means is not Means.BASELINE)
    return replace(report, verdicts=worst_first(settled), notices=others), renewed


def nothing_scored(report: Report) -> bool:
    """Code was changed, and not one unit of it could be judged.

    Skipped files that no language claims (a submodule, say) do not count as code.
    """
    return not report.verdicts and any(
        miss.name or extract.language_of(miss.path) is not None for miss in report.skipped
    )


def compare_changes(
    changes: Sequence[Change],
    predictor: Predictor,
    config: Config,
    *,
    weights: Weights = UNWEIGHED,
    progress: Progress = silent,
) -> Iterator[tuple[Comparison, ...] | Skipped]:
    """For each change, in order, one comparison a metric, or why there is none."""
    asked = [_ask(change, predictor.spaces) for change in changes]
    prompts = [prompt for each in asked if isinstance(each, _Asked) for prompt in each.prompts]
    answers = _answers(prompts, predictor, progress)
    for each in asked:
        yield each if isinstance(each, Skipped) else _compared(each, answers, predictor, config, weights)


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
    ratios: tuple[Prompt, ...] = ()
    """Both sides in one prompt, and the other way round; empty if the model reads one side at a time."""

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        sides = (self.before,) if self.ratios else (self.before, self.after)
        return (*(prompt for prompt in sides if prompt is not None), *self.ratios)


def _apart(found: Iterable[Found | Skipped]) -> tuple[list[Found], list[Skipped]]:
    """What was found, and what was skipped."""
    each = list(found)
    skipped = [one for one in each if isinstance(one, Skipped)]
    return [one for one in each if not isinstance(one, Skipped)], skipped


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
    sides, comparing = prompts_of(before, after, space), change_space_for(unit.kind, spaces)
    if comparing is None:
        return _Asked(change, space, *sides)
    ratios = tuple(change_prompt(*pair, space, comparing) for pair in (sides, sides[::-1]))
    return _Asked(change, space, *sides, ratios)


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
    asked: _Asked, answers: Mapping[str, Answer], predictor: Predictor, config: Config, weights: Weights
) -> tuple[Comparison, ...]:
    change, before, after = asked.change, asked.before, asked.after
    if change.equal:
        return tuple(equal(change, metric) for metric in asked.space.metrics)
    alike = similarity(before.text, after.text) if before and after and not asked.ratios else 0.0
    strange = strangers_of(before.text, after.text, predictor.vocabulary) if before and after else ()

    def said(prompt: Prompt, metric: Metric) -> Prediction:
        return next(each for each in answers[prompt.key] if each.metric == metric.name)

    def compared(metric: Metric) -> Comparison:
        limits = limits_with(config.limits_for(change.unit.path, metric.name), weights.of(change, metric))
        if before and asked.ratios:
            ratio, inverse = (said(prompt, metric) for prompt in asked.ratios)
            told = of_ratios(
                change, metric, said(before, metric), (ratio, inverse), predictor.calibrations, limits
            )
        else:
            left, right = (said(prompt, metric) if prompt else None for prompt in (before, after))
            told = compare(change, metric, left, right, predictor.calibrations, limits, alike)
        return replace(told, strangers=strange)

    return tuple(map(compared, asked.space.metrics))


def _judged(comparison: Comparison, config: Config, weights: Weights) -> Verdict:
    limits, weight = _limits(comparison, config), weights.of(comparison.change, comparison.metric)
    return weighed(judge(comparison, limits_with(limits, weight)), limits, weight)


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
