"""`ci-rlm select`: the benchmarks that are worth running for a change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ci_rlm.cli.extras import need
from ci_rlm.cli.flags import GateFlags, ModelFlags, gate_flags, grouped, model_flags
from ci_rlm.cli.selection import Selection, selection_flags
from ci_rlm.occasion import DIFF

if TYPE_CHECKING:
    from ci_rlm.cli.check import Checked
    from ci_rlm.git.plumbing import Blobs
    from ci_rlm.training.codebase import Codebase
    from ci_rlm.training.seen import Seen
    from ci_rlm.training.selecting import Changed, Chosen, Exercised, Found

_MOST = 10
"""Functions without a benchmark that are named."""
_EXAMPLES = 3
"""Benchmarks that are named for each reason."""


@dataclass(frozen=True, slots=True)
class SelectFlags:
    """Which benchmarks are looked for, and how they are told."""

    form: str
    top: int | None
    through: int
    tests: bool
    logs: tuple[Path, ...]
    logs_commit: str | None


_select_flags = grouped(
    "flags",
    SelectFlags,
    click.option(
        "--format", "form", default="text", show_default=True,
        type=click.Choice(("text", "pytest-k", "pytest-ids", "asv", "json")),
        help="For people; what `pytest -k` takes; node ids, one a line; what `asv run --bench` takes; JSON.",
    ),
    click.option(
        "--top", type=click.IntRange(1), metavar="N", help="Only the N likeliest to tell a regression."
    ),
    click.option(
        "--through", type=click.IntRange(0, 10), default=1, show_default=True, metavar="N",
        help="Follow calls through at most N functions between benchmark and changed function.",
    ),
    click.option("--tests", is_flag=True, help="Select among all tests, and not benchmarks alone."),
    click.option(
        "--logs", multiple=True, metavar="LOG", type=click.Path(exists=True, path_type=Path),
        help="A profile of benchmarks, or a folder of them: what ran in one, it exercises; repeatable.",
    ),
    click.option(
        "--logs-commit", metavar="REV", help="What was profiled.  [default: the base of the range]"
    ),
)  # fmt: skip


@click.command()
@selection_flags
@gate_flags
@model_flags
@_select_flags
def select(selection: Selection, gate: GateFlags, model: ModelFlags, flags: SelectFlags) -> int:
    """Name the benchmarks that exercise what a change touches, the likeliest to tell a regression first.

    The range is chosen as in `check`, and judged as there. Benchmarks are tests with the `benchmark`
    fixture or mark, and the suites of asv; their calls are followed by name, through imports, in the
    sources at the head of the range (at HEAD, where that is no commit). Nothing is run. What cannot be
    followed is told: on standard error, but for --format text and json.

    A LOG is of cProfile, py-spy (speedscope or raw), austin or pyinstrument. It tells also what runs
    behind a call that cannot be followed, at any depth. cProfile keeps no stacks: give it one benchmark a
    profile, for what is behind a function that several reach is no one's.
    """
    from ci_rlm.cli.check import exit_code, judged_range
    from ci_rlm.errors import UsageError

    if flags.logs_commit and not flags.logs:
        raise UsageError("--logs-commit is for --logs", hint="name the profiles with it")
    if flags.logs:
        need("select --logs", "ijson")
    selection.refuse_conflicts()
    checked = judged_range(selection, gate, model)
    if checked.repository is None:
        raise UsageError("there are no benchmarks outside of a repository", hint="name one with -C")
    found = _found(checked, flags)
    told = _FORMATS[flags.form](found)
    click.echo(told.encode("utf-8", "backslashreplace"), nl=False)
    if flags.form not in ("text", "json"):
        click.echo("".join(f"{line}\n" for line in _misses(found)), err=True, nl=False)
    return exit_code(checked.report, exit_zero=True)


def _found(checked: Checked, flags: SelectFlags) -> Found:
    from ci_rlm.git import INDEX, WORKING_TREE
    from ci_rlm.git.snapshot import snapshot_of
    from ci_rlm.training.codebase import Codebase, Sources
    from ci_rlm.training.exercised import is_read
    from ci_rlm.training.selecting import changed_functions, found_for

    assert checked.repository is not None  # the caller has seen to it
    head = checked.report.range.head
    revision = "HEAD" if head in (INDEX, WORKING_TREE, DIFF) else head
    snapshot = snapshot_of(checked.repository, revision, is_read)
    with checked.repository.blobs() as blobs:
        code = Codebase(snapshot, Sources(blobs), {})
        return found_for(
            changed_functions(checked.report),
            code,
            through=flags.through,
            every_test=flags.tests,
            most=flags.top,
            seen=_seen(checked, code, blobs, flags),
        )


def _seen(checked: Checked, code: Codebase, blobs: Blobs, flags: SelectFlags) -> Seen:
    from ci_rlm.training.exercised import UnresolvedFile, benchmarks_of
    from ci_rlm.training.resolve import Resolver
    from ci_rlm.training.seen import Seen, seen_in

    if not flags.logs:
        return Seen()
    assert checked.repository is not None  # the caller has seen to it
    base = checked.report.range.base
    commit = checked.repository.resolve(flags.logs_commit or ("HEAD" if base == DIFF else base))
    tests = benchmarks_of(code, every_test=True)
    names = {each.names[-1] for each in tests if not isinstance(each, UnresolvedFile)}
    return seen_in(flags.logs, Resolver(checked.repository, blobs), commit, names)


def _text(found: Found) -> str:
    from ci_rlm.render.text import counted, printable
    from ci_rlm.training.exercised import qualified

    lines = [f"{found.exercising:,} of {counted(found.looked_at, 'benchmark')} exercise what changed"]
    if found.chosen:
        lines[0] += "; the probability is that it regressed"
    for chosen in found.chosen:
        lines += ["", f"{_shown(chosen.p_regression)}  {printable(chosen.benchmark.id)}"]
        for each in chosen.exercised:
            told = printable(qualified(each.changed.target) + _how(each))
            lines.append(f"      {_shown(each.changed.p_regression)}  {told}")
    more = found.exercising - len(found.chosen)
    lines += ["", f"{more:,} more: --top lists them"] * (more > 0)
    misses = list(_misses(found))
    lines += ["", *misses] * bool(misses)
    return "".join(f"{line}\n" for line in lines)


def _how(exercised: Exercised) -> str:
    """By what it is known; nothing is said of a plain call unless a profile tells the same."""
    from ci_rlm.training.exercised import qualified

    clauses = []
    if exercised.through:
        clauses.append(f"through {', '.join(map(qualified, exercised.through))}")
    elif exercised.through is not None and exercised.seen_in:
        clauses.append("called")
    if exercised.seen_in:
        first, *others = exercised.seen_in
        clauses.append(f"seen in {first}" + (f" and {len(others):,} more" if others else ""))
    return "".join(f", {clause}" for clause in clauses)


def _misses(found: Found) -> Iterator[str]:
    """What no benchmark reaches, and what cannot be followed, in lines."""
    from ci_rlm.render.text import counted, printable
    from ci_rlm.training.exercised import qualified

    if not found.looked_at:
        yield "No test takes the fixture `benchmark`, and asv has no suite; --tests selects among all tests"
    if found.unreached:
        yield f"{counted(len(found.unreached), 'changed function')} that no benchmark is seen to exercise:"
        yield from (f"  {printable(qualified(each.target))}" for each in found.unreached[:_MOST])
        if (more := len(found.unreached) - _MOST) > 0:
            yield f"  {more:,} more: --format json lists them"
    if found.unresolved:
        yield f"{counted(len(found.unresolved), 'benchmark')} that cannot be followed, and may exercise them:"
    for reason in dict.fromkeys(reason for _, reason in found.unresolved):
        names = [name for name, each in found.unresolved if each == reason]
        examples = ", ".join([*names[:_EXAMPLES], *["…"] * (len(names) > _EXAMPLES)])
        yield f"  {len(names):,}: {printable(f'{reason} ({examples})')}"
    for log, reason in found.silent:
        yield printable(f"{log} tells nothing: {reason}")


def _shown(p: float | None) -> str:
    from ci_rlm.render.measure import probability

    return "?    " if p is None else f"{probability(p):5}"


def _json(found: Found) -> str:
    from ci_rlm.training.exercised import expression, keywords

    benchmarks = [chosen.benchmark for chosen in found.chosen]
    document = {
        "benchmarks": list(map(_row, found.chosen)),
        "pytest_k": keywords(benchmarks),
        "asv": expression(benchmarks),
        "exercising": found.exercising,
        "looked_at": found.looked_at,
        "unreached": [_function(changed) for changed in found.unreached],
        "unresolved": [{"benchmark": name, "reason": reason} for name, reason in found.unresolved],
        "silent": [{"log": log, "reason": reason} for log, reason in found.silent],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _row(chosen: Chosen) -> dict[str, object]:
    from ci_rlm.training.exercised import qualified

    return {
        "tool": chosen.benchmark.tool.value,
        "id": chosen.benchmark.id,
        "path": str(chosen.benchmark.path),
        "p_regression": _rounded(chosen.p_regression),
        "exercises": [
            {
                **_function(each.changed),
                "called": each.through is not None,
                "through": [qualified(target) for target in each.through or ()],
                "seen_in": list(each.seen_in),
            }
            for each in chosen.exercised
        ],
    }


def _function(changed: Changed) -> dict[str, object]:
    p = _rounded(changed.p_regression)
    return {"path": str(changed.path), "name": changed.name, "p_regression": p}


def _rounded(p: float | None) -> float | None:
    """Six significant digits, as in reports."""
    return None if p is None else float(f"{p:.6g}")


def _ids(found: Found) -> str:
    from ci_rlm.render.text import printable
    from ci_rlm.training.exercised import Tool

    chosen = [each.benchmark for each in found.chosen if each.benchmark.tool is Tool.PYTEST]
    return "".join(f"{printable(benchmark.id)}\n" for benchmark in chosen)


def _keywords(found: Found) -> str:
    from ci_rlm.training.exercised import keywords

    return keywords([chosen.benchmark for chosen in found.chosen]) + "\n"


def _expression(found: Found) -> str:
    from ci_rlm.training.exercised import expression

    return expression([chosen.benchmark for chosen in found.chosen]) + "\n"


_FORMATS: dict[str, Callable[[Found], str]] = {
    "text": _text,
    "pytest-k": _keywords,
    "pytest-ids": _ids,
    "asv": _expression,
    "json": _json,
}
