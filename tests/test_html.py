"""The HTML page of a report: whole, safe to open whoever wrote the report, and telling."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_rlm.flow import Interval, Level, Metric, Outcome, Report
from ci_rlm.render import document, parse, render
from ci_rlm.render.page import DETAILED
from tests.pages import Page
from tests.reports import HOSTILE, MEMORY, equal, every_outcome, report, reports, unit, verdict

ATTACKS = (
    HOSTILE,
    "</script><script>alert(1)</script>",
    "</style><style>*{display:none}</style>",
    "</code></pre><iframe src=//evil.example>",
    '" onmouseover="alert(1)" x="',
    "' autofocus onfocus='alert(1)",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% for x in y %}",
    "&lt;b&gt;&#x3c;b&#x3e;",
    "\0\b\x1b]8;;https://evil.example\x07",
    "a\u202egnp.exe\u2066\u200b",
    "x" * 100_000,
)
STARTED = {"onclick", "onerror", "onfocus", "onload", "onmouseover", "style", "src", "srcset", "action"}
"""Attributes that run, load or restyle something; the page needs none of them."""


def html(made: Report) -> str:
    return render(document(made), "html")


def explained(*hunks: dict[str, Any]) -> Any:
    """The document of one regression with a changed function, and what its hunks do."""
    told = json.loads(render(document(every_outcome()), "json"))
    told["rows"] = [row for row in told["rows"] if row["name"] == "Store.build"][:1]
    told["rows"][0]["hunks"] = list(hunks)
    return parse(json.dumps(told))


def hunk(before: list[int] | None, after: list[int] | None, share: float, effect: float) -> dict[str, Any]:
    return {"before": before, "after": after, "share": share, "effect": effect}


def lines_with(page: str, mark: str) -> list[str]:
    """The text of each line of the diff whose element has the class."""
    found = re.findall(r'<(?:ins|del|span) class="line([^"]*)"[^>]*>([^<]*)</', page)
    return [text.strip("\n") for classes, text in found if mark in classes.split()]


# Safe.


@settings(max_examples=60)
@given(reports)
def test_the_page_of_any_report_is_well_formed_and_holds_no_controls(any_report: Report) -> None:
    text = html(any_report)
    page = Page(text)
    assert all(line.isprintable() for line in text.split("\n"))
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not STARTED & {name for _, attrs in page.tags for name in attrs}


@pytest.mark.parametrize("text", ATTACKS, ids=range(len(ATTACKS)))
def test_a_hostile_text_stays_text_wherever_it_stands(text: str) -> None:
    metric = Metric(text, text)
    was = unit(text, f"{text}.txt", source=f"{text}\n{text}x")
    row = verdict(
        text, Outcome.REGRESSED, (1.0, 2.0), metric=metric, path=text, reason=text, level=Level.FAIL,
        was=was, source=text,
    )  # fmt: skip
    plain = verdict(
        "f", Outcome.REGRESSED, (1.0, 2.0), metric=Metric("m", "u"), path="p", reason="r", level=Level.FAIL,
        was=unit("f", "p", source="b"), source="a",
    )  # fmt: skip
    page, harmless = Page(html(report(row))), Page(html(report(plain)))
    kinds = [{tag for tag, _ in each.tags} for each in (page, harmless)]
    assert kinds[0] <= kinds[1] | {"small"}
    assert page.inline == harmless.inline
    assert {name for _, attrs in page.tags for name in attrs} <= {
        name for _, attrs in harmless.tags for name in attrs
    }


def test_a_hostile_name_reads_as_it_is_written() -> None:
    name = "<script>alert('&amp;')</script>\""
    page = Page(html(report(verdict(name, Outcome.REGRESSED, (1.0, 2.0), level=Level.WARN))))
    assert name in page.text


def test_the_policy_lets_run_what_the_page_brings_and_nothing_else() -> None:
    page = Page(html(every_outcome()))
    (policy,) = [
        a["content"] or "" for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"
    ]
    told = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert told["default-src"] == told["base-uri"] == told["form-action"] == "'none'"
    for tag in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.inline[tag].encode()).digest()).decode()
        assert told[f"{tag}-src"] == f"'sha256-{digest}'"


def test_a_page_needs_nothing_beside_it() -> None:
    page = Page(html(report(verdict("f", Outcome.REGRESSED, (1.0, 2.0), level=Level.WARN))))
    links = [attrs["href"] or "" for _, attrs in page.tags if "href" in attrs]
    assert links and all(link.startswith("#") for link in links)
    assert not re.search(r"url\(|@import|https?:", page.inline["style"] + page.inline["script"])


# Telling.


def test_each_link_leads_to_a_place_on_the_page() -> None:
    page = Page(html(every_outcome()))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    links = {(attrs["href"] or "")[1:] for _, attrs in page.tags if "href" in attrs}
    assert len(set(ids)) == len(ids)
    assert links == set(ids)


def test_what_likely_changed_is_open_and_the_rest_is_not() -> None:
    page = Page(
        html(
            report(
                verdict("slow", Outcome.REGRESSED, (1.0, 2.0), level=Level.WARN, p=(0.5, 0.95, 0.0, 0.0)),
                verdict("maybe", Outcome.UNSURE, (1.0, 1.1)),
            )
        )
    )
    assert [attrs.get("open", "shut") for tag, attrs in page.tags if attrs.get("class") == "function"] == [
        None,
        "shut",
    ]


def test_a_function_without_a_question_to_the_model_has_no_place_of_its_own() -> None:
    page = Page(html(report(equal("moved"), verdict("gone", Outcome.REMOVED, (1.0, None)))))
    assert "function" not in [attrs.get("class") for _, attrs in page.tags]


def test_the_worst_functions_have_their_plots_and_the_rest_is_counted() -> None:
    rows = (verdict(f"f{i}", Outcome.UNSURE, (1.0, 2.0), path=f"m{i}.py") for i in range(DETAILED + 7))
    text = html(report(*rows))
    assert text.count('class="function"') == DETAILED
    assert "7 functions more, in the table alone" in text
    assert f"m{DETAILED + 6}.py" in text


def test_a_row_is_sorted_by_its_numbers_and_not_by_their_words() -> None:
    slower = verdict("f", Outcome.REGRESSED, (1024.0, 4096.0), level=Level.WARN, p=(0.8, 0.93, 0.01, 0.0))
    keys = re.findall(r'data-key="([^"]*)"', html(report(slower)))
    assert keys == [
        *("f", "peak memory", "4096.0", "4.0", "0.93", "-1"),
        *("f", "peak memory", "4096.0", "4.0", "0.93", "0.01", "-1"),
    ]


def test_a_ratio_is_drawn_with_the_limit_that_holds_for_its_path() -> None:
    told = json.loads(render(document(report(verdict("f", Outcome.SAME, (1.0, 1.0)))), "json"))
    own = {**told["limits"]["peak_memory"], "path": "src/store.py", "metric": "peak_memory", "warn": 0.37}
    assert "within 10% either way" in render(told, "html")
    assert "within 37% either way" in render({**told, "overridden": [own]}, "html")
    told["rows"][0]["weight"] = {"share": 0.5, "warn": 0.04, "fail": 0.2}
    assert "within 4% either way" in render(told, "html")


def test_quantiles_are_told_beside_the_plot() -> None:
    page = Page(html(report(verdict("f", Outcome.SAME, (1024.0, 2048.0)))))
    assert "0.25768 B1.50 KiB" in re.sub(r"\s*\n\s*", "", page.text)


def test_what_was_accepted_and_what_would_accept_is_told() -> None:
    told = json.loads(render(document(every_outcome()), "json"))
    told["rows"][0]["accept_with"] = "Perf-Accepted: src/<b>.py::f [peak_memory] | REASON"
    word = {"means": "trailer", "source": "3" * 40, "reason": "worth <it>", "level": "warn"}
    told["rows"][1] |= {"accepted": word, "level": "none"}
    told["notices"] = [{"means": "comment", "source": "a.py", "line": 4, "text": "expired & gone"}]
    page = Page(render(parse(json.dumps(told)), "html"))
    for text in (
        "::f [peak_memory] | REASON\n",
        "worth <it> (commit 333333333333)",
        "a.py:4: expired & gone",
    ):
        assert text in page.text


# The diff.


def test_a_changed_line_is_shown_under_its_number() -> None:
    page = Page(html(every_outcome()))
    numbers = [
        (tag, (attrs["data-number"] or "").strip())
        for tag, attrs in page.tags
        if "line" in (attrs.get("class") or "") and "data-number" in attrs
    ]
    # Store.build of `tests.reports`, from line 10: the first lines of its two versions.
    assert numbers[:5] == [("span", "10"), ("del", "11"), ("ins", "11"), ("ins", "12"), ("span", "13")]


def test_the_responsible_hunk_is_marked_and_the_others_are_not() -> None:
    told = explained(hunk([14, 14], [15, 15], 0.83, 0.4), hunk([11, 11], [11, 12], 0.17, 0.08))
    text = render(told, "html")
    assert lines_with(text, "marked") == [
        "-            seen.add(row.key)",
        "+            seen.append(row.key)",
    ]
    assert text.count("83% of the change in peak memory") == 1


def test_what_each_hunk_does_is_told_in_order() -> None:
    told = explained(
        hunk([14, 14], [15, 15], 1.0, 0.4054651),
        hunk(None, [11, 11], 0.0, -0.1053605),
        hunk([11, 11], None, 0.0, 0.0),
    )
    assert re.findall("<li>(.*)</li>", render(told, "html"))[:3] == [
        "line 15: 100% of the change (+50%)",
        "line 11: works the other way (-10%)",
        "what was in line 11: works the other way (0%)",
    ]


@pytest.mark.parametrize(
    "hunks",
    [[hunk([11, 14], [11, 15], 1.0, 0.4)], [hunk(None, [11, 11], 0.0, 0.1), hunk([14, 14], None, 0.0, 0.1)]],
    ids=["the only one", "none alone"],
)
def test_nothing_is_marked_where_no_hunk_stands_out(hunks: list[dict[str, Any]]) -> None:
    assert lines_with(render(explained(*hunks), "html"), "marked") == []


def test_a_tab_in_code_is_shown_as_space() -> None:
    row = verdict("f", Outcome.NEW, (None, 2.0), source="def f():\n\treturn 1")
    assert "+        return 1" in html(report(row))


def test_a_diff_that_was_cut_says_so() -> None:
    row = verdict("f", Outcome.NEW, (None, 2.0), source="x" * 1000)
    assert "longer than is shown" in html(report(row))


def test_a_report_of_an_earlier_version_is_shown_without_a_diff() -> None:
    told = json.loads(render(document(every_outcome()), "json"))
    del told["diffs"]
    assert "<pre" not in render(parse(json.dumps(told)), "html")


# Extremes.


@given(st.floats(0.0, 1e300), st.floats(0.0, 1e300))
def test_numbers_of_any_size_fit_on_a_page(before: float, after: float) -> None:
    row = verdict("f", Outcome.UNSURE, (before, after), metric=MEMORY)
    assert Page(html(report(row)))


def test_a_report_of_a_strangers_hunks_and_quantiles_is_shown() -> None:
    told = explained(hunk([999999999, 1], [5, 2], 1.0, 1e300), hunk(None, None, 0.5, -1e300))
    told["rows"][0]["before"] = {"median": -5.0, "quantiles": {"1": 3.0, "0.5": 9.0, "99999": -1e308}}
    told["rows"][0]["ratio"] = {"low": -1.0, "mid": 0.0, "high": 1e308}
    told["diffs"][0]["text"] = "@@ -1,1 +1,1 @@\n+\0\n@@ -999999999,1 +0,0 @@\n-<b>\n\\ no newline"
    assert "&lt;b&gt;" in render(parse(json.dumps(told)), "html")


def test_an_interval_that_is_not_finite_is_left_out() -> None:
    row = verdict("f", Outcome.UNSURE, (1.0, 2.0))
    object.__setattr__(row.comparison, "slowdown", Interval(1.0, float("inf"), float("inf")))
    assert html(report(row)).count("<figure>") == 1
