"""The paper's ablations: arms that differ in one thing, a run that goes on, tables that add up."""

from __future__ import annotations

import itertools
import json
import math
import sys
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest
from scipy.stats import spearmanr

from ci_rlm.training import corpus, joining, synthetic, texts
from ci_rlm.training.recipe import read_recipe
from tests.test_train import RECIPE, example

PYTHON = texts.python_space("", 1.0)
BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """The benchmark's modules: scripts that find each other in their own folder."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import ablation_corpora
    import ablation_tables
    import ablations

    return {"run": ablations, "corpora": ablation_corpora, "tables": ablation_tables}


# Recipes.


def test_every_arm_has_a_recipe_and_every_recipe_is_an_arm(scripts: dict[str, ModuleType]) -> None:
    assert {path.stem for path in scripts["run"].RECIPES.glob("*.toml")} == set(scripts["run"].ARMS)


LAYERS = {"model.encoder_layers", "model.decoder_layers"}
LENGTH = {"train.longest", "train.batch_tokens"}


@pytest.mark.parametrize(
    ("arm", "apart"),
    [
        ("mse", {"head", *LAYERS}),
        ("mse-normalised", {"head", *LAYERS}),
        ("mse-log", {"head", *LAYERS}),
        ("text", {"head"}),
        ("general-vocabulary", set()),
        ("tokens-32", LENGTH),
        ("tokens-64", LENGTH),
        ("tokens-128", LENGTH),
        ("synthetic", {"corpus"}),
    ],
)
def test_an_arm_differs_from_the_base_in_what_it_is_about_alone(
    scripts: dict[str, ModuleType], arm: str, apart: set[str]
) -> None:
    assert differing(scripts, arm) == apart


def test_the_pretrained_arm_is_trained_as_the_base_is(scripts: dict[str, ModuleType]) -> None:
    apart = differing(scripts, "from-synthetic")
    assert {key.partition(".")[0] for key in apart} == {"start", "model", "size"}


def differing(scripts: dict[str, ModuleType], arm: str) -> set[str]:
    """The keys in which a recipe is not the base's, but for what it is called and where it goes."""
    base, other = (flat(scripts["run"].RECIPES / f"{name}.toml") for name in ("numbers", arm))
    return {key for key in base.keys() | other.keys() if base.get(key) != other.get(key)} - {"name", "out"}


def flat(path: Path) -> dict[str, Any]:
    """A recipe's keys, those of its tables with the table's name."""
    found: dict[str, Any] = {}
    for name, value in asdict(read_recipe(path)).items():
        inner = {f"{name}.{key}": each for key, each in value.items()} if isinstance(value, dict) else None
        found |= inner if inner is not None else {name: value}
    return found


def test_an_arm_that_starts_from_another_comes_after_it(scripts: dict[str, ModuleType]) -> None:
    arms = scripts["run"].ARMS
    assert arms.index("synthetic") < arms.index("from-synthetic")


# Generated programs.


def test_generated_programs_come_with_the_peak_memory_that_was_measured(
    scripts: dict[str, ModuleType], tmp_path: Path
) -> None:
    scripts["corpora"].synthetic(Path(), tmp_path / "made", 20)
    made = corpus.read(tmp_path / "made")
    table = parquet.read_table(
        joining.MEASURED / "synthetic.parquet", filters=[("metric", "=", "peak_memory")]
    )
    known = {(row["record"], row["size"]): row["value"] for row in table.to_pylist()}
    assert len(made) == 20
    assert all(each.text == texts.program_text(synthetic.text_of(each.record), PYTHON) for each in made)
    assert all(known[each.record, row.size] == row.peak_memory for each in made for row in each.rows)


# The general vocabulary.

PIECES = {"▁": -3.0, "▁a": -2.5, "a": -3.5, "b": -3.1, "ab": -4.0, "▁ab": -6.2, "ba": -4.4, "(": -5.0}


def vocabulary(path: Path, *, unknown: int = 2) -> Path:
    """A SentencePiece model of few pieces, in the order of T5's."""
    from transformers.utils import sentencepiece_model_pb2_new as layout

    model = layout.ModelProto()
    for piece, kind in (("<pad>", "CONTROL"), ("</s>", "CONTROL"), ("<unk>", "UNKNOWN")):
        model.pieces.add(piece=piece, score=0.0, type=layout.ModelProto.SentencePiece.Type.Value(kind))
    for piece, score in PIECES.items():
        model.pieces.add(piece=piece, score=score)
    model.trainer_spec.model_type = layout.TrainerSpec.UNIGRAM
    model.trainer_spec.unk_id = unknown
    path.write_bytes(model.SerializeToString())
    return path


def best(text: str) -> list[int]:
    """The ids of the likeliest way to cut a text into pieces, of all ways."""
    ways = []
    for count in range(len(text)):
        for cuts in itertools.combinations(range(1, len(text)), count):
            parts = [text[i:j] for i, j in itertools.pairwise((0, *cuts, len(text)))]
            if all(part in PIECES for part in parts):
                ways.append((sum(PIECES[part] for part in parts), parts))
    return [3 + list(PIECES).index(part) for part in max(ways)[1]]


@pytest.mark.parametrize("text", ["a", "ab", "aab", "abab", "ba(ab", "b(a", "aba ab", "ab  ba"])
def test_the_general_vocabulary_cuts_a_text_as_its_scores_say(
    scripts: dict[str, ModuleType], tmp_path: Path, text: str
) -> None:
    words = scripts["corpora"].general_vocabulary(vocabulary(tmp_path / "t5.model"))
    wanted = [id for word in text.split() for id in best(f"▁{word}")]
    assert words.encode_batch([text], 100)[0] == [[1, *wanted]]


def test_what_the_general_vocabulary_lacks_is_one_unknown_piece(
    scripts: dict[str, ModuleType], tmp_path: Path
) -> None:
    words = scripts["corpora"].general_vocabulary(vocabulary(tmp_path / "t5.model"))
    assert words.encode_batch(["a {"], 100)[0] == [[1, *best("▁a"), *best("▁"), 2]]


def test_a_vocabulary_of_another_layout_is_refused(scripts: dict[str, ModuleType], tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no SentencePiece model of the T5 family"):
        scripts["corpora"].general_vocabulary(vocabulary(tmp_path / "other.model", unknown=0))


# Tables.


def result(tables: ModuleType, noise: float, seed: int) -> Any:
    """Costs of forty programs of twenty problems, predicted with so much noise; a time is not measured."""
    chance = np.random.default_rng(seed)
    truth = np.exp(np.random.default_rng(0).normal(size=(40, 2)))
    predicted = truth * np.exp(noise * chance.normal(size=truth.shape))
    truth[3, 1] = math.nan
    return tables.Result(
        problems=tuple(f"p{number // 2}" for number in range(40)),
        measured=truth, predicted=predicted, tokens=(10,) * 40, read=(10,) * 30 + (5,) * 10,
        losses=tuple(np.linspace(2, 1, 16)), held_out_loss=0.9, seconds=1.0,
    )  # fmt: skip


def rho(run: Any, metric: int) -> float:
    return float(spearmanr(run.measured[:, metric], run.predicted[:, metric], nan_policy="omit").statistic)


def test_a_row_holds_the_mean_of_the_seeds_and_the_difference_from_the_base(
    scripts: dict[str, ModuleType],
) -> None:
    tables = scripts["tables"]
    base, worse = ({seed: result(tables, noise, seed) for seed in (1, 2)} for noise in (0.1, 2.0))
    lines = list(tables.tables({"numbers": base, "text": worse}, 16))
    (row,) = (line for line in lines if line.startswith("| text tokens"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    for metric, at in ((0, 1), (1, 4)):
        each = [rho(run, metric) for run in worse.values()]
        apart = np.mean(each) - np.mean([rho(run, metric) for run in base.values()])
        assert cells[at : at + 2] == [f"{np.mean(each):.3f}", " ".join(f"{value:.3f}" for value in each)]
        assert cells[at + 2].startswith(f"{apart:+.3f} (")


def test_an_interval_of_a_clear_difference_leaves_out_zero(scripts: dict[str, ModuleType]) -> None:
    tables = scripts["tables"]
    results = {arm: {1: result(tables, noise, 1)} for arm, noise in (("numbers", 0.1), ("text", 5.0))}
    assert " to -0." in tables.metric_cells(results, "text", 0)[2]


def test_a_model_that_says_the_same_of_every_program_has_no_rank(scripts: dict[str, ModuleType]) -> None:
    tables = scripts["tables"]
    base, constant = (result(tables, 0.1, 1) for _ in range(2))
    constant.predicted[:] = 1.0
    assert tables.metric_cells({"numbers": {1: base}, "mse": {1: constant}}, "mse", 0) == ["–", "–", ""]


def test_only_tables_of_what_was_run_are_printed(scripts: dict[str, ModuleType]) -> None:
    tables = scripts["tables"]
    results = {arm: {1: result(tables, 0.1, 1)} for arm in ("numbers", "text")} | {"mse": {}}
    titles = [line for line in tables.tables(results, 16) if line.startswith("## ")]
    assert titles == ["## Table 9: digits beside text"]


def test_the_parts_of_a_loss_curve_are_means_of_their_steps(scripts: dict[str, ModuleType]) -> None:
    tables = scripts["tables"]
    lines = list(tables.loss_curves({"numbers": {1: result(tables, 0.1, 1)}}, points=4))
    losses = np.linspace(2, 1, 16)
    assert lines[5:9] == [
        f"| {4 * k + 1}–{4 * k + 4} | {losses[4 * k : 4 * k + 4].mean():.3f} |" for k in range(4)
    ]


# A whole run, in miniature.


@pytest.fixture
def place(scripts: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a corpus and two recipes, and the script called with them."""
    splits = {"train": range(40), "calibration": range(40, 50), "test": range(50, 80)}
    examples = [example(number, split) for split, numbers in splits.items() for number in numbers]
    corpus.write(examples, tmp_path / "given")
    recipes = tmp_path / "recipes"
    recipes.mkdir()
    for arm in ("numbers", "mse-log"):
        text = RECIPE.format(folder=f"{tmp_path}/programs").replace("/corpus", "")
        (recipes / f"{arm}.toml").write_text(text.replace("seed = 1", f'seed = 1\nhead = "{arm}"'))
    flags = ["--corpus", tmp_path / "given", "--out", tmp_path / "out", "--recipes", recipes, "--steps", "2"]
    flags += ["--seeds", "1", "--threads", "1", "--arms", "numbers", "mse-log"]
    monkeypatch.setattr(sys, "argv", ["ablations.py", *map(str, flags)])
    return tmp_path


@pytest.mark.model
def test_a_run_keeps_what_each_arm_answers_and_prints_their_table(
    scripts: dict[str, ModuleType], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scripts["run"].main()
    kept = json.loads((place / "out" / "results" / "mse-log-1.json").read_text())
    assert len(kept["predicted"]) == len(kept["measured"]) == 30
    assert len(kept["losses"]) == 2
    assert "## Table 5: number tokens beside a regression head" in capsys.readouterr().out


@pytest.mark.model
def test_a_second_run_trains_what_is_missing_alone(
    scripts: dict[str, ModuleType], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scripts["run"].main()
    (place / "out" / "results" / "mse-log-1.json").unlink()
    capsys.readouterr()
    scripts["run"].main()
    assert [line for line in capsys.readouterr().err.splitlines() if " of 1: " in line] == [
        "1 of 1: mse-log, seed 1"
    ]


@pytest.mark.model
def test_results_of_another_number_of_steps_are_not_mixed_in(
    scripts: dict[str, ModuleType], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts["run"].main()
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--steps", "3"])
    with pytest.raises(SystemExit, match="holds results with other steps: name another --out"):
        scripts["run"].main()
