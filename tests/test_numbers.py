"""The number grammar against `decimal`, `f"{x:.4e}"` and plain enumeration."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.model.number_codec import DIGITS, MINUS, PAD, PLUS, ZERO, NumberFormat

FORMAT = NumberFormat()
SMALL = NumberFormat(exponent_digits=1, mantissa_digits=2)
SIGNS = {"+": PLUS, "-": MINUS}


def tokens_of_text(text: str) -> tuple[int, ...]:
    """`+1.2345e-02` as tokens, read character by character."""
    mantissa, exponent = text.split("e")
    digits = [DIGITS[int(digit)] for digit in exponent[1:] + mantissa[1:].replace(".", "")]
    return (SIGNS[mantissa[0]], SIGNS[exponent[0]], *digits)


def numbers_in_range() -> st.SearchStrategy[float]:
    positive = st.floats(1e-99, 9.9999e99)
    return st.one_of(positive, positive.map(lambda x: -x))


@st.composite
def canonical_texts(draw: st.DrawFn) -> str:
    exponent = draw(st.integers(-99, 99))
    first, rest = draw(st.integers(1, 9)), draw(st.integers(0, 9999))
    return f"{draw(st.sampled_from('+-'))}{first}.{rest:04}e{exponent:+03}"


def all_small_numbers() -> list[Decimal]:
    """Every number of one exponent digit and two mantissa digits."""
    digits = product(range(1, 10), range(10), range(-9, 10))
    magnitudes = [Decimal((0, (m1, m2), exponent - 1)) for m1, m2, exponent in digits]
    return sorted([Decimal(0), *magnitudes, *(-magnitude for magnitude in magnitudes)])


def numbers_in_table_order(number_format: NumberFormat) -> list[tuple[int, ...]]:
    """Walk the grammar depth first, alternatives as its order table has them."""

    def walk(state: int, prefix: tuple[int, ...]) -> list[tuple[int, ...]]:
        if len(prefix) == number_format.length:
            return [prefix]
        tables = number_format.tables
        choices = tables.order[state, : tables.count[state]].tolist()
        following = [(int(tables.next_state[state, token]), (*prefix, token)) for token in choices]
        return [row for state, longer in following for row in walk(state, longer)]

    return walk(0, ())


@given(numbers_in_range())
def test_encoding_rounds_as_scientific_notation_does(value: float) -> None:
    assert FORMAT.encode(value) == tokens_of_text(f"{value:+.4e}")


@given(numbers_in_range())
def test_decoding_gives_the_float_nearest_to_the_rounded_number(value: float) -> None:
    assert FORMAT.decode(FORMAT.encode(value)) == float(f"{value:.4e}")


@given(canonical_texts())
def test_each_canonical_sequence_is_one_number_and_back(text: str) -> None:
    tokens = tokens_of_text(text)
    assert FORMAT.decode(tokens) == float(text)
    assert FORMAT.encode(float(text)) == tokens


@given(st.lists(st.one_of(st.just(0.0), numbers_in_range()), min_size=2, max_size=2))
def test_the_order_of_tokens_is_the_order_of_numbers(pair: list[float]) -> None:
    rows = FORMAT.encode_all(pair)
    ranks = FORMAT.tables.rank[FORMAT.walk(rows), rows].tolist()
    rounded = [0.0 if value == 0 else float(f"{value:.4e}") for value in pair]
    assert (ranks[0] < ranks[1]) == (rounded[0] < rounded[1])


@given(numbers_in_range())
def test_the_floor_is_the_greatest_number_not_above(value: float) -> None:
    floor = FORMAT.decode(FORMAT.encode_floor(value)).item()
    step = Decimal(1).scaleb(Decimal(value).adjusted() - 4)
    assert floor <= value < float(Decimal(repr(floor)) + step)


@given(canonical_texts())
def test_the_floor_of_a_number_of_the_format_is_itself(text: str) -> None:
    assert FORMAT.encode_floor(float(text)) == tokens_of_text(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (9.99996, "+1.0000e+01"),
        (99999.5, "+1.0000e+05"),
        (-0.999996, "-1.0000e+00"),
        (108.9, "+1.0890e+02"),
        (9.99996e-100, "+1.0000e-99"),
    ],
)
def test_rounding_carries_into_the_exponent(value: float, text: str) -> None:
    assert FORMAT.encode(value) == tokens_of_text(text)


def test_zero_has_one_form_whatever_its_sign() -> None:
    assert FORMAT.encode(0.0) == FORMAT.encode(-0.0) == (ZERO,) * 9
    assert math.copysign(1, FORMAT.decode((ZERO,) * 9)) == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e100, -9.99996e99, 9e-100, -5e-324])
def test_what_the_format_cannot_hold_is_an_error_that_names_it(value: float) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(value))):
        FORMAT.encode(value)


@pytest.mark.parametrize(
    ("value", "floor"),
    [
        (math.inf, 9.9999e99),
        (1e300, 9.9999e99),
        (-1.00001, -1.0001),
        (9.9999e-100, 0.0),
        (5e-324, 0.0),
        (0.0, 0.0),
        (-5e-324, -1e-99),
    ],
)
def test_the_floor_is_defined_beyond_the_grid(value: float, floor: float) -> None:
    assert FORMAT.decode(FORMAT.encode_floor(value)) == floor


@pytest.mark.parametrize("value", [math.nan, -math.inf, -1e100])
def test_nothing_lies_below_the_least_number(value: float) -> None:
    with pytest.raises(ValueError, match="number format"):
        FORMAT.encode_floor(value)


@pytest.mark.parametrize(
    "text",
    ["+0.1000e+00", "+1.0000e-00", "-1.0000e-00"],
    ids=["leading zero", "exponent -0", "negative, exponent -0"],
)
def test_a_second_spelling_of_a_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="canonical"):
        FORMAT.decode(tokens_of_text(text))


@pytest.mark.parametrize(
    "tokens",
    [(PAD,) * 9, (ZERO,) * 8 + (DIGITS[1],), (PLUS,) * 9, (ZERO,) * 8, (13,) * 9, (-1,) * 9],
    ids=["pad", "digits behind zero", "signs only", "too short", "beyond the vocabulary", "negative"],
)
def test_what_is_not_a_number_is_refused(tokens: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="number"):
        FORMAT.decode(tokens)


def test_the_tables_enumerate_every_number_in_numeric_order() -> None:
    values = SMALL.decode(numbers_in_table_order(SMALL)).tolist()
    assert values == [float(number) for number in all_small_numbers()]


def test_the_allowed_tokens_are_those_that_some_number_continues_with() -> None:
    rows = np.array(numbers_in_table_order(SMALL))
    states = SMALL.walk(rows)
    used = np.zeros_like(SMALL.tables.allowed)
    used[states, rows] = True
    assert np.array_equal(used, SMALL.tables.allowed)


def test_the_last_token_leads_back_to_the_start() -> None:
    last = FORMAT.walk(FORMAT.encode_all([3.5e-7, -2.0, 0.0]))[:, -1]
    tables = FORMAT.tables
    assert (tables.next_state[last][tables.allowed[last]] == 0).all()


def test_arrays_of_any_shape_are_encoded_and_decoded() -> None:
    values = np.array([[1.5, -2e-9, 0.0], [7e33, 1e-99, -9.9999e99]])
    assert np.array_equal(FORMAT.decode(FORMAT.encode_all(values)), values)
    assert FORMAT.encode_all(np.empty((2, 0))).shape == (2, 0, 9)


@pytest.mark.parametrize("digits", [(0, 5), (3, 5), (2, 0), (2, 16)])
def test_a_format_that_floats_cannot_hold_is_refused(digits: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="digits"):
        NumberFormat(*digits)
