"""Units before with units after: what counts as a change, a rename, a move."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_rlm.extract import changes, units
from ci_rlm.extract.pair import pair
from ci_rlm.flow import Change, FileChange, Span, Unit

A, B = PurePosixPath("a.py"), PurePosixPath("b.py")
TOTAL = """
def total(rows):
    amount = 0
    for row in rows:
        if row.valid and row.price is not None:
            amount += row.price * row.count
    return amount
"""


LIBRARY = units(A, Path(argparse.__file__).read_text("utf-8"), "python")[0]


def file(before: str | None, after: str | None, path: PurePosixPath = A, **more: object) -> FileChange:
    sides = (None if side is None else side.encode() for side in (before, after))
    one, other = sides
    change = FileChange(path, None if before is None else path, one, other)
    return replace(change, **more)  # type: ignore[arg-type]


def told(*files: FileChange) -> list[tuple[str, str, bool]]:
    """(name before, name after, equal) of each change, in the order given; `-` for no unit."""
    found = [change for change in changes(files) if isinstance(change, Change)]
    return [
        (one.before.name if one.before else "-", one.after.name if one.after else "-", one.equal)
        for one in found
    ]


def test_a_version_paired_with_itself_gives_no_change() -> None:
    assert list(pair(LIBRARY, LIBRARY)) == []


@settings(max_examples=20)
@given(st.permutations(LIBRARY))
def test_the_order_of_units_in_a_file_does_not_matter(shuffled: list[Unit]) -> None:
    assert list(pair(LIBRARY, shuffled)) == []


@settings(max_examples=30)
@given(st.integers(0, len(LIBRARY) - 1))
def test_a_renamed_function_is_paired_with_its_former_self(index: int) -> None:
    former = LIBRARY[index]
    head = f"def {former.name.partition('#')[0].rpartition('.')[2]}("
    renamed = replace(former, name="else.where", source=former.source.replace(head, "def where(", 1))

    (change,) = pair(LIBRARY, [*LIBRARY[:index], renamed, *LIBRARY[index + 1 :]])

    assert (change.before, change.after) == (former, renamed)


@settings(max_examples=30)
@given(st.integers(0, len(LIBRARY) - 1))
def test_a_comment_leaves_a_unit_equal(index: int) -> None:
    former = LIBRARY[index]
    noted = replace(former, source=f"# why\n\n{former.source}  # so\n")

    (change,) = pair(LIBRARY, [*LIBRARY[:index], noted, *LIBRARY[index + 1 :]])

    assert (change.before, change.after, change.equal) == (former, noted, True)


def test_an_edit_is_a_change_that_is_not_equal() -> None:
    assert told(file(TOTAL, TOTAL.replace("amount = 0", "amount = 1"))) == [("total", "total", False)]


def test_an_edit_of_a_decorator_is_an_edit_of_the_unit() -> None:
    assert told(file("@a\ndef f(): pass\n", "@b\ndef f(): pass\n")) == [("f", "f", False)]


def test_an_edit_of_a_docstring_leaves_a_unit_equal() -> None:
    assert told(file("def f():\n    'a'\n    return 1\n", "def f():\n    return 1\n")) == [("f", "f", True)]


def test_an_edit_of_annotations_alone_leaves_a_function_equal() -> None:
    assert told(file("def f(a):\n    return a\n", "def f(a: int) -> int:\n    return a\n")) == [
        ("f", "f", True)
    ]


@pytest.mark.parametrize(
    "form",
    [
        "@reads\ndef f(a{}):\n    return a\n",
        "import triton\n@triton.jit\ndef f(a{}):\n    return a\n",
        "def f():\n    def g(a{}):\n        return a\n    return g\n",
    ],
)
def test_annotations_that_something_reads_are_an_edit(form: str) -> None:
    assert told(file(form.format(""), form.format(": t.constexpr"))) == [("f", "f", False)]


@pytest.mark.parametrize(
    ("annotated", "bare"),
    [
        ("o.size: list", "o.size"),
        ("d[k()]: list", "d[k()]"),
        ("x: int", "x"),
        ("x: (yield) = o", "x = o"),
        ("x: (y := 1) = o", "x = o"),
        ("x: [y for z in o if (y := z)] = o", "x = o"),
        ("\f    def g(a: list(o)): return a", "\f    def g(a): return a"),
        ("async \\\ndef g(a: list(o)): return a", "async \\\ndef g(a): return a"),
    ],
)
def test_annotations_that_do_something_are_an_edit(annotated: str, bare: str) -> None:
    one, other = (f"def f(o, d, k):\n    {line}\n    return o\n" for line in (annotated, bare))
    assert told(file(one, other)) == [("f", "f", False)]


def test_touched_lines_that_leave_the_source_as_it_was_give_an_equal_change() -> None:
    before, after = "def f():\n    return 1\n", "def f():\r\n    return 1\r\n"

    assert told(file(before, after, touched=(Span(1, 2),))) == [("f", "f", True)]


def test_a_line_touched_beside_a_unit_is_no_change() -> None:
    assert told(file("def f(): pass\nx = 1\n", "def f(): pass\nx = 2\n", touched=(Span(2, 2),))) == []


def test_a_change_of_a_callee_is_not_a_change_of_its_caller() -> None:
    text = "def callee(): return 1\ndef caller(): return callee()\n"

    assert told(file(text, text.replace("1", "2"))) == [("callee", "callee", False)]


def test_new_and_removed_functions_have_one_side() -> None:
    assert told(file("def f(): pass\n", f"{TOTAL}\ndef f(): pass\n")) == [("-", "total", False)]
    assert told(file(f"{TOTAL}\ndef f(): pass\n", "def f(): pass\n")) == [("total", "-", False)]


def test_a_new_file_and_a_deleted_file_have_one_side() -> None:
    assert told(file(None, TOTAL)) == [("-", "total", False)]
    assert told(file(TOTAL, None)) == [("total", "-", False)]


def test_a_function_moved_to_another_file_is_equal() -> None:
    found = list(changes([file("x = 1\n", TOTAL, B), file(TOTAL, "y = 1\n", A)]))

    assert [(one.before and one.before.path, one.after and one.after.path) for one in found] == [(A, B)]
    assert [one.equal for one in found] == [True]


def test_a_function_moved_and_edited_is_paired_by_similarity() -> None:
    edited = TOTAL.replace("is not None", "> 0")

    assert told(file("", edited, B), file(TOTAL, "", A)) == [("total", "total", False)]


def test_a_function_renamed_and_edited_is_paired_by_similarity() -> None:
    edited = TOTAL.replace("is not None", "> 0").replace("def total", "def turnover")

    assert told(file(TOTAL, edited)) == [("total", "turnover", False)]


def test_short_functions_that_are_alike_by_chance_are_not_paired() -> None:
    before, after = "def a(self): return self._a\n", "def b(self): return self._b\n"

    assert told(file(before, after)) == [("a", "-", False), ("-", "b", False)]


def test_a_method_made_a_function_is_equal() -> None:
    method = "class A:\n" + "".join(f"    {line}\n" for line in TOTAL.strip().split("\n"))

    assert told(file(method, TOTAL)) == [("A.total", "total", True)]


def test_units_of_a_renamed_file_are_equal_under_their_new_path() -> None:
    (change,) = changes([file(TOTAL, TOTAL, B, before_path=A)])

    assert isinstance(change, Change)
    assert (change.before and change.before.path, change.unit.path, change.equal) == (A, B, True)


def test_a_renamed_recursive_function_is_not_called_equal() -> None:
    """On one side the body calls itself, on the other whatever else has that name."""
    before = "def f(n):\n    return f(n - 1) if n else 0\n"

    assert told(file(before, before.replace("def f", "def g"))) == [("f", "g", False)]


def test_texts_that_two_functions_share_are_not_matched_by_text_alone() -> None:
    before = "def a(): pass\ndef b(): pass\n"
    after = "def c(): pass\ndef d(): pass\n"

    assert [(one == "-") != (other == "-") for one, other, _ in told(file(before, after))] == [True] * 4


def test_a_kernel_is_not_paired_with_the_function_that_it_was() -> None:
    before = "import triton\n" + TOTAL.strip() + "\n"
    after = before.replace("def total", "@triton.jit\ndef total")

    assert told(file(before, after)) == [("-", "total", False), ("total", "-", False)]


ACCESSORS = """
class A:
    @property
    def size(self):
        return self._size
    @size.setter
    def size(self, value):
        self.check(value)
        self._size = value
"""


def test_removing_a_getter_does_not_pair_it_with_the_setter() -> None:
    setter_alone = "class A:\n" + ACCESSORS[ACCESSORS.index("    @size.setter") :]

    assert told(file(ACCESSORS, setter_alone)) == [("A.size", "-", False)]


def test_an_edited_setter_is_paired_with_the_setter() -> None:
    edited = ACCESSORS.replace("self.check(value)", "self.check(value, strict=True)")

    assert told(file(ACCESSORS, edited)) == [("A.size#2", "A.size#2", False)]


def test_conditional_definitions_that_swap_places_are_no_change() -> None:
    one, other = "    def f(x): return list(x)\n", "    def f(x): return sorted(x)\n"

    assert told(file(f"if A:\n{one}else:\n{other}", f"if A:\n{other}else:\n{one}")) == []


def test_rewritten_branches_of_one_name_are_paired_in_order() -> None:
    before = "if A:\n    def f(x): return 1\nelse:\n    def f(x): return 2\n"
    after = "if A:\n    def f(*, key): yield from key\nelse:\n    def f(*, key): del key.x\n"

    assert told(file(before, after)) == [("f", "f", False), ("f#2", "f#2", False)]


def test_a_registered_implementation_added_on_top_moves_no_other() -> None:
    text = "@f.register(int)\ndef _(x): return x + 1\n@f.register(str)\ndef _(x): return x.strip()\n"

    assert told(file(text, "@f.register(list)\ndef _(x): return [y for y in x]\n" + text)) == [
        ("-", "_", False)
    ]


def test_changes_come_by_path_then_line() -> None:
    after = "def z(): return 2\n\ndef a(): return 2\n"

    found = changes([file(after.replace("2", "1"), after, B), file("def k(): return 1", "def k(): return 2")])

    assert [(one.unit.path, one.unit.name) for one in found if isinstance(one, Change)] == [
        (A, "k"),
        (B, "z"),
        (B, "a"),
    ]


def test_hundreds_of_functions_all_new_and_alike_are_paired_in_seconds() -> None:
    body = TOTAL.strip().partition("\n")[2]
    before = "".join(f"def a{n}(rows):\n{body}\n    return {n}\n\n" for n in range(400))
    after = "".join(f"def b{n}(rows):\n{body}\n    return -{n}\n\n" for n in range(400))
    started = time.process_time()

    found = told(file(before, after))

    assert len(found) <= 800
    assert time.process_time() - started < 10


def test_changes_do_not_depend_on_the_seed_of_hashes() -> None:
    program = (
        "import argparse, pathlib\n"
        "from ci_rlm.extract import units\n"
        "from ci_rlm.extract.pair import pair\n"
        "text = pathlib.Path(argparse.__file__).read_text('utf-8')\n"
        "found = units(pathlib.PurePosixPath('a.py'), text, 'python')[0]\n"
        "for change in pair(found[::2], found[1::2]):\n"
        "    print(change.before and change.before.name, change.after and change.after.name)\n"
    )

    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(told) == 1
