"""Reports to render: one of every sort of row, and any report at all."""

from __future__ import annotations

from pathlib import PurePosixPath

from hypothesis import strategies as st

from ci_rlm.flow import (
    Change,
    Comparison,
    Interval,
    Kind,
    Level,
    Limits,
    Metric,
    Mode,
    ModelInfo,
    Outcome,
    Prediction,
    Range,
    Report,
    Skipped,
    Span,
    Unit,
    Verdict,
)

MEMORY = Metric("peak_memory", "B")
TIME = Metric("cpu_time", "s")
MODEL = ModelInfo("compact", "ab" * 32, "cd" * 32, "float32", "an x86-64 server with 2 cores")
RANGE = Range("1" * 40, "2" * 40, "origin/main...HEAD")
MIB = 2.0**20
HOSTILE = "<img src=x onerror=alert(1)>|`|\x1b[31m@octocat #1 https://evil.example [x](y)\u202e\n| a | b |"


BEFORE = """\
def build(self, rows):
    seen = set()
    for row in rows:
        if row.key not in seen:
            seen.add(row.key)
            self.rows.append(row)
    self.rows.sort()
    return self"""
AFTER = """\
def build(self, rows):
    \"\"\"Keep the first row of each key.\"\"\"
    seen = []
    for row in rows:
        if row.key not in seen:
            seen.append(row.key)
            self.rows.append(row)
    self.rows.sort()
    return self"""


def unit(name: str, path: str = "src/store.py", line: int = 10, source: str = "") -> Unit:
    source = source or f"def {name}(): pass\n"
    return Unit(PurePosixPath(path), name, Kind.FUNCTION, "python", Span(line, line + 4), source)


def prediction(metric: Metric, median: float) -> Prediction:
    quantiles = tuple((p, median * (0.5 + p)) for p in (0.05, 0.25, 0.5, 0.75, 0.95))
    return Prediction(metric.name, metric.unit, quantiles)


def verdict(
    name: str,
    outcome: Outcome,
    values: tuple[float | None, float | None],
    *,
    metric: Metric = MEMORY,
    level: Level | None = None,
    reason: str = "a reason",
    path: str = "src/store.py",
    was: Unit | None = None,
    source: str = "",
    p: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0),
) -> Verdict:
    before, after = (None if value is None else prediction(metric, value) for value in values)
    level = level or (Level.WARN if outcome is Outcome.REGRESSED else Level.NONE)
    here = unit(name, path, source=source)
    change = Change((was or here) if before else None, here if after else None)
    slowdown = None
    if values[0] and values[1] is not None:
        mid = values[1] / values[0]
        slowdown = Interval(0.9 * mid, mid, 1.2 * mid)
    return Verdict(Comparison(change, metric, before, after, slowdown, *p), outcome, level, reason)


def equal(name: str) -> Verdict:
    change = Change(unit(name, line=90), unit(name, line=95), equal=True)
    same = Comparison(change, MEMORY, None, None, Interval(1.0, 1.0, 1.0))
    return Verdict(same, Outcome.SAME, Level.NONE, "the tokens did not change")


def report(*verdicts: Verdict, skipped: tuple[Skipped, ...] = (), mode: Mode = Mode.ADVISORY) -> Report:
    limits = (("cpu_time", Limits()), ("peak_memory", Limits(budget=512 * MIB)))
    return Report(RANGE, verdicts, skipped, MODEL, mode, limits, "ci-rlm 0.1.0")


def every_outcome() -> Report:
    """One report with each outcome, both levels, a rename, hostile text, zero and huge values."""
    return report(
        verdict(
            "Store.build",
            Outcome.REGRESSED,
            (1.2 * MIB, 1.83 * MIB),
            level=Level.FAIL,
            was=unit("Store.build", source=BEFORE),
            source=AFTER,
            p=(0.97, 0.99, 0.0, 0.0),
            reason="likely at least 1.25x the cost",
        ),
        verdict(
            "Store.build",
            Outcome.REGRESSED,
            (0.0012, 0.0014),
            metric=TIME,
            level=Level.WARN,
            was=unit("Store.build", source=BEFORE),
            source=AFTER,
            p=(0.4, 0.93, 0.0, 0.0),
            reason="likely at least 1.10x the cost",
        ),
        verdict(
            "load_all",
            Outcome.NEW,
            (None, 2048 * MIB),
            level=Level.FAIL,
            p=(0.0, 0.0, 0.0, 0.96),
            reason="likely over the budget of 512 MiB",
            path="src/load.py",
        ),
        verdict(
            HOSTILE,
            Outcome.REGRESSED,
            (1e30, 1e32),
            level=Level.WARN,
            reason=HOSTILE,
            path=f"{HOSTILE}/\udcff.py",
        ),
        verdict(
            "Store.find",
            Outcome.IMPROVED,
            (0.35, 0.002),
            metric=TIME,
            p=(0.0, 0.0, 0.998, 0.0),
            reason="likely at most 0.9x the cost",
            was=unit("Store.search", "src/search.py"),
        ),
        verdict(
            "merge",
            Outcome.UNSURE,
            (3e-6, 3.3e-6),
            metric=TIME,
            p=(0.2, 0.5, 0.1, 0.0),
            reason="could be either",
        ),
        verdict("close", Outcome.SAME, (4096.0, 4096.0), reason="no credible difference"),
        verdict("nothing", Outcome.SAME, (0.0, 0.0), reason="no credible difference"),
        verdict("brand_new", Outcome.NEW, (None, 700.0), reason="nothing to compare with"),
        verdict("gone", Outcome.REMOVED, (5.0, None), reason="removed"),
        equal("moved"),
        skipped=(
            Skipped(PurePosixPath("b.py"), "", "not UTF-8"),
            Skipped(PurePosixPath("a.py"), "", "not UTF-8"),
            Skipped(PurePosixPath("k.py"), "add_kernel", "this checkpoint has no space for a triton kernel"),
            Skipped(PurePosixPath("\udcff\x1b.py"), "", HOSTILE),
        ),
        mode=Mode.ENFORCE,
    )


names = st.text(max_size=40)
numbers = st.floats(0.0, 1e99)
shares = st.floats(0.0, 1.0)
units = st.builds(
    Unit,
    path=names.map(PurePosixPath),
    name=names,
    kind=st.sampled_from(Kind),
    language=st.just("python"),
    span=st.builds(Span, st.integers(1, 9), st.integers(9, 99)),
    source=st.just(""),
)
changes = st.one_of(
    st.builds(Change, units, units, st.booleans()),
    st.builds(Change, st.none(), units),
    st.builds(Change, units, st.none()),
)
predictions = st.builds(
    Prediction,
    metric=names,
    unit=st.sampled_from(("B", "s", "FLOP")),
    quantiles=st.tuples(st.tuples(st.just(0.5), numbers), st.tuples(st.just(0.95), numbers)),
    truncated=st.booleans(),
)
comparisons = st.builds(
    Comparison,
    change=changes,
    metric=st.sampled_from((MEMORY, TIME, Metric("work", "FLOP"))),
    before=st.none() | predictions,
    after=st.none() | predictions,
    slowdown=st.none() | st.builds(Interval, numbers, numbers, numbers | st.just(float("inf"))),
    p_regression=shares,
    p_warning=shares,
    p_improvement=shares,
    p_over_budget=shares,
    worse_matters=shares,
    better_matters=shares,
)
verdicts = st.builds(Verdict, comparisons, st.sampled_from(Outcome), st.sampled_from(Level), names)
reports = st.builds(
    Report,
    range=st.builds(Range, names, names, names),
    verdicts=st.lists(verdicts, max_size=4).map(tuple),
    skipped=st.lists(st.builds(Skipped, names.map(PurePosixPath), names, names), max_size=4).map(tuple),
    model=st.builds(ModelInfo, names, names, names, names, names),
    mode=st.sampled_from(Mode),
    limits=st.just((("cpu_time", Limits()),)),
)
surrogates = st.text(st.characters(categories=["Cs", "Cc", "Ll"]), min_size=1, max_size=10)
