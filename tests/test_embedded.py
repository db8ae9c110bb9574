"""The checkpoint that ships, used as a user uses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ci_rlm.model import checkpoint
from ci_rlm.predict import of_checkpoint
from ci_rlm.training import recorded
from ci_rlm.training.card import card

if TYPE_CHECKING:
    from tests.conftest import Checkout

pytestmark = pytest.mark.model

BY_SET = """\
def unique(values):
    seen = set()
    result = []
    for value in values:
        if value not in seen:
            seen.add(value)
            result.append(value)
    return result
"""
BY_LIST = BY_SET.replace("set()", "[]").replace("seen.add", "seen.append")


def changed(repo: Checkout, before: str, after: str) -> Checkout:
    repo.write("unique.py", before)
    repo.commit("before")
    repo.write("unique.py", after)
    repo.commit("after")
    return repo


def report(repo: Checkout, *flags: str) -> bytes:
    command = [sys.executable, "-m", "ci_rlm", "check", "-C", str(repo.root), "--base", "HEAD~1", *flags]
    return subprocess.run(command, capture_output=True, check=True).stdout


def test_the_embedded_checkpoint_is_whole_and_at_most_60_megabytes() -> None:
    folder = checkpoint.locate(checkpoint.EMBEDDED)

    config, info, calibrations = checkpoint.read_info(folder)

    assert info.dtype == "bfloat16"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 60e6
    assert {c.metric for c in calibrations} == {m.name for space in config.spaces for m in space.metrics}


@pytest.mark.parametrize("form", ["json", "markdown"])
def test_three_checks_without_a_cache_give_the_same_bytes(repo: Checkout, form: str) -> None:
    changed(repo, BY_SET, BY_LIST)

    runs = [report(repo, "--no-cache", "--format", form) for _ in range(3)]

    assert runs[0] == runs[1] == runs[2]


def test_a_cached_answer_is_the_answer(repo: Checkout) -> None:
    changed(repo, BY_SET, BY_LIST)

    assert report(repo, "--format", "json") == report(repo, "--format", "json")


def test_a_change_of_comments_and_layout_is_the_same_whatever_the_model_thinks(repo: Checkout) -> None:
    changed(repo, BY_SET, BY_SET.replace("seen = set()", "seen = set()  # so far\n"))

    told = report(repo, "--format", "terminal")

    assert b"No credible regression in 1 changed function" in told


def test_the_model_card_names_the_weights_that_it_describes() -> None:
    card = (checkpoint.locate(checkpoint.EMBEDDED) / checkpoint.CARD).read_text(encoding="utf-8")

    config, _, _ = checkpoint.read_info(checkpoint.locate(checkpoint.EMBEDDED))

    assert card.startswith(f"# {config.name}\n")
    assert f"{config.encoder_layers} encoder" in card


def test_nothing_of_the_repository_is_executed(repo: Checkout, tmp_path: Path) -> None:
    trap = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    changed(repo, trap + BY_SET, trap + BY_LIST)

    report(repo)

    assert not (tmp_path / "ran").exists()


def test_the_model_card_is_the_one_that_its_record_writes() -> None:
    folder = checkpoint.locate(checkpoint.EMBEDDED)
    record = recorded.read(folder)
    config, info = checkpoint.read_config(folder), of_checkpoint(folder).info

    assert record.weights.digest == info.digest
    assert (folder / checkpoint.CARD).read_text(encoding="utf-8") == card(config, record)


COPIES = """\
def within(readings, low, high):
    kept = []
    for reading in list(readings):
        if low <= reading <= high:
            kept.append(reading)
    return kept
"""


def test_a_copy_of_what_is_looped_over_is_warned_of_and_taking_it_back_is_not(repo: Checkout) -> None:
    changed(repo, COPIES.replace("list(readings)", "readings"), COPIES)
    assert b"The one changed function likely costs more" in report(repo, "--format", "terminal")

    repo.write("unique.py", COPIES.replace("list(readings)", "readings"))
    repo.commit("back")
    told = report(repo, "--format", "terminal")
    assert b"No credible regression in 1 changed function" in told
