"""Logs that a test writes down as values, and the corpus that they become."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pyarrow import parquet

from ci_rlm.errors import LogError
from ci_rlm.git import Repository
from ci_rlm.logs import Bad, Kind, Measurement, Options, Place
from ci_rlm.training import ingested
from ci_rlm.training.ingest import Assumed, Ingestion, Summary
from ci_rlm.training.resolve import Resolver
from tests.conftest import Checkout

SHOP = "def order(rows):\n    return sorted(rows)\n\n\ndef total(rows):\n    return sum(rows)\n"
ORDER = "def order(rows):\n return sorted(rows)"
ORDER_AT = Place(file="shop.py", line=1, symbol="order")
TOTAL_AT = Place(file="shop.py", line=5, symbol="total")


@dataclass
class Fake:
    """A reader of logs that a test writes down as values; it may break off."""

    entries: Iterable[Measurement | Bad]
    damage: str = ""

    def sniff(self, head: bytes, path: Path) -> bool:
        return True

    def read(self, path: Path, options: Options) -> Iterator[Measurement | Bad]:
        yield from self.entries
        if self.damage:
            raise LogError(self.damage)


def measured(place: Place = ORDER_AT, value: float = 1.0, **more: object) -> Measurement:
    return replace(Measurement(place, "wall_time", Kind.PER_CALL, value, "fake"), **more)  # type: ignore[arg-type]


@dataclass
class Logs:
    """Logs that are read one after the other, each with a text of its own."""

    checkout: Checkout
    out: Path
    assumed: Assumed

    def ingest(self, *logs: Fake, names: str = "abcdefgh") -> Summary:
        repository = Repository.discover(self.checkout.root)
        with repository.blobs() as blobs:
            ingestion = Ingestion(Resolver(repository, blobs), self.assumed)
            for name, log in zip(names, logs, strict=False):
                path = self.out.parent / f"{name}.log"
                path.write_text(name)
                ingestion.read(path, "fake", log, Options())
        ingested.add(ingestion.samples, ingestion.digests, self.out)
        return ingestion.summary

    @property
    def rows(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = parquet.read_table(self.out / ingested.FILE).to_pylist()
        return found


def logs_of(repo: Checkout, folder: Path) -> Logs:
    """A repository of two functions, and logs that were measured at its commit."""
    repo.write("shop.py", SHOP)
    return Logs(repo, folder / "out", Assumed(repo.commit()))
