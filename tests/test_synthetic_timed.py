"""Generated programs that are timed as public ones are, with their siblings and edits of them."""

from __future__ import annotations

import hashlib
import sys
from collections import defaultdict
from dataclasses import replace
from typing import Any

import pytest

from ci_rlm.training import edits
from ci_rlm.training.profile.inputs import size_of
from ci_rlm.training.sources import sha256
from ci_rlm.training.synthetic import generate, measure, sibling, text_of, timed_tasks
from ci_rlm.training.synthetic.measuring import TIMED, Work, compared

linux = pytest.mark.skipif(sys.platform != "linux", reason="programs are measured on Linux")
SEED = 8
"""Of a program with a sibling and six edits, at three sizes."""


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return measure(Work((SEED,), TIMED))


def test_held_out_tasks_are_those_of_the_last_fifth_by_hash() -> None:
    names = [f"synthetic-1/{seed}" for seed in range(40, 400)]
    places = [int(hashlib.sha256(name.encode()).hexdigest()[:16], 16) % 100 for name in names]
    expected = [seed for seed, place in zip(range(40, 400), places, strict=True) if place < 20]
    made = [task.work.seeds[0] for task in timed_tasks(30, 40, held_out=True)]
    assert made == expected[:30]


def test_every_timed_program_is_a_task_of_its_own_that_counting_does_not_know() -> None:
    keys = [task.key for task in timed_tasks(3, 5)]
    assert keys == ["synthetic/5, timed", "synthetic/6, timed", "synthetic/7, timed"]


@linux
def test_a_timed_program_has_what_a_public_one_has_at_every_size(rows: list[dict[str, Any]]) -> None:
    program, found = generate(SEED), defaultdict(set)
    for row in rows:
        if row["record"] == program.record:
            found[row["size"]].add(row["metric"])
    assert sorted(found) == sorted({size_of(program.arguments(size)) for size in program.sizes})
    assert all(
        {"peak_memory", "cpu_time", "wall_time", "line_events"} <= metrics for metrics in found.values()
    )


@linux
def test_timed_rows_are_never_mixed_with_counted_ones(rows: list[dict[str, Any]]) -> None:
    assert {row["protocol"] for row in rows} == {"fast-2"}


@linux
def test_a_timed_programs_sibling_and_edits_are_measured_beside_it(rows: list[dict[str, Any]]) -> None:
    program, other = generate(SEED), sibling(SEED)
    assert other is not None
    made = edits.edits_of(program.text, efficiency=3, neutral=3, seed=sha256(program.text))
    expected = {program.record: program.text, other.record: text_of(other.record)}
    expected |= {f"{program.record}+{edit.edit}": edit.after for edit in made}
    assert {row["record"]: row["sha256"] for row in rows} == {
        record: hashlib.sha256(text.encode()).hexdigest() for record, text in expected.items()
    }
    assert len(expected) == 8


@linux
def test_a_program_that_answers_differently_has_no_costs() -> None:
    program = replace(generate(SEED), sizes=generate(SEED).sizes[:2])
    function = program.text + "\n\ndef other(*values):\n    return 'something else'\n"
    wrong = replace(program, record=f"{program.record}+wrong", text=function, entry="other")
    rows = compared(program, [wrong], TIMED)
    told = {row["record"]: set() for row in rows}
    for row in rows:
        told[row["record"]].add((row["status"], row["metric"] is None))
    assert told == {program.record: {("ok", False)}, wrong.record: {("answer differs", True)}}
