"""Logs of benchmark tools that are damaged, huge or forged: a reading ends, in measurements and reasons."""

from __future__ import annotations

import csv
import io
import json
import math
import random
import shutil
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_rlm.errors import LogError
from ci_rlm.logs import Bad, Measurement, Options, reader
from ci_rlm.logs.entries import entries
from ci_rlm.logs.finite import Finite
from ci_rlm.logs.kernels import kernel
from ci_rlm.logs.values import count, moment
from tests.logs_benchmarks import FOLDER, SAMPLES, everything, measurements, reasons

FORMATS = sorted({name for name, _ in SAMPLES})
DOCUMENTS = [(name, path) for name, path in SAMPLES if path.suffix == ".json"]

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(["NaN", "ns", "us/op", ""]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of all logs, of which a test may change the one that it reads."""
    return Path(shutil.copytree(FOLDER, tmp_path_factory.mktemp("hostile") / "logs"))


def read_all(name: str, path: Path) -> list[Measurement | Bad]:
    """All that a reader yields, each of it checked for what any measurement promises; nothing on LogError."""
    try:
        found = everything(name, path, Options(unit="ms"))
    except LogError:
        return []
    for each in found:
        if isinstance(each, Bad):
            assert each.where and each.reason
        else:
            assert math.isfinite(each.value) and each.value >= 0
            assert all(end is None or math.isfinite(end) for end in (each.lower, each.upper))
            assert each.n >= 1 and each.origin == name
            json.dumps(each.params).encode()
            assert each.place.symbol or each.place.file or each.place.source or each.place.test
    return found


@pytest.mark.parametrize(("name", "path"), SAMPLES)
@settings(max_examples=60)
@given(st.data())
def test_a_log_with_bytes_changed_never_raises_anything_but_a_log_error(
    logs: Path, name: str, path: Path, data: st.DataObject
) -> None:
    whole = path.read_bytes()
    start = data.draw(st.integers(0, len(whole)))
    length = data.draw(st.integers(0, 40))
    noise = data.draw(
        st.binary(max_size=20) | st.sampled_from([b'"', b"{", b"]", b",", b"NaN", b"\x00", b"9" * 400])
    )
    copy = logs / path.relative_to(FOLDER)
    copy.write_bytes(whole[:start] + noise + whole[start + length :])
    read_all(name, copy)
    assert reader(name).sniff(copy.read_bytes(), copy) in (True, False)


@pytest.mark.parametrize(("name", "path"), SAMPLES)
@settings(max_examples=40)
@given(end=st.integers(0, 20_000))
def test_a_log_cut_short_gives_what_came_before_the_cut(logs: Path, name: str, path: Path, end: int) -> None:
    whole = path.read_bytes()
    copy = logs / path.relative_to(FOLDER)
    copy.write_bytes(whole[: end % len(whole)])
    found = read_all(name, copy)
    if name not in ("torch_profiler", "ncu", "google_benchmark"):  # which summarise what they saw
        copy.write_bytes(whole)
        known = read_all(name, copy)
        assert [each.place for each in found if isinstance(each, Measurement)] == [
            each.place for each in known if isinstance(each, Measurement)
        ][: sum(isinstance(each, Measurement) for each in found)]


@pytest.mark.parametrize(("name", "path"), DOCUMENTS)
@settings(max_examples=80)
@given(seed=st.integers(0, 10**9), value=VALUES)
def test_a_value_of_any_other_type_is_a_bad_entry_at_most(
    logs: Path, name: str, path: Path, seed: int, value: Any
) -> None:
    document = json.loads(path.read_bytes())
    holders = list(_holders(document))
    holder = random.Random(seed).choice(holders)
    key = random.Random(seed + 1).choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    holder[key] = value
    copy = logs / path.relative_to(FOLDER)
    copy.write_text(json.dumps(document), encoding="utf-8")
    read_all(name, copy)


def _holders(value: Any) -> Any:
    if isinstance(value, (dict, list)) and value:
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _holders(inner)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=60)
@given(noise=st.binary(max_size=300))
def test_garbage_is_no_log(logs: Path, name: str, noise: bytes) -> None:
    garbage = logs / "estimates.json"
    garbage.write_bytes(noise)
    assert not any(isinstance(each, Measurement) for each in read_all(name, garbage))
    assert not reader(name).sniff(noise, garbage)


@pytest.mark.parametrize("name", FORMATS)
def test_a_folder_or_a_missing_file_is_a_log_error(tmp_path: Path, name: str) -> None:
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(LogError):
            everything(name, path)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("pytest_benchmark", b'{"machine_info": '),
        ("google_benchmark", b'{"benchmarks": [{"name": '),
        ("torch_profiler", b'{"traceEvents": '),
        ("jmh", b'[{"primaryMetric": '),
        ("plain", b'{"symbol": '),
    ],
)
def test_a_million_brackets_exhaust_neither_stack_nor_memory(tmp_path: Path, name: str, start: bytes) -> None:
    deep = tmp_path / "deep.json"
    deep.write_bytes(start + b"[" * 1_000_000)
    assert read_all(name, deep) == [] or all(isinstance(each, Bad) for each in read_all(name, deep))


def test_a_truncated_log_says_so_once(tmp_path: Path) -> None:
    whole = (FOLDER / "pytest_benchmark.json").read_bytes()
    cut = tmp_path / "cut.json"
    cut.write_bytes(whole[: whole.index(b"test_find[last-1000]")])
    assert len(measurements("pytest_benchmark", cut)) == 4
    assert reasons("pytest_benchmark", cut) == ["the file is damaged or cut off from here on"]


def test_saved_rounds_are_never_held(tmp_path: Path) -> None:
    document = json.loads((FOLDER / "pytest_benchmark.json").read_bytes())
    document["benchmarks"][0]["stats"]["data"] = [0.001] * 300_000
    huge = tmp_path / "huge.json"
    huge.write_text(json.dumps(document))
    assert huge.stat().st_size > 2_000_000
    measurements("pytest_benchmark", huge)  # what is imported by it stays
    tracemalloc.start()
    assert len(measurements("pytest_benchmark", huge)) == len(document["benchmarks"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_line_without_an_end_is_not_read_whole(tmp_path: Path) -> None:
    endless = tmp_path / "endless.csv"
    endless.write_bytes(b"symbol,metric,value,unit\nmerge,wall_time,1,s\n" + b"x" * 3_000_000)
    assert len(measurements("plain", endless)) == 1
    assert reasons("plain", endless) == ["the file is damaged or cut off from here on"]


def test_an_endless_entry_ends_the_reading(tmp_path: Path) -> None:
    endless = tmp_path / "endless.json"
    endless.write_bytes(b'{"benchmarks": [1, {"name": [' + b"0, " * 3_000_000)
    assert reasons("pytest_benchmark", endless) == [
        "the value is not a number", "the file is damaged or cut off from here on",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("triton_perf_report", b"a (" * 20_000 + b")"),
        ("nsys", b"Time (%)," + b"Instances," * 6_000),
        ("ncu", b"ID," * 20_000),
    ],
)
def test_a_header_made_to_be_slow_is_told_at_once(name: str, head: bytes) -> None:
    started = time.process_time()
    assert not reader(name).sniff(head, Path("log.csv"))
    kernel("k_0d1" + "1" * 20_000 + "z")
    assert time.process_time() - started < 1


def test_an_endless_string_ends_the_reading(tmp_path: Path) -> None:
    endless = tmp_path / "endless.json"
    endless.write_bytes(b'{"benchmarks": [1, {"name": "' + b"x" * 20_000_000)
    assert reasons("pytest_benchmark", endless) == [
        "the value is not a number", "the file is damaged or cut off from here on",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ("2026-11-26T03:20:19+01:00", "2026-11-26T02:20:19+00:00"),
        ("2026-11-26T03:20:19", "2026-11-26T03:20:19+00:00"),
        (1_704_067_200_000, "2024-01-01T00:00:00+00:00"),
        ("yesterday", ""),
        ("0001-01-01T00:00:00+14:00", ""),
        (1e300, ""),
        (float("nan"), ""),
        (None, ""),
        (True, ""),
    ],
)
def test_a_moment_is_in_utc_or_left_out(told: object, read: str) -> None:
    assert moment(told) == read


@pytest.mark.parametrize(
    ("told", "read"),
    [(3, 3), (4.0, 4), (0, 1), (-2, 1), (2.5, 1), (10**30, 1), (True, 1), ("7", 1), (math.inf, 1)],
)
def test_a_count_that_cannot_be_is_one(told: object, read: int) -> None:
    assert count(told) == read


DOCUMENT = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats()
    | st.text()
    | st.just("NaN, -Infinity"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def _without_words(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_words(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_words(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@settings(max_examples=300)
@given(document=DOCUMENT, size=st.integers(1, 30), ascii_only=st.booleans())
def test_bare_nan_and_infinity_read_as_null_and_nothing_else_changes(
    document: Any, size: int, ascii_only: bool
) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    stream = Finite(io.BytesIO(text))
    pieces = list(iter(lambda: stream.read(size), b""))
    assert json.loads(b"".join(pieces).decode("utf-8", "surrogatepass")) == _without_words(document)


@settings(max_examples=100)
@given(document=st.dictionaries(st.text(st.characters(codec="utf-8")), DOCUMENT, min_size=1, max_size=5))
def test_entries_are_the_members_of_the_document(
    tmp_path_factory: pytest.TempPathFactory, document: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "document.json"
    text = json.dumps({"first": [1], "inner": document}, ensure_ascii=False)
    path.write_bytes(text.encode("utf-8", "replace"))
    expected = _without_words(json.loads(path.read_bytes())["inner"])
    assert {each.key: each.value for each in entries(path, "inner") if not isinstance(each, Bad)} == expected


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), min_size=1).filter(
    lambda name: name.strip() == name
)


@settings(max_examples=100)
@given(rows=st.lists(st.tuples(NAMES, st.floats(0, 1e9), NAMES), min_size=1, max_size=5))
def test_a_plain_table_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float, str]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "written.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("symbol", "value", "source", "metric", "unit"))
        writer.writerows((name, value, source, "cpu_time", "s") for name, value, source in rows)
    read = measurements("plain", path)
    assert [(each.place.symbol, each.value, each.place.source) for each in read] == rows


@given(name=st.text(max_size=60) | st.text("<>(),:~ abcd_0123e", max_size=60))
def test_any_name_of_a_kernel_has_a_function(name: str) -> None:
    function, language = kernel(name)
    assert bool(function) == bool(name)
    assert language in ("triton", "cuda")


def test_a_name_of_a_kernel_is_read_once_however_long_it_is() -> None:
    name = "k" + "_0" * 2_000_000 + "_0d1d2"
    assert kernel(name) == (name.removesuffix("_0d1d2"), "triton")


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("_0d1", "_0d1"),
        ("add_kernel", "add_kernel"),
        ("add_kernel_0d1d2d3de", "add_kernel"),
        ("matmul_kernel_0d1d2d3d4d5d6de7c8de9c10de11c", "matmul_kernel"),
        ("sgemm_128x64_nn", "sgemm_128x64_nn"),
        ("kernel_01", "kernel_01"),
        ("void f<g<int>, (bool)1>(h<int>*, int)", "f"),
        ("void (anonymous namespace)::f<4>(float*)", "f"),
        ("ns::f(int)", "ns::f"),
    ],
)
def test_a_kernel_is_called_by_its_function(name: str, function: str) -> None:
    assert kernel(name)[0] == function
