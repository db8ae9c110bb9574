"""Changes between releases of packages, nearly all of which keep the cost, and what is said of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path, PurePosixPath

from ci_rlm.comparing import of_ratios
from ci_rlm.config import Config
from ci_rlm.errors import UsageError
from ci_rlm.flow import Change, Kind, Span, Unit
from ci_rlm.judge import judge
from ci_rlm.predict import Predictor
from ci_rlm.predict.unlike import strangers_of
from ci_rlm.prompt import prompt_from_text
from ci_rlm.training import calibrate, evaluate
from ci_rlm.training.recorded import Wild


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes that nobody measured, as texts before and after, of three groups of packages."""

    learn: tuple[tuple[str, str], ...] = ()
    """To learn from, as if they kept the cost."""
    fit: tuple[tuple[str, str], ...] = ()
    """To calibrate with."""
    judge: tuple[tuple[str, str], ...] = ()
    """To count calls in."""
    packages: int = 0
    """That those to count are from."""

    @property
    def digest(self) -> str | None:
        """sha256 of all texts; None without changes."""
        groups = (self.learn, self.fit, self.judge)
        whole = repr((*groups, self.packages))
        return sha256(whole.encode("utf-8", "surrogatepass")).hexdigest() if any(groups) else None


def read(path: Path, most: int | None = None) -> Changes:
    """Read a Parquet file with columns `before_text`, `after_text`, `package` and `split`.

    `split` is `learn`, `fit` or `judge`. Of those to fit with and to judge, at most `most` are taken
    each, evenly. Raises UsageError for another file.
    """
    from pyarrow import ArrowException, parquet

    columns = ["before_text", "after_text", "package", "split"]
    try:
        rows = parquet.read_table(path, columns=columns).to_pylist()
    except (OSError, ArrowException) as error:
        raise UsageError(f"cannot read changes: {error}", hint=f"a table of {', '.join(columns)}") from error
    parts = []
    for split in ("learn", "fit", "judge"):
        mine = [row for row in rows if row["split"] == split]
        step = max(1, -(-len(mine) // most)) if most and split != "learn" else 1
        parts.append(mine[::step])
    learn, fit, count = (tuple((row["before_text"], row["after_text"]) for row in part) for part in parts)
    return Changes(learn, fit, count, len({row["package"] for row in parts[-1]}))


def said(
    predictor: Predictor, changes: Changes, progress: evaluate.Progress = evaluate.silent
) -> tuple[Wild, ...]:
    """What the gate says of the changes to count, at default limits: by metric.

    Nothing of a checkpoint without a space that compares.
    """
    if not changes.judge or not any(space.compares for space in predictor.spaces):
        return ()
    space = evaluate.space_of(predictor)
    both = calibrate.ratios_of_changes(predictor, space, changes.judge, progress)
    costs = list(predictor.predict([prompt_from_text(before, space) for before, _ in changes.judge]))
    strangers = [strangers_of(*texts, predictor.vocabulary) for texts in changes.judge]
    unit = Unit(PurePosixPath("a.py"), "f", Kind.FUNCTION, "python", Span(1, 1), "")
    found = []
    for at, metric in enumerate(space.metrics):
        outcomes: Counter[str] = Counter()
        limits = Config().limits_for(unit.path, metric.name)
        for (ratio, inverse), before, strange in zip(both, costs, strangers, strict=True):
            sides = ratio[at], inverse[at]
            comparison = of_ratios(
                Change(unit, unit), metric, before[at], sides, predictor.calibrations, limits
            )
            verdict = judge(replace(comparison, strangers=strange), limits)
            outcomes[verdict.outcome.value] += 1
        found.append(Wild(metric.name, changes.packages, dict(sorted(outcomes.items()))))
    return tuple(found)
