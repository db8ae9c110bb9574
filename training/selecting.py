"""The benchmarks worth running for a change: those that exercise its functions, the likeliest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ci_rlm.extract.outline import unnumbered
from ci_rlm.flow import Outcome, Report
from ci_rlm.training.codebase import Codebase
from ci_rlm.training.exercised import Benchmark, Calls, Target, UnresolvedFile, benchmarks_of
from ci_rlm.training.seen import Seen

_UNSEEN = Seen()
_NOWHERE = "none of its calls can be followed to a function of the repository"


@dataclass(frozen=True, slots=True)
class Changed:
    """A changed function, and how likely one of its costs regressed."""

    path: PurePosixPath
    name: str
    p_regression: float | None
    """The most of its metrics; None for a new function, and for one that could not be judged."""

    @property
    def target(self) -> Target:
        """As calls name it."""
        return self.path, tuple(unnumbered(self.name).split("."))


@dataclass(frozen=True, slots=True)
class Exercised:
    """A changed function that a benchmark exercises, and how that is known."""

    changed: Changed
    through: tuple[Target, ...] | None
    """The functions between, as the sources tell; None if they do not."""
    seen_in: tuple[str, ...] = ()
    """The profiles that tell it."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A benchmark that exercises changed functions."""

    benchmark: Benchmark
    exercised: tuple[Exercised, ...]
    """The likeliest to have regressed first."""

    @property
    def p_regression(self) -> float | None:
        """Of the likeliest."""
        return self.exercised[0].changed.p_regression


@dataclass(frozen=True, slots=True)
class Found:
    """The whole answer."""

    chosen: tuple[Chosen, ...]
    """The likeliest to tell a regression first, as many as are asked for."""
    exercising: int
    """How many benchmarks exercise what changed."""
    unreached: tuple[Changed, ...]
    """Changed functions that no benchmark is seen to exercise."""
    unresolved: tuple[tuple[str, str], ...]
    """Benchmarks and files that cannot be followed, with the reason."""
    looked_at: int
    """How many benchmarks there are."""
    silent: tuple[tuple[str, str], ...] = ()
    """Profiles that tell nothing, with the reason."""


def changed_functions(report: Report) -> list[Changed]:
    """The functions whose code changed and is still there, the likeliest to have regressed first."""
    worst: dict[tuple[PurePosixPath, str], float | None] = {}
    for verdict in report.verdicts:
        comparison = verdict.comparison
        if comparison.change.equal or verdict.outcome is Outcome.REMOVED:
            continue
        key = comparison.change.unit.path, comparison.change.unit.name
        p = None if comparison.slowdown is None else comparison.p_regression
        worst[key] = max((each for each in (worst.get(key), p) if each is not None), default=None)
    for skipped in report.skipped:
        if skipped.name:
            worst.setdefault((skipped.path, skipped.name), None)
    return sorted((Changed(*key, p) for key, p in worst.items()), key=_likeliest_first)


def _likeliest_first(changed: Changed) -> tuple[float, str, str]:
    p = changed.p_regression
    return (1.0 if p is None else -p), str(changed.path), changed.name


def found_for(
    changed: Sequence[Changed],
    code: Codebase,
    *,
    through: int,
    every_test: bool,
    most: int | None = None,
    seen: Seen = _UNSEEN,
) -> Found:
    """Of the benchmarks of a commit those that exercise a changed function, `most` of them or all.

    Calls are followed through at most `through` functions between the two; what profiles have `seen`
    counts however far apart the two are.
    """
    wanted = {each.target: each for each in reversed(changed)}
    calls = Calls(code)
    chosen: list[Chosen] = []
    unresolved: list[tuple[str, str]] = []
    reached_at_all, count = set[Target](), 0
    for benchmark in benchmarks_of(code, every_test=every_test):
        if isinstance(benchmark, UnresolvedFile):
            unresolved.append((str(benchmark.path), benchmark.reason))
            continue
        count += 1
        reached = calls.reached(benchmark, through)
        ran = seen.by_benchmark.get((benchmark.path, benchmark.names), {})
        if len(reached) == 1 and not ran:
            unresolved.append((benchmark.id, _NOWHERE))
        both = {*reached, *ran} & wanted.keys()
        exercised = [
            Exercised(each, reached.get(each.target), ran.get(each.target, ()))
            for each in sorted((wanted[target] for target in both), key=_likeliest_first)
        ]
        if exercised:
            chosen.append(Chosen(benchmark, tuple(exercised)))
            reached_at_all |= both
    chosen.sort(key=lambda each: (_likeliest_first(each.exercised[0].changed), each.benchmark.id))
    unreached = tuple(each for each in changed if each.target not in reached_at_all)
    return Found(tuple(chosen[:most]), len(chosen), unreached, tuple(unresolved), count, seen.silent)
