"""The textbook changes of benchmarks/idiomatic.py: paired as the gate pairs them, counted right."""

from __future__ import annotations

import copy
from inspect import signature
from pathlib import Path, PurePosixPath
from runpy import run_path
from types import ModuleType
from typing import Any

import pytest

from ci_rlm import extract
from ci_rlm.flow import Change, FileChange

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
BEFORE, AFTER = (BENCHMARKS / "idioms" / f"{side}.py" for side in ("before", "after"))


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark, a script that finds others in its own folder."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import idiomatic

    return idiomatic


def changes() -> list[Change]:
    """What the gate compares of the two files."""
    path = PurePosixPath("idioms.py")
    found = extract.changes([FileChange(path, path, BEFORE.read_bytes(), AFTER.read_bytes())])
    return [change for change in found if isinstance(change, Change) and change.before and not change.equal]


def test_every_function_is_a_change_of_one_name() -> None:
    found = changes()
    assert len(found) == 46
    assert all(change.before and change.after and change.before.name == change.after.name for change in found)


def test_both_versions_give_the_same_answer(script: ModuleType) -> None:
    sides = [run_path(str(path)) for path in (BEFORE, AFTER)]
    given = script.inputs(120)
    for change in changes():
        functions = [side[change.unit.name] for side in sides]
        answers = []
        for function in functions:
            arguments = [given[name] for name in signature(function).parameters]
            answers.append(function(*copy.deepcopy(arguments)))
        assert _unordered(answers[0]) == _unordered(answers[1]), change.unit.name


def _unordered(answer: Any) -> Any:
    return sorted(answer.items()) if isinstance(answer, dict) else answer


def test_memory_is_the_peak_of_a_call(script: ModuleType) -> None:
    given = {"xs": list(range(1000))}
    kept = script.cost(lambda xs: [x + 1 for x in xs], given, 1)["peak_memory"]
    assert 8_000 <= kept <= 40_000
    assert script.cost(lambda xs: sum(xs), given, 1)["peak_memory"] < 500


def row(script: ModuleType, measured: float, outcome: str, apart: bool = True) -> Any:
    return script.Row("f", "peak_memory", False, outcome, 0.5, 1.0, measured, apart)


def test_what_is_costly_and_neutral_is_counted_and_what_lies_between_is_not(script: ModuleType) -> None:
    told = [
        row(script, 2.0, "regressed"), row(script, 1.3, "same"), row(script, 1.2, "regressed"),
        row(script, 1.0, "regressed"), row(script, 1.0, "unsure"), row(script, 3.0, "same", apart=False),
    ]  # fmt: skip
    line = next(line for line in script.table(told) if line.startswith("| peak memory"))
    assert line == "| peak memory | 2 | 1 | 1 of 3 | 3 | 1 | 1 of 6 |"
