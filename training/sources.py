"""Public programs as problems: one reader a data set, nothing run here.

The data stays where it is; what is kept of a program is its hash and its measured costs.
"""

from __future__ import annotations

import ast
import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TYPING = "from typing import *\n"


@dataclass(frozen=True, slots=True)
class Program:
    """One program of a problem."""

    record: str
    text: str

    @property
    def sha256(self) -> str:
        """Digest of the text: what a measured row is keyed by."""
        return sha256(self.text)


@dataclass(frozen=True, slots=True)
class Problem:
    """Programs that solve one problem, the reference first, and what to run them on."""

    source: str
    name: str
    """Unique over all sources; splits are by this name."""
    programs: tuple[Program, ...]
    entry: str | None
    """An expression that names the callable; None: reads standard input."""
    preamble: str = ""
    test: str = ""
    """Python that defines `check(candidate)`."""
    inputs: tuple[str, ...] = ()
    """LeetCode's keyword texts, or standard inputs."""
    generators: tuple[str, ...] = ()
    """Python that defines `generate_input()`."""


def sha256(text: str) -> str:
    """Hex digest of a text in UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def problems(data: Path) -> Iterator[Problem]:
    """Every problem of every source under a data folder."""
    for read in SOURCES.values():
        yield from read(data)


def leetcode(data: Path) -> Iterator[Problem]:
    """Reference and model-written solutions, called through `Solution()`."""
    for row in _rows(data / "leetcode" / "problems.jsonl.gz"):
        yield Problem(
            source="leetcode",
            name=f"leetcode/{row['task']}",
            programs=_distinct((f"{row['task']}/{key}", text) for key, text in row["programs"].items()),
            entry=row["entry_point"],
            preamble=row["preamble"],
            inputs=tuple(test["input"] for test in row["tests"]),
        )


def codecontests(data: Path) -> Iterator[Problem]:
    """Human solutions that read standard input, with generators of stress inputs."""
    for row in _rows(data / "codecontests" / "problems.jsonl.gz"):
        named = ((f"{row['problem']}/{index}", text) for index, text in enumerate(row["solutions"]))
        yield Problem(
            source="codecontests",
            name=f"codecontests/{row['problem']}",
            programs=_distinct(named),
            entry=None,
            inputs=tuple(test["input"][0] for test in row["tests"]),
            generators=tuple(row["stress_generators"]),
        )


def humaneval(data: Path) -> Iterator[Problem]:
    """Canonical solutions and model-written samples, which may be wrong: filter by the test."""
    folder = data / "humaneval_samples"
    samples = {row["prompt"]: row["samples"] for row in _rows(folder / "samples.jsonl.gz")}
    for row in _rows(folder / "problems.jsonl.gz"):
        bodies = [row["canonical_solution"], *samples.get(row["prompt"], ())]
        texts = (_first_function(row["prompt"] + body, row["entry_point"]) for body in bodies)
        named = ((f"{row['task_id']}/{index}", text) for index, text in enumerate(texts) if text)
        yield Problem(
            source="humaneval",
            name=row["task_id"].lower(),
            programs=_distinct(named, by_syntax=True),
            entry=row["entry_point"],
            preamble=_TYPING,
            test=row["test"],
        )


def mbpp(data: Path) -> Iterator[Problem]:
    """Canonical solutions of MBPP in the form of mxeval."""
    for row in _rows(data / "multilingual" / "mbxp" / "mbpp_release_v1.jsonl.gz"):
        if not row["canonical_solution"]:
            continue
        text = row["prompt"].lstrip("\n") + row["canonical_solution"]
        yield Problem(
            source="mbpp",
            name=row["task_id"].lower(),
            programs=_distinct([(row["task_id"], text)]),
            entry=row["entry_point"],
            test=row["test"],
        )


SOURCES: dict[str, Callable[[Path], Iterator[Problem]]] = {
    "leetcode": leetcode,
    "humaneval": humaneval,
    "mbpp": mbpp,
    "codecontests": codecontests,
}


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _distinct(named: Any, *, by_syntax: bool = False) -> tuple[Program, ...]:
    """Programs with a text (or, by syntax, a tree) of their own, the first of each kept."""
    seen: set[str] = set()
    kept = []
    for record, text in named:
        key = _tree(text) if by_syntax else text
        if key is not None and key not in seen:
            seen.add(key)
            kept.append(Program(record, text))
    return tuple(kept)


def _tree(text: str) -> str | None:
    try:
        return ast.dump(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _first_function(text: str, entry: str) -> str | None:
    """A sampled completion cut after the function it was asked for; None if that is broken."""
    start = text.rfind(f"def {entry}(")
    after = re.compile(r"^(?=[^\s#])", re.MULTILINE).search(text, text.find("\n", start) + 1)
    cut = text[: after.start()] if after and start >= 0 else text
    return cut if _tree(cut) is not None else None
