"""A document put into words, the same words for every format that people read.

What comes from the pull request is cut to a length, as it is printed; escaping is each format's own
affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from ci_rlm.flow import Limits
from ci_rlm.render import measure
from ci_rlm.render.document import (
    AcceptedRow,
    Document,
    HunkRow,
    NoticeRow,
    Quantiles,
    Row,
    SkippedRow,
    function_of,
)
from ci_rlm.render.text import clipped, counted, printable

NOT_CREDIBLE = "~"
"""Printed for a difference that the prediction does not support, as benchstat does."""
PREDICTED = "Predicted from the code, not measured."
CAVEAT = (
    f"{PREDICTED} No prediction from code sees compiler and dependency upgrades or behaviour that "
    "depends on the data."
)
LEGEND = (
    "Δ: median of after / before; P: probability of the verdict; "
    "P worse, P better: probability of a difference beyond the warning limit, either way; ~: not credible."
)
TO_ACCEPT = "To accept what fails, put a line of these at the end of a commit's message, with your reason"
LONGEST = 120
"""Characters of a name, a path or a reason: more only ever comes from a generator or a prankster."""
_DIGITS_OF_ID = 12


@dataclass(frozen=True, slots=True)
class Entry:
    """One row in words; a cell without content is empty."""

    name: str
    place: str
    was: str
    """Name and path before the change, where one of them differs."""
    metric: str
    values: str
    delta: str
    interval: str
    p: str
    """Of the claim that the verdict makes."""
    p_worse: str
    p_better: str
    outcome: str
    verdict: str
    """The outcome, with the level in brackets."""
    reason: str
    quantiles: tuple[str, ...]
    """One line a side."""


@dataclass(frozen=True, slots=True)
class Group:
    """What was skipped for one reason."""

    count: str
    """`3 files`, `1 function`."""
    reason: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A report in words, section by section."""

    headline: str
    level: str
    """The loudest level of any row."""
    alarms: tuple[Entry, ...]
    """Regressed, or over budget."""
    accepted: tuple[Entry, ...]
    """What would be an alarm if nobody accepted it; the reason is theirs."""
    improved: tuple[Entry, ...]
    rows: tuple[Entry, ...]
    """Every row that a model was asked about, worst first."""
    tally: str
    """What the tables leave out, counted in one line; may be empty."""
    to_paste: tuple[str, ...]
    """Trailers, each of which would accept a failing row."""
    notices: tuple[str, ...]
    """Acceptances that accept nothing, a sentence each."""
    skipped: tuple[Group, ...]
    """Largest first."""
    judged: bool
    """The report has a row, so a footer has something to vouch for."""


def view(document: Document) -> View:
    """The report in words."""
    rows = document["rows"]
    alarms = tuple(row for row in rows if alarming(row))
    improved = tuple(row for row in rows if row["outcome"] == "improved" and not alarming(row))
    asked = (row for row in rows if not row["equal"] and row["outcome"] != "removed")
    return View(
        headline=headline(document),
        level=max((row["level"] for row in rows), key=("none", "warn", "fail").index, default="none"),
        alarms=tuple(map(entry, alarms)),
        accepted=tuple(map(entry, filter(accepted, rows))),
        improved=tuple(map(entry, improved)),
        rows=tuple(map(entry, asked)),
        tally=_tally(rows, document.get("unexplained", 0)),
        to_paste=tuple(printable(row["accept_with"]) for row in rows if "accept_with" in row),
        notices=tuple(map(notice, document.get("notices", ()))),
        skipped=grouped(document["skipped"]),
        judged=bool(rows),
    )


def headline(document: Document) -> str:
    """The verdict in one line."""
    verdict = _verdict(document)
    return f"Gate failed: {verdict}" if document["summary"]["failed"] else verdict


def entry(row: Row) -> Entry:
    """One row in words."""
    ratio, credible, p = row["ratio"], row["outcome"] in {"regressed", "improved"}, claimed(row)
    return Entry(
        name=_short(row["name"]),
        place=_short(f"{row['path']}:{lines_of(row)[0]}"),
        was=_short(_was(row)),
        metric=_short(row["metric"].replace("_", " ")),
        values=_short(_values(row)),
        delta="" if ratio is None else measure.percent(ratio["mid"]) if credible else NOT_CREDIBLE,
        interval="" if ratio is None else measure.interval(ratio["low"], ratio["high"]),
        p="" if p is None else measure.probability(p),
        p_worse="" if ratio is None else measure.probability(row["p_warning"]),
        p_better="" if ratio is None else measure.probability(row["p_improvement"]),
        outcome=row["outcome"],
        verdict=_judged(row),
        reason=_short(_reason(row)) + _because(row),
        quantiles=_quantiles(row),
    )


def sentence(entry: Entry) -> str:
    """One row where there is no table: `f: peak memory 1.20 → 1.83 MiB (+52%, P 0.97), likely over …`."""
    credence = ", ".join(filter(None, (entry.delta, entry.p and f"P {entry.p}")))
    value = " ".join(filter(None, (entry.metric, entry.values, credence and f"({credence})")))
    return f"{entry.name}: {value}, {entry.reason}"


def alarming(row: Row) -> bool:
    """What a reviewer is told first: regressed or over budget, accepted by nobody and of some weight."""
    return row["level"] != "none"


def accepted(row: Row) -> bool:
    """What would be told first if nobody accepted it."""
    return "accepted" in row


def notice(row: NoticeRow) -> str:
    """One acceptance that accepts nothing: `src/a.py:10: accepts nothing without a reason`."""
    means = row["means"]
    source = row["source"][:_DIGITS_OF_ID] if means == "trailer" else row["source"]
    place = f"{_short(source)}:{row['line']}" if row["line"] else _short(f"{means} {source}")
    return f"{place}: {_short(row['text'])}"


def lines_of(row: Row) -> tuple[int, int]:
    """The lines to look at: of the hunk that moves the prediction most, or else of the function."""
    hunk = responsible(row)
    lines = hunk["after"] if hunk else None
    first, last = lines or (row["line"], row["end_line"])
    return max(first, 1), max(last, first, 1)


def responsible(row: Row) -> HunkRow | None:
    """The hunk that moves the prediction most; None where none is known, or none does."""
    hunks = row.get("hunks", [])
    return hunks[0] if hunks and hunks[0]["share"] > 0 else None


def span(lines: Sequence[int]) -> str:
    """`line 3`, `lines 3–5`."""
    first, last = lines
    return f"line {first}" if first == last else f"lines {first}–{last}"


def claimed(row: Row) -> float | None:
    """The probability behind the verdict, the largest that could have led to it; None without a claim."""
    if row["outcome"] == "improved":
        return row["p_improvement"]
    level = row["accepted"]["level"] if "accepted" in row else row["level"]
    if row["outcome"] != "regressed" and level == "none":
        return None
    ratio = row["p_regression"] if level == "fail" else row["p_warning"]
    return max(ratio, row["p_over_budget"])


def grouped(skipped: Iterable[SkippedRow]) -> tuple[Group, ...]:
    """What was skipped by reason, the commonest first."""

    def key(row: SkippedRow) -> tuple[str, bool]:
        return row["reason"], bool(row["name"])

    groups = [tuple(rows) for _, rows in groupby(sorted(skipped, key=key), key=key)]
    groups.sort(key=len, reverse=True)
    return tuple(map(_group, groups))


def model_line(document: Document) -> str:
    """Which model spoke, and what it knows."""
    model = document["model"]
    digest = model["digest"][:_DIGITS_OF_ID]
    name = _short(f"{model['name']} ({digest}, {model['dtype']})")
    return f"{name}, trained on {_short(model['hardware'])}{_bounds(document)}"


_BOUNDS = 6
"""Metrics whose bound is told."""


def _bounds(document: Document) -> str:
    """What held-out problems say of false alarms: `; … at most 5% (cpu time)`.

    Nothing of a metric with a limit, of whatever path or function, that the bound is not of.
    """
    bounds = document.get("false_alarms", {})
    metrics = [metric for metric in bounds if _least_warning(document, metric) >= Limits().warn]
    shares: dict[float, list[str]] = {}
    for metric in metrics[:_BOUNDS]:
        shares.setdefault(bounds[metric]["target"], []).append(_short(metric.replace("_", " ")))
    told = [
        f"; false alarms on neutral edits at most {100 * share:g}% ({', '.join(named)})"
        for share, named in shares.items()
    ]
    more = len(metrics) - _BOUNDS
    return "".join(told) + (f", and {counted(more, 'more bound')}" if more > 0 else "")


def _least_warning(document: Document, metric: str) -> float:
    limits = document["limits"].get(metric)
    overridden = (each["warn"] for each in document.get("overridden", ()) if each["metric"] == metric)
    weighed = (
        row["weight"]["warn"] for row in document["rows"] if row["metric"] == metric and "weight" in row
    )
    return min((limits["warn"] if limits else Limits().warn, *overridden, *weighed))


def track_line(document: Document) -> str:
    """How earlier calls in the repository turned out; empty where no scoreboard is kept."""
    record = document.get("track_record")
    if record is None:
        return ""
    calls, missed = record["calls"], record["missed"]
    was = "was" if record["right"] == 1 else "were"
    right = (
        f"{record['right']:,} of {counted(calls, 'call')} {was} right "
        f"(precision {record['right'] / calls:.2f}, {record['low']:.2f} to {record['high']:.2f})"
        if calls
        else "no call was verified so far"
    )
    unsure = f" ({record['unsure']:,} left unsure)" if record["unsure"] else ""
    whose = "" if record["own"] else " of earlier checkpoints"
    verified = counted(record["comparisons"], "verified comparison")
    return (
        f"In this repository: {right}, {counted(missed, 'regression')} missed{unsure}, over {verified}{whose}"
    )


def commits(document: Document) -> str:
    """The two trees, commit ids cut to twelve digits, and what the user typed."""
    trees = document["range"]
    return f"{trees['base'][:_DIGITS_OF_ID]} → {trees['head'][:_DIGITS_OF_ID]} ({_short(trees['text'])})"


def _verdict(document: Document) -> str:
    rows, functions = document["rows"], document["summary"]["functions"]
    if not functions:
        return _nothing(document)
    worse = _functions(rows, lambda row: row["outcome"] == "regressed" and alarming(row))
    over = _functions(rows, lambda row: row["outcome"] != "regressed" and alarming(row))
    better = _functions(rows, lambda row: row["outcome"] == "improved")
    if worse:
        claim = f"{_share(worse, functions)} likely cost{_s(worse)} more"
    elif over:
        claim = f"{_share(over, functions)} {_is(over)} likely over budget"
    else:
        claim = f"No credible regression in {counted(functions, 'changed function')}"
    tail = [f"{over:,} {_is(over)} likely over budget"] if worse and over else []
    tail += [f"{better:,} likely cost{_s(better)} less"] if better else []
    fine = _functions(rows, accepted)
    tail += [f"{fine:,} accepted"] if fine else []
    return ", ".join([claim, *tail])


def _nothing(document: Document) -> str:
    if document["skipped"]:
        return f"Nothing could be judged: {len(document['skipped']):,} skipped"
    return "No functions changed"


def _short(text: str) -> str:
    return clipped(printable(text), LONGEST)


def _share(part: int, whole: int) -> str:
    return "The one changed function" if whole == 1 else f"{part:,} of {whole:,} changed functions"


def _s(count: int) -> str:
    return "s" if count == 1 else ""


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _functions(rows: Iterable[Row], wanted: Callable[[Row], bool]) -> int:
    return len({function_of(row) for row in rows if wanted(row)})


def _was(row: Row) -> str:
    name, path = row["before_name"], row["before_path"]
    if name is None or path is None or (name, path) == (row["name"], row["path"]):
        return ""
    return name if path == row["path"] else f"{name} in {path}"


def _values(row: Row) -> str:
    before, after = row["before"], row["after"]
    if before and after:
        return measure.change(before["median"], after["median"], row["unit"])
    side = after or before
    return measure.amount(side["median"], row["unit"]) if side else ""


def _judged(row: Row) -> str:
    if "accepted" in row:
        return f"{row['outcome']} (accepted)"
    if row["level"] == "none":
        return row["outcome"]
    return f"{row['outcome']} ({row['level']})"


def _reason(row: Row) -> str:
    if "accepted" not in row:
        return row["reason"]
    return f"{row['accepted']['reason']} ({_given(row['accepted'])})"


def _given(word: AcceptedRow) -> str:
    """`comment`, `baseline`, `commit 3f2a91c0be77`, `label perf-accepted`."""
    if word["means"] == "trailer":
        return f"commit {word['source'][:_DIGITS_OF_ID]}"
    return f"label {word['source']}" if word["means"] == "label" else word["means"]


def _quantiles(row: Row) -> tuple[str, ...]:
    sides = (("before", row["before"]), ("after", row["after"]))
    return tuple(f"{side}: {_spread(values, row['unit'])}" for side, values in sides if values)


def _spread(side: Quantiles, unit: str) -> str:
    digits, symbol = measure.amounts(tuple(side["quantiles"].values()), unit)
    pairs = zip(side["quantiles"], digits, strict=True)
    return " ".join([*(f"{p}={value}" for p, value in pairs), f"({symbol})"])


def _because(row: Row) -> str:
    """Where the most of it comes from, if the change has several hunks: `, 81% of it by lines 14–16`."""
    hunk = responsible(row)
    if hunk is None or len(row["hunks"]) < 2 or accepted(row):
        return ""
    if hunk["after"]:
        return f", {hunk['share']:.0%} of it by {span(hunk['after'])}"
    was = span(hunk["before"] or (row["line"], row["end_line"]))
    return f", {hunk['share']:.0%} of it by what was in {was}"


def _tally(rows: Sequence[Row], unexplained: int) -> str:
    """Rows that no table of alarms shows, and functions that no model was asked about."""
    unsure = sum(row["outcome"] == "unsure" and not alarming(row) for row in rows)
    same = sum(row["outcome"] == "same" and not row["equal"] and not alarming(row) for row in rows)
    light = sum(row["outcome"] == "regressed" and not alarming(row) and not accepted(row) for row in rows)
    counts = (
        (light, counted(light, "regression") + " of little weight in a whole run"),
        (unsure, counted(unsure, "comparison") + " unsure"),
        (same, counted(same, "comparison") + " without a credible difference"),
        *_states(rows),
        (unexplained, counted(unexplained, "function") + " without a look at their hunks"),
    )
    return ", ".join(words for count, words in counts if count)


def _states(rows: Sequence[Row]) -> Iterable[tuple[int, str]]:
    new = _functions(rows, lambda row: row["outcome"] == "new")
    removed = _functions(rows, lambda row: row["outcome"] == "removed")
    equal = _functions(rows, lambda row: row["equal"])
    yield new, counted(new, "new function")
    yield removed, counted(removed, "removed function")
    yield equal, counted(equal, "equal function")
    cut = _functions(rows, lambda row: row["truncated"])
    yield cut, counted(cut, "function") + " that the model saw only in part"


def _group(rows: Sequence[SkippedRow]) -> Group:
    noun = "function" if rows[0]["name"] else "file"
    places = tuple(_short(f"{row['path']} {row['name']}".rstrip()) for row in rows)
    return Group(counted(len(rows), noun), _short(rows[0]["reason"]), places)
