"""GPU kernels as profilers name them, and their launches as one latency each."""

from __future__ import annotations

import re
import statistics
from array import array
from collections.abc import Iterator

from ci_rlm.logs import Kind, Measurement, Place

_TRITON_SUFFIX = re.compile(r"(?<=.)_0(?=[^_]*[cde])[cde]*1[0-9cde]*$")
"""Triton before 3.0 appends which arguments it specialised on: `add_kernel_0d1d2d3de`."""
_WORD = re.compile(r"\w+\Z", re.ASCII)


def kernel(name: str) -> tuple[str, str]:
    """(function, language) of a kernel: demangled names are C++ of CUDA, bare ones may be Triton's.

    `void foo<(int)21, true>(char const*, int)` is `foo`; `ns::(anonymous namespace)::bar(int)` is `ns::bar`.
    """
    if _WORD.match(name):
        return _TRITON_SUFFIX.sub("", name), "triton"
    plain = _without_brackets(name.replace("(anonymous namespace)::", "")).split("(")[0]
    return plain.split()[-1] if plain.split() else name, "cuda"


def _without_brackets(name: str) -> str:
    """A C++ name without template arguments."""
    depth, kept = 0, []
    for letter in name:
        depth += letter == "<"
        if not depth:
            kept.append(letter)
        depth -= letter == ">" and depth > 0
    return "".join(kept)


class Launches:
    """Durations by kernel and configuration; 8 bytes each, and so a small part of any log."""

    def __init__(self, origin: str, hardware: str = "") -> None:
        self._origin = origin
        self._hardware = hardware
        self._seconds: dict[tuple[str, tuple[tuple[str, str], ...]], array[float]] = {}

    def add(self, name: str, seconds: float, params: tuple[tuple[str, str], ...] = ()) -> None:
        """One launch, in the log's order. Raises ValueError for one without a name."""
        _check(name)
        self._seconds.setdefault((name, params), array("d")).append(seconds)

    def measurements(self) -> Iterator[Measurement]:
        """The median latency of each; the first of several launches, which warms up, is left out."""
        for (name, params), seconds in self._seconds.items():
            timed = seconds[1:] or seconds
            yield latency(
                name,
                statistics.median(timed),
                self._origin,
                n=len(timed),
                params=params,
                hardware=self._hardware,
            )


def latency(
    name: str,
    seconds: float,
    origin: str,
    *,
    n: int,
    params: tuple[tuple[str, str], ...] = (),
    hardware: str = "",
) -> Measurement:
    """A kernel's latency by the name that a profiler gives it. Raises ValueError for an empty name."""
    _check(name)
    symbol, language = kernel(name)
    place = Place(symbol=symbol)
    kind = Kind.PER_CALL
    return Measurement(
        place, "latency", kind, seconds, origin, language, n=n, params=params, hardware=hardware
    )


def _check(name: str) -> None:
    if not name.strip():
        raise ValueError("the kernel has no name")
