"""Whose ci-rlm is installed here, so that a workflow can name the same one: its address and commit."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

_REPOSITORY = re.compile(r"[:/]([^/:]+/[^/:]+?)(?:\.git)?/?$")


@dataclass(frozen=True, slots=True)
class Origin:
    """A repository of ci-rlm at a commit; what is not known is empty."""

    address: str
    """What `git clone` takes, without a password."""
    commit: str

    @property
    def known(self) -> bool:
        """Nothing remains to be filled in."""
        return bool(self.address and self.commit)

    @property
    def repository(self) -> str:
        """`OWNER/NAME`, as a workflow's `uses` has it; empty if the address has no such end."""
        found = _REPOSITORY.search(self.address)
        return found[1] if found else ""


def origin() -> Origin:
    """Where this installation comes from, by what pip left beside it (PEP 610)."""
    try:
        told = distribution("ci-rlm").read_text("direct_url.json")
        url = json.loads(told) if told else {}
    except (PackageNotFoundError, ValueError):
        return Origin("", "")
    return origin_of(url)


def origin_of(direct_url: object) -> Origin:
    """The same from the document that PEP 610 defines: of a repository, or of a checkout of one."""
    if not isinstance(direct_url, dict) or not isinstance(direct_url.get("url"), str):
        return Origin("", "")
    address, version = direct_url["url"], direct_url.get("vcs_info")
    if isinstance(version, dict):
        return Origin(without_password(address), str(version.get("commit_id", "")))
    parts = urlsplit(address)
    return _checkout(Path(unquote(parts.path))) if parts.scheme == "file" else Origin("", "")


def _checkout(folder: Path) -> Origin:
    from ci_rlm.errors import GitError
    from ci_rlm.git import Repository
    from ci_rlm.git.about import about

    try:
        repository = Repository.discover(folder)
        if repository.root != folder.resolve():
            return Origin("", "")
        return Origin(without_password(about(repository).remote), repository.resolve("HEAD"))
    except (GitError, OSError):
        return Origin("", "")


def without_password(address: str) -> str:
    """An address fit to be written into a file; empty for one of this machine alone.

    What stands before the host of an http address is a name with a password or a token.
    """
    parts = urlsplit(address)
    if parts.scheme in ("http", "https"):
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    plain = parts.scheme == "ssh" and not parts.password
    return address if plain or re.fullmatch(r"[\w.-]+@[\w.-]+:[^:]+", address) else ""
