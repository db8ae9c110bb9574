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

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.md"))
SHELL = re.compile(r"`(ci-rlm [^`\n]+)`|^(ci-rlm [^\n]+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    spec = spec_from_file_location("docs_hooks", DOCS / "hooks.py")
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
