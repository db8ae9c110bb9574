"""A checkpoint is a folder: sizes, tokenizer, weights, calibration and model card.

`read_info` serves a check whose answers are all cached, so this module imports torch in
`save` and `load_network` alone. Weights are safetensors only: reading them runs no code.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ci_rlm.errors import CheckpointError
from ci_rlm.flow import Calibration, ModelInfo
from ci_rlm.model import records
from ci_rlm.model.config import ModelConfig

if TYPE_CHECKING:
    import torch

    from ci_rlm.model.network import Network

EMBEDDED = "embedded"
CONFIG, TOKENIZER, WEIGHTS = "config.json", "tokenizer.json", "model.safetensors"
CALIBRATION, CARD = "calibration.json", "README.md"
RESTORE = "restore the checkpoint, or name another one"

_HEADER_LIMIT = 100_000_000
_DTYPES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}
_ITEM_BYTES = {"F32": 4, "BF16": 2, "F16": 2}


def locate(name: str | Path) -> Path:
    """The folder of a checkpoint: `embedded`, or the path of a folder."""
    folder = Path(__file__).parent / "pretrained" if str(name) == EMBEDDED else Path(name)
    if not folder.is_dir():
        hint = f"give {EMBEDDED!r} or the path of a checkpoint folder; hub ids are not read"
        raise CheckpointError(f"no such checkpoint: {name}", hint=hint)
    if not (folder / CONFIG).is_file():
        raise CheckpointError(f"not a checkpoint: {folder} has no {CONFIG}", hint=RESTORE)
    return folder


def read_info(folder: Path) -> tuple[ModelConfig, ModelInfo, tuple[Calibration, ...]]:
    """What a checkpoint is and whether its files are whole, without torch.

    Raises CheckpointError for whatever is missing, truncated or of another layout.
    """
    config = read_config(folder)
    header = read_header(folder / WEIGHTS)
    info = ModelInfo(
        name=config.name,
        digest=_sha256(folder / WEIGHTS),
        tokenizer_digest=_sha256(folder / TOKENIZER),
        dtype="+".join(sorted({_DTYPES[entry["dtype"]] for entry in header.values()})),
        hardware=config.hardware,
    )
    return config, info, read_calibration(folder)


def read_config(folder: Path) -> ModelConfig:
    """The checkpoint's sizes, spaces and number format."""
    path = folder / CONFIG
    return ModelConfig.from_json(_read_text(path), str(path))


def read_calibration(folder: Path) -> tuple[Calibration, ...]:
    """The checkpoint's calibration; empty if it has none."""
    path = folder / CALIBRATION
    return records.load_all(Calibration, _read_text(path), str(path)) if path.exists() else ()


def read_header(path: Path) -> dict[str, dict[str, Any]]:
    """Name → dtype, shape and data offsets of each tensor of a whole safetensors file.

    Read here, byte by byte, so that damage is told from a bad model before torch is loaded.
    """
    try:
        with path.open("rb") as file:
            start, size = file.read(8), os.fstat(file.fileno()).st_size
            length = int.from_bytes(start, "little")
            if start == b"version ":
                hint = "run `git lfs pull`, or fetch the file itself"
                raise CheckpointError(f"{path} is a Git LFS pointer, not the weights", hint=hint)
            if len(start) < 8 or not 2 <= length <= min(_HEADER_LIMIT, size - 8):
                raise CheckpointError(f"{path} is truncated or not a safetensors file", hint=RESTORE)
            header = json.loads(file.read(length))
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}", hint=RESTORE) from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} has a damaged header: {error}", hint=RESTORE) from error
    return _checked_entries(header, size - 8 - length, path)


def _checked_entries(header: Any, data_bytes: int, path: Path) -> dict[str, dict[str, Any]]:
    """The tensors' entries, if they tile the data exactly."""
    if not isinstance(header, dict):
        raise CheckpointError(f"{path} has a damaged header: not an object", hint=RESTORE)
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    end = 0
    try:
        for entry in sorted(entries.values(), key=lambda entry: entry["data_offsets"]):
            begin, after = entry["data_offsets"]
            if begin != end or after - begin != math.prod(entry["shape"]) * _ITEM_BYTES[entry["dtype"]]:
                raise CheckpointError(f"{path} has a damaged header: offsets do not fit", hint=RESTORE)
            end = after
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} has a damaged header: {error!r}", hint=RESTORE) from error
    if end != data_bytes:
        raise CheckpointError(f"{path} is truncated: {data_bytes} bytes of data, not {end}", hint=RESTORE)
    return entries


def load_network(
    folder: Path, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
) -> Network:
    """The network in evaluation mode; computes in `dtype`, float32 unless told otherwise.

    Raises CheckpointError for a missing, unknown, misshapen or non-finite tensor.
    """
    import torch
    from safetensors.torch import load_file

    from ci_rlm.model.network import Network

    path = folder / WEIGHTS
    header = read_header(path)
    with torch.device("meta"):
        network = Network(read_config(folder))
    expected = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    _refuse_mismatch(expected, {name: entry["shape"] for name, entry in header.items()}, path)
    weights = load_file(path, str(device))
    for name, tensor in weights.items():
        if not tensor.isfinite().all():
            raise CheckpointError(f"{path}: tensor {name} is not finite", hint=RESTORE)
    # Copied even if the type is right: a sum's last bit may depend on alignment, which a file's view lacks.
    aligned = {name: tensor.to(dtype or torch.float32, copy=True) for name, tensor in weights.items()}
    network.load_state_dict(aligned, assign=True)
    return network.eval()


def _refuse_mismatch(expected: Mapping[str, list[int]], found: Mapping[str, list[int]], path: Path) -> None:
    for name in sorted(expected.keys() - found.keys()):
        raise CheckpointError(f"{path}: tensor {name} is missing", hint=RESTORE)
    for name in sorted(found.keys() - expected.keys()):
        raise CheckpointError(f"{path}: unknown tensor {name}", hint=RESTORE)
    for name, shape in expected.items():
        if found[name] != shape:
            raise CheckpointError(
                f"{path}: tensor {name} has shape {found[name]}, {CONFIG} says {shape}", hint=RESTORE
            )


def save(
    folder: Path,
    network: Network,
    tokenizer_json: str,
    card: str,
    calibration: Sequence[Calibration] = (),
    dtype: torch.dtype | None = None,
) -> None:
    """Write a checkpoint beside `folder`, then put it in its place; bfloat16 unless told otherwise.

    A folder that holds anything but a checkpoint is never replaced: CheckpointError.
    """
    import torch
    from safetensors.torch import save as to_safetensors

    weights = {name: tensor.to(dtype or torch.bfloat16) for name, tensor in network.state_dict().items()}
    files = {
        CONFIG: network.config.to_json().encode(),
        TOKENIZER: tokenizer_json.encode(),
        WEIGHTS: to_safetensors(weights, metadata={"format": "pt"}),
        CARD: card.encode(),
    }
    if calibration:
        files[CALIBRATION] = records.dump(list(calibration)).encode()
    _replace_folder(folder, files)


def _replace_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    known = {CONFIG, TOKENIZER, WEIGHTS, CALIBRATION, CARD}
    present = {path.name for path in folder.iterdir()} if folder.exists() else set()
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


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}", hint=RESTORE) from error
