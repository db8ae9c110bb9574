"""What a checkpoint is, apart from its weights: sizes, spaces, number format. Torch-free."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ci_rlm.flow import Space
from ci_rlm.model import records
from ci_rlm.model.number_codec import NumberFormat

GATE_PROBABILITIES = (
    *(0.01, 0.05, 0.10, 0.20, 0.25, 0.30, 0.40, 0.50),
    *(0.60, 0.70, 0.75, 0.80, 0.90, 0.95, 0.99),
)


class CheckpointConfig(Protocol):
    """What the rest of the program asks of a checkpoint, whatever its layout."""

    @property
    def name(self) -> str:
        """What a report calls the model."""

    @property
    def hardware(self) -> str:
        """The class of machine that the training data was measured on."""

    @property
    def spaces(self) -> tuple[Space, ...]:
        """The tasks that it was trained on."""

    @property
    def vocab_size(self) -> int:
        """Tokens of the encoder."""

    @property
    def max_tokens(self) -> int:
        """Longer prompts are cropped."""

    @property
    def probabilities(self) -> tuple[float, ...]:
        """Of the quantiles that a prediction holds, ascending."""

    def space(self, name: str) -> Space:
        """The space of that name. Raises KeyError."""

    def scale(self, space: str) -> float:
        """What 1 of a number that the model writes for a space is, in the metric's unit."""


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The `config.json` of a checkpoint of the compact family."""

    name: str
    hardware: str
    """The class of machine that the training data was measured on."""
    spaces: tuple[Space, ...]
    """The tasks. A space with a size is conditioned on it: the decoder is given that number
    first, then decodes the space's metrics one after the other (Section 3.2 of the paper)."""
    family: str = "compact"
    vocab_size: int = 8192
    """Tokens of the encoder's tokenizer."""
    width: int = 256
    heads: int = 4
    encoder_layers: int = 6
    decoder_layers: int = 2
    feed_forward: int = 704
    """Inner width of the gated feed-forward layers."""
    max_tokens: int = 2048
    """Longer prompts are cropped, and the prediction says so (Appendix C)."""
    dropout: float = 0.0
    number_format: NumberFormat = field(default_factory=NumberFormat)
    probabilities: tuple[float, ...] = GATE_PROBABILITIES
    """Of the quantiles that a prediction holds, ascending."""

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise ValueError(f"unknown family {self.family!r}; known: {', '.join(FAMILIES)}")
        if type(self) is not FAMILIES[self.family]:
            raise ValueError(f"family {self.family!r} has a configuration of its own")
        sizes = (self.vocab_size, self.width, self.heads, self.encoder_layers, self.decoder_layers)
        if min(*sizes, self.feed_forward, self.max_tokens) < 1:
            raise ValueError("every size of a model is at least 1")
        if self.width % (2 * self.heads):
            raise ValueError(f"width {self.width} is not a multiple of 2 x {self.heads} heads (rotary pairs)")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}, not in [0, 1)")
        self._refuse_bad_probabilities()
        self._refuse_bad_spaces()

    def _refuse_bad_probabilities(self) -> None:
        inside = [u for u in self.probabilities if 0 < u < 1]
        if not inside or list(self.probabilities) != sorted(set(inside)):
            raise ValueError("probabilities must ascend strictly between 0 and 1")

    def _refuse_bad_spaces(self) -> None:
        names = [space.name for space in self.spaces]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"spaces need names of their own, at least one: {names}")
        if not all(space.metrics for space in self.spaces):
            raise ValueError("a space needs at least one metric")

    @property
    def compares(self) -> bool:
        """Whether one of the spaces reads two versions at once."""
        return any(space.compares for space in self.spaces)

    @property
    def max_numbers(self) -> int:
        """The most numbers that one prompt's decoder sees: the given size and the metrics."""
        return max((space.size is not None) + len(space.metrics) for space in self.spaces)

    @property
    def target_tokens(self) -> int:
        """Positions of the decoder."""
        return self.max_numbers * self.number_format.length

    def space(self, name: str) -> Space:
        """The space of that name. Raises KeyError."""
        return {space.name: space for space in self.spaces}[name]

    def scale(self, space: str) -> float:
        """Numbers are written in the metric's unit."""
        return 1.0

    def to_json(self) -> str:
        """The text of `config.json`."""
        return records.dump(self)

    @staticmethod
    def from_json(text: str, where: str = "config.json") -> ModelConfig:
        """Read `config.json`; missing, unknown and ill-typed keys are CheckpointErrors."""
        return records.load(_class_for(text), text, where)


@dataclass(frozen=True, slots=True)
class T5GemmaConfig(ModelConfig):
    """The `config.json` of a checkpoint whose encoder is a T5Gemma's, read by our decoder.

    The inherited sizes are the decoder's; `vocab_size` and `encoder_layers` repeat the backbone's.
    """

    family: str = "t5gemma"
    backbone: dict[str, Any] = field(default_factory=dict)
    """The encoder's configuration, as `transformers` writes it: `model_type` is
    `t5_gemma_module` or `t5gemma2_text`."""
    freeze_encoder: bool = True
    """Training leaves the encoder as it came: much cheaper, and no worse in Section 6.2's run."""

    def __post_init__(self) -> None:
        ModelConfig.__post_init__(self)
        known = {"vocab_size": self.vocab_size, "num_hidden_layers": self.encoder_layers}
        for key, value in known.items():
            if self.backbone.get(key) != value:
                raise ValueError(f"backbone: {key} is {self.backbone.get(key)!r}, not {value}")


FAMILIES: Mapping[str, type[ModelConfig]] = {"compact": ModelConfig, "t5gemma": T5GemmaConfig}


def _class_for(text: str) -> type[ModelConfig]:
    """The class of the family that `config.json` names; what is no configuration is `records`' to tell."""
    try:
        family = json.loads(text)["family"]
        return FAMILIES.get(family, ModelConfig)
    except (ValueError, RecursionError, KeyError, TypeError):
        return ModelConfig
