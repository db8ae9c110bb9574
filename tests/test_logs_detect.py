"""Which format a file is of: every reader knows its own and no other's."""

from __future__ import annotations

import cProfile
import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.errors import LogError, UsageError
from ci_rlm.logs import FORMATS, HEAD_BYTES, detect, reader
from ci_rlm.logs.opening import head_of
from tests.logs_benchmarks import FOLDER, SAMPLES

PROFILERS = FOLDER.parent / "profilers"
PROFILES = (
    ("collapsed", PROFILERS / "pyspy.raw"),
    ("collapsed", PROFILERS / "austin.txt"),
    ("collapsed", PROFILERS / "austin_full.txt"),
    ("speedscope", PROFILERS / "pyspy.speedscope.json"),
    ("speedscope", PROFILERS / "pyinstrument.speedscope.json"),
    ("speedscope", PROFILERS / "memray.speedscope.json"),
    ("pyinstrument", PROFILERS / "pyinstrument.json"),
    ("memray", PROFILERS / "memray.csv"),
    ("memray", PROFILERS / "memray.stats.json"),
    ("scalene", PROFILERS / "scalene.json"),
)
LOGS = (*SAMPLES, *PROFILES)

NO_LOGS = (
    FOLDER / "asv/results/benchmarks.json",
    *(FOLDER / "criterion/merge" / name for name in ("base/estimates.json", "change/estimates.json")),
    *(FOLDER / "criterion/merge/new" / name for name in ("benchmark.json", "sample.json")),
    PROFILERS / "README.md",
    PROFILERS / "main.py",
    Path(__file__),
)
"""What lies beside logs, and a folder of them is full of."""


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What cProfile writes."""
    path = tmp_path_factory.mktemp("profile") / "run.pstats"
    profiler = cProfile.Profile()
    profiler.runcall(sorted, range(10), key=lambda number: -number)
    profiler.dump_stats(path)
    return path


def knowing(path: Path) -> list[str]:
    """The formats whose readers know a file."""
    head = head_of(path)
    return [name for name in FORMATS if reader(name).sniff(head, path)]


@pytest.mark.parametrize(("name", "path"), LOGS)
def test_a_log_is_known_to_its_own_reader_alone(name: str, path: Path) -> None:
    assert knowing(path) == [name]
    assert detect(path) == name


def test_a_profile_of_python_is_known_to_its_own_reader_alone(profile: Path) -> None:
    assert knowing(profile) == ["cprofile"]


@pytest.mark.parametrize(
    ("name", "path"), [(name, path) for name, path in LOGS if path.name != "estimates.json"]
)
def test_a_compressed_log_is_known_as_the_plain_one(tmp_path: Path, name: str, path: Path) -> None:
    copy = tmp_path / f"{path.name}.gz"
    copy.write_bytes(gzip.compress(path.read_bytes()))
    assert knowing(copy) == [name]


@pytest.mark.parametrize("path", NO_LOGS)
def test_what_is_no_log_is_known_to_none_and_the_hint_names_them_all(path: Path) -> None:
    with pytest.raises(UsageError, match="no known format") as raised:
        detect(path)
    assert all(name in raised.value.hint for name in FORMATS)


def test_every_format_has_a_log_here() -> None:
    assert {name for name, _ in LOGS} | {"cprofile"} == set(FORMATS)


def test_a_format_that_is_not_there_is_an_error_of_usage() -> None:
    with pytest.raises(UsageError, match="no such format"):
        reader("os")


def test_a_missing_file_is_a_log_error(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"none\.json"):
        detect(tmp_path / "none.json")


@given(
    path=st.sampled_from(LOGS).map(lambda log: log[1]),
    size=st.integers(0, HEAD_BYTES),
    noise=st.binary(max_size=20),
)
def test_no_reader_minds_a_head_of_any_bytes(path: Path, size: int, noise: bytes) -> None:
    head = path.read_bytes()[:size] + noise
    assert all(reader(name).sniff(head, path) in (True, False) for name in FORMATS)
