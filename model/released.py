"""The layout of the paper's released checkpoints, read as it is: no remote code, and no torch.

`config.json` says `"model_type": "regresslm"` and holds a whole T5Gemma configuration; the
weights are those of the wrapped T5Gemma; `ieee_vocab.json` or `p10_vocab.json` numbers the number
tokens; the encoder's tokenizer lies in `encoder_tokenizer/`. The network is in
`released_network.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci_rlm.errors import CheckpointError
from ci_rlm.flow import Kind, Metric, Space
from ci_rlm.model.config import GATE_PROBABILITIES
from ci_rlm.model.number_codec import NumberFormat
from ci_rlm.model.p10 import P10Format
from ci_rlm.model.weights import RESTORE

MODEL_TYPE = "regresslm"
TOKENIZER = "encoder_tokenizer/tokenizer.json"
MAX_TOKENS = 2048
"""Of a prompt (Appendix C); the configuration does not say."""

LANGUAGES = (
    *("C++", "Python", "Java", "C", "Ruby", "C#", "Rust", "Go", "Haskell", "Kotlin"),
    *("JavaScript", "PHP", "D", "Scala", "OCaml", "Perl", "Fortran"),
)
"""The languages of CodeNet in the order of its sizes, as the prompts spell them."""

ARCHITECTURES = ("NASBench101", "NASNet", "ENAS")
"""The search spaces whose spelling in a prompt is known."""

_MILLISECONDS = 1e-3
_UNSTATED = "not stated"


@dataclass(frozen=True, slots=True)
class ReleasedConfig:
    """What `config.json` of a released checkpoint says, and what its authors say beside it."""

    backbone: dict[str, Any]
    """The `T5GemmaConfig` of encoder and decoder, with the sizes of their vocabularies."""
    number_format: NumberFormat | P10Format
    token_ids: tuple[int, ...]
    """For each token of the number format, the checkpoint's own id."""
    numbers: int
    """The most numbers that it writes for one prompt."""
    regression_head: bool
    """It was trained to predict one point from the encoder, and no distribution."""
    name: str = MODEL_TYPE
    max_tokens: int = MAX_TOKENS
    probabilities: tuple[float, ...] = GATE_PROBABILITIES

    @property
    def hardware(self) -> str:
        """One checkpoint for many machines; each space names its own."""
        return "as measured by the paper's authors"

    @property
    def vocab_size(self) -> int:
        """Tokens of the encoder."""
        return int(self.backbone["encoder"]["vocab_size"])

    @property
    def spaces(self) -> tuple[Space, ...]:
        """The paper's tasks with its prefixes. The first that serves a kind answers the gate."""
        memory = (Metric("peak_memory", "B"),)
        accuracy = (Metric("accuracy", "%"),)
        return (
            Space("APPS", "APPS\n", (Kind.FUNCTION, Kind.PROGRAM), memory, _UNSTATED),
            Space("KBSS", "KBSS\n", (Kind.TRITON_KERNEL,), (Metric("latency", "s"),), "NVIDIA A6000"),
            *(_codenet(language) for language in LANGUAGES),
            *(Space(name, f"{name}\n\n", (), accuracy, _UNSTATED) for name in ARCHITECTURES),
        )

    def space(self, name: str) -> Space:
        """The space of that name. Raises KeyError."""
        return {space.name: space for space in self.spaces}[name]

    def scale(self, space: str) -> float:
        """KBSS was measured in milliseconds, and its numbers are."""
        return _MILLISECONDS if space == "KBSS" else 1.0


def _codenet(language: str) -> Space:
    prefix = f"# CDSS\n# Language: {language}\n"
    return Space(f"CDSS {language}", prefix, (), (Metric("peak_memory", "B"),), _UNSTATED)


def is_released(text: str) -> bool:
    """Whether a `config.json` is one of a released checkpoint."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and record.get("model_type") == MODEL_TYPE


def read_config(text: str, folder: Path) -> ReleasedConfig:
    """Read the `config.json` of `folder` and its vocabulary of number tokens.

    Raises CheckpointError for whatever is missing or says something that is not known here.
    """
    where = folder / "config.json"
    try:
        record = json.loads(text)
        number_format, vocabulary = _number_format(record, folder)
        backbone = _backbone(record)
        config = ReleasedConfig(
            backbone=backbone,
            number_format=number_format,
            token_ids=_token_ids(number_format, vocabulary, int(backbone["decoder"]["vocab_size"])),
            numbers=int(record.get("max_num_objs", 1)),
            regression_head=bool(record.get("use_regression_head", False)),
        )
    except KeyError as error:
        raise CheckpointError(f"{where}: missing key {error}", hint=RESTORE) from error
    except (TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{where}: {error}", hint=RESTORE) from error
    if record.get("pad_token_id", 0) != 0 or record.get("decoder_start_token_id", 0) != 0:
        raise CheckpointError(f"{where}: the decoder does not start with token 0", hint=RESTORE)
    return config


def _number_format(record: dict[str, Any], folder: Path) -> tuple[NumberFormat | P10Format, Path]:
    spec = str(record["decoder_tokenizer"]).upper()
    if spec == "P10":
        return P10Format(int(record["num_digits"]), int(record["exponent_range"])), folder / "p10_vocab.json"
    if not spec.startswith("IEEE"):
        raise ValueError(f"decoder_tokenizer is {spec!r}, neither IEEE nor P10")
    if record.get("ieee_base", 10) != 10:
        raise ValueError(f"ieee_base is {record['ieee_base']!r}; only numbers to base 10 are read")
    digits = (int(record["ieee_exponent_digits"]), int(record["ieee_mantissa_digits"]))
    return NumberFormat(*digits), folder / "ieee_vocab.json"


def _token_ids(number_format: NumberFormat | P10Format, path: Path, size: int) -> tuple[int, ...]:
    """The checkpoint's id of each of our tokens, the pad's first. Tokens are spelled `<+>` or `+`."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        ids = {str(token).removeprefix("<").removesuffix(">"): int(place) for token, place in known.items()}
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"cannot read {path}: {error}", hint=RESTORE) from error
    except (ValueError, RecursionError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} is no vocabulary of number tokens: {error}", hint=RESTORE) from error
    missing = [token for token in number_format.vocabulary[1:] if token not in ids]
    if missing:
        raise CheckpointError(f"{path}: number token {missing[0]!r} is missing", hint=RESTORE)
    found = (0, *(ids[token] for token in number_format.vocabulary[1:]))
    if sorted(found) != list(range(size)):
        message = f"{path}: the number tokens are not numbered from 1 to {size - 1}, as the decoder's are"
        raise CheckpointError(message, hint=RESTORE)
    return found


def _backbone(record: dict[str, Any]) -> dict[str, Any]:
    """The T5Gemma configuration as it is after both vocabularies were put in."""
    backbone = dict(record["backbone_config"])
    for side in ("encoder", "decoder"):
        size = record.get(f"{side}_vocab_size") or backbone[side]["vocab_size"]
        backbone[side] = {**backbone[side], "vocab_size": int(size)}
    return {**backbone, "tie_word_embeddings": False}
