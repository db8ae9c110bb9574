"""Table 10 of the paper: arms that see the same programs, a run that goes on, figures that add up."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from ci_rlm.training import corpus
from ci_rlm.training.recipe import Also, read_recipe
from tests.test_spaces import FURTHER, MAKERS, PYTHON, written
from tests.test_train import example

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark, a script that finds others in its own folder."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import together

    return together


@pytest.fixture
def setting(together: ModuleType, tmp_path: Path) -> Any:
    """Arms of two epochs over four spaces of a made-up corpus, ready to run."""
    recipe = read_recipe(written(tmp_path) / "recipe.toml")
    recipe = replace(recipe, also=tuple(map(Also, FURTHER)), train=replace(recipe.train, epochs=2))
    found = together.Setting(tmp_path / "out", recipe)
    found.prepare(tmp_path / "corpus", dict.fromkeys(found.spaces, 8), 4)
    return found


def test_arms_are_each_space_alone_code_and_all(together: ModuleType) -> None:
    arms = together.Setting(Path("out"), read_recipe(together.RECIPE)).arms
    assert arms == {
        **{name: (name,) for name in ("python", *FURTHER)},
        "code": ("python", "languages", "kernels"),
        "together": ("python", *FURTHER),
    }


def test_arms_differ_in_their_spaces_and_the_size_of_the_first_alone(setting: Any) -> None:
    for arm, spaces in setting.arms.items():
        recipe = setting.of(arm, 2)
        assert (recipe.space, *(also.space for also in recipe.also)) == spaces
        same = replace(recipe, space="python", size=100.0, also=setting.recipe.also)
        assert same == replace(setting.recipe, corpus=recipe.corpus, out=recipe.out, seed=2)


def test_programs_are_drawn_by_their_names_and_never_edits(together: ModuleType, tmp_path: Path) -> None:
    plain = [example(number) for number in range(9)]
    edits = [replace(each, record=f"{each.record}+renamed") for each in plain]
    corpus.write([*plain, *edits], tmp_path / "one")
    corpus.write([*edits, *reversed(plain)], tmp_path / "two")
    one, two = (together.few(tmp_path / name, "python", "train", 5) for name in ("one", "two"))
    assert one == two
    assert len(one) == 5
    assert all(each in plain for each in one)


def test_the_corpus_of_the_arms_has_so_many_programs_of_each_space_and_none_of_the_test_split(
    setting: Any,
) -> None:
    known = [*PYTHON, *(MAKERS[name](n, s) for name in FURTHER for n in range(18) for s in ("train", "x"))]
    kept = json.loads((setting.out / "corpus" / "corpus.json").read_text())["programs"]
    assert kept == 4 * (8 + 4)
    assert {each.problem for each in corpus.read(setting.out / "corpus")} <= {each.problem for each in known}


def test_a_folder_of_another_size_is_refused(setting: Any, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="another corpus or size"):
        setting.prepare(tmp_path / "corpus", dict.fromkeys(setting.spaces, 9), 4)


def test_an_arm_that_is_stopped_has_no_result_until_it_has_gone_on_to_its_end(
    together: ModuleType, setting: Any
) -> None:
    recipe = setting.of("kernels", 1)
    assert together.run(setting, 0.0, None, "kernels", 1) == "no time was left"
    recipe.out.mkdir(parents=True)
    shutil.copy(setting.out / "tokenizer.json", recipe.out)
    together.run(setting, time.time() + 0.001, None, "kernels", 1)
    assert not setting.result("kernels", 1).exists()
    assert together.run(setting, None, None, "kernels", 1).endswith("steps")
    assert sum("held_out_loss" in line for line in together.log_of(recipe)) == recipe.train.epochs
    (answers,) = json.loads(setting.result("kernels", 1).read_text()).values()
    measured = {n: MAKERS["kernels"](n, "calibration") for n in range(12, 18)}
    assert len(answers["problems"]) == 4
    for problem, costs in zip(answers["problems"], answers["measured"], strict=True):
        # Nearest to 2^20, the reference size of the space, is the second of the two.
        assert costs == [pytest.approx(measured[int(problem[1:])].rows[1].latency)]
    assert np.shape(answers["predicted"]) == (4, 1)


def answers(seed: int) -> dict[str, Any]:
    """What an arm of two languages might have come to."""
    chance = np.random.default_rng(seed)
    return {
        "problems": [f"p{n // 2}" for n in range(40)],
        "languages": [f"# Language: {'ab'[n % 2]}" for n in range(40)],
        "measured": [[float(n), float(chance.random() + 5 * (n % 2))] for n in range(40)],
        "predicted": [
            [float(n + 30 * chance.random()), float(chance.random() + 5 * (n % 2))] for n in range(40)
        ],
    }


def test_the_figure_of_an_arm_is_the_mean_of_its_seeds(together: ModuleType) -> None:
    runs = []
    for seed in (1, 2):
        found = {**answers(7), "predicted": answers(seed)["predicted"]}
        runs.append(found)
    expected = [
        spearmanr(*(np.array(run[key])[:, 0] for key in ("measured", "predicted"))).statistic for run in runs
    ]
    assert together.sampled(runs, 0, False).value == pytest.approx(np.mean(expected))


def test_within_a_language_its_own_level_counts_for_nothing(together: ModuleType) -> None:
    run = answers(3)
    measured, predicted = (np.array(run[key])[:, 1] for key in ("measured", "predicted"))
    shifted = {**run, "predicted": [[0.0, p + 99 * (n % 2)] for n, p in enumerate(predicted)]}
    own = [spearmanr(measured[at::2], predicted[at::2]).statistic for at in (0, 1)]
    found = together.sampled([run], 1, True).value
    # Ranks of two halves of equal size: their correlation is the mean of the halves'.
    assert found == pytest.approx(np.mean(own), abs=0.01)
    assert together.sampled([shifted], 1, True).value == pytest.approx(found)
    assert together.sampled([run], 1, False).value > 0.6


def test_what_is_not_measured_is_not_ranked(together: ModuleType) -> None:
    run = answers(5)
    run["measured"][3][0] = float("nan")
    found = together.sampled([run], 0, False)
    kept = np.arange(40) != 3
    expected = spearmanr(*(np.array(run[key])[kept, 0] for key in ("measured", "predicted"))).statistic
    assert (found.value, len(found.score.owner)) == (pytest.approx(expected), 39)


def test_the_table_holds_the_differences_and_the_figures_of_the_paper(
    together: ModuleType, setting: Any
) -> None:
    run = answers(1)
    one = {
        **run,
        "measured": [row[:1] for row in run["measured"]],
        "predicted": [r[:1] for r in run["predicted"]],
    }
    exact = {**one, "predicted": one["measured"]}
    results = {"kernels": {1: {"kernels": one}, 2: {"kernels": one}}, "together": {1: {"kernels": exact}}}
    results["together"][1] |= {"python": run, "languages": run, "nasbench201": one}
    lines = list(together.table(setting, results))
    (row,) = [line for line in lines if line.startswith("| kernels")]
    cells = [cell.strip() for cell in row.strip("| ").split("|")]
    rho = spearmanr(np.ravel(one["measured"]), np.ravel(one["predicted"])).statistic
    assert cells[:4] == ["kernels", "latency", "40", f"{rho:.3f}"]
    assert cells[5] == "1.000"
    assert cells[6].startswith(f"{1 - rho:+.3f} [+0.")
    assert cells[-1] == "KernelBook 0.486 → 0.499"
    assert len(lines) == 2 + 2 + 4 + 1 + 1
