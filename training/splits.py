"""Which problems are trained on, calibrated on and tested on: by name, stable under additions."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ci_rlm.training.sources import SOURCES

SPLITS = {"test": range(10), "calibration": range(10, 20)}
"""Hundredths of the problems, by hash of the name, so that additions move no problem."""
HELD_OUT = ("test", "calibration", "train")
"""The splits, the most held-out one first."""


def split_of(problem: str) -> str:
    """The split of a problem: a function of its name alone."""
    place = int.from_bytes(hashlib.sha256(problem.encode()).digest()[:8], "big") % 100
    return next((name for name, places in SPLITS.items() if place in places), "train")


def splits_of(problems: Mapping[str, str], same: Iterable[Sequence[str]]) -> dict[str, str]:
    """The split of every problem, given its source, such that no text is on two sides.

    Each of `same` names problems that have a program text in common: they are one problem under
    several names. Such a group goes where its members of the oldest source go; where these
    differ, to the most held-out split. So problems of a source that is added follow those that
    were there, and within a source an addition can move a problem out of training but never
    into it.
    """
    age = {source: place for place, source in enumerate(SOURCES)}
    found = {problem: split_of(problem) for problem in problems}
    for group in _united(same):
        oldest = min((age.get(problems[problem], len(age)), problems[problem]) for problem in group)
        heads = [p for p in group if (age.get(problems[p], len(age)), problems[p]) == oldest]
        split = min((split_of(head) for head in heads), key=HELD_OUT.index)
        found |= dict.fromkeys(group, split)
    return found


def _united(same: Iterable[Sequence[str]]) -> list[list[str]]:
    """Groups of names that hang together, each sorted."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = name = parent[parent[name]]
        return name

    for first, *others in same:
        for other in others:
            parent[root(other)] = root(first)
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(parent):
        groups[root(name)].append(name)
    return list(groups.values())
