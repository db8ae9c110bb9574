"""What `ci-rlm` writes where GitHub's runner runs it: log, annotations and job summary."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ci_rlm.cli import main
from ci_rlm.cli.runner import SUMMARY_BYTES
from ci_rlm.render import document, render
from tests.reports import every_outcome
from tests.workflow_commands import obeyed

FINDINGS = ["error", "warning", "error", "warning"]
"""In `every_outcome()`, which is enforced."""


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    path.write_text(render(document(every_outcome()), "json"))
    return path


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment of a workflow's step, and the file of its summary."""
    path = tmp_path / "summary.md"
    path.touch()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


def shown(stored: Path, *formats: str) -> Result:
    flags = [part for format in formats for part in ("--format", format)]
    return CliRunner().invoke(main, ["report", "--from", str(stored), *flags])


def commands(result: Result) -> list[str]:
    return [command.name for command in obeyed(result.stdout)]


def test_without_a_format_the_log_gets_the_report_and_annotations(stored: Path, summary: Path) -> None:
    result = shown(stored)
    assert render(document(every_outcome()), "terminal") in result.stdout
    assert commands(result) == FINDINGS


def test_outside_of_a_workflow_the_report_comes_alone(stored: Path) -> None:
    assert shown(stored).stdout == render(document(every_outcome()), "terminal")


def test_the_job_summary_is_the_markdown_report_below_what_was_there(stored: Path, summary: Path) -> None:
    summary.write_text("# Another tool")
    shown(stored)
    assert summary.read_text() == f"# Another tool\n{render(document(every_outcome()), 'markdown')}"


def test_a_format_that_is_asked_for_comes_as_it_is(stored: Path, summary: Path) -> None:
    result = shown(stored, "json")
    assert json.loads(result.stdout) == document(every_outcome())
    assert summary.read_text() == ""


def test_report_and_annotations_share_the_log_when_both_are_asked_for(
    stored: Path, summary: Path, tmp_path: Path
) -> None:
    result = shown(stored, "terminal", "github", f"sarif:{tmp_path}/out.sarif")
    assert result.exit_code == 0
    assert commands(result) == FINDINGS
    assert (tmp_path / "out.sarif").read_text() == render(document(every_outcome()), "sarif")


def test_annotations_share_standard_output_with_nothing_else(stored: Path) -> None:
    assert shown(stored, "github", "json").exit_code == 2


def test_nothing_in_the_terminal_report_is_obeyed(tmp_path: Path, summary: Path) -> None:
    made = document(every_outcome())
    made["rows"][0]["path"] = "::error::x.py"
    made["rows"][1]["name"] = "##[set-output name=verdict;]passed"
    stored = tmp_path / "hostile.json"
    stored.write_text(json.dumps(made))
    assert commands(shown(stored, "terminal")) == []


def test_a_summary_that_cannot_be_written_is_a_warning(
    stored: Path, summary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary / "nowhere"))
    result = shown(stored)
    assert result.exit_code == 0
    assert "cannot write the job summary" in result.stderr
    assert commands(result) == FINDINGS


def test_a_full_summary_is_left_as_it_is(stored: Path, summary: Path) -> None:
    before = b"x" * (SUMMARY_BYTES - 100)
    summary.write_bytes(before)
    assert "the job summary is full" in shown(stored).stderr
    assert summary.read_bytes() == before
