"""HTML pages that need nothing beside them, and no network.

Whatever a page shows, it is safe to open: every text is escaped and shown without its controls, and a
policy in the page itself lets no style and no script run but those that come with ci-rlm.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from ci_rlm.render.text import counted, printable

if TYPE_CHECKING:
    from jinja2 import Template


@cache
def page_template(name: str) -> Template:
    """`NAME.html.j2`, which finds its `NAME.css` and `NAME.js` as `style` and `script`."""
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
    ours = {"style": _text(f"{name}.css"), "script": _text(f"{name}.js")}
    return environment.get_template(f"{name}.html.j2", globals=ours)


def _text(name: str) -> str:
    """A file beside the templates; empty where there is none."""
    file = files("ci_rlm.templates").joinpath(name)
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _digest(text: str) -> str:
    """What a content security policy calls an inline style or script by; `'none'` of an empty one."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" if text else "'none'"
