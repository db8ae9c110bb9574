"""Logs to a corpus: what is kept, merged, dropped and counted."""

from __future__ import annotations

import fcntl
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.errors import CiRlmError
from ci_rlm.git import FileLimits
from ci_rlm.logs import Bad, Kind, Place
from ci_rlm.training import ingested
from ci_rlm.training.ingest import Assumed
from ci_rlm.training.ingested import Key, Merged, Sample, Samples
from tests.conftest import FIRST_COMMIT, Checkout
from tests.own_logs import ORDER, SHOP, TOTAL_AT, Fake, Logs, logs_of, measured


@pytest.fixture
def logs(repo: Checkout, tmp_path: Path) -> Logs:
    return logs_of(repo, tmp_path)


def test_a_measurement_becomes_a_row_with_the_code_it_is_of(logs: Logs) -> None:
    commit = logs.checkout.git("rev-parse", "HEAD")
    logs.ingest(
        Fake([
            measured(
                value=0.25, lower=0.2, upper=0.5, n=7, params=(("n", "10"),), hardware="box", commit=commit,
                when="2024-05-01T00:00:00Z",
            )
        ])
    )  # fmt: skip
    (row,) = logs.rows
    del row["samples"], row["sha256"]
    assert row == {
        "text": ORDER, "language": "python", "path": "shop.py", "symbol": "order", "commit": commit,
        "commit_time": FIRST_COMMIT, "params": [("n", "10")], "metric": "wall_time", "unit": "s",
        "kind": "per_call", "value": 0.25, "lower": 0.2, "upper": 0.5, "n": 7, "hardware": "box",
        "origin": "fake", "problem": "shop.py::order", "when": "2024-05-01T00:00:00Z",
    }  # fmt: skip


def test_the_code_is_that_of_the_profiled_commit(logs: Logs) -> None:
    first = logs.checkout.git("rev-parse", "HEAD")
    logs.checkout.write("shop.py", SHOP.replace("sorted(rows)", "list(rows)"))
    second = logs.checkout.commit()
    logs.checkout.write("shop.py", SHOP.replace("sorted(rows)", "uncommitted"))
    logs.ingest(Fake([measured(commit=first), measured(value=2.0, commit=second)]))
    texts = {row["commit"]: row["text"] for row in logs.rows}
    assert texts == {first: ORDER, second: ORDER.replace("sorted", "list")}


def test_a_log_without_a_commit_is_of_the_assumed_one(logs: Logs) -> None:
    logs.checkout.write("shop.py", "# nothing is left\n")
    logs.checkout.commit()
    summary = logs.ingest(Fake([measured()]))
    assert (summary.without_commit, logs.rows[0]["text"]) == (1, ORDER)


def test_duplicates_are_one_row_with_their_median(logs: Logs) -> None:
    values = [3.0, 1.0, 10.0, 2.0]
    logs.ingest(*(Fake([measured(value=value, n=5)]) for value in values))
    (row,) = logs.rows
    assert (row["value"], row["n"]) == (statistics.median(values), 20)


@pytest.mark.parametrize(
    "other",
    [
        {"kind": Kind.CUMULATIVE},
        {"metric": "cpu_time"},
        {"hardware": "another box"},
        {"params": (("n", "1"),)},
        {"place": TOTAL_AT},
        {"origin": "profiler"},
    ],
)
def test_what_is_not_the_same_quantity_is_never_merged(logs: Logs, other: dict[str, object]) -> None:
    logs.ingest(Fake([measured(value=1.0), replace(measured(value=9.0), **other)]))  # type: ignore[arg-type]
    assert sorted(float(str(row["value"])) for row in logs.rows) == [1.0, 9.0]


def test_one_class_of_hardware_can_be_named_for_all(logs: Logs) -> None:
    logs.assumed = replace(logs.assumed, hardware="runner")
    logs.ingest(Fake([measured(hardware="a"), measured(hardware="b", value=3.0)]))
    assert [(row["hardware"], row["value"]) for row in logs.rows] == [("runner", 2.0)]


def test_a_text_that_did_not_change_is_dated_by_its_first_commit(logs: Logs) -> None:
    first = logs.checkout.git("rev-parse", "HEAD")
    logs.checkout.write("shop.py", SHOP.replace("sum(rows)", "max(rows)"))
    second = logs.checkout.commit()
    logs.ingest(Fake([measured(commit=second)]), Fake([measured(commit=first)]))
    assert [(row["commit"], row["commit_time"]) for row in logs.rows] == [(first, FIRST_COMMIT)]


def test_further_logs_are_merged_as_if_all_had_been_read_at_once(logs: Logs, tmp_path: Path) -> None:
    some = [Fake([measured(value=value), measured(TOTAL_AT, value)]) for value in (1.0, 5.0, 2.0)]
    logs.ingest(*some[:2], names="ab")
    logs.ingest(some[2], names="c")
    apart = logs.rows
    logs.out = tmp_path / "together"
    logs.ingest(*some)
    assert apart == logs.rows
    assert [row["value"] for row in apart] == [2.0, 2.0]


def test_a_log_that_is_read_again_replaces_what_it_said(logs: Logs) -> None:
    logs.ingest(Fake([measured(value=1.0), measured(TOTAL_AT)]))
    logs.ingest(Fake([measured(value=4.0)]))
    assert [(row["symbol"], row["value"], row["n"]) for row in logs.rows] == [("order", 4.0, 1)]


def test_a_log_that_is_named_twice_is_read_once(logs: Logs) -> None:
    summary = logs.ingest(Fake([measured()]), Fake([measured()]), names="aa")
    assert (summary.kept, logs.rows[0]["n"]) == (1, 1)


def test_what_is_dropped_is_counted_with_its_reason_and_where_it_was(logs: Logs) -> None:
    summary = logs.ingest(
        Fake([
            measured(),
            Bad("line 2", "no number"),
            Bad("line 3", "no number"),
            measured(Place(file="elsewhere.py", line=3)),
            measured(dirty=True),
            measured(value=float("nan")),
            measured(metric="happiness"),
        ])
    )  # fmt: skip
    tally = summary.tallies["fake"]
    assert (tally.entries, tally.kept) == (7, 1)
    assert {reason: drops.count for reason, drops in tally.drops.items()} == {
        "no number": 2,
        "no file of the commit has that path": 1,
        "the profiled tree had changes beside its commit": 1,
        "its value is not a finite number of at least 0": 1,
        "its metric is none of time or memory that is known here": 1,
    }
    assert [where.rpartition("/")[2] for where in tally.drops["no number"].first] == [
        "a.log: line 2",
        "a.log: line 3",
    ]


def test_functions_of_files_that_are_left_out_are_dropped(logs: Logs) -> None:
    logs.checkout.write("tests/test_shop.py", SHOP)
    test = Place(file="tests/test_shop.py", line=1, symbol="order")
    logs.assumed = Assumed(logs.checkout.commit(), files=FileLimits(exclude=("tests/**",)))
    summary = logs.ingest(Fake([measured(), measured(test)]))
    assert (summary.kept, [row["path"] for row in logs.rows]) == (1, ["shop.py"])


def test_a_dirty_tree_can_be_allowed(logs: Logs) -> None:
    logs.assumed = replace(logs.assumed, allow_dirty=True)
    assert logs.ingest(Fake([measured(dirty=True)])).kept == 1


def test_reasons_without_end_are_counted_together(logs: Logs) -> None:
    summary = logs.ingest(Fake(Bad("", f"trouble {number}") for number in range(1000)))
    drops = summary.tallies["fake"].drops
    assert (len(drops) < 50, sum(each.count for each in drops.values())) == (True, 1000)


def test_what_was_read_before_the_damage_is_kept(logs: Logs) -> None:
    summary = logs.ingest(Fake([measured()], damage="cut off"), Fake([measured(value=3.0)]))
    assert list(summary.refused.values()) == ["cut off"]
    assert logs.rows[0]["value"] == 2.0


def test_very_many_values_of_one_quantity_are_summed_up_in_little_memory(logs: Logs) -> None:
    logs.ingest(Fake(measured(value=float(number % 101)) for number in range(101_000)))
    (row,) = logs.rows
    assert row["n"] == 101_000
    # The median of a uniform sample of 10,000 out of 0…100: its standard deviation is 0.5.
    assert 47 <= float(str(row["value"])) <= 53


def test_text_that_is_no_text_and_counts_beyond_measure_can_be_written(logs: Logs) -> None:
    lone = "\ud800"
    logs.ingest(Fake([measured(params=((lone, lone),), hardware=lone, when=lone, n=10**30)]))
    (row,) = logs.rows
    assert (row["hardware"], row["params"], row["n"]) == ("\\ud800", [("\\ud800", "\\ud800")], 2**53)


def test_another_file_in_the_place_of_the_corpus_is_not_overwritten(logs: Logs) -> None:
    logs.out.mkdir()
    (logs.out / ingested.FILE).write_text("mine")
    with pytest.raises(CiRlmError, match="is no corpus of ingested logs"):
        logs.ingest(Fake([measured()]))
    assert (logs.out / ingested.FILE).read_text() == "mine"


def test_two_runs_do_not_write_to_one_corpus_at_once(logs: Logs) -> None:
    logs.out.mkdir()
    with (logs.out / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(CiRlmError, match="another ingest is writing"):
            logs.ingest(Fake([measured()]))
    assert logs.ingest(Fake([measured()])).kept == 1


names = st.text(max_size=5)
samples = st.builds(
    Sample, log=st.sampled_from("abc"), path=names, symbol=names,
    problem=names, commit=names, commit_time=st.integers(0, 9), value=st.floats(0, 1e9),
    lower=st.none() | st.floats(0, 1e9), upper=st.none() | st.floats(0, 1e9),
    n=st.integers(1, 99), when=names,
)  # fmt: skip
keys = st.builds(
    Key, text=names, language=st.just("python"), metric=st.sampled_from(["cpu_time", "peak_memory"]),
    kind=st.sampled_from(Kind), hardware=names, origin=names,
    params=st.lists(st.tuples(names, names), max_size=2).map(tuple),
)  # fmt: skip


@given(found=st.dictionaries(keys, st.lists(samples, min_size=1, max_size=3), max_size=5))
def test_a_corpus_is_read_back_as_it_was_written(
    found: Samples, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("out")
    assert len(ingested.add(found, "abc", out)) == len(found)
    read = {row.key: sorted(row.samples, key=repr) for row in ingested.read(out / ingested.FILE)}
    assert read == {key: sorted(each, key=repr) for key, each in found.items()}


def row_of(metric: str, kind: Kind) -> Merged:
    sample = Sample("log", "a.py", "f", "a.py::f", "c" * 40, 0, 1.0, None, None, 1, "")
    return Merged(Key("def f(): pass", "python", metric, kind, (), "", "fake"), (sample,))


@pytest.mark.parametrize(
    ("metric", "kind", "trains"),
    [
        ("cpu_time", Kind.PER_CALL, True),
        ("latency", Kind.PER_CALL, True),
        ("peak_memory", Kind.PEAK, True),
        ("peak_memory", Kind.PER_CALL, False),
        ("wall_time", Kind.CUMULATIVE, False),
        ("wall_time", Kind.SELF, False),
        ("allocated_bytes", Kind.ALLOC, False),
        ("peak_memory", Kind.HIGH_WATER, False),
        ("peak_rss", Kind.HIGH_WATER, False),
    ],
)
def test_only_costs_of_one_call_and_peaks_are_trained_on(metric: str, kind: Kind, trains: bool) -> None:
    assert row_of(metric, kind).trains is trains


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("def order(rows):\n    yield from rows\n", 1),
        ("async def order(rows):\n    return rows\n", 1),
        ("def order(rows):\n    def inner():\n        yield 1\n    return list(inner())\n", 2),
    ],
    ids=["generator", "coroutine", "a generator inside"],
)
def test_what_cprofile_says_of_a_call_is_dropped_where_it_counts_resumptions(
    repo: Checkout, tmp_path: Path, source: str, kept: int
) -> None:
    repo.write("shop.py", source)
    logs = Logs(repo, tmp_path / "out", Assumed(repo.commit()))
    log = Fake([measured(origin="cprofile"), measured(origin="cprofile", kind=Kind.SELF)])
    assert logs.ingest(log).tallies["fake"].kept == kept
