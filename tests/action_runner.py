"""Runs a composite action as GitHub's runner does: expressions, environment files, log commands.

Steps that use other actions are not run: they are recorded with their inputs, and answered from a
table. (Metadata syntax, Contexts, Expressions, and Workflow commands for GitHub Actions, in GitHub's
documentation.) What the runner would take silently, such as an output of a step that does not exist,
is an error here.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.workflow_commands import Command, obeyed

TOKEN = "ghs_0123456789abcdefABCDEF"
"""What the runner gives each job."""
Answer = Callable[[Mapping[str, str]], Mapping[str, str]]
"""An action that a step uses: from its inputs to its outputs."""


@dataclass
class Step:
    """How one step ended."""

    name: str
    outcome: str = "skipped"
    """skipped, success or failure."""
    inputs: dict[str, str] = field(default_factory=dict)
    """Of a step that uses another action."""
    outputs: dict[str, str] = field(default_factory=dict)
    log: str = ""
    summary: str = ""
    commands: list[Command] = field(default_factory=list)
    """What the runner obeys in the log."""


@dataclass
class Run:
    """How a run of the action ended."""

    outputs: dict[str, str]
    conclusion: str
    steps: list[Step]

    def step(self, name: str) -> Step:
        """The step of that name."""
        return next(step for step in self.steps if step.name == name)

    @property
    def log(self) -> str:
        """What all steps wrote."""
        return "".join(step.log for step in self.steps)


class ActionRunner:
    """Runs an action's steps in order, in one workspace."""

    def __init__(
        self,
        action: Path,
        workspace: Path,
        scratch: Path,
        environ: Mapping[str, str],
        uses: Mapping[str, Answer],
    ) -> None:
        self._action = action
        self._workspace = workspace
        self._scratch = scratch
        self._environ = {
            **environ,
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(action.parent),
            "GITHUB_WORKSPACE": str(workspace),
            "RUNNER_TEMP": str(scratch / "temp"),
        }
        self._uses = uses
        (scratch / "temp").mkdir(parents=True, exist_ok=True)

    def run(self, **inputs: str) -> Run:
        """Run with these inputs, `_` for `-` in their names; the defaults fill in the others."""
        document = yaml.safe_load(self._action.read_text("utf-8"))
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        assert given.keys() <= document["inputs"].keys()
        steps: dict[str, Step] = {}
        values = {
            name: given.get(name, Scope({}, steps, failed=False).text(about["default"]))
            for name, about in document["inputs"].items()
        }
        done: list[Step] = []
        for number, described in enumerate(document["runs"]["steps"]):
            scope = Scope(values, steps, failed=any(step.outcome == "failure" for step in done))
            step = self._step(described, scope, self._scratch / f"step-{number}")
            if step.outcome == "failure" and described.get("continue-on-error"):
                step.outcome = "success"
            done.append(step)
            steps[described.get("id", f"#{number}")] = step
        scope = Scope(values, steps, failed=any(step.outcome == "failure" for step in done))
        outputs = {name: scope.text(about["value"]) for name, about in document["outputs"].items()}
        return Run(outputs, "failure" if scope.failed else "success", done)

    def _step(self, described: Mapping[str, Any], scope: Scope, files: Path) -> Step:
        step = Step(described["name"])
        if not scope.holds(described.get("if", "success()")):
            return step
        step.outcome = "success"
        if "uses" in described:
            step.inputs = {name: scope.text(str(value)) for name, value in described.get("with", {}).items()}
            step.outputs = dict(self._uses[described["uses"].partition("@")[0]](step.inputs))
            return step
        assert described["shell"] == "bash"
        env = {name: scope.text(str(value)) for name, value in described.get("env", {}).items()}
        self._script(step, described["run"], env, files)
        return step

    def _script(self, step: Step, script: str, env: Mapping[str, str], files: Path) -> None:
        assert "${{" not in script, "an expression in a script is a stranger's text run as a program"
        files.mkdir()
        names = {
            name: files / name
            for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_PATH")
        }
        for file in names.values():
            file.touch()
        (files / "script.sh").write_text(script)
        ended = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(files / "script.sh")],
            cwd=self._workspace,
            env={**self._environ, **env, **{name: str(file) for name, file in names.items()}},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        step.log = ended.stdout.decode("utf-8", "replace")
        step.outcome = "failure" if ended.returncode else "success"
        step.summary = names["GITHUB_STEP_SUMMARY"].read_text("utf-8")
        step.commands = obeyed(step.log)
        set_by_command = [command for command in step.commands if command.name == "set-output"]
        step.outputs = {
            **{command.properties["name"]: command.data for command in set_by_command},
            **file_commands(names["GITHUB_OUTPUT"].read_text("utf-8")),
        }
        assert not names["GITHUB_ENV"].read_text(), "the action changes the environment of later steps"
        assert not names["GITHUB_PATH"].read_text(), "the action changes the path of later steps"


def file_commands(text: str) -> dict[str, str]:
    """What a file such as GITHUB_OUTPUT says: `name=value`, or lines between two delimiters."""
    told: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, equals, value = line.partition("=")
        if heredoc := re.fullmatch(r"([^=]+?)<<(.+)", line):
            body: list[str] = []
            while (following := next(lines)) != heredoc[2]:
                body.append(following)
            told[heredoc[1]] = "\n".join(body)
        elif line:
            assert equals, f"no command of an environment file: {line!r}"
            told[name] = value
    return told


@dataclass
class Scope:
    """What expressions may refer to."""

    inputs: Mapping[str, str]
    steps: Mapping[str, Step]
    failed: bool

    def text(self, template: str) -> str:
        """A text with its expressions filled in."""
        return re.sub(r"\$\{\{(.*?)\}\}", lambda found: _shown(self.value(found[1])), template)

    def holds(self, condition: str) -> bool:
        """Whether a step's condition holds; one that names no status asks for success as well."""
        asks = re.search(r"\b(always|success|failure|cancelled)\(\)", condition)
        return bool(self.value(condition)) and (bool(asks) or not self.failed)

    def value(self, expression: str) -> str | bool:
        """The value of one expression, without its braces."""
        tokens = re.findall(r"'(?:[^']|'')*'|&&|\|\||==|!=|!|\(|\)|[\w.*-]+|\S", expression)
        value = self._or(tokens)
        assert not tokens, f"cannot read {expression!r}"
        return value

    def _or(self, tokens: list[str]) -> str | bool:
        value = self._and(tokens)
        while tokens[:1] == ["||"]:
            tokens.pop(0)
            following = self._and(tokens)
            value = value or following
        return value

    def _and(self, tokens: list[str]) -> str | bool:
        value = self._equality(tokens)
        while tokens[:1] == ["&&"]:
            tokens.pop(0)
            following = self._equality(tokens)
            value = value and following
        return value

    def _equality(self, tokens: list[str]) -> str | bool:
        value = self._atom(tokens)
        while tokens[:1] in (["=="], ["!="]):
            same = tokens.pop(0) == "=="
            # Texts are compared whatever their case.
            value = (_shown(value).lower() == _shown(self._atom(tokens)).lower()) == same
        return value

    def _atom(self, tokens: list[str]) -> str | bool:
        token = tokens.pop(0)
        if token == "!":
            return not self._atom(tokens)
        if token == "(":
            value = self._or(tokens)
            assert tokens.pop(0) == ")"
            return value
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if tokens[:2] == ["(", ")"]:
            del tokens[:2]
            return {"always": True, "success": not self.failed, "failure": self.failed}[token]
        return self._reference(token)

    def _reference(self, name: str) -> str:
        match name.split("."):
            case ["inputs", key]:
                return self.inputs[key]
            case ["steps", step, "outputs", key]:
                return self.steps[step].outputs.get(key, "")
            case ["github", "token"]:
                return TOKEN
            case ["steps", step, "outcome"]:
                return self.steps[step].outcome
        raise AssertionError(f"no such context: {name}")


def _shown(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else value
