"""`ci-rlm rank` on answers that are kept already: no model runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ci_rlm.cli import main
from tests.fakes import by_length, checkpoint_without_weights, remember
from tests.test_startup import HEAVY, loaded

SHORT = "def f(x):\n    return x\n"
MIDDLE = "def f(x):\n    y = x + x\n    return y\n"
LONG = "def f(x):\n    y = x + x + x + x + x + x + x + x\n    return y\n"


@pytest.fixture(autouse=True)
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three programs that the checkpoint has answered for: the longer, the dearer."""
    folder = checkpoint_without_weights(tmp_path / "checkpoint")
    monkeypatch.setenv("CI_RLM_CHECKPOINT", str(folder))
    remember(folder, Path(os.environ["CI_RLM_CACHE_DIR"]), [SHORT, MIDDLE, LONG], by_length)
    monkeypatch.chdir(tmp_path)
    for name, text in (("short.py", SHORT), ("middle.py", MIDDLE), ("long.py", LONG)):
        Path(name).write_text(text)


def run(*arguments: str, lines: list[Any] | None = None) -> Result:
    text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines or [])
    return CliRunner().invoke(main, ["rank", *arguments], input=text)


def ranked(*arguments: str, lines: list[Any] | None = None) -> list[Any]:
    result = run(*arguments, lines=lines)
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_files_are_ranked_the_cheapest_first() -> None:
    found = ranked("long.py", "short.py", "middle.py")
    assert [each["id"] for each in found] == ["short.py", "middle.py", "long.py"]
    assert [each["place"] for each in found] == [1, 2, 3]
    assert found[0]["p_best"] > 0.9  # the checkpoint's errors are of a hundredth
    assert sum(each["p_best"] for each in found) == pytest.approx(1.0, abs=0.002)
    # A mebibyte a character, with the nine of the prefix.
    assert found[2]["ratio"]["mid"] == pytest.approx(found[2]["median"] / found[0]["median"], rel=0.02)


def test_another_metric_is_ranked_by_when_asked_for() -> None:
    assert {
        (each["metric"], each["unit"]) for each in ranked("long.py", "short.py", "--metric", "cpu_time")
    } == {("cpu_time", "s")}


def test_only_the_best_are_told_when_asked_for() -> None:
    assert [each["id"] for each in ranked("long.py", "short.py", "middle.py", "--top", "2")] == [
        "short.py",
        "middle.py",
    ]


def test_one_function_of_each_file_is_ranked(tmp_path: Path) -> None:
    Path("more.py").write_text("def g(x):\n    return [x] * 1000\n\n\n" + MIDDLE)
    found = ranked("long.py", "more.py", "--function", "f")
    assert [each["id"] for each in found] == ["more.py", "long.py"]


def test_lines_are_ranked_when_the_last_has_come() -> None:
    lines = [{"id": 1, "source": LONG}, {"id": 2, "source": SHORT, "language": "python"}]
    assert [each["id"] for each in ranked("--jsonl", lines=lines)] == [2, 1]


def test_bad_lines_come_last_and_end_nothing() -> None:
    lines = [
        {"id": 1, "source": LONG},
        "nonsense\n",
        {"id": 2},
        {"id": 3, "source": SHORT},
        {"id": 4, "source": SHORT, "language": "cobol"},
    ]
    found = ranked("--jsonl", lines=lines)
    assert [each["id"] for each in found] == [3, 1, None, 2, 4]
    assert ["error" in each for each in found] == [False, False, True, True, True]


def test_a_line_without_the_function_is_a_bad_one() -> None:
    (bad,) = ranked("--jsonl", "--function", "g", lines=[{"id": 1, "source": LONG}])
    assert bad == {"id": 1, "error": "\"source\" has no function 'g'"}


def test_what_differs_in_layout_alone_shares_a_line() -> None:
    lines = [{"id": 1, "source": SHORT}, {"id": 2, "source": "# the same\n" + SHORT}]
    (only,) = ranked("--jsonl", lines=lines)
    assert (only["id"], only["equal"], only["p_best"]) == (1, [2], 1.0)


def test_a_stream_tells_the_place_of_each_and_who_leads() -> None:
    lines = [{"id": "long", "source": LONG}, "{\n", {"id": "short", "source": SHORT}]
    lines.append({"id": "middle", "source": MIDDLE})
    long, bad, short, middle = ranked("--stream", "--top", "2", lines=lines)
    assert [(each["place"], each["of"]) for each in (long, short, middle)] == [(1, 1), (1, 2), (2, 3)]
    assert long["best"] == [{"id": "long", "p_best": 1.0}]
    assert [each["id"] for each in middle["best"]] == ["short", "middle"]
    assert "error" in bad


def test_a_stream_ends_as_the_batch_of_its_lines() -> None:
    lines = [{"id": name, "source": text} for name, text in (("l", LONG), ("s", SHORT), ("m", MIDDLE))]
    batch = {each["id"]: each["p_best"] for each in ranked("--jsonl", lines=lines)}
    last = ranked("--stream", "--top", "3", lines=lines)[-1]
    assert {each["id"]: each["p_best"] for each in last["best"]} == batch


def test_a_stream_is_answered_line_by_line() -> None:
    command = [sys.executable, "-P", "-m", "ci_rlm", "rank", "--stream"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for place, text in enumerate((SHORT, MIDDLE, LONG), start=1):
            process.stdin.write(json.dumps({"id": place, "source": text}) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["place"] == place
        process.stdin.close()
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("short.py", "--jsonl"),
        ("--jsonl", "--stream"),
        ("missing.py",),
        ("short.py", "--metric", "latency"),
        ("short.py", "--function", "g"),
        ("short.py", "--top", "0"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_an_unknown_metric_is_answered_with_the_known_ones() -> None:
    assert "it predicts peak_memory, cpu_time" in run("short.py", "--metric", "latency").stderr


def test_a_ranking_whose_answers_are_kept_loads_nothing_heavy(tmp_path: Path) -> None:
    assert loaded(tmp_path / "modules", "rank", "short.py", "long.py") & HEAVY == set()
