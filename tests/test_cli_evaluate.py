"""`ci-rlm evaluate`, end to end on a small network of random weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ci_rlm.cli import main
from ci_rlm.training import corpus, texts
from tests.fakes import NARROW
from tests.made_up_programs import programs, tiny_checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus and two checkpoints of random weights."""
    from ci_rlm.model.tokenizer import learn

    where = tmp_path_factory.mktemp("evaluate")
    these = programs(6, 3)
    corpus.write(
        [*these, *(replace(each, split="train") for each in programs(4, 8, seed=1))], where / "corpus"
    )
    words = learn([each.text for each in these], vocab_size=300)
    spaces = (texts.python_space("a machine", 1000.0),)
    for number, name in enumerate(("one", "other")):
        tiny_checkpoint(where / name, name, spaces, words, max_tokens=128, seed=number, calibration=NARROW)
    return where


def run(folder: Path, *arguments: str) -> Result:
    command = ["evaluate", str(folder / "one"), "--corpus", str(folder / "corpus"), "--resamples", "20"]
    return CliRunner().invoke(main, [*command, *arguments])


def test_a_checkpoint_is_shown_beside_the_baselines(folder: Path) -> None:
    result = run(folder)
    assert result.exit_code == 0
    assert "one on 24 programs of 6 problems (test), at 24 points" in result.stdout
    assert "node counts" in result.stdout


def test_figures_and_page_are_written_and_are_the_same_again(folder: Path, tmp_path: Path) -> None:
    written = []
    for number in range(2):
        files = tmp_path / f"{number}.json", tmp_path / f"{number}.html"
        assert run(folder, "--json", str(files[0]), "--html", str(files[1])).exit_code == 0
        written.append([file.read_bytes() for file in files])
    assert written[0] == written[1]
    assert json.loads(written[0][0])["schema_version"] == 1
    assert written[0][1].lstrip().startswith(b"<!doctype html>")


def test_the_difference_from_another_checkpoint_is_told(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    result = run(folder, "--against", str(folder / "other"), "--no-baselines", "--json", str(file))
    assert result.exit_code == 0
    assert "Difference from other" in result.stdout
    document = json.loads(file.read_text())
    assert [each["role"] for each in document["predictors"]] == ["checkpoint", "present"]
    told = document["metrics"][0]["predictors"][1]["differences"]["accuracy/log_error"]
    assert told["difference"]["value"] == pytest.approx(told["candidate"] - told["present"], abs=1e-5)


def test_a_limit_is_on_problems(folder: Path) -> None:
    result = run(folder, "--limit", "2", "--no-baselines")
    assert "on 8 programs of 2 problems" in result.stdout


def test_a_folder_without_a_corpus_is_said_to_be_none(folder: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["evaluate", str(folder / "one"), "--corpus", str(tmp_path)])
    assert result.exit_code == 3
    assert f"no corpus at {tmp_path}" in result.stderr


def test_a_split_that_is_empty_cannot_be_evaluated(folder: Path) -> None:
    result = run(folder, "--split", "calibration")
    assert result.exit_code == 3
    assert "no programs in the split 'calibration'" in result.stderr
