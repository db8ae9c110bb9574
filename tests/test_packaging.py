"""What is installed: the packages, their data, their dependencies, and what CONTRIBUTING.md names."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import ci_rlm

ROOT = Path(__file__).parents[1]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, SETUPTOOLS = PYPROJECT["project"], PYPROJECT["tool"]["setuptools"]
LINKS = ("model", "templates", "training")
DATA = {".c", ".css", ".j2", ".js", ".json", ".safetensors", ".toml", ".typed"}
"""Kinds of files that code reads; of measured rows the general set alone is installed (`test_general.py`)."""


def folder_of(package: str) -> Path:
    """Where setuptools takes a package from."""
    return ROOT / SETUPTOOLS["package-dir"].get(package, package.replace(".", "/"))


def package_folders() -> set[Path]:
    """Every folder with an `__init__.py`, each once and not through a link."""
    tops = [ROOT / name for name in ("ci_rlm", *LINKS)]
    return {init.parent.resolve() for top in tops for init in top.rglob("__init__.py")}


def globs() -> list[tuple[str, str]]:
    return [(package, glob) for package, listed in SETUPTOOLS["package-data"].items() for glob in listed]


def requirements() -> list[Requirement]:
    """What is declared, with the extras that CI installs."""
    extras = PROJECT["optional-dependencies"]
    texts = PROJECT["dependencies"] + [
        text for name in ("comment", "onnx", "ray", "train", "test") for text in extras[name]
    ]
    return [wanted for wanted in map(Requirement, texts) if wanted.name != PROJECT["name"]]


def pins() -> dict[str, str]:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)$", text, re.MULTILINE))


# Packages.


def test_every_package_is_listed_once() -> None:
    listed = [folder_of(package) for package in SETUPTOOLS["packages"]]
    assert sorted(listed) == sorted(package_folders())


@pytest.mark.parametrize("package", SETUPTOOLS["packages"])
def test_a_package_is_imported_in_the_checkout_from_where_the_wheel_takes_it(package: str) -> None:
    assert (ROOT / package.replace(".", "/")).resolve() == folder_of(package)


@pytest.mark.parametrize("name", LINKS)
def test_a_link_is_relative_so_that_it_holds_in_every_clone(name: str) -> None:
    assert (ROOT / "ci_rlm" / name).readlink() == Path("..", name)


# A script's folder heads sys.path, and there `numbers.py` would take the standard module's place.
# `profile` does so for training/*.py, which therefore run with `python -m` alone.
@pytest.mark.parametrize("top", ["model", "training"])
def test_no_module_takes_the_name_of_a_standard_one(top: str) -> None:
    names = {path.stem for path in (ROOT / top).rglob("*.py")} - {"__init__"}
    assert names & sys.stdlib_module_names == set()


def test_the_command_is_there() -> None:
    module, _, function = PROJECT["scripts"]["ci-rlm"].partition(":")
    assert (module, function) == ("ci_rlm.cli", "main")
    assert find_spec(module) is not None


# Data.


@pytest.mark.parametrize(("package", "glob"), globs())
def test_every_glob_of_data_finds_a_file(package: str, glob: str) -> None:
    assert any(folder_of(package).glob(glob))


def test_every_data_file_beside_the_code_is_installed() -> None:
    present = {file for folder in package_folders() for file in folder.rglob("*") if file.suffix in DATA}
    installed = {file.resolve() for package, glob in globs() for file in folder_of(package).glob(glob)}
    assert present - installed == set()


def test_the_package_says_that_it_is_typed() -> None:
    assert ("ci_rlm", "py.typed") in globs()


# Version and dependencies.


def test_the_version_is_written_in_one_place() -> None:
    assert PROJECT["dynamic"] == ["version"]
    assert SETUPTOOLS["dynamic"]["version"] == {"attr": "ci_rlm.__version__"}
    modules = [module for folder in package_folders() for module in folder.glob("*.py")]
    tellers = [module for module in modules if f'"{ci_rlm.__version__}"' in module.read_text("utf-8")]
    assert tellers == [ROOT / "ci_rlm" / "__init__.py"]


@pytest.mark.parametrize("wanted", requirements(), ids=lambda wanted: wanted.name)
def test_the_tested_version_of_a_dependency_lies_in_its_declared_range(wanted: Requirement) -> None:
    assert wanted.specifier.contains(pins()[canonicalize_name(wanted.name)])


def test_pins_name_no_build() -> None:
    """`torch==2.13.0` takes a `+cpu` or a CUDA build alike; `torch==2.13.0+cpu` is on few indexes."""
    assert [version for version in pins().values() if "+" in version] == []


# CONTRIBUTING.md.

GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_guide_names_modules_that_exist() -> None:
    named = set(re.findall(r"python -m (ci_rlm[\w.]*)", GUIDE))
    assert named
    assert [module for module in named if find_spec(module) is None] == []


def test_the_guide_names_files_that_exist() -> None:
    quoted = set(re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|md|toml|txt))`", GUIDE))
    named = {name for name in quoted if not Path(name).stem.isupper()}
    assert len(named) > 20
    places = (ROOT, ROOT / "ci_rlm", ROOT / "model", ROOT / "training", ROOT / "training" / "profile")
    assert [name for name in sorted(named) if not any((place / name).exists() for place in places)] == []


def test_the_guide_maps_every_room() -> None:
    rooms = {path for path in (ROOT / "ci_rlm").iterdir() if (path / "__init__.py").exists()}
    rooms |= set((ROOT / "ci_rlm").glob("[a-z]*.py"))
    names = {f"{path.name}/" if path.is_dir() else path.name for path in rooms}
    assert {name for name in names if f"`{name}`" not in GUIDE} == set()
