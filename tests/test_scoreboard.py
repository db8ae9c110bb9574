"""The file of a scoreboard: merged in any order, read strictly, told in the report of a check."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError

from ci_rlm import scoreboard
from ci_rlm.errors import ScoreboardError
from ci_rlm.flow import Outcome, TrackRecord
from ci_rlm.scoreboard import MAX_BYTES, of_checkpoint, track_records
from ci_rlm.training import board, hindsight
from ci_rlm.training.verified import MOST_QUANTITIES, Comparison, Measured, merged
from tests.scoreboards import comparison, measured, once

ONE = once(Outcome.REGRESSED, 2.0)
TWO = once(Outcome.SAME, 1.0, name="total", digest="cd" * 32)

values = st.sampled_from((0.0, 1.0, 2.5))
pairs = st.builds(
    measured,
    values,
    values,
    when=st.sampled_from(("", "2026-11-01T00:00:00+00:00", "2026-11-02T00:00:00+00:00")),
    logs=st.sampled_from((("a",), ("a", "b"), ("c",))),
    benchmark=st.sampled_from(("one", "two", "three")),
)
comparisons = st.builds(
    comparison,
    st.sampled_from(Outcome),
    pairs,
    pairs,
    name=st.sampled_from(("order", "total")),
    committed=st.sampled_from((1, 2)),
    p_warning=st.sampled_from((0.1, 0.2)),
)
some = st.lists(comparisons, max_size=5)


# Merging.


@given(some, some, some)
def test_the_order_of_merging_makes_no_difference(
    one: list[Comparison], two: list[Comparison], three: list[Comparison]
) -> None:
    at_once = merged([*three, *one, *two])
    assert merged([*merged([*one, *two]), *three]) == at_once
    assert merged([*one, *merged([*two, *three])]) == at_once


@given(some)
def test_merging_again_changes_nothing(known: list[Comparison]) -> None:
    whole = merged(known)
    assert merged([*whole, *known]) == merged(whole) == whole


def test_a_newer_measurement_of_a_quantity_takes_the_place_of_an_older_one() -> None:
    older = once(Outcome.SAME, 1.5)
    newer = comparison(Outcome.SAME, measured(1.0, 1.2, when="2026-11-01T00:00:00+00:00"))
    (kept,) = merged([newer, older])
    assert kept.measured == newer.measured


def test_a_further_quantity_joins_those_that_are_known() -> None:
    there = once(Outcome.SAME, 1.5)
    further = comparison(Outcome.SAME, measured(1.0, 1.2, hardware="another box"))
    (kept,) = merged([there, further])
    assert set(kept.measured) == {*there.measured, *further.measured}


def test_of_very_many_quantities_the_newest_stay() -> None:
    many = [measured(1.0, 1.0, when=f"{year}", benchmark=f"b{year}") for year in range(2000, 2050)]
    (kept,) = merged([comparison(Outcome.SAME, *many)])
    assert sorted(kept.measured, key=lambda each: each.when) == many[-MOST_QUANTITIES:]


@pytest.mark.parametrize("name", ["base", "head", "path", "name", "metric", "digest"])
def test_another_change_function_metric_or_checkpoint_is_another_comparison(name: str) -> None:
    assert len(merged([ONE, replace(ONE, **{name: "another"})])) == 2


# The file.


def test_a_file_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "scoreboard.json"
    assert board.add([ONE, TWO], path) == board.read(path) == merged([TWO, ONE])


def test_what_is_verified_again_does_not_change_a_byte(tmp_path: Path) -> None:
    path = tmp_path / "scoreboard.json"
    board.add([ONE, TWO], path)
    content = path.read_bytes()
    board.add([TWO], path)
    board.add([TWO, ONE], path)
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["scoreboard.json"]


def test_two_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "scoreboard.json"
    each = [replace(ONE, head=f"{number:040x}") for number in range(8)]
    writers = [threading.Thread(target=board.add, args=([one], path)) for one in each]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert board.read(path) == merged(each)


def test_a_comparison_takes_one_line(tmp_path: Path) -> None:
    path = tmp_path / "scoreboard.json"
    board.add([ONE, TWO], path)
    assert sum('"outcome"' in line for line in path.read_text().splitlines()) == 2


def test_the_oldest_make_room_and_the_file_stays_under_the_limit() -> None:
    long = "x" * 50_000
    many = [replace(ONE, head=f"{number:040x}", name=long, committed=number) for number in range(200)]
    content, kept = board.rendered(merged(many))
    assert MAX_BYTES - 200_000 < len(content) <= MAX_BYTES
    assert kept == merged(many)[-len(kept) :]
    assert track_records(content)[0].comparisons == len(kept)


def content_of(*known: Comparison) -> Any:
    return json.loads(board.rendered(merged(known))[0])


@settings(max_examples=30)
@given(some)
def test_any_scoreboard_fits_the_schema(known: list[Comparison]) -> None:
    Draft202012Validator.check_schema(board.schema())
    Draft202012Validator(board.schema()).validate(content_of(*known))


def altered(place: str, value: object) -> bytes:
    made = content_of(ONE, TWO)
    *steps, last = place.split("/")
    inner = made
    for step in steps:
        inner = inner[int(step) if step.isdigit() else step]
    inner[last] = value
    return json.dumps(made).encode()


DAMAGED = [
    ("comparisons/0/outcome", "gone"),
    ("comparisons/0/outcome", 1),
    ("comparisons/0/p_warning", "0.5"),
    ("comparisons/0/committed", 1.5),
    ("comparisons/0/unknown", 1),
    ("comparisons/0/measured/0/before/value", None),
    ("comparisons/0/measured/0/quantity/params", [["n"]]),
    ("comparisons/0/measured/0/quantity/params", [["n", 10]]),
]


@pytest.mark.parametrize(("place", "value"), DAMAGED)
def test_schema_and_reader_refuse_the_same(place: str, value: object) -> None:
    data = altered(place, value)
    with pytest.raises(ValidationError):
        Draft202012Validator(board.schema()).validate(json.loads(data))
    with pytest.raises(ScoreboardError, match=r"somewhere is no scoreboard: comparisons\[0\]"):
        board.parse(data, "somewhere")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("comparisons/0/p_warning", 1.5),
        ("comparisons/0/fail", float("nan")),
        ("comparisons/0/mid", 9.0),
        ("comparisons/0/committed", 10**15),
        ("comparisons/0/warn", 10**400),
        ("comparisons/0/measured/0/before/value", -1.0),
        ("comparisons/0/measured/0/after/upper", 0.5),
        ("comparisons/0/measured/0/quantity/metric", "accuracy"),
        ("comparisons", {}),
        ("comparisons", None),
    ],
)
def test_values_that_contradict_themselves_are_refused(place: str, value: object) -> None:
    with pytest.raises(ScoreboardError, match="somewhere is no scoreboard") as caught:
        board.parse(altered(place, value), "somewhere")
    assert caught.value.hint


def test_a_file_that_is_no_scoreboard_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "scoreboard.json"
    path.write_text('{"name": "something else"}')
    with pytest.raises(ScoreboardError, match="the file is no scoreboard"):
        board.add([ONE], path)
    assert path.read_text() == '{"name": "something else"}'


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ScoreboardError, match="cannot write"):
        board.add([ONE], tmp_path / "file" / "scoreboard.json")


# What a check reads of it.


def test_a_check_reads_the_records_that_the_comparisons_make() -> None:
    content, kept = board.rendered(merged([ONE, TWO]))
    assert list(track_records(content)) == hindsight.track_records(kept)


def test_the_record_is_that_of_the_checkpoint_that_speaks() -> None:
    records = track_records(board.rendered(merged([ONE, TWO]))[0])
    own, every = of_checkpoint(records, ONE.digest), of_checkpoint(records, "ef" * 32)
    assert own and every
    assert (own.digest, own.comparisons) == (ONE.digest, 1)
    assert (every.digest, every.comparisons) == ("", 2)


def test_where_nothing_is_verified_there_is_no_record() -> None:
    assert of_checkpoint(track_records(board.rendered([])[0]), ONE.digest) is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no scoreboard"),
        (b'{"version": true}', "no scoreboard"),
        (b'{"version": 2}', "another version"),
        (b'{"version": 1}', "damaged"),
        (b" " * (MAX_BYTES + 1), "over 8,388,608 bytes"),
        (altered("records/0/calls", "1"), "damaged"),
        (altered("records/0/low", 10**400), "damaged"),
        (altered("records/0/unknown", 1), "damaged"),
        (altered("records/0/calls", 3), "contradict"),
        (altered("records/0/right", -1), "contradict"),
        (altered("records/0/right", 10**400), "contradict"),
        (altered("records/0/low", float("nan")), "contradict"),
        (altered("records/0/high", 0.5), "contradict"),
        (altered("records/0/unsure", 1), "contradict"),
        (altered("records/0/comparisons", 10**300), "contradict"),
    ],
)
def test_a_check_refuses_what_is_not_sound_and_quotes_nothing_of_it(data: bytes, message: str) -> None:
    with pytest.raises(ScoreboardError, match=re.escape(message)) as caught:
        track_records(data)
    assert caught.value.hint


@given(st.binary(max_size=60))
def test_any_bytes_are_a_scoreboard_or_an_error_of_ours(data: bytes) -> None:
    with pytest.raises(ScoreboardError):
        track_records(data)


def test_records_are_checked_against_what_was_written() -> None:
    record = TrackRecord("", 4, 3, 2, 0.1, 0.99, 1, 1)
    data = json.dumps({"version": scoreboard.VERSION, "records": [asdict(record)], "comparisons": "unread"})
    assert track_records(data.encode()) == (record,)


def test_of_one_moment_the_measurement_of_more_logs_stays() -> None:
    one: Measured = measured(1.0, 1.5, logs=("a", "b"))
    more = measured(1.0, 1.2, logs=("a", "b", "c", "d"))
    (kept,) = merged([comparison(Outcome.SAME, more), comparison(Outcome.SAME, one)])
    assert kept.measured == (more,)
