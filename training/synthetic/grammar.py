"""Random expressions: what fills the slots of an idiom.

Every production keeps numbers small (a hundredfold at most) and is defined for every value of
its kind, so programs neither fail nor spend their time on huge numbers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

Slot = Callable[[random.Random, Sequence[str]], str]
"""Makes an expression from the arguments of a slot: names, or bounds."""

MODULI = (97, 1009, 10_007, 65_536, 99_991, 998_244_353, 1_000_000_007)
_VOWELS = "'aeiou'"


def expression(slot: str, key: str, arguments: Sequence[str], seed: str) -> str:
    """The expression of one slot; the same for a seed, slot and key whatever its names are.

    Raises KeyError for an unknown slot.
    """
    return SLOTS[slot](random.Random(f"{seed}/{slot}/{key}"), arguments)


def number(chance: random.Random, low: int, high: int) -> int:
    """A whole number, small ones as likely as large ones."""
    return min(high, int(low * (high / low) ** chance.random() + chance.random()))


def _literal(chance: random.Random, bounds: Sequence[str]) -> str:
    low, high = map(int, bounds)
    return str(number(chance, low, high))


def _modulus(chance: random.Random, _: Sequence[str]) -> str:
    return str(chance.choice(MODULI))


def _operator(chance: random.Random, choices: Sequence[str]) -> str:
    return chance.choice(choices)


def _whole(chance: random.Random, names: Sequence[str]) -> str:
    """An integer from integers; with several, each is used."""
    if len(names) == 1:
        return _whole_of_one(chance, names[0], chance.choice((0, 1, 1, 1, 2)))
    left, right = (_whole_of_one(chance, name, chance.choice((0, 0, 0, 1))) for name in names[:2])
    modulus = chance.choice(MODULI)
    return chance.choice((
        f"({left} + {right})", f"({left} - {right})", f"abs({left} - {right})", f"({left} ^ {right})",
        f"max({left}, {right})", f"min({left}, {right})", f"({left} * {right} % {modulus})",
        f"({left} * {number(chance, 2, 9)} + {right})",
    ))  # fmt: skip


def _whole_of_one(chance: random.Random, name: str, depth: int) -> str:
    if depth == 0:
        return name
    inner = _whole_of_one(chance, name, depth - 1)
    small, large = number(chance, 2, 9), number(chance, 5, 5000)
    return chance.choice((
        f"({inner} + {large})", f"({inner} - {large})", f"({inner} * {small})", f"({inner} // {small})",
        f"({inner} % {large})", f"({inner} ^ {large})", f"({inner} & {2 ** chance.randint(2, 12) - 1})",
        f"abs({inner})", f"abs({inner} - {large})", f"(-{inner})", f"({inner} >> {chance.randint(1, 3)})",
        f"max({inner}, {large})", f"min({inner}, {large})", f"({inner} * {inner} % {chance.choice(MODULI)})",
        f"({inner} if {inner} > {large} else {large} - {inner})", f"({small} * {inner} + {large})",
    ))  # fmt: skip


def _condition(chance: random.Random, names: Sequence[str]) -> str:
    """A condition on an integer."""
    name = names[0]
    small, large = number(chance, 2, 9), number(chance, 3, 2000)
    return chance.choice((
        f"({name} % {small} == {chance.randrange(small)})", f"({name} > {large})", f"({name} < {large})",
        f"({name} & {2 ** chance.randrange(4)})", f"({name} % {small} and {name} % {small + 1})",
        f"({large // 3} <= {name} <= {large})", f"(not {name} % {small})", f"(abs({name}) % 10 < {small})",
        f"({name} % {small} in (0, {chance.randrange(1, 9)}))", f"({name} != {large})",
    ))  # fmt: skip


def _relation(chance: random.Random, names: Sequence[str]) -> str:
    """A condition on two integers."""
    left, right = names
    small, large = number(chance, 2, 9), number(chance, 3, 900)
    return chance.choice((
        f"({left} < {right})", f"({left} <= {right})", f"({left} != {right})", f"({left} > {right})",
        f"(({left} + {right}) % {small} == 0)", f"(abs({left} - {right}) <= {large})",
        f"(({left} ^ {right}) & {2 ** chance.randrange(3)})", f"({left} % {small} == {right} % {small})",
    ))  # fmt: skip


def _fold(chance: random.Random, names: Sequence[str]) -> str:
    """A total with one more value; the order of the values may matter."""
    total, value = names
    value = _whole_of_one(chance, value, chance.choice((0, 0, 0, 1)))
    modulus, small = chance.choice(MODULI), number(chance, 2, 90)
    return chance.choice((
        f"({total} + {value})", f"({total} + {value})", f"max({total}, {value})", f"({total} ^ {value})",
        f"(({total} * {small} + {value}) % {modulus})", f"(({total} + {value}) % {modulus})",
        f"({value} - {total})", f"max({value}, {total} - {small})", f"(({total} ^ {value}) % {modulus})",
    ))  # fmt: skip


def _gather(chance: random.Random, names: Sequence[str]) -> str:
    """A total with one more value, the same in any order of the values."""
    total, value = names
    value = _whole_of_one(chance, value, chance.choice((0, 0, 0, 1)))
    return chance.choice((f"({total} + {value})", f"max({total}, {value})", f"({total} ^ {value})"))


def _sort_key(chance: random.Random, names: Sequence[str]) -> str:
    name, small, large = names[0], number(chance, 2, 40), number(chance, 5, 900)
    return chance.choice((
        f"-{name}", f"{name} % {small}", f"abs({name})", f"({name} % {small}, {name})", f"str({name})",
        f"{name} & {2 ** chance.randint(2, 6) - 1}", f"abs({name} - {large})",
        f"(-({name} % {small}), {name})",
        f"len(str({name}))", f"{name}",
    ))  # fmt: skip


def _letters(chance: random.Random, _: Sequence[str]) -> str:
    """A text of two to five distinct letters, the same as occur in inputs."""
    return repr("".join(chance.sample("abcdefghi", chance.randint(2, 5))))


def _letter(chance: random.Random, _: Sequence[str]) -> str:
    return repr(chance.choice("abcdefghi"))


def _two_letters(chance: random.Random, _: Sequence[str]) -> str:
    return repr("".join(chance.choices("abcdefghi", k=2)))


def _alphabet(chance: random.Random, _: Sequence[str]) -> str:
    return chance.choice(("string.ascii_lowercase", repr("abcdefghijklmnopqrstuvwxyz")))


def _letter_condition(chance: random.Random, names: Sequence[str]) -> str:
    letter, small = names[0], number(chance, 2, 5)
    return chance.choice((
        f"({letter} in {_VOWELS})", f"({letter} not in {_VOWELS})", f"{letter}.isdigit()",
        f"({letter} == '{chance.choice('abcdefghi')}')", f"({letter} < '{chance.choice('cdefgh')}')",
        f"{letter}.isalpha()", f"(ord({letter}) % {small} == 0)", f"(not {letter}.isspace())",
        f"({letter} in {_letters(chance, ())})", f"({letter} != '{chance.choice('abcdefghi')}')",
    ))  # fmt: skip


def _text(chance: random.Random, names: Sequence[str]) -> str:
    """A text about as long, from a text."""
    text, one, two = names[0], chance.choice("abcd"), chance.choice("efghi")
    return chance.choice((
        f"{text}.upper()", f"{text}.swapcase()", f"{text}.replace('{one}', '{two}')",
        f"{text}.replace('{one}', '{one}{two}')", f"{text}[1:]", f"{text}[::2]", f"{text}.title()",
        f"({text} + {text}[::-1])", f"{text}.strip('{one}{two}')", f"{text}[:len({text}) // 2]",
        f"'{one}'.join({text}.split('{two}'))", f"({text}[len({text}) // 3:] + {text}[:len({text}) // 3])",
    ))  # fmt: skip


def _measure(chance: random.Random, names: Sequence[str]) -> str:
    """An integer from a word."""
    word, small = names[0], number(chance, 2, 90)
    return chance.choice((
        f"len({word})", f"sum(map(ord, {word}))", f"{word}.count('{chance.choice('abcdefghi')}')",
        f"len(set({word}))", f"ord({word}[0]) if {word} else {small}".join("()"), f"(len({word}) * {small})",
        f"{word}.find('{chance.choice('abcdefghi')}')", f"sum(ord(c) % {small} for c in {word})",
        f"(len({word}) % {small})",
    ))  # fmt: skip


def _word_condition(chance: random.Random, names: Sequence[str]) -> str:
    word, letter, small = names[0], chance.choice("abcdefghi"), number(chance, 2, 7)
    return chance.choice((
        f"(len({word}) > {small})", f"({word}[:1] == {word}[-1:])", f"{word}.startswith('{letter}')",
        f"('{letter}' in {word})", f"({word} == {word}[::-1])", f"(len({word}) % {small} == 0)",
        f"({word} > '{letter}')", f"(len(set({word})) == len({word}))", f"('{letter}' not in {word})",
    ))  # fmt: skip


def _spelling(chance: random.Random, names: Sequence[str]) -> str:
    """A word from a word."""
    word, letter, small = names[0], chance.choice("abcdefghi"), number(chance, 2, 5)
    return chance.choice((
        f"{word}[::-1]", f"{word}.upper()", f"({word} + '{letter}')", f"{word}[1:]", f"{word}.title()",
        f"{word}.strip('{letter}')", f"({word} * {small})", f"{word}.replace('{letter}', '')",
        f"''.join(sorted({word}))", f"{word}[:{small}]", f"{word}.zfill({small + 4})",
    ))  # fmt: skip


SLOTS: dict[str, Slot] = {
    "lit": _literal,
    "mod": _modulus,
    "op": _operator,
    "int": _whole,
    "cond": _condition,
    "rel": _relation,
    "fold": _fold,
    "gather": _gather,
    "key": _sort_key,
    "chars": _letters,
    "char": _letter,
    "pair": _two_letters,
    "letters": _alphabet,
    "letter": _letter_condition,
    "textual": _text,
    "measure": _measure,
    "worded": _word_condition,
    "spell": _spelling,
}
