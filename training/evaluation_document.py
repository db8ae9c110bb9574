"""An evaluation as a document of plain values: what its JSON file holds, and what is shown from it.

    schema_version    1; within it keys are added, never renamed or removed
    tool              name and version of this program
    data              split; problems, programs, points (a program at an input size); pairs of each
                      kind; points of each language; the class of machine that was measured on
    interval          level of all intervals, draws, their seed, and what is drawn
    limits            those at which the calls were made: `fail` (0.25 is 25% more), `confidence`
    predictors        role (`checkpoint`, `present`, `baseline`), name, and what is known of a model
    meanings          of the last part of each figure's key: title, text, which way is better
    metrics           for each metric: its name, unit and space, and `predictors` in the same order:
      figures           by key: value, low and high of its interval, how many items, of how many problems
      differences       by key: this predictor against the first one: value of both, difference (first
                        less this) with its interval, share of draws in which the first is higher
      scatter           of the first alone: some points as (ln measured, ln predicted), base units

Figures that nothing could be told for are null. Numbers have six significant digits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ci_rlm import __version__
from ci_rlm.flow import Limits, ModelInfo, Space
from ci_rlm.training.bootstrap import LEVEL, Sampled, difference, figure
from ci_rlm.training.corpus import METRICS
from ci_rlm.training.figures import Said
from ci_rlm.training.meanings import MEANINGS
from ci_rlm.training.questions import Questions
from ci_rlm.training.scores import Reals

VERSION = 1
Document = dict[str, Any]
SCATTERED = 800
"""Points of a scatter plot; more would make the page heavy and say no more."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One predictor of an evaluation."""

    role: str
    name: str
    info: ModelInfo | None
    """None for a baseline."""
    space: Space | None
    scores: Mapping[str, Mapping[str, Sampled]]
    """By metric, then by key."""


def document_of(
    questions: Questions,
    split: str,
    parts: Sequence[Part],
    said: Mapping[str, Said],
    *,
    resamples: int,
    seed: int,
) -> Document:
    """The document of an evaluation; the first part is the checkpoint, and `said` what it said."""
    limits = Limits()
    return {
        "schema_version": VERSION,
        "tool": f"ci-rlm {__version__}",
        "data": _data(questions, split),
        "interval": {"level": LEVEL, "resamples": resamples, "seed": seed, "drawn": "problems"},
        "limits": {"fail": limits.fail, "confidence": limits.confidence},
        "predictors": [_predictor(part) for part in parts],
        "meanings": {name: asdict(meaning) for name, meaning in MEANINGS.items()},
        "metrics": [_metric(metric, questions, parts, said[metric]) for metric in METRICS if metric in said],
    }


def _data(questions: Questions, split: str) -> dict[str, Any]:
    examples = [example for example, _ in questions.points]
    return {
        "split": split,
        "problems": len(questions.problems),
        "programs": len({(example.problem, example.record) for example in examples}),
        "points": len(examples),
        "pairs": {kind: len(sides.before) // 2 for kind, sides in questions.sides.items()},
        "languages": dict(sorted(Counter(questions.languages).items())),
        "hardware": ", ".join(sorted({example.hardware for example in examples})),
    }


def _predictor(part: Part) -> dict[str, Any]:
    known = asdict(part.info) if part.info else {}
    return {"role": part.role, **known, "name": part.name}


def _metric(metric: str, questions: Questions, parts: Sequence[Part], said: Said) -> dict[str, Any]:
    space = parts[0].space
    first = parts[0].scores[metric]
    told: list[dict[str, Any]] = []
    for part in parts:
        scores = part.scores.get(metric, {})
        figures = {key: _rounded(asdict(figure(score))) for key, score in scores.items()}
        told.append({"figures": figures})
        if part is not parts[0]:
            shared = [key for key in first if key in scores]
            told[-1]["differences"] = {
                key: _rounded(asdict(difference(first[key], scores[key]))) for key in shared
            }
    about = questions.measured(METRICS.index(metric))
    told[0]["scatter"] = _scatter(about, about.known[:, METRICS.index(metric)], said.centres)
    units = {each.name: each.unit for each in space.metrics} if space else {}
    return {
        "metric": metric,
        "unit": units.get(metric, ""),
        "space": space.name if space else "",
        "predictors": told,
    }


def _scatter(questions: Questions, known: Reals, guessed: Reals) -> list[list[float]]:
    plain = questions.plain
    step = max(1, -(-len(plain) // SCATTERED))
    return [[_short(known[at]), _short(guessed[at])] for at in plain[::step].tolist()]


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return _short(value) if isinstance(value, float) else value


def _short(value: float) -> float:
    return float(f"{value:.6g}")


# The figures of a model card.


def brief(document: Document) -> dict[str, Any]:
    """The figures that a model card tells, without intervals; 0 where there is nothing to tell."""
    data = document["data"]
    names = [predictor["name"] for predictor in document["predictors"]]
    found: dict[str, Any] = {key: data[key] for key in ("split", "problems", "programs", "points")}
    found["figures"] = {
        name: {each["metric"]: _ranking(each["predictors"][place]["figures"]) for each in document["metrics"]}
        for place, name in enumerate(names)
    }
    first = {each["metric"]: each["predictors"][0]["figures"] for each in document["metrics"]}
    found["coverage_90"] = {
        metric: _value(figures, "coverage/inside_90") for metric, figures in first.items()
    }
    found["calls"] = {metric: _calls(figures) for metric, figures in first.items()}
    return found


def _ranking(figures: Mapping[str, Any]) -> dict[str, Any]:
    within, signs = "ranking/spearman_within_median", "pairs/solutions/over 1.5/sign_accuracy"
    return {
        "spearman": _value(figures, "ranking/spearman"),
        "spearman_near_reference_size": _value(figures, "ranking/spearman_near"),
        "spearman_within_problem": _value(figures, within),
        "problems_within": _count(figures, within),
        "sign_accuracy": _value(figures, signs),
        "pairs": _count(figures, signs),
    }


def _calls(figures: Mapping[str, Any]) -> dict[str, Any]:
    names = {"neutral_called": "neutral", "recall": "worse", "precision": "called", "unsure": "edits"}
    return {
        key: value
        for name, of in names.items()
        for key, value in (
            (of, _count(figures, f"calls/{name}")),
            (name, _value(figures, f"calls/{name}", digits=4)),
        )
    }


def _value(figures: Mapping[str, Any], key: str, digits: int = 3) -> float:
    value = figures.get(key, {}).get("value")
    return 0.0 if value is None else round(value, digits)


def _count(figures: Mapping[str, Any], key: str) -> int:
    return int(figures.get(key, {}).get("count", 0))


def table(result: Mapping[str, Any]) -> str:
    """The figures of a `brief` as a Markdown table."""
    keys = {
        "spearman": "Spearman, all sizes",
        "spearman_near_reference_size": "Spearman, near the reference size",
        "spearman_within_problem": "Spearman within problem, median",
        "sign_accuracy": "sign accuracy, ratio over 1.5",
    }
    names = list(result["figures"])
    lines = ["| metric | figure | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    for metric in result["figures"][names[0]]:
        for key, title in keys.items():
            values = " | ".join(f"{result['figures'][name][metric][key]:.3f}" for name in names)
            lines.append(f"| {metric.replace('_', ' ')} | {title} | {values} |")
    return "\n".join(lines)
