"""Triton programs: what they are called with, how long is measured, and what a crash costs.

All but the launch is tested without a GPU; small kernels are launched in Triton's interpreter.
Tests that need a GPU are marked.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import gzip
import itertools
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.errors import CiRlmError
from ci_rlm.training.profile import kernel_runner, kernels
from ci_rlm.training.profile.kernel_facts import facts_of, pointers_of
from ci_rlm.training.profile.kernel_plan import candidates, entries_of, orderings, sizes_of, spread
from ci_rlm.training.profile.kernel_programs import (
    Benchmark,
    Program,
    code_of,
    kernels_of,
    programs,
    published,
)
from ci_rlm.training.profile.kernel_runner import Loop, axis_of, is_fatal, reason_of, trial, trials
from ci_rlm.training.profile.kernels import Budget, Log, Work, investigate, measure, require_gpu, rows_of
from ci_rlm.training.profile.rows import Origin

needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="needs Triton")

DOUBLE = """
import torch
import triton
import triton.language as tl


@triton.jit
def double_kernel(x_ptr, out_ptr, n_elements, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n_elements
    tl.store(out_ptr + offsets, 2 * tl.load(x_ptr + offsets, mask=mask), mask=mask)


def double(x: torch.Tensor):
    out = torch.empty_like(x)
    double_kernel[(triton.cdiv(x.numel(), 1024),)](x, out, x.numel(), BLOCK=1024)
    return out
"""
SCRIPT = """
import sys
from TritonBench_v1.doubling import double
from performance_utils import Performance_Metrics, do_bench_config
import torch


class performance_metrics(Performance_Metrics):
    def __init__(self, dtype=None, is_backward=False, **kwargs):
        super().__init__("doubling", dtype=dtype, is_backward=is_backward, **kwargs)

    def get_input_tensors(self):
        self.input_tensors = []
        for i in range(4, 8):
            self.input_tensors.append(torch.rand(2**i))

    def to_cuda(self, input_tensor):
        return input_tensor.cuda()

    def call_op(self, input_tensor):
        return double(input_tensor)


if __name__ == "__main__":
    raise SystemExit("a benchmark is never run as a script here")
"""
TEST = """
def test_double():
    return [double(torch.ones(n, device="cuda")) for n in (48, 16)]


result = test_double()
"""
ORIGIN = Origin("triton-1", "a GPU", "a compiler")


def program(text: str, *benchmarks: Benchmark) -> Program:
    return Program("tests", "tests/one", "one", text, benchmarks)


def function(text: str) -> ast.FunctionDef:
    (found,) = (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
    return found


class Device:
    """Launches that take the seconds that were given, the last one for ever, and a clock that tells them."""

    def __init__(self, *seconds: float) -> None:
        self.seconds, self.launches, self.now = seconds, 0, 100.0

    def launch(self) -> None:
        self.now += self.seconds[min(self.launches, len(self.seconds) - 1)]
        self.launches += 1

    def clock(self) -> float:
        return self.now


# How long is measured


@given(st.lists(st.floats(1e-4, 2e-2), min_size=1, max_size=50), st.integers(1, 30), st.floats(0.01, 0.5))
def test_a_trial_is_the_mean_over_its_launches_which_fill_the_window(
    seconds: list[float], seed: int, window_s: float
) -> None:
    device = Device(*seconds)
    latency, launches = trial(device.launch, device.clock, seed, window_s)
    spent = sum(itertools.islice(itertools.chain(seconds, itertools.repeat(seconds[-1])), launches))
    assert latency == pytest.approx(spent / launches)
    assert launches == device.launches >= seed
    assert spent >= window_s * (1 - 1e-9)


@given(st.floats(1e-4, 0.5), st.floats(0.01, 0.5))
def test_a_loop_of_even_launches_is_no_longer_than_it_needs_to_be(second: float, window_s: float) -> None:
    device = Device(second)
    _, launches = trial(device.launch, device.clock, 20, window_s)
    assert launches <= max(20, math.ceil(window_s / second * (1 + 1e-6)) + 1)


def test_a_launch_that_takes_no_time_makes_the_loop_ten_times_longer_each_time() -> None:
    seen: list[int] = []
    device = Device(*[0.0] * 2000, 1.0)

    def clock() -> float:
        seen.append(device.launches)
        return device.now

    trial(device.launch, clock, 2, 1.0)
    assert seen[1::2] == [2, 20, 200, 2000, 20000]


def test_compilation_and_warm_up_are_in_no_trial() -> None:
    device = Device(9.0, 0.5, 0.5, 0.001)
    device.launch()  # compiles
    assert trials(device.launch, device.clock, Loop()) == pytest.approx([0.001] * 5)


def test_every_trial_fills_its_window_by_itself() -> None:
    device = Device(0.001)
    trials(device.launch, device.clock, Loop(window_s=0.5, trials=7))
    assert device.now - 100.0 == pytest.approx(0.003 + 7 * 0.5, rel=0.01)


def test_a_kernel_of_three_seconds_is_launched_three_times_a_trial() -> None:
    device = Device(3.0)
    assert trials(device.launch, device.clock, Loop()) == pytest.approx([3.0] * 5)
    assert device.launches == 3 + 5 * 3


def test_the_latency_is_the_median_of_the_trials_and_its_deviation_is_across_them() -> None:
    log = Log()
    log.hear({"event": "trying", "candidate": 0, "case": 0, "size": 8})
    log.hear({"event": "done", "size": 8, "latencies": [1e-5, 4e-5, 2e-5, 9e-5, 3e-5]})
    (row,) = rows_of(program(DOUBLE), log, ORIGIN)
    assert (row["metric"], row["value"], row["n"]) == ("latency", 3e-5, 5)
    assert row["std"] == pytest.approx(math.sqrt(sum((x - 3.8) ** 2 for x in (1, 4, 2, 9, 3)) / 4) * 1e-5)


# Why there is no measurement

OutOfMemoryError = type("OutOfMemoryError", (RuntimeError,), {})
OutOfResources = type("OutOfResources", (Exception,), {})
CompilationError = type("CompilationError", (Exception,), {})


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB."), "out of memory"),
        (RuntimeError("CUDA error: out of memory\nCompile with"), "out of memory"),
        (MemoryError(), "out of memory"),
        (OutOfResources("out of resource: shared memory"), "out of resources: shared memory"),
        (RuntimeError("CUDA error: misaligned address\nFor debugging"), "CUDA error: misaligned address"),
        (CompilationError("at 3:4:\n    x = tl.dot(a, b)\nsizes differ"), "does not compile: sizes differ"),
        (ValueError("not enough values to unpack (expected 2, got 1)"),
         "shape mismatch: not enough values to unpack (expected 2, got 1)"),
        (AssertionError("Incompatible dimensions"), "shape mismatch: Incompatible dimensions"),
        (TypeError("f() missing 1 argument"), "TypeError: f() missing 1 argument"),
        (AssertionError(), "AssertionError at line 0"),
    ],
)  # fmt: skip
def test_a_failure_has_its_class_and_one_line(problem: BaseException, reason: str) -> None:
    assert reason_of(problem) == reason


def test_only_an_error_of_the_device_ends_the_process() -> None:
    problems = ["CUDA error: misaligned address", "CUDA error: out of memory", "shapes differ"]
    assert [is_fatal(RuntimeError(text)) for text in problems] == [True, False, False]


# What comes of what the runners told


def told(*events: dict[str, Any]) -> Log:
    log = Log()
    for event in events:
        log.hear(event)
    return log


def trying(candidate: int, case: int, size: int = 0) -> dict[str, Any]:
    return {"event": "trying", "candidate": candidate, "case": case, "size": size}


def done(size: int) -> dict[str, Any]:
    return {"event": "done", "size": size, "latencies": [0.5, 0.25, 1.0]}


def test_a_crash_costs_one_size_and_a_fresh_process_goes_on_with_the_next() -> None:
    log = told(
        trying(0, 0), trying(0, 0, 10), done(10), trying(0, 1, 20), {"event": "died", "reason": "signal 11"}
    )
    assert log.next == (0, 2)
    log.hear(trying(0, 2, 30))
    log.hear(done(30))
    rows = rows_of(program(DOUBLE), log, ORIGIN)
    assert [(row["size"], row["status"], row["value"]) for row in rows] == [
        (10, "ok", 0.5), (20, "signal 11", None), (30, "ok", 0.5),
    ]  # fmt: skip


def test_a_program_that_exits_without_a_word_has_that_reason() -> None:
    log = told(trying(0, 0), trying(0, 0, 9))
    log.close()
    assert [row["status"] for row in rows_of(program(DOUBLE), log, ORIGIN)] == ["exited"]


def test_a_crash_in_the_first_case_goes_on_with_the_next_candidate() -> None:
    assert told(trying(2, 0), {"event": "died", "reason": "time limit"}).next == (3, 0)


def test_a_program_that_no_candidate_fits_is_one_row_with_the_reason_of_the_most_trusted() -> None:
    log = told(
        trying(0, 0), {"event": "failed", "size": 4, "reason": "out of memory"},
        trying(1, 0), {"event": "failed", "size": 0, "reason": "TypeError: f()"}, {"event": "end"},
    )  # fmt: skip
    (row,) = rows_of(program(DOUBLE), log, ORIGIN)
    assert (row["status"], row["metric"], row["value"]) == ("out of memory", None, None)


def test_a_program_that_cannot_be_imported_is_one_row_with_that_reason() -> None:
    log = told({"event": "broken", "reason": "ModuleNotFoundError: no x"})
    assert log.ended
    assert [row["status"] for row in rows_of(program(DOUBLE), log, ORIGIN)] == ["ModuleNotFoundError: no x"]


def test_candidates_that_were_only_tried_have_no_rows() -> None:
    log = told(
        trying(0, 0), {"event": "failed", "size": 4, "reason": "TypeError"}, trying(1, 0, 5), done(5),
        {"event": "end"},
    )  # fmt: skip
    assert [row["size"] for row in rows_of(program(DOUBLE), log, ORIGIN)] == [5]


def test_two_inputs_of_one_size_are_one_row() -> None:
    log = told(trying(0, 0), done(6), trying(0, 1), done(6), trying(0, 2), done(7), {"event": "end"})
    assert [row["size"] for row in rows_of(program(DOUBLE), log, ORIGIN)] == [6, 7]


def test_shorter_trials_are_a_protocol_of_their_own() -> None:
    assert Budget().protocol != Budget(Loop(window_s=0.2)).protocol


def heard(*writes: tuple[float, str], step_s: float) -> list[str]:
    """The events that are read from a pipe into which texts are written after some seconds each."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb", buffering=0) as pipe, contextlib.suppress(BrokenPipeError):
            for seconds, text in writes:
                time.sleep(seconds)
                pipe.write(text.encode())

    writer = threading.Thread(target=write)
    writer.start()
    found = [event["event"] for event in kernels._told(reading, step_s, 30.0)]
    os.close(reading)
    writer.join()
    return found


def test_a_step_that_takes_too_long_ends_the_runner() -> None:
    assert heard((0.0, '{"event": "trying"}\n'), (1.0, '{"event": "end"}\n'), step_s=0.3) == [
        "trying",
        "died",
    ]


def test_waiting_for_the_gpu_is_no_step() -> None:
    writes = (0.0, '{"event": "waiting"}\n'), (1.0, '{"event": "running"}\n'), (0.0, '{"event": "end"}\n')
    assert heard(*writes, step_s=0.3) == ["waiting", "running", "end"]


def test_what_a_program_writes_between_events_is_passed_over() -> None:
    assert heard((0.0, 'hello\n[1]\n{"event": 3}\n{"event": "e'), (0.1, 'nd"}\n'), step_s=5.0) == ["end"]


# Processes


_SUPERVISE = """
import importlib.util, os, signal, sys, time
spec = importlib.util.spec_from_file_location("kernel_runner", sys.argv[1])
runner = sys.modules["kernel_runner"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(runner)

def act(job, tell):
    tell(event="started", pid=os.getpid())
    exec(sys.argv[2])
    tell(event="end")

runner.supervise({"memory": int(sys.argv[3])}, act)
"""


def supervised(action: str, memory: int = 8 << 30) -> subprocess.Popen[bytes]:
    """A program that does that, under the runner's supervision."""
    line = [sys.executable, "-c", _SUPERVISE, kernel_runner.__file__, action, str(memory)]
    return subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def events_of(action: str, memory: int = 8 << 30) -> list[dict[str, Any]]:
    """What is told when a program does that."""
    with supervised(action, memory) as process:
        assert process.stdout is not None
        return [json.loads(line) for line in process.stdout.read().splitlines()]


def has_ended(process: int) -> bool:
    """Whether a process is gone, or will be within a second."""
    for _ in range(20):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_a_program_that_dies_of_a_signal_is_told_of() -> None:
    assert events_of("os.kill(os.getpid(), signal.SIGSEGV)")[-1]["reason"] == "died with signal 11"


def test_a_program_that_takes_too_much_memory_is_ended() -> None:
    events = events_of("hog = bytearray(b'x') * (1 << 28); time.sleep(60)", memory=1 << 27)
    assert events[-1]["reason"] == "took over 0.125 GiB of memory"


def test_a_daemon_of_a_program_ends_with_it() -> None:
    daemon = "os.fork() or (os.setsid(), tell(event='daemon', pid=os.getpid()), time.sleep(60))"
    (daemon_id,) = (e["pid"] for e in events_of(f"{daemon}; time.sleep(0.3)") if e["event"] == "daemon")
    assert has_ended(daemon_id)


def test_a_runner_that_is_asked_to_end_takes_a_hung_program_with_it() -> None:
    with supervised("time.sleep(60)") as process:
        assert process.stdout is not None
        hung = json.loads(process.stdout.readline())["pid"]
        process.send_signal(signal.SIGTERM)
    assert has_ended(hung)


def test_a_program_ends_when_nobody_waits_for_it_any_more() -> None:
    with supervised("time.sleep(60)") as process:
        assert process.stdout is not None and process.stdin is not None
        left = json.loads(process.stdout.readline())["pid"]
        process.stdin.close()
        process.stdin = None
    assert has_ended(left)


# What programs are called with


@given(st.integers(1, 200), st.integers(1, 10))
def test_chosen_places_are_spread_from_the_first_to_the_last(count: int, chosen: int) -> None:
    places = spread(count, chosen)
    assert len(places) == min(count, chosen)
    assert places[0] == 0
    if chosen > 1:
        gaps = [b - a for a, b in itertools.pairwise(places)]
        assert places[-1] == count - 1
        assert not gaps or max(gaps) - min(gaps) <= 1


@given(st.integers(0, 4), st.integers(0, 4))
def test_orderings_are_distinct_permutations_parameters_first(activations: int, parameters: int) -> None:
    acts, pars = [f"a{i}" for i in range(activations)], [f"p{i}" for i in range(parameters)]
    found = orderings(acts, pars)
    assert all(sorted(order) == sorted(acts + pars) for order in found)
    assert len(set(found)) == len(found)
    assert found[0] == (*pars, *acts)


def test_two_activations_and_two_parameters_have_four_orderings() -> None:
    assert orderings(["a", "b"], ["p", "q"]) == [
        ("p", "q", "a", "b"), ("a", "b", "p", "q"), ("a", "p", "b", "q"), ("p", "a", "q", "b"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "shapes"),
    [
        ("M, K = a.shape\n    K, N = b.shape", {"a": ["M", "K"], "b": ["K", "N"]}),
        ("M, K, N = a.shape[0], a.shape[1], b.shape[1]\n    assert a.shape[1] == b.shape[0]",
         {"a": ["M", "K"], "b": ["K", "N"]}),
        ("H = a.size(-1)\n    assert a.dim() == 3\n    assert b.shape == (H,)",
         {"a": ["a.0", "a.1", "H"], "b": ["H"]}),
        ("*rest, D = a.shape\n    b = b.contiguous()", {"a": ["a.0", "D"], "b": ["b.0", "b.1"]}),
        ("M, K, N = *a.shape, b.shape[-1]\n    assert a.dim() == b.dim() == 2",
         {"a": ["M", "K"], "b": ["b.0", "N"]}),
        ("B, T, D = b.shape\n    assert a.shape == b.shape", {"a": ["B", "T", "D"], "b": ["B", "T", "D"]}),
        ("a.stride(2)\n    b.numel()", {"a": ["a.0", "a.1", "a.2"], "b": ["b.0", "b.1"]}),
    ],
)  # fmt: skip
def test_axes_of_one_name_are_one_size(body: str, shapes: dict[str, list[str]]) -> None:
    facts = facts_of(function(f"def f(a, b):\n    {body}\n"), {})
    assert {name: facts.shape(name, 2) for name in ("a", "b")} == shapes
    assert facts.tensors == {"a", "b"}


KERNELS = {
    "scale": function(
        "def scale(source, factor, target, n, B: tl.constexpr):\n"
        "    i = tl.program_id(0) * B + tl.arange(0, B)\n"
        "    place = source + i\n"
        "    tl.store(target + i, tl.load(place, mask=i < n) * factor)\n"
    ),
    "inner": function(
        "def inner(rows, width, B: tl.constexpr):\n    return tl.load(rows + tl.arange(0, B))\n"
    ),
    "outer": function(
        "def outer(table, out, stride, B: tl.constexpr):\n"
        "    start = table + tl.program_id(0) * stride\n"
        "    tl.atomic_add(out, inner(start, stride, B))\n"
    ),
    "blocks": function(
        "def blocks(first, m, B: tl.constexpr):\n"
        "    p = tl.make_block_ptr(base=first, shape=(m,), strides=(1,), offsets=(0,), block_shape=(B,))\n"
        "    tl.load(p)\n"
    ),
    "moving": function("def moving(x, row, n):\n    x += row * n\n    return tl.load(x + n)\n"),
}


@pytest.mark.parametrize(
    ("kernel", "pointers"),
    [
        ("scale", {"source", "target"}), ("inner", {"rows"}), ("outer", {"table", "out"}),
        ("blocks", {"first"}), ("moving", {"x"}),
    ],
)  # fmt: skip
def test_a_pointer_is_what_addresses_begin_with(kernel: str, pointers: set[str]) -> None:
    assert pointers_of(KERNELS[kernel], KERNELS) == pointers


def test_what_a_kernel_loads_from_is_a_tensor_where_it_is_launched() -> None:
    wrapper = function("def f(p, q, r, n):\n    scale[(n,)](p, q, r, n, B=64)\n")
    assert facts_of(wrapper, KERNELS).tensors == {"p", "r"}


def test_entries_are_what_launches_uncalled_the_last_one_first_backward_passes_at_the_end() -> None:
    text = """
def launch(x): scale[(1,)](x)
def first(x): return launch(x)
class Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, eps): scale[(1,)](x)
def unrelated(x): return x
def grad_backward(x): scale[(1,)](x)
def last(x): return Norm.apply(x, 1.0)
"""
    assert [path for path, _ in entries_of(ast.parse(text), {"scale"})] == ["last", "first", "grad_backward"]


def test_apply_of_an_autograd_function_is_an_entry_without_its_context() -> None:
    text = "class N(Function):\n    @staticmethod\n    def forward(ctx, x, eps):\n        scale[(1,)](x)\n"
    ((path, forward),) = entries_of(ast.parse(text), {"scale"})
    assert (path, [a.arg for a in forward.args.args]) == ("N.apply", ["x", "eps"])


SHAPE = st.lists(st.sampled_from("MNKBHDT"), min_size=1, max_size=4, unique=True)


@given(st.lists(SHAPE, min_size=1, max_size=3), st.sampled_from([1 << 12, 1 << 16, 1 << 20]))
def test_sizes_are_powers_of_two_and_no_tensor_is_far_above_the_count_that_was_asked(
    shapes: list[list[str]], elements: int
) -> None:
    sizes = sizes_of(shapes, elements)
    assert all(size & (size - 1) == 0 for size in sizes.values())
    # Sixteen an axis is the least that a product of blocks takes, whatever was asked.
    least = max(16 ** len(shape) * 4**2 for shape in shapes)
    assert max(math.prod(sizes[name] for name in shape) for shape in shapes) <= max(elements, 16 * least)


def test_larger_inputs_come_later_and_every_size_is_its_tensors_elements() -> None:
    (*_, spec) = (s for s in candidates(program(DOUBLE)) if s["kind"] == "call")
    sizes = [case["size"] for case in spec["cases"]]
    assert sizes == sorted(set(sizes))
    assert sizes == [sum(math.prod(a["shape"]) for a in case["arguments"]) for case in spec["cases"]]


def test_the_benchmark_comes_first_then_the_test_then_the_signature() -> None:
    benchmark = Benchmark("doubling", SCRIPT, ("TritonBench_v1.doubling",), ("double",), 4, TEST, DOUBLE)
    kinds = [spec["kind"] for spec in candidates(program(DOUBLE, benchmark))]
    assert kinds[:3] == ["benchmark", "test", "call"]


def test_a_program_is_not_compared_with_itself_and_another_one_is() -> None:
    benchmark = Benchmark("doubling", SCRIPT, ("TritonBench_v1.doubling",), ("double",), 4, TEST, DOUBLE)
    own = candidates(program(DOUBLE, benchmark))[0]["reference"]
    other = candidates(program(DOUBLE + "\n", benchmark))[0]["reference"]
    assert (own, other) == (None, DOUBLE)


def test_nothing_of_a_program_runs_while_its_arguments_are_planned() -> None:
    text = DOUBLE + "\nraise SystemExit('was run')\n"
    assert candidates(program(text))


@pytest.mark.parametrize(
    ("axis", "count"), [(7, 7), ([100, ["B"]], 2), ([100, ["B", "C"]], 1), ([128, ["B"]], 2)]
)
def test_a_grid_axis_has_a_program_for_every_block(axis: Any, count: int) -> None:
    assert axis_of(axis, {"B": 64, "C": 2}) == count


# Data


@pytest.mark.parametrize(
    "answer",
    [
        DOUBLE,
        f" {DOUBLE.strip()}",
        f"Sure! Here it is:\n```python\n{DOUBLE}```\nIt doubles.",
        f"Kernel:\n```triton\n{DOUBLE}",
        f"Below is the code.\n\n{DOUBLE.strip()}\n",
        f"{DOUBLE}\n\n@triton.jit\ndef torn(x_ptr, n: tl.constexpr",
        f"{DOUBLE}\n\ndef torn(x):\n    if x:\n        return '''",
    ],
)
def test_the_program_is_found_in_an_answer(answer: str) -> None:
    text = code_of(answer)
    assert text is not None
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(DOUBLE))


@given(st.text(max_size=200), st.text(max_size=200))
def test_what_is_found_in_an_answer_parses_and_holds_a_kernel(before: str, after: str) -> None:
    text = code_of(f"{before}\n```python\n{DOUBLE}\n```\n{after}")
    assert text is None or kernels_of(text)


@given(st.text(max_size=300))
def test_an_answer_without_a_kernel_holds_no_program(answer: str) -> None:
    assert code_of(answer) is None


def data(folder: Path, references: list[dict[str, Any]], answers: list[dict[str, Any]]) -> Path:
    (folder / "triton").mkdir()
    for name, records in (("reference_kernels", references), ("model_written_kernels", answers)):
        with gzip.open(folder / "triton" / f"{name}.jsonl.gz", "wt", encoding="utf-8") as lines:
            lines.writelines(json.dumps(record) + "\n" for record in records)
    return folder


def reference(name: str, text: str = DOUBLE, **more: Any) -> dict[str, Any]:
    script = SCRIPT.replace("doubling", name)
    code = f"{text}\n{'#' * 146}\n{TEST}"
    return {"name": name, "channel": "G", "code": code, "perf_script": script, "timings": []} | more


def answer(text: str) -> dict[str, Any]:
    return {"origin": "a_model", "file": None, "code": text}


def test_an_answer_is_run_by_the_benchmark_of_the_task_whose_entry_point_it_defines(tmp_path: Path) -> None:
    folder = data(tmp_path, [reference("doubling")], [answer(DOUBLE.replace("2 *", "2.0 *"))])
    first, second = programs(folder)
    assert (second.problem, second.benchmarks) == (first.problem, first.benchmarks)


def test_references_with_one_entry_point_are_one_problem(tmp_path: Path) -> None:
    other = DOUBLE.replace("1024", "512")
    folder = data(tmp_path, [reference("b"), reference("a", other)], [])
    assert [p.problem for p in programs(folder)] == ["tritonbench/a", "tritonbench/a"]


def test_an_answer_without_the_entry_point_keeps_the_problem_of_its_kernel_and_has_no_benchmark(
    tmp_path: Path,
) -> None:
    alone = DOUBLE.partition("def double(")[0]
    first, second = programs(data(tmp_path, [reference("doubling")], [answer(alone)]))
    assert (second.problem, second.benchmarks) == (first.problem, ())


def test_the_test_of_a_reference_is_no_part_of_its_text(tmp_path: Path) -> None:
    (only,) = programs(data(tmp_path, [reference("doubling")], []))
    assert (only.text, only.benchmarks[0].test) == (DOUBLE.rstrip() + "\n", TEST.strip() + "\n")


def test_a_text_that_comes_twice_is_one_program(tmp_path: Path) -> None:
    folder = data(tmp_path, [reference("doubling")], [answer(f"```python\n{DOUBLE.strip()}\n```")] * 2)
    assert len({p.text for p in programs(folder)}) == len(list(programs(folder)))


def test_published_timings_are_rows_in_seconds_by_elements(tmp_path: Path) -> None:
    timings = [
        {"input_size": [[4, 8], [8], 3, []], "ms": 0.5, "GB/s": 1.0, "TFLOPS": 1.0},
        {"input_size": [256, 256], "ms": 0.5, "GB/s": 1.0, "TFLOPS": 1.0},
        {"input_size": [[64]], "ms": float("inf"), "GB/s": 1.0, "TFLOPS": 1.0},
    ]
    ((row,),) = published(data(tmp_path, [reference("doubling", timings=timings)], []))
    # A zero-dimensional tensor is one element.
    assert (row["size"], row["value"], row["protocol"], row["hardware"]) == (
        41,
        0.0005,
        "published",
        "unstated",
    )


# Launches, in Triton's interpreter

TRIED = Budget(cases=1, step_s=120.0, program_s=240.0)


def tried(subject: Program) -> tuple[str | None, list[str]]:
    """The kind of candidate that passes, and reasons of those before it."""
    log = investigate(subject, TRIED, "interpreter")
    kind = None if log.chosen is None else candidates(subject, 1)[log.chosen]["kind"]
    return kind, [reason for _, reason in log.failures.values()] + ([log.broken] if log.broken else [])


@needs_triton
def test_planned_arguments_launch_a_function_and_a_bare_kernel() -> None:
    assert tried(program(DOUBLE)) == ("call", [])
    assert tried(program(DOUBLE.partition("def double(")[0])) == ("launch", [])


@needs_triton
def test_a_benchmark_runs_its_program_and_one_that_answers_otherwise_does_not_count() -> None:
    benchmark = Benchmark("doubling", SCRIPT, ("TritonBench_v1.doubling",), ("double",), 4, TEST, DOUBLE)
    assert tried(program(DOUBLE.replace("1024", "512"), benchmark)) == ("benchmark", [])
    wrong = dataclasses.replace(program(DOUBLE.replace("2 *", "3 *")), benchmarks=(benchmark,))
    _, reasons = tried(wrong)
    assert reasons[:2] == ["answer differs from the reference's"] * 2


def test_without_a_gpu_nothing_is_run(tmp_path: Path) -> None:
    if Path("/dev/nvidiactl").exists():
        pytest.skip("there is a GPU")
    trace = tmp_path / "was run"
    text = f"open({str(trace)!r}, 'w')\n{DOUBLE}"
    with pytest.raises(CiRlmError, match="no Triton program can be measured here"):
        measure(Work(program(text), TRIED))
    assert not trace.exists()


@pytest.mark.gpu
def test_a_gpu_measures_larger_inputs_as_slower() -> None:
    budget = Budget(Loop(window_s=0.2))
    rows = measure(Work(program(DOUBLE), budget))
    assert [row["status"] for row in rows] == ["ok"] * 4
    assert 0 < rows[0]["value"] < rows[-1]["value"] < 0.1
    assert "CUDA" in require_gpu().hardware


@pytest.mark.gpu
def test_on_a_gpu_an_illegal_access_costs_the_program_and_not_the_run() -> None:
    text = DOUBLE.replace("x_ptr + offsets", "x_ptr + offsets + (1 << 40)")
    budget = Budget(Loop(window_s=0.2), cases=1)
    (row,) = measure(Work(program(text), budget))
    assert row["status"].startswith("CUDA error")
    (good,) = measure(Work(program(DOUBLE), budget))
    assert good["status"] == "ok"
