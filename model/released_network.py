"""The network of a released checkpoint: a whole T5Gemma whose decoder writes numbers.

The encoder runs as `transformers` runs it. The decoder's pass is written here, over the same
modules, because its rows are paths of one search: all rows of a prompt are queries against the
one copy of its keys and values, which `transformers` would repeat. A test holds the two equal.

Shapes: as in network.py; G groups of heads that share keys and values, Q queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ci_rlm.errors import CheckpointError
from ci_rlm.model import weights
from ci_rlm.model.network import Cache, KeysValues, Memory, rotate
from ci_rlm.model.number_codec import NumberFormat
from ci_rlm.model.p10 import P10Format
from ci_rlm.model.released import ReleasedConfig
from ci_rlm.model.t5gemma import build_on_meta, run_encoder
from ci_rlm.model.weights import RESTORE


def load(
    config: ReleasedConfig, folder: Path, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
) -> ReleasedNetwork | PointNetwork:
    """The network of a released checkpoint, in evaluation mode; computes in float32 unless told otherwise.

    Its number tokens have our ids from here on. Raises CheckpointError as `weights.load_into`.
    """
    kind = PointNetwork if config.regression_head else ReleasedNetwork
    network = weights.load_into(build_on_meta(lambda: kind(config)), folder, device, dtype)
    ids = torch.tensor(config.token_ids, device=network.device)
    inner = network.model
    with torch.no_grad():
        for weight in (inner.model.decoder.embed_tokens.weight, inner.lm_head.out_proj.weight):
            weight.copy_(weight[ids])
    return network.requires_grad_(False)


class _Wrapped(nn.Module):
    """A T5Gemma under `model.`, as the checkpoint's tensors are named."""

    def __init__(self, config: ReleasedConfig) -> None:
        """Raises CheckpointError for a backbone that the installed transformers cannot build."""
        super().__init__()
        self.config = config
        self.number_format: NumberFormat | P10Format = config.number_format
        self.model = _t5gemma(config.backbone)
        # Stored, but added to nothing: T5Gemma's forward pass does not know it.
        size = config.backbone["decoder"]["vocab_size"]
        self.model.register_buffer("final_logits_bias", torch.zeros(1, size))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        weight: Tensor = self.model.lm_head.out_proj.weight
        return weight.device

    def read(self, source_BS: Tensor, keep_BS: Tensor | None) -> Tensor:
        """The encoder's output x_BSD."""
        return run_encoder(self.model.model.encoder, source_BS, keep_BS)


def _t5gemma(backbone: dict[str, Any]) -> Any:
    """A T5Gemma with attention that caps its logits, which torch's fused attention cannot do."""
    import transformers

    try:
        sizes = {key: value for key, value in backbone.items() if key not in ("model_type", "architectures")}
        config = transformers.T5GemmaConfig(**sizes)
        for part in (config, config.encoder, config.decoder):
            part._attn_implementation = "eager"
        return transformers.T5GemmaForConditionalGeneration(config)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"the backbone's configuration: {error}", hint=RESTORE) from error


class ReleasedNetwork(_Wrapped):
    """Numbers as the T5Gemma's own decoder writes them."""

    def __init__(self, config: ReleasedConfig) -> None:
        """Raises CheckpointError for a window of attention that is shorter than the numbers."""
        super().__init__(config)
        window = self.model.config.decoder.sliding_window
        if window is not None and window < config.numbers * config.number_format.length:
            raise CheckpointError(f"the decoder sees no more than {window} tokens back", hint=RESTORE)

    def encode(self, source_BS: Tensor, keep_BS: Tensor | None = None) -> Memory:
        """Read prompts; `keep_BS` is False at padding, None if nothing is padded."""
        x_BSD = self.read(source_BS, keep_BS)
        keep_B11S = None if keep_BS is None else keep_BS[:, None, None, :]
        return Memory(tuple(_keys_values(layer.cross_attn, x_BSD) for layer in self._layers), keep_B11S)

    def extend(self, tokens_BRT: Tensor, memory: Memory, cache: Cache | None = None) -> tuple[Tensor, Cache]:
        """Feed T more tokens to each row.

        Returns float32 logits_BRTV for the token after each, and the longer cache.
        """
        decoder, sizes = self.model.model.decoder, self.model.config.decoder
        start = cache.length if cache else 0
        position_1T = torch.arange(start, start + tokens_BRT.shape[2], device=tokens_BRT.device)[None]
        x_BRTD = decoder.embed_tokens(tokens_BRT)
        x_BRTD = x_BRTD * torch.tensor(sizes.hidden_size**0.5, dtype=x_BRTD.dtype)
        cos_1TK, sin_1TK = decoder.rotary_emb(x_BRTD, position_1T)
        longer: list[KeysValues] = []
        for index, layer in enumerate(self._layers):
            past = cache.keys_values[index] if cache else None
            y_BRTD, present = _attend_row(
                layer.self_attn, layer.pre_self_attn_layernorm(x_BRTD), (cos_1TK, sin_1TK), past
            )
            longer.append(present)
            x_BRTD = x_BRTD + layer.post_self_attn_layernorm(y_BRTD)
            y_BRTD = layer.pre_cross_attn_layernorm(x_BRTD)
            y_BRTD = _attend_prompt(layer.cross_attn, y_BRTD, memory.keys_values[index], memory.keep)
            x_BRTD = x_BRTD + layer.post_cross_attn_layernorm(y_BRTD)
            y_BRTD = layer.mlp(layer.pre_feedforward_layernorm(x_BRTD))
            x_BRTD = x_BRTD + layer.post_feedforward_layernorm(y_BRTD)
        logits_BRTV = self.model.lm_head(decoder.norm(x_BRTD)).float()
        return _capped(logits_BRTV, sizes.final_logit_softcapping), Cache(tuple(longer))

    @property
    def _layers(self) -> list[Any]:
        return list(self.model.model.decoder.layers)


def _attend_row(
    attention: Any, x_BRTD: Tensor, rotary_1TK: KeysValues, past_BRGPK: KeysValues | None
) -> tuple[Tensor, KeysValues]:
    """Each token sees its row's past and itself; returns the keys and values with the past in front."""
    B, R, T, _ = x_BRTD.shape
    x_NTD = x_BRTD.flatten(0, 1)
    cos_11TK, sin_11TK = (x_1TK[:, None] for x_1TK in rotary_1TK)
    q_NHTK = rotate(_split(attention.q_proj(x_NTD), attention.head_dim), (cos_11TK, sin_11TK))
    k_NGTK, v_NGTK = _keys_values(attention, x_NTD)
    k_NGTK = rotate(k_NGTK, (cos_11TK, sin_11TK))
    k_BRGPK, v_BRGPK = (x_NGTK.view(B, R, *x_NGTK.shape[1:]) for x_NGTK in (k_NGTK, v_NGTK))
    if past_BRGPK is not None:
        k_BRGPK = torch.cat([past_BRGPK[0], k_BRGPK], dim=3)
        v_BRGPK = torch.cat([past_BRGPK[1], v_BRGPK], dim=3)
    P = k_BRGPK.shape[3]
    causal_TP = torch.ones(T, P, dtype=torch.bool, device=x_BRTD.device).tril(P - T) if T > 1 else None
    y_NHTK = _attention(attention, q_NHTK, (k_BRGPK.flatten(0, 1), v_BRGPK.flatten(0, 1)), causal_TP)
    y_BRTD: Tensor = attention.o_proj(y_NHTK.transpose(1, 2).flatten(2)).view(B, R, T, -1)
    return y_BRTD, (k_BRGPK, v_BRGPK)


def _attend_prompt(
    attention: Any, x_BRTD: Tensor, memory_BGSK: KeysValues, keep_B11S: Tensor | None
) -> Tensor:
    """All R·T tokens of a prompt are queries of one attention call."""
    q_BHQK = _split(attention.q_proj(x_BRTD.flatten(1, 2)), attention.head_dim)
    y_BHQK = _attention(attention, q_BHQK, memory_BGSK, keep_B11S)
    y_BRTD: Tensor = attention.o_proj(y_BHQK.transpose(1, 2).flatten(2)).view(x_BRTD.shape)
    return y_BRTD


def _keys_values(attention: Any, x_BSD: Tensor) -> KeysValues:
    """Keys and values, BGSK each."""
    k_BSE, v_BSE = attention.k_proj(x_BSD), attention.v_proj(x_BSD)
    return _split(k_BSE, attention.head_dim), _split(v_BSE, attention.head_dim)


def _split(x_BSE: Tensor, head_dim: int) -> Tensor:
    return x_BSE.view(*x_BSE.shape[:-1], -1, head_dim).transpose(1, 2)


def _attention(attention: Any, q_BHQK: Tensor, keys_values_BGSK: KeysValues, keep: Tensor | None) -> Tensor:
    """Attention with capped logits. The heads of a group are more queries of its one key and value."""
    k_BGSK, v_BGSK = keys_values_BGSK
    B, H, Q, K = q_BHQK.shape
    G, S = k_BGSK.shape[1:3]
    score_BGhQS = (q_BHQK.reshape(B, G, -1, K) @ k_BGSK.transpose(2, 3)).view(B, G, H // G, Q, S)
    score_BGhQS = _capped(score_BGhQS * attention.scaling, attention.attn_logit_softcapping)
    if keep is not None:
        keep = keep.unsqueeze(1) if keep.ndim == 4 else keep
        score_BGhQS = score_BGhQS.masked_fill(~keep, -torch.inf)
    weight_BGhQS = score_BGhQS.softmax(-1, dtype=torch.float32).to(q_BHQK.dtype)
    return (weight_BGhQS.view(B, G, -1, S) @ v_BGSK).view(B, H, Q, K)


def _capped(x: Tensor, cap: float | None) -> Tensor:
    return x if cap is None else torch.tanh(x / cap) * cap


@dataclass(frozen=True, slots=True)
class Point:
    """Encoded prompts, of which one number is known."""

    tokens: Tensor
    """BL: the number's tokens."""


@dataclass(frozen=True, slots=True)
class Written:
    """How many tokens of each row are written; every row of a prompt is the same."""

    length: int

    def repeat(self, rows: int) -> Written:
        """The one row of each prompt as several equal rows."""
        return self

    def pick(self, parent_BR: Tensor) -> Written:
        """New rows, each equal to the row of its prompt that `parent_BR` names."""
        return self


class PointNetwork(_Wrapped):
    """A regression head on the mean of the encoder's output: one number, and no distribution.

    It answers as a decoder that is certain of that number, rounded to the number format, so
    whatever reads distributions reads it too.
    """

    def __init__(self, config: ReleasedConfig) -> None:
        super().__init__(config)
        self.regression_head = nn.Linear(int(config.backbone["encoder"]["hidden_size"]), 1)

    def points(self, source_BS: Tensor, keep_BS: Tensor | None = None) -> Tensor:
        """The head's value_B, in the unit of the space."""
        x_BSD = self.read(source_BS, keep_BS)
        keep_BS1 = (torch.ones_like(source_BS) if keep_BS is None else keep_BS)[..., None].to(x_BSD.dtype)
        mean_BD = (x_BSD * keep_BS1).sum(1) / keep_BS1.sum(1)
        value_B: Tensor = self.regression_head(mean_BD)[:, 0]
        return value_B

    def encode(self, source_BS: Tensor, keep_BS: Tensor | None = None) -> Point:
        """Read prompts. Raises ValueError for a value that the number format cannot hold."""
        value_B = self.points(source_BS, keep_BS).double().cpu().numpy()
        tokens = self.number_format.encode_all(np.asarray(value_B))
        return Point(torch.from_numpy(tokens).to(self.device))

    def extend(
        self, tokens_BRT: Tensor, memory: Point, cache: Written | None = None
    ) -> tuple[Tensor, Written]:
        """float32 logits_BRTV: 0 for the number's next token, −∞ for every other."""
        B, R, T = tokens_BRT.shape
        start = cache.length if cache else 0
        length = memory.tokens.shape[1]
        place_T = torch.arange(start, start + T, device=self.device) % length
        token_BRT = memory.tokens[:, None, place_T].expand(B, R, T)
        size = len(self.number_format.vocabulary)
        logits_BRTV = torch.full((B, R, T, size), -torch.inf, device=self.device)
        return logits_BRTV.scatter(-1, token_BRT[..., None], 0.0), Written(start + T)
