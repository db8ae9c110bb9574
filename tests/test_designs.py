"""The arms of benchmarks/designs.py: each differs in one thing, and what it changes it does."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ci_rlm.model import alternatives, checkpoint, tokenizer
from ci_rlm.model.alternatives import NumberTokens
from ci_rlm.model.network import collate
from ci_rlm.model.number_codec import DIGITS
from ci_rlm.training import corpus, train
from ci_rlm.training.recipe import read_recipe
from tests.test_train import RECIPE, example

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def designs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark, a script that finds others in its own folder."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import designs

    return designs


@pytest.fixture
def setting(designs: ModuleType, tmp_path: Path) -> Any:
    """A folder for arms over 40 programs and 12 held-out ones."""
    splits = {"train": range(40), "calibration": range(40, 52), "test": range(60, 64)}
    corpus.write(
        [example(n, split) for split, numbers in splits.items() for n in numbers], tmp_path / "corpus"
    )
    return designs.Setting(tmp_path / "corpus", Path(), tmp_path / "out", 8)


def test_an_arm_comes_after_what_it_needs(designs: ModuleType) -> None:
    names = list(designs.ARMS)
    for name, arm in designs.ARMS.items():
        needed = [arm.start] if arm.start else arm.mean_of
        assert all(names.index(other) < names.index(name) for other in needed)


def test_an_arm_is_the_base_but_for_what_it_says(designs: ModuleType, setting: Any) -> None:
    base = asdict(setting.recipe(designs.BASE, 1))
    for name, arm in designs.ARMS.items():
        own = asdict(setting.recipe(name, 1))
        apart = {key for key in own if own[key] != base[key]} - {"out"}
        named = {"model": arm.model, "train": arm.train, "head": arm.head != "numbers"}
        named |= {"corpus": arm.corpus != "programs", "seed": arm.order}
        started = {"start", "model", "size"} if arm.start else set()
        assert apart == {key for key, value in named.items() if value} | started


def test_the_steps_of_an_arm_are_its_own_and_those_before(designs: ModuleType, setting: Any) -> None:
    assert setting.spent(designs.BASE) == 8
    assert setting.spent("from-small-inputs") == 4 + 4
    assert setting.spent("from-masked") == 8 + 8
    assert setting.spent("averaged") == 2 * (8 + 4)


def test_a_curriculum_begins_with_small_inputs_of_what_is_learned_from_alone(designs: ModuleType) -> None:
    learned, held_out = example(1), example(2, "calibration")
    assert [row.size for row in designs.small(learned).rows] == [10, 100]
    assert designs.small(held_out) == held_out
    assert designs.small(replace(learned, rows=learned.rows[2:])) is None


def test_nothing_of_the_test_split_is_read(designs: ModuleType, setting: Any) -> None:
    found = designs.unedited(setting)
    assert len(found) == 52
    assert {each.split for each in found} == {"train", "calibration"}


def network(tmp_path: Path) -> tuple[Any, list[Any]]:
    """A tiny network of random weights, and a batch for it."""
    recipe = read_recipe(_written(tmp_path))
    recipe = replace(recipe, model={**recipe.model, "dropout": 0.0})
    corpus.write([example(n) for n in range(6)], tmp_path / "corpus")
    (training,) = train.kept(recipe, "train", {})
    words = train.tokenizer_of(recipe, training)
    made = train.network_of(recipe, train.config_of(recipe, words, "m"), words, training)
    ids, _ = words.encode_batch([program.text for program in training], 64)
    targets = torch.stack([made.targets(program.numbers[:2]) for program in training])
    known = torch.ones(len(ids), 2, 2, dtype=torch.bool)
    known[0, :, 1] = False
    return made, [*collate(ids), targets, known]


def _written(folder: Path) -> Path:
    (folder / "recipe.toml").write_text(RECIPE.format(folder=folder))
    return folder / "recipe.toml"


def test_nearness_adds_how_far_off_the_digits_are_expected_to_be(designs: ModuleType, tmp_path: Path) -> None:
    made, batch = network(tmp_path)
    plain, logits = made.loss(*batch).item(), made(*batch[:3]).detach().double().numpy()
    with designs.a_loss_of_nearness():
        near = made.loss(*batch).item()
    assert made.loss(*batch).item() == plain
    assert NumberTokens.loss is type(made).loss
    targets, known, length = batch[2].numpy(), batch[3].numpy(), made.number_format.length
    off = []
    for text, row, place in np.ndindex(targets.shape):
        metric = place // length - 1  # the size comes first
        digit = targets[text, row, place] - DIGITS[0]
        if metric >= 0 and known[text, row, metric] and digit >= 0:
            told = np.exp(logits[text, row, place][list(DIGITS)])
            off.append(sum(p * abs(d - digit) for d, p in enumerate(told / told.sum())))
    assert near == pytest.approx(plain + designs.NEARNESS * np.mean(off), rel=1e-5)


def test_weights_are_averaged_one_by_one(designs: ModuleType, tmp_path: Path) -> None:
    made, _ = network(tmp_path)
    words = tokenizer.load(tmp_path / "run" / "tokenizer.json")
    for name, value in (("a", 1.0), ("b", 4.0)):
        with torch.no_grad():
            made.head.weight.fill_(value)
        alternatives.save(tmp_path / name / "checkpoint", made, words, "")
    mean = load_file(designs.average([tmp_path / "a", tmp_path / "b"], tmp_path / "c") / checkpoint.WEIGHTS)
    first = load_file(tmp_path / "a" / "checkpoint" / checkpoint.WEIGHTS)
    assert (mean["head.weight"] == 2.5).all()
    assert all(torch.equal(mean[name], first[name]) for name in first if name != "head.weight")


def test_of_a_problem_no_more_than_a_few_programs_are_ranked(designs: ModuleType) -> None:
    columns = ("problems", "measured", "predicted", "tokens", "read")
    record = {**{name: list(range(20)) for name in columns}, "problems": ["a", "b"] * 10, "seconds": 1.0}
    kept = designs.few_of_each(record)
    assert kept["problems"] == ["a", "b"] * 8
    assert all(kept[name] == list(range(16)) for name in columns[1:])
    assert kept["seconds"] == 1.0


@pytest.mark.model
def test_a_run_keeps_what_each_arm_answers_and_prints_a_row_of_it(
    designs: ModuleType, setting: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arms = ["numbers", "near", "masked", "from-masked", "again", "again-too", "averaged"]
    flags = [
        "--corpus",
        setting.corpus,
        "--out",
        setting.out,
        "--steps",
        "2",
        "--seeds",
        "1",
        "--arms",
        *arms,
    ]
    monkeypatch.setattr(sys, "argv", ["designs.py", *map(str, flags)])
    designs.main()
    rows = [line.split(" | ")[0].strip("| ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows == [designs.ARMS[name].label for name in arms if name != "masked"]
    kept = json.loads(setting.result("averaged", 1).read_text())
    assert len(kept["predicted"]) == 12
    assert math.isnan(kept["held_out_loss"])
    before = {path: path.stat().st_mtime_ns for path in setting.out.glob("results/*")}
    designs.main()
    assert {path: path.stat().st_mtime_ns for path in setting.out.glob("results/*")} == before
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--steps", "3"])
    with pytest.raises(SystemExit, match="another setting"):
        designs.main()
