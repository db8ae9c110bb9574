"""`ci-rlm doctor`: what this machine lacks, and the next step."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ci_rlm.cli.flags import ModelFlags, model_flags

if TYPE_CHECKING:
    import torch

    from ci_rlm.config import Config
    from ci_rlm.predict import Predictor


class Status(StrEnum):
    """How a check went. Only `FAIL` changes the exit code."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    name: str
    status: Status
    detail: str
    next_step: str = ""


@click.command()
@model_flags
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def doctor(model: ModelFlags, format_: str) -> int:
    """Check that all a check needs is here; exit 3 if something is missing."""
    findings = tuple(_findings(model))
    failed = any(finding.status is Status.FAIL for finding in findings)
    if format_ == "json":
        checks = [asdict(finding) for finding in findings]
        click.echo(json.dumps({"ok": not failed, "checks": checks}, indent=2))
    else:
        click.echo("\n".join(line for finding in findings for line in _lines(finding)))
    return 3 if failed else 0


def _lines(finding: Finding) -> Iterator[str]:
    from ci_rlm.render.text import printable

    yield f"{finding.status:<5} {finding.name}: {printable(finding.detail)}"
    if finding.next_step:
        yield f"      {printable(finding.next_step)}"


def _findings(model: ModelFlags) -> Iterator[Finding]:
    yield _python()
    yield _git()
    yield _repository()
    torch = _torch()
    yield torch
    yield _triton()
    yield _measuring()
    config = _config(model)
    if isinstance(config, Finding):
        yield config
        return
    yield Finding("configuration", Status.OK, f"mode {config.mode}, checkpoint {config.checkpoint}")
    if torch.status is Status.OK:
        yield _device(config)
    yield _checkpoint(config)
    yield _cache(config)


def _python() -> Finding:
    return Finding("python", Status.OK, ".".join(str(part) for part in sys.version_info[:3]))


def _git() -> Finding:
    import shutil
    import subprocess

    path = shutil.which("git")
    if path is None:
        return Finding("git", Status.FAIL, "not on the PATH", "install git 2.15 or later")
    answer = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    if answer.returncode:
        return Finding("git", Status.FAIL, f"{path} does not run: {answer.stderr.strip()}", "mend git")
    return Finding("git", Status.OK, answer.stdout.strip().removeprefix("git version "))


def _repository() -> Finding:
    from ci_rlm.errors import GitError
    from ci_rlm.git import Repository

    where = "the repository around this folder"
    try:
        repository = Repository.discover(Path.cwd())
        where = str(repository.root)
        base = repository.default_base()
    except GitError as error:
        return Finding("repository", Status.WARN, f"{where}: {error.message}", error.hint)
    return Finding("repository", Status.OK, f"{repository.root}, compared with {base} by default")


def _torch() -> Finding:
    try:
        import torch
    except ImportError as error:
        return Finding("torch", Status.FAIL, f"cannot be imported: {error}", "install it as the README says")
    return Finding("torch", Status.OK, str(torch.__version__))


def _triton() -> Finding:
    from importlib.util import find_spec

    if find_spec("triton") is None:
        return Finding("triton", Status.OK, "not installed; only measuring kernels on a GPU needs it")
    return Finding("triton", Status.OK, "installed")


def _measuring() -> Finding:
    from importlib.util import find_spec

    from ci_rlm.training.profile import cage, sandbox

    if find_spec("pyarrow") is None:
        return Finding("measuring", Status.OK, 'not installed; `ci-rlm profile` needs "ci-rlm[train]"')
    counted = "allocations are counted" if sandbox.counters_library() else "no C compiler counts allocations"
    missing = [step for step, reason in cage.available().items() if reason and step != "user"]
    if missing:
        hint = "programs of others are limited, but less apart from this machine: measure in a virtual one"
        return Finding("measuring", Status.WARN, f"the cage lacks {', '.join(missing)}; {counted}", hint)
    return Finding("measuring", Status.OK, f"programs run in a cage; {counted}")


def _config(model: ModelFlags) -> Config | Finding:
    from ci_rlm.cli.settings import configure_here
    from ci_rlm.errors import UsageError

    try:
        return configure_here(model)
    except UsageError as error:
        return Finding("configuration", Status.FAIL, error.message, error.hint)


def _device(config: Config) -> Finding:
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


def _checkpoint(config: Config) -> Finding:
    from dataclasses import replace

    from ci_rlm import predict
    from ci_rlm.cli.talk import warn
    from ci_rlm.errors import CheckpointError

    try:
        predictor = predict.load(replace(config, cache=False, offline=True), warn=warn)  # told, not fetched
    except CheckpointError as error:
        return Finding("checkpoint", Status.FAIL, error.message, error.hint)
    return _described(predictor)


def _described(predictor: Predictor) -> Finding:
    info = predictor.info
    spaces = ", ".join(space.name for space in predictor.spaces)
    detail = f"{info.name} {info.digest[:12]}, {info.dtype}, spaces: {spaces}"
    served = {metric.name for space in predictor.spaces for metric in space.metrics}
    missing = sorted(served - {calibration.metric for calibration in predictor.calibrations})
    if missing:
        hint = "its verdicts on them stay unsure until it is calibrated on held-out pairs"
        return Finding("checkpoint", Status.WARN, f"{detail}; no calibration of {', '.join(missing)}", hint)
    return Finding("checkpoint", Status.OK, f"{detail}; calibrated")


def _cache(config: Config) -> Finding:
    import os

    if not config.cache or config.cache_dir is None:
        return Finding("cache", Status.OK, "turned off")
    folder = config.cache_dir
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Finding(
            "cache", Status.WARN, f"{folder} cannot be written", "set CI_RLM_CACHE_DIR to a folder"
        )
    return Finding("cache", Status.OK, str(folder))
