"""Runs one ONNX graph, alone in a process: reads a job from standard input, writes an answer.

A job names the file, the inputs to make and how long to time; an answer holds seconds and bytes, or
`error` with the reason. Standard library, numpy and onnxruntime alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_CLONE_NEWNET = 0x40000000
_FEWEST_WARM_UPS = 3


def main() -> None:
    """Answer the one job on standard input."""
    job = json.load(sys.stdin)
    _confine(job["memory"])
    try:
        answer = _measure(job)
    except Exception as problem:  # noqa: BLE001  # whatever the runtime raises is the row's reason
        answer = {"error": f"{type(problem).__name__}: {problem}"}
    print(json.dumps(answer))


def _confine(memory: int) -> None:
    """Limits of this process, and no network where the system allows a namespace.

    No RLIMIT_CPU: with one set, Linux counts CPU time in ticks of about 4 ms (measured on 6.18).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.unshare(_CLONE_NEWNET)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


def _measure(job: Mapping[str, Any]) -> dict[str, Any]:
    import onnxruntime

    feeds = {given["name"]: _made(given, place) for place, given in enumerate(job["inputs"])}
    onnxruntime.set_default_logger_severity(4)
    held = _reset_peak()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    for name, size in job["dims"].items():
        options.add_free_dimension_override_by_name(name, size)
    session = onnxruntime.InferenceSession(job["model"], options, providers=["CPUExecutionProvider"])
    latency, cpu_time = _trials(lambda: session.run(None, feeds), job["seconds"], job["trials"])
    peak = _resident("VmHWM")
    return {"latency": latency, "cpu_time": cpu_time, "peak_rss": peak, "peak_memory": max(0, peak - held)}


def _made(given: Mapping[str, Any], seed: int) -> Any:
    """An input: normal numbers, indices below `below`, ones where integers are no indices."""
    import numpy

    chance, shape = numpy.random.default_rng(seed), given["shape"]
    kind = numpy.dtype(given["kind"])
    if kind.kind == "f":
        return chance.standard_normal(shape).astype(kind)
    if given["below"]:
        return chance.integers(0, given["below"], shape, dtype=kind)
    return numpy.ones(shape, kind)


def _trials(run: Callable[[], object], seconds: float, trials: int) -> tuple[list[float], list[float]]:
    """Wall and CPU time of one run, in seconds, of each trial.

    A trial is a loop of at least `seconds`: the warm-up says how many runs that takes, and a loop
    that proves too short is made again, longer.
    """
    count = _warm_up(run, seconds)
    wall: list[float] = []
    cpu: list[float] = []
    while len(wall) < trials:
        wall_s, cpu_s = _loop(run, count)
        if wall_s < seconds:
            count = math.ceil(count * max(1.2, 1.1 * seconds / wall_s))
            continue
        wall.append(wall_s / count)
        cpu.append(cpu_s / count)
    return wall, cpu


def _warm_up(run: Callable[[], object], seconds: float) -> int:
    """Run for half a trial, three times at least; the runs that a trial will take, by the last half."""
    times: list[float] = []
    while len(times) < _FEWEST_WARM_UPS or sum(times) < seconds / 2:
        times.append(_loop(run, 1)[0])
    settled = times[len(times) // 2 :]
    return max(1, math.ceil(seconds * len(settled) / sum(settled)))


def _loop(run: Callable[[], object], count: int) -> tuple[float, float]:
    """Wall and CPU seconds of `count` runs."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        run()
    return time.perf_counter() - wall, time.process_time() - cpu


def _reset_peak() -> int:
    """Forget the highest resident size so far; bytes resident now."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _resident("VmRSS")


def _resident(field: str) -> int:
    """A size of this process in bytes.

    Not `ru_maxrss`: Linux keeps it over exec, so it starts at the size of the parent.
    """
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition(f"{field}:")[2].split()[0])


if __name__ == "__main__":
    sys.stdout = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the runtime prints is no answer
    main()
