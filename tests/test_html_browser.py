"""The HTML page in a real browser: it sorts, it fits, it can be read, and nothing else runs in it."""

from __future__ import annotations

import importlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ci_rlm.flow import Level, Outcome, Report
from ci_rlm.render import document, render
from tests.reports import TIME, every_outcome, report, verdict

pytest.importorskip("playwright")

DOCS = Path(__file__).parents[1] / "docs"
WIDTHS = (390, 1280)
SCHEMES = ("light", "dark")

CONTRASTS = """
() => {
  const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const rgba = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const color = rgba(getComputedStyle(node).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility() || node.closest("script, style")) continue;
    const style = getComputedStyle(node);
    const ink = rgba(node.closest("svg") ? style.fill : style.color);
    const [low, high] = [luminance(ink), luminance(ground(node))].sort((a, b) => a - b);
    found.push([(high + 0.05) / (low + 0.05), walker.currentNode.data.trim()]);
  }
  return found;
}
"""
"""The contrast of each visible text with what is behind it, as WCAG 2 defines it."""


@pytest.fixture(scope="module")
def screenshots() -> Iterator[ModuleType]:
    """The script that opens a browser; it lives beside the documentation."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS))
        yield importlib.import_module("screenshots")


@pytest.fixture(scope="module")
def browser(screenshots: ModuleType) -> Iterator[Any]:
    try:
        with screenshots.browser() as opened:
            yield opened
    except LookupError as reason:
        pytest.skip(str(reason))


@pytest.fixture
def opened(browser: Any) -> Iterator[Any]:
    """Opens a page; the test fails if the browser reports an error on it, or asks for anything beside it."""
    faults: list[str] = []
    contexts: list[Any] = []

    def show(html: str, width: int = 1280, **settings: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: faults.append(request.url))
        page.set_content(html)
        return page

    yield show
    for context in contexts:
        context.close()
    assert faults == []


def html(made: Report) -> str:
    return render(document(made), "html")


def names(page: Any) -> list[str]:
    """The functions of the first table, as they are shown."""
    return page.locator("table").first.locator("tbody th code").all_text_contents()  # type: ignore[no-any-return]


THREE = report(
    *(
        verdict(name, Outcome.REGRESSED, (before, after), metric=TIME, level=Level.WARN, p=(0.9, p, 0.0, 0.0))
        for name, before, after, p in (
            ("b", 1.0, 10.0, 0.95),
            ("a", 3.0, 9.0, 0.93),
            ("c", 50.0, 100.0, 0.99),
        )
    )
)


def test_a_click_sorts_by_a_column_and_the_third_one_restores_the_order(opened: Any) -> None:
    page = opened(html(THREE))
    heading = page.locator("table").first.locator("th[scope=col]").nth(2)
    seen = []
    for _ in range(4):
        seen.append((heading.get_attribute("aria-sort"), names(page)))
        heading.locator("button").click()
    assert seen == [
        (None, ["b", "a", "c"]),
        ("descending", ["c", "b", "a"]),
        ("ascending", ["a", "b", "c"]),
        (None, ["b", "a", "c"]),
    ]


def test_only_one_column_says_that_it_is_sorted(opened: Any) -> None:
    page = opened(html(THREE))
    for column in (0, 4):
        page.locator("table").first.locator("thead button").nth(column).click()
    assert page.locator("[aria-sort]").count() == 1
    assert names(page) == ["c", "b", "a"]


def test_a_cell_without_a_number_is_last_either_way(opened: Any) -> None:
    page = opened(html(every_outcome()))
    table = page.locator("table").first
    for _ in range(2):
        table.locator("thead button").nth(3).click()
        assert names(page)[-1] == "load_all"


def test_without_a_script_everything_is_there_and_no_button_is(opened: Any) -> None:
    page = opened(html(every_outcome()), java_script_enabled=False)
    assert page.locator("button").count() == 0
    assert len(names(page)) == 5


@pytest.mark.parametrize("scripted", [True, False])
def test_a_link_opens_what_it_leads_to(opened: Any, scripted: bool) -> None:
    page = opened(html(report(verdict("f", Outcome.UNSURE, (1.0, 2.0)))), java_script_enabled=scripted)
    plot = page.locator(".function svg").first
    assert not plot.is_visible()
    page.locator("table a").first.click()
    plot.wait_for(state="visible")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("made", [every_outcome(), report(verdict("x" * 5000, Outcome.UNSURE, (1.0, 2.0)))])
def test_no_page_is_wider_than_the_screen(opened: Any, made: Report, width: int) -> None:
    page = opened(html(made), width)
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_text_can_be_told_from_what_is_behind_it(opened: Any, scheme: str) -> None:
    told = json.loads(render(document(every_outcome()), "json"))
    told["rows"][0]["hunks"] = [
        {"before": [14, 14], "after": [15, 15], "share": 0.8, "effect": 0.4},
        {"before": [11, 11], "after": [11, 12], "share": 0.2, "effect": 0.1},
    ]
    page = opened(render(told, "html"), color_scheme=scheme)
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 200
    # 4.5 is what WCAG 2 asks of text at level AA.
    assert [text for contrast, text in contrasts if contrast < 4.5] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_a_table_is_one_to_a_screen_reader_however_it_is_laid_out(opened: Any, width: int) -> None:
    page = opened(html(THREE), width)
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    roles = [node["role"]["value"] for node in nodes if not node["ignored"]]
    assert [roles.count(role) for role in ("table", "columnheader", "rowheader", "cell")] == [1, 6, 3, 15]
    headings = [
        node["name"]["value"] for node in nodes if node.get("role", {}).get("value") == "columnheader"
    ]
    assert headings == ["Function", "Metric", "Before → after", "Δ", "P", "Verdict"]


def test_a_script_that_found_its_way_in_does_not_run(browser: Any) -> None:
    broken = html(THREE).replace("<main>", "<main><script>document.title = 'run'</script>")
    broken = broken.replace("<h1", "<h1 onclick=\"document.title = 'run'\"")
    page = browser.new_page()
    page.set_content(broken)
    page.locator("h1").click()
    assert page.title() == "3 of 3 changed functions likely cost more"
    page.close()


def test_a_picture_of_the_page_is_taken_for_each_screen_and_scheme(
    screenshots: ModuleType, browser: Any
) -> None:
    taken = dict(screenshots.pictures(document(THREE), browser))
    for size, (width, height) in screenshots.SIZES.items():
        for scheme in SCHEMES:
            # The head of a PNG: width and height from byte 16 on.
            wide, high = struct.unpack(">II", taken[f"{size}-{scheme}"][16:24])
            # Half a pixel is none, or a whole one.
            assert max(abs(wide - 1.25 * width), abs(high - 1.25 * height)) < 1


def test_the_picture_of_the_terminal_shows_its_text(screenshots: ModuleType, opened: Any) -> None:
    shown = opened(screenshots.terminal(document(THREE))).locator("pre").inner_text()
    lines = [line.rstrip() for line in render(document(THREE), "terminal").splitlines()]
    assert [line.rstrip() for line in shown.rstrip().splitlines()] == lines
