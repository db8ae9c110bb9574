"""The values that flow through the gate, from a commit range to a report.

Frozen and slotted, tuples and never lists, the standard library alone, no I/O and no
formatting. Every other room imports this one; it imports nothing of ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath


class Kind(StrEnum):
    """What sort of code a unit is; each is served by one space of a checkpoint."""

    FUNCTION = "function"
    TRITON_KERNEL = "triton kernel"
    PROGRAM = "program"
    """A whole file, as `score` and `compare` take it."""


class Outcome(StrEnum):
    """What the gate says of one metric of one change."""

    REGRESSED = "regressed"
    IMPROVED = "improved"
    SAME = "same"
    UNSURE = "unsure"
    NEW = "new"
    REMOVED = "removed"


class Level(StrEnum):
    """How loudly a verdict speaks. Only `FAIL` can fail a gate, and only in enforce mode."""

    NONE = "none"
    WARN = "warn"
    FAIL = "fail"


class Means(StrEnum):
    """How people say that a cost is wanted."""

    COMMENT = "comment"
    """`# ci-rlm: ignore[cpu_time] reason="..."` on the definition line."""
    BASELINE = "baseline"
    """An entry of the baseline file."""
    TRAILER = "trailer"
    """`Perf-Accepted: ...` in the message of a commit of the range."""
    LABEL = "label"
    """A label of the pull request."""


class Mode(StrEnum):
    """Whether a failing verdict changes the exit code."""

    ADVISORY = "advisory"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True)
class Span:
    """Lines `first` to `last`, counted from 1, both included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Range:
    """The two trees that a check compares, resolved."""

    base: str
    """A full commit id (the merge base, unless two-dot was asked for), or a word such as `diff`."""
    head: str
    """A full commit id, `index` or `working tree`."""
    text: str
    """What the user typed, for the report's heading."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file before and after; a side that does not exist is None."""

    path: PurePosixPath
    before_path: PurePosixPath | None
    """None for a new file; differs from `path` after a rename."""
    before: bytes | None
    after: bytes | None
    touched_before: tuple[Span, ...] = ()
    """Lines of the before side that the change removes or rewrites."""
    touched: tuple[Span, ...] = ()
    """Lines of the after side that the change adds or rewrites."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of a file that a unit leans on."""

    role: str
    """`header` (an enclosing class or def line), `import`, `constant` or `callee`."""
    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Unit:
    """One function, kernel or program, cut out of one version of one file."""

    path: PurePosixPath
    name: str
    """Qualified as `__qualname__` does it: `Store.build`, `outer.<locals>.inner`.

    The second definition of a name in one scope is `name#2`, and so on.
    """
    kind: Kind
    language: str
    span: Span
    source: str
    """The definition with its decorators, dedented; a program's whole text."""
    context: tuple[Snippet, ...] = ()
    """Most relevant first."""


@dataclass(frozen=True, slots=True)
class Change:
    """A unit before and after. One side is None for a new or removed unit."""

    before: Unit | None
    after: Unit | None
    equal: bool = False
    """Both canonical texts are the same, so the cost is the same and no model is asked."""

    @property
    def unit(self) -> Unit:
        """The side to name the change by: after, or before when the unit was removed."""
        unit = self.after or self.before
        if unit is None:
            raise ValueError("a change needs at least one side")
        return unit


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that could not be judged: it reaches the report, never a log alone."""

    path: PurePosixPath
    name: str
    """The unit's qualified name, or empty for a whole file."""
    reason: str
    """One clause a reviewer can act on."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A quantity that a space predicts, in its base unit."""

    name: str
    """`peak_memory`, `cpu_time`, `latency`."""
    unit: str
    """`B` for bytes, `s` for seconds: values are in this unit, never scaled."""


@dataclass(frozen=True, slots=True)
class Space:
    """One task of a model: what it reads, and the numbers that it answers with, in order.

    A space may be *conditioned* on the input size: the decoder is then given that number
    before it decodes its metrics one after the other (Section 3.2 of the paper, with the
    first objective known).
    """

    name: str
    prefix: str
    """The text that opens each prompt and tells the model its task."""
    kinds: tuple[Kind, ...]
    metrics: tuple[Metric, ...]
    hardware: str
    """The class of machine that its training data was measured on."""
    size: float | None = None
    """Reference input size for a gate, in elements; None if not conditioned on size."""
    compares: bool = field(default=False, metadata={"optional": True})
    """It reads both versions of a unit as one text (`prompt.change_prompt`) and answers with
    after ÷ before of each metric."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads for one unit."""

    text: str
    space: str
    size: float | None
    key: str
    """sha256 over text, space and size: one half of a cached answer's key."""
    truncated: bool = False
    """Context or source was cut to the budget."""
    focus: int | None = None
    """The character from which on a change's other side differs; a crop keeps what is about it."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """The distribution of one metric, as exact quantiles."""

    metric: str
    unit: str
    quantiles: tuple[tuple[float, float], ...]
    """(probability, value) pairs, probabilities ascending."""
    truncated: bool = False
    """The model did not see the whole prompt."""

    @property
    def median(self) -> float:
        """The value of the quantile nearest to one half."""
        return min(self.quantiles, key=lambda pair: abs(pair[0] - 0.5))[1]


@dataclass(frozen=True, slots=True)
class Interval:
    """A ratio of after to before: the 5%, 50% and 95% points of its distribution."""

    low: float
    mid: float
    high: float


@dataclass(frozen=True, slots=True)
class Limits:
    """When a change of one metric is worth a word, and when it fails the gate.

    `warn` and `fail` are relative (0.25 is 25% more), `min_effect` and `budget` are in the
    metric's unit. `confidence` is the probability that a failure needs, and `same`; `warn_confidence` is
    the one that a warning needs, and `improved`, of a checkpoint that bounds its false alarms; a bound
    holds for a `warn` that is not under the default one.
    """

    warn: float = 0.10
    fail: float = 0.25
    min_effect: float = 0.0
    budget: float | None = None
    confidence: float = 0.9
    warn_confidence: float = 0.5


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two predictions of one metric as one statement on their ratio."""

    change: Change
    metric: Metric
    before: Prediction | None
    after: Prediction | None
    slowdown: Interval | None
    """After / before; None for a new or removed unit."""
    p_regression: float = 0.0
    """P(after > (1 + fail) x before)."""
    p_warning: float = 0.0
    """P(after > (1 + warn) x before)."""
    p_improvement: float = 0.0
    """P(before > (1 + warn) x after)."""
    p_over_budget: float = 0.0
    """P(after > budget); 0 without a budget."""
    worse_matters: float = 1.0
    """P(after - before >= min_effect), given that after > (1 + warn) x before."""
    better_matters: float = 1.0
    """P(before - after >= min_effect), given that before > (1 + warn) x after."""
    alarm: float = 0.0
    """P(after > (1 + warn) x before) that a claim of a regression must pass besides, and its inverse one of
    an improvement: the calibration's `FalseAlarms.threshold`. 0 where no bound is known: of a limit under
    the default one, more neutral edits would pass."""
    strangers: tuple[str, ...] = ()
    """Names that the change uses and the training code does not, where they are too many for a claim."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Someone's word that a cost is wanted, which takes the level of a verdict."""

    means: Means
    source: str
    """Where it was given: a file, a full commit id, or a label's name."""
    reason: str
    """What they wrote."""
    level: Level
    """The level that the verdict would have."""


@dataclass(frozen=True, slots=True)
class Weight:
    """What a function weighs in a whole run, and the limits that the run's own make of that."""

    share: float
    """Of the run's time, with all that the function calls; 0 to 1."""
    warn: float
    """Relative increase of the function's time that makes the whole run that much slower."""
    fail: float


@dataclass(frozen=True, slots=True)
class Hunk:
    """A stretch of lines that a change rewrites, with what it does to one metric."""

    before: Span | None
    """Lines of the file before; None where nothing was."""
    after: Span | None
    """Lines of the file after; None where nothing is left."""
    effect: float
    """ln of the part of after / before that goes away when the hunk is reverted: over 0 is costlier."""
    share: float
    """Of the effects of all hunks in the direction of the change, 0 to 1; 0 for one against it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of one comparison, and why."""

    comparison: Comparison
    outcome: Outcome
    level: Level
    reason: str
    """One clause a reviewer can act on."""
    accepted: Acceptance | None = None
    """Who accepts it; its level is then `NONE`."""
    weight: Weight | None = None
    """Of a function in a profile of the whole run; None for a metric that is no time, or without one."""
    hunks: tuple[Hunk, ...] = ()
    """The most responsible first; empty where the change was not explained."""


@dataclass(frozen=True, slots=True)
class Notice:
    """An acceptance that accepts nothing: unused, expired, or not written as it has to be."""

    means: Means
    source: str
    """Where it stands: a file, a full commit id, or a label's name."""
    text: str
    """One clause its author can act on."""
    line: int = 0
    """In the file, from 1; 0 where there is none."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Which model spoke; enough to reproduce its answer."""

    name: str
    digest: str
    """sha256 of the weights; with counts, of the digests of both."""
    tokenizer_digest: str
    dtype: str
    hardware: str
    """The class of machine that its training data was measured on."""
    settings: str = ""
    """sha256 of what its configuration says beside its names and spaces: how long prompts may be, say."""


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """How the gate's earlier predictions turned out in one repository, once they were measured."""

    digest: str
    """sha256 of the weights that predicted; empty for those of all checkpoints together."""
    comparisons: int
    """Predicted ratios of which a measured one is known."""
    calls: int
    """Regressions that were called."""
    right: int
    """Calls whose measured ratio is over the warning limit."""
    low: float
    high: float
    """95% interval of `right / calls` (Clopper and Pearson); 0 to 1 without a call."""
    missed: int
    """Measured over the failing limit, and not called."""
    unsure: int
    """Those of the missed that were left unsure."""


@dataclass(frozen=True, slots=True)
class Report:
    """The whole answer of one check."""

    range: Range
    verdicts: tuple[Verdict, ...]
    """Worst first; ties by path, name and metric."""
    skipped: tuple[Skipped, ...]
    model: ModelInfo
    mode: Mode
    limits: tuple[tuple[str, Limits], ...] = ()
    """(metric, limits) as configured, overrides by path left out."""
    tool: str = field(default="")
    """Name and version of this program."""
    false_alarms: tuple[tuple[str, FalseAlarms], ...] = ()
    """(metric, bound) of the checkpoint's calibration."""
    overridden: tuple[tuple[PurePosixPath, str, Limits], ...] = ()
    """(path, metric, limits) of verdicts that other limits than the configured ones were set for."""
    track_record: TrackRecord | None = None
    """Of this checkpoint in this repository, or else of earlier ones; None where no scoreboard is kept."""
    notices: tuple[Notice, ...] = ()
    """By means, source, line and text."""
    trailers: bool = False
    """A commit's message can accept a failing verdict."""
    unexplained: int = 0
    """Changes of several hunks that were not explained, because the report has too many of them."""

    @property
    def failed(self) -> bool:
        """The gate fails: it is enforced, and some verdict says so."""
        return self.mode is Mode.ENFORCE and any(v.level is Level.FAIL for v in self.verdicts)


@dataclass(frozen=True, slots=True)
class ErrorBand:
    """How predicted ratios turned out on held-out pairs of texts about this alike.

    With z = ln(predicted after / predicted before), the true log ratio, taken in the direction
    of z, is modelled as slope * |z| + scale(z) * e, where e follows the stored quantiles and
    scale(z) = floor + growth * |z|. A claim of a slowdown and of a speed-up mirror each other.
    """

    similarity: float
    """Share of canonical text in common, 0 to 1: the centre of the band."""
    slope: float
    floor: float
    growth: float
    quantiles: tuple[tuple[float, float], ...]
    """(probability, standardised error) pairs, ascending."""


@dataclass(frozen=True, slots=True)
class ProbabilityMap:
    """Told probabilities of a regression as held-out pairs found them, linear between the points."""

    method: str
    """`isotonic` or `platt`: what predicted held-out problems best."""
    points: tuple[tuple[float, float], ...]
    """(told, found) probabilities, ascending."""


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """How sure a claim must be for few of the edits that keep the cost to be called regressions.

    A conformal bound (Vovk and others, Algorithmic Learning in a Random World, chapter 4): of a new
    problem's neutral edit, the chance to pass the threshold is at most `target`, whatever the
    model is worth, as far as that edit is like the held-out ones. Neutral are edits that are meant to
    keep the cost, without those that were measured over the default `warn`.
    """

    target: float
    threshold: float
    """Of P(after > (1 + warn) x before), at the default `warn` or at a higher one, to be passed."""
    problems: int
    """How many held-out problems with a neutral edit it rests on."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a checkpoint's training code calls, or takes from an object (`ci_rlm.predict.unlike`)."""

    names: tuple[str, ...]
    """Ascending."""
    limit: float
    """Share of other names, among those that a change uses, over which it is unlike that code."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What held-out pairs say of a checkpoint's errors on one metric."""

    metric: str
    bands: tuple[ErrorBand, ...]
    """By ascending similarity."""
    pairs: int
    """How many held-out pairs it was fitted on."""
    probabilities: ProbabilityMap | None = field(default=None, metadata={"optional": True})
    """None where the bands' own probabilities predicted best, and in older checkpoints."""
    false_alarms: FalseAlarms | None = field(default=None, metadata={"optional": True})
    """None where no bound was asked for."""
