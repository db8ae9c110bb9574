"""A report in each format, all made from its JSON document.

A format is one module with `render(document, options) -> str` and one line in `FORMATS`; what
it needs beyond the standard library it imports when it is called.
"""

from __future__ import annotations

from collections.abc import Callable

from ci_rlm.errors import UsageError
from ci_rlm.render import as_html, as_json, github, gitlab, junit, markdown, sarif, terminal
from ci_rlm.render.as_json import parse, schema
from ci_rlm.render.document import Document, document
from ci_rlm.render.github import muted
from ci_rlm.render.options import WIDTH, Options

__all__ = ["FORMATS", "Document", "document", "muted", "parse", "render", "schema"]

FORMATS: dict[str, Callable[[Document, Options], str]] = {
    "terminal": terminal.render,
    "json": as_json.render,
    "markdown": markdown.render,
    "html": as_html.render,
    "sarif": sarif.render,
    "github": github.render,
    "gitlab": gitlab.render,
    "junit": junit.render,
}


def render(
    document: Document, format: str, *, verbose: int = 0, width: int | None = None, color: bool = False
) -> str:
    """The document as text that ends with a newline; UsageError for a format that does not exist."""
    if format not in FORMATS:
        raise UsageError(f"no such report format: {format}", hint=f"one of {', '.join(FORMATS)}")
    return FORMATS[format](document, Options(verbose, width or WIDTH, color))
