"""P10 tokens and numbers are a bijection, rounded to nearest, on every number there is."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.model.p10 import P10Format

FORMATS = st.builds(P10Format, st.integers(1, 15), st.integers(0, 99))


def every_number(number_format: P10Format) -> list[str]:
    """Spelled as the paper does it, by the words of the format's docstring alone."""
    exponents = range(-number_format.exponent_range, number_format.exponent_range + 1)
    found = ["+" + "0" * number_format.digits + "E0"]
    mantissas = range(10 ** (number_format.digits - 1), 10**number_format.digits)
    return found + [f"{s}{m}E{e}" for s, m, e in itertools.product("+-", mantissas, exponents)]


def ids(number_format: P10Format, spelled: str) -> list[int]:
    return [number_format.vocabulary.index(token) for token in re.findall(r"E-?\d+|.", spelled)]


@pytest.mark.parametrize(
    "number_format", [P10Format(1, 0), P10Format(1, 2), P10Format(2, 1), P10Format(3, 0)]
)
def test_tokens_and_numbers_are_a_bijection(number_format: P10Format) -> None:
    spelled = every_number(number_format)
    rows = [ids(number_format, number) for number in spelled]
    assert number_format.decode(rows).tolist() == [float(number) for number in spelled]
    assert number_format.encode_all([float(number) for number in spelled]).tolist() == rows


@pytest.mark.parametrize("number_format", [P10Format(1, 2), P10Format(2, 1)])
def test_the_grammar_allows_these_numbers_and_no_others(number_format: P10Format) -> None:
    tables = number_format.tables
    prefixes = [((), 0)]
    for _ in range(number_format.length):
        prefixes = [
            ((*tokens, int(token)), int(tables.next_state[state, token]))
            for tokens, state in prefixes
            for token in np.flatnonzero(tables.allowed[state])
        ]
    assert sorted(tokens for tokens, _ in prefixes) == sorted(
        tuple(ids(number_format, number)) for number in every_number(number_format)
    )
    assert {state for _, state in prefixes} == {0}


@pytest.mark.parametrize(
    ("value", "spelled"),
    [(123.4, "+1234E-1"), (12345, "+1234E1"), (12355, "+1236E1"), (-0.1234, "-1234E-4"), (0.0, "+0000E0")],
)
def test_numbers_of_the_reference_are_spelled_alike_but_rounded(value: float, spelled: str) -> None:
    number_format = P10Format(4, 10)
    assert list(number_format.encode(value)) == ids(number_format, spelled)


@given(FORMATS, st.floats(allow_nan=False, allow_infinity=False))
def test_a_value_goes_to_the_nearest_number_or_is_refused(number_format: P10Format, value: float) -> None:
    try:
        tokens = number_format.encode(value)
    except ValueError:
        exponent = math.floor(math.log10(abs(value))) - number_format.digits + 1
        assert abs(exponent) >= number_format.exponent_range
        return
    assert float(number_format.decode([tokens])[0]) == float(f"{value:.{number_format.digits - 1}e}")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30, 1e-30])
def test_what_has_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="number"):
        P10Format(4, 10).encode(value)


@pytest.mark.parametrize("tokens", [[0, 4, 15], [1, 3, 13], [2, 3, 15], [1, 4, 99], [1, 4]])
def test_tokens_that_are_no_number_are_refused(tokens: list[int]) -> None:
    with pytest.raises(ValueError, match="number"):
        P10Format(1, 2).decode([tokens])


@pytest.mark.parametrize("sizes", [(0, 10), (16, 10), (6, -1), (6, 100)])
def test_sizes_that_no_float_holds_are_refused(sizes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"not|holds"):
        P10Format(*sizes)
