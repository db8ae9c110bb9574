"""The build of a corpus: measured costs joined with texts, into a folder of shards."""

from __future__ import annotations

import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ci_rlm import prompt
from ci_rlm.training import costs as measurements
from ci_rlm.training import pairs as pairing
from ci_rlm.training import shards, texts
from ci_rlm.training.costs import FLOORS, ORIGIN, Costs
from ci_rlm.training.shards import Shards
from ci_rlm.training.sources import SOURCES, sha256_of_file
from ci_rlm.training.splits import HELD_OUT, split_of, splits_of
from ci_rlm.training.texts import Outcome, Places, Prepared

if TYPE_CHECKING:
    import pyarrow

MEASURED = Path(__file__).parent / "measured"
"""The measurements that the repository keeps."""


def build(
    measured: Sequence[Path],
    data: Path | None,
    out: Path,
    *,
    languages: Sequence[str] = (),
    workers: int = 1,
    cap: int = pairing.CAP,
    repeatability: Path = pairing.REPEATABILITY,
) -> dict[str, Any]:
    """Write the corpus of all measured rows whose text is found; its summary.

    Times that were taken in turns better those of the same programs (`costs.with_turns`).

    Raises CiRlmError where nothing was measured, UsageError where `out` is no corpus.
    """
    costs = measurements.with_turns(measurements.costs_of(measurements.read(measured, languages)))
    noise = pairing.read_repeatability(repeatability)
    with shards.replacing(out) as scratch:
        found = _write_programs(costs, Places(data, tuple(measured)), scratch, workers)
        splits = splits_of(found.sources, found.same)
        shards.fill_splits(scratch, splits)
        kept = costs.of_programs(found.kept)
        pairs = pairing.pairs_of(kept, cap)
        pair_rows = _write_pairs(scratch, pairing.tables(kept, pairs, splits, noise))
        summary = {
            "version": shards.VERSION,
            "prompt_version": prompt.VERSION,
            "inputs": _digests([*measured, *([data] if data else [])]),
            "repeatability": noise is not None,
            "programs": int(found.kept.sum()),
            "rows": len(kept.program),
            "by_split": _by_split(kept, splits),
            "by_origin": _by_origin(kept),
            "pairs": {**Counter(pairs.kind.tolist())},
            "pair_rows": pair_rows,
            "left_out": _left_out(costs, found),
            "moved": {p: [split_of(p), splits[p]] for p in sorted(splits) if splits[p] != split_of(p)},
        }
        shards.write_summary(scratch, summary)
    return summary


@dataclass(frozen=True, slots=True)
class _Found:
    """What became of the programs that were looked up."""

    kept: Any
    """Which programs have an example."""
    sources: dict[str, str]
    """The oldest source of each problem that has an example."""
    same: list[list[str]]
    """Problems that have a text in common."""
    known: frozenset[tuple[str, str]]
    """(source, record) of the texts that were looked at, whatever their hash."""


def _write_programs(costs: Costs, places: Places, folder: Path, workers: int) -> _Found:
    """Write an example for every distinct program of a problem whose text is found."""
    owners = _owners(costs)
    starts = costs.starts()
    kept = np.zeros(len(starts) - 1, dtype=np.bool_)
    problems: dict[bytes, set[str]] = defaultdict(set)
    known: set[tuple[str, str]] = set()
    with Shards(folder, "programs", shards.schema()) as writer:
        for prepared, seen in _prepared(costs, places, workers):
            known.update(seen)
            for each in prepared:
                programs = owners.pop(each.sha256, [])
                kept[programs] = True
                for program in _one_a_problem(costs, programs):
                    problems[each.digest].add(costs.programs["problem"][program])
                    writer.add(_record(costs, program, slice(starts[program], starts[program + 1]), each))
    same = [sorted(names) for _, names in sorted(problems.items()) if len(names) > 1]
    return _Found(kept, _oldest_sources(costs, kept), same, frozenset(known))


def _owners(costs: Costs) -> dict[str, list[int]]:
    """The programs that have each hash: the unedited first."""
    owners: dict[str, list[int]] = defaultdict(list)
    for program in np.argsort(costs.edited, kind="stable").tolist():
        owners[costs.programs["sha256"][program]].append(program)
    return owners


def _one_a_problem(costs: Costs, programs: Sequence[int]) -> list[int]:
    """A text that was measured under two records of a problem is one example of it."""
    first: dict[str, int] = {}
    for program in programs:
        first.setdefault(costs.programs["problem"][program], program)
    return list(first.values())


def _oldest_sources(costs: Costs, kept: Any) -> dict[str, str]:
    age = {source: place for place, source in enumerate(SOURCES)}
    found: dict[str, str] = {}
    for program in np.flatnonzero(kept).tolist():
        problem, source = costs.programs["problem"][program], costs.programs["source"][program]
        rivals = (source, found.get(problem, source))
        found[problem] = min(rivals, key=lambda name: (age.get(name, len(age)), name))
    return found


def _prepared(costs: Costs, places: Places, workers: int) -> Iterator[Outcome]:
    """The texts of the programs, in the order of the libraries, with a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import track

    jobs = texts.jobs(texts.shelf_of(costs), places)
    quiet = not sys.stderr.isatty()
    console = Console(stderr=True)
    if workers <= 1:
        yield from track(map(texts.prepare, jobs), "texts", disable=quiet, console=console)
        return
    # Spawned, not forked: Parquet has threads.
    with get_context("spawn").Pool(workers) as pool:
        yield from track(pool.imap(texts.prepare, jobs, 8), "texts", disable=quiet, console=console)


def _record(costs: Costs, program: int, entries: slice, prepared: Prepared) -> dict[str, Any]:
    return {
        **{name: costs.programs[name][program] for name in measurements.PROGRAM},
        "text": prepared.text,
        "unit": prepared.unit,
        "rows": _rows(costs, entries),
        "counts": list(prepared.counts),
        "growth": dict(prepared.growth),
    }


def _rows(costs: Costs, entries: slice) -> list[dict[str, Any]]:
    """The entries as structures; a metric that was not measured is left out."""
    columns = {
        metric: np.maximum(values[entries], FLOORS.get(metric, -np.inf)).tolist()
        for metric, values in costs.value.items()
    }
    found = []
    sizes, origins = costs.size[entries].tolist(), costs.origin[entries].tolist()
    for place, (size, origin) in enumerate(zip(sizes, origins, strict=True)):
        row = {metric: column[place] for metric, column in columns.items() if not math.isnan(column[place])}
        found.append({"size": float(size), **dict(zip(ORIGIN, costs.origins[origin], strict=True)), **row})
    return found


def _write_pairs(folder: Path, tables: Iterable[pyarrow.Table]) -> int:
    """Write the pairs; how many rows they are."""
    count = 0
    with Shards(folder, "pairs", pairing.schema()) as writer:
        for table in tables:
            writer.add_table(table)
            count += table.num_rows
    return count


def _digests(paths: Iterable[Path]) -> dict[str, str]:
    """The sha256 of every input file."""
    files = (each for path in paths for each in ([path] if path.is_file() else sorted(path.rglob("*"))))
    return {str(file): sha256_of_file(file) for file in files if file.is_file() and file.suffix in _INPUTS}


_INPUTS = frozenset({".parquet", ".gz", ".jsonl"})


def _by_split(costs: Costs, splits: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """Programs by split and source, edits counted apart."""
    found: dict[str, Counter[str]] = {split: Counter() for split in HELD_OUT}
    words = costs.programs
    for problem, source, edited in zip(words["problem"], words["source"], costs.edited, strict=True):
        found[splits[problem]][f"{source}, edits" if edited else source] += 1
    return {split: dict(sorted(counts.items())) for split, counts in found.items()}


def _by_origin(costs: Costs) -> dict[str, int]:
    """Rows by protocol, hardware and toolchain."""
    counts = np.bincount(costs.origin, minlength=len(costs.origins))
    named = zip(costs.origins, counts.tolist(), strict=True)
    return {" · ".join(origin): count for origin, count in named if count}


def _left_out(costs: Costs, found: _Found) -> dict[str, int]:
    """Rows without a text, by source and reason."""
    counts: Counter[str] = Counter()
    per_program = np.diff(costs.starts())
    for program in np.flatnonzero(~found.kept).tolist():
        source, record = (costs.programs[name][program] for name in ("source", "record"))
        reason = "the text has another hash" if (source, record) in found.known else "no text found"
        counts[f"{source}: {reason}"] += int(per_program[program])
    return dict(sorted(counts.items()))


def told(summary: Mapping[str, Any]) -> str:
    """A summary for people."""
    lines = [
        f"{split:12} {source:24} {count:8,} programs"
        for split, sources in summary["by_split"].items()
        for source, count in sources.items()
    ]
    lines += [f"{count:10,} rows of {origin}" for origin, count in summary["by_origin"].items()]
    lines += [f"{count:10,} pairs: {kind}" for kind, count in sorted(summary["pairs"].items())]
    lines += [f"{count:10,} rows left out, {reason}" for reason, count in summary["left_out"].items()]
    lines += [f"{name}: {told[1]}, not {told[0]}" for name, told in summary["moved"].items()]
    if not summary["repeatability"]:
        lines.append("no table of repeatability: noise is what repeats in one process show")
    return "\n".join(
        [
            *lines,
            f"{summary['programs']:,} programs, {summary['rows']:,} rows, {summary['pair_rows']:,} pair rows",
        ]
    )
