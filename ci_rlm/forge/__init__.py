"""The forge that keeps pull requests: the sticky comment on one, and the calls that it takes.

What is here imports no client; `github.py` does.
"""

from __future__ import annotations

from dataclasses import dataclass

from ci_rlm.errors import ForgeError


@dataclass(frozen=True, slots=True, order=True)
class Run:
    """A run of a workflow, ordered as events are: ids only grow, and a run that is repeated keeps its own."""

    id: int = 0
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Head:
    """What a pull request proposes, by which its number can be found."""

    owner: str
    """Of the repository that the branch is in."""
    branch: str
    commit: str
    repository: int
    """The id of that repository: names can be taken over."""


class RefusedError(ForgeError):
    """A request that the forge will not serve, however often it is asked."""

    def __init__(self, message: str, *, status: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class BusyError(ForgeError):
    """A request that the forge may serve later: in `wait_s` seconds, where it says when."""

    def __init__(self, message: str, *, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s
