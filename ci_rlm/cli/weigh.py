"""`ci-rlm weigh`: profiles of whole runs to what each function weighs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ci_rlm.cli.extras import need
from ci_rlm.logs import PROFILES

if TYPE_CHECKING:
    from ci_rlm.training.weigh import Tally

_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
_SHOWN = 10


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PROFILE...", type=_EXISTING)
@click.option(
    "--repo", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".",
    help="The repository that was profiled.  [default: the one around]",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), default=Path(".ci-rlm/hot-paths.json"),
    show_default=True, help="The file to write, which hot_paths in the configuration then names.",
)  # fmt: skip
@click.option("--commit", metavar="REV", default="HEAD", show_default=True, help="What was profiled.")
@click.option(
    "--format", "log_format", type=click.Choice(PROFILES), help="In place of telling it by the first bytes."
)
@click.option(
    "--unit", default="", metavar="UNIT", help="The interval of a sample, where the profile tells none: 10ms."
)
@click.option(
    "--map", "mapped", multiple=True, metavar="FROM=TO",
    help="Files that a profile has below FROM lie below TO in the repository; repeatable.",
)  # fmt: skip
def weigh(
    paths: Sequence[Path],
    repo: Path,
    out: Path,
    commit: str,
    log_format: str | None,
    unit: str,
    mapped: Sequence[str],
) -> int:
    """Tell from profiles of whole runs what share of the time each function has.

    PROFILE is of cProfile, py-spy (speedscope or raw), austin or pyinstrument. A check whose
    configuration names the written file judges a function's time by what it does to the whole run.
    """
    from ci_rlm import logs
    from ci_rlm.cli.log_flags import pairs
    from ci_rlm.cli.publish import write_whole
    from ci_rlm.errors import CiRlmError
    from ci_rlm.git import Repository
    from ci_rlm.training import weigh as weights
    from ci_rlm.training.resolve import Resolver

    need("weigh", "ijson")
    repository = Repository.discover(repo)
    profiled = repository.resolve(commit)
    tally = weights.Tally()
    with repository.blobs() as blobs:
        resolver = Resolver(repository, blobs, pairs(mapped, "--map"))
        for path in paths:
            entries = logs.reader(log_format or logs.detect(path, PROFILES)).read(
                path, logs.Options(unit, whole=True)
            )
            tally.add(entries, resolver, profiled)
    _show(tally)
    if not tally.shares():
        raise CiRlmError("no function of the repository is in the profiles", hint="see the reasons above")
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, weights.text(tally, profiled))
    return 0


def _show(tally: Tally) -> None:
    """The heaviest functions, and why entries lead to none."""
    from ci_rlm.cli.talk import warn
    from ci_rlm.render.text import counted, printable

    shares = tally.shares()
    for path, name, share in shares[:_SHOWN]:
        click.echo(printable(f"{share:6.1%}  {path}::{name}"))
    if len(shares) > _SHOWN:
        click.echo(f"{counted(len(shares) - _SHOWN, 'function')} more")
    for reason, count in sorted(tally.dropped.items(), key=lambda item: (-item[1], item[0])):
        warn(f"{count:,} left out of the shares: {printable(reason)}")
