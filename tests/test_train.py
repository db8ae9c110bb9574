"""Training on a made-up corpus: it learns, it goes on where it stopped, and it refuses bad recipes."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ci_rlm.errors import UsageError
from ci_rlm.model import alternatives, checkpoint
from ci_rlm.predict.rlm import RlmPredictor
from ci_rlm.prompt import prompt_from_text
from ci_rlm.training import corpus, networks, programs, rehearsal, texts, train
from ci_rlm.training.batches import Batches, common_types
from ci_rlm.training.corpus import Example, Row
from ci_rlm.training.programs import Programs
from ci_rlm.training.recipe import Recipe, Start, read_recipe
from ci_rlm.training.run import Run

RECIPE = """
name = "miniature"
corpus = "{folder}/corpus"
out = "{folder}/run"
seed = 1

[model]
vocab_size = 300
width = 32
heads = 2
encoder_layers = 1
decoder_layers = 1
feed_forward = 48
max_tokens = 128
dropout = 0.1

[space]
size = 100.0

[train]
epochs = 1
learning_rate = 1e-2
warmup = 0.1
clip = 2.0
weight_decay = 0.05
batch_tokens = 300
rows = 2
longest = 64
rename = 0.5
counts = 0.1
save_minutes = 5.0
"""
SPACE = texts.python_space("a machine", 100.0)


def example(number: int, split: str = "train") -> Example:
    """A made-up program whose memory is a hundred bytes an element, to the power of its loops."""
    loops = number % 2
    text = "def f(xs):\n" + (" for x in xs:\n  g(x)\n" if loops else f" return xs[{number}]\n")
    rows = tuple(Row(float(size), 100.0 * size**loops, 1e-6 * size) for size in (10, 100, 1000))
    body = texts.program_text(text, SPACE)
    return Example(
        body, f"problem {number}", "made up", str(number), split, rows, texts.node_counts(text), "a machine"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a recipe and a corpus of 24 programs, four of them held out."""
    examples = [example(number) for number in range(20)]
    held_out = [example(number, "calibration") for number in range(20, 24, 2)]
    corpus.write(examples + held_out, tmp_path / "corpus")
    (tmp_path / "recipe.toml").write_text(RECIPE.format(folder=tmp_path))
    return tmp_path


def recipe_of(folder: Path, **changed: object) -> Recipe:
    recipe = read_recipe(folder / "recipe.toml")
    return replace(recipe, train=replace(recipe.train, **changed))  # type: ignore[arg-type]


def last_step(run: Path) -> int:
    (state,) = run.glob("state-*.safetensors")
    return int(load_file(state)["step"])


def log_of(folder: Path, run: str = "run") -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / run / "log.jsonl").read_text().splitlines()]


@pytest.mark.model
def test_the_held_out_loss_falls(folder: Path) -> None:
    train.train(recipe_of(folder, epochs=8))
    losses = [line["held_out_loss"] for line in log_of(folder) if "held_out_loss" in line]
    assert len(losses) == 8
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.model
def test_a_run_that_is_stopped_after_every_step_ends_with_the_weights_of_one_that_is_not(
    folder: Path,
) -> None:
    through = recipe_of(folder, batch_tokens=150)
    stopped = replace(through, out=folder / "stopped")
    whole = load_file(train.train(through) / checkpoint.WEIGHTS)
    steps = last_step(folder / "run")
    for _ in range(steps):
        resumed = load_file(train.train(stopped, stop_after=0.0) / checkpoint.WEIGHTS)
    assert steps > 2
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_run_leaves_a_checkpoint_that_can_be_read(folder: Path) -> None:
    config, _, _ = checkpoint.read_info(train.train(recipe_of(folder), stop_after=0.0))
    assert (config.name, config.spaces[0].size, config.width) == ("miniature", 100.0, 32)
    assert config.hardware == config.spaces[0].hardware == "a machine"


def test_masked_tokens_are_pretraining_for_a_run_that_starts_from_them(folder: Path) -> None:
    masked = replace(recipe_of(folder), head=alternatives.MASKED, out=folder / "masked")
    pretrained = train.train(masked, steps=3)
    assert all("held_out_spearman" not in line for line in log_of(folder, "masked"))
    start = replace(recipe_of(folder), model={}, size=0.0, start=Start(str(pretrained)))
    went_on = train.train(start, steps=0)
    before, after = (load_file(path / checkpoint.WEIGHTS) for path in (pretrained, went_on))
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("head", alternatives.HEADS)
def test_every_head_trains_from_a_recipe_and_goes_on_where_it_stopped(folder: Path, head: str) -> None:
    through = replace(recipe_of(folder), head=head)
    stopped = replace(through, out=folder / "stopped")
    whole = train.train(through, steps=2) / checkpoint.WEIGHTS
    train.train(stopped, steps=2, stop_after=0.0)
    resumed = train.train(stopped, steps=2) / checkpoint.WEIGHTS
    assert alternatives.load(whole.parent)[0].name == head
    assert resumed.read_bytes() == whole.read_bytes()


def test_a_run_ends_after_so_many_steps(folder: Path) -> None:
    train.train(recipe_of(folder, epochs=3), steps=3)
    whole = 3 * len(batches_of(folder).plan(0))
    assert last_step(folder / "run") == 3 < whole
    short = replace(recipe_of(folder, epochs=3, steps=2), out=folder / "short")
    train.train(short)
    assert last_step(folder / "short") == 2
    assert train.rate(2, 2, short.train) == 0.0


def test_two_runs_do_not_write_to_one_folder(folder: Path) -> None:
    recipe = read_recipe(folder / "recipe.toml")
    with Run(recipe).alone(), pytest.raises(UsageError, match="another run is writing"):
        train.train(recipe, steps=1)
    assert train.train(recipe, steps=1).exists()


def test_a_normalised_head_keeps_the_statistics_of_the_training_rows(folder: Path) -> None:
    folder_of = train.train(replace(recipe_of(folder), head="mse-normalised"), steps=1)
    rows = [row for number in range(20) for row in example(number).rows]
    lowest, highest = (
        torch.tensor([pick(row.peak_memory for row in rows), pick(row.cpu_time for row in rows)])
        for pick in (min, max)
    )
    weights = load_file(folder_of / checkpoint.WEIGHTS)
    assert torch.allclose(weights["offset_M"], lowest)
    assert torch.allclose(weights["span_M"], highest - lowest)


def test_a_recipe_names_its_head(folder: Path) -> None:
    path = folder / "recipe.toml"
    assert read_recipe(path).head == "numbers"
    path.write_text('head = "text"\n' + path.read_text())
    assert read_recipe(path).head == "text"


def test_a_corpus_without_training_examples_is_a_usage_error(folder: Path) -> None:
    corpus.write([example(1, "test")], folder / "corpus")
    with pytest.raises(UsageError, match="no training examples"):
        train.train(recipe_of(folder))


def programs_of(folder: Path) -> Programs:
    examples = corpus.read(folder / "corpus")
    programs.write(examples, folder / "all.arrow", {})
    return Programs(folder / "all.arrow")


def batches_of(folder: Path, **changed: object) -> Batches:
    recipe, training = recipe_of(folder, **changed), programs_of(folder)
    words = networks.tokenizer_of(recipe, training)
    network = networks.network_of(recipe, networks.config_of(recipe, words, "a machine"), words, training)
    return Batches(training, common_types(training), words, network, recipe)


def test_a_missing_metric_is_conditioned_on_the_median_of_the_checkpoint_that_is_gone_on_from(
    folder: Path,
) -> None:
    start = train.train(recipe_of(folder))
    untimed, unweighed = (
        replace(example(n), rows=tuple(replace(row, **{gone: None}) for row in example(n).rows[:1]))
        for n, gone in ((1, "cpu_time"), (3, "peak_memory"))
    )
    corpus.write([untimed, unweighed], folder / "corpus")
    further = replace(recipe_of(folder, rename=0.0, rows=1), start=Start(str(start)), model={})
    training, words = programs_of(folder), checkpoint.load_tokenizer(start, checkpoint.read_config(start))
    network = networks.network_of(further, networks.config_of(further, words, ""), words, training)
    filled = rehearsal.stand_ins(network, training, words, further)
    batches = Batches(training, [], words, network, further)
    batches.filled = filled
    batch = batches.make([0, 1], random.Random(0))
    predictor = RlmPredictor(start)
    asked = prompt_from_text(unweighed.text.removeprefix("PYTHON\n"), predictor.spaces[0], size=10.0)
    (answer,) = predictor.predict([asked])
    length = batches_of(folder).config.number_format.length
    numbers = network.config.number_format.decode(batch.target_BRT.numpy().reshape(2, 1, 3, length))
    assert batch.known_BRM.tolist() == [[[True, False]], [[False, True]]]
    assert training.unmeasured(1) == [1]
    assert numbers[1, 0] == pytest.approx([10.0, answer[0].median, 1e-5], rel=1e-4)
    assert numbers[0, 0, :2] == pytest.approx([10.0, example(1).rows[0].peak_memory], rel=1e-4)


def test_a_metric_that_was_never_measured_stays_unlearned(folder: Path) -> None:
    for gone in ("cpu_time", "peak_memory"):
        partial = [
            replace(each, rows=tuple(replace(row, **{gone: None}) for row in each.rows))
            for each in [example(n) for n in range(6)] + [example(n, "calibration") for n in range(6, 9)]
        ]
        corpus.write(partial, folder / "corpus")
        train.train(replace(recipe_of(folder), out=folder / gone))
        lines = [json.loads(line) for line in (folder / gone / "log.jsonl").read_text().splitlines()]
        assert all(math.isfinite(value) for line in lines for value in line.values())


def test_an_epoch_sees_every_program_once(folder: Path) -> None:
    plan = batches_of(folder).plan(0)
    assert sorted(index for batch in plan for index in batch) == list(range(22))


def test_epochs_are_planned_differently_and_each_always_alike(folder: Path) -> None:
    batches = batches_of(folder)
    assert batches.plan(0) == batches.plan(0) != batches.plan(1)


def test_no_padded_batch_is_over_the_token_budget(folder: Path) -> None:
    batches = batches_of(folder, batch_tokens=150)
    padded = [max(batches.lengths[index] for index in batch) * len(batch) for batch in batches.plan(0)]
    assert max(padded) <= 150


def test_a_program_longer_than_the_budget_is_a_batch_of_its_own(folder: Path) -> None:
    assert {len(batch) for batch in batches_of(folder, batch_tokens=1).plan(0)} == {1}


def test_a_batch_holds_the_measured_numbers_of_its_programs(folder: Path) -> None:
    batches = batches_of(folder, rename=0.0)
    number_format = batches.config.number_format
    targets = batches.make([1, 3], random.Random(0)).target_BRT
    numbers = number_format.decode(targets.numpy().reshape(2, 2, 3, number_format.length))
    sizes, memory, time = numbers[..., 0], numbers[..., 1], numbers[..., 2]
    assert memory == pytest.approx(100 * sizes, rel=1e-3)
    assert time == pytest.approx(1e-6 * sizes, rel=1e-3)


@pytest.mark.parametrize(
    ("step", "expected"),
    [(0, 0.1), (9, 1.0), (10, 1.0), (55, 0.5), (100, 0.0)],
    ids=["first", "warm", "peak", "half way", "end"],
)
def test_the_rate_rises_for_the_warm_up_and_falls_to_nothing(
    folder: Path, step: int, expected: float
) -> None:
    settings = recipe_of(folder, learning_rate=1.0, warmup=0.1).train
    assert train.rate(step, 100, settings) == pytest.approx(expected)


BAD = {
    "malformed TOML": ("seed = 1", "seed = ", "cannot read the recipe"),
    "a missing key": ("seed = 1\n", "", "differs in seed"),
    "an unknown key": ("seed = 1\n", "seed = 1\nsede = 2\n", "differs in sede"),
    "a missing table": ("[space]\nsize = 100.0\n", "", "differs in space"),
    "an unknown key of a table": ("clip = 2.0", "clip = 2.0\nclop = 2.0", "differs in clop"),
    "a missing key of a table": ("clip = 2.0\n", "", "differs in clip"),
    "a word for a number": ("epochs = 1", 'epochs = "many"', "epochs is 'many', not of type int"),
    "a part of an epoch": ("epochs = 1", "epochs = 1.5", "epochs is 1.5, not of type int"),
    "a seed that is no number": ("seed = 1", 'seed = "one"', "'one'"),
    "a table for a number": ("[space]\nsize = 100.0\n", "[space.size]\n", "float"),
    "an unknown head": ("seed = 1\n", 'seed = 1\nhead = "mean"\n', "head is 'mean', not one of numbers, mse"),
    "a head out of its place": ("clip = 2.0", 'clip = 2.0\nhead = "mse"', "differs in head"),
    "no size of the vocabulary": ("vocab_size = 300\n", "", "vocab_size is missing"),
}


@pytest.mark.parametrize(("text", "bad", "reason"), BAD.values(), ids=BAD)
def test_a_bad_recipe_is_a_usage_error_with_its_reason(
    folder: Path, text: str, bad: str, reason: str
) -> None:
    path = folder / "recipe.toml"
    path.write_text(path.read_text().replace(text, bad))
    with pytest.raises(UsageError, match=reason):
        read_recipe(path)


def test_a_missing_recipe_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the recipe"):
        read_recipe(tmp_path / "none.toml")


@pytest.mark.parametrize("model", ["widht = 32", "dropout = 1.5", "heads = 5"])
def test_a_model_that_cannot_be_is_a_usage_error(folder: Path, model: str) -> None:
    path = folder / "recipe.toml"
    name = model.split()[0]
    kept = [line for line in path.read_text().splitlines() if not line.startswith(f"{name} =")]
    path.write_text("\n".join(kept).replace("[model]", f"[model]\n{model}"))
    with pytest.raises(UsageError, match=r"\[model\]"):
        train.train(read_recipe(path))


@pytest.mark.parametrize("path", sorted((Path(train.__file__).parent / "recipes").glob("*.toml")), ids=str)
def test_every_recipe_of_the_repository_reads(path: Path) -> None:
    assert read_recipe(path).name.startswith("ci-rlm-")
