"""Hunks of changes and what they do, on a predictor whose costs are known."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ci_rlm import explain, gate
from ci_rlm.config import Config
from ci_rlm.explain import Piece, pieces_of, shares, trials_of
from ci_rlm.extract.canonical import canonical
from ci_rlm.extract.pair import is_equal
from ci_rlm.flow import Change, FileChange, Hunk, Kind, Outcome, Prompt, Range, Report, Skipped, Span, Unit
from ci_rlm.render import document, render, schema
from tests.fakes import FakePredictor

PATH = PurePosixPath("a.py")
BEFORE = """\
def build(rows):
    total = 0
    names = list(rows)
    for row in rows:
        total = total + 1
    check(names)
    for row in rows:
        names.append(row)
    return names, total
"""
AFTER = """\
def build(rows):
    total = 0
    slow(rows)
    names = list(rows)
    for row in rows:
        total += 1
    for row in rows:
        names.append(heavy(row))
    return names, total
"""
"""A call more, a statement spelled otherwise, a call less, and a call around an argument."""


def unit(source: str, line: int = 1) -> Unit:
    span = Span(line, line + source.rstrip("\n").count("\n"))
    return Unit(PATH, "build", Kind.FUNCTION, "python", span, source.rstrip("\n"))


def change(before: str = BEFORE, after: str = AFTER) -> Change:
    sides = unit(before, 11), unit(after, 21)
    return Change(*sides, is_equal(*sides))


def by_calls(prompt: Prompt) -> dict[str, float]:
    """A call of `slow` costs threefold, one of `heavy` fivefold, both together twentyfold."""
    called = "slow(" in prompt.text, "heavy(" in prompt.text
    factor = {(False, False): 1, (True, False): 3, (False, True): 5, (True, True): 20}[called]
    return {"peak_memory": 2.0**20 * factor, "cpu_time": 1e-3}


def checked(
    *sides: tuple[str, str], predictor: FakePredictor | None = None, name: str | None = None
) -> Report:
    """The report on files of one function each."""
    files = [
        FileChange(
            path := PurePosixPath(f"{number}.py"), path, before.encode(), after.encode(),
            (Span(1, before.count("\n")),), (Span(1, after.count("\n")),),
        )
        for number, (before, after) in enumerate(sides)
    ]  # fmt: skip
    asked = predictor or FakePredictor(by_calls)
    return gate.check(Range("some", "other", "fake"), files, asked, Config(), function=name)


def hunks(report: Report, metric: str = "peak_memory") -> tuple[Hunk, ...]:
    return next(v.hunks for v in report.verdicts if v.comparison.metric.name == metric)


def lines(change: Change) -> list[tuple[Span | None, Span | None]]:
    told = (explain.hunk_of(change, piece, 0.0, 0.0) for piece in pieces_of(change))
    return [(hunk.before, hunk.after) for hunk in told]


def test_hunks_are_told_by_the_lines_of_their_files() -> None:
    assert lines(change()) == [
        (None, Span(23, 23)),
        (Span(15, 16), Span(26, 26)),
        (Span(18, 18), Span(28, 28)),
    ]


def test_what_was_removed_has_no_lines_after() -> None:
    removed = BEFORE.replace("    check(names)\n", "")
    assert lines(change(BEFORE, removed)) == [(Span(16, 16), None)]


def test_the_effect_of_two_hunks_is_their_shapley_value() -> None:
    told = {hunk.after: hunk.effect for hunk in hunks(checked((BEFORE, AFTER)))}
    slow, heavy = told[Span(3, 3)], told[Span(8, 8)]
    assert slow == pytest.approx((math.log(20 / 5) + math.log(3 / 1)) / 2)
    assert heavy == pytest.approx((math.log(20 / 3) + math.log(5 / 1)) / 2)


def test_the_most_responsible_hunk_is_first_and_shares_add_up() -> None:
    found = hunks(checked((BEFORE, AFTER)))
    assert [hunk.after for hunk in found] == [Span(8, 8), Span(3, 3), Span(6, 6)]
    assert [hunk.share for hunk in found] == pytest.approx(
        [math.log(100 / 3) / math.log(400), math.log(12) / math.log(400), 0.0]
    )


def test_a_hunk_that_works_against_the_verdict_is_last_and_has_no_share() -> None:
    before, after = BEFORE.replace("check(", "slow("), AFTER.replace("    slow(rows)\n", "")
    found = hunks(checked((before, after)))
    assert [hunk.share for hunk in found] == [1.0, 0.0]
    assert found[-1].effect < 0


def test_of_an_improvement_what_makes_it_cheaper_is_first() -> None:
    found = hunks(checked((AFTER, BEFORE)))
    assert [hunk.before for hunk in found[:2]] == [Span(8, 8), Span(3, 3)]
    assert found[0].effect < found[1].effect < 0


def test_one_hunk_is_explained_without_asking_again() -> None:
    predictor = FakePredictor(by_calls)
    after = BEFORE.replace("check(", "slow(")
    (hunk,) = hunks(checked((BEFORE, after), predictor=predictor))
    assert hunk == Hunk(Span(6, 6), Span(6, 6), pytest.approx(math.log(3)), 1.0)
    assert len(predictor.asked) == 2


def test_claims_alone_are_explained_unless_a_function_is_named() -> None:
    assert hunks(checked((BEFORE, AFTER)), "cpu_time") == ()
    assert len(hunks(checked((BEFORE, AFTER), name="build"), "cpu_time")) == 3


def test_a_function_of_another_name_is_not_judged() -> None:
    assert checked((BEFORE, AFTER), name="other").verdicts == ()


def test_comments_and_layout_are_no_hunk() -> None:
    after = AFTER.replace("    total = 0\n", "    total  =  0  # none yet\n")
    assert len(pieces_of(change(AFTER, after))) == 0
    assert len(pieces_of(change(BEFORE, after))) == 3


def test_pieces_with_only_a_blank_line_between_them_are_one() -> None:
    before = "def f():\n    a()\n\n    b()\n    c()\n    d()\n"
    after = "def f():\n    slow()\n\n    heavy()\n    c()\n    e()\n"
    assert pieces_of(change(before, after)) == (
        Piece(range(1, 4), range(1, 4)),
        Piece(range(5, 6), range(5, 6)),
    )


def test_pieces_that_cannot_be_read_alone_are_one() -> None:
    before = "def f():\n    a()\n    x = [\n        1,\n        2,\n    ]\n    return x\n"
    after = "def f():\n    b()\n    x = (\n        1,\n        2,\n    )\n    return x\n"
    parted = before.replace("    a()", "    a()\n    c()"), after.replace("    b()", "    b()\n    c()")
    assert pieces_of(change(*parted)) == (
        Piece(range(1, 2), range(1, 2)),
        Piece(range(3, 7), range(3, 7)),
    )


def test_of_many_pieces_the_nearest_are_one() -> None:
    kept = [f"    keep_{number}()\n" * (1 if number == 3 else 2) for number in range(20)]
    before = "def f():\n" + "".join(f"    a_{number}()\n{kept[number]}" for number in range(9))
    pieces = pieces_of(change(before, before.replace("a_", "b_")))
    assert len(pieces) == explain.MOST_HUNKS
    assert [len(piece.after) for piece in pieces] == [1, 1, 1, 3, 1, 1, 1, 1]


def test_both_tests_of_a_piece_differ_by_it_alone() -> None:
    (slow, *_) = pieces_of(change())
    trials = trials_of(change(), slow)
    assert trials.alone.before == change().before
    assert trials.taken.after == change().after
    assert trials.alone.after
    assert trials.taken.before
    assert trials.alone.after.source == BEFORE.replace("0\n", "0\n    slow(rows)\n", 1).rstrip("\n")
    assert trials.taken.before.source == AFTER.replace("    slow(rows)\n", "").rstrip("\n")


statements = st.sampled_from(["    a = 1", "    b(a)", "", "    # note", "    c = [", "    ]", "    d()"])
bodies = st.lists(statements, max_size=12).map(lambda body: "\n".join(["def f():", *body, "    return 0"]))


@given(bodies, bodies)
def test_all_pieces_together_are_the_whole_change(before: str, after: str) -> None:
    both = change(before, after)
    assert both.before
    assert both.after
    made, new = both.before.source.split("\n"), both.after.source.split("\n")
    for piece in reversed(pieces_of(both)):
        made[piece.before.start : piece.before.stop] = new[piece.after.start : piece.after.stop]
    assert canonical("\n".join(made), "python") == canonical(after, "python")


@given(st.lists(st.floats(-5, 5), max_size=8), st.sampled_from([1.0, -1.0]))
def test_shares_are_of_the_effects_in_one_direction(effects: Sequence[float], direction: float) -> None:
    told = shares(effects, direction)
    against = [share for share, effect in zip(told, effects, strict=True) if direction * effect <= 0]
    assert all(share == 0 for share in against)
    assert sum(told) == pytest.approx(1.0 if len(against) < len(effects) else 0.0)


def test_changes_beyond_the_limit_are_counted_and_the_worst_come_first() -> None:
    worse = AFTER.replace("        total += 1\n", "        total += 1\n        more()\n")
    report = checked(
        *[(BEFORE, AFTER)] * explain.MOST_CHANGES, (BEFORE, BEFORE), (BEFORE, worse), (AFTER, BEFORE)
    )
    assert report.unexplained == 2
    assert [verdict.hunks == () for verdict in report.verdicts if verdict.outcome is Outcome.IMPROVED] == [
        True
    ]
    assert document(report)["unexplained"] == 2
    assert "2 functions without a look at their hunks" in render(document(report), "terminal", width=300)


def test_a_change_whose_variants_cannot_be_compared_stays_unexplained() -> None:
    def compared(changes: Sequence[Change]) -> explain.Answers:
        return [Skipped(PATH, "build", "no space")] * len(changes)

    verdicts = checked((BEFORE, AFTER)).verdicts
    bare = tuple(gate.judge(v.comparison, Config().limits_for(PATH, "peak_memory")) for v in verdicts)
    assert explain.explained(bare, compared) == (bare, 0)


def test_the_report_points_at_the_responsible_lines() -> None:
    told = document(checked((BEFORE, AFTER)))
    Draft202012Validator(schema()).validate(told)
    assert told["rows"][0]["hunks"][0] == {
        "before": [8, 8],
        "after": [8, 8],
        "effect": pytest.approx(math.log(100 / 3) / 2, rel=1e-5),
        "share": pytest.approx(math.log(100 / 3) / math.log(400), rel=1e-5),
    }
    assert "line=8,endLine=8" in render(told, "github")
    assert json.loads(render(told, "gitlab"))[0]["location"]["lines"]["begin"] == 8
    place = json.loads(render(told, "sarif"))["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert (place["region"], place["contextRegion"]) == ({"startLine": 8}, {"startLine": 1, "endLine": 9})
    for format in ("github", "gitlab", "sarif", "terminal", "markdown", "junit"):
        assert "of it by line 8" in " ".join(render(told, format, width=300).split())


def test_where_lines_were_removed_the_report_points_at_the_function() -> None:
    before, after = (
        AFTER.replace("heavy(row)", "row"),
        BEFORE.replace("    check(names)\n", "    other(names)\n"),
    )
    told = document(checked((before, after), name="build"))
    row = next(row for row in told["rows"] if row["metric"] == "peak_memory")
    assert row["hunks"][0]["after"] is None
    assert "0.py:1 " in render(told, "terminal", verbose=1, width=300)
    assert "100% of it by what was in line 3" in render(told, "terminal", verbose=1, width=300)
