"""The names that a checkpoint's training code uses, and how many others a change may use.

`ci_rlm.predict.unlike` says what is counted, `benchmarks/unlike.py` what it is worth.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from ci_rlm.flow import Vocabulary
from ci_rlm.model import checkpoint
from ci_rlm.model.alternatives import NUMBERS
from ci_rlm.predict import unlike
from ci_rlm.training import corpus, examples
from ci_rlm.training.corpus import Example
from ci_rlm.training.networks import size_of
from ci_rlm.training.questions import edit_pairs, points_of
from ci_rlm.training.recipe import Recipe

PROBLEMS = 3
"""A name is known that the programs of so many problems use: what one author calls is learned of no one."""
LEAST = 0.5
"""Share of unknown names over which a change is unlike, at the least. Of 73 claims of a regression that
a bound on false alarms left, on edits in packages and on their releases, 65 were right; of the 64 up to
here 62, of the 48 up to 0.25 only 46: a lower limit loses right claims and no more wrong ones."""
SURE = 0.95
"""Of the held-out edits at least this share is called like the training code, whatever `LEAST` says."""


_NOTHING = Vocabulary((), LEAST)
"""Of a model that has learned of no name what it costs."""


def fit(found: Iterable[Example], also: Vocabulary = _NOTHING) -> Vocabulary | None:
    """The vocabulary of the training split, its limit held against the edits of the calibration split.

    `found` are examples as a gate reads them (`corpus.as_functions`), each read once; `also` is what
    the model knew before. None if neither has a name.
    """
    users: dict[str, set[str]] = defaultdict(set)
    held_out: list[Example] = []
    for example in found:
        if example.split == "train":
            users[example.problem].update(unlike.used(example.text))
        elif example.split == "calibration":
            held_out.append(example)
    counts = Counter(name for names in users.values() for name in names)
    learned = {name for name, problems in counts.items() if problems >= PROBLEMS}
    known = tuple(sorted(learned.union(also.names)))
    if not known:
        return None
    shares = _shares(held_out, known)
    limit = max(also.limit, float(np.quantile(shares, SURE))) if shares else also.limit
    return Vocabulary(known, round(limit, 4))


def of_run(recipe: Recipe) -> Vocabulary | None:
    """The vocabulary of what a recipe trains: of its corpus, and of the checkpoint that it starts from.

    None where that checkpoint does not tell what it learned: of its own code much would be called
    unlike. Raises CiRlmError where there is no corpus.
    """
    if recipe.head != NUMBERS:  # `masked` learns no costs, and the others' folders are no checkpoints
        return _NOTHING
    before: Vocabulary | None = _NOTHING
    if recipe.start is not None:
        before = checkpoint.read_vocabulary(checkpoint.locate(recipe.start.checkpoint))
    if before is None:
        return None
    _, found = examples.stream(
        recipe.corpus, size=size_of(recipe), time=recipe.time, protocols=recipe.protocols
    )
    return fit(map(corpus.as_function, found), before)


def _shares(held_out: Sequence[Example], known: tuple[str, ...]) -> list[float]:
    points = points_of(held_out)
    texts = {(points[pair.before][0].text, points[pair.after][0].text) for pair in edit_pairs(points)}
    vocabulary = Vocabulary(known, 0.0)
    return [unlike.share(unlike.used_by_change(*both), vocabulary) for both in texts]
