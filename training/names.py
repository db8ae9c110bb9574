"""Names drawn anew: an augmentation that keeps a program's cost and takes its fingerprint."""

from __future__ import annotations

import builtins
import keyword
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence

_NAME = re.compile(r"(?<![\w.\"'])[A-Za-z_]\w*\b(?![\"'])")
_KEPT = frozenset(keyword.kwlist) | frozenset(keyword.softkwlist) | frozenset(dir(builtins)) | {"self", "cls"}
_IMPORTED = re.compile(r"^ *(?:from\b.*|import\b.*)$", re.MULTILINE)


def names_in(text: str) -> list[str]:
    """Names that a program chose itself: no keywords, builtins, attributes or imports."""
    imported = set(_NAME.findall("\n".join(_IMPORTED.findall(text))))
    return sorted(set(_NAME.findall(text)) - _KEPT - imported)


def pool(texts: Iterable[str], least: int = 3) -> tuple[str, ...]:
    """Names that at least so many texts use, to draw from."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(names_in(text))
    return tuple(sorted(name for name, count in counts.items() if count >= least))


def renamed(text: str, names: Sequence[str], chance: random.Random) -> str:
    """The text with a random share of its names replaced by others, consistently."""
    own = names_in(text)
    share = chance.random()
    chosen = [name for name in own if chance.random() < share]
    fresh = chance.sample(names, min(len(names), len(chosen)))
    mapping = {name: new for name, new in zip(chosen, fresh, strict=False) if new not in own}
    return _NAME.sub(lambda match: mapping.get(match[0], match[0]), text)
