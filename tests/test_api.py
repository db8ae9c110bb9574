"""The Python API, on a predictor whose costs are known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ci_rlm import check, compare, score
from ci_rlm.acceptance import baseline
from ci_rlm.config import Config
from ci_rlm.errors import CiRlmError, GitError, UsageError
from ci_rlm.flow import Means, Mode, Outcome, Report
from tests.conftest import Checkout
from tests.fakes import FakePredictor, by_length
from tests.forge import Forge

SHORT = "def f(x):\n    return x\n"
LONG = "def f(x):\n    y = x + x + x + x + x + x + x + x\n    return y\n"


@pytest.fixture
def changed(repo: Checkout) -> Checkout:
    repo.write("a.py", SHORT)
    repo.commit()
    repo.write("a.py", LONG)
    repo.commit()
    return repo


def test_a_costlier_commit_regresses(changed: Checkout) -> None:
    report = check(changed.root, "HEAD~1", predictor=FakePredictor(by_length))
    assert {verdict.outcome for verdict in report.verdicts} == {Outcome.REGRESSED}
    assert report.range.head == changed.git("rev-parse", "HEAD")


def test_the_repository_configures_its_check(changed: Checkout) -> None:
    changed.write("ci-rlm.toml", 'mode = "enforce"\n')
    assert check(changed.root, "HEAD~1", predictor=FakePredictor(by_length)).mode is Mode.ENFORCE


def test_a_given_configuration_replaces_that_of_the_repository(changed: Checkout) -> None:
    changed.write("ci-rlm.toml", 'mode = "enforce"\n')
    report = check(changed.root, "HEAD~1", config=Config(), predictor=FakePredictor(by_length))
    assert report.mode is Mode.ADVISORY


def test_a_comment_accepts_until_the_day_of_the_commit(repo: Checkout) -> None:
    def accepted(until: str) -> bool:
        repo.write("a.py", SHORT)
        repo.commit()
        note = f'  # ci-rlm: ignore[peak_memory, cpu_time] reason="wanted" until={until}\n'
        repo.write("a.py", LONG.replace("\n", note, 1))
        repo.commit()
        report = check(repo.root, "HEAD~1", predictor=FakePredictor(by_length))
        return all(verdict.accepted for verdict in report.verdicts)

    assert (accepted("2024-01-01"), accepted("2023-12-31")) == (True, False)


def levels(report: Report) -> set[str | None]:
    """Who accepts each verdict; None for one that still has a level."""
    return {verdict.accepted.means if verdict.accepted else None for verdict in report.verdicts}


def test_a_trailer_accepts_as_on_the_command_line(changed: Checkout) -> None:
    for metric in ("peak_memory", "cpu_time"):
        changed.commit(f"note\n\nPerf-Accepted: a.py::f [{metric}] | the cache pays")
    report = check(changed.root, "HEAD~3", predictor=FakePredictor(by_length))
    assert levels(report) == {Means.TRAILER}


def test_the_baseline_accepts_as_on_the_command_line(changed: Checkout) -> None:
    report = check(changed.root, "HEAD~1", predictor=FakePredictor(by_length))
    entries = baseline.renewed((), report.verdicts, "as before", baseline.PLACE)
    changed.write(baseline.PLACE, baseline.text(entries).decode())
    assert levels(check(changed.root, "HEAD~1", predictor=FakePredictor(by_length))) == {Means.BASELINE}


@pytest.mark.parametrize(("head", "means"), [(None, Means.LABEL), ("topic", None)])
def test_a_label_accepts_what_its_pull_request_proposes_alone(
    changed: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: str | None, means: Means | None
) -> None:
    changed.git("branch", "topic")
    changed.git("update-ref", "refs/remotes/origin/main", "HEAD~1")
    pull = {
        "base": {"ref": "main"},
        "labels": [{"name": "perf-accepted"}],
        "body": "Perf-Accepted: the cache pays",
    }
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": pull}))
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
    assert levels(check(changed.root, head=head, predictor=FakePredictor(by_length))) == {means}


def test_in_a_privileged_event_the_base_branch_configures_and_accepts(
    repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in ("first", "second"):
        repo.write("a.py", SHORT)
        repo.write("ci-rlm.toml", 'mode = "enforce"\n')
        repo.commit(text)
    repo.git("checkout", "-q", "-b", "topic")
    repo.write("a.py", LONG)
    repo.write("ci-rlm.toml", 'paths.exclude = ["**"]\n')
    repo.commit("long")
    repo.git("checkout", "-q", "main")
    forge = Forge(repo, tmp_path)
    forge.propose("topic")
    workflow = forge.pull_request_target(depth=0)
    for name, value in workflow.environ.items():
        monkeypatch.setenv(name, value)
    report = check(workflow.checkout.root, predictor=FakePredictor(by_length))
    assert report.failed
    assert report.range.head == forge.commit("topic")


def test_no_such_revision_is_an_error_of_git(changed: Checkout) -> None:
    with pytest.raises(GitError):
        check(changed.root, "nowhere", predictor=FakePredictor(by_length))


def test_a_text_and_a_file_score_alike(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(LONG)
    fake = FakePredictor(by_length)
    assert score(LONG, predictor=fake) == score(file, predictor=fake)


def test_a_size_reaches_the_model() -> None:
    fake = FakePredictor(by_length)
    score(SHORT, size=64, predictor=fake)
    assert [prompt.size for prompt in fake.asked] == [64]


def test_the_longer_version_costs_more() -> None:
    for comparison in compare(SHORT, LONG, predictor=FakePredictor(by_length)):
        assert comparison.slowdown is not None
        assert comparison.slowdown.low > 1.0


def test_equal_code_has_ratio_one_and_asks_nothing() -> None:
    fake = FakePredictor(by_length)
    (memory, time) = compare(SHORT, "# said\n" + SHORT, predictor=fake)
    assert [each.slowdown and each.slowdown.high for each in (memory, time)] == [1.0, 1.0]
    assert fake.asked == []


def test_a_language_that_is_not_read_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="no language"):
        score("x", language="cobol", predictor=FakePredictor(by_length))


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CiRlmError, match="cannot read"):
        score(tmp_path / "none.py", predictor=FakePredictor(by_length))


def test_the_api_is_light_to_import() -> None:
    program = "import sys, ci_rlm.api; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {"torch", "rich", "jinja2", "git", "tree_sitter", "numpy", "click"}.isdisjoint(done.stdout.split())
