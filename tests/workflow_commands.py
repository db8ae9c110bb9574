"""Workflow commands as GitHub's runner reads them, written after its documentation and not after our code.

A line that begins with `::NAME PROPERTIES::` is a command; so is `##[NAME PROPERTIES]` anywhere in
a line, as older versions of the toolkit wrote it. `stop-commands` suspends both until its word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

KNOWN = {
    "add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice",
    "remove-matcher", "save-state", "set-env", "set-output", "stop-commands", "warning",
}  # fmt: skip
_COMMAND = re.compile(r"\s*::(?P<name>[^\s:]+)(?: (?P<properties>.*?))?::(?P<data>.*)", re.DOTALL)
_OLDER = re.compile(r"##\[(?P<name>[^\s\]]+)(?: (?P<properties>[^\]]*))?\](?P<data>.*)", re.DOTALL)
_ESCAPES = {"%25": "%", "%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ","}


@dataclass(frozen=True)
class Command:
    """One command as the runner obeys it."""

    name: str
    properties: dict[str, str]
    data: str


def obeyed(log: str) -> list[Command]:
    """The commands of a log, in order."""
    commands: list[Command] = []
    word = None
    for line in re.split(r"\r\n|\r|\n", log):
        found = _COMMAND.match(line) or _OLDER.search(line)
        if found is None or found["name"] not in KNOWN | {word}:
            continue
        if word is not None:
            word = None if found["name"] == word else word
        elif found["name"] == "stop-commands":
            word = found["data"]
        else:
            commands.append(Command(found["name"], _properties(found["properties"]), _plain(found["data"])))
    return commands


def _properties(text: str | None) -> dict[str, str]:
    pairs = (pair.split("=", 1) for pair in (text or "").split(",") if "=" in pair)
    return {key: _plain(value) for key, value in pairs}


def _plain(text: str) -> str:
    return re.sub("|".join(_ESCAPES), lambda found: _ESCAPES[found[0]], text)
