"""From a team's logs to a checkpoint of its own: ingested, gone on from another one, evaluated."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ci_rlm.cli.calibrate import calibrate
from ci_rlm.cli.evaluate import evaluate
from ci_rlm.cli.train import train as train_command
from ci_rlm.errors import CiRlmError, UsageError
from ci_rlm.logs import Measurement, Place
from ci_rlm.model import checkpoint
from ci_rlm.training import corpus, examples, train
from ci_rlm.training.recipe import read_recipe
from tests.conftest import Checkout
from tests.own_logs import Fake, logs_of, measured
from tests.test_counts import COUNTS
from tests.test_train import RECIPE, example

HEAD = RECIPE[: RECIPE.index("[model]")]
TRAIN = RECIPE[RECIPE.index("[train]") :]
OURS = (
    HEAD.replace("/corpus", "/out").replace("/run", "/ours")
    + """[start]
checkpoint = "./run/checkpoint"
method = "frozen-encoder"
[ingested]
time = "wall_time"
"""
    + TRAIN
)


@pytest.fixture
def folder(repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small checkpoint, the ingested times of thirty functions, and a recipe for both."""
    corpus.write([example(n) for n in range(12)] + [example(12, "calibration")], tmp_path / "corpus")
    (tmp_path / "recipe.toml").write_text(RECIPE.format(folder=tmp_path))
    (tmp_path / "ours.toml").write_text(OURS.format(folder=tmp_path))
    train.train(read_recipe(tmp_path / "recipe.toml"))
    logs = logs_of(repo, tmp_path)
    source = "".join(f"def f{n}(xs):\n    return [x + {n} for x in xs]\n\n\n" for n in range(30))
    repo.write("many.py", source)
    logs = replace(logs, assumed=replace(logs.assumed, commit=repo.commit(), hardware="a laptop"))
    logs.ingest(Fake([timed(n) for n in range(30)]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def timed(number: int) -> Measurement:
    return measured(Place(file="many.py", symbol=f"f{number}"), 1e-6 * (number + 1))


def call(command: Any, *arguments: str) -> Result:
    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result


def test_ingested_functions_are_learned_from_and_evaluated_on(folder: Path) -> None:
    assert call(train_command, "ours.toml", "--general", "corpus").return_value == 0
    config, _, _ = checkpoint.read_info(folder / "ours" / "checkpoint")
    lines = [json.loads(line) for line in (folder / "ours" / "log.jsonl").read_text().splitlines()]
    flags = ("--corpus", "out", "--time", "wall_time", "--resamples", "20", "--json", "figures.json")
    call(evaluate, "./ours/checkpoint", "--against", "./run/checkpoint", *flags)
    document = json.loads((folder / "figures.json").read_text())
    assert (config.hardware, config.spaces[0].hardware) == ("a laptop", "a laptop")
    assert any("held_out_loss" in line for line in lines)
    assert [each["metric"] for each in document["metrics"]] == ["cpu_time"]
    assert (document["data"]["problems"], document["data"]["hardware"]) == (3, "a laptop")


def test_a_run_of_what_is_counted_alone_leaves_the_weights(folder: Path) -> None:
    path = folder / "ours.toml"
    path.write_text(path.read_text().replace("frozen-encoder", "counts"))
    with pytest.raises(UsageError, match="counts nothing, so nothing would learn"):
        call(train_command, "ours.toml", "--general", "corpus")
    checkpoint.write_counts(folder / "run" / "checkpoint", COUNTS)
    assert call(train_command, "ours.toml", "--general", "corpus").return_value == 0
    start, ours = (checkpoint.load_network(folder / run / "checkpoint") for run in ("run", "ours"))
    for (name, before), after in zip(start.state_dict().items(), ours.state_dict().values(), strict=True):
        assert before.equal(after), name
    digests = {checkpoint.read_info(folder / run / "checkpoint")[1].digest for run in ("run", "ours")}
    assert len(digests) == 1, "what is kept of the start's answers holds"
    assert not (folder / "ours" / "log.jsonl").exists()
    assert call(train_command, "ours.toml", "--general", "corpus").return_value == 0


@pytest.mark.parametrize("head", ["mse", "text"])
def test_another_head_on_logs_is_trained_and_left(folder: Path, head: str) -> None:
    """Its folder is no checkpoint that a gate could ask."""
    text = RECIPE.format(folder=folder).replace("/corpus", "/out").replace("/run", f"/{head}")
    text = text.replace("seed = 1", f'seed = 1\nhead = "{head}"') + '[ingested]\ntime = "wall_time"\n'
    (folder / "other.toml").write_text(text)
    assert call(train_command, "other.toml").return_value == 0
    assert not (folder / head / "checkpoint" / checkpoint.CONFIG).exists()


def test_a_recipe_says_what_stands_for_cpu_time(folder: Path) -> None:
    assert read_recipe(folder / "ours.toml").time == "wall_time"
    assert read_recipe(folder / "recipe.toml").time == "cpu_time"
    path = folder / "ours.toml"
    path.write_text(path.read_text().replace('"wall_time"', '"latency"'))
    with pytest.raises(UsageError, match=r"\[ingested\] time is 'latency', not one of cpu_time, wall_time"):
        read_recipe(path)


def test_times_of_another_sort_are_not_taken_for_cpu_time_unasked(folder: Path) -> None:
    with pytest.raises(UsageError, match="no peak memory and no cpu_time of Python functions") as caught:
        call(evaluate, "./run/checkpoint", "--corpus", "out")
    assert "30 of wall_time" in caught.value.hint


def test_a_corpus_without_pairs_cannot_calibrate(folder: Path) -> None:
    with pytest.raises(CiRlmError, match="no programs to calibrate on"):
        call(calibrate, "run/checkpoint", "--corpus", "out", "--time", "wall_time")


def test_a_folder_of_either_sort_is_read(folder: Path) -> None:
    assert len(examples.read(folder / "corpus", size=100.0)) == 13
    found = examples.read(folder / "out", size=100.0, time="wall_time")
    assert {row.size for each in found for row in each.rows} == {100.0}
    assert [path.name for path in examples.files(folder / "out")] == ["ingested.parquet"]
    with pytest.raises(CiRlmError):
        examples.read(folder / "none", size=100.0)
