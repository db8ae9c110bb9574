"""What one check of `ci-rlm doctor` found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a check went. Only `FAIL` changes the exit code."""

    OK = "ok"
    NOTE = "note"
    """Something optional is not there."""
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, and what to do about it."""

    name: str
    status: Status
    detail: str
    next_step: str = ""
