"""What the HTML page shows of each function: plots, the diff, and which hunk moves the prediction."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ci_rlm.render import diff, measure, plot, view
from ci_rlm.render.diff import Line
from ci_rlm.render.document import Document, HunkRow, Row, function_of
from ci_rlm.render.plot import Plot
from ci_rlm.render.view import Entry

DETAILED = 100
"""Functions with plots and a diff, the worst; of others the table tells. About 10 kB each."""
_TAGS = {"+": "ins", "-": "del"}
_LARGEST = 700.0
"""Largest logarithm of a ratio that is told; e^710 is no float."""

Place = tuple[str, str, int]
"""Path, name and line: what the rows of a function share."""


@dataclass(frozen=True, slots=True)
class Item:
    """A row of a table."""

    row: Row
    entry: Entry
    cost: float | None
    """Median after the change, or before it if there is none after."""
    p: float | None
    """Of the claim that the verdict makes."""
    id: str
    """Where its function is shown; empty if it is not."""


@dataclass(frozen=True, slots=True)
class Part:
    """One metric of a function."""

    item: Item
    densities: Plot | None
    ratio: Plot | None
    quantiles: tuple[tuple[str, str, str], ...]
    """Probability, before, after."""
    band: str
    """The warning limit; empty where none is known."""
    reverts: tuple[str, ...]
    """What each of several hunks does to the prediction, the responsible one first."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of the diff as it is shown."""

    tag: str
    """The HTML element: `ins`, `del` or `span`."""
    text: str
    """Behind its sign."""
    numbers: str
    """In the files before and after, blank where it is not there."""
    number: str
    """In the file after, or else before."""
    marked: bool
    """It is part of a responsible hunk."""
    notes: tuple[str, ...]
    """Stand above the line."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function with all of its metrics."""

    id: str
    entry: Entry
    """Of its worst metric."""
    open: bool
    parts: tuple[Part, ...]
    hunks: tuple[tuple[Shown, ...], ...]
    cut: bool
    """The diff is not whole."""


@dataclass(frozen=True, slots=True)
class Page:
    """The parts of a page that no other format has."""

    called: tuple[Item, ...]
    """Alarms, what is accepted, and improvements."""
    asked: tuple[Item, ...]
    """Every row that a model was asked about."""
    functions: tuple[Function, ...]
    left_out: int
    """Functions beyond `DETAILED`."""


def page(document: Document) -> Page:
    """The parts of the page, in the order of the rows."""
    rows = document["rows"]
    asked = [row for row in rows if not row["equal"] and row["outcome"] != "removed"]
    improved = [row for row in rows if row["outcome"] == "improved" and not view.alarming(row)]
    called = [*filter(view.alarming, rows), *filter(view.accepted, rows), *improved]
    places = list(dict.fromkeys(map(function_of, asked)))
    ids = {place: f"function-{number}" for number, place in enumerate(places[:DETAILED], 1)}
    return Page(
        called=tuple(_item(row, ids) for row in called),
        asked=tuple(_item(row, ids) for row in asked),
        functions=tuple(_functions(document, [_item(row, ids) for row in asked])),
        left_out=len(places) - len(ids),
    )


def _item(row: Row, ids: Mapping[Place, str]) -> Item:
    side = row["after"] or row["before"]
    return Item(
        row=row,
        entry=view.entry(row),
        cost=side["median"] if side else None,
        p=view.claimed(row),
        id=ids.get(function_of(row), ""),
    )


def _functions(document: Document, items: Iterable[Item]) -> Iterator[Function]:
    diffs = {(each["path"], each["name"], each["line"]): each for each in document.get("diffs", [])}
    found: dict[str, list[Item]] = {}
    for item in items:
        if item.id:
            found.setdefault(item.id, []).append(item)
    for id, theirs in found.items():
        changed = diffs.get(function_of(theirs[0].row))
        yield Function(
            id=id,
            entry=theirs[0].entry,
            open=any(item.p is not None for item in theirs),
            parts=tuple(_part(item, document) for item in theirs),
            hunks=tuple(_hunks(changed["text"], theirs)) if changed else (),
            cut=bool(changed and changed["cut"]),
        )


def _part(item: Item, document: Document) -> Part:
    row = item.row
    band = _band(document, row)
    return Part(
        item=item,
        densities=plot.densities(row),
        ratio=plot.ratio(row, band),
        band="" if band is None else f"{100.0 * band:.4g}%",
        quantiles=tuple(_quantiles(row)),
        reverts=tuple(map(_revert, _several(row))),
    )


def _band(document: Document, row: Row) -> float | None:
    """The warning limit that holds for a row; None where the document has none."""
    own = (
        each
        for each in document.get("overridden", [])
        if (each["path"], each["metric"]) == (row["path"], row["metric"])
    )
    limits = next(own, None) or document["limits"].get(row["metric"])
    known = [each["warn"] for each in (limits, row.get("weight")) if each]
    return min(known, default=None)


def _quantiles(row: Row) -> Iterator[tuple[str, str, str]]:
    """One line a probability that either side has, ascending, in the unit of the largest value."""
    before, after = ((row[side] or {"quantiles": {}})["quantiles"] for side in ("before", "after"))
    shares = sorted({*before, *after}, key=float)
    for share in shares:
        was, now = (measure.amount(s[share], row["unit"]) if share in s else "" for s in (before, after))
        yield f"{float(share):.3g}", was, now


# Hunks.


def _hunks(text: str, items: Sequence[Item]) -> Iterator[tuple[Shown, ...]]:
    """The diff, the hunk that is responsible for each metric marked and named where it starts."""
    causes = [
        (item.entry.metric, hunk)
        for item in items
        if _several(item.row) and (hunk := view.responsible(item.row))
    ]
    named: set[str] = set()
    for lines in diff.read(text):
        shown = []
        for line in lines:
            of = [(metric, cause) for metric, cause in causes if _holds(cause, line)]
            notes = tuple(_note(metric, cause) for metric, cause in of if metric not in named)
            named.update(metric for metric, _ in of)
            shown.append(_shown(line, bool(of), notes))
        yield tuple(shown)


def _several(row: Row) -> Sequence[HunkRow]:
    """The hunks of a row that has more than one: of one alone there is nothing to say."""
    hunks = row.get("hunks", [])
    return hunks if len(hunks) > 1 else ()


def _shown(line: Line, marked: bool, notes: tuple[str, ...]) -> Shown:
    before, after = ("" if number is None else number for number in (line.before, line.after))
    return Shown(
        tag=_TAGS.get(line.sign, "span"),
        text=f"{line.sign}{line.text.expandtabs(8)}",
        numbers=f"{before:>5} {after:>5}",
        number=f"{after or before:>5}",
        marked=marked,
        notes=notes,
    )


def _holds(hunk: HunkRow, line: Line) -> bool:
    lines, number = (hunk["before"], line.before) if line.sign == "-" else (hunk["after"], line.after)
    return line.sign != " " and lines is not None and number is not None and lines[0] <= number <= lines[1]


def _note(metric: str, hunk: HunkRow) -> str:
    return f"{hunk['share']:.0%} of the change in {metric}"


def _revert(hunk: HunkRow) -> str:
    """A hunk in words: `lines 24–26: 83% of the change (+45%)`."""
    lines = view.span(hunk["after"] or hunk["before"] or (0, 0))
    place = lines if hunk["after"] else f"what was in {lines}"
    effect = measure.percent(math.exp(min(max(hunk["effect"], -_LARGEST), _LARGEST)))
    what = f"{hunk['share']:.0%} of the change" if hunk["share"] > 0 else "works the other way"
    return f"{place}: {what} ({effect})"
