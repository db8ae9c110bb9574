"""`ci-rlm score` and `ci-rlm compare`, end to end on a small network of random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ci_rlm.cli import main
from ci_rlm.cli.jsonl import BATCH
from tests.fakes import NARROW, SPACE

SOURCE = "def f(x):\n    return sorted(x)\n\n\nclass A:\n    def g(self):\n        return 1\n"
LONGER = SOURCE.replace("sorted(x)", "sorted(sorted(x) + [y * y for y in x])")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of 60,000 random weights."""
    import torch

    from ci_rlm.model.checkpoint import save
    from ci_rlm.model.config import ModelConfig
    from ci_rlm.model.network import Network
    from ci_rlm.model.tokenizer import learn

    torch.manual_seed(0)
    tokenizer = learn([SOURCE, LONGER], vocab_size=300)
    config = ModelConfig(
        name="tiny",
        hardware=SPACE.hardware,
        spaces=(SPACE,),
        vocab_size=tokenizer.vocab_size,
        width=32,
        heads=2,
        encoder_layers=1,
        decoder_layers=1,
        feed_forward=64,
        max_tokens=256,
        probabilities=(0.05, 0.5, 0.95),
    )
    folder = tmp_path_factory.mktemp("tiny") / "checkpoint"
    save(folder, Network(config), tokenizer.to_json(), "A card.", NARROW)
    return folder


@pytest.fixture(autouse=True)
def configured(checkpoint: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CI_RLM_CHECKPOINT", str(checkpoint))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text(SOURCE)
    (tmp_path / "b.py").write_text(LONGER)


def run(*arguments: str, lines: list[Any] | None = None) -> Result:
    text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines or [])
    return CliRunner().invoke(main, list(arguments), input=text)


def answers(*arguments: str, lines: list[Any] | None = None) -> list[Any]:
    result = run(*arguments, lines=lines)
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def request(identity: object, source: str = SOURCE, **more: object) -> dict[str, object]:
    return {"id": identity, "language": "python", "source": source, **more}


def test_a_file_is_scored_in_base_units_with_ascending_quantiles() -> None:
    (answer,) = answers("score", "a.py")
    assert answer["id"] == "a.py"
    assert {name: metric["unit"] for name, metric in answer["metrics"].items()} == {
        "peak_memory": "B",
        "cpu_time": "s",
    }
    for metric in answer["metrics"].values():
        assert list(metric["quantiles"]) == ["0.05", "0.5", "0.95"]
        assert sorted(metric["quantiles"].values()) == list(metric["quantiles"].values())
        assert metric["median"] == metric["quantiles"]["0.5"]


def test_a_function_is_scored_by_its_qualified_name() -> None:
    (answer,) = answers("score", "a.py", "--function", "A.g")
    assert answer["id"] == "a.py::A.g"


def test_a_function_that_is_not_there_is_answered_with_near_names() -> None:
    result = run("score", "a.py", "--function", "A.h")
    assert result.exit_code == 2
    assert "there is A.g" in result.stderr


def test_lines_are_answered_in_order() -> None:
    identities = list(range(BATCH + 3))
    lines = [request(identity, f"x = {identity % 5}\n") for identity in identities]
    assert [answer["id"] for answer in answers("score", "--jsonl", lines=lines)] == identities


def test_an_answer_does_not_depend_on_its_neighbours() -> None:
    alone = answers("score", "--jsonl", "--no-cache", lines=[request(1)])
    among = answers("score", "--jsonl", "--no-cache", lines=[request(0, LONGER), request(1), request(2, "")])
    assert among[1] == alone[0]


def test_a_bad_line_is_answered_and_the_rest_go_on() -> None:
    lines = [
        request(1),
        "nonsense\n",
        request(2, language="cobol"),
        {"id": 3, "language": "python"},
        request(4),
    ]
    found = answers("score", "--jsonl", lines=lines)
    assert [answer["id"] for answer in found] == [1, None, 2, 3, 4]
    assert ["error" in answer for answer in found] == [False, True, True, True, False]
    assert found[2]["error"] == "unknown language 'cobol'; known: python"


def test_a_source_over_the_limit_is_answered_with_an_error() -> None:
    (answer,) = answers("score", "--jsonl", lines=[request("big", "x" * (1 << 20) + "y")])
    assert answer == {"id": "big", "error": '"source" has 1,048,577 bytes; 1,048,576 are read'}


@pytest.mark.parametrize("size", ["9", True, 0, -1, 1e13])
def test_a_size_that_is_none_is_answered_with_an_error(size: object) -> None:
    (answer,) = answers("score", "--jsonl", lines=[request(1, size=size)])
    assert answer["error"] == '"size" must be a number of elements from 1 to 1e12'


def test_the_size_changes_the_answer() -> None:
    small, large = answers("score", "--jsonl", lines=[request(1, size=10), request(1, size=1e6)])
    assert small != large


def test_a_source_longer_than_the_model_reads_is_marked() -> None:
    whole, cut = answers("score", "--jsonl", lines=[request(1, "x = 1\n"), request(2, "x = 1\n" * 500)])
    assert (whole["truncated"], cut["truncated"]) == (False, True)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("", "there is no code in it"),
        (" \n\n", "there is no code in it"),
        ("x = 1\n\0", "line 2 holds the control character '\\x00'"),
        ("x = 1\ndef f(:\n", "line 2 does not parse"),
        ("(" * 10_000, "line 1 does not parse"),
        ("# coding: utf-7\nx = 1\n", "declares the encoding utf-7, in which comments may be code"),
    ],
)
def test_what_does_not_run_has_no_score_and_no_place(source: str, reason: str) -> None:
    error = f'"source" cannot be read: {reason}'
    assert answers("score", "--jsonl", lines=[request(1, source)]) == [{"id": 1, "error": error}]
    good, bad = answers("rank", "--jsonl", lines=[request(1, source), request(2, "x = 1\n")])
    assert (good["id"], bad) == (2, {"id": 1, "error": error})


@pytest.mark.parametrize("source", ["\ufeffx = 1", "x = 1\r\n", "λ = '🦀'"])
def test_any_text_that_runs_has_a_score(source: str) -> None:
    (answer,) = answers("score", "--jsonl", lines=[request(1, source)])
    assert set(answer["metrics"]) == {"peak_memory", "cpu_time"}


def test_two_files_are_compared() -> None:
    (answer,) = answers("compare", "a.py", "b.py")
    assert (answer["id"], answer["equal"]) == ("b.py", False)
    for metric in answer["metrics"].values():
        assert 0 <= metric["ratio"]["low"] <= metric["ratio"]["mid"] <= metric["ratio"]["high"]
        assert 0 <= metric["p_regression"] <= 1


def test_equal_programs_have_the_ratio_one() -> None:
    line = {"id": 1, "language": "python", "before": SOURCE, "after": "# a comment\n" + SOURCE}
    (answer,) = answers("compare", "--jsonl", lines=[line])
    same = {"ratio": {"low": 1, "mid": 1, "high": 1}, "p_regression": 0, "p_improvement": 0}
    assert answer == {"id": 1, "metrics": {"peak_memory": same, "cpu_time": same}, "equal": True}


def test_a_bad_pair_is_answered_and_the_rest_go_on() -> None:
    pair = {"language": "python", "before": SOURCE, "after": LONGER}
    lines = [{"id": 1, "language": "python", "before": SOURCE}, {"id": 2, **pair}]
    bad, good = answers("compare", "--jsonl", lines=lines)
    assert bad == {"id": 1, "error": '"after" is missing'}
    assert good["id"] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("score",),
        ("score", "a.py", "--jsonl"),
        ("score", "--jsonl", "--function", "f"),
        ("score", "missing.py"),
        ("compare",),
        ("compare", "a.py"),
        ("compare", "a.py", "b.py", "--jsonl"),
    ],
)
def test_an_unclear_command_line_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_file_of_no_known_language_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    result = run("score", "notes.txt")
    assert result.exit_code == 2
    assert "known suffixes: .py" in result.stderr


def test_a_file_that_is_no_text_is_incomplete(tmp_path: Path) -> None:
    (tmp_path / "bytes.py").write_bytes(b"\xff\xfe")
    assert run("score", "bytes.py").exit_code == 3
