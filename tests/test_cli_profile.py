"""`ci-rlm profile` as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ci_rlm.training.profile import rows

SORTED = "def order(values):\n    return sorted(values)\n"


def profile(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ci_rlm", "profile", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "shop.py").write_text(SORTED)
    lines = [json.dumps([list(range(size, 0, -1))]) for size in (10, 100, 1000)]
    (tmp_path / "inputs.jsonl").write_text("\n".join(lines))
    return tmp_path


def test_a_function_of_the_folder_is_a_table_and_rows(folder: Path) -> None:
    done = profile(folder, "python", "shop:order", "--inputs", "inputs.jsonl", "--out", "out")
    assert done.returncode == 0, done.stderr
    # A list of a thousand pointers and its header, and little else.
    (line,) = (line for line in done.stdout.splitlines() if line.strip().startswith("1,000"))
    assert 8056 <= float(line.split()[1]) * 1024 < 8400 and line.split()[2] == "KiB"
    assert "growth" in done.stdout
    assert set(rows.read(folder / "out")["size"].to_pylist()) == {10, 100, 1000}


def test_the_same_command_again_measures_nothing_and_shows_the_same(folder: Path) -> None:
    command = ("python", "shop:order", "--inputs", "inputs.jsonl", "--out", "out")
    first, second = profile(folder, *command), profile(folder, *command)
    assert first.stdout == second.stdout


def test_an_input_that_fails_is_told_below_the_table(folder: Path) -> None:
    (folder / "inputs.jsonl").write_text("[[3, 1]]\n[7]\nnonsense\n")
    done = profile(folder, "python", "shop:order", "--inputs", "inputs.jsonl", "--out", "out")
    assert done.returncode == 0
    assert "size 7: TypeError: 'int' object is not iterable" in done.stdout
    assert "inputs.jsonl:3: Expecting value" in done.stderr


def test_a_function_that_fails_with_every_input_is_an_error(folder: Path) -> None:
    (folder / "inputs.jsonl").write_text("[7]\n")
    done = profile(folder, "python", "shop:order", "--inputs", "inputs.jsonl", "--out", "out")
    assert done.returncode == 3
    assert "shop:order could not be measured with any input" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("python",), "give MODULE:FUNCTION with --inputs, or --data"),
        (("python", "shop:order"), "give MODULE:FUNCTION with --inputs, or --data"),
        (("python", "shop:nothing", "--inputs", "inputs.jsonl"), "defines no function nothing"),
        (("python", "--data", ".", "--source", "moon"), "no such source: moon"),
        (("native",), "give PROGRAM with --inputs, or --data"),
        (("triton", "--published"), "--published reads --data and nothing else"),
        (("synthetic", "--held-out"), "--held-out goes with --timed"),
    ],
)
def test_wrong_usage_is_exit_code_2_with_the_next_step(
    folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = profile(folder, *arguments)
    assert (done.returncode, message in done.stderr, "hint: " in done.stderr) == (2, True, True)


def test_runs_are_merged_into_one_file(folder: Path) -> None:
    profile(folder, "python", "shop:order", "--inputs", "inputs.jsonl", "--out", "out")
    done = profile(folder, "merge", "out", "--into", "all.parquet")
    assert done.returncode == 0, done.stderr
    assert rows.read(folder / "all.parquet").num_rows == rows.read(folder / "out").num_rows


def test_kernels_without_a_gpu_are_an_error_with_the_next_step(folder: Path) -> None:
    done = profile(folder, "triton", "--inductor", "1", "--out", "out")
    assert (done.returncode, 'pip install "ci-rlm[gpu,train]"' in done.stderr) == (3, True)


def test_generated_programs_are_counted_at_several_sizes(folder: Path) -> None:
    done = profile(folder, "synthetic", "--count", "3", "--out", "out")
    assert done.returncode == 0, done.stderr
    found = rows.read(folder / "out")
    assert set(found["status"].to_pylist()) == {"ok"}
    assert {"line_events", "allocated_bytes"} <= set(found["metric"].to_pylist())
    assert len(set(found["size"].to_pylist())) >= 3


def test_timed_programs_go_on_where_the_run_stopped(folder: Path) -> None:
    command = ("synthetic", "--timed", "--seed", "6", "--count", "2", "--out", "out", "--workers", "1")
    first = profile(folder, *command, "--first", "1")
    before = rows.read(folder / "out").to_pylist()
    second = profile(folder, *command)
    after = rows.read(folder / "out").to_pylist()
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert {row["problem"] for row in before} == {"synthetic-1/6"}
    assert [row for row in after if row["problem"] == "synthetic-1/6"] == before
    assert {row["problem"] for row in after} == {"synthetic-1/6", "synthetic-1/7"}
    assert "2 programs, 1 of them known" in second.stderr


def test_generated_graphs_are_timed_and_counted(folder: Path) -> None:
    done = profile(folder, "onnx", "--synthetic", "2", "--out", "out")
    assert done.returncode == 0, done.stderr
    # A busy machine has no latency to tell; CPU time it has.
    assert {"cpu_time", "parameters", "flops"} <= set(rows.read(folder / "out")["metric"].to_pylist())
