"""What a checkpoint is, apart from its weights: sizes, spaces, number format. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass, field

from ci_rlm.flow import Space
from ci_rlm.model import records
from ci_rlm.model.number_codec import NumberFormat

FAMILIES = ("compact",)
GATE_PROBABILITIES = (
    *(0.01, 0.05, 0.10, 0.20, 0.25, 0.30, 0.40, 0.50),
    *(0.60, 0.70, 0.75, 0.80, 0.90, 0.95, 0.99),
)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The `config.json` of a checkpoint folder."""

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

    def to_json(self) -> str:
        """The text of `config.json`."""
        return records.dump(self)

    @classmethod
    def from_json(cls, text: str, where: str = "config.json") -> ModelConfig:
        """Read `config.json`; missing, unknown and ill-typed keys are CheckpointErrors."""
        return records.load(cls, text, where)
