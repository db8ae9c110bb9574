"""A trial as people read it: tables by kind of edit, and what the figures mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ci_rlm.render.drawn import drawn
from ci_rlm.render.text import counted, printable
from ci_rlm.training.effects import ANY, OVER, Effect
from ci_rlm.training.injection import Injection
from ci_rlm.training.markdown import title
from ci_rlm.training.trial import Setting, Tally, Trial, by_kind, expected, tally

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def render(
    setting: Setting,
    trials: Sequence[Trial],
    effects: Mapping[str, Effect],
    *,
    width: int,
    color: bool,
    verbose: bool,
) -> str:
    """The whole answer; with `verbose`, every function that took part."""

    def draw(console: Console) -> None:
        from rich.text import Text

        console.print(Text(_heading(setting, trials), style="bold"))
        for line in _figures(trials):
            console.print(Text(line))
        console.print(_kinds(trials, effects, every=verbose))
        listed = [trial for trial in trials if verbose or trial.called or trial.unjudged]
        if listed:
            console.print(_functions(listed))
        for line in _meaning(setting, trials, effects):
            console.print(Text(line))

    return drawn(draw, width=width, color=color)


def _heading(setting: Setting, trials: Sequence[Trial]) -> str:
    places = {(trial.injection.change.unit.path, trial.injection.line) for trial in trials}
    files = counted(len({path for path, _ in places}), "file")
    functions = counted(len(places), "function")
    return f"{functions} of {files} at {setting.commit[:12]}, drawn with seed {setting.seed}"


def _figures(trials: Sequence[Trial]) -> Iterator[str]:
    bad, neutral = (tally(trials, bad=flag) for flag in (True, False))
    yield f"Hits: {_share(bad, 'known-bad edits')} called regressed; {bad.unsure} left unsure"
    yield f"False alarms: {_share(neutral, 'neutral edits')} called regressed"
    if unjudged := sum(1 for trial in trials if trial.unjudged):
        yield f"Not judged: {counted(unjudged, 'edit')}"


def _share(found: Tally, noun: str) -> str:
    if not found.of:
        return f"none of 0 {noun}"
    low, high = found.interval
    return f"{found.called} of {found.of} {noun} ({found.called / found.of:.1%}, {low:.1%} to {high:.1%})"


def _kinds(trials: Sequence[Trial], effects: Mapping[str, Effect], *, every: bool) -> Table:
    """The bad kinds, and of the neutral ones those that raised an alarm, or all."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table("Kind of edit", "What it does", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(f"Measured over {OVER}x", justify="right")
    table.add_column("Called", justify="right")
    for bad, sort in ((True, ""), (False, "neutral: ")):
        for injection, found in by_kind(trials, bad=bad):
            if bad or every or found.called:
                share = f"{effects[injection.edit.name].share[ANY]:.0%}"
                called = f"{found.called} of {found.of}"
                table.add_row(
                    f"{sort}{_label(injection)}", Text(injection.edit.summary.rstrip(".")), share, called
                )
        table.add_section()
    return table


def _label(injection: Injection) -> str:
    return f"{injection.edit.name}, undone" if injection.reversed else injection.edit.name


def _functions(trials: Sequence[Trial]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("Function", overflow="fold", ratio=1)
    table.add_column("Kind of edit")
    table.add_column("Gate", ratio=1)
    for trial in trials:
        unit = trial.injection.change.unit
        place = f"{printable(unit.name)}\n{printable(str(unit.path))}:{trial.injection.line}"
        sort = "" if trial.injection.bad else "neutral: "
        table.add_row(Text(place), f"{sort}{_label(trial.injection)}", Text(_said(trial)))
    return table


def _said(trial: Trial) -> str:
    """What the gate makes of one edit, by metric."""
    if trial.unjudged:
        return f"not judged: {printable(trial.unjudged)}"
    return ", ".join(f"{title(v.comparison.metric.name)} {v.outcome}" for v in trial.verdicts)


def _meaning(setting: Setting, trials: Sequence[Trial], effects: Mapping[str, Effect]) -> Iterator[str]:
    bad = tally(trials, bad=True)
    yield (
        "Nothing was run, so what an edit costs here is not known. Where programs with such edits were "
        f"measured, as many cost over {OVER}x in memory or CPU time as the table says: by that, "
        f"{expected(trials, effects):.0f} of the {bad.of} would be right to call."
    )
    told = "; ".join(
        f"{title(metric)} warns at {limits.warn:.0%} with confidence {limits.warn_confidence:g} and fails at "
        f"{limits.fail:.0%} with {limits.confidence:g}"
        for metric, limits in setting.limits
    )
    yield f"Limits: {told}."
    yield f"Model: {printable(setting.model.name)} ({setting.model.digest[:12]})"
    yield "Intervals: 95%, Clopper and Pearson, with edits taken as independent."
