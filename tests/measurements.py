"""Measured rows and public data in small, for tests of what reads them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow

from ci_rlm.training.profile import rows
from ci_rlm.training.profile.rows import Origin, Row, Spread, Subject

ORIGIN = Origin("fast", "a machine", "CPython 3.11")
FIRST = "class Solution:\n    def f(self, xs):\n        # one\n        return sum(x for x in xs)\n"
SECOND = "class Solution:\n    def f(self, xs):\n        return len(xs)\n"
ADD = "def add(a, b):\n    return a + b\n"
ONE = "def one():\n    return 1\n"
COSTS: dict[str, float | Spread] = {"peak_memory": 1000.0, "cpu_time": Spread.of([0.25, 0.5, 1.0])}


def subject(
    record: str, text: str = "", *, problem: str = "leetcode/sum-up", language: str = "python"
) -> Subject:
    """A program of a problem; its text is its name if it has none."""
    digest = sha256((text or record).encode()).hexdigest()
    return Subject(problem.partition("/")[0], problem, record, digest, language)


def measured(
    record: str,
    size: int,
    costs: dict[str, float | Spread] | None = None,
    *,
    text: str = "",
    origin: Origin = ORIGIN,
    problem: str = "leetcode/sum-up",
    language: str = "python",
) -> list[Row]:
    """Rows of one program at one size."""
    return rows.measured(
        subject(record, text, problem=problem, language=language), size, costs or COSTS, origin
    )


def failed(record: str, size: int, reason: str, *, problem: str = "leetcode/sum-up") -> list[Row]:
    """The row of one failure."""
    return rows.failed(subject(record, problem=problem), size, reason, ORIGIN)


def table(*found: Sequence[Row]) -> pyarrow.Table:
    """Rows as a table."""
    return pyarrow.Table.from_pylist([row for each in found for row in each], schema=rows.schema())


def keep(path: Path, *found: Sequence[Row]) -> Path:
    """Rows as a measured file."""
    from pyarrow import parquet

    parquet.write_table(table(*found), path)
    return path


def write_lines(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Records as compressed JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as out:
        out.writelines(json.dumps(line) + "\n" for line in lines)


def write_data(folder: Path) -> Path:
    """A data folder with one small problem of each public source."""
    leetcode = {
        "task": "sum-up", "entry_point": "Solution().f", "preamble": "from typing import *",
        "programs": {"reference": FIRST, "other": SECOND, "copy": FIRST},
        "tests": [{"input": "xs = [1,2]", "output": "3"}],
    }  # fmt: skip
    contest = {
        "problem": "echo", "solutions": ["print(input())"], "tests": [{"input": ["5\n"]}],
        "stress_generators": ["def generate_input(): return ['5']"],
    }  # fmt: skip
    human = {
        "task_id": "HumanEval/0", "prompt": "def add(a, b):\n", "canonical_solution": "    return a + b\n",
        "entry_point": "add", "test": "def check(candidate): assert candidate(1, 2) == 3",
    }  # fmt: skip
    samples = {"prompt": "def add(a, b):\n", "samples": ["    return b + a\n"]}
    mbpp = {
        "task_id": "MBPP/7", "prompt": "\n\ndef one():\n", "canonical_solution": "    return 1\n",
        "entry_point": "one", "test": "def check(candidate): pass", "language": "python",
    }  # fmt: skip
    perl = {
        "task_id": "MBPP/7", "prompt": "sub one {\n", "canonical_solution": "    return 1;\n}\n",
        "entry_point": "one", "test": "", "language": "perl",
    }  # fmt: skip
    write_lines(folder / "leetcode" / "problems.jsonl.gz", [leetcode])
    write_lines(folder / "codecontests" / "problems.jsonl.gz", [contest])
    write_lines(folder / "humaneval_samples" / "problems.jsonl.gz", [human])
    write_lines(folder / "humaneval_samples" / "samples.jsonl.gz", [samples])
    write_lines(folder / "multilingual" / "mbxp" / "mbpp_release_v1.jsonl.gz", [mbpp])
    write_lines(folder / "multilingual" / "mbxp" / "mbpl_release_v1.jsonl.gz", [perl])
    for name in ("data", "best_solutions", "stressful_testcases"):
        write_lines(folder / "functions" / f"{name}.jsonl.gz", [])
    return folder
