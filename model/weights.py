"""Weights as safetensors, one file or parts with an index: reading them runs no code.

Headers are read here, byte by byte, so that damage is told from a bad model before torch is
loaded; only `load_into` loads it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ci_rlm.errors import CheckpointError

if TYPE_CHECKING:
    import torch

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
PARTS = "model-*-of-*.safetensors"
RESTORE = "restore the checkpoint, or name another one"

_HEADER_LIMIT = 100_000_000
_DTYPES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}
_ITEM_BYTES = {"F32": 4, "BF16": 2, "F16": 2}

ModuleT = TypeVar("ModuleT", bound="torch.nn.Module")


def files(folder: Path) -> tuple[Path, ...]:
    """The files of a checkpoint's weights: one, or the parts that its index names, by name.

    Raises CheckpointError for an index that names anything but files beside it.
    """
    index = folder / INDEX
    if (folder / WEIGHTS).exists() or not index.exists():
        return (folder / WEIGHTS,)
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{index} is no index of weights: {error!r}", hint=RESTORE) from error
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            raise CheckpointError(f"{index} names {name!r}, no safetensors file beside it", hint=RESTORE)
    return tuple(folder / name for name in names)


def parts(sizes: Mapping[str, int], most: int | None) -> dict[str, list[str]]:
    """Which tensors go into which file: one, or parts of at most `most` bytes, a larger tensor alone.

    `sizes` are the tensors' bytes, in the order that they are kept in.
    """
    if most is None or sum(sizes.values()) <= most:
        return {WEIGHTS: list(sizes)}
    groups: list[list[str]] = [[]]
    room = most
    for name, size in sizes.items():
        if groups[-1] and size > room:
            groups.append([])
            room = most
        groups[-1].append(name)
        room -= size
    return {f"model-{at:05}-of-{len(groups):05}.safetensors": names for at, names in enumerate(groups, 1)}


def index_of(files: Mapping[str, Sequence[str]]) -> str:
    """The text of the index of parts, as transformers reads it."""
    weight_map = {name: file for file, names in files.items() for name in names}
    return json.dumps({"metadata": {}, "weight_map": weight_map}, indent=1) + "\n"


def digest(folder: Path) -> str:
    """sha256 of the weights; of parts, of the parts' own digests."""
    digests = [sha256(path) for path in files(folder)]
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def sha256(path: Path) -> str:
    """The digest of a file, read once a process as long as it does not change.

    Raises CheckpointError if it cannot be read.
    """
    try:
        status = path.stat()
        return _sha256(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}", hint=RESTORE) from error


@lru_cache
def _sha256(path: Path, size: int, changed_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def dtypes(folder: Path) -> str:
    """The types of the stored tensors, such as `bfloat16` or `bfloat16+float32`."""
    entries = (entry for path in files(folder) for entry in read_header(path).values())
    return "+".join(sorted({_DTYPES[entry["dtype"]] for entry in entries}))


def read_header(path: Path) -> dict[str, dict[str, Any]]:
    """Name → dtype, shape and data offsets of each tensor of a whole safetensors file.

    Raises CheckpointError for a Git LFS pointer, and for a file that is truncated or damaged.
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


def load_into(
    module: ModuleT,
    folder: Path,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    *,
    under: str = "",
) -> ModuleT:
    """A module made on the meta device, with the weights of a folder, in evaluation mode.

    Computes in `dtype`, float32 unless told otherwise. With `under`, the module is a part of what is
    stored: its tensors have that prefix, and unknown ones are no error. Raises CheckpointError for a
    missing, unknown, misshapen or non-finite tensor.
    """
    import torch
    from safetensors import safe_open

    places = {
        name.removeprefix(under): (path, name, entry["shape"])
        for path in files(folder)
        for name, entry in read_header(path).items()
        if name.startswith(under)
    }
    expected = {name: list(tensor.shape) for name, tensor in module.state_dict().items()}
    if under:
        places = {name: place for name, place in places.items() if name in expected}
    _refuse_mismatch(expected, {name: shape for name, (_, _, shape) in places.items()}, folder)
    state: dict[str, torch.Tensor] = {}
    for path in files(folder):
        with safe_open(path, "pt", device=str(device)) as file:
            for name, (where, stored, _) in places.items():
                if where != path:
                    continue
                tensor = file.get_tensor(stored)
                if not tensor.isfinite().all():
                    raise CheckpointError(f"{path}: tensor {stored} is not finite", hint=RESTORE)
                # Copied even if the type is right: a sum's last bit may depend on alignment, which
                # a file's view lacks.
                state[name] = tensor.to(dtype or torch.float32, copy=True)
    module.load_state_dict(state, assign=True)
    return module.to(device).eval()


def _refuse_mismatch(expected: Mapping[str, list[int]], found: Mapping[str, list[int]], folder: Path) -> None:
    where = folder / WEIGHTS
    for name in sorted(expected.keys() - found.keys()):
        raise CheckpointError(f"{where}: tensor {name} is missing", hint=RESTORE)
    for name in sorted(found.keys() - expected.keys()):
        raise CheckpointError(f"{where}: unknown tensor {name}", hint=RESTORE)
    for name, shape in expected.items():
        if found[name] != shape:
            message = f"{where}: tensor {name} has shape {found[name]}, the configuration says {shape}"
            raise CheckpointError(message, hint=RESTORE)
