"""Two versions as one marked text: nothing is lost, either way round, and long rewrites stay quick."""

from __future__ import annotations

import difflib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm import marks
from ci_rlm.marks import Side
from ci_rlm.model import tokenizer
from ci_rlm.model.tokenizer import START_ID

LINE = st.text(alphabet=" -+ab(é\t", max_size=4)
TEXT = st.lists(LINE, max_size=8).map("\n".join)


@given(TEXT, TEXT)
def test_each_version_is_there_whole(before: str, after: str) -> None:
    text = marks.marked(before, after)
    assert marks.version(text, Side.BEFORE) == before
    assert marks.version(text, Side.AFTER) == after


@given(TEXT, TEXT)
def test_swapped_is_the_marked_text_of_the_other_way_round(before: str, after: str) -> None:
    assert marks.swapped(marks.marked(before, after)) == marks.marked(after, before)


@given(TEXT, TEXT)
def test_a_line_of_both_is_there_once(before: str, after: str) -> None:
    lines = marks.marked(before, after).split("\n")
    shared = [line[1:] for line in lines if line[0] == " "]
    assert len(lines) == len(before.split("\n")) + len(after.split("\n")) - len(shared)
    if before == after:
        assert shared == before.split("\n")


def test_the_marks_are_those_of_a_unified_diff_with_all_of_its_context() -> None:
    before, after = "a\nb\nc\nd\ne", "a\nx\nc\nd\ny\ne"
    wanted = list(difflib.unified_diff(before.split("\n"), after.split("\n"), n=99, lineterm=""))[3:]
    assert marks.marked(before, after).split("\n") == wanted


@given(TEXT, TEXT)
def test_unmarked_text_has_a_side_for_every_character(before: str, after: str) -> None:
    text = marks.marked(before, after)
    plain, spans = marks.unmarked(text)
    assert [line[1:] for line in text.split("\n")] == plain.split("\n")
    ends = [end for end, _ in spans]
    assert ends == sorted(set(ends))
    assert ends[-1] == len(plain) + 1
    place, sides = 0, []
    for end, side in spans:
        sides += [side] * (end - place)
        place = end
    wanted = [marks._side_of(line) for line in text.split("\n") for _ in line]
    assert sides == wanted


def test_a_line_without_a_mark_is_one_of_both() -> None:
    assert marks.unmarked("PYTHON\n+a") == ("PYTHON\na", [(7, Side.BOTH), (9, Side.AFTER)])


def test_more_lines_than_are_matched_are_one_rewrite() -> None:
    many = [f"line {number}" for number in range(marks.MOST_LINES + 1)]
    before, after = "\n".join(["head", *many, "tail"]), "\n".join(["head", *many[::-1], "x", "tail"])
    text = marks.marked(before, after)
    assert [line for line in text.split("\n") if line[0] == " "] == [" head", " tail"]
    assert marks.version(text, Side.AFTER) == after


WORDS = tokenizer.learn(
    ["def f(xs):\n return [x for x in xs]\n" * 3, "for x in range(10):\n  y=x+x\n"] * 5, 300
)


def sides_of(text: str, room: int = 500) -> list[tuple[str, int]]:
    """The text of each stretch of tokens of one side, without the first token."""
    ((first, *ids),), _ = WORDS.encode_changes([text], room)
    assert first == START_ID
    stretches = itertools.groupby(
        (divmod(token, WORDS.vocab_size) for token in ids), key=lambda pair: pair[0]
    )
    return [(WORDS.decode([plain for _, plain in tokens]), side) for side, tokens in stretches]


def test_tokens_know_their_side() -> None:
    text = " def f(xs):\n- return [x for x in xs]\n+ return xs\n end"
    assert sides_of(text) == [
        ("def f(xs):\n", Side.BOTH),
        (" return [x for x in xs]\n", Side.BEFORE),
        (" return xs\n", Side.AFTER),
        ("end", Side.BOTH),
    ]


@given(TEXT, TEXT)
def test_the_tokens_are_those_of_the_text_without_marks(before: str, after: str) -> None:
    text = marks.marked(before, after)
    ids, plain = (
        WORDS.encode_changes([text], 500)[0][0],
        WORDS.encode_batch([marks.unmarked(text)[0]], 500)[0][0],
    )
    assert [token % WORDS.vocab_size for token in ids] == plain


def test_a_text_without_changes_has_the_ids_of_plain_text() -> None:
    plain = "def f(xs):\n return xs"
    (changed,), _ = WORDS.encode_changes([marks.marked(plain, plain)], 500)
    assert changed == WORDS.encode_batch([plain], 500)[0][0]


def test_a_long_change_is_cropped_about_its_first_difference() -> None:
    same = "\n".join(f"y={number}" for number in range(400))
    text = marks.marked(f"{same}\nold\n{same}", f"{same}\nnew\n{same}")
    (ids,), (cropped,) = WORDS.encode_changes([text], 100)
    assert cropped
    assert len(ids) == 100
    assert {token // WORDS.vocab_size for token in ids} == {0, 1, 2}


def test_the_tokenizer_of_a_pretrained_encoder_says_that_it_reads_no_sides() -> None:
    pretrained = tokenizer.PretrainedTokenizer(WORDS._inner)
    assert pretrained.encode_changes([], 10) == ([], [])
    with pytest.raises(TypeError, match="no sides"):
        pretrained.encode_changes([" a"], 10)
