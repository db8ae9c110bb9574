"""The history of checks: its file, and the courses of costs that are read from it."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.errors import HistoryError
from ci_rlm.flow import Level, Means, Outcome
from ci_rlm.history import Course, Entry, Mark, Record, append, parse_lines, read, record_of, trend_of
from ci_rlm.render import document
from tests.reports import equal, report, verdict

DAY = 86_400


def entry(
    name: str, before: float | None, after: float | None, outcome: str = "unsure", **more: Any
) -> Entry:
    """One metric of a function of `a.py`: without a side that is None, if it is new or removed."""
    was = (None, None) if outcome == "new" else ("a.py", name)
    made = Entry("a.py", name, *was, "peak_memory", "B", before, after, outcome, "none", False)
    return replace(made, **more)


def record(day: int, *entries: Entry, **more: Any) -> Record:
    made = Record(
        f"{day:040x}", "0" * 40, day * DAY, "ci-rlm 0", "m" * 64, "c" * 64, {"functions": 1}, entries
    )
    return replace(made, **more)


def values(course: Course) -> list[float | None]:
    return [point.value for point in course.points]


def course_of(name: str, *records: Record) -> Course:
    (course,) = (course for course in trend_of(records).functions if course.name == name)
    return course


# The file.


def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    records = [record(1, entry("f", 1.0, 2.0)), record(2, entry("f", None, 3.0, "new"))]
    assert [append(each, tmp_path / "new" / "history.jsonl") for each in records] == [True, True]
    assert read(tmp_path / "new" / "history.jsonl").records == tuple(records)


@pytest.mark.parametrize("field", ["commit", "base", "tool", "model", "configuration"])
def test_the_same_check_again_adds_nothing_and_another_does(tmp_path: Path, field: str) -> None:
    file = tmp_path / "history.jsonl"
    append(record(1), file)
    assert append(record(1), file) is False
    assert append(replace(record(1), **{field: "another"}), file) is True
    assert len(read(file).records) == 2


def test_a_line_that_was_left_unfinished_spoils_no_other(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    append(record(1), file)
    file.write_bytes(file.read_bytes()[:-30])
    append(record(2), file)
    history = read(file)
    assert ([each.committed for each in history.records], history.damaged) == ([2 * DAY], 1)


def test_checks_at_the_same_time_all_leave_a_whole_line(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    days = list(range(12)) * 2
    threads = [threading.Thread(target=append, args=(record(day, entry("f", 1, 2)), file)) for day in days]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history = read(file)
    assert history.damaged == 0
    assert sorted(each.committed for each in history.records) == [day * DAY for day in range(12)]


@pytest.mark.parametrize("text", ["my notes\n", "[1]\n", "\n\n# a title\n"])
def test_a_file_that_is_no_history_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    file = tmp_path / "notes.txt"
    file.write_text(text)
    with pytest.raises(HistoryError, match="holds something else than a history"):
        append(record(1), file)
    assert file.read_text() == text


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_only_a_regular_file_is_written_to(tmp_path: Path, kind: str) -> None:
    file, elsewhere = tmp_path / "history.jsonl", tmp_path / "elsewhere"
    elsewhere.write_text("mine\n")
    {"link": lambda: file.symlink_to(elsewhere), "pipe": lambda: os.mkfifo(file), "folder": file.mkdir}[
        kind
    ]()
    with pytest.raises(HistoryError):
        append(record(1), file)
    assert elsewhere.read_text() == "mine\n"


def test_a_history_that_is_not_there_is_an_error_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(HistoryError) as caught:
        read(tmp_path / "none.jsonl")
    assert "--history" in caught.value.hint


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"committed": "yesterday"},
        {"committed": -1},
        {"committed": 10**30},
        {"committed": True},
        {"commit": 3},
        {"commit": "\ud800"},
        {"entries": [{}]},
        {"entries": {}},
        {"entries": [3]},
        {"counts": {"new": "many"}},
        {"counts": 3},
    ],
)
def test_a_line_that_is_no_record_is_counted(tmp_path: Path, change: dict[str, Any]) -> None:
    file = tmp_path / "history.jsonl"
    append(record(1), file)
    line = json.loads(file.read_text())
    assert parse_lines(json.dumps(line | change).encode()).damaged == 1


@pytest.mark.parametrize("value", ["1e999", "NaN", "-1", "1e301", "9" * 400, '"1"', "true", "[]"])
def test_a_cost_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    file = tmp_path / "history.jsonl"
    append(record(1, entry("f", 1.5, 2.0)), file)
    assert parse_lines(file.read_bytes().replace(b"1.5", value.encode())).damaged == 1


@given(st.binary())
def test_any_bytes_are_read(data: bytes) -> None:
    history = parse_lines(data)
    assert history.records == ()


def test_a_key_that_a_later_version_adds_is_let_through(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    append(record(1), file)
    line = json.dumps(json.loads(file.read_text()) | {"more": 1}).encode()
    assert parse_lines(line).records == (record(1),)


def test_a_report_becomes_a_record_without_what_did_not_change() -> None:
    told = document(
        report(
            verdict("f", Outcome.REGRESSED, (100.0, 200.0), level=Level.FAIL),
            verdict("g", Outcome.NEW, (None, 50.0)),
            verdict("h", Outcome.REMOVED, (30.0, None)),
            equal("i"),
        )
    )
    made = record_of(told, 7, "c")
    assert (made.commit, made.base, made.committed, made.configuration) == ("2" * 40, "1" * 40, 7, "c")
    assert made.model == told["model"]["digest"]
    assert {each.name: (each.before, each.after, each.outcome) for each in made.entries} == {
        "f": (100.0, 200.0, "regressed"),
        "g": (None, 50.0, "new"),
        "h": (30.0, None, "removed"),
    }
    assert made.counts == {"functions": 4, "skipped": 0, "regressed": 1, "new": 1, "removed": 1, "same": 1}


def test_a_record_knows_which_regression_was_accepted() -> None:
    told = document(report(verdict("f", Outcome.REGRESSED, (100.0, 200.0))))
    told["rows"][0]["accepted"] = {
        "means": Means.LABEL.value,
        "source": "ok",
        "reason": "wanted",
        "level": "fail",
    }
    assert record_of(told, 7, "c").entries[0].accepted is True


# Courses.


def test_a_function_keeps_its_cost_between_its_changes() -> None:
    course = course_of("f", record(1, entry("f", 10, 20)), record(2), record(3, entry("f", 20, 15)))
    assert values(course) == [20, 20, 15]


def test_before_its_first_change_a_function_costs_what_its_earlier_version_did() -> None:
    course = course_of("f", record(1, entry("g", 1, 2)), record(2, entry("f", 10, 20)))
    assert values(course) == [10, 20]


def test_a_new_function_costs_nothing_before_and_a_removed_one_nothing_after() -> None:
    course = course_of(
        "f",
        record(1, entry("g", 1, 2)),
        record(2, entry("f", None, 5, "new")),
        record(3, entry("f", 5, None, "removed")),
    )
    assert values(course) == [None, 5, None]


def test_a_function_is_followed_through_a_move() -> None:
    moved = entry("g", None, None, "same", before_path="b.py", before_name="f")
    first = entry("f", 10, 20, path="b.py", before_path="b.py")
    course = course_of("g", record(1, first), record(2, moved), record(3, entry("g", 20, 30)))
    assert values(course) == [20, 20, 30]
    assert (course.path, len(trend_of([record(1, first), record(2, moved)]).functions)) == ("a.py", 1)


def test_a_function_that_was_moved_first_is_known_from_its_first_change_on() -> None:
    moved = entry("g", None, None, "same", before_name="f")
    assert values(course_of("g", record(1, moved), record(2, entry("g", 20, 30)))) == [20, 30]


def test_the_sum_moves_with_changes_and_not_with_what_is_seen() -> None:
    # f costs 10, then 20; g costs 100 all along and is first seen when it falls to 90; h is new.
    records = (
        record(1, entry("f", 10, 20)),
        record(2, entry("g", 100, 90)),
        record(3, entry("h", None, 5, "new")),
    )
    (total,) = trend_of(records).sums
    assert values(total) == [20 + 100, 20 + 90, 20 + 90 + 5]
    assert total.functions == 3


def test_commits_are_in_the_order_of_their_time_and_not_of_the_file() -> None:
    records = (record(3, entry("f", 20, 30)), record(1, entry("f", 10, 20)))
    assert values(course_of("f", *records)) == [20, 30]


def test_marks_tell_regressions_accepted_or_not() -> None:
    course = course_of(
        "f",
        record(1, entry("f", 10, 20, "regressed")),
        record(2, entry("f", 20, 40, "regressed", accepted=True)),
        record(3, entry("f", 40, 10, "improved")),
    )
    assert [point.mark for point in course.points] == [Mark.REGRESSED, Mark.ACCEPTED, Mark.NONE]
    assert [point.committed // DAY for point in course.marked] == [1, 2]


def test_predictions_of_other_models_are_left_out_unless_asked_for() -> None:
    records = (record(1, entry("f", 10, 20), model="a" * 64), record(2, entry("f", 1, 2)))
    latest, earlier = trend_of(records), trend_of(records, "aa")
    assert (latest.model, latest.left_out, values(latest.functions[0])) == ("m" * 64, 1, [2])
    assert (earlier.model, values(earlier.functions[0])) == ("a" * 64, [20])


def test_the_function_that_changed_most_comes_first() -> None:
    records = (
        record(1, *(entry(name, 100, 100) for name in "abc")),
        record(2, entry("a", 100, 120), entry("b", 100, 30), entry("c", 100, 200)),
    )
    assert [course.name for course in trend_of(records).functions] == ["b", "c", "a"]


def test_the_latest_commits_alone_can_be_wanted() -> None:
    records = [record(day, entry("f", day * 10, day * 20)) for day in (1, 2, 3)]
    trend = trend_of(records, last=2)
    assert (trend.commits, values(trend.functions[0]), values(trend.sums[0])) == (2, [40, 60], [40, 60])


def test_an_empty_history_has_an_empty_trend() -> None:
    trend = trend_of(())
    assert (trend.model, trend.commits, trend.functions, trend.sums) == ("", 0, (), ())
