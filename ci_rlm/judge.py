"""An interval and limits to an outcome with its reason. Pure: no model, no git, no printing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ci_rlm.flow import Comparison, Interval, Level, Limits, Outcome, Verdict

_NAMED, _LONGEST = 3, 40
"""Names that a reason tells, and characters of each."""
_LOUDNESS = {Level.FAIL: 0, Level.WARN: 1, Level.NONE: 2}
_ORDER = {
    Outcome.REGRESSED: 0,
    Outcome.UNSURE: 1,
    Outcome.NEW: 2,
    Outcome.IMPROVED: 3,
    Outcome.SAME: 4,
    Outcome.REMOVED: 5,
}


def judge(comparison: Comparison, limits: Limits) -> Verdict:
    """Call a regression only when its probability clears the limit; say why in one clause."""
    outcome, level, reason = _outcome(comparison, limits)
    if comparison.p_over_budget >= limits.confidence:
        return Verdict(comparison, outcome, Level.FAIL, "likely over its budget")
    return Verdict(comparison, outcome, level, reason)


def _outcome(comparison: Comparison, limits: Limits) -> tuple[Outcome, Level, str]:
    change, sure = comparison.change, limits.confidence
    if change.after is None:
        return Outcome.REMOVED, Level.NONE, "removed"
    if change.before is None:
        return Outcome.NEW, Level.NONE, "new: nothing to compare with"
    if change.equal:
        return Outcome.SAME, Level.NONE, "same code, same cost"
    if comparison.slowdown is None:
        return Outcome.UNSURE, Level.NONE, "no ratio to judge"
    if _effect(comparison) < limits.min_effect:
        return Outcome.SAME, Level.NONE, "effect below the limit"
    # Of a checkpoint that bounds its false alarms (`flow.FalseAlarms`).
    quiet = 0 < comparison.alarm >= comparison.p_warning
    if comparison.strangers and _differs(comparison, sure, quiet=quiet):
        return Outcome.UNSURE, Level.NONE, _unlike(comparison.strangers)
    if comparison.p_regression >= sure and not quiet:
        return Outcome.REGRESSED, Level.FAIL, f"likely over {1 + limits.fail:.2f}x the cost"
    if comparison.p_warning >= sure and not quiet:
        return Outcome.REGRESSED, Level.WARN, f"likely over {1 + limits.warn:.2f}x the cost"
    if comparison.p_improvement >= sure:
        return Outcome.IMPROVED, Level.NONE, f"likely under {1 / (1 + limits.warn):.2f}x the cost"
    if 1 - comparison.p_warning - comparison.p_improvement >= sure:
        return Outcome.SAME, Level.NONE, f"likely within {limits.warn:.0%}"
    return Outcome.UNSURE, Level.NONE, _doubt(comparison.slowdown)


def _effect(comparison: Comparison) -> float:
    """How far apart the two medians are, in the metric's unit."""
    if comparison.before is None or comparison.after is None:
        return 0.0
    return abs(comparison.after.median - comparison.before.median)


def _differs(comparison: Comparison, sure: float, *, quiet: bool) -> bool:
    """Whether a regression or an improvement would be claimed."""
    # A failing limit may lie below the one that warns.
    worse = max(comparison.p_regression, comparison.p_warning) >= sure and not quiet
    return worse or comparison.p_improvement >= sure


def _unlike(strangers: Sequence[str]) -> str:
    names = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in strangers[:_NAMED]]
    more = len(strangers) - len(names)
    told = ", ".join(names) + (f" and {more} more" if more else "")
    return f"unlike the code that the model learned from, which never uses {told}"


def _doubt(slowdown: Interval) -> str:
    return f"anywhere from {slowdown.low:.2f}x to {slowdown.high:.2f}x"


def worst_first(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """Loudest first, then by outcome, by ratio from high to low, and by path, name and metric."""
    return tuple(sorted(verdicts, key=_badness))


def _badness(verdict: Verdict) -> tuple[int, int, float, str, str, str]:
    comparison = verdict.comparison
    ratio = comparison.slowdown.mid if comparison.slowdown else 1.0
    unit = comparison.change.unit
    return (
        _LOUDNESS[verdict.level],
        _ORDER[verdict.outcome],
        -ratio,
        str(unit.path),
        f"{unit.name} {unit.span.first:08}",
        comparison.metric.name,
    )
