"""What the CI files of a repository do with ci-rlm, as far as their text tells, for `ci-rlm doctor`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ci_rlm.cli.finding import Finding, Status

MAX_BYTES = 1 << 18
_FOLDER = ".github/workflows/"
_GITLAB = (".gitlab-ci.yml", ".gitlab/ci-rlm.yml")
_SCRIPTS = (".ci/ci-rlm.sh",)
_ACTION = re.compile(r"^[^#]*/ci-rlm(/[^@]*)?@(?P<revision>.*)$")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_RUNS = re.compile(r"\bci-rlm\s+check\b")


def findings(root: Path, files: tuple[PurePosixPath, ...]) -> Iterator[Finding]:
    """One finding a workflow or job that checks, or that there is none."""
    found = [finding for path in files for finding in _of_file(root, path)]
    if not found:
        yield Finding("workflow", Status.NOTE, "none here checks pull requests", "ci-rlm init writes one")
    yield from found


def _of_file(root: Path, path: PurePosixPath) -> Iterator[Finding]:
    name = str(path)
    if name.startswith(_FOLDER) and path.suffix in (".yml", ".yaml"):
        yield from _github(name, _text(root / path))
    elif name in _GITLAB:
        yield from _gitlab(name, _text(root / path))
    elif name in _SCRIPTS:
        yield Finding("workflow", Status.OK, f"{name} is there for a CI to run")


def _text(path: Path) -> str:
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
        return ""
    return path.read_text("utf-8", "replace")


def _github(name: str, text: str) -> Iterator[Finding]:
    """What is said of each job that uses the action or runs the command."""
    import yaml

    if "ci-rlm" not in text:
        return
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        why = str(error).partition("\n")[0]
        yield Finding("workflow", Status.WARN, f"{name} is not valid YAML: {why}", "mend it")
        return
    for job in _mapping(_mapping(document).get("jobs")).values():
        listed = _mapping(job).get("steps")
        steps = [_mapping(step) for step in listed] if isinstance(listed, list) else []
        if any(_checks(step) for step in steps):
            # What a job grants takes the place of what its workflow does.
            yield _of_job(name, steps, _rights(job if "permissions" in job else document))


def _checks(step: Mapping[str, Any]) -> bool:
    inputs = _mapping(step.get("with"))
    uses = _ACTION.match(str(step.get("uses", ""))) and not inputs.get("report")
    return bool(uses or _RUNS.search(str(step.get("run", ""))))


def _of_job(name: str, steps: list[Mapping[str, Any]], rights: Mapping[str, str]) -> Finding:
    action = next(filter(None, (_ACTION.match(str(step.get("uses", ""))) for step in steps)), None)
    checkouts = [step for step in steps if str(step.get("uses", "")).startswith("actions/checkout@")]
    if action and action["revision"].split(" ")[0] == "COMMIT":
        hint = "put in whose ci-rlm you use, and at which commit"
        return Finding("workflow", Status.FAIL, f"{name} still has the template's OWNER or COMMIT", hint)
    if any(str(_mapping(step.get("with")).get("fetch-depth")) != "0" for step in checkouts):
        hint = "give actions/checkout the input fetch-depth: 0"
        detail = f"{name} checks out a shallow clone, so each run has to fetch history, or cannot judge"
        return Finding("workflow", Status.WARN, detail, hint)
    if action and not _COMMIT.fullmatch(action["revision"].split(" ")[0]):
        hint = "name a commit in full, which cannot move"
        detail = f"{name} uses ci-rlm at {action['revision']}, which may be another one tomorrow"
        return Finding("workflow", Status.WARN, detail, hint)
    return _of_comment(
        name, wanted=any(map(_comments, steps)), allowed=rights.get("pull-requests") == "write"
    )


def _of_comment(name: str, *, wanted: bool, allowed: bool) -> Finding:
    if wanted and not allowed:
        hint = "grant the job pull-requests: write"
        return Finding("workflow", Status.WARN, f"{name} is to comment, and has no right to", hint)
    if not wanted:
        hint = "for a comment, give the action comment: true and the job pull-requests: write"
        return Finding("workflow", Status.OK, f"{name} checks, and does not comment", hint)
    return Finding("workflow", Status.OK, f"{name} checks and comments")


def _comments(step: Mapping[str, Any]) -> bool:
    asked = str(_mapping(step.get("with")).get("comment", "false")).lower()
    return asked == "true" or "ci-rlm comment" in str(step.get("run", ""))


def _rights(holder: Any) -> dict[str, str]:
    given = _mapping(holder).get("permissions")
    if given == "write-all":
        return {"pull-requests": "write"}
    return {str(key): str(value) for key, value in _mapping(given).items()}


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _gitlab(name: str, text: str) -> Iterator[Finding]:
    """GitLab's own tags keep a plain YAML parser out, so lines are looked at."""
    if not _RUNS.search(text):
        return
    if re.search(r"^\s*RLM_(SOURCE: URL|COMMIT: COMMIT)\s*$", text, re.MULTILINE):
        hint = "put in where ci-rlm is cloned from, and at which commit"
        yield Finding("workflow", Status.FAIL, f"{name} still has the template's URL or COMMIT", hint)
    elif not re.search(r"""^\s*GIT_DEPTH:\s*["']?0["']?\s*(#.*)?$""", text, re.MULTILINE):
        hint = 'set the variable GIT_DEPTH: "0" in the job'
        yield Finding("workflow", Status.WARN, f"{name} checks in a clone that may be shallow", hint)
    else:
        yield Finding("workflow", Status.OK, f"{name} checks merge requests")
