"""What `ci-rlm init` adds to a repository's files: nothing that was there is lost or rewritten.

An addition to a file is kept only if the file then reads as before with the addition, by the parser
of its format; otherwise the lines are left for the person to add.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from ci_rlm.errors import CiRlmError


class Fate(StrEnum):
    """What becomes of a file."""

    CREATED = "create"
    EXTENDED = "extend"
    KEPT = "keep"
    """It says already what it should."""
    BY_HAND = "by hand"
    """It is there and no addition is sure to be right: the lines are told."""


@dataclass(frozen=True, slots=True)
class Step:
    """One file, and what is to become of it."""

    path: PurePosixPath
    """From the root of the repository."""
    fate: Fate
    lines: str = ""
    """What is added, or should be."""
    reason: str = ""
    """Why it is kept or left to the person, one clause."""
    content: bytes = b""
    """The whole file as it will be, if it is written."""
    executable: bool = False

    @property
    def written(self) -> bool:
        """Whether the file changes."""
        return self.fate in (Fate.CREATED, Fate.EXTENDED)


def created(root: Path, path: str, text: str, *, executable: bool = False) -> Step:
    """A new file; one that is there is left as it is, and its text is told."""
    if os.path.lexists(root / path):
        same = read(root / path) == text.encode()
        fate, reason = (Fate.KEPT, "it is the same") if same else (Fate.BY_HAND, "it is there already")
        return Step(PurePosixPath(path), fate, text, reason)
    return Step(PurePosixPath(path), Fate.CREATED, text, content=text.encode(), executable=executable)


def read(path: Path) -> bytes | None:
    """The bytes of a regular file, or None."""
    return path.read_bytes() if path.is_file() else None


def toml_extended(path: str, data: bytes, lines: str) -> Step:
    """A TOML file with a table of its own at its end."""
    try:
        before = tomllib.loads(data.decode())
        after = _appended(data.decode(), lines)
        same = tomllib.loads(after) == _merged(before, tomllib.loads(lines))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError, TypeError):
        same = False
    if not same:
        reason = "a table cannot be added to its end so that it stays valid"
        return Step(PurePosixPath(path), Fate.BY_HAND, lines, reason)
    return Step(PurePosixPath(path), Fate.EXTENDED, lines, content=after.encode())


def _appended(text: str, lines: str) -> str:
    end = _line_end(text)
    blank = "" if not text.strip() else end if text.endswith("\n") else end + end
    return text + blank + lines.replace("\n", end)


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _merged(before: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Tables of both, where no key is in both but for tables."""
    merged = dict(before)
    for key, value in new.items():
        if key not in merged:
            merged[key] = value
        elif isinstance(merged[key], dict) and isinstance(value, dict):
            merged[key] = _merged(merged[key], value)
        else:
            raise TypeError(f"{key} is there already")
    return merged


def hook_added(path: str, data: bytes, lines: str) -> Step:
    """A pre-commit configuration with one more entry of `repos`; `lines` is that entry, unindented."""
    import yaml

    try:
        before = yaml.safe_load(data.decode())
        if _has_hook(before):
            return Step(PurePosixPath(path), Fate.KEPT, lines, "it runs ci-rlm already")
        after = _with_entry(data.decode(), lines)
        wanted = {**before, "repos": [*before["repos"], *yaml.safe_load(lines)]}
        same = after is not None and yaml.safe_load(after) == wanted
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError, TypeError, KeyError):
        after, same = None, False
    if after is None or not same:
        return Step(PurePosixPath(path), Fate.BY_HAND, lines, "its list of repos is not written line by line")
    return Step(PurePosixPath(path), Fate.EXTENDED, lines, content=after.encode())


def has_hook(data: bytes) -> bool:
    """Whether a pre-commit configuration runs ci-rlm; one that is not valid runs nothing."""
    import yaml

    try:
        return _has_hook(yaml.safe_load(data.decode()))
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError, TypeError):
        return False


def _has_hook(config: Any) -> bool:
    repos = config.get("repos") if isinstance(config, dict) else None
    hooks = [hook for repo in repos or () if isinstance(repo, dict) for hook in repo.get("hooks") or ()]
    return any(isinstance(hook, dict) and hook.get("id") == "ci-rlm" for hook in hooks)


def _with_entry(text: str, lines: str) -> str | None:
    """The text with an entry behind the last one of `repos`, under the same dash."""
    import yaml

    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) and not root.flow_style else ()
    repos = next((value for key, value in pairs if key.value == "repos"), None)
    if not isinstance(repos, yaml.SequenceNode) or repos.flow_style or not repos.value:
        return None
    last = _last(repos)
    # A block of text ends where the next line begins.
    number = last.end_mark.line + (last.end_mark.column > 0)
    held = text.splitlines(keepends=True)
    head, tail = "".join(held[:number]), "".join(held[number:])
    end, indent = _line_end(text), " " * repos.start_mark.column
    entry = "".join(f"{indent}{line}{end}" for line in lines.splitlines())
    return head + ("" if head.endswith("\n") else end) + entry + tail


def _last(node: Any) -> Any:
    """The last piece of a YAML node that stands on lines of its own."""
    import yaml

    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node


def write(root: Path, step: Step) -> None:
    """Put one file in place at once. Raises CiRlmError where that cannot be."""
    place = root / step.path
    if place.is_symlink() or not place.parent.resolve().is_relative_to(root.resolve()):
        raise CiRlmError(f"{step.path} leads elsewhere by a link", hint="add the lines yourself")
    scratch = place.with_name(f".{place.name}.{os.getpid()}.writing")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(step.content)
        if step.fate is Fate.EXTENDED:
            shutil.copymode(place, scratch)
        elif os.path.lexists(place):
            raise CiRlmError(f"{step.path} has come meanwhile", hint="run it again")
        if step.executable:
            scratch.chmod(scratch.stat().st_mode | 0o111)
        scratch.replace(place)
    except OSError as error:
        raise CiRlmError(f"cannot write {step.path}: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)
