"""Pictures of a report, as the documentation shows them: python docs/screenshots.py REPORT.json FOLDER

REPORT.json is what `ci-rlm check --format json:REPORT.json` wrote. One picture is of the terminal, and one
of the comment, drawn about as a forge does; the others are of the page that `--format html` writes, on a
wide screen and on a phone, light and dark. Those of the documentation are of a report that is made up, so
that every verdict is in it: python docs/screenshots.py docs/example/report.json docs/pictures

Needs the extra `test`, and a browser: Playwright's own, or a Chromium or Chrome that is on the PATH.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Literal

from markdown_it import MarkdownIt
from playwright.sync_api import Browser, ViewportSize, sync_playwright
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from ci_rlm.render import Document, parse, render
from ci_rlm.render.options import WIDTH

SIZES = {"wide": (1000, 680), "phone": (390, 780)}
"""Pixels of the page."""
SHARPNESS = 1.25
"""Pixels of a picture for one of the page."""
BROWSERS = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome", "chrome")
"""Names on the PATH, looked for where Playwright has no browser of its own."""
TERMINAL = """<!doctype html><meta charset="utf-8">
<style>
body {{ display: inline-block; margin: 0; padding: 1rem; background: {background}; color: {foreground}; }}
pre {{ margin: 0; font: 14px/1.35 "DejaVu Sans Mono", monospace; }}
{stylesheet}
</style>
<pre>{code}</pre>
"""
COMMENT = """<!doctype html><meta charset="utf-8">
<style>
body {{ max-width: 60rem; margin: 0; padding: 1rem; color: #1f2328; font: 14px/1.5 sans-serif; }}
table {{ border-collapse: collapse; }} th, td {{ border: 1px solid #d1d9e0; padding: .3rem .7rem; }}
code {{ background: #818b981f; border-radius: 4px; padding: .1em .3em; }}
</style>
{body}
"""

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium. Raises LookupError where there is none."""
    with sync_playwright() as playwright:
        names = (playwright.chromium.executable_path, *BROWSERS)
        found = next(filter(None, map(shutil.which, names)), None)
        if found is None:
            raise LookupError(f"no browser: neither Playwright's own nor any of {', '.join(BROWSERS)}")
        # Root has no sandbox, and no page that is opened here runs a script of others.
        opened = playwright.chromium.launch(executable_path=found, chromium_sandbox=False)
        try:
            yield opened
        finally:
            opened.close()


def pictures(document: Document, opened: Browser) -> Iterator[tuple[str, bytes]]:
    """Each picture's name, and its PNG."""
    for name, content in (("terminal", terminal(document)), ("comment", comment(document))):
        page = opened.new_page(device_scale_factor=SHARPNESS)
        page.set_content(content)
        yield name, page.locator("body").screenshot()
        page.close()
    html = render(document, "html")
    for size, (width, height) in SIZES.items():
        for scheme in SCHEMES:
            viewport: ViewportSize = {"width": width, "height": height}
            page = opened.new_page(viewport=viewport, color_scheme=scheme, device_scale_factor=SHARPNESS)
            page.set_content(html)
            yield f"{size}-{scheme}", page.screenshot()
            page.close()


def terminal(document: Document) -> str:
    """A page that shows what a terminal does."""
    console = Console(record=True, width=WIDTH, file=StringIO())
    console.print(Text.from_ansi(render(document, "terminal", color=True)))
    return console.export_html(theme=MONOKAI, code_format=TERMINAL)


def comment(document: Document) -> str:
    """A page that shows what a forge makes of the Markdown."""
    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    return COMMENT.format(body=reader.render(render(document, "markdown")))


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("report", type=Path, help="a report in JSON")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    asked = parser.parse_args()
    document = parse(asked.report.read_text(encoding="utf-8"))
    asked.folder.mkdir(parents=True, exist_ok=True)
    try:
        with browser() as opened:
            for name, png in pictures(document, opened):
                (asked.folder / f"{name}.png").write_bytes(png)
    except LookupError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
