"""Measured costs joined with the texts that they belong to: what a model is trained on.

    python -m ci_rlm.training.corpus build --data DATA --out runs/corpus

The repository keeps costs and hashes; the texts stay with the public data, or are made again by
seeded generators, and are looked up by hash. Each program becomes one example: the text of its
prompt, made by the same code as the gate's, with one row an input size. Pairs of programs lie
beside the examples; `corpus.json` tells what was read, kept and left out.

A folder that holds `texts-*.parquet`, as `ci-rlm profile python pkg.module:function` writes it,
needs no public data:

    python -m ci_rlm.training.corpus build --measured runs/mine --out runs/mine-corpus

A machine that has no time for all of it learns from a part, always the same:

    python -m ci_rlm.training.corpus sample --corpus runs/corpus --percent 0 25 --all brief-1 --out runs/few
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ci_rlm.training import joining, pairs, shards
from ci_rlm.training.costs import ORIGIN
from ci_rlm.training.shards import Shards
from ci_rlm.training.spaces import PYTHON, Domain

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, slots=True)
class Row:
    """Costs at one input size; bytes and seconds. None: not measured, or not asked for."""

    size: float
    peak_memory: float | None = None
    cpu_time: float | None = None
    """The shortest of the repeats: on a shared machine the least disturbed one."""
    peak_memory_net: float | None = None
    allocated_bytes: float | None = None
    allocated_blocks: float | None = None
    peak_rss: float | None = None
    wall_time: float | None = None
    line_events: float | None = None
    calls: float | None = None
    depth: float | None = None
    latency: float | None = None


METRICS = PYTHON.metrics
"""What a model answers for of Python; a row of an example has one of them at least."""


@dataclass(frozen=True, slots=True)
class Example:
    """One program: what the model reads, and what it is to answer."""

    text: str
    """The prompt."""
    problem: str
    source: str
    record: str
    split: str
    rows: tuple[Row, ...]
    counts: tuple[tuple[str, int], ...]
    """Syntax-node types of the prompt's text and how often each occurs."""
    hardware: str = ""
    """The class of machine that the costs are of."""
    unit: str = ""
    """The prompt of the function that the costs are of, as the gate would write it; empty where it
    is the whole program, or not known."""
    language: str = "python"

    @property
    def original(self) -> str:
        """The record that an edited program came from, or its own."""
        return self.record.partition("+")[0]

    @property
    def edit(self) -> str:
        """The name of the edit, or nothing."""
        return self.record.partition("+")[2]


def write(examples: Sequence[Example], out: Path) -> None:
    """Write examples as a corpus folder, whole or not at all."""
    with shards.replacing(out) as scratch:
        with Shards(scratch, "programs", shards.schema()) as writer:
            for example in examples:
                writer.add(record_of(example))
        shards.write_summary(scratch, {"version": shards.VERSION, "programs": len(examples)})


def sample(examples: Iterable[Example], low: int, high: int) -> list[Example]:
    """Those of some percent of the problems: of those whose names' hashes lie from `low` on, below `high`.

    Two ranges that do not meet have no problem in common.
    """
    return [example for example in examples if low <= _percentile(example.problem) < high]


def _percentile(problem: str) -> int:
    return int(sha256(f"mix{problem}".encode()).hexdigest(), 16) % 100


def record_of(example: Example) -> dict[str, Any]:
    """An example as a record of a shard."""
    names = ("text", "unit", "problem", "source", "record", "split", "language")
    origin = {**dict.fromkeys(ORIGIN, ""), "hardware": example.hardware}
    return {
        **{name: getattr(example, name) for name in names},
        "rows": [{**_metrics(row), "size": row.size, **origin} for row in example.rows],
        "counts": list(example.counts),
    }


def as_functions(examples: Iterable[Example]) -> list[Example]:
    """The examples as a gate reads them, each as `as_function` has it."""
    return list(map(as_function, examples))


def as_function(example: Example) -> Example:
    """An example as the function that its costs are of, where there is one."""
    return replace(example, text=example.unit or example.text)


def _metrics(row: Row) -> dict[str, float | None]:
    return {name: getattr(row, name) for name in Row.__slots__ if name != "size"}


def read(folder: Path, *, further: Sequence[str] = ()) -> list[Example]:
    """The Python programs of a corpus that have a metric, with `further` ones where measured.

    Costs of two machines or protocols are no one quantity: the rows are those of the protocol,
    hardware and toolchain that most rows come from. Raises CiRlmError where there is no corpus.
    """
    chosen = commonest_origin(folder)
    return list(examples(folder, chosen, further=further))


def of_protocol(folder: Path, protocol: str) -> list[Example]:
    """The Python programs of a corpus with their rows of one protocol, wherever they were measured."""
    import pyarrow.compute as pc

    def mine(flat: pyarrow.Table) -> Any:
        return pc.equal(flat["protocol"], protocol)

    return list(_chosen(folder, PYTHON, mine, METRICS, commonest_origin(folder)[1]))


def commonest_origin(folder: Path, domain: Domain = PYTHON, names: Sequence[str] = ORIGIN) -> tuple[str, ...]:
    """Protocol, hardware and toolchain, or those named, of most usable rows of a domain."""
    counts: Counter[tuple[str, ...]] = Counter()
    for table in shards.tables(folder, ["language", "source", "rows"]):
        flat = _usable(table, domain)[1]
        counts.update(zip(*(flat[name].to_pylist() for name in names), strict=True))
    return min(counts, key=lambda origin: (-counts[origin], origin), default=("",) * len(names))


def examples(
    folder: Path, origin: Sequence[str], *, further: Sequence[str] = (), also: Sequence[str] = ()
) -> Iterator[Example]:
    """Stream the Python programs of a corpus with their rows of one origin.

    `also` names protocols whose rows are as good, wherever they were measured: what was counted, say.
    """
    import pyarrow
    import pyarrow.compute as pc

    def mine(flat: pyarrow.Table) -> Any:
        as_good = pc.is_in(flat["protocol"], pyarrow.array(also, pyarrow.string()))
        return pc.or_(_same(flat, ORIGIN, origin), as_good)

    return _chosen(folder, PYTHON, mine, (*METRICS, *further), origin[1])


def of_domain(folder: Path, domain: Domain) -> tuple[str, Iterator[Example]]:
    """The hardware, and the programs one by one, of a domain beside Python.

    Toolchains differ with the language, and are no part of what rows have in common. Raises
    CiRlmError where there is no corpus.
    """
    import pyarrow.compute as pc

    names = ("protocol", "hardware")
    origin = commonest_origin(folder, domain, names) if not domain.device else ()

    def mine(flat: pyarrow.Table) -> Any:
        if origin:
            return _same(flat, names, origin)
        # Published tables name a device with the size of the batch behind it.
        return pc.match_substring_regex(flat["hardware"], f"^{domain.device}(_[0-9]+)?$")

    hardware = domain.device or origin[1]
    return hardware, _chosen(folder, domain, mine, domain.metrics, hardware)


def _same(flat: pyarrow.Table, names: Sequence[str], values: Sequence[str]) -> Any:
    import pyarrow.compute as pc

    return reduce(pc.and_, (pc.equal(flat[name], value) for name, value in zip(names, values, strict=True)))


def _chosen(
    folder: Path,
    domain: Domain,
    mine: Callable[[pyarrow.Table], Any],
    metrics: Sequence[str],
    hardware: str,
) -> Iterator[Example]:
    """The programs of a domain that have rows which are `mine`, with these."""
    names = ("text", "unit", "problem", "source", "record", "split", "language", "counts")
    columns = ("size", *metrics)
    for table in shards.tables(folder, [*names, "rows"]):
        owner, flat = _usable(table, domain)
        wanted = mine(flat)
        owner, flat = owner.filter(wanted), flat.filter(wanted)
        rows: dict[int, list[Row]] = defaultdict(list)
        for place, *costs in zip(owner.to_pylist(), *(flat[c].to_pylist() for c in columns), strict=True):
            rows[place].append(Row(**dict(zip(columns, costs, strict=True))))
        found = table.select(names).take(list(rows)).to_pylist() if rows else []
        for record, own in zip(found, rows.values(), strict=True):
            record |= {"rows": tuple(own), "counts": tuple(map(tuple, record["counts"]))}
            yield Example(**record, hardware=hardware)


def _usable(table: pyarrow.Table, domain: Domain) -> tuple[Any, pyarrow.Table]:
    """The rows of a domain's programs that a model can learn from, with whose each is.

    A row without an input size has no place on a scale of sizes. Of Python one of the metrics is
    enough, where others are told by a checkpoint (`rehearsal.stand_ins`).
    """
    import pyarrow
    import pyarrow.compute as pc

    lists = table["rows"].combine_chunks()
    flat = pyarrow.Table.from_batches([pyarrow.RecordBatch.from_struct_array(lists.flatten())])
    owner = pc.list_parent_indices(lists)
    ours = pc.is_in(table["language"], pyarrow.array(sorted(domain.languages)))
    if domain.source:
        ours = pc.and_(ours, pc.equal(table["source"], domain.source))
    good = pc.and_(pc.greater(flat["size"], 0), ours.take(owner))
    enough = pc.or_ if domain == PYTHON else pc.and_
    good = pc.and_(good, reduce(enough, (pc.is_valid(flat[metric]) for metric in domain.metrics)))
    return owner.filter(good), flat.filter(good)


def main() -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("build", help="join measured rows with texts")
    command.add_argument("--data", type=Path, help="folder of the public programs")
    command.add_argument(
        "--measured",
        type=Path,
        nargs="+",
        help="files and folders",
        default=[joining.MEASURED, joining.MEASURED / "turns"],
    )
    command.add_argument("--out", type=Path, default=Path("runs/corpus"))
    command.add_argument("--language", action="append", default=[], help="only this one; repeatable")
    command.add_argument("--workers", type=int, default=1, help="processes that prepare texts")
    command.add_argument("--pairs", type=int, default=pairs.CAP, help="of solutions, a problem at most")
    command.add_argument("--repeatability", type=Path, default=pairs.REPEATABILITY)
    command = commands.add_parser("sample", help="the programs of some problems as a corpus of their own")
    command.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    command.add_argument("--percent", type=int, nargs=2, required=True, metavar=("FROM", "TO"))
    command.add_argument(
        "--all", action="append", default=[], metavar="PROTOCOL", help="and all measured by this one"
    )
    command.add_argument("--out", type=Path, required=True)
    flags = parser.parse_args()
    if flags.command == "sample":
        _sample(flags)
        return
    summary = joining.build(
        flags.measured, flags.data, flags.out, languages=flags.language,
        workers=flags.workers, cap=flags.pairs, repeatability=flags.repeatability,
    )  # fmt: skip
    print(f"{joining.told(summary)}\nin {flags.out}")


def _sample(flags: argparse.Namespace) -> None:
    found = sample(read(flags.corpus), *flags.percent)
    whole = [example for protocol in flags.all for example in of_protocol(flags.corpus, protocol)]
    write(found + whole, flags.out)
    print(f"{len(found)} programs of the sample, {len(whole)} besides\nin {flags.out}")


if __name__ == "__main__":
    main()
