"""A team's own functions: found without being run, measured with a file of inputs, kept with their text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from ci_rlm.errors import CiRlmError, UsageError
from ci_rlm.training.profile import functions, rows
from ci_rlm.training.profile.functions import Call, function_of, read_calls

MINE = """
import math
SCALE = 3
raise_on_import = open("imported", "w")

def area(radius):
    # pi r squared
    return SCALE * math.pi * radius ** 2

class Shop:
    class Till:
        @staticmethod
        def add(prices, *, tax=0.0):
            return sum(prices) * (1 + tax)

def broken(values):
    return values.no_such_thing
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pack" / "inner").mkdir(parents=True)
    (tmp_path / "pack" / "__init__.py").write_text("raise SystemExit('run')")
    (tmp_path / "pack" / "inner" / "mine.py").write_text(MINE)
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path


def calls_of(folder: Path, *lines: Any) -> tuple[Call, ...]:
    path = folder / "inputs.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return read_calls(path)[0]


def measured(folder: Path, target: str, *lines: Any, protocol: str = "fast") -> list[rows.Row]:
    function = function_of(target, folder)
    task = functions.task(function, calls_of(folder, *lines), protocol, folder, 30.0)
    return functions.measure(task.work)


def test_a_function_is_found_in_a_package_that_is_not_run(folder: Path) -> None:
    function = function_of("pack.inner.mine:area", folder)
    assert (function.target, (folder / "imported").exists()) == ("pack.inner.mine:area", False)


def test_the_text_of_a_function_is_what_the_gate_would_show_a_model(folder: Path) -> None:
    text = function_of("mine:area", folder).text
    assert text.split("\n")[0] == "import math"
    assert "SCALE=3" in text and "pi r squared" not in text


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("mine", "not a function: mine"),
        ("mine:a()", r"not a function: mine:a\(\)"),
        ("nowhere.at_all:f", "no module nowhere.at_all in"),
        ("mine:rea", "defines no function rea"),
        ("math:cos", "math has no Python source"),
    ],
)
def test_a_target_that_is_none_is_refused_with_the_reason(folder: Path, target: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        function_of(target, folder)


def test_lines_are_lists_of_arguments_or_objects(folder: Path) -> None:
    calls = calls_of(folder, [1, [2, 3]], "", {"args": ["ab"], "kwargs": {"k": None}, "size": 9})
    assert calls == (Call(3, "[1, [2, 3]]", "{}"), Call(9, "['ab']", "{'k': None}"))


@pytest.mark.parametrize(
    "line", ["[1", "3", '{"arg": []}', '{"args": 3}', "[NaN]", '{"args": [], "size": -1}']
)
def test_a_bad_line_is_told_by_its_place_and_ends_nothing(folder: Path, line: str) -> None:
    path = folder / "inputs.jsonl"
    path.write_text(f"[1]\n{line}\n[2]\n")
    calls, wrong = read_calls(path)
    assert len(calls) == 2
    assert len(wrong) == 1 and wrong[0].startswith(f"{path}:2: ")


def test_a_file_without_an_input_is_an_error(folder: Path) -> None:
    with pytest.raises(CiRlmError, match="holds no input"):
        calls_of(folder, "")


def test_every_input_has_its_costs(folder: Path) -> None:
    found = measured(
        folder, "mine:Shop.Till.add", [list(range(10))], {"args": [[1, 2]], "kwargs": {"tax": 1}}
    )
    assert {row["size"] for row in found if row["metric"] == "peak_memory"} == {3, 10}
    assert {row["status"] for row in found} == {"ok"}


def test_an_input_that_fails_is_a_row_with_its_reason(folder: Path) -> None:
    found = measured(folder, "mine:Shop.Till.add", [3], [[4, 5]])
    told = {row["size"]: row["status"] for row in found}
    assert told == {3: "TypeError: 'int' object is not iterable", 2: "ok"}


def test_counts_of_a_function_repeat_exactly(folder: Path) -> None:
    first, second = (measured(folder, "mine:area", [2.0], protocol="counts") for _ in range(2))
    assert [row["value"] for row in first] == [row["value"] for row in second]


def test_one_function_with_the_same_inputs_is_one_task(folder: Path) -> None:
    function, calls = function_of("mine:area", folder), calls_of(folder, [1.0])
    one, same, other = (
        functions.task(function, these, "fast", folder, 1.0).key
        for these in (calls, calls, calls_of(folder, [2.0]))
    )
    assert one == same != other


def test_the_text_is_kept_beside_the_rows_under_the_hash_that_they_name(folder: Path) -> None:
    function = function_of("mine:area", folder)
    functions.keep_text(function, folder)
    (path,) = folder.glob("texts-*.parquet")
    (kept,) = parquet.read_table(path).to_pylist()
    assert kept == {
        "sha256": functions.subject(function).sha256, "language": "python",
        "text": function.text, "name": "mine:area",
    }  # fmt: skip
