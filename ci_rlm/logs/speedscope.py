"""speedscope's file format, which py-spy, pyinstrument, memray and others write.

A file holds frames and, for each thread, a profile: stacks with a weight each (sampled), or the
moments at which frames open and close (evented). Source: `src/lib/file-format-spec.ts` of speedscope.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from ci_rlm.errors import LogError
from ci_rlm.logs import Bad, Call, Kind, Measurement, Options
from ci_rlm.logs.below import Below
from ci_rlm.logs.documents import EACH, TAKE, Keys, Wanted, select
from ci_rlm.logs.opening import to_base
from ci_rlm.logs.stacks import MOST_FRAMES, Frame, Stacks, seconds_of, summed
from ci_rlm.logs.values import at, number, text

_OUTLINE: Wanted = {
    "exporter": TAKE,
    "shared": {"frames": {EACH: TAKE}},
    "profiles": {EACH: {"type": TAKE, "unit": TAKE}},
}
_NEITHER = "the profile is neither sampled nor evented"
_DEFINING = ("pyinstrument",)
"""Exporters whose lines are those of definitions; others tell the line being executed."""
_Scale: TypeAlias = tuple[float, Kind]
_Found: TypeAlias = tuple[Keys, Any]
"""An entry of a list of a profile, behind (`profiles`, profile, list, entry)."""
_PAST: _Found = (("", sys.maxsize, "", sys.maxsize), None)
_METRICS = {Kind.CUMULATIVE: "wall_time", Kind.HIGH_WATER: "peak_memory"}


@dataclass(slots=True)
class _Outline:
    """A file without its samples."""

    exporter: str = ""
    frames: list[Frame] = field(default_factory=list)
    profiles: dict[int, dict[str, str]] = field(default_factory=dict)
    """`type` and `unit` of each."""

    def stack(self, sample: object) -> list[Frame]:
        """The frames of a sample, root first. Raises ValueError."""
        if not isinstance(sample, list):
            raise ValueError("a sample is not a list of frames")
        try:
            if not sample or min(sample) >= 0:
                return [self.frames[index] for index in sample]
        except (IndexError, TypeError):
            pass
        raise ValueError("a sample or event names no frame of the file")


def sniff(head: bytes, path: Path) -> bool:
    """Every file names its schema."""
    return head.lstrip()[:1] == b"{" and b"speedscope.app/file-format-schema" in head


def read(path: Path, options: Options) -> Iterator[Measurement | Bad]:
    """Cumulative and own time of each function over all profiles; of memray, bytes held at the peak."""
    outline = _outline(path)
    scales: dict[str, dict[int, _Scale]] = {"sampled": {}, "evented": {}}
    for index, profile in outline.profiles.items():
        try:
            scale = _scale(profile.get("unit", "none"), outline.exporter, options.unit)
            scales[profile.get("type", "")][index] = scale
        except KeyError:
            yield Bad(f"profiles[{index}]", _NEITHER)
        except ValueError as error:
            yield Bad(f"profiles[{index}]", str(error))
    defined = outline.exporter.startswith(_DEFINING)
    stacks = {kind: Stacks(defined=defined) for kind in _METRICS}
    sums = [
        each.measurements("speedscope", _METRICS[kind], kind, whole=options.whole)
        for kind, each in stacks.items()
    ]
    gatherings = [
        _sampled(path, outline, scales["sampled"], stacks),
        _evented(path, outline, scales["evented"], stacks),
    ]
    yield from summed(*gatherings, sums=chain(*sums))


def calls(path: Path, starts: Collection[str]) -> Iterator[Call | Bad]:
    """What was seen on a stack below one of the starts, in any profile."""
    outline = _outline(path)
    scales: dict[str, dict[int, _Scale]] = {"sampled": {}, "evented": {}}
    for index, profile in outline.profiles.items():
        if (form := profile.get("type", "")) in scales:
            scales[form][index] = 1.0, Kind.CUMULATIVE
        else:
            yield Bad(f"profiles[{index}]", _NEITHER)
    stacks = Below(starts, defined=outline.exporter.startswith(_DEFINING))
    by_kind = {Kind.CUMULATIVE: stacks}
    gatherings = [
        _sampled(path, outline, scales["sampled"], by_kind),
        _evented(path, outline, scales["evented"], by_kind),
    ]
    yield from summed(*gatherings, sums=stacks.calls())


def _scale(unit: str, exporter: str, interval: str) -> _Scale:
    """Seconds or bytes of 1 in a profile, and what they are of. Raises ValueError."""
    from_memray = exporter.startswith("memray")
    if unit == "none" and from_memray:
        raise ValueError("a number of allocations is no cost")
    if unit == "none":
        return seconds_of(interval), Kind.CUMULATIVE
    scale, base = to_base(1.0, unit)
    if base == "B" and not from_memray:
        raise ValueError("its exporter does not say whether bytes are a peak or a total")
    return scale, Kind.CUMULATIVE if base == "s" else Kind.HIGH_WATER


def _outline(path: Path) -> _Outline:
    """Everything but samples and events. Raises LogError if no frames are in it."""
    outline = _Outline()
    try:
        for keys, value in select(path, _OUTLINE):
            if keys[0] == "exporter":
                outline.exporter = text(value)
            elif keys[0] == "profiles":
                outline.profiles.setdefault(_profile(keys), {})[str(keys[2])] = text(value)
            elif len(outline.frames) < MOST_FRAMES:
                outline.frames.append(Frame.of(at(value, "name"), at(value, "file"), at(value, "line")))
    except LogError:
        # Reading the samples comes to the same place, and tells of it.
        if not outline.frames:
            raise
    return outline


def _sampled(
    path: Path, outline: _Outline, scales: Mapping[int, _Scale], stacks: Mapping[Kind, Stacks]
) -> Iterator[Bad]:
    """Gather the sampled profiles, by their scales."""
    for keys, sample, weight in _paired(_series(path, "samples", scales), _series(path, "weights", scales)):
        scale, kind = scales[_profile(keys)]
        try:
            stacks[kind].add(outline.stack(sample), scale * _amount(weight))
        except ValueError as error:
            yield Bad(_where(keys), str(error))


def _evented(
    path: Path, outline: _Outline, scales: Mapping[int, _Scale], stacks: Mapping[Kind, Stacks]
) -> Iterator[Bad]:
    """Gather the evented profiles, by their scales."""
    timeline: _Timeline | None = None
    for keys, event in _series(path, "events", scales):
        scale, kind = scales[_profile(keys)]
        if timeline is None or timeline.profile != _profile(keys):
            timeline = _Timeline(_profile(keys), scale, stacks[kind])
        try:
            timeline.follow(event, outline)
        except ValueError as error:
            yield Bad(_where(keys), str(error))


def _series(path: Path, name: str, profiles: Collection[int]) -> Iterator[_Found]:
    """The entries of one list of some profiles."""
    if profiles:
        for found in select(path, {"profiles": {EACH: {name: {EACH: TAKE}}}}):
            if _profile(found[0]) in profiles:
                yield found


class _Timeline:
    """The frames of one evented profile that are open."""

    def __init__(self, profile: int, scale: float, stacks: Stacks) -> None:
        self.profile = profile
        self._scale = scale
        self._stacks = stacks
        self._opened: list[Frame] = []
        self._before = 0.0
        stacks.close_all()  # what the profile before this one left open

    def follow(self, event: object, outline: _Outline) -> None:
        """Take in one event. Raises ValueError if it cannot follow the ones before."""
        moment, (frame,) = number(at(event, "at")), outline.stack([at(event, "frame")])
        if self._opened and moment < self._before:
            raise ValueError("an event is earlier than the one before it")
        opens, closes = at(event, "type") == "O", at(event, "type") == "C"
        if not opens and not (closes and self._opened[-1:] == [frame]):
            raise ValueError("an event neither opens a frame nor closes the innermost")
        self._stacks.spend(self._scale * (moment - self._before))
        self._before = moment
        if opens:
            self._stacks.open(frame)
            self._opened.append(frame)
        else:
            self._stacks.close()
            self._opened.pop()


def _paired(samples: Iterator[_Found], weights: Iterator[_Found]) -> Iterator[tuple[Keys, Any, Any]]:
    """Samples with their weights, which are in two lists of the file; None where one is missing."""
    sample, weight = next(samples, _PAST), next(weights, _PAST)
    while sample is not _PAST or weight is not _PAST:
        here, there = sample[0][1::2], weight[0][1::2]  # profile and entry
        keys = sample[0] if here <= there else weight[0]
        yield keys, sample[1] if here <= there else None, weight[1] if there <= here else None
        if here <= there:
            sample = next(samples, _PAST)
        if there <= here:
            weight = next(weights, _PAST)


def _profile(keys: Keys) -> int:
    return int(keys[1])


def _amount(weight: object) -> float:
    """A weight as it stands. Raises ValueError."""
    amount = number(weight)
    if amount < 0:
        raise ValueError("the value is not a finite number of at least 0")
    return amount


def _where(keys: Keys) -> str:
    return f"{keys[0]}[{keys[1]}].{keys[2]}[{keys[3]}]"
