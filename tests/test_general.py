"""The general set: what is shipped, and the corpus that is made of it."""

from __future__ import annotations

import functools
import hashlib
import multiprocessing
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest
from pyarrow import parquet

from ci_rlm.training import corpus, edits, general, texts
from ci_rlm.training.profile.rows import Spread
from ci_rlm.training.questions import edit_pairs, is_neutral, points_of
from ci_rlm.training.sources import sha256
from ci_rlm.training.synthetic import generate, sibling
from tests import test_packaging as packaging
from tests.measurements import failed, keep, measured

SAMPLE = 8
"""Problems; all of them take half a minute."""


@functools.cache
def shipped() -> Any:
    return parquet.read_table(general.MEASURED)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rows of every so many of the problems."""
    problems = sorted(set(shipped()["problem"].to_pylist()))
    chosen = problems[:: len(problems) // SAMPLE]
    path = tmp_path_factory.mktemp("measured") / "rows.parquet"
    parquet.write_table(shipped().filter(pc.is_in(shipped()["problem"], pc.unique(chosen))), path)
    return path


@pytest.fixture(scope="module")
def built(sample: Path) -> Path:
    return general.corpus(sample.parent / "corpora", sample)


def place_of(problem: str) -> int:
    """The hundredth that a problem's name falls into, by the first eight bytes of its hash."""
    return int(hashlib.sha256(problem.encode()).hexdigest()[:16], 16) % 100


def texts_of(seed: int) -> Iterator[str]:
    """A generated program, its sibling and the edits that are measured."""
    program, other = generate(seed), sibling(seed)
    yield program.text
    if other is not None:
        yield other.text
    digest = hashlib.sha256(program.text.encode()).hexdigest()
    for edit in edits.edits_of(program.text, efficiency=3, neutral=3, seed=digest):
        yield edit.after


# What is shipped.


def test_no_problem_of_it_is_one_that_a_model_trains_on() -> None:
    places = Counter(place_of(problem) < 10 for problem in set(shipped()["problem"].to_pylist()))
    assert all(place_of(problem) < 20 for problem in set(shipped()["problem"].to_pylist()))
    assert min(places[True], places[False]) > 250


def test_it_is_of_one_machine_and_one_protocol() -> None:
    for name in ("protocol", "hardware", "toolchain"):
        assert len(set(shipped()[name].to_pylist())) == 1
    assert shipped()["protocol"][0].as_py() == "fast-2"


def test_it_is_small_enough_to_ship() -> None:
    assert general.MEASURED.stat().st_size < 3_000_000


def test_it_is_the_one_measured_file_that_is_installed() -> None:
    files = [path for package, glob in packaging.globs() for path in packaging.folder_of(package).glob(glob)]
    rows = [path for path in files if path.suffix == ".parquet"]
    assert [path.resolve() for path in rows] == [general.MEASURED.resolve()]


# Runs that are joined.


def test_of_a_cost_that_two_runs_measured_the_least_is_kept(tmp_path: Path) -> None:
    quick, slow = Spread.of([1.0, 9.0]), Spread.of([2.0, 2.0])
    first = [*measured("a", 10, {"cpu_time": quick, "peak_memory": 64.0}), *measured("a", 20)]
    second = measured("a", 10, {"cpu_time": slow, "peak_memory": 48.0})
    runs = [keep(tmp_path / "1.parquet", first), keep(tmp_path / "2.parquet", second)]
    count = general.keep(runs, tmp_path / "joined.parquet")
    table = parquet.read_table(tmp_path / "joined.parquet").to_pylist()
    told = {(row["size"], row["metric"]): (row["value"], row["minimum"]) for row in table}
    assert count == len(table) == 4
    assert told[10, "cpu_time"] == (5.0, 1.0)
    assert told[10, "peak_memory"] == (48.0, None)


def test_a_failure_of_one_run_does_not_undo_what_another_measured(tmp_path: Path) -> None:
    runs = [
        keep(tmp_path / "1.parquet", failed("a", 10, "time limit")),
        keep(tmp_path / "2.parquet", measured("a", 10)),
    ]
    general.keep(runs, tmp_path / "joined.parquet")
    table = parquet.read_table(tmp_path / "joined.parquet")
    assert Counter(table["metric"].to_pylist()) == {"cpu_time": 1, "peak_memory": 1, None: 1}


# The corpus.


def test_every_text_is_made_again_and_is_what_was_measured(sample: Path, built: Path) -> None:
    table = parquet.read_table(sample, columns=["problem", "sha256", "status"])
    seeds = {int(problem.rpartition("/")[2]) for problem in table["problem"].to_pylist()}
    made = {hashlib.sha256(text.encode()).hexdigest() for seed in seeds for text in texts_of(seed)}
    assert len(seeds) >= SAMPLE
    assert set(table["sha256"].to_pylist()) == made
    usable = set(table.filter(pc.equal(table["status"], "ok"))["sha256"].to_pylist())
    programs = parquet.read_table(built / "programs-00000.parquet")
    assert set(programs["sha256"].to_pylist()) == usable


def test_edits_are_made_only_where_they_were_measured() -> None:
    program, other = generate(8), sibling(8)
    assert other is not None
    plain = {sha256(made.text): texts.Asked("python", ()) for made in (program, other)}
    (job,) = texts.jobs({("synthetic", program.record): plain}, texts.Places(None, ()))
    prepared, seen = texts.prepare(job)
    assert seen == [("synthetic", program.record), ("synthetic", other.record)]
    assert {each.sha256 for each in prepared} == plain.keys()


def test_both_metrics_are_known_of_programs_and_edits(built: Path) -> None:
    examples = corpus.read(built)
    assert {bool(example.edit) for example in examples} == {True, False}
    rows = [row for example in examples for row in example.rows]
    assert len(rows) > 100
    assert all(row.peak_memory > 0 and row.cpu_time > 0 for row in rows)


def test_it_has_neutral_edits_and_others(built: Path) -> None:
    points = points_of(corpus.read(built))
    kinds = Counter(is_neutral(pair) for pair in edit_pairs(points))
    assert min(kinds[True], kinds[False]) > 20


def test_its_splits_are_calibration_and_test_alone(built: Path) -> None:
    for example in corpus.read(built):
        assert example.split == ("test" if place_of(example.problem) < 10 else "calibration")


def test_it_is_built_once(sample: Path, built: Path) -> None:
    before = (built / "corpus.json").stat()
    again = general.corpus(built.parent, sample)
    assert again == built
    assert (built / "corpus.json").stat() == before


def test_other_rows_are_another_corpus(sample: Path, tmp_path: Path) -> None:
    table = parquet.read_table(sample)
    fewer = table.filter(pc.equal(table["problem"], table["problem"][0]))
    parquet.write_table(fewer, tmp_path / "rows.parquet")
    first, second = (general.corpus(tmp_path, path) for path in (tmp_path / "rows.parquet", sample))
    assert first != second
    assert len(corpus.read(first)) < len(corpus.read(second))


def test_two_that_build_it_at_once_get_the_same_and_leave_nothing_else(sample: Path, tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        first, second = pool.map(general.corpus, [tmp_path / "cache"] * 2, [sample] * 2)
    assert first == second
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [first.name]
    assert corpus.read(first)
