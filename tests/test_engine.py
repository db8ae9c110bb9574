"""The engine: every task once, its worker's death a row, an interrupt that loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ci_rlm.training.profile import engine, rows
from ci_rlm.training.profile.engine import Task
from ci_rlm.training.profile.rows import Origin, Row, Store, Subject


def measure(work: Any) -> list[Row]:
    """Work is a number, or a way to go wrong."""
    if work == "raise":
        raise ValueError("no such thing")
    if work == "die":
        os._exit(9)
    if work == "wait":
        time.sleep(600)
    time.sleep(0.01)
    subject = Subject("test", f"test/{work}", str(work), "00", "python")
    return rows.measured(subject, work, {"peak_memory": work * 2}, Origin("p", "h", "t"))


def tasks(*works: Any) -> list[Task]:
    return [Task(str(work), work) for work in works]


def statuses(folder: Path) -> dict[str, str]:
    table = rows.read(folder).to_pylist()
    return {row["problem"].removeprefix("test/"): row["status"] for row in table}


def run(folder: Path, *works: Any, workers: int = 2) -> engine.Summary:
    with Store(folder) as store:
        return engine.run(tasks(*works), measure, store, workers=workers, label="works")


def test_every_task_is_measured(tmp_path: Path) -> None:
    summary = run(tmp_path, *range(1, 9))
    assert (summary.tasks, summary.known, summary.rows) == (8, 0, 8)
    assert sorted(rows.read(tmp_path)["value"].to_pylist()) == [2 * n for n in range(1, 9)]


def test_a_task_that_the_folder_holds_is_not_measured_again(tmp_path: Path) -> None:
    run(tmp_path, 1, 2)
    summary = run(tmp_path, 1, 2, 3)
    assert (summary.tasks, summary.known, summary.rows) == (3, 2, 1)


def test_a_task_that_raises_is_a_row_with_the_reason(tmp_path: Path) -> None:
    run(tmp_path, 1, "raise", 2)
    assert statuses(tmp_path) == {"1": "ok", "raise": "harness: ValueError: no such thing", "2": "ok"}


def test_a_task_that_takes_its_worker_down_costs_no_other_task(tmp_path: Path) -> None:
    run(tmp_path, 1, 2, "die", 3, 4, 5, 6)
    found = statuses(tmp_path)
    assert found.pop("die") == "the worker died"
    assert found == dict.fromkeys("123456", "ok")


PROGRAM = """
import signal, sys
from pathlib import Path
from tests.test_engine import run
# A shell starts what is put in the background with interrupts ignored, and its children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
run(Path(sys.argv[1]), 1, 2, 3, "wait", workers=2)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_keeps_what_was_finished_and_leaves_no_worker(
    tmp_path: Path, number: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], stderr=subprocess.DEVNULL, start_new_session=True
    )
    journal, deadline = tmp_path / "journal.jsonl", time.monotonic() + 60
    while time.monotonic() < deadline and (not journal.exists() or journal.read_bytes().count(b"\n") < 3):
        time.sleep(0.01)
    process.send_signal(number)
    process.wait(timeout=30)
    assert statuses(tmp_path) == {"1": "ok", "2": "ok", "3": "ok"}
    deadline = time.monotonic() + 10
    while group_lives(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not group_lives(process.pid)
    with Store(tmp_path) as store:
        assert engine.run(tasks(1, 2, 3, 4), measure, store, workers=1, label="works").known == 3


def group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_without_a_terminal_the_last_line_tells_what_was_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, 1, 2)
    assert "works: 2/2, 2 rows" in capsys.readouterr().err
