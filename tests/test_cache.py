"""Answers are kept, shared between processes, and never the reason why a run fails."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_rlm.flow import Prediction, Prompt
from ci_rlm.predict.cache import AnswerCache, CachedPredictor
from tests.fakes import SPACE, FakePredictor, by_length

ANSWER = (
    Prediction("peak_memory", "B", ((0.05, 1.0), (0.5, 2.5)), True),
    Prediction("cpu_time", "s", ((0.5, 1e-6),)),
)


def prompt(text: str) -> Prompt:
    return Prompt(text, SPACE.name, SPACE.size, f"key of {text}")


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def cache(tmp_path: Path, warnings: list[str]) -> AnswerCache:
    return AnswerCache(tmp_path / "cache", warn=warnings.append, wait_s=0.05)


def test_an_answer_comes_back_as_it_went_in(cache: AnswerCache) -> None:
    cache.write("model", {"key": ANSWER})
    assert cache.read("model", ["key", "other"]) == {"key": ANSWER}


def test_an_answer_belongs_to_its_model(cache: AnswerCache) -> None:
    cache.write("model", {"key": ANSWER})
    assert cache.read("another", ["key"]) == {}


def test_more_keys_than_one_statement_takes_are_read(cache: AnswerCache) -> None:
    cache.write("model", {str(number): ANSWER for number in range(1200)})
    assert len(cache.read("model", [str(number) for number in range(1200)])) == 1200


def test_the_oldest_answers_go_first(tmp_path: Path, warnings: list[str]) -> None:
    cache = AnswerCache(tmp_path, warn=warnings.append, kept=3)
    for key in "abcde":
        cache.write("model", {key: ANSWER})
    assert sorted(cache.read("model", list("abcde"))) == ["c", "d", "e"]


def test_a_cache_without_a_file_is_empty_and_makes_none(cache: AnswerCache, warnings: list[str]) -> None:
    assert cache.read("model", ["key"]) == {}
    assert not cache.path.parent.exists()
    assert warnings == []


def test_a_file_without_its_table_is_empty(cache: AnswerCache, warnings: list[str]) -> None:
    cache.path.parent.mkdir()
    cache.path.touch()
    assert cache.read("model", ["key"]) == {}
    assert warnings == []


@settings(max_examples=25)
@given(damage=st.binary(min_size=20, max_size=400))
def test_whatever_lies_in_the_file_a_run_goes_on(
    tmp_path_factory: pytest.TempPathFactory, damage: bytes
) -> None:
    cache = AnswerCache(tmp_path_factory.mktemp("cache"), warn=lambda _: None)
    cache.path.write_bytes(damage)
    assert cache.read("model", ["key"]) == {}
    cache.write("model", {"key": ANSWER})
    assert cache.read("model", ["key"]) == {"key": ANSWER}


def test_a_damaged_file_is_made_anew_with_one_warning(cache: AnswerCache, warnings: list[str]) -> None:
    cache.write("model", {str(number): ANSWER for number in range(100)})
    cache.path.write_bytes(cache.path.read_bytes()[:4096] + b"\xff" * 4096)
    cache.read("model", ["key"])
    cache.write("model", {"key": ANSWER})
    assert cache.read("model", ["key"]) == {"key": ANSWER}
    assert len(warnings) == 1
    assert "damaged" in warnings[0]


def test_an_entry_that_nobody_wrote_is_a_miss(cache: AnswerCache) -> None:
    cache.write("model", {"key": ANSWER})
    with sqlite3.connect(cache.path) as database:
        database.execute("UPDATE answers SET answer = '[[1]]'")
    database.close()
    assert cache.read("model", ["key"]) == {}


def test_a_folder_that_cannot_be_made_costs_one_warning(tmp_path: Path, warnings: list[str]) -> None:
    (tmp_path / "file").touch()
    cache = AnswerCache(tmp_path / "file", warn=warnings.append)
    cache.write("model", {"key": ANSWER})
    cache.write("model", {"key": ANSWER})
    assert cache.read("model", ["key"]) == {}
    assert len(warnings) == 1
    assert "cannot be written" in warnings[0]


def test_answers_are_read_while_another_process_writes(cache: AnswerCache, warnings: list[str]) -> None:
    cache.write("model", {"key": ANSWER})
    writer = sqlite3.connect(cache.path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    cache.write("model", {"late": ANSWER})
    assert cache.read("model", ["key", "late"]) == {"key": ANSWER}
    assert ["locked" in warning for warning in warnings] == [True]
    writer.close()


def test_processes_write_at_the_same_time(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from ci_rlm.flow import Prediction\n"
        "from ci_rlm.predict.cache import AnswerCache\n"
        "cache = AnswerCache(Path(sys.argv[1]), warn=sys.exit, wait_s=60)\n"
        "for number in range(20):\n"
        "    cache.write('model', {f'{sys.argv[2]}-{number}': (Prediction('m', 'B', ((0.5, 1.0),)),)})\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    running = [subprocess.Popen([*command, name]) for name in "abc"]
    assert [process.wait() for process in running] == [0, 0, 0]
    keys = [f"{name}-{number}" for name in "abc" for number in range(20)]
    assert len(AnswerCache(tmp_path, warn=lambda _: None).read("model", keys)) == 60


def test_answers_keep_the_order_of_the_prompts(cache: AnswerCache) -> None:
    texts = ["bb", "a", "bb", "dddd", "a"]
    cached = CachedPredictor(FakePredictor(by_length), cache)
    list(cached.predict([prompt("a")]))
    answers = list(cached.predict([prompt(text) for text in texts]))
    assert [answer[0].median / 2**20 for answer in answers] == [2, 1, 2, 4, 1]


def test_only_what_is_not_known_is_asked_and_only_once(cache: AnswerCache) -> None:
    model = FakePredictor(by_length)
    cached = CachedPredictor(model, cache)
    list(cached.predict([prompt("a"), prompt("b")]))
    list(cached.predict([prompt("b"), prompt("c"), prompt("c"), prompt("a")]))
    assert [asked.text for asked in model.asked] == ["a", "b", "c"]


def test_a_model_with_other_weights_is_asked_again(cache: AnswerCache) -> None:
    first, second = FakePredictor(by_length), FakePredictor(by_length)
    second.info = replace(second.info, digest="f" * 64)
    for model in (first, second):
        list(CachedPredictor(model, cache).predict([prompt("a")]))
    assert len(second.asked) == 1


def test_the_same_weights_with_other_settings_are_asked_again(cache: AnswerCache) -> None:
    first = FakePredictor(by_length)
    second = FakePredictor(by_length, info=replace(first.info, settings="e" * 64))
    for model in (first, second):
        list(CachedPredictor(model, cache).predict([prompt("a")]))
    assert len(second.asked) == 1


def test_the_same_weights_are_asked_once_whatever_they_are_called(cache: AnswerCache) -> None:
    first = FakePredictor(by_length)
    info, space = replace(first.info, name="ours", hardware="a laptop"), replace(SPACE, hardware="a laptop")
    second = FakePredictor(by_length, info=info, spaces=(space,))
    for model in (first, second):
        list(CachedPredictor(model, cache).predict([prompt("a")]))
    assert not second.asked


@pytest.mark.parametrize("other", [{"size": 7.0}, {"prefix": "x"}, {"metrics": SPACE.metrics[:1]}])
def test_a_model_of_another_space_is_asked_again(cache: AnswerCache, other: dict[str, Any]) -> None:
    first = FakePredictor(by_length)
    second = FakePredictor(by_length, spaces=(replace(SPACE, **other),))
    for model in (first, second):
        list(CachedPredictor(model, cache).predict([prompt("a")]))
    assert len(second.asked) == 1


def test_an_answer_is_kept_though_the_run_ends_early(cache: AnswerCache) -> None:
    model = FakePredictor(by_length)
    answers = CachedPredictor(model, cache).predict([prompt("a")])
    next(answers)
    list(CachedPredictor(model, cache).predict([prompt("a")]))
    assert len(model.asked) == 1
