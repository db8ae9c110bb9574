"""Outcomes become exit codes, and an error says what to do next."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from ci_rlm import __version__
from ci_rlm.cli import COMMANDS, LazyGroup, main
from ci_rlm.config_schema import config_schema
from ci_rlm.errors import CiRlmError, GitError, UsageError


class Failing(LazyGroup):
    """A group whose every command fails with one error."""

    def __init__(self, error: BaseException) -> None:
        super().__init__("ci-rlm")
        self.error = error

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        def fail() -> None:
            raise self.error

        return click.Command(cmd_name, callback=fail)


def ended(error: BaseException) -> Result:
    return CliRunner().invoke(Failing(error), ["check"])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no"), 2),
        (click.UsageError("no"), 2),
        (click.FileError("no"), 2),
        (GitError("no"), 3),
        (CiRlmError("no"), 3),
        (RuntimeError("no"), 3),
        (KeyboardInterrupt(), 130),
    ],
)
def test_an_outcome_has_its_exit_code(error: BaseException, code: int) -> None:
    assert ended(error).exit_code == code


def test_an_error_is_shown_with_its_next_step() -> None:
    result = ended(GitError("no such revision: x", hint="git fetch origin x"))
    assert result.stderr == "ci-rlm: no such revision: x\nhint: git fetch origin x\n"


def test_an_unexpected_error_keeps_its_traceback() -> None:
    assert "RuntimeError: a defect" in ended(RuntimeError("a defect")).stderr


def test_an_error_from_hostile_text_shows_no_control_characters() -> None:
    assert "\x1b" not in ended(GitError("x\x1b[2J", hint="\x1b]0;")).stderr


def test_the_version_is_the_package_s() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout == f"ci-rlm, version {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: ci-rlm {command}")


def test_an_unknown_command_is_a_usage_error() -> None:
    assert CliRunner().invoke(main, ["chek"]).exit_code == 2


def test_a_reader_that_leaves_early_is_no_error_message() -> None:
    command = [sys.executable, "-m", "ci_rlm", "schema", "report"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 3


@pytest.mark.parametrize("what", ["config", "report"])
def test_a_printed_schema_is_a_schema(what: str) -> None:
    import json

    result = CliRunner().invoke(main, ["schema", what])
    Draft202012Validator.check_schema(json.loads(result.stdout))


def test_the_project_s_own_configuration_follows_the_schema() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    Draft202012Validator(config_schema()).validate(project["tool"].get("ci-rlm", {}))


@pytest.mark.parametrize(
    "command",
    [
        ["ingest", "."],
        ["train", "recipe.toml"],
        ["evaluate", "embedded", "--corpus", "."],
        ["calibrate", ".", "--corpus", "."],
    ],
    ids=lambda command: command[0],
)
def test_a_command_without_its_extra_says_what_to_install(command: list[str]) -> None:
    program = "import importlib.util as util, sys\nreal = util.find_spec\n"
    program += "util.find_spec = lambda name, *more: None if name == 'pyarrow' else real(name, *more)\n"
    program += "from ci_rlm.cli import main\nmain(sys.argv[1:])\n"
    done = subprocess.run(
        [sys.executable, "-c", program, *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"{command[0]} needs pyarrow" in done.stderr
    assert 'pip install "ci-rlm[train]"' in done.stderr
