"""Measured places to the code that was measured: as it stood at the profiled commit.

A log names a function by file and line, by name, by the test that benchmarks it or by a piece of
source. Each leads to one unit of the commit's tree, cut out and written as the gate would show it
to a model, or to one clause that says why it does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import PurePosixPath

from ci_rlm import extract, prompt
from ci_rlm.errors import GitError
from ci_rlm.extract.outline import simple, unnumbered
from ci_rlm.flow import Kind, Space, Span, Unit
from ci_rlm.git import Repository
from ci_rlm.git.plumbing import Blobs
from ci_rlm.git.snapshot import Snapshot, snapshot_of
from ci_rlm.logs import Place
from ci_rlm.training import benchmarked
from ci_rlm.training.benchmarked import Module, Parts, Reference
from ci_rlm.training.codebase import (
    MAX_BYTES,
    Codebase,
    Sources,
    UnresolvedError,
    single_unit,
    unit_at,
    unit_named,
)

TRITON = "triton"
_PLAIN = Space("own", "", tuple(Kind), (), "", None)
_COMMITS_KEPT = 8
_PLACES_KEPT = 1 << 15
_SOURCES_KEPT = 64
_RE_EXPORTS = 1000
"""Files that a name is followed through, from one import to the next: networkx names 300 with stars."""
_MODULES_KEPT = 2000
_LONGEST_NAME = 1000
_MOST_PARTS = 40
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_SPECIALISED = re.compile(r"_(?:\d+[dec]*)+$")
"""What older Tritons append to a kernel's name: which arguments are constants or divisible by 16."""
_ELSEWHERE = "it is not of this repository"
_CLASS = "it is the body of a class, which runs when that is defined"
_NO_FUNCTION = "the commit defines no function of that name"


@dataclass(frozen=True, slots=True)
class Resolved:
    """The code that was measured."""

    unit: Unit
    text: str
    """Canonical, with its context: what a model reads."""
    commit: str
    """A full id."""
    committed: int
    """Seconds since 1970."""

    @property
    def language(self) -> str:
        """As measured rows name it: kernels apart from what else is written in Python."""
        return TRITON if self.unit.kind is Kind.TRITON_KERNEL else self.unit.language

    @property
    def problem(self) -> str:
        """What all versions of the function have in common."""
        return f"{self.unit.path}::{unnumbered(self.unit.name)}"


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A place without code in the repository."""

    reason: str
    """One clause, the same for all places with the same trouble."""


class Resolver:
    """Finds code in one repository. `mapped` rewrites the start of paths that logs tell."""

    def __init__(self, repository: Repository, blobs: Blobs, mapped: Mapping[str, str] | None = None) -> None:
        self._repository = repository
        self._sources = Sources(blobs)
        self._mapped = mapped or {}
        self._search = lru_cache(_COMMITS_KEPT)(self._read)
        self._at_place = lru_cache(_PLACES_KEPT)(self._resolve)
        self._of_source = lru_cache(_SOURCES_KEPT)(self._resolve)

    def resolve(self, place: Place, language: str, commit: str) -> Resolved | Unresolved:
        """The code at a place of a commit; a log's places recur, so the latest answers are kept."""
        return (self._of_source if place.source else self._at_place)(place, language, commit)

    def _resolve(self, place: Place, language: str, commit: str) -> Resolved | Unresolved:
        try:
            _refuse_oversize(place)
            search = self._search(commit)
            unit = search.unit(place, language)
        except UnresolvedError as error:
            return Unresolved(str(error))
        text = prompt.prompt_of(unit, _PLAIN).text
        return Resolved(unit, text, search.snapshot.commit, search.snapshot.committed)

    def _read(self, commit: str) -> _Search:
        if not _COMMIT.fullmatch(commit):
            raise UnresolvedError("the log's commit is no commit id")
        try:
            snapshot = snapshot_of(self._repository, commit, lambda path: bool(extract.language_of(path)))
        except GitError as error:
            raise UnresolvedError(
                "the profiled commit is not in this clone: fetch more of its history"
            ) from error
        return _Search(Codebase(snapshot, self._sources, self._mapped))


def _refuse_oversize(place: Place) -> None:
    long = max(map(len, (place.symbol, place.file, place.test))) > _LONGEST_NAME
    if long or place.symbol.count(".") >= _MOST_PARTS or len(place.source) > MAX_BYTES:
        raise UnresolvedError("its name or source is too long to be one")


class _Search:
    """The ways to a unit in the code of one commit. Each raises UnresolvedError."""

    def __init__(self, code: Codebase) -> None:
        self._code = code
        self._imports = lru_cache(_MODULES_KEPT)(self._imports_of)

    @property
    def snapshot(self) -> Snapshot:
        """What is searched."""
        return self._code.snapshot

    def unit(self, place: Place, language: str) -> Unit:
        """The unit at a place."""
        if language == TRITON:
            return self._kernel(place.symbol)
        if language not in extract.LANGUAGES.values():
            raise UnresolvedError("no functions are cut from its language")
        if place.source:
            return self._of_source(place.symbol, place.source)
        if place.test and not place.symbol:
            return self._of_test(place.test)
        if place.file:
            return self._in_file(self._code.file(place.file), place.line, place.symbol)
        return self._named(place.symbol)

    def _in_file(self, path: PurePosixPath, line: int, symbol: str) -> Unit:
        units = self._code.units(path)
        if line > 0:
            return self._at_line(path, line, symbol)
        unit = unit_named(units, symbol) if symbol else None
        if unit is None:
            raise UnresolvedError("its file defines no function of that name at the commit")
        return unit

    def _at_line(self, path: PurePosixPath, line: int, symbol: str) -> Unit:
        try:
            return unit_at(self._code.units(path), line, symbol)
        except UnresolvedError:
            if symbol and self._code.has_class(path, simple(symbol)):
                raise UnresolvedError(_CLASS) from None
            raise

    def _kernel(self, symbol: str) -> Unit:
        """A Triton kernel of the tree by its name alone: traces tell no file."""
        names = {symbol, _SPECIALISED.sub("", symbol)}
        found = [unit for name in names for unit in self._code.defining(name)]
        kernel = single_unit([unit for unit in found if unit.kind is Kind.TRITON_KERNEL])
        if kernel is None:
            raise UnresolvedError("the commit defines no Triton kernel of that name")
        return kernel

    def _named(self, symbol: str) -> Unit:
        """By `package.module:function`, `file.py::function`, a dotted name, or a function's own name."""
        for separator, lead in (("::", self._code.file), (":", self._module)):
            head, found, name = symbol.partition(separator)
            if found and head and name:
                return self._in_file(lead(head), 0, name.replace("::", "."))
        if not symbol:
            raise UnresolvedError("the log does not say which function it is")
        parts = tuple(symbol.split("."))
        if len(parts) > 1 and (split := self._split(parts)):
            return self._function(*split)
        unit = unit_named(tuple(self._code.defining(simple(symbol))), symbol)
        if unit is None:
            raise UnresolvedError(_NO_FUNCTION)
        return unit

    def _module(self, dotted: str) -> PurePosixPath:
        path = self._code.module(dotted.split("."))
        if path is None:
            raise UnresolvedError(_ELSEWHERE)
        return path

    def _of_test(self, node: str) -> Unit:
        """What the test of a pytest node id benchmarks: `tests/test_a.py::TestB::test_c[1-x]`."""
        file, _, rest = node.partition("::")
        name, _, case = rest.partition("[")
        names = name.split("::")
        module = self._module_at(self._code.file(file))
        return self._referred(module, benchmarked.tested(module, names, case.removesuffix("]")))

    def _of_source(self, symbol: str, source: str) -> Unit:
        """What an asv benchmark measures: the one function that it calls once, or else itself.

        Its source holds no imports, so these are read from the file that it came from, found by its
        name. The commit may have that file otherwise, or not at all: the suite of one commit also
        measures others. What the log holds is what ran.
        """
        try:
            split = self._split(tuple(symbol.split(".")))
        except UnresolvedError:  # several modules of that name, and none that has the benchmark
            split = None
        if split is None or not split[1]:
            return _alone(symbol, source)
        path, names = split
        file = self._module_at(path)
        module = replace(file, tree=benchmarked.parsed(source))
        found = [
            (unit, once)
            for reference, once in benchmarked.called(module, names)
            if (unit := self._attempt(module, reference)) is not None
        ]
        if len(found) == 1 and found[0][1] and found[0][0].path != path:
            return found[0][0]
        same = benchmarked.same_function(file.tree, module.tree, names)
        return (same and unit_named(self._code.units(path), ".".join(names))) or _alone(symbol, source)

    def _attempt(self, module: Module, reference: Reference) -> Unit | None:
        try:
            return self._referred(module, reference)
        except UnresolvedError:
            return None

    def _referred(self, module: Module, reference: Reference) -> Unit:
        """The unit that a name of a module stands for."""
        if not reference.imported:
            return self._function(module.path, reference.parts)
        split = self._split(reference.parts, module.path)
        if split is None:
            raise UnresolvedError(_ELSEWHERE)
        return self._function(*split)

    def _split(self, parts: Parts, beside: PurePosixPath | None = None) -> tuple[PurePosixPath, Parts] | None:
        """The file of the longest start of a dotted name that is a module, and what is left of it.

        `beside` is the file that imports it, None if a log says the name.
        """
        for count in range(len(parts), 0, -1):
            path = self._code.module(parts[:count], beside, "".join(parts[count : count + 1]))
            if path is not None:
                return path, parts[count:]
        return None

    def _function(self, path: PurePosixPath, names: Parts) -> Unit:
        """The function or class that a module has under a name, through what it imports itself."""
        waiting, seen = [(path, names)], set[tuple[PurePosixPath, Parts]]()
        while waiting and len(seen) < _RE_EXPORTS:
            path, names = waiting.pop(0)
            if (path, names) in seen or not names:
                continue
            seen.add((path, names))
            if unit := self._defined(path, names):
                return unit
            waiting += self._further(path, names)
        raise UnresolvedError(_NO_FUNCTION)

    def _further(self, path: PurePosixPath, names: Parts) -> Iterator[tuple[PurePosixPath, Parts]]:
        """Where a name of a module may come from: its own imports, or a class that its class derives from."""
        imports, stars = self._imports(path)
        if names[0] in imports:
            targets = [(*imports[names[0]], *names[1:])]
        else:
            targets = [(*star, *names) for star in stars]
        for base in benchmarked.bases(self._module_at(path), names[:-1]) if len(names) > 1 else ():
            if base.imported:
                targets.append((*base.parts, names[-1]))
            else:
                yield path, (*base.parts, names[-1])
        yield from filter(None, (self._split(target, path) for target in targets))

    def _module_at(self, path: PurePosixPath) -> Module:
        return benchmarked.module_of(path, self._code.text(path))

    def _imports_of(self, path: PurePosixPath) -> tuple[Mapping[str, Parts], tuple[Parts, ...]]:
        """The imports of a file without its syntax tree, which is large."""
        module = self._module_at(path)
        return module.imports, module.stars

    def _defined(self, path: PurePosixPath, names: Parts) -> Unit | None:
        """The function of a name in a file, or the initialiser of the class of that name."""
        if not self._code.may_define(path, names[-1]):
            return None
        units = self._code.units(path)
        for name in (".".join(names), ".".join((*names, "__init__"))):
            if unit := single_unit([unit for unit in units if unnumbered(unit.name) == name]):
                return unit
        return None


def _alone(symbol: str, source: str) -> Unit:
    """A benchmark as a unit of its own, from the source that the log holds, if possible without set-up."""
    tree = benchmarked.parsed(source)
    parts = re.findall(r"\w+", symbol) or ["benchmark"]
    within = 2 if benchmarked.function_at(tree.body, parts[-2:]) else 1
    file = PurePosixPath("/".join(parts[:-within] or ["benchmark"]) + ".py")
    if unit := unit_named(tuple(extract.units(file, source, "python")[0]), ".".join(parts[-within:])):
        return unit
    lines = Span(1, source.count("\n") + 1)
    return Unit(file, ".".join(parts[-within:]), Kind.FUNCTION, "python", lines, source)
