"""The code of a profiled commit: where a path, a module or a name that a log tells is in its tree.

Whatever a log says is only ever looked up among the files of the tree, so nothing outside of it is
read. A guess between two of them is no answer: the reason is raised instead.
"""

from __future__ import annotations

import posixpath
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import PurePosixPath

from ci_rlm import extract
from ci_rlm.extract.outline import simple, unnumbered
from ci_rlm.flow import Unit
from ci_rlm.git.contents import judged
from ci_rlm.git.plumbing import Blobs
from ci_rlm.git.snapshot import Snapshot

MAX_BYTES = 1 << 20
"""A larger file is not read: the gate's own limit."""
_UNITS_KEPT = 1024
_TEXTS_KEPT = 64
_INSTALLED = re.compile(r"(?:^|/)(?:site|dist)-packages/")
_STANDARD = re.compile(r"/lib(?:64)?/python\d[\d.]*/|/python\d*/lib/", re.IGNORECASE)
_DEFINITION = re.compile(rb"\b(?:def|class)\s+(\w+)")
_ROOTS = ("", "src/", "lib/")
"""Where packages lie in a repository."""
_INSTALLED_ELSEWHERE = "it belongs to an installed package"
_NESTED = "it is defined inside a function, and has no cost of its own there"
_SEVERAL = "several functions of the commit have that name"
_INNER = frozenset({"<lambda>", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})


class UnresolvedError(Exception):
    """A place of a log has no function of the repository; the argument is the reason, one clause."""


class Sources:
    """Texts and units of blobs, kept while they are in use: most files are the same in most commits."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self.text = lru_cache(_TEXTS_KEPT)(self._text)
        self.units = lru_cache(_UNITS_KEPT)(self._units)
        self._defined: dict[str, frozenset[str]] = {}

    def defined(self, blob: str) -> frozenset[str]:
        """The unqualified names of the functions and classes that a blob may define."""
        if blob not in self._defined:
            names = _DEFINITION.findall(self._blobs.at_most(MAX_BYTES, blob) or b"")
            self._defined[blob] = frozenset(name.decode(errors="replace") for name in names)
        return self._defined[blob]

    def _text(self, blob: str) -> str:
        """A blob as text. Raises UnresolvedError for one that is no code."""
        content = judged(self._blobs.at_most(MAX_BYTES, blob))
        if content is None:
            raise UnresolvedError("its file is over the size limit or missing from the repository")
        if isinstance(content, str):
            raise UnresolvedError(f"its file cannot be read as code: {content}")
        return content.decode("utf-8")

    def _units(self, path: PurePosixPath, blob: str) -> tuple[Unit, ...]:
        """The units of a blob, with their context."""
        language = extract.language_of(path)
        return extract.units(path, self.text(blob), language)[0] if language else ()


class Codebase:
    """One commit's files that hold code.

    `mapped` rewrites the start of paths that logs tell: build folder → folder of the tree.
    """

    def __init__(self, snapshot: Snapshot, sources: Sources, mapped: Mapping[str, str]) -> None:
        self.snapshot = snapshot
        self._sources = sources
        self._mapped = sorted(mapped.items(), key=lambda pair: -len(pair[0]))
        self._by_file_name: dict[str, list[PurePosixPath]] = defaultdict(list)
        for path in snapshot.files:
            self._by_file_name[path.name].append(path)

    def text(self, path: PurePosixPath) -> str:
        """A file's text. Raises UnresolvedError for one that is no code."""
        return self._sources.text(self.snapshot.files[path])

    def units(self, path: PurePosixPath) -> tuple[Unit, ...]:
        """A file's units. Raises UnresolvedError for one that is no code."""
        return self._sources.units(path, self.snapshot.files[path])

    def file(self, named: str) -> PurePosixPath:
        """The file of the tree that a log's path means: of that path, or with most trailing parts in common.

        The rest of either path may be anything, except that one part in common is enough only
        where it is all that one of them has. Raises UnresolvedError if there is none, or several.
        """
        text = self._rewritten(posixpath.normpath(named.replace("\\", "/")))
        if PurePosixPath(text) in self.snapshot.files:
            return PurePosixPath(text)
        if text.startswith("<") or text in (".", "~"):
            raise UnresolvedError("it is built in, or was compiled from a string")
        installed = _INSTALLED.split(text)
        if len(installed) == 1 and _STANDARD.search(text):
            raise UnresolvedError("it belongs to the standard library")
        found = self._agreeing(PurePosixPath(installed[-1]).parts, whole=len(installed) > 1)
        return _single(
            found, _INSTALLED_ELSEWHERE if len(installed) > 1 else "no file of the commit has that path"
        )

    def _rewritten(self, text: str) -> str:
        for start, target in self._mapped:
            if text == start or text.startswith(f"{start.rstrip('/')}/"):
                return posixpath.normpath(f"{target or '.'}/{text[len(start) :]}")
        return text

    def _agreeing(self, parts: Sequence[str], *, whole: bool) -> list[PurePosixPath]:
        """The files that agree with a path in the most trailing parts: in all of its own if `whole`."""
        found: dict[int, list[PurePosixPath]] = defaultdict(list)
        for path in self._by_file_name.get(parts[-1], ()) if parts else ():
            common = _in_common(path.parts, parts)
            if common == len(parts) or (not whole and common >= min(2, len(path.parts))):
                found[common].append(path)
        return found[max(found)] if found else []

    def has_class(self, path: PurePosixPath, name: str) -> bool:
        """Whether a file may define a class of that unqualified name."""
        return re.search(rf"^\s*class\s+{re.escape(name)}\b", self.text(path), re.MULTILINE) is not None

    def may_define(self, path: PurePosixPath, name: str) -> bool:
        """Whether a file may define a function or class of that unqualified name."""
        return name in self._sources.defined(self.snapshot.files[path])

    def module(
        self, parts: Sequence[str], beside: PurePosixPath | None = None, holding: str = ""
    ) -> PurePosixPath | None:
        """The file of a module, None if it is not in the tree.

        `beside` is the file that imports it; without one, a log names it, and the name may start
        at any folder. Of several files, those that define `holding` are meant. Raises
        UnresolvedError where several files could be meant.
        """
        stem = "/".join(parts)
        names = (f"{stem}.py", f"{stem}/__init__.py")
        for root in (*_ROOTS, *([f"{beside.parent}/"] if beside else [])):
            for name in names:
                path = PurePosixPath(root + name)
                if path in self.snapshot.files:
                    return path
        if beside and parts[0] in sys.stdlib_module_names:
            return None
        found = [path for name in names for path in self._agreeing(name.split("/"), whole=True)]
        if beside:
            found = [path for path in found if not self._is_package(_root_of(path, parts))]
        if len(found) > 1 and holding:
            found = [path for path in found if self.may_define(path, holding)] or found
        return _single(found, "") if found else None

    def _is_package(self, folder: PurePosixPath) -> bool:
        """Whether a folder is imported itself, so that nothing in it is by its own name alone."""
        return folder / "__init__.py" in self.snapshot.files

    def defining(self, name: str) -> Iterator[Unit]:
        """The units of the whole tree with that unqualified name."""
        for path, blob in self.snapshot.files.items():
            if name in self._sources.defined(blob):
                yield from (unit for unit in self.units(path) if simple(unit.name) == name)


def _in_common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many trailing parts of two paths agree."""
    count = 0
    for left, right in zip(reversed(one), reversed(other), strict=False):
        if left != right:
            break
        count += 1
    return count


def _root_of(path: PurePosixPath, parts: Sequence[str]) -> PurePosixPath:
    """The folder that the file of a module is imported from."""
    depth = len(parts) + (path.name == "__init__.py")
    return PurePosixPath(*path.parts[:-depth])


def _single(found: Sequence[PurePosixPath], none: str) -> PurePosixPath:
    if not found:
        raise UnresolvedError(none)
    if len(found) > 1:
        raise UnresolvedError("several files of the commit could be meant")
    return found[0]


def unit_at(units: Sequence[Unit], line: int, symbol: str) -> Unit:
    """The innermost unit around a line; its name must be the symbol's, if there is one.

    Raises UnresolvedError: the cost of a nested function is not that of the unit around it.
    """
    around = [unit for unit in units if unit.span.first <= line <= unit.span.last]
    if not around:
        raise UnresolvedError("no function of the commit is at that line")
    unit = min(around, key=lambda unit: unit.span.last - unit.span.first)
    if symbol and simple(unit.name) != simple(symbol):
        nested = symbol in _INNER or re.search(rf"\bdef\s+{re.escape(simple(symbol))}\b", unit.source)
        raise UnresolvedError(_NESTED if nested else "at that line of the commit is another function")
    return unit


def unit_named(units: Sequence[Unit], symbol: str) -> Unit | None:
    """The unit with a qualified name, or else with an unqualified one; None if there is none.

    A symbol may be qualified further than the unit, by its module. Raises UnresolvedError if
    several units fit.
    """
    if ".<locals>." in symbol and not any(unit.name == symbol for unit in units):
        raise UnresolvedError(_NESTED)
    exact = [unit for unit in units if unnumbered(unit.name) == symbol]
    close = [unit for unit in units if _answers(unnumbered(unit.name), symbol)]
    return single_unit(exact or close)


def single_unit(found: Sequence[Unit]) -> Unit | None:
    """The only one, or None. Raises UnresolvedError for several."""
    if len(found) > 1:
        raise UnresolvedError(_SEVERAL)
    return found[0] if found else None


def _answers(name: str, symbol: str) -> bool:
    """Whether a unit's name is what a symbol means: `build` and `shop.Store.build` mean `Store.build`."""
    return f".{symbol}".endswith(f".{name}") or f".{name}".endswith(f".{symbol}")
