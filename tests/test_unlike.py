"""Changes unlike the training code: which names count, what is unlike, and what the gate makes of it."""

from __future__ import annotations

import ast
import time
from keyword import iskeyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm import marks
from ci_rlm.flow import Outcome, Prompt, Verdict, Vocabulary
from ci_rlm.marks import Side, marked
from ci_rlm.predict import unlike
from ci_rlm.training import releases, vocabulary
from ci_rlm.training.corpus import Example, Row
from ci_rlm.training.texts import change_space
from tests.fakes import SPACE, FakePredictor
from tests.test_gate import LONG, SHORT, by_length, checked, file

KNOWN = Vocabulary(("append", "len", "range"), 0.5)
NAMES = st.from_regex(r"[a-z]{1,6}", fullmatch=True).filter(lambda name: not iskeyword(name))
STATEMENTS = st.lists(
    st.one_of(
        st.builds("{}({})".format, NAMES, NAMES),
        st.builds("{}.{}".format, NAMES, NAMES),
        st.builds("x={}+1".format, NAMES),
        st.builds("y='{}.{}(0)'".format, NAMES, NAMES),
    ),
    max_size=8,
)


def names_by_ast(text: str) -> set[str]:
    """What the parser says is called by its name, or taken from an object."""
    nodes = list(ast.walk(ast.parse(text)))
    called = {n.func.id for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    return called | {n.attr for n in nodes if isinstance(n, ast.Attribute)}


@given(STATEMENTS)
def test_the_names_are_those_that_the_parser_finds(statements: list[str]) -> None:
    text = "\n".join(statements)
    found = unlike.used(text)
    assert set(found) == names_by_ast(text)
    assert len(found) == len(set(found))


def test_keywords_strings_and_own_definitions_are_no_names_that_it_uses() -> None:
    text = 'def f(x):\n if(x)and not(g(x)):\n  return\'a.b(c)\'+f(x)+"d(\\"e("\n class C:pass\n C()'
    assert unlike.used(text) == ("g",)


def test_only_lines_of_one_version_count() -> None:
    before = "def f(x):\n common(x)\n gone(x)\n return x"
    after = "def f(x):\n common(x)\n x.fresh()\n f(x)\n return x"
    assert unlike.used_by_change(before, after) == ("gone", "fresh")


def test_a_helper_that_the_prompt_shows_is_no_stranger() -> None:
    helper = "def helper(x):\n return x\n"
    assert (
        unlike.used_by_change(f"{helper}def f(x):\n return x", f"{helper}def f(x):\n return helper(x)") == ()
    )


@given(STATEMENTS, STATEMENTS)
def test_a_change_and_its_inverse_are_equally_unlike(one: list[str], other: list[str]) -> None:
    before, after = "\n".join(one), "\n".join(other)
    # What is matched depends on the direction where lines repeat; what is used in all does not.
    if sorted(marked(before, after)) == sorted(marked(after, before).translate({43: "-", 45: "+"})):
        there, back = unlike.used_by_change(before, after), unlike.used_by_change(after, before)
        assert set(there) == set(back)
        assert unlike.share(there, KNOWN) == unlike.share(back, KNOWN)


def test_the_limit_itself_is_not_over_the_limit() -> None:
    half, most = "len(x)\neinsum(x)", "len(x)\neinsum(x)\nravel(x)"
    assert unlike.strangers_of("", half, KNOWN) == ()
    assert unlike.strangers_of("", most, KNOWN) == ("einsum", "ravel")


def test_a_change_that_uses_no_name_is_not_unlike() -> None:
    assert unlike.strangers_of("x=1", "x=2", Vocabulary(("append",), 0.0)) == ()


@pytest.mark.parametrize("piece", ['"', "'\\", "a", "a.", ".", " ", "(", "def ", '\\"'])
def test_the_time_grows_with_the_text_and_no_faster(piece: str) -> None:
    # Quadratic time would take minutes.
    started = time.perf_counter()
    unlike.used(piece * 200_000)
    assert time.perf_counter() - started < 5


USES = LONG.replace("x + x + x", "x.einsum() + x.ravel() + x.reshape(einsum_path, x)")


def judged(known: Vocabulary | None, before: str = SHORT, after: str = USES) -> tuple[Verdict, ...]:
    return checked(file(before, after), predictor=FakePredictor(by_length, vocabulary=known)).verdicts


def test_a_claim_on_an_unlike_change_is_unsure_and_says_which_names_are_new() -> None:
    reasons = {(verdict.outcome, verdict.reason) for verdict in judged(KNOWN)}
    told = "unlike the code that the model learned from, which never uses einsum, ravel, reshape"
    assert reasons == {(Outcome.UNSURE, told)}


def test_an_improvement_of_unlike_code_is_unsure_as_well() -> None:
    assert {verdict.outcome for verdict in judged(KNOWN, USES, SHORT)} == {Outcome.UNSURE}


def test_a_claim_that_nothing_changes_stays() -> None:
    after = USES.replace("einsum", "eigsum")
    assert {verdict.outcome for verdict in judged(KNOWN, USES, after)} == {Outcome.SAME}


def test_without_a_vocabulary_nothing_is_unlike() -> None:
    assert {verdict.outcome for verdict in judged(None)} == {Outcome.REGRESSED}


def test_names_of_the_training_code_leave_the_claim() -> None:
    known = Vocabulary(("einsum", "ravel", "reshape"), 0.5)
    assert {verdict.outcome for verdict in judged(known)} == {Outcome.REGRESSED}


def test_many_and_long_names_are_cut() -> None:
    calls = ", ".join(f"x.{'n' * 60}{letter}()" for letter in "abcde")
    (reason,) = {
        verdict.reason for verdict in judged(KNOWN, after=f"def f(x):\n    y = [{calls}]\n    return y\n")
    }
    assert reason.endswith(", ".join(["n" * 39 + "…"] * 3) + " and 2 more")


def ratio_by_length(prompt: Prompt) -> dict[str, float]:
    """Of a change its versions' lengths, after by before; a program costs a gibibyte and a second."""
    if prompt.space == SPACE.name:
        return {"peak_memory": 2.0**30, "cpu_time": 1.0}
    before, after = (len(marks.version(prompt.text, side)) for side in (Side.BEFORE, Side.AFTER))
    return {"peak_memory": after / before, "cpu_time": after / before}


@pytest.mark.parametrize(("known", "outcome"), [(KNOWN, "unsure"), (None, "regressed")])
def test_changes_between_releases_are_counted_as_the_gate_judges_them(
    known: Vocabulary | None, outcome: str
) -> None:
    spaces = (SPACE, change_space(SPACE))
    predictor = FakePredictor(ratio_by_length, spaces=spaces, calibrations=(), vocabulary=known)
    changes = releases.Changes(judge=((SHORT, USES),), packages=1)
    assert [wild.outcomes for wild in releases.said(predictor, changes)] == [{outcome: 1}] * 2


def test_a_checkpoint_that_reads_both_versions_at_once_is_as_unsure() -> None:
    spaces = (SPACE, change_space(SPACE))
    predictor = FakePredictor(ratio_by_length, spaces=spaces, calibrations=(), vocabulary=KNOWN)
    verdicts = checked(file(SHORT, USES), predictor=predictor).verdicts
    assert {verdict.outcome for verdict in verdicts} == {Outcome.UNSURE}
    assert all("einsum" in verdict.reason for verdict in verdicts)


def example(text: str, problem: str, split: str = "train", edit: str = "") -> Example:
    return Example(
        f"PYTHON\n{text}", problem, "made up", f"{problem}{edit}", split, (Row(1000.0, 1.0, 1.0),), ()
    )


def test_names_of_three_problems_are_known_and_held_out_ones_teach_nothing() -> None:
    learned = [example("a(x.b)", problem) for problem in ("p", "q", "r")]
    learned += [example("c(x)", "p"), example("c(x)+c(x)", "p", edit="+again"), example("c(x)", "q")]
    held_out = [example("d(x)", problem, "test") for problem in ("s", "t", "u")]
    found = vocabulary.fit([*learned, *held_out])
    assert found == Vocabulary(("a", "b"), vocabulary.LEAST)


def test_the_limit_leaves_held_out_edits_alone() -> None:
    learned = [example("a(x)", problem) for problem in ("p", "q", "r")]
    held_out = []
    for at in range(20):
        held_out.append(example("x", f"h{at}", "calibration"))
        # Three of four names are strangers: over the least limit.
        held_out.append(example(f"a(x)\nb(x)\nc(x)\nd{at}(x)", f"h{at}", "calibration", "+edit"))
    found = vocabulary.fit([*learned, *held_out])
    assert found is not None
    assert found.limit == pytest.approx(0.75)


def test_a_corpus_that_uses_no_names_has_no_vocabulary() -> None:
    assert vocabulary.fit([example("x+1", problem) for problem in ("p", "q", "r")]) is None
