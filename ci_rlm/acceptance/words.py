"""What commits and pull requests accept: trailers of the range, and a label with the reason beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ci_rlm.acceptance.waiver import Waiver
from ci_rlm.config import METRICS
from ci_rlm.flow import Means, Notice
from ci_rlm.trailers import KEY, Trailer, parse

_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
"""What a description's template says to its author."""
_LINE = re.compile(rf"^[ ]{{0,3}}{KEY}:[ \t]*(.*)$", re.IGNORECASE | re.MULTILINE)


def of_commits(trailers: Iterable[tuple[str, str]]) -> Iterator[Waiver | Notice]:
    """What the trailers of a range accept: (full commit id, text behind `Perf-Accepted:`) of each."""
    for commit, text in trailers:
        yield from _targeted(Means.TRAILER, commit, text)


def of_label(label: str, description: str) -> Iterator[Waiver | Notice]:
    """What a label accepts, with the reason that the pull request's description gives.

    A line `Perf-Accepted: why` there accepts every cost of the change; with a function in front, as in a
    trailer, that function's alone.
    """
    plain = _HIDDEN.sub("", description.replace("\r\n", "\n"))
    reasons = [line.strip() for line in _LINE.findall(plain) if line.strip()]
    if not reasons:
        yield Notice(
            Means.LABEL,
            label,
            f"accepts nothing without a reason: add a line `{KEY}: why` to the pull request's description",
        )
    for reason in reasons:
        if "::" in reason and "|" in reason:
            yield from _targeted(Means.LABEL, label, reason)
        else:
            yield Waiver(Means.LABEL, label, reason)


def _targeted(means: Means, source: str, text: str) -> Iterator[Waiver | Notice]:
    try:
        trailer = _known(parse(text))
    except ValueError as error:
        yield Notice(means, source, f"accepts nothing: `{text}` {error}")
        return
    for metric in trailer.metrics:
        yield Waiver(means, source, trailer.reason, trailer.path, trailer.name, metric)


def _known(trailer: Trailer) -> Trailer:
    unknown = [metric for metric in trailer.metrics if metric not in METRICS]
    if unknown:
        raise ValueError(f"names no metric; known are {', '.join(sorted(METRICS))}")
    return trailer
