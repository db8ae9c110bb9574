"""Costs that people accept: in comments, trailers, labels, a baseline; from the commit to the exit code."""

from __future__ import annotations

import json
import os
from datetime import date
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import example, given
from hypothesis import strategies as st

from ci_rlm import gate
from ci_rlm.acceptance import Terms, comments, words
from ci_rlm.acceptance.waiver import Waiver
from ci_rlm.cli import main
from ci_rlm.config import Config
from ci_rlm.errors import UsageError
from ci_rlm.flow import (
    Change,
    FileChange,
    Kind,
    Level,
    Means,
    Mode,
    Notice,
    Range,
    Report,
    Span,
    Unit,
)
from ci_rlm.forge.event import Description, described
from ci_rlm.trailers import KEY, parse, to_paste
from tests.conftest import Checkout
from tests.fakes import FakePredictor, by_length, checkpoint_without_weights, remember

SHORT = "def f(x):\n    return x\n"
LONG = "def f(x):\n    y = x + x + x + x + x + x + x + x\n    return y\n"
BOTH = "cpu_time, peak_memory"
WORD = f'# ci-rlm: ignore[{BOTH}] reason="worth it"'
RANGE = Range("a" * 40, "b" * 40, "a...b")
ENFORCED = Config(mode=Mode.ENFORCE)


def checked(before: str, after: str, terms: Terms | None = None) -> Report:
    """A check of one file, in which `f` becomes costlier where its text becomes longer."""
    path = PurePosixPath("a.py")
    touched = Span(1, after.count("\n"))
    file = FileChange(path, path, before.encode(), after.encode(), (Span(1, before.count("\n")),), (touched,))
    return gate.check(RANGE, [file], FakePredictor(by_length), ENFORCED, terms=terms or Terms())


def with_head(head: str) -> str:
    """The longer version under another head."""
    return LONG.replace("def f(x):", head)


def told(report: Report) -> list[str]:
    return [f"{notice.source}:{notice.line}: {notice.text}" for notice in report.notices]


# Comments.


@pytest.mark.parametrize(
    "head",
    [
        f"def f(x):  {WORD}",
        f"def f(  {WORD}\n    x,\n):",
        f"def f(\n    x,  {WORD}\n):",
        f"def f(\n    x,\n):  {WORD}",
        f"@cache\ndef f(x):  {WORD}",
        f"def f(x):  # noqa: ANN001  {WORD}",
        f"def f(x):  {WORD}  # pragma: no cover",
        "def f(x):  # ci-rlm: ignore[cpu_time,peak_memory] until=2026-12-31 reason=seldom",
    ],
)
def test_a_comment_on_the_definition_line_accepts(head: str) -> None:
    report = checked(SHORT, with_head(head))
    assert not report.failed
    assert {verdict.level for verdict in report.verdicts} == {Level.NONE}
    words = [verdict.accepted for verdict in report.verdicts if verdict.accepted]
    assert [(word.means, word.source, word.level) for word in words] == [
        (Means.COMMENT, "a.py", Level.FAIL)
    ] * 2


def test_a_comment_accepts_the_metric_that_it_names_and_no_other() -> None:
    report = checked(SHORT, with_head('def f(x):  # ci-rlm: ignore[cpu_time] reason="cold"'))
    accepted = {v.comparison.metric.name: v.accepted is not None for v in report.verdicts}
    assert accepted == {"cpu_time": True, "peak_memory": False}
    assert report.failed


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ("def f(x):  # ci-rlm: ignore[cpu_time]", "without a reason"),
        ('def f(x):  # ci-rlm: ignore[cpu_time] reason=""', "without a reason"),
        ('def f(x):  # ci-rlm: ignore reason="x"', "names no metric"),
        ('def f(x):  # ci-rlm: ignore[] reason="x"', "names no metric"),
        ('def f(x):  # ci-rlm: ignore[speed] reason="x"', "`speed` is no metric"),
        ('def f(x):  # ci-rlm: ignore[cpu_time] reason="x" until=tomorrow', "no date"),
        ('def f(x):  # ci-rlm: ignore[cpu_time] reason="x" until=2026-02-30', "no date"),
        ('def f(x):  # ci-rlm: ignore[cpu_time] reasons="x"', "`reasons` is not understood"),
        ('def f(x):  # ci-rlm: ignore[cpu_time] reason="x" really', "alone"),
        ('def f(x):  # ci-rlm: skip[cpu_time] reason="x"', "all that a comment can say"),
        (f"{WORD}\ndef f(x):", "on no definition line"),
        (f"@cache  {WORD}\ndef f(x):", "on no definition line"),
        (f"def f(x):\n    {WORD}", "on no definition line"),
        (f"def f(x):\n    def g(): pass  {WORD}", "a nested function is judged with the one around it"),
    ],
)
def test_a_comment_that_is_not_as_it_has_to_be_accepts_nothing_and_is_told(head: str, why: str) -> None:
    report = checked(SHORT, with_head(head))
    assert report.failed
    (notice,) = told(report)
    assert why in notice


def test_what_looks_like_a_comment_in_a_string_is_none() -> None:
    report = checked(SHORT, with_head(f"def f(x, y='{WORD}'):"))
    assert report.failed
    assert report.notices == ()


@pytest.mark.parametrize(("day", "holds"), [(30, True), (31, True), (1, False)])
def test_a_comment_holds_to_the_end_of_its_last_day(day: int, holds: bool) -> None:
    today = date(2026, 12, day) if holds else date(2027, 1, day)
    report = checked(SHORT, with_head(f"def f(x):  {WORD} until=2026-12-31"), Terms(today=today))
    assert report.failed is not holds
    assert [text for text in told(report) if "expired on 2026-12-31" in text] == told(report)
    assert bool(report.notices) is not holds


def test_a_comment_that_nothing_needs_is_unused_metric_by_metric() -> None:
    kept = SHORT.replace("def f(x):", f"def f(x):  {WORD}")
    assert told(checked(SHORT, kept)) == [
        f"a.py:1: unused: this change makes a.py::f [{metric}] no costlier than its limits allow"
        for metric in ("cpu_time", "peak_memory")
    ]


@pytest.mark.parametrize("inside", [True, False])
def test_however_many_comments_and_functions_a_file_has_each_is_looked_at_once(inside: bool) -> None:
    """One by one against all the others they would take minutes."""
    count, path = 60_000, PurePosixPath("a.py")
    lines = [Span(line, line) for line in range(2, 2 * count + 2, 2)]
    units = [Unit(path, f"f{line.first}", Kind.FUNCTION, "python", line, "") for line in lines]
    after = b"# ci-rlm:\nx = 1\n" * count
    file = FileChange(path, path, b"", after, (), () if inside else tuple(lines))
    changes = [Change(None, unit) for unit in units] if inside else []
    assert list(comments.waivers([file], changes)) == []


def test_a_comment_is_told_wherever_the_change_wrote_it() -> None:
    path = PurePosixPath("a.py")
    spans = (Span(9, 10), Span(2, 3), Span(2, 7), Span(5, 5))
    file = FileChange(path, path, b"", b"# ci-rlm:\n" * 12, (), spans)
    found = list(comments.waivers([file], []))
    assert [word.line for word in found] == [2, 3, 4, 5, 6, 7, 9, 10]


def test_comments_accept_nothing_where_they_are_switched_off() -> None:
    assert checked(SHORT, with_head(f"def f(x):  {WORD}"), Terms(comments=False)).failed


# The grammar of trailers.


@given(st.text(), st.text(), st.sampled_from(["cpu_time", "latency"]))
@example("src/a b.py", "Store.<locals>.f#2", "cpu_time")
@example("a::b.py", "f [x] | g", "latency")
def test_a_line_to_paste_is_read_back_as_what_it_is_for_or_not_offered(
    path: str, name: str, metric: str
) -> None:
    line = to_paste(path, name, metric)
    if line:
        assert line.startswith(f"{KEY}: ") and line.isprintable()
        read = parse(line.removeprefix(f"{KEY}: ").replace("REASON", "a | b"))
        assert (read.path, read.name, read.metrics, read.reason) == (path, name, (metric,), "a | b")


def test_an_ordinary_function_is_offered_a_line() -> None:
    line = "Perf-Accepted: src/a.py::Store.build [cpu_time] | REASON"
    assert to_paste("src/a.py", "Store.build", "cpu_time") == line


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("f", "is not of the form"),
        ("a.py::f cpu_time | x", "is not of the form"),
        ("a.py::f [cpu_time]", "is not of the form"),
        ("a.py::f [cpu_time] |", "has no reason"),
        ("a.py::f [cpu_time] | REASON", "has no reason behind its `|` but the word to replace"),
        ("a.py::f [, ] | x", "names no metric in its brackets"),
    ],
)
def test_a_trailer_that_is_none_says_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why.replace("|", r"\|")):
        parse(text)


# Labels.


@pytest.mark.parametrize(
    ("description", "found"),
    [
        ("Perf-Accepted: the cache pays", ("", "the cache pays")),
        ("Faster.\r\n\r\nperf-accepted:   the cache pays  \r\n", ("", "the cache pays")),
        ("Perf-Accepted: a.py::f [cpu_time] | seldom", ("a.py", "seldom")),
    ],
)
def test_a_label_takes_its_reason_from_the_description(description: str, found: tuple[str, str]) -> None:
    (waiver,) = words.of_label("fine", description)
    assert isinstance(waiver, Waiver)
    assert (waiver.source, waiver.path, waiver.reason) == ("fine", *found)


@pytest.mark.parametrize(
    "description",
    ["", "it is fine", "<!--\nPerf-Accepted: why\n-->", "Perf-Accepted:", "<!-- \nPerf-Accepted: x"],
)
def test_a_label_without_a_reason_accepts_nothing(description: str) -> None:
    (notice,) = words.of_label("fine", description)
    assert isinstance(notice, Notice)
    assert "without a reason" in notice.text


# From the commit to the exit code.


@pytest.fixture
def topic(repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A branch off `main` for a function of `src/a.py` that gets costlier; the gate is enforced."""
    folder = checkpoint_without_weights(tmp_path / "checkpoint")
    monkeypatch.setenv("CI_RLM_CHECKPOINT", str(folder))
    monkeypatch.setenv("CI_RLM_MODE", "enforce")
    remember(folder, Path(os.environ["CI_RLM_CACHE_DIR"]), [SHORT, LONG], by_length)
    repo.write("src/a.py", SHORT)
    repo.commit("short")
    repo.git("checkout", "-q", "-b", "topic")
    repo.write("src/a.py", LONG)
    return repo


def check(repo: Checkout, *arguments: str) -> Result:
    flags = ("check", "-C", str(repo.root), "--base", "main")
    return CliRunner().invoke(main, [*flags, *arguments], catch_exceptions=False)


def report_of(repo: Checkout, *arguments: str) -> Any:
    return json.loads(check(repo, "--format", "json", *arguments).stdout)


def accepted(report: Any) -> dict[str, Any]:
    return {row["metric"]: row.get("accepted") for row in report["rows"]}


def test_the_printed_trailers_accept_what_failed(topic: Checkout) -> None:
    topic.commit("long")
    failed = report_of(topic)
    lines = [row["accept_with"].replace("REASON", "the cache pays") for row in failed["rows"]]
    assert failed["summary"]["failed"]
    commit = topic.commit("accept\n\n" + "\n".join(lines))
    assert check(topic).exit_code == 0
    word = {"means": "trailer", "source": commit, "reason": "the cache pays", "level": "fail"}
    assert accepted(report_of(topic)) == {"cpu_time": word, "peak_memory": word}


@pytest.mark.parametrize("width", ["40", "100"])
def test_trailers_are_accepted_as_a_narrow_terminal_wraps_them(
    topic: Checkout, monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    topic.commit("long")
    monkeypatch.setenv("COLUMNS", width)
    lines = check(topic).stdout.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(KEY))
    block = "\n".join(lines[first : lines.index("", first)]).replace("REASON", "seldom called")
    topic.commit(f"accept\n\n{block}")
    assert check(topic).exit_code == 0


def test_by_gits_rules_a_line_amid_a_message_is_no_trailer(topic: Checkout) -> None:
    topic.commit(f"long\n\n{KEY}: src/a.py::f [{BOTH}] | why\n\nAnd then some more text.")
    assert check(topic).exit_code == 1
    assert "notices" not in report_of(topic)


def test_a_trailer_before_the_range_accepts_nothing(topic: Checkout) -> None:
    topic.git("stash", "--quiet")
    topic.commit(f"early\n\n{KEY}: src/a.py::f [{BOTH}] | why")
    topic.git("branch", "--force", "main", "HEAD")
    topic.git("stash", "pop", "--quiet")
    topic.commit("long")
    assert check(topic).exit_code == 1


@pytest.mark.parametrize(
    ("trailer", "why"),
    [
        ("src/a.py::g [cpu_time] | why", "the change has no function src/a.py::g"),
        ("src/a.py::f [latency] | why", "unused: this change makes src/a.py::f [latency] no costlier"),
        ("src/a.py::f | why", "is not of the form"),
        ("src/a.py::f [speed] | why", "names no metric; known are"),
    ],
)
def test_a_trailer_that_accepts_nothing_is_told(topic: Checkout, trailer: str, why: str) -> None:
    commit = topic.commit(f"long\n\n{KEY}: {trailer}")
    (notice,) = report_of(topic)["notices"]
    assert (notice["means"], notice["source"]) == ("trailer", commit)
    assert why in notice["text"]


def test_trailers_can_be_switched_off_and_are_then_not_offered(topic: Checkout) -> None:
    topic.write("ci-rlm.toml", "accept.trailers = false\n")
    topic.commit(f"long\n\n{KEY}: src/a.py::f [{BOTH}] | why")
    assert check(topic).exit_code == 1
    assert [row for row in report_of(topic)["rows"] if "accept_with" in row] == []


def test_what_is_staged_has_no_message_yet_and_is_offered_no_trailer(topic: Checkout) -> None:
    topic.git("add", "--all")
    result = CliRunner().invoke(main, ["check", "-C", str(topic.root), "--staged"])
    assert result.exit_code == 1
    assert KEY not in result.stdout


def test_a_comment_expires_by_the_date_of_the_heads_commit(topic: Checkout) -> None:
    """The first commits of a test are of January 2024."""
    for day, code in (("2024-01-01", 0), ("2023-12-31", 1)):
        topic.write("src/a.py", with_head(f"def f(x):  {WORD} until={day}"))
        topic.commit(day)
        assert check(topic).exit_code == code


def event(monkeypatch: pytest.MonkeyPatch, folder: Path, labels: list[str], body: str | None) -> None:
    pull = {"base": {"ref": "main"}, "labels": [{"name": name} for name in labels], "body": body}
    place = folder / "event.json"
    place.write_text(json.dumps({"pull_request": pull}))
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(place))


@pytest.mark.parametrize(
    ("labels", "body", "code"),
    [
        (["perf-accepted"], "Perf-Accepted: the cache pays", 0),
        (["bug", "perf-accepted"], "Perf-Accepted: src/a.py::f [cpu_time, peak_memory] | pays", 0),
        (["perf-accepted"], None, 1),
        (["bug"], "Perf-Accepted: the cache pays", 1),
        ([], "Perf-Accepted: the cache pays", 1),
    ],
)
def test_a_label_and_a_reason_accept_together(
    topic: Checkout,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    labels: list[str],
    body: str | None,
    code: int,
) -> None:
    topic.commit("long")
    event(monkeypatch, tmp_path, labels, body)
    assert check(topic).exit_code == code


@pytest.mark.parametrize("pull", [{}, {"labels": None, "body": None}, {"labels": []}])
def test_a_pull_request_without_words_has_no_label_and_no_description(pull: Any, tmp_path: Path) -> None:
    place = tmp_path / "event.json"
    place.write_text(json.dumps({"pull_request": pull}))
    found = described({"GITHUB_EVENT_NAME": "pull_request_target", "GITHUB_EVENT_PATH": str(place)})
    assert found == Description(frozenset(), "")


@pytest.mark.parametrize("labels", [[1], [{"name": 1}], ["x"], 3])
def test_labels_that_are_none_are_a_usage_error(labels: Any, tmp_path: Path) -> None:
    place = tmp_path / "event.json"
    place.write_text(json.dumps({"pull_request": {"labels": labels}}))
    with pytest.raises(UsageError, match="GITHUB_EVENT_PATH holds no pull request"):
        described({"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(place)})


def test_an_event_of_no_pull_request_has_no_description(tmp_path: Path) -> None:
    place = tmp_path / "event.json"
    place.write_text('{"before": "x"}')
    assert described({"GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(place)}) is None


def test_the_label_has_the_name_that_is_configured(
    topic: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic.write("ci-rlm.toml", 'accept.label = "slower is fine"\n')
    topic.commit("long")
    event(monkeypatch, tmp_path, ["slower is fine"], "Perf-Accepted: pays")
    assert {word["source"] for word in accepted(report_of(topic)).values()} == {"slower is fine"}


def test_a_label_says_nothing_of_a_commit_that_the_user_names(
    topic: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic.commit("long")
    event(monkeypatch, tmp_path, ["perf-accepted"], "Perf-Accepted: pays")
    assert check(topic, "--head", "topic").exit_code == 1


# The baseline.

WRITE = ("--write-baseline", "--reason", "as before")
PLACE = ".ci-rlm/baseline.json"


def test_a_written_baseline_accepts_and_keeps_accepting(topic: Checkout) -> None:
    topic.commit("long")
    assert check(topic, *WRITE).exit_code == 0
    assert check(topic).exit_code == 0
    word = {"means": "baseline", "source": PLACE, "reason": "as before", "level": "fail"}
    assert accepted(report_of(topic)) == {"cpu_time": word, "peak_memory": word}


def test_a_baseline_is_keyed_by_path_name_metric_and_body(topic: Checkout) -> None:
    topic.commit("long")
    check(topic, *WRITE)
    canonical = "def f(x):\n y=x+x+x+x+x+x+x+x\n return y"
    body = sha256(canonical.encode()).hexdigest()
    entry = {"path": "src/a.py", "name": "f", "body": body, "reason": "as before"}
    wanted = [{**entry, "metric": metric} for metric in ("cpu_time", "peak_memory")]
    assert json.loads((topic.root / PLACE).read_text()) == {"version": 1, "accepted": wanted}


def test_a_baseline_holds_wherever_the_function_stands_and_however_it_is_laid_out(topic: Checkout) -> None:
    topic.commit("long")
    check(topic, *WRITE)
    topic.write("src/a.py", "import os\n\n\n" + LONG.replace("x + x", "x+x"))
    topic.commit("format")
    assert check(topic).exit_code == 0


def test_a_baseline_is_stale_once_the_body_changes_and_writing_drops_it(topic: Checkout) -> None:
    topic.commit("long")
    check(topic, *WRITE)
    topic.git("branch", "--force", "main", topic.commit("baseline"))
    topic.write("src/a.py", SHORT)
    topic.commit("short again")
    report = report_of(topic)
    assert [notice["text"][:5] for notice in report["notices"]] == ["stale", "stale"]
    check(topic, *WRITE)
    assert json.loads((topic.root / PLACE).read_text())["accepted"] == []


def test_other_entries_of_a_baseline_stay_with_their_reasons(topic: Checkout) -> None:
    other = {"path": "b.py", "name": "g", "metric": "latency", "body": "0" * 64, "reason": "theirs"}
    topic.write(PLACE, json.dumps({"version": 1, "accepted": [other]}))
    topic.commit("long")
    check(topic, *WRITE)
    entries = json.loads((topic.root / PLACE).read_text())["accepted"]
    assert entries[0] == other
    assert [entry["reason"] for entry in entries] == ["theirs", "as before", "as before"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--write-baseline",), "a baseline needs a reason"),
        (("--write-baseline", "--reason", " "), "a baseline needs a reason"),
        (("--reason", "x"), "--reason is of a baseline"),
    ],
)
def test_a_baseline_without_a_reason_is_not_written(
    topic: Checkout, flags: tuple[str, ...], message: str
) -> None:
    topic.commit("long")
    result = check(topic, *flags)
    assert (result.exit_code, message in result.stderr) == (2, True)
    assert not (topic.root / PLACE).exists()


ENTRY = {"path": "a.py", "name": "f", "metric": "latency", "body": "0" * 64, "reason": "x"}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"version": 2, "accepted": []}',
        "[" * 100_000,
        json.dumps({"version": 1, "accepted": [{**ENTRY, "reason": " "}]}),
        json.dumps({"version": 1, "accepted": [{**ENTRY, "metric": "speed"}]}),
        json.dumps({"version": 1, "accepted": [{**ENTRY, "body": "0"}]}),
        json.dumps({"version": 1, "accepted": [{**ENTRY, "line": 3}]}),
        json.dumps({"version": 1, "accepted": [{"path": "a.py"}]}),
        json.dumps({"version": 1, "accepted": [7]}),
    ],
)
def test_a_damaged_baseline_is_a_usage_error_and_never_a_pass(topic: Checkout, content: str) -> None:
    topic.write(PLACE, content)
    topic.commit("long")
    result = check(topic)
    assert result.exit_code == 2
    assert PLACE in result.stderr


def test_a_baseline_that_is_configured_and_missing_is_a_usage_error(topic: Checkout) -> None:
    topic.write("ci-rlm.toml", 'accept.baseline = "known.json"\n')
    topic.commit("long")
    assert check(topic).exit_code == 2
    assert check(topic, *WRITE).exit_code == 0
    assert check(topic).exit_code == 0


def test_a_baseline_is_not_written_through_a_link(topic: Checkout, tmp_path: Path) -> None:
    (topic.root / ".ci-rlm").symlink_to(tmp_path, target_is_directory=True)
    topic.commit("long")
    assert check(topic, *WRITE).exit_code == 2
    assert not (tmp_path / "baseline.json").exists()


def test_a_pull_request_cannot_bring_its_own_baseline_into_a_privileged_event(
    topic: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic.commit("long")
    check(topic, *WRITE)
    topic.commit("accept it myself")
    assert check(topic).exit_code == 0
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request_target")
    assert check(topic).exit_code == 1
    assert check(topic, *WRITE).exit_code == 2


def test_a_trailer_of_any_length_is_read_at_once() -> None:
    with pytest.raises(ValueError, match="is not of the form"):
        parse("::" * 100_000 + " [" * 100_000)
