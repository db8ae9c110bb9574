"""Numbers as the paper's P10 tokens: sign, mantissa digits, one exponent token.

A value is ± m × 10^e with an integer m of `digits` digits and e from −range to +range (Charton,
arXiv:2112.01898; the encoding of some released checkpoints). Canonical form as in
`number_codec.py`: the first digit is not 0 but in exact zero, which is +, zeros, E0.

The mantissa comes before the exponent, so the order of tokens is not the order of numbers:
`ordered` is False, and what needs that order estimates instead (`ranks.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from ci_rlm.model.number_codec import DIGITS, MINUS, PLUS, ZERO, Grammar, SpelledNumbers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

_FIRST_EXPONENT = DIGITS[-1] + 1


@dataclass(frozen=True, slots=True)
class P10Format(SpelledNumbers):
    """`digits` mantissa digits and exponents from −`exponent_range` to `exponent_range`."""

    digits: int = 6
    exponent_range: int = 10

    ordered: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 1 <= self.digits <= 15:
            raise ValueError(f"digits is {self.digits}; a float holds 1 to 15")
        if not 0 <= self.exponent_range <= 99:
            raise ValueError(f"exponent_range is {self.exponent_range}, not 0 to 99")

    @property
    def length(self) -> int:
        """Tokens of one number."""
        return 2 + self.digits

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The spelling of each token in the paper's notation, by id; the pad is spelled empty."""
        exponents = range(-self.exponent_range, self.exponent_range + 1)
        return ("", "+", "-", *map(str, range(10)), *(f"E{e}" for e in exponents))

    @property
    def tables(self) -> Grammar:
        """The grammar; its order is that of the mantissas, not of the numbers."""
        return _grammar(self)

    def encode(self, value: float) -> tuple[int, ...]:
        """The tokens of the nearest number of this format, ties to even.

        Raises ValueError for NaN, infinities, and magnitudes that round out of range.
        """
        rounding = Context(prec=self.digits, rounding=ROUND_HALF_EVEN)
        rounded = rounding.create_decimal_from_float(float(value))
        if not rounded.is_finite():
            raise ValueError(f"{value!r} is not a number of the number format")
        if rounded == 0:
            return (PLUS, *[ZERO] * self.digits, self._exponent(0))
        exponent = rounded.adjusted() - self.digits + 1
        if abs(exponent) > self.exponent_range:
            raise ValueError(f"{value!r} is outside the number format: it needs 10^{exponent}")
        sign, digits, _ = rounded.as_tuple()
        mantissa = [*digits, *[0] * (self.digits - len(digits))]
        return (MINUS if sign else PLUS, *(DIGITS[d] for d in mantissa), self._exponent(exponent))

    def encode_floor(self, value: float) -> tuple[int, ...]:
        """P10 tokens are not in numeric order, so a floor is of no use: always a ValueError."""
        raise ValueError(f"P10 tokens are not in numeric order: no exact F({value!r})")

    def decode(self, tokens: ArrayLike) -> NDArray[np.float64]:
        """The floats nearest to the numbers along the last axis of `tokens`.

        Raises ValueError if a row is not a canonical number.
        """
        import numpy as np

        rows = np.asarray(tokens, dtype=np.int64)
        self.tables.refuse_ungrammatical(rows, self.length)
        flat = rows.reshape(-1, self.length)
        values = [self._value(row) for row in flat.tolist()]
        return np.array(values, dtype=np.float64).reshape(rows.shape[:-1])

    def _exponent(self, exponent: int) -> int:
        return _FIRST_EXPONENT + self.exponent_range + exponent

    def _value(self, row: list[int]) -> float:
        sign, *digits, exponent = (self.vocabulary[token] for token in row)
        return float(f"{sign}{''.join(digits)}{exponent}")


@lru_cache
def _grammar(number_format: P10Format) -> Grammar:
    """States: 0 start, 1 after +, 2 after −, then a digit further each; the last is inside of zero."""
    digits, exponents = number_format.digits, range(_FIRST_EXPONENT, len(number_format.vocabulary))
    zero_exponent = number_format._exponent(0)
    # (state) -> {token: next state}: digit k of a number is state 2 + k, of zero 2 + digits + k.
    follow: list[dict[int, int]] = [{MINUS: 2, PLUS: 1}]
    follow.append({ZERO: 3 + digits, **dict.fromkeys(DIGITS[1:], 3)})
    follow.append(dict.fromkeys(DIGITS[1:], 3))
    follow += [dict.fromkeys(DIGITS, 3 + k) for k in range(1, digits)]
    follow.append(dict.fromkeys(exponents, 0))
    follow += [{ZERO: 3 + digits + k} for k in range(1, digits)]
    follow.append({zero_exponent: 0})
    return Grammar.of(follow, len(number_format.vocabulary))
