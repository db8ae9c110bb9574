"""The format of GitHub's runner: workflow commands that it makes annotations of.

The runner obeys each line of a log that begins with `::`, and the older `##[` anywhere in a line.
So each line here is one command of ours, and what a pull request wrote is escaped as the runner
unescapes it. (Workflow commands for GitHub Actions, in GitHub's documentation.)
"""

from __future__ import annotations

from hashlib import sha256

from ci_rlm.render import view
from ci_rlm.render.document import Document, NoticeRow
from ci_rlm.render.findings import Finding, findings
from ci_rlm.render.options import Options
from ci_rlm.render.text import printable

MOST = 10
"""Annotations of one kind that GitHub shows for one step."""


def render(document: Document, options: Options) -> str:
    """At most ten annotations, worst first; without any, the verdict as a line that is no command.

    What is accepted, and acceptances that accept nothing, are notices: GitHub shows ten of these as well.
    """
    found = list(findings(document))
    alarms = [_annotation(finding) for finding in found if not finding.accepted]
    quiet = [_annotation(finding) for finding in found if finding.accepted]
    quiet += [_notice(notice) for notice in document.get("notices", ())]
    lines = [*alarms[:MOST], *quiet[: MOST - 1]]
    more = len(alarms) + len(quiet) - len(lines)
    if more:
        lines.append(_command("notice", {"title": "ci-rlm"}, f"{more:,} more in the summary"))
    return "".join(f"{line}\n" for line in lines or [view.headline(document)])


def muted(text: str) -> str:
    """Text for a log in which the runner obeys nothing: what a pull request wrote may look like a command.

    The word that ends the truce is the text's own hash, which no part of the text can name.
    """
    word = sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
    return f"::stop-commands::{word}\n{text}::{word}::\n"


def _annotation(finding: Finding) -> str:
    kind = "error" if finding.failing else "notice" if finding.accepted else "warning"
    properties = {
        "file": finding.path,
        "line": str(finding.first),
        "endLine": str(finding.last),
        "title": finding.title,
    }
    line = printable(finding.row.get("accept_with", ""))
    to_paste = f"\nTo accept it, in a commit's message: {line}" if line else ""
    return _command(kind, properties, f"{finding.message}\n{view.PREDICTED}{to_paste}")


def _notice(notice: NoticeRow) -> str:
    place = {"file": printable(notice["source"]), "line": str(notice["line"])} if notice["line"] else {}
    return _command("notice", {**place, "title": "ci-rlm"}, printable(view.notice(notice)))


def _command(name: str, properties: dict[str, str], message: str) -> str:
    told = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {told}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
