"""The paper's alternatives to number tokens, for comparison: regression heads and numbers as text.

Section 6.2 and Table 5 put a head that is trained with a mean squared error on the pooled encoder,
on plain targets and on targets scaled linearly to [0, 1]; Section 6.4 and Table 9 let the decoder
write ordinary text. All are trained by the loop that trains number tokens, and none serves a gate:
their folder is no checkpoint. `masked` learns no costs, only code: a checkpoint to start from.

Shapes: as in network.py; N numbers of a row, the given size first if the space has one, M metrics.
`known_BRM` says which metrics were measured: the others' tokens are read, and not learned.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from ci_rlm.errors import CheckpointError
from ci_rlm.flow import Space, Vocabulary
from ci_rlm.model import checkpoint, decode, text_numbers, weights
from ci_rlm.model.config import ModelConfig, T5GemmaConfig
from ci_rlm.model.counts import Counts
from ci_rlm.model.network import Network, NumberDecoder, embedding
from ci_rlm.model.number_codec import PAD
from ci_rlm.model.t5gemma import T5GemmaNetwork
from ci_rlm.model.text_numbers import TextFormat
from ci_rlm.model.tokenizer import TextTokenizer, Tokenizer

NUMBERS, TEXT, MASKED = "numbers", "text", "masked"
MASKED_SHARE = 0.3
SCALES = ("mse", "mse-normalised", "mse-log")
"""Plain; to [0, 1] by least and greatest (Section 6.2); and logs to mean 0 and deviation 1, which
the paper does not try, and which costs that span many orders of magnitude call for."""
HEADS = (NUMBERS, *SCALES, TEXT)
"""What answers."""
TRAINED = (*HEADS, MASKED)
SAMPLES = 64
"""Text is predicted by the median of so many samples (Appendix C)."""
ALTERNATIVE = "alternative.json"
_IGNORED = -100


class NumberTokens(NumberDecoder):
    """The loss of a network that writes number tokens, as the gate has them."""

    name = NUMBERS

    def targets(self, numbers_RN: ArrayLike) -> Tensor:
        """The tokens of each row's numbers: RT. Raises ValueError for what has no tokens."""
        return torch.from_numpy(self.number_format.encode_all(numbers_RN)).flatten(1)

    def loss(
        self, source_BS: Tensor, keep_BS: Tensor | None, target_BRT: Tensor, known_BRM: Tensor
    ) -> Tensor:
        """Cross-entropy a token of what was measured, the given size left out."""
        logits_BRTV = self(source_BS, keep_BS, target_BRT)
        length = self.number_format.length
        given = given_numbers(self.config) * length
        unknown_BRT = ~known_BRM.repeat_interleave(length, dim=-1)
        asked_BRT = target_BRT[:, :, given:].masked_fill(unknown_BRT, _IGNORED)
        return F.cross_entropy(
            logits_BRTV[:, :, given:].flatten(0, 2), asked_BRT.flatten(), ignore_index=_IGNORED
        )

    @torch.inference_mode()
    def predict(
        self, source_BS: Tensor, keep_BS: Tensor | None, given_BN: ArrayLike, space: Space | None = None
    ) -> NDArray[np.float64]:
        """The exact median of each metric of a space, the first by default: shape (B, M)."""
        metrics = len((space or self.config.spaces[0]).metrics)
        memory = self.encode(source_BS, keep_BS)
        return decode.quantiles(self, memory, given_BN, [0.5], metrics)[..., 0]


class NumberHead(NumberTokens, Network):
    """Number tokens behind the compact encoder."""


class MaskedTokens(NumberHead):
    """Masked-token pretraining: the encoder fills in what was taken out of a text; numbers wait.

    A third of the tokens are taken out (Wettig and others, arXiv:2202.08005, on why more than 15%),
    and guessed by the source embedding itself, so that what is learned has no weights of its own:
    its folder is a checkpoint to start from.
    """

    name = MASKED

    def loss(
        self, source_BS: Tensor, keep_BS: Tensor | None, target_BRT: Tensor, known_BRM: Tensor
    ) -> Tensor:
        """Cross-entropy a token that was taken out, by torch's generator; numbers are not looked at."""
        # The first token opens every text, and sides are no part of what is guessed.
        out_BS = torch.rand(source_BS.shape, device=source_BS.device) < MASKED_SHARE
        out_BS[:, 0] = False
        if keep_BS is not None:
            out_BS &= keep_BS
        token_BS = source_BS % self.config.vocab_size
        x_BSD = self.read(source_BS - token_BS * out_BS, keep_BS)
        logits_NV = F.linear(x_BSD[out_BS], self.source_embedding.weight) * self.config.width**-0.5
        # What the decoder would be is no part of the loss, but of the graph, as every process expects.
        idle = sum(parameter.sum() for parameter in self.parameters())
        return F.cross_entropy(logits_NV.float(), token_BS[out_BS]) + 0 * idle


class T5GemmaHead(NumberTokens, T5GemmaNetwork):
    """Number tokens behind a T5Gemma's encoder."""


class RegressionHead(Network):
    """The mean of the encoder's output, and the log of the given size, to one number a metric.

    No decoder. The statistics of its targets are weights like any other: they are kept with them.
    """

    def __init__(self, config: ModelConfig, name: str, seed: int = 0) -> None:
        """Raises ValueError for a name that is none of `SCALES`."""
        if name not in SCALES:
            raise ValueError(f"no such regression head: {name!r}; known: {', '.join(SCALES)}")
        super().__init__(config, seed)
        self.name = name
        metrics = len(config.spaces[0].metrics)
        del self.target_embedding, self.target_position, self.decoder_norm
        self.decoder = nn.ModuleList()
        self.hidden = nn.Linear(config.width + given_numbers(config), config.width, bias=False)
        self.head = nn.Linear(config.width, metrics, bias=False)
        self.register_buffer("offset_M", torch.zeros(metrics))
        self.register_buffer("span_M", torch.ones(metrics))
        self._initialise(torch.Generator().manual_seed(seed))

    def fit(self, numbers_RN: ArrayLike) -> None:
        """Take the statistics of the training rows' metrics; NaN is not measured.

        Raises ValueError for a log of none.
        """
        value_RM = np.asarray(numbers_RN, dtype=np.float64)[:, given_numbers(self.config) :]
        for metric, value_R in enumerate(value_RM.T):
            measured_R = value_R[~np.isnan(value_R)]
            if self.name == "mse" or not len(measured_R):
                continue
            if self.name == "mse-normalised":
                offset, span = measured_R.min(), np.ptp(measured_R)
            else:
                if measured_R.min() <= 0:
                    raise ValueError("a cost of 0 or less has no log")
                offset, span = np.log(measured_R).mean(), np.log(measured_R).std()
            self.get_buffer("offset_M")[metric] = float(offset)
            self.get_buffer("span_M")[metric] = float(span) or 1.0

    def scaled(self, value_XM: Tensor) -> Tensor:
        """Metrics as the loss compares them; any leading shape."""
        measured_XM = value_XM.log() if self.name == "mse-log" else value_XM
        return (measured_XM - self.get_buffer("offset_M")) / self.get_buffer("span_M")

    def unscaled(self, y_XM: Tensor) -> Tensor:
        """The inverse of `scaled`."""
        measured_XM = y_XM * self.get_buffer("span_M") + self.get_buffer("offset_M")
        return measured_XM.exp() if self.name == "mse-log" else measured_XM

    def targets(self, numbers_RN: ArrayLike) -> Tensor:
        """Each row's numbers as they are: RN, float32."""
        return torch.tensor(np.asarray(numbers_RN), dtype=torch.float32)

    def forward(self, source_BS: Tensor, keep_BS: Tensor | None, target_BRT: Tensor) -> Tensor:
        """Scaled metrics y_BRM, from prompts and the given numbers alone; T is N here."""
        mean_BD = self._pooled(source_BS, keep_BS)
        given_BRN = target_BRT[..., : given_numbers(self.config)].log()
        x_BRE = torch.cat([mean_BD[:, None].expand(-1, target_BRT.shape[1], -1), given_BRN], dim=-1)
        y_BRM: Tensor = self.head(F.silu(self.hidden(x_BRE)))
        return y_BRM

    def loss(
        self, source_BS: Tensor, keep_BS: Tensor | None, target_BRT: Tensor, known_BRM: Tensor
    ) -> Tensor:
        """Mean squared error of the scaled metrics that were measured."""
        wanted_BRM = self.scaled(target_BRT[..., given_numbers(self.config) :])
        return F.mse_loss(self(source_BS, keep_BS, target_BRT)[known_BRM], wanted_BRM[known_BRM])

    @torch.inference_mode()
    def predict(
        self, source_BS: Tensor, keep_BS: Tensor | None, given_BN: ArrayLike, space: Space | None = None
    ) -> NDArray[np.float64]:
        """Each metric: shape (B, M). There is one space, and its changes."""
        y_BRM = self(source_BS, keep_BS, self.targets(given_BN).to(self.device)[:, None])
        answer: NDArray[np.float64] = self.unscaled(y_BRM[:, 0].double()).cpu().numpy()
        return answer

    def _pooled(self, source_BS: Tensor, keep_BS: Tensor | None) -> Tensor:
        """The mean of the encoder's output over the tokens of each prompt: BD."""
        x_BSD = self.read(source_BS, keep_BS)
        keep = torch.ones_like(source_BS, dtype=torch.bool) if keep_BS is None else keep_BS
        return (x_BSD * keep[..., None]).sum(1) / keep.sum(1, keepdim=True)


class TextHead(Network):
    """The decoder writes text: its vocabulary is the encoder's."""

    name = TEXT

    def __init__(self, config: ModelConfig, text_format: TextFormat, seed: int = 0) -> None:
        super().__init__(config, seed)
        self.text_format = text_format
        self.target_embedding = embedding(config.vocab_size, config.width)
        self.target_position = embedding(config.max_numbers * text_format.length, config.width)
        self.head = nn.Linear(config.width, config.vocab_size, bias=False)
        self._initialise(torch.Generator().manual_seed(seed))

    def targets(self, numbers_RN: ArrayLike) -> Tensor:
        """The tokens of each row's numbers, padded: RT. Raises ValueError for what is too long."""
        return torch.from_numpy(self.text_format.encode_all(numbers_RN))

    def loss(
        self, source_BS: Tensor, keep_BS: Tensor | None, target_BRT: Tensor, known_BRM: Tensor
    ) -> Tensor:
        """Cross-entropy a token of what was measured, the given size and the padding left out."""
        longest = int((target_BRT != PAD).sum(-1).max())
        target_BRT = target_BRT[..., :longest]
        end_BRT = target_BRT == self.text_format.end
        before_BRT = end_BRT.cumsum(-1) - end_BRT.long()
        metric_BRT = before_BRT - given_numbers(self.config)
        measured_BRT = known_BRM.gather(-1, metric_BRT.clamp(0, known_BRM.shape[-1] - 1))
        asked_BRT = (metric_BRT >= 0) & measured_BRT & (target_BRT != PAD)
        return F.cross_entropy(self(source_BS, keep_BS, target_BRT)[asked_BRT], target_BRT[asked_BRT])

    @torch.inference_mode()
    def predict(
        self, source_BS: Tensor, keep_BS: Tensor | None, given_BN: ArrayLike, space: Space | None = None
    ) -> NDArray[np.float64]:
        """The median of samples of each metric of a space, the first by default: shape (B, M).

        It is always the same for the same prompts.
        """
        given = np.asarray(given_BN, dtype=np.float64)
        metrics = len((space or self.config.spaces[0]).metrics)
        lengths = np.array([sum(len(self.text_format.encode(x)) for x in row) for row in given.tolist()])
        answer, generator = np.empty((len(given), metrics)), torch.Generator(self.device).manual_seed(0)
        for length in np.unique(lengths):
            rows = np.flatnonzero(lengths == length)
            chosen = torch.from_numpy(rows).to(self.device)
            memory = self.encode(source_BS[chosen], None if keep_BS is None else keep_BS[chosen])
            drawn = text_numbers.sample(
                self, memory, given[rows], self.text_format, SAMPLES, generator, metrics=metrics
            )
            answer[rows] = np.median(drawn, axis=-1)
        return answer


Head = NumberHead | T5GemmaHead | RegressionHead | TextHead


def given_numbers(config: ModelConfig) -> int:
    """How many numbers a prompt of any space is given before its metrics."""
    return int(config.spaces[0].size is not None)


def build(name: str, config: ModelConfig, words: TextTokenizer, seed: int = 0) -> Head:
    """A fresh network with the head of that name.

    Raises ValueError for an unknown name, a tokenizer that cannot write numbers, a T5Gemma with
    another head than number tokens, a regression head for several spaces, and spaces of which
    only some are given a size.
    """
    if len({space.size is None for space in config.spaces}) > 1:
        raise ValueError("either every space is given a size first, or none")
    if isinstance(config, T5GemmaConfig):
        if name != NUMBERS:
            raise ValueError(f"a T5Gemma has number tokens, not {name!r}")
        return T5GemmaHead(config, seed)
    if name in (NUMBERS, MASKED):
        return (NumberHead if name == NUMBERS else MaskedTokens)(config, seed)
    if name == TEXT:
        if not isinstance(words, Tokenizer):
            raise ValueError("text is written with a tokenizer of our own")
        return TextHead(config, TextFormat.of(words), seed)
    if sum(not space.compares for space in config.spaces) > 1:
        raise ValueError(f"{name!r} answers for one space")
    return RegressionHead(config, name, seed)


def save(
    folder: Path,
    network: Head,
    words: TextTokenizer,
    card: str,
    vocabulary: Vocabulary | None = None,
    counts: Counts | None = None,
) -> None:
    """Write a checkpoint of number tokens, or the folder of an alternative, float32 both.

    `vocabulary` and `counts` go with a checkpoint alone. Neither replaces the other: CheckpointError.
    """
    if isinstance(network, NumberTokens):
        checkpoint.save(
            folder, network, words.to_json(), card, dtype=torch.float32, vocabulary=vocabulary, counts=counts
        )
        return
    from safetensors.torch import save_file

    if (folder / checkpoint.CONFIG).exists():
        raise CheckpointError(f"{folder} holds a checkpoint", hint=f"give {network.name} a folder of its own")
    folder.mkdir(parents=True, exist_ok=True)
    record = {"head": network.name, "config": json.loads(network.config.to_json())}
    (folder / ALTERNATIVE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    (folder / checkpoint.TOKENIZER).write_text(words.to_json(), encoding="utf-8")
    save_file(network.state_dict(), folder / weights.WEIGHTS)


def load(folder: Path) -> tuple[Head, TextTokenizer]:
    """Read what `save` wrote, in evaluation mode. Raises CheckpointError for a damaged folder."""
    from safetensors.torch import load_file

    name, config = _read_record(folder)
    words = checkpoint.load_tokenizer(folder, config)
    weights.read_header(folder / weights.WEIGHTS)
    try:
        network = build(name, config, words)
        network.load_state_dict(load_file(folder / weights.WEIGHTS))
    except (RuntimeError, ValueError) as error:
        raise CheckpointError(f"{folder} holds no such network: {error}", hint="train it anew") from error
    network.eval()
    return network, words


def _read_record(folder: Path) -> tuple[str, ModelConfig]:
    path = folder / ALTERNATIVE
    if not path.exists():
        return NUMBERS, checkpoint.read_config(folder)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return str(record["head"]), ModelConfig.from_json(json.dumps(record["config"]), str(path))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"cannot read {path}: {error}", hint="train it anew") from error
