"""`ci-rlm explain` on real repositories and files, with answers that are kept already."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ci_rlm.cli import main
from ci_rlm.flow import Prompt
from tests.conftest import Checkout
from tests.fakes import checkpoint_without_weights, remember

FIRST = ("    total = 0\n", "    total = int()\n")
SECOND = ("        total += row\n", "        total += slow(row)\n")
BEFORE = f"def build(rows):\n{FIRST[0]}    for row in rows:\n{SECOND[0]}    return total\n"
AFTER = BEFORE.replace(*FIRST).replace(*SECOND)
VARIANTS = (BEFORE, AFTER, BEFORE.replace(*FIRST), BEFORE.replace(*SECOND))


def by_calls(prompt: Prompt) -> dict[str, float]:
    """A call of `slow` makes it fourfold."""
    factor = 4 if "slow(" in prompt.text else 1
    return {"peak_memory": 2.0**20 * factor, "cpu_time": 1e-3}


@pytest.fixture
def topic(repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A branch on which one function got costlier by one of two hunks, and another got a comment."""
    folder = checkpoint_without_weights(tmp_path / "checkpoint")
    monkeypatch.setenv("CI_RLM_CHECKPOINT", str(folder))
    remember(folder, Path(os.environ["CI_RLM_CACHE_DIR"]), VARIANTS, by_calls)
    repo.write("src/a.py", BEFORE)
    repo.write("src/b.py", "def quiet():\n    return 1\n")
    repo.commit("before")
    repo.git("checkout", "-q", "-b", "topic")
    repo.write("src/a.py", AFTER)
    repo.write("src/b.py", "def quiet():\n    return 1  # one\n")
    repo.commit("after")
    return repo


def explain(repo: Checkout, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["explain", "-C", str(repo.root), *arguments])


def test_the_responsible_hunk_is_told_first_with_its_lines(topic: Checkout) -> None:
    result = explain(topic)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "src/a.py:1 build: peak memory +300%, regressed: likely over 1.25x the cost",
        "  100%    +300%  line 4",
        "        -         total += row",
        "        +         total += slow(row)",
        "    0%       0%  line 2",
        "        -     total = 0",
        "        +     total = int()",
    ]


def test_a_named_function_is_explained_for_each_metric(topic: Checkout) -> None:
    result = explain(topic, "--function", "build", "--json")
    told = {record["metric"]: record for record in map(json.loads, result.stdout.splitlines())}
    assert {metric: record["outcome"] for metric, record in told.items()} == {
        "peak_memory": "regressed",
        "cpu_time": "same",
    }
    assert told["peak_memory"]["hunks"][0] == {
        "before": [4, 4],
        "after": [4, 4],
        "effect": 1.38629,
        "share": 1.0,
    }


def test_without_a_claim_there_is_nothing_to_explain(topic: Checkout) -> None:
    result = explain(topic, "src/b.py")
    assert result.exit_code == 0
    assert result.stdout.startswith("No claim of a difference to explain")
    assert explain(topic, "src/b.py", "--json").stdout == ""


def test_code_that_is_equal_is_said_to_be_so(topic: Checkout) -> None:
    assert "quiet: cpu time, same: same code, same cost" in explain(topic, "--function", "quiet").stdout


def test_a_function_that_did_not_change_is_a_usage_error(topic: Checkout) -> None:
    result = explain(topic, "--function", "missing")
    assert result.exit_code == 2
    assert "no function 'missing'" in result.stderr


def test_a_function_that_does_not_parse_is_told_with_the_reason(topic: Checkout) -> None:
    topic.write("src/a.py", AFTER.replace("total = int()", "total = int("))
    topic.commit("broken")
    result = explain(topic, "--function", "build")
    assert result.exit_code == 3
    assert "src/a.py build: line" in result.stderr


def test_two_files_are_explained_without_a_repository(topic: Checkout, tmp_path: Path) -> None:
    names = [tmp_path / "before.py", tmp_path / "after.py"]
    for path, text in zip(names, (BEFORE, AFTER), strict=True):
        path.write_text(f"import os\n\n{text}")
    result = explain(topic, "--files", *map(str, names), "--function", "build", "--json")
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["hunks"][0]["after"] for record in told if record["metric"] == "peak_memory"] == [[6, 6]]


def test_two_files_and_a_range_are_a_usage_error(topic: Checkout, tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(BEFORE)
    assert explain(topic, "--files", str(path), str(path), "--base", "main").exit_code == 2


def test_code_cannot_steer_the_terminal(topic: Checkout, tmp_path: Path) -> None:
    hostile = [text.replace("return total", "return '\x1b[31m\u202e', total") for text in VARIANTS]
    remember(Path(os.environ["CI_RLM_CHECKPOINT"]), Path(os.environ["CI_RLM_CACHE_DIR"]), hostile, by_calls)
    names = [tmp_path / "before.py", tmp_path / "after.py"]
    names[0].write_text(hostile[0])
    names[1].write_text(hostile[1].replace("slow(row)", "slow(row)  # \x1b[31m\u202e"))
    result = explain(topic, "--files", *map(str, names), "--function", "build")
    assert result.exit_code == 0, result.output
    assert r"slow(row)  # \x1b[31m\u202e" in result.stdout
    assert "\x1b" not in result.stdout
