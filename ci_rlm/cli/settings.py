"""From flags, environment and files to the one `Config`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from ci_rlm.cli.flags import ModelFlags
from ci_rlm.config import Config, Layer, build, from_environment, from_file, from_flags, from_root
from ci_rlm.occasion import read_plain


def configure(
    flags: Mapping[str, object], config_file: Path | None, root: Path, read: Callable[[str], bytes | None]
) -> Config:
    """The configuration of one run. `read` gives a file at the root of the tree that configures.

    Raises UsageError.
    """
    file: Layer | None = from_file(config_file) if config_file else from_root(read, root)
    return build([*([file] if file else []), from_environment(os.environ), from_flags(flags)])


def configure_here(model: ModelFlags) -> Config:
    """The configuration of a command that needs no repository: of the one around, if any."""
    root = _root_here()
    return configure(model.table, model.config_file, root, lambda name: read_plain(root / name))


def layer_here(model: ModelFlags) -> Layer | None:
    """What of it a file says; None if no file configures. Raises UsageError."""
    root = _root_here()
    named = model.config_file
    return from_file(named) if named else from_root(lambda name: read_plain(root / name), root)


def _root_here() -> Path:
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
