"""The SARIF format, version 2.1.0 (OASIS), for code scanning and for editors.

Results are the findings alone: an improvement or an unsure comparison is no problem to fix. What
someone accepts is a result with a suppression (section 3.35).
What was skipped becomes notifications of the tool. Texts are SARIF's plain text, in which braces
are placeholders and `[text](target)` is a link (sections 3.11.5 and 3.11.6).
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from ci_rlm.render import view
from ci_rlm.render.document import Document
from ci_rlm.render.findings import Finding, findings, rule_of
from ci_rlm.render.options import Options
from ci_rlm.render.text import clipped, counted, printable

MOST = 5_000
"""Results that GitHub's code scanning keeps of one run."""
LIMIT_BYTES = 10_000_000
"""GitHub takes 10 MB, and those compressed."""
GROUPS = 100
"""Reasons for skipping."""
EXAMPLES = 3
"""Places named for each reason."""

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(document: Document, options: Options) -> str:
    """A SARIF log in ASCII with one run; what is beyond GitHub's limits, the least bad, is only counted."""
    metrics = _metrics(document)
    results = [_result(finding, metrics.index(finding.row["metric"])) for finding in findings(document)]
    skipped = [*_notices(document), *_skipped(document)]

    def log(most: int) -> str:
        return _log(document, results[:most], [*_omitted(len(results) - most), *skipped])

    most = min(len(results), MOST)
    whole = log(most)
    if len(whole) <= LIMIT_BYTES:
        return whole
    # The first number of results that is too many: one more result is more bytes.
    over = bisect_left(range(most), True, key=lambda count: len(log(count)) > LIMIT_BYTES)
    return log(max(over - 1, 0))


def _log(document: Document, results: Sequence[object], notifications: Sequence[object]) -> str:
    run = {
        "tool": {"driver": _driver(document)},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notifications}],
        "results": results,
        "properties": {
            "mode": document["mode"],
            "failed": document["summary"]["failed"],
            "range": document["range"],
            "model": document["model"],
        },
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def _metrics(document: Document) -> list[str]:
    """Those with limits or rows; a result names its rule by the place in this list."""
    return sorted({*document["limits"], *(row["metric"] for row in document["rows"])})


def _driver(document: Document) -> dict[str, object]:
    version = document["tool"].removeprefix("ci-rlm").strip()
    named = {"name": "ci-rlm", "version": version} if version else {"name": "ci-rlm"}
    return {**named, "rules": [_rule(metric) for metric in _metrics(document)]}


def _rule(metric: str) -> dict[str, object]:
    words = metric.replace("_", " ")
    return {
        "id": rule_of(metric),
        "name": printable(words.title().replace(" ", "")),
        "shortDescription": _text(f"Likely more {words}"),
        "fullDescription": _text(
            "A model that read the function before and after the change predicts that it now takes "
            f"more {words} than the limits allow."
        ),
        "help": _text(
            f"Look at what the change does to the function, and measure it if in doubt. {view.CAVEAT}"
        ),
        "defaultConfiguration": {"level": "warning"},
        "properties": {"tags": ["performance"]},
    }


def _result(finding: Finding, rule: int) -> dict[str, object]:
    row = finding.row
    return {
        "ruleId": finding.check,
        "ruleIndex": rule,
        "level": "error" if finding.failing else "warning",
        **_suppressions(finding),
        "message": _text(f"{finding.message}. {view.PREDICTED}"),
        "locations": [_location(finding)],
        "partialFingerprints": {"functionAndMetric/v1": finding.fingerprint},
        "rank": round(100.0 * (view.claimed(row) or 0.0), 4),
        "properties": {key: row[key] for key in ("outcome", "level", "ratio", "p_warning", "p_regression")},
    }


def _suppressions(finding: Finding) -> dict[str, object]:
    if "accepted" not in finding.row:
        return {}
    word = finding.row["accepted"]
    kind = "inSource" if word["means"] == "comment" else "external"
    reason = printable(clipped(word["reason"], view.LONGEST))
    return {"suppressions": [{"kind": kind, "status": "accepted", "justification": reason}]}


def _location(finding: Finding) -> dict[str, object]:
    # GitHub shows an alert in a pull request only if its whole region is part of the diff, so the
    # region is the hunk's or the function's first line, and the function what is around it.
    region: dict[str, Any] = {"region": {"startLine": finding.first}}
    first, last = max(finding.row["line"], 1), finding.row["end_line"]
    if first <= finding.first <= last and first < last:
        region["contextRegion"] = {"startLine": first, "endLine": last}
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _relative(finding.row["path"]), "uriBaseId": "%SRCROOT%"},
            **region,
        },
        "logicalLocations": [{"fullyQualifiedName": printable(finding.row["name"]), "kind": "function"}],
    }


def _relative(path: str) -> str:
    """A URI reference below its base, whatever the path begins with: `//x/y` would name a host."""
    return quote(path.lstrip("/"))


def _omitted(results: int) -> Iterator[dict[str, object]]:
    if results:
        yield _notification("omitted", "warning", f"{counted(results, 'result')} more in the JSON report")


def _notices(document: Document) -> Iterator[dict[str, object]]:
    """Acceptances that accept nothing."""
    notices = view.view(document).notices
    for told in notices[:GROUPS]:
        yield _notification("acceptance", "note", told)
    if len(notices) > GROUPS:
        yield _notification("acceptance", "note", f"{counted(len(notices) - GROUPS, 'acceptance')} more")


def _skipped(document: Document) -> Iterator[dict[str, object]]:
    groups = view.grouped(document["skipped"])
    for group in groups[:GROUPS]:
        more = [] if len(group.examples) <= EXAMPLES else ["…"]
        places = ", ".join([*group.examples[:EXAMPLES], *more])
        yield _notification("skipped", "note", f"Skipped {group.count}: {group.reason} ({places})")
    if len(groups) > GROUPS:
        yield _notification("skipped", "note", f"Skipped for {counted(len(groups) - GROUPS, 'reason')} more")


def _notification(kind: str, level: str, text: str) -> dict[str, object]:
    return {"descriptor": {"id": f"ci-rlm/{kind}"}, "level": level, "message": _text(text)}


def _text(text: str) -> dict[str, str]:
    plain = printable(text).replace("{", "{{").replace("}", "}}")
    return {"text": plain.replace("](", "] (")}
