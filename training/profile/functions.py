"""Measure a team's own functions: named by import, called with the inputs of a file.

They are trusted code: they run in the folder and the environment of whoever asks, in a process of
their own for each input. What the model reads of a function, its text with the context that the
gate would show, is kept beside the rows, so that a corpus can be built from the folder alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path, PurePosixPath
from typing import Any

from ci_rlm import extract, prompt
from ci_rlm.errors import CiRlmError, UsageError
from ci_rlm.flow import Kind, Space, Unit
from ci_rlm.training.profile import inputs, rows
from ci_rlm.training.profile.engine import Task
from ci_rlm.training.profile.python import PROTOCOLS, costs_of, origin
from ci_rlm.training.profile.rows import Row, Subject
from ci_rlm.training.profile.sandbox import Budget, Runner, Trust
from ci_rlm.training.sources import sha256

SOURCE = "own"
_PLAIN = Space("own", "", (Kind.FUNCTION,), (), "", None)


@dataclass(frozen=True, slots=True)
class Function:
    """A function to measure."""

    module: str
    name: str
    """Qualified, within the module."""
    text: str
    """Canonical, with its context: what a model reads."""

    @property
    def target(self) -> str:
        """As a user names it."""
        return f"{self.module}:{self.name}"


@dataclass(frozen=True, slots=True)
class Call:
    """One input."""

    size: int
    arguments: str
    """A literal of the list of positional arguments."""
    keywords: str
    """A literal of the mapping of keyword arguments."""


@dataclass(frozen=True, slots=True)
class Work:
    """A function and all its inputs, for a worker."""

    function: Function
    calls: tuple[Call, ...]
    protocol: str
    folder: Path
    seconds: float


def function_of(target: str, folder: Path) -> Function:
    """Find `package.module:function` from a folder, without importing it.

    Raises UsageError for a target of another form, a module that is not found there or on the
    import path, or a name that it does not define.
    """
    module, _, name = target.partition(":")
    if not all(part.isidentifier() for part in [*module.split("."), *name.split(".")]):
        raise UsageError(f"not a function: {target}", hint="name it as package.module:function")
    path = _file_of(module, folder)
    units, _ = extract.units(PurePosixPath(path.name), path.read_text(encoding="utf-8"), "python")
    unit = next((unit for unit in units if unit.name == name), None)
    if unit is None:
        raise UsageError(f"{path} defines no function {name}", hint=_known(units))
    return Function(module, name, prompt.prompt_of(unit, _PLAIN).text)


def _file_of(module: str, folder: Path) -> Path:
    """The source file of a module; packages on the way are looked into, not run."""
    import sys

    places, path = [str(folder), *sys.path], Path()
    for part in module.split("."):
        spec = PathFinder.find_spec(part, places)
        if spec is None:
            raise UsageError(
                f"no module {module} in {folder} or on the import path",
                hint="run this in the folder that it is imported from, or install it",
            )
        places, path = list(spec.submodule_search_locations or ()), Path(spec.origin or "")
    if path.suffix != ".py":
        raise UsageError(f"{module} has no Python source: {path}")
    return path


def _known(units: Sequence[Unit]) -> str:
    names = ", ".join(unit.name for unit in units[:12])
    return f"it defines {names}" if names else "it defines none"


def read_calls(path: Path) -> tuple[tuple[Call, ...], list[str]]:
    """The inputs of a JSONL file, and what is wrong with the lines that are none.

    A line is a list of positional arguments, or an object with `args`, `kwargs` and `size` (in
    elements; by default what the arguments hold). Raises CiRlmError for a file with no input.
    """
    try:
        with path.open(encoding="utf-8") as lines:
            read = list(_calls(path, lines))
    except (OSError, UnicodeDecodeError) as error:
        raise CiRlmError(f"cannot read {path}: {error}") from error
    calls = tuple(found for found in read if isinstance(found, Call))
    wrong = [found for found in read if isinstance(found, str)]
    if not calls:
        raise CiRlmError(
            f"{path} holds no input", hint=wrong[0] if wrong else 'write lines such as {"args": [[3, 1, 2]]}'
        )
    return tuple(sorted(calls, key=lambda call: call.size)), wrong


def _calls(path: Path, lines: Iterable[str]) -> Iterator[Call | str]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _call(json.loads(line, parse_constant=_no_constant))
        except (ValueError, RecursionError) as error:
            yield f"{path}:{number}: {error}"


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _call(value: Any) -> Call:
    record = {"args": value} if isinstance(value, list) else value
    if not isinstance(record, dict) or record.keys() - {"args", "kwargs", "size"}:
        raise ValueError('neither a list of arguments nor an object of "args", "kwargs" and "size"')
    arguments, keywords = record.get("args", []), record.get("kwargs", {})
    if not isinstance(arguments, list) or not isinstance(keywords, dict):
        raise ValueError('"args" must be a list and "kwargs" an object')
    size = record.get("size", inputs.size_of([*arguments, *keywords.values()]))
    if type(size) is not int or size < 0:
        raise ValueError('"size" must be a whole number of elements')
    return Call(size, repr(arguments), repr(keywords))


def task(function: Function, calls: tuple[Call, ...], protocol: str, folder: Path, seconds: float) -> Task:
    """One task; the same function with the same inputs has the same key, and is measured once."""
    about = json.dumps([function.text, [[c.size, c.arguments, c.keywords] for c in calls], protocol])
    key = f"{function.target} {hashlib.sha256(about.encode()).hexdigest()[:16]}"
    return Task(key, Work(function, calls, protocol, folder, seconds))


def subject(function: Function) -> Subject:
    """What the rows of a function say of it."""
    return Subject(SOURCE, function.target, function.target, sha256(function.text), "python")


def measure(work: Work) -> list[Row]:
    """Call the function with every input."""
    action, _ = PROTOCOLS[work.protocol]
    jobs = [{"action": action, "arguments": call.arguments, "keywords": call.keywords} for call in work.calls]
    text = f"import {work.function.module}\nfrom sys import modules\n"
    entry = f"modules[{work.function.module!r}].{work.function.name}"
    budget = Budget(seconds=work.seconds, run_seconds=work.seconds, memory=0)
    with contextlib.closing(Runner(Trust(work.folder, (str(work.folder),)))) as runner:
        answers = runner.run(text, entry, jobs, budget=budget)
    where = origin(work.protocol)
    found: list[Row] = []
    for call, answer in zip(work.calls, answers, strict=True):
        if "error" in answer:
            found += rows.failed(subject(work.function), call.size, answer["error"], where)
        else:
            found += rows.measured(subject(work.function), call.size, costs_of(answer), where)
    return found


def keep_text(function: Function, folder: Path) -> None:
    """Write what the model reads of a function beside its rows."""
    import pyarrow
    from pyarrow import parquet

    digest = sha256(function.text)
    target = folder / f"texts-{digest[:16]}.parquet"
    columns: Mapping[str, list[str]] = {
        "sha256": [digest], "language": ["python"], "text": [function.text], "name": [function.target]
    }  # fmt: skip
    scratch = target.with_suffix(".writing")
    parquet.write_table(pyarrow.table(columns), scratch)
    scratch.replace(target)
