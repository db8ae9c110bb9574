"""Units before with units after, through renames and moves.

Three rules, each on what the one above it left: the same name in the same file; the same
canonical text anywhere, where one unit alone has it on each side; the most similar text
anywhere. What no rule matches is new or removed.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import nsmallest
from itertools import pairwise

from ci_rlm.extract.canonical import canonical, is_bare, unannotated
from ci_rlm.extract.outline import simple, unnumbered
from ci_rlm.flow import Change, Kind, Unit

SIMILAR = 0.6
"""The Dice coefficient of token bigrams from which two texts count as versions of one function."""
RENAMED_BIGRAMS = 16
"""Shorter functions look alike by chance: they need the same name to be matched by similarity.

With both limits, 9 of 300 standard-library functions find a match among 300 from other modules.
"""
_COMMON = 64
"""A bigram of more units than this tells none of them apart, so it leads to no candidates."""
_CANDIDATES = 16
"""How many units of the other side one unit is compared with: the cost stays linear."""
_HEAD = re.compile(r"^((?:async )?def )\w+", re.MULTILINE)
_TOKEN = re.compile(r"\w+|[^\w\s]")

Pairs = list[tuple[Unit, Unit]]
Bigrams = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Matching:
    """Units that are versions of each other, and those left alone on each side."""

    pairs: tuple[tuple[Unit, Unit], ...]
    before: tuple[Unit, ...]
    after: tuple[Unit, ...]


def pair(before: Sequence[Unit], after: Sequence[Unit]) -> Iterator[Change]:
    """The changes between two versions of one file, in no set order; equal source gives none."""
    named = by_name(before, after)
    moved = elsewhere(named.before, named.after)
    for one, other in (*named.pairs, *moved.pairs):
        if has_changed(one, other):
            yield Change(one, other, is_equal(one, other))
    yield from (Change(unit, None) for unit in moved.before)
    yield from (Change(None, unit) for unit in moved.after)


def has_changed(before: Unit, after: Unit) -> bool:
    """Whether a pair differs in its text, its file or its name."""
    moved = before.path != after.path or unnumbered(before.name) != unnumbered(after.name)
    return moved or before.source != after.source


def is_equal(before: Unit, after: Unit) -> bool:
    """Whether both canonical texts are the same, the definition's own name aside.

    Type annotations of a function make no difference unless a decorator may read them.
    A renamed unit is equal only if neither name occurs in its text: there it may call
    itself on one side and another function on the other.
    """
    if simple(before.name) == simple(after.name):
        return before.source == after.source or _text(before) == _text(after) or _bare(before) == _bare(after)
    text = _anonymous(before)
    names = {re.escape(simple(unit.name)) for unit in (before, after)}
    return text == _anonymous(after) and not re.search(rf"\b({'|'.join(sorted(names))})\b", text)


def by_name(before: Sequence[Unit], after: Sequence[Unit]) -> Matching:
    """Match the units of one file by qualified name and kind.

    Where several share a name (accessors of a property, branches of a condition), equal
    texts are matched first, then similar ones, then the n-th with the n-th if as many
    stand on both sides.
    """
    pairs: Pairs = []
    groups = _grouped(after, _name_and_kind)
    for key, group in _grouped(before, _name_and_kind).items():
        pairs.extend(_namesakes(group, groups.get(key, [])))
    return _matching(pairs, before, after)


def elsewhere(before: Sequence[Unit], after: Sequence[Unit]) -> Matching:
    """Match units that were moved or renamed, over all files of a change."""
    matching = Matching((), tuple(before), tuple(after))
    for key in (_text_and_name, _text_and_simple_name, _text_and_kind):
        matching = _and_then(matching, _only_ones(matching.before, matching.after, key))
    return _and_then(matching, _most_similar(matching.before, matching.after, _may_be_renamed))


def _namesakes(before: Sequence[Unit], after: Sequence[Unit]) -> Pairs:
    if len(before) == len(after) == 1:
        return [(before[0], after[0])]
    matching = _matching(_same_text(before, after), before, after)
    matching = _and_then(matching, _most_similar(matching.before, matching.after, _is_namesake))
    if len(before) == len(after):
        nth = {unit.name: unit for unit in matching.after}
        in_order = [(unit, nth[unit.name]) for unit in matching.before if unit.name in nth]
        matching = _and_then(matching, in_order)
    return list(matching.pairs)


def _same_text(before: Sequence[Unit], after: Sequence[Unit]) -> Pairs:
    groups = _grouped(after, _text)
    return [
        both
        for text, group in _grouped(before, _text).items()
        for both in zip(group, groups.get(text, []), strict=False)
    ]


def _only_ones(before: Sequence[Unit], after: Sequence[Unit], key: Callable[[Unit], Hashable]) -> Pairs:
    """Pairs that share a key with each other and with nothing else on either side."""
    groups = _grouped(after, key)
    alone = ((group, groups.get(shared, [])) for shared, group in _grouped(before, key).items())
    return [(one[0], other[0]) for one, other in alone if len(one) == len(other) == 1]


def _most_similar(
    before: Sequence[Unit], after: Sequence[Unit], may_pair: Callable[[Unit, Unit, int], bool]
) -> Pairs:
    """Greedy pairs from the most similar down; ties go to the same name, then to the first."""
    ranked = sorted(_scores(before, after, may_pair))
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _distance, _renamed, one, other in ranked:
        if one not in pairs and other not in taken:
            pairs[one] = other
            taken.add(other)
    return [(before[one], after[other]) for one, other in pairs.items()]


def _scores(
    before: Sequence[Unit], after: Sequence[Unit], may_pair: Callable[[Unit, Unit, int], bool]
) -> Iterator[tuple[float, bool, int, int]]:
    """Yield (1 - similarity, names differ, index before, index after) of the pairs worth making."""
    if not before or not after:
        return
    texts = [_bigrams(unit) for unit in before], [_bigrams(unit) for unit in after]
    for one, other in _candidates(*texts):
        size = len(texts[0][one]) + len(texts[1][other])
        similarity = 2 * len(texts[0][one] & texts[1][other]) / size
        if similarity >= SIMILAR and may_pair(before[one], after[other], size // 2):
            renamed = simple(before[one].name) != simple(after[other].name)
            yield 1 - similarity, renamed, one, other


def _candidates(before: Sequence[Bigrams], after: Sequence[Bigrams]) -> Iterator[tuple[int, int]]:
    """Yield the (before, after) indices of texts that share the most of their rarer bigrams."""
    holders: dict[tuple[str, str], list[int]] = defaultdict(list)
    for one, bigrams in enumerate(before):
        for bigram in bigrams:
            holders[bigram].append(one)
    rare = {bigram: found for bigram, found in holders.items() if len(found) <= _COMMON}
    for other, bigrams in enumerate(after):
        shared = Counter(one for bigram in bigrams for one in rare.get(bigram, ()))
        ranked = ((-count, one) for one, count in shared.items())
        yield from ((one, other) for _count, one in nsmallest(_CANDIDATES, ranked))


def _is_namesake(_before: Unit, _after: Unit, _bigrams: int) -> bool:
    return True


def _may_be_renamed(before: Unit, after: Unit, bigrams: int) -> bool:
    named_alike = simple(before.name) == simple(after.name)
    return before.kind is after.kind and (named_alike or bigrams >= RENAMED_BIGRAMS)


def _bigrams(unit: Unit) -> Bigrams:
    return frozenset(pairwise(_TOKEN.findall(_anonymous(unit))))


def _name_and_kind(unit: Unit) -> Hashable:
    return unnumbered(unit.name), unit.kind


def _text_and_name(unit: Unit) -> Hashable:
    return unit.kind, _anonymous(unit), unnumbered(unit.name)


def _text_and_simple_name(unit: Unit) -> Hashable:
    return unit.kind, _anonymous(unit), simple(unit.name)


def _text_and_kind(unit: Unit) -> Hashable:
    return unit.kind, _anonymous(unit)


def _text(unit: Unit) -> str:
    return _canonical(unit.source, unit.language)


def _anonymous(unit: Unit) -> str:
    """The canonical text with `?` for the name in the definition's own head."""
    return _HEAD.sub(r"\1?", _text(unit), count=1)


def _bare(unit: Unit) -> str:
    """The text without annotations, where none of them can matter to a call."""
    # Triton's compiler reads them.
    bare = unit.kind is Kind.FUNCTION and is_bare(unit.source)
    return unannotated(unit.source, unit.language) if bare else _text(unit)


@lru_cache(maxsize=1 << 14)
def _canonical(source: str, language: str) -> str:
    return canonical(source, language)


def _grouped(units: Iterable[Unit], key: Callable[[Unit], Hashable]) -> dict[Hashable, list[Unit]]:
    groups: dict[Hashable, list[Unit]] = defaultdict(list)
    for unit in units:
        groups[key(unit)].append(unit)
    return groups


def _and_then(matching: Matching, pairs: Pairs) -> Matching:
    rest = _matching(pairs, matching.before, matching.after)
    return Matching(matching.pairs + rest.pairs, rest.before, rest.after)


def _matching(pairs: Pairs, before: Sequence[Unit], after: Sequence[Unit]) -> Matching:
    # By identity, since hashing a unit hashes its whole source.
    matched = {id(unit) for both in pairs for unit in both}
    return Matching(
        tuple(pairs),
        tuple(unit for unit in before if id(unit) not in matched),
        tuple(unit for unit in after if id(unit) not in matched),
    )
