"""The measured side of the Python harness: one fresh process a program, one fork an input.

Started by path as `python -I -S -B runner.py SITE_PACKAGES`, so it imports the standard
library alone and nothing of ours. A job comes in on standard input as one JSON line, one
JSON line an input goes out on standard output. Protocol: Appendix D.4.1 of the paper, with
the repeats inside one forked child (the *fast* protocol) instead of one process a repeat.
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
import signal
import sys
import time
import tracemalloc

# The usual modules are loaded before any program runs, so that no program pays for them.
import bisect, collections, copy, datetime, functools, heapq, itertools, math, operator, queue, random, re, string, typing  # noqa: E401, F401  # isort: skip
import contextlib, decimal, fractions, statistics, threading, traceback  # noqa: E401, F401  # isort: skip

from collections.abc import Callable
from types import CodeType
from typing import Any, NoReturn

Job = dict[str, Any]
"""Program, entry point and limits, as `sandbox.run_cases` writes them."""
Case = dict[str, Any]
Answer = dict[str, Any]
Prepare = Callable[[], tuple[Callable[[], Any], Callable[[Any], str]]]
"""Makes one run ready: what starts it, and what describes its result."""

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LIBC = ctypes.CDLL(None, use_errno=True)
MEBIBYTE = 1 << 20


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
    return function


def callable_run(job: Job, code: CodeType, case: Case) -> Prepare:
    """A function that prepares one run and returns (start it, describe its answer)."""
    blob, builders = marshal.dumps(ast.literal_eval(case["arguments"])), case["builders"]

    def prepare() -> tuple[Callable[[], Any], Callable[[Any], str]]:
        arguments = [BUILDERS[kind](value) for kind, value in zip(builders, marshal.loads(blob))]
        function = entry_of(job, code)
        return lambda: function(*arguments), lambda result: plain(result if result is not None else arguments)

    return prepare


def stdin_run(job: Job, code: CodeType, case: Case) -> Prepare:
    """The same for a program that reads standard input; output goes to a memory file."""
    blob = case["stdin"].encode()

    def prepare() -> tuple[Callable[[], Any], Callable[[Any], str]]:
        source, sink = os.memfd_create("stdin"), os.memfd_create("stdout")
        os.write(source, blob)
        os.lseek(source, 0, os.SEEK_SET)
        os.dup2(source, 0), os.dup2(sink, 1)
        os.close(source)
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
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


def measure(job: Job, case: Case) -> Answer:
    """Warm up, repeat, then one instrumented run. Times in seconds, memory in bytes."""
    code = compile(job["text"], "<program>", "exec")
    prepare = (callable_run if job["entry"] else stdin_run)(job, code, case)
    start, answer = prepare()
    began = time.process_time_ns()
    told = answer(start())
    first = time.process_time_ns() - began
    times = repeat(prepare, first, job)
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    start, answer = prepare()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    result = start()
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    del result
    times.sort()
    return {
        "answer": digest(told),
        "peak_memory": peak,
        "cpu_time": times[len(times) // 2] / 1e9,
        "cpu_time_min": times[0] / 1e9,
        "cpu_time_max": times[-1] / 1e9,
        "runs": len(times),
        "peak_rss": rss,
    }


def repeat(prepare: Prepare, first: int, job: Job) -> list[int]:
    """CPU times in ns of up to `repeats` runs, fewer when they would take too long."""
    count = min(job["repeats"], max(1, int(job["repeat_seconds"] * 1e9 / (first + 1))))
    times: list[int] = []
    for _ in range(count):
        start, answer = prepare()
        gc.collect(0)
        began = time.process_time_ns()
        result = start()
        times.append(time.process_time_ns() - began)
        if not job["entry"]:
            answer(None)  # closes the files of this run
        del result
    return times


def check(job: Job, case: Case) -> Answer:
    """Run a test that raises when the program is wrong."""
    scope = namespace(job, "program")
    exec(compile(job["text"], "<program>", "exec"), scope)
    exec(compile(case["test"], "<test>", "exec"), scope)
    scope["check"](eval(job["entry"], scope))
    return {"passed": True}


def record(job: Job, case: Case) -> Answer:
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
    return {"calls": [text for text in seen if is_literal(text)]}


def is_literal(text: str) -> bool:
    """Whether the text is a literal, so that another process can rebuild the value."""
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def generate(job: Job, case: Case) -> Answer:
    """Run a generator of stress inputs."""
    random.seed(case["seed"])
    scope = namespace(job, "generator")
    exec(compile(job["text"], "<generator>", "exec"), scope)
    made = scope["generate_input"]()
    made = made[0] if isinstance(made, (list, tuple)) and made else made
    return {"stdin": made if isinstance(made, str) else str(made)}


ACTIONS: dict[str, Callable[[Job, Case], Answer]] = {
    "measure": measure,
    "check": check,
    "record": record,
    "generate": generate,
}


def limit(job: Job) -> None:
    """Resource limits of a child; all are inherited by whatever it starts."""
    # No RLIMIT_CPU: with one set, Linux counts a process's CPU time in ticks of about 4 ms
    # (measured on 6.18), which would round most of our times to zero. Wall time bounds a case.
    resource.setrlimit(resource.RLIMIT_AS, (job["memory"], job["memory"]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * MEBIBYTE, 64 * MEBIBYTE))
    resource.setrlimit(resource.RLIMIT_NPROC, (512, 512))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def child(job: Job, case: Case, pipe: int) -> NoReturn:
    """Run one case and write what came of it to the pipe; never returns."""
    os.setpgid(0, 0)
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # a program may kill the runner
    # The runner's own standard output is open here too: a program must not write answers to it.
    os.closerange(3, pipe)
    os.closerange(pipe + 1, 256)
    limit(job)
    sys.setrecursionlimit(200_000)
    quiet = os.open(os.devnull, os.O_RDWR)
    os.dup2(quiet, 0), os.dup2(quiet, 1), os.dup2(quiet, 2)
    sys.stdout = open(1, "w", closefd=False)
    try:
        outcome = ACTIONS[case["action"]](job, case)
    except BaseException as problem:  # noqa: BLE001  # whatever a program raises is its row's reason
        outcome = {"error": f"{type(problem).__name__}: {problem}"[:200]}
    os.write(pipe, json.dumps(outcome).encode())
    os._exit(0)


def run(job: Job, case: Case) -> Answer:
    """Fork, wait within the time limit, kill the whole process group, report."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        child(job, case, writing)
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
    timed_out = not ready
    status = end(pid)
    if timed_out:
        return {"error": "time limit"}
    if not chunks:
        return {"error": f"died with signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "exited"}
    return decoded(b"".join(chunks))


def decoded(text: bytes) -> Answer:
    """What a case wrote to its pipe; a program that found the pipe may have written anything."""
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
    me = os.getpid()
    try:
        with open(f"/proc/{me}/task/{me}/children") as listing:
            return [int(word) for word in listing.read().split()]
    except OSError:
        return []


def main() -> None:
    """Read a job, run its cases in order, stop climbing once one runs out of time."""
    sys.path.append(sys.argv[1])
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    LIBC.unshare(CLONE_NEWNET)  # fails without the privilege; the limits hold all the same
    job = json.loads(sys.stdin.readline())
    gc.collect()
    gc.freeze()
    out = os.fdopen(os.dup(1), "w")
    spent = False
    for case in job["cases"]:
        outcome = {"error": "a smaller input ran out of time"} if spent else run(job, case)
        spent = spent or outcome.get("error") == "time limit"
        print(json.dumps(outcome), file=out, flush=True)


if __name__ == "__main__":
    main()
