"""Prompts: what they hold, in which order, how much of it, and what their keys depend on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.extract.canonical import canonical
from ci_rlm.flow import Kind, Metric, Snippet, Space, Span, Unit
from ci_rlm.prompt import (
    CONTEXT_BUDGET,
    FOCUSED,
    MOST_SOURCE,
    prompt_from_text,
    prompt_of,
    prompts_of,
    space_for,
)

METRICS = (Metric("cpu_time", "s"),)
SIZED = Space("python", "PY\n", (Kind.FUNCTION, Kind.PROGRAM), METRICS, "a machine", size=1024.0)
PLAIN = replace(SIZED, size=None)
TRITON = Space("triton", "TRITON\n", (Kind.TRITON_KERNEL,), METRICS, "a GPU")


def unit(source: str = "def f(x): return g(x)", *context: Snippet) -> Unit:
    return Unit(PurePosixPath("a.py"), "f", Kind.FUNCTION, "python", Span(1, 1), source, context)


def constant(name: str, characters: int) -> Snippet:
    """A constant whose canonical text has so many characters."""
    return Snippet("constant", name, f"{name}=" + "1" * (characters - len(name) - 1))


def test_imports_come_first_then_constants_callees_and_the_unit_under_its_headers() -> None:
    context = (
        Snippet("callee", "g", "def g(x):\n    return x  # same"),
        Snippet("header", "A", "class A(B):"),
        Snippet("constant", "N", "N = 1"),
        Snippet("header", "A.m", "def m(self):"),
        Snippet("import", "os", "import os"),
    )
    lines = ["PY", "import os", "N=1", "def g(x):", " return x"]
    own = ["class A(B):", " def m(self):", "  def f(x):", "   return g(x)"]
    assert prompt_of(unit(unit().source, *context), SIZED).text == "\n".join(lines + own)


def test_snippets_of_one_role_keep_their_order_of_relevance() -> None:
    context = (constant("B", 5), constant("A", 5))
    assert prompt_of(unit("f()", *context), PLAIN).text == "PY\nB=111\nA=111\nf()"


def test_a_unit_without_context_is_its_canonical_text_under_the_prefix() -> None:
    assert prompt_of(unit("def f( x ):\n    'why'\n    return g( x, )"), PLAIN).text == (
        "PY\ndef f(x):\n return g(x)"
    )


def test_context_that_just_fits_the_budget_is_kept() -> None:
    room = CONTEXT_BUDGET - len("f()") - len("\n")
    made = prompt_of(unit("f()", constant("N", room)), PLAIN)
    assert not made.truncated
    assert len(made.text) == len("PY\n") + CONTEXT_BUDGET


def test_context_of_one_character_more_is_left_out_and_said() -> None:
    room = CONTEXT_BUDGET - len("f()") - len("\n")
    made = prompt_of(unit("f()", constant("N", room + 1)), PLAIN)
    assert (made.text, made.truncated) == ("PY\nf()", True)


def test_a_small_snippet_is_kept_after_one_that_was_too_long() -> None:
    made = prompt_of(unit("f()", constant("M", CONTEXT_BUDGET), constant("N", 5)), PLAIN)
    assert (made.text, made.truncated) == ("PY\nN=111\nf()", True)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sources whose canonical text is made from here on."""
    made: list[str] = []

    def noted(source: str, language: str) -> str:
        made.append(source)
        return canonical(source, language)

    monkeypatch.setattr("ci_rlm.prompt.canonical", noted)
    return made


def test_a_snippet_that_many_units_name_is_read_once(read: list[str]) -> None:
    named = Snippet("constant", "ONCE", "ONCE = " + "7" * CONTEXT_BUDGET)
    assert all(prompt_of(unit(f"f{n}()", named), PLAIN).truncated for n in range(9))
    assert read.count(named.source) == 1


def test_a_snippet_far_over_the_budget_is_left_out_unread(read: list[str]) -> None:
    table = constant("TABLE", MOST_SOURCE + 1)
    made = prompt_of(unit("f()", table, constant("N", 5)), PLAIN)
    assert (made.text, made.truncated) == ("PY\nN=111\nf()", True)
    assert table.source not in read


def test_a_snippet_is_not_read_where_no_room_is_left(read: list[str]) -> None:
    full, late = constant("FULL", CONTEXT_BUDGET - len("f()") - len("\n")), constant("LATE", 5)
    assert prompt_of(unit("f()", full, late), PLAIN).truncated
    assert late.source not in read


def test_a_snippet_that_is_long_by_its_comments_alone_is_kept() -> None:
    source = "def g(x):\n" + ("    # why" + " so" * 50 + "\n") * 580 + "    return x\n"
    assert len(source) > 30 * CONTEXT_BUDGET
    made = prompt_of(unit("f()", Snippet("callee", "g", source)), PLAIN)
    assert (made.text, made.truncated) == ("PY\ndef g(x):\n return x\nf()", False)


def test_a_unit_over_the_budget_is_whole() -> None:
    source = "def f():\n" + "".join(f" a{number}=1\n" for number in range(CONTEXT_BUDGET))
    made = prompt_of(unit(source), PLAIN)
    assert (made.text, made.truncated) == ("PY\n" + source.rstrip("\n"), False)


@given(st.lists(st.integers(4, 1500), max_size=8), st.integers(1, 4000))
def test_context_never_takes_a_prompt_over_the_budget(sizes: list[int], own: int) -> None:
    context = [constant("N", size) for size in sizes]
    made = prompt_of(unit("x" * own, *context), PLAIN)
    assert len(made.text) <= len("PY\n") + max(own, CONTEXT_BUDGET)


@given(st.lists(st.integers(4, 1500), max_size=8))
def test_a_prompt_says_that_it_is_cut_when_a_snippet_is_missing(sizes: list[int]) -> None:
    made = prompt_of(unit("f()", *(constant("N", size) for size in sizes)), PLAIN)
    assert made.truncated == (made.text.count("N=") < len(sizes))


def test_a_key_does_not_depend_on_where_a_unit_is_or_how_it_is_laid_out() -> None:
    moved = replace(
        unit("def f(x):\n\n    return g( x )"), path=PurePosixPath("b.py"), name="A.f", span=Span(7, 9)
    )
    assert prompt_of(moved, SIZED).key == prompt_of(unit(), SIZED).key


def test_a_key_depends_on_the_text() -> None:
    assert prompt_of(unit("f(1)"), SIZED).key != prompt_of(unit("f(2)"), SIZED).key


def test_a_key_depends_on_the_space() -> None:
    other = replace(SIZED, name="another")
    assert prompt_of(unit(), other).key != prompt_of(unit(), SIZED).key


def test_a_key_depends_on_the_size() -> None:
    assert prompt_of(unit(), SIZED, size=64.0).key != prompt_of(unit(), SIZED).key


def test_a_space_is_asked_for_its_reference_size_by_default() -> None:
    assert prompt_of(unit(), SIZED) == prompt_of(unit(), SIZED, size=1024.0)


def test_a_space_that_is_not_conditioned_on_size_takes_none() -> None:
    assert prompt_of(unit(), PLAIN, size=64.0) == prompt_of(unit(), PLAIN)


def test_canonical_text_makes_the_prompt_of_its_source() -> None:
    text = "def f(x):\n return g(x)"
    assert prompt_from_text(text, SIZED, size=64.0) == prompt_of(unit(), SIZED, size=64.0)


def test_text_that_is_no_unicode_has_a_key() -> None:
    assert len(prompt_from_text("x = '\ud800'", PLAIN).key) == 64


@pytest.mark.parametrize(
    ("kind", "found"), [(Kind.PROGRAM, SIZED), (Kind.TRITON_KERNEL, TRITON)], ids=["program", "kernel"]
)
def test_the_first_space_that_serves_a_kind_is_chosen(kind: Kind, found: Space) -> None:
    assert space_for(kind, (SIZED, TRITON, PLAIN)) is found


def test_a_kind_that_no_space_serves_has_none() -> None:
    assert space_for(Kind.TRITON_KERNEL, (SIZED, PLAIN)) is None


def test_long_sides_of_a_change_say_where_they_differ_and_short_ones_do_not() -> None:
    own = FOCUSED - len(SIZED.prefix)
    short = prompts_of(unit("x" * own), unit("x" * (own - 1) + "y"), SIZED)
    assert short == (prompt_of(unit("x" * own), SIZED), prompt_of(unit("x" * (own - 1) + "y"), SIZED))
    before, after = prompts_of(unit("x" * own), unit("x" * own + "y"), SIZED)
    assert before.focus == after.focus == FOCUSED


def test_the_key_of_a_long_side_depends_on_where_the_other_one_differs() -> None:
    long = "x" * 2 * FOCUSED
    first, _ = prompts_of(unit(long), unit("y" + long), SIZED)
    last, _ = prompts_of(unit(long), unit(long + "y"), SIZED)
    assert first.text == last.text
    assert first.key != last.key
