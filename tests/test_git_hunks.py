"""Hunks apply exactly where they say, and touched lines are those that the other side lacks."""

from __future__ import annotations

from difflib import unified_diff
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.flow import Span
from ci_rlm.git.hunks import MOST_LINES, Hunk, Spans, apply_hunks, revert_hunks, touched_spans
from ci_rlm.git.unified import FilePatch, read_patch

if TYPE_CHECKING:
    from tests.conftest import Checkout

TEXTS = st.lists(st.sampled_from(["x\n", "y\n", "\n", "--- a\n", "+++ b\n", "@@ -1 +1 @@\n"]), max_size=12)


def outside(text: bytes, spans: Spans) -> list[bytes]:
    inside = {number for span in spans for number in range(span.first, span.last + 1)}
    return [line for number, line in enumerate(text.splitlines(), 1) if number not in inside]


@given(before=TEXTS, after=TEXTS)
def test_without_their_touched_lines_both_sides_are_equal(before: list[str], after: list[str]) -> None:
    left, right = "".join(before).encode(), "".join(after).encode()

    touched_before, touched = touched_spans(left, right)

    assert outside(left, touched_before) == outside(right, touched)


@pytest.mark.parametrize(
    ("before", "after", "touched_before", "touched"),
    [
        (b"a\nb\nc\n", b"a\nB\nc\n", (Span(2, 2),), (Span(2, 2),)),
        (b"a\nc\n", b"a\nb\nc\n", (), (Span(2, 2),)),
        (b"a\nb\nc\n", b"a\nc\n", (Span(2, 2),), ()),
        (None, b"a\nb", (), (Span(1, 2),)),
        (b"a\nb\n", None, (Span(1, 2),), ()),
        (b"a\r\nb\r\n", b"a\nb\n", (), ()),
        (b"a\nb\nc\nd\n", b"A\nb\nc\nD\n", (Span(1, 1), Span(4, 4)), (Span(1, 1), Span(4, 4))),
        (b"a\rb\n", b"a\rc\n", (Span(1, 1),), (Span(1, 1),)),
    ],
)
def test_touched_lines_are_counted_from_one_on_either_side(
    before: bytes | None, after: bytes | None, touched_before: Spans, touched: Spans
) -> None:
    assert touched_spans(before, after) == (touched_before, touched)


def lines(*texts: object) -> bytes:
    return b"".join(b"%s\n" % str(text).encode() for text in texts)


def test_a_rewrite_of_a_huge_file_is_touched_as_a_whole() -> None:
    before, after = ([n % cycle for n in range(60_000)] for cycle in (97, 89))

    _, touched = touched_spans(lines("same", *before), lines("same", *after))

    assert touched[0].last - touched[0].first > 50_000


@pytest.mark.parametrize(("count", "hunks"), [(MOST_LINES // 2, 250), (MOST_LINES // 2 + 2, 1)])
def test_lines_that_recur_are_matched_one_by_one_up_to_a_limit(count: int, hunks: int) -> None:
    """Past it they are one stretch: 9,000 such lines took half a minute."""
    before, after = (
        lines(*(n % 90 if n % 2 else f"{side}{n}" for n in range(count - 1)), side) for side in "xy"
    )
    assert [len(spans) for spans in touched_spans(before, after)] == [hunks, hunks]


def test_changes_far_apart_touch_their_own_lines_alone() -> None:
    before = ["import os", "", *(text for n in range(MOST_LINES) for text in (f"x{n} = {n}", "", "pass"))]
    after = [*before]
    after[0] = "import sys"
    after[100] = "y = 1"
    del after[-10]
    after[-1:] = ["z = 2", "pass"]

    touched_before, touched = touched_spans(lines(*before), lines(*after))

    last = len(before)
    assert touched_before == (Span(1, 1), Span(101, 101), Span(last - 9, last - 9))
    assert touched == (Span(1, 1), Span(101, 101), Span(last - 1, last - 1))


LONG = st.permutations(range(40)).map(lambda order: [f"{n}\n" for n in order for _ in range(n % 3)])


@given(before=LONG, after=LONG)
def test_so_it_is_in_the_long_run(before: list[str], after: list[str]) -> None:
    """As where everything is matched, with more lines than that on both sides between the two ends."""
    filler = [f"filler {n}\n" for n in range(MOST_LINES)]
    left, right = ("".join([*text[:9], *filler, *text[9:]]).encode() for text in (before, after))

    touched_before, touched = touched_spans(left, right)

    assert outside(left, touched_before) == outside(right, touched)
    assert len(outside(left, touched_before)) >= MOST_LINES


@given(before=TEXTS, after=TEXTS)
def test_the_hunks_of_a_diff_lead_from_each_side_to_the_other(before: list[str], after: list[str]) -> None:
    left, right = "".join(before).encode(), "".join(after).encode()
    patch = "".join(unified_diff(before, after, "a/f.py", "b/f.py")).encode()

    hunks = [hunk for file in read_patch(patch) for hunk in file.hunks]

    assert apply_hunks(left, hunks) == right
    assert revert_hunks(right, hunks) == left


@pytest.mark.parametrize("before", [b"a\nb", b"a\nb\n", b"a\r\nb\r\n", b"b"])
@pytest.mark.parametrize("after", [b"a\nc", b"a\nb\nc\n", b"a\r\nb", b""])
def test_gits_own_hunks_keep_a_missing_last_line_end(repo: Checkout, before: bytes, after: bytes) -> None:
    repo.write("f.py", before)
    repo.commit()
    repo.write("f.py", after)
    repo.git("diff", "--output=change.diff")

    (file,) = read_patch((repo.root / "change.diff").read_bytes())

    assert apply_hunks(before, file.hunks) == after
    assert revert_hunks(after, file.hunks) == before


@pytest.mark.parametrize(
    "hunk",
    [
        Hunk(0, 0, (b"b\n",), (b"c\n",)),
        Hunk(1, 1, (b"a\n",), (b"c\n",)),
        Hunk(9, 9, (), (b"c\n",)),
        Hunk(1, 1, (b"b\n", b"more\n"), ()),
    ],
)
def test_a_hunk_whose_lines_are_elsewhere_is_not_applied(hunk: Hunk) -> None:
    assert apply_hunks(b"a\nb\n", [hunk]) is None


def test_hunks_that_overlap_are_not_applied() -> None:
    twice = Hunk(0, 0, (b"a\n",), (b"b\n",))

    assert apply_hunks(b"a\nb\n", [twice, twice]) is None


@given(st.binary(max_size=200))
def test_reading_never_fails_on_arbitrary_bytes(junk: bytes) -> None:
    patch = b"--- a/f.py\n+++ b/f.py\n@@ -1,2 +1,2 @@\n" + junk

    files = list(read_patch(patch))

    assert files[0].problem or files[0].hunks


@pytest.mark.parametrize(
    ("headers", "names"),
    [
        (b"--- a/x y.py\t\n+++ b/x y.py\t\n", (b"x y.py", b"x y.py")),
        (
            b'--- "a/\\303\\251\\"\\n.py"\n+++ "b/\\303\\251\\"\\n.py"\n',
            (b'\xc3\xa9"\n.py', b'\xc3\xa9"\n.py'),
        ),
        (b"--- x.py\t2024-01-01 00:00:00\n+++ x.py\t2024-01-02 00:00:00\n", (b"x.py", b"x.py")),
        (b"--- /dev/null\n+++ b/x.py\n", (None, b"x.py")),
        (b"--- a/x.py\n+++ /dev/null\n", (b"x.py", None)),
        (b"--- c/x.py\n+++ i/x.py\n", (b"x.py", b"x.py")),
        (b"--- a/x.py\r\n+++ b/x.py\r\n", (b"x.py", b"x.py")),
        (b"--- src/x.py\n+++ src/x.py\n", (b"src/x.py", b"src/x.py")),
    ],
)
def test_names_are_read_as_git_and_diff_spell_them(headers: bytes, names: tuple[bytes, bytes]) -> None:
    (file,) = read_patch(headers + b"@@ -1 +1 @@\n-a\n+b\n")

    assert (file.before, file.after) == names


@pytest.mark.parametrize(
    "body",
    [b"-a\n", b"-a\n-b\n+c\n", b"?\n", b"\\ No newline at end of file\n-a\n+b\n", b"diff --git a/g b/g\n"],
)
def test_a_damaged_hunk_is_a_problem_of_its_own_file_alone(body: bytes) -> None:
    patch = b"--- a/f\n+++ b/f\n@@ -1 +1 @@\n" + body + b"--- a/g\n+++ b/g\n@@ -1 +1 @@\n-a\n+b\n"

    damaged, sound = read_patch(patch)

    assert damaged.problem
    assert sound == FilePatch(b"g", b"g", hunks=(Hunk(0, 0, (b"a\n",), (b"b\n",)),))


def test_a_line_inside_a_hunk_is_no_header() -> None:
    patch = b"--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n--- a/etc\n-x\n+++ b/etc\n+y\n"

    (file,) = read_patch(patch)

    assert file.hunks == (Hunk(0, 0, (b"-- a/etc\n", b"x\n"), (b"++ b/etc\n", b"y\n")),)
