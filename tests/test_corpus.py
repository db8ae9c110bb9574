"""Public programs, their measured costs, and the examples that the two make."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from ci_rlm.flow import Kind, Span, Unit
from ci_rlm.prompt import prompt_of
from ci_rlm.training import corpus, sources
from ci_rlm.training.corpus import Example, Row
from ci_rlm.training.profile.python import edited_programs
from ci_rlm.training.sources import Problem, Program

SPACE = corpus.python_space("a machine", 1024.0)
FIRST = "class Solution:\n    def f(self, xs):\n        # one\n        return sum(x for x in xs)\n"
SECOND = "class Solution:\n    def f(self, xs):\n        return len(xs)\n"
ADD = "def add(a, b):\n    return a + b\n"


def rows_of(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with one small problem of each source."""
    folder = tmp_path / "data"
    leetcode = {
        "task": "sum-up", "entry_point": "Solution().f", "preamble": "from typing import *",
        "programs": {"reference": FIRST, "other": SECOND, "copy": FIRST}, "tests": [{"input": "xs = [1,2]"}],
    }  # fmt: skip
    contest = {
        "problem": "echo", "solutions": ["print(input())"], "tests": [{"input": ["5\n"]}],
        "stress_generators": ["def generate_input(): return ['5']"],
    }  # fmt: skip
    human = {
        "task_id": "HumanEval/0", "prompt": "def add(a, b):\n", "canonical_solution": "    return a + b\n",
        "entry_point": "add", "test": "def check(candidate): assert candidate(1, 2) == 3",
    }  # fmt: skip
    samples = {
        "prompt": "def add(a, b):\n",
        "samples": ["    return b + a\nprint(add(1, 2))\n", "    return (a+b)\n", "    return ((\n"],
    }
    mbpp = {
        "task_id": "MBPP/7", "prompt": "\n\ndef one():\n", "canonical_solution": "    return 1\n",
        "entry_point": "one", "test": "def check(candidate): pass",
    }  # fmt: skip
    rows_of(folder / "leetcode" / "problems.jsonl.gz", [leetcode])
    rows_of(folder / "codecontests" / "problems.jsonl.gz", [contest])
    rows_of(folder / "humaneval_samples" / "problems.jsonl.gz", [human])
    rows_of(folder / "humaneval_samples" / "samples.jsonl.gz", [samples])
    unsolved = {**mbpp, "task_id": "MBPP/8", "canonical_solution": None}
    rows_of(folder / "multilingual" / "mbxp" / "mbpp_release_v1.jsonl.gz", [mbpp, unsolved])
    return folder


def measured(text: str, size: int, problem: str = "leetcode/sum-up", **changed: Any) -> dict[str, Any]:
    digest = hashlib.sha256(text.encode()).hexdigest()
    row = {"problem": problem, "sha256": digest, "size": size, "status": "ok"}
    costs = {"peak_memory": 1000 * size, "cpu_time": 0.5, "cpu_time_min": 0.25}
    return {**row, **costs, **changed}


def built(data: Path, *rows: dict[str, Any]) -> list[Example]:
    path = data / "measured.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path)
    return list(corpus.build(data, path, SPACE))


def problem(data: Path, name: str) -> Problem:
    return next(each for each in sources.problems(data) if each.name == name)


def test_every_source_names_its_problems_uniquely(data: Path) -> None:
    names = [each.name for each in sources.problems(data)]
    assert names == ["leetcode/sum-up", "humaneval/0", "mbpp/7", "codecontests/echo"]


def test_a_program_that_occurs_twice_in_a_problem_is_one(data: Path) -> None:
    programs = problem(data, "leetcode/sum-up").programs
    assert programs == (Program("sum-up/reference", FIRST), Program("sum-up/other", SECOND))


def test_a_sample_ends_with_its_function_and_counts_once_a_syntax_tree(data: Path) -> None:
    texts = [program.text.rstrip("\n") for program in problem(data, "humaneval/0").programs]
    assert texts == [ADD.rstrip("\n"), "def add(a, b):\n    return b + a"]


def test_a_contest_program_reads_standard_input(data: Path) -> None:
    contest = problem(data, "codecontests/echo")
    assert (contest.entry, contest.inputs, len(contest.generators)) == (None, ("5\n",), 1)


def test_a_program_is_keyed_by_the_digest_of_its_text() -> None:
    assert Program("r", ADD).sha256 == hashlib.sha256(ADD.encode()).hexdigest()


def test_a_split_is_a_function_of_the_problem_name_alone() -> None:
    place = int(hashlib.sha256(b"leetcode/sum-up").hexdigest()[:16], 16) % 100
    expected = "test" if place < 10 else "calibration" if place < 20 else "train"
    assert corpus.split_of("leetcode/sum-up") == expected


def test_a_tenth_of_the_problems_tests_and_a_tenth_calibrates() -> None:
    shares = Counter(corpus.split_of(f"p/{number}") for number in range(5000))
    assert shares["test"] == pytest.approx(500, rel=0.2)
    assert shares["calibration"] == pytest.approx(500, rel=0.2)
    assert shares.total() == 5000


def test_a_program_is_written_as_the_gate_writes_it() -> None:
    unit = Unit(PurePosixPath("any.py"), "any", Kind.PROGRAM, "python", Span(3, 9), ADD)
    assert (
        corpus.program_text(ADD, SPACE)
        == prompt_of(unit, SPACE).text
        == ("PYTHON\ndef add(a,b):\n return a+b")
    )


def test_node_counts_are_those_of_the_syntax_tree() -> None:
    expected = {
        "module": 1, "expression_statement": 2, "assignment": 1, "call": 1, "argument_list": 1,
        "identifier": 3, "integer": 1, "=": 1, "(": 1, ")": 1,
    }  # fmt: skip
    assert dict(corpus.node_counts("x=1\nf(x)")) == expected


def test_an_example_joins_a_program_with_its_costs_at_every_size(data: Path) -> None:
    (example,) = built(data, measured(FIRST, 10), measured(FIRST, 20, cpu_time_min=1.5))
    assert example.text == "PYTHON\nclass Solution:\n def f(self,xs):\n  return sum(x for x in xs)"
    assert example.rows == (Row(10.0, 10_000.0, 0.25), Row(20.0, 20_000.0, 1.5))
    assert (example.problem, example.source, example.record) == (
        "leetcode/sum-up", "leetcode", "sum-up/reference",
    )  # fmt: skip


def test_a_program_without_a_measured_row_is_no_example(data: Path) -> None:
    assert [example.record for example in built(data, measured(SECOND, 10))] == ["sum-up/other"]


@pytest.mark.parametrize("changed", [{"status": "time limit"}, {"size": 0}], ids=["failed", "empty"])
def test_a_failed_or_empty_measurement_is_no_cost(data: Path, changed: dict[str, Any]) -> None:
    assert built(data, {**measured(FIRST, 10), **changed}) == []


def test_costs_of_another_problem_with_the_same_text_are_not_taken(data: Path) -> None:
    (example,) = built(data, measured(FIRST, 10), measured(FIRST, 20, problem="leetcode/other"))
    assert [row.size for row in example.rows] == [10.0]


def test_costs_below_what_can_be_measured_are_raised_to_it(data: Path) -> None:
    (example,) = built(data, measured(FIRST, 10, peak_memory=0, cpu_time_min=0.0))
    assert example.rows == (Row(10.0, 32.0, 1e-7),)


def test_a_measured_edit_is_an_example_that_names_its_original(data: Path) -> None:
    edited = edited_programs(Program("sum-up/reference", FIRST))[0]
    plain, changed = built(data, measured(FIRST, 10), measured(edited.text, 10))
    assert (plain.original, plain.edit) == ("sum-up/reference", "")
    assert (changed.original, f"{changed.original}+{changed.edit}") == (plain.record, edited.record)


def test_examples_are_read_back_as_they_were_written(tmp_path: Path, data: Path) -> None:
    examples = built(data, measured(FIRST, 10), measured(FIRST, 20), measured(SECOND, 10))
    corpus.write(examples, tmp_path / "new" / "corpus.parquet")
    assert corpus.read(tmp_path / "new" / "corpus.parquet") == examples


def test_writing_leaves_no_half_written_file(tmp_path: Path) -> None:
    corpus.write([], tmp_path / "corpus.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.parquet"]
