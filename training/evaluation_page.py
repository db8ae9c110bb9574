"""An evaluation as one HTML page that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ci_rlm.render.pages import page_template
from ci_rlm.training import charts
from ci_rlm.training.charts import Chart
from ci_rlm.training.evaluation_document import Document
from ci_rlm.training.evaluation_view import Section, footnotes, headline, named, sections


@dataclass(frozen=True, slots=True)
class Part:
    """What the page shows of one metric."""

    title: str
    charts: tuple[Chart, ...]
    sections: tuple[Section, ...]


def render(document: Document) -> str:
    """The page; the same document gives the same bytes."""
    parts = [
        Part(named(metric), tuple(_charts(document, metric)), tuple(sections(document, metric)))
        for metric in document["metrics"]
    ]
    return page_template("evaluation").render(
        document=document,
        headline=headline(document),
        notes=footnotes(document),
        parts=parts,
        box=charts,
    )


def _charts(document: Document, metric: Mapping[str, Any]) -> list[Chart]:
    names = [each["name"] for each in document["predictors"]]
    told = [each["figures"] for each in metric["predictors"]]
    each = list(zip(names, told, strict=True))
    spread = [(name, figures) for name, figures in each if any(key.startswith("pit/") for key in figures)]
    found = [
        charts.scatter(metric["predictors"][0]["scatter"], metric["unit"]),
        charts.selection(each),
        charts.coverage(spread),
        charts.reliability([("edits", told[0]), ("solutions", told[0])]),
    ]
    return [*found, charts.pit(told[0])] if spread else found
