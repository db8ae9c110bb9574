"""`ci-rlm select --logs`: benchmarks known from profiles to run what a change touches.

The package under change calls through a table, where reading the sources leads nowhere. Its benchmarks
really run, under cProfile and under a recorder of stacks.
"""

from __future__ import annotations

import json
import marshal
import os
import pstats
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm import logs
from ci_rlm.cli import main
from ci_rlm.errors import LogError
from ci_rlm.logs import Bad, Call, below, cprofile
from tests.conftest import Checkout
from tests.fakes import by_length, checkpoint_without_weights, remember
from tests.profiler_logs import DATA, EVENTED, SAMPLED, frame, speedscope, write
from tests.test_select import LONG, SHORT
from tests.test_startup import HEAVY, loaded

TABLE = """\
from shop.parse import f as parse
from shop.total import f as total

TABLE = {"parse": parse, "total": total}


def run(name, x):
    return TABLE[name](x)
"""
OTHER_TABLE = TABLE.replace("TABLE[name](x)", "TABLE[name](x) + 0")
TESTS = """\
from shop.table import run


def test_parse(benchmark):
    benchmark(run, "parse", 1)


def test_total(benchmark):
    benchmark(run, "total", 1)
"""
RECORDER = """\
import runpy, sys

out, *sys.argv = sys.argv[1:]
stacks = {}


def record(frame, event, argument):
    names = []
    while event == "call" and frame:
        code = frame.f_code
        names.append(f"{code.co_name} ({code.co_filename}:{frame.f_lineno})".replace(";", ","))
        frame = frame.f_back
    if names:
        stack = ";".join(reversed(names))
        stacks[stack] = stacks.get(stack, 0) + 1


sys.setprofile(record)
try:
    runpy.run_module("pytest", run_name="__main__")
finally:
    sys.setprofile(None)
    with open(out, "w") as file:
        file.writelines(f"{stack} {count}\\n" for stack, count in stacks.items())
"""
PARSE, TOTAL = "tests/test_bench.py::test_parse", "tests/test_bench.py::test_total"


FILES = {
    "shop/__init__.py": "",
    "shop/table.py": TABLE,
    "shop/parse.py": SHORT,
    "shop/total.py": SHORT,
    "tests/test_bench.py": TESTS,
}


@pytest.fixture
def shop(repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A change of one function that only a table leads to; the checkpoint has answered for it."""
    folder = checkpoint_without_weights(tmp_path / "checkpoint")
    monkeypatch.setenv("CI_RLM_CHECKPOINT", str(folder))
    remember(folder, Path(os.environ["CI_RLM_CACHE_DIR"]), [SHORT, LONG, TABLE, OTHER_TABLE], by_length)
    for path, content in FILES.items():
        repo.write(path, content)
    repo.commit()
    repo.write("shop/parse.py", LONG)
    repo.commit()
    return repo


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with profiles of the benchmarks before the change, run where another machine had them."""
    root = tmp_path_factory.mktemp("elsewhere")
    for path, content in FILES.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(content)
    (root / "recorder.py").write_text(RECORDER)
    for name, tests in (("parse", PARSE), ("total", TOTAL), ("both", "tests")):
        run(root, "-m", "cProfile", "-o", f"{name}.pstats", "-m", "pytest", tests)
    run(root, "recorder.py", "both.raw", "pytest", "tests")
    return root


def run(root: Path, *command: str) -> None:
    flags = ["-q", "-p", "no:cacheprovider", "--benchmark-disable"]
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    whole = [sys.executable, *command, "-p", "pytest_benchmark.plugin", *flags]
    subprocess.run(whole, cwd=root, env=environment, check=True, capture_output=True)


def select(shop: Checkout, *arguments: str) -> Result:
    result = CliRunner().invoke(main, ["select", "-C", str(shop.root), "--base", "HEAD~1", *arguments])
    assert result.exit_code == 0, result.output
    return result


def found(shop: Checkout, *logs: Path) -> dict[str, Any]:
    flags = [flag for log in logs for flag in ("--logs", str(log))]
    answer: dict[str, Any] = json.loads(select(shop, "--format", "json", *flags).stdout)
    return answer


def test_sources_alone_do_not_lead_through_a_table(shop: Checkout) -> None:
    answer = found(shop)
    assert answer["benchmarks"] == []
    assert [each["path"] for each in answer["unreached"]] == ["shop/parse.py"]


def test_a_cprofile_of_one_benchmark_leads_there(shop: Checkout, ran: Path) -> None:
    log = ran / "parse.pstats"
    answer = found(shop, log)
    (row,) = answer["benchmarks"]
    assert (row["id"], answer["unreached"]) == (PARSE, [])
    (function,) = row["exercises"]
    assert (function["path"], function["called"], function["seen_in"]) == ("shop/parse.py", False, [str(log)])


def test_a_cprofile_of_another_benchmark_does_not(shop: Checkout, ran: Path) -> None:
    assert found(shop, ran / "total.pstats")["benchmarks"] == []


def test_a_cprofile_of_both_cannot_say_which_and_is_told(shop: Checkout, ran: Path) -> None:
    log = ran / "both.pstats"
    answer = found(shop, log)
    assert answer["benchmarks"] == []
    (silent,) = answer["silent"]
    assert silent["log"] == str(log)
    assert f"{log} tells nothing: {silent['reason']}" in select(shop, "--logs", str(log)).stdout


def test_stacks_of_both_say_which(shop: Checkout, ran: Path) -> None:
    assert [row["id"] for row in found(shop, ran / "both.raw")["benchmarks"]] == [PARSE]


def test_people_are_told_where_it_was_seen(shop: Checkout, ran: Path) -> None:
    log = ran / "parse.pstats"
    assert f"shop/parse.py::f, seen in {log}\n" in select(shop, "--logs", str(log)).stdout


def test_of_a_folder_the_profiles_are_read_and_the_rest_is_passed_over(
    shop: Checkout, ran: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for name in ("a.pstats", "b.pstats"):
        shutil.copy(ran / "parse.pstats", folder / name)
    (folder / "notes.txt").write_text("no profile")
    text = select(shop, "--logs", str(folder)).stdout
    assert f"shop/parse.py::f, seen in {folder / 'a.pstats'} and 1 more\n" in text
    assert "tells nothing" not in text


def test_what_the_sources_tell_as_well_is_called_and_seen(shop: Checkout, ran: Path) -> None:
    shop.write("shop/table.py", OTHER_TABLE)
    shop.commit()
    log = ran / "parse.pstats"
    lines = select(shop, "--logs", str(log), "--logs-commit", "HEAD~2").stdout.splitlines()
    assert any(line.endswith(f"  shop/table.py::run, called, seen in {log}") for line in lines)
    assert any(line.endswith("  shop/table.py::run") for line in lines)


def test_a_file_that_is_no_profile_is_told(shop: Checkout, tmp_path: Path) -> None:
    log = tmp_path / "notes.txt"
    log.write_text("no profile")
    assert f"{log} tells nothing: it is of none of the formats" in select(shop, "--logs", str(log)).stdout


def test_functions_are_looked_up_in_the_commit_that_was_profiled(shop: Checkout, ran: Path) -> None:
    log = str(ran / "parse.pstats")
    shop.write("shop/parse.py", "# moved\n" * 9 + LONG)
    shop.commit()
    shop.write("shop/parse.py", "# moved\n" * 9 + SHORT)
    shop.commit()
    assert select(shop, "--logs", log, "--format", "pytest-ids").stdout == ""
    flags = ("--logs", log, "--logs-commit", "HEAD~3", "--format", "pytest-ids")
    assert select(shop, *flags).stdout == f"{PARSE}\n"


def test_a_commit_of_logs_without_logs_is_refused(shop: Checkout) -> None:
    result = CliRunner().invoke(main, ["select", "-C", str(shop.root), "--logs-commit", "HEAD"])
    assert result.exit_code == 2


def test_profiles_load_nothing_heavy(shop: Checkout, ran: Path, tmp_path: Path) -> None:
    log = ran / "both.raw"
    flags = ("-C", str(shop.root), "--base", "HEAD~1", "--format", "pytest-k", "--logs", str(log))
    assert loaded(tmp_path / "modules", "select", *flags) & HEAVY == set()


# What the readers tell.


def calls(name: str, path: Path, *starts: str) -> set[tuple[str, str]]:
    each = list(logs.profile(name).calls(path, starts))
    assert all(isinstance(one, (Call, Bad)) for one in each)
    return {(one.above.symbol, one.below.symbol) for one in each if isinstance(one, Call)}


def graph(path: Path, *edges: str) -> Path:
    """Statistics of functions that are named by a letter, from `caller callee` pairs."""
    callers: dict[str, set[str]] = {}
    for caller, callee in (edge.split() for edge in edges):
        callers.setdefault(callee, set()).add(caller)
        callers.setdefault(caller, set())

    def key(name: str) -> tuple[str, int, str]:
        return "a.py", ord(name), name

    stats = {
        key(name): (1, 1, 0.0, 0.0, {key(each): (1, 1, 0.0, 0.0) for each in sorted(by)})
        for name, by in callers.items()
    }
    return write(path, marshal.dumps(stats))


@pytest.mark.parametrize(
    ("edges", "found"),
    [
        ("a x,x y", "ax ay"),
        ("a x,b y", "ax by"),
        ("a x,b x,x y", "ax bx"),
        ("a x,x y,y z,b y", "ax ay by"),
        ("a x,x x,x a", "ax"),
        ("a b,b x,x y", "bx by"),
        ("a x,x y,c y,y z,b z", "ax ay az bz"),
        ("c x,x y", ""),
    ],
)
def test_callers_tell_of_what_one_start_alone_reaches(edges: str, found: str, tmp_path: Path) -> None:
    path = graph(tmp_path / "a.pstats", *edges.split(","))
    assert calls("cprofile", path, "a", "b") == {(pair[0], pair[1]) for pair in found.split()}


def test_callers_are_those_that_pstats_reads(tmp_path: Path) -> None:
    path = tmp_path / "main.pstats"
    command = [sys.executable, "-B", "-m", "cProfile", "-o", str(path), "main.py", "2000"]
    subprocess.run(command, cwd=DATA, check=True, capture_output=True)
    stats: dict[Any, Any] = pstats.Stats(str(path)).stats  # type: ignore[attr-defined]
    edges = {(caller, callee) for callee, told in stats.items() for caller in told[4]}
    reached, waiting = set(), [key for key in stats if key[2] == "main"]
    while waiting:
        caller = waiting.pop()
        further = {callee for above, callee in edges if above == caller} - reached
        reached |= further
        waiting += further
    named = {name for file, _, name in reached if file[0] not in "~<" and name[0] != "<"}
    expected = {("main", name) for name in named - {"main"}}
    assert len(expected) > 2
    assert calls("cprofile", path, "main") == expected


def test_stacks_tell_of_what_is_below_the_innermost_start(tmp_path: Path) -> None:
    lines = [
        "m (a.py:1);t (a.py:2);f (a.py:3);g (b.py:4) 2",
        "t (a.py:2);u (a.py:7);h (a.py:9) 1",
        "k (a.py:1) 1",
    ]
    path = write(tmp_path / "a.raw", "\n".join([*lines, "no stack", ""]))
    assert calls("collapsed", path, "t", "u") == {("t", "f"), ("t", "g"), ("u", "h")}


@pytest.mark.parametrize("profile", [SAMPLED, EVENTED])
def test_speedscope_tells_of_its_stacks_whatever_their_unit(profile: dict[str, Any], tmp_path: Path) -> None:
    path = speedscope(tmp_path / "a.json", {**profile, "unit": "none"})
    assert calls("speedscope", path, "main") == {("main", "f")}
    assert calls("speedscope", path, "f") == set()


def test_pyinstrument_tells_of_its_tree(tmp_path: Path) -> None:
    inner = frame("f", 1.0, frame("[self]", 0.5), frame("g", 0.5, line=5))
    root = frame("<module>", 3.0, frame("t", 2.0, inner), frame("h", 1.0))
    path = write(tmp_path / "a.json", {"sample_count": 3, "root_frame": root})
    assert calls("pyinstrument", path, "t") == {("t", "f"), ("t", "g")}


def test_a_cut_off_profile_tells_what_came_before(tmp_path: Path) -> None:
    whole = graph(tmp_path / "a.pstats", "a x", "x y", "y z")
    write(whole, whole.read_bytes()[:-20])
    found = list(logs.profile("cprofile").calls(whole, ["a"]))
    assert isinstance(found[-1], Bad)
    assert calls("cprofile", whole, "a") == {("a", "x"), ("a", "y")}
    write(whole, b"{")
    with pytest.raises(LogError):
        list(logs.profile("cprofile").calls(whole, ["a"]))


def test_a_long_stack_of_starts_is_read_in_proportion_to_its_length(tmp_path: Path) -> None:
    # Each frame under each start above it would be 200 million pairs.
    stack = ";".join(f"t (a.py:{at % 999 + 1});f (a.py:{at + 1})" for at in range(20_000))
    path = write(tmp_path / "a.raw", f"{stack} 1\n")
    started = time.perf_counter()
    assert calls("collapsed", path, "t") == {("t", "f")}
    assert time.perf_counter() - started < 20


def test_more_calls_than_a_log_has_end_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(below, "MOST_CALLS", 3)
    path = write(tmp_path / "a.raw", "".join(f"t (a.py:1);f{at} (a.py:2) 1\n" for at in range(9)))
    *found, broken = list(logs.profile("collapsed").calls(path, ["t"]))
    assert [each.below.symbol for each in found if isinstance(each, Call)] == ["f0", "f1", "f2"]
    assert isinstance(broken, Bad)


def test_a_log_that_names_too_many_callers_ends_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cprofile, "MOST_CALLERS", 2)
    path = graph(tmp_path / "a.pstats", "a x", "x y", "y z")
    assert calls("cprofile", path, "a") == {("a", "x"), ("a", "y")}


@given(st.binary(max_size=8), st.integers(0, 400))
def test_damage_is_told_and_never_ends_in_an_error(found: bytes, at: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole = graph(Path(folder, "a.pstats"), "a x", "x y", "b y")
        content = whole.read_bytes()
        write(whole, content[:at] + found + content[at + len(found) :])
        with suppress(LogError):
            for each in logs.profile("cprofile").calls(whole, ["a", "b"]):
                assert isinstance(each, Call | Bad)
