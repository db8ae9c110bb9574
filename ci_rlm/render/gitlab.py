"""The format of GitLab's Code Quality report, which a merge request compares with its target branch's.

GitLab takes a subset of the Code Climate specification ("Code Quality report format" in its
documentation): a list of findings, told apart by their fingerprints.
"""

from __future__ import annotations

import json

from ci_rlm.render.document import Document
from ci_rlm.render.findings import Finding, findings
from ci_rlm.render.options import Options

_SEVERITIES = {"fail": "major"}
"""By level; `minor` for any other. Neither fails a pipeline, so the gate's mode does not matter."""


def render(document: Document, options: Options) -> str:
    """A JSON list in ASCII, worst first."""
    issues = [_issue(finding) for finding in findings(document)]
    return json.dumps(issues, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def _issue(finding: Finding) -> dict[str, object]:
    return {
        "description": finding.message,
        "check_name": finding.check,
        "fingerprint": finding.fingerprint,
        "severity": "info" if finding.accepted else _SEVERITIES.get(finding.row["level"], "minor"),
        "location": {"path": finding.row["path"], "lines": {"begin": finding.first}},
    }
