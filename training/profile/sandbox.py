"""Our side of the Python harness: start a runner, hand it jobs, read its answers."""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci_rlm.training.profile import cage

_HERE = Path(__file__).parent
_RUNNER = _HERE / "runner.py"
_COUNTERS = _HERE / "counters.c"
_FLAGS = ("-P", "-s", "-S", "-B")
"""As `-I -S -B`, but PYTHONHASHSEED is heeded; the environment is ours anyway."""
_OWN_FLAGS = ("-P", "-B")
"""A user's own functions may be installed in ways that take the `site` module to find."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one input of one program may use."""

    seconds: float = 2.0
    """Wall time, all its runs together."""
    run_seconds: float = 0.12
    """CPU time of one plain run; a longer one is not measured further."""
    memory: int = 2 << 30
    """Bytes of address space; 0: as much as there is."""
    repeats: int = 7
    """Timed runs at most (of batches of runs, where one is short)."""
    repeat_seconds: float = 0.02
    """CPU time that the timed runs together may take, beyond the fewest that are always made."""


@dataclass(frozen=True, slots=True)
class Trust:
    """A user's own functions: they run in the user's folder and environment, without a cage."""

    folder: Path
    path: tuple[str, ...] = ()
    """Folders put first on the import path."""


class Runner:
    """A runner process, started when it is first needed and again after it died."""

    def __init__(self, trust: Trust | None = None) -> None:
        self.trust = trust
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: str | None = None

    def run(
        self,
        text: str,
        entry: str | None,
        cases: Sequence[dict[str, Any]],
        *,
        preamble: str = "",
        budget: Budget = Budget(),
    ) -> list[dict[str, Any]]:
        """Run one program over its cases; one answer a case, in order (see `run_cases`)."""
        job = {
            "text": text, "entry": entry, "cases": list(cases), "preamble": preamble,
            "seconds": budget.seconds, "run_seconds": budget.run_seconds, "memory": budget.memory,
            "repeats": budget.repeats, "repeat_seconds": budget.repeat_seconds,
            "trusted": self.trust is not None, "path": self.trust.path if self.trust else (),
        }  # fmt: skip
        process = self._process = self._process or self._start()
        patience = 10 + (budget.seconds + 1) * len(cases)
        try:
            lines = _ask(process, json.dumps(job).encode() + b"\n", time.monotonic() + patience)
        except (OSError, TimeoutError):
            lines = []
        if len(lines) < len(cases):
            self.close()
        answers = [json.loads(line) for line in lines]
        return answers + [{"error": "the runner died"}] * (len(cases) - len(answers))

    def _start(self) -> subprocess.Popen[bytes]:
        self._folder = tempfile.mkdtemp(prefix="ci-rlm-profile-")
        site, counters = sysconfig.get_path("purelib"), counters_library()
        flags = _OWN_FLAGS if self.trust else _FLAGS
        command = [sys.executable, *flags, str(_RUNNER), site, str(counters or "")]
        # The runner limits the memory of each input itself.
        return subprocess.Popen(
            command if self.trust else cage.command(command, self._folder, memory=0),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self.trust.folder if self.trust else self._folder,
            env=self._environment(),
            start_new_session=True,
        )

    def _environment(self) -> dict[str, str]:
        base = dict(os.environ) if self.trust else {"PATH": os.defpath, "LANG": "C.UTF-8"}
        return base | {"PYTHONHASHSEED": "0"}

    def close(self) -> None:
        """End the runner and all that it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(OSError):
                    pipe and pipe.close()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _ask(process: subprocess.Popen[bytes], request: bytes, deadline: float) -> list[bytes]:
    """Send a job; its answers, up to the blank line that ends them, or fewer if the runner ends.

    Raises OSError for a runner that is gone and TimeoutError for one that does not answer.
    """
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(request)
    process.stdin.flush()
    text = b""
    while not (text.endswith(b"\n\n") or text == b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError("the runner does not answer")
        chunk = os.read(process.stdout.fileno(), 1 << 20)
        if not chunk:
            break
        text += chunk
    return [line for line in text.split(b"\n") if line]


_OURS = threading.local()


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
    reads standard input. An answer holds what was measured, or `error` with the reason;
    `incomplete` says why later stages are missing. The program is untrusted: it gets an empty
    folder, no network where the system allows a namespace, limits on time, memory, processes
    and file size, and all that it starts is killed.
    """
    return our_runner().run(text, entry, cases, preamble=preamble, budget=budget)


def our_runner() -> Runner:
    """This thread's runner for untrusted programs."""
    if not hasattr(_OURS, "runner"):
        _OURS.runner = Runner()
        atexit.register(_OURS.runner.close)
    runner: Runner = _OURS.runner
    return runner


@functools.cache
def counters_library() -> Path | None:
    """counters.c built for this interpreter, or None where there is no C compiler or no headers.

    The library is kept beside the other caches, under a name that its source and the
    interpreter decide.
    """
    compiler = shutil.which(os.environ.get("CC", "cc"))
    headers = sysconfig.get_path("include")
    if compiler is None or not Path(headers, "Python.h").exists():
        return None
    about = _COUNTERS.read_bytes() + f"{sys.version} {sysconfig.get_platform()}".encode()
    folder = Path(os.environ.get("CI_RLM_CACHE_DIR") or _cache_home() / "ci-rlm") / "counters"
    target = folder / f"{hashlib.sha256(about).hexdigest()[:16]}.so"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        scratch = target.with_suffix(f".{os.getpid()}")
        command = [compiler, "-O2", "-shared", "-fPIC", "-I", headers, "-o", str(scratch), str(_COUNTERS)]
        if subprocess.run(command, capture_output=True).returncode:
            return None
        scratch.replace(target)
    return target


def _cache_home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
