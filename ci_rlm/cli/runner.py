"""GitHub's runner, if one runs us: what its log obeys, and the file of its job summary."""

from __future__ import annotations

import os
from pathlib import Path

SUMMARY_BYTES = 1024 * 1024
"""The runner takes no larger summary of one step."""


def on_github() -> bool:
    """Whether a runner of GitHub Actions reads standard output."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def summarise(markdown: str) -> None:
    """Append to the job summary, where the runner keeps one; what fails is a warning, and no verdict."""
    from ci_rlm.cli.talk import warn

    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        # The step may have written to it before, with or without a line's end.
        with Path(path).open("ab") as file:
            text = f"\n{markdown}".encode("utf-8", "backslashreplace")
            if file.tell() + len(text) > SUMMARY_BYTES:
                warn("the job summary is full: the report is left out of it")
                return
            file.write(text)
    except OSError as error:
        warn(f"cannot write the job summary: {error.strerror}")
