"""Small functions in several ways: all give one answer, come again from their records, and are measured."""

from __future__ import annotations

import ast
import copy
import random
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as parquet
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_rlm.cli import main as command
from ci_rlm.errors import UsageError
from ci_rlm.training import corpus, joining
from ci_rlm.training.profile.rows import schema
from ci_rlm.training.splits import split_of
from ci_rlm.training.ways import measuring, programs
from ci_rlm.training.ways.tasks import TASKS

MEASURED = joining.MEASURED / "ways.parquet"


def seed_of(task: str) -> int:
    """The first seed whose function does a task."""
    return next(seed for seed in count() if programs.ways(seed)[0].task == task)


def answer(way: programs.Way, size: int, seed: int) -> Any:
    scope: dict[str, Any] = {}
    exec(way.text, scope)
    return eval(way.entry, scope)(*copy.deepcopy(programs.arguments(way.inputs, size, seed)))


@pytest.mark.parametrize("task", [task.name for task in TASKS])
def test_all_ways_of_a_task_give_one_answer(task: str) -> None:
    seed = seed_of(task)
    first, *others = programs.ways(seed)
    assert others
    for size in (8, 60):
        wanted = answer(first, size, seed)
        assert [answer(way, size, seed) for way in others] == [wanted] * len(others)


def test_names_of_tasks_and_texts_of_ways_are_distinct() -> None:
    assert len({task.name for task in TASKS}) == len(TASKS)
    assert all(len(set(task.ways)) == len(task.ways) > 1 for task in TASKS)


@settings(max_examples=50)
@given(st.integers(0, 10**6))
def test_every_way_is_python_and_comes_again_from_its_record(seed: int) -> None:
    made = programs.ways(seed)
    for way in made:
        ast.parse(way.text)
        assert "$" not in way.text
        assert programs.programs_of(way.record) == made
    assert len({way.record for way in made}) == len(made)


@settings(max_examples=50)
@given(st.integers(0, 10**6))
def test_ways_of_a_seed_are_called_alike_and_differ(seed: int) -> None:
    made = programs.ways(seed)
    assert len({(way.entry, way.inputs, way.task) for way in made}) == 1
    assert len({way.text for way in made}) == len(made)


@given(st.integers(0, 10**6), st.sampled_from(TASKS))
def test_beside_a_task_stand_others_of_its_split_alone(seed: int, task: programs.Task) -> None:
    for other in programs._others(task, 1.0, random.Random(seed)):
        assert other is not task
        assert split_of(programs.problem_of(other.name)) == split_of(programs.problem_of(task.name))


@pytest.mark.parametrize("record", ["ways-0/1", "ways-1/x", "synthetic-1/4", "ways-1/"])
def test_a_record_of_another_generator_is_refused(record: str) -> None:
    with pytest.raises(UsageError, match="not a record of ways-1"):
        programs.programs_of(record)


def test_a_list_in_place_of_a_generator_is_measured_to_take_its_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ways = [
        programs.Way("ways-1/0", "total", "def f(xs):\n    return sum(x for x in xs)\n", "f", ("xs",)),
        programs.Way("ways-1/0+1", "total", "def f(xs):\n    return sum([x for x in xs])\n", "f", ("xs",)),
        programs.Way("ways-1/0+2", "total", "def f(xs):\n    return sum(xs) + 1\n", "f", ("xs",)),
    ]
    monkeypatch.setattr(measuring, "ways", lambda seed: tuple(ways))
    found = measuring.measure((0,))
    peak = {(row["record"], row["size"]): row["value"] for row in found if row["metric"] == "peak_memory"}
    for size in measuring.SIZES:
        # A list of so many pointers, and no more than a small object beside it.
        assert peak["ways-1/0+1", size] - peak["ways-1/0", size] >= 8 * size - 512
    assert [row["status"] for row in found if row["record"] == "ways-1/0+2"] == ["answer differs"]


def test_in_turns_every_way_has_one_time_at_the_reference_size(monkeypatch: pytest.MonkeyPatch) -> None:
    body = "def f(xs):\n    {}\n    return sum(xs)\n"
    ways = [
        programs.Way("ways-1/0", "total", body.format("pass"), "f", ("xs",)),
        programs.Way("ways-1/0+1", "total", body.format("sum([x * x for x in xs])"), "f", ("xs",)),
        programs.Way("ways-1/0+2", "total", body.format("xs = xs[1:]"), "f", ("xs",)),
        programs.Way("ways-1/0+3", "total", body.format("raise ValueError"), "f", ("xs",)),
    ]
    monkeypatch.setattr(measuring, "ways", lambda seed: tuple(ways))
    monkeypatch.setattr(measuring, "_edited", lambda way: [])
    found = measuring.in_turns((0,))
    assert {(row["size"], row["metric"], row["status"]) for row in found} == {(1024, "cpu_time", "ok")}
    times = {row["record"]: row["value"] for row in found}
    assert set(times) == {"ways-1/0", "ways-1/0+1"}
    # A thousand products more take several times as long as a sum in C, whatever else the machine does.
    assert times["ways-1/0+1"] > times["ways-1/0"]


def test_what_takes_too_long_is_a_row_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = programs.Way("ways-1/0", "total", "def f(xs):\n    while True:\n        pass\n", "f", ("xs",))
    monkeypatch.setattr(measuring, "ways", lambda seed: (endless,))
    monkeypatch.setattr(measuring, "_edited", lambda way: [])
    monkeypatch.setattr(measuring, "LONGEST", 0.01)
    (row,) = measuring.measure((0,))
    assert (row["status"], row["metric"]) == ("TimeoutError", None)


def test_what_was_measured_is_joined_with_its_texts_again(tmp_path: Path) -> None:
    table = parquet.read_table(MEASURED)
    records = [record for seed in range(12) for record in (f"ways-1/{seed}",)]
    originals = pc.list_element(pc.split_pattern(table["record"], "+", max_splits=1), 0)
    some = table.filter(pc.is_in(originals, value_set=pa.array(records)))
    assert some.schema.equals(schema())
    parquet.write_table(some, tmp_path / "rows.parquet")
    joining.build([tmp_path / "rows.parquet"], None, tmp_path / "corpus")
    found = {example.record: example for example in corpus.read(tmp_path / "corpus")}
    good = {row["record"] for row in some.to_pylist() if row["metric"]}
    # Two ways may read the same once the names of what they assign are left out of account.
    assert len(found) >= 0.95 * len(good)
    assert set(found) <= good
    assert all(example.unit for example in found.values())
    assert all(example.split == split_of(example.problem) for example in found.values())


def test_the_command_measures_functions_in_all_their_ways(tmp_path: Path) -> None:
    flags = ["profile", "ways", "--count", "1", "--workers", "1", "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(command, flags)
    assert result.exit_code == 0, result.output
    assert "1 chunks, 0 of them known" in result.output


def test_texts_are_those_that_were_measured() -> None:
    table = parquet.read_table(MEASURED, columns=["record", "sha256"]).to_pydict()
    measured = dict(zip(table["record"], table["sha256"], strict=True))
    for seed in range(0, 2400, 200):
        for way in programs.ways(seed):
            if way.record in measured:
                assert measured[way.record] == measuring.sha256(way.text)
