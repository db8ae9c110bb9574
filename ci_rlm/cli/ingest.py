"""`ci-rlm ingest`: profiling logs to rows that a model can be trained on."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ci_rlm.cli.extras import READING, need
from ci_rlm.cli.flags import grouped
from ci_rlm.cli.log_flags import LogFlags, log_options, pairs

if TYPE_CHECKING:
    from ci_rlm.git import FileLimits, Repository
    from ci_rlm.git.plumbing import Blobs
    from ci_rlm.training.ingest import Ingestion, Log, Summary
    from ci_rlm.training.ingested import Merged

_WIDTH = 120
"""Of tables that go to no terminal."""
_EXISTING = click.Path(exists=True, path_type=Path)


@dataclass(frozen=True, slots=True)
class IngestFlags(LogFlags):
    """The same, and of which code."""

    commit: str | None
    include: tuple[str, ...]
    exclude: tuple[str, ...]


_ingest_flags = grouped(
    "flags",
    IngestFlags,
    *log_options,
    click.option(
        "--commit", metavar="REV", help="What was profiled, where a log does not tell.  [default: HEAD]"
    ),
    click.option(
        "--include", multiple=True, metavar="GLOB", help="Keep functions of these files only; repeatable."
    ),
    click.option(
        "--exclude", multiple=True, metavar="GLOB", help="Keep none of these files, as of tests; repeatable."
    ),
)


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="LOG...", type=_EXISTING)
@click.option(
    "--repo", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".",
    help="The repository that was profiled.  [default: the one around]",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=Path("runs/ingested"),
    show_default=True, help="Folder of the corpus; what it has is merged with.",
)  # fmt: skip
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write the counts there.")
@_ingest_flags
def ingest(paths: Sequence[Path], repo: Path, out: Path, json_file: Path | None, flags: IngestFlags) -> int:
    """Join profiling logs with the code that they measured.

    LOG is a file, or a folder of files, of any profiler or benchmark tool that --format lists. Each
    measured function is looked up in the commit that was profiled, never in the working tree, and
    nothing of logs or repository is run. What cannot be looked up is dropped and counted. Where the
    repository configures which files a check looks at, functions of the same files are kept.
    """
    from ci_rlm.errors import CiRlmError
    from ci_rlm.git import Repository
    from ci_rlm.render.text import counted
    from ci_rlm.training import ingested

    need("ingest", *READING, "ijson")
    repository = Repository.discover(repo)
    with repository.blobs() as blobs:
        ingestion = _ingestion(repository, blobs, flags)
        _read(paths, ingestion, flags)
    summary = ingestion.summary
    _show(summary)
    if json_file:
        _write_counts(summary, json_file)
    if not summary.kept:
        raise CiRlmError("no measurement could be resolved to code", hint="see the reasons above")
    _note_commit(summary, flags)
    rows = ingested.add(ingestion.samples, ingestion.digests, out)
    _note_hardware(rows)
    functions = counted(len({row.samples[0].problem for row in rows}), "function")
    click.echo(f"{counted(len(rows), 'row')} of {functions} in {out / ingested.FILE}")
    return 0


def _ingestion(repository: Repository, blobs: Blobs, flags: IngestFlags) -> Ingestion:
    from ci_rlm.training.ingest import Assumed, Ingestion
    from ci_rlm.training.resolve import Resolver

    commit = repository.resolve(flags.commit or "HEAD")
    assumed = Assumed(commit, flags.hardware, flags.allow_dirty, _files(repository, flags))
    return Ingestion(Resolver(repository, blobs, pairs(flags.mapped, "--map")), assumed)


def _files(repository: Repository, flags: IngestFlags) -> FileLimits:
    from ci_rlm.cli.settings import configure
    from ci_rlm.git import FileLimits
    from ci_rlm.occasion import read_plain

    given = {"include": flags.include, "exclude": flags.exclude}
    table = {"paths": {key: globs for key, globs in given.items() if globs}}
    root = repository.root
    paths = configure(table, None, root, lambda name: read_plain(root / name)).paths
    return FileLimits(paths.include, paths.exclude)


def _read(paths: Sequence[Path], ingestion: Ingestion, flags: IngestFlags) -> None:
    from ci_rlm import logs
    from ci_rlm.training.ingest import find, ingest

    options = logs.Options(flags.unit, pairs(flags.columns, "--column"))
    chosen = flags.log_format
    found = list(find(paths, (lambda _: chosen) if chosen else logs.detect))
    with _progress(len(found)) as begin:
        for number, log in enumerate(found):
            begin(number, log)
            ingest(log, ingestion, options)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int, Log], None]]:
    """A bar on a terminal: what is called with the number of each log and itself as its reading begins."""
    if not sys.stderr.isatty():
        yield lambda _number, _log: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from ci_rlm.render.text import clipped, printable

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=total)

        def begin(number: int, log: Log) -> None:
            bar.update(task, completed=number, description=escape(clipped(printable(log.path.name), 40)))

        yield begin


def _write_counts(summary: Summary, file: Path) -> None:
    from ci_rlm.errors import UsageError

    try:
        file.write_text(json.dumps(summary.document(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}", hint="name another file") from error


def _show(summary: Summary) -> None:
    """What came of the logs, and of what nothing came, on standard error."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ci_rlm.cli.talk import warn
    from ci_rlm.render.text import clipped, counted, printable

    counts = Table("Format", box=SIMPLE_HEAD)
    for name in ("Logs", "Entries", "Kept", "Dropped"):
        counts.add_column(name, justify="right")
    reasons = Table("Format", "Dropped because", box=SIMPLE_HEAD)
    reasons.add_column("Count", justify="right")
    reasons.add_column("The first", overflow="fold")
    for name, tally in sorted(summary.tallies.items()):
        numbers = (tally.logs, tally.entries, tally.kept, tally.entries - tally.kept)
        counts.add_row(name, *(f"{number:,}" for number in numbers))
        for reason, drops in sorted(tally.drops.items(), key=lambda item: (-item[1].count, item[0])):
            first = Text(clipped(printable(drops.first[0]), 120))
            reasons.add_row(name, Text(printable(reason)), f"{drops.count:,}", first)
    console = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _WIDTH)
    for table in (counts, reasons):
        if table.row_count:
            console.print(table)
    for path, reason in summary.refused.items():
        warn(f"{printable(path)}: {printable(reason)}")
    if summary.ignored:
        warn(f"{counted(len(summary.ignored), 'file')} of the named folders are no logs")
    _note_kinds(summary)


def _note_kinds(summary: Summary) -> None:
    """Say which rows no present space learns from."""
    from ci_rlm.cli.talk import warn
    from ci_rlm.logs import Kind
    from ci_rlm.training.ingested import TARGETS

    idle = [
        f"{count:,} of {kind.replace('_', ' ')} {metric.replace('_', ' ')}"
        for (metric, kind), count in sorted(summary.rows.items())
        if metric not in TARGETS[Kind(kind)]
    ]
    if idle:
        warn(f"kept, but no model is trained on these rows so far: {', '.join(idle)}")


def _note_hardware(rows: Iterable[Merged]) -> None:
    """Say which rows a training run will leave out: it takes those of one class of hardware."""
    from ci_rlm.cli.talk import warn
    from ci_rlm.render.text import printable

    classes = Counter(row.key.hardware for row in rows if row.trains)
    if len(classes) > 1:
        told = ", ".join(
            f"{count:,} of {printable(name) or 'one that no log tells'}"
            for name, count in classes.most_common()
        )
        warn(
            f"a training run takes the rows of one class of hardware, but here are {told}; "
            "if these are one, read all logs again with --hardware NAME"
        )


def _note_commit(summary: Summary, flags: IngestFlags) -> None:
    from ci_rlm.cli.talk import warn
    from ci_rlm.render.text import counted

    if summary.without_commit and not flags.commit:
        lacking = counted(summary.without_commit, "measurement")
        warn(f"{lacking} came without a commit and were taken to be of HEAD; --commit names another")
