"""What benchmarks measure: tests with pytest-benchmark's fixture, and asv's suites."""

from __future__ import annotations

import pytest

from ci_rlm.logs import Place
from ci_rlm.training.resolve import Resolved, Unresolved
from tests.conftest import Checkout
from tests.profiled import BUILD, INIT, METHOD, STORE, resolve, resolver, write_shop

TESTS = """\
from functools import partial

import pytest

import shop
from shop import store as st
from shop.store import Store, build as make
from json import dumps
from .helpers import warm


@pytest.fixture
def filled():
    return Store([1])


def test_plain(benchmark):
    assert benchmark(make, [3, 1]) == [1, 3]

def test_module(benchmark):
    benchmark(st.build, [3])

def test_reexported(benchmark):
    benchmark(shop.assemble, [3])

def test_starred(benchmark):
    benchmark(shop.Store, [3])

def test_pedantic(benchmark):
    benchmark.pedantic(make, args=([3],), rounds=3)

def test_pedantic_target(benchmark):
    benchmark.pedantic(target=make, args=([3],))

def test_lambda(benchmark):
    benchmark(lambda: make([3]))

def test_partial(benchmark):
    benchmark(partial(make, [3]))

def test_local(benchmark):
    def run():
        return make([3])
    benchmark(run)

def test_decorator(benchmark):
    @benchmark
    def result():
        make([3])

@pytest.mark.benchmark
def test_marked(benchmark):
    benchmark(make, [3])

@pytest.mark.benchmark(group="makers", min_rounds=3)
def test_grouped(benchmark):
    benchmark(make, [3])

def test_annotated(benchmark):
    shelf: Store = Store([1])
    benchmark(shelf.build, [3])

def test_method(benchmark):
    shelf = Store([1])
    benchmark(shelf.build, [3])

def test_relative(benchmark):
    benchmark(warm, 3)

def test_imported_inside(benchmark):
    from shop.store import build
    benchmark(build, [3])

def test_own(benchmark):
    benchmark(own, 3)

def own(count):
    return count * 2

class TestGroup:
    def setup_method(self):
        self.shelf = Store([2])

    @pytest.mark.parametrize("count", [1, 2])
    def test_in_class(self, benchmark, count):
        benchmark(make, [count])

    def test_of_setup(self, benchmark):
        benchmark(self.shelf.build, [2])

def test_fixture(benchmark, filled):
    benchmark(filled.build, [3])

@pytest.mark.parametrize("cls", [Store, list])
def test_class(benchmark, cls):
    shelf = cls([1])
    benchmark(shelf.build, [3])

@pytest.mark.parametrize("size, function", [(1, make), pytest.param(2, st.Store), (3, dumps)])
def test_function(benchmark, function, size):
    benchmark(function, [3])

class Special(Store):
    pass

def test_inherited(benchmark):
    benchmark(Special([1]).build, [3])

def test_inherited_instance(benchmark):
    special = Special([1])
    benchmark(special.build, [3])

def test_elsewhere(benchmark):
    benchmark(dumps, [3])

def test_several(benchmark):
    benchmark(make, [3])
    benchmark(st.Store, [3])

def test_two_steps(benchmark):
    def run():
        rows = make([3])
        return make(rows)
    benchmark(run)

def test_no_benchmark():
    make([3])

def test_expression(benchmark):
    benchmark([make][0], [3])
"""
BENCH = """\
from shop.store import Store, build


class Suite:
    params = [10, 100]

    def setup(self, count):
        self.rows = list(range(count))
        self.shelf = Store(self.rows)

    def time_build(self, count):
        build(self.rows)

    def time_method(self, count):
        self.shelf.build(self.rows)

    def time_many(self, count):
        for _ in range(10):
            build(self.rows)

    def time_both(self, count):
        build(self.rows)
        self.shelf.build(self.rows)


def time_plain():
    return sum(range(100))
"""


@pytest.fixture
def shop(repo: Checkout) -> Checkout:
    write_shop(repo)
    repo.write("tests/__init__.py", "")
    repo.write("tests/helpers.py", "def warm(n):\n    return n + 1\n")
    repo.write("tests/test_shop.py", TESTS)
    repo.write("benchmarks/bench.py", BENCH)
    repo.commit()
    return repo


@pytest.mark.parametrize(
    ("test", "text"),
    [
        ("test_plain", BUILD),
        ("test_module", BUILD),
        ("test_reexported", BUILD),
        ("test_starred", INIT),
        ("test_pedantic", BUILD),
        ("test_pedantic_target", BUILD),
        ("test_lambda", BUILD),
        ("test_partial", BUILD),
        ("test_local", BUILD),
        ("test_decorator", BUILD),
        ("test_marked", BUILD),
        ("test_grouped", BUILD),
        ("test_method", METHOD),
        ("test_annotated", METHOD),
        ("test_class[Store]", METHOD),
        ("test_function[1-make]", BUILD),
        ("test_function[2-Store]", INIT),
        ("test_inherited_instance", METHOD),
        ("test_inherited", METHOD),
        ("test_relative", "def warm(n):\n return n+1"),
        ("test_imported_inside", BUILD),
        ("test_own", "def own(count):\n return count*2"),
        ("TestGroup::test_in_class[1]", BUILD),
        ("TestGroup::test_in_class[a::b]", BUILD),
        ("TestGroup::test_of_setup", METHOD),
    ],
)
def test_a_test_leads_to_what_it_benchmarks(shop: Checkout, test: str, text: str) -> None:
    assert resolve(shop, Place(test=f"tests/test_shop.py::{test}")) == text


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        ("test_fixture", "the benchmarked function is an argument or a variable of the test"),
        ("test_class", "the benchmarked function is an argument or a variable of the test"),
        ("test_function[3-dumps]", "it is not of this repository"),
        ("test_elsewhere", "it is not of this repository"),
        ("test_several", "the test benchmarks several functions"),
        ("test_two_steps", "what is benchmarked is more than one call"),
        ("test_no_benchmark", "the test does not call the benchmark fixture itself"),
        ("test_expression", "what the test hands to benchmark(…) is not a function's name"),
        ("test_gone", "no such test at the commit"),
        ("", "no such test at the commit"),
    ],
)
def test_a_test_that_names_no_function_says_why(shop: Checkout, test: str, reason: str) -> None:
    assert resolve(shop, Place(test=f"tests/test_shop.py::{test}")) == f"[{reason}]"


def test_what_the_benchmark_says_itself_comes_first(shop: Checkout) -> None:
    place = Place(test="tests/test_shop.py::test_fixture", symbol="shop.store:Store.build")
    assert resolve(shop, place) == METHOD


def suite_method(name: str, text: str = BENCH) -> str:
    """What asv keeps of a method of the suite: its class, itself, then the set-up."""
    blocks = {block.partition("(")[0]: block for block in text.split("    def ")[1:]}
    parts = (blocks[part].split("\n\n\n")[0].rstrip() for part in (name, "setup"))
    return "class Suite:\n" + "\n\n".join(f"    def {part}" for part in parts)


def benchmark(name: str, text: str = BENCH) -> Place:
    return Place(symbol=f"bench.Suite.{name}", source=suite_method(name, text))


@pytest.mark.parametrize(("name", "text"), [("time_build", BUILD), ("time_method", METHOD)])
def test_a_benchmark_of_one_call_is_of_what_it_calls(shop: Checkout, name: str, text: str) -> None:
    assert resolve(shop, benchmark(name)) == text


@pytest.mark.parametrize("name", ["time_many", "time_both"])
def test_a_benchmark_of_several_calls_is_of_itself(shop: Checkout, name: str) -> None:
    with resolver(shop) as find:
        found = find.resolve(benchmark(name), "python", shop.git("rev-parse", "HEAD"))
    assert isinstance(found, Resolved)
    assert (found.problem, "def setup(" in found.text) == (f"benchmarks/bench.py::Suite.{name}", False)


def test_a_benchmark_is_of_the_code_that_ran_and_not_of_the_commit_s(shop: Checkout) -> None:
    once = BENCH.replace("for _ in range(10):\n            build(self.rows)", "build(self.rows)")
    several = BENCH.replace(
        "        build(self.rows)\n\n    def time_method",
        "        build(2)\n        build(1)\n\n    def time_method",
    )
    assert resolve(shop, benchmark("time_many", once)) == BUILD
    assert "build(2)\n  build(1)" in resolve(shop, benchmark("time_build", several))


def test_a_benchmark_without_a_file_is_its_own_source(shop: Checkout) -> None:
    source = "class Gone:\n    def time_sum(self):\n        sum([1, 2])  # all\n"
    with resolver(shop) as find:
        found = find.resolve(Place(symbol="lost.Gone.time_sum", source=source), "python", "HEAD")
        assert isinstance(found, Unresolved)
        found = find.resolve(
            Place(symbol="lost.Gone.time_sum", source=source), "python", shop.git("rev-parse", "HEAD")
        )
    assert isinstance(found, Resolved)
    assert (found.problem, found.text) == (
        "lost.py::Gone.time_sum",
        "class Gone:\n def time_sum(self):\n  sum([1,2])",
    )


def test_an_import_is_not_taken_for_a_module_inside_of_a_package(shop: Checkout) -> None:
    text = "def dumps(rows):\n    return rows\n"
    test = "from json import dumps\nfrom orjson import dumps as fast\n"
    test += "def test_a(benchmark):\n    benchmark(dumps)\ndef test_b(benchmark):\n    benchmark(fast)\n"
    shop.write("src/shop/json.py", text)
    shop.write("src/shop/orjson.py", text)
    shop.write("tests/test_json.py", test)
    shop.commit()
    for name in ("test_a", "test_b"):
        assert resolve(shop, Place(test=f"tests/test_json.py::{name}")) == "[it is not of this repository]"


def test_packages_of_a_repository_may_lie_in_any_folder(repo: Checkout) -> None:
    repo.write("backend/python/shop/store.py", STORE)
    repo.write("backend/python/shop/__init__.py", "")
    repo.write(
        "backend/tests/test_a.py",
        "from shop.store import build\n\ndef test_a(benchmark):\n    benchmark(build, [])\n",
    )
    repo.commit()
    assert resolve(repo, Place(test="tests/test_a.py::test_a")) == BUILD


def test_a_name_is_followed_through_all_modules_that_a_package_takes_names_from(shop: Checkout) -> None:
    stars = "".join(f"from .part{number} import *\n" for number in range(60))
    shop.write("src/shop/all/__init__.py", stars + "from ..store import *\n")
    for number in range(60):
        shop.write(f"src/shop/all/part{number}.py", f"def of{number}(rows):\n    return rows\n")
    shop.write(
        "tests/test_all.py", "from shop import all\n\ndef test_a(benchmark):\n    benchmark(all.build, [])\n"
    )
    shop.commit()
    assert resolve(shop, Place(test="tests/test_all.py::test_a")) == BUILD


def test_of_several_modules_of_a_benchmark_s_name_the_one_that_has_it_is_meant(shop: Checkout) -> None:
    shop.write("src/shop/deep/bench.py", "def time_build():\n    return 0\n")
    shop.commit()
    assert resolve(shop, benchmark("time_build")) == BUILD
    source = suite_method("time_build").replace("Suite", "Other")
    found = resolve(shop, Place(symbol="bench.Other.time_build", source=source))
    assert found == "class Other:\n def time_build(self,count):\n  build(self.rows)"
