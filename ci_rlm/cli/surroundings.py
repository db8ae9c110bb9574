"""What the repository around has and lacks, for `ci-rlm doctor`: history, base, configuration, hook."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ci_rlm.cli.finding import Finding, Status

if TYPE_CHECKING:
    from ci_rlm.cli.flags import ModelFlags
    from ci_rlm.config import Config
    from ci_rlm.git import Repository

_HOOKS = ("pre-commit", "pre-push")


def repository(start: Path) -> Repository | Finding:
    """The repository around a folder, or that there is none."""
    from ci_rlm.errors import GitError
    from ci_rlm.git import Repository

    try:
        return Repository.discover(start)
    except GitError as error:
        where = "the repository around this folder"
        return Finding("repository", Status.WARN, f"{where}: {error.message}", error.hint)


def findings(found: Repository) -> Iterator[Finding]:
    """What is to be said of a repository, its history and its base branch."""
    from ci_rlm.git.about import about

    yield Finding("repository", Status.OK, str(found.root))
    if about(found).shallow:
        hint = "git fetch --unshallow, or in a workflow fetch-depth: 0"
        detail = "a shallow clone: where it lacks the merge base, a check has to fetch it"
        yield Finding("history", Status.WARN, detail, hint)
    else:
        yield Finding("history", Status.OK, "whole")
    yield _base(found)


def _base(found: Repository) -> Finding:
    """Whether a check without flags has something to compare with."""
    from ci_rlm.errors import GitError

    try:
        base = found.default_base()
        compared = found.between(base)
    except GitError as error:
        return Finding("base", Status.WARN, error.message, error.hint)
    detail = f"{base}, whose merge base with HEAD is {compared.base[:12]}"
    return Finding("base", Status.OK, detail)


def configuration(model: ModelFlags) -> tuple[Finding, Config | None]:
    """Whether the configuration is valid, and where it comes from."""
    from ci_rlm.cli.settings import configure_here
    from ci_rlm.errors import UsageError

    try:
        config = configure_here(model)
    except UsageError as error:
        return Finding("configuration", Status.FAIL, error.message, error.hint), None
    place = _place(model)
    variables = sorted(name for name in os.environ if name.startswith("CI_RLM_") and os.environ[name])
    sources = ", ".join([place or "the defaults", *variables])
    detail = f"mode {config.mode}, checkpoint {config.checkpoint}; from {sources}"
    if place is None:
        return Finding("configuration", Status.NOTE, detail, "ci-rlm init writes a file"), config
    return Finding("configuration", Status.OK, detail), config


def _place(model: ModelFlags) -> str | None:
    """The file that configures; None if none does. The configuration is known to be valid."""
    from ci_rlm.cli.settings import layer_here

    layer = layer_here(model)
    return layer.where if layer else None


def hook(found: Repository) -> Finding:
    """Whether a commit made here is checked."""
    from ci_rlm.cli.additions import has_hook, read
    from ci_rlm.git.about import about

    folder = about(found).hooks
    ours = [name for name in _HOOKS if b"ci-rlm" in (read(folder / name) or b"")]
    if ours:
        return Finding("hook", Status.OK, f"{' and '.join(ours)}, in {folder}")
    config = read(found.root / ".pre-commit-config.yaml")
    if config is None or not has_hook(config):
        return Finding("hook", Status.NOTE, "commits are not checked here", "ci-rlm init writes a hook")
    installed = [name for name in _HOOKS if b"pre-commit" in (read(folder / name) or b"")]
    if not installed:
        hint = "pre-commit install -t pre-commit -t pre-push"
        return Finding("hook", Status.WARN, "configured, but not installed in this clone", hint)
    return Finding("hook", Status.OK, f"by pre-commit, at {' and '.join(installed)}")
