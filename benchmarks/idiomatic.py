"""What the gate says of textbook changes to small functions, beside what these cost when they are run.

    python benchmarks/idiomatic.py [--checkpoint embedded] [--size 1024] [--runs 7] [--json FILE]

Who tries a gate tries it on a function of three lines: a generator made a list, a set made a list, a copy
in a loop. `idioms/before.py` and `idioms/after.py` hold such functions, written for this benchmark and
learned from by no checkpoint of ours; a version after costs more, or as much. Both files are paired and
judged as two commits of one file would be, at default limits, and once more with the sides swapped.

Then both versions are run here, on inputs of so many elements that the names of their parameters stand
for: the peak of tracemalloc, and the least CPU time of several runs. Over 1.25x is costly, under 1.05x
neutral; what lies between, and differences below 1 KiB and 20 microseconds, are counted as neither.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import string
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from inspect import signature
from pathlib import Path, PurePosixPath
from runpy import run_path
from typing import Any

from ablation_tables import markdown

from ci_rlm import gate
from ci_rlm.config import Config
from ci_rlm.flow import FileChange, Outcome, Range
from ci_rlm.model import checkpoint
from ci_rlm.predict import of_checkpoint

FOLDER = Path(__file__).parent / "idioms"
COSTLY, NEUTRAL = 1.25, 1.05
LEAST = {"peak_memory": 1024.0, "cpu_time": 20e-6}
"""Bytes and seconds by which two versions have to differ to be told apart."""
NUMBERS = ("xs", "ys", "a", "b")
ALIKE = ("values", "prices")
"""Names that stand for the same as the first: versions may differ in how they call it."""
RANGE = Range("before", "after", "before...after")


def inputs(size: int) -> dict[str, Any]:
    """What a parameter of each name is given: numbers, words, a text, a table, pairs, a small number."""
    chance = random.Random(size)

    def word() -> str:
        return "".join(chance.choices(string.ascii_lowercase, k=chance.randint(2, 9)))

    words = [word() for _ in range(size)]
    numbers = {name: [chance.randint(-1000, 1000) for _ in range(size)] for name in NUMBERS}
    return {
        **numbers,
        **dict.fromkeys(ALIKE, numbers[NUMBERS[0]]),
        "words": words,
        "names": [chance.choice(words) for _ in range(size)],
        "text": "".join(chance.choices(string.ascii_lowercase + " ", k=size)),
        "table": {each: chance.randint(0, 9) for each in words},
        "pairs": [(low, low + chance.randint(0, 9)) for low in chance.choices(range(size), k=size)],
        "limit": 50,
        "k": 50,
        "n": 18,
        "side": 48,
    }


def cost(function: Callable[..., object], given: Mapping[str, Any], runs: int) -> dict[str, float]:
    """Peak memory in bytes and CPU time in seconds of a call."""
    arguments = [given[name] for name in signature(function).parameters]

    def call() -> tuple[float, object]:
        began = time.process_time_ns()
        answer = function(*arguments)
        return (time.process_time_ns() - began) / 1e9, answer

    call()
    gc.collect()
    gc.disable()
    seconds = min(call()[0] for _ in range(runs))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = function(*arguments)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    gc.enable()
    del kept
    return {"peak_memory": float(peak), "cpu_time": seconds}


@dataclass(frozen=True, slots=True)
class Row:
    """What was said and measured of one metric of one change, one way round."""

    name: str
    metric: str
    swapped: bool
    outcome: str
    p_worse: float
    told: float
    """After ÷ before, the middle of what is told."""
    measured: float
    apart: bool
    """Whether the measured costs differ by so much that their ratio says something."""

    @property
    def costly(self) -> bool:
        """It should be called."""
        return self.apart and self.measured > COSTLY

    @property
    def neutral(self) -> bool:
        """It should not be."""
        return 1 / NEUTRAL <= self.measured <= NEUTRAL or not self.apart


def rows(checkpoint_folder: Path, size: int, runs: int) -> Iterator[Row]:
    """Every change, both ways round, with what its versions cost here."""
    predictor = of_checkpoint(checkpoint_folder)
    sides = [FOLDER / f"{name}.py" for name in ("before", "after")]
    given = inputs(size)
    found = [run_path(str(path)) for path in sides]
    for swapped in (False, True):
        before, after = sides[::-1] if swapped else sides
        path = PurePosixPath("idioms.py")
        change = FileChange(path, path, before.read_bytes(), after.read_bytes())
        report = gate.check(RANGE, [change], predictor, Config())
        for verdict in report.verdicts:
            comparison, name = verdict.comparison, verdict.comparison.change.unit.name
            if comparison.slowdown is None:
                continue
            metric = comparison.metric.name
            first, second = (cost(side[name], given, runs)[metric] for side in found[:: -1 if swapped else 1])
            yield Row(
                name, metric, swapped, verdict.outcome.value, comparison.p_warning, comparison.slowdown.mid,
                second / max(first, 1e-9), abs(second - first) >= LEAST[metric],
            )  # fmt: skip


def table(told: Sequence[Row]) -> Iterator[str]:
    """What was called of what, by metric; then every change that is costlier after."""
    yield markdown(["cost", "costly", "called", "of calls, costly", "neutral", "called", "unsure"])
    yield markdown(["---", *["---:"] * 6])
    for metric in LEAST:
        mine = [row for row in told if row.metric == metric]
        costly, neutral = ([row for row in mine if getattr(row, kind)] for kind in ("costly", "neutral"))
        calls = [row for row in mine if row.outcome == Outcome.REGRESSED.value]
        right = sum(row.costly for row in calls)
        unsure = sum(row.outcome == Outcome.UNSURE.value for row in mine)
        yield markdown([
            metric.replace("_", " "), str(len(costly)), str(right), f"{right} of {len(calls)}",
            str(len(neutral)), str(sum(row.neutral for row in calls)), f"{unsure} of {len(mine)}",
        ])  # fmt: skip
    yield from ("", markdown(["function", "cost", "measured", "told", "P(worse)", "verdict"]))
    yield markdown(["---", "---", "---:", "---:", "---:", "---"])
    for row in sorted(told, key=lambda row: (row.metric, -row.measured)):
        if row.costly or row.outcome == Outcome.REGRESSED.value:
            name = row.name + (", swapped" if row.swapped else "")
            ratios = [f"{value:.2f}" for value in (row.measured, row.told, row.p_worse)]
            yield markdown([name, row.metric.replace("_", " "), *ratios, row.outcome])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", default="embedded")
    parser.add_argument("--size", type=int, default=1024, help="elements of an input")
    parser.add_argument("--runs", type=int, default=7, help="of which the least time counts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every row here")
    flags = parser.parse_args()
    told = list(rows(checkpoint.locate(flags.checkpoint), flags.size, flags.runs))
    if flags.json:
        flags.json.write_text(json.dumps([asdict(row) for row in told], indent=2) + "\n", encoding="utf-8")
    print("\n".join(table(told)))


if __name__ == "__main__":
    main()
