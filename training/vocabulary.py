"""The names that a checkpoint's training code uses, and how many others a change may use.

`ci_rlm.predict.unlike` says what is counted, `benchmarks/unlike.py` what it is worth.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from ci_rlm.flow import Vocabulary
from ci_rlm.predict import unlike
from ci_rlm.training.corpus import Example
from ci_rlm.training.questions import edit_pairs, points_of

PROBLEMS = 3
"""A name is known that the programs of so many problems use: what one author calls is learned of no one."""
LEAST = 0.5
"""Share of unknown names over which a change is unlike, at the least. Of 73 claims of a regression that
a bound on false alarms left, on edits in packages and on their releases, 65 were right; of the 64 up to
here 62, of the 48 up to 0.25 only 46: a lower limit loses right claims and no more wrong ones."""
SURE = 0.95
"""Of the held-out edits at least this share is called like the training code, whatever `LEAST` says."""


def fit(examples: Sequence[Example]) -> Vocabulary | None:
    """The vocabulary of the training split, its limit held against the edits of the calibration split.

    `examples` are as a gate reads them (`corpus.as_functions`). None if that split uses no name often enough.
    """
    users: dict[str, set[str]] = defaultdict(set)
    for example in examples:
        if example.split == "train":
            users[example.problem].update(unlike.used(example.text))
    counts = Counter(name for names in users.values() for name in names)
    known = tuple(sorted(name for name, problems in counts.items() if problems >= PROBLEMS))
    if not known:
        return None
    shares = _shares([example for example in examples if example.split == "calibration"], known)
    limit = max(LEAST, float(np.quantile(shares, SURE))) if shares else LEAST
    return Vocabulary(known, round(limit, 4))


def _shares(examples: Sequence[Example], known: tuple[str, ...]) -> list[float]:
    points = points_of(examples)
    texts = {(points[pair.before][0].text, points[pair.after][0].text) for pair in edit_pairs(points)}
    found = Vocabulary(known, 0.0)
    return [unlike.share(unlike.used_by_change(*both), found) for both in texts]
