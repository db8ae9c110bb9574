"""A run's checkpoint says what names it learned from: of its corpus, and of what it started from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ci_rlm.flow import Vocabulary
from ci_rlm.model import alternatives, checkpoint
from ci_rlm.predict.rlm import RlmPredictor
from ci_rlm.predict.unlike import strangers_of
from ci_rlm.training import corpus, promote, train, vocabulary
from ci_rlm.training.recipe import Recipe, Start, read_recipe
from tests.test_train import RECIPE, example
from tests.test_unlike import example as program


def written(folder: Path, calls: str, name: str) -> Recipe:
    """A recipe whose corpus has ten programs that call a function of this name, and ten that call none."""
    found = [example(number) for number in range(20)]
    found = [replace(each, text=each.text.replace("g(x)", f"{calls}(x)")) for each in found]
    corpus.write(found, folder / f"{name}-corpus")
    text = RECIPE.format(folder=folder).replace(f"{folder}/corpus", f"{folder}/{name}-corpus")
    (folder / f"{name}.toml").write_text(text.replace(f"{folder}/run", f"{folder}/{name}"))
    return read_recipe(folder / f"{name}.toml")


def on_from(recipe: Recipe, start: Path) -> Recipe:
    return replace(recipe, model={}, size=0.0, start=Start(str(start)))


def names(folder: Path) -> tuple[str, ...] | None:
    known = checkpoint.read_vocabulary(folder)
    return known and known.names


def test_a_run_writes_the_names_of_its_corpus(tmp_path: Path) -> None:
    outcome = train.train(written(tmp_path, "einsum", "first"), stop_after=0.0)
    assert names(outcome) == ("einsum",)


def test_a_fine_tune_knows_the_names_of_both(tmp_path: Path) -> None:
    first = train.train(written(tmp_path, "einsum", "first"), steps=1)
    second = train.train(on_from(written(tmp_path, "ravel", "second"), first), steps=1)
    assert names(second) == ("einsum", "ravel")


def test_a_promoted_checkpoint_tells_a_change_that_is_unlike_its_code(tmp_path: Path) -> None:
    promote.install(train.train(written(tmp_path, "einsum", "first"), steps=1), tmp_path / "ours")
    known = RlmPredictor(tmp_path / "ours").vocabulary
    assert strangers_of("x", "einsum(x)", known) == ()
    assert strangers_of("x", "ravel(x)", known) == ("ravel",)


def test_a_start_that_does_not_tell_what_it_learned_gives_none(tmp_path: Path) -> None:
    first = train.train(written(tmp_path, "einsum", "first"), steps=1)
    (first / checkpoint.VOCABULARY).unlink()
    second = train.train(on_from(written(tmp_path, "ravel", "second"), first), steps=1)
    assert not (second / checkpoint.VOCABULARY).exists()


def test_code_whose_costs_were_not_learned_makes_no_name_known(tmp_path: Path) -> None:
    masked = replace(written(tmp_path, "einsum", "masked"), head=alternatives.MASKED)
    start = train.train(masked, steps=1)
    assert names(start) == ()
    outcome = train.train(on_from(written(tmp_path, "ravel", "second"), start), steps=1)
    assert names(outcome) == ("ravel",)


def test_programs_without_names_leave_no_file(tmp_path: Path) -> None:
    recipe = written(tmp_path, "einsum", "first")
    corpus.write([example(number) for number in range(0, 40, 2)], recipe.corpus)
    outcome = train.train(recipe, steps=1)
    assert not (outcome / checkpoint.VOCABULARY).exists()


def test_the_function_is_read_and_not_the_program_around_it(tmp_path: Path) -> None:
    recipe = written(tmp_path, "einsum", "first")
    inside = replace(example(1), unit=example(1).text.replace("g(x)", "ravel(x)"))
    corpus.write([replace(inside, problem=f"p{at}", record=str(at)) for at in range(3)], recipe.corpus)
    known = vocabulary.of_run(recipe)
    assert known is not None and known.names == ("ravel",)


@pytest.mark.parametrize(("before", "limit"), [(0.5, 0.6), (0.9, 0.9)])
def test_the_limit_holds_for_what_was_learned_before_and_since(before: float, limit: float) -> None:
    learned = [program("a(x)", problem) for problem in ("p", "q", "r")]
    # Each edit uses five names, of which b is known of before: three strangers.
    held_out = [program("x", f"h{at}", "calibration") for at in range(5)]
    held_out += [program("a(x)\nb(x)\nc(x)\nd(x)\ne(x)", f"h{at}", "calibration", "+edit") for at in range(5)]
    found = vocabulary.fit([*learned, *held_out], Vocabulary(("b",), before))
    assert found == Vocabulary(("a", "b"), limit)
