"""The halves of benchmarks/seen_problems.py, and a run of it in miniature."""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from ci_rlm.training import corpus, train
from ci_rlm.training.corpus import Example
from ci_rlm.training.recipe import read_recipe
from tests.test_train import RECIPE, example

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark, a script that finds others in its own folder."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import seen_problems

    return seen_problems


def programs() -> list[Example]:
    """New problems of five solutions, one of a single one, each with an edit; others to learn from."""
    mine = [replace(example(n, "calibration"), problem=f"new {n // 5}") for n in range(31)]
    edits = [replace(each, record=f"{each.record}+renamed") for each in mine]
    return [example(n) for n in range(40, 80)] + mine + edits + [example(n, "test") for n in range(90, 95)]


def test_every_solution_is_learned_from_or_ranked_and_its_edits_are_with_it(seen: ModuleType) -> None:
    learned, asked = seen.halves(programs(), random.Random(0))
    new = [each for each in learned if each.problem.startswith("new")]
    assert {(e.problem, e.original) for e in new}.isdisjoint((e.problem, e.original) for e in asked)
    assert {e.record for e in new if not e.edit} | {e.record for e in asked} == {str(n) for n in range(31)}
    assert {e.record for e in new if e.edit} == {f"{e.record}+renamed" for e in new if not e.edit}
    assert not any(each.edit for each in asked)


def test_two_of_five_solutions_are_ranked_and_none_of_a_single_one(seen: ModuleType) -> None:
    _, asked = seen.halves(programs(), random.Random(0))
    names = [each.problem for each in asked]
    assert {name: names.count(name) for name in names} == {f"new {n}": 2 for n in range(6)}


def test_as_many_other_programs_are_learned_from_and_none_of_the_test_split(seen: ModuleType) -> None:
    learned, asked = seen.halves(programs(), random.Random(0))
    new = [each for each in learned if each.problem.startswith("new")]
    assert len(learned) - len(new) == min(len(new), 40)
    assert {each.split for each in learned} == {"train"}
    assert {each.problem for each in programs() if each.split == "test"}.isdisjoint(
        each.problem for each in [*learned, *asked]
    )


@pytest.mark.model
def test_a_run_ranks_the_other_half_by_both_weights_and_by_counts(
    seen: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus.write(programs(), tmp_path / "corpus")
    (tmp_path / "recipe.toml").write_text(RECIPE.format(folder=tmp_path))
    settings = seen.RECIPE.read_text().replace('"bfloat16"', '"float32"')  # one for all tests of a process
    (tmp_path / "settings.toml").write_text(settings)
    monkeypatch.setattr(seen, "RECIPE", tmp_path / "settings.toml")
    start = train.train(read_recipe(tmp_path / "recipe.toml"), steps=2)
    flags = ["--corpus", tmp_path / "corpus", "--out", tmp_path / "out", "--checkpoint", start]
    flags += ["--epochs", "1", "--threads", "1", "--resamples", "20"]
    monkeypatch.setattr(sys, "argv", ["seen_problems.py", *map(str, flags)])
    seen.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "12 solutions of 6 problems, 36 points"
    rows = [line.split(" | ") for line in lines[4:]]
    assert [row[1] for row in rows] == [*seen.TOLD.values()] * 2
    assert {len(row) for row in rows} == {13}
    assert rows[0][2] == "36"


def test_counts_are_ranked_without_a_network(
    seen: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = programs()
    _, (some, *_) = seen.halves(examples, random.Random(0))
    rows = tuple(replace(row, cpu_time=None) for row in some.rows)  # measured of the others alone
    found = [replace(each, rows=rows) if each.record == some.record else each for each in examples]
    corpus.write(found, tmp_path / "corpus")
    flags = ["--corpus", tmp_path / "corpus", "--resamples", "20", "--counts-alone"]
    monkeypatch.setattr(sys, "argv", ["seen_problems.py", *map(str, flags)])
    seen.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split(" | ")[3:] == [
        *(f"{counter}, {name}" for name in (seen.NEW, seen.SEEN) for counter in seen.COUNTERS),
        f"trees, {seen.SEEN} - trees, {seen.NEW}",
        f"trees, {seen.SEEN} - counts, {seen.SEEN} |",
    ]
