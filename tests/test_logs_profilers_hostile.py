"""Logs of Python profilers that are damaged, hostile or very large."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_rlm import logs
from ci_rlm.errors import LogError
from ci_rlm.logs import Bad, Kind, Options
from tests.profiler_logs import (
    CUT_OFF,
    DATA,
    EVENTED,
    FORMATS,
    SAMPLED,
    entries,
    frame,
    measured,
    profile_of_the_shop,
    reasons,
    value,
    write,
)


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return profile_of_the_shop(tmp_path_factory.mktemp("profile"))


def broken(content: bytes, draw: st.DataObject) -> bytes:
    """A log with pieces cut out or overwritten, and perhaps cut off."""
    for _ in range(draw.draw(st.integers(0, 3))):
        start = draw.draw(st.integers(0, len(content)))
        end = start + draw.draw(st.integers(0, 40))
        content = content[:start] + draw.draw(st.binary(max_size=12)) + content[end:]
    return content[: draw.draw(st.integers(0, len(content)) | st.none())]


@pytest.mark.parametrize("file", [*FORMATS, "main.pstats"])
@given(draw=st.data(), packed=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_damaged_log_is_read_or_refused_and_nothing_else(
    file: str, draw: st.DataObject, packed: bool, profile: Path
) -> None:
    content = broken((profile if file == "main.pstats" else DATA / file).read_bytes()[:20_000], draw)
    packing = gzip.compress(content, 1)
    path = write(profile.parent / "damaged", packing[: -draw.draw(st.integers(1, 30))] if packed else content)
    try:
        found = entries(path, "ms", FORMATS.get(file, "cprofile"))
    except LogError:
        return
    for each in found:
        assert isinstance(each, Bad) or (each.value >= 0 and each.place.symbol)
        assert "\n" not in (each.reason if isinstance(each, Bad) else "")


@pytest.mark.parametrize("name", ["cprofile", "speedscope", "collapsed", "pyinstrument", "memray", "scalene"])
@given(content=st.binary(max_size=200))
@settings(max_examples=40, deadline=None)
def test_any_bytes_are_read_or_refused(name: str, content: bytes, profile: Path) -> None:
    path = write(profile.parent / "any", content)
    logs.reader(name).sniff(content, path)
    try:
        entries(path, "ms", name)
    except LogError as error:
        assert error.message


@pytest.mark.parametrize("file", ["memray.stats.json", "pyinstrument.json", "scalene.json"])
def test_a_document_that_is_cut_off_keeps_what_it_said(file: str, tmp_path: Path) -> None:
    content = (DATA / file).read_bytes()
    end = content.index(b'"top_allocations_by_count"') - 20 if "stats" in file else len(content) * 9 // 10
    cut = write(tmp_path / file, content[:end])
    assert reasons(cut)[CUT_OFF] == 1
    symbols = {m.place.symbol for m in measured(cut)}
    assert symbols and symbols <= {m.place.symbol for m in measured(DATA / file)}


@pytest.mark.parametrize(("name", "kind"), [("collapsed", Kind.CUMULATIVE), ("memray", Kind.HIGH_WATER)])
def test_a_compressed_log_that_is_cut_off_keeps_what_it_said(name: str, kind: Kind, tmp_path: Path) -> None:
    content = LARGE[name](8_000)
    assert isinstance(content, str)
    packed = gzip.compress(content.encode())
    path = write(tmp_path / "cut", packed[: len(packed) // 2])
    assert reasons(path, "ms", name) == {CUT_OFF: 1}
    whole = write(tmp_path / "whole", content)
    assert 0 < value(path, "g", kind, "ms", name) < value(whole, "g", kind, "ms", name)


def many_samples(count: int) -> dict[str, Any]:
    frames = [{"name": f"f{index}", "file": "a.py", "line": index} for index in range(50)]
    sampled = {**SAMPLED, "samples": [[i % 50, 3, 4] for i in range(count)], "weights": [1] * count}
    evented = {**EVENTED, "events": EVENTED["events"] * (count // 12)}
    return {"shared": {"frames": frames}, "profiles": [sampled, evented]}


def many_files(count: int) -> dict[str, Any]:
    file = {"lines": [0] * 500, "functions": [{"line": "f", "n_peak_mb": 1}]}
    return {
        "alloc_samples": 1,
        "elapsed_time_sec": 1.0,
        "files": {f"{index}.py": file for index in range(count)},
    }


LARGE: dict[str, Callable[[int], str | dict[str, Any]]] = {
    "collapsed": lambda count: "".join(f"f{i % 50} (a.py:{i % 50});g (b.py:3) {i}\n" for i in range(count)),
    "memray": lambda count: (
        "allocator,num_allocations,size,tid,thread_name,stack_trace\n"
        + "".join(f"MALLOC,1,{i},1,main,f{i % 50};a.py;{i % 50}|g;b.py;3\n" for i in range(count))
    ),
    "speedscope": many_samples,
    "pyinstrument": lambda count: {
        "sample_count": 1,
        "root_frame": frame("f", 9e9, *(frame(f"g{i % 50}", 1.0) for i in range(count // 3))),
    },
    "scalene": lambda count: many_files(count // 40),
}


@pytest.mark.parametrize("name", LARGE)
def test_memory_does_not_grow_with_a_log(name: str, tmp_path: Path) -> None:
    peaks = []
    for count in (4_000, 16_000):
        path = write(tmp_path / "large", LARGE[name](count))
        tracemalloc.start()
        try:
            assert sum(1 for _ in logs.reader(name).read(path, Options(unit="ms"))) > 50
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] + 50_000 < path.stat().st_size * 8


BOMBS = {
    "brackets": ("speedscope", b'{"shared": {"frames": [{"name": "f"}]}, "profiles": ' + b"[" * 300_000),
    "nested frames": ("speedscope", b'{"shared": {"frames": [' + b'{"name":' * 300_000),
    "deep tree": ("pyinstrument", b'{"sample_count": 1, "root_frame": ' + b'{"children": [' * 100_000),
    "deep function": ("scalene", b'{"alloc_samples": 1, "files": {"a": ' + b'{"functions": ' * 100_000),
    "long line": ("collapsed", b"f;" * 2_000_000),
    "long stack": ("collapsed", b"f;" * 400_000 + b"g 1\n"),
    "long cell": (
        "memray",
        b"allocator,num_allocations,size,tid,thread_name,stack_trace\n" + b"f;a;1|" * 200_000,
    ),
    "quotes": ("memray", b"allocator,num_allocations,size,tid,thread_name,stack_trace\n" + b'"' * 300_001),
    "digits": ("collapsed", b"f (a.py:" + b"9" * 300_000 + b");g 1\n"),
    "spaces": ("collapsed", b"f (" * 100_000 + b" 1\n"),
    "colons": ("collapsed", b"a:" * 100_000 + b"; 1\n"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_read_or_refused_in_little_memory(bomb: str, tmp_path: Path) -> None:
    name, content = BOMBS[bomb]
    path = write(tmp_path / "x", content)
    tracemalloc.start()
    try:
        entries(path, "ms", name)
    except LogError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 60_000_000


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("collapsed", "\n".join(f"main (a.py:1);{i:0100000} (a.py:1) 1" for i in range(100))),
        (
            "memray",
            "allocator,num_allocations,size,tid,thread_name,stack_trace\n"
            + "\n".join(f"MALLOC,1,1,1,main,{i:0100000};a.py;1|main;a.py;1" for i in range(100)),
        ),
    ],
)
def test_names_without_end_are_refused_and_not_kept(name: str, content: str, tmp_path: Path) -> None:
    path = write(tmp_path / "x", content)
    tracemalloc.start()
    try:
        assert reasons(path, "ms", name) == {"a name or path is too long to be one": 100}
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000 < len(content)
