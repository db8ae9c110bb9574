"""The plain versions that benchmarks/engine.py measures the engine against, and what was left out.

Each does one thing the slow way, or the way that did not pay, and all else as the engine does it.
All are for the compact network, and but for `row_for_each_quantile` for one prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional

from ci_rlm.model import decode
from ci_rlm.model.network import Cache, DecoderLayer, KeysValues, Memories, Memory, Network


class Plain:
    """A network that decodes in a way of its own."""

    def __init__(self, network: Network) -> None:
        self.network, self.number_format, self.device = network, network.number_format, network.device


@dataclass(frozen=True)
class Tokens:
    """All number tokens so far: what a decoder without a cache remembers."""

    tokens: Tensor

    def repeat(self, rows: int) -> Tokens:
        return Tokens(self.tokens.expand(-1, rows, -1))

    def pick(self, parents: Tensor) -> Tokens:
        return Tokens(self.tokens[:, parents[0]])


class Uncached(Plain):
    """Reads all number tokens so far anew for each token."""

    def extend(self, tokens: Tensor, memory: Memory, rows: Tokens | None = None) -> tuple[Tensor, Tokens]:
        whole = torch.cat([rows.tokens, tokens], dim=2) if rows else tokens
        logits, _ = self.network.extend(whole, memory)
        return logits[:, :, -tokens.shape[2] :], Tokens(whole)


class Reprojected(Plain):
    """Makes the prompt's keys and values anew for each token; its memory is the encoder's output."""

    def extend(self, tokens: Tensor, x: Tensor, cache: Cache | None = None) -> tuple[Tensor, Cache]:
        memory = Memory(tuple(layer.remember(x) for layer in self.network.decoder), None)
        return self.network.extend(tokens, memory, cache)


@dataclass(frozen=True)
class Beams:
    """The rows of a prompt as prompts of their own."""

    cache: Cache

    def repeat(self, rows: int) -> Beams:
        return self.pick(torch.zeros(1, rows, dtype=torch.int64))

    def pick(self, parents: Tensor) -> Beams:
        (chosen,) = parents
        return Beams(Cache(tuple((k[chosen], v[chosen]) for k, v in self.cache.keys_values)))


class Repeated(Plain):
    """Copies the prompt's keys and values for each row, as a batch of beams has them."""

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.copies: dict[int, Memory] = {}

    def extend(self, tokens: Tensor, memory: Memory, beams: Beams | None = None) -> tuple[Tensor, Beams]:
        rows = tokens.shape[1]
        if rows not in self.copies:
            pairs = ((k.repeat(rows, 1, 1, 1), v.repeat(rows, 1, 1, 1)) for k, v in memory.keys_values)
            self.copies[rows] = Memory(tuple(pairs), None)
        cache = beams.cache if beams else None
        logits, longer = self.network.extend(tokens.transpose(0, 1), self.copies[rows], cache)
        return logits.transpose(0, 1), Beams(longer)


def row_for_each_quantile(
    network: Network,
    memory: Memory | Memories,
    given: ArrayLike,
    probabilities: Sequence[float],
    metrics: int,
) -> NDArray[np.float64]:
    """As `decode.quantiles`, but each path is a row from the start. The median is among them."""
    median = [*probabilities].index(0.5)
    tables = decode._tables(network.number_format, network.device)
    logits, rows = decode._feed_given(network, memory, given)
    found = []
    for metric in range(metrics):
        u = torch.tensor(probabilities, dtype=torch.float64).expand(len(logits), -1)
        descent = decode._QuantileDescent(tables, u)
        fanned = logits.expand(-1, len(probabilities), -1)
        tokens, fan = decode._write_number(network, memory, rows.repeat(len(probabilities)), fanned, descent)
        found.append(tokens)
        if metric + 1 < metrics:
            last, rows = network.extend(
                tokens[:, median, None, -1:], memory, fan.pick(torch.full((len(logits), 1), median))
            )
            logits = last[:, :, -1]
    return network.number_format.decode(torch.stack(found, dim=1).numpy())


@dataclass(frozen=True)
class Buffers:
    """Keys and values in room for all the tokens that will come, BRHCK each; `length` are there."""

    keys_values: tuple[KeysValues, ...]
    length: int

    def repeat(self, rows: int) -> Buffers:
        return self.pick(torch.zeros(1, rows, dtype=torch.int64))

    def pick(self, parents: Tensor) -> Buffers:
        return Buffers(
            tuple((self._copied(k, parents), self._copied(v, parents)) for k, v in self.keys_values),
            self.length,
        )

    def _copied(self, room: Tensor, parents: Tensor) -> Tensor:
        fresh = room.new_empty(1, parents.shape[1], *room.shape[2:])
        fresh[0, :, :, : self.length] = room[0, :, :, : self.length].index_select(0, parents[0])
        return fresh


class Buffered(Plain):
    """Writes new keys and values into buffers, where the engine appends them to a copy."""

    def extend(self, tokens: Tensor, memory: Memory, rows: Buffers | None = None) -> tuple[Tensor, Buffers]:
        network, (_, count, new) = self.network, tokens.shape
        buffers = rows or self._room(count)
        length = buffers.length + new
        x = network.target_embedding(tokens) + network.target_position.weight[buffers.length : length]
        for layer, own, prompts in zip(network.decoder, buffers.keys_values, memory.keys_values, strict=True):
            x = x + self._attend(layer, layer.attention_norm(x), own, buffers.length)
            x = x + layer.cross_attention(layer.cross_attention_norm(x), [(prompts, memory.keep)])
            x = x + layer.feed_forward(layer.feed_forward_norm(x))
        logits = network.head(network.decoder_norm(x)).float()
        return logits, Buffers(buffers.keys_values, length)

    def _room(self, rows: int) -> Buffers:
        config = self.network.config
        shape = (1, rows, config.heads, config.target_tokens, config.width // config.heads)
        return Buffers(tuple((torch.empty(shape), torch.empty(shape)) for _ in self.network.decoder), 0)

    def _attend(self, layer: DecoderLayer, x: Tensor, own: KeysValues, start: int) -> Tensor:
        query, *fresh = layer.attention.split(x.flatten(0, 1))
        end = start + x.shape[2]
        for buffer, new in zip(own, fresh, strict=True):
            buffer[0, :, :, start:end] = new
        keys, values = (buffer[0, :, :, :end] for buffer in own)
        causal = torch.ones(end - start, end, dtype=torch.bool).tril(start) if end - start > 1 else None
        y = functional.scaled_dot_product_attention(query, keys, values, attn_mask=causal)
        return layer.attention.join(y).view(x.shape)
