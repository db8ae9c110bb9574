"""Measure Python programs: every program of every problem, and edits of them, at many sizes.

    ci-rlm profile python --data DATA --out runs/measured/python
    ci-rlm profile merge runs/measured/python --into training/measured/python.parquet

A problem is one task: its programs answer the same inputs, so they are checked against each
other while they are measured. `sandbox.py` runs them, `inputs.py` grows their inputs.
"""

from __future__ import annotations

import ast
import platform
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from ci_rlm.training.edits import edits_of
from ci_rlm.training.profile import inputs, rows
from ci_rlm.training.profile.engine import Task
from ci_rlm.training.profile.hardware import hardware_class
from ci_rlm.training.profile.rows import Origin, Row, Spread, Subject
from ci_rlm.training.profile.sandbox import Budget, run_cases
from ci_rlm.training.questions import NEAR
from ci_rlm.training.sources import SOURCES, Problem, Program, sha256

PROTOCOLS = {
    "fast": ("measure", "fast-2"),
    "turns": ("time", "turns-1"),
    "faithful": ("faithful", "paper-D.4.1"),
    "counts": ("count", "counts-1"),
}
"""By name: the runner's action, and what rows call it."""

TIMED = ("cpu_time", "wall_time")
COUNTED = (
    "peak_memory", "peak_memory_net", "allocated_bytes", "allocated_blocks", "peak_rss",
    "line_events", "calls", "depth",
)  # fmt: skip
_NAMED = re.compile(r"(\w*(?:Error|Exception|Exit|Interrupt|Warning|Iteration)): ")
_USUAL = Budget()
_QUICK = Budget(seconds=5.0, run_seconds=5.0, repeats=1)
_SEARCHING = Budget(seconds=1.0, run_seconds=0.06)
"""While sizes are sought: half of what other programs get, so that few of them time out where it did not."""
TURNS = 4
"""Processes that the protocol `turns` times each program in."""
_FAITHFUL = Budget(seconds=150.0, run_seconds=10.0)
"""Fourteen processes of up to ten seconds, and one that is traced."""
_STDIN_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of a source's problem is measured."""

    programs: int
    """Right programs a problem at most: sampled bodies differ little, so a source may be capped."""
    edited: int
    """Programs that edits are tried on."""
    efficiency: int
    """Edits a program that should change the cost."""
    neutral: int
    """Edits a program that should not."""


PLANS: dict[str, Plan] = {
    "leetcode": Plan(programs=40, edited=2, efficiency=3, neutral=3),
    "humaneval": Plan(programs=16, edited=3, efficiency=3, neutral=3),
    "mbpp": Plan(programs=40, edited=1, efficiency=3, neutral=3),
    "codecontests": Plan(programs=200, edited=10, efficiency=3, neutral=3),
    "synthetic": Plan(programs=2, edited=1, efficiency=3, neutral=3),
    "ways": Plan(programs=1, edited=1, efficiency=1, neutral=2),
}


@dataclass(frozen=True, slots=True)
class Work:
    """One problem for a worker."""

    problem: Problem
    protocol: str
    edits: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One input of a problem."""

    size: int
    """Elements of the arguments, or of standard input (`inputs.size_of`, `inputs.stdin_size`)."""
    job: Mapping[str, Any]


def tasks(
    data: Path, *, sources: Iterable[str] = SOURCES, protocol: str = "fast", edits: bool = True
) -> list[Task]:
    """Every problem of the sources, in one random order: a run cut short has seen some of each."""
    found = [
        Task(problem.name, Work(problem, protocol, edits))
        for name in sources
        for problem in SOURCES[name](data)
    ]
    Random(0).shuffle(found)
    return found


def measure(work: Work) -> list[Row]:
    """Rows of all programs of a problem that pass its test, up to the plan's number, and of edits.

    The reference goes first: an input that it rejects is dropped, and the others count only
    where they give its answer. Then come edited programs, whose record names the edit.
    """
    if work.protocol == "turns":
        return in_turns(work.problem)
    problem, plan = work.problem, PLANS[work.problem.source]
    reference, *others = problem.programs
    known = known_cases(problem, reference, work.protocol)
    found = _rows(problem, reference, [(case, answer) for case, answer in known], work.protocol)
    if all("error" in answer for _, answer in known):
        return found or _failed(problem, reference, "no input to run it on", work.protocol)
    kept = [(case, answer["answer"]) for case, answer in known if "error" not in answer]
    right = [reference]
    for program in sorted(others, key=lambda other: other.sha256):
        if len(right) >= plan.programs:
            break
        answers = checked(problem, program, kept, work.protocol)
        found += _rows(problem, program, answers, work.protocol)
        if "error" not in answers[0][1]:
            right.append(program)
    for program in right[: plan.edited] if work.edits else ():
        for edited in edited_programs(program, problem.source):
            found += _rows(problem, edited, checked(problem, edited, kept, work.protocol), work.protocol)
    return found


def in_turns(problem: Problem) -> list[Row]:
    """Times of the programs that edits are tried on, and of these edits, near the gate's input size.

    Each in `TURNS` processes, one program after the other, and all of them again: a slow spell of the
    machine, which may last longer than a process, hits no program alone. What `measure` left out is left
    out. Times of a machine's quick and slow days differ, so ratios are what these rows are for.
    """
    reference, *others = problem.programs
    known = [(case, a["answer"]) for case, a in known_cases(problem, reference, "turns") if "error" not in a]
    near = [(case, answer) for case, answer in known if NEAR[0] <= case.size <= NEAR[1]]
    if not near:
        return []
    chosen = [reference]
    for program in sorted(others, key=lambda other: other.sha256):
        if len(chosen) >= PLANS[problem.source].edited:
            break
        if "error" not in checked(problem, program, known[:1], "turns")[0][1]:
            chosen.append(program)
    programs = [each for one in chosen for each in (one, *edited_programs(one, problem.source))]
    times: dict[tuple[int, int], dict[str, list[float]]] = {}
    wrong: set[int] = set()
    for _ in range(TURNS):
        for place, program in enumerate(programs):
            for case, answer in checked(problem, program, near, "turns") if place not in wrong else ():
                if "error" in answer:
                    wrong.add(place)
                    continue
                found = times.setdefault((place, case.size), {name: [] for name in TIMED})
                for name in TIMED:
                    found[name] += answer[name]
    return [
        row
        for (place, size), found in times.items()
        if place not in wrong
        for row in rows.measured(
            _subject(problem, programs[place]),
            size,
            {name: Spread.of(values) for name, values in found.items()},
            origin("turns"),
        )
    ]


def edited_programs(program: Program, source: str) -> list[Program]:
    """Edits of one program; the record says which, and the text can be made again from it."""
    plan = PLANS[source]
    made = edits_of(program.text, efficiency=plan.efficiency, neutral=plan.neutral, seed=program.sha256)
    return [Program(f"{program.record}+{edit.edit}", edit.after, program.entry) for edit in made]


Answered = list[tuple[Case, dict[str, Any]]]


def checked(problem: Problem, program: Program, known: Sequence[tuple[Case, str]], protocol: str) -> Answered:
    """The answers of a program, an error where one differs from the reference's."""
    answers = run(problem, program, [case for case, _ in known], protocol)
    return [
        (case, {"error": "answer differs"} if answer.get("answer", told) != told else answer)
        for (case, told), answer in zip(known, answers, strict=True)
    ]


def run(
    problem: Problem, program: Program, cases: Sequence[Case], protocol: str, budget: Budget = _USUAL
) -> list[dict[str, Any]]:
    """Run the problem's own test, if it has one, then the cases; an error each if it fails."""
    action, _ = PROTOCOLS[protocol]
    jobs = [{**case.job, "action": action, "size": case.size} for case in cases]
    test = [{"action": "check", "test": problem.test}] if problem.test else []
    budget = _FAITHFUL if protocol == "faithful" else budget
    answers = run_cases(program.text, problem.entry, test + jobs, preamble=problem.preamble, budget=budget)
    if test and "error" in answers[0]:
        return [{"error": f"fails its test ({_kind(answers[0]['error'])})"}] * len(cases)
    return answers[len(test) :]


def known_cases(problem: Problem, reference: Program, protocol: str) -> Answered:
    """Inputs of a problem by ascending size, with what the reference made of each."""
    if problem.entry is None:
        cases = stdin_cases(problem, reference)
        return list(zip(cases, run(problem, reference, cases, protocol), strict=True))
    recorded = recorded_calls(problem, reference)
    if not recorded:
        return []
    return Climb(problem, reference, recorded, protocol).climbed()


class Climb:
    """The ladder of sizes that a reference program takes, as `inputs.ladder` leads."""

    def __init__(
        self, problem: Problem, reference: Program, recorded: Sequence[list[Any]], protocol: str
    ) -> None:
        self.problem, self.reference, self.recorded, self.protocol = problem, reference, recorded, protocol
        self.names, self.builders = parameters_of(reference.text, problem.entry or "", len(recorded[-1]))
        self.likenesses: dict[int, Iterator[list[Any]]] = {}
        self.told: dict[int, str] = {}
        self.found: dict[int, tuple[Case, dict[str, Any]]] = {}

    def climbed(self) -> Answered:
        """Inputs that the reference answers; all that were tried where it answers none."""
        self._measure([(0, self._case(self.recorded[-1]))])
        if all(answer.get("error", "").startswith("fails") for _, answer in self.found.values()):
            return list(self.found.values())
        self._try(inputs.SIZES)
        # A rejected size has other likenesses; then come sizes that the ladder names one by one.
        while rejected := [size for size, what in self.told.items() if what == "rejected"]:
            if not self._try(rejected):
                break
        while (size := inputs.ladder(self.told)) is not None:
            while self.told.get(size, "rejected") == "rejected" and self._try([size]):
                pass
        ordered = [self.found[size] for size in sorted(self.found)]
        return [(case, answer) for case, answer in ordered if "error" not in answer] or ordered

    def _try(self, sizes: Iterable[int]) -> bool:
        """The next likeness of each size; whether there was one for any."""
        batch = []
        for size in sizes:
            arguments = next(self._likenesses(size), None)
            self.told.setdefault(size, "rejected")
            if arguments is not None and inputs.size_of(arguments) <= 4 * inputs.SIZES[-1]:
                batch.append((size, self._case(arguments)))
        self._measure(batch)
        return bool(batch)

    def _likenesses(self, size: int) -> Iterator[list[Any]]:
        if size not in self.likenesses:
            chance = Random(f"{sha256(self.problem.name)} {size}")
            self.likenesses[size] = inputs.candidates(
                self.recorded, size, chance, names=self.names, kinds=self.builders
            )
        return self.likenesses[size]

    def _case(self, arguments: list[Any]) -> Case:
        return Case(inputs.size_of(arguments), {"arguments": repr(arguments), "builders": self.builders})

    def _measure(self, batch: Sequence[tuple[int, Case]]) -> None:
        fresh = sorted((case.size, wanted, case) for wanted, case in batch if self._is_fresh(case.size))
        cases = [case for *_, case in fresh]
        answers = run(self.problem, self.reference, cases, self.protocol, _SEARCHING)
        for (size, wanted, case), answer in zip(fresh, answers, strict=True):
            self.told[wanted] = _told(answer)
            self.found[size] = (case, answer)
        for wanted, case in batch:
            self.told[wanted] = _told(self.found[case.size][1])
        self.told.pop(0, None)

    def _is_fresh(self, size: int) -> bool:
        """Whether a size is yet to be answered; a rejected one may be tried with another likeness."""
        return "error" in self.found.get(size, (None, {"error": ""}))[1]


def _told(answer: Mapping[str, Any]) -> str:
    if "error" not in answer:
        return "ok"
    return "slow" if "time" in answer["error"].lower() else "rejected"  # TimeoutError, time limit


def stdin_cases(problem: Problem, reference: Program) -> list[Case]:
    """A ladder of standard inputs, from the stored ones and from generators of stress inputs."""

    def accepts(text: str) -> bool:
        (answer,) = run(problem, reference, [_stdin_case(text)], "counts", _QUICK)
        return _told(answer) != "rejected"

    return [
        _stdin_case(text)
        for text in inputs.stdin_ladder(problem.inputs, problem.generators, generate, accepts)
        if len(text) <= _STDIN_LIMIT
    ]


def _stdin_case(text: str) -> Case:
    return Case(inputs.stdin_size(text), {"stdin": text})


def generate(generator: str, seed: int) -> str | None:
    """Run a generator of stress inputs; None where it fails."""
    (answer,) = run_cases(generator, None, [{"action": "generate", "seed": seed}], budget=_QUICK)
    made: str | None = answer.get("stdin")
    return made


def recorded_calls(problem: Problem, reference: Program) -> list[list[Any]]:
    """Arguments of recorded calls, smallest first: as stored, and as the problem's test makes them."""
    found = [arguments for text in problem.inputs if (arguments := _arguments(text))]
    found += [ast.literal_eval(text) for text in problem.recorded]
    if problem.test:
        job = [{"action": "record", "test": problem.test}]
        (answer,) = run_cases(reference.text, problem.entry, job, preamble=problem.preamble, budget=_QUICK)
        found += [list(ast.literal_eval(call)) for call in answer.get("calls", ())]
    return sorted(found, key=inputs.size_of)


def _arguments(text: str) -> list[Any]:
    try:
        return inputs.parse_arguments(text)
    except (ValueError, TypeError):
        return []


def parameters_of(text: str, entry: str, count: int) -> tuple[list[str], list[str]]:
    """Names of an entry point's parameters, and how each is built: annotations name node types."""
    name = entry.rsplit(".", 1)[-1]
    try:
        defined = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    except (SyntaxError, ValueError, RecursionError):
        defined = []
    found = next((node for node in defined if node.name == name), None)
    parameters = [each for each in found.args.args if each.arg != "self"] if found else []
    names = [each.arg for each in parameters]
    kinds = [_builder(ast.unparse(each.annotation) if each.annotation else "") for each in parameters]
    return (names + [""] * count)[:count], (kinds + ["plain"] * count)[:count]


def _builder(annotation: str) -> str:
    if "TreeNode" in annotation:
        return "binary_tree"
    if "ListNode" in annotation:
        return "linked_lists" if re.search(r"\b[Ll]ist\[", annotation) else "linked_list"
    return "plain"


def origin(protocol: str) -> Origin:
    """Of rows that this interpreter measures."""
    return Origin(PROTOCOLS[protocol][1], hardware_class(), f"Python {platform.python_version()}")


def costs_of(answer: Mapping[str, Any]) -> dict[str, float | Spread]:
    """The metrics of a runner's answer."""
    costs: dict[str, float | Spread] = {name: Spread.of(answer[name]) for name in TIMED if name in answer}
    return costs | {name: answer[name] for name in COUNTED if name in answer}


def _rows(problem: Problem, program: Program, answers: Answered, protocol: str) -> list[Row]:
    subject, where = _subject(problem, program), origin(protocol)
    return [
        row
        for case, answer in answers
        for row in (
            rows.failed(subject, case.size, _kind(answer["error"]), where)
            if "error" in answer
            else rows.measured(subject, case.size, costs_of(answer), where)
        )
    ]


def _failed(problem: Problem, program: Program, reason: str, protocol: str) -> list[Row]:
    return rows.failed(_subject(problem, program), 0, reason, origin(protocol))


def _subject(problem: Problem, program: Program) -> Subject:
    return Subject(problem.source, problem.name, program.record, program.sha256, "python")


def _kind(error: str) -> str:
    """A reason without the message of an exception: that may hold text of the program or its input."""
    return re.sub(
        r"^(\w*(?:Error|Exception|Exit|Interrupt|Warning|Iteration)): .*", r"\1", error, flags=re.DOTALL
    )
