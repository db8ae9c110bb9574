"""What mkdocs builds besides the pages that are written by hand: the references, made from the program."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from ci_rlm.cli import COMMANDS, main
from ci_rlm.config_schema import config_schema

_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./[^)]+\)")
_SCHEMA = Path(__file__).parents[1] / "ci_rlm/render/report_schema.json"


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages."""
    from mkdocs.structure.files import File

    for name, page in PAGES.items():
        files.append(File.generated(config, name, content=page()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """A link to a file of the repository outside of the site becomes its name."""
    return _OUTSIDE.sub(r"`\1`", markdown)


def commands() -> str:
    """Every command with its help, as the program prints it."""
    with click.Context(main, info_name="ci-rlm") as root:
        sections = [f"## ci-rlm\n\n{_code(main.get_help(root))}"]
        for name in COMMANDS:
            command = main.get_command(root, name)
            assert command is not None
            sections += (f"## {path}\n\n{_code(text)}" for path, text in helps(command, root, name))
    return "# Commands\n\nAs `--help` prints them.\n\n" + "\n\n".join(sections) + "\n"


def helps(command: click.Command, parent: click.Context, name: str) -> Iterator[tuple[str, str]]:
    """The path and the help of a command and of those below it."""
    context = click.Context(command, parent=parent, info_name=name, max_content_width=100)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from helps(found, context, below)


def configuration() -> str:
    """The keys of the configuration, each with its meaning, and the JSON Schema."""
    schema: dict[str, Any] = config_schema()
    keys = "\n".join(
        f"- `{key}`: {' '.join(str(row['description']).split())}{_default(row)}"
        for key, row in schema["properties"].items()
    )
    return (
        "# Configuration\n\nIn `ci-rlm.toml`, or in `pyproject.toml` under `[tool.ci-rlm]`. Flags come before"
        " `CI_RLM_*` variables, these before the file, the file before the defaults.\n\n"
        f"{keys}\n\n## JSON Schema\n\n{_code(json.dumps(schema, indent=2), 'json')}\n"
    )


def formats() -> str:
    """The report's formats and the schema of the one that the others are made from."""
    from ci_rlm.render import FORMATS

    names = ", ".join(f"`{name}`" for name in sorted(FORMATS))
    return (
        "# Formats\n\n`--format NAME:FILE`, as often as it is given. All are made from the JSON report,"
        f" also later: `ci-rlm report --from report.json`. There are {names}.\n\n"
        "Within version 1 of the schema, keys are added, never renamed or removed.\n\n"
        "## JSON Schema of a report\n\n"
        f"{_code(_SCHEMA.read_text(encoding='utf-8').rstrip(), 'json')}\n"
    )


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "configuration.md": configuration,
    "formats.md": formats,
}
"""The generated pages."""


def _default(row: dict[str, Any]) -> str:
    return f" Default: `{json.dumps(row['default'])}`." if "default" in row else ""


def _code(text: str, language: str = "text") -> str:
    return f"```{language}\n{text}\n```"
