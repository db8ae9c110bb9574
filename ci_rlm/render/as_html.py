"""The HTML format: a report as one page."""

from __future__ import annotations

from ci_rlm.render import page, plot, view
from ci_rlm.render.document import Document
from ci_rlm.render.options import Options
from ci_rlm.render.pages import page_template


def render(document: Document, options: Options) -> str:
    """The page; the same document gives the same bytes."""
    shown, told = view.view(document), page.page(document)
    return page_template("report").render(document=document, shown=shown, page=told, words=view, box=plot)
