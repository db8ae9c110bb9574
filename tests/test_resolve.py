"""Places of logs to the code of a commit: by file and line, and by name."""

from __future__ import annotations

import cProfile
from pathlib import Path
from types import CodeType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_rlm.logs import Place
from ci_rlm.training.resolve import Resolved, Unresolved
from tests.conftest import Checkout
from tests.profiled import BUILD, INIT, METHOD, STORE, resolve, resolver, write_shop


@pytest.fixture
def shop(repo: Checkout) -> Checkout:
    write_shop(repo)
    return repo


@pytest.mark.parametrize(
    "file",
    [
        "src/shop/store.py",
        "shop/store.py",
        "store.py",
        "./src/../src/shop/store.py",
        "/home/ada/shop/src/shop/store.py",
        "/opt/venv/lib/python3.11/site-packages/shop/store.py",
        "/usr/lib/python3/dist-packages/shop/store.py",
        r"C:\Users\ada\shop\src\shop\store.py",
        "/app/shop/store.py",
    ],
)
def test_a_file_is_found_by_its_last_parts(shop: Checkout, file: str) -> None:
    assert resolve(shop, Place(file=file, line=6, symbol="build")) == BUILD


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("/opt/venv/lib/python3.11/site-packages/other/store.py", "it belongs to an installed package"),
        ("/opt/venv/lib/python3.11/site-packages/store.py", "several"),
        ("/elsewhere/entirely/store.py", "no file of the commit has that path"),
        ("/usr/lib/python3.11/shop/store.py", "it belongs to the standard library"),
        ("C:\\Python311\\Lib\\shop\\store.py", "it belongs to the standard library"),
        ("<frozen importlib._bootstrap>", "it is built in, or was compiled from a string"),
        ("~", "it is built in, or was compiled from a string"),
        ("../../../../etc/passwd", "no file of the commit has that path"),
        ("/", "no file of the commit has that path"),
    ],
)
def test_a_file_of_others_is_none_of_the_tree(shop: Checkout, file: str, reason: str) -> None:
    shop.write("lib/store.py", STORE)
    shop.write("vendor/lib/store.py", STORE)
    shop.commit()
    found = resolve(shop, Place(file=file, line=6, symbol="build"))
    assert found.startswith(f"[{reason}")


def test_a_single_file_at_the_root_is_found_from_any_checkout(repo: Checkout) -> None:
    repo.write("store.py", STORE)
    repo.commit()
    assert resolve(repo, Place(file="/home/ada/store.py", line=6, symbol="build")) == BUILD


def test_an_installed_file_is_not_taken_for_another_of_its_name(repo: Checkout) -> None:
    repo.write("utils.py", STORE)
    repo.commit()
    place = Place(file="/venv/lib/python3.11/site-packages/requests/utils.py", line=6, symbol="build")
    assert resolve(repo, place) == "[it belongs to an installed package]"


def test_a_path_from_the_root_means_that_file_and_none_below(shop: Checkout) -> None:
    shop.write("store.py", STORE.replace("sorted(rows)", "list(rows)"))
    shop.commit()
    assert resolve(shop, Place(file="./store.py", line=6, symbol="build")) == BUILD.replace("sorted", "list")


def test_two_files_that_agree_as_well_are_no_answer(shop: Checkout) -> None:
    shop.write("old/shop/store.py", STORE)
    shop.commit()
    place = Place(file="/app/shop/store.py", line=6, symbol="build")
    assert resolve(shop, place) == "[several files of the commit could be meant]"


def test_a_map_says_where_the_files_of_a_build_lie(shop: Checkout) -> None:
    shop.write("old/shop/store.py", STORE)
    shop.commit()
    place = Place(file="/build/out/shop/store.py", line=6, symbol="build")
    assert resolve(shop, place, mapped={"/build/out": "src", "/build": "old"}) == BUILD


@pytest.mark.parametrize(("line", "text"), [(6, BUILD), (8, BUILD), (15, METHOD), (19, METHOD), (12, INIT)])
def test_any_line_of_a_function_leads_to_it(shop: Checkout, line: int, text: str) -> None:
    assert resolve(shop, Place(file="src/shop/store.py", line=line)) == text


def test_the_line_of_a_decorator_is_one_of_the_function(shop: Checkout) -> None:
    place = Place(file="src/shop/store.py", line=21, symbol="top")
    assert resolve(shop, place).endswith(
        "class Store:\n @property\n def top(self):\n  return self.rows[:LIMIT]"
    )


@pytest.mark.parametrize(
    ("line", "symbol", "reason"),
    [
        (16, "merged", "it is defined inside a function, and has no cost of its own there"),
        (8, "<listcomp>", "it is defined inside a function, and has no cost of its own there"),
        (8, "Store.top", "at that line of the commit is another function"),
        (3, "build", "no function of the commit is at that line"),
        (900, "build", "no function of the commit is at that line"),
        (0, "bild", "its file defines no function of that name at the commit"),
        (
            0,
            "Store.build.<locals>.merged",
            "it is defined inside a function, and has no cost of its own there",
        ),
    ],
)
def test_a_name_that_does_not_fit_its_line_is_no_answer(
    shop: Checkout, line: int, symbol: str, reason: str
) -> None:
    assert resolve(shop, Place(file="src/shop/store.py", line=line, symbol=symbol)) == f"[{reason}]"


def test_the_body_of_a_class_is_no_function(repo: Checkout) -> None:
    def measured(size: int) -> int:
        class Local:
            kept = size

        return Local.kept

    profile = cProfile.Profile()
    profile.runcall(measured, 3)
    codes = [entry.code for entry in profile.getstats() if isinstance(entry.code, CodeType)]
    (body,) = (code for code in codes if code.co_name == "Local")
    repo.write("tests/test_resolve.py", Path(__file__).read_text())
    repo.commit()
    place = Place(file=body.co_filename, line=body.co_firstlineno, symbol=body.co_name)
    assert resolve(repo, place) == "[it is the body of a class, which runs when that is defined]"


@pytest.mark.parametrize(
    ("symbol", "text"),
    [
        ("Store.build", METHOD),
        ("build", BUILD),
        ("shop.store.build", BUILD),
        ("shop.store.Store.build", METHOD),
        ("shop.assemble", BUILD),
        ("shop.store:build", BUILD),
        ("shop.store:Store.build", METHOD),
        ("src/shop/store.py::Store::build", METHOD),
        ("shop.store.Store", INIT),
    ],
)
def test_a_name_alone_is_looked_for_in_the_whole_tree(shop: Checkout, symbol: str, text: str) -> None:
    assert resolve(shop, Place(symbol=symbol)) == text


def test_a_name_of_several_functions_is_no_answer(shop: Checkout) -> None:
    shop.write("src/shop/other.py", "def build(rows):\n    return rows\n")
    shop.commit()
    assert resolve(shop, Place(symbol="build")) == "[several functions of the commit have that name]"


def test_a_name_that_is_defined_twice_in_a_file_needs_its_line(repo: Checkout) -> None:
    repo.write("a.py", "if X:\n    def f():\n        return 1\nelse:\n    def f():\n        return 2\n")
    repo.commit()
    assert resolve(repo, Place(file="a.py", symbol="f")) == "[several functions of the commit have that name]"
    assert resolve(repo, Place(file="a.py", symbol="f", line=5)) == "def f():\n return 2"


@pytest.mark.parametrize("name", ["scale_kernel", "scale_kernel_0d1d2c3de"])
def test_a_kernel_is_found_by_its_name(shop: Checkout, name: str) -> None:
    text = "import triton\n@triton.jit\ndef scale_kernel(x_ptr,n,BLOCK:tl.constexpr):\n pass"
    assert resolve(shop, Place(symbol=name), "triton") == text


@pytest.mark.parametrize("name", ["build", "void at::native::vectorized_elementwise_kernel<4>", ""])
def test_other_code_is_no_kernel(shop: Checkout, name: str) -> None:
    reason = "[the commit defines no Triton kernel of that name]"
    assert resolve(shop, Place(symbol=name), "triton") == reason


def test_imports_that_go_in_a_circle_end(shop: Checkout) -> None:
    shop.write("src/shop/a.py", "from .b import f\nfrom .b import *\nfrom .a.a import f as g\n")
    shop.write("src/shop/b.py", "from .a import f\nfrom .a import *\n")
    shop.commit()
    assert resolve(shop, Place(symbol="shop.a.f")) == "[the commit defines no function of that name]"
    assert resolve(shop, Place(symbol="shop.a.g")) == "[the commit defines no function of that name]"


def test_code_is_read_at_the_commit_and_never_in_the_working_tree(shop: Checkout) -> None:
    first = shop.git("rev-parse", "HEAD")
    shop.write("src/shop/store.py", STORE.replace("sorted(rows)", "list(rows)"))
    second = shop.commit()
    shop.write("src/shop/store.py", STORE.replace("sorted(rows)", "tuple(rows)"))
    place = Place(file="src/shop/store.py", line=6, symbol="build")
    with resolver(shop) as find:
        found = [find.resolve(place, "python", commit) for commit in (first, second, first[:10])]
    texts = [each.text for each in found if isinstance(each, Resolved)]
    assert texts == [BUILD, BUILD.replace("sorted", "list"), BUILD]
    assert [each.commit for each in found if isinstance(each, Resolved)] == [first, second, first]


def test_a_commit_that_is_not_here_is_a_reason(shop: Checkout) -> None:
    with resolver(shop) as find:
        place = Place(file="src/shop/store.py", line=6)
        gone = find.resolve(place, "python", "0123456789" * 4)
        odd = find.resolve(place, "python", "--upload-pack=x")
    assert isinstance(gone, Unresolved)
    assert gone.reason == "the profiled commit is not in this clone: fetch more of its history"
    assert isinstance(odd, Unresolved)
    assert odd.reason == "the log's commit is no commit id"


def test_a_link_in_the_tree_is_not_followed(shop: Checkout) -> None:
    (shop.root / "link.py").symlink_to("/etc/passwd")
    shop.commit()
    assert resolve(shop, Place(file="link.py", line=1)) == "[no file of the commit has that path]"


def test_another_language_is_a_reason(shop: Checkout) -> None:
    assert resolve(shop, Place(symbol="build"), "c++") == "[no functions are cut from its language]"


words = st.text(alphabet="ab/.\\:~<>[]()*-\0\n \u00e9_1", max_size=60) | st.sampled_from(
    [
        "src/shop/store.py",
        "shop.store.build",
        "tests/test_shop.py::test_plain",
        "..",
        "/",
        "a" * 5000,
        "a." * 5000,
    ]
)


places = st.builds(
    Place, symbol=words, file=words | st.just(""), line=st.integers(-5, 40), source=words, test=words
) | st.builds(Place, symbol=words)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=st.lists(places, min_size=10, max_size=30), language=st.sampled_from(["python", "triton"]))
def test_no_place_is_more_than_a_reason(shop: Checkout, found: list[Place], language: str) -> None:
    commit = shop.git("rev-parse", "HEAD")
    with resolver(shop) as find:
        for place in found:
            assert isinstance(find.resolve(place, language, commit), (Resolved, Unresolved))
