"""`ci-rlm trend`, and the history that checks of real repositories leave."""

from __future__ import annotations

import json
import os
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ci_rlm.cli import main
from ci_rlm.history import append, read, trend_of
from ci_rlm.render.line_chart import BOTTOM, LEFT, RIGHT, TOP, chart
from ci_rlm.render.trend import BARS, render_html, render_text, sparkline
from tests.conftest import FIRST_COMMIT, Checkout
from tests.fakes import by_length, checkpoint_without_weights, remember
from tests.reports import HOSTILE
from tests.test_history import course_of, entry, record
from tests.test_startup import HEAVY, loaded

SHORT = "def f(x):\n    return x\n"
LONG = "def f(x):\n    y = x + x + x + x + x + x + x + x\n    return y\n"
HISTORY = ("--history", "history.jsonl")


@pytest.fixture
def topic(repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """Three commits: a function is short, long and short again; the checkpoint has answered for both."""
    folder = checkpoint_without_weights(tmp_path / "checkpoint")
    monkeypatch.setenv("CI_RLM_CHECKPOINT", str(folder))
    remember(folder, Path(os.environ["CI_RLM_CACHE_DIR"]), [SHORT, LONG], by_length)
    monkeypatch.chdir(repo.root)
    for text in (SHORT, LONG, SHORT):
        repo.write("a.py", text)
        repo.commit()
    return repo


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def check(*arguments: str) -> Result:
    result = run("check", *arguments)
    assert result.exit_code == 0, result.output
    return result


def told(*arguments: str) -> Any:
    result = run("trend", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_checks_of_two_commits_make_a_course(topic: Checkout) -> None:
    check("--base", "HEAD~2", "--head", "HEAD~1", *HISTORY)
    check("--base", "HEAD~1", *HISTORY)
    (course,) = [each for each in told("history.jsonl")["functions"] if each["metric"] == "peak_memory"]
    # A mebibyte a character of the prompt, which the fake predictor counts.
    first, second = (point["value"] for point in course["points"])
    short, long = "def f(x):\n return x", "def f(x):\n y=x+x+x+x+x+x+x+x\n return y"
    assert (first - second) / 2**20 == pytest.approx(len(long) - len(short), rel=1e-5)
    assert [point["regressed"] for point in course["points"]] == [True, False]
    assert [point["committed"] for point in course["points"]] == [FIRST_COMMIT + 60, FIRST_COMMIT + 120]
    assert [point["commit"] for point in course["points"]] == [
        topic.git("rev-parse", "HEAD~1"),
        topic.git("rev-parse", "HEAD"),
    ]


def test_the_same_check_again_leaves_the_same_file(topic: Checkout) -> None:
    check("--base", "HEAD~1", *HISTORY)
    before = Path("history.jsonl").read_bytes()
    check("--base", "HEAD~1", *HISTORY)
    check("--base", "HEAD~1", "--format", "json", "--offline", *HISTORY)
    assert Path("history.jsonl").read_bytes() == before


def test_another_configuration_leaves_another_line(topic: Checkout) -> None:
    check("--base", "HEAD~1", *HISTORY)
    topic.write("ci-rlm.toml", '[metrics.peak_memory]\nwarn = "5%"\n')
    check("--base", "HEAD~1", *HISTORY)
    assert len(read(Path("history.jsonl")).records) == 2


def test_the_configuration_can_keep_a_history(topic: Checkout) -> None:
    topic.write("ci-rlm.toml", 'history = "kept/history.jsonl"\n')
    (topic.root / "sub").mkdir()
    check("--base", "HEAD~1", "-C", "sub")
    assert len(read(topic.root / "kept" / "history.jsonl").records) == 1
    assert told()["commits"] == 1


def test_a_configured_history_stays_in_the_repository(topic: Checkout, tmp_path: Path) -> None:
    topic.write("ci-rlm.toml", 'history = "kept/history.jsonl"\n')
    (topic.root / "kept").symlink_to(tmp_path)
    result = run("check", "--base", "HEAD~1")
    assert result.exit_code == 2
    assert "link" in result.stderr
    assert not (tmp_path / "history.jsonl").exists()


@pytest.mark.parametrize("arguments", [("--staged",), ("--include-untracked",)])
def test_what_is_no_commit_is_not_remembered(topic: Checkout, arguments: tuple[str, ...]) -> None:
    topic.write("a.py", LONG)
    topic.git("add", "a.py")
    assert "nothing is added to the history" in check(*arguments, *HISTORY).stderr
    assert not Path("history.jsonl").exists()


def test_the_report_comes_before_a_history_that_cannot_be_written(topic: Checkout) -> None:
    result = run("check", "--base", "HEAD~1", "--history", "a.py/history.jsonl")
    assert result.exit_code == 3
    assert "a.py" in result.stdout
    assert "cannot write" in result.stderr


def test_without_a_history_the_hint_names_both_ways(topic: Checkout) -> None:
    result = run("trend")
    assert result.exit_code == 2
    assert "name FILE, or set `history`" in result.stderr


def test_damaged_lines_are_told(topic: Checkout) -> None:
    append(record(1, entry("f", 1, 2)), Path("history.jsonl"))
    Path("history.jsonl").write_bytes(Path("history.jsonl").read_bytes() + b"{}\n[]\n")
    assert "no record: 2" in run("trend", "history.jsonl").stderr


@pytest.mark.parametrize(
    "arguments",
    [("--function", "f"), ("--function", "a.py::f"), ("--metric", "peak_memory"), ("--last", "1")],
)
def test_a_part_of_the_history_can_be_asked_for(topic: Checkout, arguments: tuple[str, ...]) -> None:
    slow = entry("g", 3, 4, metric="cpu_time", unit="s")
    append(record(1, slow), Path("history.jsonl"))
    append(record(2, entry("f", 1, 2)), Path("history.jsonl"))
    found = told("history.jsonl", *arguments)
    assert "f" in [course["name"] for course in found["functions"]]
    assert len(found["functions"]) == 1 or {len(each["points"]) for each in found["functions"]} == {1}


def test_nothing_of_that_name_is_wrong_usage(topic: Checkout) -> None:
    append(record(1, entry("f", 1, 2)), Path("history.jsonl"))
    assert run("trend", "history.jsonl", "--function", "g").exit_code == 2


def test_the_table_tells_course_change_and_regressions() -> None:
    trend = trend_of(
        (
            record(0, entry("f", 1024, 1024), entry("g", 2048, 1024)),
            record(1, entry("f", 1024, 4096, "regressed")),
            record(2, entry("f", 4096, 2048, "regressed", accepted=True)),
        )
    )
    text = render_text(trend, top=1, width=110, color=False)
    assert text.splitlines()[0] == "2 functions over 3 commits, 1970-01-01 to 1970-01-03"
    (row,) = [line for line in text.splitlines() if line.startswith(" f ")]
    assert row.split() == [
        "f",
        "peak",
        "memory",
        "▁█▃",
        "1.00",
        "→",
        "2.00",
        "KiB",
        "+100%",
        "2",
        "(1",
        "accepted)",
    ]
    assert "1970-01-02 000000000000  f, peak memory: regressed" in text
    assert "1970-01-03 000000000000  f, peak memory: regressed, accepted" in text
    assert "1 course more" in text
    assert "\x1b" not in text


def test_a_sparkline_has_a_bar_for_each_value() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == BARS
    assert sparkline([None, 5.0, 5.0]) == "·▅▅"
    assert sparkline([]) == ""


def test_a_long_sparkline_ends_with_the_last_value() -> None:
    values: list[float | None] = [float(at) for at in range(1000)]
    assert (len(sparkline(values, 10)), sparkline(values, 10)[-1]) == (10, "█")
    assert sparkline([*values[:-1], 0.0], 10)[-1] == "▁"


def test_a_chart_steps_between_the_ends_of_its_range() -> None:
    drawn = chart(course_of("f", record(1, entry("f", 0, 100)), record(2, entry("f", 100, 300))), "t", "s")
    assert drawn.line.startswith(f"M{LEFT} ")
    assert f"H{RIGHT}" in drawn.line
    # A tenth of the range is left free below and above: 80 to 320.
    height = BOTTOM - TOP
    assert [float(part) for part in drawn.line.removeprefix(f"M{LEFT} ").split("h0H")[0].split()] == [
        pytest.approx(BOTTOM - height * 20 / 240, abs=0.06)
    ]
    assert float(drawn.line.rpartition("V")[2]) == pytest.approx(BOTTOM - height * 220 / 240, abs=0.06)


def test_a_function_that_is_not_there_leaves_a_gap() -> None:
    records = (
        record(1, entry("f", 1, 2)),
        record(2, entry("f", 2, None, "removed")),
        record(3, entry("f", None, 4, "new")),
    )
    assert chart(course_of("f", *records), "t", "s").line.count("M") == 2


def test_one_commit_is_drawn_too() -> None:
    (tick,) = chart(course_of("f", record(1, entry("f", 1, 2))), "t", "s").x_ticks
    assert (tick.at, tick.anchor) == ((LEFT + RIGHT) / 2, "middle")


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.names: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names |= {name for name, _ in attributes}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_draws_each_course_and_marks_regressions(topic: Checkout) -> None:
    append(record(1, entry("f", 1, 2, "regressed")), Path("history.jsonl"))
    append(record(2, entry("f", 2, 4, "regressed", accepted=True)), Path("history.jsonl"))
    assert run("trend", "history.jsonl", "--html", "trend.html").exit_code == 0
    page = Path("trend.html").read_text(encoding="utf-8")
    elements = Elements(page)
    assert elements.tags.count("svg") == 2  # the sum and the function
    assert (elements.tags.count("circle"), page.count('class="accepted"')) == (4, 2)
    assert "script" not in elements.tags
    assert "://" not in page


def test_a_hostile_history_steers_neither_page_nor_terminal() -> None:
    evil = entry(HOSTILE, 1, 2, "regressed", path=HOSTILE, metric=HOSTILE, unit=HOSTILE)
    trend = trend_of((record(1, evil, commit=HOSTILE, model=HOSTILE),))
    elements = Elements(render_html(trend, top=5))
    plain = Elements(render_html(trend_of((record(1, entry("f", 1, 2, "regressed")),)), top=5))
    assert (set(elements.tags), elements.names) == (set(plain.tags), plain.names)
    text = render_text(trend, top=5, width=100, color=False)
    assert "\x1b" not in text + elements.text
    assert "\u202e" not in text + elements.text


def test_a_cached_check_with_a_history_and_its_trend_load_nothing_heavy(
    topic: Checkout, tmp_path: Path
) -> None:
    flags = ("--base", "HEAD~1", "--format", "json", *HISTORY)
    assert loaded(tmp_path / "check", "check", *flags) & HEAVY == set()
    assert loaded(tmp_path / "trend", "trend", "history.jsonl", "--json") & HEAVY == set()
