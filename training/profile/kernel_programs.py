"""Triton programs as public data has them, and what to run them on: nothing is run here.

TritonBench gives 184 reference programs, each with a benchmark script, a test and published
timings, and some 4,000 answers of models to the same tasks. An answer does not say which task
it answers; the names that it defines do. So an answer can be run by the benchmark script of its
task, and be checked against the reference.
"""

from __future__ import annotations

import ast
import functools
import gzip
import json
import math
import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ci_rlm import extract
from ci_rlm.flow import Kind, Unit
from ci_rlm.training.profile.rows import Origin, Row, Subject, measured
from ci_rlm.training.sources import sha256

_SEPARATOR = re.compile(r"^#{100,}\s*$", re.MULTILINE)
"""Between a reference program and its test."""
_FENCE = re.compile(r"^```[ \t]*(?:python|py|triton)?[ \t]*\n(.*?)(?:^```|\Z)", re.DOTALL | re.MULTILINE)
_OPENING = re.compile(r"^(?:import |from \w|@triton)", re.MULTILINE)
_FEWEST_CUTS = 8
_MOST_BENCHMARKS = 4


@dataclass(frozen=True, slots=True)
class Benchmark:
    """How TritonBench runs the programs of one task."""

    name: str
    script: str
    """Python with a subclass of `Performance_Metrics`."""
    modules: tuple[str, ...]
    """Names that the script imports its program by."""
    entries: tuple[str, ...]
    """What the script imports from the program."""
    inputs: int
    """Inputs that the script makes, or at least those with a published timing."""
    test: str
    """Python that calls the entry points."""
    reference: str
    """A program that is right."""


@dataclass(frozen=True, slots=True)
class Program:
    """One Triton program."""

    source: str
    problem: str
    """Splits are by this name: programs that share an entry point share it."""
    record: str
    text: str
    benchmarks: tuple[Benchmark, ...] = ()
    """Likeliest first."""
    below: int = 2
    """Bound of whole numbers that go in."""

    @property
    def subject(self) -> Subject:
        """What its rows are keyed by."""
        return Subject(self.source, self.problem, self.record, sha256(self.text), "triton")


@dataclass(frozen=True, slots=True)
class _Reference:
    program: Program
    names: frozenset[str]
    """All functions and classes that it defines."""

    @property
    def benchmark(self) -> Benchmark:
        return self.program.benchmarks[0]


def kernels_of(text: str) -> tuple[Unit, ...]:
    """The Triton kernels of a text."""
    units, _ = extract.units(PurePosixPath("program.py"), text, "python")
    return tuple(unit for unit in units if unit.kind is Kind.TRITON_KERNEL)


def programs(data: Path) -> Iterator[Program]:
    """References, then answers of models that hold a kernel; each text once."""
    references = _references(data)
    seen: set[str] = set()
    for program in (*(r.program for r in references), *_answers(data, references)):
        if program.text not in seen:
            seen.add(program.text)
            yield program


def published(data: Path) -> Iterator[list[Row]]:
    """Timings of the references by their authors, a list a program; the hardware is not stated.

    Those whose input is told by numbers alone are left out: their elements cannot be counted.
    """
    origin = Origin("published", "unstated", "unstated")
    for record in _lines(data / "triton" / "reference_kernels.jsonl.gz"):
        subject = _program(record, {}).subject
        sizes = [(_elements(timing["input_size"]), timing["ms"] / 1000) for timing in record["timings"]]
        usable = {size: s for size, s in reversed(sizes) if size and math.isfinite(s) and s > 0}
        yield [
            row
            for size in sorted(usable)
            for row in measured(subject, size, {"latency": usable[size]}, origin)
        ]


def _elements(shapes: Sequence[Any]) -> int:
    return sum(math.prod(shape) for shape in shapes if isinstance(shape, list))


def code_of(answer: str) -> str | None:
    """The program with a kernel in an answer, without fences, talk and a torn end; None: there is none."""
    fenced = _FENCE.findall(answer)
    texts = ["\n\n".join(fenced), *sorted(fenced, key=len, reverse=True), answer]
    for text in texts:
        whole = _parsable(text)
        if whole and _jitted(ast.parse(whole)):
            return whole
    return None


def _jitted(tree: ast.Module) -> list[str]:
    """Names of functions that look like kernels; `kernels_of` knows, and takes 100 times as long."""
    return [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(mark).partition("(")[0].endswith("jit") for mark in node.decorator_list)
    ]


def _parsable(text: str) -> str | None:
    """The text from its first import on, without the top-level statement that does not parse and the rest."""
    text = textwrap.dedent(text.strip("\n")).lstrip(" ")
    if _tree(text) is None and (opening := _OPENING.search(text)):
        text = text[opening.start() :]
    for _ in range(_FEWEST_CUTS):
        if not text.strip():
            return None
        try:
            ast.parse(text)
        except SyntaxError as problem:
            text = _before(text, problem.lineno or 1)
        except (ValueError, RecursionError, MemoryError):
            return None
        else:
            return text
    return None


def _before(text: str, line: int) -> str:
    """The text before the top-level statement that holds a line, its decorators included."""
    lines = text.splitlines(keepends=True)
    starts = [i for i in range(min(line, len(lines))) if lines[i][:1].strip() and lines[i][0] not in ")]}#"]
    cut = starts[-1] if starts else 0
    while cut and lines[cut - 1].startswith("@"):
        cut -= 1
    return "".join(lines[:cut])


def _tree(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _names(tree: ast.Module) -> frozenset[str]:
    """Names of all functions and classes."""
    definitions = (ast.FunctionDef, ast.ClassDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, definitions))


def _offered(tree: ast.Module) -> frozenset[str]:
    """Names that can be imported from a module."""
    assigned = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return frozenset(assigned) | _names(ast.Module([n for n in tree.body if hasattr(n, "name")], []))


@functools.lru_cache(maxsize=1)
def _references(data: Path) -> tuple[_Reference, ...]:
    records = list(_lines(data / "triton" / "reference_kernels.jsonl.gz"))
    families = _families({record["name"]: _benchmark(record, "").entries for record in records})
    found = (_program(record, families) for record in records)
    return tuple(_Reference(program, _names(ast.parse(program.text))) for program in found)


def _families(entries: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """The first name of all that are linked by shared entry points, by name."""
    family = {name: name for name in entries}
    for entry in {entry for each in entries.values() for entry in each}:
        linked = {family[name] for name, each in entries.items() if entry in each}
        family = {name: min(linked) if of in linked else of for name, of in family.items()}
    return family


def _program(record: dict[str, Any], families: dict[str, str]) -> Program:
    name, text = record["name"], _parts(record["code"])[0]
    problem = f"tritonbench/{families.get(name, name)}"
    return Program("tritonbench", problem, name, text, (_benchmark(record, text),))


def _parts(code: str) -> tuple[str, str]:
    """A reference program and its test."""
    program, *rest = _SEPARATOR.split(code)
    return program.rstrip() + "\n", "\n".join(rest).strip() + "\n"


def _benchmark(record: dict[str, Any], reference: str) -> Benchmark:
    imports = [
        node
        for node in ast.walk(ast.parse(record["perf_script"]))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("TritonBench")
    ]
    return Benchmark(
        name=record["name"],
        script=record["perf_script"],
        modules=tuple(sorted({node.module or "" for node in imports})),
        entries=tuple(alias.name for node in imports for alias in node.names),
        inputs=len(record["timings"]),
        test=_parts(record["code"])[1],
        reference=reference,
    )


def _answers(data: Path, references: Sequence[_Reference]) -> Iterator[Program]:
    for number, record in enumerate(_lines(data / "triton" / "model_written_kernels.jsonl.gz")):
        text = code_of(record["code"])
        if text is None:
            continue
        tree = ast.parse(text)
        like = _alike(tree, references)
        runs = [r.benchmark for r in like if set(r.benchmark.entries) <= _offered(tree)]
        yield Program(
            source="tritonbench-models",
            problem=like[0].program.problem if like else f"tritonbench/{_jitted(tree)[0]}",
            record=f"{record['origin']}/{number}",
            text=text,
            benchmarks=tuple(runs[:_MOST_BENCHMARKS]),
        )


def _alike(tree: ast.Module, references: Sequence[_Reference]) -> list[_Reference]:
    """References that define a function of the same name, those with most in common first."""
    names = _names(tree)
    common = Counter(
        {
            index: len(names & reference.names) + 2 * len(names & set(reference.benchmark.entries))
            for index, reference in enumerate(references)
            if names & (reference.names | set(reference.benchmark.entries))
        }
    )
    return [references[index] for index, _ in common.most_common()]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
