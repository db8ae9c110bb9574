"""One family of errors, each with its next step; the CLI is the one place that prints them."""

from __future__ import annotations


class CiRlmError(Exception):
    """Something the user can mend. `exit_code` follows the convention in CONTRIBUTING.md."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(CiRlmError):
    """The command line or the configuration is wrong."""

    exit_code = 2


class GitError(CiRlmError):
    """The range cannot be read."""


class CheckpointError(CiRlmError):
    """The checkpoint is missing, damaged or of another layout."""


class LogError(CiRlmError):
    """A profiling log cannot be read."""


class ReportError(CiRlmError):
    """A report file cannot be read back."""


class ScoreboardError(CiRlmError):
    """A scoreboard cannot be read."""


class ForgeError(CiRlmError):
    """The forge refuses a request, or is out of reach."""


class HistoryError(CiRlmError):
    """A history cannot be read or written."""
