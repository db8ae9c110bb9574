"""What tools for code review list: each regression and each breached budget, with its place in the code.

Those that someone accepts come last: a tool may show them, and none takes them for a problem.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from ci_rlm.render import view
from ci_rlm.render.document import Document, Row
from ci_rlm.render.text import printable


@dataclass(frozen=True, slots=True)
class Finding:
    """One row that a reviewer should see; its texts cannot steer a terminal, nor span two lines."""

    row: Row
    path: str
    first: int
    last: int
    """Lines to look at, from 1, both included: of the hunk that moves the prediction most, or else of
    the function."""
    title: str
    """`peak memory: regressed (fail)`."""
    message: str
    """One sentence, without its stop."""
    failing: bool
    """It fails the gate, so it is an error; any other is a warning."""
    accepted: bool
    """Someone accepts it, so it is neither."""
    fingerprint: str
    """Of path, qualified name and metric: the same wherever in its file the function moves."""

    @property
    def check(self) -> str:
        """The rule that was broken: `ci-rlm/peak_memory`."""
        return rule_of(self.row["metric"])


def rule_of(metric: str) -> str:
    """The name of a metric's rule, unlike that of any other tool."""
    return f"ci-rlm/{printable(metric)}"


def findings(document: Document) -> Iterator[Finding]:
    """In the order of the rows, worst first; then what is accepted."""
    for wanted in (view.alarming, view.accepted):
        yield from (_finding(row, document) for row in document["rows"] if wanted(row))


def fails(row: Row, document: Document) -> bool:
    """The row fails the gate. In advisory mode none does: tools turn a build red over an error."""
    return document["mode"] == "enforce" and row["level"] == "fail"


def _finding(row: Row, document: Document) -> Finding:
    entry, (first, last) = view.entry(row), view.lines_of(row)
    named = "\0".join(("ci-rlm", row["path"], row["name"], row["metric"]))
    return Finding(
        row=row,
        path=printable(row["path"]),
        first=first,
        last=last,
        title=printable(f"{entry.metric}: {entry.verdict}"),
        message=printable(view.sentence(entry)),
        failing=fails(row, document),
        accepted=view.accepted(row),
        fingerprint=sha256(named.encode()).hexdigest(),
    )
