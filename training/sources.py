"""Public programs as problems: one reader a data set, nothing run here.

The data stays where it is; what is kept of a program is its hash and its measured costs.
"""

from __future__ import annotations

import ast
import functools
import gzip
import hashlib
import io
import itertools
import json
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci_rlm.training.expressions import evaluate
from ci_rlm.training.profile.inputs import shrink_constants

_TYPING = "from typing import *\n"


@dataclass(frozen=True, slots=True)
class Program:
    """One program of a problem."""

    record: str
    text: str
    entry: str = ""
    """An expression that names the function that is called; empty: it is run whole, or not known."""

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
    """LeetCode's arguments, by keyword or by place, or standard inputs."""
    outputs: tuple[str, ...] = ()
    """What is right for each input, as text; LeetCode alone."""
    generators: tuple[str, ...] = ()
    """Python that defines `generate_input()`."""
    recorded: tuple[str, ...] = ()
    """Literal lists of arguments beside those of the test; the reference may refuse some."""


def sha256(text: str) -> str:
    """Hex digest of a text in UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
            outputs=tuple(test["output"] for test in row["tests"]),
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
    more = _functions(data)
    for row in _rows(folder / "problems.jsonl.gz"):
        entry, task = row["entry_point"], row["task_id"]
        bodies = [row["canonical_solution"], *samples.get(row["prompt"], ())]
        texts = (_first_function(row["prompt"] + body, entry) for body in bodies)
        named = [(f"{task}/{index}", text) for index, text in enumerate(texts) if text]
        extra = more.get(task.lower(), _NONE)
        yield Problem(
            source="humaneval",
            name=task.lower(),
            programs=_distinct([*named, *extra.named(task, entry)], by_syntax=True),
            entry=entry,
            preamble=_TYPING,
            test=row["test"],
            recorded=extra.recorded,
        )


def mbpp(data: Path) -> Iterator[Problem]:
    """Canonical solutions of MBPP in the form of mxeval, with the best ones of the functions."""
    more = _functions(data)
    for row in _rows(data / "multilingual" / "mbxp" / "mbpp_release_v1.jsonl.gz"):
        entry, task = row["entry_point"], row["task_id"]
        extra = more.get(task.lower(), _NONE)
        body = row["canonical_solution"]
        canonical = [(task, row["prompt"].lstrip("\n") + body)] if body else []
        programs = _distinct([*canonical, *extra.named(task, entry)], by_syntax=True)
        if not programs:
            continue
        yield Problem(
            source="mbpp",
            name=task.lower(),
            programs=programs,
            entry=entry,
            test=row["test"],
            recorded=extra.recorded,
        )


@dataclass(frozen=True, slots=True)
class _Extra:
    """What the folder of functions adds to a problem of HumanEval or MBPP."""

    entry: str = ""
    texts: tuple[tuple[str, str], ...] = ()
    """Where each text comes from, and the text; the function is called `solution`, or by `entry`."""
    recorded: tuple[str, ...] = ()

    def named(self, task: str, entry: str) -> list[tuple[str, str]]:
        """Record and text of each program, with its function under the name that the test calls."""
        return [
            (f"{task}/{origin}", _renamed(_renamed(text, self.entry, entry), "solution", entry))
            for origin, text in self.texts
        ]


_NONE = _Extra()


@functools.cache
def _functions(data: Path) -> dict[str, _Extra]:
    """Canonical and best solutions and stress inputs of 398 functions, by name of the problem."""
    folder = data / "functions"
    best, stress = (
        {row["prompt"]: row["value"] for row in _rows(folder / f"{name}.jsonl.gz")}
        for name in ("best_solutions", "stressful_testcases")
    )
    found: dict[str, _Extra] = {}
    for row in _rows(folder / "data.jsonl.gz"):
        prompt = row["final_prompt"]
        name = f"mbpp/{row['task_id']}" if row["dataset"] == "mbpp" else row["task_id"].lower()
        texts = [("code", row["code"])] if "code" in row else []
        texts += [("best", best[prompt][0])] if prompt in best else []
        recorded = dict.fromkeys(_literals(case["input"] for case in stress.get(prompt, ())))
        found[name] = _Extra(row["entry_point"], tuple(texts), tuple(recorded))
    return found


_LONG = 1000
"""Elements that a list in a stress input may have: more are not needed to grow it."""


def _literals(expressions: Iterable[str]) -> Iterator[str]:
    """Argument lists that expressions stand for, shortened; without those that do more than write a value."""
    for text in expressions:
        try:
            value = evaluate(_shortened(text))
        except (ValueError, SyntaxError):
            continue
        if isinstance(value, list) and value and _is_literal(repr(value)):
            yield repr(value)


def _is_literal(text: str) -> bool:
    """Not so where a number is infinite or none."""
    try:
        ast.literal_eval(text)
    except ValueError:
        return False
    return True


def _shortened(text: str) -> str:
    """An expression whose largest repetition is `_LONG`."""
    numbers = [int(number) for number in re.findall(r"\d{3,7}", text)]
    numbers += [10 ** int(power) for power in re.findall(r"10 ?\*\* ?([3-7])(?!\d)", text)]
    factor = -(-max(numbers, default=0) // _LONG)
    return shrink_constants(text, factor) if factor > 1 else text


def _renamed(text: str, before: str, after: str) -> str:
    """A text in which every name `before` that is no attribute is `after`; as it is if it has no tokens."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return text
    lines = text.splitlines(keepends=True)
    for last, token in reversed(list(itertools.pairwise(tokens))):
        if token.type == tokenize.NAME and token.string == before and last.string != ".":
            (row, start), (_, end) = token.start, token.end
            lines[row - 1] = lines[row - 1][:start] + after + lines[row - 1][end:]
    if tokens and tokens[0].type == tokenize.NAME and tokens[0].string == before:
        lines[0] = after + lines[0][len(before) :]
    return "".join(lines)


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
    """Programs with a text of their own (by syntax: a tree, docstrings left out), the first of each kept."""
    seen: set[str] = set()
    kept = []
    for record, text in named:
        key = (_tree(text) if by_syntax else None) or text
        if key not in seen:
            seen.add(key)
            kept.append(Program(record, text))
    return tuple(kept)


def _tree(text: str) -> str | None:
    try:
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and ast.get_docstring(node, clean=False) is not None:
                del node.body[0]
        return ast.dump(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _first_function(text: str, entry: str) -> str | None:
    """A sampled completion cut after the function it was asked for; None if that is broken."""
    start = text.rfind(f"def {entry}(")
    after = re.compile(r"^(?=[^\s#])", re.MULTILINE).search(text, text.find("\n", start) + 1)
    cut = text[: after.start()] if after and start >= 0 else text
    return cut if _tree(cut) is not None else None
