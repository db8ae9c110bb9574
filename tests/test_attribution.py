"""Changes with a known right hunk, and how explanations of them are scored."""

from __future__ import annotations

import math

import pytest

from ci_rlm.config import Config
from ci_rlm.extract.canonical import canonical
from ci_rlm.flow import Kind, Prompt
from ci_rlm.training.attribution import Attribution, Case, attributions, cases, figures, hits, table
from ci_rlm.training.corpus import Example, Row
from tests.fakes import FakePredictor

PLAIN = """\
def pick(rows, limit):
    out = []
    step = 0
    for row in rows:
        out.append(row)
    for place in range(len(out)):
        step = step + out[place]
    return out, step * limit
"""
COPIED = PLAIN.replace("range(len(out))", "range(len(list(out)))")


def example(text: str, record: str, peak_memory: float, problem: str = "p", split: str = "test") -> Example:
    rows = (Row(64.0, 1e5, None), Row(1024.0, peak_memory, None))
    return Example(f"PYTHON\n{canonical(text, 'python')}", problem, "s", record, split, rows, ())


def made(ratio: float = 2.0, **given: str) -> list[Case]:
    programs = [
        example(PLAIN, "a", 1e6, **given),
        example(COPIED, "a+length_of_copy", 1e6 * ratio, **given),
    ]
    return list(cases(programs))


def by_copies(prompt: Prompt) -> dict[str, float]:
    """A copy of the list doubles the memory."""
    return {"peak_memory": 2.0**20 * (2 if "list(out)" in prompt.text else 1), "cpu_time": 1e-3}


def test_a_change_has_the_efficiency_edit_and_others() -> None:
    (case,) = made()
    assert case.change.unit.kind is Kind.FUNCTION
    assert len(case.pieces) > len(case.right) == 1
    (right,) = (case.pieces[at] for at in case.right)
    assert case.change.after
    lines = case.change.after.source.split("\n")[right.after.start : right.after.stop]
    assert any("list(" in line for line in lines)


def test_the_same_examples_make_the_same_changes() -> None:
    assert made() == made()


def test_an_edit_that_hardly_moved_the_cost_makes_no_change() -> None:
    assert made(1.4) == []
    assert len(made(0.5)) == 1


def test_other_splits_are_not_asked_about() -> None:
    assert made(split="train") == []


def test_a_predictor_that_knows_the_edit_names_it_first() -> None:
    asked = made()
    told = attributions(asked, FakePredictor(by_copies), Config())
    (each,) = told
    (right,) = asked[0].right
    assert each.called
    assert each.total == pytest.approx(math.log(2))
    assert each.taken[right] == each.alone[right] == pytest.approx(math.log(2))
    assert hits(asked, told)["explanation"] == [1.0]


def test_a_tie_counts_by_chance() -> None:
    (case,) = made()
    told = [Attribution(0.0, (0.0,) * len(case.pieces), (0.0,) * len(case.pieces), called=False)]
    assert hits([case], told)["explanation"] == [1 / len(case.pieces)]
    assert hits([case], told)["drawn blindly"] == [1 / len(case.pieces)]


def test_the_interval_is_from_drawing_problems() -> None:
    asked = [case for number in range(6) for case in made(problem=f"p{number}")]
    (figure,) = figures(asked, {"explanation": [1.0, 0.0] * 3}).values()
    assert (figure.value, figure.count, figure.problems) == (0.5, 6, 6)
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low < 0.5 < figure.high


def test_the_table_tells_of_all_and_of_called_changes() -> None:
    asked = made()
    told = table(asked, attributions(asked, FakePredictor(by_copies), Config()))
    assert told.startswith("all: 1 changes of 1 problems\n  explanation            1.000\n")
    assert "called: 1 changes of 1 problems" in told
