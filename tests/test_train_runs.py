"""Runs of training as processes: killed, side by side, and going on from a checkpoint."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ci_rlm.errors import CheckpointError, UsageError
from ci_rlm.model import checkpoint
from ci_rlm.predict.rlm import RlmPredictor
from ci_rlm.prompt import prompt_from_text
from ci_rlm.training import corpus, train
from ci_rlm.training.recipe import Recipe, Start, read_recipe
from tests.released_layout import tokenizer
from tests.test_t5gemma import first_generation
from tests.test_train import RECIPE, SPACE, example

MODEL = RECIPE[RECIPE.index("[model]") : RECIPE.index("[train]")]
KILLS = int(os.environ.get("KILLS", "3"))
"""Of a run at random moments; more than CI has time for can be asked for."""
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a corpus of 24 programs and a recipe that saves after every step."""
    examples = [example(number) for number in range(20)]
    held_out = [example(number, "calibration") for number in range(20, 24)]
    corpus.write(examples + held_out, tmp_path / "corpus")
    write_recipe(tmp_path, RECIPE.replace("save_minutes = 5.0", "save_minutes = 0.0"))
    return tmp_path


def write_recipe(folder: Path, text: str, name: str = "recipe", out: str = "run") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text.format(folder=folder).replace(f"{folder}/run", f"{folder}/{out}"))
    return path


def changed(folder: Path, out: str, **settings: Any) -> Recipe:
    recipe = read_recipe(folder / "recipe.toml")
    return replace(recipe, out=folder / out, train=replace(recipe.train, **settings))


def command(recipe: Path, *before: str) -> list[str]:
    return [*(before or (sys.executable,)), "-m", "ci_rlm", "train", str(recipe), "--threads", "1"]


def environment() -> dict[str, str]:
    return {
        **os.environ,
        "ACCELERATE_USE_CPU": "true",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }


def losses(run: Path) -> list[tuple[int, float]]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [(line["step"], line["loss"]) for line in lines if "loss" in line]


@pytest.mark.model
def test_a_run_that_is_killed_again_and_again_ends_with_the_weights_of_one_that_is_not(folder: Path) -> None:
    text = (folder / "recipe.toml").read_text().replace("epochs = 1", f"epochs = {5 * KILLS}")
    text = text.replace("batch_tokens = 300", "batch_tokens = 100")
    whole = write_recipe(folder, text, "whole", "whole")
    often = write_recipe(folder, text.replace(f"{folder}/run", f"{folder}/often"), "often", "often")
    subprocess.run(command(whole), env=environment(), check=True, capture_output=True)
    chance, kills = random.Random(0), 0
    while not (folder / "often" / "checkpoint" / "model.safetensors").exists():
        with subprocess.Popen(
            command(often), env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as run:
            state = max((folder / "often").glob("state-*"), default=None)
            while run.poll() is None and max((folder / "often").glob("state-*"), default=None) == state:
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.3))
            if kills < KILLS:
                kills += run.poll() is None
                run.send_signal(signal.SIGKILL)
    assert kills >= KILLS - 1
    assert losses(folder / "often") == losses(folder / "whole")
    first, second = (
        load_file(folder / run / "checkpoint" / "model.safetensors") for run in ("whole", "often")
    )
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


@pytest.mark.model
def test_two_processes_learn_what_one_does_with_the_same_batches(folder: Path) -> None:
    text = (folder / "recipe.toml").read_text().replace("epochs = 1", "epochs = 2\nbatches = 2")
    text = text.replace("dropout = 0.1", "dropout = 0.0").replace("batch_tokens = 300", "batch_tokens = 60")
    alone = write_recipe(folder, text, "alone", "alone")
    shared = write_recipe(folder, text.replace(f"{folder}/run", f"{folder}/shared"), "shared", "shared")
    subprocess.run(command(alone), env=environment(), check=True, capture_output=True)
    subprocess.run(command(shared, *TORCHRUN), env=environment(), check=True, capture_output=True)
    one, two = losses(folder / "alone"), losses(folder / "shared")
    assert len(one) == 6
    assert [step for step, _ in one] == [step for step, _ in two]
    assert [loss for _, loss in two] == pytest.approx([loss for _, loss in one], rel=1e-4)
    assert json.loads((folder / "shared" / "environment.json").read_text())["processes"] == 2


def test_processes_that_cannot_share_a_step_are_refused(folder: Path) -> None:
    run = subprocess.run(
        command(folder / "recipe.toml", *TORCHRUN),
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode != 0
    assert "1 batches a step for 2 processes" in run.stderr


def test_a_run_leaves_what_it_was_made_of_and_how_it_went(folder: Path) -> None:
    train.train(changed(folder, "run"))
    run = folder / "run"
    assert json.loads((run / "recipe.json").read_text())["train"]["learning_rate"] == 0.01
    digests = json.loads((run / "data.json").read_text())
    assert digests.keys() == {path.name for path in (folder / "corpus").iterdir()}
    assert json.loads((run / "environment.json").read_text())["torch"] == torch.__version__
    assert (run / "curves.png").read_bytes()[:4] == b"\x89PNG"
    assert list((run / "tensorboard").glob("events.*"))


def test_a_folder_with_a_run_of_another_recipe_is_refused(folder: Path) -> None:
    train.train(changed(folder, "run"))
    with pytest.raises(UsageError, match=r"holds a run with another recipe\.json"):
        train.train(changed(folder, "run", learning_rate=0.5))
    corpus.write([example(number) for number in range(8)], folder / "corpus")
    with pytest.raises(UsageError, match=r"holds a run with another data\.json"):
        train.train(changed(folder, "run"))


def test_the_newest_states_are_kept(folder: Path) -> None:
    train.train(changed(folder, "run", batch_tokens=100, keep=2))
    steps = [step for step, _ in losses(folder / "run")]
    kept = sorted(path.name for path in (folder / "run").glob("state-*"))
    assert kept == [f"state-{step:08d}.safetensors" for step in steps[-2:]]


def test_a_damaged_state_is_told(folder: Path) -> None:
    train.train(changed(folder, "run"), stop_after=0.0)
    (state,) = (folder / "run").glob("state-*")
    state.write_bytes(state.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match=r"cannot go on from .*state-0000"):
        train.train(changed(folder, "run"))


def test_adafactor_learns_and_goes_on_where_it_stopped(folder: Path) -> None:
    through = changed(folder, "through", optimizer="adafactor", epochs=3, batch_tokens=150)
    stopped = replace(through, out=folder / "stopped")
    whole = load_file(train.train(through) / checkpoint.WEIGHTS)
    for _ in losses(folder / "through"):
        resumed = load_file(train.train(stopped, stop_after=0.0) / checkpoint.WEIGHTS)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    told = losses(folder / "through")
    assert told[-1][1] < told[0][1]


def test_with_patience_the_best_weights_are_the_outcome(folder: Path) -> None:
    recipe = changed(folder, "run", patience=2, epochs=40, learning_rate=0.0)
    outcome = load_file(train.train(recipe) / checkpoint.WEIGHTS)
    lines = [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]
    assert sum("held_out_spearman" in line for line in lines) == 3
    best = load_file(folder / "run" / "best.safetensors")
    assert all(torch.equal(outcome[name], best[name]) for name in outcome)
    # Patience that is at its end stays so when the command is given again.
    train.train(recipe)
    assert len((folder / "run" / "log.jsonl").read_text().splitlines()) == len(lines)


def test_what_is_monitored_decides_which_epoch_is_the_best(folder: Path) -> None:
    recipe = changed(folder, "run", patience=9, epochs=4, learning_rate=3e-2, monitor="loss")
    train.train(recipe)
    lines = [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]
    least = min((line for line in lines if "held_out_loss" in line), key=lambda line: line["held_out_loss"])
    (state,) = (folder / "run").glob("state-*")
    assert load_file(state)["best"].item() == pytest.approx(-least["held_out_loss"])


def started(folder: Path, method: str) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], Path]:
    """Weights before and after going on from a checkpoint, and where they are."""
    first = train.train(changed(folder, "first"))
    recipe = replace(changed(folder, "second"), model={}, size=0.0, start=Start(str(first), method, 2))
    second = train.train(recipe)
    return load_file(first / checkpoint.WEIGHTS), load_file(second / checkpoint.WEIGHTS), second


@pytest.mark.model
def test_workers_make_batches_whatever_the_tokenizer_is_told_of_threads(folder: Path) -> None:
    through = changed(folder, "alone")
    checkpoint.locate(str(train.train(through, steps=2)))
    text = (
        "from pathlib import Path; from dataclasses import replace\n"
        "from ci_rlm.training import train; from ci_rlm.training.recipe import Start, read_recipe\n"
        f"folder = Path({str(folder)!r}); recipe = read_recipe(folder / 'recipe.toml')\n"
        "settings = replace(recipe.train, workers=1)\n"
        "start = Start(str(folder / 'alone/checkpoint'))\n"
        "train.train(replace(recipe, model={}, size=0.0, start=start, train=settings, out=folder / 'on'),"
        " steps=2)\n"
    )
    told = {**environment(), "TOKENIZERS_PARALLELISM": "true"}
    subprocess.run([sys.executable, "-c", text], env=told, check=True, timeout=120)


@pytest.mark.parametrize("method", ["full", "frozen-encoder", "lora"])
def test_training_goes_on_from_a_checkpoint_with_the_weights_that_it_may_move(
    folder: Path, method: str
) -> None:
    before, after, where = started(folder, method)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert before.keys() == after.keys()
    encoder = {name for name in before if name.startswith(("source_", "encoder"))}
    matrices = {
        name
        for name, tensor in before.items()
        if tensor.ndim == 2 and "embedding" not in name and name != "head.weight"
    } - {"target_position.weight"}
    expected = {"full": before.keys(), "frozen-encoder": before.keys() - encoder, "lora": matrices}[method]
    assert moved == expected or (method != "lora" and moved <= expected and len(moved) > len(expected) // 2)
    assert (where / "tokenizer.json").read_bytes() == (
        folder / "first/checkpoint/tokenizer.json"
    ).read_bytes()
    ((memory, _),) = RlmPredictor(where, "cpu").predict([prompt_from_text("def f(x):\n return x\n", SPACE)])
    assert memory.quantiles[0][1] <= memory.quantiles[-1][1]


def test_low_rank_additions_have_their_rank(folder: Path) -> None:
    before, after, _ = started(folder, "lora")
    name = "decoder.0.feed_forward.input.weight"
    assert int(torch.linalg.matrix_rank(after[name] - before[name], atol=1e-6)) == 2


def test_a_recipe_trains_a_decoder_on_a_pretrained_t5gemma(folder: Path) -> None:
    published = folder / "published"
    first_generation().save_pretrained(published)
    tokenizer().save(str(published / "tokenizer.json"))
    model = (
        f'[model]\nbackbone = "{published}"\nwidth = 16\nheads = 2\ndecoder_layers = 1\nfeed_forward = 24\n'
    )
    model += "max_tokens = 64\nfreeze_encoder = true\n\n[space]\nsize = 100.0\n\n"
    text = (folder / "recipe.toml").read_text().replace(MODEL.format(folder=folder), model)
    outcome = train.train(read_recipe(write_recipe(folder, text, "t5gemma")))
    weights, own = load_file(outcome / checkpoint.WEIGHTS), load_file(published / "model.safetensors")
    name = "layers.1.self_attn.q_proj.weight"
    assert torch.equal(weights[f"encoder.{name}"], own[f"model.encoder.{name}"])
    told = losses(folder / "run")
    assert len(told) > 1
    ((memory, _),) = RlmPredictor(outcome, "cpu").predict([prompt_from_text("def f(x):\n return x\n", SPACE)])
    assert len(memory.quantiles) == 15


@pytest.mark.parametrize(
    ("text", "bad", "reason"),
    [
        ("epochs = 1", "epochs = 0", "epochs is 0, not at least 1"),
        ("epochs = 1", "epochs = 1\nsteps = -1", "steps is -1, not at least 0"),
        ("epochs = 1", 'epochs = 1\noptimizer = "sgd"', "optimizer is 'sgd', not one of adamw, adafactor"),
        ("epochs = 1", 'epochs = 1\nprecision = "int8"', "precision is 'int8'"),
        ("epochs = 1", "epochs = 1\npatience = 1.5", "patience is 1.5, not of type int"),
        ("[train]", '[start]\ncheckpoint = "embedded"\n[train]', "differs in model, space"),
        (MODEL, '[start]\ncheckpoint = "embedded"\nmethod = "half"\n', "method is 'half', not one of full"),
        (MODEL, "[start]\nrank = 3\n", "differs in checkpoint"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(folder: Path, text: str, bad: str, reason: str) -> None:
    path = folder / "recipe.toml"
    told = path.read_text()
    assert text.format(folder=folder) in told
    path.write_text(told.replace(text.format(folder=folder), bad))
    with pytest.raises(UsageError, match=reason):
        read_recipe(path)
