"""Numbers as ordinary text, such as `1234.5` and a newline, in the text tokenizer's own tokens.

What Table 9 of the paper compares the number tokens with. The decoder's vocabulary is the whole
text's; decoding is held to a grammar of floats, so every answer can be read.

Shapes: as in network.py; N numbers of a row, M of them metrics, G glyphs of the grammar.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ci_rlm.model.network import Memory, Network
from ci_rlm.model.number_codec import PAD
from ci_rlm.model.tokenizer import Tokenizer

GLYPHS = "-.0123456789\n"
"""What a number is written with; the newline ends it."""
MINUS, POINT, ZERO, END = 0, 1, 2, len(GLYPHS) - 1
DIGITS = range(ZERO, END)

Choose = Callable[[Tensor], Tensor]
"""Logits of the glyphs, minus infinity for what may not follow, to a glyph: BRG to BR."""


@dataclass(frozen=True, slots=True)
class TextFormat:
    """How numbers are written: plain digits, no exponent, rounded as number tokens are."""

    ids: tuple[int, ...]
    """The tokenizer's token of each glyph."""
    significant: int = 5
    integers: int = 16
    """Digits before the point, at most."""
    decimals: int = 12
    """Digits behind the point, at most; seconds of a program need eleven."""

    @classmethod
    def of(cls, words: Tokenizer) -> TextFormat:
        """The format in the tokens of a tokenizer. Raises ValueError if a glyph is not one token."""
        rows, _ = words.encode_batch(list(GLYPHS), max_tokens=3)
        if any(len(row) != 2 for row in rows):
            raise ValueError("a tokenizer must have each digit, the point, the minus and the newline")
        return cls(tuple(row[1] for row in rows))

    @property
    def length(self) -> int:
        """Tokens of the longest number: its sign, point and end included."""
        return self.integers + self.decimals + 3

    @property
    def end(self) -> int:
        """The token that ends a number."""
        return self.ids[END]

    def encode(self, value: float) -> tuple[int, ...]:
        """The tokens of a value to so many significant digits and decimals, the end included.

        Raises ValueError for NaN, infinities, and what has too many digits before the point.
        """
        return tuple(self.ids[GLYPHS.index(glyph)] for glyph in self._text(value) + "\n")

    def decode(self, tokens: Sequence[int]) -> list[float]:
        """The numbers that tokens write, one after the other.

        Raises ValueError for tokens that write none, or whose last number has no end.
        """
        state, glyphs = 0, [self._glyph(token) for token in tokens]
        next_state, allowed = grammar(self.integers, self.decimals)
        for glyph in glyphs:
            if not allowed[state, glyph]:
                raise ValueError(f"not numbers: {spelt(glyphs)!r}")
            state = next_state[state, glyph]
        if state:
            raise ValueError(f"a number without an end: {spelt(glyphs)!r}")
        return [float(line) for line in spelt(glyphs).splitlines()]

    def encode_all(self, values_RN: ArrayLike) -> NDArray[np.int64]:
        """Tokens of each row's numbers, one after the other, padded: (R, N · length)."""
        values = np.asarray(values_RN, dtype=np.float64)
        rows = np.full((len(values), values.shape[1] * self.length), PAD, dtype=np.int64)
        for row, numbers in zip(rows, values.tolist(), strict=True):
            tokens = [token for number in numbers for token in self.encode(number)]
            row[: len(tokens)] = tokens
        return rows

    def _glyph(self, token: int) -> int:
        if token not in self.ids:
            raise ValueError(f"token {token} is no part of a number")
        return self.ids.index(token)

    def _text(self, value: float) -> str:
        if not math.isfinite(value):
            raise ValueError(f"{value!r} cannot be written as a number")
        exact = Decimal(value)
        last = max(exact.adjusted() - self.significant + 1, -self.decimals)
        rounded = exact.quantize(Decimal(1).scaleb(last), rounding=ROUND_HALF_EVEN)
        if rounded.adjusted() >= self.integers:
            raise ValueError(f"{value!r} has more than {self.integers} digits before the point")
        text = f"{rounded:f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text


def spelt(glyphs: Iterable[int]) -> str:
    """The text that glyphs spell."""
    return "".join(GLYPHS[glyph] for glyph in glyphs)


@lru_cache
def grammar(integers: int, decimals: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The next state and what is allowed, each (states, G); state 0 starts a number.

    A minus or not; 0, or up to so many digits that begin with another; a point and up to so many
    digits, or neither; the end, which leads back to the start.
    """
    minus, lone_zero, integer, point = 1, 2, 2, 3 + integers
    arrows: dict[tuple[int, int], int] = {(0, MINUS): minus}
    for state in (0, minus):
        arrows |= {(state, digit): integer + 1 for digit in DIGITS} | {(state, ZERO): lone_zero}
    for state in range(lone_zero, point):
        arrows |= {(state, POINT): point, (state, END): 0}
    for first, last in ((integer + 1, point - 1), (point, point + decimals)):
        arrows |= {(state, digit): state + 1 for state in range(first, last) for digit in DIGITS}
    arrows |= {(state, END): 0 for state in range(point + 1, point + decimals + 1)}
    shape = (point + decimals + 1, len(GLYPHS))
    next_state, allowed = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.bool_)
    for place, state in arrows.items():
        next_state[place], allowed[place] = state, True
    next_state.flags.writeable = allowed.flags.writeable = False
    return next_state, allowed


def greedy(
    network: Network, memory: Memory, given_BN: ArrayLike, text_format: TextFormat, metrics: int = 1
) -> NDArray[np.float64]:
    """The likeliest glyph at each step: shape (B, M). Raises ValueError as `write` does."""
    return write(network, memory, given_BN, text_format, 1, metrics, lambda logits: logits.argmax(-1))[..., 0]


def sample(
    network: Network,
    memory: Memory,
    given_BN: ArrayLike,
    text_format: TextFormat,
    count: int,
    generator: torch.Generator,
    *,
    metrics: int = 1,
    temperature: float = 1.0,
) -> NDArray[np.float64]:
    """Joint samples of the metrics: shape (B, M, count). Raises ValueError as `write` does."""

    def draw(logits_BRG: Tensor) -> Tensor:
        p_NG = (logits_BRG / temperature).softmax(-1).flatten(0, 1)
        return torch.multinomial(p_NG, 1, generator=generator).view(logits_BRG.shape[:2])

    return write(network, memory, given_BN, text_format, count, metrics, draw)


@torch.inference_mode()
def write(
    network: Network,
    memory: Memory,
    given_BN: ArrayLike,
    text_format: TextFormat,
    count: int,
    metrics: int,
    choose: Choose,
) -> NDArray[np.float64]:
    """So many rows of metrics for each prompt, under the grammar of floats: shape (B, M, count).

    Rows go on side by side, one token a step, so their given numbers must be equally long:
    ValueError if they are not.
    """
    next_state, allowed, ids = _on_device(text_format, network.device)
    logits_BRV, cache = network.extend(_prefix(given_BN, text_format).to(network.device), memory)
    logits_BRV, cache = logits_BRV[:, :, -1].expand(-1, count, -1), cache.repeat(count)
    state_BR = torch.zeros(logits_BRV.shape[:2], dtype=torch.int64, device=network.device)
    ended_BR, chosen = torch.zeros_like(state_BR), []
    while True:
        legal_BRG = logits_BRV[..., ids].double().masked_fill(~allowed[state_BR], -torch.inf)
        # A row that has all its metrics writes ends until the last one has.
        glyph_BR = torch.where(ended_BR < metrics, choose(legal_BRG), END)
        state_BR = next_state[state_BR, glyph_BR]
        ended_BR = ended_BR + (glyph_BR == END)
        chosen.append(glyph_BR)
        if (ended_BR >= metrics).all():
            return _read(torch.stack(chosen, dim=-1), metrics)
        logits_BRTV, cache = network.extend(ids[glyph_BR][..., None], memory, cache)
        logits_BRV = logits_BRTV[:, :, -1]


@lru_cache
def _on_device(text_format: TextFormat, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """The grammar's tables and the token of each glyph."""
    next_state, allowed = grammar(text_format.integers, text_format.decimals)
    ids_G = torch.tensor(text_format.ids, device=device)
    return torch.tensor(next_state, device=device), torch.tensor(allowed, device=device), ids_G


def _prefix(given_BN: ArrayLike, text_format: TextFormat) -> Tensor:
    """The start and the given numbers: B1T."""
    rows = [
        [PAD, *(token for value in numbers for token in text_format.encode(value))]
        for numbers in np.asarray(given_BN, dtype=np.float64).tolist()
    ]
    if len({len(row) for row in rows}) > 1:
        raise ValueError("rows that are written together need given numbers of equal length")
    return torch.tensor(rows)[:, None]


def _read(glyph_BRT: Tensor, metrics: int) -> NDArray[np.float64]:
    """The first so many numbers of each row: (B, M, R)."""
    rows = glyph_BRT.flatten(0, 1).tolist()
    numbers = np.array([[float(line) for line in spelt(row).split("\n")[:metrics]] for row in rows])
    return numbers.reshape(*glyph_BRT.shape[:2], metrics).swapaxes(1, 2)
