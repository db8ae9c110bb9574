"""What this machine has and lacks, for `ci-rlm doctor`: Python, git, torch, extras, a cage for measuring."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ci_rlm.cli.finding import Finding, Status

if TYPE_CHECKING:
    import torch

    from ci_rlm.config import Config

_OLDEST_GIT = (2, 15)
_USES = {
    "comment": "ci-rlm comment",
    "gpu": "measuring Triton kernels on a GPU",
    "onnx": "measuring ONNX graphs",
    "ray": "measuring on a cluster",
    "train": "ci-rlm profile, ingest, train, evaluate, calibrate and verify",
}
"""What each extra of the package is for."""
_EXTRA = re.compile(r"""^([A-Za-z0-9._-]+).*\bextra\s*==\s*["']([\w-]+)["']""")


def python() -> Finding:
    """Which Python runs."""
    return Finding("python", Status.OK, ".".join(str(part) for part in sys.version_info[:3]))


def git() -> Finding:
    """Whether git is there, and new enough."""
    import shutil
    import subprocess

    path = shutil.which("git")
    oldest = ".".join(map(str, _OLDEST_GIT))
    if path is None:
        return Finding("git", Status.FAIL, "not on the PATH", f"install git {oldest} or later")
    answer = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    if answer.returncode:
        return Finding("git", Status.FAIL, f"{path} does not run: {answer.stderr.strip()}", "mend git")
    return of_git_version(answer.stdout)


def of_git_version(told: str) -> Finding:
    """The same from what `git --version` prints."""
    version = told.strip().removeprefix("git version ")
    found = re.match(r"(\d+)\.(\d+)", version)
    if found and (int(found[1]), int(found[2])) < _OLDEST_GIT:
        oldest = ".".join(map(str, _OLDEST_GIT))
        return Finding("git", Status.FAIL, f"{version} is too old", f"install git {oldest} or later")
    return Finding("git", Status.OK, version)


def torch_here() -> Finding:
    """Whether torch can be imported."""
    try:
        import torch
    except ImportError as error:
        return Finding("torch", Status.FAIL, f"cannot be imported: {error}", "install it as the README says")
    return Finding("torch", Status.OK, str(torch.__version__))


def extras() -> Iterator[Finding]:
    """Which extras of the package are here whole, and what the others are for."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        declared = requires("ci-rlm") or []
    except PackageNotFoundError:
        return
    packages: dict[str, list[str]] = defaultdict(list)
    for found in filter(None, map(_EXTRA.match, declared)):
        packages[found[2]].append(found[1])
    for extra, use in _USES.items():
        missing = [name for name in packages.get(extra, ()) if not _installed(name)]
        if missing:
            detail = f"without {', '.join(missing)}: needed for {use}"
            yield Finding(f"extra {extra}", Status.NOTE, detail, f'pip install "ci-rlm[{extra}]"')
        elif extra in packages:
            yield Finding(f"extra {extra}", Status.OK, f"installed, for {use}")


def _installed(package: str) -> bool:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


def measuring() -> Finding:
    """Whether other people's programs can be measured apart from this machine."""
    from ci_rlm.training.profile import cage, sandbox

    if find_spec("pyarrow") is None:
        return Finding("measuring", Status.OK, 'not installed; `ci-rlm profile` needs "ci-rlm[train]"')
    counted = "allocations are counted" if sandbox.counters_library() else "no C compiler counts allocations"
    missing = [step for step, reason in cage.available().items() if reason and step != "user"]
    if missing:
        hint = "programs of others are limited, but less apart from this machine: measure in a virtual one"
        return Finding("measuring", Status.WARN, f"the cage lacks {', '.join(missing)}; {counted}", hint)
    return Finding("measuring", Status.OK, f"programs run in a cage; {counted}")


def device(config: Config) -> Finding:
    """Where a model would run, and how."""
    import torch

    from ci_rlm.errors import UsageError
    from ci_rlm.predict.rlm import device_of, usable_cpus

    try:
        device = torch.device(device_of(config.device))
    except UsageError as error:
        return Finding("device", Status.FAIL, error.message, error.hint)
    if device.type == "cpu":
        threads = usable_cpus()
        manner = f"{threads} thread{'s' * (threads > 1)}, a prompt each"
    else:
        manner = f"{torch.cuda.get_device_name(device)}, prompts in batches of about one length"
    detail = f"{config.device} leads to {device}: {manner}; float32; attention: {_attention(device)}"
    return Finding("device", Status.OK, detail)


def _attention(device: torch.device) -> str:
    """The kernels that torch chooses for float32 attention on a device."""
    import torch
    from torch.nn.attention import SDPBackend

    query = torch.zeros(1, 4, 64, 64, device=device)
    keep = torch.ones(1, 1, 1, 64, dtype=torch.bool, device=device)
    whole, padded = (
        SDPBackend(torch._fused_sdp_choice(query, query, query, attn_mask=mask)).name.lower()
        for mask in (None, keep)
    )
    return whole if whole == padded else f"{whole}, {padded} where texts are padded"


def cache(config: Config) -> Finding:
    """Whether answers can be kept."""
    import os

    if not config.cache or config.cache_dir is None:
        return Finding("cache", Status.OK, "turned off")
    folder = config.cache_dir
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        hint = "set CI_RLM_CACHE_DIR to a folder"
        return Finding("cache", Status.WARN, f"{folder} cannot be written", hint)
    return Finding("cache", Status.OK, str(folder))
