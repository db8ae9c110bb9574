"""Measure Triton programs: their latency, on the NVIDIA GPU of this machine (Appendix D.4.2).

    ci-rlm profile triton --data DATA --inductor 2000 --out runs/kernels

is the whole of it on a GPU machine: TritonBench's references, models' answers to the same tasks
(each checked against the reference), and what TorchInductor makes of seeded modules, whose texts
stay in `OUT/inductor.jsonl`. It goes on where it was stopped. `kernel_plan.py` says what a program
is called with, `kernel_runner.py` calls it, in a process of its own.

Workers compile side by side; the one that times has the GPU to itself (a lock file).
Without a GPU nothing is measured; `rehearse` then tries the arguments in Triton's interpreter.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ci_rlm.errors import CiRlmError
from ci_rlm.training import inductor as texts
from ci_rlm.training.profile import kernel_runner
from ci_rlm.training.profile.engine import Task
from ci_rlm.training.profile.kernel_plan import Spec, candidates
from ci_rlm.training.profile.kernel_programs import Program, programs, published
from ci_rlm.training.profile.kernel_runner import Loop
from ci_rlm.training.profile.rows import Origin, Row, Spread, failed, measured

_PROTOCOL = "triton-1"
_RUNNER = Path(kernel_runner.__file__)
_TEXTS = "inductor.jsonl"
_MOST_RUNNERS = 5
"""Processes a program: one more each time that one dies or its device answers no more."""
_START_S = 300.0
"""Seconds until torch and Triton are loaded: 5 on an idle machine, 60 were seen on a crowded one."""
_KEPT = ("CC", "CPATH", "LIBRARY_PATH", "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "PATH")


@dataclass(frozen=True, slots=True)
class Budget:
    """What one program may use."""

    loop: Loop = Loop()  # noqa: RUF009  # frozen
    cases: int = 4
    """Inputs a program."""
    step_s: float = 120.0
    """Seconds for one step: a compilation, a trial of arguments, the trials of one input."""
    program_s: float = 900.0
    """Seconds for all steps, the time left out in which another program has the GPU."""
    memory: int = 32 << 30
    """Bytes of the machine's memory."""

    @property
    def protocol(self) -> str:
        """The protocol's name; trials shorter than a second make another one."""
        return (
            _PROTOCOL if self.loop == Loop() else f"{_PROTOCOL}, {self.loop.trials}x{self.loop.window_s:g} s"
        )


@dataclass(frozen=True, slots=True)
class Work:
    """One program to measure."""

    program: Program
    budget: Budget


@dataclass(frozen=True, slots=True)
class Published:
    """The authors' own timings, which are read and not measured."""

    data: Path


@dataclass(slots=True)
class Log:
    """What the runners of one program told so far; places are (candidate, case)."""

    hardware: str = ""
    toolchain: str = ""
    refused: str = ""
    """Why nothing can be run on this machine."""
    broken: str = ""
    """Why the program cannot even be imported."""
    ended: bool = False
    at: tuple[int, int] = (0, 0)
    """What was tried last."""
    size: int = 0
    done: dict[tuple[int, int], tuple[int, list[float]]] = field(default_factory=dict)
    """Size and latencies in seconds, by place."""
    failures: dict[tuple[int, int], tuple[int, str]] = field(default_factory=dict)
    """Size and reason, by place."""

    def hear(self, event: dict[str, Any]) -> None:
        """Take in one event of a runner."""
        match event:
            case {"event": "origin", "hardware": hardware, "toolchain": toolchain}:
                self.hardware, self.toolchain = hardware, toolchain
            case {"event": "refused", "reason": reason}:
                self.refused = reason
            case {"event": "broken", "reason": reason}:
                self.broken, self.ended = reason, True
            case {"event": "harness", "reason": reason}:
                raise RuntimeError(f"the kernel runner failed: {reason}")
            case {"event": "trying", "candidate": candidate, "case": case}:
                self.at, self.size = (candidate, case), event.get("size", 0)
            case {"event": "done", "size": size, "latencies": latencies}:
                self.done[self.at] = (size, latencies)
            case {"event": "failed", "size": size, "reason": reason}:
                self.failures[self.at] = (size, reason)
            case {"event": "died", "reason": reason}:
                self.failures.setdefault(self.at, (self.size, reason))
            case {"event": "end"}:
                self.ended = True

    def close(self) -> None:
        """Note that a runner ended without a word on what it tried, as a program does that exits."""
        if not self.ended and self.at not in self.done:
            self.failures.setdefault(self.at, (self.size, "exited"))

    @property
    def next(self) -> tuple[int, int]:
        """Where a fresh runner goes on after one that died: the next case, or the next candidate."""
        candidate, case = self.at
        return (candidate, case + 1) if case else (candidate + 1, 0)

    @property
    def chosen(self) -> int | None:
        """The candidate that was measured."""
        return min((candidate for candidate, _ in self.done), default=None)

    @property
    def reason(self) -> str:
        """Why there is no measurement: what the most trusted candidate met."""
        first = min(self.failures, default=None)
        return self.broken or ("no arguments to try" if first is None else self.failures[first][1])


def measure(work: Work | Published) -> list[Row]:
    """The rows of one program: its latency at each size that it ran at, and reasons for the others.

    Raises CiRlmError where no GPU is; nothing is run then.
    """
    if isinstance(work, Published):
        return [row for rows in published(work.data) for row in rows]
    log = investigate(work.program, work.budget, "cuda")
    return rows_of(work.program, log, Origin(work.budget.protocol, log.hardware, log.toolchain))


def rows_of(program: Program, log: Log, origin: Origin) -> list[Row]:
    """One row a size, of the candidate that was measured; one row in all where none was."""
    chosen, subject = log.chosen, program.subject
    if chosen is None:
        return failed(subject, 0, log.reason, origin)
    rows: list[Row] = []
    seen: set[int] = set()
    for place in sorted({*log.done, *log.failures}):
        size, told = log.done.get(place) or log.failures[place]
        if place[0] != chosen or size in seen:
            continue
        seen.add(size)
        if isinstance(told, str):
            rows += failed(subject, size, told, origin)
        else:
            rows += measured(subject, size, {"latency": Spread.of(told)}, origin)
    return rows


def rehearse(work: Work) -> str:
    """What Triton's interpreter makes of a program's arguments: the kind that passed, or the reason."""
    specs = candidates(work.program, 1)
    log = investigate(work.program, work.budget, "interpreter")
    return log.reason if log.chosen is None else f"passes by {specs[log.chosen]['kind']}"


def require_gpu() -> Origin:
    """Where this machine's kernels would be measured; CiRlmError where they cannot be."""
    if sys.platform != "linux":
        raise CiRlmError("Triton programs are measured on Linux alone", hint="run this on a Linux machine")
    log = Log()
    budget = Budget()
    with tempfile.TemporaryDirectory(prefix="ci-rlm-kernels-") as folder:
        for event in _events(_job("", [], (0, 0), budget, "cuda"), Path(folder), budget, 0.0):
            log.hear(event)
    _check(log)
    return Origin(_PROTOCOL, log.hardware, log.toolchain)


def _check(log: Log) -> None:
    if log.refused:
        hint = 'on a machine with an NVIDIA GPU: pip install "ci-rlm[gpu,train]"'
        raise CiRlmError(f"no Triton program can be measured here: {log.refused}", hint=hint)
    if not log.hardware:
        raise CiRlmError("the kernel runner told nothing", hint=f"run it by hand: python -I -B {_RUNNER}")


def investigate(program: Program, budget: Budget, device: str) -> Log:
    """Run one program until a candidate is measured or none is left; a crash costs one case."""
    specs = candidates(program, budget.cases if device == "cuda" else 1)
    log, spent = Log(), 0.0
    place = (0, 0)
    for _ in range(_MOST_RUNNERS):
        began = time.monotonic()
        log.at = place
        with tempfile.TemporaryDirectory(prefix="ci-rlm-kernels-") as folder:
            job = _job(program.text, specs, place, budget, device)
            for event in _events(job, Path(folder), budget, spent):
                log.hear(event)
        _check(log)
        log.close()
        spent += time.monotonic() - began
        place = log.next
        if log.ended or place[0] >= len(specs) or spent >= budget.program_s:
            break
    return log


def _job(
    text: str, specs: Sequence[Spec], start: tuple[int, int], budget: Budget, device: str
) -> dict[str, Any]:
    return {
        "text": text,
        "candidates": list(specs),
        "start": start,
        "loop": asdict(budget.loop),
        "lock": str(_lock()),
        "memory": budget.memory,
        "device": device,
    }


def _lock() -> Path:
    """The file that guards the GPU of this process on this machine."""
    name = re.sub(r"\W", "-", os.environ.get("CUDA_VISIBLE_DEVICES", "0"))
    return Path(tempfile.gettempdir()) / f"ci-rlm-gpu-{os.getuid()}-{name}.lock"


def _events(job: dict[str, Any], folder: Path, budget: Budget, spent: float) -> Iterator[dict[str, Any]]:
    """What a fresh runner tells, until it ends or is killed for its time."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-B", str(_RUNNER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=_environment(folder, job["device"]),
        start_new_session=True,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(job).encode() + b"\n")
            process.stdin.flush()
        yield from _told(process.stdout.fileno(), budget.step_s, budget.program_s - spent)
    finally:
        _end(process)


def _told(stream: int, step_s: float, left_s: float) -> Iterator[dict[str, Any]]:
    """Events from a pipe; `died` in place of the rest once a step, or all of them, took too long.

    Waiting for the GPU counts as no step.
    """
    waiting, text, running_since, patience_s = False, b"", time.monotonic(), _START_S
    while True:
        patience = None if waiting else min(patience_s, left_s - (time.monotonic() - running_since))
        if (patience is not None and patience <= 0) or not select.select([stream], [], [], patience)[0]:
            yield {"event": "died", "reason": "time limit"}
            return
        chunk = os.read(stream, 1 << 16)
        if not chunk:
            return
        patience_s = step_s
        *lines, text = (text + chunk).split(b"\n")
        for event in filter(None, map(_parsed, lines)):
            if event["event"] == "waiting":
                waiting, left_s = True, left_s - (time.monotonic() - running_since)
            elif waiting:
                waiting, running_since = False, time.monotonic()
            yield event


def _parsed(line: bytes) -> dict[str, Any] | None:
    """One event; None for a line that a program wrote, should it find the pipe."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def _environment(folder: Path, device: str) -> dict[str, str]:
    """Caches in the folder, so that every program compiles anew; no more of ours than it takes to run."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("CUDA")}
    own = {
        "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8", "TORCHINDUCTOR_COMPILE_THREADS": "1",
        "TRITON_CACHE_DIR": str(folder / "triton"), "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
    }  # fmt: skip
    return {"PATH": os.defpath} | kept | own | ({"TRITON_INTERPRET": "1"} if device == "interpreter" else {})


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the runner to end with all that it started, then kill its group."""
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def tasks(
    data: Path | None,
    *,
    inductor: int = 0,
    folder: Path = Path("runs/measured"),
    budget: Budget = Budget(),  # frozen
    workers: int = 0,
) -> Iterator[Task]:
    """Published timings and programs of TritonBench, and `inductor` generated modules at each size.

    References come first, then answers and TorchInductor's programs in turn, so that a run that
    is stopped has some of each. Texts of modules that the folder lacks are made first; that
    needs the GPU.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if data:
        yield published_task(data)
    references, answers = _split(programs(data) if data else ())
    made: Iterable[Program] = ()
    if inductor:
        texts.write(folder / _TEXTS, inductor, device="cuda", workers=workers)
        made = texts.read(folder / _TEXTS)
    turns = itertools.zip_longest(answers, made)
    for program in (*references, *(p for turn in turns for p in turn if p is not None)):
        key = f"{budget.protocol}/{program.source}/{program.record}/{program.subject.sha256[:16]}"
        yield Task(key, Work(program, budget))


def published_task(data: Path) -> Task:
    """The timings that TritonBench came with; needs no GPU."""
    return Task("published", Published(data))


def _split(found: Iterable[Program]) -> tuple[list[Program], list[Program]]:
    """References, and the answers."""
    listed = list(found)
    references = [program for program in listed if program.source == "tritonbench"]
    return references, [program for program in listed if program.source != "tritonbench"]
