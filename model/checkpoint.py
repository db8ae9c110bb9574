"""A checkpoint is a folder: sizes, tokenizer, weights, calibration and model card.

`read_info` serves a check whose answers are all cached, so this module imports torch in
`save` and the loading functions alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ci_rlm.errors import CheckpointError
from ci_rlm.flow import Calibration, ModelInfo, Vocabulary
from ci_rlm.model import hub, records, released, weights
from ci_rlm.model.config import CheckpointConfig, ModelConfig, T5GemmaConfig
from ci_rlm.model.weights import RESTORE, WEIGHTS

if TYPE_CHECKING:
    import torch

    from ci_rlm.model.counts import Counts
    from ci_rlm.model.decode import Model
    from ci_rlm.model.network import NumberDecoder
    from ci_rlm.model.tokenizer import TextTokenizer

EMBEDDED = "embedded"
CONFIG, TOKENIZER = "config.json", "tokenizer.json"
CALIBRATION, CARD = "calibration.json", "README.md"
VOCABULARY = "vocabulary.json"
"""The names that the model learned from, where that was written down."""
COUNTS = "counts.safetensors"
"""What counting says of changes, where that was learned."""
FIGURES = "figures.json"
"""What the card is written from, where a checkpoint was published."""


def locate(name: str | Path, *, cache_dir: Path | None = None, offline: bool = True) -> Path:
    """The folder of a checkpoint: `embedded`, a path, or `OWNER/NAME[@REVISION]` on the hub.

    What is spelled as a hub id never means a folder: a pull request could bring one of that name.
    Hub ids are kept in `cache_dir`, and fetched unless `offline`. Raises CheckpointError.
    """
    found = hub.parse(str(name)) if isinstance(name, str) else None
    if found is not None and Path(name).is_dir():
        hint = f"write ./{name} for the folder, or run where no such folder is"
        raise CheckpointError(f"{name} may be a folder or a model on the hub", hint=hint)
    if found is not None and cache_dir is None:
        raise CheckpointError(f"there is no cache to keep {name} in", hint="set CI_RLM_CACHE_DIR to a folder")
    if found is not None and cache_dir is not None:
        folder = hub.fetch(found, cache_dir, offline=offline)
    else:
        folder = Path(__file__).parent / "pretrained" if str(name) == EMBEDDED else Path(name)
    if not folder.is_dir():
        hint = f"give {EMBEDDED!r}, the path of a checkpoint folder, or OWNER/NAME on the Hugging Face hub"
        raise CheckpointError(f"no such checkpoint: {name}", hint=hint)
    if not (folder / CONFIG).is_file():
        raise CheckpointError(f"not a checkpoint: {folder} has no {CONFIG}", hint=RESTORE)
    return folder


def read_info(folder: Path) -> tuple[CheckpointConfig, ModelInfo, tuple[Calibration, ...]]:
    """What a checkpoint is and whether its files are whole, without torch.

    Raises CheckpointError for whatever is missing, truncated or of another layout.
    """
    config = read_any_config(folder)
    info = ModelInfo(
        name=hub.name_of(folder) or config.name,
        digest=weights.digest(folder),
        tokenizer_digest=weights.sha256(tokenizer_path(folder)),
        dtype=weights.dtypes(folder),
        hardware=config.hardware,
        settings=_settings(_read_text(folder / CONFIG)),
    )
    return config, info, read_calibration(folder)


def _settings(text: str) -> str:
    """sha256 of a configuration that was read well, without what has a place of its own in `ModelInfo`."""
    told = {
        key: value for key, value in json.loads(text).items() if key not in ("name", "hardware", "spaces")
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def read_config(folder: Path) -> ModelConfig:
    """The sizes, spaces and number format of a checkpoint in our own layout."""
    path = folder / CONFIG
    return ModelConfig.from_json(_read_text(path), str(path))


def read_any_config(folder: Path) -> CheckpointConfig:
    """The configuration of a checkpoint in our layout or in that of the paper's released ones."""
    path = folder / CONFIG
    text = _read_text(path)
    if released.is_released(text):
        return released.read_config(text, folder)
    return ModelConfig.from_json(text, str(path))


def read_calibration(folder: Path) -> tuple[Calibration, ...]:
    """The checkpoint's calibration; empty if it has none."""
    path = folder / CALIBRATION
    return records.load_all(Calibration, _read_text(path), str(path)) if path.exists() else ()


def read_vocabulary(folder: Path) -> Vocabulary | None:
    """The names that the checkpoint learned from; None if it does not tell."""
    path = folder / VOCABULARY
    return records.load(Vocabulary, _read_text(path), str(path)) if path.exists() else None


def read_counts(folder: Path) -> Counts | None:
    """What counting says of changes; None if the checkpoint has none.

    Raises CheckpointError for a file that is damaged, or of another version.
    """
    from ci_rlm.model import counts

    path = folder / COUNTS
    return counts.read(path) if path.exists() else None


def write_counts(folder: Path, counts: Counts) -> None:
    """Put other counts into a checkpoint's folder, whole or not at all."""
    _put(folder / COUNTS, counts.to_bytes())


def write_calibration(folder: Path, calibration: Sequence[Calibration]) -> None:
    """Put another calibration into a checkpoint's folder, whole or not at all."""
    _put(folder / CALIBRATION, records.dump(list(calibration)).encode())


def tokenizer_path(folder: Path) -> Path:
    """The `tokenizer.json` of a checkpoint, in either layout."""
    return folder / (released.TOKENIZER if (folder / released.TOKENIZER).exists() else TOKENIZER)


def load_tokenizer(folder: Path, config: CheckpointConfig) -> TextTokenizer:
    """The tokenizer of a checkpoint of any family.

    Raises CheckpointError if it is missing or does not fit the network.
    """
    from ci_rlm.model import tokenizer

    path = tokenizer_path(folder)
    own = type(config) is ModelConfig
    words = tokenizer.load(path) if own else tokenizer.load_pretrained(path)
    reads_sides = own and any(space.compares for space in config.spaces)
    if words.vocab_size > config.vocab_size or (reads_sides and words.vocab_size < config.vocab_size):
        sizes = f"{words.vocab_size} tokens, the network reads {config.vocab_size}"
        raise CheckpointError(f"the tokenizer of {folder} has {sizes}", hint=RESTORE)
    return words


def load_network(
    folder: Path, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
) -> NumberDecoder:
    """The network of a checkpoint in our own layout, in evaluation mode.

    Computes in `dtype`, float32 unless told otherwise. Raises CheckpointError for a missing,
    unknown, misshapen or non-finite tensor.
    """
    import torch

    config = read_config(folder)
    if isinstance(config, T5GemmaConfig):
        from ci_rlm.model import t5gemma

        return weights.load_into(t5gemma.on_meta(config), folder, device, dtype)
    from ci_rlm.model.network import Network

    with torch.device("meta"):
        network = Network(config)
    return weights.load_into(network, folder, device, dtype)


def load_model(folder: Path, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> Model:
    """The network of a checkpoint in our layout or in that of the paper's released ones."""
    config = read_any_config(folder)
    if isinstance(config, released.ReleasedConfig):
        from ci_rlm.model import released_network

        return released_network.load(config, folder, device, dtype)
    return load_network(folder, device, dtype)


def save(
    folder: Path,
    network: NumberDecoder,
    tokenizer_json: str,
    card: str,
    calibration: Sequence[Calibration] = (),
    dtype: torch.dtype | None = None,
    part_bytes: int | None = None,
    figures: str = "",
    vocabulary: Vocabulary | None = None,
    counts: Counts | None = None,
    same_as: Path | None = None,
) -> None:
    """Write a checkpoint beside `folder`, then put it in its place; bfloat16 unless told otherwise.

    Weights over `part_bytes` are written as parts of at most so many, with an index; `figures` is
    the JSON that the card is written from. If the checkpoint `same_as` is given, its files of weights
    are copied, so that what is kept of its answers holds for this one too. A folder that holds anything
    but a checkpoint is never replaced: CheckpointError.
    """
    files = {
        CONFIG: network.config.to_json().encode(),
        TOKENIZER: tokenizer_json.encode(),
        CARD: card.encode(),
    }
    if same_as is None:
        files |= _serialized(network, dtype, part_bytes)
    else:
        paths = [*weights.files(same_as), *same_as.glob(weights.INDEX)]
        files |= {path.name: path.read_bytes() for path in paths}
    if calibration:
        files[CALIBRATION] = records.dump(list(calibration)).encode()
    if vocabulary:
        files[VOCABULARY] = records.dump(vocabulary).encode()
    if counts:
        files[COUNTS] = counts.to_bytes()
    if figures:
        files[FIGURES] = figures.encode()
    _replace_folder(folder, files)


def _serialized(
    network: NumberDecoder, dtype: torch.dtype | None, part_bytes: int | None
) -> dict[str, bytes]:
    """The files of a network's weights, by name."""
    import torch
    from safetensors.torch import save as to_safetensors

    state = {name: tensor.to(dtype or torch.bfloat16) for name, tensor in network.state_dict().items()}
    parts = weights.parts({name: tensor.nbytes for name, tensor in state.items()}, part_bytes)
    files = {
        file: to_safetensors({name: state[name] for name in names}, metadata={"format": "pt"})
        for file, names in parts.items()
    }
    return files | ({weights.INDEX: weights.index_of(parts).encode()} if len(parts) > 1 else {})


def _replace_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    known = {CONFIG, TOKENIZER, WEIGHTS, CALIBRATION, CARD, VOCABULARY, COUNTS, FIGURES, weights.INDEX}
    known |= {path.name for path in folder.glob(weights.PARTS)}
    paths = folder.iterdir() if folder.exists() else ()
    present = {path.name for path in paths if path.suffix != _UNFINISHED}
    if present - known:
        hint = "give the checkpoint a folder of its own"
        raise CheckpointError(f"{folder} holds more than a checkpoint: {min(present - known)}", hint=hint)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, content in files.items():
            _write_durably(fresh / name, content)
        fresh.chmod(0o755)
        aside = fresh.with_name(f"{fresh.name}.replaced")
        if folder.exists():
            folder.rename(aside)
        fresh.rename(folder)
        shutil.rmtree(aside, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


_UNFINISHED = ".writing"
"""The suffix of a file that whoever wrote it did not finish, if it is still there."""


def _put(path: Path, content: bytes) -> None:
    scratch = path.with_name(path.name + _UNFINISHED)
    try:
        _write_durably(scratch, content)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}", hint=RESTORE) from error
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path} is not UTF-8 text", hint=RESTORE) from error
