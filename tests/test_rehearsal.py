"""What a checkpoint says of generated programs, learned again beside what is new."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from ci_rlm.model import checkpoint, decode
from ci_rlm.model.alternatives import NumberHead
from ci_rlm.model.tokenizer import TextTokenizer
from ci_rlm.training import corpus, networks, programs, rehearsal, train
from ci_rlm.training.programs import Programs
from ci_rlm.training.recipe import Recipe, Start, read_recipe
from ci_rlm.training.splits import split_of
from tests.test_train import RECIPE, example


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus and a small checkpoint."""
    path = tmp_path_factory.mktemp("rehearsal")
    corpus.write([example(n) for n in range(10)] + [example(10, "calibration")], path / "corpus")
    (path / "recipe.toml").write_text(RECIPE.format(folder=path))
    train.train(read_recipe(path / "recipe.toml"))
    return path


def recipe_of(folder: Path, out: str, rehearse: float) -> Recipe:
    recipe = read_recipe(folder / "recipe.toml")
    start = Start(str(folder / "run" / "checkpoint"), rehearse=rehearse)
    return replace(recipe, out=folder / out, start=start, model={})


def loaded(recipe: Recipe) -> tuple[NumberHead, TextTokenizer]:
    assert recipe.start is not None
    place = Path(recipe.start.checkpoint)
    words = checkpoint.load_tokenizer(place, checkpoint.read_config(place))
    network = networks.network_of(recipe, networks.config_of(recipe, words, ""), words, [])
    assert isinstance(network, NumberHead)
    return network.eval(), words


def test_rows_are_samples_of_what_the_checkpoint_believes(folder: Path) -> None:
    recipe = recipe_of(folder, "sampled", 1.0)
    network, words = loaded(recipe)
    kept, chance = rehearsal.keep(network, words, recipe, 60), np.random.default_rng(0)
    ranks: tuple[list[float], list[float]] = ([], [])
    for program in kept:
        (ids,), _ = words.encode_batch([program.text], recipe.train.longest)
        with torch.inference_mode():
            memory = network.encode(torch.tensor([ids]), None)
        for row in program.numbers:
            for metric, found in enumerate(ranks):
                given, value = list(row[: metric + 1]), row[metric + 1]
                below = np.nextafter(value, -np.inf)
                ends = decode.cdf(network, memory, [given], [[below, value]])[0]
                # Anywhere within its own probability, which is large for exactly nothing.
                found.append(float(chance.uniform(*ends)))
    # A number's rank in the distribution that it was drawn from is uniform.
    assert [len(found) for found in ranks] == [180, 180]
    assert all(kstest(found, "uniform").pvalue > 0.01 for found in ranks)


def test_nothing_is_rehearsed_that_is_calibrated_or_tested_on(folder: Path) -> None:
    recipe = recipe_of(folder, "split", 1.0)
    kept = rehearsal.keep(*loaded(recipe), recipe, 12)
    assert {split_of(program.problem) for program in kept} == {"train"}
    assert len({program.text for program in kept}) == 12


def test_a_run_that_goes_on_rehearses_what_it_did(folder: Path) -> None:
    through, stopped = recipe_of(folder, "through", 0.5), recipe_of(folder, "stopped", 0.5)
    train.train(through, steps=2)
    train.train(stopped, steps=2, stop_after=0.0)
    first = (folder / "stopped" / "rehearsed.arrow").read_bytes()
    # Weights that have moved would say something else.
    train.train(stopped, steps=2)
    assert (folder / "stopped" / "rehearsed.arrow").read_bytes() == first
    assert len(Programs(folder / "through" / "rehearsed.arrow")) == 5
    one, two = (folder / run / "checkpoint" / checkpoint.WEIGHTS for run in ("through", "stopped"))
    assert one.read_bytes() == two.read_bytes()


def test_another_checkpoint_is_asked_anew(folder: Path) -> None:
    recipe = recipe_of(folder, "anew", 1.0)
    rehearsal.keep(*loaded(recipe), recipe, 2)
    path = folder / "anew" / "rehearsed.arrow"
    known = programs.digest_of(path)
    rehearsal.keep(*loaded(recipe), recipe, 3)
    assert programs.digest_of(path) != known
    assert len(Programs(path)) == 3
