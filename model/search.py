"""Best-first search over the numbers of a distribution: its mode, and bounds of its mean.

A frontier of prefixes holds all numbers of a prompt. Each round extends the prefixes that matter
most by one token, in one teacher-forced pass for all prompts, until what is asked is settled:
nothing is sampled, and what is answered is exact or comes with its bounds.

Shapes: as in decode.py; K prefixes are extended in a round.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ci_rlm.model import decode
from ci_rlm.model.decode import START, Decoder, MemoryT, NumberGrammar, RowsT

_ROUND = 16
"""Prefixes of a prompt that a round extends."""
_TAILS = (0.001, 0.999)
Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True, order=True)
class _Prefix:
    """The first tokens of some numbers. Less is sooner."""

    urgency: float
    """Negated weight of what is not yet known of it."""
    tokens: tuple[int, ...]
    state: int
    probability: float


@torch.inference_mode()
def mode(network: Decoder[MemoryT, RowsT], memory: MemoryT, given_BG: ArrayLike) -> tuple[Reals, Reals]:
    """The likeliest number after the given ones, and its probability; (B,) each.

    Exact: no number is likelier than its prefixes, and the search ends when a whole number
    leads the frontier. For a later metric, the earlier ones are among the given numbers.
    """
    number_format = network.number_format
    frontiers = _start(given_BG)
    while any(asked := [_take(frontier, number_format) for frontier in frontiers]):
        for frontier, found in zip(frontiers, _extended(network, memory, given_BG, asked), strict=True):
            for tokens, state, probability in found:
                heapq.heappush(frontier, _Prefix(-probability, tokens, state, probability))
    best = [frontier[0] for frontier in frontiers]
    values = number_format.decode([prefix.tokens for prefix in best])
    return values, np.array([prefix.probability for prefix in best])


@torch.inference_mode()
def expectation(
    network: Decoder[MemoryT, RowsT],
    memory: MemoryT,
    given_BG: ArrayLike,
    bounds_B2: ArrayLike | None = None,
    *,
    tolerance: float = 0.01,
    most_rounds: int = 200,
) -> Reals:
    """Lower and upper bound of E[min(max(Y, low), high)] after the given numbers; shape (B, 2).

    The tails are clipped to `bounds_B2`, by default to the 0.1% and 99.9% quantiles: every token
    has some probability, and 10⁻²⁰ of it at 10⁹⁹ would outweigh all the rest. The bounds are within
    `tolerance` of each other, relatively, unless `most_rounds` passes did not suffice.
    """
    number_format = network.number_format
    if bounds_B2 is None:
        bounds_B2 = decode.quantiles(network, memory, given_BG, _TAILS)[:, 0]
    clips = [(float(low), float(high)) for low, high in np.asarray(bounds_B2, dtype=np.float64)]
    frontiers = _start(given_BG)
    lows, highs = [low for low, _ in clips], [high for _, high in clips]
    for _ in range(most_rounds):
        going = [
            high - low > tolerance * max(abs(low), abs(high)) for low, high in zip(lows, highs, strict=True)
        ]
        asked = [_take(f, number_format) if g else [] for f, g in zip(frontiers, going, strict=True)]
        if not any(asked):
            break
        for place, found in enumerate(_extended(network, memory, given_BG, asked)):
            if not asked[place]:
                continue
            for tokens, state, probability in found:
                low, high = _clipped(number_format, tokens, clips[place])
                heapq.heappush(
                    frontiers[place], _Prefix(probability * (low - high), tokens, state, probability)
                )
            # Summed anew, smallest first: differences of running sums would lose the bounds.
            ends = [
                (p.probability, *_clipped(number_format, p.tokens, clips[place])) for p in frontiers[place]
            ]
            lows[place] = float(np.sort([p * low for p, low, _ in ends]).sum())
            highs[place] = float(np.sort([p * high for p, _, high in ends]).sum())
    return np.stack([lows, highs], axis=-1)


def _start(given_BG: ArrayLike) -> list[list[_Prefix]]:
    """For each prompt, the frontier of the empty prefix."""
    return [[_Prefix(-np.inf, (), 0, 1.0)] for _ in np.asarray(given_BG, dtype=np.float64)]


def _take(frontier: list[_Prefix], number_format: NumberGrammar) -> list[_Prefix]:
    """Remove the most urgent prefixes; a whole number, and what is less urgent than it, stays."""
    taken: list[_Prefix] = []
    while frontier and len(taken) < _ROUND and len(frontier[0].tokens) < number_format.length:
        taken.append(heapq.heappop(frontier))
    return taken


def _extended(
    network: Decoder[MemoryT, RowsT],
    memory: MemoryT,
    given_BG: ArrayLike,
    asked: Sequence[Sequence[_Prefix]],
) -> list[list[tuple[tuple[int, ...], int, float]]]:
    """Each prefix by every legal token: (tokens, state, probability), a list a prompt."""
    length, tables = network.number_format.length, network.number_format.tables
    width = max(map(len, asked))
    tokens_BKL = np.full((len(asked), width, length), START)
    place_BK, state_BK = np.zeros((2, len(asked), width), dtype=np.int64)
    for prompt, prefixes in enumerate(asked):
        for row, prefix in enumerate(prefixes):
            tokens_BKL[prompt, row, : len(prefix.tokens)] = prefix.tokens
            place_BK[prompt, row], state_BK[prompt, row] = len(prefix.tokens), prefix.state
    p_BKV = decode.next_probabilities(network, memory, given_BG, tokens_BKL, place_BK, state_BK)
    return [
        [
            ((*prefix.tokens, token), int(tables.next_state[prefix.state, token]), prefix.probability * p)
            for row, prefix in enumerate(prefixes)
            for token, p in zip(_legal(network.number_format, prefix.state), p_BKV[prompt, row], strict=False)
        ]
        for prompt, prefixes in enumerate(asked)
    ]


@lru_cache
def _legal(number_format: NumberGrammar, state: int) -> tuple[int, ...]:
    """The legal tokens of a state in numeric order."""
    grammar = number_format.tables
    return tuple(grammar.order[state, : grammar.count[state]].tolist())


def _clipped(
    number_format: NumberGrammar, tokens: tuple[int, ...], clip: tuple[float, float]
) -> tuple[float, float]:
    """The least and the greatest number with a prefix, as far as the clip lets them be."""
    low, high = _ends(number_format, tokens)
    return min(max(low, clip[0]), clip[1]), min(max(high, clip[0]), clip[1])


@lru_cache(maxsize=100_000)
def _ends(number_format: NumberGrammar, tokens: tuple[int, ...]) -> tuple[float, float]:
    """The least and the greatest number with a prefix."""
    grammar, ends = number_format.tables, []
    for last in (0, -1):
        state, whole = 0, list(tokens)
        for token in tokens:
            state = int(grammar.next_state[state, token])
        while len(whole) < number_format.length:
            whole.append(_legal(number_format, state)[last])
            state = int(grammar.next_state[state, whole[-1]])
        ends.append(float(number_format.decode(whole)))
    return ends[0], ends[1]
