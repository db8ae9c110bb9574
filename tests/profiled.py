"""A repository whose code was measured, and the code at a place of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ci_rlm.git import Repository
from ci_rlm.logs import Place
from ci_rlm.training.resolve import Resolved, Resolver
from tests.conftest import Checkout

STORE = """\
import heapq

LIMIT = 3


def build(rows):
    # the fastest way
    return sorted(rows)


class Store:
    def __init__(self, rows):
        self.rows = rows

    def build(self, extra):
        def merged():
            return heapq.merge(self.rows, extra)

        return list(merged())

    @property
    def top(self):
        return self.rows[:LIMIT]
"""
KERNEL = """\
import triton


@triton.jit
def scale_kernel(x_ptr, n, BLOCK: tl.constexpr):
    pass
"""
BUILD = "def build(rows):\n return sorted(rows)"
METHOD = (
    "import heapq\nclass Store:\n def build(self,extra):\n  def merged():\n"
    "   return heapq.merge(self.rows,extra)\n  return list(merged())"
)
INIT = "class Store:\n def __init__(self,rows):\n  self.rows=rows"


def write_shop(repo: Checkout) -> None:
    """Commit a package of a function, a class and a kernel, with what it re-exports."""
    repo.write("src/shop/__init__.py", "from .store import build as assemble\nfrom .store import *\n")
    repo.write("src/shop/store.py", STORE)
    repo.write("src/shop/kernels.py", KERNEL)
    repo.commit()


@contextmanager
def resolver(checkout: Checkout, mapped: dict[str, str] | None = None) -> Iterator[Resolver]:
    repository = Repository.discover(checkout.root)
    with repository.blobs() as blobs:
        yield Resolver(repository, blobs, mapped)


def resolve(
    checkout: Checkout, place: Place, language: str = "python", *, mapped: dict[str, str] | None = None
) -> str:
    """The text, or the reason in square brackets."""
    with resolver(checkout, mapped) as find:
        found = find.resolve(place, language, checkout.git("rev-parse", "HEAD"))
    return found.text if isinstance(found, Resolved) else f"[{found.reason}]"
