"""Figures of predictors whose errors are known, and the difference of two."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from ci_rlm.errors import CheckpointError, CiRlmError
from ci_rlm.flow import Calibration, ErrorBand, Metric
from ci_rlm.training import bootstrap, corpus, evaluate
from ci_rlm.training.baselines import baselines, node_features
from ci_rlm.training.corpus import Example
from ci_rlm.training.evaluate import Settings
from ci_rlm.training.evaluation_document import brief, table
from ci_rlm.training.figures import Said, scores_of
from ci_rlm.training.meanings import MEANINGS, meaning
from ci_rlm.training.questions import Questions, pairs_of
from ci_rlm.training.scores import Score
from tests.fakes import INFO
from tests.made_up_programs import Comparer, Guesser, example, points, programs

PLAIN = Settings(resamples=0, baselines=False)


def scores_for(examples: Sequence[Example], guessed: Sequence[float]) -> tuple[dict[str, Score], int]:
    """Scores of one metric of a predictor of points, and how many problems there are."""
    these = points(*examples)
    questions = Questions.of(these, pairs_of(these))
    return scores_of(questions, questions.known[:, 0], Said(np.log(guessed))), len(questions.problems)


def plain(examples: Sequence[Example], guessed: Sequence[float]) -> dict[str, float]:
    found, problems = scores_for(examples, guessed)
    return {key: score.plain(problems) for key, score in found.items()}


def figures_of(measured: Sequence[float], guessed: Sequence[float]) -> dict[str, float]:
    """Scores for programs of one problem."""
    return plain([example(str(number), [cost]) for number, cost in enumerate(measured)], guessed)


# Ranking.


def test_signs_count_pairs_whose_measured_ratio_is_over_one_and_a_half() -> None:
    # Over 1.5: 10:16 and 10:100 (both right), 14:100 and 16:100 (both wrong). 10:14 and 14:16 are under.
    key = "pairs/solutions/over 1.5/sign_accuracy"
    these = [example(str(cost), [cost]) for cost in (10, 14, 16, 100)]
    found, problems = scores_for(these, [1, 9, 5, 4])
    assert (len(found[key].owner), found[key].plain(problems)) == (4, 0.5)


def test_pairs_are_told_apart_by_the_size_of_their_ratio() -> None:
    # 10:10.5 is in the first bin and wrong; 10.5:15 and 10:15 are in the second and right.
    found = figures_of([10, 10.5, 15], [2, 1, 3])
    assert found["pairs/solutions/1 to 1.1/sign_accuracy"] == 0
    assert found["pairs/solutions/1.1 to 1.5/sign_accuracy"] == 1
    assert math.isnan(found["pairs/solutions/2 to 5/sign_accuracy"])


def test_equal_costs_have_no_sign() -> None:
    assert math.isnan(figures_of([10, 10], [1, 2])["pairs/solutions/1 to 1.1/sign_accuracy"])


def test_a_guess_that_does_not_tell_two_programs_apart_has_no_sign_right() -> None:
    found = figures_of([10, 100], [5, 5])
    assert found["pairs/solutions/over 5/sign_accuracy"] == 0
    assert found["pairs/solutions/over 5/auc"] == 0.5


def test_the_area_under_the_curve_of_pairs_is_the_chance_that_two_are_told_apart() -> None:
    chance = np.random.default_rng(0)
    measured, guessed = np.exp(chance.normal(size=(2, 12)) + 9)
    y, p = np.log(measured), np.log(guessed)
    sides = [
        (y[b] - y[a], p[b] - p[a])
        for a, b in itertools.permutations(range(12), 2)
        if abs(y[b] - y[a]) > math.log(1.5)
    ]
    dearer, cheaper = [q for d, q in sides if d > 0], [q for d, q in sides if d < 0]
    won = np.mean([(one > other) + (one == other) / 2 for one in dearer for other in cheaper])
    found = figures_of(measured.tolist(), guessed.tolist())
    assert found["pairs/solutions/over 1.5/auc"] == pytest.approx(won)


def test_edited_programs_do_not_count_in_the_ranking() -> None:
    these = [example(str(cost), [cost]) for cost in (1, 2, 3)]
    found = plain([*these, example("1+rename_local", [9])], [1, 2, 3, 0.1])
    assert found["ranking/spearman"] == found["ranking/kendall"] == 1


def test_ranking_near_the_reference_size_leaves_other_sizes_out() -> None:
    near = [example(str(cost), [cost]) for cost in (1, 2, 3)]
    found = plain([*near, example("far", [4], size=64.0)], [1, 2, 3, 0.1])
    assert found["ranking/spearman_near"] == pytest.approx(1)
    assert found["ranking/spearman"] < 0.5


def test_ranking_within_problems_is_a_mean_in_which_each_problem_weighs_the_same() -> None:
    # p: in order, ten programs. q: reversed, three. r: two programs, which have no order.
    sizes = {"p": 10, "q": 3, "r": 2}
    these = [
        example(str(n), [n + 1.0], problem=problem) for problem, count in sizes.items() for n in range(count)
    ]
    guessed = [*range(1, 11), 3, 2, 1, 1, 2]
    found = plain(these, guessed)
    assert found["ranking/spearman_within"] == pytest.approx(0)
    assert found["ranking/kendall_within"] == pytest.approx(0)
    assert found["ranking/spearman_within_median"] == pytest.approx(1)


def test_a_problem_whose_solutions_cost_the_same_cannot_be_ranked() -> None:
    found, _ = scores_for([example(str(number), [5]) for number in range(9)], range(1, 10))
    assert len(found["ranking/spearman_within"].owner) == 0


def test_a_guess_that_is_the_same_for_all_solutions_ranks_none() -> None:
    assert figures_of(range(1, 10), [5] * 9)["ranking/spearman_within"] == 0


def test_languages_are_ranked_apart() -> None:
    these = [example(str(n), [n + 1.0], problem=str(n)) for n in range(4)]
    other = [replace(each, text="# CDSS\n# Language: rust\nx", problem=f"r{each.problem}") for each in these]
    found = plain([*these, *other], [1, 2, 3, 4, 4, 3, 2, 1])
    assert found["languages/python/spearman"] == pytest.approx(1)
    assert found["languages/rust/kendall"] == pytest.approx(-1)


def test_the_best_pick_of_a_problem_is_looked_for_among_the_truly_cheapest() -> None:
    # Ten programs; the one that is said to be cheapest is the third, so in the top 30%, not the top 20%.
    guessed = [3, 4, 1, *range(5, 12)]
    found = figures_of(range(1, 11), guessed)
    assert (found["selection/20/hit"], found["selection/30/hit"]) == (0, 1)
    assert found["selection/30/chance"] == pytest.approx(0.3)
    # The three that are said to be cheapest are 3, 1, 2: the three cheapest.
    assert found["selection/30/overlap"] == 1
    assert found["selection/30/regret"] == pytest.approx(1)
    # The cheapest tenth is the first, which costs 1; the third was chosen.
    assert found["selection/10/regret"] == pytest.approx(3)


# Quantiles and claims.


def test_a_predictor_that_knows_its_error_covers_what_it_says() -> None:
    chance = np.random.default_rng(1)
    these = programs(300, 3)
    spread = 0.4
    document = evaluate.evaluation(
        Guesser(these, lambda: chance.normal() * spread, spread=spread), these, PLAIN
    )
    found = document["metrics"][0]["predictors"][0]["figures"]
    for level in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert found[f"coverage/{level:g}/below"]["value"] == pytest.approx(level, abs=0.04)
    assert found["coverage/inside_90"]["value"] == pytest.approx(0.9, abs=0.03)
    assert found["pit/0.25 to 0.5/mass"]["value"] == pytest.approx(0.25, abs=0.04)


def test_a_predictor_that_is_too_sure_covers_less() -> None:
    chance = np.random.default_rng(1)
    these = programs(100, 3)
    document = evaluate.evaluation(Guesser(these, lambda: chance.normal() * 0.4, spread=0.1), these, PLAIN)
    assert document["metrics"][0]["predictors"][0]["figures"]["coverage/inside_90"]["value"] < 0.5


def normal_calibration(deviation: float) -> tuple[Calibration, ...]:
    """Predicted ln ratios err by a normal deviate of this deviation."""
    from scipy.stats import norm

    levels = (0.002, *(round(u, 2) for u in np.arange(0.01, 1, 0.01)), 0.998)
    band = ErrorBand(0.5, 1.0, deviation, 0.0, tuple((u, float(norm.ppf(u))) for u in levels))
    return tuple(Calibration(metric, (band,), pairs=100) for metric in ("peak_memory", "cpu_time"))


def test_probabilities_of_a_regression_are_held_against_what_was_measured() -> None:
    # Costs of two programs err by 0.3 each, so their ratio by 0.3·√2.
    these = [each for each in programs(400, 3) if not each.edit]
    found = {}
    for name, deviation in (("right", 0.3 * math.sqrt(2)), ("too sure", 0.02)):
        chance = np.random.default_rng(2)
        guesser = Guesser(
            these, lambda by=chance: by.normal() * 0.3, calibrations=normal_calibration(deviation)
        )  # type: ignore[misc]
        document = evaluate.evaluation(guesser, these, PLAIN)
        found[name] = document["metrics"][0]["predictors"][0]["figures"]["probabilities/solutions/ece"]
    assert found["right"]["value"] < 0.05
    assert found["too sure"]["value"] > 0.08
    assert found["right"]["count"] == 2 * 3 * 400


def test_calls_are_what_the_gate_says_of_edits_both_ways_round() -> None:
    # A neutral edit, and one that doubles the cost; the predictor knows both.
    costs = {"a": 1e5, "a+rename_local": 1e5, "a+set_to_list": 2e5}
    these = [example(record, [cost], text=f"PYTHON\n{record}") for record, cost in costs.items()]
    found = brief(evaluate.evaluation(Guesser(these), these, PLAIN))["calls"]["peak_memory"]
    # Four sides: the neutral edit both ways, the costly one forth (a regression) and back.
    assert (found["edits"], found["neutral"], found["worse"], found["called"]) == (4, 2, 1, 1)
    assert (found["neutral_called"], found["recall"], found["precision"]) == (0, 1, 1)


# Baselines.


def test_node_features_are_counts_by_type_and_the_log_of_the_size() -> None:
    found = node_features(points(example("abc", [1])), ["call", "lambda"])
    assert found == pytest.approx(np.array([[3, 0, math.log(1000)]]))


def test_baselines_learn_a_cost_that_follows_what_they_see() -> None:
    # The cost doubles with each call; texts are all as long, so that length alone says nothing.
    training = [example("x" * (1 + number % 4), [2.0 ** (number % 4)]) for number in range(400)]
    asked = points(*(example("x" * calls, [1.0]) for calls in (1, 2, 3, 4)))
    found = baselines(training, asked)
    assert found["node counts"][:, 0] == pytest.approx(np.log([1, 2, 4, 8]), abs=0.05)
    assert found["length"][:, 0] == pytest.approx([np.log([1, 2, 4, 8]).mean()] * 4, abs=0.05)


def test_the_score_of_a_ratio_is_that_of_what_both_orders_say() -> None:
    """Sure of y + e one way round and of y - e the other: half the mass e off on each side, so e / 2."""
    these = programs()
    questions = Questions.of(points(*these), pairs_of(points(*these)))
    told = evaluate.said_of(Comparer(these, lambda: 0.3, spread=0.0), questions)["peak_memory"]
    found = scores_of(questions, questions.known[:, 0], told)["pairs/edits/ratio_crps"]
    assert found.plain(len(questions.problems)) == pytest.approx(0.15)
    assert len(found.owner) == 8


def test_a_predictor_without_ratios_has_no_score_of_them() -> None:
    these = programs()
    questions = Questions.of(points(*these), pairs_of(points(*these)))
    told = evaluate.said_of(Guesser(these), questions)["peak_memory"]
    assert "pairs/edits/ratio_crps" not in scores_of(questions, questions.known[:, 0], told)


# The whole.


def test_a_document_holds_plain_numbers_and_every_score_is_explained() -> None:
    these = programs()
    learned = [replace(each, split="train") for each in these]
    chance = np.random.default_rng(3)
    comparer = Comparer(these, lambda: chance.normal() * 0.3)
    document = evaluate.evaluation(comparer, [*these, *learned], Settings(resamples=20))
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert [each["name"] for each in document["predictors"]] == ["fake", "node counts", "length"]
    keys = {key for each in document["metrics"] for told in each["predictors"] for key in told["figures"]}
    assert {key.rpartition("/")[2] for key in keys} == set(document["meanings"]) == set(MEANINGS)
    assert meaning("pairs/edits/2 to 5/auc") is MEANINGS["auc"]


def test_figures_of_a_document_are_those_of_scipy() -> None:
    these = programs()
    chance = np.random.default_rng(4)
    errors = {(e.problem, e.record): chance.normal() for e in these}
    guessed = [math.log(e.rows[0].peak_memory) + errors[e.problem, e.record] for e in these if not e.edit]
    known = [e.rows[0].peak_memory for e in these if not e.edit]
    order = iter(value for e in these for value in [errors[e.problem, e.record]] * 2)
    document = evaluate.evaluation(Guesser(these, lambda: next(order)), these, PLAIN)
    found = document["metrics"][0]["predictors"][0]["figures"]
    assert found["ranking/spearman"]["value"] == pytest.approx(spearmanr(known, guessed).statistic, abs=1e-5)
    assert found["ranking/kendall"]["value"] == pytest.approx(kendalltau(known, guessed).statistic, abs=1e-5)


def test_a_metric_is_scored_on_the_programs_that_have_it() -> None:
    these = programs()
    without = {(e.problem, e.record) for e in these[::3]}
    partly = [
        replace(e, rows=tuple(replace(row, peak_memory=None) for row in e.rows))
        if (e.problem, e.record) in without
        else e
        for e in these
    ]
    chance = np.random.default_rng(4)
    error = {(row.size, e.text): chance.normal() * 0.3 for e in these for row in e.rows}

    def document(asked: Sequence[Example]) -> Any:
        order = iter(error[row.size, e.text] for e in asked for row in e.rows for _ in range(2))
        return evaluate.evaluation(Guesser(asked, lambda: next(order)), asked, PLAIN)["metrics"]

    memory, time = (each["predictors"][0] for each in document(partly))
    whole = document(these)[1]["predictors"][0]
    rest = document([e for e in these if (e.problem, e.record) not in without])[0]["predictors"][0]
    assert (memory["figures"], memory["scatter"]) == (rest["figures"], rest["scatter"])
    assert time == whole


def test_a_metric_that_no_program_has_is_left_out() -> None:
    timed = [replace(e, rows=tuple(replace(row, peak_memory=None) for row in e.rows)) for e in programs()]
    learned = [replace(each, split="train") for each in timed]
    document = evaluate.evaluation(Guesser(timed), [*timed, *learned], Settings(resamples=10))
    assert [each["metric"] for each in document["metrics"]] == ["cpu_time"]
    assert len(document["metrics"][0]["predictors"]) == 3


def test_the_same_seed_gives_the_same_document() -> None:
    these = programs()

    def document(seed: int) -> str:
        chance = np.random.default_rng(5)
        guesser = Guesser(these, lambda: chance.normal() * 0.3)
        return json.dumps(
            evaluate.evaluation(guesser, these, Settings(resamples=50, seed=seed, baselines=False))
        )

    assert document(0) == document(0) != document(1)


def test_a_better_checkpoint_is_better_with_confidence() -> None:
    these = programs(40)
    near, far = np.random.default_rng(6), np.random.default_rng(7)
    candidate, present = Guesser(these, lambda: near.normal() * 0.2), Guesser(these, lambda: far.normal() * 2)
    found = evaluate.compare(candidate, present, these, pairs_of(points(*these)), resamples=200)
    rho = found["peak_memory"]["ranking/spearman"]
    assert rho.candidate is not None
    assert rho.difference.low is not None
    assert rho.candidate > 0.9
    assert rho.difference.low > 0.1
    assert found["cpu_time"]["accuracy/crps"].higher == 0


def test_a_checkpoint_is_not_better_than_its_twin() -> None:
    these = programs(40)
    first, second = np.random.default_rng(8), np.random.default_rng(9)
    twins = [Guesser(these, lambda by=by: by.normal() * 0.5) for by in (first, second)]  # type: ignore[misc]
    rho = evaluate.compare(*twins, these, pairs_of(points(*these)), resamples=200)["cpu_time"][
        "ranking/spearman"
    ]
    assert rho.difference.low is not None
    assert rho.difference.high is not None
    assert rho.difference.low < 0 < rho.difference.high


def test_nothing_is_compared_on_no_programs() -> None:
    guesser = Guesser([])
    with pytest.raises(CiRlmError, match="no programs"):
        evaluate.compare(guesser, guesser, [], [])


def test_checkpoints_of_different_metrics_are_not_compared() -> None:
    these = programs()
    memory, time = Guesser(these), Guesser(these)
    for guesser, place in ((memory, 0), (time, 1)):
        space = guesser.spaces[0]
        guesser.spaces = (replace(space, metrics=(space.metrics[place],)),)
    with pytest.raises(CheckpointError, match="no metric in common"):
        evaluate.compare(memory, time, these, [], resamples=10)


def test_another_checkpoint_of_the_same_name_is_told_by_its_digest() -> None:
    these = programs()
    other = Guesser(these, info=replace(INFO, digest="f" * 64))
    document = evaluate.evaluation(Guesser(these), these, PLAIN, against=other)
    assert [each["name"] for each in document["predictors"]] == ["fake (000000000000)", "fake (ffffffffffff)"]
    told = document["metrics"][0]["predictors"][1]["differences"]["ranking/spearman"]
    assert (told["difference"]["value"], told["candidate"]) == (0, pytest.approx(1))


def test_a_split_without_programs_cannot_be_evaluated() -> None:
    these = programs()
    with pytest.raises(CiRlmError, match="no programs"):
        evaluate.evaluation(Guesser(these), these, Settings("calibration"))


def test_a_checkpoint_of_other_metrics_cannot_be_evaluated() -> None:
    these = programs()
    guesser = Guesser(these)
    guesser.spaces = (replace(guesser.spaces[0], metrics=(Metric("latency", "s"),)),)
    with pytest.raises(CheckpointError, match="answers for none of peak_memory, cpu_time"):
        evaluate.evaluation(guesser, these, PLAIN)


def test_centres_are_the_mean_log_quantiles_of_each_metric() -> None:
    these = [example("a", [8.0])]
    (answer,) = evaluate.predictions(points(*these), guesser := Guesser(these), guesser.spaces[0])
    assert evaluate.centres([answer]) == pytest.approx(np.log([[8, 8e-6]]))


def test_progress_is_told_a_prompt_at_a_time() -> None:
    these = programs(2, 2)
    heard: list[tuple[int, int]] = []
    guesser = Guesser(these)
    evaluate.predictions(points(*these), guesser, guesser.spaces[0], lambda *now: heard.append(now))
    assert heard == [(done, 6) for done in range(1, 7)]


def test_the_table_has_a_row_for_each_figure_of_each_metric() -> None:
    these = [example(str(cost), [cost], text=f"PYTHON\n{cost}") for cost in (10, 20, 40)]
    result = brief(evaluate.evaluation(Guesser(these), these, PLAIN))
    lines = table(json.loads(json.dumps(result))).splitlines()
    assert lines[0] == "| metric | figure | fake |"
    assert "| peak memory | Spearman, all sizes | 1.000 |" in lines
    assert len(lines) == 2 + 2 * 4


def test_intervals_are_of_the_draws_that_were_asked_for() -> None:
    these = programs()
    chance = np.random.default_rng(10)
    guesser = Guesser(these, lambda: chance.normal())
    document = evaluate.evaluation(guesser, these, Settings(resamples=300, seed=1, baselines=False))
    questions = Questions.of(points(*these), pairs_of(points(*these)))
    told = document["metrics"][0]["predictors"][0]["figures"]["accuracy/log_error"]
    assert document["interval"] == {"level": 0.95, "resamples": 300, "seed": 1, "drawn": "problems"}
    # By hand, from the points of the scatter plot: all of the unedited programs.
    scatter = np.array(document["metrics"][0]["predictors"][0]["scatter"])
    off = np.abs(scatter[:, 0] - scatter[:, 1])
    owner = questions.owner[questions.plain]
    drawn = bootstrap.draws(8, 300, 1)
    means = [np.average(off, weights=counts[owner]) for counts in drawn]
    assert (told["low"], told["high"]) == pytest.approx(np.quantile(means, [0.025, 0.975]), rel=1e-4)


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
