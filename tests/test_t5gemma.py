"""The T5Gemma family in small: transformers' encoder as it is, our decoder behind it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from ci_rlm.errors import CheckpointError
from ci_rlm.flow import Kind, Metric, Space
from ci_rlm.model import checkpoint, decode, t5gemma
from ci_rlm.model.config import ModelConfig, T5GemmaConfig
from ci_rlm.model.network import collate
from ci_rlm.predict.rlm import RlmPredictor
from ci_rlm.prompt import prompt_from_text
from tests.released_layout import SIZES, WORDS, tokenizer, wave

SPACE = Space(
    "python", "PY\n", (Kind.FUNCTION,), (Metric("peak_memory", "B"), Metric("cpu_time", "s")), "here"
)
SECOND = hasattr(transformers, "T5Gemma2Config")


def first_generation() -> Any:
    """A whole T5Gemma, as its authors would publish it."""
    config = transformers.T5GemmaConfig(encoder=SIZES, decoder=SIZES)
    config._attn_implementation = config.encoder._attn_implementation = "eager"
    return filled(transformers.T5GemmaForConditionalGeneration(config))


def second_generation() -> Any:
    """A whole T5Gemma 2, its eyes included."""
    text = {**SIZES, "layer_types": ["sliding_attention", "full_attention"], "sliding_window": 8}
    sight = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    sight |= {"image_size": 28, "patch_size": 14, "model_type": "siglip_vision_model"}
    encoder = {"text_config": text, "vision_config": sight, "mm_tokens_per_image": 4}
    config = transformers.T5Gemma2Config(encoder=encoder, decoder=text)
    return filled(transformers.T5Gemma2ForConditionalGeneration(config))


def filled(model: Any) -> Any:
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(0.3 * wave(name, weight.shape))
    return model.eval()


GENERATIONS = {"t5gemma": first_generation, **({"t5gemma2": second_generation} if SECOND else {})}


class Published:
    """A pretrained model's folder, and what transformers computes with it."""

    def __init__(self, folder: Path, build: Callable[[], Any]) -> None:
        self.folder, self.model = folder, build()
        self.model.save_pretrained(folder)

    @torch.no_grad()
    def encode(self, source: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
        encoder = self.model.get_encoder()
        return encoder(input_ids=source, attention_mask=keep.long()).last_hidden_state


@pytest.fixture(scope="module", params=GENERATIONS)
def published(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Published:
    return Published(tmp_path_factory.mktemp("published") / "model", GENERATIONS[request.param])


def config_of(published: Published, **changes: Any) -> T5GemmaConfig:
    sizes: dict[str, Any] = {
        "width": 16,
        "heads": 2,
        "decoder_layers": 2,
        "feed_forward": 24,
        "max_tokens": 64,
    }
    return T5GemmaConfig(
        name="miniature",
        hardware="here",
        spaces=(SPACE,),
        vocab_size=WORDS,
        encoder_layers=SIZES["num_hidden_layers"],
        backbone=t5gemma.read_backbone(published.folder),
        **{**sizes, **changes},
    )


def started(config: T5GemmaConfig, folder: Path) -> t5gemma.T5GemmaNetwork:
    network = t5gemma.T5GemmaNetwork(config)
    t5gemma.take_encoder(network, folder)
    return network


def prompts() -> tuple[torch.Tensor, torch.Tensor]:
    source, keep = collate([[2, *range(40, 60)], [2, 5, 9, 70]])
    assert keep is not None
    return source, keep


def test_the_encoder_is_transformers_own_with_the_published_weights(published: Published) -> None:
    network = started(config_of(published, width=32), published.folder).eval()
    source, keep = prompts()
    with torch.no_grad():
        found = network.read(source, keep)
    torch.testing.assert_close(found[keep], published.encode(source, keep)[keep])
    assert found[keep].std() > 0.1


def test_a_decoder_of_another_width_reads_through_a_projection(published: Published) -> None:
    network = started(config_of(published), published.folder).eval()
    source, keep = prompts()
    with torch.no_grad():
        projected = published.encode(source, keep) @ network.bridge.weight.T
        torch.testing.assert_close(network.read(source, keep)[keep], projected[keep])


def test_a_saved_network_is_the_network(published: Published, tmp_path: Path) -> None:
    network = started(config_of(published), published.folder).eval()
    folder = tmp_path / "model"
    checkpoint.save(folder, network, tokenizer().to_str(), "# miniature\n", dtype=torch.float32)

    loaded = checkpoint.load_network(folder)

    assert loaded.config == network.config
    assert not any(tensor.is_meta for tensor in [*loaded.parameters(), *loaded.buffers()])
    source, keep = prompts()
    target = torch.tensor(network.number_format.encode_all([[1.0, 2e5]] * 2)).view(2, 1, -1)
    with torch.no_grad():
        torch.testing.assert_close(
            loaded(source, keep, target), network(source, keep, target), rtol=0, atol=1e-6
        )


def test_cached_decoding_is_uncached_and_depends_on_the_prompt(published: Published) -> None:
    network = started(config_of(published), published.folder).eval()
    source, keep = prompts()
    tokens = torch.tensor([[[0, 1, 5, 6], [0, 2, 7, 8]]] * 2)
    with torch.no_grad():
        memory = network.encode(source, keep)
        whole, _ = network.extend(tokens, memory)
        first, rows = network.extend(tokens[..., :1], memory)
        rest, _ = network.extend(tokens[..., 1:], memory, rows)
    torch.testing.assert_close(torch.cat([first, rest], dim=2), whole, atol=1e-5, rtol=0)
    assert (whole[0] - whole[1]).abs().max() > 1e-3


@pytest.mark.parametrize("frozen", [True, False])
def test_a_frozen_encoder_is_not_trained(published: Published, frozen: bool) -> None:
    network = started(config_of(published, freeze_encoder=frozen), published.folder).train()
    source, keep = prompts()
    target = torch.tensor(network.number_format.encode_all([[1.0], [2e5]])).view(2, 1, -1)
    logits = network(source, keep, target)
    torch.nn.functional.cross_entropy(logits.flatten(0, 2), target.flatten()).backward()
    moved = {name for name, weight in network.named_parameters() if weight.grad is not None}
    assert network.encoder.training is not frozen
    assert any(name.startswith("encoder.layers.") for name in moved) is not frozen
    assert {"bridge.weight", "head.weight", "decoder.0.attention.input.weight"} <= moved


def test_its_predictions_are_the_quantiles_of_its_text(published: Published, tmp_path: Path) -> None:
    network = started(config_of(published), published.folder).eval()
    folder = tmp_path / "model"
    checkpoint.save(folder, network, tokenizer().to_str(), "# miniature\n", dtype=torch.float32)
    text = "def f(x):\n    return x\n"

    ((memory, time),) = RlmPredictor(folder, "cpu").predict([prompt_from_text(text, SPACE)])

    ids = tokenizer().encode(SPACE.prefix + text).ids
    with torch.no_grad():
        encoded = network.encode(torch.tensor([ids]))
    asked = [u for u, _ in memory.quantiles]
    plain = decode.quantiles(network, encoded, np.empty((1, 0)), asked, 2)[0]
    for metric, values in zip((memory, time), plain.tolist(), strict=True):
        # The last of five digits may move: sums of another batch are made in another order.
        assert [value for _, value in metric.quantiles] == pytest.approx(values, rel=1e-3)


def test_the_same_seed_draws_the_same_decoder(published: Published) -> None:
    torch.manual_seed(1)
    first = t5gemma.T5GemmaNetwork(config_of(published), seed=3).state_dict()
    torch.manual_seed(2)
    again, other = (t5gemma.T5GemmaNetwork(config_of(published), seed=s).state_dict() for s in (3, 4))
    assert all(torch.equal(tensor, again[name]) for name, tensor in first.items())
    assert not torch.equal(
        first["decoder.0.attention.input.weight"], other["decoder.0.attention.input.weight"]
    )


def test_weights_of_another_shape_are_told(published: Published, tmp_path: Path) -> None:
    weights = load_file(published.folder / "model.safetensors")
    name = next(
        name for name in weights if name.endswith("layers.1.mlp.up_proj.weight") and "encoder" in name
    )
    save_file({**weights, name: torch.zeros(3, 3)}, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"layers\.1\.mlp\.up_proj\.weight has shape \[3, 3\]"):
        started(config_of(published), tmp_path)


def test_a_configuration_without_t5gemma_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", "encoder": {}}))
    with pytest.raises(CheckpointError, match="is not that of a T5Gemma"):
        t5gemma.read_backbone(tmp_path)
    with pytest.raises(CheckpointError, match="the backbone is 'bert'"):
        t5gemma.encoder_of({"model_type": "bert"})


def test_sizes_that_contradict_the_backbone_are_refused(published: Published) -> None:
    with pytest.raises(ValueError, match=r"num_hidden_layers is 2, not 3"):
        T5GemmaConfig(
            name="miniature",
            hardware="here",
            spaces=(SPACE,),
            vocab_size=WORDS,
            encoder_layers=3,
            backbone=t5gemma.read_backbone(published.folder),
        )


def test_the_family_decides_what_config_json_holds(published: Published) -> None:
    config = config_of(published)
    assert ModelConfig.from_json(config.to_json()) == config
    record = json.loads(config.to_json())
    with pytest.raises(CheckpointError, match="unknown key 'backbone'"):
        ModelConfig.from_json(json.dumps({**record, "family": "compact"}))
    with pytest.raises(CheckpointError, match="backbone"):
        ModelConfig.from_json(json.dumps({**record, "backbone": None}))
