"""Commands that need what only an extra of the package installs."""

from __future__ import annotations

from importlib.util import find_spec

from ci_rlm.errors import UsageError

READING = ("pyarrow",)
SCORING = (*READING, "scipy", "sklearn")
TRAINING = (*SCORING, "accelerate")
COMMENTING = ("gidgethub", "httpx2")


def need(command: str, *modules: str, extra: str = "train") -> None:
    """Raise UsageError now, and not when the work is done, if a module of the extra is missing."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise UsageError(f"{command} needs {' and '.join(missing)}", hint=f'pip install "ci-rlm[{extra}]"')
