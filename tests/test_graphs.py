"""The harness of ONNX graphs: what it measures, and what becomes of graphs that cannot be."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from ci_rlm.errors import UsageError
from ci_rlm.training.graph_builder import Builder, filled
from ci_rlm.training.graph_costs import costs_of
from ci_rlm.training.graph_text import text_of
from ci_rlm.training.profile.graphs import GraphWork, Timing, measure, measure_file, tasks
from ci_rlm.training.profile.rows import Row
from ci_rlm.training.sources import sha256

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="graphs are timed on Linux")

QUICK = Timing(seconds=0.01, trials=3)


def convnet(depth: int = 1, width: int = 8) -> onnx.ModelProto:
    b = Builder("convnet")
    x = b.input("input", 3, 16, 16)
    for _ in range(depth):
        x = b.op("Relu", b.conv(x, width, 3, bias=True))
    return b.model(b.head(x, 10))


def work(model: onnx.ModelProto, batches: tuple[int, ...] = (1,), timing: Timing = QUICK) -> GraphWork:
    return GraphWork("made", "made/1", "made/1", model.SerializeToString(), batches, timing)


def told(rows: Sequence[Row], metric: str) -> list[float]:
    return [row["value"] for row in rows if row["metric"] == metric]


def reasons(rows: Sequence[Row]) -> list[str]:
    """Why a measurement is missing; that neighbours had the core is none of the graph's faults."""
    found = (row["status"] for row in rows if row["status"] != "ok")
    return [reason for reason in found if not reason.startswith("latency: other processes")]


def test_every_batch_has_its_time_memory_and_exact_costs() -> None:
    model = convnet()
    rows = measure(work(model, (1, 4)))
    assert reasons(rows) == []
    assert told(rows, "flops") == [costs_of(model, 1).flops, costs_of(model, 4).flops]
    assert told(rows, "parameters") == [costs_of(model).parameters] * 2
    assert all(0 < value < 1 for value in told(rows, "cpu_time"))
    assert all(
        held < whole for held, whole in zip(told(rows, "peak_memory"), told(rows, "peak_rss"), strict=True)
    )


def test_rows_say_how_and_on_what() -> None:
    import onnxruntime

    model = convnet()
    row = measure(work(model))[0]
    assert (row["protocol"], row["language"], row["size"]) == ("onnx-1", "onnx", 1)
    assert row["sha256"] == sha256(text_of(model))
    assert row["toolchain"] == f"onnxruntime {onnxruntime.__version__}, CPU, 1 thread"


def test_a_repeated_metric_has_the_spread_of_its_trials() -> None:
    (row,) = [row for row in measure(work(convnet())) if row["metric"] == "cpu_time"]
    assert row["n"] == QUICK.trials
    assert 0 < row["minimum"] <= row["value"] <= row["maximum"]


def test_sixty_times_the_work_takes_at_least_ten_times_as_long() -> None:
    small, large = convnet(), convnet(depth=4, width=32)
    assert costs_of(large).flops > 60 * costs_of(small).flops
    times = [told(measure(work(model, (16,))), "cpu_time")[0] for model in (small, large)]
    assert times[1] > 10 * times[0]


def test_weights_show_in_the_peak() -> None:
    b = Builder("wide")
    x = b.input("input", 2048)
    rows = measure(work(b.model(b.linear(x, 2048))))
    assert told(rows, "peak_memory")[0] > 4 * 2048 * 2048


def test_a_trial_that_shared_the_core_tells_no_latency() -> None:
    """Two runners on one core: each has half of it, so CPU time stays and latency goes."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        timing = Timing(seconds=0.2, trials=3)
        found: list[list[Row]] = []
        threads = [
            threading.Thread(target=lambda: found.append(measure(work(convnet(), (16,), timing))))
            for _ in "ab"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        os.sched_setaffinity(0, before)
    rows = [row for rows in found for row in rows]
    assert any(row["status"].startswith("latency: other processes had the core in") for row in rows)
    assert len(told(rows, "cpu_time")) == 2


def test_ids_stay_within_the_table_that_they_index() -> None:
    b = Builder("ids")
    ids = b.input("ids", 4, kind="INT64")
    x = b.op("ReduceMean", b.embed(ids, 3, 8), shape=(8,), axes=[1], keepdims=0)
    assert reasons(measure(work(b.model(b.linear(x, 2))))) == []


def custom() -> onnx.ModelProto:
    node = helper.make_node("Fancy", ["x"], ["y"], domain="ours")
    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, ("N", 3))
    graph = helper.make_graph([node], "g", [info], [helper.make_empty_tensor_value_info("y")])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ours", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def test_a_graph_that_the_runtime_rejects_is_a_row_with_its_reason() -> None:
    (reason,) = reasons(measure(work(custom())))
    assert (
        reason
        == "Load model from graph.onnx failed:Fatal error: ours:Fancy(-1) is not a registered function/op"
    )


def test_flops_of_an_operator_without_a_rule_are_missing_with_a_reason() -> None:
    node = helper.make_node("Det", ["x"], ["y"])
    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, ("N", 3, 3))
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, ("N",))
    model = helper.make_model(
        helper.make_graph([node], "g", [info], [out]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    rows = measure(work(model))
    assert len(told(rows, "cpu_time")) == 1
    assert reasons(rows) == ["flops: Det (y): no rule"]


def test_past_the_time_limit_larger_batches_are_not_tried() -> None:
    timing = Timing(seconds=5.0, trials=5, limit_s=1.0)
    assert reasons(measure(work(convnet(), (1, 4), timing))) == [
        "time limit",
        "a smaller batch ran out of time",
    ]


def test_past_the_memory_limit_there_is_a_reason() -> None:
    timing = Timing(seconds=0.01, trials=3, memory=1 << 30)
    b = Builder("huge")
    x = b.op("Relu", b.input("input", 1, 1024, 1024))
    (reason,) = reasons(measure(work(b.model(b.head(b.conv(x, 64, 1), 2)), (16,), timing)))
    assert "alloc" in reason.lower()


def kill_our_runner() -> None:
    """Wait until this process has a runner, then kill it as a fault of its own would."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                ours = f"PPid:\t{os.getpid()}\n" in (process / "status").read_text()
                if ours and b"graph_runner.py" in (process / "cmdline").read_bytes():
                    os.kill(int(process.name), signal.SIGSEGV)
                    return
        time.sleep(0.02)


def test_a_runner_that_is_killed_is_a_row() -> None:
    killer = threading.Thread(target=kill_our_runner)
    killer.start()
    rows = measure(work(convnet(), timing=Timing(seconds=30.0, limit_s=60.0)))
    killer.join()
    assert reasons(rows) == ["died with signal 11"]


def test_a_file_of_the_users_is_measured_where_it_lies(tmp_path: Path) -> None:
    model = filled(convnet())
    path = tmp_path / "net.onnx"
    onnx.save(model, path, save_as_external_data=True, size_threshold=0)
    rows = measure_file(path, batches=(2,), timing=QUICK)
    assert reasons(rows) == []
    assert {row["record"] for row in rows} == {"net.onnx"}
    assert told(rows, "flops") == [costs_of(model, 2).flops]


def test_a_file_of_a_fixed_batch_is_measured_at_it(tmp_path: Path) -> None:
    model = filled(convnet())
    dim = model.graph.input[0].type.tensor_type.shape.dim[0]
    dim.Clear()
    dim.dim_value = 3
    onnx.save(model, tmp_path / "net.onnx")
    rows = measure_file(tmp_path / "net.onnx", timing=QUICK)
    assert {row["size"] for row in rows} == {3}


def test_open_dimensions_are_bound_by_name(tmp_path: Path) -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ("N", "time", 4)) for name in "xy"]
    graph = helper.make_graph([node], "g", infos[:1], infos[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "net.onnx")
    rows = measure_file(tmp_path / "net.onnx", batches=(2,), dims={"time": 5}, timing=QUICK)
    assert told(rows, "flops") == [40]
    with pytest.raises(UsageError, match="the size of 'time' is open"):
        list(tasks([tmp_path / "net.onnx"]))


@pytest.mark.parametrize("content", [b"", b"no graph at all"])
def test_what_is_no_graph_is_an_error_before_anything_runs(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="is not an ONNX graph"):
        list(tasks([path]))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        list(tasks([tmp_path / "none.onnx"]))


def test_an_input_that_numpy_has_no_numbers_for_is_a_reason(tmp_path: Path) -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    infos = [helper.make_tensor_value_info(name, TensorProto.STRING, ("N",)) for name in "xy"]
    graph = helper.make_graph([node], "g", infos[:1], infos[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert reasons(measure(work(model))) == ["input x: no way to make values of type STRING"]


def test_a_changed_file_is_another_task(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(filled(convnet()), path)
    (before,) = tasks([path])
    onnx.save(filled(convnet(depth=2)), path)
    (after,) = tasks([path])
    assert before.key != after.key


def test_generated_graphs_are_tasks_that_a_worker_can_take() -> None:
    import pickle

    made = list(tasks(synthetic=5, timing=QUICK))
    assert len({task.key for task in made}) == 5
    assert pickle.loads(pickle.dumps(made[0])) == made[0]
