"""Which functions of a repository its benchmarks exercise, read from the sources of one commit.

Names are followed from a benchmark to what it calls, and from there on, through imports and
re-exports. Nothing is imported or run: a call on an object that is handed in, a fixture say, leads nowhere,
and a benchmark without a call that leads somewhere is told.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import PurePosixPath

from ci_rlm.training import benchmarked
from ci_rlm.training.benchmarked import Function, Module, Parts, Reference
from ci_rlm.training.codebase import Codebase, UnresolvedError

Target = tuple[PurePosixPath, Parts]
"""A function: its file, and its nested names."""

ASV_CONFIG = "asv.conf.json"
_MODULES_KEPT = 1000
_RE_EXPORTS = 200
"""Files that one name is followed through."""
_TEST_FILE = re.compile(r"(?:test|bench)\w*_\w*\.py|\w*_(?:test|bench|benchmark)s?\.py")
_TEST = re.compile(r"(?:test|bench)")
_TEST_CLASS = re.compile(r"(?:Test|Bench)")
_ASV = re.compile(
    r"(?:[Tt]ime|[Tt]imeraw|[Mm]em|[Pp]eak[Mm]em|[Tt]rack)_\w|(?:Time|Timeraw|Mem|PeakMem|Track)[A-Z]"
)
_ASV_FOLDER = "benchmarks"
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)


class Tool(StrEnum):
    """What runs a benchmark."""

    PYTEST = "pytest"
    ASV = "asv"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One function that a tool runs and measures."""

    tool: Tool
    path: PurePosixPath
    names: Parts
    """Classes, then the function."""
    root: PurePosixPath
    """The folder that its tool names it from."""

    @property
    def id(self) -> str:
        """As its tool names it: pytest's node id, or asv's dotted name; parameters are left out."""
        if self.tool is Tool.PYTEST:
            # No folder's name may be taken for an option.
            lead = "./" if str(self.path).startswith("-") else ""
            return "::".join((f"{lead}{self.path}", *self.names))
        module = self.path.relative_to(self.root).with_suffix("").parts
        return ".".join((*(module[:-1] if module[-1] == "__init__" else module), *self.names))


def benchmarks_of(code: Codebase, *, every_test: bool = False) -> Iterator[Benchmark | UnresolvedFile]:
    """The benchmarks of a commit by path and place: with pytest's `benchmark` fixture or mark, and asv's.

    With `every_test`, the other tests as well.
    """
    suites = _suites(code)
    for path in sorted(path for path in code.snapshot.files if path.suffix == ".py"):
        suite = next((suite for suite in suites if suite in path.parents), None)
        is_test = _TEST_FILE.fullmatch(path.name) is not None
        if suite is None and not is_test:
            continue
        try:
            functions = list(_functions(_module(code, path).tree.body))
        except UnresolvedError as error:
            yield UnresolvedFile(path, str(error))
            continue
        for within, function in functions:
            names = (*within, function.name)
            if suite is not None and _ASV.match(function.name):
                yield Benchmark(Tool.ASV, path, names, suite)
            elif is_test and _is_test(within, function, every_test=every_test):
                yield Benchmark(Tool.PYTEST, path, names, PurePosixPath())


@dataclass(frozen=True, slots=True)
class UnresolvedFile:
    """A file of tests or benchmarks that cannot be read."""

    path: PurePosixPath
    reason: str


def is_read(path: PurePosixPath) -> bool:
    """Whether a file of the commit can tell something: code, or what configures asv."""
    return path.suffix == ".py" or path.name == ASV_CONFIG


def _is_test(within: Parts, function: Function, *, every_test: bool) -> bool:
    if not _TEST.match(function.name) or not all(map(_TEST_CLASS.match, within)):
        return False
    arguments = {each.arg for each in (*function.args.args, *function.args.kwonlyargs)}
    marks = {ast.unparse(each).partition("(")[0] for each in function.decorator_list}
    return every_test or "benchmark" in arguments or "pytest.mark.benchmark" in marks


def _functions(body: Sequence[ast.stmt], within: Parts = ()) -> Iterator[tuple[Parts, Function]]:
    """The functions of a module and of its classes, with the names of these."""
    for node in body:
        if isinstance(node, Function):
            yield within, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, (*within, node.name))


def _suites(code: Codebase) -> list[PurePosixPath]:
    """The folders that asv's configurations name."""
    found: list[PurePosixPath] = []
    for path in code.snapshot.files:
        if path.name == ASV_CONFIG:
            try:
                # Comments are allowed in it; strings that hold slashes stay.
                told = json.loads(_COMMENT.sub(lambda match: match[1] or "", code.text(path)))
                folder = PurePosixPath(str(told.get("benchmark_dir", _ASV_FOLDER)))
            except (UnresolvedError, ValueError, AttributeError, RecursionError):
                folder = PurePosixPath(_ASV_FOLDER)
            if ".." not in folder.parts and not folder.is_absolute():
                found.append(path.parent / folder)
    return found


class Calls:
    """Who calls whom, as far as names tell."""

    def __init__(self, code: Codebase) -> None:
        self._code = code
        self._module = lru_cache(_MODULES_KEPT)(lambda path: _module(code, path))
        self.of = lru_cache(None)(self._called)

    def reached(self, benchmark: Benchmark, through: int) -> dict[Target, tuple[Target, ...]]:
        """Each function that a benchmark exercises, with those between them: at most `through`.

        The benchmark itself is the first.
        """
        start: Target = (benchmark.path, benchmark.names)
        found: dict[Target, tuple[Target, ...]] = {start: ()}
        latest = [start]
        for _ in range(through + 1):
            steps = [(at, target) for at in latest for target in self.of(at) if target not in found]
            latest = []
            for at, target in steps:
                if target not in found:
                    found[target] = () if at == start else (*found[at], at)
                    latest.append(target)
        return found

    def _called(self, target: Target) -> tuple[Target, ...]:
        """The functions that one calls, each once, in order; none where its file cannot be read."""
        path, names = target
        try:
            module = self._module(path)
        except UnresolvedError:
            return ()
        references = [reference for reference, _ in benchmarked.called(module, names)]
        with suppress(UnresolvedError):  # it hands nothing to the fixture, or what cannot be followed
            references.insert(0, benchmarked.tested(module, names))
        found = [self._target(module, reference) for reference in references]
        return tuple(dict.fromkeys(each for each in found if each is not None))

    def _target(self, module: Module, reference: Reference) -> Target | None:
        """The function of the tree that a name of a module stands for."""
        try:
            place = self._split(reference.parts, module.path) if reference.imported else None
            if reference.imported and place is None:
                return None
            return self._defined(place or (module.path, reference.parts))
        except UnresolvedError:
            return None

    def _split(self, parts: Parts, beside: PurePosixPath) -> Target | None:
        """The file of the longest start of a dotted name that is a module, and what is left of it."""
        for count in range(len(parts), 0, -1):
            path = self._code.module(parts[:count], beside, "".join(parts[count : count + 1]))
            if path is not None:
                return path, parts[count:]
        return None

    def _defined(self, place: Target) -> Target | None:
        """Where a name leads, through imports and base classes, to a function or a class's initialiser."""
        waiting, seen = [place], set[Target]()
        while waiting and len(seen) < _RE_EXPORTS:
            path, names = waiting.pop(0)
            if not names or (path, names) in seen:
                continue
            seen.add((path, names))
            module = self._module(path)
            for defined in (names, (*names, "__init__")):
                if benchmarked.function_at(module.tree.body, defined) is not None:
                    return path, defined
            waiting += self._further(module, names)
        return None

    def _further(self, module: Module, names: Parts) -> Iterator[Target]:
        if names[0] in module.imports:
            dotted = [(*module.imports[names[0]], *names[1:])]
        else:
            dotted = [(*star, *names) for star in module.stars]
        for base in benchmarked.bases(module, names[:-1]) if len(names) > 1 else ():
            if base.imported:
                dotted.append((*base.parts, names[-1]))
            else:
                yield module.path, (*base.parts, names[-1])
        yield from filter(None, (self._split(each, module.path) for each in dotted))


def _module(code: Codebase, path: PurePosixPath) -> Module:
    """A file, parsed. Raises UnresolvedError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the file's author, and no one else's business
        return benchmarked.module_of(path, code.text(path))


def keywords(benchmarks: Sequence[Benchmark]) -> str:
    """What `pytest -k` takes to run these; for none, what selects nothing."""
    parts = [
        " and ".join(dict.fromkeys((benchmark.path.name, *benchmark.names)))
        for benchmark in benchmarks
        if benchmark.tool is Tool.PYTEST
    ]
    return " or ".join(f"({part})" for part in dict.fromkeys(parts)) or "nothing and not nothing"


def expression(benchmarks: Sequence[Benchmark]) -> str:
    """What `asv run --bench` takes to run these with all parameters; for none, what matches nothing."""
    parts = [re.escape(benchmark.id) for benchmark in benchmarks if benchmark.tool is Tool.ASV]
    return rf"^(?:{'|'.join(dict.fromkeys(parts))})(?:\(|$)" if parts else "(?!)"


def qualified(target: Target) -> str:
    """A function's place: `src/store.py::Store.build`."""
    return f"{target[0]}::{'.'.join(target[1])}"
