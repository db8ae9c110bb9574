"""What a check costs: cold and cached, for a few functions and for hundreds.

    python benchmarks/check.py [--functions 20 300] [--checkpoint embedded]

Each repository holds so many functions of the standard library, changed by one edit each, so
that every one is asked of the model twice. Wall time, CPU time and peak memory are those of
the whole process and its children.
"""

from __future__ import annotations

import argparse
import ast
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ci_rlm.training.edits import edits_of


def functions() -> Iterator[tuple[str, str]]:
    """Functions of the standard library that an edit applies to, before and after."""
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                for edited in edits_of(ast.unparse(node), efficiency=1, neutral=0, seed=node.name):
                    yield edited.before, edited.after


def repository(folder: Path, count: int) -> None:
    """Two commits that differ in so many functions."""
    chosen = [pair for pair, _ in zip(functions(), range(count), strict=False)]
    if len(chosen) < count:
        raise SystemExit(f"the standard library gives {len(chosen)} functions only")
    git = ["git", "-C", str(folder), "-c", "user.name=b", "-c", "user.email=b@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    for side in (0, 1):
        for index, pair in enumerate(chosen):
            (folder / f"m{index}.py").write_text(pair[side] + "\n", encoding="utf-8")
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", str(side)], check=True)


def measured(command: list[str], environment: dict[str, str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak MiB of one run."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--functions", type=int, nargs="+", default=[20, 300])
    parser.add_argument("--checkpoint", default="embedded")
    flags = parser.parse_args()
    print("| functions | answers | wall, s | CPU, s | peak, MiB | functions a second |")
    print("|---:|---|---:|---:|---:|---:|")
    for count in flags.functions:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "repository"
            folder.mkdir()
            repository(folder, count)
            environment = {**os.environ, "CI_RLM_CACHE_DIR": str(Path(scratch) / "cache")}
            command = [sys.executable, "-m", "ci_rlm", "check", "-C", str(folder), "--base", "HEAD~1"]
            for answers in ("cold", "cached"):
                wall, cpu, peak = measured([*command, "--checkpoint", flags.checkpoint], environment)
                print(f"| {count} | {answers} | {wall:.1f} | {cpu:.1f} | {peak:.0f} | {count / wall:.1f} |")


if __name__ == "__main__":
    main()
