"""What *unsure* for code unlike the training data is worth: precision of claims against coverage.

    python benchmarks/unlike.py --repos FOLDER --changes FILE [--corpus FOLDER] [--checkpoint embedded]

FOLDER holds clones of packages, each a git repository. Edits whose kind is known from measured programs
are put into their functions (`training/injection.py`); FILE holds changes between releases, as
`training/releases.py` reads them, next to none of which changes a cost. Nothing of them is run.

Each is a change and its inverse. That it costs more is right of a bad edit alone, and wrong of its
inverse, of a neutral edit and of a release. Bad edits whose kind seldom costs more in a metric are left
out there. The vocabulary is that of the checkpoint, or of the corpus if one is given. Intervals are of
drawing packages.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyarrow import parquet
from sklearn.metrics import roc_auc_score

from ci_rlm import comparing, predict
from ci_rlm.config import Config
from ci_rlm.flow import Calibration, Change, Limits, Prediction, Space, Vocabulary
from ci_rlm.predict import Predictor, unlike
from ci_rlm.prompt import prompts_of
from ci_rlm.training import bootstrap, calibrate, corpus, effects, evaluate, injection, vocabulary

COSTLIER = 0.3
"""Share of measured programs that cost over 1.25x in a metric, from which a kind counts as costlier in it."""
CONFIDENCES = (0.5, 0.7, 0.8, 0.9)
COVERAGES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Case:
    """A change as its two texts, with what is known of it."""

    package: str
    before: str
    after: str
    costlier: Mapping[str, float]
    """By metric: how surely it costs more; 0 of changes that keep the cost."""


@dataclass(frozen=True, slots=True)
class Claims:
    """One metric of all cases, each both ways round: shape (2 x cases,)."""

    told: Numbers
    """P(slower than the least limit), before it is mapped: what claims are ordered by."""
    found: Numbers
    """The same, as the gate takes it; 0 where its bound on false alarms forbids a claim."""
    right: Flags
    share: Numbers
    """Of strangers among the names that the change uses."""
    owner: NDArray[np.intp]
    """Whose package it is."""


def injected(folder: Path, space: Space, functions: int) -> Iterator[Case]:
    """Edits in at most so many functions of each repository in a folder."""
    known = effects.read()
    for repository in sorted(path for path in folder.iterdir() if path.is_dir()):
        listed = _git(repository, "ls-tree", "-r", "-z", "--name-only", "HEAD").split("\0")
        paths = [PurePosixPath(name) for name in listed if name.endswith(".py")]
        read = partial(_read, repository)
        for drawn in injection.draw(paths, read, known, functions=functions, seed=0):
            for each in drawn.injections:
                yield _case(
                    repository.name, each.change, space, known[each.edit.name].share if each.bad else {}
                )


def _case(package: str, change: Change, space: Space, costlier: Mapping[str, float]) -> Case:
    assert change.before and change.after  # an injection has both sides
    before, after = (
        p.text.removeprefix(space.prefix) for p in prompts_of(change.before, change.after, space)
    )
    return Case(package, before, after, costlier)


def _git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")


def _read(repository: Path, path: PurePosixPath) -> str:
    return _git(repository, "show", f"HEAD:{path}")


def released(file: Path, most: int) -> Iterator[Case]:
    """At most so many changes between releases of each package, evenly taken."""
    rows = parquet.read_table(file, columns=["package", "before_text", "after_text"]).to_pylist()
    for package in sorted({row["package"] for row in rows}):
        mine = [row for row in rows if row["package"] == package]
        for row in islice(mine[:: max(1, -(-len(mine) // most))], most):
            yield Case(package, row["before_text"], row["after_text"], {})


def claims(
    cases: Sequence[Case],
    answers: Sequence[tuple[Sequence[Prediction], Sequence[Prediction]]],
    place: int,
    calibration: Calibration,
    words: Vocabulary,
) -> Claims:
    """What is said of one metric, the `place`th of a space."""
    packages = sorted({case.package for case in cases})
    limit, mapped = Limits().warn, comparing.found_probability(calibration)
    bound = calibration.false_alarms.threshold if calibration.false_alarms else 0.0
    rows = []
    for case, (ratio, inverse) in zip(cases, answers, strict=True):
        sure = case.costlier.get(calibration.metric, 0.0)
        if case.costlier and sure < COSTLIER:
            continue
        strange = unlike.share(unlike.used_by_change(case.before, case.after), words)
        sides = (
            comparing.mixture(ratio[place], inverse[place]),
            comparing.mixture(inverse[place], ratio[place]),
        )
        for forward, mixed in zip((True, False), sides, strict=True):
            told = calibrate.over_of(mixed, limit)
            found = mapped(told)
            right = forward and sure >= COSTLIER
            rows.append((told, found * (found > bound), right, strange, packages.index(case.package)))
    told, found, right, share, owner = zip(*rows, strict=True)
    return Claims(np.array(told), np.array(found), np.array(right), np.array(share), np.array(owner))


def precision(chosen: Flags, right: Flags, owner: NDArray[np.intp], drawn: Numbers) -> str:
    """Share of the chosen that is right, with its interval."""
    if not chosen.any():
        return "–"
    packages = drawn.shape[1]
    hits, of = (np.bincount(owner[flags], minlength=packages) for flags in (chosen & right, chosen))
    with np.errstate(invalid="ignore"):
        low, high = np.nanpercentile((drawn @ hits) / (drawn @ of), [2.5, 97.5])
    return f"{hits.sum() / of.sum():.2f} [{low:.2f}, {high:.2f}]"


def tables(metric: str, said: Claims, words: Vocabulary) -> str:
    """The figures of one metric as Markdown."""
    like, packages = said.share <= words.limit, int(said.owner.max()) + 1
    every, drawn = np.ones_like(like), bootstrap.draws(packages)
    name = metric.replace("_", " ")
    aucs = (_auc(said, flags) for flags in (every, like, ~like))
    lines = [
        f"## {name}",
        "",
        f"{len(like)} sides, {said.right.sum()} of them bad edits, of {packages} packages; unlike the "
        f"training code: {(~like).mean():.0%}, of the bad edits {(~like)[said.right].mean():.0%}.",
        "Bad against all others, ROC-AUC: {} of all, {} of those like it, {} of those unlike it.".format(
            *aucs
        ),
        "",
        "| claims of P at least | right | wrong | precision | like: right | wrong | precision |",
        "|---|---:|---:|---|---:|---:|---|",
    ]
    for confidence in CONFIDENCES:
        called = said.found >= confidence
        lines.append(f"| {confidence} | {_row(called, said, drawn)} | {_row(called & like, said, drawn)} |")
    lines += ["", "| covered | precision by probability alone | with the detector |", "|---|---|---|"]
    for coverage in COVERAGES:
        most = max(1, round(coverage * len(like)))
        cells = (precision(_top(said, flags, most), said.right, said.owner, drawn) for flags in (every, like))
        lines.append(f"| {coverage:.1%} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _row(called: Flags, said: Claims, drawn: Numbers) -> str:
    counts = (called & said.right).sum(), (called & ~said.right).sum()
    return f"{counts[0]} | {counts[1]} | {precision(called, said.right, said.owner, drawn)}"


def _top(said: Claims, among: Flags, most: int) -> Flags:
    """The surest of some claims, at most so many."""
    order = np.argsort(-said.told, kind="stable")
    chosen = np.zeros_like(among)
    chosen[order[among[order]][:most]] = True
    return chosen


def _auc(said: Claims, among: Flags) -> str:
    right = said.right[among]
    return f"{roc_auc_score(right, said.told[among]):.2f}" if 0 < right.sum() < len(right) else "–"


def run(predictor: Predictor, cases: Sequence[Case], words: Vocabulary) -> None:
    """Ask about the cases and print a table a metric."""
    space = evaluate.space_of(predictor)
    texts = [(case.before, case.after) for case in cases]
    answers = calibrate.ratios_of_changes(predictor, space, texts, _progress)
    known = {each.metric: each for each in predictor.calibrations}
    print(f"Model: {predictor.info.name} ({predictor.info.digest[:12]}), {len(words.names)} names, ", end="")
    print(f"limit {words.limit}; {len(cases)} changes\n")
    for place, metric in enumerate(space.metrics):
        print(
            tables(metric.name, claims(cases, answers, place, known[metric.name], words), words), end="\n\n"
        )


def _progress(done: int, total: int) -> None:
    if done % 200 == 0 or done == total:
        print(f"{done} of {total}", file=sys.stderr)


def main(arguments: Any = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repos", type=Path, required=True, help="a folder of git repositories")
    parser.add_argument("--changes", type=Path, required=True, help="changes between releases, Parquet")
    parser.add_argument("--corpus", type=Path, help="makes the vocabulary anew")
    parser.add_argument("--checkpoint", default="embedded")
    parser.add_argument("--functions", type=int, default=20, help="of each repository at most")
    parser.add_argument("--most", type=int, default=30, help="changes of each package at most")
    flags = parser.parse_args(arguments)
    predictor = predict.load(Config(checkpoint=flags.checkpoint), warn=partial(print, file=sys.stderr))
    words = (
        vocabulary.fit(corpus.as_functions(corpus.read(flags.corpus)))
        if flags.corpus
        else predictor.vocabulary
    )
    if words is None:
        raise SystemExit(f"{flags.checkpoint} has no vocabulary: give the corpus that it learned from")
    space = evaluate.space_of(predictor)
    cases = [*injected(flags.repos, space, flags.functions), *released(flags.changes, flags.most)]
    run(predictor, cases, words)


if __name__ == "__main__":
    main()
