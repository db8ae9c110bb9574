"""The documentation against the program."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import click
import pytest

from ci_rlm.cli import main
from ci_rlm.config import Config
from ci_rlm.model.checkpoint import EMBEDDED, locate
from ci_rlm.predict import load, of_checkpoint

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.md"))
SHELL = re.compile(r"`(ci-rlm [^`\n]+)`|^(ci-rlm [^\n]+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    return script("hooks")


@pytest.fixture(scope="module")
def verdict_walk() -> ModuleType:
    return script("walk")


def script(name: str) -> ModuleType:
    spec = spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def walk(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    yield context.command_path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from walk(below, click.Context(below, parent=context, info_name=name))


def test_every_command_and_option_is_in_the_reference(hooks: ModuleType) -> None:
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", hooks.commands(), re.MULTILINE | re.DOTALL))
    for path, command in walk(main, click.Context(main, info_name="ci-rlm")):
        options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
        missing = [name for option in options for name in option.opts if name not in sections[path]]
        assert missing == [], path


def commands_told() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for inline, block in SHELL.findall(text):
            yield page.name, (inline or block).strip()


@pytest.mark.parametrize(("page", "line"), sorted(set(commands_told())))
def test_every_option_that_a_page_tells_exists(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = main
    context = click.Context(main, info_name="ci-rlm")
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        below = command.get_command(context, words.pop(0))
        assert below is not None, line
        command, context = below, click.Context(below, parent=context)
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    told = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert told - known - {"--help"} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path, hooks: ModuleType) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [t for t in targets if t not in hooks.PAGES and not (DOCS / t).exists()] == []


def test_the_numbers_of_the_verdict_are_of_the_embedded_checkpoint() -> None:
    """After a new checkpoint: python docs/walk.py"""
    page = (DOCS / "verdict.md").read_text(encoding="utf-8")
    info = of_checkpoint(locate(EMBEDDED)).info
    assert f"({info.digest[:12]}, " in page


@pytest.mark.model
def test_the_steps_of_the_verdict_lead_to_what_the_report_says(verdict_walk: ModuleType) -> None:
    predictor = load(Config(), warn=pytest.fail)
    report = verdict_walk.report_of(predictor, Config())
    made = verdict_walk.section(report, predictor, Config())
    (row,) = (
        verdict
        for verdict in report.verdicts
        if verdict.comparison.change.unit.name == "within" and verdict.comparison.metric.name == "peak_memory"
    )
    assert f"| {row.comparison.p_regression:.2f} |" in made
    assert f"So it is *{row.outcome.value}*, a warning, because: *{row.reason}*." in made


def test_pictures_are_light() -> None:
    pictures = sorted((DOCS / "pictures").iterdir())
    assert len(pictures) == 6
    assert [picture.name for picture in pictures if picture.stat().st_size > 150_000] == []
