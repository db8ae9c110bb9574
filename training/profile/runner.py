"""The measured side of the Python harness: a fork server that programs are measured in.

Started by path as `python -P -s -S -B runner.py SITE_PACKAGES [COUNTERS]`, so it imports the
standard library alone and nothing of ours. Jobs come in on standard input, one JSON line each;
one JSON line an input goes out on standard output. Each job gets a process of its own, forked
before it is read, and each of its inputs a fork of that: so no program finds what another left.

Two protocols, both after Appendix D.4.1 of the paper:

- *fast* (`measure`): warm-up, timed repeats and instrumented runs inside the fork of an input; the
  first two alone are `time`;
- *faithful* (`faithful`): a fresh interpreter for every warm-up and repeat, timed from outside,
  interpreter start included, as the paper did.

`-P -s` with a clean environment stand for `-I`, which would ignore PYTHONHASHSEED: with random
hashes the order of a set of strings, and with it the peak, changes from run to run.
"""

import ast
import builtins
import ctypes
import gc
import hashlib
import io
import json
import marshal
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import tracemalloc

# The usual modules are loaded before any program runs, so that no program pays for them.
import bisect, collections, copy, datetime, functools, heapq, itertools, math, operator, queue, random, re, string, typing  # noqa: E401, F401  # isort: skip
import contextlib, decimal, fractions, statistics, threading, traceback  # noqa: E401, F401  # isort: skip

from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any, NoReturn

Job = dict[str, Any]
"""Program, entry point and limits, as `sandbox.Runner.run` writes them."""
Case = dict[str, Any]
Answer = dict[str, Any]
Run = tuple[Callable[[], Any], Callable[[Any], str]]
"""What starts one run, and what describes its result."""
Prepare = Callable[[], Run]
Stages = Iterator[Answer]
"""Parts of an answer, each worth keeping if the next one runs out of time."""

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
LIBC = ctypes.CDLL(None, use_errno=True)
MEBIBYTE = 1 << 20

BATCH_NS = 200_000
"""A run that is shorter is timed together with others: the clock itself costs about a microsecond."""
BATCH_RUNS = 64
BATCH_PREPARING_NS = 4_000_000
FEWEST_REPEATS = 3
LONG_NS = 300_000_000
"""A run longer than this is timed once."""
DOUBT = 1.5
"""A cost that is foreseen may be wrong by this factor."""
DEPTH = 50_000
"""Of recursion; deeper than any that ends on our inputs, and endless ones should end soon."""
PYTHON_TRACE_NS = 20_000_000
"""Without the C counters, line events are counted for runs up to this long."""
WARMUPS, REPEATS, RUN_SECONDS = 3, 11, 10.0
"""Of the faithful protocol (Appendix D.4.1)."""


class ListNode:
    """The linked list of LeetCode's preamble."""

    def __init__(self, val: Any = 0, next: "ListNode | None" = None) -> None:
        self.val, self.next = val, next


class TreeNode:
    """The binary tree of LeetCode's preamble."""

    def __init__(self, val: Any = 0, left: "TreeNode | None" = None, right: "TreeNode | None" = None) -> None:
        self.val, self.left, self.right = val, left, right


def linked_list(values: list[Any] | None) -> ListNode | None:
    """Build a linked list from its values; None for an empty one."""
    head: ListNode | None = None
    for value in reversed(values or []):
        head = ListNode(value, head)
    return head


def binary_tree(values: list[Any] | None) -> TreeNode | None:
    """Build a tree from LeetCode's level order, where None is a missing child."""
    if not values or values[0] is None:
        return None
    root = TreeNode(values[0])
    waiting, rest = collections.deque([root]), iter(values[1:])
    for value in rest:
        node = waiting.popleft()
        if value is not None:
            node.left = TreeNode(value)
            waiting.append(node.left)
        value = next(rest, None)
        if value is not None:
            node.right = TreeNode(value)
            waiting.append(node.right)
        if not waiting:
            break
    return root


BUILDERS: dict[str, Callable[[Any], Any]] = {
    "plain": lambda value: value,
    "linked_list": linked_list,
    "binary_tree": binary_tree,
    "linked_lists": lambda values: [linked_list(value) for value in values],
}


def plain(value: Any, depth: int = 0) -> str:
    """A result as text that two right programs agree on; nodes are written as lists."""
    if isinstance(value, ListNode):
        found: list[Any] = []
        node: Any = value
        while node is not None and len(found) < 100_000:
            found.append(node.val)
            node = node.next
        return f"list{found!r}"
    if isinstance(value, TreeNode):
        values: list[Any] = []
        waiting: collections.deque[Any] = collections.deque([value])
        while waiting and len(values) < 200_000:
            node = waiting.popleft()
            values.append(None if node is None else node.val)
            if node is not None:
                waiting.extend((node.left, node.right))
        return f"tree{values!r}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)) and depth < 4:
        return "[" + ",".join(plain(item, depth + 1) for item in value) + "]"
    return repr(value)


def digest(text: str) -> str:
    """A short digest of an answer."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def namespace(job: Job, name: str) -> dict[str, Any]:
    """The module that a program runs in, with the preamble that its source states."""
    scope: dict[str, Any] = {
        "__name__": name,
        "__builtins__": builtins,
        "ListNode": ListNode,
        "TreeNode": TreeNode,
    }
    if job.get("preamble"):
        exec(compile(job["preamble"], "<preamble>", "exec"), scope)
    return scope


def entry_of(job: Job, code: CodeType) -> Callable[..., Any]:
    """A fresh callable: new module, new object, so that no cache survives from run to run."""
    scope = namespace(job, "program")
    exec(code, scope)
    function: Callable[..., Any] = eval(job["entry"], scope)
    # A function that was imported is the same object each time; its cache goes.
    getattr(function, "cache_clear", lambda: None)()
    return function


def callable_run(job: Job, case: Case) -> Prepare:
    """Prepares calls of a function: arguments are built before anything is measured."""
    code = compile(job["text"], "<program>", "exec")
    arguments, keywords = ast.literal_eval(case["arguments"]), ast.literal_eval(case.get("keywords", "{}"))
    blob, builders = marshal.dumps((arguments, keywords)), case.get("builders") or ["plain"] * len(arguments)

    def prepare() -> Run:
        plain_arguments, named = marshal.loads(blob)
        built = [BUILDERS[kind](value) for kind, value in zip(builders, plain_arguments)]
        function = entry_of(job, code)

        # A partial has no frame of its own, so events and depth are the function's alone.
        start = functools.partial(function, *built, **named)
        # What a function that returns nothing did is what it made of its arguments.
        return start, lambda result: plain(built if result is None else result)

    return prepare


def stdin_run(job: Job, case: Case, reader: Callable[[io.BufferedReader], Any] = io.TextIOWrapper) -> Prepare:
    """The same for a program that reads standard input; output goes to a memory file."""
    code = compile(job["text"], "<program>", "exec")
    blob = case["stdin"].encode()

    def prepare() -> Run:
        sink = os.memfd_create("stdout")
        give_stdin(blob, reader)
        os.dup2(sink, 1)
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)))
        scope = namespace(job, "__main__")

        def start() -> None:
            with contextlib.suppress(SystemExit):
                exec(code, scope)
            sys.stdout.flush()

        def answer(_: Any) -> str:
            os.lseek(sink, 0, os.SEEK_SET)
            chunks = iter(lambda: os.read(sink, MEBIBYTE), b"")
            text = b"".join(chunks).decode("utf-8", "replace")
            os.close(sink)
            return " ".join(text.split())

        return start, answer

    return prepare


def give_stdin(blob: bytes, reader: Callable[[io.BufferedReader], Any] = io.TextIOWrapper) -> None:
    """Put bytes on descriptor 0 and a fresh text stream over it."""
    source = os.memfd_create("stdin")
    view = memoryview(blob)
    while view:
        view = view[os.write(source, view) :]
    os.lseek(source, 0, os.SEEK_SET)
    os.dup2(source, 0)
    os.close(source)
    sys.stdin = reader(io.BufferedReader(io.FileIO(0, closefd=False)))


def noted_reader(notes: list[list[Any]]) -> Callable[[io.BufferedReader], Any]:
    """A text stream that notes how it is read: method, arguments, how often in a row."""

    def noting(name: str) -> Callable[..., Any]:
        plain = getattr(io.TextIOWrapper, name)

        def read(self: Any, *arguments: Any) -> Any:
            if notes and notes[-1][:2] == [name, arguments]:
                notes[-1][2] += 1
            else:
                notes.append([name, arguments, 1])
            return plain(self, *arguments)

        return read

    methods = {name: noting(name) for name in ("read", "readline", "readlines", "__next__")}
    return type("NotedReader", (io.TextIOWrapper,), methods)


def reading_cost(blob: bytes, notes: list[list[Any]]) -> int | None:
    """Peak bytes of making the same reads of the same input, keeping the last one alone.

    None where that reads another part of the input than the program did before this was
    called: it read past `sys.stdin`, through its buffer or the descriptor.
    """
    program_read = os.lseek(0, 0, os.SEEK_CUR)
    give_stdin(blob)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    held = None
    with contextlib.suppress(StopIteration, ValueError):
        for name, arguments, times in notes:
            read = getattr(sys.stdin, name)
            for _ in range(times):
                held = read(*arguments)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    del held
    return peak if os.lseek(0, 0, os.SEEK_CUR) == program_read else None


def runs_of(job: Job, case: Case) -> Prepare:
    """What prepares the runs of a case: calls, or programs that read standard input."""
    return callable_run(job, case) if job["entry"] else stdin_run(job, case)


def measure(job: Job, case: Case) -> Stages:
    """The fast protocol: warm up, repeat, then instrumented runs. Seconds, bytes and counts."""
    prepare, told = timed(job, case)
    yield told
    cpu = told["cpu_time"]
    yield from instrumented(prepare, job, case, sum(cpu) / len(cpu) * 1e9)


def time_alone(job: Job, case: Case) -> Stages:
    """The first part of the fast protocol. Seconds."""
    yield timed(job, case)[1]


def timed(job: Job, case: Case) -> tuple[Prepare, Answer]:
    """Warm up and repeat: what prepares further runs, and seconds of these."""
    prepare = runs_of(job, case)
    began = time.perf_counter_ns()
    start, answer = prepare()
    preparing, began = time.perf_counter_ns() - began, time.process_time_ns()
    result = start()
    first = time.process_time_ns() - began
    if first > job["run_seconds"] * 1e9:
        raise TimeoutError(f"a run takes over {job['run_seconds']:g} s")
    told = answer(result)
    del result, start, answer
    cpu, wall = repeat(prepare, first, preparing, job)
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return prepare, {"answer": digest(told), "cpu_time": cpu, "wall_time": wall, "peak_rss": rss}


def count(job: Job, case: Case) -> Stages:
    """What repeats exactly, and nothing timed: memory, allocations, events."""
    prepare = runs_of(job, case)
    start, answer = prepare()
    began = time.process_time_ns()
    told = answer(start())
    taken = time.process_time_ns() - began
    if taken > job["run_seconds"] * 1e9:
        raise TimeoutError(f"a run takes over {job['run_seconds']:g} s")
    yield {"answer": digest(told)}
    yield from instrumented(prepare, job, case, taken)


def instrumented(prepare: Prepare, job: Job, case: Case, cpu_ns: float) -> Stages:
    """A traced run each for memory, allocations and events, cheapest knowledge last."""
    peak = observed(prepare, job, traced_memory)
    yield {"peak_memory": peak, **({} if job["entry"] else net_peak(job, case, peak))}
    if COUNTERS:
        (size, blocks) = observed(prepare, job, counted_allocations)
        yield {"allocated_bytes": size, "allocated_blocks": blocks}
    if COUNTERS or cpu_ns < PYTHON_TRACE_NS:
        yield dict(zip(("line_events", "calls", "depth"), events(prepare, job, case)))


def events(prepare: Prepare, job: Job, case: Case) -> tuple[int, int, int]:
    """Line events, calls and depth of the program alone."""
    counted = counted_events if COUNTERS else counted_events_in_python
    lines, calls, depth = observed(prepare, job, counted)
    if job["entry"]:
        return lines, calls, depth
    # What starts a program and ends its output is ours; one that passes is a line, a call, a depth of 1.
    passing = {**job, "text": "pass", "preamble": ""}
    ours = observed(stdin_run(passing, case), job, counted)
    return lines - ours[0] + 1, calls - ours[1] + 1, depth - ours[2] + 1


def observed(prepare: Prepare, job: Job, observe: Callable[[Callable[[], Any]], tuple[Any, Any]]) -> Any:
    """Prepare a run and start it under observation; what was seen. The result is let go."""
    start, answer = prepare()
    gc.collect()
    seen, result = observe(start)
    if not job["entry"]:
        answer(None)  # closes the files of this run
    del result
    return seen


def traced_memory(start: Callable[[], Any]) -> tuple[int, Any]:
    """tracemalloc's peak over what was there before, in bytes."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    result = start()
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return peak, result


def net_peak(job: Job, case: Case, peak: int) -> Answer:
    """The peak less what reading the input costs, where the reads can be seen."""
    notes: list[list[Any]] = []
    start, answer = stdin_run(job, case, noted_reader(notes))()
    start()
    answer(None)
    cost = reading_cost(case["stdin"].encode(), notes)
    return {} if cost is None else {"peak_memory_net": max(0, peak - cost)}


def counted_allocations(start: Callable[[], Any]) -> tuple[tuple[int, int], Any]:
    """Bytes and blocks asked of the allocators in all, freed or not."""
    counts = (ctypes.c_ulonglong * 2)()
    begin, end = COUNTERS.count_allocations, COUNTERS.stop_counting
    begin()
    try:
        result = start()
    finally:
        end(counts)
    return (counts[0], counts[1]), result


def counted_events(start: Callable[[], Any]) -> tuple[tuple[int, int, int], Any]:
    """Line events, calls and greatest depth, counted in C."""
    counts = (ctypes.c_ulonglong * 3)()
    begin, end = COUNTERS.trace_events, COUNTERS.stop_tracing
    begin()
    try:
        result = start()
    finally:
        end(counts)
    return (counts[0], counts[1], counts[2]), result


def counted_events_in_python(start: Callable[[], Any]) -> tuple[tuple[int, int, int], Any]:
    """The same through sys.settrace: the plain version."""
    lines = calls = depth = deepest = 0

    def local(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal lines, depth
        if event == "line":
            lines += 1
        elif event == "return":
            depth -= 1
        return local

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal calls, depth, deepest
        calls += 1
        depth += 1
        deepest = max(deepest, depth)
        return local

    sys.settrace(enter)
    try:
        result = start()
    finally:
        sys.settrace(None)
    return (lines, calls, deepest), result


def repeat(prepare: Prepare, first: int, preparing: int, job: Job) -> tuple[list[float], list[float]]:
    """CPU and wall times in seconds a run, of as many repeats as there is time for."""
    runs = 1
    if job["entry"] and first < BATCH_NS:
        runs = max(1, min(BATCH_RUNS, BATCH_NS // (first + 1), BATCH_PREPARING_NS // (preparing + 1)))
    affordable = int(job["repeat_seconds"] * 1e9 / (runs * (first + preparing) + 1))
    repeats = 1 if first > LONG_NS else min(job["repeats"], max(FEWEST_REPEATS, affordable))
    cpu: list[float] = []
    wall: list[float] = []
    for _ in range(repeats):
        prepared = [prepare() for _ in range(runs)]
        gc.collect(0)
        clock, began = time.perf_counter_ns(), time.process_time_ns()
        results = [start() for start, _ in prepared]
        ended, stopped = time.process_time_ns(), time.perf_counter_ns()
        cpu.append((ended - began) / runs / 1e9)
        wall.append((stopped - clock) / runs / 1e9)
        if not job["entry"]:
            prepared[0][1](None)  # closes the files of this run
        del results, prepared
    return cpu, wall


def faithful(job: Job, case: Case) -> Stages:
    """The protocol as the paper states it: a fresh process a run, timed from outside.

    CPU time is the delta of RUSAGE_CHILDREN, so it holds the interpreter's start.
    """
    request = {"job": job, "case": case}
    for _ in range(WARMUPS):
        told = alone({**request, "instrument": False})
    cpu: list[float] = []
    wall: list[float] = []
    inner: list[float] = []
    for _ in range(REPEATS):
        used, began = children_seconds(), time.perf_counter_ns()
        told = alone({**request, "instrument": False})
        wall.append((time.perf_counter_ns() - began) / 1e9)
        cpu.append(children_seconds() - used)
        inner.append(told["cpu_time_inside"])
    yield {"answer": told["answer"], "cpu_time": cpu, "wall_time": wall, "cpu_time_inside": inner}
    yield alone({**request, "instrument": True})


def children_seconds() -> float:
    """CPU time of the children that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def alone(request: dict[str, Any]) -> Answer:
    """One run in a fresh interpreter. Raises RuntimeError when it gives no answer."""
    asking, telling = os.memfd_create("request"), os.memfd_create("reply")
    os.write(asking, json.dumps(request).encode())
    os.lseek(asking, 0, os.SEEK_SET)
    actions = [(os.POSIX_SPAWN_DUP2, asking, 0), (os.POSIX_SPAWN_DUP2, telling, 1)]
    command = [sys.executable, *FLAGS, __file__, *sys.argv[1:3], "--alone"]
    pid = os.posix_spawn(sys.executable, command, os.environ, file_actions=actions)
    _, status = os.waitpid(pid, 0)
    os.lseek(telling, 0, os.SEEK_SET)
    text = b"".join(iter(lambda: os.read(telling, MEBIBYTE), b""))
    os.close(asking)
    os.close(telling)
    told = decoded(text)
    if "error" in told:
        raise RuntimeError(told["error"] if text else f"died with status {status}")
    return told


def run_alone() -> None:
    """The other side of `alone`."""
    request = json.loads(sys.stdin.buffer.read())
    reply = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    signal.setitimer(signal.ITIMER_REAL, RUN_SECONDS)
    prepare = runs_of(request["job"], request["case"])
    told: Answer
    try:
        if request["instrument"]:
            start, answer = prepare()
            answer(start())  # lazy imports and caches are not the program's own
            peak = observed(prepare, request["job"], traced_memory)
            told = {
                "peak_memory": peak,
                "peak_rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            }
        else:
            start, answer = prepare()
            began = time.process_time_ns()
            result = start()
            told = {
                "cpu_time_inside": (time.process_time_ns() - began) / 1e9,
                "answer": digest(answer(result)),
            }
    except BaseException as problem:  # noqa: BLE001  # whatever a program raises is its row's reason
        told = {"error": reason_of(problem)}
    os.write(reply, json.dumps(told).encode())


def check(job: Job, case: Case) -> Stages:
    """Run a test that raises when the program is wrong."""
    scope = namespace(job, "program")
    exec(compile(job["text"], "<program>", "exec"), scope)
    exec(compile(case["test"], "<test>", "exec"), scope)
    scope["check"](eval(job["entry"], scope))
    yield {"passed": True}


def record(job: Job, case: Case) -> Stages:
    """The arguments that a test calls its candidate with, as literals."""
    scope = namespace(job, "program")
    exec(compile(job["text"], "<program>", "exec"), scope)
    function = eval(job["entry"], scope)
    seen: list[str] = []

    def candidate(*arguments: Any) -> Any:
        seen.append(repr(arguments))
        return function(*arguments)

    exec(compile(case["test"], "<test>", "exec"), scope)
    scope["check"](candidate)
    yield {"calls": [text for text in seen if is_literal(text)]}


def is_literal(text: str) -> bool:
    """Whether the text is a literal, so that another process can rebuild the value."""
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def generate(job: Job, case: Case) -> Stages:
    """Run a generator of stress inputs."""
    random.seed(case["seed"])
    scope = namespace(job, "generator")
    exec(compile(job["text"], "<generator>", "exec"), scope)
    made = scope["generate_input"]()
    made = made[0] if isinstance(made, (list, tuple)) and made else made
    yield {"stdin": made if isinstance(made, str) else str(made)}


ACTIONS: dict[str, Callable[[Job, Case], Stages]] = {
    "measure": measure,
    "time": time_alone,
    "count": count,
    "faithful": faithful,
    "check": check,
    "record": record,
    "generate": generate,
}


def limit(job: Job) -> None:
    """Resource limits of a child; all are inherited by whatever it starts."""
    # No RLIMIT_CPU: with one set, Linux counts a process's CPU time in ticks of about 4 ms
    # (measured on 6.18), which would round most of our times to zero. Wall time bounds a case.
    limits = {
        resource.RLIMIT_AS: job["memory"] or resource.RLIM_INFINITY,
        resource.RLIMIT_FSIZE: 64 * MEBIBYTE,
        resource.RLIMIT_NPROC: 512,
        resource.RLIMIT_CORE: 0,
    }
    for name, wanted in limits.items():
        _, most = resource.getrlimit(name)
        value = wanted if most == resource.RLIM_INFINITY else min(most, wanted) if wanted >= 0 else most
        resource.setrlimit(name, (value, value))


def reason_of(problem: BaseException) -> str:
    """An exception as the reason of a row."""
    return f"{type(problem).__name__}: {problem}"[:200]


def child(job: Job, case: Case, pipe: int, folder: str, token: bytes) -> NoReturn:
    """Run one case and write what comes of it to the pipe, stage by stage; never returns.

    The token tells our lines from those of a program that writes to every descriptor.
    """
    os.setpgid(0, 0)
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # a program may kill the runner
    LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    # The runner's own standard output is open here too: a program must not write answers to it.
    os.closerange(3, pipe)
    os.closerange(pipe + 1, 256)
    os.chdir(folder)
    limit(job)
    sys.setrecursionlimit(DEPTH)
    quiet = os.open(os.devnull, os.O_RDWR)
    os.dup2(quiet, 0), os.dup2(quiet, 1), os.dup2(quiet, 2)
    sys.stdout = open(1, "w", closefd=False)
    try:
        for stage in ACTIONS[case["action"]](job, case):
            os.write(pipe, token + json.dumps(stage).encode() + b"\n")
    except BaseException as problem:  # noqa: BLE001  # whatever a program raises is its row's reason
        os.write(pipe, token + json.dumps({"error": reason_of(problem)}).encode() + b"\n")
    os._exit(0)


def run(job: Job, case: Case, folder: str) -> Answer:
    """Fork, wait within the time limit, kill the whole process group, report."""
    reading, writing = os.pipe()
    token = os.urandom(8).hex().encode()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        child(job, case, writing, folder, token)
    os.close(writing)
    chunks: list[bytes] = []
    deadline = time.monotonic() + job["seconds"]
    while True:
        ready, _, _ = select.select([reading], [], [], max(0.0, deadline - time.monotonic()))
        chunk = os.read(reading, 1 << 16) if ready else b""
        if not chunk:
            break
        chunks.append(chunk)
    os.close(reading)
    status = end(pid)
    answer = joined(b"".join(chunks), token)
    if answer and not ready and "error" not in answer:
        answer["incomplete"] = "time limit"
    if answer and (ready or "error" not in answer):
        return answer
    if not ready:
        return {"error": "time limit"}
    return {"error": f"died with signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "exited"}


def joined(text: bytes, token: bytes) -> Answer:
    """The stages of an answer as one; a last one that was cut off is left out.

    An error in a later stage (tracing needs more memory and deeper stacks) takes nothing from
    the stages before it.
    """
    whole, separator, _ = text.rpartition(b"\n")
    answer: Answer = {}
    for line in whole.split(b"\n") if separator else ():
        if not line.startswith(token):
            return {"error": "garbled answer"}
        stage = decoded(line.removeprefix(token))
        if "error" in stage and answer:
            return {**answer, "incomplete": stage["error"]}
        answer |= stage
    return answer


def decoded(text: bytes) -> Answer:
    """An answer from its JSON."""
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    return answer if isinstance(answer, dict) else {"error": "garbled answer"}


def end(pid: int) -> int:
    """Kill a case and all that it started, daemons too; the wait status of the case."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    # We are the subreaper, so an orphan that left the group is now a child of ours.
    while orphans := children():
        for orphan in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(orphan, 0)
    return status


def children() -> list[int]:
    """Process ids of our children."""
    try:
        with open("/proc/thread-self/children") as listing:
            return [int(word) for word in listing.read().split()]
    except OSError:
        return []


def serve(line: bytes, out: int) -> NoReturn:
    """Answer one job in a process of its own; never returns."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    job = json.loads(line)
    sys.path[:0] = job.get("path", ())
    patience = Patience(job["run_seconds"])
    for case in job["cases"]:
        outcome: Answer = {"error": patience.refusal(case)}
        if not outcome["error"]:
            with emptied(job) as folder:
                outcome = run(job, case, folder)
            patience.learn(case, outcome)
        os.write(out, json.dumps(outcome).encode() + b"\n")
    os._exit(0)


SIZED = frozenset({"measure", "time", "count"})
"""Actions that take longer with a larger input."""


class Patience:
    """Which inputs of a job are not worth starting: sizes grow from case to case, and costs with them."""

    def __init__(self, run_seconds: float) -> None:
        self.run_seconds = run_seconds
        self.spent = False
        self.known: list[tuple[int, float]] = []

    def refusal(self, case: Case) -> str:
        """Why a case cannot end in time, or nothing."""
        if case["action"] not in SIZED:
            return ""  # tests and recordings say nothing of sizes
        if self.spent:
            return "a smaller input ran out of time"
        if self.foreseen(case.get("size", 0)) > DOUBT * self.run_seconds:
            return "a run would take too much time, by its growth"
        return ""

    def foreseen(self, size: int) -> float:
        """CPU seconds of a run at a size, on the line through the last two points of the log-log plot."""
        if len(self.known) < 2:
            return 0.0
        (size_0, cpu_0), (size_1, cpu_1) = self.known[-2:]
        if not size > size_1 > size_0 > 0 or cpu_1 < 1e-3:
            return 0.0
        slope = max(0.0, math.log(cpu_1 / cpu_0) / math.log(size_1 / size_0))
        return float(cpu_1 * (size / size_1) ** slope)

    def learn(self, case: Case, answer: Answer) -> None:
        """Take note of what came of a case."""
        if case["action"] not in SIZED:
            return
        error = answer.get("error", "")
        self.spent = self.spent or error == "time limit" or error.startswith("TimeoutError: a run takes")
        if "cpu_time" in answer:
            self.known.append((case.get("size", 0), max(min(answer["cpu_time"]), 1e-9)))


@contextlib.contextmanager
def emptied(job: Job) -> Iterator[str]:
    """A folder of one input's own; a user's own function stays in the folder it was started in."""
    if job.get("trusted"):
        yield "."
        return
    folder = tempfile.mkdtemp(dir=".")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def load_counters(path: str) -> Any:
    """The library built from counters.c, or None where there is none."""
    return ctypes.PyDLL(path) if path else None


FLAGS = ("-P", "-s", "-S", "-B")
COUNTERS: Any = None


def main() -> None:
    """Answer jobs until standard input ends."""
    global COUNTERS
    sys.path.append(sys.argv[1])
    COUNTERS = load_counters(sys.argv[2])
    if sys.argv[3:] == ["--alone"]:
        run_alone()
        return
    LIBC.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # a program may not open our descriptors through /proc
    gc.collect()
    gc.freeze()
    out = os.dup(1)
    for line in sys.stdin.buffer:
        pid = os.fork()
        if pid == 0:
            serve(line, out)
        os.waitpid(pid, 0)
        os.write(out, b"\n")  # ends the answers of a job, however many its process gave


if __name__ == "__main__":
    main()
