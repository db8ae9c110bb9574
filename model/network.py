"""The compact regression language model: text encoder, number decoder (Sections 3 and 6).

Shapes: B prompts, S source tokens, R rows of a prompt (several targets of one text, or several
paths of one search), T target tokens, P tokens of a row so far, D width, H heads, K width of
one head, F inner width of the feed-forward layer, V number tokens.

A prompt is encoded once and its cross-attention keys and values are made once; R rows of T tokens
are R·T queries of one attention call against them, so nothing of the prompt is ever repeated.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from ci_rlm.marks import Side
from ci_rlm.model.config import ModelConfig
from ci_rlm.model.number_codec import PAD, VOCABULARY

ROTARY_BASE = 10_000.0

KeysValues = tuple[Tensor, Tensor]

LEAST_ROWS = 4
"""Fewer rows than these are multiplied by another method, with sums in another order: MKL takes
vectors one by one. `extend` fills up to them, so that a row's answer is the same in all company."""


Prompts = tuple[KeysValues, Tensor | None]
"""What one decoder layer looks at in prompts that were encoded together: BHSK each, and `keep`."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Encoded prompts, as the decoder's cross-attention wants them."""

    keys_values: tuple[KeysValues, ...]
    """BHSK each, one pair a decoder layer."""
    keep: Tensor | None
    """B11S: False where a prompt is padded; None if none is."""


@dataclass(frozen=True, slots=True)
class Memories:
    """Prompts that were encoded apart: each has its own length, and none is padded."""

    parts: tuple[Memory, ...]


@dataclass(frozen=True, slots=True)
class Cache:
    """Keys and values of the target tokens so far, BRHPK each, one pair a decoder layer."""

    keys_values: tuple[KeysValues, ...]

    @property
    def length(self) -> int:
        """P, the tokens that the cache holds."""
        return self.keys_values[0][0].shape[3]

    def repeat(self, rows: int) -> Cache:
        """The one row of each prompt as `rows` equal rows, sharing storage."""
        return Cache(tuple((_expand(k, rows), _expand(v, rows)) for k, v in self.keys_values))

    def pick(self, parent_BR: Tensor) -> Cache:
        """New rows, each equal to the row of its prompt that `parent_BR` names."""
        return Cache(tuple((_pick(k, parent_BR), _pick(v, parent_BR)) for k, v in self.keys_values))


def _expand(x_B1HPK: Tensor, rows: int) -> Tensor:
    return x_B1HPK.expand(-1, rows, -1, -1, -1)


def _pick(x_BRHPK: Tensor, parent_BR: Tensor) -> Tensor:
    """As `x_BRHPK[arange_B1, parent_BR]`, four times faster on a CPU: whole rows are copied."""
    prompts, rows = x_BRHPK.shape[:2]
    first_B1 = torch.arange(0, prompts * rows, rows, device=parent_BR.device)[:, None]
    picked_NHPK = x_BRHPK.flatten(0, 1).index_select(0, (first_B1 + parent_BR).flatten())
    return picked_NHPK.view(*parent_BR.shape, *x_BRHPK.shape[2:])


class NumberDecoder(nn.Module, ABC):
    """An encoder of some kind, and the decoder of numbers: pre-norm, with learned positions.

    A subclass builds its encoder in `__init__`, then calls `_build_decoder`, and defines `read`.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.number_format = config.number_format

    def _build_decoder(self) -> None:
        config = self.config
        self.target_embedding = embedding(VOCABULARY, config.width)
        self.target_position = embedding(config.target_tokens, config.width)
        self.decoder = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.decoder_norm = nn.RMSNorm(config.width)
        self.head = nn.Linear(config.width, VOCABULARY, bias=False)
        self.dropout = nn.Dropout(config.dropout)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.head.weight.device

    def forward(self, source_BS: Tensor, keep_BS: Tensor | None, target_BRT: Tensor) -> Tensor:
        """Teacher-forced logits_BRTV: position t sees the targets before t and predicts target t."""
        return self.extend(F.pad(target_BRT[..., :-1], (1, 0), value=PAD), self.encode(source_BS, keep_BS))[0]

    def encode(self, source_BS: Tensor, keep_BS: Tensor | None = None) -> Memory:
        """Read prompts; `keep_BS` is False at padding, None if nothing is padded."""
        x_BSD = self.read(source_BS, keep_BS)
        keep_B11S = None if keep_BS is None else keep_BS[:, None, None, :]
        return Memory(tuple(layer.remember(x_BSD) for layer in self._decoder_layers), keep_B11S)

    @abstractmethod
    def read(self, source_BS: Tensor, keep_BS: Tensor | None = None) -> Tensor:
        """The encoder's output x_BSD, before any decoder layer looks at it."""

    @property
    @abstractmethod
    def last_of_encoder(self) -> nn.Module:
        """The module whose output `read` gives: what an auxiliary objective looks at."""

    def extend(
        self, tokens_BRT: Tensor, memory: Memory | Memories, cache: Cache | None = None
    ) -> tuple[Tensor, Cache]:
        """Feed T more tokens to each row.

        Returns float32 logits_BRTV for the token after each, and the longer cache.
        """
        B, R, T = tokens_BRT.shape
        enough = max(R, -(-LEAST_ROWS // (B * T)))
        if enough > R:
            row_R = torch.arange(enough, device=tokens_BRT.device).clamp(max=R - 1)
            wide = cache.pick(row_R.expand(B, -1)) if cache else None
            logits_BRTV, longer = self._extend(tokens_BRT[:, row_R], memory, wide)
            return logits_BRTV[:, :R], longer.pick(row_R[:R].expand(B, -1))
        return self._extend(tokens_BRT, memory, cache)

    def _extend(
        self, tokens_BRT: Tensor, memory: Memory | Memories, cache: Cache | None
    ) -> tuple[Tensor, Cache]:
        parts = memory.parts if isinstance(memory, Memories) else (memory,)
        start = cache.length if cache else 0
        position_T = torch.arange(start, start + tokens_BRT.shape[2], device=tokens_BRT.device)
        x_BRTD = self.dropout(self.target_embedding(tokens_BRT) + self.target_position(position_T))
        longer: list[KeysValues] = []
        for index, layer in enumerate(self._decoder_layers):
            past = cache.keys_values[index] if cache else None
            x_BRTD, present = layer(x_BRTD, past, [(part.keys_values[index], part.keep) for part in parts])
            longer.append(present)
        return self.head(self.decoder_norm(x_BRTD)).float(), Cache(tuple(longer))

    @torch.inference_mode()
    def rows_stand_alone(self, prompts: int, rows: int) -> bool:
        """Whether this thread gives a row the same bits in a batch of so many prompts as alone.

        Tried, not known: in what order a product of matrices is summed may depend on its shape, and on
        how threads share it. One thread of MKL keeps to one order from `LEAST_ROWS` rows on.
        """
        generator = torch.Generator().manual_seed(0)
        source_BS = torch.randint(1, self.config.vocab_size, (1, 24), generator=generator)
        target_BRT = torch.randint(1, VOCABULARY, (prompts, rows, 3), generator=generator).to(self.device)
        memory = self.encode(source_BS.to(self.device))
        together_1RTV = self._in_two_steps(target_BRT, Memories((memory,) * prompts))[-1:]
        return all(
            self._in_two_steps(target_BRT[-1:, :count], memory).equal(together_1RTV[:, :count])
            for count in (1, (rows + 1) // 2, rows)
        )

    def _in_two_steps(self, target_BRT: Tensor, memory: Memory | Memories) -> Tensor:
        """logits_BRTV of all tokens but the last, then of the last with a cache."""
        first_BRTV, cache = self.extend(target_BRT[..., :-1], memory)
        last_BR1V, _ = self.extend(target_BRT[..., -1:], memory, cache)
        return torch.cat([first_BRTV, last_BR1V], dim=2)

    @property
    def _decoder_layers(self) -> list[DecoderLayer]:
        return cast("list[DecoderLayer]", list(self.decoder))


class Network(NumberDecoder):
    """The compact family: a pre-norm encoder with rotary positions, read by the decoder of numbers."""

    def __init__(self, config: ModelConfig, seed: int = 0) -> None:
        """Weights are drawn from `seed` alone, whatever the state of torch's global generator."""
        super().__init__(config)
        self.source_embedding = embedding(config.vocab_size, config.width)
        self.side_embedding = embedding(len(Side), config.width) if config.compares else None
        self.encoder = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))
        self.encoder_norm = nn.RMSNorm(config.width)
        self._build_decoder()
        if not self.head.weight.is_meta:
            self._initialise(torch.Generator().manual_seed(seed))

    def read(self, source_BS: Tensor, keep_BS: Tensor | None = None) -> Tensor:
        """The encoder's output x_BSD, before any decoder layer looks at it."""
        keep_B11S = None if keep_BS is None else keep_BS[:, None, None, :]
        rotary_SK = rotary(source_BS.shape[1], self.config.width // self.config.heads, self.device)
        x_BSD = self.dropout(self._embedded(source_BS))
        for layer in self.encoder:
            x_BSD = layer(x_BSD, rotary_SK, keep_B11S)
        y_BSD: Tensor = self.encoder_norm(x_BSD)
        return y_BSD

    def _embedded(self, source_BS: Tensor) -> Tensor:
        """Tokens, with their sides where versions are compared: x_BSD."""
        x_BSD: Tensor
        if self.side_embedding is None:
            x_BSD = self.source_embedding(source_BS)
            return x_BSD
        side_BS = torch.div(source_BS, self.config.vocab_size, rounding_mode="floor")
        x_BSD = self.source_embedding(source_BS % self.config.vocab_size) + self.side_embedding(side_BS)
        return x_BSD

    @property
    def last_of_encoder(self) -> nn.Module:
        """The norm behind the last layer."""
        return self.encoder_norm

    def _initialise(self, generator: torch.Generator) -> None:
        initialise([self], self.head, [(self.encoder, 2), (self.decoder, 3)], generator)


def embedding(entries: int, width: int) -> nn.Embedding:
    """Weights to be drawn or loaded later.

    nn.Embedding draws its own, on the meta device through torch._dynamo, whose import takes 1.4 s.
    """
    made: nn.Embedding = nn.Embedding.from_pretrained(torch.empty(entries, width), freeze=False)  # type: ignore[no-untyped-call]
    return made


def initialise(
    parts: Sequence[nn.Module],
    head: nn.Linear,
    stacks: Sequence[tuple[nn.ModuleList, int]],
    generator: torch.Generator,
) -> None:
    """Unit-scale embeddings; branches that keep the residual stream near unit scale; quiet logits.

    `parts` in the order in which they draw, the head among them; `stacks` are layers with how
    many residual branches each of them has.
    """
    for module in (module for part in parts for module in part.modules()):
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5, generator=generator)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, generator=generator)
    with torch.no_grad():
        for layers, branches in stacks:
            for name, weight in layers.named_parameters():
                if name.endswith("output.weight"):
                    weight.mul_((branches * len(layers)) ** -0.5)
        head.weight.mul_(0.1)


class EncoderLayer(nn.Module):
    """Self-attention in both directions, then a gated feed-forward layer."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(config.width)
        self.attention = SelfAttention(config)
        self.feed_forward_norm = nn.RMSNorm(config.width)
        self.feed_forward = FeedForward(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x_BSD: Tensor, rotary_SK: KeysValues, keep_B11S: Tensor | None) -> Tensor:
        """One residual block for each of the two branches."""
        q_BHSK, k_BHSK, v_BHSK = self.attention.split(self.attention_norm(x_BSD))
        q_BHSK, k_BHSK = rotate(q_BHSK, rotary_SK), rotate(k_BHSK, rotary_SK)
        y_BHSK = F.scaled_dot_product_attention(q_BHSK, k_BHSK, v_BHSK, attn_mask=keep_B11S)
        x_BSD = x_BSD + self.dropout(self.attention.join(y_BHSK))
        y_BSD: Tensor = self.dropout(self.feed_forward(self.feed_forward_norm(x_BSD)))
        return x_BSD + y_BSD


class DecoderLayer(nn.Module):
    """Causal self-attention within a row, cross-attention to its prompt, feed-forward."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(config.width)
        self.attention = SelfAttention(config)
        self.cross_attention_norm = nn.RMSNorm(config.width)
        self.cross_attention = CrossAttention(config)
        self.feed_forward_norm = nn.RMSNorm(config.width)
        self.feed_forward = FeedForward(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, x_BRTD: Tensor, past_BRHPK: KeysValues | None, prompts: Sequence[Prompts]
    ) -> tuple[Tensor, KeysValues]:
        """The rows T tokens further, and their keys and values with the past in front."""
        y_BRTD, present = self.attend(self.attention_norm(x_BRTD), past_BRHPK)
        x_BRTD = x_BRTD + self.dropout(y_BRTD)
        y_BRTD = self.cross_attention(self.cross_attention_norm(x_BRTD), prompts)
        x_BRTD = x_BRTD + self.dropout(y_BRTD)
        y_BRTD = self.feed_forward(self.feed_forward_norm(x_BRTD))
        return x_BRTD + self.dropout(y_BRTD), present

    def remember(self, x_BSD: Tensor) -> KeysValues:
        """What this layer will look at in encoded prompts."""
        return self.cross_attention.remember(x_BSD)

    def attend(self, x_BRTD: Tensor, past_BRHPK: KeysValues | None) -> tuple[Tensor, KeysValues]:
        """Each token sees its row's past and itself."""
        B, R, T, _ = x_BRTD.shape
        q_NHTK, k_NHTK, v_NHTK = self.attention.split(x_BRTD.flatten(0, 1))  # N = B x R
        k_BRHPK, v_BRHPK = (x_NHTK.view(B, R, *x_NHTK.shape[1:]) for x_NHTK in (k_NHTK, v_NHTK))
        if past_BRHPK is not None:
            k_BRHPK = torch.cat([past_BRHPK[0], k_BRHPK], dim=3)
            v_BRHPK = torch.cat([past_BRHPK[1], v_BRHPK], dim=3)
        P = k_BRHPK.shape[3]
        causal_TP = torch.ones(T, P, dtype=torch.bool, device=x_BRTD.device).tril(P - T) if T > 1 else None
        y_NHTK = F.scaled_dot_product_attention(
            q_NHTK, k_BRHPK.flatten(0, 1), v_BRHPK.flatten(0, 1), attn_mask=causal_TP
        )
        return self.attention.join(y_NHTK).view(x_BRTD.shape), (k_BRHPK, v_BRHPK)


class SelfAttention(nn.Module):
    """The projections of multi-head self-attention."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.input = nn.Linear(config.width, 3 * config.width, bias=False)
        self.output = nn.Linear(config.width, config.width, bias=False)

    def split(self, x_BTD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each BHTK."""
        q_BHTK, k_BHTK, v_BHTK = split_heads(self.input(x_BTD), 3, self.heads)
        return q_BHTK, k_BHTK, v_BHTK

    def join(self, y_BHTK: Tensor) -> Tensor:
        """Heads side by side again, mixed: BTD."""
        y_BTD: Tensor = self.output(y_BHTK.transpose(1, 2).flatten(2))
        return y_BTD


class CrossAttention(nn.Module):
    """Rows of number tokens look at their prompt."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.query = nn.Linear(config.width, config.width, bias=False)
        self.keys_values = nn.Linear(config.width, 2 * config.width, bias=False)
        self.output = nn.Linear(config.width, config.width, bias=False)

    def remember(self, x_BSD: Tensor) -> KeysValues:
        """Keys and values of encoded prompts, BHSK each: once a prompt, for all rows and steps."""
        k_BHSK, v_BHSK = split_heads(self.keys_values(x_BSD), 2, self.heads)
        return k_BHSK, v_BHSK

    def forward(self, x_BRTD: Tensor, prompts: Sequence[Prompts]) -> Tensor:
        """All R·T tokens of a prompt are queries of one attention call; a call for each of `prompts`."""
        B, R, T, D = x_BRTD.shape
        q_BHQK = self.query(x_BRTD).view(B, R * T, self.heads, -1).transpose(1, 2)  # Q = R x T
        enough_BHQK = F.pad(q_BHQK, (0, 0, 0, -(R * T) % LEAST_ROWS))
        several = torch.split(enough_BHQK, [len(k_BHSK) for (k_BHSK, _), _ in prompts])
        answers = [
            F.scaled_dot_product_attention(q, k_BHSK, v_BHSK, attn_mask=keep_B11S)
            for q, ((k_BHSK, v_BHSK), keep_B11S) in zip(several, prompts, strict=True)
        ]
        y_BHQK = torch.cat(answers)[:, :, : R * T]
        y_BRTD: Tensor = self.output(y_BHQK.transpose(1, 2).reshape(B, R, T, D))
        return y_BRTD


class FeedForward(nn.Module):
    """Gated: silu(gate) · value, then back to the width."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.input = nn.Linear(config.width, 2 * config.feed_forward, bias=False)
        self.output = nn.Linear(config.feed_forward, config.width, bias=False)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Any leading shape."""
        gate_BTF, value_BTF = self.input(x_BTD).chunk(2, dim=-1)
        y_BTD: Tensor = self.output(F.silu(gate_BTF) * value_BTF)
        return y_BTD


def split_heads(x_BTE: Tensor, parts: int, heads: int) -> Tensor:
    """E = parts x D, side by side, as `parts` tensors of shape BHTK stacked in front."""
    B, T, _ = x_BTE.shape
    return x_BTE.view(B, T, parts, heads, -1).permute(2, 0, 3, 1, 4)


def rotary(length: int, head_width: int, device: torch.device) -> KeysValues:
    """Cosines and sines of the rotary positions, SK each, in float32."""
    pair = torch.arange(0, head_width, 2, device=device) / head_width
    angle_SK = torch.outer(torch.arange(length, device=device), ROTARY_BASE**-pair).repeat(1, 2)
    return angle_SK.cos(), angle_SK.sin()


def rotate(x_BHSK: Tensor, rotary_SK: KeysValues) -> Tensor:
    """Turn each pair (k, k + K/2) of a head by its position's angle."""
    cos_SK, sin_SK = rotary_SK
    low, high = x_BHSK.chunk(2, dim=-1)
    return (x_BHSK * cos_SK + torch.cat([-high, low], dim=-1) * sin_SK).to(x_BHSK.dtype)


def avoid_plans() -> None:
    """Keep this process from cuDNN's attention, which plans anew for every shape.

    Batches have many shapes. On an H100 with torch 2.11 training took some four times as long a token
    as with the other kernels, and some plans failed to run.
    """
    if hasattr(torch.backends.cuda, "enable_cudnn_sdp"):  # not in torch 2.4
        torch.backends.cuda.enable_cudnn_sdp(False)


def collate(ids: Sequence[Sequence[int]], device: torch.device | str = "cpu") -> tuple[Tensor, Tensor | None]:
    """Prompts of token ids as source_BS and keep_BS, padded to the longest and no further."""
    lengths = [len(row) for row in ids]
    longest = max(lengths)
    source_BS = torch.tensor([[*row, *[PAD] * (longest - len(row))] for row in ids], device=device)
    if min(lengths) == longest:
        return source_BS, None
    return source_BS, torch.arange(longest, device=device) < torch.tensor(lengths, device=device)[:, None]
