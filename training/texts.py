"""The texts that measured rows belong to: found by hash in public data, or made again.

A measured file holds no text. A library is a place that texts come from: it knows the records
that it can give, and what is asked of a record is the text with a measured hash, and the texts
of its measured edits. What costs time, making and preparing texts, is done by workers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ci_rlm import extract, prompt
from ci_rlm.errors import UsageError
from ci_rlm.extract.canonical import canonical, python_parser
from ci_rlm.flow import Kind, Metric, Space, Span, Unit
from ci_rlm.training.costs import FLOORS, Costs
from ci_rlm.training.profile.growth import exponent
from ci_rlm.training.sources import SOURCES, Program

if TYPE_CHECKING:
    from ci_rlm.training import architectures

GROWN = ("peak_memory", "peak_memory_net", "allocated_bytes", "line_events", "cpu_time")
"""Metrics whose growth with the input is fitted."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A text that is asked for, with what is known of its program."""

    language: str
    series: tuple[tuple[str, list[int], list[float]], ...]
    """Metric, input sizes, costs."""
    edited: bool = False
    """Whether `training.edits` made it."""


Shelf = Mapping[tuple[str, str], Mapping[str, Asked]]
"""By source and record, an edit's under that of its original: what is asked for by measured hash."""
_SIBLING = "sibling"
"""Behind the `+` of a generated program's other way, which its generator makes and no edit."""
Maker = Callable[[Any], Iterable[Program]]
"""Makes programs of what a library says of them; a function of a module, so that it can be pickled."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Programs of one source, before they are made."""

    source: str
    records: tuple[str, ...]
    make: Maker
    what: Any
    edited: bool = False
    """Whether `training.edits` edits them."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where texts can be looked for."""

    data: Path | None
    """Folder of the public data; None: it is not at hand."""
    measured: tuple[Path, ...]
    """Measured files and folders; a folder may hold texts of a user's own functions."""


@dataclass(frozen=True, slots=True)
class Job:
    """A bundle for one worker, with what is asked of its records."""

    bundle: Bundle
    asked: Mapping[str, Mapping[str, Asked]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A program as the model is to read it."""

    sha256: str
    text: str
    """The prompt."""
    unit: str
    """The prompt of the function that the costs are of, as a gate would write it; empty where it is none."""
    counts: tuple[tuple[str, int], ...]
    """Syntax-node types of the prompt's text and how often each occurs; none where it is not Python."""
    digest: bytes
    """Equal for programs that read the same."""
    growth: Mapping[str, float]
    """Exponent of each metric over the input sizes, where there are enough."""


Outcome = tuple[list[Prepared], list[tuple[str, str]]]
"""The programs that were asked for; and (source, record) of every text that was looked at."""


def shelf_of(costs: Costs) -> Shelf:
    """The texts of all programs of measured costs."""
    shelf: dict[tuple[str, str], dict[str, Asked]] = defaultdict(dict)
    grown = [metric for metric in GROWN if metric in costs.value]
    columns = (costs.programs[name] for name in ("source", "record", "sha256", "language"))
    for program, (source, record, digest, language) in enumerate(zip(*columns, strict=True)):
        series = tuple((metric, *costs.series(program, metric)) for metric in grown)
        original, _, made_by = record.partition("+")
        shelf[source, original][digest] = Asked(language, series, made_by not in ("", _SIBLING))
    return shelf


def jobs(shelf: Shelf, places: Places) -> Iterator[Job]:
    """The bundles of all libraries that have records which are asked for."""
    for library in LIBRARIES:
        for bundle in library(shelf, places):
            found = {r: shelf[bundle.source, r] for r in bundle.records if (bundle.source, r) in shelf}
            if found:
                yield Job(bundle, found)


def prepare(job: Job) -> Outcome:
    """Make a job's programs and their edits, and the prompts of those that are asked for."""
    from ci_rlm.training.profile.python import edited_programs

    bundle = job.bundle
    prepared, seen = [], []
    for program in bundle.make(bundle.what):
        asked = dict(job.asked.get(program.record.partition("+")[0], {}))
        texts = [program]
        if bundle.edited and "+" not in program.record and any(each.edited for each in asked.values()):
            texts += edited_programs(program, bundle.source)
        for each in texts if asked else ():
            digest = each.sha256
            seen.append((bundle.source, each.record))
            if (wanted := asked.pop(digest, None)) is not None:
                prepared.append(prepared_of(digest, each.text, wanted, bundle.source, each.entry))
    return prepared, seen


def prepared_of(digest: str, text: str, asked: Asked, source: str, entry: str = "") -> Prepared:
    """The prompts of one program and its entry, and what is counted and fitted of it."""
    written = program_prompt(text, asked.language, source)
    body = written.partition("\n")[2]
    return Prepared(
        sha256=digest,
        text=written,
        unit=unit_text(text, entry, python_space("", 1.0)) if entry and asked.language == "python" else "",
        counts=node_counts(body) if asked.language in PYTHON else (),
        digest=sha256(f"{asked.language}\0{body}".encode("utf-8", "surrogatepass")).digest()[:16],
        growth=dict(_growth(asked)),
    )


def _growth(asked: Asked) -> Iterator[tuple[str, float]]:
    for metric, sizes, values in asked.series:
        fit = exponent(sizes, values, floor=FLOORS.get(metric, 0.0))
        if fit is not None:
            yield metric, fit.exponent


PYTHON = frozenset({"python", "triton"})
"""Languages whose texts are made canonical, and whose syntax nodes are counted."""
KERNELS_PREFIX, LANGUAGES_PREFIX = "KBSS\n", "# CDSS\n"
"""Of prompts, as the paper's spaces have them."""


def graph_prefix(source: str) -> str:
    """What the prompt of a network opens with: the name of its search space."""
    return f"{source}\n\n"


def program_prompt(text: str, language: str, source: str) -> str:
    """What a model reads of a program: its space's prefix, and its text, canonical where we know how.

    The prefixes of kernels, graphs and other languages are those of the paper's spaces.
    """
    if language == "python":
        return program_text(text, python_space("", 1.0))
    if language == "triton":
        return KERNELS_PREFIX + canonical(text, "python")
    if language == "onnx":
        return graph_prefix(source) + text
    return f"{LANGUAGES_PREFIX}# Language: {language}\n{text}"


def python_space(hardware: str, size: float) -> Space:
    """The space of Python functions and programs: peak memory, then CPU time, given the size."""
    return Space(
        name="python",
        prefix="PYTHON\n",
        kinds=(Kind.FUNCTION, Kind.PROGRAM),
        metrics=(Metric("peak_memory", "B"), Metric("cpu_time", "s")),
        hardware=hardware,
        size=size,
    )


def change_space(of: Space) -> Space:
    """The space of changes of a space of Python: both versions are read at once, ratios are answered."""
    metrics = tuple(replace(metric, unit="1") for metric in of.metrics)
    prefix = f" {of.prefix.rstrip()} CHANGE\n"
    return replace(of, name=f"{of.name}-change", prefix=prefix, metrics=metrics, compares=True)


_NO_SPAN = Span(1, 1)


def program_text(text: str, space: Space) -> str:
    """The prompt of a whole Python program, as the gate would write it."""
    unit = Unit(PurePosixPath("program.py"), "", Kind.PROGRAM, "python", _NO_SPAN, text)
    return prompt.prompt_of(unit, space).text


def unit_text(text: str, entry: str, space: Space) -> str:
    """The prompt of the function of a program that `entry` names, as the gate would write it.

    `entry` is a name or an expression that ends in one, as `Solution().solve`. Empty where it is not
    one function of the program.
    """
    name = entry.rpartition(".")[2]
    units, _ = extract.units(PurePosixPath("program.py"), text, "python")
    found = [unit for unit in units if unit.name.rpartition(".")[2] == name and "<locals>" not in unit.name]
    return prompt.prompt_of(found[0], space).text if len(found) == 1 else ""


def node_counts(text: str) -> tuple[tuple[str, int], ...]:
    """How often each type of syntax node occurs in a Python text, sorted by type."""
    cursor = python_parser().parse(text.encode("utf-8", "surrogatepass")).walk()
    counts: Counter[str] = Counter()
    going = True
    while going:
        counts[cursor.node.type] += 1  # type: ignore[union-attr]
        going = cursor.goto_first_child() or cursor.goto_next_sibling()
        while not going and cursor.goto_parent():
            going = cursor.goto_next_sibling()
    return tuple(sorted(counts.items()))


def _multilingual(shelf: Shelf, places: Places) -> Iterator[Bundle]:
    from ci_rlm.training.multilingual import FOLDERS, multilingual

    if places.data and FOLDERS.keys() & _sources(shelf):
        for (source, _), group in groupby(
            multilingual(places.data), lambda each: (each.source, each.problem)
        ):
            yield _bundle(source, [Program(each.record, each.text) for each in group])


def _kernels(shelf: Shelf, places: Places) -> Iterator[Bundle]:
    from ci_rlm.training.profile.kernel_programs import programs

    if places.data and any(source.startswith("tritonbench") for source in _sources(shelf)):
        for program in programs(places.data):
            yield _bundle(program.source, [Program(program.record, program.text)])


def _beside(shelf: Shelf, places: Places) -> Iterator[Bundle]:
    """Texts that lie beside the measurements, as those of a user's own functions do."""
    import pyarrow.parquet as parquet

    owners = {digest: key for key, digests in shelf.items() for digest in digests}
    for path in (path for folder in places.measured for path in sorted(folder.glob("texts-*.parquet"))):
        for batch in parquet.ParquetFile(path).iter_batches(1000, columns=["text"]):
            for text in batch["text"].to_pylist():
                source, record = owners.get(Program("", text).sha256, ("", ""))
                yield _bundle(source, [Program(record, text)])


def _sources(shelf: Shelf) -> set[str]:
    return {source for source, _ in shelf}


def _same(programs: Sequence[Program]) -> Sequence[Program]:
    return programs


def _bundle(source: str, programs: Sequence[Program], *, edited: bool = False) -> Bundle:
    records = tuple({program.record: None for program in programs})
    return Bundle(source, records, _same, programs, edited)


def _public(shelf: Shelf, places: Places) -> Iterator[Bundle]:
    wanted = _sources(shelf)
    for source, problems in SOURCES.items() if places.data else ():
        for problem in problems(places.data) if source in wanted and places.data else ():
            programs = [replace(program, entry=problem.entry or "") for program in problem.programs]
            yield _bundle(source, programs, edited=True)


_CHUNK = 50


def _chunks(shelf: Shelf, source: str, make: Maker, *, edited: bool = False) -> Iterator[Bundle]:
    """The records of a source, to be made from their names alone."""
    records = sorted(record for name, record in shelf if name == source)
    for start in range(0, len(records), _CHUNK):
        chunk = tuple(records[start : start + _CHUNK])
        yield Bundle(source, chunk, make, chunk, edited)


def _generated(shelf: Shelf, _: Places) -> Iterator[Bundle]:
    yield from _chunks(shelf, "synthetic", _programs, edited=True)
    yield from _chunks(shelf, "synthetic-graph", _graphs)
    yield from _chunks(shelf, "ways", _ways, edited=True)


def _programs(records: Sequence[str]) -> list[Program]:
    """Generated programs and their siblings; none where another version of the generator made them."""
    from ci_rlm.training.synthetic import program_of

    made = []
    for name in (name for record in records for name in (record, f"{record}+{_SIBLING}")):
        with suppress(UsageError):
            found = program_of(name)
            made.append(Program(name, found.text, found.entry or ""))
    return made


def _ways(records: Sequence[str]) -> Iterator[Program]:
    """Functions in all of their ways; none where another version of the generator made them."""
    from ci_rlm.training.ways import programs_of

    for record in records:
        with suppress(UsageError):
            for way in programs_of(record):
                yield Program(way.record, way.text, way.entry)


def _graphs(records: Sequence[str]) -> Iterator[Program]:
    from ci_rlm.training.graph_text import text_of
    from ci_rlm.training.synthetic_graphs import synthetic_graph

    for record in records:
        seed, index = record.split("/")[1:]
        yield Program(record, text_of(synthetic_graph(int(seed), int(index))))


def _tables(shelf: Shelf, places: Places) -> Iterator[Bundle]:
    """Networks of published tables, some lines of a table at a time."""
    from ci_rlm.training import architectures

    lines: dict[tuple[str, str], list[str]] = defaultdict(list)
    for source, record in shelf:
        if source in architectures.TABLES:
            lines[source, record.split("/")[1]].append(record)
    for task in architectures.tasks(places.data) if lines and places.data else ():
        piece: architectures.Piece = task.work
        keys = ((piece.source, str(line.get("idx", line.get("id")))) for line in piece.lines)
        records = tuple(record for key in keys for record in lines.get(key, ()))
        yield Bundle(piece.source, records, _networks, piece)


def _networks(piece: architectures.Piece) -> Iterator[Program]:
    from ci_rlm.training.architectures import TABLES
    from ci_rlm.training.graph_text import text_of

    for line in piece.lines:
        for found in TABLES[piece.source][1](line):
            yield Program(found.record, text_of(found.model))


LIBRARIES: tuple[Callable[[Shelf, Places], Iterator[Bundle]], ...] = (
    _public, _multilingual, _kernels, _generated, _beside, _tables,
)  # fmt: skip
