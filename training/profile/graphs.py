"""Latency of ONNX graphs on a CPU, by onnxruntime: one fresh process a (graph, batch size).

Protocol `onnx-1`: the CPU provider, one thread, operators one after the other, all optimisations of
graphs on; inputs made from the declared shapes and types; a warm-up, then five trials of at least
0.2 s each; latency is the median over trials of the mean of a trial, with its spread. Trials in which
another process had the core do not count; where they are most, a row says so and there is no latency.
Beside it the CPU time of one run, which neighbours disturb little; the peak resident size, whole and
above what the process held before it read the graph; parameters and FLOPs, counted.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ci_rlm.errors import UsageError
from ci_rlm.training import architectures
from ci_rlm.training.architectures import Piece
from ci_rlm.training.graph_builder import filled
from ci_rlm.training.graph_costs import costs_of
from ci_rlm.training.graph_shapes import batched, input_shapes, require_onnx
from ci_rlm.training.graph_text import text_of
from ci_rlm.training.profile.engine import Task
from ci_rlm.training.profile.hardware import hardware_class
from ci_rlm.training.profile.rows import Origin, Row, Spread, Subject, failed, measured
from ci_rlm.training.sources import sha256
from ci_rlm.training.synthetic_graphs import synthetic_graphs

if TYPE_CHECKING:
    from onnx import ModelProto

PROTOCOL = "onnx-1"
BATCHES = (1, 4, 16)
_RUNNER = Path(__file__).with_name("graph_runner.py")
_OWN_SHARE = 0.95
"""CPU time by wall time of a trial that counts. Without neighbours it is 0.99 and more."""
_ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}


@dataclass(frozen=True, slots=True)
class Timing:
    """How one graph is timed, and what it may use."""

    seconds: float = 0.2
    """A trial lasts at least so long."""
    trials: int = 5
    limit_s: float = 60.0
    """Wall time of one batch size, its start included."""
    memory: int = 8 << 30
    """Bytes of address space."""


@dataclass(frozen=True, slots=True)
class GraphWork:
    """One graph to measure, as a worker gets it."""

    source: str
    problem: str
    record: str
    model: bytes
    """Serialized; its weights may have no data."""
    batches: tuple[int, ...] = BATCHES
    timing: Timing = Timing()


@dataclass(frozen=True, slots=True)
class FileWork:
    """A user's graph to measure; the file stays where it is, with the data of its weights."""

    path: Path
    batches: tuple[int, ...] = BATCHES
    dims: tuple[tuple[str, int], ...] = ()
    """Sizes of open dimensions other than the batch, by name."""
    timing: Timing = Timing()


Work = GraphWork | FileWork | Piece


def tasks(
    models: Sequence[Path] = (),
    *,
    data: Path | None = None,
    cells: int = 0,
    synthetic: int = 0,
    seed: int = 0,
    batches: tuple[int, ...] = BATCHES,
    dims: Mapping[str, int] | None = None,
    timing: Timing = Timing(),
) -> Iterator[Task]:
    """Graphs to measure: a user's files; so many synthetic ones; so many NAS-Bench-201 cells of `data`.

    With `data` also what its tables tell, which costs no measuring. Raises UsageError for a file that
    is no graph, and for an open dimension without a size.
    """
    for path in models:
        yield _file_task(FileWork(path.absolute(), batches, tuple((dims or {}).items()), timing))
    yield from _synthetic_tasks(synthetic, seed, batches, timing)
    if data is not None:
        for cell in architectures.sample(data, "nasbench201", cells, seed):
            model = cell.model.SerializeToString()
            yield Task(cell.record, GraphWork(cell.source, cell.problem, cell.record, model, batches, timing))
        yield from architectures.tasks(data)


def _file_task(work: FileWork) -> Task:
    """A changed file is a task of its own."""
    input_shapes(_loaded(work.path), work.batches[0], dict(work.dims))
    digest = hashlib.sha256(work.path.read_bytes()).hexdigest()[:16]
    return Task(f"{work.path.name}/{digest}", work)


def _synthetic_tasks(count: int, seed: int, batches: tuple[int, ...], timing: Timing) -> Iterator[Task]:
    seen: set[str] = set()
    for record, model in synthetic_graphs(count, seed):
        # Families with few choices draw the same graph twice.
        if (text := text_of(model)) not in seen:
            seen.add(text)
            work = GraphWork("synthetic-graph", record, record, model.SerializeToString(), batches, timing)
            yield Task(record, work)


def measure(work: Work) -> list[Row]:
    """Rows of one task."""
    if isinstance(work, FileWork):
        return measure_file(work.path, batches=work.batches, dims=dict(work.dims), timing=work.timing)
    return measure_graph(work) if isinstance(work, GraphWork) else architectures.measure(work)


def measure_graph(work: GraphWork) -> list[Row]:
    """Rows of one graph, at each batch size."""
    model = require_onnx().ModelProto.FromString(work.model)
    subject = Subject(work.source, work.problem, work.record, sha256(text_of(model)), "onnx")
    with tempfile.TemporaryDirectory(prefix="ci-rlm-profile-") as folder:
        path = Path(folder) / "graph.onnx"
        path.write_bytes(filled(model).SerializeToString())
        return _rows(subject, model, path, work.batches, {}, work.timing)


def measure_file(
    path: Path,
    *,
    batches: Sequence[int] = BATCHES,
    dims: Mapping[str, int] | None = None,
    timing: Timing = Timing(),
) -> list[Row]:
    """Rows of a user's graph, at each batch size; at its own where that is fixed.

    `dims` gives sizes to other open dimensions: see `graph_shapes.input_shapes`. Raises UsageError
    for a file that is no graph, and for an open dimension without a size.
    """
    model = _loaded(path)
    subject = Subject("file", path.name, path.name, sha256(text_of(model)), "onnx")
    return _rows(subject, model, path.absolute(), tuple(batches), dims or {}, timing)


def _loaded(path: Path) -> ModelProto:
    onnx = require_onnx()
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]

    try:
        model: ModelProto = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint="name an .onnx file") from error
    except DecodeError:
        model = onnx.ModelProto()
    if not model.graph.node:
        raise UsageError(f"{path} is not an ONNX graph", hint="name a file that torch.onnx.export wrote")
    return model


def _rows(
    subject: Subject,
    model: ModelProto,
    path: Path,
    batches: tuple[int, ...],
    dims: Mapping[str, int],
    timing: Timing,
) -> list[Row]:
    """One batch after the other; past one that runs out of time, none is tried."""
    origin, rows, spent = _origin(), [], False
    for batch in batches if batched(model) else (_fixed_batch(model),):
        shapes = input_shapes(model, batch, dims)
        answer = (
            {"error": "a smaller batch ran out of time"} if spent else _answer(model, path, shapes, timing)
        )
        spent = spent or answer.get("error") == "time limit"
        if "error" in answer:
            rows += failed(subject, batch, _reason(answer["error"], path), origin)
            continue
        rows += _timed(subject, batch, answer, origin)
        rows += _counted(subject, batch, model, dims, origin)
    return rows


def _fixed_batch(model: ModelProto) -> int:
    shape = next(iter(input_shapes(model, 1, {}).values()), ())
    return shape[0] if shape else 1


def _reason(error: str, path: Path) -> str:
    """What went wrong, without the runtime's preamble, which fills the line and hides it."""
    plain = re.sub(r"^\w+: \[ONNXRuntimeError\] : \d+ : \w+ : ", "", error).replace(str(path), path.name)
    running = re.search(r"running (\w+) node\..* Status Message: (.*)", plain, re.DOTALL)
    return f"{running[1]}: {running[2]}" if running else plain


def _timed(subject: Subject, batch: int, answer: Mapping[str, Any], origin: Origin) -> list[Row]:
    """Times and memory; the latency only if most trials had the core to themselves."""
    costs: dict[str, float | Spread] = {
        "cpu_time": Spread.of(answer["cpu_time"]),
        "peak_rss": float(answer["peak_rss"]),
        "peak_memory": float(answer["peak_memory"]),
    }
    wall = _undisturbed(answer["latency"], answer["cpu_time"])
    if len(wall) > len(answer["latency"]) / 2:
        return measured(subject, batch, {"latency": Spread.of(wall), **costs}, origin)
    lost = len(answer["latency"]) - len(wall)
    reason = f"latency: other processes had the core in {lost} of {len(answer['latency'])} trials"
    return measured(subject, batch, costs, origin) + failed(subject, batch, reason, origin)


def _undisturbed(latency: Sequence[float], cpu_time: Sequence[float]) -> list[float]:
    """Latencies of the trials that had the core nearly to themselves: one thread never waits."""
    return [wall for wall, cpu in zip(latency, cpu_time, strict=True) if cpu >= _OWN_SHARE * wall]


def _counted(
    subject: Subject, batch: int, model: ModelProto, dims: Mapping[str, int], origin: Origin
) -> list[Row]:
    """Parameters, and FLOPs where every operator has a rule; else a row says which has none."""
    costs = costs_of(model, batch, dims)
    rows = measured(subject, batch, {"parameters": float(costs.parameters)}, origin)
    if costs.uncounted:
        return rows + failed(subject, batch, f"flops: {'; '.join(costs.uncounted)}", origin)
    return rows + measured(subject, batch, {"flops": float(costs.flops)}, origin)


def _origin() -> Origin:
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError("timing graphs needs onnxruntime", hint='pip install "ci-rlm[onnx]"') from error
    return Origin(PROTOCOL, hardware_class(), f"onnxruntime {onnxruntime.__version__}, CPU, 1 thread")


def _answer(
    model: ModelProto, path: Path, shapes: Mapping[str, tuple[int, ...]], timing: Timing
) -> dict[str, Any]:
    """What the runner told of one batch size, or `error` with the reason."""
    try:
        job = {
            "model": str(path), "dims": _overrides(model, shapes), "inputs": _inputs(model, shapes),
            "seconds": timing.seconds, "trials": timing.trials, "memory": timing.memory,
        }  # fmt: skip
    except UsageError as problem:
        return {"error": problem.message}
    return _run(json.dumps(job), timing.limit_s)


def _overrides(model: ModelProto, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """Sizes of the dimensions that have a name, so that onnxruntime plans for them."""
    return {
        dim.dim_param: shapes[value.name][axis]
        for value in model.graph.input
        if value.name in shapes
        for axis, dim in enumerate(value.type.tensor_type.shape.dim)
        if dim.dim_param
    }


def _inputs(model: ModelProto, shapes: Mapping[str, tuple[int, ...]]) -> list[dict[str, Any]]:
    """How to make each input. Raises UsageError for a type that numpy has no numbers for."""
    onnx = require_onnx()
    given = []
    for value in model.graph.input:
        if value.name in shapes:
            number = value.type.tensor_type.elem_type
            kind = onnx.helper.tensor_dtype_to_np_dtype(number)
            if kind.kind not in "fiub":
                name = onnx.TensorProto.DataType.Name(number)
                raise UsageError(f"input {value.name}: no way to make values of type {name}")
            below = _index_bound(model, value.name)
            given.append({"name": value.name, "kind": kind.str, "shape": shapes[value.name], "below": below})
    return given


def _index_bound(model: ModelProto, name: str) -> int:
    """Rows of the table that an input indexes, directly or cast; 0 where it indexes none."""
    names, bounds = {name}, []
    rows = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type in ("Cast", "Identity") and node.input[0] in names:
            names.add(node.output[0])
        if node.op_type == "Gather" and node.input[1] in names and node.input[0] in rows:
            axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
            bounds.append(int(rows[node.input[0]][axis]))
    return min(bounds, default=0)


def _run(job: str, limit_s: float) -> dict[str, Any]:
    """Give a job to a fresh runner; its group is killed when it ends or its time is up."""
    if sys.platform != "linux":
        raise UsageError(
            "graphs are timed on Linux alone", hint="run this on a Linux machine or in a container"
        )
    process = subprocess.Popen(
        [sys.executable, "-P", str(_RUNNER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **_ONE_THREAD},
        start_new_session=True,
    )
    try:
        out, _ = process.communicate(job.encode(), timeout=limit_s)
    except subprocess.TimeoutExpired:
        return {"error": "time limit"}
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return _decoded(out, process.returncode)


def _decoded(out: bytes, status: int) -> dict[str, Any]:
    with suppress(ValueError):
        answer = json.loads(out)
        if isinstance(answer, dict):
            return answer
    return {"error": f"died with signal {-status}" if status < 0 else f"the runner exited with {status}"}
