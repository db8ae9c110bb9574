"""An interval and limits to an outcome with its reason. Pure: no model, no git, no printing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ci_rlm.flow import Comparison, Interval, Level, Limits, Outcome, Verdict

_MATTERS = 0.5
"""P(an effect is not below the least one) that a claim needs, given that it is true."""
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
    """Call a regression only when its probability clears the limit; say why in one clause.

    What fails a gate needs `limits.confidence`. What does not, a warning or an improvement, needs
    `limits.warn_confidence` of a checkpoint that bounds its false alarms, and otherwise as much as a failure.
    A claim whose effect is unlikely to matter is none.
    """
    outcome, level, reason = _outcome(comparison, limits)
    if comparison.p_over_budget >= limits.confidence:
        return Verdict(comparison, outcome, Level.FAIL, "likely over its budget")
    return Verdict(comparison, outcome, level, reason)


def _outcome(comparison: Comparison, limits: Limits) -> tuple[Outcome, Level, str]:
    change = comparison.change
    if change.after is None:
        return Outcome.REMOVED, Level.NONE, "removed"
    if change.before is None:
        return Outcome.NEW, Level.NONE, "new: nothing to compare with"
    if change.equal:
        return Outcome.SAME, Level.NONE, "same code, same cost"
    if comparison.slowdown is None:
        return Outcome.UNSURE, Level.NONE, "no ratio to judge"
    claim = _claim(comparison, limits)
    if claim and _matters(comparison, claim[0]) >= _MATTERS:
        strangers = comparison.strangers
        return (Outcome.UNSURE, Level.NONE, _unlike(strangers)) if strangers else claim
    if 1 - comparison.p_warning - comparison.p_improvement >= limits.confidence:
        return Outcome.SAME, Level.NONE, f"likely within {limits.warn:.0%}"
    if _p_same(comparison) >= limits.confidence:
        return Outcome.SAME, Level.NONE, "effect below the limit"
    return Outcome.UNSURE, Level.NONE, _doubt(comparison.slowdown)


def _claim(comparison: Comparison, limits: Limits) -> tuple[Outcome, Level, str] | None:
    """A regression or an improvement, where one can be claimed."""
    alarm, sure = comparison.alarm, limits.confidence
    likely = limits.warn_confidence if alarm else sure
    worse, better = comparison.p_warning, comparison.p_improvement
    least, most = 1 + limits.warn, 1 / (1 + limits.warn)
    if not 0 < alarm >= worse:
        if comparison.p_regression >= sure:
            return Outcome.REGRESSED, Level.FAIL, f"likely over {1 + limits.fail:.2f}x the cost"
        if worse >= likely:
            return Outcome.REGRESSED, Level.WARN, f"{_how(worse, sure)} over {least:.2f}x the cost"
    if better >= likely and not 0 < alarm >= better:
        return Outcome.IMPROVED, Level.NONE, f"{_how(better, sure)} under {most:.2f}x the cost"
    return None


def _how(p: float, sure: float) -> str:
    return "likely" if p >= sure else "more likely than not"


def _matters(comparison: Comparison, claim: Outcome) -> float:
    """P(the effect is not below the least one), given what is claimed."""
    return comparison.worse_matters if claim is Outcome.REGRESSED else comparison.better_matters


def _p_same(comparison: Comparison) -> float:
    """P(the cost is within the warning limit, or the effect below the least one)."""
    worse = comparison.p_warning * comparison.worse_matters
    return 1 - worse - comparison.p_improvement * comparison.better_matters


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
