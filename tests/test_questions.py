"""Points and pairs that an evaluation asks about, on data small enough to work out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from ci_rlm.comparing import similarity
from ci_rlm.training import questions, texts
from ci_rlm.training.questions import Pair, Questions
from tests.made_up_programs import example, points


def test_points_are_every_program_at_every_size_in_order() -> None:
    one, other = example("a", [8, 16]), example("b", [4])
    assert [(e.record, row.size) for e, row in points(one, other)] == [("a", 1000), ("a", 2000), ("b", 1000)]


def test_the_truth_is_the_log_of_each_metric() -> None:
    assert questions.truth(points(example("a", [8]))) == pytest.approx(np.log([[8, 8e-6]]))


def test_solutions_of_one_problem_at_one_size_are_paired() -> None:
    found = questions.solution_pairs(
        points(example("a", [1, 1]), example("b", [1, 1]), example("c", [1], problem="q"))
    )
    assert found == [Pair(0, 2, ""), Pair(1, 3, "")]


def test_an_edited_program_is_in_no_solution_pair() -> None:
    assert questions.solution_pairs(points(example("a", [1]), example("a+set_to_list", [1]))) == []


def test_at_most_so_many_pairs_are_taken_of_a_problem_at_one_size() -> None:
    many = points(*(example(str(number), [1]) for number in range(10)))
    drawn = questions.solution_pairs(many, cap=7)
    assert len(set(drawn)) == 7
    assert drawn == questions.solution_pairs(many, cap=7)


def test_an_edited_program_is_paired_with_its_original_at_the_same_size() -> None:
    found = questions.edit_pairs(
        points(
            example("a", [1, 1]),
            example("b", [1]),
            example("a+rename_local.2", [1]),
            example("c+rename_local", [1]),
        )
    )
    assert list(found) == [Pair(0, 3, "rename_local")]


def test_a_part_of_a_split_leaves_the_other_splits_whole() -> None:
    these = [example("a", [1], problem=str(number)) for number in range(9)]
    training = [replace(each, split="train") for each in these]
    found = questions.few([*training, *these], "test", 4)
    assert found[:9] == training
    assert len({each.problem for each in found[9:]}) == len(found[9:]) == 4


@pytest.mark.parametrize("language", ["python", "triton", "rust"])
def test_a_language_is_read_from_the_prompt_that_the_corpus_writes(language: str) -> None:
    text = texts.program_prompt("x = 1", language, "kernels")
    assert questions.language_of(example("a", [1], text=text)) == language


def test_edited_programs_are_in_no_ranking_and_two_programs_are_none() -> None:
    plain = [example(str(number), [1]) for number in range(3)]
    few = [example(str(number), [1], problem="q") for number in range(2)]
    found = Questions.of(points(*plain, example("0+rename_local", [1]), *few), [])
    assert [members.tolist() for members in found.rankings] == [[0, 1, 2]]
    assert found.plain.tolist() == [0, 1, 2, 4, 5]


def test_a_problem_is_ranked_at_the_largest_size_that_enough_programs_have() -> None:
    these = points(*(example(str(number), [1, 1]) for number in range(3)), example("3", [1, 1, 1]))
    (members,) = Questions.of(these, []).rankings
    assert {these[at][1].size for at in members.tolist()} == {2000.0}
    assert len(members) == 4


def test_sides_are_pairs_both_ways_round() -> None:
    these = points(example("a", [1, 1, 1]), example("b", [1, 1, 1]), example("a+rename_local", [1]))
    found = Questions.of(these, [Pair(0, 3, ""), Pair(2, 5, ""), Pair(0, 6, "rename_local")])
    solutions, edited = found.sides["solutions"], found.sides["edits"]
    assert (solutions.before.tolist(), solutions.after.tolist()) == ([0, 2, 3, 5], [3, 5, 0, 2])
    assert solutions.near.tolist() == [True, False, True, False]
    assert edited.neutral.tolist() == [True, True]


def test_texts_are_alike_by_their_similarity_near_the_reference_size() -> None:
    one, other = example("a", [1, 1, 1], text="a b c"), example("b", [1, 1, 1], text="a b d")
    found = Questions.of(points(one, other), [Pair(0, 3, ""), Pair(2, 5, "")])
    alike = similarity("a b c", "a b d")
    assert 0 < alike < 1
    assert found.sides["solutions"].alike.tolist() == [alike, 0, alike, 0]


def test_a_cost_of_nothing_has_a_logarithm() -> None:
    assert np.isfinite(questions.truth(points(example("a", [0.0])))).all()
    assert questions.truth(points(example("a", [0.0])))[0, 1] == pytest.approx(math.log(1e-9))
