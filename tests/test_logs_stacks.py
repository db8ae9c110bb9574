"""Collapsed stacks and speedscope files."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ci_rlm import logs
from ci_rlm.errors import LogError
from ci_rlm.logs import Bad, Kind
from tests.profiler_logs import (
    CUT_OFF,
    DATA,
    EVENTED,
    MOMENTS,
    SAMPLED,
    entries,
    measured,
    reasons,
    speedscope,
    value,
    write,
)

# Collapsed stacks


def written_counts(file: str, symbol: str, *, leaf: bool) -> int:
    """The sum of the counts of lines that name a function at all, or last: by searching the text."""
    total = 0
    for line in (DATA / file).read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        if not line.startswith("#") and symbol in (stack.rpartition(";")[2] if leaf else stack):
            total += int(count)
    return total


@pytest.mark.parametrize(
    ("file", "unit", "seconds", "before", "after"),
    [("pyspy.raw", "5ms", 0.005, "", " ("), ("austin.txt", "", 1e-6, ":", ":")],
)
@pytest.mark.parametrize("symbol", ["main", "Store.sort", "Store.build", "total", "fib", "fetch"])
def test_collapsed_stacks_are_summed(
    file: str, unit: str, seconds: float, before: str, after: str, symbol: str
) -> None:
    for kind, leaf in ((Kind.CUMULATIVE, False), (Kind.SELF, True)):
        samples = written_counts(file, f"{before}{symbol}{after}", leaf=leaf)
        found = {(m.place.symbol, m.kind): m.value for m in measured(DATA / file, unit)}
        assert found.get((symbol, kind), 0) == pytest.approx(samples * seconds)
    assert written_counts(file, f"{before}{symbol}{after}", leaf=False) > 0


def test_a_place_of_collapsed_stacks_has_its_line_only_if_it_is_the_only_one(tmp_path: Path) -> None:
    found = {m.place.symbol: m.place for m in measured(DATA / "pyspy.raw", "10ms")}
    assert (found["Store.build"].file, found["Store.build"].line) == ("shop/store.py", 16)
    assert found["Store.sort"].line == 0


@pytest.mark.parametrize("file", ["austin.txt", "pyspy_threads.raw"])
def test_processes_and_threads_are_no_functions(file: str) -> None:
    """They are at the root of every stack here, and have no file."""
    assert all(m.place.file.endswith(".py") for m in measured(DATA / file, "10ms", "collapsed"))


def test_threads_and_processes_are_added_up() -> None:
    seconds = value(DATA / "pyspy_threads.raw", "work", Kind.CUMULATIVE, "10ms", "collapsed")
    assert seconds == pytest.approx(0.01 * written_counts("pyspy_threads.raw", "work (", leaf=True))


def test_stacks_without_files_are_functions_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "x.txt", "main;Tree.walk;Total 3\nmain 1\n")
    assert {m.place.symbol for m in measured(path, "ms", "collapsed")} == {"main", "Tree.walk", "Total"}


def test_a_recursive_function_is_counted_once_a_stack(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.raw", "main (a.py:9);f (a.py:2);f (a.py:3);f (a.py:3) 7\nmain (a.py:9);f (a.py:2) 3\n"
    )
    assert value(path, "f", Kind.CUMULATIVE, "ms", "collapsed") == pytest.approx(0.010)
    assert value(path, "f", Kind.SELF, "ms", "collapsed") == pytest.approx(0.010)
    assert value(path, "main", Kind.CUMULATIVE, "ms", "collapsed") == pytest.approx(0.010)
    assert {m.place.symbol: m.n for m in measured(path, "ms", "collapsed")} == {"f": 10, "main": 10}


@pytest.mark.parametrize(
    ("file", "unit", "reason"),
    [
        ("pyspy.raw", "", "the unit of the counts is not given"),
        ("pyspy.raw", "10", "the unit of the counts is not given"),
        ("pyspy.raw", "KiB", "the unit of the counts is not one of time"),
        ("pyspy.raw", "bogus", "unit 'bogus' is neither of time nor of memory"),
        (
            "austin_full.txt",
            "ms",
            "austin's memory and full modes tell the memory of the process, and no function's",
        ),
    ],
)
def test_counts_without_a_time_are_no_measurements(file: str, unit: str, reason: str) -> None:
    lines = [line for line in (DATA / file).read_text().splitlines() if line and line[0] != "#"]
    assert entries(DATA / file, unit, "collapsed") == [
        Bad(f"line {number}", reason)
        for number, line in enumerate((DATA / file).read_text().splitlines(), 1)
        if line in lines
    ]


def test_a_line_that_is_no_stack_is_told_with_its_number(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.raw", "f (a.py:1);g (a.py:2) 3\n\nnonsense\nf (a.py:1);g (a.py:2) -3\nf (a.py:1) 1\n"
    )
    assert [each for each in entries(path, "s", "collapsed") if isinstance(each, Bad)] == [
        Bad("line 3", "the line is not a stack and a count"),
        Bad("line 4", "the count is not a whole number of at least 0"),
    ]
    assert value(path, "f", Kind.CUMULATIVE, "s", "collapsed") == 4


def test_the_binary_form_of_austin_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = write(tmp_path / "x.mojo", b"MOJ\x03\x00\x01mode\x00wall\x00")
    with pytest.raises(LogError, match="binary") as refused:
        entries(path, "", logs.detect(path))
    assert "mojo2austin" in refused.value.hint


# speedscope


def sampled_seconds(file: str, symbol: str) -> tuple[float, float]:
    """Cumulative and own, of the first profile."""
    document = json.loads((DATA / file).read_text())
    names = [frame["name"] for frame in document["shared"]["frames"]]
    profile = document["profiles"][0]
    stacks = [[names[index] for index in sample] for sample in profile["samples"]]
    pairs = list(zip(stacks, profile["weights"], strict=True))
    return sum(w for s, w in pairs if symbol in s), sum(w for s, w in pairs if s[-1] == symbol)


@pytest.mark.parametrize("symbol", ["main", "Store.sort", "total", "fib"])
def test_samples_of_speedscope_are_summed(symbol: str) -> None:
    cumulative, own = sampled_seconds("pyspy.speedscope.json", symbol)
    path = DATA / "pyspy.speedscope.json"
    assert value(path, symbol, Kind.CUMULATIVE) == pytest.approx(cumulative)
    assert value(path, symbol, Kind.SELF) == pytest.approx(own)


def evented_seconds(file: str, symbol: str) -> tuple[float, float]:
    """Cumulative and own, from the stack between each two events; `[self]` is of what is around it."""
    document = json.loads((DATA / file).read_text())
    names = [frame["name"] for frame in document["shared"]["frames"]]
    events = document["profiles"][0]["events"]
    stack: list[str] = []
    cumulative = own = 0.0
    for event, following in pairwise(events):
        if event["type"] == "O":
            stack.append(names[event["frame"]])
        else:
            stack.pop()
        spent = following["at"] - event["at"]
        cumulative += spent * (symbol in stack)
        own += spent * ([name for name in stack if name != "[self]"][-1:] == [symbol])
    return cumulative, own


@pytest.mark.parametrize("symbol", ["main", "sort", "total", "fib", "fetch", "build"])
def test_events_of_speedscope_are_summed(symbol: str) -> None:
    cumulative, own = evented_seconds("pyinstrument.speedscope.json", symbol)
    path = DATA / "pyinstrument.speedscope.json"
    assert value(path, symbol, Kind.CUMULATIVE) == pytest.approx(cumulative)
    assert value(path, symbol, Kind.SELF) == pytest.approx(own)


@pytest.mark.parametrize(
    ("profile", "scale", "expected"),
    [(SAMPLED, 1e-3, {"main": (7, 4), "f": (3, 3)}), (EVENTED, 1e-9, {"main": (90, 50), "f": (40, 40)})],
)
def test_a_function_on_a_stack_twice_counts_once(
    profile: dict[str, Any], scale: float, expected: dict[str, tuple[int, int]], tmp_path: Path
) -> None:
    path = speedscope(tmp_path / "x.json", profile)
    for symbol, values in expected.items():
        for kind, count in zip((Kind.CUMULATIVE, Kind.SELF), values, strict=True):
            assert value(path, symbol, kind, name="speedscope") == pytest.approx(count * scale)


def test_threads_are_added_up_whatever_their_units(tmp_path: Path) -> None:
    path = speedscope(tmp_path / "x.json", SAMPLED, EVENTED, SAMPLED)
    assert value(path, "f", Kind.CUMULATIVE, name="speedscope") == pytest.approx(2 * 3e-3 + 40e-9)


def test_what_a_profile_leaves_open_ends_with_it(tmp_path: Path) -> None:
    path = speedscope(tmp_path / "x.json", {**EVENTED, "events": EVENTED["events"][:3]}, EVENTED)
    assert value(path, "f", Kind.CUMULATIVE, name="speedscope") == pytest.approx((10 + 40) * 1e-9)
    assert value(path, "main", Kind.CUMULATIVE, name="speedscope") == pytest.approx((20 + 90) * 1e-9)


def test_a_profile_of_no_type_is_told(tmp_path: Path) -> None:
    path = speedscope(tmp_path / "x.json", {**SAMPLED, "type": "guessed"}, EVENTED)
    assert reasons(path, name="speedscope") == {"the profile is neither sampled nor evented": 1}


@pytest.mark.parametrize(
    ("unit", "given", "exporter", "reason"),
    [
        ("none", "", "mine", "the unit of the counts is not given"),
        ("bytes", "", "mine", "its exporter does not say whether bytes are a peak or a total"),
        ("none", "ms", "memray@1.20.0", "a number of allocations is no cost"),
        ("parsecs", "", "mine", "unit 'parsecs' is neither of time nor of memory"),
    ],
)
def test_a_profile_without_a_time_is_told_once(
    unit: str, given: str, exporter: str, reason: str, tmp_path: Path
) -> None:
    path = speedscope(tmp_path / "x.json", SAMPLED, {**SAMPLED, "unit": unit}, exporter=exporter)
    found = entries(path, given, "speedscope")
    assert [each for each in found if isinstance(each, Bad)] == [Bad("profiles[1]", reason)]
    assert value(path, "f", Kind.CUMULATIVE, given, "speedscope") == pytest.approx(3e-3)


def test_samples_without_a_unit_take_the_interval_that_is_given(tmp_path: Path) -> None:
    path = speedscope(tmp_path / "x.json", {**SAMPLED, "unit": "none"})
    assert value(path, "f", Kind.CUMULATIVE, "10ms", "speedscope") == pytest.approx(0.030)


NO_FRAME = "a sample or event names no frame of the file"
NO_NUMBER = "the value is not a number"


@pytest.mark.parametrize(
    ("change", "bad"),
    [
        ({"samples": [[0, 1], [0, 9], [0]]}, {NO_FRAME: 1}),
        (
            {"samples": [[0, 1], "x", [-1], [0]]},
            {"a sample is not a list of frames": 1, NO_FRAME: 1, NO_NUMBER: 1},
        ),
        ({"weights": [1, "2", -4]}, {NO_NUMBER: 1, "the value is not a finite number of at least 0": 1}),
        ({"weights": [1, 2]}, {NO_NUMBER: 1}),
        ({"weights": {"0": 1}}, {NO_NUMBER: 3}),
    ],
)
def test_a_bad_sample_is_told_and_ends_nothing(
    change: dict[str, Any], bad: dict[str, int], tmp_path: Path
) -> None:
    path = speedscope(tmp_path / "x.json", {**SAMPLED, **change}, EVENTED)
    assert reasons(path, name="speedscope") == bad
    assert value(path, "f", Kind.CUMULATIVE, name="speedscope") >= 40e-9


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (("C", 1, 25), "an event neither opens a frame nor closes the innermost"),
        (("X", 0, 25), "an event neither opens a frame nor closes the innermost"),
        (("O", 3, 25), NO_FRAME),
        (("O", None, 25), NO_FRAME),
        (("O", 1, None), NO_NUMBER),
        (("O", 1, 5), "an event is earlier than the one before it"),
    ],
)
def test_a_bad_event_is_told_and_changes_nothing(
    event: tuple[str, Any, Any], reason: str, tmp_path: Path
) -> None:
    moments = [MOMENTS[0], event, *MOMENTS[1:]]
    events = [{"type": kind, "frame": frame, "at": moment} for kind, frame, moment in moments]
    path = speedscope(tmp_path / "x.json", {**EVENTED, "events": events})
    assert reasons(path, name="speedscope") == {reason: 1}
    assert value(path, "f", Kind.CUMULATIVE, name="speedscope") == pytest.approx(40e-9)
    assert value(path, "main", Kind.CUMULATIVE, name="speedscope") == pytest.approx(90e-9)


def test_profiles_of_speedscope_are_kept_up_to_the_damage(tmp_path: Path) -> None:
    whole = speedscope(tmp_path / "whole.json", SAMPLED, EVENTED).read_text()
    path = write(tmp_path / "x.json", whole[: whole.rindex('{"type": "C"')])
    assert reasons(path, name="speedscope") == {CUT_OFF: 1}
    assert value(path, "f", Kind.CUMULATIVE, name="speedscope") == pytest.approx(3e-3 + 40e-9)
    assert value(path, "main", Kind.SELF, name="speedscope") == pytest.approx(4e-3 + 10e-9)
