"""Synthetic programs as tasks of a measuring run: counted, or timed together with edits of them."""

from __future__ import annotations

import ast
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count as count_from
from itertools import islice
from typing import Any

from ci_rlm.training.profile import python as harness
from ci_rlm.training.profile import rows
from ci_rlm.training.profile.engine import Task
from ci_rlm.training.profile.hardware import hardware_class
from ci_rlm.training.profile.inputs import size_of, stdin_size
from ci_rlm.training.profile.rows import Origin, Row, Subject
from ci_rlm.training.profile.sandbox import Budget, run_cases
from ci_rlm.training.sources import Program, sha256
from ci_rlm.training.splits import split_of
from ci_rlm.training.synthetic.programs import VERSION, Synthetic, generate, sibling

SOURCE = "synthetic"
CHUNK = 50


def words(text: str) -> int:
    """The words of a standard input."""
    return len(text.split())


@dataclass(frozen=True, slots=True)
class Manner:
    """How programs are measured."""

    protocol: str
    """A key of `profile.python.PROTOCOLS`."""
    budget: Budget
    edits: bool
    """Whether edits of the programs are measured too."""
    elements: Callable[[str], int]
    """The size of a standard input."""
    interpreter: str
    """What rows call it: rows that are there keep the name that they were given."""


COUNTED = Manner("counts", Budget(seconds=30.0, run_seconds=3.0), False, words, "CPython")
"""What repeats exactly, and nothing timed: to pretrain on."""
TIMED = Manner("fast", Budget(), True, stdin_size, "Python")
"""As public programs are measured: to compare and to calibrate checkpoints with."""


@dataclass(frozen=True, slots=True)
class Work:
    """Seeds for a worker."""

    seeds: tuple[int, ...]
    manner: Manner


def tasks(count: int, seed0: int = 0) -> Iterator[Task]:
    """So many programs from a seed on, in chunks that lie at the same places in every run."""
    stop = seed0 + count
    for start in range(seed0 - seed0 % CHUNK, stop, CHUNK):
        first, last = max(start, seed0), min(start + CHUNK, stop) - 1
        yield Task(f"{SOURCE}/{first}-{last}", Work(tuple(range(first, last + 1)), COUNTED))


def timed_tasks(count: int, seed0: int = 0, *, held_out: bool = False) -> Iterator[Task]:
    """So many programs from a seed on, a task each; `held_out`: of problems that are not trained on alone."""
    seeds = (seed for seed in count_from(seed0) if not held_out or split_of(f"{VERSION}/{seed}") != "train")
    for seed in islice(seeds, count):
        yield Task(f"{SOURCE}/{seed}, timed", Work((seed,), TIMED))


def measure(work: Work) -> list[Row]:
    """Rows of the programs of the seeds, of their siblings, and of their edits where the manner says so."""
    found: list[Row] = []
    for program in map(generate, work.seeds):
        found += compared(program, _rivals(program, work.manner), work.manner)
    return found


def _rivals(program: Synthetic, manner: Manner) -> Iterator[Synthetic]:
    other = sibling(program.plan.seed)
    # A sibling that is written alike has the same text: its rows would be the same.
    if other is not None and other.text != program.text:
        yield other
    plain = Program(program.record, program.text)
    for edited in harness.edited_programs(plain, SOURCE) if manner.edits else ():
        yield replace(program, record=edited.record, text=edited.text)


def compared(program: Synthetic, rivals: Iterable[Synthetic], manner: Manner) -> list[Row]:
    """Rows of a program and of others of its problem, which count only where they give its answers."""
    known = _answers(program, manner)
    found = _rows(program, known, manner)
    for rival in rivals:
        found += _rows(rival, _agreeing(_answers(rival, manner), known), manner)
    return found


Answers = Mapping[int, tuple[int, dict[str, Any]]]
"""By the size that was asked for: the size that the input has, and what the harness answered."""


def _answers(program: Synthetic, manner: Manner) -> Answers:
    action, _ = harness.PROTOCOLS[manner.protocol]
    cases = [{"action": action, **_input(program, size)} for size in program.sizes]
    answers = run_cases(program.text, program.entry, cases, budget=manner.budget)
    sizes = (_elements(case, manner) for case in cases)
    return dict(zip(program.sizes, zip(sizes, answers, strict=True), strict=True))


def _agreeing(answers: Answers, known: Answers) -> Answers:
    """Answers that count only where they are the known ones."""

    def told(size: int, answer: dict[str, Any]) -> dict[str, Any]:
        _, other = known.get(size, (0, answer))
        differs = "answer" in answer and "answer" in other and answer["answer"] != other["answer"]
        return {"error": "answer differs"} if differs else answer

    return {size: (elements, told(size, answer)) for size, (elements, answer) in answers.items()}


def _rows(program: Synthetic, answers: Answers, manner: Manner) -> list[Row]:
    subject = Subject(SOURCE, program.problem, program.record, sha256(program.text), "python")
    _, protocol = harness.PROTOCOLS[manner.protocol]
    toolchain = f"{manner.interpreter} {platform.python_version()}"
    origin = Origin(protocol, hardware_class(), toolchain)
    found: list[Row] = []
    for elements, answer in answers.values():
        reason = answer.get("error") or answer.get("incomplete")
        found += rows.measured(subject, elements, harness.costs_of(answer), origin)
        found += rows.failed(subject, elements, reason, origin) if reason else []
    return found


def _input(program: Synthetic, size: int) -> dict[str, Any]:
    """What the harness is to run a program on."""
    if program.entry is None:
        return {"stdin": program.stdin(size)}
    return {"arguments": repr(program.arguments(size)), "builders": list(program.builders)}


def _elements(case: Mapping[str, Any], manner: Manner) -> int:
    """The size that an input really has."""
    return manner.elements(case["stdin"]) if "stdin" in case else size_of(ast.literal_eval(case["arguments"]))
