"""Figures of a predictor, on data small enough to work out by hand."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ci_rlm.flow import Prediction
from ci_rlm.training import corpus, evaluate
from ci_rlm.training.corpus import Example, Row
from ci_rlm.training.evaluate import Centres, Pair, Point


def example(
    record: str, costs: Iterable[float], *, problem: str = "p", size: float = 1000.0, text: str = "PYTHON\nx"
) -> Example:
    """A program whose memory and time, at growing sizes, are these costs."""
    rows = tuple(Row(size * 2**step, cost, cost / 1e6) for step, cost in enumerate(costs))
    return Example(text, problem, "made up", record, "test", rows, (("call", len(record)), ("module", 1)))


def points(*examples: Example) -> list[Point]:
    return evaluate.points_of(examples)


def logs(*costs: float) -> Centres:
    """The same costs as both metrics' predictions."""
    return np.array([[math.log(cost)] * 2 for cost in costs])


def test_points_are_every_program_at_every_size_in_order() -> None:
    one, other = example("a", [8, 16]), example("b", [4])
    assert [(e.record, row.size) for e, row in points(one, other)] == [("a", 1000), ("a", 2000), ("b", 1000)]


def test_the_truth_is_the_log_of_each_metric() -> None:
    assert evaluate.truth(points(example("a", [8]))) == pytest.approx(np.log([[8, 8e-6]]))


@pytest.mark.parametrize(
    ("guessed", "rho"),
    [([10, 20, 30, 40], 1.0), ([9, 7, 5, 3], -1.0), ([1, 3, 2, 4], 0.8), ([1, 1, 1, 2], math.sqrt(0.6))],
    ids=["same order", "reversed", "one swap", "ties"],
)
def test_spearman_is_the_correlation_of_ranks(guessed: list[float], rho: float) -> None:
    # One swap: 1 - 6·2 / (4·15). Ties: ranks 2, 2, 2, 4 against 1 to 4 correlate by 3 / √(3·5).
    assert evaluate.spearman(np.array([1.0, 2, 3, 4]), np.array(guessed)) == pytest.approx(rho)


def test_spearman_of_two_points_is_no_number() -> None:
    assert math.isnan(evaluate.spearman(np.array([1.0, 2]), np.array([1.0, 2])))


def test_solutions_of_one_problem_at_one_size_are_paired() -> None:
    found = evaluate.solution_pairs(
        points(example("a", [1, 1]), example("b", [1, 1]), example("c", [1], problem="q"))
    )
    assert found == [Pair(0, 2, ""), Pair(1, 3, "")]


def test_an_edited_program_is_in_no_solution_pair() -> None:
    assert evaluate.solution_pairs(points(example("a", [1]), example("a+set_to_list", [1]))) == []


def test_at_most_so_many_pairs_are_taken_of_a_problem_at_one_size() -> None:
    many = points(*(example(str(number), [1]) for number in range(10)))
    drawn = evaluate.solution_pairs(many, cap=7)
    assert len(set(drawn)) == 7
    assert drawn == evaluate.solution_pairs(many, cap=7)


def test_an_edited_program_is_paired_with_its_original_at_the_same_size() -> None:
    found = evaluate.edit_pairs(
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
    found = evaluate.few([*training, *these], "test", 4)
    assert found[:9] == training
    assert len({each.problem for each in found[9:]}) == len(found[9:]) == 4


def figures_of(measured: Sequence[float], guessed: Sequence[float]) -> dict[str, float]:
    """Figures of one metric for programs of one problem."""
    these = points(*(example(str(number), [cost]) for number, cost in enumerate(measured)))
    return evaluate.figures(these, evaluate.truth(these), logs(*guessed))["peak_memory"]


def test_signs_count_pairs_whose_measured_ratio_is_over_one_and_a_half() -> None:
    # Over 1.5: 10:16 and 10:100 (both right), 14:100 and 16:100 (both wrong). 10:14 and 14:16 are under.
    found = figures_of([10, 14, 16, 100], [1, 9, 5, 4])
    assert (found["pairs"], found["sign_accuracy"]) == (4, 0.5)


def test_a_guess_that_does_not_tell_two_programs_apart_has_no_sign_right() -> None:
    assert figures_of([10, 100], [5, 5])["sign_accuracy"] == 0


def test_edited_programs_do_not_count_in_the_ranking() -> None:
    plain = [example(str(cost), [cost]) for cost in (1, 2, 3)]
    these = points(*plain, example("1+rename_local", [9]))
    found = evaluate.figures(these, evaluate.truth(these), logs(1, 2, 3, 0.1))
    assert found["cpu_time"]["spearman"] == 1


def test_ranking_near_the_reference_size_leaves_other_sizes_out() -> None:
    near = [example(str(cost), [cost]) for cost in (1, 2, 3)]
    these = points(*near, example("far", [4], size=64.0))
    found = evaluate.figures(these, evaluate.truth(these), logs(1, 2, 3, 0.1))["peak_memory"]
    assert found["spearman_near_reference_size"] == 1 > found["spearman"]


def test_ranking_within_problems_takes_those_with_many_solutions_at_their_largest_size() -> None:
    # At the larger size the guess is reversed; problem q has too few solutions to count.
    many = [example(str(number), [number + 1, number + 1]) for number in range(9)]
    few = [example(str(number), [number + 1], problem="q") for number in range(8)]
    these = points(*many, *few)
    guess = [value for number in range(9) for value in (number + 1, 9 - number)] + [*range(1, 9)]
    found = evaluate.figures(these, evaluate.truth(these), logs(*guess))["peak_memory"]
    assert (found["spearman_within_problem"], found["problems_within"]) == (-1, 1)


@pytest.mark.filterwarnings("ignore:An input array is constant")
def test_a_problem_whose_solutions_cost_the_same_cannot_be_ranked() -> None:
    assert figures_of([5] * 9, range(1, 10))["problems_within"] == 0


@pytest.mark.filterwarnings("ignore:An input array is constant")
def test_a_guess_that_is_the_same_for_all_solutions_ranks_none() -> None:
    assert figures_of(range(1, 10), [5] * 9)["spearman_within_problem"] == 0


def answer(low: float, high: float) -> tuple[Prediction, Prediction]:
    pairs = ((0.05, low), (0.5, (low + high) / 2), (0.95, high))
    time = tuple((u, value / 1e6) for u, value in pairs)
    return Prediction("peak_memory", "B", pairs), Prediction("cpu_time", "s", time)


def test_coverage_is_the_share_of_measurements_within_the_interval() -> None:
    these = points(*(example(str(cost), [cost]) for cost in (10, 20, 30, 40)))
    found = evaluate.coverage([answer(15, 30)] * 4, evaluate.truth(these))
    assert found == {"peak_memory": 0.5, "cpu_time": 0.5}


def test_centres_are_the_mean_log_quantiles_of_each_metric() -> None:
    assert evaluate.centres([answer(1, 15)]) == pytest.approx(np.log([[8, 8e-6]]))


def test_node_features_are_counts_by_type_and_the_log_of_the_size() -> None:
    found = evaluate.node_features(points(example("abc", [1])), ["call", "lambda"])
    assert found == pytest.approx(np.array([[3, 0, math.log(1000)]]))


def test_baselines_learn_a_cost_that_follows_what_they_see() -> None:
    # The cost doubles with each call; texts are all as long, so that length alone says nothing.
    training = [example("x" * (1 + number % 4), [2.0 ** (number % 4)]) for number in range(400)]
    asked = points(*(example("x" * calls, [1.0]) for calls in (1, 2, 3, 4)))
    found = evaluate.baselines(training, asked)
    assert found["node counts"][:, 0] == pytest.approx(np.log([1, 2, 4, 8]), abs=0.05)
    assert found["length"][:, 0] == pytest.approx([np.log([1, 2, 4, 8]).mean()] * 4, abs=0.05)


def test_the_table_has_a_row_for_each_figure_of_each_metric() -> None:
    these = points(*(example(str(cost), [cost]) for cost in (10, 20, 40)))
    known = evaluate.truth(these)
    result = {
        "figures": {
            "model": evaluate.figures(these, known, known),
            "length": evaluate.figures(these, known, -known),
        }
    }
    lines = evaluate.table(json.loads(json.dumps(result))).splitlines()
    assert lines[0] == "| metric | figure | model | length |"
    assert "| peak memory | Spearman, all sizes | 1.000 | -1.000 |" in lines
    assert len(lines) == 2 + 2 * 4


@pytest.mark.model
def test_the_embedded_checkpoint_is_evaluated_on_a_corpus(tmp_path: Path) -> None:
    texts = ["PYTHON\ndef f(xs):\n return sum(xs)", "PYTHON\ndef f(xs):\n return sorted(xs)[0]"]
    training = [replace(example(str(n), [64, 99], text=texts[n % 2]), split="train") for n in range(40)]
    tested = [example(str(n), [64, 99], problem="q", text=text) for n, text in enumerate(texts)]
    corpus.write([*training, *tested], tmp_path / "corpus")
    checkpoint = Path(evaluate.__file__).parents[1] / "model" / "pretrained"
    command = [sys.executable, "-m", "ci_rlm.training.evaluate", checkpoint, "--corpus", tmp_path / "corpus"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("1 problems, 2 programs, 4 points")
