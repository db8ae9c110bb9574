"""Reports: the JSON document, and what is made of it for people."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt
from markdown_it.token import Token

from ci_rlm.errors import ReportError, UsageError
from ci_rlm.flow import FalseAlarms, Interval, Level, Limits, Metric, Mode, Outcome, Range, Report, Skipped
from ci_rlm.judge import judge
from ci_rlm.render import FORMATS, document, measure, parse, render, schema, view
from ci_rlm.render.document import FalseAlarmsRow, NoticeRow
from ci_rlm.render.markdown import LIMIT_BYTES
from tests.reports import (
    MEMORY,
    MIB,
    equal,
    every_outcome,
    prediction,
    report,
    reports,
    surrogates,
    verdict,
)

GOLDEN = Path(__file__).parent / "golden"
REPORTS = {
    "report": every_outcome(),
    "one_row": report(verdict("close", Outcome.SAME, (4096.0, 4096.0), reason="no credible difference")),
    "empty": report(),
}
SUFFIXES = {
    "terminal": "txt",
    "json": "json",
    "markdown": "md",
    "html": "html",
    "sarif": "sarif",
    "github": "github.txt",
    "gitlab": "gitlab.json",
    "junit": "junit.xml",
}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", REPORTS)
def test_a_report_reads_as_its_golden_file(name: str, format: str) -> None:
    """`UPDATE_GOLDEN=1 pytest tests/test_render.py` rewrites them: read the diff."""
    golden = GOLDEN / f"{name}.{SUFFIXES[format]}"
    text = render(document(REPORTS[name]), format)
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_bytes(text.encode())
    assert text.encode() == golden.read_bytes()


def test_the_verbose_terminal_report_reads_as_its_golden_file() -> None:
    golden = GOLDEN / "report_vv.txt"
    text = render(document(every_outcome()), "terminal", verbose=2, width=120)
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_bytes(text.encode())
    assert text.encode() == golden.read_bytes()


# The document and its schema.


def test_the_schema_is_a_json_schema() -> None:
    Draft202012Validator.check_schema(schema())


sixteenths = st.integers(0, 16).map(lambda n: n / 16)
between = st.integers(1, 15).map(lambda n: n / 16)


@given(shares=st.tuples(*[sixteenths] * 5), alarm=sixteenths, sure=between, likely=between)
def test_a_verdict_follows_from_what_the_document_tells(
    shares: tuple[float, ...], alarm: float, sure: float, likely: float
) -> None:
    """As docs/verdict.md and the schema put the rules, from the row, the limits and the bound alone."""
    fields = ("p_regression", "p_warning", "p_improvement", "worse_matters", "better_matters")
    found = verdict("f", Outcome.SAME, (1.0, 1.0)).comparison
    found = dataclasses.replace(found, **dict(zip(fields, shares, strict=True)), alarm=alarm)
    limits = Limits(confidence=sure, warn_confidence=likely)
    (row,) = document(report(judge(found, limits)))["rows"]
    fail, worse, better = row["p_regression"], row["p_warning"], row["p_improvement"]
    matters = {"worse": row["p_worse_matters"], "better": row["p_better_matters"]}
    quiet = 1 - worse * matters["worse"] - better * matters["better"]
    if not alarm:
        likely = sure
    expected = ("unsure", "none")
    if 1 - worse - better >= sure or quiet >= sure:
        expected = ("same", "none")
    claim: tuple[tuple[str, str], bool] | None = None
    for wanted, enough, level, over in (
        ("better", better >= likely, "none", better),
        ("worse", worse >= likely, "warn", worse),
        ("worse", fail >= sure, "fail", worse),
    ):
        if enough and (not alarm or over > alarm):
            called = ("regressed" if wanted == "worse" else "improved", level)
            # A failure is looked for first, then a warning, then an improvement; the first is the claim.
            claim = called, matters[wanted] >= 0.5
    if claim and claim[1]:
        expected = claim[0]
    assert (row["outcome"], row["level"]) == expected


@settings(max_examples=40)
@given(reports)
def test_the_document_of_any_report_fits_the_schema_and_is_read_back_whole(any_report: Report) -> None:
    made = document(any_report)
    assert parse(render(made, "json")) == made


@given(surrogates)
def test_json_is_ascii_and_names_only_characters_that_exist(name: str) -> None:
    text = render(document(report(verdict(name, Outcome.SAME, (1.0, 1.0)))), "json")
    assert text.isascii()
    json.loads(text)["rows"][0]["name"].encode("utf-8")


def test_noise_in_the_seventh_digit_does_not_change_a_byte() -> None:
    texts = {
        render(document(report(verdict("f", Outcome.SAME, (1.0, 2.0 * noise)))), "json")
        for noise in (1.0, 1 + 1e-9)
    }
    assert len(texts) == 1


def test_a_ratio_that_is_not_finite_is_null() -> None:
    base = verdict("f", Outcome.REGRESSED, (1.0, 2.0))
    infinite = dataclasses.replace(base.comparison, slowdown=Interval(1.0, float("inf"), float("inf")))
    assert document(report(dataclasses.replace(base, comparison=infinite)))["rows"][0]["ratio"] is None


def test_the_summary_counts_functions_once_and_rows_by_outcome_and_level() -> None:
    summary = document(every_outcome())["summary"]
    assert summary == {
        "failed": True,
        "functions": 10,
        "equal": 1,
        "outcomes": {"regressed": 3, "improved": 1, "same": 3, "unsure": 1, "new": 2, "removed": 1},
        "levels": {"none": 7, "warn": 2, "fail": 2},
        "skipped": 4,
    }


def test_a_reader_lets_keys_through_that_a_later_version_adds() -> None:
    made = json.loads(render(document(every_outcome()), "json"))
    made["schema_version"] = "1.7"
    made["rows"][0]["hunk"] = {"line": 3}
    assert parse(json.dumps(made))["rows"][0]["name"] == "Store.build"


def altered(path: str, value: object) -> str:
    made = json.loads(render(document(every_outcome()), "json"))
    *steps, last = path.split("/")
    place = made
    for step in steps:
        place = place[int(step) if step.isdigit() else step]
    place[last] = value
    return json.dumps(made)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "line 1, column 2"),
        ("[]", "the top level"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": NaN}', "NaN"),
        ('{"a": 1e999}', "1e999"),
        ('{"a": ' + "9" * 5000 + "}", "no finite number"),
        (r'{"a": "\ud800"}', "lone surrogate"),
        (altered("schema_version", "2.0"), "schema_version"),
        (altered("rows/1/outcome", "<b>"), "rows[1].outcome"),
        (altered("rows/0/p_warning", 1.5), "rows[0].p_warning"),
        (altered("summary/functions", -1), "summary.functions"),
        (altered("rows/0/before", {"median": 1.0, "quantiles": {"<x>": 1.0}}), "rows[0].before"),
    ],
)
def test_a_report_that_cannot_be_read_back_names_the_place(text: str, message: str) -> None:
    with pytest.raises(ReportError, match=re.escape(message)) as caught:
        parse(text)
    assert caught.value.hint


def test_an_unknown_format_names_those_that_exist() -> None:
    with pytest.raises(UsageError) as caught:
        render(document(report()), "yaml")
    assert caught.value.hint == "one of terminal, json, markdown, html, sarif, github, gitlab, junit"


# The verdict line.

SLOWER = verdict("slow", Outcome.REGRESSED, (1.0, 2.0), level=Level.FAIL)
FASTER = verdict("fast", Outcome.IMPROVED, (2.0, 1.0))
LARGER = verdict("large", Outcome.NEW, (None, 1.0), level=Level.FAIL)
SAME = verdict("same", Outcome.SAME, (1.0, 1.0))


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (report(), "No functions changed"),
        (report(SAME), "No credible regression in 1 changed function"),
        (report(SLOWER), "The one changed function likely costs more"),
        (report(SLOWER, mode=Mode.ENFORCE), "Gate failed: The one changed function likely costs more"),
        (report(SLOWER, SAME, FASTER), "1 of 3 changed functions likely costs more, 1 likely costs less"),
        (report(LARGER, SAME), "1 of 2 changed functions is likely over budget"),
        (report(SLOWER, LARGER), "1 of 2 changed functions likely costs more, 1 is likely over budget"),
        (report(FASTER, SAME), "No credible regression in 2 changed functions, 1 likely costs less"),
        (report(skipped=(Skipped(PurePosixPath("a"), "", "x"),)), "Nothing could be judged: 1 skipped"),
    ],
)
def test_the_first_line_is_the_verdict(made: Report, line: str) -> None:
    assert render(document(made), "markdown").splitlines()[0] == f"### {line}"
    # In a terminal an empty report has this one line, which tells what was compared as well.
    range = "" if made.verdicts or made.skipped else ": 111111111111 → 222222222222 (origin/main...HEAD)"
    assert render(document(made), "terminal").splitlines()[0] == line + range


# The terminal.


@settings(max_examples=40)
@given(reports, st.integers(0, 2))
def test_without_colour_no_text_of_a_pull_request_steers_the_terminal(
    any_report: Report, verbose: int
) -> None:
    text = render(document(any_report), "terminal", verbose=verbose)
    assert all(line.isprintable() for line in text.removesuffix("\n").split("\n"))


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    text = render(document(every_outcome()), "terminal", verbose=2, width=width)
    assert max(map(len, text.splitlines())) <= width


def test_markup_and_emoji_codes_in_a_name_are_shown_as_they_are() -> None:
    text = render(document(report(verdict("[red]f[/red]:tada:", Outcome.REGRESSED, (1.0, 2.0)))), "terminal")
    assert "[red]f[/red]:tada:" in text


def test_colour_is_written_when_asked_for_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[" in render(document(every_outcome()), "terminal", color=True)


def test_three_hundred_regressions_show_one_screen_and_say_how_many_are_left() -> None:
    many = (verdict(f"f{i}", Outcome.REGRESSED, (1.0, 2.0), path=f"m{i}.py") for i in range(300))
    text = render(document(report(*many)), "terminal")
    assert "280 rows more" in text
    assert "f19" in text and "f20" not in text


def test_verbose_shows_every_row_that_a_model_was_asked_about() -> None:
    made = report(
        verdict("unsure_one", Outcome.UNSURE, (1.0, 1.1)),
        verdict("new_one", Outcome.NEW, (None, 1.0)),
        verdict("gone_one", Outcome.REMOVED, (1.0, None)),
        equal("equal_one"),
    )
    text = render(document(made), "terminal", verbose=1)
    assert re.findall(r"\w+_one", text) == ["unsure_one", "new_one"]


def test_a_report_without_a_table_loads_no_heavy_library() -> None:
    script = (
        "import json, sys\n"
        "from ci_rlm.render import render\n"
        "empty = json.load(sys.stdin)\n"
        "render(empty, 'terminal', color=True), render(empty, 'json')\n"
        "print(sorted({'rich', 'jinja2', 'jsonschema', 'torch', 'numpy'} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", script]
    root = Path(__file__).parent.parent
    stdin = render(document(report()), "json")
    out = subprocess.run(command, input=stdin, capture_output=True, text=True, check=True, cwd=root).stdout
    assert out == "[]\n"


# Markdown.

LINKS = re.compile(r"[@#!$&~%/]\w|:\w|\bwww\.\w|\bGH-\d")
"""What forges make links, references, formulas or emoji of, outside code."""


def flat(text: str) -> list[Token]:
    """Every token of the page, inline ones in place."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return [part for token in parser.parse(text) for part in (token.children or [token])]


def texts(tokens: list[Token]) -> str:
    """The page as a forge's link finder sees it: no code, one line for each run of text."""
    kinds = {"text", "text_special"}
    return "".join(token.content if token.type in kinds else "\n" for token in tokens)


def cells_by_row(tokens: list[Token]) -> list[int]:
    rows = "".join({"tr_open": "r", "td_open": "d", "th_open": "d"}.get(token.type, "") for token in tokens)
    return [len(row) for row in rows.split("r")[1:]]


@settings(max_examples=100)
@given(name=st.text(), path=st.text(), reason=st.text(), unit_name=st.text(max_size=5))
def test_no_text_breaks_a_table_or_becomes_anything_but_text(
    name: str, path: str, reason: str, unit_name: str
) -> None:
    metric = Metric("peak_memory", unit_name)
    row = verdict(name, Outcome.REGRESSED, (1.0, 2.0), metric=metric, path=path, reason=reason)
    tokens = flat(render(document(report(row)), "markdown"))
    assert cells_by_row(tokens) == [7, 7, 8, 8]
    assert {token.content for token in tokens if token.type == "html_inline"} <= {"<br>", "</sub>", "<sub>"}
    assert not {"link_open", "image", "em_open", "strong_open", "s_open"} & {token.type for token in tokens}


@given(st.text(st.sampled_from("@#:/.!$&~%wWGH-1ab| `<>[]()*_\\\n")))
def test_nothing_in_a_reason_is_left_for_a_forge_to_link(reason: str) -> None:
    row = verdict("f", Outcome.REGRESSED, (1.0, 2.0), reason=reason, level=Level.FAIL)
    assert not LINKS.search(texts(flat(render(document(report(row)), "markdown"))))


def test_a_plain_name_is_shown_as_it_is() -> None:
    row = verdict("Store.__init__", Outcome.REGRESSED, (1.0, 2.0), path="src/a_b/c d.py")
    spans = [t.content for t in flat(render(document(report(row)), "markdown")) if t.type == "code_inline"]
    assert spans[:2] == ["Store.__init__", "src/a_b/c d.py:10"]


def test_a_long_page_stays_under_the_limit_and_counts_what_it_leaves_out() -> None:
    rows = [verdict(f"größe_{i}", Outcome.REGRESSED, (1.0, 2.0), path=f"ü{i}.py") for i in range(2000)]
    page = render(document(report(*rows)), "markdown")
    shown = page.count("<br>`ü")
    assert LIMIT_BYTES - 1000 < len(page.encode()) <= LIMIT_BYTES
    assert f"{2000 - shown:,} rows more in the JSON report" in page


def test_what_is_never_cut_stays_under_the_limit_at_its_worst() -> None:
    worst = "\U000e0001" * 1000
    rows = [verdict(worst, Outcome.REGRESSED, (1.0, 2.0), path=worst, reason=worst)] * 50
    skipped = tuple(Skipped(PurePosixPath(f"{i}{worst}"), worst, f"{i % 50}{worst}") for i in range(500))
    made = dataclasses.replace(report(*rows, skipped=skipped), range=Range(worst, worst, worst))
    assert len(render(document(made), "markdown").encode()) <= LIMIT_BYTES


def test_what_the_model_saw_only_in_part_is_counted() -> None:
    row = verdict("f", Outcome.SAME, (1.0, 1.0))
    cut = dataclasses.replace(prediction(MEMORY, 1.0), truncated=True)
    seen = dataclasses.replace(row, comparison=dataclasses.replace(row.comparison, after=cut))
    assert "1 function that the model saw only in part" in render(document(report(seen)), "terminal")


def test_limits_are_told_as_they_were_written() -> None:
    assert document(report())["limits"]["peak_memory"]["budget"] == 536_870_912


# Numbers.


@pytest.mark.parametrize(
    ("value", "unit_name", "text"),
    [
        (0.0, "B", "0 B"),
        (1.0, "B", "1.00 B"),
        (999.6, "B", "1000 B"),
        (1023.0, "B", "1023 B"),
        (1024.0, "B", "1.00 KiB"),
        (1023.9 * 1024, "B", "1.00 MiB"),
        (1.5 * MIB, "B", "1.50 MiB"),
        (512 * MIB, "B", "512 MiB"),
        (2.0**70, "B", "1.05e+06 PiB"),
        (320e-6, "s", "320 µs"),
        (0.0012, "s", "1.20 ms"),
        (9.996e-3, "s", "10.0 ms"),
        (0.9999, "s", "1.00 s"),
        (3600.0, "s", "3600 s"),
        (1e-15, "s", "<0.001 ns"),
        (-2.5, "s", "-2.50 s"),
        (12.34, "FLOP", "12.3 FLOP"),
        (12.34, "", "12.3"),
    ],
)
def test_an_amount_has_three_digits_and_a_prefix(value: float, unit_name: str, text: str) -> None:
    assert measure.amount(value, unit_name) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (1.2 * MIB, 1.83 * MIB, "1.20 → 1.83 MiB"),
        (0.0, 4096.0, "0 → 4.00 KiB"),
        (900 * 1024.0, 1.1 * MIB, "0.879 → 1.10 MiB"),
        (12.0, 4 * 1024 * MIB, "<0.001 → 4.00 GiB"),
    ],
)
def test_both_sides_are_given_in_the_unit_of_the_larger(before: float, after: float, text: str) -> None:
    assert measure.change(before, after, "B") == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (1.0, "0%"),
        (0.99999, "0%"),
        (1.042, "+4.2%"),
        (1.52, "+52%"),
        (0.88, "-12%"),
        (0.11, "-89%"),
        (2 / 350, "÷175"),
        (0.0, "-100%"),
        (9.5, "+850%"),
        (23.0, "×23.0"),
        (1e30, "×1.00e+30"),
    ],
)
def test_a_ratio_is_said_as_a_change_or_as_so_many_times(ratio: float, text: str) -> None:
    assert measure.percent(ratio) == text


@pytest.mark.parametrize(
    ("p", "text"), [(1.0, ">0.99"), (0.994, "0.99"), (0.9, "0.90"), (0.001, "<0.01"), (0.0, "<0.01")]
)
def test_a_probability_is_never_a_certainty(p: float, text: str) -> None:
    assert measure.probability(p) == text


@pytest.mark.parametrize("name", ["terminal", "markdown"])
def test_a_bound_on_false_alarms_is_told_with_the_model(name: str) -> None:
    bounds = (("peak_memory", FalseAlarms(0.05, 0.93, 120)), ("cpu_time", FalseAlarms(0.05, 0.91, 120)))
    told = document(dataclasses.replace(every_outcome(), false_alarms=bounds))
    assert parse(json.dumps(told)) == told
    text = " ".join(render(told, name).split())
    assert "false alarms on neutral edits at most 5% (cpu time, peak memory)" in text


@pytest.mark.parametrize(
    ("shares", "end"),
    [
        (1, "1% (metric 0, metric 1, metric 2, metric 3, metric 4, metric 5), and 4,994 more bounds"),
        (2, "at most 2% (metric 1, metric 3, metric 5), and 4,994 more bounds"),
        (5_000, "at most 6% (metric 5), and 4,994 more bounds"),
    ],
)
def test_however_many_bounds_a_document_has_few_are_told(shares: int, end: str) -> None:
    made = document(report(verdict("f", Outcome.SAME, (1.0, 1.0))))
    bounds = {
        f"metric {place}": FalseAlarmsRow(target=0.01 * (1 + place % shares), threshold=0.5, problems=99)
        for place in range(5_000)
    }
    assert view.model_line({**made, "false_alarms": bounds}).endswith(end)


@pytest.mark.parametrize("sign", ["|", "@a", "\U0001f600", "\U000e0001"])
def test_a_strangers_document_stays_under_the_limit(sign: str) -> None:
    word = sign * 1_000
    rows = [verdict("f", Outcome.REGRESSED, (1.0, 2.0))] * 20
    made = json.loads(render(document(report(*rows)), "json"))
    for row in made["rows"]:
        row["accept_with"] = f"Perf-Accepted: {'😀' * 300}"
    made["notices"] = [{"means": word, "source": word, "line": 0, "text": word}] * 20
    made["skipped"] = [{"path": f"{i}{word}", "name": "", "reason": f"{i}{word}"} for i in range(50)]
    made["model"].update(name=word, dtype=word, hardware=word)
    made["false_alarms"] = {
        f"{i}{word}": {"target": 0.001 * (1 + i), "threshold": 0.1, "problems": 1} for i in range(300)
    }
    page = render(parse(json.dumps(made)), "markdown")
    assert len(page.encode()) <= LIMIT_BYTES


def test_a_notice_is_short_whatever_its_document_holds() -> None:
    row = NoticeRow(means="x" * 50_000, source="y" * 50_000, line=0, text="z" * 50_000)
    assert len(view.notice(row)) < 300
