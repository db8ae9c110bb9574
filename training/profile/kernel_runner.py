"""The measured side of the kernel harness: one fresh process a program, nothing of ours imported.

Started by path as `python -I -B kernel_runner.py`. A job comes in on standard input as one JSON
line, one JSON line an event goes out on standard output. The process that was started only
watches: the program runs in its child, with which all that it started ends.

Protocol (Appendix D.4.2): the first launch compiles, three more warm up; a trial is a loop of at
least 20 launches, extended to at least one second; five trials. Arguments come from candidates,
in order; the first candidate whose first case passes is measured in all its cases.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import gc
import importlib.util
import json
import math
import os
import re
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NoReturn

Job = dict[str, Any]
Spec = dict[str, Any]
"""A candidate, or an argument of one, as `kernel_plan` writes them."""
Launch = Callable[[], Any]
Tell = Callable[..., None]
"""Sends one event."""

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
GIBIBYTE = 1 << 30
TOLERANCE = 0.02
"""Two right answers differ by less of their norm, in float16 and TF32 too."""


@dataclass(frozen=True, slots=True)
class Loop:
    """How long is measured."""

    seed: int = 20
    """Launches that the first trial starts with."""
    window_s: float = 1.0
    """A trial is extended to at least this."""
    trials: int = 5
    longest_s: float = 10.0
    """Fewer launches than `seed` where they would take longer; one at least."""


def trial(launch: Launch, clock: Callable[[], float], launches: int, window_s: float) -> tuple[float, int]:
    """Seconds a launch over a loop of at least `launches` and `window_s`, and how many it was.

    The clock waits for the device, so it is read between batches alone.
    """
    count, spent, batch = 0, 0.0, launches
    while True:
        began = clock()
        for _ in range(batch):
            launch()
        spent += clock() - began
        count += batch
        if spent >= window_s:
            return spent / count, count
        batch = still(count, spent, window_s)


def still(count: int, spent: float, window_s: float) -> int:
    """Launches that fill the rest of the window at the rate so far: at least 1, at most 9 times as many."""
    most = 9 * count
    return most if spent <= 0 else max(1, min(most, math.ceil((window_s - spent) * count / spent)))


def trials(launch: Launch, clock: Callable[[], float], loop: Loop) -> list[float]:
    """Seconds a launch, one value a trial; each trial has at least the launches of the one before."""
    launches = max(1, min(loop.seed, int(loop.longest_s / max(warm_up(launch, clock), 1e-9))))
    latencies = []
    for _ in range(loop.trials):
        latency, launches = trial(launch, clock, launches, loop.window_s)
        latencies.append(latency)
    return latencies


def warm_up(launch: Launch, clock: Callable[[], float]) -> float:
    """Seconds of the quickest of three launches."""
    quickest = math.inf
    for _ in range(3):
        began = clock()
        launch()
        quickest = min(quickest, clock() - began)
    return quickest


class DisagreementError(Exception):
    """The program answers otherwise than the reference."""


def reason_of(problem: BaseException) -> str:
    """What went wrong, in one line that begins with its class."""
    name, text = type(problem).__name__, str(problem).strip()
    first = text.partition("\n")[0]
    if isinstance(problem, DisagreementError):
        return text
    if name == "OutOfMemoryError" or isinstance(problem, MemoryError) or "out of memory" in text:
        return "out of memory"
    if name == "OutOfResources":
        return f"out of resources: {first.removeprefix('out of resource: ')}"
    if "CUDA error" in text:
        return f"CUDA error: {first.partition('CUDA error:')[2].strip() or first}"
    if name in ("CompilationError", "CompileTimeAssertionFailure", "UnsupportedLanguageConstruct"):
        return f"does not compile: {text.rpartition(chr(10))[2].strip()}"
    if re.search(
        r"shape|must match|size of tensor|dimension|same size|too many values|not enough values", text
    ):
        return f"shape mismatch: {first}"
    return f"{name}: {first}" if first else f"{name} at line {_line(problem)}"


def _line(problem: BaseException) -> int:
    """The innermost line of the program, 0 if it came from elsewhere."""
    line, trace = 0, problem.__traceback__
    while trace is not None:
        line = trace.tb_lineno if trace.tb_frame.f_globals.get("__name__") == "program" else line
        trace = trace.tb_next
    return line


def is_fatal(problem: BaseException) -> bool:
    """Whether the device answers no more in this process."""
    return "CUDA error" in str(problem) and "out of memory" not in str(problem)


@dataclass(frozen=True, slots=True)
class Case:
    """One input of a program."""

    size: int
    """Elements of the tensors that go in."""
    make: Callable[[], tuple[Launch, Any]]
    """Fresh arguments: what launches, and the arguments, which it may write to."""
    reference: Callable[[], tuple[Launch, Any]] | None = None
    """The same for the program that says what is right."""


def tensors(value: Any) -> list[Any]:
    """The tensors in nested lists, tuples and dictionaries, in order."""
    import torch

    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        return [tensor for part in value.values() for tensor in tensors(part)]
    if isinstance(value, list | tuple):
        return [tensor for part in value for tensor in tensors(part)]
    return []


def clone(value: Any) -> Any:
    """The same nest with tensors of its own, strides kept."""
    import torch

    if isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, dict):
        return {key: clone(part) for key, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(clone(part) for part in value)
    return value


def elements(value: Any) -> int:
    """Elements of all tensors in a nest."""
    return sum(tensor.numel() for tensor in tensors(value))


def agree(ours: list[Any], theirs: list[Any]) -> bool:
    """The same shapes, and values within `TOLERANCE` of the reference's norm; not-a-numbers at one place."""
    return len(ours) == len(theirs) and all(map(_alike, ours, theirs))


def _alike(ours: Any, theirs: Any) -> bool:
    import torch

    if ours.shape != theirs.shape:
        return False
    if ours.is_complex() or theirs.is_complex():
        ours, theirs = torch.view_as_real(ours.cfloat()), torch.view_as_real(theirs.cfloat())
    ours, theirs = ours.detach().double(), theirs.detach().double()
    finite = torch.isfinite(theirs)
    if not torch.equal(finite, torch.isfinite(ours)):
        return False
    error = torch.linalg.vector_norm((ours - theirs)[finite])
    return float(error) <= TOLERANCE * float(torch.linalg.vector_norm(theirs[finite])) + 1e-6


def value_of(spec: Any, device: str) -> Any:
    """An argument from its description; what is no description stands for itself."""
    import torch

    if not isinstance(spec, dict):
        return spec
    if "shape" in spec:
        return tensor_of(spec, device)
    if "list" in spec:
        return [value_of(part, device) for part in spec["list"]]
    if "tuple" in spec:
        return tuple(value_of(part, device) for part in spec["tuple"])
    if "dtype" in spec:
        return getattr(torch, spec["dtype"])
    if "triton" in spec:
        import triton.language

        return getattr(triton.language, spec["triton"])
    if "device" in spec:
        return torch.device(device)
    raise ValueError(f"no such argument: {spec}")


def tensor_of(spec: Spec, device: str) -> Any:
    """A seeded tensor of a shape, dtype and, where given, strides; whole numbers lie below `below`."""
    import torch

    shape, strides, dtype = spec["shape"], spec.get("strides"), getattr(torch, spec["dtype"])
    room = sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) + 1 if strides else math.prod(shape)
    room = 0 if 0 in shape else room
    if dtype is torch.bool:
        flat = torch.rand(room, device=device) < 0.5
    elif not (dtype.is_floating_point or dtype.is_complex):
        flat = torch.randint(0, max(1, spec.get("below", 2)), (room,), device=device).to(dtype)
    elif spec.get("positive"):
        flat = (torch.rand(room, device=device) + 0.1).to(dtype)
    else:
        flat = torch.randn(room, device=device).to(dtype)
    return flat.as_strided(shape, strides) if strides else flat.reshape(shape)


def module_of(text: str, name: str) -> ModuleType:
    """A program as a module with a file: Triton reads the source of its kernels from there."""
    path = Path(f"{name}.py").absolute()
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def looked_up(module: ModuleType, path: str) -> Any:
    """`Norm.apply` of a module."""
    found: Any = module
    for name in path.split("."):
        found = getattr(found, name)
    return found


class Benchmark:
    """What benchmark scripts of TritonBench derive from: here it holds inputs and times nothing."""

    chosen: tuple[int, ...] = ()

    def __init__(self, op_name: str, dtype: Any = None, is_backward: bool = False, **options: Any) -> None:
        self.op_name, self.dtype, self.is_backward = op_name, dtype, is_backward
        self.__dict__.update(options)

    @property
    def input_tensors(self) -> list[Any]:
        """The inputs; of those that are appended only the chosen ones are kept."""
        inputs: list[Any] = self.__dict__["inputs"]
        return inputs

    @input_tensors.setter
    def input_tensors(self, inputs: list[Any]) -> None:
        self.__dict__["inputs"] = _Chosen(inputs, self.chosen)


class _Chosen(list[Any]):
    """A list that lets go of what was not asked for, so that large inputs take no memory."""

    def __init__(self, inputs: list[Any], chosen: tuple[int, ...]) -> None:
        super().__init__(inputs)
        self.chosen, self.seen = chosen, len(inputs)

    def append(self, item: Any) -> None:
        if self.seen in self.chosen or not self.chosen:
            super().append(item)
        self.seen += 1


def benchmark_of(candidate: Spec, program: ModuleType) -> Any:
    """The benchmark that a script describes, bound to a program."""
    utilities = ModuleType("performance_utils")
    chosen = type("Chosen", (Benchmark,), {"chosen": tuple(candidate["inputs"])})
    utilities.Performance_Metrics, utilities.do_bench_config = chosen, dict  # type: ignore[attr-defined]
    aliases = {"performance_utils": utilities}
    for name in candidate["modules"]:
        aliases |= {name.partition(".")[0]: ModuleType(name.partition(".")[0]), name: program}
    scope: dict[str, Any] = {"__name__": "benchmark", "__file__": "benchmark.py"}
    sys.modules.update(aliases)
    try:
        exec(compile(candidate["script"], "<benchmark>", "exec"), scope)  # noqa: S102  # what this process is for
    finally:
        for name in aliases:
            del sys.modules[name]
    found = [v for v in scope.values() if isinstance(v, type) and issubclass(v, chosen) and v is not chosen]
    return found[-1]()


def benchmark_cases(candidate: Spec, program: ModuleType, reference: ModuleType | None) -> list[Case]:
    """The chosen inputs of a benchmark script."""
    ours = benchmark_of(candidate, program)
    theirs = benchmark_of(candidate, reference) if reference else None
    ours.get_input_tensors()

    def start(benchmark: Any, value: Any) -> tuple[Launch, Any]:
        moved = benchmark.to_cuda(clone(value))
        return lambda: benchmark.call_op(moved), moved

    return [
        Case(
            elements(value),
            lambda value=value: start(ours, value),  # type: ignore[misc]
            (lambda value=value: start(theirs, value)) if theirs else None,  # type: ignore[misc]
        )
        for value in ours.input_tensors
    ]


def recorded_cases(candidate: Spec, program: ModuleType, reference: ModuleType | None) -> list[Case]:
    """The arguments that a test calls a program's entry points with, ascending, one case a size."""
    calls: dict[int, tuple[str, Any, Any]] = {}
    scope = dict(vars(program))
    scope |= {name: _recorded(name, scope[name], calls) for name in candidate["entries"] if name in scope}
    try:
        exec(compile(candidate["test"], "<test>", "exec"), scope)  # noqa: S102  # what this process is for
    except Exception:
        if not calls:
            raise

    def start(module: ModuleType, call: tuple[str, Any, Any]) -> tuple[Launch, Any]:
        name, arguments, keywords = clone(call)
        return lambda: looked_up(module, name)(*arguments, **keywords), [arguments, keywords]

    return [
        Case(
            size,
            lambda call=call: start(program, call),  # type: ignore[misc]
            (lambda call=call: start(reference, call)) if reference else None,  # type: ignore[misc]
        )
        for size, call in sorted(calls.items())
    ]


def _recorded(name: str, found: Any, calls: dict[int, tuple[str, Any, Any]]) -> Any:
    """What stands for an entry point and keeps what it is called with; an autograd function has `apply`."""
    if isinstance(found, type) and hasattr(found, "apply"):
        return SimpleNamespace(apply=_recorder(f"{name}.apply", found.apply, calls))
    return _recorder(name, found, calls)


def _recorder(name: str, function: Any, calls: dict[int, tuple[str, Any, Any]]) -> Callable[..., Any]:
    def record(*arguments: Any, **keywords: Any) -> Any:
        kept = clone((name, arguments, keywords))
        result = function(*arguments, **keywords)
        calls.setdefault(elements(kept), kept)
        return result

    return record


def call_cases(candidate: Spec, program: ModuleType, device: str) -> list[Case]:
    """Planned arguments for a function."""
    function = looked_up(program, candidate["entry"])

    def start(case: Spec) -> tuple[Launch, Any]:
        arguments = [value_of(spec, device) for spec in case["arguments"]]
        keywords = {name: value_of(spec, device) for name, spec in case.get("keywords", {}).items()}
        # A list is handed over anew each time: TorchInductor's `call` empties the one that it gets.
        return (
            lambda: function(*(list(a) if type(a) is list else a for a in arguments), **keywords),
            [arguments, keywords],
        )

    return [Case(case["size"], lambda case=case: start(case)) for case in candidate["cases"]]  # type: ignore[misc]


def launch_cases(candidate: Spec, program: ModuleType, device: str) -> list[Case]:
    """Planned arguments and a grid for a kernel that nothing in its program launches."""
    kernel = looked_up(program, candidate["entry"])

    def start(case: Spec) -> tuple[Launch, Any]:
        arguments = [value_of(spec, device) for spec in case["arguments"]]
        keywords = {name: value_of(spec, device) for name, spec in case.get("keywords", {}).items()}

        def grid(meta: dict[str, Any]) -> tuple[int, ...]:
            return tuple(axis_of(spec, meta) for spec in case["grid"])

        return lambda: kernel[grid](*arguments, **keywords), [arguments, keywords]

    return [Case(case["size"], lambda case=case: start(case)) for case in candidate["cases"]]  # type: ignore[misc]


def axis_of(spec: Any, meta: dict[str, Any]) -> int:
    """Programs along one axis: a number, or `[elements, names of block sizes]`, the blocks multiplied."""
    if isinstance(spec, int):
        return spec
    count, names = spec
    block = math.prod(int(meta[name]) for name in names)
    return max(1, -(-int(count) // block))


def cases_of(candidate: Spec, program: ModuleType, device: str) -> list[Case]:
    """The cases of a candidate; at least one, or ValueError."""
    reference = module_of(candidate["reference"], "reference") if candidate.get("reference") else None
    match candidate["kind"]:
        case "benchmark":
            cases = benchmark_cases(candidate, program, reference)
        case "test":
            cases = recorded_cases(candidate, program, reference)
        case "call":
            cases = call_cases(candidate, program, device)
        case "launch":
            cases = launch_cases(candidate, program, device)
        case kind:
            raise ValueError(f"no such kind of candidate: {kind}")
    if not cases:
        raise ValueError("its test calls none of its entry points")
    return cases


@dataclass(frozen=True, slots=True)
class Device:
    """Where programs run."""

    name: str
    """`cuda`, or `cpu` for Triton's interpreter, which tries arguments and times nothing."""
    lock: str
    """A file: who times holds it alone."""
    trying: int
    """How it is held by who only tries: shared, but alone where that chooses by timing (autotuning)."""
    loop: Loop
    tell: Tell

    def wait(self) -> None:
        """Until all that was launched is done."""
        import torch

        if self.name == "cuda":
            torch.cuda.synchronize()

    def clock(self) -> float:
        """Seconds, when all that was launched is done."""
        self.wait()
        return time.perf_counter()

    @contextlib.contextmanager
    def held(self, how: int) -> Iterator[None]:
        """Hold the GPU's lock; waiting for it does not count as running."""
        if self.name != "cuda":
            yield
            return
        with Path(self.lock).open("w") as file:
            self.tell(event="waiting")
            fcntl.flock(file, how)
            self.tell(event="running")
            yield


def measure(case: Case, device: Device) -> list[float]:
    """Latencies in seconds, one a trial; none in the interpreter. Raises what the program raises."""
    import torch

    with device.held(device.trying):
        torch.manual_seed(0)
        launch, arguments = case.make()
        torch.manual_seed(0)
        result = launch()
        device.wait()
        if case.reference:
            compare(tensors([result, arguments]), case.reference, device)
    del result
    if device.name != "cuda":
        return []
    with device.held(fcntl.LOCK_EX):
        return trials(launch, device.clock, device.loop)


def compare(answer: list[Any], reference: Callable[[], tuple[Launch, Any]], device: Device) -> None:
    """Raise DisagreementError unless the reference gives this answer for the same input."""
    import torch

    torch.manual_seed(0)
    launch, arguments = reference()
    torch.manual_seed(0)
    right = tensors([launch(), arguments])
    device.wait()
    if not agree(answer, right):
        raise DisagreementError("answer differs from the reference's")


def run(job: Job, tell: Tell) -> None:
    """Try the candidates in order from where the job says, and measure the first that passes."""
    tunes = re.search(r"^@(triton\.)?autotune", job["text"], re.MULTILINE)
    trying = fcntl.LOCK_EX if tunes else fcntl.LOCK_SH
    device = Device(open_device(job["device"], tell), job["lock"], trying, Loop(**job["loop"]), tell)
    try:
        tell(event="running")
        program = module_of(job["text"], "program")
    except BaseException as problem:  # noqa: BLE001  # whatever a program raises is its row's reason
        tell(event="broken", reason=reason_of(problem))
        return
    first, place = job["start"]
    for index in range(first, len(job["candidates"])):
        if attempt(index, place if index == first else 0, job, program, device):
            break
    tell(event="end")


def attempt(index: int, place: int, job: Job, program: ModuleType, device: Device) -> bool:
    """Measure the cases of one candidate; False when its first one fails, so that the next is tried."""
    tell = device.tell
    tell(event="trying", candidate=index, case=place)
    try:
        cases = cases_of(job["candidates"][index], program, device.name)
    except BaseException as problem:  # noqa: BLE001
        return failed(tell, index, 0, 0, problem)
    for number in range(place, len(cases)):
        tell(event="trying", candidate=index, case=number, size=cases[number].size)
        try:
            latencies = measure(cases[number], device)
        except BaseException as problem:  # noqa: BLE001
            failed(tell, index, number, cases[number].size, problem)
            if number == 0:
                return False
        else:
            tell(event="done", candidate=index, case=number, size=cases[number].size, latencies=latencies)
        gc.collect()
        _empty_cache(device)
    return True


def failed(tell: Tell, index: int, number: int, size: int, problem: BaseException) -> bool:
    """Tell of a failure; a device that answers no more ends the process, and a fresh one goes on."""
    tell(event="failed", candidate=index, case=number, size=size, reason=reason_of(problem))
    if is_fatal(problem):
        os._exit(3)
    # The traceback holds the frames, and they the tensors.
    problem.__traceback__ = None
    return False


def _empty_cache(device: Device) -> None:
    import torch

    if device.name == "cuda":
        torch.cuda.empty_cache()


def open_device(name: str, tell: Tell) -> str:
    """The name of torch's device; tells where and with what is measured. Exits where it cannot be."""
    try:
        import torch
        import triton
    except ImportError as problem:
        return refuse(tell, f"{problem.name} is not installed")
    toolchain = f"triton {triton.__version__}, torch {torch.__version__}"
    if name == "interpreter":
        pretend()
        tell(event="origin", hardware="Triton's interpreter", toolchain=toolchain)
        return "cpu"
    if not torch.cuda.is_available():
        return refuse(tell, "torch sees no NVIDIA GPU")
    hardware = f"{torch.cuda.get_device_name(0)}, driver {driver_version()}, CUDA {torch.version.cuda}"
    tell(event="origin", hardware=hardware, toolchain=toolchain)
    return "cuda"


def refuse(tell: Tell, reason: str) -> NoReturn:
    """Tell why nothing is run, and end."""
    tell(event="refused", reason=reason)
    os._exit(0)


def driver_version(told: Path = Path("/proc/driver/nvidia/version")) -> str:
    """The version of the NVIDIA driver that is loaded."""
    text = told.read_text() if told.exists() else ""
    found = re.search(r"Kernel Module\S*(?: for \S+)?\s+(\d[\d.]*)", text)
    return found[1] if found else "unknown"


def pretend() -> None:
    """Let programs that are written for a GPU run on the CPU, for Triton's interpreter to try them."""
    import torch
    import triton
    from torch.overrides import TorchFunctionMode

    class OnCpu(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.Tensor.cuda:
                return args[0].clone()
            if getattr(func, "__self__", None) is torch.Tensor.is_cuda:
                return True
            options = {name: _on_cpu(value) for name, value in (kwargs or {}).items()}
            return func(*map(_on_cpu, args), **options)

    OnCpu().__enter__()  # type: ignore[no-untyped-call]
    torch.cuda.synchronize = torch.cuda.empty_cache = lambda *_: None  # type: ignore[assignment]
    torch.cuda.is_available = lambda: True
    torch.cuda.current_device = lambda: 0
    torch.cuda.get_device_capability = lambda *_: (8, 0)
    torch.cuda.get_device_name = lambda *_: "Triton's interpreter"
    torch.cuda.device = lambda *_: contextlib.nullcontext()  # type: ignore[assignment, misc]
    tuned = triton.autotune
    # Timing configurations needs a device; without one the first does.
    triton.autotune = lambda configs, key, **options: tuned(configs[:1], key, **options)


def _on_cpu(value: Any) -> Any:
    import torch

    named = isinstance(value, str) and re.fullmatch(r"cuda(:\d+)?", value)
    return "cpu" if named or (isinstance(value, torch.device) and value.type == "cuda") else value


def limit() -> None:
    """Resource limits; memory is watched from outside, since CUDA reserves more addresses than there is."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (GIBIBYTE, GIBIBYTE))
    _, most = resource.getrlimit(resource.RLIMIT_NPROC)
    resource.setrlimit(resource.RLIMIT_NPROC, (4096 if most < 0 else min(most, 4096), most))


def child(job: Job, events: int, libc: ctypes.CDLL, act: Callable[[Job, Tell], None]) -> NoReturn:
    """Run the job, its own output thrown away; never returns."""
    os.setpgid(0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)
    limit()

    def tell(**event: Any) -> None:
        os.write(events, json.dumps(event).encode() + b"\n")

    try:
        act(job, tell)
    except BaseException as problem:  # noqa: BLE001  # a fault of ours must not run on as a second parent
        tell(event="harness", reason=f"{type(problem).__name__}: {problem}")
    os._exit(0)


def supervise(job: Job, act: Callable[[Job, Tell], None] = run) -> None:
    """Act on the job in a child, within its memory, and end all that the child started."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.unshare(CLONE_NEWNET)  # fails without the privilege; the rest holds all the same
    events = os.dup(1)
    # Asked to end before the child is in our care, we would leave it behind: such a signal waits.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        child(job, events, libc, act)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        reason = watch(pid, job["memory"])
        if reason:
            os.write(events, json.dumps({"event": "died", "reason": reason}).encode() + b"\n")
    finally:
        end(pid)


def watch(pid: int, memory: int) -> str:
    """Wait for a child; the reason if it did not end by itself."""
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return f"died with signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else ""
        if sum(map(resident, family(pid))) > memory:
            return f"took over {memory / GIBIBYTE:g} GiB of memory"
        # Closed at the other end: whoever asked is gone.
        if any(mask & select.POLLHUP for _, mask in _hung_up(0).poll(200)):
            return "nobody waits for it"


def _hung_up(stream: int) -> select.poll:
    poll = select.poll()
    poll.register(stream, select.POLLHUP)
    return poll


def end(pid: int) -> None:
    """Kill the child's group, then whatever left it: as the subreaper we are its parent now."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    while orphans := children(os.getpid()):
        for orphan in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(orphan, 0)


def family(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    for below in children(pid):
        yield from family(below)


def children(pid: int) -> list[int]:
    """Process ids of the children of a process."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def resident(pid: int) -> int:
    """Bytes of a process in memory that it shares with no file: CUDA maps whole devices."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return (int(fields[1]) - int(fields[2])) * resource.getpagesize() if len(fields) > 2 else 0


def main() -> None:
    """Read a job and see it through."""
    supervise(json.loads(sys.stdin.readline()))


if __name__ == "__main__":
    main()
