"""Measure Python programs: memory and time of every program of every problem, at many sizes.

    python -m ci_rlm.training.profile.python --data DATA --out runs/measured
    python -m ci_rlm.training.profile.python --merge runs/measured --into training/measured/python.parquet

Rows go to Parquet shards, each written whole or not at all; a run that is interrupted goes on
where it stopped. A failure is a row with its reason.
"""

from __future__ import annotations

import argparse
import ast
import os
import platform
import random
import re
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci_rlm.training.edits import edits_of
from ci_rlm.training.profile import inputs
from ci_rlm.training.profile.sandbox import Budget, run_cases
from ci_rlm.training.sources import SOURCES, Problem, Program, sha256

PROTOCOL = "fast-1"
"""One fresh process a program, one fork an input, warm-up, up to 7 repeats, one traced run."""

MEASURES = ("peak_memory", "cpu_time", "cpu_time_min", "cpu_time_max", "runs", "peak_rss")
CAPS = {"humaneval": 12, "codecontests": 30}
"""Programs a problem, where a source repeats itself: sampled bodies differ little, contest runs are long."""
_QUICK = Budget(seconds=5.0, repeats=1)
_SHARD = 20
_STDIN_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Case:
    """One input of a problem."""

    size: int
    """Elements of the arguments, or words of standard input."""
    job: dict[str, Any]


def measure_problem(problem: Problem, *, cap: int, budget: Budget) -> list[dict[str, Any]]:
    """Rows of all programs of a problem, at most `cap` of them that pass its test, and of edits.

    The reference goes first: an input that it rejects is dropped, and the others count only
    where they give its answer. Then come edited programs, whose record names the edit.
    """
    reference, *others = problem.programs
    cases = cases_of(problem, reference)
    answers = _run(problem, reference, cases, budget)
    rows = [_row(problem, reference, case, answer) for case, answer in zip(cases, answers, strict=True)]
    known = {
        case.size: answer["answer"]
        for case, answer in zip(cases, answers, strict=True)
        if "error" not in answer
    }
    kept = [case for case in cases if case.size in known]
    if not kept:
        return rows or [_row(problem, reference, Case(0, {}), {"error": "no input to run it on"})]
    right = [reference]
    for program in sorted(others, key=lambda other: other.sha256)[: 2 * cap]:
        if len(right) >= cap:
            break
        found = _checked(problem, program, kept, known, budget)
        rows += found
        if found[0]["status"] == "ok":
            right.append(program)
    for program in right[:EDITED_PROGRAMS]:
        for edited in edited_programs(program):
            rows += _checked(problem, edited, kept, known, budget)
    return rows


EDITED_PROGRAMS = 1
"""Programs of a problem that edits are tried on."""


def edited_programs(program: Program) -> list[Program]:
    """Edits of one program; the record says which, and the text can be made again from it."""
    made = edits_of(program.text, efficiency=2, neutral=1, seed=program.sha256)
    return [Program(f"{program.record}+{edit.edit}", edit.after) for edit in made]


def _checked(
    problem: Problem, program: Program, cases: Sequence[Case], known: dict[int, str], budget: Budget
) -> list[dict[str, Any]]:
    rows = []
    for case, answer in zip(cases, _run(problem, program, cases, budget), strict=True):
        wrong = answer.get("answer", known[case.size]) != known[case.size]
        rows.append(_row(problem, program, case, {"error": "answer differs"} if wrong else answer))
    return rows


def _run(problem: Problem, program: Program, cases: Sequence[Case], budget: Budget) -> list[dict[str, Any]]:
    jobs = [case.job for case in cases]
    test = [{"action": "check", "test": problem.test}] if problem.test else []
    answers = run_cases(program.text, problem.entry, test + jobs, preamble=problem.preamble, budget=budget)
    if test and "error" in answers[0]:
        return [{"error": "fails its test"}] * len(cases)
    return answers[len(test) :]


def cases_of(problem: Problem, reference: Program) -> list[Case]:
    """The inputs of a problem, by ascending size."""
    found = _stdin_cases(problem) if problem.entry is None else _callable_cases(problem, reference)
    distinct = {case.size: case for case in reversed(found)}
    return [distinct[size] for size in sorted(distinct)]


def _stdin_cases(problem: Problem) -> list[Case]:
    texts = sorted(problem.inputs, key=len)[-1:]
    for factor in (4096, 512, 64, 8):
        for generator in problem.generators[:2]:
            made = _generate(generator, factor)
            texts += [made] if made is not None and len(made) <= _STDIN_LIMIT else []
    cases = [Case(len(text.split()), {"action": "measure", "stdin": text}) for text in texts if text.split()]
    spread: list[Case] = []
    for case in sorted(cases, key=lambda case: case.size):
        if not spread or case.size >= 2 * spread[-1].size:
            spread.append(case)
    return spread


def _generate(generator: str, factor: int) -> str | None:
    try:
        text = inputs.shrink_constants(generator, factor)
    except (SyntaxError, ValueError, RecursionError):
        return None
    (answer,) = run_cases(text, None, [{"action": "generate", "seed": 1024}], budget=_QUICK)
    return answer.get("stdin")


def _callable_cases(problem: Problem, reference: Program) -> list[Case]:
    recorded = sorted(_recorded(problem, reference), key=inputs.size_of)
    if not recorded:
        return []
    builders = _builders(reference.text, problem.entry or "", len(recorded[-1]))
    chance = random.Random(sha256(problem.name))
    grown = [inputs.grow(recorded[-1], size, chance) for size in inputs.SIZES]
    return [
        Case(
            inputs.size_of(arguments),
            {"action": "measure", "arguments": repr(arguments), "builders": builders},
        )
        for arguments in [recorded[-1], *grown]
        if inputs.size_of(arguments) <= 4 * inputs.SIZES[-1]
    ]


def _recorded(problem: Problem, reference: Program) -> list[list[Any]]:
    if not problem.test:
        return [list(_keywords(text).values()) for text in problem.inputs if _keywords(text)]
    job = [{"action": "record", "test": problem.test}]
    (answer,) = run_cases(reference.text, problem.entry, job, preamble=problem.preamble, budget=_QUICK)
    return [list(ast.literal_eval(call)) for call in answer.get("calls", ())]


def _keywords(text: str) -> dict[str, Any]:
    try:
        return inputs.parse_keywords(text)
    except (ValueError, TypeError):
        return {}


def _builders(text: str, entry: str, count: int) -> list[str]:
    """How each argument is built: node types are named by the annotations of the entry point."""
    name = entry.rsplit(".", 1)[-1]
    signature = re.search(
        rf"def {re.escape(name)}\s*\((.*?)\)\s*(?:->.*?)?:\s*$", text, re.DOTALL | re.MULTILINE
    )
    fields = re.split(r",(?![^\[]*\])", signature[1] if signature else "")
    kinds = [_builder(field) for field in fields if field.strip() and field.strip() != "self"]
    return (kinds + ["plain"] * count)[:count]


def _builder(field: str) -> str:
    if "TreeNode" in field:
        return "binary_tree"
    if "ListNode" in field:
        return "linked_lists" if re.search(r"[Ll]ist\[", field) else "linked_list"
    return "plain"


def _row(problem: Problem, program: Program, case: Case, answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "source": problem.source,
        "problem": problem.name,
        "record": program.record,
        "sha256": program.sha256,
        "size": case.size,
        "status": answer.get("error", "ok"),
        **{name: answer.get(name) for name in MEASURES},
    }


def hardware_class() -> str:
    """The processor's name and the number of cores that this process may use."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else []
    model = names[0].strip() if names else platform.processor() or platform.machine()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {cores} cores"


def measure_all(data: Path, out: Path, *, sources: Iterable[str], cap: int, workers: int) -> None:
    """Measure every problem that no shard under `out` holds yet."""
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    out.mkdir(parents=True, exist_ok=True)
    done = _done(out)
    waiting = [p for name in sources for p in SOURCES[name](data) if p.name not in done]
    random.Random(0).shuffle(waiting)
    budget = Budget()
    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("problems", total=len(waiting))
        with ThreadPoolExecutor(workers) as pool:
            for start in range(0, len(waiting), _SHARD):
                batch = waiting[start : start + _SHARD]
                rows: list[dict[str, Any]] = []
                for found in pool.map(
                    lambda p: measure_problem(p, cap=CAPS.get(p.source, cap), budget=budget), batch
                ):
                    rows += found
                    progress.advance(task)
                _write_shard(rows, out)


def _done(out: Path) -> set[str]:
    import pyarrow.parquet as parquet

    names: set[str] = set()
    for shard in sorted(out.glob("part-*.parquet")):
        names.update(parquet.read_table(shard, columns=["problem"]).column("problem").to_pylist())
    return names


def _write_shard(rows: list[dict[str, Any]], out: Path) -> None:
    import pyarrow
    import pyarrow.parquet as parquet

    stamp = {"protocol": PROTOCOL, "hardware": hardware_class(), "python": platform.python_version()}
    table = pyarrow.Table.from_pylist([{**row, **stamp} for row in rows], schema=_schema())
    target = out / f"part-{len(list(out.glob('part-*.parquet'))):05d}.parquet"
    scratch = target.with_suffix(".writing")
    parquet.write_table(table, scratch, compression="zstd")
    scratch.replace(target)


def _schema() -> Any:
    import pyarrow

    text = ("source", "problem", "record", "sha256", "status", "protocol", "hardware", "python")
    whole = ("size", "peak_memory", "runs", "peak_rss")
    real = ("cpu_time", "cpu_time_min", "cpu_time_max")
    fields = [(name, pyarrow.string()) for name in text] + [(name, pyarrow.int64()) for name in whole]
    return pyarrow.schema(fields + [(name, pyarrow.float64()) for name in real])


def merge(out: Path, into: Path) -> int:
    """Join the shards into one sorted file; the number of rows."""
    import pyarrow
    import pyarrow.parquet as parquet

    table = pyarrow.concat_tables([parquet.read_table(shard) for shard in sorted(out.glob("part-*.parquet"))])
    table = table.sort_by([(name, "ascending") for name in ("source", "problem", "record", "size")])
    into.parent.mkdir(parents=True, exist_ok=True)
    scratch = into.with_suffix(".writing")
    parquet.write_table(table, scratch, compression="zstd", compression_level=19)
    scratch.replace(into)
    return int(table.num_rows)


def main() -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of the public programs")
    parser.add_argument("--out", type=Path, default=Path("runs/measured"), help="folder of the shards")
    parser.add_argument("--source", action="append", choices=sorted(SOURCES), help="only this source")
    parser.add_argument("--cap", type=int, default=40, help="programs a problem at most")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--merge", type=Path, metavar="SHARDS", help="join the shards instead of measuring")
    parser.add_argument("--into", type=Path, default=Path("training/measured/python.parquet"))
    flags = parser.parse_args()
    if flags.merge:
        print(f"{merge(flags.merge, flags.into)} rows in {flags.into}")
    elif flags.data:
        measure_all(
            flags.data, flags.out, sources=flags.source or list(SOURCES), cap=flags.cap, workers=flags.workers
        )
    else:
        parser.error("--data or --merge is needed")


if __name__ == "__main__":
    main()
