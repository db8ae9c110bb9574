"""pyinstrument, memray and Scalene; and how the logs of Python profilers are told apart."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from ci_rlm import logs
from ci_rlm.errors import LogError
from ci_rlm.logs import Bad, Kind, Measurement
from tests.profiler_logs import (
    DATA,
    FORMATS,
    STORE,
    entries,
    frame,
    measured,
    reasons,
    value,
    write,
)


@pytest.mark.parametrize("file", FORMATS)
def test_a_log_is_known_by_its_first_bytes(file: str) -> None:
    ours = ["cprofile", "speedscope", "collapsed", "pyinstrument", "memray", "scalene"]
    head = (DATA / file).read_bytes()[: logs.HEAD_BYTES]
    assert [name for name in ours if logs.reader(name).sniff(head, DATA / file)] == [FORMATS[file]]


@pytest.mark.parametrize("file", FORMATS)
def test_a_compressed_log_says_the_same(file: str, tmp_path: Path) -> None:
    packed = write(tmp_path / file, gzip.compress((DATA / file).read_bytes()))
    assert logs.detect(packed, [FORMATS[file]]) == FORMATS[file]
    assert entries(packed, "5ms") == entries(DATA / file, "5ms")


# pyinstrument


def tree_seconds(node: dict[str, Any], symbol: str, within: bool = False) -> tuple[float, float]:
    """Cumulative and own: of the outermost frames of a name, and of all what children leave."""
    children = [child for child in node["children"] if child["function"] != "[self]"]
    here = node["function"] == symbol
    found = [tree_seconds(child, symbol, within or here) for child in children]
    own = (node["time"] - sum(child["time"] for child in children)) if here else 0.0
    return (node["time"] if here and not within else 0.0) + sum(c for c, _ in found), own + sum(
        o for _, o in found
    )


@pytest.mark.parametrize("symbol", ["main", "sort", "total", "fib", "fetch", "build", "__init__"])
def test_frames_of_pyinstrument_are_summed(symbol: str) -> None:
    path = DATA / "pyinstrument.json"
    cumulative, own = tree_seconds(json.loads(path.read_text())["root_frame"], symbol)
    assert value(path, symbol, Kind.CUMULATIVE) == pytest.approx(cumulative)
    found = {m.place.symbol: m.value for m in measured(path) if m.kind is Kind.SELF}
    assert found.get(symbol, 0.0) == pytest.approx(own, abs=1e-9)


def test_pyinstrument_tells_the_line_of_the_definition_and_the_moment() -> None:
    (found,) = [
        m for m in measured(DATA / "pyinstrument.json") if m.place.symbol == "fib" and m.kind is Kind.SELF
    ]
    source = (DATA / "shop" / "store.py").read_text().splitlines()
    assert found.place.file == STORE
    assert source[found.place.line - 1].startswith("def fib")
    assert found.when.startswith("2026-11-26T03:11:59.233228")


def session(path: Path, root: Any, **rest: Any) -> Path:
    return write(path, {"start_time": 0.0, "sample_count": 3, **rest, "root_frame": root})


def test_parts_of_a_frame_are_its_own_time(tmp_path: Path) -> None:
    """`[self]` and `[await]` are of the function around them, a builtin is not."""
    builtin = {**frame("len", 0.5), "file_path": "<built-in>"}
    path = session(tmp_path / "x.json", frame("f", 8.0, frame("[self]", 1.0), frame("[await]", 2.0), builtin))
    assert value(path, "f", Kind.SELF, name="pyinstrument") == pytest.approx(7.5)
    assert value(path, "f", Kind.CUMULATIVE, name="pyinstrument") == pytest.approx(8.0)
    assert {m.place.symbol for m in measured(path, name="pyinstrument")} == {"f"}


def test_two_functions_of_one_name_are_told_apart_by_their_definitions(tmp_path: Path) -> None:
    children = frame("__init__", 1.0, line=3), frame("__init__", 2.0, line=9)
    path = session(tmp_path / "x.json", frame("main", 3.0, *children, line=20))
    found = {(m.place.symbol, m.place.line): m.value for m in measured(path, name="pyinstrument")}
    assert found["__init__", 3] == pytest.approx(1.0)
    assert found["__init__", 9] == pytest.approx(2.0)


def test_a_bad_frame_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    bad = frame("g", "soon", frame("h", 2.0))
    path = session(tmp_path / "x.json", frame("f", 8.0, bad, 7, None, [], frame("k", 1.0)))
    assert reasons(path, name="pyinstrument") == {"the value is not a number": 1}
    found = {m.place.symbol: m.value for m in measured(path, name="pyinstrument") if m.kind is Kind.SELF}
    assert found == pytest.approx({"f": 5.0, "h": 2.0, "k": 1.0})


@pytest.mark.parametrize("root", [None, [], 5, "x", [[frame("f", 1.0)]]])
def test_a_session_without_a_root_frame_is_refused(root: Any, tmp_path: Path) -> None:
    with pytest.raises(LogError, match="root frame"):
        entries(session(tmp_path / "x.json", root), name="pyinstrument")


def test_frames_that_are_nested_without_end_are_refused(tmp_path: Path) -> None:
    start, frames = '{"sample_count": 1, "root_frame": ', '{"children": [' * 20_001
    with pytest.raises(LogError, match="nested too deeply"):
        entries(write(tmp_path / "x.json", start + frames), name="pyinstrument")


def test_a_session_may_hold_nan(tmp_path: Path) -> None:
    path = session(tmp_path / "x.json", frame("f", 2.0), cpu_time=float("nan"))
    assert "NaN" in path.read_text()
    assert value(path, "f", Kind.SELF, name="pyinstrument") == 2.0


# memray


PEAK_BYTES = {
    "main": 67_246_764,
    "__init__": 20_939_776,
    "build": 10_507_288,
    "buffers": 25_165_848,
    "sort": 10_628_608,
    "fetch": 7_482_880,
}
"""By memray's own FileReader.get_high_watermark_allocation_records, on the capture behind the files."""


@pytest.mark.parametrize("file", ["memray.csv", "memray.speedscope.json"])
def test_memray_says_what_was_held_at_the_peak(file: str) -> None:
    ours = [m for m in measured(DATA / file) if m.place.file in (STORE, "main.py")]
    assert {m.place.symbol: m.value for m in ours} == PEAK_BYTES
    assert {(m.metric, m.kind) for m in ours} == {("peak_memory", Kind.HIGH_WATER)}


def test_the_statistics_of_memray_are_totals_and_no_peaks() -> None:
    found = {(m.place.symbol, m.metric, m.kind, m.value) for m in measured(DATA / "memray.stats.json")}
    assert found == {
        ("sort", "allocated_bytes", Kind.ALLOC, 14_495_136),
        ("build", "allocated_bytes", Kind.ALLOC, 12_771_344),
    }


def memray_table(path: Path, *rows: tuple[object, ...]) -> Path:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["allocator", "num_allocations", "size", "tid", "thread_name", "stack_trace"])
        table.writerows(rows)
    return path


def test_a_bad_row_of_memray_is_told_with_its_line(tmp_path: Path) -> None:
    path = memray_table(
        tmp_path / "x.csv",
        ("MALLOC", 1, 100, 1, 'odd, "name"', "g;a,b.py;2|f;a,b.py;9|f;a,b.py;8"),
        ("MALLOC", 1, "1e3", 1, "main", "g;a.py;2"),
        ("MALLOC", 1, 50, 1, "main", "g"),
        ("MALLOC", 1),
        ("MALLOC", 1, 7, 1, "main", ""),
        ("MALLOC", 1, 11, 1, "main", "f;a,b.py;8"),
    )
    found = entries(path, name="memray")
    assert [(each.where, each.reason) for each in found if isinstance(each, Bad)] == [
        ("line 3", "the size is not a whole number of at least 0"),
        ("line 4", "a place is not written as function, file and line"),
        ("line 5", "the row has not six cells"),
    ]
    assert {m.place.symbol: m.value for m in found if isinstance(m, Measurement)} == {"f": 111, "g": 100}


# Scalene


def test_scalene_is_read_by_function() -> None:
    document = json.loads((DATA / "scalene.json").read_text())
    functions = {each["line"]: each for each in document["files"][STORE]["functions"]}
    found = {(m.place.symbol, m.metric): m for m in measured(DATA / "scalene.json") if m.place.file == STORE}
    sort = functions["Store.sort"]
    percent = sort["n_cpu_percent_python"] + sort["n_cpu_percent_c"]
    assert found["Store.sort", "cpu_time"].value == pytest.approx(
        percent / 100 * document["elapsed_time_sec"]
    )
    assert found["Store.sort", "cpu_time"].kind is Kind.SELF
    assert found["Store.sort", "peak_memory"].value == sort["n_peak_mb"] * 1024**2
    assert found["Store.sort", "peak_memory"].kind is Kind.HIGH_WATER
    assert found["Store.sort", "peak_memory"].place.line == 19


def test_what_scalene_did_not_sample_is_no_measurement_of_nothing() -> None:
    zeros = [
        metric
        for file in json.loads((DATA / "scalene.json").read_text())["files"].values()
        for function in file["functions"]
        for metric in (function["n_peak_mb"], function["n_cpu_percent_python"] + function["n_cpu_percent_c"])
        if metric == 0
    ]
    assert reasons(DATA / "scalene.json") == {"no sample fell in the function": len(zeros)}
    assert all(m.value > 0 for m in measured(DATA / "scalene.json"))


@pytest.mark.parametrize(
    ("function", "bad"),
    [
        ({"line": "f", "n_cpu_percent_python": "x", "n_peak_mb": 1}, {"the value is not a number": 1}),
        ({"line": "", "n_peak_mb": 1}, {"the function has no name": 1}),
        (7, {"the function has no name": 1}),
        ({"line": "f"}, {"the value is not a number": 2}),
    ],
)
def test_a_bad_function_of_scalene_is_told(function: Any, bad: dict[str, int], tmp_path: Path) -> None:
    good = {"line": "g", "n_cpu_percent_python": 10, "n_cpu_percent_c": 15, "n_peak_mb": 3}
    files = {"a.py": {"functions": [function, good]}, "b.py": {"functions": 5}, "c.py": None}
    path = write(tmp_path / "x.json", {"alloc_samples": 1, "elapsed_time_sec": 8.0, "files": files})
    assert reasons(path, name="scalene") == {**bad, "the file has no list of functions": 2}
    assert value(path, "g", Kind.SELF, name="scalene") == 2.0


def test_bare_nan_is_no_damage(tmp_path: Path) -> None:
    text = (DATA / "scalene.json").read_text()
    path = write(tmp_path / "scalene.json", text.replace('"growth_rate": ', '"growth_rate": NaN, "was": '))
    assert entries(path) == entries(DATA / "scalene.json")
