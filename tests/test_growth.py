"""Growth exponents: exact on power laws, near under noise, and not led astray by a constant part."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.training.profile.growth import exponent

SIZES = (16, 64, 256, 1024, 4096)
POWERS = st.floats(0.3, 3.0)


def values(power: float, *, factor: float = 1.0, offset: float = 0.0) -> list[float]:
    return [offset + factor * size**power for size in SIZES]


@given(st.floats(-1.0, 3.5), st.floats(1e-9, 1e9), st.integers(3, 5))
def test_a_power_law_has_its_exponent(power: float, factor: float, points: int) -> None:
    found = exponent(SIZES[:points], values(power, factor=factor)[:points])
    assert found is not None
    assert (found.exponent, found.error, found.points) == (
        pytest.approx(power, abs=1e-6), pytest.approx(0, abs=1e-6), points,
    )  # fmt: skip


@given(POWERS, st.floats(1e-7, 1e3), st.floats(0.5, 50.0))
def test_a_constant_part_is_found_and_leaves_the_exponent_as_it_is(
    power: float, factor: float, share: float
) -> None:
    offset = share * factor * SIZES[1] ** power
    costs = values(power, factor=factor, offset=offset)
    found = exponent(SIZES, costs)
    assert found is not None
    if found.offset:
        assert (found.exponent, found.offset) == (
            pytest.approx(power, abs=0.02),
            pytest.approx(offset, rel=0.02),
        )
    else:  # a power law alone describes the costs within two hundredths
        factors = [
            math.log(cost) - found.exponent * math.log(size) for size, cost in zip(SIZES, costs, strict=True)
        ]
        assert statistics.pstdev(factors) < 0.02


@given(POWERS, st.integers(0, 10_000))
def test_noise_of_a_fiftieth_moves_the_exponent_by_less_than_a_tenth(power: float, seed: int) -> None:
    chance = random.Random(seed)
    noisy = [value * math.exp(chance.gauss(0, 0.02)) for value in values(power)]
    found = exponent(SIZES, noisy)
    assert found is not None
    assert found.exponent == pytest.approx(power, abs=0.1)


def test_the_error_is_about_the_scatter_of_exponents_from_noisy_costs() -> None:
    chance = random.Random(0)
    fits = [exponent(SIZES, [v * math.exp(chance.gauss(0, 0.01)) for v in values(1.0)]) for _ in range(300)]
    kept = [fit for fit in fits if fit is not None]
    spread = math.sqrt(sum((fit.exponent - 1) ** 2 for fit in kept) / len(kept))
    error = math.sqrt(sum(fit.error**2 for fit in kept) / len(kept))
    assert error == pytest.approx(spread, rel=0.25)


def test_a_cost_that_does_not_grow_has_exponent_zero() -> None:
    found = exponent(SIZES, [336.0] * 5)
    assert found is not None
    assert (found.exponent, found.offset) == (pytest.approx(0, abs=1e-9), 0.0)


def test_n_log_n_grows_a_little_more_than_linearly() -> None:
    found = exponent(SIZES, [size * math.log2(size) for size in SIZES])
    assert found is not None
    assert 1.1 < found.exponent < 1.3


def test_costs_below_the_floor_count_as_the_floor() -> None:
    found = exponent(SIZES, [-3.0, 0.0, 5.0, 31.0, 32.0], floor=32.0)
    assert found is not None
    assert (found.exponent, found.points) == (pytest.approx(0, abs=1e-9), 5)


@pytest.mark.parametrize(
    ("sizes", "costs"),
    [
        ([], []),
        ([16, 64], [1.0, 2.0]),
        ([16, 16, 64], [1.0, 1.0, 2.0]),
        ([16, 64, 256], [1.0, 0.0, 2.0]),
        ([16, 64, 256], [1.0, math.nan, 2.0]),
        ([0, 64, 256], [1.0, 1.0, 2.0]),
    ],
)
def test_fewer_than_three_sizes_with_a_cost_say_nothing(sizes: list[float], costs: list[float]) -> None:
    assert exponent(sizes, costs) is None


@given(st.permutations(range(5)))
def test_the_order_of_the_points_does_not_matter(order: list[int]) -> None:
    costs = values(1.5, offset=300.0)
    assert exponent([SIZES[i] for i in order], [costs[i] for i in order]) == exponent(SIZES, costs)
