"""What action.yml and the two scripts beside it say, without running the action."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from action.outputs import outputs
from action.plan import INSTALLED, checkpoint_key, environment_key, plan

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "action.yml").read_text("utf-8")
DOCUMENT: dict[str, Any] = yaml.safe_load(TEXT)

# Keys.


def test_the_key_of_an_environment_names_all_that_is_installed(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    for name in ("constraints.txt", "pyproject.toml", "model/weights"):
        (tmp_path / name).write_text("first")
    keys = [environment_key(tmp_path, "auto"), environment_key(tmp_path, "cpu")]
    for name in ("constraints.txt", "pyproject.toml", "model/weights"):
        (tmp_path / name).write_text("second")
        keys.append(environment_key(tmp_path, "auto"))
    assert len(set(keys)) == len(keys)


def test_the_key_of_an_environment_is_the_same_where_nothing_changed(tmp_path: Path) -> None:
    assert environment_key(ROOT, "auto") == environment_key(ROOT, "auto")


@pytest.mark.parametrize("name", ["", "embedded", "./runs/mine", "/models/a", "~/model", "../a", "a/b/c"])
def test_a_checkpoint_that_is_here_has_no_key(name: str) -> None:
    assert checkpoint_key(name) == ""


def test_two_revisions_of_a_checkpoint_have_two_keys() -> None:
    assert checkpoint_key("ada/model@a") != checkpoint_key("ada/model@b")


def test_a_driver_makes_another_environment_where_it_chooses_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [environment_key(tmp_path, backend) for backend in ("auto", "cpu")]
    (tmp_path / "nvidia-smi").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    after = [environment_key(tmp_path, backend) for backend in ("auto", "cpu")]
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_the_key_is_made_of_all_that_setuptools_takes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    setuptools = project["tool"]["setuptools"]
    taken = {setuptools["package-dir"].get(name, name.replace(".", "/")) for name in setuptools["packages"]}
    others = {project["project"]["readme"], *project["project"]["license-files"], "pyproject.toml"}
    assert {place.partition("/")[0] for place in taken} | others <= set(INSTALLED)


def test_uv_has_the_option_by_which_the_build_is_chosen() -> None:
    command = ["uv", "pip", "install", "--offline", "torch"]
    environ = {**os.environ, "UV_TORCH_BACKEND": "none of them"}
    done = subprocess.run(command, env=environ, text=True, capture_output=True, check=False)
    assert re.search(r"possible values: auto, cpu,", done.stderr)


# The file itself.


def scripts() -> list[Any]:
    return [pytest.param(step["run"], id=step["name"]) for step in DOCUMENT["runs"]["steps"] if "run" in step]


@pytest.mark.parametrize("script", scripts())
def test_a_script_holds_no_expression_and_stops_at_the_first_error(script: str) -> None:
    assert "${{" not in script
    assert script.startswith("set -euo pipefail\n")


@pytest.mark.parametrize("script", scripts())
def test_shellcheck_finds_nothing(script: str) -> None:
    command = ["shellcheck", "--shell", "bash", "-"]
    done = subprocess.run(command, input=script, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


def test_other_actions_are_pinned_by_commit_with_their_version_beside_it() -> None:
    lines = re.findall(r"uses: (.*)", TEXT)
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


def test_every_output_that_is_read_is_told(tmp_path: Path) -> None:
    told = {
        "python": {"python-path"},
        "environment": {"cache-hit"},
        "checkpoint": {"cache-hit"},
        "check": {"exit-code"},
        "plan": {name for name, _ in plan(ROOT, {"RUNNER_TEMP": str(tmp_path)})},
        "outputs": {name for name, _ in outputs(None, "")},
    }
    assert told["outputs"] == set(DOCUMENT["outputs"])
    read = re.findall(r"steps\.([\w-]+)\.outputs\.([\w-]+)", TEXT)
    assert [name for name in read if name[1] not in told[name[0]]] == []


def test_every_input_is_described_and_used() -> None:
    text = TEXT
    assert [name for name, about in DOCUMENT["inputs"].items() if not about["description"]] == []
    assert [name for name in DOCUMENT["inputs"] if not re.search(rf"\binputs\.{name}\b", text)] == []
