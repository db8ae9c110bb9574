"""Synthetic programs as tasks of a measuring run: what repeats exactly, and nothing timed."""

from __future__ import annotations

import ast
import platform
from collections.abc import Iterator, Mapping
from typing import Any

from ci_rlm.training.profile import rows
from ci_rlm.training.profile.engine import Task
from ci_rlm.training.profile.hardware import hardware_class
from ci_rlm.training.profile.inputs import size_of
from ci_rlm.training.profile.rows import Origin, Row, Subject
from ci_rlm.training.profile.sandbox import Budget, run_cases
from ci_rlm.training.sources import sha256
from ci_rlm.training.synthetic.programs import Synthetic, generate, sibling

PROTOCOL = "counts-1"
"""One fork an input; memory, allocations and events in an instrumented run each."""
COUNTED = (
    "peak_memory",
    "peak_memory_net",
    "allocated_bytes",
    "allocated_blocks",
    "line_events",
    "calls",
    "depth",
)
CHUNK = 50
_BUDGET = Budget(seconds=30.0, run_seconds=3.0)


def tasks(count: int, seed0: int = 0) -> Iterator[Task]:
    """So many programs from a seed on, in chunks that lie at the same places in every run."""
    stop = seed0 + count
    for start in range(seed0 - seed0 % CHUNK, stop, CHUNK):
        first, last = max(start, seed0), min(start + CHUNK, stop) - 1
        yield Task(f"synthetic/{first}-{last}", (first, last))


def measure(work: tuple[int, int]) -> list[Row]:
    """Rows of the programs of the seeds from first to last, and of their siblings."""
    first, last = work
    return [row for seed in range(first, last + 1) for row in _measured_seed(seed)]


def _measured_seed(seed: int) -> list[Row]:
    program, other = generate(seed), sibling(seed)
    cases = {size: _case(program, size) for size in program.sizes}
    answers = _run(program, cases)
    found = _rows(program, cases, answers)
    # A sibling that is written alike has the same text: its rows would be the same.
    if other is None or other.text == program.text:
        return found
    cases = {size: _case(other, size) for size in other.sizes}
    compared = {
        size: _agreeing(answer, answers.get(size, answer)) for size, answer in _run(other, cases).items()
    }
    return found + _rows(other, cases, compared)


def _run(program: Synthetic, cases: Mapping[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    answers = run_cases(program.text, program.entry, list(cases.values()), budget=_BUDGET)
    return dict(zip(cases, answers, strict=True))


def _agreeing(answer: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """An answer that counts only if it is the known one."""
    differs = "answer" in answer and "answer" in known and answer["answer"] != known["answer"]
    return {"error": "answer differs"} if differs else answer


def _rows(
    program: Synthetic, cases: Mapping[int, dict[str, Any]], answers: Mapping[int, dict[str, Any]]
) -> list[Row]:
    subject = Subject("synthetic", program.problem, program.record, sha256(program.text), "python")
    origin = Origin(PROTOCOL, hardware_class(), f"CPython {platform.python_version()}")
    found: list[Row] = []
    for size, answer in answers.items():
        elements = _elements(cases[size])
        costs = {name: answer[name] for name in COUNTED if name in answer}
        reason = answer.get("error") or answer.get("incomplete")
        found += rows.measured(subject, elements, costs, origin)
        found += rows.failed(subject, elements, reason, origin) if reason else []
    return found


def _case(program: Synthetic, size: int) -> dict[str, Any]:
    """What the harness is to run a program on."""
    if program.entry is None:
        return {"action": "count", "stdin": program.stdin(size)}
    arguments, builders = repr(program.arguments(size)), list(program.builders)
    return {"action": "count", "arguments": arguments, "builders": builders}


def _elements(case: Mapping[str, Any]) -> int:
    """The size that an input really has: elements of the arguments, or words of standard input."""
    if "stdin" in case:
        return len(case["stdin"].split())
    return size_of(ast.literal_eval(case["arguments"]))
