"""What measuring costs: programs and rows a second, the fast protocol beside the faithful one.

    python benchmarks/measuring.py [--problems 8] [--workers 1]

Both protocols measure the same small programs on the same inputs in one run, in turn, each on the
engine that `ci-rlm profile` uses. A run is a (program, input size).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from ci_rlm.training.profile import engine, rows
from ci_rlm.training.profile.engine import Task
from ci_rlm.training.profile.python import Work, measure
from ci_rlm.training.profile.rows import Store
from ci_rlm.training.sources import Problem, Program

SOLUTIONS = {
    "distinct": (
        "def f(xs):\n    return len(set(xs))\n",
        "def f(xs):\n    seen = []\n    for x in xs:\n        if x not in seen:\n"
        "            seen.append(x)\n    return len(seen)\n",
    ),
    "prefix": (
        "def f(xs):\n    total, best = 0, 0\n    for x in xs:\n        total += x\n"
        "        best = max(best, total)\n    return best\n",
        "def f(xs):\n    return max([0, *(sum(xs[:i + 1]) for i in range(len(xs)))])\n",
    ),
    "words": (
        "def f(xs):\n    return ' '.join(str(x) for x in xs)\n",
        "def f(xs):\n    s = ''\n    for x in xs:\n        s = s + ' ' + str(x)\n    return s[1:]\n",
    ),
}


def tasks(count: int, protocol: str) -> list[Task]:
    """So many problems, over and over the same solutions under names of their own."""
    names = sorted(SOLUTIONS)
    found = []
    for number in range(count):
        name = names[number % len(names)]
        programs = tuple(Program(f"{name}/{i}", text) for i, text in enumerate(SOLUTIONS[name]))
        problem = Problem(
            "leetcode", f"{name}/{number}", programs, "f", inputs=("xs = [3,1,2,1]", "xs = [5,4]")
        )
        found.append(Task(problem.name, Work(problem, protocol, edits=False)))
    return found


def rate(count: int, protocol: str, workers: int) -> tuple[int, float]:
    """Runs and seconds."""
    with tempfile.TemporaryDirectory() as folder:
        with Store(Path(folder)) as store:
            done = engine.run(tasks(count, protocol), measure, store, workers=workers, label=protocol)
        table = rows.read(Path(folder))
    peaks = sum(metric == "peak_memory" for metric in table["metric"].to_pylist())
    return peaks, done.seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--problems", type=int, default=6, help="of the faithful protocol; ten times as many fast"
    )
    parser.add_argument("--workers", type=int, default=1)
    flags = parser.parse_args()
    found = {
        "faithful": rate(flags.problems, "faithful", flags.workers),
        "fast": rate(10 * flags.problems, "fast", flags.workers),
    }
    for name, (runs, seconds) in found.items():
        print(f"{name:9} {runs:5} runs in {seconds:6.1f} s: {runs / seconds:6.2f} runs/s")
    (slow_runs, slow_s), (fast_runs, fast_s) = found["faithful"], found["fast"]
    print(f"ratio     {fast_runs / fast_s / (slow_runs / slow_s):.1f}")


if __name__ == "__main__":
    main()
