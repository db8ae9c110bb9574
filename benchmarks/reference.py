"""Our engine against the public reference implementation, google-deepmind/regress-lm, in one run.

    python benchmarks/reference.py --reference CHECKOUT --python PYTHON --vocabulary FILE
        [--cases 1x512 cold ...] [--repeat 3] [--threads N] [--memory GIB] [--long] [--json FILE]

CHECKOUT is a clone of the reference; PYTHON is an interpreter that has what it imports (its
`pyproject.toml`, and transformers) and the same torch as ours. FILE is a SentencePiece model of 32,100
entries, in the place of the vocabulary that the reference downloads; a missing one is learned on the
standard library. Linux alone. The cases:

- `TEXTSxTOKENS`: predictions for so many texts of so many tokens. The reference samples: its answer is
  the median of 64 numbers of 7 tokens. Ours is the gate's predictor with 16 exact quantiles of a number
  of 9 tokens, on a network of the reference's sizes (2 + 2 layers, width 512, 8 heads, 31 million
  weights) with random weights. A prompt of ours keeps one thread busy, several prompts all of them.
- `cold`: from the start of a process to its first prediction, for one function; ours is `ci-rlm score`
  with the embedded checkpoint.
- `train`: one pass over texts of real lengths, 200 tokens in the median and 512 at most, by the
  reference in batches of 8, by ours in batches of as many tokens. Ours has AdamW, the reference its
  default optimizer, Muon with AdamW; AdamW alone in `train-adamw`. In `train-bfloat16` ours has that
  precision; the reference has none to choose.
- `growth`: ours alone, for 1 to 1,000 texts of such lengths, with `--long` for 10,000.

Texts are pieces of the standard library that have the wanted count of tokens in each side's own
vocabulary. Both sides take strings, so that tokenizing is in the time. The reference pads every text to
a length that is fixed with the model: here to the longest that a case may have, its default is 2,048.

Each side of each case is a process of its own, on as many CPUs as there are threads. A first prediction
or batch is not counted; the best of the rounds is. Peak memory is the whole process's, imports included.
Where it does not suffice, that is the result.
"""

from __future__ import annotations

import argparse
import heapq
import inspect
import json
import math
import os
import platform
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from reference_side import OURS, REFERENCE, Job

PREDICTIONS = {
    "1x512": (1, 512),
    "8x512": (8, 512),
    "32x512": (32, 512),
    "1x2048": (1, 2048),
    "32x2048": (32, 2048),
}
TRAININGS: dict[str, dict[str, str]] = {
    "train": {},
    "train-adamw": {"optimizer": "adamw"},
    "train-bfloat16": {"precision": "bfloat16"},
}
COLD, GROWTH = "cold", "growth"
CASES = (*PREDICTIONS, COLD, *TRAININGS, GROWTH)
TRAINED, LONGEST = 256, 512
"""Texts of one pass of training, and the most tokens of a drawn text."""
COUNTS, LONG = (1, 10, 100, 1000), 10_000
FUNCTION = inspect.getsource(heapq.merge)
"""What a cold start predicts for."""
SIDE = Path(__file__).with_name("reference_side.py")
MEMORY_ENDED = (-signal.SIGKILL, -signal.SIGABRT)
"""How the kernel and the C++ runtime end a process for which memory does not suffice."""


@dataclass(frozen=True)
class Measured:
    """What one side took."""

    seconds: float | None
    """None if memory did not suffice."""
    peak_mib: float
    answer: dict[str, Any] = field(default_factory=dict)
    """The side's own words: wall and CPU seconds of all rounds, tokens, versions."""


@dataclass(frozen=True)
class Setting:
    """What all jobs have in common."""

    python: str
    checkout: Path
    vocabulary: Path
    checkpoint: Path
    threads: int
    repeat: int
    memory_bytes: int

    def run(self, side: str, task: str, **what: Any) -> Measured:
        """One job in a process of its own."""
        python, model = {
            REFERENCE: (self.python, self.vocabulary),
            OURS: (sys.executable, self.checkpoint),
        }[side]
        job = Job(
            side,
            task,
            model=str(model),
            library=sysconfig.get_path("stdlib"),
            threads=self.threads,
            rounds=self.repeat,
            memory_bytes=self.memory_bytes,
            **what,
        )
        ended = process([python, str(SIDE), json.dumps(asdict(job))], self._environment(side))
        if ended.code in MEMORY_ENDED:
            return Measured(None, ended.peak_mib)
        if ended.code:
            raise SystemExit(f"{side}: {task} failed with {ended.code}")
        answer = json.loads(ended.output.splitlines()[-1])
        seconds = None if answer.get("out_of_memory") else min(answer.get("seconds", [ended.wall_s]))
        return Measured(seconds, ended.peak_mib, answer)

    def score(self, file: Path) -> Measured:
        """A cold start of ours to a prediction that was never kept."""
        command = [sys.executable, "-m", "ci_rlm", "score", "--no-cache", str(file)]
        ended = process(command, self._environment(OURS))
        metrics = {} if ended.code else json.loads(ended.output)["metrics"]
        if not metrics or not all(math.isfinite(metric["median"]) for metric in metrics.values()):
            raise SystemExit(f"ci-rlm score failed with {ended.code}: {ended.output}")
        return Measured(ended.wall_s, ended.peak_mib)

    def _environment(self, side: str) -> dict[str, str]:
        found = {**os.environ, "OMP_NUM_THREADS": str(self.threads)}
        return {**found, "PYTHONPATH": str(self.checkout)} if side == REFERENCE else found


@dataclass(frozen=True)
class Ended:
    """A process that has ended."""

    code: int
    output: str
    wall_s: float
    peak_mib: float
    """A process inherits the peak of the one that started it: this one has to stay small."""


def process(command: list[str], environment: dict[str, str]) -> Ended:
    began = time.perf_counter()
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert started.stdout is not None
    with started.stdout as stream:
        output = stream.read()
    _, status, usage = os.wait4(started.pid, 0)
    started.returncode = os.waitstatus_to_exitcode(status)
    return Ended(started.returncode, output, time.perf_counter() - began, usage.ru_maxrss / 1024)


def predictions(setting: Setting, case: str) -> tuple[Measured, Measured]:
    texts, tokens = PREDICTIONS[case]
    theirs = setting.run(REFERENCE, "predict", texts=texts, tokens=tokens)
    return theirs, setting.run(OURS, "predict", texts=texts, tokens=tokens)


def training(setting: Setting, case: str) -> tuple[Measured, Measured]:
    what = {"texts": TRAINED, "tokens": LONGEST, "drawn": True, **TRAININGS[case]}
    theirs = setting.run(REFERENCE, "train", **what)
    return theirs, setting.run(OURS, "train", **what)


def cold(setting: Setting) -> tuple[Measured, Measured]:
    """The best of fresh processes, the two sides in turn."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "function.py"
        file.write_text(FUNCTION, encoding="utf-8")
        rounds = [
            (setting.run(REFERENCE, "first", text=FUNCTION, tokens=LONGEST), setting.score(file))
            for _ in range(setting.repeat)
        ]
    theirs, ours = (min(side, key=lambda one: one.seconds or math.inf) for side in zip(*rounds, strict=True))
    return theirs, ours


def compare(setting: Setting, case: str) -> tuple[Measured, Measured]:
    """The reference, and ours."""
    if case == COLD:
        return cold(setting)
    return predictions(setting, case) if case in PREDICTIONS else training(setting, case)


def print_comparison(case: str, theirs: Measured, ours: Measured) -> None:
    ratio = f"{theirs.seconds / ours.seconds:.1f}x" if theirs.seconds and ours.seconds else ""
    cells = [cell for side in (theirs, ours) for cell in (time_of(side), f"{side.peak_mib:,.0f}")]
    print(f"| {case} | {tokens_of(ours)} | {' | '.join(cells)} | {ratio} |", flush=True)


def time_of(side: Measured) -> str:
    return "out of memory" if side.seconds is None else f"{side.seconds:.3g}"


def tokens_of(side: Measured) -> str:
    return f"{side.answer['tokens']:,}" if "tokens" in side.answer else ""


def grow(setting: Setting, counts: Sequence[int]) -> dict[int, Measured]:
    """Ours for more and more texts, printed as they come."""
    print("\n| texts | tokens | ours, s | ms a text | peak, MiB |\n|---:|---:|---:|---:|---:|")
    found = {}
    for count in counts:
        ours = setting.run(OURS, "predict", texts=count, tokens=LONGEST, drawn=True)
        each = "" if ours.seconds is None else f"{1e3 * ours.seconds / count:.1f}"
        cells = (f"{count:,}", tokens_of(ours), time_of(ours), each, f"{ours.peak_mib:,.0f}")
        print(f"| {' | '.join(cells)} |", flush=True)
        found[count] = ours
    return found


def surroundings(setting: Setting) -> dict[str, Any]:
    """What the figures depend on; makes the vocabularies and our checkpoint."""
    prepared = {side: setting.run(side, "prepare").answer for side in (REFERENCE, OURS)}
    return {
        "processor": processor(),
        "threads": setting.threads,
        "memory_limit_gib": round(setting.memory_bytes / 2**30, 1),
        "reference_commit": commit_of(setting.checkout),
        **{f"{side}_{key}": value for side, found in prepared.items() for key, value in found.items()},
    }


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {len(os.sched_getaffinity(0))} CPUs"


def commit_of(checkout: Path) -> str:
    if not (checkout / ".git").exists():
        return "unknown: not a clone"
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def available_bytes() -> int:
    lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))


def arguments() -> argparse.Namespace:
    cpus = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reference", type=Path, required=True, metavar="CHECKOUT")
    parser.add_argument("--python", required=True, help="the reference's interpreter")
    parser.add_argument("--vocabulary", type=Path, required=True, metavar="FILE")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES)
    parser.add_argument("--repeat", type=int, default=3, help="rounds; none begins after a minute")
    parser.add_argument("--threads", type=int, default=cpus, help="of each side; all CPUs by default")
    parser.add_argument(
        "--memory", type=float, metavar="GIB", help="limit of a process; 90%% of what is free"
    )
    parser.add_argument("--long", action="store_true", help=f"growth up to {LONG:,} texts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    return parser.parse_args()


def main() -> None:
    flags = arguments()
    # Both sides, whatever they start, stay on as many CPUs as they have threads.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: flags.threads])
    memory_bytes = int(flags.memory * 2**30) if flags.memory else int(0.9 * available_bytes())
    with tempfile.TemporaryDirectory() as scratch:
        setting = Setting(
            flags.python,
            flags.reference.absolute(),
            flags.vocabulary.absolute(),
            Path(scratch) / "checkpoint",
            flags.threads,
            flags.repeat,
            memory_bytes,
        )
        document: dict[str, Any] = {"surroundings": surroundings(setting), "cases": {}}
        for name, value in document["surroundings"].items():
            print(f"{name.replace('_', ' ')}: {value}")
        print("\n| case | tokens | reference, s | peak, MiB | ours, s | peak, MiB | times faster |")
        print("|---|---:|---:|---:|---:|---:|---:|", flush=True)
        for case in (case for case in CASES if case in flags.cases and case != GROWTH):
            theirs, ours = compare(setting, case)
            print_comparison(case, theirs, ours)
            document["cases"][case] = {REFERENCE: asdict(theirs), OURS: asdict(ours)}
        if GROWTH in flags.cases:
            grown = grow(setting, (*COUNTS, LONG) if flags.long else COUNTS)
            document[GROWTH] = {count: asdict(ours) for count, ours in grown.items()}
    if flags.json:
        flags.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
