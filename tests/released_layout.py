"""Small checkpoints in the layout of the paper's released ones, with random weights."""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

WORDS = 300
SIZES = {
    "vocab_size": WORDS,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "query_pre_attn_scalar": 8,
    "max_position_embeddings": 512,
    "sliding_window": 64,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 1,
}
IEEE = {"decoder_tokenizer": "IEEE", "ieee_base": 10, "ieee_exponent_digits": 1, "ieee_mantissa_digits": 2}
P10 = {"decoder_tokenizer": "P10", "num_digits": 2, "exponent_range": 2}


def vocabulary(numbers: dict[str, Any]) -> dict[str, int]:
    """Number token to id: the pad, then the tokens sorted as strings, as the reference numbers them."""
    tokens = ["+", "-", *map(str, range(10))]
    if numbers["decoder_tokenizer"] == "P10":
        reach = numbers["exponent_range"]
        tokens += [f"E{exponent}" for exponent in range(-reach, reach + 1)]
    return {"<pad>": 0} | {token: i for i, token in enumerate(sorted(f"<{t}>" for t in tokens), start=1)}


def wrapped(numbers: dict[str, Any], seed: int = 0, **changes: Any) -> Any:
    """The T5Gemma that such a checkpoint wraps, in evaluation mode, with logits worth looking at."""
    sizes = {**SIZES, **changes}
    config = transformers.T5GemmaConfig(
        encoder=sizes, decoder={**sizes, "vocab_size": len(vocabulary(numbers))}, tie_word_embeddings=False
    )
    for part in (config, config.encoder, config.decoder):
        part._attn_implementation = "eager"
    model = transformers.T5GemmaForConditionalGeneration(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(0.4 * wave(f"{seed} {name}", weight.shape))
    return model.eval()


def wave(name: str, shape: torch.Size) -> torch.Tensor:
    """Numbers between −1 and 1 that look random and are the same with every version of torch."""
    phase = zlib.crc32(name.encode()) % 1000
    place = torch.arange(math.prod(shape), dtype=torch.float64)
    return torch.sin(phase + 12.9898 * place).float().reshape(shape)


def write(folder: Path, numbers: dict[str, Any], *, head: bool = False, seed: int = 0, **changes: Any) -> Any:
    """Write a checkpoint and return the model that it wraps."""
    model = wrapped(numbers, seed, **changes)
    sizes = {**SIZES, **changes}
    ids = vocabulary(numbers)
    tokens = 2 + (
        numbers["num_digits"]
        if numbers["decoder_tokenizer"] == "P10"
        else numbers["ieee_exponent_digits"] + numbers["ieee_mantissa_digits"]
    )
    record = {
        "architectures": ["RegressLMForConditionalGeneration"],
        "auto_map": {"AutoConfig": "configuration_regresslm.RegressLMConfig"},
        "model_type": "regresslm",
        "backbone_model_name": "google/t5gemma-s-s-prefixlm",
        "backbone_config": {
            "model_type": "t5gemma",
            "encoder": {**sizes, "model_type": "t5_gemma_module"},
            "decoder": {**sizes, "model_type": "t5_gemma_module"},
            "tie_word_embeddings": True,
            "vocab_size": WORDS,
        },
        "decoder_vocab_size": len(ids),
        "encoder_vocab_size": WORDS,
        "num_digits": 6,
        "exponent_range": 10,
        **numbers,
        "num_tokens_per_obj": tokens,
        "max_num_objs": 1,
        "pad_token_id": 0,
        "decoder_start_token_id": 0,
        "use_regression_head": head,
        "transformers_version": "4.53.2",
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(record))
    name = "p10_vocab.json" if numbers["decoder_tokenizer"] == "P10" else "ieee_vocab.json"
    (folder / name).write_text(json.dumps(ids))
    weights = {f"model.{name}": tensor.contiguous() for name, tensor in model.state_dict().items()}
    weights["model.final_logits_bias"] = torch.zeros(1, len(ids))
    if head:
        weights["regression_head.weight"] = wave("head", torch.Size([1, SIZES["hidden_size"]]))
        weights["regression_head.bias"] = torch.tensor([100.0])
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "encoder_tokenizer").mkdir(exist_ok=True)
    tokenizer().save(str(folder / "encoder_tokenizer" / "tokenizer.json"))
    return model


def tokenizer() -> Tokenizer:
    """Built as Gemma's is: spaces as ▁, bytes for what is unknown, runs of newlines whole, <bos> first."""
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁"]
    letters = [chr(code) for code in range(33, 127) if chr(code) not in "~`|^"]
    vocabulary = {piece: i for i, piece in enumerate([*pieces, *letters][: WORDS - 2])}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>", byte_fallback=True))
    inner.normalizer = normalizers.Replace(" ", "▁")
    inner.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_previous")
    inner.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    inner.add_special_tokens(["<pad>", "<eos>", "<bos>", "<unk>"])
    inner.add_tokens([AddedToken("\n\n", normalized=False), AddedToken("\n\n\n", normalized=False)])
    inner.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A <bos> $B", special_tokens=[("<bos>", 2)]
    )
    inner.enable_truncation(32)
    return inner
