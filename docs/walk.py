"""One change with every number that its verdict comes from, written into the page: python docs/walk.py

The two versions of a module in docs/example/ are committed one after the other in a repository of their
own, checked with the embedded checkpoint, and what it says of one function is followed step by step.
`--report FILE` writes the report as JSON besides, which `docs/screenshots.py` takes.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ci_rlm.api import check
from ci_rlm.comparing import cdf_of, found_probability, mixture
from ci_rlm.config import Config
from ci_rlm.flow import Change, Level, Limits, Prediction, Report, Skipped, Verdict
from ci_rlm.gate import explain_change
from ci_rlm.model.counts import Odds
from ci_rlm.predict import Predictor, load
from ci_rlm.predict.pooled import PooledPredictor
from ci_rlm.prompt import change_prompt, change_space_for, prompts_of, space_for
from ci_rlm.render import document, render
from ci_rlm.render.explanation import text as explanation
from ci_rlm.render.measure import amount

DOCS = Path(__file__).parent
PAGE = DOCS / "verdict.md"
START, END = "<!-- made by docs/walk.py -->\n", "<!-- end of what docs/walk.py made -->\n"
MODULE, FUNCTION, METRIC = "readings.py", "within", "peak_memory"
ENDS = (0.05, 0.5, 0.95)
_WHEN = "2026-01-01T00:00:00Z"
"""Of the commits, so that they are the same each time."""


def report_of(predictor: Predictor, config: Config) -> Report:
    """The check of the example, in a repository that is gone afterwards."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        _git(root, "init", "--quiet", "--initial-branch=main")
        for version in ("before", "after"):
            (root / MODULE).write_bytes((DOCS / "example" / f"{version}.py").read_bytes())
            _git(root, "add", MODULE)
            _git(root, "commit", "--quiet", "--message", f"Readings, {version}")
        return check(root, "HEAD~1", "HEAD", config=config, predictor=predictor)


def _git(root: Path, *arguments: str) -> None:
    names = {f"GIT_{who}_{what}": "docs" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    dates = {"GIT_AUTHOR_DATE": _WHEN, "GIT_COMMITTER_DATE": _WHEN}
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    subprocess.run(["git", *arguments], cwd=root, check=True, env={**ours, **names, **dates, **quiet})


def section(report: Report, predictor: Predictor, config: Config) -> str:
    """What the page tells between its two marks, in Markdown."""
    verdict = next(each for each in report.verdicts if _names(each, FUNCTION) and _is_of(each, METRIC))
    parts = [
        _code("before"),
        _code("after"),
        *_told(verdict, predictor, config),
        f"The whole report, with `-v`:\n\n{_block(render(document(report), 'terminal', verbose=1))}",
    ]
    return "\n\n".join(parts) + "\n"


def _names(verdict: Verdict, function: str) -> bool:
    return verdict.comparison.change.unit.name == function


def _is_of(verdict: Verdict, metric: str) -> bool:
    return verdict.comparison.metric.name == metric


def _code(version: str) -> str:
    """The function in one version of the example."""
    lines = (DOCS / "example" / f"{version}.py").read_text(encoding="utf-8").splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith(f"def {FUNCTION}("))
    last = next(at for at in range(first + 1, len(lines)) if not lines[at])
    code = "\n".join(lines[first:last])
    return f"{version.capitalize()}:\n\n{_block(code, 'python')}"


def _block(text: str, language: str = "text") -> str:
    return f"```{language}\n{text.rstrip()}\n```"


def _told(verdict: Verdict, predictor: Predictor, config: Config) -> Iterator[str]:
    """From what the model answers to the outcome, a paragraph a step."""
    change = verdict.comparison.change
    assert isinstance(predictor, PooledPredictor)  # the embedded checkpoint counts
    before, ratio, inverse = answers(change, predictor)
    _, *alone = answers(change, predictor.network)
    _, counted, _ = answers(change, predictor.counting())
    comparison, limits = verdict.comparison, config.limits_for(verdict.comparison.change.unit.path, METRIC)
    pairs = mixture(ratio, inverse)
    yield (
        "**The cost before.** Network and counting are asked of the version before, and answer"
        f" {_amounts(before)} of {_words(METRIC)}: the middle, and in brackets from its 5% to its 95% point."
    )
    yield (
        "**After ÷ before, asked twice.** The network reads both versions as one text and answers"
        f" {_ratios(alone[0])}; asked the other way round, before ÷ after, it answers {_ratios(alone[1])}."
    )
    part = next(
        each
        for (_, metric), each in predictor.counts.parts.items()
        if metric == METRIC and isinstance(each, Odds)
    )
    yield (
        f"**Counting.** Given what the change takes away and adds, the trees answer {_ratios(counted)}."
        f" Pooled, with shares of {part.network:g} of the network's log odds and {part.counts:g} of these,"
        f" the answers are {_ratios(ratio)} and {_ratios(inverse)}."
    )
    assert comparison.slowdown is not None  # both sides are there
    slowdown = comparison.slowdown
    yield (
        "**The two as one.** The second answer is turned over, and each counts for half. With the"
        " probabilities that held-out edits found, as below, the middle of after ÷ before is then"
        f" {slowdown.mid:.2f}, and nine times in ten it is between {slowdown.low:.2f} and"
        f" {slowdown.high:.2f}."
    )
    yield _table(verdict, pairs, limits, predictor)
    yield _outcome(verdict, limits)
    yield _explained(verdict, predictor, config)


def answers(change: Change, predictor: Predictor) -> tuple[Prediction, Prediction, Prediction]:
    """What the model says of the side before, of after ÷ before, and of before ÷ after."""
    before, after = change.before, change.after
    space = space_for(change.unit.kind, predictor.spaces)
    comparing = change_space_for(change.unit.kind, predictor.spaces)
    assert before and after and space and comparing  # of a checkpoint that compares
    sides = prompts_of(before, after, space)
    prompts = (sides[0], *(change_prompt(*pair, space, comparing) for pair in (sides, sides[::-1])))
    first, second, third = (
        next(each for each in answer if each.metric == METRIC) for answer in predictor.predict(prompts)
    )
    return first, second, third


def _amounts(told: Prediction) -> str:
    low, mid, high = (amount(_quantile(told, u), told.unit) for u in ENDS)
    return f"{mid} ({low} to {high})"


def _ratios(told: Prediction) -> str:
    low, mid, high = (_quantile(told, u) for u in ENDS)
    return f"{mid:.2f} ({low:.2f} to {high:.2f})"


def _quantile(told: Prediction, wanted: float) -> float:
    return min(told.quantiles, key=lambda pair: abs(pair[0] - wanted))[1]


def _table(
    verdict: Verdict, pairs: Sequence[tuple[float, float]], limits: Limits, predictor: Predictor
) -> str:
    """Each probability as the model told it, as held-out edits found it, and what it is needed for."""
    comparison = verdict.comparison
    calibration = next(each for each in predictor.calibrations if each.metric == METRIC and not each.bands)
    found = found_probability(calibration)
    claims = (
        ("over", limits.fail, 1 - cdf_of(pairs, math.log1p(limits.fail)), comparison.p_regression),
        ("over", limits.warn, 1 - cdf_of(pairs, math.log1p(limits.warn)), comparison.p_warning),
        ("under", limits.warn, cdf_of(pairs, -math.log1p(limits.warn)), comparison.p_improvement),
    )
    rows = []
    for side, limit, told, reported in claims:
        if found(told) != reported:
            raise AssertionError(f"the steps lead to {found(told)}, and the report says {reported}")
        factor = 1 + limit if side == "over" else 1 / (1 + limit)
        rows.append(f"| {side} {factor:.2f} times | {told:.2f} | {reported:.2f} |")
    return (
        f"**Probabilities.** Told are those of the two as one; found is what came of such in"
        f" {calibration.pairs:,} held-out pairs.\n\n"
        "| after costs, of before | told | found |\n|---|---|---|\n" + "\n".join(rows)
    )


def _outcome(verdict: Verdict, limits: Limits) -> str:
    comparison = verdict.comparison
    alarm, unit = comparison.alarm, comparison.metric.unit
    assert comparison.before and comparison.after  # both sides are there
    bar = f", and both more than {alarm:.2f} there" if alarm else ""
    loudness = {Level.FAIL: ", a failure", Level.WARN: ", a warning", Level.NONE: ""}[verdict.level]
    warned = limits.warn_confidence if alarm else limits.confidence
    return (
        f"**The verdict.** A failure takes a found probability of {limits.confidence:.2f} in the first row,"
        f" a warning one of {warned:.2f} in the second{bar}. An effect of less than"
        f" {amount(limits.min_effect, unit)} is not worth a word: given that the cost rose, there is a chance"
        f" of {comparison.worse_matters:.2f} that it rose by more. So it is *{verdict.outcome.value}*"
        f"{loudness}, because: *{verdict.reason}*."
    )


def _explained(verdict: Verdict, predictor: Predictor, config: Config) -> str:
    """What `ci-rlm explain --function` says of the same change."""
    told = explain_change(verdict.comparison.change, predictor, config)
    assert not isinstance(told, Skipped)  # it has a verdict
    (one,) = (each for each in told if _is_of(each, METRIC))
    return f"**The hunk.** `ci-rlm explain --function {FUNCTION}`:\n\n{_block(explanation(one))}"


def _words(metric: str) -> str:
    return metric.replace("_", " ")


def written(page: str, made: str) -> str:
    """The page with what stands between its marks replaced. Raises ValueError where a mark is missing."""
    start, end = page.index(START) + len(START), page.index(END)
    return f"{page[:start]}\n{made}\n{page[end:]}"


def main() -> None:
    """Make the page's numbers anew."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--report", type=Path, help="also write the report, as JSON")
    asked = parser.parse_args()
    config = Config()
    predictor = load(config, warn=warnings.warn)
    report = report_of(predictor, config)
    PAGE.write_text(
        written(PAGE.read_text(encoding="utf-8"), section(report, predictor, config)), encoding="utf-8"
    )
    if asked.report:
        asked.report.write_text(render(document(report), "json"), encoding="utf-8")


if __name__ == "__main__":
    main()
