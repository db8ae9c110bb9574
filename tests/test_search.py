"""Mode and mean against enumeration of every number of a small format."""

from __future__ import annotations

import numpy as np
import pytest

from ci_rlm.model import decode, search
from tests.test_decode import SMALL, TINY, RandomDecoder, brute_force, prompts


@pytest.mark.parametrize("seed", range(6))
def test_the_mode_is_the_likeliest_number(seed: int) -> None:
    decoder, memory = RandomDecoder(SMALL, seed), prompts(2)
    values, probabilities = search.mode(decoder, memory, [[7.0], [-0.5]])
    for index, given in enumerate([[7.0], [-0.5]]):
        numbers, probability = brute_force(decoder, memory[index, None], given)
        assert values[index] == numbers[probability.argmax()]
        assert probabilities[index] == pytest.approx(probability.max(), rel=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_the_bounds_hold_the_mean_and_close_in_on_it(seed: int) -> None:
    decoder, memory, given = RandomDecoder(SMALL, seed), prompts(2), [[7.0], [-0.5]]
    clips = [[-50.0, 300.0], [0.001, 8e8]]
    found = search.expectation(decoder, memory, given, clips, tolerance=0.01)
    for index, (low, high) in enumerate(found.tolist()):
        numbers, probability = brute_force(decoder, memory[index, None], given[index])
        mean = float(np.clip(numbers, *clips[index]) @ probability)
        slack = 1e-9 * abs(mean)
        assert low - slack <= mean <= high + slack
        assert high - low <= 0.01 * max(abs(low), abs(high))


def test_the_tails_are_clipped_at_the_thousandths_unless_told_otherwise() -> None:
    decoder, memory, given = RandomDecoder(TINY, 1), prompts(1), [[3.0]]
    clips = decode.quantiles(decoder, memory, given, (0.001, 0.999))[:, 0]
    assert np.array_equal(
        search.expectation(decoder, memory, given), search.expectation(decoder, memory, given, clips)
    )


def test_all_the_numbers_give_the_mean_itself() -> None:
    decoder, memory, given = RandomDecoder(TINY, 2), prompts(1), [[3.0]]
    ((low, high),) = search.expectation(decoder, memory, given, [[-1e10, 1e10]], tolerance=0.0)
    numbers, probability = brute_force(decoder, memory, given[0])
    assert (low, high) == (pytest.approx(float(numbers @ probability), rel=1e-9),) * 2


def test_bounds_are_told_where_the_rounds_did_not_suffice() -> None:
    decoder, memory, given = RandomDecoder(SMALL, 3), prompts(1), [[3.0]]
    ((low, high),) = search.expectation(decoder, memory, given, [[-1e9, 1e9]], most_rounds=2)
    numbers, probability = brute_force(decoder, memory, given[0])
    assert low <= float(numbers @ probability) <= high
    assert high - low > 0.01 * max(abs(low), abs(high))
