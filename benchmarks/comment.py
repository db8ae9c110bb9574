"""Fifty runs of `ci-rlm comment` at once, each a process, against a server that answers as GitHub does.

    python benchmarks/comment.py --runs 50 --rounds 4

Each round begins with an empty pull request or, every other one, with a comment that stands. The processes
start in random order and get their reports together, once the last has started; every request takes up to
a tenth of a second more than it needs. Told are the comments that are left, whether the newest run's is the
one, and what the server was asked.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from ci_rlm.forge import Run
from ci_rlm.forge.comment import marker
from ci_rlm.render import document, render
from tests.github_api import SECRET, FakeGitHub, serving
from tests.reports import every_outcome

COMMIT = "a" * 40
FIRST = 1_000
START_S = 15.0
"""For the last process to get to its report."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=4)
    asked = parser.parse_args()
    right = 0
    for seed in range(asked.rounds):
        with tempfile.TemporaryDirectory() as folder, serving(FakeGitHub()) as hub:
            right += measured(hub, Path(folder), seed, asked.runs)
    print(f"one comment, the newest run's: {right} of {asked.rounds} rounds")


def measured(hub: FakeGitHub, folder: Path, seed: int, runs: int) -> bool:
    """One round, told in a line; whether it ended as it should."""
    hub.propose(1, COMMIT)
    hub.latency_s = (0.0, 0.05)  # each way
    if seed % 2:
        hub.say(marker("report", Run(1, 1)) + "old\n")
    ids = [FIRST + number for number in range(runs)]
    random.Random(seed).shuffle(ids)
    started = [(commenting(hub, folder, id), report_of(id)) for id in ids]
    time.sleep(START_S)
    began = time.perf_counter()
    with ThreadPoolExecutor(runs) as pool:
        told = list(pool.map(lambda pair: pair[0].communicate(pair[1])[0], started))
    took_s = time.perf_counter() - began
    endings = Counter(line.partition(":")[0].strip() for line in told)
    newest = marker("report", Run(FIRST + runs - 1, 1))
    ok = len(hub.bodies()) == 1 and hub.bodies()[0].startswith(newest)
    methods = Counter(seen.method for seen in hub.seen)
    print(
        f"{took_s:.1f} s, {len(hub.bodies())} left, newest: {ok}; {dict(endings)}; {dict(methods)}",
        flush=True,
    )
    return ok


def report_of(run: int) -> str:
    """The report of one run: no two say the same."""
    report = document(every_outcome())
    report["range"]["text"] = f"run {run}"
    return render(report, "json")


def commenting(hub: FakeGitHub, folder: Path, run: int) -> subprocess.Popen[str]:
    """One run, which waits for its report."""
    event = folder / f"{run}.json"
    repository = {"id": 1}
    pull = {"number": 1, "head": {"sha": COMMIT, "repo": repository}, "base": {"repo": repository}}
    event.write_text(json.dumps({"pull_request": pull}))
    environ = {
        **os.environ,
        "GITHUB_API_URL": hub.url,
        "GITHUB_TOKEN": SECRET,
        "GITHUB_REPOSITORY": "ada/shop",
        "GITHUB_RUN_ID": str(run),
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(event),
    }
    command = [sys.executable, "-P", "-m", "ci_rlm", "comment", "--from", "-"]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, env=environ, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True
    )


if __name__ == "__main__":
    main()
