"""Our side of the Python harness: start a runner, hand it a job, read its answers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_RUNNER = Path(__file__).with_name("runner.py")


@dataclass(frozen=True, slots=True)
class Budget:
    """What one input of one program may use."""

    seconds: float = 2.0
    """Wall time, all its runs together."""
    memory: int = 2 << 30
    """Bytes of address space."""
    repeats: int = 5
    """Timed runs at most."""
    repeat_seconds: float = 0.03
    """CPU time that the timed runs together may take; one run is always made."""


def run_cases(
    text: str,
    entry: str | None,
    cases: Sequence[dict[str, Any]],
    *,
    preamble: str = "",
    budget: Budget = Budget(),
) -> list[dict[str, Any]]:
    """Run one program over its cases in a fresh process; one answer a case, in order.

    `entry` is an expression that names the function to call, or None for a program that
    reads standard input. An answer holds what was measured, or `error` with the reason.
    The program is untrusted: it gets an empty folder, no network where the system allows a
    namespace, limits on time, memory, processes and file size, and its group is killed.
    """
    job = {
        "text": text, "entry": entry, "cases": list(cases), "preamble": preamble,
        "seconds": budget.seconds, "memory": budget.memory,
        "repeats": budget.repeats, "repeat_seconds": budget.repeat_seconds,
    }  # fmt: skip
    command = [sys.executable, "-I", "-S", "-B", str(_RUNNER), sysconfig.get_path("purelib")]
    with tempfile.TemporaryDirectory(prefix="ci-rlm-profile-") as folder:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            start_new_session=True,
        )
        try:
            patience = 10 + (budget.seconds + 1) * len(cases)
            out, _ = process.communicate(json.dumps(job).encode() + b"\n", timeout=patience)
        except subprocess.TimeoutExpired:
            out = b""
        finally:
            _kill_group(process)
    answers = [json.loads(line) for line in out.splitlines()]
    return answers + [{"error": "the runner died"}] * (len(cases) - len(answers))


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
