"""One person's word on a cost, in whatever way it was given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hashlib import sha256

from ci_rlm.extract.canonical import canonical
from ci_rlm.flow import Means, Unit, Verdict


@dataclass(frozen=True, slots=True)
class Waiver:
    """Says of which verdicts the cost is wanted."""

    means: Means
    source: str
    """Where it stands: a file, a full commit id, or a label's name."""
    reason: str
    path: str = ""
    """Of the function, after the change; empty for every function."""
    name: str = ""
    """Qualified; empty for every function."""
    metric: str = ""
    """Empty for every metric."""
    body: str = ""
    """`body_of` the function; empty for any."""
    until: date | None = None
    """The last day on which it holds."""
    line: int = 0
    """In its file, from 1; 0 where there is none."""

    @property
    def target(self) -> str:
        """`src/a.py::f [cpu_time]`."""
        return f"{self.path}::{self.name} [{self.metric}]"

    def covers(self, verdict: Verdict) -> bool:
        """Whether the verdict is on what it accepts. A removed function costs nothing."""
        unit = verdict.comparison.change.after
        if unit is None or self.metric not in ("", verdict.comparison.metric.name):
            return False
        named = self.path in ("", str(unit.path)) and self.name in ("", unit.name)
        return named and self.fits(unit)

    def fits(self, unit: Unit) -> bool:
        """Whether the function it names still has the body that was accepted."""
        return self.body in ("", body_of(unit))

    def expired(self, today: date | None) -> bool:
        """Whether its last day is over; without a date none is."""
        return self.until is not None and today is not None and self.until < today


def body_of(unit: Unit) -> str:
    """sha256 of the canonical text, which comments and layout leave as it is."""
    return _digest(unit.source, unit.language)


@lru_cache(maxsize=1 << 10)
def _digest(source: str, language: str) -> str:
    return sha256(canonical(source, language).encode("utf-8", "surrogatepass")).hexdigest()
