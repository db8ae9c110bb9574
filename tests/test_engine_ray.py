"""The engine over a Ray cluster on this machine: what a process pool would give, from its workers."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ci_rlm.errors import UsageError
from ci_rlm.training.profile import engine, rows
from ci_rlm.training.profile.engine import Task
from ci_rlm.training.profile.hardware import hardware_class
from ci_rlm.training.profile.rows import Origin, Row, Store, Subject

ray = pytest.importorskip("ray", reason="needs the extra ray")


def measure(work: Any) -> list[Row]:
    """Work is a number, or a way to go wrong; a row tells which process made it."""
    if work == "raise":
        raise ValueError("no such thing")
    if work == "die":
        os._exit(9)
    subject = Subject("test", f"test/{work}", str(os.getpid()), "00", "python")
    return rows.measured(subject, work, {"peak_memory": work * 2}, Origin("p", hardware_class(), "t"))


@dataclass(frozen=True, slots=True)
class Done:
    """What one run left behind."""

    summary: engine.Summary
    rows: dict[str, Row]
    """By the name of the work."""
    initialized: bool
    """Whether a cluster was still there afterwards."""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Two works by the process pool, then those and all others by Ray; starting Ray takes seconds."""
    folder = tmp_path_factory.mktemp("measured")
    with pytest.MonkeyPatch.context() as patch, Store(folder) as store:
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        engine.run(tasks(1, 2), measure, store, workers=1, label="works")
        summary = engine.run(
            tasks(1, 2, "raise", 3, "die", 4, 5, 6), measure, store, engine="ray", workers=2, label="works"
        )
    rows_by_work = {row["problem"].removeprefix("test/"): row for row in rows.read(folder).to_pylist()}
    return Done(summary, rows_by_work, ray.is_initialized())


def tasks(*works: Any) -> list[Task]:
    return [Task(str(work), work) for work in works]


def test_what_a_process_pool_measured_is_not_measured_again(done: Done) -> None:
    assert (done.summary.tasks, done.summary.known) == (8, 2)
    assert len(done.rows) == 8


def test_a_cluster_gives_the_rows_of_a_process_pool(done: Done) -> None:
    expected = {str(work): measure(work)[0] for work in range(1, 7)}
    ours = {"record": None, "utc": None}  # the process and the time differ
    assert {work: done.rows[work] | ours for work in expected} == {
        work: row | ours for work, row in expected.items()
    }


def test_rows_come_from_workers(done: Done) -> None:
    assert str(os.getpid()) not in {row["record"] for row in done.rows.values()}


def test_every_row_names_the_hardware_of_a_host(done: Done) -> None:
    assert {row["hardware"] for row in done.rows.values()} == {hardware_class()}


def test_a_task_that_raises_is_a_row_with_the_reason(done: Done) -> None:
    assert done.rows["raise"]["status"] == "harness: ValueError: no such thing"


def test_a_task_that_takes_its_worker_down_costs_no_other_task(done: Done) -> None:
    assert done.rows["die"]["status"] == "the worker died"
    assert {done.rows[str(work)]["status"] for work in range(1, 7)} == {"ok"}


def test_the_cluster_that_the_engine_started_is_stopped(done: Done) -> None:
    assert not done.initialized


def test_without_ray_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with Store(tmp_path) as store, pytest.raises(UsageError, match="--engine ray needs Ray"):
        engine.run(tasks(1), measure, store, engine="ray", label="works")
