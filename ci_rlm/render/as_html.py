"""The HTML format: one page that needs nothing beside it, and no network.

Whoever wrote the report, its page is safe to open: every text is escaped, and a policy in the page
itself lets no style and no script run but the two that come with ci-rlm.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from ci_rlm.render import page, plot, view
from ci_rlm.render.document import Document
from ci_rlm.render.options import Options
from ci_rlm.render.text import counted, printable

if TYPE_CHECKING:
    from jinja2 import Template


def render(document: Document, options: Options) -> str:
    """The page; the same document gives the same bytes."""
    shown, told = view.view(document), page.page(document)
    return _template().render(document=document, shown=shown, page=told, words=view, box=plot)


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ci_rlm.templates", ""),
        undefined=StrictUndefined,
        autoescape=True,
        # What is HTML already is a subclass of str; any other text is shown without its controls.
        finalize=lambda value: printable(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"counted": counted, "digest": _digest}
    ours = {"style": _text("report.css"), "script": _text("report.js")}
    return environment.get_template("report.html.j2", globals=ours)


def _text(name: str) -> str:
    return files("ci_rlm.templates").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """What a content security policy calls an inline style or script by."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
