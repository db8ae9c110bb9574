"""The figures of a card, made the same way when a checkpoint is published and when they are checked.

    ci-rlm evaluate embedded --suite embedded --corpus runs/corpus --changes CHANGES

What `publish` recorded says what was asked, so that nothing but the inputs has to be given. A figure
agrees that a card would print with the same digits, up to the rounding of the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ci_rlm.config import Config
from ci_rlm.flow import Calibration
from ci_rlm.predict import Predictor
from ci_rlm.training import attribution, calibrate, corpus, evaluate, recorded, releases
from ci_rlm.training.corpus import Example, as_functions
from ci_rlm.training.questions import NEAR, few
from ci_rlm.training.recorded import FIGURES, Asked, Counts, Inputs, Record, Row, Weights
from ci_rlm.training.releases import Changes
from ci_rlm.training.ways.measuring import PROTOCOL as WAYS

ROUNDING = 0.0005
"""Half of the last digit that a card prints."""

Value = tuple[float | str | None, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """What a card is made of."""

    programs: Sequence[Example]
    """The public programs and their edits, of all splits."""
    changes: Changes
    ways: Sequence[Example] = ()
    """Small functions of `training/ways/`: calibrated on with the programs, and told apart."""


def read(folder: Path, changes: Changes) -> Given:
    """What a corpus has for a card. Raises CiRlmError where there is no corpus."""
    return Given(corpus.read(folder), changes, corpus.of_protocol(folder, WAYS))


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of a card beside what it came to now."""

    what: str
    card: Value
    now: Value | None
    """None: what it is made of was not given."""

    @property
    def agrees(self) -> bool:
        """It is the same up to rounding, or was not made again."""
        if self.now is None:
            return True
        return len(self.card) == len(self.now) and all(map(_alike, self.card, self.now))


def fitted(
    predictor: Predictor, given: Given, asked: Asked, progress: evaluate.Progress = evaluate.silent
) -> tuple[Calibration, ...]:
    """The calibrations that a checkpoint is published with."""
    examples = as_functions([*given.programs, *given.ways])
    return calibrate.calibrations(predictor, examples, asked.false_alarms, progress, given.changes.fit)


def measure(
    predictor: Predictor,
    given: Given,
    asked: Asked,
    calibrations: Sequence[Calibration],
    parameters: int,
    progress: evaluate.Progress = evaluate.silent,
) -> Record:
    """The record of a checkpoint as it is, but for its calibrations, which `fitted` tells.

    Raises CiRlmError for a split without programs.
    """
    programs = given.programs
    chosen = few(programs, asked.split, asked.problems) if asked.problems else list(programs)
    learned = [example for example in (*programs, *given.ways) if example.split == "train"]
    settings = evaluate.Settings(asked.split, asked.resamples, asked.seed)
    document = evaluate.evaluation(predictor, as_functions(chosen), settings, progress=progress)
    held_out = [example for example in chosen if example.split == asked.split]
    return Record(
        version=recorded.VERSION,
        weights=Weights(predictor.info.name, predictor.info.digest, parameters),
        asked=asked,
        inputs=Inputs(recorded.digests(programs), given.changes.digest, recorded.digests(given.ways)),
        training=recorded.counts_of(learned),
        held_out=recorded.counts_of(held_out),
        figures=recorded.rows_of(document),
        calibrations=tuple(map(calibrate.told, calibrations)),
        releases=releases.said(predictor, given.changes, progress),
        hunks=_hunks(predictor, chosen, asked, progress),
        ways=_ways(predictor, given.ways, settings, progress),
    )


def _ways(
    predictor: Predictor,
    ways: Sequence[Example],
    settings: evaluate.Settings,
    progress: evaluate.Progress,
) -> tuple[Row, ...]:
    if not any(example.split == settings.split for example in ways):
        return ()
    nearby = [
        replace(example, rows=tuple(row for row in example.rows if NEAR[0] <= row.size <= NEAR[1]))
        for example in as_functions(ways)
    ]
    return recorded.rows_of(evaluate.evaluation(predictor, nearby, settings, progress=progress))


def _hunks(
    predictor: Predictor, examples: Sequence[Example], asked: Asked, progress: evaluate.Progress
) -> tuple[Row, ...]:
    cases = list(attribution.cases(examples, split=asked.split, most=asked.hunks)) if asked.hunks else []
    if not cases:
        return ()
    told = attribution.attributions(cases, predictor, Config(), progress)
    called = [at for at, each in enumerate(told) if each.called]
    found = []
    for among, places in (("all", range(len(cases))), ("called", called)):
        mine = [cases[at] for at in places]
        named = attribution.hits(mine, [told[at] for at in places])
        for method, figure in attribution.figures(mine, named, asked.seed).items():
            found.append(Row(attribution.METRIC, method, among, **asdict(figure)))
    return tuple(found)


def again(
    predictor: Predictor,
    given: Given,
    card: Record,
    progress: evaluate.Progress = evaluate.silent,
) -> Record:
    """A record made as `card` was, of what is there now.

    Without the changes that `card` was made with, what needs them is left out; and the ways, where
    it was made without.
    """
    given = given if card.inputs.ways else replace(given, ways=())
    without = card.inputs.changes is not None and given.changes.digest is None
    calibrations = () if without else fitted(predictor, given, card.asked, progress)
    return measure(predictor, given, card.asked, calibrations, card.weights.parameters, progress)


def compared(card: Record, now: Record) -> list[Line]:
    """Every figure of a card beside what it came to now, with those that only one of them has."""
    theirs, ours = dict(_entries(card)), dict(_entries(now))
    lacking = card.inputs.changes is not None and now.inputs.changes is None

    def line(what: str) -> Line:
        told, found = theirs.get(what, _NOTHING), ours.get(what, _NOTHING)
        left_out = lacking and (told.of_changes or found.of_changes)
        return Line(what, told.value, None if left_out else found.value)

    return [line(what) for what in theirs | ours]


def differing_inputs(card: Record, now: Record) -> list[str]:
    """What was read now and is not what the card was made of, a clause each."""
    found = []
    if card.weights.digest != now.weights.digest:
        found.append("the weights")
    for what, theirs, ours in (
        ("the corpus's split", card.inputs.corpus, now.inputs.corpus),
        ("the small functions' split", card.inputs.ways, now.inputs.ways),
    ):
        splits = sorted(theirs.keys() | ours.keys())
        found += [f"{what} {split!r}" for split in splits if theirs.get(split) != ours.get(split)]
    if now.inputs.changes is not None and card.inputs.changes != now.inputs.changes:
        found.append("the changes between releases")
    return found


@dataclass(frozen=True, slots=True)
class _Entry:
    value: Value
    of_changes: bool = False


_NOTHING = _Entry(())


def _entries(record: Record) -> Iterator[tuple[str, _Entry]]:
    for where, counts in (("training", record.training), ("held out", record.held_out)):
        yield from ((f"{where}: {name}", _Entry((count,))) for name, count in _counted(counts))
    for prefix, rows in (("", record.figures), ("small functions, ", record.ways)):
        for row in rows:
            what = f"{prefix}{_named(row.metric)}: {FIGURES.get(row.figure, row.figure)}, {row.predictor}"
            yield what, _Entry((row.value, row.low, row.high))
    for wild in record.releases:
        what = f"between releases, {_named(wild.metric)}"
        yield f"{what}: packages", _Entry((wild.packages,), of_changes=True)
        for outcome, count in wild.outcomes.items():
            yield f"{what}: {outcome}", _Entry((count,), of_changes=True)
    for row in record.hunks:
        what = f"right hunk first, {row.predictor} changes: {row.figure}"
        yield what, _Entry((row.value, row.low, row.high))
        yield f"{what}, changes", _Entry((row.count,))
    calibrated_with_changes = record.inputs.changes is not None
    for told in record.calibrations:
        metric, _, rest = told.partition(": ")
        yield f"calibration of {_named(metric)}", _Entry((rest,), calibrated_with_changes)


def _named(metric: str) -> str:
    return metric.replace("_", " ")


def _counted(counts: Counts) -> Iterator[tuple[str, int]]:
    yield from (
        ("problems", counts.problems),
        ("programs", counts.programs),
        ("rows", counts.rows),
        ("edited", counts.edited),
    )
    yield from counts.sources.items()


def _alike(card: float | str | None, now: float | str | None) -> bool:
    if isinstance(card, str) or isinstance(now, str) or card is None or now is None:
        return card == now
    return abs(card - now) <= ROUNDING
