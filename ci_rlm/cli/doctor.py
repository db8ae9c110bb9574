"""`ci-rlm doctor`: what this machine and this repository lack for a check, each with the next step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ci_rlm.cli.finding import Finding, Status
from ci_rlm.cli.flags import ModelFlags, model_flags

if TYPE_CHECKING:
    from ci_rlm.config import Config
    from ci_rlm.predict import Predictor


@click.command()
@model_flags
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def doctor(model: ModelFlags, format_: str) -> int:
    """Check that all a check needs is here; exit 3 if something is missing.

    ok: as it should be. note: optional, and not there. warn: it works, but not as it could. fail: a
    check cannot work.
    """
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
    from ci_rlm.cli import machine, surroundings

    yield machine.python()
    git = machine.git()
    yield git
    torch = machine.torch_here()
    yield torch
    yield from machine.extras()
    yield machine.measuring()
    valid, config = surroundings.configuration(model)
    yield valid
    if config is not None:
        if torch.status is Status.OK:
            yield machine.device(config)
        yield _checkpoint(config)
        yield machine.cache(config)
    if git.status is Status.OK:
        yield from _repository()


def _repository() -> Iterator[Finding]:
    from ci_rlm.cli import surroundings, workflows
    from ci_rlm.git.about import files_of_tree

    found = surroundings.repository(Path.cwd())
    if isinstance(found, Finding):
        yield found
        return
    yield from surroundings.findings(found)
    yield surroundings.hook(found)
    yield from workflows.findings(found.root, files_of_tree(found))


def _checkpoint(config: Config) -> Finding:
    from dataclasses import replace

    from ci_rlm import predict
    from ci_rlm.cli.talk import warn
    from ci_rlm.errors import CheckpointError

    try:
        predictor = predict.load(replace(config, cache=False, offline=True), warn=warn)  # told, not fetched
    except CheckpointError as error:
        return Finding("checkpoint", Status.FAIL, error.message, error.hint)
    if config.checkpoint == "embedded" and (changed := changed_since_installed()):
        hint = "install ci-rlm anew"
        return Finding("checkpoint", Status.FAIL, f"{', '.join(changed)}: not what was installed", hint)
    return _described(predictor)


def changed_since_installed() -> list[str]:
    """The embedded checkpoint's files whose sha256 is not the one that was recorded at installation.

    An editable installation records none (the file RECORD of "Recording installed projects", PyPA).
    """
    from base64 import urlsafe_b64encode
    from hashlib import sha256
    from importlib.metadata import PackageNotFoundError, files

    try:
        recorded = [path for path in files("ci-rlm") or () if "model/pretrained" in path.as_posix()]
    except PackageNotFoundError:
        return []

    def intact(place: Path, expected: str) -> bool:
        digest = sha256(place.read_bytes()).digest() if place.is_file() else b""
        return urlsafe_b64encode(digest).rstrip(b"=").decode() == expected

    return [path.name for path in recorded if path.hash and not intact(Path(path.locate()), path.hash.value)]


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
