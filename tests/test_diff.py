"""What a report tells of a function's text: a unified diff that other tools read too."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.flow import Change, Kind, Outcome, Span, Unit
from ci_rlm.render import diff, document, parse, render
from tests.conftest import Checkout
from tests.reports import equal, report, unit, verdict

lines = st.lists(st.sampled_from(("a", "b", "    c", "", "-d", "+e", " f", "@@ -1,1 +1,1 @@")), max_size=20)


def change(before: list[str] | None, after: list[str] | None, *, at: tuple[int, int] = (1, 1)) -> Change:
    return Change(_unit(before, at[0]), _unit(after, at[1]))


def _unit(text: list[str] | None, first: int) -> Unit | None:
    if text is None:
        return None
    span = Span(first, first + len(text) - 1)
    return Unit(PurePosixPath("m.py"), "f", Kind.FUNCTION, "python", span, "\n".join(text))


def sides(text: str) -> tuple[dict[int, str], dict[int, str]]:
    """Line number to line, before and after."""
    told = [line for hunk in diff.read(text) for line in hunk]
    return (
        {line.before: line.text for line in told if line.before is not None},
        {line.after: line.text for line in told if line.after is not None},
    )


@given(lines, lines, st.integers(1, 99), st.integers(1, 99))
def test_each_line_stands_under_its_number_in_the_file(
    before: list[str], after: list[str], first: int, other: int
) -> None:
    text, _ = diff.unified(change(before, after, at=(first, other)))
    left, right = sides(text)
    assert left.items() <= dict(enumerate("\n".join(before).split("\n"), first)).items()
    assert right.items() <= dict(enumerate("\n".join(after).split("\n"), other)).items()


@given(lines, lines)
def test_a_line_that_is_not_told_is_the_same_on_both_sides(before: list[str], after: list[str]) -> None:
    text, cut = diff.unified(change(before, after))
    left, right = sides(text)
    assert not cut
    untold = [
        [line for number, line in enumerate("\n".join(side).split("\n"), 1) if number not in told]
        for side, told in ((before, left), (after, right))
    ]
    assert untold[0] == untold[1]


def test_git_applies_what_is_told(repo: Checkout) -> None:
    before = [f"line {i}" for i in range(40)]
    after = [*before[:3], "new", *before[3:20], "other", *before[22:], "last"]
    text, _ = diff.unified(change(before, after))
    repo.write("m.py", "\n".join(before) + "\n")
    repo.write("change.patch", f"--- a/m.py\n+++ b/m.py\n{text}")
    repo.git("apply", "change.patch")
    assert (repo.root / "m.py").read_text() == "\n".join(after) + "\n"


def test_three_lines_stay_around_each_difference() -> None:
    before = [f"line {i}" for i in range(1, 41)]
    after = [*before[:19], "new", *before[20:]]
    (hunk,) = diff.read(diff.unified(change(before, after))[0])
    assert [line.before for line in hunk if line.before] == [17, 18, 19, 20, 21, 22, 23]


@pytest.mark.parametrize(("before", "after", "sign"), [(None, ["a", "b"], "+"), (["a", "b"], None, "-")])
def test_a_function_without_another_side_differs_in_every_line(
    before: list[str] | None, after: list[str] | None, sign: str
) -> None:
    (hunk,) = diff.read(diff.unified(change(before, after, at=(7, 7)))[0])
    assert [(line.sign, line.text, line.before or line.after) for line in hunk] == [
        (sign, "a", 7),
        (sign, "b", 8),
    ]


def test_what_is_too_long_is_cut_and_said_to_be() -> None:
    many = [f"line {i}" for i in range(diff.MOST_LINES + 1)]
    wide = ["x" * (diff.MOST_CHARACTERS + 1)]
    for after in (many, wide):
        text, cut = diff.unified(change(None, after))
        (hunk,) = diff.read(text)
        assert cut
        assert len(hunk) <= diff.MOST_LINES
        assert max(len(line.text) for line in hunk) <= diff.MOST_CHARACTERS


@given(st.text(st.sampled_from("@-+ 0123456789,\na")))
def test_any_text_is_read_as_some_diff(text: str) -> None:
    told = [line for hunk in diff.read(text) for line in hunk]
    assert {line.sign for line in told} <= {"+", "-", " "}


# The document.


def test_a_document_tells_what_changed_once_a_function() -> None:
    slower = [verdict("f", Outcome.REGRESSED, (1.0, 2.0), was=unit("f", source="def f(): return 1"))] * 2
    gone = verdict("g", Outcome.REMOVED, (1.0, None))
    made = document(report(*slower, equal("h"), gone))
    assert [(each["path"], each["name"], each["line"]) for each in made["diffs"]] == [
        ("src/store.py", "f", 10)
    ]
    assert parse(render(made, "json")) == made


def test_diffs_of_a_large_change_end_with_those_of_the_worst() -> None:
    long = "\n".join("x" * 390 for _ in range(390))
    made = document(
        report(*(verdict(f"f{i}", Outcome.NEW, (None, 2.0), source=f"{i}\n{long}") for i in range(20)))
    )
    names = [each["name"] for each in made["diffs"]]
    assert names == [f"f{i}" for i in range(len(names))]
    assert 1_500_000 < sum(len(each["text"]) for each in made["diffs"]) <= diff.MOST_DIFFED


def test_a_report_without_changed_lines_has_no_diffs() -> None:
    assert "diffs" not in json.loads(render(document(report(equal("f"))), "json"))
