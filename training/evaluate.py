"""How well a checkpoint predicts programs and pairs of problems it never saw, beside others.

    python -m ci_rlm.training.evaluate runs/embedded/checkpoint --corpus runs/corpus

prints the figures that a model card is about, of all problems; `ci-rlm evaluate` writes all of them,
with their intervals, as JSON, a table and a page. Several predictors answer the same questions in one
run: the checkpoint, another checkpoint if one is named, and two baselines (`baselines.py`).

Shapes: N points, K metrics, L levels of quantiles.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ci_rlm import prompt
from ci_rlm.comparing import LEAST, centre, mixture, of_ratios
from ci_rlm.comparing import compare as compare_predictions
from ci_rlm.config import Config
from ci_rlm.errors import CheckpointError, CiRlmError
from ci_rlm.flow import (
    Calibration,
    Change,
    Kind,
    Level,
    Metric,
    Outcome,
    Prediction,
    Prompt,
    Space,
    Span,
    Unit,
    Vocabulary,
)
from ci_rlm.judge import judge
from ci_rlm.predict import Predictor, of_checkpoint
from ci_rlm.predict.pooled import PooledPredictor
from ci_rlm.predict.unlike import strangers_of
from ci_rlm.training import bootstrap, corpus, texts
from ci_rlm.training.baselines import baselines, node_features
from ci_rlm.training.bootstrap import RESAMPLES, Difference, Sampled
from ci_rlm.training.corpus import METRICS, Example
from ci_rlm.training.evaluation_document import Document, Part, brief, document_of, table
from ci_rlm.training.figures import Claims, Said, scores_of
from ci_rlm.training.questions import (
    TELLING,
    Centres,
    Pair,
    Point,
    Questions,
    Sides,
    edit_pairs,
    few,
    is_neutral,
    pairs_of,
    points_of,
    solution_pairs,
    truth,
)
from ci_rlm.training.scores import Reals
from ci_rlm.training.scores import rho as spearman

__all__ = [
    "METRICS", "TELLING", "Centres", "Pair", "Point", "baselines", "centres", "compare", "edit_pairs",
    "evaluate", "evaluation", "few", "is_neutral", "node_features", "points_of", "predictions",
    "solution_pairs", "spearman", "table", "truth",
]  # fmt: skip

Answer = tuple[Prediction, ...]
Progress = Callable[[int, int], None]
"""Told how many of how many prompts are answered."""
_PREFIX = texts.python_space("", 1.0).prefix
"""What the prompts of a corpus begin with."""


def silent(done: int, total: int) -> None:
    """No progress is shown."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How an evaluation is made."""

    split: str = "test"
    resamples: int = RESAMPLES
    seed: int = 0
    baselines: bool = True


def predictions(
    points: Sequence[Point], predictor: Predictor, space: Space, progress: Progress = silent
) -> list[Answer]:
    """The checkpoint's answers at each point's own input size."""
    prompts = [
        prompt.prompt_from_text(_body(example, space), space, size=row.size) for example, row in points
    ]
    answers = []
    for answer in predictor.predict(prompts):
        answers.append(answer)
        progress(len(answers), len(prompts))
    return answers


def ratios(
    points: Sequence[Point],
    pairs: Sequence[tuple[int, int]],
    predictor: Predictor,
    space: Space,
    progress: Progress = silent,
) -> list[tuple[Answer, Answer]]:
    """What a checkpoint with a space that compares says of each pair of points, both ways round.

    A pair is (before, after), indices of points of one input size; `space` is that of the points.
    """
    comparing = next(each for each in predictor.spaces if each.compares)
    prompts = []
    for places in pairs:
        before, after = (
            prompt.prompt_from_text(_body(points[at][0], space), space, size=points[at][1].size)
            for at in places
        )
        prompts += [
            prompt.change_prompt(before, after, space, comparing),
            prompt.change_prompt(after, before, space, comparing),
        ]
    answers = []
    for answer in predictor.predict(prompts):
        answers.append(answer)
        progress(len(answers), len(prompts))
    return list(zip(answers[::2], answers[1::2], strict=True))


def body_of(example: Example) -> str:
    """The text of an example without the prefix of its prompt."""
    return example.text.removeprefix(_PREFIX)


def _body(example: Example, space: Space) -> str:
    return example.text.removeprefix(space.prefix).removeprefix(_PREFIX)


def centres(answers: Sequence[Answer]) -> Centres:
    """The centre of each answer, on the log scale: (N, K)."""
    return np.array([[centre(prediction) for prediction in answer] for answer in answers])


def space_of(predictor: Predictor) -> Space:
    """The first space of a predictor that answers for a metric of the corpus.

    Raises CheckpointError if there is none.
    """
    for space in predictor.spaces:
        if not space.compares and {metric.name for metric in space.metrics} & set(METRICS):
            return space
    message = f"the checkpoint {predictor.info.name} answers for none of {', '.join(METRICS)}"
    raise CheckpointError(message, hint="a corpus of Python programs has these metrics")


def said_of(
    predictor: Predictor, questions: Questions, progress: Progress = silent, *, claims: bool = True
) -> dict[str, Said]:
    """What a checkpoint says of each metric that it shares with the corpus, where it was measured.

    Without `claims` it makes none, as one that is not calibrated should.
    """
    space = space_of(predictor)
    answers = predictions(questions.points, predictor, space, progress)
    compared = _compared(questions, predictor, space, progress)
    found = {}
    for place, metric in enumerate(space.metrics):
        about = _about(questions, metric.name)
        if about is not None:
            mine = [answers[at][place] for at in about.asked.tolist()]
            told = _told(about, compared, place)
            claimed = {
                kind: _claims(
                    about, sides, mine, predictor.calibrations, told.get(kind), predictor.vocabulary
                )
                for kind, sides in (about.sides.items() if claims else ())
            }
            levels = tuple(level for level, _ in mine[0].quantiles)
            centre_N = np.array([centre(prediction) for prediction in mine])
            ratios_of = {kind: np.array(list(map(_centre_of, each))) for kind, each in told.items()}
            mixtures = {kind: [each and mixture(*each) for each in every] for kind, every in told.items()}
            found[metric.name] = Said(centre_N, levels, _log_quantiles(mine), claimed, ratios_of, mixtures)
    return found


Ratios = tuple[Prediction, Prediction]
"""After ÷ before, and before ÷ after asked for itself."""
_COMPARED = "edits"
"""The kind of sides that both are read of at once: what a gate compares."""


def _compared(
    questions: Questions, predictor: Predictor, space: Space, progress: Progress
) -> dict[tuple[int, int], tuple[Answer, Answer]]:
    """What a checkpoint that compares says of each edit near the reference size, by its points."""
    if not any(each.compares for each in predictor.spaces):
        return {}
    sides = questions.sides[_COMPARED]
    once = np.flatnonzero(sides.near[: len(sides.near) // 2])
    pairs = list(zip(sides.before[once].tolist(), sides.after[once].tolist(), strict=True))
    found = ratios(questions.points, pairs, predictor, space, progress)
    told = dict(zip(pairs, found, strict=True))
    return told | {places[::-1]: answers[::-1] for places, answers in told.items()}


def _told(
    about: Questions, compared: Mapping[tuple[int, int], tuple[Answer, Answer]], metric: int
) -> dict[str, list[Ratios | None]]:
    if not compared:
        return {}
    sides = about.sides[_COMPARED]
    places = zip(about.asked[sides.before].tolist(), about.asked[sides.after].tolist(), strict=True)
    found = (compared.get(each) for each in places)
    return {_COMPARED: [None if each is None else (each[0][metric], each[1][metric]) for each in found]}


def _centre_of(each: Ratios | None) -> float:
    """The middle of what is said of a ratio both ways round, on the log scale; NaN if not asked."""
    return math.nan if each is None else (centre(each[0]) - centre(each[1])) / 2


def _about(questions: Questions, metric: str) -> Questions | None:
    """The questions about points of which a metric was measured; None if there are none."""
    measured = questions.measured(METRICS.index(metric)) if metric in METRICS else None
    return measured if measured is not None and len(measured.points) else None


def _log_quantiles(predicted: Sequence[Prediction]) -> Reals:
    least = LEAST[predicted[0].unit]
    values = np.array([[value for _, value in prediction.quantiles] for prediction in predicted])
    return np.asarray(np.log(np.maximum(values, least)))


def _claims(
    questions: Questions,
    sides: Sides,
    predicted: Sequence[Prediction],
    calibrations: Sequence[Calibration],
    compared: Sequence[Ratios | None] | None,
    vocabulary: Vocabulary | None,
) -> Claims:
    """What a gate would say of the sides near the reference size, at default limits."""
    probabilities, verdicts = [], []
    for at in np.flatnonzero(sides.near).tolist():
        pair = int(sides.before[at]), int(sides.after[at])
        units = [_unit(questions.points[index][0]) for index in pair]
        before, after = (predicted[index] for index in pair)
        metric = Metric(before.metric, before.unit)
        limits = Config().limits_for(units[1].path, metric.name)
        change, alike = Change(units[0], units[1]), float(sides.alike[at])
        ratio = None if compared is None else compared[at]
        if ratio is None:
            comparison = compare_predictions(change, metric, before, after, calibrations, limits, alike)
        else:
            comparison = of_ratios(change, metric, before, ratio, calibrations, limits)
        strange = strangers_of(units[0].source, units[1].source, vocabulary)
        probabilities.append(comparison.p_regression)
        verdicts.append(judge(replace(comparison, strangers=strange), limits))
    return Claims(
        p_regression=np.array(probabilities, dtype=np.float64),
        regressed=np.array([each.outcome is Outcome.REGRESSED for each in verdicts], dtype=np.bool_),
        failing=np.array([each.level is Level.FAIL for each in verdicts], dtype=np.bool_),
        unsure=np.array([each.outcome is Outcome.UNSURE for each in verdicts], dtype=np.bool_),
    )


def _unit(example: Example) -> Unit:
    return Unit(PurePosixPath("p.py"), example.record, Kind.PROGRAM, "python", Span(1, 1), example.text)


def compare(
    candidate: Predictor,
    present: Predictor,
    examples: Sequence[Example],
    pairs: Sequence[Pair],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, dict[str, Difference]]:
    """Every score of two checkpoints on the same programs, by metric and by the score's key.

    `pairs` are of the points of the examples, as `points_of` puts them in order. The intervals are
    of the paired difference, from draws of whole problems; `meanings.meaning(key).better` says
    which way is good. Raises CheckpointError where the two have no metric in common, CiRlmError
    without programs.
    """
    if not examples:
        raise CiRlmError("no programs to compare two checkpoints on", hint="give a larger corpus")
    questions = Questions.of(points_of(examples), pairs)
    drawn = bootstrap.draws(len(questions.problems), resamples, seed)
    told = [_sampled(questions, said_of(each, questions, progress), drawn) for each in (candidate, present)]
    found = {
        metric: _differences(told[0][metric], told[1][metric]) for metric in told[0] if metric in told[1]
    }
    if not found:
        message = f"{candidate.info.name} and {present.info.name} have no metric in common"
        raise CheckpointError(message, hint="compare checkpoints of the same task")
    return found


def _sampled(questions: Questions, said: Mapping[str, Said], drawn: Reals) -> dict[str, dict[str, Sampled]]:
    found = {}
    for metric, each in said.items():
        about = questions.measured(place := METRICS.index(metric))
        found[metric] = bootstrap.sampled(scores_of(about, about.known[:, place], each), drawn)
    return found


def _differences(candidate: Mapping[str, Sampled], present: Mapping[str, Sampled]) -> dict[str, Difference]:
    return {key: bootstrap.difference(candidate[key], present[key]) for key in candidate if key in present}


def evaluation(
    predictor: Predictor,
    examples: Sequence[Example],
    settings: Settings = Settings(),  # frozen
    *,
    against: Predictor | None = None,
    progress: Progress = silent,
) -> Document:
    """All figures of a checkpoint on one split, beside another's and the baselines'.

    Raises CiRlmError for a split without programs.
    """
    points = points_of([example for example in examples if example.split == settings.split])
    if not points:
        raise CiRlmError(
            f"no programs in the split {settings.split!r}", hint="build a corpus with more problems"
        )
    questions = Questions.of(points, pairs_of(points))
    if isinstance(predictor, PooledPredictor):
        predictor = predictor.over(_AskedOnce(predictor.network))
    asked = {"checkpoint": predictor} | ({"present": against} if against else {})
    said = {role: said_of(each, questions, progress) for role, each in asked.items()}
    training = [example for example in examples if example.split == "train"] if settings.baselines else []
    guessed = baselines(training, points) if training else {}
    drawn = bootstrap.draws(len(questions.problems), settings.resamples, settings.seed)

    def part(role: str, name: str, of: Mapping[str, Said], model: Predictor | None = None) -> Part:
        info, space = (model.info, space_of(model)) if model else (None, None)
        return Part(role, name, info, space, _sampled(questions, of, drawn))

    parts = [part(role, _name(role, asked), of, asked[role]) for role, of in said.items()]
    parts += _halves(predictor, questions, drawn) if settings.baselines else []
    parts += [part("baseline", name, _points_alone(questions, values)) for name, values in guessed.items()]
    return document_of(
        questions,
        settings.split,
        parts,
        said["checkpoint"],
        resamples=settings.resamples,
        seed=settings.seed,
    )


class _AskedOnce:
    """A predictor that is asked for each answer once, for as long as an evaluation takes."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor, self._known = predictor, dict[str, Answer]()
        self.info, self.spaces = predictor.info, predictor.spaces
        self.calibrations, self.vocabulary = predictor.calibrations, predictor.vocabulary

    def predict(self, prompts: Sequence[Prompt]) -> Iterator[Answer]:
        fresh = list({each.key: each for each in prompts if each.key not in self._known}.values())
        answers = zip(fresh, self._predictor.predict(fresh), strict=True)
        for each in prompts:
            while each.key not in self._known:
                asked, answer = next(answers)
                self._known[asked.key] = answer
            yield self._known[each.key]


def _name(role: str, asked: Mapping[str, Predictor]) -> str:
    name = asked[role].info.name
    same = [each for each in asked.values() if each.info.name == name]
    return f"{name} ({asked[role].info.digest[:12]})" if len(same) > 1 else name


def _halves(predictor: Predictor, questions: Questions, drawn: Reals) -> list[Part]:
    """What a pooled predictor's network and its counts say, each alone, and claim nothing."""
    if not isinstance(predictor, PooledPredictor):
        return []
    parts = []
    for name, each in (("its network alone", predictor.network), ("its counts alone", predictor.counting())):
        said = said_of(each, questions, claims=False)
        parts.append(Part("baseline", name, None, None, _sampled(questions, said, drawn)))
    return parts


def _points_alone(questions: Questions, values: Centres) -> dict[str, Said]:
    """What a baseline guessed of each metric; of one that nothing was learned of there is NaN."""
    found = {}
    for place, metric in enumerate(METRICS):
        about = _about(questions, metric)
        if about is not None and not np.isnan(values[:, place]).all():
            found[metric] = Said(values[about.asked, place])
    return found


def evaluate(folder: Path, examples: Sequence[Example], split: str = "test") -> dict[str, Any]:
    """The figures that a model card tells of a checkpoint and the baselines, without intervals."""
    return brief(evaluation(of_checkpoint(folder), examples, Settings(split, resamples=0)))


def main() -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--split", default="test", choices=("test", "calibration"))
    parser.add_argument("--problems", type=int, help="of the split at most; all by default")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    flags = parser.parse_args()
    examples = corpus.as_functions(corpus.read(flags.corpus))
    if flags.problems is not None:
        examples = few(examples, flags.split, flags.problems)
    result = evaluate(flags.checkpoint, examples, flags.split)
    if flags.json:
        flags.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"{result['problems']} problems, {result['programs']} programs, {result['points']} points\n")
    print(table(result))
    print(f"\nShare inside the 5% to 95% interval: {result['coverage_90']}")
    for metric, told in result["calls"].items():
        print(f"Edits, {metric}: {told}")


if __name__ == "__main__":
    main()
