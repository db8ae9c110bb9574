"""Where the action puts things, and under which keys they are kept: lines for GITHUB_OUTPUT.

Runs before anything is installed: the standard library alone.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

INSTALLED = (
    "ci_rlm",
    "model",
    "templates",
    "training",
    "constraints.txt",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)
"""What an installation is made of, below the root of the action."""

_DRIVERS = (Path("/sys/module/nvidia/version"), Path("/proc/driver/nvidia/version"))


def plan(root: Path, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The outputs of the step, by name; makes the folder for the reports."""
    home = Path(environ["RUNNER_TEMP"]) / "ci-rlm"
    home.mkdir(exist_ok=True)
    key = environment_key(root, environ.get("TORCH_BACKEND", ""))
    yield "environment-key", key
    yield "venv", str(home / key)
    cache = Path(environ.get("CI_RLM_CACHE_DIR") or home / "cache")
    yield "cache", str(cache)
    yield "checkpoints", str(cache / "checkpoints")
    yield "checkpoint-key", checkpoint_key(environ.get("CHECKPOINT", ""))
    yield "reports", tempfile.mkdtemp(prefix="reports-", dir=home)


def environment_key(root: Path, torch_backend: str) -> str:
    """Names all that an installed environment depends on: the files, the interpreter and PyTorch's build."""
    parts = [digest(root), platform.python_version(), sys.executable, platform.platform(), torch_backend]
    told = "\0".join([*parts, driver() if torch_backend == "auto" else ""])
    system = f"{platform.system()}-{platform.machine()}".lower()
    return f"ci-rlm-environment-{system}-{hashlib.sha256(told.encode()).hexdigest()[:32]}"


def checkpoint_key(name: str) -> str:
    """Names a checkpoint on the hub, whose files are verified at each use; empty for one that is here."""
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        return ""
    return f"ci-rlm-checkpoint-{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def digest(root: Path) -> str:
    """One digest of the names and bytes of all that is installed, the embedded checkpoint among it."""
    total = hashlib.sha256()
    for file in sorted(file for name in INSTALLED for file in _files(root / name)):
        total.update(os.fsencode(file.relative_to(root)) + b"\0")
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def driver() -> str:
    """The GPU driver by which uv would choose a build of PyTorch; empty without one."""
    found = [path.read_text() for path in _DRIVERS if path.is_file()]
    return found[0] if found else shutil.which("nvidia-smi") or ""


def _files(place: Path) -> Iterator[Path]:
    """A file itself, or the files below a folder; a link to a folder shows what is counted already."""
    if place.is_file():
        yield place
        return
    for folder, subfolders, names in os.walk(place):
        subfolders[:] = [name for name in subfolders if name != "__pycache__"]
        yield from (Path(folder, name) for name in names)


if __name__ == "__main__":
    for name, value in plan(Path(__file__).resolve().parents[1], os.environ):
        print(f"{name}={value}")
