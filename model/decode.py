"""Exact decoding of a number's distribution: quantiles, probabilities, and samples.

The decoder defines a distribution over the finitely many numbers of a format. Because the
grammar's tables give the alternatives of every state in numeric order, one descent finds a
quantile exactly: accumulate the alternatives' probabilities, take the first that reaches u,
rescale u into its interval, go on. Nothing is sampled, nothing loops over rows.

Paths whose tokens agree so far share one row of the decoder: sign and exponent are nearly always
common to all quantiles, so the first half of a number costs hardly more than one path.

Shapes: as in network.py; K quantiles are asked for; a row is one distinct prefix of their paths,
one value, or one sample; G numbers are given, M metrics follow, L tokens make a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from ci_rlm.model.network import LEAST_ROWS
from ci_rlm.model.number_codec import Grammar

START = 0
"""In every grammar: the token that starts a decoder, and that is part of no number."""

STRATA = 256
"""Numbers that estimate the quantiles of a grammar whose tokens are not in numeric order."""


class NumberGrammar(Hashable, Protocol):
    """How numbers are spelled. Hashable: its tables are kept for each device."""

    @property
    def length(self) -> int:
        """Tokens of one number."""
        ...

    @property
    def ordered(self) -> bool:
        """Whether the order of tokens, as the tables have it, is the order of numbers."""
        ...

    @property
    def tables(self) -> Grammar:
        """What is legal in each state, and its numeric order."""
        ...

    def encode_all(self, values: ArrayLike) -> NDArray[np.int64]:
        """Tokens of the nearest numbers: shape (*values.shape, length). Raises ValueError."""
        ...

    def encode_floor(self, value: float) -> tuple[int, ...]:
        """The tokens of the greatest number that is not above `value`. Raises ValueError."""
        ...

    def decode(self, tokens: ArrayLike) -> NDArray[np.float64]:
        """The numbers along the last axis of `tokens`. Raises ValueError."""
        ...

    def walk(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """The state in which each token of one number was chosen; the shape of `tokens`."""
        ...


class Rows(Protocol):
    """What a decoder remembers of the rows so far."""

    def repeat(self, rows: int) -> Self:
        """The one row of each prompt as several equal rows."""
        ...

    def pick(self, parent_BR: Tensor) -> Self:
        """New rows, each equal to the row of its prompt that `parent_BR` names."""
        ...


MemoryT = TypeVar("MemoryT", contravariant=True)
RowsT = TypeVar("RowsT", bound=Rows)


class Decoder(Protocol[MemoryT, RowsT]):
    """Anything that gives logits for the next number token."""

    @property
    def number_format(self) -> NumberGrammar:
        """The grammar of its numbers."""
        ...

    @property
    def device(self) -> torch.device:
        """Where its tokens are to be."""
        ...

    def extend(self, tokens_BRT: Tensor, memory: MemoryT, cache: RowsT | None = None) -> tuple[Tensor, RowsT]:
        """logits_BRTV after each of T more tokens, and the longer rows."""
        ...


class Model(Decoder[Any, Any], Protocol):
    """A whole model of any family: it reads prompts, and its memory of them is decoded from."""

    def encode(self, source_BS: Tensor, keep_BS: Tensor | None = None) -> Any:
        """Read prompts; `keep_BS` is False at padding, None if nothing is padded."""
        ...


Choose = Callable[[Tensor, Tensor], Tensor]
"""(logits_BRV, state_BR) to token_BR."""


@torch.inference_mode()
def quantiles(
    network: Decoder[MemoryT, RowsT],
    memory: MemoryT,
    given_BG: ArrayLike,
    probabilities: Sequence[float],
    metrics: int = 1,
) -> NDArray[np.float64]:
    """The least y with F(y) ≥ u, for each u of `probabilities`: shape (B, M, len(probabilities)).

    Each metric is conditioned on the given numbers and on the medians of the metrics before it.
    Exact for a grammar whose tokens are in numeric order, an estimate from `STRATA` numbers for another.
    """
    if not network.number_format.ordered:
        return _estimated_quantiles(network, memory, given_BG, probabilities, metrics)
    paths = sorted({*probabilities, 0.5})
    logits_B1V, rows = _feed_given(network, memory, given_BG)
    u_BK = torch.tensor(paths, dtype=torch.float64, device=network.device).expand(len(logits_B1V), -1)
    median, asked = paths.index(0.5), [paths.index(u) for u in probabilities]
    found = []
    for metric in range(metrics):
        tokens_BKL, rows, row_BK = _descend(network, memory, rows, logits_B1V, u_BK)
        found.append(tokens_BKL[:, asked])
        if metric + 1 < metrics:
            rows = rows.pick(row_BK[:, median, None])
            logits_B1TV, rows = network.extend(tokens_BKL[:, median, None, -1:], memory, rows)
            logits_B1V = logits_B1TV[:, :, -1]
    return network.number_format.decode(torch.stack(found, dim=1).cpu().numpy())


def _estimated_quantiles(
    network: Decoder[MemoryT, RowsT],
    memory: MemoryT,
    given_BG: ArrayLike,
    probabilities: Sequence[float],
    metrics: int,
) -> NDArray[np.float64]:
    """Quantiles of the numbers in the middles of equal shares of probability, along the tokens' order.

    Nothing is random: `STRATA` samples, one from each share.
    """
    rank_K = (torch.arange(STRATA, dtype=torch.float64, device=network.device) + 0.5) / STRATA
    asked = [math.ceil(u * STRATA) - 1 for u in (*probabilities, 0.5)]
    given, found = np.asarray(given_BG, dtype=np.float64), []
    for _ in range(metrics):
        logits_B1V, rows = _feed_given(network, memory, given)
        tokens_BKL, _, _ = _descend(network, memory, rows, logits_B1V, rank_K.expand(len(logits_B1V), -1))
        value_BK = np.sort(network.number_format.decode(tokens_BKL.cpu().numpy()))[:, asked]
        found.append(value_BK[:, :-1])
        given = np.concatenate([given, value_BK[:, -1:]], axis=1)
    return np.stack(found, axis=1)


@torch.inference_mode()
def cdf(
    network: Decoder[MemoryT, RowsT], memory: MemoryT, given_BG: ArrayLike, values_BR: ArrayLike
) -> NDArray[np.float64]:
    """F(y) = P(Y ≤ y) of the number after the given ones, for any finite y; shape (B, R).

    One teacher-forced pass. For a later metric, the earlier ones are among the given numbers.
    Raises ValueError for a grammar whose tokens are not in numeric order.
    """
    _refuse_unordered(network.number_format)
    number_format, tables = network.number_format, _tables(network.number_format, network.device)
    values = np.asarray(values_BR, dtype=np.float64)
    tokens = np.array([number_format.encode_floor(y) for y in values.ravel().tolist()], dtype=np.int64)
    tokens = tokens.reshape(*values.shape, number_format.length)
    tokens_BRL = torch.from_numpy(tokens).to(network.device)
    state_BRL = torch.from_numpy(number_format.walk(tokens)).to(network.device)
    p_BRLV = tables.probabilities(_forced_logits(network, memory, given_BG, tokens_BRL), state_BRL)
    rank_BRL1 = tables.rank[state_BRL, tokens_BRL][..., None]
    smaller_BRL = (p_BRLV * (torch.arange(p_BRLV.shape[-1], device=network.device) < rank_BRL1)).sum(-1)
    prefix_BRL = p_BRLV.gather(-1, rank_BRL1)[..., 0].cumprod(-1)
    before_BRL = torch.cat([torch.ones_like(prefix_BRL[..., :1]), prefix_BRL[..., :-1]], dim=-1)
    total_BR = (before_BRL * smaller_BRL).sum(-1) + prefix_BRL[..., -1]
    answer: NDArray[np.float64] = total_BR.cpu().numpy()
    return answer


def interval(
    network: Decoder[MemoryT, RowsT], memory: MemoryT, given_BG: ArrayLike, low: float, high: float
) -> NDArray[np.float64]:
    """P(low < Y ≤ high) for each prompt; shape (B,)."""
    prompts = np.asarray(given_BG, dtype=np.float64).shape[0]
    bounds_B2 = cdf(network, memory, given_BG, np.tile([low, high], (prompts, 1)))
    return bounds_B2[:, 1] - bounds_B2[:, 0]


@torch.inference_mode()
def sample(
    network: Decoder[MemoryT, RowsT],
    memory: MemoryT,
    given_BG: ArrayLike,
    count: int,
    generator: torch.Generator,
    *,
    metrics: int = 1,
    temperature: float = 1.0,
    top_p: float = 1.0,
) -> NDArray[np.float64]:
    """Joint samples of the metrics under the grammar: shape (B, M, count).

    `top_p` of less than 1 keeps the fewest, likeliest tokens that reach it. `generator` is on the
    network's device.
    """
    logits_B1V, rows = _feed_given(network, memory, given_BG)
    logits_BRV, rows = logits_B1V.expand(-1, count, -1), rows.repeat(count)
    draw = _Draw(_tables(network.number_format, network.device), generator, temperature, top_p)
    found = []
    for metric in range(metrics):
        tokens_BRL, rows = _write_number(network, memory, rows, logits_BRV, draw)
        found.append(tokens_BRL)
        if metric + 1 < metrics:
            logits_BRTV, rows = network.extend(tokens_BRL[..., -1:], memory, rows)
            logits_BRV = logits_BRTV[:, :, -1]
    return network.number_format.decode(torch.stack(found, dim=1).cpu().numpy())


def median_of(
    network: Decoder[MemoryT, RowsT],
    memory: MemoryT,
    given_BG: ArrayLike,
    count: int,
    generator: torch.Generator,
    *,
    metrics: int = 1,
    temperature: float = 1.0,
    top_p: float = 1.0,
) -> NDArray[np.float64]:
    """The paper's point prediction: the median of `count` samples, 64 in Appendix C; shape (B, M).

    `quantiles` gives the median that this estimates.
    """
    samples_BMR = sample(
        network, memory, given_BG, count, generator, metrics=metrics, temperature=temperature, top_p=top_p
    )
    return np.asarray(np.median(samples_BMR, axis=-1))


@torch.inference_mode()
def next_probabilities(
    network: Decoder[MemoryT, RowsT],
    memory: MemoryT,
    given_BG: ArrayLike,
    tokens_BKL: ArrayLike,
    place_BK: ArrayLike,
    state_BK: ArrayLike,
) -> NDArray[np.float64]:
    """Probabilities of the legal tokens after prefixes, in numeric order: shape (B, K, V).

    `place_BK` says how many of a row's tokens are its prefix, `state_BK` the grammar's state after
    them; the tokens behind are not looked at.
    """
    device = network.device
    tokens, place, state = (
        torch.as_tensor(np.asarray(x), device=device) for x in (tokens_BKL, place_BK, state_BK)
    )
    logits_BKLV = _forced_logits(network, memory, given_BG, tokens)
    here_BK1V = place[..., None, None].expand(-1, -1, 1, logits_BKLV.shape[-1])
    logits_BKV = logits_BKLV.gather(2, here_BK1V)[:, :, 0]
    answer: NDArray[np.float64] = (
        _tables(network.number_format, device).probabilities(logits_BKV, state).cpu().numpy()
    )
    return answer


def _refuse_unordered(number_format: NumberGrammar) -> None:
    if not number_format.ordered:
        raise ValueError(f"the tokens of {number_format} are not in numeric order: sample instead")


def _feed_given(
    network: Decoder[MemoryT, RowsT], memory: MemoryT, given_BG: ArrayLike
) -> tuple[Tensor, RowsT]:
    """Start each prompt's one row with the numbers it is given: logits_B1V of what follows."""
    numbers = network.number_format.encode_all(np.asarray(given_BG, dtype=np.float64))
    given_BT = torch.from_numpy(numbers).flatten(1)
    start_B1 = torch.full((len(numbers), 1), START)
    prefix_B1T = torch.cat([start_B1, given_BT], dim=1)[:, None].to(network.device)
    logits_B1TV, rows = network.extend(prefix_B1T, memory)
    return logits_B1TV[:, :, -1], rows


def _descend(
    network: Decoder[MemoryT, RowsT], memory: MemoryT, rows: RowsT, logits_B1V: Tensor, u_BK: Tensor
) -> tuple[Tensor, RowsT, Tensor]:
    """The number that each ascending u leads to: tokens_BKL, the rows (lacking the last token), row_BK."""
    tables = _tables(network.number_format, network.device)
    descent = _QuantileDescent(tables, u_BK)
    state_BK = row_BK = torch.zeros_like(u_BK, dtype=torch.int64)
    chosen = [descent(logits_B1V.expand(-1, u_BK.shape[1], -1), state_BK)]
    for _ in range(1, network.number_format.length):
        state_BK = tables.next_state[state_BK, chosen[-1]]
        token_BR, parent_BR, row_BK = _distinct(chosen[-1], row_BK)
        logits_BRTV, rows = network.extend(token_BR[..., None], memory, rows.pick(parent_BR))
        logits_BRV = logits_BRTV[:, :, -1]
        logits_BKV = logits_BRV.gather(1, row_BK[..., None].expand(-1, -1, logits_BRV.shape[-1]))
        chosen.append(descent(logits_BKV, state_BK))
    return torch.stack(chosen, dim=-1), rows, row_BK


def _distinct(token_BK: Tensor, row_BK: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The distinct rows of paths, each by its newest token and its parent row, and each path's new row.

    Equal prefixes stand side by side, because u ascends. A prompt with fewer rows than another one,
    or than a network computes anyway, fills up with rows that no path uses.
    """
    forks_BK = (token_BK.diff(dim=1) != 0) | (row_BK.diff(dim=1) != 0)
    longer_BK = F.pad(forks_BK.cumsum(1), (1, 0))
    rows = max(int(longer_BK.max()) + 1, -(-LEAST_ROWS // len(token_BK)))
    empty_BR = token_BK.new_zeros(len(token_BK), rows)
    token_BR, parent_BR = (empty_BR.scatter(1, longer_BK, x_BK) for x_BK in (token_BK, row_BK))
    return token_BR, parent_BR, longer_BK


def _write_number(
    network: Decoder[MemoryT, RowsT], memory: MemoryT, rows: RowsT, logits_BRV: Tensor, choose: Choose
) -> tuple[Tensor, RowsT]:
    """tokens_BRL of one number a row; the rows returned lack the last token."""
    tables = _tables(network.number_format, network.device)
    state_BR = torch.zeros(logits_BRV.shape[:2], dtype=torch.int64, device=network.device)
    chosen = [choose(logits_BRV, state_BR)]
    for _ in range(1, network.number_format.length):
        state_BR = tables.next_state[state_BR, chosen[-1]]
        logits_BRTV, rows = network.extend(chosen[-1][..., None], memory, rows)
        chosen.append(choose(logits_BRTV[:, :, -1], state_BR))
    return torch.stack(chosen, dim=-1), rows


def _forced_logits(
    network: Decoder[MemoryT, RowsT], memory: MemoryT, given_BG: ArrayLike, tokens_BRL: Tensor
) -> Tensor:
    """logits_BRLV for each token of the given rows."""
    logits_B1V, rows = _feed_given(network, memory, given_BG)
    count = tokens_BRL.shape[1]
    rest_BRTV, _ = network.extend(tokens_BRL[..., :-1], memory, rows.repeat(count))
    return torch.cat([logits_B1V.expand(-1, count, -1)[:, :, None], rest_BRTV], dim=2)


@dataclass(frozen=True, slots=True)
class _Tables:
    """The grammar on a device."""

    next_state: Tensor
    order: Tensor
    rank: Tensor
    count: Tensor

    def probabilities(self, logits: Tensor, state: Tensor) -> Tensor:
        """Float64 probabilities of each state's legal tokens in numeric order, 0 behind the last.

        float32 would lose the quantile: u is rescaled once a token, and its error with it.
        """
        behind = torch.arange(self.order.shape[-1], device=state.device) >= self.count[state][..., None]
        ordered = logits.double().gather(-1, self.order[state])
        return ordered.masked_fill(behind, -torch.inf).softmax(-1)


@lru_cache
def _tables(number_format: NumberGrammar, device: torch.device) -> _Tables:
    grammar = number_format.tables
    tables = (grammar.next_state, grammar.order, grammar.rank, grammar.count)
    return _Tables(*(torch.tensor(table, device=device) for table in tables))


class _QuantileDescent:
    """Chooses, path by path, the token whose interval of probability holds the path's u."""

    def __init__(self, tables: _Tables, u_BK: Tensor) -> None:
        self.tables = tables
        self.u_BK = u_BK

    def __call__(self, logits_BKV: Tensor, state_BK: Tensor) -> Tensor:
        """The token_BK, leaving u rescaled to the chosen intervals."""
        p_BKV = self.tables.probabilities(logits_BKV, state_BK)
        below_BKV = F.pad(p_BKV.cumsum(-1), (1, 0))
        reached = (below_BKV[..., 1:] < self.u_BK[..., None]).sum(-1)
        # Rounding may leave the last cumulative probability a hair below u.
        rank_BK1 = torch.minimum(reached, self.tables.count[state_BK] - 1)[..., None]
        into = self.u_BK - below_BKV.gather(-1, rank_BK1)[..., 0]
        self.u_BK = (into / p_BKV.gather(-1, rank_BK1)[..., 0]).clamp(0, 1)
        return self.tables.order[state_BK].gather(-1, rank_BK1)[..., 0]


@dataclass(frozen=True, slots=True)
class _Draw:
    """Chooses each row's token at random."""

    tables: _Tables
    generator: torch.Generator
    temperature: float
    top_p: float

    def __call__(self, logits_BRV: Tensor, state_BR: Tensor) -> Tensor:
        p_BRV = self.tables.probabilities(logits_BRV / self.temperature, state_BR)
        p_NV = keep_top(p_BRV, self.top_p).flatten(0, 1)
        rank_BR1 = torch.multinomial(p_NV, 1, generator=self.generator).view(*state_BR.shape, 1)
        return self.tables.order[state_BR].gather(-1, rank_BR1)[..., 0]


def keep_top(p: Tensor, top_p: float) -> Tensor:
    """Zero all but the fewest, likeliest alternatives whose probabilities reach `top_p`."""
    falling, index = p.sort(dim=-1, descending=True)
    needed = falling.cumsum(-1) - falling < top_p
    return torch.zeros_like(p).scatter(-1, index, falling * needed)
