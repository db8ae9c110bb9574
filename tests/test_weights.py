"""What functions weigh in a whole run: from a profile to the level of a verdict."""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import time
from pathlib import Path, PurePosixPath
from types import ModuleType

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm import weights
from ci_rlm.cli import main
from ci_rlm.errors import UsageError
from ci_rlm.flow import (
    Change,
    Comparison,
    Interval,
    Kind,
    Level,
    Limits,
    Metric,
    Outcome,
    Span,
    Unit,
    Verdict,
)
from ci_rlm.judge import judge
from ci_rlm.weights import Weights, limits_with, weighed
from tests.conftest import Checkout
from tests.fakes import by_length, checkpoint_without_weights, remember

TIME, MEMORY = Metric("cpu_time", "s"), Metric("peak_memory", "B")
UNIT = Unit(PurePosixPath("a.py"), "f", Kind.FUNCTION, "python", Span(1, 2), "def f(): pass")
CHANGE = Change(UNIT, UNIT)
OWN = Limits(warn=0.10, fail=0.25)


def with_share(share: float) -> Weights:
    return Weights({("a.py", "f"): share})


def verdict(share: float, ratio: float, *, over_budget: float = 0.0) -> Verdict:
    """The verdict on a function that surely takes `ratio` times as long, within a hundredth."""
    weight = with_share(share).of(CHANGE, TIME)
    limits = limits_with(OWN, weight)
    slowdown = Interval(ratio - 0.01, ratio, ratio + 0.01)
    found = Comparison(
        CHANGE,
        TIME,
        None,
        None,
        slowdown,
        p_regression=float(slowdown.low > 1 + limits.fail),
        p_warning=float(slowdown.low > 1 + limits.warn),
        p_over_budget=over_budget,
    )
    return weighed(judge(found, limits), OWN, weight)


def test_a_doubling_of_a_thousandth_of_the_time_is_a_note() -> None:
    found = verdict(0.001, 2.0)
    assert (found.outcome, found.level) == (Outcome.REGRESSED, Level.NONE)
    assert found.reason == "likely over 1.25x the cost, but the function has 0.1% of a run's time"


def test_a_tenth_of_two_fifths_of_the_time_fails() -> None:
    found = verdict(0.4, 1.1)
    assert (found.outcome, found.level) == (Outcome.REGRESSED, Level.FAIL)


@pytest.mark.parametrize(
    ("share", "ratio", "level"),
    [
        (0.02, 1.40, Level.NONE),  # 0.8% of the run
        (0.02, 1.60, Level.WARN),  # 1.2%
        (0.02, 2.60, Level.FAIL),  # 3.2%
        (0.5, 1.015, Level.NONE),  # 0.75%
        (0.5, 1.04, Level.WARN),  # 2%
        (0.5, 1.08, Level.FAIL),  # 4%
        (1.0, 1.05, Level.FAIL),  # 5%
    ],
)
def test_a_level_is_that_of_the_whole_runs_slowdown(share: float, ratio: float, level: Level) -> None:
    assert verdict(share, ratio).level is level


@given(st.floats(1e-6, 1.0), st.floats(1.1, 50.0))
def test_no_level_is_louder_than_the_whole_run_is_slower(share: float, ratio: float) -> None:
    level = verdict(share, ratio).level
    slower = share * (ratio - 1)
    assert level is not Level.FAIL or slower > 0.03
    assert level is not Level.WARN or slower > 0.01


def test_a_budget_holds_whatever_a_function_weighs() -> None:
    assert verdict(0.001, 2.0, over_budget=0.95).level is Level.FAIL


def test_memory_and_functions_without_a_share_have_no_weight() -> None:
    assert with_share(0.4).of(CHANGE, MEMORY) is None
    assert Weights().of(CHANGE, TIME) is None


def test_a_renamed_function_weighs_what_it_did_under_its_name_before() -> None:
    renamed = Unit(UNIT.path, "g", Kind.FUNCTION, "python", UNIT.span, UNIT.source)
    weight = with_share(0.4).of(Change(UNIT, renamed), TIME)
    assert weight is not None
    assert weight.share == 0.4


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"version": 2, "functions": []}',
        b'{"version": 1, "functions": [{"path": "a.py", "name": "f", "share": 1.5}]}',
        b'{"version": 1, "functions": [{"path": "a.py", "name": "f", "share": true}]}',
        b'{"version": 1, "functions": [{"path": "a.py", "name": "f", "share": NaN}]}',
        b'{"version": 1, "functions": [{"path": "a.py", "share": 0.5}]}',
        b"[" * 100_000,
    ],
)
def test_damaged_weights_are_a_usage_error(content: bytes) -> None:
    with pytest.raises(UsageError, match=r"hot\.json"):
        weights.shares(content, "hot.json")


# From a profile to the exit code.

SHORT = "def f(x):\n    return x\n"
LONG = "def f(x):\n    y = x + x + x + x + x + x + x + x\n    return y\n"


@pytest.fixture
def topic(repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A branch on which `f` gets several times as costly; the gate is enforced, for time alone."""
    folder = checkpoint_without_weights(tmp_path / "checkpoint")
    monkeypatch.setenv("CI_RLM_CHECKPOINT", str(folder))
    remember(folder, Path(os.environ["CI_RLM_CACHE_DIR"]), [SHORT, LONG], by_length)
    repo.write("a.py", SHORT)
    repo.commit("short")
    repo.git("checkout", "-q", "-b", "topic")
    repo.write("a.py", LONG)
    settings = 'mode = "enforce"\nhot_paths = "hot.json"\nmetrics.peak_memory = {warn = 99, fail = 99}\n'
    repo.write("ci-rlm.toml", settings)
    return repo


def check(repo: Checkout, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["check", "-C", str(repo.root), "--base", "main", *arguments])


@pytest.mark.parametrize(("share", "code"), [(0.0001, 0), (0.4, 1)])
def test_the_gate_fails_by_what_a_function_weighs(topic: Checkout, share: float, code: int) -> None:
    entry = {"path": "a.py", "name": "f", "share": share}
    topic.write("hot.json", json.dumps({"version": 1, "functions": [entry]}))
    topic.commit("long")
    result = check(topic, "--format", "json")
    rows = {row["metric"]: row for row in json.loads(result.stdout)["rows"]}
    assert result.exit_code == code
    assert rows["cpu_time"]["weight"]["share"] == share
    assert rows["cpu_time"]["outcome"] == "regressed"
    assert "weight" not in rows["peak_memory"]


def test_a_note_is_counted_and_is_no_alarm(topic: Checkout) -> None:
    topic.write("hot.json", '{"version": 1, "functions": [{"path": "a.py", "name": "f", "share": 0.0001}]}')
    topic.commit("long")
    text = check(topic).stdout
    assert text.startswith("No credible regression in 1 changed function\n")
    assert "1 regression of little weight in a whole run" in text


def test_weights_that_are_configured_and_missing_are_a_usage_error(topic: Checkout) -> None:
    topic.commit("long")
    result = check(topic)
    assert result.exit_code == 2
    assert "hot_paths: no regular file hot.json" in result.stderr


PROGRAM = """
import time

def slow():
    wait(0.03)

def fast():
    wait(0.01)

def wait(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass

def whole():
    slow()
    fast()
"""


@pytest.fixture
def profile(repo: Checkout, tmp_path: Path) -> Path:
    """A real profile of a program whose functions take three quarters and one quarter of its time."""
    place = repo.write("src/shop.py", PROGRAM)
    repo.commit()
    module = ModuleType("shop")
    exec(compile(PROGRAM, str(place), "exec"), module.__dict__)
    profiler = cProfile.Profile(time.perf_counter)
    profiler.runcall(module.__dict__["whole"])
    file = tmp_path / "run.pstats"
    profiler.dump_stats(file)
    return file


def test_a_profile_tells_the_share_of_each_function(repo: Checkout, profile: Path, tmp_path: Path) -> None:
    out = tmp_path / "weights" / "hot.json"
    flags = ("weigh", str(profile), "--repo", str(repo.root), "--out", str(out))
    result = CliRunner().invoke(main, flags, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = weights.shares(out.read_bytes(), "hot.json")
    stats = pstats.Stats(str(profile)).stats  # type: ignore[attr-defined]  # documented, and not typed
    total = sum(entry[2] for entry in stats.values())
    cumulative = {name: entry[3] / total for (_, _, name), entry in stats.items()}
    assert set(found) == {("src/shop.py", name) for name in ("slow", "fast", "wait", "whole")}
    for (_, name), share in found.items():
        assert share == pytest.approx(min(cumulative[name], 1.0), rel=1e-4)
    assert 0.6 < found["src/shop.py", "slow"] < 0.85


def test_sampled_stacks_count_a_function_once_a_stack(repo: Checkout, tmp_path: Path) -> None:
    repo.write("src/shop.py", PROGRAM)
    repo.commit()
    stacks = tmp_path / "run.txt"
    frames = {"slow": "slow (src/shop.py:5)", "whole": "whole (src/shop.py:17)", "other": "run (site.py:3)"}
    stacks.write_text(
        f"{frames['whole']};{frames['slow']} 6\n{frames['whole']};{frames['slow']};{frames['slow']} 1\n"
        f"{frames['whole']} 1\n{frames['other']} 2\n"
    )
    out = tmp_path / "hot.json"
    flags = ("weigh", str(stacks), "--unit", "10ms", "--repo", str(repo.root), "--out", str(out))
    assert CliRunner().invoke(main, flags).exit_code == 0
    found = weights.shares(out.read_bytes(), "hot.json")
    assert found == {("src/shop.py", "whole"): 0.8, ("src/shop.py", "slow"): 0.7}


def test_a_profile_of_nothing_in_the_repository_is_told(
    repo: Checkout, profile: Path, tmp_path: Path
) -> None:
    repo.remove("src/shop.py")
    repo.commit()
    flags = ("weigh", str(profile), "--repo", str(repo.root), "--out", str(tmp_path / "hot.json"))
    result = CliRunner().invoke(main, flags)
    assert result.exit_code == 3
    assert "left out of the shares" in result.stderr
    assert not (tmp_path / "hot.json").exists()
