"""What starting costs: `ci-rlm --help` and a check of an empty diff, over a bare interpreter.

    python benchmarks/startup.py [--rounds 15]

The commands take turns, so that whatever else the machine does falls on all of them. Then each
command is run once more to list which of the heavy packages it loaded: there should be none.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HEAVY = ("torch", "transformers", "rich", "jinja2")


def repository(folder: Path) -> Path:
    """A repository with one commit, so that HEAD against HEAD is an empty diff."""
    (folder / "a.py").write_text("def f():\n    return 1\n")
    identity = ("-c", "user.name=b", "-c", "user.email=b@example.com")
    for command in (("init", "-q"), ("add", "."), (*identity, "commit", "-qm", "one")):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    return folder


def commands(folder: Path) -> dict[str, list[str]]:
    check = [sys.executable, "-m", "ci_rlm", "check", "-C", str(folder), "--base", "HEAD"]
    return {
        "python -c pass": [sys.executable, "-c", "pass"],
        "ci-rlm --help": [sys.executable, "-m", "ci_rlm", "--help"],
        "ci-rlm check, empty diff": check,
    }


def seconds(command: list[str]) -> tuple[float, float]:
    """Wall and CPU time of one run."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - began, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu


def heavy_imports(command: list[str]) -> list[str]:
    timed = [command[0], "-X", "importtime", *command[1:]]
    listing = subprocess.run(timed, check=True, capture_output=True, text=True).stderr
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in listing.splitlines()}
    return [name for name in HEAVY if name in loaded]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        wanted = commands(repository(Path(folder)))
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in wanted}
        for _ in range(rounds):
            for name, command in wanted.items():
                times[name].append(seconds(command))
        bare = statistics.median(wall for wall, _ in times["python -c pass"])
        print("| command | median wall, ms | median CPU, ms | over bare | heavy packages loaded |")
        print("|---|---:|---:|---:|---|")
        for name, found in times.items():
            wall, cpu = (statistics.median(column) for column in zip(*found, strict=True))
            loaded = ", ".join(heavy_imports(wanted[name])) or "none"
            print(f"| {name} | {1e3 * wall:.0f} | {1e3 * cpu:.0f} | {wall / bare:.1f}x | {loaded} |")


if __name__ == "__main__":
    main()
