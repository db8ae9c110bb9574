"""From records to courses: what each function, and all of them together, cost from commit to commit.

A check tells of the functions that a commit changes. Between two of its changes a function costs what it
was last predicted to cost; before the first, what its earlier version was. So the sum over
all functions moves with changes alone, and not with which functions a check happened to see.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

from ci_rlm.history.records import Entry, Record

Key = tuple[str, str]
"""Path and qualified name of a function."""


_BEFORE = -1
"""The number of all that came before the first commit."""


class Mark(IntEnum):
    """What a check said of a point; of several the loudest."""

    NONE = 0
    ACCEPTED = 1
    REGRESSED = 2


@dataclass(frozen=True, slots=True)
class Point:
    """One commit of a course."""

    commit: str
    committed: int
    value: float | None
    """In the course's unit; None where the function is not there, or nothing is predicted yet."""
    mark: Mark


@dataclass(frozen=True, slots=True)
class Course:
    """One metric of one function, or of all together, from the first commit to the last."""

    path: str
    """Empty for the sum over all functions, as the name is."""
    name: str
    metric: str
    unit: str
    points: tuple[Point, ...]
    functions: int = 1
    """How many are summed up."""

    @property
    def ends(self) -> tuple[float, float] | None:
        """The first and the last value; None without any."""
        known = [point.value for point in self.points if point.value is not None]
        return (known[0], known[-1]) if known else None

    @property
    def ratio(self) -> float:
        """Last ÷ first; 1 where that says nothing."""
        ends = self.ends
        return ends[1] / ends[0] if ends and ends[0] > 0 else 1.0

    @property
    def marked(self) -> tuple[Point, ...]:
        """Commits at which a regression was called."""
        return tuple(point for point in self.points if point.mark)


@dataclass(frozen=True, slots=True)
class Trend:
    """The courses of one model's predictions."""

    model: str
    """sha256 of its weights."""
    commits: int
    functions: tuple[Course, ...]
    """The largest change first."""
    sums: tuple[Course, ...]
    """One a metric."""
    left_out: int
    """Records of other models."""


@dataclass(slots=True)
class _Line:
    """The course of one metric of one function, while it is put together."""

    unit: str
    values: dict[int, float | None] = field(default_factory=dict)
    """By number of the commit, or `_BEFORE`: what holds from there on."""
    marks: dict[int, Mark] = field(default_factory=dict)


def every_course(course: Course) -> bool:
    """Want each course: the default of `trend_of`."""
    return True


def trend_of(
    records: Sequence[Record],
    model: str = "",
    wanted: Callable[[Course], bool] = every_course,
    last: int | None = None,
) -> Trend:
    """The courses in records, by the time of their commits; of the latest `last` commits, or of all.

    `model` begins the digest of the one whose predictions are meant; by default it is the latest
    record's. Of several records of a commit, a later one continues an earlier one.
    """
    ordered = sorted(records, key=lambda record: record.committed)
    digest = next((record.model for record in reversed(ordered) if record.model.startswith(model)), "")
    kept = [record for record in ordered if record.model == digest]
    times = {record.commit: record.committed for record in kept}
    found = [course for course in _courses(kept, times) if wanted(course)]
    if last is not None:
        found = [replace(course, points=course.points[-last:]) for course in found]
    known = sorted((course for course in found if course.ends), key=_largest_change_first)
    commits = len(times) if last is None else min(last, len(times))
    return Trend(digest, commits, tuple(known), tuple(_sums(known)), len(records) - len(kept))


def _courses(records: Sequence[Record], times: Mapping[str, int]) -> Iterator[Course]:
    numbers = {commit: number for number, commit in enumerate(times)}
    lines: dict[tuple[Key, str], _Line] = {}
    for record in records:
        for entry in record.entries:
            _follow(entry, numbers[record.commit], lines)
    for (key, metric), line in lines.items():
        yield _course(key, metric, line, tuple(times.items()))


def _follow(entry: Entry, number: int, lines: dict[tuple[Key, str], _Line]) -> None:
    """Continue the line of a function with what a check says of it, or begin one."""
    key: Key = (entry.path, entry.name)
    before = None if entry.before_path is None else (entry.before_path, entry.before_name or "")
    line = lines.pop((before or key, entry.metric), None) or _Line(entry.unit)
    lines[key, entry.metric] = line
    unknown = all(value is None for value in line.values.values())
    if before is not None and unknown:
        line.values[_BEFORE] = entry.before
    if entry.outcome == "removed":
        line.values[number] = None
    elif entry.after is not None:
        line.values[number] = entry.after
    if entry.outcome == "regressed":
        mark = Mark.ACCEPTED if entry.accepted else Mark.REGRESSED
        line.marks[number] = max(mark, line.marks.get(number, Mark.NONE))


def _course(key: Key, metric: str, line: _Line, commits: Sequence[tuple[str, int]]) -> Course:
    value = line.values.get(_BEFORE)
    points: list[Point] = []
    for number, (commit, committed) in enumerate(commits):
        value = line.values.get(number, value)
        points.append(Point(commit, committed, value, line.marks.get(number, Mark.NONE)))
    return Course(*key, metric, line.unit, tuple(points))


def _sums(courses: Sequence[Course]) -> Iterator[Course]:
    """All functions together, a course for each metric."""
    for metric in sorted({course.metric for course in courses}):
        parts = [course for course in courses if course.metric == metric]
        points = tuple(map(_sum, zip(*(part.points for part in parts), strict=True)))
        yield Course("", "", metric, parts[0].unit, points, len(parts))


def _sum(points: Sequence[Point]) -> Point:
    known = [point.value for point in points if point.value is not None]
    mark = max(point.mark for point in points)
    return Point(points[0].commit, points[0].committed, math.fsum(known) if known else None, mark)


def _largest_change_first(course: Course) -> tuple[float, str, str, str]:
    ratio = course.ratio
    change = abs(math.log(ratio)) if ratio > 0 else math.inf
    return -change, course.path, course.name, course.metric
