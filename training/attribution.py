"""How often an explanation names the right hunk, on changes of which the right one is known.

    python -m ci_rlm.training.attribution runs/embedded/checkpoint --corpus runs/corpus

A change is made of a program of a held-out problem: one efficiency edit, measured to move the cost
by 1.5 or more, and one or two neutral edits in other places. Its hunks are those that a report
would tell apart; the right ones are those that make the efficiency edit alone. Beside the
explanation stand its two tests alone, the hunk of the most lines, and a hunk drawn blindly.
"""

from __future__ import annotations

import argparse
import ast
import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from pathlib import Path, PurePosixPath

import numpy as np

from ci_rlm import explain, extract, gate
from ci_rlm.config import Config
from ci_rlm.explain import Piece
from ci_rlm.flow import Change, Comparison, FileChange, Outcome, Skipped, Span, Unit
from ci_rlm.judge import judge
from ci_rlm.predict import Predictor, of_checkpoint
from ci_rlm.training import bootstrap, corpus, edits, scores, texts
from ci_rlm.training.bootstrap import Figure
from ci_rlm.training.corpus import Example
from ci_rlm.training.questions import TELLING

METRIC = "peak_memory"
SIZE = 1024.0
"""Elements: an edit is judged at the measured size nearest to it, as a gate asks."""
MOST = 400
A_PROBLEM = 6
"""Changes of one problem at most."""
_NEUTRAL = 8
"""Neutral edits of a program that are tried."""
_PATH = PurePosixPath("program.py")


@dataclass(frozen=True, slots=True)
class Case:
    """A change with its hunks, and which of them are the efficiency edit."""

    problem: str
    edit: str
    change: Change
    pieces: tuple[Piece, ...]
    right: frozenset[int]
    """Places among the pieces."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """What the model said of one case: ln ratios."""

    total: float
    taken: tuple[float, ...]
    """Of each piece, taken from the whole change."""
    alone: tuple[float, ...]
    """Of each piece, made alone."""
    called: bool
    """The change was called regressed or improved at default limits, and so would be explained."""


def cases(examples: Sequence[Example], *, split: str = "test", most: int = MOST) -> Iterator[Case]:
    """Changes made of a split's measured edits, in an order by hash, at most a few of one problem."""
    plain = {(e.source, e.problem, e.record): e for e in examples if not e.edit and e.split == split}
    found = ((plain.get((e.source, e.problem, e.original)), e) for e in examples if e.edit)
    telling = [(before, after) for before, after in found if before and _tells(before, after)]
    telling.sort(key=lambda pair: sha256(f"{pair[1].source} {pair[1].record}".encode()).digest())
    of_problem: Counter[str] = Counter()
    for before, after in telling:
        if of_problem.total() == most:
            return
        case = _case(before, after) if of_problem[before.problem] < A_PROBLEM else None
        if case is not None:
            of_problem[before.problem] += 1
            yield case


def attributions(
    asked: Sequence[Case], predictor: Predictor, config: Config, progress: gate.Progress = gate.silent
) -> list[Attribution]:
    """What the model says of each case."""
    trials = [[explain.trials_of(case.change, piece) for piece in case.pieces] for case in asked]
    changes = [
        change
        for case, each in zip(asked, trials, strict=True)
        for change in (case.change, *(trial.taken for trial in each), *(trial.alone for trial in each))
    ]
    answers = iter(gate.compare_changes(changes, predictor, config, progress=progress))
    told = []
    for each in trials:
        whole = _of_metric(next(answers))
        taken, alone = (tuple(_log_ratio(_of_metric(next(answers))) for _ in each) for _ in range(2))
        outcome = judge(whole, config.limits_for(_PATH, METRIC)).outcome
        told.append(
            Attribution(_log_ratio(whole), taken, alone, outcome in (Outcome.REGRESSED, Outcome.IMPROVED))
        )
    return told


def hits(asked: Sequence[Case], told: Sequence[Attribution]) -> dict[str, list[float]]:
    """By method and case, how surely a right hunk is named first: a tie is drawn."""
    found: dict[str, list[float]] = {}
    for case, each in zip(asked, told, strict=True):
        direction = math.copysign(1.0, each.total)
        mean = [(taken + alone) / 2 for taken, alone in zip(each.taken, each.alone, strict=True)]
        methods = {
            "explanation": [direction * effect for effect in mean],
            "taken from the whole": [direction * effect for effect in each.taken],
            "made alone": [direction * effect for effect in each.alone],
            "most lines": [float(len(piece.before) + len(piece.after)) for piece in case.pieces],
            "drawn blindly": [0.0 for _ in case.pieces],
        }
        for name, values in methods.items():
            found.setdefault(name, []).append(_first(values, case.right))
    return found


def figures(asked: Sequence[Case], named: dict[str, list[float]], seed: int = 0) -> dict[str, Figure]:
    """The share of each method with its interval from drawing problems."""
    problems = {problem: at for at, problem in enumerate(sorted({case.problem for case in asked}))}
    owner = np.array([problems[case.problem] for case in asked], dtype=np.intp)
    told = {name: scores.mean(np.array(values), owner, share=True) for name, values in named.items()}
    drawn = bootstrap.draws(len(problems), seed=seed)
    return {name: bootstrap.figure(each) for name, each in bootstrap.sampled(told, drawn).items()}


def _first(values: Sequence[float], right: frozenset[int]) -> float:
    best = [at for at, value in enumerate(values) if value == max(values)]
    return sum(at in right for at in best) / len(best)


def _tells(before: Example, after: Example) -> bool:
    ratio = _measured(before, after)
    efficient = edits.kind_of(after.edit) not in edits.NEUTRAL_NAMES
    return efficient and ratio is not None and abs(ratio) >= math.log(TELLING)


def _measured(before: Example, after: Example) -> float | None:
    """ln(after / before) near the reference size; None where it was not measured."""
    known = {row.size: row.peak_memory for row in before.rows}
    both = [(row.size, known.get(row.size), row.peak_memory) for row in after.rows]
    usable = [(size, left, right) for size, left, right in both if left and right]
    if not usable:
        return None
    _, left, right = min(usable, key=lambda each: abs(math.log(each[0] / SIZE)))
    return math.log(right / left)


def _case(before: Example, after: Example) -> Case | None:
    """The first neutral edits, of some in a random order, that leave the efficiency edit its own hunks."""
    left, right = _laid_out(before), _laid_out(after)
    if left is None or right is None:
        return None
    seed = f"{before.source} {after.record}"
    chance = random.Random(seed)
    for text in _further(right, 1 + chance.randrange(2), seed):
        change = _change_of(left, text)
        efficient = _unit_of(right, change) if change is not None else None
        if change is None or efficient is None:
            continue
        pieces = explain.pieces_of(change)
        mine = _right(change, pieces, efficient.source)
        if mine is not None:
            return Case(before.problem, after.edit, change, pieces, mine)
    return None


def _laid_out(example: Example) -> str | None:
    """A program as edits write it; None for one that does not parse."""
    prefix = texts.python_space("", 1.0).prefix
    try:
        return ast.unparse(ast.parse(example.text.removeprefix(prefix)))
    except (SyntaxError, ValueError, RecursionError):
        return None


def _further(text: str, count: int, seed: str) -> Iterator[str]:
    """The text after so many neutral edits, for each of some first ones."""
    for number, first in enumerate(_neutral(text, seed)):
        if count == 1:
            yield first
        else:
            yield from _neutral(first, f"{seed} {number}")[:2]


def _neutral(text: str, seed: str) -> list[str]:
    made = edits.edits_of(text, efficiency=0, neutral=_NEUTRAL, seed=seed)
    return [each.after for each in made if edits.kind_of(each.edit) != edits.SEVERAL]


def _change_of(before: str, after: str) -> Change | None:
    """The one function that differs, as the gate reads it, or else the whole program."""
    sides = before.encode(), after.encode()
    spans = ((Span(1, before.count("\n") + 1),), (Span(1, after.count("\n") + 1),))
    file = FileChange(_PATH, _PATH, *sides, *spans)
    found = [each for each in extract.changes([file]) if not isinstance(each, Skipped)]
    differing = [change for change in found if not change.equal]
    if len(differing) > 1 or not all(change.before and change.after for change in differing):
        return None
    if differing:
        return differing[0]
    units = [extract.program(_PATH, side, "python") for side in (before, after)]
    return None if found and before == after else Change(units[0], units[1])


def _unit_of(text: str, change: Change) -> Unit | None:
    """The unit of a text that a change is of."""
    whole = extract.program(_PATH, text, "python")
    if change.unit.kind is whole.kind:
        return whole
    units, _ = extract.units(_PATH, text, "python")
    return next((unit for unit in units if unit.name == change.unit.name), None)


def _right(change: Change, pieces: Sequence[Piece], efficient: str) -> frozenset[int] | None:
    """The pieces that alone make the text after the efficiency edit; None if it is not some of them."""
    for size in range(1, len(pieces)):
        for chosen in combinations(range(len(pieces)), size):
            if _made(change, [pieces[at] for at in chosen]) == efficient:
                return frozenset(chosen)
    return None


def _made(change: Change, pieces: Sequence[Piece]) -> str:
    assert change.before is not None
    assert change.after is not None
    lines, after = change.before.source.split("\n"), change.after.source.split("\n")
    for piece in reversed(pieces):
        lines[piece.before.start : piece.before.stop] = after[piece.after.start : piece.after.stop]
    return "\n".join(lines)


def _of_metric(answer: tuple[Comparison, ...] | Skipped) -> Comparison:
    assert not isinstance(answer, Skipped), answer.reason
    return next(comparison for comparison in answer if comparison.metric.name == METRIC)


def _log_ratio(comparison: Comparison) -> float:
    assert comparison.slowdown is not None
    return math.log(comparison.slowdown.mid)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--split", default="test", choices=("test", "calibration"))
    parser.add_argument("--most", type=int, default=MOST, help="changes")
    flags = parser.parse_args(arguments)
    asked = list(cases(corpus.read(flags.corpus), split=flags.split, most=flags.most))
    told = attributions(asked, of_checkpoint(flags.checkpoint), Config())
    print(table(asked, told))


def table(asked: Sequence[Case], told: Sequence[Attribution]) -> str:
    """The figures of all cases, then of those that the gate would explain."""
    lines = []
    called = [at for at, each in enumerate(told) if each.called]
    for name, chosen in (("all", range(len(asked))), ("called", called)):
        mine = [asked[at] for at in chosen]
        lines.append(f"{name}: {len(mine)} changes of {len({case.problem for case in mine})} problems")
        if mine:
            found = figures(mine, hits(mine, [told[at] for at in chosen]))
            lines += [f"  {method:<22} {_words(figure)}" for method, figure in found.items()]
    return "\n".join(lines)


def _words(figure: Figure) -> str:
    interval = "" if figure.low is None else f"  [{figure.low:.3f}, {figure.high:.3f}]"
    return f"{figure.value:.3f}{interval}"


if __name__ == "__main__":
    main()
