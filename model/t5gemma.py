"""The T5Gemma family: a pretrained encoder from `transformers`, read by our decoder of numbers.

Section 3 of the paper: a T5Gemma encoder, a decoder of 2 layers, width 2048 and 8 heads
(Appendix C). The encoder is `transformers`' own module; of a checkpoint only its configuration
and safetensors are read, never code. Shapes: as in network.py; E is the encoder's width.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import torch
from torch import Tensor, nn

from ci_rlm.errors import CheckpointError
from ci_rlm.model import weights
from ci_rlm.model.config import T5GemmaConfig
from ci_rlm.model.network import NumberDecoder, initialise

ModuleT = TypeVar("ModuleT", bound=nn.Module)


class T5GemmaNetwork(NumberDecoder):
    """A T5Gemma or T5Gemma 2 encoder, a projection where widths differ, and the decoder of numbers."""

    config: T5GemmaConfig

    def __init__(self, config: T5GemmaConfig, seed: int = 0) -> None:
        """Weights are drawn from `seed` alone; `take_encoder` puts the pretrained ones in their place.

        Raises CheckpointError for a backbone that the installed transformers cannot build.
        """
        super().__init__(config)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = encoder_of(config.backbone)
        hidden = int(config.backbone["hidden_size"])
        same = hidden == config.width
        self.bridge = nn.Identity() if same else nn.Linear(hidden, config.width, bias=False)
        self._build_decoder()
        if config.freeze_encoder:
            self.encoder.requires_grad_(False)
        if not self.head.weight.is_meta:
            own = [self.bridge, self.target_embedding, self.target_position, self.decoder, self.head]
            generator = torch.Generator().manual_seed(seed)
            initialise(own, self.head, [(self.decoder, 3)], generator)

    def read(self, source_BS: Tensor, keep_BS: Tensor | None = None) -> Tensor:
        """The encoder's output in the decoder's width, x_BSD."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.config.freeze_encoder):
            x_BSE = run_encoder(self.encoder, source_BS, keep_BS)
        x_BSD: Tensor = self.bridge(x_BSE)
        return x_BSD

    @property
    def last_of_encoder(self) -> nn.Module:
        """The projection, or what stands in its place."""
        return self.bridge

    def train(self, mode: bool = True) -> Self:
        """A frozen encoder stays in evaluation mode."""
        super().train(mode)
        if self.config.freeze_encoder:
            self.encoder.eval()
        return self


def on_meta(config: T5GemmaConfig) -> T5GemmaNetwork:
    """The network without weights, for `weights.load_into`."""
    return build_on_meta(lambda: T5GemmaNetwork(config))


def take_encoder(network: T5GemmaNetwork, pretrained: Path) -> None:
    """Give a network's encoder the weights of a pretrained T5Gemma's folder.

    The network has the backbone that `read_backbone` finds there. Raises CheckpointError for a
    missing or misshapen tensor.
    """
    bare = build_on_meta(lambda: encoder_of(network.config.backbone))
    encoder = weights.load_into(bare, pretrained, under=_prefix(pretrained))
    network.encoder.load_state_dict(encoder.state_dict())


def read_backbone(pretrained: Path) -> dict[str, Any]:
    """The text encoder's configuration in the `config.json` of a pretrained T5Gemma or T5Gemma 2.

    Raises CheckpointError if there is none.
    """
    path = pretrained / "config.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        encoder = record["encoder"]
        found: dict[str, Any] = {**encoder.get("text_config", encoder)}
        found["model_type"] = {"t5gemma": "t5_gemma_module", "t5gemma2": "t5gemma2_text"}[
            record["model_type"]
        ]
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}", hint=weights.RESTORE) from error
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        hint = "give the folder of a T5Gemma or T5Gemma 2 model"
        raise CheckpointError(f"{path} is not that of a T5Gemma: {error!r}", hint=hint) from error
    return found


def _prefix(pretrained: Path) -> str:
    """Where the text encoder's tensors are: `model.encoder.` of a T5Gemma, one deeper of a T5Gemma 2."""
    names = {name for path in weights.files(pretrained) for name in weights.read_header(path)}
    inner = "model.encoder.text_model."
    return inner if any(name.startswith(inner) for name in names) else "model.encoder."


def encoder_of(backbone: dict[str, Any]) -> nn.Module:
    """The text encoder that a configuration of `transformers` describes.

    Raises CheckpointError for one that is not a T5Gemma's, or newer than the installed library.
    """
    import transformers
    from transformers.models.t5gemma import modeling_t5gemma

    kind, sizes = backbone.get("model_type"), {k: v for k, v in backbone.items() if k != "model_type"}
    try:
        if kind == "t5_gemma_module":
            # T5Gemma's own configuration hands what both sides share, such as dropout, to each.
            whole = transformers.T5GemmaConfig(encoder=sizes, decoder=sizes, is_encoder_decoder=True)
            # Its logits are capped by tanh, which torch's fused attention cannot do.
            whole.encoder._attn_implementation = "eager"
            return _module(modeling_t5gemma.T5GemmaEncoder(whole.encoder))
        if kind == "t5gemma2_text":
            from transformers.models.t5gemma2 import configuration_t5gemma2, modeling_t5gemma2

            config = configuration_t5gemma2.T5Gemma2TextConfig(**sizes)
            config.dropout_rate = sizes.get("dropout_rate", 0.0)
            capped = config.attn_logit_softcapping is not None
            config._attn_implementation = "eager" if capped else "sdpa"
            return _module(modeling_t5gemma2.T5Gemma2TextEncoder(config))
    except ImportError as error:
        hint = "install transformers 5 or later"
        raise CheckpointError(f"the installed transformers has no {kind}", hint=hint) from error
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"the backbone's configuration: {error}", hint=weights.RESTORE) from error
    hint = "known: t5_gemma_module, t5gemma2_text"
    raise CheckpointError(f"the backbone is {kind!r}, no T5Gemma encoder", hint=hint)


def _module(module: Any) -> nn.Module:
    assert isinstance(module, nn.Module)  # transformers is not typed
    return module


def run_encoder(encoder: nn.Module, source_BS: Tensor, keep_BS: Tensor | None) -> Tensor:
    """The last hidden state x_BSE; `keep_BS` is False at padding, None if nothing is padded."""
    # A mask is always given: without one, T5Gemma takes each token 0 for padding.
    mask_BS = torch.ones_like(source_BS) if keep_BS is None else keep_BS.long()
    x_BSE: Tensor = encoder(input_ids=source_BS, attention_mask=mask_BS).last_hidden_state
    return x_BSE


def build_on_meta(build: Callable[[], ModuleT]) -> ModuleT:
    """A module whose weights wait to be loaded, and whose computed buffers are real."""
    with torch.device("meta"):
        module = build()
    for part in module.modules():
        _compute_buffers(part)
    stored = module.state_dict().keys()
    waiting = [name for name, buffer in module.named_buffers() if buffer.is_meta and name not in stored]
    if waiting:
        hint = "report it with the version of transformers"
        raise CheckpointError(f"transformers has a buffer that is not known here: {waiting[0]}", hint=hint)
    return module


def _compute_buffers(part: nn.Module) -> None:
    """What `transformers` computes in a constructor and no checkpoint stores."""
    names = [name for name, buffer in part.named_buffers(recurse=False) if buffer.is_meta]
    if "embed_scale" in names:
        part.embed_scale = torch.tensor(part.scalar_embed_scale)
    elif any(name.endswith("inv_freq") for name in names):
        fresh = type(part)(part.config)
        for name in names:
            setattr(part, name, fresh.get_buffer(name))
