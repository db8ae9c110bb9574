"""Reports joined with logs: what makes a ratio, and what is counted for want of a counterpart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from ci_rlm.flow import Outcome
from ci_rlm.git import Repository
from ci_rlm.logs import Options
from ci_rlm.render import Document
from ci_rlm.training.bench import Bench, Told
from ci_rlm.training.ingest import Log
from ci_rlm.training.resolve import Resolver
from ci_rlm.training.verified import Side
from ci_rlm.training.verify import Ends, Joined, ends_of, join, wanted
from tests.conftest import FIRST_COMMIT, Checkout

BEFORE = "def order(rows):\n    return sorted(rows)\n\n\ndef total(rows):\n    return sum(rows)\n"
AFTER = BEFORE.replace("sorted(rows)", "sorted(rows, key=str)").replace("sum(rows)", "sum(list(rows))")


def row(name: str = "order", metric: str = "cpu_time", **more: Any) -> dict[str, Any]:
    """A row of a report: predicted to cost 1.2x what it did."""
    plain = {
        "path": "shop.py", "before_path": "shop.py", "name": name, "before_name": name,
        "kind": "function", "language": "python", "line": 1, "end_line": 2, "metric": metric, "unit": "s",
        "before": None, "after": None, "ratio": {"low": 0.8, "mid": 1.2, "high": 1.6},
        "p_regression": 0.3, "p_warning": 0.6, "p_improvement": 0.1, "p_over_budget": 0.0,
        "outcome": "unsure", "level": "none", "reason": "", "equal": False, "truncated": False,
    }  # fmt: skip
    return {**plain, **more}


LIMITS = {"warn": 0.1, "fail": 0.25, "min_effect": 1e-5, "budget": None, "confidence": 0.9}
MODEL = {"name": "compact", "digest": "ab" * 32, "tokenizer_digest": "", "dtype": "", "hardware": ""}


@dataclass
class Case:
    """A repository with a change, and the logs that were measured at its two commits."""

    checkout: Checkout
    folder: Path
    base: str
    head: str
    rows: list[dict[str, Any]] = field(default_factory=lambda: [row()])

    def report(self, **more: Any) -> Document:
        compared = {"base": self.base, "head": self.head, "text": "main...HEAD"}
        made = {"model": MODEL, "range": compared, "limits": {"cpu_time": LIMITS}, "rows": self.rows, **more}
        return cast(Document, made)

    def log(self, name: str, *entries: Mapping[str, Any]) -> Log:
        """A file of lines of JSON; an entry costs one second unless it says otherwise."""
        plain = {"symbol": "order", "file": "shop.py", "metric": "cpu_time", "value": 1, "unit": "s"}
        path = self.folder / name
        path.write_text("".join(json.dumps({**plain, **entry}) + "\n" for entry in entries))
        return Log(path, "plain", named=True)

    def bench(self, *given: Log, told: Told = Told(), commit: str = "") -> Bench:  # noqa: B008  # frozen
        repository = Repository.discover(self.checkout.root)
        with repository.blobs() as blobs:
            ends = Ends(self.base, self.head)
            bench = Bench(Resolver(repository, blobs), wanted([ends]), told)
            for log in given:
                bench.read(log, Options(), commit)
        return bench

    def join(self, *given: Log, told: Told = Told(), **more: Any) -> Joined:  # noqa: B008
        report = self.report(**more)
        return join(report, ends_of(report), self.bench(*given, told=told))

    def sides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> Joined:
        """Joined with one entry at each commit."""
        return self.join(self.log("log", {"commit": self.base, **before}, {"commit": self.head, **after}))


@pytest.fixture
def case(repo: Checkout, tmp_path: Path) -> Case:
    repo.write("shop.py", BEFORE)
    base = repo.commit()
    repo.write("shop.py", AFTER)
    return Case(repo, tmp_path, base, repo.commit())


def ratios(joined: Joined) -> list[float]:
    return [each.after.value / each.before.value for made in joined.comparisons for each in made.measured]


# What makes a ratio.


def test_a_prediction_stands_beside_the_measured_ratio_of_its_function(case: Case) -> None:
    joined = case.sides({"value": 2, "lower": 1.9, "upper": 2.2, "n": 7}, {"value": 3, "when": "2026-11-01"})
    (made,) = joined.comparisons
    assert (made.base, made.head, made.path, made.name) == (case.base, case.head, "shop.py", "order")
    assert (made.outcome, made.low, made.mid, made.high) == (Outcome.UNSURE, 0.8, 1.2, 1.6)
    assert (made.warn, made.fail, made.min_effect) == (0.1, 0.25, 1e-5)
    assert made.committed == FIRST_COMMIT + 60
    (pair,) = made.measured
    assert (pair.before, pair.after) == (Side(2.0, 1.9, 2.2, 7), Side(3.0, 3.0, 3.0, 1))
    assert pair.when == "2026-11-01T00:00:00+00:00"
    assert joined.reasons == {}


def test_both_sides_may_come_from_logs_of_their_own(case: Case) -> None:
    joined = case.join(
        case.log("a", {"commit": case.base, "value": 2}), case.log("b", {"commit": case.head, "value": 5})
    )
    assert ratios(joined) == [2.5]
    assert len(joined.comparisons[0].measured[0].logs) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"metric": "latency"},
        {"params.n": "10"},
        {"hardware": "another box"},
        {"test": "another test", "file": "shop.py"},
    ],
)
def test_what_is_not_the_same_quantity_makes_no_ratio(case: Case, other: dict[str, Any]) -> None:
    joined = case.sides({}, other)
    assert joined.comparisons == []
    assert sum(joined.reasons.values()) == 1


def test_two_tools_make_no_ratio(case: Case) -> None:
    """The same measurement, as another tool's file."""
    stats = {"median": 1.0, "q1": 1.0, "q3": 1.0, "rounds": 1}
    entry = {"fullname": "", "extra_info": {"target": "shop:order"}, "stats": stats, "params": None}
    document = {
        "machine_info": {},
        "commit_info": {"id": case.head},
        "benchmarks": [{**entry, "options": {"timer": "process_time"}}],
    }
    path = case.folder / "pytest.json"
    path.write_text(json.dumps(document))
    joined = case.join(case.log("log", {"commit": case.base}), Log(path, "pytest_benchmark", named=True))
    assert joined.reasons == {
        "measured on both sides, but not by one benchmark with the same parameters and hardware": 1
    }


def test_each_quantity_makes_a_ratio_of_its_own(case: Case) -> None:
    entries = [
        {"commit": commit, "params.n": n, "value": value}
        for commit, n, value in (
            (case.base, "10", 1), (case.base, "99", 10), (case.head, "99", 30), (case.head, "10", 2)
        )
    ]  # fmt: skip
    assert sorted(ratios(case.join(case.log("log", *entries)))) == [2.0, 3.0]


def test_several_runs_of_one_side_count_as_their_median_with_their_spread(case: Case) -> None:
    """By hand: quartiles of 1, 2, 4, 8 and 9 are 2 and 8."""
    runs = [case.log(f"run{value}", {"commit": case.base, "value": value}) for value in (8, 1, 2, 9, 4)]
    (made,) = case.join(*runs, case.log("after", {"commit": case.head, "value": 4})).comparisons
    assert made.measured[0].before == Side(4.0, 2.0, 8.0, 5)


def test_a_log_that_is_named_twice_counts_once(case: Case) -> None:
    log = case.log("log", {"commit": case.base}, {"commit": case.head})
    assert case.join(log, log).comparisons[0].measured[0].before.n == 1


def test_a_renamed_function_is_measured_under_its_former_name_before(case: Case) -> None:
    case.checkout.write("store.py", AFTER.replace("order", "arrange"))
    case.checkout.remove("shop.py")
    case.head = case.checkout.commit()
    case.rows = [row("arrange", path="store.py", before_name="order")]
    assert ratios(case.sides({}, {"symbol": "arrange", "file": "store.py", "value": 4})) == [4.0]


def test_wall_time_stands_for_cpu_time_where_the_user_says_so(case: Case) -> None:
    log = case.log(
        "log",
        *(
            {"commit": commit, "metric": "wall_time", "value": n}
            for commit, n in ((case.base, 1), (case.head, 2))
        ),
    )
    assert case.join(log).comparisons == []
    joined = case.join(log, told=Told(time="wall_time"))
    assert ratios(joined) == [2.0]
    assert joined.comparisons[0].measured[0].quantity.metric == "wall_time"


def test_an_override_of_limits_is_what_a_row_was_judged_under(case: Case) -> None:
    special = {"path": "shop.py", "metric": "cpu_time", **LIMITS, "fail": 0.5}
    log = case.log("log", {"commit": case.base}, {"commit": case.head})
    (made,) = case.join(log, overridden=[special]).comparisons
    assert (made.warn, made.fail) == (0.1, 0.5)


def test_the_start_of_a_commit_id_stands_for_it(case: Case) -> None:
    assert ratios(case.sides({"commit": case.base[:9]}, {"commit": case.head[:9], "value": 2})) == [2.0]


def test_other_commits_can_be_named_as_the_measured_ones(case: Case) -> None:
    log = case.log("log", {"commit": case.base}, {"commit": case.head, "value": 3})
    report = case.report(range={"base": "1" * 40, "head": "2" * 40, "text": ""})
    joined = join(report, Ends(case.base, case.head), case.bench(log))
    assert ratios(joined) == [3.0]
    assert (joined.comparisons[0].base, joined.comparisons[0].head) == ("1" * 40, "2" * 40)


# What is counted.


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([row(outcome="new", ratio=None, before_name=None)], "the function is new or removed"),
        ([row("total")], "no benchmark measured this metric of the function"),
        ([row(metric="peak_memory")], "no benchmark measured this metric of the function"),
        ([row(p_warning=7.0)], "the report contradicts itself: a probability is not between 0 and 1"),
        ([row(ratio={"low": 2.0, "mid": 1.0, "high": 3.0})], "the report contradicts itself: its interval"),
    ],
)
def test_a_row_without_a_counterpart_is_counted_with_its_reason(
    case: Case, rows: Sequence[Any], reason: str
) -> None:
    case.rows = list(rows)
    joined = case.sides({}, {})
    assert joined.comparisons == []
    ((told, count),) = joined.reasons.items()
    assert (told.startswith(reason), count) == (True, 1)


def test_a_side_that_was_not_measured_is_told(case: Case) -> None:
    case.rows = [row(), row("total")]
    only_before = case.join(case.log("log", {"commit": case.base}))
    assert only_before.reasons == {"nothing of use was measured at the head commit": 2}
    case.rows = [row()]
    entries = {"commit": case.base}, {"commit": case.head, "symbol": "total"}
    told = "the function was not measured at the head commit, only at the other"
    assert case.join(case.log("another", *entries)).reasons == {told: 1}


def test_a_new_function_is_no_prediction_that_was_to_be_verified(case: Case) -> None:
    case.rows = [row(outcome="new", ratio=None), row()]
    assert (case.sides({}, {}).rows, case.sides({}, {}).predictions) == (2, 1)


@pytest.mark.parametrize("end", ["index", "working tree", "diff", "main", "f" * 1000])
def test_a_report_of_no_two_commits_cannot_be_verified(case: Case, end: str) -> None:
    case.head = end
    report = case.report()
    joined = join(report, ends_of(report), case.bench())
    assert joined.reasons == {"the report does not compare two commits": 1}


def test_functions_that_were_measured_and_not_predicted_are_counted(case: Case) -> None:
    entries = [{"commit": at, "symbol": name} for at in (case.base, case.head) for name in ("order", "total")]
    assert case.join(case.log("log", *entries)).unpredicted == 1


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"commit": ""}, "the log tells no commit: name it, as --bench REV=LOG"),
        ({"commit": "3" * 40}, "no report compares its commit"),
        ({"metric": "wall_time"}, "wall time stands for CPU time only with --time wall_time"),
        ({"metric": "allocated_bytes", "unit": "B"}, "no prediction is of its metric"),
        ({"kind": "cumulative"}, "it is not the cost of one call, or its peak"),
        ({"kind": "self"}, "it is not the cost of one call, or its peak"),
        ({"dirty": True}, "the measured tree had changes beside its commit"),
        ({"symbol": "gone"}, "its file defines no function of that name at the commit"),
        ({"value": "x"}, "the value is not a number"),
        ({f"params.p{number}": "1" for number in range(21)}, "it has over 20 parameters"),
    ],
)
def test_a_measurement_that_is_of_no_use_is_counted_with_its_reason(
    case: Case, entry: dict[str, Any], reason: str
) -> None:
    bench = case.bench(case.log("log", {"commit": case.base, **entry}))
    assert bench.document()["logs"]["plain"] == {"logs": 1, "kept": 0, "dropped": {reason: 1}}


def test_a_changed_tree_is_taken_where_the_user_says_so(case: Case) -> None:
    log = case.log("log", {"commit": case.base, "dirty": True})
    assert case.bench(log, told=Told(allow_dirty=True)).tallies["plain"].kept == 1


def test_a_user_names_the_hardware_and_the_commit(case: Case) -> None:
    told = Told(hardware="runner")
    bench = case.bench(case.log("log", {"hardware": "vm-17"}), told=told, commit=case.head)
    (quantity,) = bench.at(case.head, ("shop.py", "order"), "cpu_time")
    assert quantity.hardware == "runner"


def test_a_log_that_breaks_off_keeps_what_was_read_of_it(case: Case) -> None:
    log = case.log("log", {"commit": case.base})
    no_log = case.folder / "notes"
    no_log.write_text("no table")
    bench = case.bench(log, Log(no_log, "plain", named=True), Log(case.folder / "gone", "plain", named=True))
    assert bench.tallies["plain"].kept == 1
    assert {Path(path).name for path in bench.refused} == {"notes", "gone"}


def test_a_file_of_no_format_is_told_where_it_was_named(case: Case) -> None:
    named, found = (Log(case.folder / name, "", named=name == "named") for name in ("named", "found"))
    assert list(case.bench(named, found).refused.values()) == ["it is of no known format"]


def test_one_quantity_does_not_fill_the_memory(case: Case) -> None:
    many = ({"commit": case.base, "value": value} for value in range(1, 3000))
    bench = case.bench(case.log("log", *many))
    ((_, readings),) = bench.at(case.base, ("shop.py", "order"), "cpu_time").items()
    assert len(readings) == 1000
    (dropped,) = bench.document()["logs"]["plain"]["dropped"].values()
    assert dropped == 1999
