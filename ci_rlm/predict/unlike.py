"""Changes unlike the code that a checkpoint learned from, told by the names that they use.

What a call costs is in its callee, which a prompt shows only if it is near. Of any other the model
knows what it learned of its name: much of `append`, nothing of `einsum`. Where most of what a change's
lines call, or take from an object, is used nowhere in the training code, the model hardly tells bad
edits from neutral ones (`benchmarks/unlike.py`). The surprisal of the tokens and the spread of its own
answers showed that less well, and no reviewer can check them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from keyword import iskeyword

from ci_rlm.flow import Vocabulary
from ci_rlm.marks import MARKS, Side, marked

# Strangers write the text: each pattern takes time in proportion to it, and an open string ends its line.
_STRING = re.compile(r"\"(?:\\.|[^\"\\\n])*+\"?|'(?:\\.|[^'\\\n])*+'?")
_USED = re.compile(r"\.\s*+([^\W\d]\w*+)|\b([^\W\d]\w*+)\s*+\(")
_DEFINED = re.compile(r"\b(?:def|class)\s++([^\W\d]\w*+)")
_BOTH = MARKS[Side.BOTH]


def used(text: str) -> tuple[str, ...]:
    """The names that a text calls or takes from an object, as they come; none that it defines, none twice."""
    bare = _STRING.sub('""', text)
    found = (attribute or called for attribute, called in _USED.findall(bare))
    defined = set(_DEFINED.findall(bare))
    return tuple(name for name in dict.fromkeys(found) if name not in defined and not iskeyword(name))


def used_by_change(before: str, after: str) -> tuple[str, ...]:
    """The names that lines of one version alone use, and that neither version defines."""
    lines = marked(before, after).split("\n")
    changed = "\n".join(line[1:] for line in lines if line[:1] != _BOTH)
    defined = {*_DEFINED.findall(before), *_DEFINED.findall(after)}
    return tuple(name for name in used(changed) if name not in defined)


def share(names: Iterable[str], vocabulary: Vocabulary) -> float:
    """Share of the names that the training code does not use, 0 to 1; 0 of none."""
    each = list(names)
    return len(strangers(each, vocabulary)) / len(each) if each else 0.0


def strangers(names: Iterable[str], vocabulary: Vocabulary) -> tuple[str, ...]:
    """Those of the names that the training code does not use, in order."""
    known = _known(vocabulary)
    return tuple(name for name in names if name not in known)


@lru_cache(maxsize=4)
def _known(vocabulary: Vocabulary) -> frozenset[str]:
    return frozenset(vocabulary.names)


def strangers_of(before: str, after: str, vocabulary: Vocabulary | None) -> tuple[str, ...]:
    """The strangers that a change uses, in order, if they are over the vocabulary's limit; else none.

    `before` and `after` are the texts of its prompts. Without a vocabulary nothing is unlike.
    """
    if vocabulary is None:
        return ()
    names = used_by_change(before, after)
    return strangers(names, vocabulary) if share(names, vocabulary) > vocabulary.limit else ()
