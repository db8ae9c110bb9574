"""What one version of one file holds: the units that parse, and the places that do not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from ci_rlm.flow import Snippet, Unit

_DEFINED = re.compile(r"\bdef\s+(\w+)")


@dataclass(frozen=True, slots=True)
class Broken:
    """A stretch that does not parse, or whose enclosing scope is lost to one that does not."""

    name: str
    """The definition's qualified name, or empty outside of any definition."""
    line: int
    """The first line at fault, counted from 1."""
    source: str


@dataclass(frozen=True, slots=True)
class Outline:
    """The units of one text in source order, names distinct, context left out until asked for."""

    units: tuple[Unit, ...]
    broken: tuple[Broken, ...]
    context: Callable[[Unit], tuple[Snippet, ...]]
    """What a unit of this outline leans on, most relevant first."""

    def with_context(self, unit: Unit) -> Unit:
        """The unit with its context filled in: work that only changed units are worth."""
        return replace(unit, context=self.context(unit))

    def hidden(self) -> dict[str, int]:
        """Unqualified names of the definitions that a broken stretch may hold, with its line."""
        return {name: place.line for place in self.broken for name in _DEFINED.findall(place.source)}


def simple(name: str) -> str:
    """The last part of a qualified name: `build` for `Store.build#2`."""
    return unnumbered(name).rpartition(".")[2]


def unnumbered(name: str) -> str:
    """A name without the `#2` that tells a repeated definition from the first."""
    return name.partition("#")[0]
