"""An evaluation in words: the rows that its table and its page show, the same in both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ci_rlm.training.evaluation_document import Document
from ci_rlm.training.meanings import HIGHER, Meaning

Figure = Mapping[str, Any]
"""A figure or a difference, as the document has it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure."""

    value: str
    interval: str = ""
    better: bool | None = None
    """Of a difference: whether it is for the better; None where it may be chance."""


@dataclass(frozen=True, slots=True)
class Row:
    """One score of every predictor."""

    title: str
    text: str
    """What the score is."""
    count: str
    cells: tuple[Cell, ...]
    key: bool = True
    """Shown where there is room for the main figures alone."""


@dataclass(frozen=True, slots=True)
class Section:
    """Scores that belong together."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def headline(document: Document) -> str:
    """What was evaluated, in one line."""
    data, name = document["data"], document["predictors"][0]["name"]
    programs = f"{data['programs']:,} programs of {data['problems']:,} problems ({data['split']})"
    return f"{name} on {programs}, at {data['points']:,} points"


def footnotes(document: Document) -> list[str]:
    """What a reader of the figures should know."""
    interval, data, limits = document["interval"], document["data"], document["limits"]
    notes = [
        f"Intervals: {interval['level']:.0%}, from {interval['resamples']:,} draws of whole "
        f"{interval['drawn']} (seed {interval['seed']}); none where fewer than five have something to score.",
        f"Calls: at default limits, on edits at input sizes about a gate's, both ways round; one fails a "
        f"gate if it is of over {limits['fail']:.0%} with a probability of at least "
        f"{limits['confidence']:g}.",
        f"Measured on: {data['hardware'] or 'not known'}.",
    ]
    for each in document["predictors"]:
        if "digest" in each:
            notes.append(f"{each['name']}: {each['digest'][:12]}, {each['dtype']}, of {each['hardware']}.")
    if baselines := [each["name"] for each in document["predictors"] if each["role"] == "baseline"]:
        notes.append(f"Gradient boosting, fitted on the corpus in the same run: {', '.join(baselines)}.")
    return notes


def named(metric: Mapping[str, Any]) -> str:
    """A metric with its space, in words."""
    return f"{metric['metric'].replace('_', ' ')} ({metric['space']})"


def sections(document: Document, metric: Mapping[str, Any]) -> list[Section]:
    """The tables of one metric; those without a row are left out."""
    names = tuple(each["name"] for each in document["predictors"])
    told = [each["figures"] for each in metric["predictors"]]
    meanings = {name: Meaning(**each) for name, each in document["meanings"].items()}
    found = [
        Section(title, names, tuple(_rows(told, meanings, start, main))) for title, start, main in _SECTIONS
    ]
    found += _differences(document, metric, meanings)
    return [section for section in found if section.rows]


_SECTIONS = (
    ("Ranking", "ranking/", ("",)),
    ("Error", "accuracy/", ("",)),
    ("By language", "languages/", ()),
    ("Picking the cheapest programs of a problem", "selection/", ("10/",)),
    ("The dearer of two solutions, by measured ratio", "pairs/solutions/", ("over 1.5/", "1.1 to 1.5/auc")),
    (
        "The dearer side of an edit, by measured ratio",
        "pairs/edits/",
        ("over 1.5/", "1.1 to 1.5/auc", "ratio_crps"),
    ),
    ("Coverage of quantiles", "coverage/", ("inside_90",)),
    ("P(regression) of edits", "probabilities/edits/", ("ece",)),
    ("P(regression) of two solutions", "probabilities/solutions/", ("ece",)),
    ("What a gate would call", "calls/", ("",)),
)
"""Title, what keys begin with, and what the main ones go on with."""


def _rows(
    told: Sequence[Mapping[str, Figure]], meanings: Mapping[str, Meaning], start: str, main: Sequence[str]
) -> Iterator[Row]:
    for key, figure in told[0].items():
        if key.startswith(start):
            rest = key.removeprefix(start)
            meaning = meanings[key.rpartition("/")[2]]
            yield Row(
                title=_title(key, meaning),
                text=meaning.text,
                count=f"{figure['count']:,}",
                cells=tuple(_cell(figures.get(key), key) for figures in told),
                key=any(rest.startswith(part) for part in main),
            )


def _title(key: str, meaning: Meaning) -> str:
    """The last parts of a key in words: `pairs/edits/1.1 to 1.5/auc` as `1.1 to 1.5: ROC-AUC`."""
    section, *middle, _ = key.split("/")
    if section in ("ranking", "accuracy", "calls") or not middle:
        return meaning.title
    of = middle[-1] + ("%" if section == "selection" else "")
    # Of `probabilities/edits/ece` the section's title says enough.
    return meaning.title if of in ("edits", "solutions") else f"{of}: {meaning.title}"


def _cell(figure: Figure | None, key: str) -> Cell:
    if figure is None or figure["value"] is None:
        return Cell("–")
    return Cell(_number(figure["value"], key), _interval(figure, key))


def _number(value: float, key: str) -> str:
    return f"{value:.2f}×" if key.endswith("/regret") else f"{value:.3f}"


def _interval(figure: Figure, key: str) -> str:
    if figure["low"] is None:
        return ""
    return f"{_number(figure['low'], key)} to {_number(figure['high'], key)}"


def _differences(
    document: Document, metric: Mapping[str, Any], meanings: Mapping[str, Meaning]
) -> Iterator[Section]:
    for predictor, told in zip(document["predictors"], metric["predictors"], strict=True):
        if predictor["role"] == "present":
            rows = []
            for key, difference in told["differences"].items():
                meaning = meanings[key.rpartition("/")[2]]
                if meaning.better:
                    rows.append(_difference_row(key, difference, meaning))
            columns = ("checkpoint", "present", "difference", "P(higher)")
            yield Section(f"Difference from {predictor['name']}", columns, tuple(rows))


def _difference_row(key: str, told: Figure, meaning: Meaning) -> Row:
    apart = told["difference"]
    sure = apart["low"] is not None and (apart["low"] > 0 or apart["high"] < 0)
    better = (apart["value"] > 0) == (meaning.better == HIGHER) if sure else None
    cells = (
        *(Cell("–" if told[side] is None else _number(told[side], key)) for side in ("candidate", "present")),
        Cell("–") if apart["value"] is None else Cell(f"{apart['value']:+.3f}", _signed(apart), better),
        Cell("–" if told["higher"] is None else f"{told['higher']:.3f}"),
    )
    section = next(title for title, start, _ in _SECTIONS if key.startswith(start))
    main = key.startswith(("ranking/", "accuracy/", "calls/"))
    return Row(f"{section}: {_title(key, meaning)}", meaning.text, f"{apart['count']:,}", cells, main)


def _signed(figure: Figure) -> str:
    return "" if figure["low"] is None else f"{figure['low']:+.3f} to {figure['high']:+.3f}"
