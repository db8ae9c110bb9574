"""Statistics of cProfile, and the reader of marshalled data behind them."""

from __future__ import annotations

import marshal
import pstats
import tracemalloc
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm import logs
from ci_rlm.errors import LogError
from ci_rlm.logs import Bad, Kind, unmarshal
from ci_rlm.logs.unmarshal import Unmarshal
from tests.profiler_logs import (
    entries,
    measured,
    profile_of_the_shop,
    profiled,
    reasons,
    value,
    write,
)


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return profile_of_the_shop(tmp_path_factory.mktemp("profile"))


def pstats_says(path: Path) -> dict[tuple[str, int, str, Kind], tuple[float, int]]:
    """(value, n) of each function that has a name and a file, and was called."""
    stats: dict[Any, Any] = pstats.Stats(str(path)).stats  # type: ignore[attr-defined]
    said = {}
    for (file, line, name), (primitive, calls, own, cumulative, _) in stats.items():
        if not name.startswith("<") and file != "~" and not file.startswith("<") and primitive:
            said[file, line, name, Kind.PER_CALL] = (cumulative / primitive, primitive)
            said[file, line, name, Kind.SELF] = (own, calls)
    return said


def told(path: Path) -> dict[tuple[str, int, str, Kind], tuple[float, int]]:
    found = measured(path, name="cprofile")
    return {(m.place.file, m.place.line, m.place.symbol, m.kind): (m.value, m.n) for m in found}


def test_statistics_of_cprofile_are_what_pstats_says(profile: Path) -> None:
    assert told(profile) == pstats_says(profile)
    assert not reasons(profile, name="cprofile")
    assert logs.detect(profile) == "cprofile"


def test_statistics_of_the_module_profile_are_what_pstats_says(tmp_path: Path) -> None:
    path = tmp_path / "total.pstats"
    statement = "Store(500).sort()"
    run = f"import profile; from shop.store import Store; profile.run({statement!r}, {str(path)!r})"
    assert told(profiled(path, "-c", run)) == pstats_says(path)
    assert ("sort", Kind.PER_CALL) in {key[2:] for key in told(path)}


def test_code_among_statistics_is_not_read(tmp_path: Path) -> None:
    """`python -m profile` writes the code that it ran as the name of a function."""
    code = ("profile", 0, compile("f()", "main.py", "exec"))
    stats = {
        ("a.py", 1, "f"): (2, 2, 1.0, 3.0, {}),
        code: (1, 1, 1.0, 1.0, {}),
        ("b.py", 1, "g"): (1, 1, 1.0, 1.0, {}),
    }
    path = write(tmp_path / "x.pstats", marshal.dumps(stats))
    assert reasons(path, name="cprofile") == {"the file holds code from here on, which is not read": 1}
    assert value(path, "f", Kind.PER_CALL, name="cprofile") == 1.5


def test_a_recursive_function_is_one_call(profile: Path) -> None:
    (fib,) = [
        m for m in measured(profile, name="cprofile") if m.place.symbol == "fib" and m.kind is Kind.PER_CALL
    ]
    assert fib.n == 1


@pytest.mark.parametrize("version", [0, 1, 2, 3, 4])
def test_every_version_of_marshal_is_read(profile: Path, version: int, tmp_path: Path) -> None:
    stats = marshal.loads(profile.read_bytes())
    path = write(tmp_path / "x.pstats", marshal.dumps(stats, version))
    assert measured(path, name="cprofile") == measured(profile, name="cprofile")
    assert logs.detect(path, ["cprofile"]) == "cprofile"


FUNCTION = st.tuples(st.text(max_size=300), st.integers(-(2**31), 2**31 - 1), st.text(max_size=30))
NUMBER = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False)
STATS = st.dictionaries(
    FUNCTION, st.tuples(NUMBER, NUMBER, NUMBER, NUMBER, st.dictionaries(FUNCTION, st.tuples(NUMBER, NUMBER)))
)


@given(stats=STATS, version=st.integers(0, 4))
def test_statistics_come_back_as_marshal_wrote_them(
    stats: dict[Any, Any], version: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write(tmp_path_factory.getbasetemp() / "stats", marshal.dumps(stats, version))
    with path.open("rb") as file:
        found = dict(Unmarshal(file).pairs())
    assert {key: value[:4] for key, value in found.items()} == {
        key: value[:4] for key, value in stats.items()
    }  # type: ignore[index]


@pytest.mark.parametrize(
    ("stats", "reason"),
    [
        ({1: (1, 1, 0.5, 0.5, {})}, "the entry is of no function"),
        ({("f.py", "1", "f"): (1, 1, 0.5, 0.5, {})}, "the entry is of no function"),
        ({("f.py", 1, "f"): (1, 1, 0.5)}, "the entry is not a count of calls and their times"),
        ({("f.py", 1, "f"): (0, 1, 0.5, 0.5, {})}, "no call of the function came to an end"),
        ({("f.py", 1, "f"): (1, 1, 0.5, "x", {})}, "the value is not a number"),
        ({("f.py", 1, "f"): (1, 1, -1.0, 0.5, {})}, "the value is not a finite number of at least 0"),
        ({("f.py", 1, "f"): (1, 1, float("nan"), 0.5, {})}, "the value is not a finite number of at least 0"),
    ],
)
def test_a_bad_entry_of_cprofile_is_told_and_ends_nothing(stats: Any, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path / "x.pstats", marshal.dumps({**stats, ("g.py", 3, "g"): (2, 2, 1.0, 3.0, {})}))
    assert reasons(path, name="cprofile") == {reason: 1}
    assert value(path, "g", Kind.PER_CALL, name="cprofile") == 1.5


def test_a_profile_that_is_cut_off_keeps_its_start(profile: Path, tmp_path: Path) -> None:
    content = profile.read_bytes()
    cut = write(tmp_path / "cut.pstats", content[: len(content) // 2])
    found = entries(cut, name="cprofile")
    assert found[:-1] == entries(profile, name="cprofile")[: len(found) - 1]
    assert isinstance(found[-1], Bad) and len(found) > 100


@pytest.mark.parametrize(
    "bomb",
    [
        b"\xfb" + b")\x01" * 10_000,
        b"{(\xff\xff\xff\x7f",
        b"{u\xff\xff\xff\x7f",
        marshal.dumps({2**500: 1}),
        b"{[\xff\xff\xff\xff",
    ],
)
def test_a_marshalled_bomb_is_refused(bomb: bytes, tmp_path: Path) -> None:
    with pytest.raises(LogError, match="damaged"):
        entries(write(tmp_path / "x", bomb), name="cprofile")


KEPT = {
    "tuples": b")\x03z\xc8" + b"a" * 200 + b"i\1\0\0\0z\1f",
    "wide letters": b")\x03u\xcc\0\0\0" + b"a" * 200 + "\U0001f600".encode() + b"i\1\0\0\0z\1f",
    "long tuples": b")\xff" + b"N" * 255,
    "tuples in a tuple": b"(\x64\0\0\0" + b")\x0a" * 100 + b"N" * 901,
    "dictionaries": b")\x01{" + b"r\0\0\0\0N" * 250 + b"0",
}
"""Keys that a reference may mean as soon as their first byte says so."""


@pytest.mark.parametrize("key", KEPT.values(), ids=KEPT)
def test_what_references_keep_is_little_enough_to_hold(
    key: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unmarshal, "MOST_KEPT", 1_000_000)
    path = write(tmp_path / "x", b"{" + (bytes((key[0] | 0x80,)) + key[1:] + b"N") * 8_000 + b"0")
    tracemalloc.start()
    try:
        with path.open("rb") as file, pytest.raises(LogError, match="damaged"):
            list(islice(Unmarshal(file, inner=True).pairs(), 7_999, None))
        assert tracemalloc.get_traced_memory()[1] < 1_500_000
    finally:
        tracemalloc.stop()


def test_what_no_reference_means_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unmarshal, "MOST_KEPT", 1_000)
    path = write(tmp_path / "x", b"{\xda\1aN" + (KEPT["tuples"] + b"N") * 8_000 + b"0")
    with path.open("rb") as file:
        assert sum(1 for _ in Unmarshal(file).pairs()) == 8_001


def test_a_web_of_references_is_not_followed(tmp_path: Path) -> None:
    """Each tuple holds the one before it 250 times: 10¹² strings, if they were written out."""
    nested: Any = ("a",)
    for _ in range(5):
        nested = (nested,) * 250
    path = write(tmp_path / "x.pstats", marshal.dumps({("f.py", 1, "f"): (nested, 1, 1.0, 1.0, {})}))
    assert reasons(path, name="cprofile") == {"no call of the function came to an end": 1}
