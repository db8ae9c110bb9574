"""Numbers as tokens: sign, exponent sign, exponent digits, mantissa digits.

A value is ± m₁.m₂m₃… × 10^±e (Section 3 of the paper, with the point put after the first
mantissa digit). The canonical form makes tokens and numbers a bijection: m₁ is not 0,
exponent −0 does not exist, and exact zero has a form of its own, the digit 0 throughout.

The legal continuations of a prefix depend on a small state alone, so the whole grammar,
its numeric order included, is a table; decoding looks it up and never loops over rows.

A checkpoint's configuration holds a `NumberFormat`, and a check whose answers are all cached
reads no more than that: numpy, most of such a run's imports, is loaded where arrays are made.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

PAD, PLUS, MINUS = 0, 1, 2
"""Pad is also the token that starts the decoder."""
DIGITS = tuple(range(3, 13))
"""The tokens of 0 to 9."""
ZERO = DIGITS[0]
VOCABULARY = 13

_GLYPHS = b"?+-0123456789"


class _State(NamedTuple):
    """What the legal continuations of a prefix depend on; it starts afresh with each number."""

    position: int = 0
    sign: int = PAD
    """PLUS, MINUS, or ZERO inside the form of exact zero."""
    exponent_sign: int = PAD
    """Forgotten once the exponent is complete."""
    tiny: bool = False
    """The exponent is negative and all its digits so far are 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Grammar:
    """The number grammar as tables indexed by state; state 0 starts a number."""

    next_state: NDArray[np.int64]
    """(states, tokens); the last token of a number leads back to state 0."""
    allowed: NDArray[np.bool_]
    """(states, tokens)"""
    order: NDArray[np.int64]
    """(states, ranks): the legal tokens in numeric order, PAD behind the last."""
    rank: NDArray[np.int64]
    """(states, tokens): where a legal token stands in `order`; −1 for the others."""
    count: NDArray[np.int64]
    """(states,): how many tokens are legal."""

    @classmethod
    def of(cls, follow: Sequence[Mapping[int, int]], vocabulary: int) -> Grammar:
        """From each state's legal tokens, in their order, with the state that each leads to."""
        import numpy as np

        shape = (len(follow), vocabulary)
        next_state, order, rank = np.zeros(shape, np.int64), np.full(shape, PAD), np.full(shape, -1)
        for state, choices in enumerate(follow):
            order[state, : len(choices)] = list(choices)
            for place, (token, after) in enumerate(choices.items()):
                rank[state, token], next_state[state, token] = place, after
        grammar = cls(next_state, rank >= 0, order, rank, (rank >= 0).sum(axis=1))
        for table in (next_state, grammar.allowed, order, rank, grammar.count):
            table.flags.writeable = False
        return grammar

    def walk(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """The state in which each token of one number was chosen; the shape of `tokens`."""
        import numpy as np

        states = np.zeros_like(tokens)
        for position in range(1, tokens.shape[-1]):
            before = position - 1
            states[..., position] = self.next_state[states[..., before], tokens[..., before]]
        return states

    def refuse_ungrammatical(self, rows: NDArray[np.int64], length: int) -> None:
        """Raises ValueError unless each row along the last axis is a number of `length` tokens."""
        if rows.ndim == 0 or rows.shape[-1] != length:
            raise ValueError(f"a number is {length} tokens, not an array of shape {rows.shape}")
        last = self.allowed.shape[1] - 1
        if rows.size and not (rows.min() >= 0 and rows.max() <= last):
            raise ValueError(f"number tokens run from 0 to {last}")
        legal = self.allowed[self.walk(rows), rows].all(axis=-1)
        if not legal.all():
            raise ValueError(f"not a canonical number: {rows[~legal][0].tolist()}")


class SpelledNumbers(ABC):
    """What number formats share: arrays of numbers, by way of a single one."""

    __slots__ = ()

    @property
    @abstractmethod
    def length(self) -> int:
        """Tokens of one number."""

    @property
    @abstractmethod
    def tables(self) -> Grammar:
        """The grammar, built once a process."""

    @abstractmethod
    def encode(self, value: float) -> tuple[int, ...]:
        """The tokens of the nearest number. Raises ValueError for what has none."""

    def encode_all(self, values: ArrayLike) -> NDArray[np.int64]:
        """Tokens of shape (*values.shape, length), each row as `encode` gives it."""
        import numpy as np

        flat = np.asarray(values, dtype=np.float64)
        rows = [self.encode(value) for value in flat.ravel().tolist()]
        return np.array(rows, dtype=np.int64).reshape(*flat.shape, self.length)

    def walk(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """The state in which each token of one number was chosen; the shape of `tokens`."""
        return self.tables.walk(tokens)


@dataclass(frozen=True, slots=True)
class NumberFormat(SpelledNumbers):
    """How many digits a number has: `1 + 1 + exponent_digits + mantissa_digits` tokens.

    The default spans 10⁻⁹⁹ to 9.9999 × 10⁹⁹ with five significant digits.
    """

    exponent_digits: int = 2
    mantissa_digits: int = 5

    def __post_init__(self) -> None:
        if self.exponent_digits not in (1, 2):
            raise ValueError(f"exponent_digits is {self.exponent_digits}; a float holds 1 or 2")
        if not 1 <= self.mantissa_digits <= 15:
            raise ValueError(f"mantissa_digits is {self.mantissa_digits}; a float holds 1 to 15")

    ordered: ClassVar[bool] = True
    """The order of tokens is the order of numbers."""

    @property
    def length(self) -> int:
        """Tokens of one number."""
        return 2 + self.exponent_digits + self.mantissa_digits

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The spelling of each token by id; the pad is spelled empty."""
        return ("", "+", "-", *map(str, range(10)))

    @property
    def tables(self) -> Grammar:
        """The grammar of this format, built once a process."""
        return _grammar(self)

    def encode(self, value: float) -> tuple[int, ...]:
        """The tokens of the nearest number of this format, ties to even.

        Raises ValueError for NaN, infinities, and magnitudes that round out of range.
        """
        _refuse_non_finite(value)
        return self._tokens(self._round(value, ROUND_HALF_EVEN), value)

    def encode_floor(self, value: float) -> tuple[int, ...]:
        """The tokens of the greatest number of this format that is not above `value`.

        Raises ValueError for NaN and for values below the least number.
        """
        _refuse_nan(value)
        if value >= self.greatest:
            return self.encode(self.greatest)
        _refuse_non_finite(value)
        # The float of a number of this format may lie below it: 0.29 is 0.28999…, and its own floor.
        rounded = self._round(value, ROUND_HALF_EVEN)
        if float(rounded) > value:
            rounded = self._round(value, ROUND_FLOOR)
        if rounded != 0 and rounded.adjusted() < -self._exponent_limit:
            rounded = Decimal(0) if value > 0 else Decimal(f"-1e-{self._exponent_limit}")
        return self._tokens(rounded, value)

    def decode(self, tokens: ArrayLike) -> NDArray[np.float64]:
        """The floats nearest to the numbers along the last axis of `tokens`.

        Raises ValueError if a row is not a canonical number.
        """
        import numpy as np

        rows = np.asarray(tokens, dtype=np.int64)
        self.tables.refuse_ungrammatical(rows, self.length)
        return _parse(np.frombuffer(_GLYPHS, dtype=np.uint8)[rows], self.exponent_digits)

    @property
    def greatest(self) -> float:
        """The greatest number; its negative is the least."""
        digits = "9" * self.mantissa_digits
        return float(f"{digits[0]}.{digits[1:]}e{self._exponent_limit}")

    @property
    def _exponent_limit(self) -> int:
        return int(10**self.exponent_digits) - 1

    def _round(self, value: float, rounding: str) -> Decimal:
        return Context(prec=self.mantissa_digits, rounding=rounding).create_decimal_from_float(float(value))

    def _tokens(self, rounded: Decimal, value: float) -> tuple[int, ...]:
        """The canonical tokens of a number that already has few enough digits."""
        if rounded == 0:
            return (ZERO,) * self.length
        exponent = rounded.adjusted()
        if abs(exponent) > self._exponent_limit:
            raise ValueError(f"{value!r} is outside the number format, which ends at {self.greatest!r}")
        sign, digits, _ = rounded.as_tuple()
        mantissa = [*digits, *[0] * (self.mantissa_digits - len(digits))]
        exponent_text = str(abs(exponent)).zfill(self.exponent_digits)
        return (
            MINUS if sign else PLUS,
            MINUS if exponent < 0 else PLUS,
            *(DIGITS[int(digit)] for digit in exponent_text),
            *(DIGITS[digit] for digit in mantissa),
        )


def _refuse_nan(value: float) -> None:
    if math.isnan(value):
        raise ValueError("nan is not a number of the number format")


def _refuse_non_finite(value: float) -> None:
    _refuse_nan(value)
    if math.isinf(value):
        raise ValueError(f"{value!r} is not a number of the number format")


def _parse(glyphs: NDArray[np.uint8], exponent_digits: int) -> NDArray[np.float64]:
    """Rearrange `+-02 12345` into `+1.2345e-02` and let the C library round it."""
    import numpy as np

    mantissa = 2 + exponent_digits
    point, e = (np.full_like(glyphs[..., :1], ord(letter)) for letter in ".e")
    parts = [glyphs[..., :1], glyphs[..., mantissa : mantissa + 1], point, glyphs[..., mantissa + 1 :]]
    text = np.concatenate([*parts, e, glyphs[..., 1:mantissa]], axis=-1)
    return np.ascontiguousarray(text).view(f"S{text.shape[-1]}")[..., 0].astype(np.float64)


def _choices(state: _State, number_format: NumberFormat) -> tuple[int, ...]:
    """The legal tokens in numeric order: everything is flipped for a negative number."""
    if state.position == 0:
        return (MINUS, ZERO, PLUS)
    if state.sign == ZERO:
        return (ZERO,)
    ascending = _choices_of_positive(state, number_format.exponent_digits)
    return ascending if state.sign == PLUS else ascending[::-1]


def _choices_of_positive(state: _State, exponent_digits: int) -> tuple[int, ...]:
    last_of_exponent, first_of_mantissa = 1 + exponent_digits, 2 + exponent_digits
    if state.position == 1:
        return (MINUS, PLUS)
    if state.position <= last_of_exponent:
        digits = DIGITS[1:] if state.tiny and state.position == last_of_exponent else DIGITS
        return digits if state.exponent_sign == PLUS else digits[::-1]
    return DIGITS[1:] if state.position == first_of_mantissa else DIGITS


def _follow(state: _State, token: int, number_format: NumberFormat) -> _State:
    position = state.position + 1
    if position == number_format.length:
        return _State()
    if position == 1:
        return _State(position, sign=token)
    if state.sign == ZERO or position >= 2 + number_format.exponent_digits:
        return _State(position, state.sign)
    if position == 2:
        return _State(position, state.sign, token, tiny=token == MINUS)
    return _State(position, state.sign, state.exponent_sign, state.tiny and token == ZERO)


def _reachable(number_format: NumberFormat) -> Iterator[_State]:
    """Every state once, the start first."""
    seen = {_State(): None}
    frontier = list(seen)
    while frontier:
        state = frontier.pop()
        yield state
        following = [_follow(state, token, number_format) for token in _choices(state, number_format)]
        frontier += [new for new in dict.fromkeys(following) if new not in seen]
        seen |= dict.fromkeys(following)


@lru_cache
def _grammar(number_format: NumberFormat) -> Grammar:
    index = {state: number for number, state in enumerate(_reachable(number_format))}
    follow = [
        {token: index[_follow(state, token, number_format)] for token in _choices(state, number_format)}
        for state in index
    ]
    return Grammar.of(follow, VOCABULARY)
