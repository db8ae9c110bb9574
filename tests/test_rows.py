"""Measured rows: what they say, and that a folder loses none whatever happens to its run."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import statistics
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.errors import CiRlmError
from ci_rlm.training.profile import rows
from ci_rlm.training.profile.rows import Origin, Row, Spread, Store, Subject

SUBJECT = Subject("leetcode", "leetcode/two-sum", "two-sum/reference", "ab" * 32, "python")
ORIGIN = Origin("fast-2", "a machine, 2 cores", "Python 3.11.7")


def some(size: int = 4) -> list[Row]:
    return rows.measured(SUBJECT, size, {"peak_memory": 100.0 * size, "depth": 2}, ORIGIN)


def sizes(path: Path) -> list[int]:
    return sorted(set(rows.read(path)["size"].to_pylist()))


@given(st.lists(st.floats(1e-6, 1e3), min_size=2, max_size=30))
def test_a_spread_is_what_the_standard_library_computes(values: list[float]) -> None:
    spread = Spread.of(values)
    assert spread.median == statistics.median(values)
    assert spread.std**2 == pytest.approx(statistics.variance(values), rel=1e-9, abs=1e-12)
    assert spread.p90 == pytest.approx(statistics.quantiles(values, n=10, method="inclusive")[8])
    assert (spread.minimum, spread.maximum, spread.n) == (min(values), max(values), len(values))


def test_one_repeat_has_no_deviation() -> None:
    assert Spread.of([2.0]) == Spread(2.0, 2.0, 2.0, 2.0, 2.0, 0.0, 1)


def test_a_measurement_is_one_row_a_metric() -> None:
    found = rows.measured(SUBJECT, 8, {"peak_memory": 5, "cpu_time": Spread.of([1.0, 3.0])}, ORIGIN)
    assert [(row["metric"], row["value"], row["mean"], row["n"]) for row in found] == [
        ("peak_memory", 5, None, None),
        ("cpu_time", 2.0, 2.0, 2),
    ]


def test_a_metric_that_has_no_unit_is_refused() -> None:
    with pytest.raises(KeyError, match="speed"):
        rows.measured(SUBJECT, 8, {"speed": 5}, ORIGIN)


def test_a_reason_is_one_short_line() -> None:
    (row,) = rows.failed(SUBJECT, 8, "ValueError:\n  " + "x" * 500, ORIGIN)
    assert row["status"].startswith("ValueError: xxx") and len(row["status"]) == 120
    assert row["metric"] is row["value"] is None


def test_what_was_added_is_read_back(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.add("one", some(4))
    (first, _) = rows.read(tmp_path).to_pylist()
    assert first == {**some(4)[0], "utc": first["utc"]}


def test_a_finished_task_is_known_to_the_next_run(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.add("one", some(4))
        store.add("nothing to say", [])
    with Store(tmp_path) as store:
        assert store.done == {"one", "nothing to say"}


def test_rows_of_a_run_that_is_not_over_are_read_too(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.add("one", some(4))
        assert sizes(tmp_path) == [4]


def test_a_torn_last_line_of_the_journal_is_a_task_to_do_again(tmp_path: Path) -> None:
    whole = json.dumps({"task": "one", "rows": some(4)})
    (tmp_path / "journal.jsonl").write_text(whole + "\n" + whole.replace("one", "two")[:200])
    with Store(tmp_path) as store:
        assert store.done == {"one"}
        store.add("two", some(5))
    assert sizes(tmp_path) == [4, 5]


def test_a_task_in_shard_and_journal_both_counts_once(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.add("one", some(4))
    (tmp_path / "journal.jsonl").write_text(json.dumps({"task": "one", "rows": some(4)}) + "\n")
    assert rows.read(tmp_path).num_rows == 2
    with Store(tmp_path) as store:
        store.add("two", some(5))
    assert rows.read(tmp_path).num_rows == 4


def test_many_rows_become_several_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_SHARD_ROWS", 10)
    with Store(tmp_path) as store:
        for number in range(12):
            store.add(str(number), some(number))
    assert len(rows.shards(tmp_path)) == 3
    assert sizes(tmp_path) == list(range(12))


def test_a_folder_has_one_writer(tmp_path: Path) -> None:
    with Store(tmp_path), pytest.raises(CiRlmError, match="another run is writing"):
        Store(tmp_path)


def test_a_folder_without_rows_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(CiRlmError, match="no measured rows") as error:
        rows.read(tmp_path)
    assert "ci-rlm profile" in error.value.hint


def write_without_end(folder: str) -> None:
    store = Store(Path(folder))
    for number in range(len(store.done), 1_000_000):
        store.add(str(number), some(number))


def test_a_run_that_is_killed_at_any_moment_has_each_of_its_tasks_once(tmp_path: Path) -> None:
    for kill in range(4):
        writer = multiprocessing.get_context("spawn").Process(target=write_without_end, args=(str(tmp_path),))
        writer.start()
        journal, deadline = tmp_path / "journal.jsonl", time.monotonic() + 30
        before = journal.stat().st_size if journal.exists() else 0
        while time.monotonic() < deadline and (
            not journal.exists() or journal.stat().st_size < before + 3000 * (kill + 1)
        ):
            time.sleep(0.001)
        os.kill(writer.pid or 0, signal.SIGKILL)
        writer.join()
    with Store(tmp_path) as store:
        done = len(store.done)
    assert done > 3
    assert rows.read(tmp_path)["size"].to_pylist() == [n for n in range(done) for _ in range(2)]


def test_merged_rows_are_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    for name, order in (("a", (1, 2, 3)), ("b", (3, 1, 2))):
        with Store(tmp_path / name) as store:
            for size in order:
                store.add(str(size), [{**row, "utc": 0} for row in some(size)])
        rows.merge([tmp_path / name], tmp_path / f"{name}.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_runs_are_merged_into_one_file_that_reads_as_they_do(tmp_path: Path) -> None:
    for size in (1, 2):
        with Store(tmp_path / str(size)) as store:
            store.add("task", some(size))
    count = rows.merge([tmp_path / "1", tmp_path / "2"], tmp_path / "all.parquet")
    assert (count, sizes(tmp_path / "all.parquet")) == (4, [1, 2])


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_an_interrupt_right_behind_the_line_of_a_task_loses_none_of_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt), Store(tmp_path) as store:
        store.add("one", some(1))
        with monkeypatch.context() as moment:
            moment.setattr(os, "fsync", interrupted)
            store.add("two", some(2))
    assert sizes(tmp_path) == [1, 2]
    with Store(tmp_path) as store:
        assert store.done == {"one", "two"}


@pytest.mark.parametrize("before", [True, False])
def test_an_interrupt_beside_the_writing_of_a_shard_keeps_every_row_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    write = rows._write

    def torn(table: object, target: Path) -> None:
        if not before:
            write(table, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(rows, "_SHARD_ROWS", 4)
    with pytest.raises(KeyboardInterrupt), Store(tmp_path) as store:
        store.add("one", some(1))
        with monkeypatch.context() as moment:
            moment.setattr(rows, "_write", torn)
            store.add("two", some(2))
    with Store(tmp_path) as store:
        assert store.done == {"one", "two"}
    assert sorted(rows.read(tmp_path)["size"].to_pylist()) == [1, 1, 2, 2]
