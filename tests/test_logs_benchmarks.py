"""Logs of benchmark tools: what is read is what the tool wrote; `logs_benchmarks.py` has the tools."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ci_rlm.errors import LogError
from ci_rlm.logs import Bad, Kind, Options
from tests.logs_benchmarks import ASV, CRITERION, FOLDER, SAMPLES, everything, measurements, reasons

RUN_IN_A_MINUTE = "\n".join((
    "import pytest",
    "@pytest.mark.parametrize('size', [10, 1000])",
    "def test_sort(benchmark, size):",
    "    benchmark.extra_info['target'] = 'builtins:sorted'",
    "    benchmark(sorted, list(range(size)))",
    "def test_store(benchmark):",
    "    benchmark.pedantic(list, args=((),), rounds=4)",
))  # fmt: skip


def written(path: Path) -> Any:
    """What Python's own module reads of a JSON file."""
    return json.loads(path.read_bytes())


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pytest-benchmark writes now."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "test_speed.py").write_text(RUN_IN_A_MINUTE)
    arguments = ["--benchmark-json=out.json", "--benchmark-max-time=0.01", "--benchmark-save-data", "-q"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments, "test_speed.py"]
    done = subprocess.run(command, cwd=folder, env={**os.environ, "PYTEST_ADDOPTS": ""}, capture_output=True)
    assert done.returncode == 0, done.stdout.decode()
    return folder / "out.json"


def test_pytest_benchmark_gives_the_median_and_the_quartiles_of_each_test(fresh: Path) -> None:
    told = [benchmark["stats"] for benchmark in written(fresh)["benchmarks"]]
    read = measurements("pytest_benchmark", fresh)
    assert [(each.value, each.lower, each.upper, each.n) for each in read] == [
        (stats["median"], stats["q1"], stats["q3"], stats["rounds"]) for stats in told
    ]
    assert [each.value for each in read] == pytest.approx(
        [statistics.median(stats["data"]) for stats in told]
    )


def test_pytest_benchmark_names_tests_targets_and_parameters(fresh: Path) -> None:
    read = measurements("pytest_benchmark", fresh)
    assert [each.place.test for each in read] == [
        "test_speed.py::test_sort[10]", "test_speed.py::test_sort[1000]", "test_speed.py::test_store",
    ]  # fmt: skip
    assert [each.place.symbol for each in read] == ["builtins:sorted", "builtins:sorted", ""]
    assert [each.params for each in read] == [(("size", "10"),), (("size", "1000"),), ()]


def test_pytest_benchmark_tells_commit_machine_and_time() -> None:
    first = measurements("pytest_benchmark", FOLDER / "pytest_benchmark.json")[0]
    assert (first.commit, first.dirty) == ("b803c9a06ad2aad39ed45ece6c705a211c4fed9f", False)
    assert first.hardware == "AMD EPYC, CPython 3.11.7"
    assert first.when == "2026-11-26T03:13:32.436096+00:00"
    assert (first.metric, first.kind) == ("wall_time", Kind.PER_CALL)


@pytest.mark.parametrize("told", ["unversioned", "unknown"])
def test_pytest_benchmark_outside_of_a_repository_has_no_commit(tmp_path: Path, told: str) -> None:
    document = written(FOLDER / "pytest_benchmark.json")
    document["commit_info"]["id"] = told
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(document))
    assert {each.commit for each in measurements("pytest_benchmark", changed)} == {""}


def test_pytest_benchmark_with_a_timer_of_the_cpu_gives_cpu_time(tmp_path: Path) -> None:
    document = written(FOLDER / "pytest_benchmark.json")
    document["benchmarks"][0]["options"]["timer"] = "process_time"
    document["commit_info"]["dirty"] = True
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(document))
    first, second, *_ = measurements("pytest_benchmark", changed)
    assert (first.metric, second.metric, first.dirty) == ("cpu_time", "wall_time", True)


def test_asv_gives_a_value_for_each_combination_the_last_parameter_fastest() -> None:
    # asv printed: 10 first 396 ns, 10 last 491 ns, 1000 first n/a, 1000 last 7.90 µs; merge 283 µs.
    read = {(each.place.symbol, each.params): each for each in measurements("asv", ASV)}
    rounded = {key: float(f"{each.value:.3g}") for key, each in read.items() if each.metric == "wall_time"}
    assert rounded == {
        ("suite.Finding.time_find", (("size", "10"), ("where", "'first'"))): 396e-9,
        ("suite.Finding.time_find", (("size", "10"), ("where", "'last'"))): 491e-9,
        ("suite.Finding.time_find", (("size", "1000"), ("where", "'last'"))): 7.90e-6,
        ("suite.time_merge", ()): 283e-6,
    }
    merge = read["suite.time_merge", ()]
    assert (merge.lower, merge.upper, merge.n) == (0.0002427, 0.00033273, 10)
    assert merge.place.source == "def time_merge():\n    merge(list(range(500)), list(range(500)))"
    assert merge.commit == "d0737c8fa8b2c76b2138635ba054d7a1d159f725"
    assert (merge.hardware, merge.when) == ("AMD EPYC, Python 3.11", "2026-11-26T03:20:25.651000+00:00")


def test_asv_measures_the_memory_of_the_whole_process() -> None:
    [peak] = [each for each in measurements("asv", ASV) if each.kind is Kind.HIGH_WATER]
    assert (peak.place.symbol, peak.metric, peak.value) == ("suite.peakmem_store", "peak_rss", 39997440)


def test_asv_says_why_the_other_results_are_none() -> None:
    assert [(each.where, each.reason) for each in everything("asv", ASV) if isinstance(each, Bad)] == [
        ("results[suite.Finding.time_find](1000, 'first')", "there is no value: it failed or was skipped"),
        (
            "results[suite.mem_store]",
            "a mem_ benchmark tells the size of an object, not what a function needs",
        ),
        ("results[suite.time_broken]", "there is no value: it failed or was skipped"),
        ("results[suite.track_length]", "the benchmark tracks a number that is neither time nor memory"),
    ]


def test_asv_results_of_an_earlier_version_of_a_benchmark_are_left_out(tmp_path: Path) -> None:
    shutil.copytree(FOLDER / "asv", tmp_path / "asv")
    known = tmp_path / "asv/results/benchmarks.json"
    known.write_text(known.read_text().replace('"version": "c3a74d7a', '"version": "00000000'))
    bad = {
        each.where: each.reason
        for each in everything("asv", tmp_path / ASV.relative_to(FOLDER))
        if isinstance(each, Bad)
    }
    assert bad["results[suite.time_merge]"] == "the benchmark's code has changed since this result"


def test_asv_combinations_of_very_many_parameters_are_no_result(tmp_path: Path) -> None:
    shutil.copytree(FOLDER / "asv", tmp_path / "asv")
    results = tmp_path / ASV.relative_to(FOLDER)
    told = json.loads(results.read_text())
    columns = told["result_columns"]
    for row in told["results"].values():
        row[columns.index("result")], row[columns.index("params")] = [1.0], [["1"]] * 65
    results.write_text(json.dumps(told))
    assert {each.reason for each in everything("asv", results) if isinstance(each, Bad)} >= {
        "over 64 parameters"
    }


def test_asv_names_a_combination_in_few_letters(tmp_path: Path) -> None:
    shutil.copytree(FOLDER / "asv", tmp_path / "asv")
    results = tmp_path / ASV.relative_to(FOLDER)
    told = json.loads(results.read_text())
    columns = told["result_columns"]
    row = told["results"]["suite.Finding.time_find"]
    row[columns.index("result")], row[columns.index("params")] = [None] * 3, [["x" * 9_000], ["1", "2", "3"]]
    results.write_text(json.dumps(told))
    bad = [each.where for each in everything("asv", results) if isinstance(each, Bad)]
    assert sum("xxx" in where for where in bad) == 3
    assert max(map(len, bad)) < 500


def test_asv_without_its_benchmarks_names_the_file_that_is_missing(tmp_path: Path) -> None:
    alone = shutil.copy(ASV, tmp_path)
    with pytest.raises(LogError, match=r"benchmarks\.json"):
        everything("asv", Path(alone))


def test_torch_kernels_have_the_median_of_their_launches_without_the_first() -> None:
    add, vectorized = measurements("torch_profiler", FOLDER / "torch_kernels.json")
    assert (add.place.symbol, add.language, add.n) == ("add_kernel", "triton", 2)
    assert add.value == pytest.approx(statistics.median([3.5e-6, 4.5e-6]))
    assert add.params == (("grid", "[96, 1, 1]"), ("block", "[128, 1, 1]"))
    assert add.hardware == "NVIDIA H100 80GB HBM3"
    assert (vectorized.place.symbol, vectorized.language) == (
        "at::native::vectorized_elementwise_kernel",
        "cuda",
    )
    assert (vectorized.value, vectorized.n) == (pytest.approx(2.25e-6), 1)
    assert reasons("torch_profiler", FOLDER / "torch_kernels.json") == ["the value is not a number"]


def test_a_trace_of_the_cpu_alone_says_that_it_has_no_kernels(tmp_path: Path) -> None:
    import torch
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        torch.arange(10).sort()
    profiler.export_chrome_trace(str(tmp_path / "trace.json.gz"))
    assert reasons("torch_profiler", tmp_path / "trace.json.gz") == ["the trace has no kernels of a device"]


def test_ncu_rows_are_joined_by_kernel_and_shape() -> None:
    read = measurements("ncu", FOLDER / "ncu_long.csv")
    assert [(each.place.symbol, each.language, each.n) for each in read] == [
        ("add_kernel", "triton", 2), ("add_kernel", "triton", 1), ("shelf::scale", "cuda", 1),
    ]  # fmt: skip
    assert [each.value for each in read] == pytest.approx([(2560 + 2720) / 2 * 1e-9, 5120e-9, 1024e-9])
    assert read[1].params == (("grid", "(192, 1, 1)"), ("block", "(128, 1, 1)"))
    assert reasons("ncu", FOLDER / "ncu_long.csv") == ["the value is not a number"]


def test_ncu_numbers_are_read_as_their_locale_writes_them() -> None:
    [matmul] = measurements("ncu", FOLDER / "ncu_wide_german.csv")
    assert (matmul.value, matmul.n) == (pytest.approx(1536e-9), 1)


@pytest.mark.parametrize(
    ("written_as", "other", "nanoseconds"),
    [
        ("17,466,880.50", "1", 17466880.5),
        ("17.466.880,50", "1", 17466880.5),
        ("17 466 880,50", "1", 17466880.5),
        ("17'466'880.50", "1", 17466880.5),
        ("2,048", "41.5", 2048),
        ("2.048", "41,5", 2048),
        ("2.048", "41.5", 2.048),
        ("0.125", "1", 0.125),
    ],
)
def test_a_number_with_marks_is_read_by_what_the_other_numbers_tell(
    tmp_path: Path, written_as: str, other: str, nanoseconds: float
) -> None:
    rows = [("k", "gpu__time_duration.sum", "ns", written_as), ("k", "sm__throughput", "%", other)]
    lines = ['"ID","Kernel Name","Metric Name","Metric Unit","Metric Value"']
    lines += [f'"0","{name}","{metric}","{unit}","{value}"' for name, metric, unit, value in rows]
    log = tmp_path / "ncu.csv"
    log.write_text("\n".join(lines) + "\n")
    assert [each.value for each in measurements("ncu", log)] == [pytest.approx(nanoseconds * 1e-9)]


def test_nsys_gives_medians_of_kernels_and_passes_over_other_reports() -> None:
    read = measurements("nsys", FOLDER / "nsys.csv")
    assert [(each.place.symbol, each.language, each.n) for each in read] == [
        ("matmul_kernel", "triton", 100), ("shelf::scale", "cuda", 300),
    ]  # fmt: skip
    assert [each.value for each in read] == pytest.approx([59000e-9, 9500.5e-9])
    assert reasons("nsys", FOLDER / "nsys.csv") == ["the value is not a number"]


def test_a_perf_report_times_the_kernel_of_its_name_and_no_other_provider() -> None:
    read = measurements("triton_perf_report", FOLDER / "add-performance.csv")
    assert [(each.place.symbol, each.params) for each in read] == [
        ("add-performance", (("size", "1024"),)), ("add-performance", (("size", "2048"),)),
    ]  # fmt: skip
    assert [each.value for each in read] == pytest.approx([1.024e-6, 2.048e-6])
    assert set(reasons("triton_perf_report", FOLDER / "add-performance.csv")) == {
        "nothing says which kernel the provider runs"
    }


def test_a_perf_report_takes_its_kernels_and_unit_from_the_user(tmp_path: Path) -> None:
    older = tmp_path / "vector-add.csv"
    older.write_text("size,Triton,Torch\n4096.000000,9.500000,9.750000\n")
    assert set(reasons("triton_perf_report", older)) == {
        "the unit is not given", "nothing says which kernel the provider runs",
    }  # fmt: skip
    named = Options(unit="us", columns={"Triton": "add_kernel", "Torch": "add_plain"})
    read = measurements("triton_perf_report", older, named)
    assert {each.place.symbol: each.value for each in read} == {
        "add_kernel": pytest.approx(9.5e-6), "add_plain": pytest.approx(9.75e-6),
    }  # fmt: skip


def test_a_throughput_is_refused_even_with_a_unit_of_time() -> None:
    options = Options(unit="ms")
    assert measurements("triton_perf_report", FOLDER / "matmul.csv", options) == []
    assert set(reasons("triton_perf_report", FOLDER / "matmul.csv", options)) == {
        "a throughput is no latency: the work of a call is not in the log"
    }


def test_google_benchmark_gives_both_times_of_each_run() -> None:
    path = FOLDER / "google_benchmark.json"
    scale = {"us": 1e-6, "ns": 1e-9}
    expected = [
        (metric, pytest.approx(run[column] * scale[run["time_unit"]]))
        for run in written(path)["benchmarks"]
        if run["run_type"] == "iteration" and "error_occurred" not in run
        for column, metric in (("real_time", "wall_time"), ("cpu_time", "cpu_time"))
    ]
    assert [(each.metric, each.value) for each in measurements("google_benchmark", path)] == expected
    assert reasons("google_benchmark", path) == ["the benchmark failed"]


def test_google_benchmark_splits_a_name_into_function_and_arguments() -> None:
    read = measurements("google_benchmark", FOLDER / "google_benchmark.json")
    assert {(each.place.symbol, each.params) for each in read} == {
        ("BM_Sort", (("0", "64"),)), ("BM_Sort", (("0", "4096"),)), ("BM_Fill", (("<>", "double"),)),
        ("BM_Complex", (("0", "8"),)), ("BM_Complex", (("0", "64"),)),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["google_benchmark_repeated", "google_benchmark_aggregates"])
def test_google_benchmark_gives_the_median_of_repetitions_once(name: str) -> None:
    path = FOLDER / f"{name}.json"
    [median] = [run for run in written(path)["benchmarks"] if run["name"] == "BM_Sort/64_median"]
    wall, cpu = [each for each in measurements("google_benchmark", path) if each.place.symbol == "BM_Sort"]
    assert (wall.value, cpu.value) == pytest.approx((median["real_time"] * 1e-6, median["cpu_time"] * 1e-6))
    assert wall.n == 3


def test_google_benchmark_without_aggregates_takes_the_median_itself(tmp_path: Path) -> None:
    document = written(FOLDER / "google_benchmark_repeated.json")
    document["benchmarks"] = [run for run in document["benchmarks"] if run["run_type"] == "iteration"]
    told = [run["cpu_time"] for run in document["benchmarks"] if run["run_name"] == "BM_Sort/64"]
    bare = tmp_path / "bare.json"
    bare.write_text(json.dumps(document))
    _, cpu = measurements("google_benchmark", bare)
    assert (cpu.value, cpu.n) == (pytest.approx(statistics.median(told) * 1e-6), 3)


def test_criterion_gives_the_median_with_its_interval() -> None:
    [merge] = measurements("criterion", CRITERION)
    told = written(CRITERION)["median"]
    interval = told["confidence_interval"]
    assert (merge.value, merge.lower, merge.upper) == pytest.approx(
        (told["point_estimate"] * 1e-9, interval["lower_bound"] * 1e-9, interval["upper_bound"] * 1e-9)
    )
    # Its configuration asked for 10 samples.
    assert (merge.place.symbol, merge.language, merge.n) == ("merge", "rust", 10)


def test_criterion_names_the_function_of_a_group() -> None:
    [merge] = measurements("criterion", FOLDER / "criterion/sizes/shelf__merge/1000/new/estimates.json")
    assert (merge.place.symbol, merge.params) == ("shelf::merge", (("group", "sizes"), ("value", "1000")))


def test_criterion_never_takes_the_change_of_a_time_for_a_time() -> None:
    with pytest.raises(LogError, match="ratios"):
        everything("criterion", FOLDER / "criterion/merge/change/estimates.json")


def test_cargo_criterion_messages_are_read_and_other_units_refused() -> None:
    [merge] = measurements("criterion", FOLDER / "cargo_criterion.jsonl")
    assert (merge.value, merge.lower, merge.upper) == pytest.approx((4140e-9, 4120e-9, 4160e-9))
    assert (merge.place.symbol, merge.n, merge.params) == (
        "shelf::merge",
        3,
        (("group", "sizes"), ("value", "1000")),
    )
    assert reasons("criterion", FOLDER / "cargo_criterion.jsonl") == [
        "unit 'cycles' is neither of time nor of memory"
    ]


def test_jmh_times_are_a_call_in_every_mode() -> None:
    read = [each for each in measurements("jmh", FOLDER / "jmh.json") if each.metric == "wall_time"]
    assert {each.place.symbol: each.value for each in read} == {
        "org.shelf.Speed.merge": pytest.approx(12.5e-6),
        # Four threads did 2,000,000 calls a second together.
        "org.shelf.Speed.find": pytest.approx(4 / 2_000_000),
        "org.shelf.Speed.sampled": pytest.approx(0.25e-3),
    }
    assert (read[0].lower, read[0].upper, read[0].n) == (pytest.approx(12e-6), pytest.approx(13e-6), 10)
    assert (read[1].lower, read[1].upper) == (None, None)
    assert (read[0].params, read[0].language) == ((("size", "1000"),), "java")


def test_jmh_allocation_of_a_call_is_a_measurement_of_its_own() -> None:
    [allocated] = [each for each in measurements("jmh", FOLDER / "jmh.json") if each.kind is Kind.ALLOC]
    assert (allocated.metric, allocated.value) == ("allocated_bytes", 16024)


def test_a_plain_table_is_read_by_its_columns() -> None:
    find, merge = measurements("plain", FOLDER / "plain.csv")
    assert (find.value, find.lower, find.upper, find.n) == (
        *map(pytest.approx, (8.1e-6, 7.9e-6, 8.4e-6)),
        100,
    )
    assert (find.place.symbol, find.place.file, find.place.line) == ("Store.find", "shelf/store.py", 22)
    assert (find.params, find.when) == ((("size", "1000"),), "2026-11-26T02:20:19+00:00")
    assert (merge.value, merge.kind, merge.commit) == (12 * 1024, Kind.PEAK, "")


def test_a_bad_row_of_a_plain_table_is_told_by_its_line() -> None:
    assert [
        (each.where, each.reason)
        for each in everything("plain", FOLDER / "plain.csv")
        if isinstance(each, Bad)
    ] == [
        ("line 4", "unit 'KiB' does not fit wall_time"),
        ("line 5", "the row names no function, file, source or test"),
    ]


def test_lines_of_json_are_a_plain_table_too() -> None:
    [merge] = measurements("plain", FOLDER / "plain.jsonl")
    assert (merge.value, merge.metric, merge.params) == (0.25e-3, "cpu_time", (("size", "500"),))
    assert reasons("plain", FOLDER / "plain.jsonl")[:2] == [
        "the value is not a finite number of at least 0", "the line is no object of JSON",
    ]  # fmt: skip


def test_columns_of_other_names_are_mapped_and_constants_given(tmp_path: Path) -> None:
    log = tmp_path / "ours.csv"
    log.write_text('func;ms;rows\n"sort;all";1.5;10\n')
    columns = {"symbol": "func", "value": "ms", "metric": "=wall_time", "params.n": "rows"}
    [sort] = measurements("plain", log, Options(unit="ms", columns=columns))
    assert (sort.place.symbol, sort.value, sort.params) == ("sort;all", 1.5e-3, (("n", "10"),))
    with pytest.raises(LogError, match="no column metric and no column value"):
        everything("plain", log)


@pytest.mark.parametrize(("name", "path"), SAMPLES)
def test_a_compressed_log_reads_as_the_plain_one(tmp_path: Path, name: str, path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "logs")
    copy = tmp_path / "logs" / path.relative_to(FOLDER)
    copy.write_bytes(gzip.compress(path.read_bytes()))
    assert everything(name, copy) == everything(name, path)
