"""`ci-rlm check` on real repositories, with answers that are kept already: no model runs."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from ci_rlm.cli import main
from ci_rlm.render import FORMATS, schema
from tests.conftest import Checkout
from tests.fakes import by_length, checkpoint_without_weights, remember

SHORT = "def f(x):\n    return x\n"
LONG = "def f(x):\n    y = x + x + x + x + x + x + x + x\n    return y\n"
ENFORCE = ("--mode", "enforce")


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configured checkpoint, which has answered for both versions of the function."""
    folder = checkpoint_without_weights(tmp_path / "checkpoint")
    monkeypatch.setenv("CI_RLM_CHECKPOINT", str(folder))
    remember(folder, Path(os.environ["CI_RLM_CACHE_DIR"]), [SHORT, LONG], by_length)
    return folder


@pytest.fixture
def topic(repo: Checkout, checkpoint: Path) -> Checkout:
    """A branch off `main` on which a function of `src/a.py` got costlier."""
    repo.write("src/a.py", SHORT)
    repo.commit("short")
    repo.git("checkout", "-q", "-b", "topic")
    repo.write("src/a.py", LONG)
    repo.commit("long")
    return repo


def check(repo: Checkout, *arguments: str, input: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["check", "-C", str(repo.root), *arguments], input=input)


def judged(repo: Checkout, *arguments: str, input: bytes | None = None) -> Any:
    """The JSON report of a check that ends well."""
    result = check(repo, "--format", "json", *arguments, input=input)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def outcomes(report: Any) -> dict[str, str]:
    return {row["path"]: row["outcome"] for row in report["rows"]}


def test_a_regression_is_reported_and_an_advisory_gate_passes(topic: Checkout) -> None:
    result = check(topic)
    assert result.exit_code == 0
    assert "src/a.py" in result.stdout
    assert "regressed" in result.stdout


def test_an_enforced_gate_fails_on_a_regression(topic: Checkout) -> None:
    assert check(topic, *ENFORCE).exit_code == 1


def test_exit_zero_turns_a_failure_into_zero(topic: Checkout) -> None:
    assert check(topic, *ENFORCE, "--exit-zero").exit_code == 0


def test_the_report_is_published_before_a_failing_exit(topic: Checkout, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    assert check(topic, *ENFORCE, "--format", f"json:{path}").exit_code == 1
    assert json.loads(path.read_bytes())["summary"]["failed"] is True


def test_an_empty_change_is_one_line_and_passes(topic: Checkout) -> None:
    result = check(topic, *ENFORCE, "--base", "HEAD")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 1


def test_three_runs_give_the_same_bytes(topic: Checkout) -> None:
    for format in FORMATS:
        runs = {check(topic, "--format", format).stdout_bytes for _ in range(3)}
        assert len(runs) == 1


def test_the_json_report_follows_its_schema(topic: Checkout) -> None:
    Draft202012Validator(schema()).validate(judged(topic))


def test_the_head_defaults_to_the_last_commit_and_not_the_working_tree(topic: Checkout) -> None:
    topic.write("src/a.py", SHORT)
    assert outcomes(judged(topic, "--base", "main")) == {"src/a.py": "regressed"}


def test_the_base_is_the_merge_base(topic: Checkout) -> None:
    topic.git("checkout", "-q", "main")
    topic.write("src/b.py", LONG)
    topic.commit("main goes on")
    assert outcomes(judged(topic, "--base", "main", "--head", "topic")) == {"src/a.py": "regressed"}


def test_staged_judges_the_index_and_not_the_working_tree(topic: Checkout) -> None:
    topic.git("checkout", "-q", "main")
    topic.write("src/a.py", LONG)
    topic.git("add", "src/a.py")
    topic.write("src/a.py", SHORT)
    assert outcomes(judged(topic, "--staged")) == {"src/a.py": "regressed"}


def test_untracked_files_are_judged_when_asked_for(topic: Checkout) -> None:
    topic.write("src/b.py", LONG)
    assert outcomes(judged(topic, "--include-untracked")) == {"src/b.py": "new"}


def test_a_diff_is_judged_from_standard_input(topic: Checkout) -> None:
    diff = topic.git("diff", "main", "topic").encode() + b"\n"
    assert outcomes(judged(topic, "--diff-file", "-", input=diff)) == {"src/a.py": "regressed"}


def test_a_diff_is_judged_outside_a_repository(checkpoint: Path, tmp_path: Path) -> None:
    place = Checkout(tmp_path / "plain")
    place.write("a.py", SHORT)
    diff = b"--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n def f(x):\n-    return x\n+    return  x\n"
    assert outcomes(judged(place, "--diff-file", "-", input=diff)) == {"a.py": "same"}


def test_pre_commit_names_the_range(topic: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRE_COMMIT_FROM_REF", "main")
    monkeypatch.setenv("PRE_COMMIT_TO_REF", "topic")
    topic.git("checkout", "-q", "main")
    assert outcomes(judged(topic)) == {"src/a.py": "regressed"}


def test_a_pull_request_is_compared_with_its_own_base(
    topic: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic.git("update-ref", "refs/remotes/origin/below", "topic")
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"base": {"ref": "below"}}}))
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
    assert judged(topic)["rows"] == []


@pytest.mark.parametrize("content", [b"", b"[]", b'{"pull_request": null}'])
def test_an_event_without_a_pull_request_is_a_usage_error(
    topic: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    (tmp_path / "event.json").write_bytes(content)
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
    result = check(topic)
    assert result.exit_code == 2
    assert "holds no pull request" in result.stderr


def test_paths_restrict_the_check(topic: Checkout) -> None:
    topic.write("other/b.py", LONG)
    topic.commit("another")
    assert outcomes(judged(topic, "--base", "main", "other")) == {"other/b.py": "new"}


@pytest.mark.parametrize("flags", [("--include", "lib/**"), ("--exclude", "src/**")])
def test_globs_restrict_the_check(topic: Checkout, flags: tuple[str, str]) -> None:
    assert judged(topic, *flags)["rows"] == []


def test_the_configuration_at_the_root_is_read(topic: Checkout) -> None:
    topic.write("pyproject.toml", '[tool.ci-rlm]\nmode = "enforce"\n')
    assert check(topic).exit_code == 1


def test_a_privileged_event_reads_the_configuration_of_the_base(
    topic: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic.git("checkout", "-q", "main")
    topic.write("ci-rlm.toml", 'mode = "enforce"\n')
    topic.commit("enforce")
    topic.git("checkout", "-q", "-b", "hostile")
    topic.write("ci-rlm.toml", 'mode = "advisory"\n')
    topic.write("src/a.py", LONG)
    topic.commit("switch the gate off")
    assert check(topic, "--base", "main").exit_code == 0
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request_target")
    assert check(topic, "--base", "main").exit_code == 1


def test_a_diff_in_a_privileged_event_is_configured_by_no_file(
    topic: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic.write("ci-rlm.toml", "nonsense = 1\n")
    diff = topic.git("diff", "main", "topic").encode() + b"\n"
    assert check(topic, "--diff-file", "-", input=diff).exit_code == 2
    monkeypatch.setenv("GITHUB_EVENT_NAME", "workflow_run")
    assert check(topic, "--diff-file", "-", input=diff).exit_code == 0


def test_code_of_which_nothing_can_be_judged_is_incomplete(topic: Checkout) -> None:
    topic.write("src/b.py", b"\0" * 100)
    topic.commit("binary")
    result = check(topic, "--base", "HEAD~1")
    assert result.exit_code == 3
    assert "src/b.py" in result.stdout
    assert "none of it could be judged" in result.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--base", "main", "--staged"), "--base/--head and --staged name different ranges"),
        (("--staged", "--include-untracked"), "--include-untracked is for the working tree"),
        (("--diff-file", "-", "src"), "--diff-file says itself which files it changes"),
        (("--format", "yaml"), "no such report format: 'yaml'"),
        (("--format", "json", "--format", "markdown"), "several formats on standard output"),
        (("--mode", "strict"), "expected advisory or enforce, not 'strict'"),
        (("--config", "missing.toml"), "No such file"),
        (("--nonsense",), "No such option"),
        (("/etc/passwd",), "outside the repository"),
        (("HEAD~1",), "HEAD~1 is no file or folder here"),
        (("--base", ""), "--base is empty"),
        (("--base", "main", "--head="), "--head is empty"),
        (("--format", "json:"), "--format json: names no file"),
        (("--format", "json:r", "--format", "html:r"), "several formats into r"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(topic: Checkout, flags: tuple[str, ...], message: str) -> None:
    result = check(topic, *flags)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--base", "nowhere"), "no such revision: nowhere"),
        (("--base=--output=x",), "not a revision"),
        (("--checkpoint", "/nowhere"), "no such checkpoint: /nowhere"),
        (("--format", "json:/nowhere/report.json"), "cannot write /nowhere/report.json"),
    ],
)
def test_what_cannot_be_judged_is_incomplete_and_says_why(
    topic: Checkout, flags: tuple[str, ...], message: str
) -> None:
    result = check(topic, *flags)
    assert result.exit_code == 3
    assert message in result.stderr


def test_outside_a_repository_there_is_nothing_to_judge(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["check", "-C", str(tmp_path)])
    assert result.exit_code == 3
    assert "not a git repository" in result.stderr


def test_an_error_cannot_steer_the_terminal(topic: Checkout) -> None:
    assert "\x1b" not in check(topic, "--base", "\x1b[2J").stderr


def test_files_and_standard_output_get_their_formats(topic: Checkout, tmp_path: Path) -> None:
    flags = ("--format", f"markdown:{tmp_path}/report.md", "--format", "json")
    json.loads(check(topic, *flags).stdout)
    assert (tmp_path / "report.md").read_text().startswith("#")


def test_the_terminal_report_accompanies_files(topic: Checkout, tmp_path: Path) -> None:
    plain = check(topic).stdout
    assert check(topic, "--format", f"json:{tmp_path}/report.json").stdout == plain


def test_a_file_that_cannot_be_written_keeps_no_other_report_back(topic: Checkout, tmp_path: Path) -> None:
    formats = ("json:/nowhere/report.json", f"markdown:{tmp_path}/report.md", "terminal")
    history = tmp_path / "history.jsonl"
    flags = [flag for name in formats for flag in ("--format", name)]
    result = check(topic, *flags, "--history", str(history))
    assert (result.exit_code, result.stdout) == (3, check(topic).stdout)
    assert "cannot write /nowhere/report.json" in result.stderr
    assert (tmp_path / "report.md").read_text().startswith("#")
    assert history.read_text().count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_full_standard_output_is_told_in_one_line(topic: Checkout) -> None:
    command = [sys.executable, "-m", "ci_rlm", "check", "-C", str(topic.root)]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 3
    assert b"cannot write to standard output" in done.stderr
    assert b"Traceback" not in done.stderr


def test_without_a_standard_output_a_report_goes_to_its_file(topic: Checkout, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "ci_rlm", "check", "-C", str(topic.root), "--format", f"json:{report}"]
    shell = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    done = subprocess.run(shell, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(report.read_bytes())["rows"]


def test_a_report_file_leaves_no_partial_file_behind(topic: Checkout, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    check(topic, "--format", f"json:{folder}/report.json")
    assert [path.name for path in folder.iterdir()] == ["report.json"]


def test_a_report_to_a_device_does_not_replace_it(topic: Checkout) -> None:
    assert check(topic, "--format", f"json:{os.devnull}").exit_code == 0
    assert not Path(os.devnull).is_file()


def test_a_report_through_a_symbolic_link_keeps_the_link(topic: Checkout, tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    check(topic, "--format", f"json:{tmp_path}/link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_bytes())["rows"]


def test_progress_is_drawn_on_a_terminal_and_not_in_the_report(topic: Checkout) -> None:
    command = [sys.executable, "-m", "ci_rlm", "check", "-C", str(topic.root), "--format", "json"]
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, env=environment, check=True)
    drawn = os.read(ours, 100_000)
    os.close(theirs)
    os.close(ours)
    assert b"predicting" in drawn
    assert json.loads(done.stdout)["rows"]


def test_the_help_names_every_format() -> None:
    text = CliRunner().invoke(main, ["check", "--help"]).stdout
    assert [format for format in FORMATS if format not in text] == []


def test_a_report_is_read_back_and_shown_in_another_format(topic: Checkout, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    direct = check(topic, "--format", f"json:{path}", "--format", "markdown").stdout
    result = CliRunner().invoke(main, ["report", "--from", str(path), "--format", "markdown"])
    assert (result.exit_code, result.stdout) == (0, direct)


@pytest.mark.parametrize("text", [b"", b"{}", b"\xff", b'{"schema_version": "1.0"}'])
def test_what_is_no_report_is_refused(text: bytes) -> None:
    result = CliRunner().invoke(main, ["report", "--from", "-"], input=text)
    assert result.exit_code == 3
    assert result.stderr.startswith("ci-rlm: ")
