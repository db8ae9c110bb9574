"""`# ci-rlm: ignore[cpu_time] reason="..." until=2026-12-31` on the definition line of a function.

The definition line is that of the `def`, and where the head takes several lines, each of them. The
brackets name the metrics, with commas between them. A reason has to be there, in quotes if it is more
than a word; `until` is the last day on which the comment holds.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import accumulate
from pathlib import PurePosixPath

from ci_rlm import extract
from ci_rlm.acceptance.waiver import Waiver
from ci_rlm.config import METRICS
from ci_rlm.extract.remarks import Remark
from ci_rlm.flow import Change, FileChange, Means, Notice, Span, Unit

MARKER = "ci-rlm:"
_DIRECTIVE = re.compile(rf"(?:^|#\s*){MARKER}\s*(?P<word>[\w-]*)(?:\[(?P<metrics>[^\]]*)\])?(?P<rest>.*)")
_SETTING = re.compile(
    r"""\s*\b(?P<key>\w+)\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'#]+))"""
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class _Lines:
    """The lines of some spans."""

    def __init__(self, spans: Iterable[Span]) -> None:
        ordered = sorted((span.first, span.last) for span in spans)
        self._firsts = [first for first, _ in ordered]
        self._lasts = list(accumulate((last for _, last in ordered), max))

    def __contains__(self, line: int) -> bool:
        begun = bisect_right(self._firsts, line)
        return begun > 0 and line <= self._lasts[begun - 1]


def waivers(files: Iterable[FileChange], changes: Iterable[Change]) -> Iterator[Waiver | Notice]:
    """What comments in changed functions accept, one value a metric, and those that accept nothing as they
    stand. What lies outside of changed functions is told only where the change itself wrote it.
    """
    after: dict[PurePosixPath, list[Unit]] = defaultdict(list)
    for change in changes:
        if change.after is not None:
            after[change.after.path].append(change.after)
    for file in files:
        units = after[file.path]
        heads = {unit.span.first: unit for unit in units}
        lines = _Lines([*(unit.span for unit in units), *file.touched])
        for remark in extract.remarks_of(file.path, file.after, MARKER):
            directive = _DIRECTIVE.search(remark.text)
            unit = heads.get(remark.head)
            if directive is not None and (unit is not None or remark.line in lines):
                yield from _of_remark(remark, directive, str(file.path), unit)


def _of_remark(
    remark: Remark, directive: re.Match[str], source: str, unit: Unit | None
) -> Iterator[Waiver | Notice]:
    try:
        if unit is None:
            raise ValueError(_misplaced(remark))
        metrics, reason, until = _read(directive)
    except ValueError as error:
        yield Notice(Means.COMMENT, source, str(error), remark.line)
        return
    for metric in metrics:
        yield Waiver(Means.COMMENT, source, reason, source, unit.name, metric, until=until, line=remark.line)


def _misplaced(remark: Remark) -> str:
    if remark.head:
        return "accepts nothing: a nested function is judged with the one around it"
    return "accepts nothing: it stands on no definition line"


def _read(directive: re.Match[str]) -> tuple[tuple[str, ...], str, date | None]:
    """Metrics, reason and last day. Raises ValueError with one clause that says what is wrong."""
    if directive["word"] != "ignore":
        raise ValueError("accepts nothing: `ignore[METRIC]` is all that a comment can say")
    metrics = _metrics(directive["metrics"])
    settings = _settings(directive["rest"])
    reason = settings.get("reason", "").strip()
    if not reason:
        raise ValueError('accepts nothing without a reason: add reason="..."')
    return metrics, reason, _day(settings["until"]) if "until" in settings else None


def _metrics(listed: str | None) -> tuple[str, ...]:
    metrics = tuple(dict.fromkeys(metric.strip() for metric in (listed or "").split(",") if metric.strip()))
    unknown = [metric for metric in metrics if metric not in METRICS]
    if unknown or not metrics:
        wrong = f"`{unknown[0]}` is no metric" if unknown else "it names no metric"
        raise ValueError(f"accepts nothing: {wrong}; known are {', '.join(sorted(METRICS))}")
    return metrics


def _settings(rest: str) -> dict[str, str]:
    settings: dict[str, str] = {}
    place = 0
    while found := _SETTING.match(rest, place):
        key = found["key"]
        if key not in ("reason", "until") or key in settings:
            raise ValueError(f"accepts nothing: `{key}` is not understood, or is there twice")
        settings[key] = next(value for value in found.group("double", "single", "bare") if value is not None)
        place = found.end()
    left = rest[place:].strip()
    if left and not left.startswith("#"):
        raise ValueError('accepts nothing: behind the metrics stand reason="..." and until=YYYY-MM-DD alone')
    return settings


def _day(text: str) -> date:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError("accepts nothing: `until` is no date such as 2026-12-31")
