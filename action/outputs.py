"""What the action tells the steps behind it: lines for GITHUB_OUTPUT, made from the JSON report.

Runs whether or not anything was installed: the standard library alone.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

INCOMPLETE = "3"
"""The exit code where no check ended."""

FILES = {"report-json": "report.json", "report-markdown": "report.md", "sarif": "report.sarif"}


def outputs(reports: Path | None, code: str) -> Iterator[tuple[str, str]]:
    """Each output by name. `code` is the check's exit code, empty where it did not run."""
    paths = {name: reports / file for name, file in FILES.items()} if reports else {}
    here = {name: path for name, path in paths.items() if path.is_file()}
    report = json.loads(here["report-json"].read_bytes()) if "report-json" in here else None
    counts = report["summary"]["outcomes"] if report else {}
    yield "verdict", verdict(report, code)
    yield "regressions", str(counts.get("regressed", ""))
    yield "improvements", str(counts.get("improved", ""))
    yield "unsure", str(counts.get("unsure", ""))
    for name in FILES:
        yield name, str(here.get(name, ""))
    yield "exit-code", code or INCOMPLETE


def verdict(report: Mapping[str, Any] | None, code: str) -> str:
    """One word: a report that was published later says itself whether its gate failed."""
    if report is None or code not in ("0", "1"):
        return "incomplete"
    if report["summary"]["failed"]:
        return "failed"
    # What someone accepted, and a note on a function that weighs little, has no level.
    loud = any(row["outcome"] == "regressed" and row["level"] != "none" for row in report["rows"])
    return "regressed" if loud else "passed"


def delimited(name: str, value: str) -> str:
    """A line for GITHUB_OUTPUT that no value can end early: its delimiter cannot be guessed."""
    end = f"end-{secrets.token_hex(16)}"
    return f"{name}<<{end}\n{value}\n{end}"


if __name__ == "__main__":
    folder = os.environ.get("REPORTS")
    for name, value in outputs(Path(folder) if folder else None, os.environ.get("CODE", "")):
        print(delimited(name, value))
