"""What functions weigh in whole runs: shares of their time, from profiles, for `ci_rlm/weights.py`.

A share is the time with a function on the stack, all that it calls included, divided by the time of all
stacks; over several profiles, of their sums. A function that its profile names and the repository does
not hold, a builtin or a library's, has no share, but its time counts.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from ci_rlm.logs import Bad, Kind, Measurement
from ci_rlm.training.resolve import Resolver, Unresolved
from ci_rlm.weights import VERSION

_DIGITS = 6


@dataclass(slots=True)
class Tally:
    """What profiles told so far."""

    total_s: float = 0.0
    """Of all stacks."""
    seconds: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    """By path and qualified name at the profiled commit."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Entries that lead to no function, by reason."""

    def add(self, entries: Iterable[Measurement | Bad], resolver: Resolver, commit: str) -> None:
        """Add the entries of a profile, read with `Options.whole`, of `commit` if they tell no other."""
        for entry in entries:
            if isinstance(entry, Bad):
                self.dropped[entry.reason] += 1
            elif entry.kind is not Kind.SELF:
                self._add(entry, resolver, entry.commit or commit)

    def _add(self, entry: Measurement, resolver: Resolver, commit: str) -> None:
        inclusive_s = entry.value * entry.n if entry.kind is Kind.PER_CALL else entry.value
        if not entry.place.symbol:
            self.total_s += inclusive_s
            return
        found = resolver.resolve(entry.place, entry.language, commit)
        if isinstance(found, Unresolved):
            self.dropped[found.reason] += 1
        else:
            self.seconds[str(found.unit.path), found.unit.name] += inclusive_s

    def shares(self) -> list[tuple[str, str, float]]:
        """(path, name, share), the largest first; never over 1, whatever rounding and recursion did."""
        shares = (
            (path, name, min(seconds / self.total_s, 1.0)) for (path, name), seconds in self.seconds.items()
        )
        return sorted(shares, key=lambda each: (-each[2], each[:2])) if self.total_s else []


def text(tally: Tally, commit: str) -> bytes:
    """The file that a check reads; in ASCII."""
    functions = [
        {"path": path, "name": name, "share": float(f"{share:.{_DIGITS}g}")}
        for path, name, share in tally.shares()
    ]
    seconds = float(f"{tally.total_s:.{_DIGITS}g}")
    document = {"version": VERSION, "commit": commit, "seconds": seconds, "functions": functions}
    return (json.dumps(document, indent=1, ensure_ascii=True) + "\n").encode()
