"""What the measured rows hold, as tables: counts, failures, pairs, growth, edits, repeatability.

    python -m ci_rlm.training.survey tables training/measured --data DATA --write
    python -m ci_rlm.training.survey repeat FIRST SECOND --write
    python -m ci_rlm.training.survey agree FAST FAITHFUL --write

Measured files and folders of a run will do, one that is going on included. `repeat` compares two
runs of the same programs, and keeps what pairs need to know of noise; `agree` compares two
protocols. With --write the tables take their places in the page of the measured costs.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ci_rlm.errors import CiRlmError
from ci_rlm.training import costs as measurements
from ci_rlm.training import edits, markdown, pairs, repeats
from ci_rlm.training.costs import Costs, Indices
from ci_rlm.training.profile.growth import exponent

if TYPE_CHECKING:
    import pyarrow

PAGE = Path(__file__).parent / "measured" / "README.md"
SHOWN = ("peak_memory", "allocated_bytes", "line_events", "cpu_time")
"""Metrics that growth and edits are told by."""
GROWTHS = (-math.inf, 0.1, 0.4, 0.8, 1.2, 1.8, 2.2, math.inf)
CLEAR = 3.0
"""A pair's ratio is clear when it stands this many standard deviations of noise from 1."""
_LEAST_ROWS = 20
_REASONS = 3
_SLOW = ("time limit", "ran out of time", "MemoryError")
"""Of statuses: a program may be right and yet too dear."""


def rows_table(table: pyarrow.Table) -> str:
    """Programs, rows and failures by source and language, with the most frequent reasons."""
    entry = _entries(table)
    records = np.array(["+" in word for word in entry.words["record"]])
    body = []
    for source, members in _by(entry, "source", "language"):
        edited = records[entry.code["record"][members]]
        failed = members[entry.status[members] != "ok"]
        reasons = Counter(_reason(status) for status in entry.status[failed].tolist())
        body.append(
            (
                source,
                len(np.unique(entry.code["problem"][members])),
                len(np.unique(entry.code["record"][members[~edited]])),
                len(np.unique(entry.code["record"][members[edited]])),
                len(members) - len(failed),
                len(failed),
                ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common(_REASONS)),
            )
        )
    head = ("source", "problems", "programs", "edits", "rows `ok`", "failed", "most frequent reasons")
    return markdown.table(head, body)


@dataclass(frozen=True, slots=True, eq=False)
class _Entries:
    """One entry a (program, input size, protocol), usable or not."""

    code: dict[str, Indices]
    words: dict[str, NDArray[np.object_]]
    status: NDArray[np.object_]


def _entries(table: pyarrow.Table) -> _Entries:
    names = (*measurements.PROGRAM, "protocol", "hardware")
    encoded = {name: measurements.codes(table[name]) for name in names}
    size = table["size"].to_numpy()
    sizes, size_code = np.unique(size, return_inverse=True)
    parts = [(found, len(words)) for found, words in encoded.values()]
    key = measurements.joint([*parts, (size_code, len(sizes))], len(size))
    _, first = np.unique(key, return_index=True)
    found, words = measurements.codes(table["status"])
    return _Entries(
        code={name: places[first] for name, (places, _) in encoded.items()},
        words={name: words for name, (_, words) in encoded.items()},
        status=words[found[first]],
    )


def _by(entry: _Entries, first: str, second: str) -> Iterator[tuple[str, Indices]]:
    """Entries by two names; the second is told where it is not Python."""
    spans = [(entry.code[name], len(entry.words[name])) for name in (first, second)]
    key = measurements.joint(spans, len(entry.status))
    for one in np.unique(key):
        members = np.flatnonzero(key == one)
        name, further = (entry.words[n][entry.code[n][members[0]]] for n in (first, second))
        yield (name if further in ("python", "") else f"{name}, {further}"), members


def _reason(status: str) -> str:
    """A status without what is particular to one program."""
    return status.partition(":")[0].strip()


def pairs_table(costs: Costs, repeatability: pairs.Repeatability | None) -> str:
    """Pairs and their rows by kind, and how many differ clearly."""
    found = pairs.pairs_of(costs)
    pair, left, right = pairs.meetings(costs, found.before, found.after)
    clear = {}
    for metric in ("peak_memory", "cpu_time"):
        if metric in costs.value:
            noise = pairs.noise(costs, metric, repeatability)
            ratio = costs.log(metric)[right] - costs.log(metric)[left]
            clear[metric] = pairs.clearness(ratio, np.hypot(noise[left], noise[right])) > CLEAR
    body = []
    for kind in ("solutions", "efficiency", "neutral"):
        mine = found.kind[pair] == kind
        shares = (markdown.percent(flags[mine]) for flags in clear.values())
        body.append((kind, len(np.unique(pair[mine])), int(mine.sum()), *shares))
    heads = (f"{markdown.title(metric)} clear of noise" for metric in clear)
    return markdown.table(("kind", "pairs", "rows", *heads), body)


@dataclass(frozen=True, slots=True)
class Fit:
    """The growth of one metric of one program."""

    program: int
    exponent: float
    points: tuple[tuple[int, float], ...]
    """Input size and cost."""


def growths(costs: Costs, metric: str) -> list[Fit]:
    """The growth exponent of every unedited program that has sizes enough, by its commonest origin."""
    found = []
    for program in np.flatnonzero(~costs.edited).tolist():
        sizes, values = costs.series(program, metric)
        fit = exponent(sizes, values, floor=measurements.FLOORS.get(metric, 0.0))
        if fit is not None:
            found.append(Fit(program, fit.exponent, tuple(zip(sizes, values, strict=True))))
    return found


def growth_table(costs: Costs) -> str:
    """Share of the programs whose cost grows with such an exponent, by source and metric."""
    body = []
    for metric in SHOWN:
        if metric not in costs.value:
            continue
        by_source = defaultdict(list)
        for fit in growths(costs, metric):
            by_source[costs.programs["source"][fit.program]].append(fit.exponent)
        for source, exponents in sorted(by_source.items()):
            counts, _ = np.histogram(exponents, GROWTHS)
            shares = (f"{count / len(exponents):.0%}" for count in counts)
            median = float(np.median(exponents))
            body.append((markdown.title(metric), source, len(exponents), *shares, median))
    bounds = [f"{low:g}–{high:g}" for low, high in itertools.pairwise(GROWTHS[1:-1])]
    head = ("metric", "source", "programs", f"< {GROWTHS[1]:g}", *bounds, f"> {GROWTHS[-2]:g}", "median")
    return markdown.table(head, body)


def growth_examples(costs: Costs, metric: str = "line_events", count: int = 10) -> str:
    """Programs from all over the distribution of exponents, to check by eye."""
    fits = sorted(growths(costs, metric), key=lambda fit: fit.exponent) if metric in costs.value else []
    places = sorted({round(place) for place in np.linspace(0, max(0, len(fits) - 1), count)}) if fits else []
    body = [
        (
            costs.programs["record"][fit.program],
            f"{fit.exponent:.2f}",
            ", ".join(f"{size:,}: {value:.4g}" for size, value in fit.points),
        )
        for fit in (fits[place] for place in places)
    ]
    return markdown.table(("program", f"exponent of {markdown.title(metric)}", "size: cost"), body)


def edits_table(table: pyarrow.Table, costs: Costs, sites: dict[str, float]) -> str:
    """For each kind of edit: how often it applies, survives the tests, and what it does to the cost."""
    fates, ratios = _fates(table), _edit_ratios(costs)
    body = []
    for name, direction in _directions():
        tried = fates.get(name, [])
        if tried or name in sites:
            applies = f"{sites[name]:.1%}" if name in sites else ""
            medians = (_ratio(ratios[metric].get(name, [])) for metric in SHOWN)
            survive = markdown.percent(np.array(tried))
            body.append((name, direction, applies, len(tried), survive, *medians))
    head = ("edit", "meant to be", "applies", "tried", "survives", *map(markdown.title, SHOWN))
    return markdown.table(head, body)


def _directions() -> list[tuple[str, str]]:
    """Kinds of edits with what they are meant to do to the cost: costlier, cheaper, neutral."""
    known = {edit.name: edit.direction for edit in (*edits.EFFICIENCY, *edits.NEUTRAL)}
    order = ("costlier", "cheaper", "neutral")
    found = [*known.items(), (edits.SEVERAL, "neutral")]
    return sorted(found, key=lambda item: (order.index(item[1]), item[0]))


def _ratio(logs: Sequence[float]) -> str:
    return f"{math.exp(float(np.median(logs))):.2f}×" if logs else ""


def _fates(table: pyarrow.Table) -> dict[str, list[bool]]:
    """By kind of edit: whether each edited program still gave its problem's answers.

    One that only ran out of time or memory at the largest sizes did.
    """
    entry = _entries(table)
    statuses: dict[tuple[str, str], set[str]] = defaultdict(set)
    records = entry.words["record"][entry.code["record"]]
    problems = entry.words["problem"][entry.code["problem"]]
    for problem, record, status in zip(problems, records, entry.status, strict=True):
        if "+" in record:
            statuses[problem, record].add(status)
    fates = defaultdict(list)
    for (_, record), found in sorted(statuses.items()):
        wrong = (s for s in found if s != "ok" and not any(slow in s for slow in _SLOW))
        fates[edits.kind_of(record.partition("+")[2])].append("ok" in found and not any(wrong))
    return fates


def _edit_ratios(costs: Costs) -> dict[str, dict[str, list[float]]]:
    """By metric and kind of edit: ln(after / before) of each edited program at its largest size."""
    found = pairs.edit_pairs(costs)
    pair, left, right = pairs.meetings(costs, found.before, found.after)
    ratios: dict[str, dict[str, list[float]]] = {}
    for metric in SHOWN:
        ratios[metric] = defaultdict(list)
        if metric not in costs.value:
            continue
        ratio = costs.log(metric)[right] - costs.log(metric)[left]
        good = np.flatnonzero(~np.isnan(ratio))
        order = good[np.lexsort((costs.size[left[good]], pair[good]))]
        last = order[np.append(np.diff(pair[order]) != 0, True)] if len(order) else order
        for place in last.tolist():
            ratios[metric][found.edit[pair[place]]].append(float(ratio[place]))
    return ratios


def applicability(data: Path, costs: Costs) -> dict[str, float]:
    """Share of the measured unedited public programs that have a place for each kind of edit."""
    from ci_rlm.training.sources import problems

    wanted = set(costs.programs["sha256"][~costs.edited].tolist())
    counts: Counter[str] = Counter()
    seen: set[str] = set()
    for problem in problems(data):
        for program in problem.programs:
            digest = program.sha256
            if digest in wanted and digest not in seen:
                seen.add(digest)
                counts.update(edits.sites(program.text).keys())
    return {kind: count / max(1, len(seen)) for kind, count in counts.items()}


def placed(page: str, name: str, text: str) -> str:
    """A page with one section's text between its markers.

    Raises CiRlmError for a page without them.
    """
    begin, end = f"<!-- survey: {name} -->", f"<!-- end: {name} -->"
    if begin not in page or end not in page:
        raise CiRlmError(f"no section {name} in the page", hint=f"put {begin} and {end} where it belongs")
    head, _, rest = page.partition(begin)
    return f"{head}{begin}\n{text}\n{end}{rest.partition(end)[2]}"


def sections(paths: Sequence[Path], data: Path | None) -> Iterator[tuple[str, str]]:
    """The tables of measured rows, by name, one after the other."""
    table = measurements.read(paths)
    yield "rows", rows_table(table)
    costs = measurements.costs_of(table)
    yield "pairs", pairs_table(costs, pairs.read_repeatability(pairs.REPEATABILITY))
    yield "growth", growth_table(costs)
    yield "edits", edits_table(table, costs, applicability(data, costs) if data else {})
    yield "examples", growth_examples(costs)


def _tables(flags: argparse.Namespace) -> Iterator[tuple[str, str]]:
    return sections(flags.paths, flags.data)


def _repeat(flags: argparse.Namespace) -> Iterator[tuple[str, str]]:
    first, second = (measurements.read([path]) for path in (flags.first, flags.second))
    told = repeats.repeatability(first, second)
    if flags.write:
        scratch = pairs.REPEATABILITY.with_suffix(".writing")
        scratch.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        scratch.replace(pairs.REPEATABILITY)
    yield "repeatability", repeats.table_of(told)


def _agree(flags: argparse.Namespace) -> Iterator[tuple[str, str]]:
    yield "agreement", repeats.agreement(*(measurements.read([path]) for path in (flags.first, flags.second)))


COMMANDS: dict[str, Callable[[argparse.Namespace], Iterator[tuple[str, str]]]] = {
    "tables": _tables,
    "repeat": _repeat,
    "agree": _agree,
}


def main() -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("tables", help="counts, pairs, growth and edits")
    command.add_argument("paths", type=Path, nargs="+", help="measured files and folders")
    command.add_argument(
        "--data", type=Path, help="folder of the public programs: tells how often edits apply"
    )
    for name, about in (("repeat", "two runs of the same programs"), ("agree", "two protocols")):
        command = commands.add_parser(name, help=about)
        command.add_argument("first", type=Path)
        command.add_argument("second", type=Path)
    for command in commands.choices.values():
        command.add_argument("--write", action="store_true", help=f"into {PAGE.name} of the measured costs")
    flags = parser.parse_args()
    for name, text in COMMANDS[flags.command](flags):
        print(f"\n{name}\n\n{text}", flush=True)
        if flags.write and name != "examples":
            PAGE.write_text(placed(PAGE.read_text(encoding="utf-8"), name, text), encoding="utf-8")


if __name__ == "__main__":
    main()
