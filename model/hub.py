"""Checkpoints from the Hugging Face hub, kept and verified.

`OWNER/NAME` or `OWNER/NAME@REVISION` is downloaded once a commit, configuration, tokenizer and
safetensors alone: nothing that could run. What the hub says of a file's content (sha256 of
large files, the git hash of others) is checked against what arrived, and the sha256 of each file
is kept beside it, so that a file that changes later is an error and not another verdict.

A kept checkpoint at a full commit id needs no network. A branch or a tag is asked for at each
run, because it can move; offline, the commit that it last was.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ci_rlm.errors import CheckpointError
from ci_rlm.model.weights import sha256

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

_ID = re.compile(r"(?P<owner>[\w-][\w.-]*)/(?P<name>[\w-][\w.-]*)(@(?P<revision>[\w-][\w./-]*))?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_WANTED = re.compile(
    r"(config|calibration|figures|tokenizer|vocabulary|[a-z0-9]+_vocab)\.json|encoder_tokenizer/tokenizer\.json"
    r"|README\.md|(counts|model(-\d+-of-\d+)?)\.safetensors|model\.safetensors\.index\.json"
)
_MANIFEST, _REVISIONS = "manifest.json", "revisions.json"


@dataclass(frozen=True, slots=True)
class HubId:
    """A model repository on the hub, at a revision."""

    repository: str
    """`OWNER/NAME`."""
    revision: str = "main"
    """A branch, a tag or a full commit id."""

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}"

    @property
    def commit(self) -> str | None:
        """The revision, if it cannot move."""
        return self.revision if _COMMIT.fullmatch(self.revision) else None


def parse(name: str) -> HubId | None:
    """`OWNER/NAME[@REVISION]`, or None for what is not spelled so."""
    found = _ID.fullmatch(name)
    if found is None or ".." in name:
        return None
    return HubId(f"{found['owner']}/{found['name']}", found["revision"] or "main")


def fetch(checkpoint: HubId, cache_dir: Path, *, offline: bool) -> Path:
    """The verified folder of a checkpoint; downloaded if it is not kept and the network is allowed.

    Raises CheckpointError where the hub does not give it, offline where it is not kept, and for
    a kept file that has changed.
    """
    home = cache_dir / "checkpoints" / checkpoint.repository.replace("/", "--")
    commit = checkpoint.commit
    if commit is None and offline:
        commit = _read(home / _REVISIONS).get(checkpoint.revision)
    if commit is not None and (home / commit / _MANIFEST).exists():
        return _verified(home / commit)
    if offline:
        hint = "run once without --offline (or HF_HUB_OFFLINE), or name a folder"
        raise CheckpointError(f"offline, and {checkpoint} is not kept in {home}", hint=hint)
    folder = _download(checkpoint, home)
    _write(home / _REVISIONS, {**_read(home / _REVISIONS), checkpoint.revision: folder.name})
    return _verified(folder)


def _download(checkpoint: HubId, home: Path) -> Path:
    """The folder of the revision's present commit, fetched if it is not there."""
    # Else the library tells the hub which program and which agent drives it, and asks for a list of agents.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    # The library's errors of the network are those of its HTTP client, which changed with its versions.
    unreachable = cast("tuple[type[Exception], ...]", (OSError, *HfHubHTTPError.__bases__))
    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        api = huggingface_hub.HfApi(library_name="ci-rlm")
        info = api.model_info(checkpoint.repository, revision=checkpoint.revision, files_metadata=True)
        commit, siblings = str(info.sha), info.siblings or []
        if _COMMIT.fullmatch(commit) is None:
            raise CheckpointError(f"the hub names {commit!r} as the commit of {checkpoint}")
        if (home / commit / _MANIFEST).exists():
            return home / commit
        # A fixed name: an interrupted download goes on where it stopped.
        partial = home / f"{commit}.partial"
        digests = {}
        for file in (file for file in siblings if _WANTED.fullmatch(file.rfilename)):
            path = api.hf_hub_download(
                checkpoint.repository, file.rfilename, revision=commit, local_dir=partial
            )
            digests[file.rfilename] = _arrived(Path(path), file)
    except unreachable as error:
        told = str(error).strip().partition("\n")[0]
        hint = "is the name right, the repository public (or HF_TOKEN set), and the hub reachable?"
        raise CheckpointError(f"cannot fetch {checkpoint}: {told}", hint=hint) from error
    shutil.rmtree(partial / ".cache", ignore_errors=True)
    _write(partial / _MANIFEST, {"repository": checkpoint.repository, "commit": commit, "files": digests})
    try:
        partial.rename(home / commit)
    except OSError:
        if not (home / commit / _MANIFEST).exists():  # else another run was first
            raise
    return home / commit


def _arrived(path: Path, file: RepoSibling) -> str:
    """The sha256 of a downloaded file, once it is known to be what the hub lists."""
    digest = sha256(path)
    listed: str | None
    if file.lfs is not None:
        listed, found = file.lfs.sha256, digest
    else:
        content = path.read_bytes()
        listed = file.blob_id
        found = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    if listed != found:
        path.unlink()
        hint = "try again; if it happens twice, something between here and the hub changes files"
        raise CheckpointError(f"{file.rfilename} is not what the hub lists: {found}, not {listed}", hint=hint)
    return digest


def _verified(folder: Path) -> Path:
    manifest = _read(folder / _MANIFEST)
    for name, digest in manifest.get("files", {}).items():
        if not (folder / name).is_file() or sha256(folder / name) != digest:
            hint = f"delete {folder}: it is fetched again"
            raise CheckpointError(f"{folder / name} has changed since it was fetched", hint=hint)
    return folder


def name_of(folder: Path) -> str | None:
    """The repository that a kept folder came from."""
    repository = _read(folder / _MANIFEST).get("repository")
    return repository if isinstance(repository, str) else None


def _read(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"cannot read {path}: {error}", hint=f"delete {path.parent}") from error
    return record if isinstance(record, dict) else {}


def _write(path: Path, record: Mapping[str, Any]) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)
