"""What a check adds to the history of its repository."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ci_rlm.config import Config
    from ci_rlm.git import Repository
    from ci_rlm.render import Document

_WITHOUT_EFFECT = frozenset(
    {"cache", "cache_dir", "checkpoint", "device", "history", "offline", "scoreboard"}
)
"""Settings that change no verdict, or that the record tells otherwise: of the checkpoint, its digest."""


def history_file(named: Path | None, config: Config, repository: Repository) -> Path | None:
    """The file that the flag or the configuration names; None if neither does.

    Raises UsageError for a configured one that a link leads out of the repository.
    """
    from ci_rlm.errors import UsageError

    if named is not None or config.history is None:
        return named
    place = repository.root / config.history
    if not place.parent.resolve().is_relative_to(repository.root.resolve()):
        raise UsageError(f"history: a link leads {config.history} out of the repository")
    return place


def remember(
    document: Document,
    named: Path | None,
    config: Config,
    repository: Repository | None,
    paths: Sequence[str],
) -> None:
    """Append a check to the history, if one is kept. Raises HistoryError.

    Only a commit has a place in it: of a diff, the index and the working tree a warning is left.
    """
    from ci_rlm.cli.talk import warn
    from ci_rlm.git import INDEX, WORKING_TREE
    from ci_rlm.git.moment import moment_of
    from ci_rlm.history import append, record_of

    place = named if repository is None else history_file(named, config, repository)
    if place is None:
        return
    head = document["range"]["head"]
    if repository is None or head in ("diff", INDEX, WORKING_TREE):
        warn("nothing is added to the history: it is one of commits")
        return
    append(record_of(document, moment_of(repository, head), digest(config, paths)), place)


def digest(config: Config, paths: Sequence[str]) -> str:
    """sha256 of what decides which functions are checked, and how they are judged."""
    told = {name: getattr(config, name) for name in sorted(field.name for field in fields(config))}
    kept = [(name, value) for name, value in told.items() if name not in _WITHOUT_EFFECT]
    return hashlib.sha256(repr((kept, sorted(paths))).encode("utf-8", "surrogatepass")).hexdigest()
