"""Builds one program in any language and measures its runs: the part that runs inside the cage.

    python -I -S -B process.py < JOB

Standard library alone, started by its path, one job a process. JOB is a JSON object (see `Job`), the
answer a JSON line for each size, `size` with what its runs cost or with `error`; a program that does
not build has one line, with size 0. Files are written to the current folder.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

_NOISE_S = 0.002
"""What two runs of one program differ by anyway: less says nothing about a thousand times as much."""
_HARDWARE, _INSTRUCTIONS = 0, 1  # of perf_event_open
_DETAIL = 2000


class Case(TypedDict):
    """One input of a program."""

    size: int
    arguments: list[str]
    stdin: str


class Job(TypedDict):
    """One program, how to build and run it, on what, within which limits."""

    files: dict[str, str]
    build: list[str]
    run: list[str]
    success: int
    """The exit status of a run that went well."""
    cases: list[Case]
    ladder: int
    """Instead of cases: run with a count as its argument, up to this one."""
    aim_s: float
    """CPU time that the largest count should take beyond start-up, at most."""
    build_s: float
    run_s: float
    repeats: int
    repeat_s: float
    """CPU time of all timed runs together; each size is run once at least."""
    memory: int
    """Address space of the program, in bytes; 0: no limit."""
    data: int
    """Its private writable memory; 0: no limit."""
    meter: str
    """meter.c built, in base64; empty where there is no C compiler."""
    counter: list[str]
    """A command that counts instructions on its standard error, where the processor does not."""
    count_s: float
    """Runs that take longer than this are not counted: the counter slows them fifty times."""


class Failed(Exception):  # noqa: N818  # an outcome, not an error of ours
    """Why there is no measurement; the detail is the program's own words."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


class Cost(TypedDict):
    """What one run cost."""

    cpu_s: float
    wall_s: float
    peak_rss: int | None
    """Bytes; None where it is lost in what the parent had at the fork."""
    instructions: int | None


def main() -> None:
    """Answer one job."""
    job: Job = json.loads(sys.stdin.readline())
    out = os.fdopen(os.dup(1), "w")
    for answer in answers(job):
        print(json.dumps(answer), file=out, flush=True)


def answers(job: Job) -> Iterator[dict[str, Any]]:
    """Build, then measure each size; a failure is an answer."""
    try:
        build(job)
    except Failed as problem:
        yield failure(0, problem)
        return
    try:
        cases = climb(job) if job["ladder"] else job["cases"]
    except Failed as problem:
        yield failure(1, problem)
        return
    yield from measure(job, cases)


def build(job: Job) -> None:
    """Write the files and compile; from then on the program's own limits hold."""
    for name, text in job["files"].items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
    if job["meter"]:
        meter = Path("meter")
        meter.write_bytes(base64.b64decode(job["meter"]))
        meter.chmod(0o700)
    if job["build"]:
        compile_files(job)
    for what, bound in ((resource.RLIMIT_AS, job["memory"]), (resource.RLIMIT_DATA, job["data"])):
        if bound:
            resource.setrlimit(what, (bound, bound))


def compile_files(job: Job) -> None:
    """Run the compiler, with its whole process group. Raises Failed."""
    with Path("build.log").open("wb") as log:
        process = subprocess.Popen(
            job["build"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        try:
            status = process.wait(job["build_s"])
        except subprocess.TimeoutExpired:
            raise Failed("the build ran out of time") from None
        finally:
            kill_group(process.pid)
            process.wait()
    if status != 0:
        raise Failed(f"does not build: {told(status)}", tail("build.log"))


def measure(job: Job, cases: list[Case]) -> Iterator[dict[str, Any]]:
    """Run each size once to warm up, repeat them in turn, count instructions last."""
    kept: list[Case] = []
    spent = 0.0
    for case in cases:
        try:
            spent += run(job, case)["cpu_s"]
            kept.append(case)
        except Failed as problem:
            yield failure(case["size"], problem)
            if problem.reason == "time limit":
                break
    costs: list[list[Cost]] = [[] for _ in kept]
    # In turn, so that a machine that slows down for a while slows all sizes.
    for _ in range(min(job["repeats"], max(1, int(job["repeat_s"] / max(spent, 1e-6))))):
        for index, case in enumerate(kept):
            try:
                costs[index].append(run(job, case))
            except Failed as problem:
                yield failure(case["size"], Failed(f"unsteady: {problem.reason}", problem.detail))
                return
    for case, found in zip(kept, costs, strict=True):
        yield success(case["size"], found, counted(job, case, found))


def failure(size: int, problem: Failed) -> dict[str, Any]:
    """The answer for a size that could not be measured."""
    return {"size": size, "error": problem.reason, "detail": problem.detail}


def success(size: int, costs: list[Cost], instructions: int | None) -> dict[str, Any]:
    """The answer for all runs of one size."""
    return {
        "size": size,
        "cpu_s": [cost["cpu_s"] for cost in costs],
        "wall_s": [cost["wall_s"] for cost in costs],
        "peak_rss": [cost["peak_rss"] for cost in costs if cost["peak_rss"] is not None],
        "instructions": instructions,
    }


def climb(job: Job) -> list[Case]:
    """Counts 1, top/10 and top: a power of ten that takes `aim_s` beyond start-up, at most.

    Raises Failed where even the count of 1 fails.
    """
    base = run(job, count(1))["cpu_s"]
    size = 100
    while True:
        try:
            spent = max(run(job, count(size))["cpu_s"] - base, _NOISE_S)
        except Failed as problem:
            if problem.reason != "time limit":
                raise
            return [count(1), *([count(size // 10)] if size > 10 else [])]
        within = min(float(job["ladder"]), size * job["aim_s"] / spent)
        top = size
        while top * 10 <= within:
            top *= 10
        if top == size:
            return [count(1), count(size // 10), count(size)]
        size = top


def count(size: int) -> Case:
    """A case of a program that repeats itself."""
    return {"size": size, "arguments": [str(size)], "stdin": ""}


def run(job: Job, case: Case) -> Cost:
    """One run in a process of its own. Raises Failed."""
    Path("stdin").write_text(case["stdin"], encoding="utf-8", errors="surrogatepass")
    words = [*job["run"], *case["arguments"]]
    status, late, cost = (metered if job["meter"] else plain)(words, job["run_s"])
    if late:
        raise Failed("time limit")
    if os.waitstatus_to_exitcode(status) != job["success"]:
        raise Failed(told(os.waitstatus_to_exitcode(status)), tail("stderr"))
    return cost


def metered(words: list[str], seconds: float) -> tuple[int, bool, Cost]:
    """Wait status, whether the time was up, cost: as meter.c measures it."""
    reading, writing = os.pipe()
    asked = ["./meter", str(writing), str(seconds), str(_HARDWARE), str(_INSTRUCTIONS)]
    with Path("stdin").open("rb") as source, Path("stderr").open("wb") as complaints:
        try:
            subprocess.run(
                [*asked, *words], stdin=source, stdout=subprocess.DEVNULL, stderr=complaints,
                pass_fds=[writing], timeout=seconds + 10, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:  # the program has stopped the meter
            raise Failed("time limit") from None
        finally:
            os.close(writing)
    with os.fdopen(reading) as pipe:
        told = [int(word) for word in pipe.read().split()]
    if len(told) != 6:
        raise Failed("the meter died")
    status, late, cpu, wall, peak, instructions = told
    counted = instructions if instructions > 0 else None
    return status, bool(late), {
        "cpu_s": cpu / 1e9, "wall_s": wall / 1e9, "peak_rss": peak, "instructions": counted,
    }  # fmt: skip


def plain(words: list[str], seconds: float) -> tuple[int, bool, Cost]:
    """The same without a C compiler; a peak below our own, at the fork, is not known."""
    with Path("stdin").open("rb") as source, Path("stderr").open("wb") as complaints:
        began = time.perf_counter()
        process = subprocess.Popen(
            words, stdin=source, stdout=subprocess.DEVNULL, stderr=complaints, start_new_session=True
        )
        late = not ended(process.pid, seconds)
        kill_group(process.pid)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - began
    peak = used.ru_maxrss * 1024
    floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return status, late, {
        "cpu_s": used.ru_utime + used.ru_stime, "wall_s": wall,
        "peak_rss": peak if peak > floor else None, "instructions": None,
    }  # fmt: skip


def ended(process: int, seconds: float) -> bool:
    """Wait for a process to end, and leave it to be reaped; False when the time is up."""
    import select

    file = os.pidfd_open(process)
    try:
        return bool(select.select([file], [], [], seconds)[0])
    finally:
        os.close(file)


def counted(job: Job, case: Case, costs: list[Cost]) -> int | None:
    """Instructions in user mode: the processor's count, else that of the slow counter, else None."""
    known = sorted(cost["instructions"] for cost in costs if cost["instructions"] is not None)
    if known:
        return known[len(known) // 2]
    if not job["counter"] or costs[0]["cpu_s"] > job["count_s"]:
        return None
    with Path("stdin").open("rb") as source:
        process = subprocess.Popen(
            [*job["counter"], *job["run"], *case["arguments"]], stdin=source,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        try:
            _, complaints = process.communicate(timeout=job["build_s"])
        except subprocess.TimeoutExpired:
            return None
        finally:
            kill_group(process.pid)
            process.wait()
    return valgrind_count(complaints.decode(errors="replace"))


def valgrind_count(text: str) -> int | None:
    """The sum that cachegrind ends with: `==1== I refs:   1,837,131`."""
    for line in text.splitlines():
        words = line.split()
        if words[:1] and words[0].startswith("==") and words[1:3] == ["I", "refs:"]:
            return int(words[3].replace(",", ""))
    return None


def told(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"died with {signal.Signals(-status).name}"
    except ValueError:
        return f"died with signal {-status}"


def tail(path: str) -> str:
    """The end of what a tool said."""
    text = Path(path).read_bytes()[-_DETAIL:].decode(errors="replace")
    return " ".join(text.split())


def kill_group(process: int) -> None:
    """End a process and what it started."""
    try:
        os.killpg(process, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


if __name__ == "__main__":
    main()
