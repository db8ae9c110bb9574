"""The JUnit format: one test case a function and metric, for whatever shows test results.

There is no standard, only what consumers have in common. GitLab shows the text of a failure or a
skip, Jenkins groups by `classname` and refuses an empty file, reporters on GitHub look for
`path:line` and take a missing time for no number. Nothing goes to `system-out`: GitLab and Jenkins
look there for files to attach.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ci_rlm.render import view
from ci_rlm.render.document import Document, Row, SkippedRow
from ci_rlm.render.findings import fails
from ci_rlm.render.options import Options
from ci_rlm.render.text import printable


def render(document: Document, options: Options) -> str:
    """XML with one test suite.

    A case fails if it fails the gate, and is skipped if it could not be judged, is to be looked at or is
    accepted: it may be a regression, but the build goes on.
    """
    # Jenkins takes a file without a case for an error.
    cases = list(_cases(document)) or [_case("ci-rlm", view.headline(document))]
    kinds = Counter(child.tag for case in cases for child in case)
    counts = {"tests": len(cases), "failures": kinds["failure"], "errors": 0, "skipped": kinds["skipped"]}
    root = Element("testsuites")
    suite = SubElement(root, "testsuite", {"name": "ci-rlm", "time": "0"})
    suite.attrib.update({name: str(count) for name, count in counts.items()})
    suite.extend(cases)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _cases(document: Document) -> Iterator[Element]:
    for row in document["rows"]:
        yield _judged(row, document)
    for skipped in document["skipped"]:
        yield _skipped(skipped)


def _judged(row: Row, document: Document) -> Element:
    case, entry = _case(row["path"], f"{row['name']} [{row['metric']}]"), view.entry(row)
    if view.alarming(row) or view.accepted(row) or row["outcome"] in ("regressed", "unsure"):
        kind = "failure" if fails(row, document) else "skipped"
        lines = (f"{row['path']}:{view.lines_of(row)[0]}", view.sentence(entry), view.PREDICTED)
        _tell(case, kind, f"{entry.verdict}: {entry.reason}", *lines)
    return case


def _skipped(skipped: SkippedRow) -> Element:
    case = _case(skipped["path"], skipped["name"] or "(whole file)")
    _tell(case, "skipped", skipped["reason"], skipped["reason"])
    return case


def _case(path: str, name: str) -> Element:
    return Element("testcase", {"classname": printable(path), "name": printable(name), "time": "0"})


def _tell(case: Element, kind: str, message: str, *lines: str) -> None:
    told = SubElement(case, kind, {"message": printable(message)})
    # Line breaks are ours alone: reporters take the first line for a place.
    told.text = "\n".join(map(printable, lines))
