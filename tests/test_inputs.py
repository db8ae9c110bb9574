"""Grown inputs: of the size asked, and alike in all that makes a recorded input legal."""

from __future__ import annotations

import ast
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.training.profile.inputs import (
    SIZES,
    grow,
    parse_keywords,
    shrink_constants,
    size_of,
)
from ci_rlm.training.profile.likeness import atoms

NUMBERS = st.lists(st.integers(-1000, 1000), min_size=1, max_size=20)
GROWTH = st.sampled_from((16, 64, 256))
LEAVES = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e6, 1e6) | st.text(max_size=6)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=5), max_leaves=12)


def grown(*arguments: Any, size: int = 64) -> list[Any]:
    return grow([arguments], size, random.Random(0))


@pytest.mark.parametrize(
    ("value", "elements"),
    [(7, 1), (None, 1), ("abc", 3), ("", 1), ([], 1), ([1, [2, 3]], 3), ({"ab": 1}, 3), (({1, 2}, "x"), 3)],
)
def test_a_value_has_an_atom_for_each_character_and_each_number(value: Any, elements: int) -> None:
    assert atoms(value) == elements


@pytest.mark.parametrize(
    ("arguments", "size"),
    [([[1, 2, 3], 9], 4), ([3, -7], 7), ([2.9], 2), ([None], 1), ([], 1), ([5, "ab"], 3), ([10**30], 1)],
)
def test_a_size_counts_elements_or_is_the_largest_number(arguments: list[Any], size: int) -> None:
    assert size_of(arguments) == size


@given(NUMBERS, GROWTH)
def test_a_list_of_numbers_has_exactly_the_size_asked(numbers: list[int], size: int) -> None:
    assert len(grown(numbers, size=size)[0]) == size


@given(NUMBERS.filter(lambda numbers: len(set(numbers)) > 4), GROWTH)
def test_sorted_numbers_stay_sorted(numbers: list[int], size: int) -> None:
    found, reverse = grown(sorted(numbers), size=size)[0], grown(sorted(numbers)[::-1], size=size)[0]
    assert (found, reverse) == (sorted(found), sorted(reverse, reverse=True))


@given(st.lists(st.integers(-1000, 1000), min_size=3, max_size=20, unique=True), GROWTH)
def test_distinct_numbers_stay_distinct(numbers: list[int], size: int) -> None:
    found = grown(numbers, size=size)[0]
    assert len(set(found)) == size


@given(st.sampled_from((0, 1)), st.integers(3, 12), st.randoms(use_true_random=False), GROWTH)
def test_a_permutation_stays_a_permutation(first: int, count: int, chance: random.Random, size: int) -> None:
    permutation = chance.sample(range(first, first + count), count)
    assert sorted(grown(permutation, size=size)[0]) == list(range(first, first + size))


@given(NUMBERS, GROWTH)
def test_grown_numbers_are_not_below_the_least_recorded_one(numbers: list[int], size: int) -> None:
    assert min(grown(numbers, size=size)[0]) >= min(numbers)


@given(st.lists(st.sampled_from((0, 1)), min_size=4, max_size=9), GROWTH)
def test_flags_stay_flags(flags: list[int], size: int) -> None:
    assert set(grown(flags, size=size)[0]) <= set(flags)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9), GROWTH)
def test_real_numbers_keep_their_range_to_the_cent(numbers: list[float], size: int) -> None:
    found = grown(numbers, size=size)[0]
    assert min(numbers) - 0.01 <= min(found) <= max(found) <= max(numbers) + 0.01


def test_indices_into_a_list_stay_indices_into_it() -> None:
    following = grown([2, 3, 1, 1, 4], size=256)[0]
    assert 0 <= min(following) <= max(following) < 256


@given(st.text("abc", min_size=1, max_size=9), GROWTH)
def test_a_word_keeps_its_letters_and_has_exactly_the_size_asked(word: str, size: int) -> None:
    found = grown(word, size=size)[0]
    assert len(found) == size
    assert set(found) <= set(word)


def opened(text: str) -> bool:
    """Whether every bracket is closed by its own kind, told by deleting pairs until none is left."""
    while any(pair in text for pair in ("()", "[]", "{}")):
        text = text.replace("()", "").replace("[]", "").replace("{}", "")
    return not text


@given(st.sampled_from(("()", "([]{})", "(())()", "[{}]")), GROWTH, st.integers(0, 99))
def test_balanced_brackets_stay_balanced_and_of_their_kinds(text: str, size: int, seed: int) -> None:
    (found,) = grow([[text]], size, random.Random(seed))
    assert (len(found), opened(found), set(found) <= set(text)) == (size, True, True)


def test_digits_start_as_the_recorded_ones_do() -> None:
    (found,) = grow([["10"], ["21030"], ["2110"]], 300, random.Random(0))
    assert (len(found), found[0] in "12", set(found)) == (300, True, set("0123"))


def test_a_sentence_grows_by_its_words() -> None:
    (found,) = grow([["the cat sat"], ["on the mat"]], 400, random.Random(0))
    assert set(found.split(" ")) <= {"the", "cat", "sat", "on", "mat"}


@pytest.mark.parametrize("text", ["(add 1 2)", "(mult 3 (add 2 3))"])
def test_a_nested_expression_nests_deeper_and_stays_one_expression(text: str) -> None:
    (found,) = grown(text, size=200)
    depth = [sum((sign == "(") - (sign == ")") for sign in found[: at + 1]) for at in range(len(found))]
    assert (min(depth[:-1]), depth[-1], 100 < len(found) < 300) == (1, 0, True)


def test_a_sum_in_brackets_is_summed_with_itself() -> None:
    (found,) = grown("(1+(2*3))+4", size=47)
    assert eval(found) == 4 * eval("(1+(2*3))+4")


def test_a_palindrome_stays_one() -> None:
    (found,) = grow([["level"], ["noon"], ["abcba"]], 101, random.Random(0))
    assert (len(found), found) == (101, found[::-1])


def test_distinct_words_stay_distinct_of_one_length_and_keep_their_letters() -> None:
    (found,) = grown(["eat", "tea", "ate"], size=60)
    assert (len("".join(found)), len(set(map(len, found)))) == (60, 1)
    assert (len(set(found)), set("".join(found))) == (len(found), set("eat"))


def test_words_that_repeat_are_drawn_from_the_recorded_ones() -> None:
    assert set(grown(["a-b", "c", "c"], size=90)[0]) <= {"a-b", "c"}


def test_a_square_matrix_stays_square_with_both_sides_longer_by_the_root() -> None:
    (found,) = grown([[1, 2, 3], [4, 5, 6], [7, 8, 9]], size=900)
    assert (len(found), {len(row) for row in found}) == (30, {30})


def test_intervals_stay_in_order_and_sorted() -> None:
    (found,) = grown([[1, 3], [2, 6], [8, 10]], size=200)
    assert (len(found), found) == (100, sorted(found))
    assert all(first <= last for first, last in found)


def test_edges_of_a_tree_stay_a_tree_over_the_node_count_that_follows() -> None:
    nodes, edges = grown(4, [[0, 1], [0, 2], [2, 3]], size=200)
    reached = {0}
    for parent, node in edges:
        assert parent in reached
        reached.add(node)
    assert reached == set(range(nodes))


def test_edges_of_a_graph_are_between_two_nodes_and_keep_their_weights() -> None:
    (found,) = grown([[0, 1, 7], [1, 2, 7], [2, 0, 7], [0, 2, 7]], size=300)
    assert len(found) == 100
    assert all(one != other and weight == 7 for one, other, weight in found)


def test_a_number_that_repeats_a_length_follows_it() -> None:
    numbers, count, most = grown([5, 5, 5, 5], 4, 3, size=64)
    assert (len(numbers), count, most) == (62, 62, 3)


def test_numbers_alone_keep_their_proportion_and_the_largest_is_the_size() -> None:
    assert grown(10, 5, -3, 0, True, size=1000) == [1000, 500, -3, 0, True]


@pytest.mark.parametrize("value", [(3, 1, 4), {3, 1, 4}, [3, 1, 4], "cab"])
@pytest.mark.parametrize("size", SIZES)
def test_an_argument_keeps_its_type_and_has_the_size(value: Any, size: int) -> None:
    (found,) = grown(value, size=size)
    assert (type(found), size_of([found])) == (type(value), size)


@given(st.lists(VALUES, min_size=1, max_size=3), GROWTH)
def test_any_arguments_grow_into_as_many_of_the_same_types(arguments: list[Any], size: int) -> None:
    assert [type(value) for value in grown(*arguments, size=size)] == [type(value) for value in arguments]


@given(st.lists(VALUES, min_size=1, max_size=3), st.integers())
def test_one_seed_gives_one_input(arguments: list[Any], seed: int) -> None:
    assert grow([arguments], 64, random.Random(seed)) == grow([arguments], 64, random.Random(seed))


def test_growing_leaves_the_recorded_arguments_as_they_were() -> None:
    recorded = [[[3, 1], [2, 2]], "ab", [1, 2, 3]]
    grow([recorded], 256, random.Random(0))
    assert recorded == [[[3, 1], [2, 2]], "ab", [1, 2, 3]]


@given(st.dictionaries(st.sampled_from(("nums", "target", "s", "root")), VALUES))
def test_keywords_are_read_as_json_values(arguments: dict[str, Any]) -> None:
    text = ", ".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in arguments.items())
    assert parse_keywords(text) == arguments


@pytest.mark.parametrize(
    "text",
    ["1, 2", "x = open('f')", "x = y", "x = [", "x = 1\0", "x = " + "[" * 10_000, "x = [i for i in y]"],
)
def test_what_is_not_keywords_of_literals_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_keywords(text)


@pytest.mark.parametrize(
    ("constant", "factor", "expected"),
    [
        ("1000", 8, 125),
        ("10**5", 8, 12_500),
        ("499", 8, 499),
        ("500", 100, 10),
        ("10**7", 1000, 10**4),
        ("10**9", 8, 10**9),
        ("True", 8, True),
        ("'1000'", 8, "1000"),
    ],
)
def test_a_large_constant_is_divided_and_no_other(constant: str, factor: int, expected: Any) -> None:
    shrunk = ast.parse(shrink_constants(f"x = {constant}", factor)).body[0]
    assert isinstance(shrunk, ast.Assign)
    assert ast.literal_eval(shrunk.value) == expected


def test_constants_shrink_wherever_they_are() -> None:
    source = "def f(n=2000):\n    return [0] * (n + 10 ** 4)"
    assert shrink_constants(source, 10) == "def f(n=200):\n    return [0] * (n + 1000)"


def test_a_generator_that_does_not_parse_is_a_syntax_error() -> None:
    with pytest.raises(SyntaxError):
        shrink_constants("def f(", 8)
