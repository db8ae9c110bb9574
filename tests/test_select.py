"""`ci-rlm select`: which benchmarks exercise what a change touches, on real repositories."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ci_rlm.cli import main
from ci_rlm.flow import Level, Outcome, Skipped
from ci_rlm.git import Repository
from ci_rlm.git.snapshot import snapshot_of
from ci_rlm.training.codebase import Codebase, Sources
from ci_rlm.training.exercised import (
    Benchmark,
    Calls,
    Tool,
    UnresolvedFile,
    benchmarks_of,
    expression,
    is_read,
    keywords,
    qualified,
)
from ci_rlm.training.selecting import changed_functions
from tests.conftest import Checkout
from tests.fakes import by_length, checkpoint_without_weights, remember
from tests.reports import equal, report, verdict
from tests.test_startup import HEAVY, loaded

SHORT = "def f(x):\n    return x\n"
LONG = "def f(x):\n    y = x + x + x + x + x + x + x + x\n    return y\n"
STORE = """\
from . import inner
from .inner import helper


def build(xs):
    return inner.merge(xs)


def check(xs):
    return helper(xs)


class Base:
    def load(self):
        return self.parse()

    def parse(self):
        return helper([])


class Store(Base):
    def __init__(self, xs):
        self.xs = build(xs)

    def total(self):
        return sum(self.xs)
"""
INNER = """\
def merge(xs):
    return deep(xs)


def helper(xs):
    return xs


def deep(xs):
    return xs
"""
TESTS = """\
import os

import pytest
import shop
from shop import store
from shop.store import Store, build as make


def test_handed(benchmark):
    benchmark(make, [1])


def test_called(benchmark):
    @benchmark
    def run():
        store.check([1])


def test_reexported(benchmark):
    benchmark(shop.build, [1])


class TestStore:
    def test_method(self, benchmark):
        shelf = Store([1])
        benchmark(shelf.total)

    def test_inherited(self, benchmark):
        shelf = Store([1])
        benchmark(shelf.load)


@pytest.mark.benchmark
def test_marked():
    make([1])


def test_fixture(benchmark, filled):
    benchmark(filled.total)


def test_elsewhere(benchmark):
    benchmark(os.path.join, "a")


def test_plain():
    assert make([1])
"""
SUITE = """\
from shop.store import Store, check


def time_check():
    check([1])


class Suite:
    params = [1, 2]

    def setup(self, n):
        self.shelf = Store([n])

    def peakmem_total(self, n):
        self.shelf.total()

    def helper(self):
        check([1])
"""


@pytest.fixture
def shop(repo: Checkout) -> Checkout:
    """A package with tests and a suite of asv's."""
    repo.write("src/shop/__init__.py", "from .store import *\n")
    repo.write("src/shop/store.py", STORE)
    repo.write("src/shop/inner.py", INNER)
    repo.write("tests/test_store.py", TESTS)
    repo.write("asv.conf.json", '{\n  // where: "x"\n  "repo": "https://x", "benchmark_dir": "bench"\n}\n')
    repo.write("bench/sub/suite.py", SUITE)
    repo.commit()
    return repo


def reached(shop: Checkout, through: int = 1, *, every_test: bool = False) -> dict[str, dict[str, list[str]]]:
    """By benchmark, what it exercises, with the functions between."""
    repository = Repository.discover(shop.root)
    with repository.blobs() as blobs:
        code = Codebase(snapshot_of(repository, "HEAD", is_read), Sources(blobs), {})
        calls = Calls(code)
        return {
            each.id: {
                qualified(target).removeprefix("src/shop/"): [qualified(step) for step in between]
                for target, between in calls.reached(each, through).items()
                if target != (each.path, each.names)
            }
            for each in benchmarks_of(code, every_test=every_test)
            if isinstance(each, Benchmark)
        }


def test_tests_with_the_fixture_or_the_mark_and_suites_are_benchmarks(shop: Checkout) -> None:
    assert list(reached(shop)) == [
        "sub.suite.time_check",
        "sub.suite.Suite.peakmem_total",
        "tests/test_store.py::test_handed",
        "tests/test_store.py::test_called",
        "tests/test_store.py::test_reexported",
        "tests/test_store.py::TestStore::test_method",
        "tests/test_store.py::TestStore::test_inherited",
        "tests/test_store.py::test_marked",
        "tests/test_store.py::test_fixture",
        "tests/test_store.py::test_elsewhere",
    ]


def test_all_tests_are_benchmarks_when_asked_for(shop: Checkout) -> None:
    assert "tests/test_store.py::test_plain" in reached(shop, every_test=True)


@pytest.mark.parametrize(
    ("named", "direct"),
    [
        ("tests/test_store.py::test_handed", "store.py::build"),
        ("tests/test_store.py::test_called", "store.py::check"),
        ("tests/test_store.py::test_reexported", "store.py::build"),
        ("tests/test_store.py::TestStore::test_method", "store.py::Store.total"),
        ("tests/test_store.py::TestStore::test_method", "store.py::Store.__init__"),
        ("tests/test_store.py::TestStore::test_inherited", "store.py::Base.load"),
        ("tests/test_store.py::test_marked", "store.py::build"),
        ("sub.suite.time_check", "store.py::check"),
        ("sub.suite.Suite.peakmem_total", "store.py::Store.total"),
    ],
)
def test_a_call_is_followed_to_the_function(shop: Checkout, named: str, direct: str) -> None:
    assert reached(shop, through=0)[named][direct] == []


@pytest.mark.parametrize("named", ["test_fixture", "test_elsewhere"])
def test_what_is_handed_in_or_of_another_package_leads_nowhere(shop: Checkout, named: str) -> None:
    assert reached(shop)[f"tests/test_store.py::{named}"] == {}


def test_one_function_between_is_followed_and_a_second_when_asked_for(shop: Checkout) -> None:
    handed = "tests/test_store.py::test_handed"
    assert reached(shop, 0)[handed].keys() == {"store.py::build"}
    assert reached(shop, 1)[handed]["inner.py::merge"] == ["src/shop/store.py::build"]
    assert "inner.py::deep" not in reached(shop, 1)[handed]
    assert reached(shop, 2)[handed]["inner.py::deep"] == [
        "src/shop/store.py::build",
        "src/shop/inner.py::merge",
    ]


def test_functions_that_call_each_other_end(shop: Checkout) -> None:
    shop.write(
        "src/shop/inner.py", "def merge(x):\n    return deep(x)\n\n\ndef deep(x):\n    return merge(x)\n"
    )
    shop.commit()
    assert "inner.py::deep" in reached(shop, through=10)["tests/test_store.py::test_handed"]


def test_a_file_that_does_not_parse_is_told(shop: Checkout) -> None:
    shop.write("tests/test_broken.py", "def test_a(benchmark:\n")
    shop.commit()
    repository = Repository.discover(shop.root)
    with repository.blobs() as blobs:
        code = Codebase(snapshot_of(repository, "HEAD", is_read), Sources(blobs), {})
        found = [each for each in benchmarks_of(code) if isinstance(each, UnresolvedFile)]
    assert [str(each.path) for each in found] == ["tests/test_broken.py"]


# What tools take.


def node(path: str, *names: str) -> Benchmark:
    return Benchmark(Tool.PYTEST, PurePosixPath(path), names, PurePosixPath())


def collected(root: Path, *arguments: str) -> set[str]:
    """The node ids that pytest would run."""
    command = [
        sys.executable,
        "-P",
        "-m",
        "pytest",
        "-q",
        "--collect-only",
        "-p",
        "no:cacheprovider",
        *arguments,
    ]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return {line for line in done.stdout.splitlines() if "::" in line}


def test_pytest_takes_the_keywords_and_ids_and_runs_these_alone(tmp_path: Path) -> None:
    tests = "def test_a(): pass\ndef test_ab(): pass\nclass TestC:\n    def test_a(self): pass\n"
    for name in ("test_one.py", "test_two.py"):
        (tmp_path / name).write_text(tests)
    chosen = [node("test_one.py", "TestC", "test_a"), node("test_two.py", "test_ab")]
    wanted = {"test_one.py::TestC::test_a", "test_two.py::test_ab"}
    assert collected(tmp_path, *(each.id for each in chosen)) == wanted
    assert collected(tmp_path, "-k", keywords(chosen)) == wanted


def test_keywords_of_nothing_select_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text("def test_nothing(): pass\n")
    assert collected(tmp_path, "-k", keywords([])) == set()


def test_no_folder_is_taken_for_an_option() -> None:
    assert node("-p/test_a.py", "test_a").id == "./-p/test_a.py::test_a"


def test_the_expression_matches_a_benchmark_with_any_parameters_and_no_other() -> None:
    suite = Benchmark(Tool.ASV, PurePosixPath("bench/sub/suite.py"), ("time_a",), PurePosixPath("bench"))
    told = re.compile(expression([suite, node("test_a.py", "test_a")]))
    assert told.search("sub.suite.time_a")
    assert told.search("sub.suite.time_a(1, 'x')")
    assert not told.search("sub.suite.time_ab")
    assert not told.search("other.sub.suite.time_a")
    assert not told.search("subxsuite.time_a")
    assert not re.search(expression([]), "sub.suite.time_a")


# What changed.


def test_changed_functions_are_in_the_order_of_their_probability() -> None:
    told = report(
        verdict("low", Outcome.UNSURE, (1.0, 2.0), p=(0.2, 0.9, 0.0, 0.0)),
        verdict("high", Outcome.REGRESSED, (1.0, 2.0), level=Level.FAIL, p=(0.95, 0.97, 0.0, 0.0)),
        verdict("new", Outcome.NEW, (None, 2.0)),
        verdict("gone", Outcome.REMOVED, (2.0, None)),
        equal("same"),
        skipped=(Skipped(PurePosixPath("a.py"), "odd", "why"), Skipped(PurePosixPath("b.py"), "", "binary")),
    )
    assert [(each.name, each.p_regression) for each in changed_functions(told)] == [
        ("high", 0.95),
        ("low", 0.2),
        ("odd", None),
        ("new", None),
    ]


# The command.


@pytest.fixture
def topic(repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A change of two functions, one of which gets costlier; the checkpoint has answered for both."""
    folder = checkpoint_without_weights(tmp_path / "checkpoint")
    monkeypatch.setenv("CI_RLM_CHECKPOINT", str(folder))
    remember(folder, Path(os.environ["CI_RLM_CACHE_DIR"]), [SHORT, LONG], by_length)
    repo.write("a.py", SHORT)
    repo.write("b.py", LONG)
    repo.write("c.py", SHORT)
    tests = "import a, b\n\n\ndef test_b(benchmark):\n    benchmark(b.f, 1)\n\n\n"
    tests += (
        "def test_a(benchmark):\n    benchmark(a.f, 1)\n\n\ndef test_x(benchmark, x):\n    benchmark(x)\n"
    )
    repo.write("tests/test_bench.py", tests)
    repo.commit()
    repo.write("a.py", LONG)
    repo.write("b.py", SHORT)
    repo.write("c.py", LONG)
    repo.commit()
    return repo


def select(repo: Checkout, *arguments: str) -> Result:
    result = CliRunner().invoke(main, ["select", "-C", str(repo.root), "--base", "HEAD~1", *arguments])
    assert result.exit_code == 0, result.output
    return result


def test_the_likeliest_to_tell_a_regression_comes_first(topic: Checkout) -> None:
    found: Any = json.loads(select(topic, "--format", "json").stdout)
    rows = found["benchmarks"]
    assert [row["id"] for row in rows] == ["tests/test_bench.py::test_a", "tests/test_bench.py::test_b"]
    assert rows[0]["p_regression"] > 0.9 > rows[1]["p_regression"]
    assert [(each["path"], each["name"]) for each in found["unreached"]] == [("c.py", "f")]
    assert [each["benchmark"] for each in found["unresolved"]] == ["tests/test_bench.py::test_x"]
    assert found["looked_at"] == 3


def test_people_are_told_what_is_not_reached_and_what_cannot_be_followed(topic: Checkout) -> None:
    lines = select(topic).stdout.splitlines()
    assert lines[0].startswith("2 of 3 benchmarks")
    assert "  c.py::f" in lines
    assert any(line.startswith("  1: none of its calls") and "test_x" in line for line in lines)


def test_how_many_more_there_are_is_told(topic: Checkout) -> None:
    lines = select(topic, "--top", "1").stdout.splitlines()
    assert lines[0].startswith("2 of 3 benchmarks")
    assert "1 more: --top lists them" in lines


def test_programs_get_one_thing_and_people_the_rest_on_standard_error(topic: Checkout) -> None:
    result = select(topic, "--format", "pytest-ids", "--top", "1")
    assert result.stdout == "tests/test_bench.py::test_a\n"
    assert "c.py::f" in result.stderr


def test_a_change_of_nothing_selects_nothing(topic: Checkout) -> None:
    assert select(topic, "--head", "HEAD~1", "--format", "pytest-ids").stdout == ""
    assert select(topic, "--head", "HEAD~1", "--format", "asv").stdout == "(?!)\n"


def test_staged_changes_are_looked_up_in_the_benchmarks_of_the_last_commit(topic: Checkout) -> None:
    topic.write("b.py", LONG)
    topic.git("add", "b.py")
    result = CliRunner().invoke(main, ["select", "-C", str(topic.root), "--staged", "--format", "pytest-k"])
    assert result.stdout == "(test_bench.py and test_b)\n"


def test_outside_of_a_repository_there_are_no_benchmarks(topic: Checkout, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    diff = tmp_path / "change.diff"
    diff.write_text("--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n def f(x):\n-    return x\n+    return  x\n")
    result = CliRunner().invoke(main, ["select", "-C", str(tmp_path / "plain"), "--diff-file", str(diff)])
    assert result.exit_code == 2


def test_a_selection_whose_answers_are_kept_loads_nothing_heavy(topic: Checkout, tmp_path: Path) -> None:
    flags = ("-C", str(topic.root), "--base", "HEAD~1", "--format", "pytest-k")
    assert loaded(tmp_path / "modules", "select", *flags) & HEAVY == set()
