"""What a function weighs: its share of a whole run's time, from a profile, and what that makes of limits.

A function with the share s that takes r times as long makes the whole run s * (r - 1) slower, as long as
all else costs what it did (Amdahl's law, with the enhanced part slowed down). So a limit w of the whole
run is one of w / s for the function.

Where that is stricter than the function's own limit, it takes its place. Where it is laxer, what is over
the function's own limit is still called a regression, but as a note: it has a level only if the lower
end of its interval, which holds with 95%, is past the limit of the whole run. Other metrics than times
have no weight, and a budget holds whatever a function weighs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ci_rlm.errors import UsageError
from ci_rlm.flow import Change, Level, Limits, Metric, Outcome, Verdict, Weight

VERSION = 1
MAX_BYTES = 8 * 1_048_576
LEAST_SHARE = 1e-9
"""A smaller share is read as this: nothing is divided by zero."""
_HINT = "make it anew with ci-rlm weigh"


@dataclass(frozen=True, slots=True)
class Weights:
    """The shares of functions, and the limits of the whole run. Without a share nothing is weighed."""

    shares: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """By path and qualified name, at the profiled commit."""
    warn: float = 0.01
    """Relative increase of the whole run that is worth a warning."""
    fail: float = 0.03

    def of(self, change: Change, metric: Metric) -> Weight | None:
        """What a change's function weighs: by its name before the change, which the profile knows."""
        if metric.unit != "s":
            return None
        for unit in (change.before, change.after):
            share = self.shares.get((str(unit.path), unit.name)) if unit else None
            if share is not None:
                share = max(share, LEAST_SHARE)
                return Weight(share, self.warn / share, self.fail / share)
        return None


def limits_with(limits: Limits, weight: Weight | None) -> Limits:
    """The limits that a comparison is made with: the stricter of the function's and the whole run's."""
    if weight is None:
        return limits
    return replace(limits, warn=min(limits.warn, weight.warn), fail=min(limits.fail, weight.fail))


def weighed(verdict: Verdict, limits: Limits, weight: Weight | None) -> Verdict:
    """The verdict by `limits_with` as loud as the whole run lets it be; `limits` are the function's own."""
    if weight is None:
        return verdict
    verdict = replace(verdict, weight=weight)
    over_budget = verdict.comparison.p_over_budget >= limits.confidence
    if verdict.outcome is not Outcome.REGRESSED or over_budget:
        return verdict
    slowdown = verdict.comparison.slowdown
    surely = slowdown.low - 1 if slowdown else 0.0
    fails = weight.fail <= limits.fail or surely >= weight.fail
    warns = weight.warn <= limits.warn or surely >= weight.warn
    quieter = Level.WARN if warns else Level.NONE
    level = Level.FAIL if verdict.level is Level.FAIL and fails else quieter
    but = ", but the function has" if level is Level.NONE else "; the function has"
    return replace(
        verdict, level=level, reason=f"{verdict.reason}{but} {_told(weight.share)} of a run's time"
    )


def _told(share: float) -> str:
    return "under 0.1%" if share < 0.0005 else f"{share:.1%}"


def shares(data: bytes, source: str) -> dict[tuple[str, str], float]:
    """The shares in a file that `ci-rlm weigh` wrote. Raises UsageError for anything but a sound file."""
    try:
        plain = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{source} is not JSON", hint=_HINT) from error
    functions = plain.get("functions") if isinstance(plain, dict) else None
    if not isinstance(functions, list) or plain.get("version") != VERSION:
        raise UsageError(f"{source} holds no weights of version {VERSION}", hint=_HINT)
    return dict(_share(entry, f"{source}: functions[{index}]") for index, entry in enumerate(functions))


def _share(entry: object, where: str) -> tuple[tuple[str, str], float]:
    if isinstance(entry, dict):
        path, name, told = (entry.get(key) for key in ("path", "name", "share"))
        share = told if isinstance(told, (int, float)) and not isinstance(told, bool) else -1
        if isinstance(path, str) and isinstance(name, str) and 0 <= share <= 1:
            return (path, name), float(share)
    raise UsageError(f"{where}: expected a path, a name and a share from 0 to 1", hint=_HINT)
