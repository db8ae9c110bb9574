"""Exact decoding against enumeration of every number of a small format."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ci_rlm.flow import Kind, Metric, Space
from ci_rlm.model import decode, search
from ci_rlm.model.config import ModelConfig
from ci_rlm.model.network import LEAST_ROWS, Network, collate
from ci_rlm.model.number_codec import DIGITS, MINUS, PLUS, VOCABULARY, ZERO, Grammar, NumberFormat

TINY = NumberFormat(exponent_digits=1, mantissa_digits=1)
SMALL = NumberFormat(exponent_digits=1, mantissa_digits=2)
PERCENTILES = [percent / 100 for percent in range(1, 100)]


@dataclass(frozen=True)
class Sums:
    """The rows of a `RandomDecoder`: a running sum for each, of shape (prompts, rows, tokens)."""

    sums: Tensor
    length: int

    def repeat(self, rows: int) -> Sums:
        return Sums(self.sums.expand(-1, rows, -1), self.length)

    def pick(self, parent: Tensor) -> Sums:
        return Sums(self.sums[torch.arange(len(parent))[:, None], parent], self.length)


class RandomDecoder:
    """Logits are a fixed random function of the prompt and of all the tokens before."""

    device = torch.device("cpu")

    def __init__(self, number_format: NumberFormat, seed: int) -> None:
        self.number_format = number_format
        generator = torch.Generator().manual_seed(seed)
        self.weights = 3 * torch.randn(40, VOCABULARY, VOCABULARY, generator=generator, dtype=torch.float64)

    def extend(self, tokens: Tensor, memory: Tensor, cache: Sums | None = None) -> tuple[Tensor, Sums]:
        start = cache.length if cache else 0
        positions = torch.arange(start, start + tokens.shape[2])
        past = cache.sums[:, :, None] if cache else memory[:, None, None]
        sums = past + self.weights[positions, tokens].cumsum(2)
        return 3 * sums.sin(), Sums(sums[:, :, -1], start + tokens.shape[2])


def prompts(count: int) -> Tensor:
    return torch.randn(count, VOCABULARY, generator=torch.Generator().manual_seed(99))


def every_number(number_format: NumberFormat) -> list[tuple[float, tuple[int, ...]]]:
    """(value, tokens) of each number, ascending; spelled without the grammar's tables."""
    places = number_format.mantissa_digits
    rows = [(0.0, (ZERO,) * number_format.length)]
    for mantissa in range(10 ** (places - 1), 10**places):
        digits = [DIGITS[int(digit)] for digit in str(mantissa)]
        for exponent in range(-9, 10):
            value = float(f"{mantissa}e{exponent - places + 1}")
            tail = (MINUS if exponent < 0 else PLUS, DIGITS[abs(exponent)], *digits)
            rows += [(value, (PLUS, *tail)), (-value, (MINUS, *tail))]
    return sorted(rows)


def brute_force(
    decoder: RandomDecoder, memory: Tensor, given: list[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Every number's value and probability for one prompt, ascending.

    A token is legal where some number continues so; each prefix's legal tokens share its mass.
    """
    numbers = every_number(decoder.number_format)
    continues: dict[tuple[int, ...], set[int]] = {}
    for _, tokens in numbers:
        for position, token in enumerate(tokens):
            continues.setdefault(tokens[:position], set()).add(token)
    prefix = [0, *(token for value in given for token in decoder.number_format.encode(value))]
    sequences = torch.tensor([[[*prefix, *tokens[:-1]] for _, tokens in numbers]])
    logits = decoder.extend(sequences, memory)[0][0, :, len(prefix) - 1 :].double().exp().numpy()
    probability = np.ones(len(numbers))
    for row, (_, tokens) in enumerate(numbers):
        for position, token in enumerate(tokens):
            weights = logits[row, position]
            probability[row] *= weights[token] / weights[sorted(continues[tokens[:position]])].sum()
    return np.array([value for value, _ in numbers]), probability


def quantiles_of(values: NDArray[np.float64], probability: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[np.searchsorted(probability.cumsum(), PERCENTILES)]


@pytest.mark.parametrize("seed", range(4))
def test_quantiles_are_those_of_the_enumerated_distribution(seed: int) -> None:
    decoder, memory = RandomDecoder(SMALL, seed), prompts(2)
    found = decode.quantiles(decoder, memory, [[7.0], [-0.5]], PERCENTILES)
    for index, given in enumerate([[7.0], [-0.5]]):
        expected = quantiles_of(*brute_force(decoder, memory[index, None], given))
        assert found[index, 0].tolist() == expected.tolist()


def test_each_metric_is_conditioned_on_the_median_of_the_one_before() -> None:
    decoder, memory = RandomDecoder(TINY, 5), prompts(1)
    found = decode.quantiles(decoder, memory, [[30.0]], PERCENTILES, metrics=3)[0]
    given = [30.0]
    for metric in range(3):
        values = quantiles_of(*brute_force(decoder, memory, given))
        assert found[metric].tolist() == values.tolist()
        given.append(values[PERCENTILES.index(0.5)])


def test_the_chain_follows_the_median_even_if_it_is_not_asked_for() -> None:
    decoder, memory = RandomDecoder(TINY, 5), prompts(2)
    with_median = decode.quantiles(decoder, memory, [[], []], [0.1, 0.5, 0.9], metrics=2)
    without = decode.quantiles(decoder, memory, [[], []], [0.1, 0.9], metrics=2)
    assert np.array_equal(without, with_median[..., [0, 2]])


def test_probabilities_may_come_in_any_order_and_twice() -> None:
    decoder, memory = RandomDecoder(SMALL, 6), prompts(2)
    ascending = decode.quantiles(decoder, memory, [[], []], [0.1, 0.3, 0.9], metrics=2)
    shuffled = decode.quantiles(decoder, memory, [[], []], [0.9, 0.1, 0.9, 0.3], metrics=2)
    assert np.array_equal(shuffled, ascending[..., [2, 0, 2, 1]])


class Counting(RandomDecoder):
    """Remembers which prefixes it was asked to extend."""

    def __init__(self, number_format: NumberFormat, seed: int) -> None:
        super().__init__(number_format, seed)
        self.sums: list[list[tuple[float, ...]]] = []

    def extend(self, tokens: Tensor, memory: Tensor, cache: Sums | None = None) -> tuple[Tensor, Sums]:
        logits, longer = super().extend(tokens, memory, cache)
        self.sums.append([tuple(row) for row in longer.sums[0].tolist()])
        return logits, longer


def test_a_prefix_that_quantiles_share_is_decoded_once() -> None:
    decoder, memory = Counting(SMALL, 2), prompts(1).expand(LEAST_ROWS, -1)
    values = decode.quantiles(decoder, memory, [[]] * LEAST_ROWS, PERCENTILES)[0, 0]
    written = [decoder.number_format.encode(value) for value in values]
    for length, rows in enumerate(decoder.sums):
        assert len(rows) == len(set(rows)) == len({tokens[:length] for tokens in written})


@pytest.mark.parametrize("given", [[], [3.0], [3.0, -20.0]], ids=len)
def test_the_distribution_function_sums_the_enumerated_probabilities(given: list[float]) -> None:
    decoder, memory = RandomDecoder(SMALL, 11), prompts(1)
    values, probability = brute_force(decoder, memory, given)
    found = decode.cdf(decoder, memory, [given], values[None])
    assert np.abs(found[0] - probability.cumsum()).max() < 1e-10


def test_the_distribution_function_is_a_step_between_two_numbers() -> None:
    decoder, memory = RandomDecoder(SMALL, 11), prompts(1)
    on_grid = decode.cdf(decoder, memory, [[]], [[1.2, -1.3, 0.0, -9.9e9]])
    between = decode.cdf(decoder, memory, [[]], [[1.29, -1.21, 1e-300, -9.81e9]])
    assert np.array_equal(on_grid, between)


def test_an_interval_holds_the_mass_between_its_ends() -> None:
    decoder, memory = RandomDecoder(SMALL, 3), prompts(2)
    found = decode.interval(decoder, memory, [[], []], -2.0, 31.0)
    for index in range(2):
        values, probability = brute_force(decoder, memory[index, None], [])
        expected = probability[(values > -2) & (values <= 31)].sum()
        assert found[index] == pytest.approx(expected, abs=1e-12)


def test_samples_follow_the_enumerated_distribution() -> None:
    decoder, memory = RandomDecoder(TINY, 8), prompts(1)
    values, probability = brute_force(decoder, memory, [])
    samples = decode.sample(decoder, memory, [[]], 20_000, torch.Generator().manual_seed(1))[0, 0]
    empirical = np.searchsorted(np.sort(samples), values, side="right") / samples.size
    # Dvoretzky-Kiefer-Wolfowitz at one in a million.
    assert np.abs(empirical - probability.cumsum()).max() < np.sqrt(np.log(2e6) / (2 * samples.size))


def test_the_second_metric_of_a_sample_follows_its_own_first() -> None:
    decoder, memory = RandomDecoder(TINY, 2), prompts(1)
    generator = torch.Generator().manual_seed(1)
    first, second = decode.sample(decoder, memory, [[]], 20_000, generator, metrics=2)[0]
    commonest = max(set(first.tolist()), key=first.tolist().count)
    chosen = second[first == commonest]
    values, probability = brute_force(decoder, memory, [commonest])
    empirical = np.searchsorted(np.sort(chosen), values, side="right") / chosen.size
    assert np.abs(empirical - probability.cumsum()).max() < np.sqrt(np.log(2e6) / (2 * chosen.size))


def test_the_median_of_many_samples_is_about_the_exact_one() -> None:
    decoder, memory = RandomDecoder(TINY, 8), prompts(2)
    found = decode.median_of(decoder, memory, [[], []], 20_001, torch.Generator().manual_seed(1))
    for index in range(2):
        values, probability = brute_force(decoder, memory[index, None], [])
        low, high = values[np.searchsorted(probability.cumsum(), [0.48, 0.52])]
        assert low <= found[index, 0] <= high


def test_a_cold_sampler_always_says_the_same() -> None:
    decoder, memory = RandomDecoder(SMALL, 4), prompts(1)
    samples = decode.sample(decoder, memory, [[]], 50, torch.Generator().manual_seed(0), temperature=1e-4)
    assert len(set(samples.ravel().tolist())) == 1


def test_top_p_keeps_the_fewest_alternatives_that_reach_it() -> None:
    kept = decode.keep_top(torch.tensor([[0.1, 0.5, 0.15, 0.25], [0.97, 0.01, 0.01, 0.01]]), 0.7)
    assert kept.tolist() == torch.tensor([[0, 0.5, 0, 0.25], [0.97, 0, 0, 0]]).tolist()


def test_one_generator_state_gives_one_set_of_samples() -> None:
    decoder, memory = RandomDecoder(SMALL, 4), prompts(1)
    first, again = (
        decode.sample(decoder, memory, [[]], 64, torch.Generator().manual_seed(3), top_p=0.9)
        for _ in range(2)
    )
    assert np.array_equal(first, again)


def test_the_networks_quantiles_and_distribution_function_are_inverse() -> None:
    """F(y) reaches u at the quantile, and does not at the number before it."""
    space = Space("s", "S\n", (Kind.FUNCTION,), (Metric("m", "B"),), "test", size=100.0)
    config = ModelConfig(
        name="tiny", hardware="test", spaces=(space,), vocab_size=50, width=16, heads=2, encoder_layers=1,
        decoder_layers=2, feed_forward=24,
    )  # fmt: skip
    network = Network(config, seed=3).eval()
    with torch.inference_mode():
        memory = network.encode(*collate([[1, 5, 9, 30], [1, 7]]))
    given = [[100.0], [2e6]]
    found = decode.quantiles(network, memory, given, PERCENTILES)[:, 0]
    assert (decode.cdf(network, memory, given, found) >= np.array(PERCENTILES) - 1e-6).all()
    below = np.where(found == 0, -1e-99, found - np.abs(found) * 1e-6)
    assert (decode.cdf(network, memory, given, below) < np.array(PERCENTILES) + 1e-6).all()


OTHER_TOKENS = 34
RENAMED = np.array([0, *range(OTHER_TOKENS - 1, OTHER_TOKENS - VOCABULARY, -1)])
"""The number tokens as another vocabulary has them; the rest of it is never legal."""
PLAIN = np.zeros(OTHER_TOKENS, np.int64)
PLAIN[RENAMED] = np.arange(VOCABULARY)


class Renamed:
    """A `NumberFormat` with other tokens."""

    ordered = True

    def __init__(self, number_format: NumberFormat) -> None:
        self.plain, self.length = number_format, number_format.length
        plain = number_format.tables
        shape = (len(plain.count), OTHER_TOKENS)
        next_state, order, rank = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.full(shape, -1)
        next_state[:, RENAMED], rank[:, RENAMED] = plain.next_state, plain.rank
        order[:, :VOCABULARY] = RENAMED[plain.order]
        self.tables = Grammar(next_state, rank >= 0, order, rank, plain.count)

    def encode_all(self, values: ArrayLike) -> NDArray[np.int64]:
        return RENAMED[self.plain.encode_all(values)]

    def encode_floor(self, value: float) -> tuple[int, ...]:
        return tuple(RENAMED[list(self.plain.encode_floor(value))].tolist())

    def decode(self, tokens: ArrayLike) -> NDArray[np.float64]:
        return self.plain.decode(PLAIN[np.asarray(tokens)])

    def walk(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.plain.walk(PLAIN[np.asarray(tokens)])


class RenamedDecoder:
    """A `RandomDecoder` that speaks another vocabulary, and finds what is illegal in it likeliest."""

    device = torch.device("cpu")

    def __init__(self, decoder: RandomDecoder) -> None:
        self.decoder, self.number_format = decoder, Renamed(decoder.number_format)

    def extend(self, tokens: Tensor, memory: Tensor, cache: Sums | None = None) -> tuple[Tensor, Sums]:
        plain = torch.from_numpy(PLAIN)[tokens]
        logits, longer = self.decoder.extend(plain, memory, cache)
        renamed = torch.full((*logits.shape[:-1], OTHER_TOKENS), 50.0, dtype=logits.dtype)
        renamed[..., torch.from_numpy(RENAMED)] = logits
        return renamed, longer


def test_tokens_out_of_numeric_order_have_no_distribution_function() -> None:
    decoder = RenamedDecoder(RandomDecoder(SMALL, 9))
    decoder.number_format.ordered = False
    with pytest.raises(ValueError, match="not in numeric order"):
        decode.cdf(decoder, prompts(1), [[]], [[1.0]])


def test_the_vocabulary_is_that_of_the_grammar() -> None:
    plain, memory = RandomDecoder(SMALL, 9), prompts(2)
    renamed, given, values = RenamedDecoder(plain), [[7.0], [-0.5]], [[0.0, 3.14], [-1.0, 1e5]]
    for answer in (
        lambda decoder: decode.quantiles(decoder, memory, given, PERCENTILES, metrics=2),
        lambda decoder: decode.cdf(decoder, memory, given, values),
        lambda decoder: decode.sample(
            decoder, memory, given, 5, torch.Generator().manual_seed(0), temperature=1e-4
        ),
        lambda decoder: np.stack(search.mode(decoder, memory, given)),
        lambda decoder: search.expectation(decoder, memory, given),
    ):
        assert np.array_equal(answer(renamed), answer(plain))
