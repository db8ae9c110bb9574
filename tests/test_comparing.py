"""Both versions read at once: what is asked, what is made of the answers, and what training draws."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm import comparing, marks
from ci_rlm.comparing import of_ratios
from ci_rlm.errors import UsageError
from ci_rlm.flow import (
    Calibration,
    Change,
    Kind,
    Limits,
    Outcome,
    Prediction,
    ProbabilityMap,
    Prompt,
    Span,
    Unit,
    Vocabulary,
)
from ci_rlm.marks import Side
from ci_rlm.model import alternatives, checkpoint
from ci_rlm.model.config import ModelConfig
from ci_rlm.model.network import Network
from ci_rlm.model.tokenizer import learn
from ci_rlm.predict.rlm import RlmPredictor
from ci_rlm.prompt import change_prompt, prompts_of
from ci_rlm.training import calibrate, corpus, evaluate, networks, rehearsal, train
from ci_rlm.training.changes import Changes, ratios
from ci_rlm.training.corpus import Example, Row
from ci_rlm.training.programs import Program
from ci_rlm.training.recipe import Recipe, Start, Train
from ci_rlm.training.texts import change_space, node_counts, python_space, unit_text
from tests.fakes import PROBABILITIES, SPACE, FakePredictor
from tests.test_gate import LONG, SHORT, checked, file, outcomes

COMPARING = change_space(SPACE)
MEMORY = SPACE.metrics[0]
UNIT = Unit(PurePosixPath("a.py"), "f", Kind.FUNCTION, "python", Span(1, 2), "def f(): pass")
CHANGE = Change(UNIT, UNIT)
RATIOS = st.lists(st.floats(0.01, 100.0), min_size=5, max_size=5).map(sorted)


def ratio(values: list[float]) -> Prediction:
    return Prediction("peak_memory", "1", tuple(zip(PROBABILITIES, values, strict=True)))


def cost(prompt: Prompt) -> dict[str, float]:
    """A program costs a gibibyte and a second, whatever it is; a version of a change its length."""
    if prompt.space == SPACE.name:
        return {"peak_memory": 2.0**30, "cpu_time": 1.0}
    before, after = (len(marks.version(prompt.text, side)) for side in (Side.BEFORE, Side.AFTER))
    return dict.fromkeys(("peak_memory", "cpu_time"), after / before)


def reading_both() -> FakePredictor:
    return FakePredictor(cost, spaces=(SPACE, COMPARING), calibrations=())


def test_a_change_is_asked_in_both_orders_and_its_old_side_alone() -> None:
    predictor = reading_both()
    checked(file(SHORT, LONG), predictor=predictor)
    before, forth, back = predictor.asked
    assert (before.space, forth.space, back.space) == (SPACE.name, COMPARING.name, COMPARING.name)
    assert marks.swapped(forth.text) == back.text
    body = before.text.removeprefix(SPACE.prefix)
    assert marks.version(forth.text, Side.BEFORE) == COMPARING.prefix[1:] + body


def test_the_verdict_is_of_the_ratio_and_the_new_side_is_the_old_one_times_it() -> None:
    report = checked(file(SHORT, LONG), predictor=reading_both())
    assert outcomes(report) == {Outcome.REGRESSED}
    for verdict in report.verdicts:
        comparison = verdict.comparison
        assert comparison.before and comparison.after and comparison.slowdown
        factor = comparison.after.median / comparison.before.median
        assert factor == pytest.approx(comparison.slowdown.mid)
        assert comparison.after.unit == comparison.metric.unit
    assert outcomes(checked(file(LONG, SHORT), predictor=reading_both())) == {Outcome.IMPROVED}


def test_new_and_equal_functions_are_not_compared() -> None:
    predictor = reading_both()
    checked(file(None, SHORT), file(SHORT, SHORT + "\n# a remark\n", "b.py"), predictor=predictor)
    assert [prompt.space for prompt in predictor.asked] == [SPACE.name]


def test_a_change_and_its_inverse_have_prompts_of_their_own() -> None:
    sides = prompts_of(replace(UNIT, source=SHORT), replace(UNIT, source=LONG), SPACE)
    forth, back = (change_prompt(*pair, SPACE, COMPARING) for pair in (sides, sides[::-1]))
    assert forth.key != back.key
    assert forth.key == change_prompt(*sides, SPACE, COMPARING).key


FOUND = ((0.0, 0.001), (0.2, 0.001), (0.4, 0.55), (0.6, 0.9), (0.8, 0.999), (1.0, 0.999))
MAPPED = Calibration("peak_memory", (), 100, ProbabilityMap("isotonic", FOUND))
"""It finds regressions likelier than they are told to be."""


@given(RATIOS, RATIOS, st.sampled_from([(), (MAPPED,)]))
def test_a_change_and_its_inverse_mirror_each_other(
    forth: list[float], back: list[float], calibrations: tuple[Calibration, ...]
) -> None:
    before = Prediction("peak_memory", "B", tuple((u, 100.0) for u in PROBABILITIES))
    one, other = (
        of_ratios(CHANGE, MEMORY, before, pair, calibrations, Limits())
        for pair in ((ratio(forth), ratio(back)), (ratio(back), ratio(forth)))
    )
    assert one.slowdown and other.slowdown
    assert one.slowdown.low * other.slowdown.high == pytest.approx(1.0, rel=1e-6)
    assert one.slowdown.mid * other.slowdown.mid == pytest.approx(1.0, rel=1e-6)
    assert one.p_warning == pytest.approx(other.p_improvement, abs=1e-9)


@given(RATIOS, RATIOS, st.sampled_from([(), (MAPPED,)]), st.floats(0.01, 1.0))
def test_the_interval_says_what_the_probabilities_say(
    forth: list[float], back: list[float], calibrations: tuple[Calibration, ...], warn: float
) -> None:
    before = Prediction("peak_memory", "B", tuple((u, 100.0) for u in PROBABILITIES))
    sides, limits = (ratio(forth), ratio(back)), Limits(warn=warn)
    told = of_ratios(CHANGE, MEMORY, before, sides, calibrations, limits)
    assert told.slowdown
    assert told.slowdown.low <= told.slowdown.mid <= told.slowdown.high
    pairs = comparing.mixture(*sides)
    dearer = 1 - comparing.cdf_of(pairs, 0.0)
    cheaper = 1 - comparing.cdf_of([(1 - u, -x) for u, x in reversed(pairs)], 0.0)
    # Where both directions are found to be likely, the one that is told to be likelier has the middle;
    # at the limit it may be the other.
    if dearer > cheaper + 1e-9 and told.p_warning >= told.p_improvement:
        assert (told.p_warning > 0.5 + 1e-6) <= (told.slowdown.mid > 1 + warn - 1e-6)
        assert (told.slowdown.mid > 1 + warn + 1e-6) <= (told.p_warning > 0.5 - 1e-6)
    if cheaper > dearer + 1e-9 and told.p_improvement >= told.p_warning:
        assert (told.p_improvement > 0.5 + 1e-6) <= (told.slowdown.mid < 1 / (1 + warn) + 1e-6)
        assert (told.slowdown.mid < 1 / (1 + warn) - 1e-6) <= (told.p_improvement > 0.5 - 1e-6)


def test_a_change_cannot_be_found_to_be_both_dearer_and_cheaper() -> None:
    # The orders contradict each other: told are 0.5 and 0.5, and found 0.725 of each.
    either = [5.0] * 5
    before = Prediction("peak_memory", "B", tuple((u, 100.0) for u in PROBABILITIES))
    told = of_ratios(CHANGE, MEMORY, before, (ratio(either), ratio(either)), (MAPPED,), Limits())
    assert told.p_warning == pytest.approx(0.5, abs=0.01)
    assert told.p_improvement == pytest.approx(0.5, abs=0.01)
    assert told.p_regression <= told.p_warning
    sure = of_ratios(CHANGE, MEMORY, before, (ratio([5.0] * 5), ratio([0.2] * 5)), (MAPPED,), Limits())
    assert sure.p_warning == pytest.approx(0.999)


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("least", [10.0, 300.0, 5000.0])
def test_whether_an_effect_matters_is_what_many_draws_say(direction: int, least: float) -> None:
    # Both log-uniform: costs from 100 to 10,000 bytes, ratios from 1 to 4 or from 1/4 to 1.
    levels = [(at + 0.5) / 400 for at in range(400)]
    before = Prediction("peak_memory", "B", tuple((u, 100 * 100**u) for u in levels))
    forth = Prediction("peak_memory", "", tuple((u, 4 ** (u if direction > 0 else u - 1)) for u in levels))
    back = Prediction("peak_memory", "", tuple((u, 4 ** (u - 1 if direction > 0 else u)) for u in levels))
    told = of_ratios(CHANGE, MEMORY, before, (forth, back), (), Limits(min_effect=least))
    chance = np.random.default_rng(0)
    cost = 100 * 100 ** chance.uniform(size=400_000)
    factor = 4 ** (direction * chance.uniform(size=400_000))
    past = factor > 1.1 if direction > 0 else factor < 1 / 1.1
    drawn = (np.abs(cost * factor - cost) >= least)[past].mean()
    found = told.worse_matters if direction > 0 else told.better_matters
    assert found == pytest.approx(drawn, abs=0.01)


def test_the_ratio_is_the_mean_of_what_both_orders_say() -> None:
    # A half says 2 for sure, the other half 1/4 of before, so 4 for sure the other way round.
    mixed = comparing.mixture(ratio([2.0] * 5), ratio([0.25] * 5))
    assert comparing.cdf_of(mixed, math.log(3)) == pytest.approx(0.5, abs=0.08)
    values = sorted({round(math.exp(x), 6) for _, x in mixed})
    assert values == [2.0, 4.0]


def test_found_probabilities_of_a_ratio_come_from_a_calibration_without_bands() -> None:
    halved = ProbabilityMap("isotonic", ((0.0, 0.0), (1.0, 0.5)))
    found = (Calibration("peak_memory", (), 100, halved), Calibration("cpu_time", (), 100))
    before = Prediction("peak_memory", "B", tuple((u, 100.0) for u in PROBABILITIES))
    sure = (ratio([3.0] * 5), ratio([1 / 3] * 5))
    plain, mapped = (of_ratios(CHANGE, MEMORY, before, sure, each, Limits()) for each in ((), found))
    assert mapped.p_regression == pytest.approx(plain.p_regression / 2)


def program(family: str, problem: str, *rows: tuple[float, float, float]) -> Program:
    return Program("PYTHON\n" + family, problem, rows, (), "", family)


NAN = math.nan


def test_ratios_are_after_over_before_at_common_sizes() -> None:
    before = ((10.0, 100.0, 1.0), (20.0, 200.0, NAN), (30.0, NAN, NAN))
    after = ((20.0, 100.0, 3.0), (10.0, 50.0, 4.0), (30.0, 1.0, 1.0), (40.0, 1.0, 1.0))
    (first, second) = ratios(before, after)
    assert first[:2] == (20.0, 0.5) and math.isnan(first[2])
    assert second == (10.0, 0.5, 4.0)


def test_changes_are_two_of_a_family_or_two_solutions_that_were_measured_at_one_size() -> None:
    row = (10.0, 1.0, 1.0)
    programs = [
        program("a", "p", row), program("a", "p", row), program("a", "p", (20.0, 1.0, 1.0)),
        program("b", "p", row), program("c", "q", row),
    ]  # fmt: skip
    drawn = Changes(programs).draw(400, random.Random(0))
    assert {tuple(sorted(places)) for places in drawn} == {(0, 1), (0, 3)}
    assert (0, 1) in drawn and (1, 0) in drawn
    assert drawn == Changes(programs).draw(400, random.Random(0))
    assert Changes(programs[4:]).draw(5, random.Random(0)) == []


def test_a_unit_is_the_function_that_the_costs_are_of() -> None:
    body = "def g(x):\n return x\nclass S:\n def f(self,x):\n  return g(re.escape(x))"
    text = f"import os\nimport re\n{body}\n def h(self):\n  pass"
    space = python_space("", 1.0)
    assert unit_text(text, "S().f", space) == f"PYTHON\nimport re\n{body}"
    assert unit_text(text, "missing", space) == ""
    assert unit_text(text + "\ndef f():\n pass", "f", space) == ""


def config_of(compares: bool) -> ModelConfig:
    spaces = (SPACE, COMPARING) if compares else (SPACE,)
    sizes = {"vocab_size": 50, "width": 16, "heads": 2, "encoder_layers": 1, "decoder_layers": 1}
    return ModelConfig("tiny", "", spaces, feed_forward=16, max_tokens=32, **sizes)


def test_the_network_reads_the_sides_of_tokens() -> None:
    network = Network(config_of(compares=True)).eval()
    plain = torch.tensor([[1, 5, 6]])
    read = [network.read(plain + 50 * torch.tensor([0, side, side])) for side in (0, 1, 2)]
    assert not any(torch.allclose(one, other) for one, other in [read[:2], read[1:], read[::2]])
    assert Network(config_of(compares=False)).side_embedding is None


def recipe_of(folder: Path) -> Recipe:
    """A run on the corpus in the folder."""
    settings = Train(
        epochs=16, learning_rate=1e-2, warmup=0.1, clip=2.0, weight_decay=0.0, batch_tokens=250, rows=2,
        longest=64, rename=0.0, counts=0.0, save_minutes=60.0, units=0.5, changes=2.0, monitor="loss",
    )  # fmt: skip
    sizes = {"vocab_size": 300, "width": 32, "heads": 2, "encoder_layers": 2, "decoder_layers": 1}
    model = {**sizes, "feed_forward": 48, "max_tokens": 128}
    return Recipe("tiny", folder / "corpus", folder / "run", 1, settings, model, size=1000.0)


@pytest.fixture
def trained(tmp_path: Path) -> tuple[Path, list[Example]]:
    """A tiny model of programs whose memory is a hundred times greater with a list than with none."""
    examples = []
    for number in range(48):
        split = "calibration" if number % 4 == 0 else "train"
        for at, body in enumerate((f" return {number}+x", f" y=[{number}]*x\n return y")):
            name = f"{number}+as_list" if at else str(number)
            text = f"PYTHON\ndef f{number}(x):\n{body}"
            rows = (Row(1000.0, 100.0 * 100**at, 1e-6), Row(2000.0, 200.0 * 100**at, 2e-6))
            examples.append(
                Example(text, f"p{number}", "made", name, split, rows, node_counts(text), "paper", text)
            )
    corpus.write(examples, tmp_path / "corpus")
    return train.train(recipe_of(tmp_path)), examples


@pytest.mark.model
def test_a_model_learns_which_way_round_a_change_is(trained: tuple[Path, list[Example]]) -> None:
    folder, examples = trained
    predictor = RlmPredictor(folder, device="cpu")
    points = evaluate.points_of([each for each in examples if each.split == "calibration"])
    pairs = list(evaluate.edit_pairs(points))
    asked = [(pair.before, pair.after) for pair in pairs]
    answers = evaluate.ratios(points, asked, predictor, predictor.spaces[0])
    middle = np.array([(ratio[0].median, inverse[0].median) for ratio, inverse in answers])
    assert len(middle) == 24
    assert np.median(middle[:, 0]) > 10
    assert np.median(middle[:, 1]) < 0.1


@pytest.mark.model
def test_a_checkpoint_that_knows_no_sides_learns_to_compare(
    trained: tuple[Path, list[Example]], tmp_path: Path
) -> None:
    alone = replace(recipe_of(tmp_path), out=tmp_path / "alone")
    first = train.train(replace(alone, train=replace(alone.train, changes=0.0)), steps=4)
    recipe = replace(alone, model={}, start=Start(str(first)), out=tmp_path / "both")
    begun = train.train(recipe, steps=0)
    before, after = (alternatives.load(folder)[0] for folder in (first, begun))
    assert (before.config.compares, after.config.compares) == (False, True)
    plain = torch.tensor([[1, 5, 6, 7]])
    assert torch.equal(before.read(plain), after.read(plain))
    size = before.config.vocab_size
    assert not torch.equal(before.read(plain), after.read(plain + size * torch.tensor([0, 0, 1, 2])))
    learned, examples = train.train(recipe), trained[1]
    predictor = RlmPredictor(learned, device="cpu")
    points = evaluate.points_of([each for each in examples if each.split == "calibration"])
    asked = [(pair.before, pair.after) for pair in evaluate.edit_pairs(points)]
    answers = evaluate.ratios(points, asked, predictor, predictor.spaces[0])
    assert np.median([ratio[0].median for ratio, _ in answers]) > 10


@pytest.mark.parametrize("start", [{"rehearse": 1.0}, {"method": "lora"}, {"method": "frozen-encoder"}])
def test_sides_are_not_learned_where_they_cannot_be(tmp_path: Path, start: dict[str, Any]) -> None:
    (tmp_path / checkpoint.CONFIG).write_text(config_of(compares=False).to_json())
    recipe = replace(recipe_of(tmp_path), model={}, start=Start(str(tmp_path), **start))
    with pytest.raises(UsageError, match="no space that compares"):
        networks.config_of(recipe, learn(["x = 1"], 300), "")


@pytest.mark.model
def test_a_calibration_of_ratios_is_fitted_and_told_with_the_checkpoint(
    trained: tuple[Path, list[Example]],
) -> None:
    folder, examples = trained
    found = calibrate.calibrations(
        RlmPredictor(folder), examples, changes=[("x=1", "x=2"), ("y=1", "y=1\nz=2")]
    )
    assert [(each.metric, each.bands, each.pairs) for each in found] == [
        ("peak_memory", (), 24), ("cpu_time", (), 24),
    ]  # fmt: skip
    scores = evaluate.evaluate(folder, examples, "calibration")
    assert scores["problems"] == 12


def told(over: list[float], measured: list[float], neutral: list[bool]) -> calibrate.Told:
    both = np.array([over, over])
    return calibrate.Told(
        over=both, measured=np.array(measured), weight=np.ones(len(over)),
        neutral=np.array(neutral), owner=np.arange(len(over)),
    )  # fmt: skip


def test_unmeasured_changes_raise_the_bar_for_a_call() -> None:
    chance = np.random.default_rng(0)
    neutral = chance.uniform(0.0, 0.3, 200)
    worse = chance.uniform(0.5, 1.0, 200)
    edits = told([*neutral, *worse], [0.0] * 200 + [1.0] * 200, [True] * 200 + [False] * 200)
    wild = np.array([[0.9] * 20 + [0.0] * 180] * 2)
    alone, among = (calibrate.of_told(edits, "peak_memory", 0.05, each) for each in (None, wild))
    assert alone.false_alarms and among.false_alarms
    found = comparing.found_probability(among)
    # 5% of 200 may pass: of 20 that say 0.9, no more than 10 do, so none does.
    assert among.false_alarms.threshold >= found(0.9) - 1e-4
    assert alone.false_alarms.threshold < found(0.9)


def test_neutral_edits_that_were_measured_to_cost_more_raise_no_bar() -> None:
    chance = np.random.default_rng(0)
    quiet, worse = chance.uniform(0.0, 0.3, 150), chance.uniform(0.5, 1.0, 250)
    neutral = [True] * 200 + [False] * 200
    bounds = []
    for measured in (math.log(1.3), math.log(1.05)):
        edits = told([*quiet, *worse], [0.0] * 150 + [measured] * 50 + [1.0] * 200, neutral)
        found = calibrate.of_told(edits, "cpu_time", 0.05)
        assert found.false_alarms
        bounds.append(found.false_alarms)
    assert [each.problems for each in bounds] == [150, 200]
    assert bounds[0].threshold < 0.35
    assert bounds[1].threshold > 0.35


def test_changes_of_which_nothing_is_claimed_raise_no_bar() -> None:
    known = Vocabulary(("append", "len"), 0.5)
    changes = [("x = 1", "x = [1]"), ("x = 1", "x.splice(1)"), ("x.append(1)", "x.append(len(x))")]
    over = np.array([[0.7, 0.8, 0.9], [0.5, 0.6, 0.7]])
    assert calibrate.claimable(over, changes, None).tolist() == over.tolist()
    assert calibrate.claimable(over, changes, known).tolist() == [[0.7, 0.0, 0.9], [0.5, 0.0, 0.7]]


def test_a_probability_over_a_limit_is_that_of_the_mixture() -> None:
    ratios_ = ratio([1.0, 1.0, 1.05, 1.2, 2.0]), ratio([0.5, 0.8, 0.95, 1.0, 1.0])
    over = calibrate.over_of(comparing.mixture(*ratios_), 0.1)
    # Of each order 1.05 and 1.2, or 1.25, lie about the limit: between 0.725 and 0.275 are below and above.
    assert 0.275 < over < 0.5
    before = Prediction("peak_memory", "B", tuple((u, 100.0) for u in PROBABILITIES))
    assert of_ratios(CHANGE, MEMORY, before, ratios_, (), Limits()).p_warning == pytest.approx(over)


@pytest.mark.model
def test_a_run_that_starts_from_a_model_that_compares_rehearses_changes(
    trained: tuple[Path, list[Example]], tmp_path: Path
) -> None:
    folder, _ = trained
    recipe = replace(recipe_of(tmp_path), model={}, start=Start(str(folder)), out=tmp_path / "again")
    network, words = alternatives.load(folder)
    assert isinstance(network, alternatives.NumberHead)
    rehearsed = rehearsal.keep(network, words, recipe, 6)
    assert len({each.family for each in rehearsed}) == 6 < len(rehearsed)
    drawn = Changes(list(rehearsed)).draw(50, random.Random(0))
    assert drawn
    for before, after in drawn:
        found = ratios(rehearsed[before].numbers, rehearsed[after].numbers)
        assert len(found) == 1 + rehearsal.FURTHER
        assert all(math.isfinite(value) and value > 0 for row in found for value in row)
    train.train(recipe, steps=2)
