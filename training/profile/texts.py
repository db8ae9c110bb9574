"""Texts in the likeness of recorded ones: letters, digits, brackets, tokens, and whole ones composed."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

_OPEN = {"(": ")", "[": "]", "{": "}", "<": ">"}


_SEPARATORS = (" ", ",", ";", "|", "/", "+", "&", "-", "_", ".", ":")


def text(records: Sequence[str], length: int, chance: random.Random, *, wide: bool = True) -> str:
    """A text in the likeness of the recorded ones; not wide: a recorded one, composed with itself."""
    told = [record for record in records if record]
    base = max(told, key=len)
    if not wide:
        return composed(base, length)
    joined = "".join(told)
    letters = "".join(sorted(set(joined)))
    long = [record for record in told if len(record) > 2]
    if len(long) > 1 and all(record == record[::-1] for record in long):
        half = chance.choices(letters, k=(length + 1) // 2)
        return "".join(half + half[::-1][length % 2 :])
    if joined.isalpha():
        return "".join(chance.choices(letters, k=length))
    if joined.isdigit():
        firsts = sorted({record[0] for record in long or told})
        return chance.choice(firsts) + "".join(chance.choices(letters, k=length - 1))
    if set(joined) <= set("()[]{}<>") and all(map(balanced, told)):
        return brackets([pair for pair in ("()", "[]", "{}", "<>") if pair[0] in joined], length, chance)
    if (mark := separator(told)) is not None:
        return _tokens(told, mark, length, chance)
    if re.search(r"[()\[\]{}<>]", joined) or re.search(r"[^\W\d]\d|\d[^\W\d]|\d\W|\W\d", joined):
        return composed(base, length)
    firsts, lasts = sorted({record[0] for record in told}), sorted({record[-1] for record in told})
    inner = "".join(chance.choices(joined, k=max(0, length - 2)))
    return (chance.choice(firsts) + inner + chance.choice(lasts))[:length]


def balanced(record: str) -> bool:
    """Whether every bracket of a text is closed by its own kind."""
    waiting: list[str] = []
    for sign in record:
        if sign in _OPEN:
            waiting.append(_OPEN[sign])
        elif sign in ")]}>" and (not waiting or waiting.pop() != sign):
            return False
    return not waiting


def brackets(pairs: Sequence[str], length: int, chance: random.Random) -> str:
    """A random balanced text of about as many brackets, of the given pairs."""
    made: list[str] = []
    waiting: list[str] = []
    left = max(1, length // 2)
    while left or waiting:
        if left and (not waiting or chance.random() < 0.5):
            pair = chance.choice(pairs)
            made.append(pair[0])
            waiting.append(pair[1])
            left -= 1
        else:
            made.append(waiting.pop())
    return "".join(made)


def separator(records: Sequence[str]) -> str | None:
    """The sign that parts the tokens of most of the records; None where brackets nest them."""
    if re.search(r"[()\[\]{}<>]", "".join(records)):
        return None
    for mark in _SEPARATORS:
        parted = [record for record in records if len(list(filter(None, record.split(mark)))) > 1]
        if 2 * len(parted) > len(records):
            return mark
    return None


def _tokens(records: Sequence[str], mark: str, length: int, chance: random.Random) -> str:
    tokens = [token for record in records for token in record.split(mark)]
    mean = sum(map(len, tokens)) / len(tokens) + len(mark)
    middle = chance.choices(tokens, k=max(1, round(length / mean) - 1))
    return mark.join([tokens[0], *middle])


def composed(base: str, length: int) -> str:
    """A text of about the length, made of whole copies of one: joined, or nested into each other."""
    if length < len(base):
        return base[:length] if not re.search(r"[()\[\]{}<>]", base) else base
    mark = separator([base])
    if mark is None and re.search(r"[()\[\]{}]", base):
        return _bracketed(base, length)
    copies = max(1, round(length / (len(base) + len(mark or ""))))
    return (mark or "").join([base] * copies)


def _bracketed(base: str, length: int) -> str:
    outer = _outermost(base)
    mark = next((sign for sign in "+-*&|," if sign in outer), "")
    if mark or not _wrapped(base):
        return mark.join([base] * max(1, round(length / (len(base) + len(mark)))))
    return nested(base, length)


def _outermost(base: str) -> str:
    """What lies outside of all brackets."""
    depth, found = 0, []
    for sign in base:
        depth -= sign in ")]}"
        if depth == 0:
            found.append(sign)
        depth += sign in "([{"
    return "".join(found)


def _wrapped(base: str) -> bool:
    """Whether one pair of brackets holds all, but for what stands before it."""
    start = re.search(r"[(\[{]", base)
    return (
        bool(start) and base.endswith(tuple(")]}")) and len(re.findall(r"\(\)|\[\]|{}", _outermost(base))) < 2
    )


def nested(base: str, length: int) -> str:
    """A text with copies of itself in the place of its tokens, until it has about the length."""
    places = [match for match in re.finditer(r"\w+", base) if match.start() > 0]
    places = [
        place for place in places if base[place.end() : place.end() + 1] not in ("(", "[", "{")
    ] or places
    if not places:
        return base * max(1, round(length / len(base)))
    made = base
    while len(made) + len(base) <= length:
        room = max(1, (length - len(base)) // len(made))
        made = _filled(base, places[-min(room, 2) :], made)
    return made


def _filled(base: str, places: Sequence[re.Match[str]], filling: str) -> str:
    parts, at = [], 0
    for place in places:
        parts += [base[at : place.start()], filling]
        at = place.end()
    return "".join([*parts, base[at:]])
