"""`ci-rlm profile`: measure what code costs, to learn from."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ci_rlm.training.profile.engine import Measure, Task
    from ci_rlm.training.profile.rows import Subject

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_DATA = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def profile() -> None:
    """Run programs, kernels and graphs, and keep what they cost.

    Rows are kept in the folder of --out as Parquet. An interrupted run goes on where it stopped
    when the same command is given again; what failed is a row with its reason.
    """


@dataclass(frozen=True, slots=True)
class RunFlags:
    """Flags that every kind shares."""

    out: Path
    engine: str
    workers: int
    first: int | None


def run_flags(command: Callable[..., int]) -> Callable[..., int]:
    """Add the shared flags to a command; it gets them as `run`."""

    @click.option(
        "--out", type=_FOLDER, default=Path("runs/measured"), show_default=True, help="Folder of the rows."
    )
    @click.option(
        "--engine", type=click.Choice(("local", "ray")), default="local", show_default=True,
        help="Processes of this machine, or a Ray cluster (RAY_ADDRESS).",
    )  # fmt: skip
    @click.option(
        "--workers", type=click.IntRange(0), default=0, help="At a time; 0: as many as there are cores."
    )
    @click.option("--first", type=click.IntRange(1), help="Only so many tasks, for a trial.")
    @wraps(command)
    def with_flags(
        *arguments: Any, out: Path, engine: str, workers: int, first: int | None, **named: Any
    ) -> int:
        return command(*arguments, run=RunFlags(out, engine, workers, first), **named)

    return with_flags


@profile.command()
@click.argument("target", required=False, metavar="[MODULE:FUNCTION]")
@click.option("--inputs", type=_FILE, help="JSON lines, one input each, to call the function with.")
@click.option("--data", type=_DATA, help="Folder of public programs to measure instead.")
@click.option("--source", "sources", multiple=True, help="Only this source of the data; repeatable.")
@click.option(
    "--protocol", type=click.Choice(("fast", "faithful", "counts", "turns")),
    default="fast", show_default=True,
    help="All repeats in one process; a process each, as the paper did; counts and memory alone; or, of "
    "public programs, times of edits near 1,024 elements, in turns with what was edited.",
)  # fmt: skip
@click.option("--edits/--no-edits", default=True, help="Also measure edits of the public programs.")
@click.option(
    "--timeout", type=click.FloatRange(0.1), default=60.0, show_default=True,
    help="Seconds that one input of MODULE:FUNCTION may take, all its runs together.",
)  # fmt: skip
@run_flags
def python(
    target: str | None,
    inputs: Path | None,
    data: Path | None,
    sources: Sequence[str],
    protocol: str,
    edits: bool,
    timeout: float,
    run: RunFlags,
) -> int:
    """Measure a function of yours, or the programs of a data folder.

    MODULE:FUNCTION is imported in the folder that you stand in and called with every line of
    --inputs: a list of arguments, or {"args": [...], "kwargs": {...}}. Peak memory, allocations,
    times and counts of each input are printed, and kept for `training.corpus build`.
    """
    from ci_rlm.errors import UsageError

    if (target is None) == (data is None) or (target is None) != (inputs is None):
        raise UsageError("give MODULE:FUNCTION with --inputs, or --data", hint="ci-rlm profile python --help")
    if target is not None and protocol == "turns":
        raise UsageError("--protocol turns is of the edits of public programs", hint="give --data")
    if target is not None and inputs is not None:
        return _function(target, inputs, protocol, timeout, run)
    from ci_rlm.training.profile import python as harness
    from ci_rlm.training.sources import SOURCES

    if unknown := sorted(set(sources) - SOURCES.keys()):
        raise UsageError(f"no such source: {unknown[0]}", hint=f"there are {', '.join(SOURCES)}")
    found = harness.tasks(Path(data or "."), sources=sources or SOURCES, protocol=protocol, edits=edits)
    return _run(found, harness.measure, run, "problems")


def _function(target: str, inputs: Path, protocol: str, timeout: float, run: RunFlags) -> int:
    from ci_rlm.cli.talk import warn
    from ci_rlm.training.profile import engine, functions
    from ci_rlm.training.profile.python import PROTOCOLS
    from ci_rlm.training.profile.rows import Store

    here = Path.cwd()
    function = functions.function_of(target, here)
    calls, wrong = functions.read_calls(inputs)
    for problem in wrong:
        warn(problem)
    task = functions.task(function, calls, protocol, here, timeout)
    with Store(run.out) as store:
        functions.keep_text(function, run.out)
        engine.run([task], functions.measure, store, engine=run.engine, workers=1, label="functions")
    name = PROTOCOLS[protocol][1]
    return _show(target, functions.subject(function), name, [call.size for call in calls], run.out)


def _show(title: str, subject: Subject, protocol: str, sizes: Sequence[int], out: Path) -> int:
    """Print what was measured; CiRlmError if nothing was."""
    from ci_rlm.errors import CiRlmError
    from ci_rlm.training.profile.table import costs_of, print_costs

    costs, failures = costs_of(subject, protocol, sizes, out)
    print_costs(title, costs, failures)
    if not any(costs.values()):
        raise CiRlmError(f"{title} could not be measured with any input", hint="see the reasons above")
    return 0


@profile.command()
@click.argument("program", required=False, type=_FILE)
@click.option("--inputs", type=_FILE, help='JSON lines: {"size", "arguments", "stdin"} of each run.')
@click.option("--data", type=_DATA, help="Folder of public programs to measure instead.")
@click.option("--language", "languages", multiple=True, help="Only this language of the data; repeatable.")
@run_flags
def native(
    program: Path | None, inputs: Path | None, data: Path | None, languages: Sequence[str], run: RunFlags
) -> int:
    """Build and measure PROGRAM, or the data's programs, in compiled and other languages."""
    from ci_rlm.errors import UsageError
    from ci_rlm.training.profile import native as harness

    if (program is None) == (data is None) or (program is None) != (inputs is None):
        raise UsageError("give PROGRAM with --inputs, or --data", hint="ci-rlm profile native --help")
    if program is not None and inputs is not None:
        return _program(program, inputs, run)
    found = list(harness.tasks(Path(data or "."), languages=languages or None))
    return _run(found, harness.measure, run, "programs")


def _program(program: Path, inputs: Path, run: RunFlags) -> int:
    from ci_rlm.training.profile import engine
    from ci_rlm.training.profile import native as harness
    from ci_rlm.training.profile.rows import Store

    cases = harness.read_cases(inputs)
    task = harness.own_task(program, cases)
    with Store(run.out) as store:
        engine.run([task], harness.measure, store, engine=run.engine, workers=1, label="programs")
    sizes = [case.size for case in cases]
    return _show(str(program), task.work.subject, harness.PROTOCOL, sizes, run.out)


@profile.command()
@click.option("--data", type=_DATA, help="Folder of public kernels.")
@click.option("--inductor", type=click.IntRange(0), default=0, help="Also so many generated modules.")
@click.option("--published", is_flag=True, help="Only the timings that the data came with; needs no GPU.")
@run_flags
def triton(data: Path | None, inductor: int, published: bool, run: RunFlags) -> int:
    """Measure Triton kernels, on a machine with a GPU."""
    from ci_rlm.errors import UsageError
    from ci_rlm.training.profile import kernels as harness

    if published:
        if data is None or inductor:
            raise UsageError("--published reads --data and nothing else", hint="ci-rlm profile triton --help")
        return _run([harness.published_task(data)], harness.measure, run, "tables")
    harness.require_gpu()
    found = list(harness.tasks(data, inductor=inductor, folder=run.out, workers=run.workers))
    return _run(found, harness.measure, run, "kernels")


@profile.command()
@click.argument("models", nargs=-1, type=_FILE)
@click.option("--data", type=_DATA, help="Folder of architecture tables.")
@click.option("--synthetic", type=click.IntRange(0), default=0, help="Also so many generated graphs.")
@run_flags
def onnx(models: Sequence[Path], data: Path | None, synthetic: int, run: RunFlags) -> int:
    """Measure ONNX graphs: yours, and those of tables and generators."""
    from ci_rlm.training.profile import graphs as harness

    found = list(harness.tasks(models, data=data, synthetic=synthetic))
    return _run(found, harness.measure, run, "graphs")


@profile.command()
@click.option("--count", type=click.IntRange(1), default=10_000, show_default=True, help="Programs.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the first one.")
@click.option("--timed", is_flag=True, help="Also times, and edits of the programs; some 2 s a program.")
@click.option("--held-out", is_flag=True, help="With --timed: only problems that no model is trained on.")
@run_flags
def synthetic(count: int, seed: int, timed: bool, held_out: bool, run: RunFlags) -> int:
    """Count what generated programs do, for pretraining; with --timed, measure them as public ones."""
    from ci_rlm.errors import UsageError
    from ci_rlm.training import synthetic as harness

    if held_out and not timed:
        raise UsageError("--held-out goes with --timed", hint="ci-rlm profile synthetic --help")
    if timed:
        found = harness.timed_tasks(count, seed, held_out=held_out)
        return _run(list(found), harness.measure, run, "programs")
    return _run(list(harness.tasks(count, seed)), harness.measure, run, "chunks")


@profile.command()
@click.option("--count", type=click.IntRange(1), default=6_000, show_default=True, help="Functions.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the first one.")
@click.option("--turns", is_flag=True, help="CPU time alone at 1,024 elements, several times, in turns.")
@run_flags
def ways(count: int, seed: int, turns: bool, run: RunFlags) -> int:
    """Measure small functions in all the ways that we know to write them."""
    from ci_rlm.training import ways as harness

    measure = harness.in_turns if turns else harness.measure
    return _run(list(harness.tasks(count, seed)), measure, run, "chunks")


@profile.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--into", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Parquet file.")
def merge(folders: Sequence[Path], into: Path) -> int:
    """Join the rows of runs into one sorted file."""
    from ci_rlm.training.profile import rows

    click.echo(f"{rows.merge(folders, into):,} rows in {into}")
    return 0


def _run(tasks: Sequence[Task], measure: Measure, run: RunFlags, label: str) -> int:
    from ci_rlm.errors import CiRlmError
    from ci_rlm.training.profile import engine
    from ci_rlm.training.profile.rows import Store

    if not tasks:
        raise CiRlmError("nothing to measure", hint="--help says what each flag adds")
    # A run that is asked to end keeps what it has, as one that is interrupted does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Store(run.out) as store:
            done = engine.run(
                tasks[: run.first], measure, store, engine=run.engine, workers=run.workers, label=label
            )
    except KeyboardInterrupt:
        click.echo(f"interrupted; give the same command again to go on in {run.out}", err=True)
        raise
    rate = done.rows / max(done.seconds, 1e-9)
    click.echo(
        f"{done.tasks:,} {label}, {done.known:,} of them known: {done.rows:,} new rows in {run.out}, "
        f"{done.seconds:.0f} s, {rate:,.0f} rows/s",
        file=sys.stderr,
    )
    return 0
