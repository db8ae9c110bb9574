"""`ci-rlm verify`: what earlier predictions were worth, once they are measured."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ci_rlm.cli.extras import need
from ci_rlm.cli.flags import grouped, time_flag
from ci_rlm.cli.log_flags import LogFlags, log_options, pairs

if TYPE_CHECKING:
    from ci_rlm.git import Repository
    from ci_rlm.logs import Options
    from ci_rlm.render import Document
    from ci_rlm.training.bench import Bench
    from ci_rlm.training.ingest import Log
    from ci_rlm.training.verified import Comparison
    from ci_rlm.training.verify import Ends, Joined

_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
_WIDTH = 110
"""Of tables that go to no terminal."""


@dataclass(frozen=True, slots=True)
class BenchFlags(LogFlags):
    """The same, and where measurements are."""

    bench: tuple[str, ...]
    measured: str | None
    time: str


_bench_flags = grouped(
    "flags",
    BenchFlags,
    click.option(
        "--bench", multiple=True, metavar="[REV=]LOG",
        help="A log of any format that `ci-rlm ingest` reads, or a folder of them; of commit REV, where "
        "it tells none; repeatable.",
    ),
    click.option(
        "--measured", metavar="BASE..HEAD",
        help="The commits that were measured in place of the report's, as where it was squashed or merged.",
    ),
    time_flag,
    *log_options,
)  # fmt: skip


@click.command()
@click.argument("reports", nargs=-1, metavar="[REPORT]...", type=_EXISTING)
@_bench_flags
@click.option(
    "--repo", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".",
    help="The repository that was checked.  [default: the one around]",
)  # fmt: skip
@click.option(
    "--scoreboard", "file", type=click.Path(dir_okay=False, path_type=Path),
    help="The file to keep.  [default: as configured, or .ci-rlm/scoreboard.json in the repository]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print every figure as JSON in place of tables.")
def verify(reports: Sequence[Path], flags: BenchFlags, repo: Path, file: Path | None, as_json: bool) -> int:
    """Hold earlier predictions against what was measured later, and keep score.

    REPORT is a JSON report of `ci-rlm check --format json:FILE`. Where a benchmark ran at both of its
    commits, the measured ratio is put beside the predicted one, in a scoreboard that later checks
    tell of. What was verified before is replaced where it was measured anew, and kept elsewhere. Without
    reports and logs, the scoreboard is shown.
    """
    from ci_rlm.errors import CiRlmError, UsageError
    from ci_rlm.git import Repository
    from ci_rlm.training import board

    if bool(reports) != bool(flags.bench):
        hint = "ci-rlm verify REPORT.json --bench before.json --bench after.json"
        raise UsageError("verify takes reports and logs, both", hint=hint)
    need("verify", "scipy", "ijson")
    repository = Repository.discover(repo)
    place = file or _place(repository)
    if not reports:
        _print(board.read(place), {}, as_json)
        return 0
    joined, bench = _joined(reports, flags, repository)
    _show(joined, bench)
    new = [comparison for each in joined for comparison in each.comparisons]
    known = board.add(new, place) if new else board.read(place)
    _print(known, _told(joined, bench), as_json)
    if not new and any(each.predictions for each in joined):
        hint = "see the reasons above; --measured names the commits of a change that was squashed or merged"
        raise CiRlmError("no prediction could be verified", hint=hint)
    return 0


def _place(repository: Repository) -> Path:
    """Where checks look for it."""
    from ci_rlm.cli.settings import configure
    from ci_rlm.occasion import read_plain
    from ci_rlm.scoreboard import PLACE

    config = configure({}, None, repository.root, lambda name: read_plain(repository.root / name))
    return repository.root / (config.scoreboard or PLACE)


def _joined(reports: Sequence[Path], flags: BenchFlags, repository: Repository) -> tuple[list[Joined], Bench]:
    from ci_rlm import logs
    from ci_rlm.training.bench import Bench, Told
    from ci_rlm.training.resolve import Resolver
    from ci_rlm.training.verify import ends_of, join, wanted

    documents = [_document(path) for path in reports]
    ends = [ends_of(document) for document in documents]
    if flags.measured is not None:
        ends = [_measured(flags.measured, documents, repository)]
    options = logs.Options(flags.unit, pairs(flags.columns, "--column"))
    with repository.blobs() as blobs:
        resolver = Resolver(repository, blobs, pairs(flags.mapped, "--map"))
        bench = Bench(resolver, wanted(ends), Told(flags.time, flags.hardware, flags.allow_dirty))
        _read(flags, options, bench, repository)
    return [join(document, each, bench) for document, each in zip(documents, ends, strict=True)], bench


def _document(path: Path) -> Document:
    from ci_rlm.errors import ReportError
    from ci_rlm.render import parse

    try:
        return parse(path.read_bytes().decode("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"{path} cannot be read as a report") from error
    except ReportError as error:
        hint = "logs are named with --bench, each with its own"
        raise ReportError(f"{path}: {error.message}", hint=hint) from error


def _measured(text: str, documents: Sequence[Document], repository: Repository) -> Ends:
    from ci_rlm.errors import UsageError
    from ci_rlm.training.verify import Ends

    base, separator, head = text.partition("..")
    if not (base and separator and head) or head.startswith("."):
        raise UsageError(f"--measured: expected BASE..HEAD, not {text!r}")
    if len(documents) != 1:
        raise UsageError("--measured is for one report", hint="verify the reports one after the other")
    return Ends(repository.resolve(base), repository.resolve(head))


def _read(flags: BenchFlags, options: Options, bench: Bench, repository: Repository) -> None:
    from ci_rlm import logs
    from ci_rlm.training.ingest import find

    chosen = flags.log_format
    for named in flags.bench:
        revision, path = _log(named)
        commit = repository.resolve(revision) if revision else ""
        found: list[Log] = list(find([path], (lambda _: chosen) if chosen else logs.detect))
        for log in found:
            bench.read(log, options, commit)


def _log(named: str) -> tuple[str, Path]:
    """A revision, if one is named, and the path of a log."""
    from ci_rlm.errors import UsageError

    revision, _, rest = named.partition("=")
    for commit, path in (("", Path(named)), (revision, Path(rest))):
        if path.exists() and path != Path():
            return commit, path
    raise UsageError(f"--bench: no such file: {named}", hint="name it as LOG or REV=LOG")


def _show(joined: Sequence[Joined], bench: Bench) -> None:
    """What found a counterpart, and what did not, on standard error."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ci_rlm.cli.talk import warn
    from ci_rlm.render.text import clipped, printable

    predictions = Table("Predictions", box=SIMPLE_HEAD)
    predictions.add_column("Count", justify="right")
    for words, count in _outcomes(joined):
        predictions.add_row(Text(printable(words)), f"{count:,}")
    dropped = Table("Format", "Measurements dropped because", box=SIMPLE_HEAD)
    dropped.add_column("Count", justify="right")
    dropped.add_column("The first", overflow="fold")
    for name, tally in sorted(bench.tallies.items()):
        for reason, drops in sorted(tally.drops.items(), key=lambda item: (-item[1].count, item[0])):
            first = Text(clipped(printable(drops.first[0]), 120))
            dropped.add_row(name, Text(printable(reason)), f"{drops.count:,}", first)
    console = Console(stderr=True, highlight=False)
    for table in (predictions, dropped):
        if table.row_count:
            console.print(table)
    for path, reason in bench.refused.items():
        warn(f"{printable(path)}: {printable(reason)}")


def _outcomes(joined: Sequence[Joined]) -> list[tuple[str, int]]:
    """What came of all predictions of all reports, in words, and of measurements without one."""
    verified = sum(len(each.comparisons) for each in joined)
    reasons = sum((each.reasons for each in joined), Counter[str]())
    told = [("verified", verified)]
    told += [(f"not verified: {reason}", count) for reason, count in sorted(reasons.items(), key=_most_first)]
    unpredicted = sum(each.unpredicted for each in joined)
    told += [("functions measured on both sides that the report says nothing of", unpredicted)]
    return [(words, count) for words, count in told if count]


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def _print(known: Sequence[Comparison], told: Mapping[str, Any], as_json: bool) -> None:
    """The scoreboard on standard output."""
    from ci_rlm.training import board_view

    if as_json:
        document = {**told, "scoreboard": board_view.document(known)}
        click.echo(json.dumps(document, indent=2, allow_nan=False))
        return
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    text = board_view.render(
        known,
        width=shutil.get_terminal_size((_WIDTH, 24)).columns,
        color=sys.stdout.isatty() and not plain,
    )
    click.echo(text.encode("utf-8", "backslashreplace"), nl=False)


def _told(joined: Sequence[Joined], bench: Bench) -> dict[str, Any]:
    """What came of this run, for machines."""
    reasons = sum((each.reasons for each in joined), Counter[str]())
    return {
        "verified": sum(len(each.comparisons) for each in joined),
        "not_verified": dict(sorted(reasons.items(), key=_most_first)),
        "unpredicted_functions": sum(each.unpredicted for each in joined),
        **bench.document(),
    }
