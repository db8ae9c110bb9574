"""What the noise of CPU times does to figures of edits: the same edits, timed a second time.

    python benchmarks/timed_again.py --corpus runs/corpus [--checkpoint embedded] [--split test]
        [--again training/measured/turns/python.parquet] [--resamples 1000]

The corpus has each program timed in one process, and a slow spell of the machine lasts for longer than
that. `--again` has programs and their edits near the gate's input size timed in turns, in several
processes each (`ci-rlm profile python --data DATA --protocol turns`); the corpus is one that is built
without them (`corpus build --measured training/measured`). Of the edits that both have, each both ways
round, two things are scored against either truth: the checkpoint's calibrated P(over 1.1x), and the
measured ratio of the other truth. So the last is what a model could reach that knows what an edit does
and not what the noise did to it.

Edits over 1.5x by either truth may be of kinds that keep the cost: then noise alone made them. ROC-AUC is of
edits over 1.5x that are meant to change the cost against those that are meant to keep it. Intervals: 95%,
from drawing problems.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ablation_tables import markdown
from pyarrow import parquet

from ci_rlm.comparing import found_probability
from ci_rlm.config import Config
from ci_rlm.flow import Limits
from ci_rlm.model.checkpoint import locate
from ci_rlm.predict import Predictor, of_checkpoint
from ci_rlm.training import bootstrap, calibrate, corpus, evaluate, scores
from ci_rlm.training.bootstrap import Figure
from ci_rlm.training.corpus import METRICS, Example
from ci_rlm.training.questions import TELLING, edit_pairs, is_near, is_neutral, points_of, truth
from ci_rlm.training.scores import Flags, Indices, Reals, Score

METRIC = "cpu_time"
AGAIN = Path(__file__).parents[1] / "training" / "measured" / "turns" / "python.parquet"
Times = Mapping[tuple[str, str, int], float]
"""The shortest CPU time in seconds by problem, record and input size."""


@dataclass(frozen=True, slots=True, eq=False)
class Edits:
    """M edits that both truths have, each both ways round."""

    corpus: Reals
    """ln(after / before) as the corpus has it: (M,)."""
    again: Reals
    """The same as it was measured again."""
    neutral: Flags
    """The edit is meant to keep the cost."""
    told: Reals
    """P(after > 1.1 x before) by the checkpoint, calibrated."""
    owner: Indices
    """The problem of each, from 0."""


def times(path: Path) -> Times:
    """What was measured again."""
    names = ["problem", "record", "size", "metric", "minimum"]
    rows = parquet.read_table(path, columns=names).to_pylist()
    return {(r["problem"], r["record"], r["size"]): r["minimum"] for r in rows if r["metric"] == METRIC}


def edits_of(examples: Sequence[Example], again: Times, predictor: Predictor) -> Edits:
    """The edits near the gate's input size, with what the predictor says of them."""
    points, place = points_of(examples), METRICS.index(METRIC)
    known = truth(points)[:, place]
    new = np.array([again.get((e.problem, e.record, int(row.size)), math.nan) for e, row in points])
    near = (pair for pair in edit_pairs(points) if is_near(points[pair.after]))
    pairs = [
        p for p in near if not np.isnan([x[at] for x in (known, new) for at in (p.before, p.after)]).any()
    ]
    asked = [(pair.before, pair.after) for pair in pairs]
    answers = evaluate.ratios(points, asked, predictor, evaluate.space_of(predictor), evaluate.silent)
    told = calibrate.told_of(points, answers, pairs, place)
    fitted = next((each for each in predictor.calibrations if each.metric == METRIC), None)
    ratio = np.array([math.log(new[after] / new[before]) for before, after in asked])
    return Edits(
        corpus=told.measured,
        again=np.concatenate([ratio, -ratio]),
        neutral=np.tile([is_neutral(pair) for pair in pairs], 2),
        told=np.array(list(map(found_probability(fitted), told.over[0].tolist()))),
        owner=told.owner,
    )


def scores_of(edits: Edits, known: Reals, said: Reals, called: Flags) -> Iterator[tuple[str, Score]]:
    """How well `said` tells the edits over 1.5x by a truth; `called` are those that it would call."""
    over, owner = known > math.log(TELLING), edits.owner
    meant = over & ~edits.neutral
    asked = meant | (edits.neutral & ~over)
    half = len(known) // 2
    inverse = np.concatenate([said[half:], said[:half]])
    yield "over 1.5x, of kinds that keep the cost", scores.mean(edits.neutral[over], owner[over])
    yield "ROC-AUC against neutral edits", scores.auc(meant[asked], said[asked], owner[asked])
    yield "right direction, over 1.5x", scores.mean((said > inverse)[meant], owner[meant])
    yield "called, over 1.5x and meant to cost", scores.mean(called[meant], owner[meant])
    yield "over 1.1x, of those called", scores.mean(known[called] > math.log1p(Limits().warn), owner[called])
    yield "called, of neutral edits", scores.mean(called[edits.neutral], owner[edits.neutral])


def table(edits: Edits, resamples: int) -> Iterator[str]:
    """One row a score, by either truth of the checkpoint and of the other truth."""
    sure, least = Limits().warn_confidence, math.log1p(Limits().warn)
    columns = {
        "corpus: checkpoint": (edits.corpus, edits.told, edits.told >= sure),
        "corpus: measured again": (edits.corpus, edits.again, edits.again > least),
        "again: checkpoint": (edits.again, edits.told, edits.told >= sure),
        "again: the corpus": (edits.again, edits.corpus, edits.corpus > least),
    }
    drawn = bootstrap.draws(int(edits.owner.max()) + 1, resamples)
    found = {
        name: {
            key: bootstrap.figure(each)
            for key, each in bootstrap.sampled(dict(scores_of(edits, *of)), drawn).items()
        }
        for name, of in columns.items()
    }
    yield markdown(["", *columns])
    yield markdown(["---", *["---:"] * len(columns)])
    for key in next(iter(found.values())):
        yield markdown([key, *(cell(each[key]) for each in found.values())])


def cell(figure: Figure) -> str:
    """A share with its interval."""
    if figure.value is None:
        return "–"
    interval = "" if figure.low is None else f" [{figure.low:.3f}, {figure.high:.3f}]"
    return f"{figure.value:.3f}{interval}"


def main() -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--again", type=Path, default=AGAIN)
    parser.add_argument("--checkpoint", default=Config().checkpoint)
    parser.add_argument("--split", choices=("calibration", "test"), default="test")
    parser.add_argument("--resamples", type=int, default=1000)
    flags = parser.parse_args()
    predictor = of_checkpoint(locate(flags.checkpoint))
    examples = corpus.as_functions(e for e in corpus.read(flags.corpus) if e.split == flags.split)
    edits = edits_of(examples, times(flags.again), predictor)
    print(f"{len(edits.corpus) // 2:,} edits of {edits.owner.max() + 1} problems, each both ways round\n")
    print("\n".join(table(edits, flags.resamples)))


if __name__ == "__main__":
    main()
