"""What is shown of an evaluation: the page, its charts, and the table."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ci_rlm.training import charts, evaluate, evaluation_page, evaluation_table, evaluation_view
from ci_rlm.training.charts import Mark
from ci_rlm.training.evaluate import Settings
from ci_rlm.training.evaluation_document import Document
from tests.fakes import INFO
from tests.made_up_programs import Guesser, programs
from tests.pages import Page

HOSTILE = "<script>alert(1)</script>\x1b[2J & \"quoted\" 'text'"


@pytest.fixture(scope="module")
def document() -> Document:
    """An evaluation of a checkpoint with a hostile name against a far worse one."""
    these = programs(12, 10)
    learned = [replace(each, split="train") for each in programs(4, 8, seed=1)]
    near, far = np.random.default_rng(0), np.random.default_rng(1)
    candidate = Guesser(these, lambda: near.normal() * 0.3, info=replace(INFO, name=HOSTILE))
    present = Guesser(these, lambda: far.normal() * 3)
    return evaluate.evaluation(candidate, [*these, *learned], Settings(resamples=100), against=present)


def test_a_page_is_well_formed_and_shows_a_hostile_name_as_text(document: Document) -> None:
    page = Page(evaluation_page.render(document))
    assert HOSTILE.replace("\x1b", r"\x1b") in page.text
    assert "script" not in {tag for tag, _ in page.tags}


def test_a_page_needs_nothing_beside_it(document: Document) -> None:
    text = evaluation_page.render(document)
    page = Page(text)
    assert not [found for _, attrs in page.tags for found in ("src", "href", "xlink:href") if found in attrs]
    assert "url(" not in text
    assert "//" not in re.sub(r"</?script>", "", text)


def test_a_page_has_a_plot_of_each_kind_for_each_metric(document: Document) -> None:
    page = Page(evaluation_page.render(document))
    assert sum(tag == "svg" for tag, _ in page.tags) == 5 * 2


def test_a_page_fits_a_phone_and_the_dark(document: Document) -> None:
    text = evaluation_page.render(document)
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
    assert "prefers-color-scheme: dark" in text


def test_a_page_is_made_of_its_document_alone(document: Document) -> None:
    again = json.loads(json.dumps(document))
    assert evaluation_page.render(again) == evaluation_page.render(document)


def test_a_figure_that_nothing_could_be_told_for_is_shown_as_a_dash(document: Document) -> None:
    text = evaluation_table.render(document, width=200, every=True)
    (row,) = [line for line in text.splitlines() if "1 to 1.1: ROC-AUC" in line][:1]
    figure = document["metrics"][0]["predictors"][0]["figures"]["pairs/solutions/1 to 1.1/auc"]
    assert f"{figure['value']:.3f}" in row
    empty = json.loads(json.dumps(document))
    for told in empty["metrics"][0]["predictors"]:
        told["figures"]["pairs/solutions/1 to 1.1/auc"] = {**figure, "value": None, "low": None, "high": None}
    text = evaluation_table.render(empty, width=200, every=True)
    (row,) = [line for line in text.splitlines() if "1 to 1.1: ROC-AUC" in line][:1]
    assert row.split()[-4:] == ["–"] * 4


# The table.


def test_a_table_without_color_steers_no_terminal(document: Document) -> None:
    text = evaluation_table.render(document)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_table_in_color_is_the_same_text(document: Document) -> None:
    colored = evaluation_table.render(document, color=True)
    assert "\x1b[32m" in colored
    bare = re.sub(r"\x1b\[[\d;]*m", "", colored).splitlines()
    assert [line.rstrip() for line in bare] == evaluation_table.render(document).splitlines()


def test_a_table_shows_the_main_figures_with_their_intervals(document: Document) -> None:
    text = evaluation_table.render(document, width=160)
    figure = document["metrics"][0]["predictors"][0]["figures"]["ranking/spearman"]
    assert f"{figure['value']:.3f}" in text
    assert f"{figure['low']:.3f} to {figure['high']:.3f}" in text
    assert "5%: best pick" not in text
    assert "5%: best pick" in evaluation_table.render(document, width=160, every=True)


@pytest.mark.parametrize(
    ("low", "high", "better"),
    [(0.1, 0.3, True), (-0.3, -0.1, False), (-0.1, 0.3, None), (None, None, None)],
    ids=["higher", "lower", "either", "unknown"],
)
@pytest.mark.parametrize(("key", "way"), [("ranking/spearman", True), ("accuracy/crps", False)])
def test_a_difference_is_better_if_its_interval_is_on_the_better_side(
    document: Document, key: str, way: bool, low: float | None, high: float | None, better: bool | None
) -> None:
    changed = json.loads(json.dumps(document))
    metric = changed["metrics"][0]
    middle = 0.2 if low is None or high is None else (low + high) / 2
    told = metric["predictors"][1]["differences"]
    told[key]["difference"] |= {"value": middle, "low": low, "high": high}
    metric["predictors"][1]["differences"] = {key: told[key]}
    row = evaluation_view.sections(changed, metric)[-1].rows[0]
    assert row.cells[2].better is (better if better is None or way else not better)


def test_a_difference_from_the_present_checkpoint_has_its_section_and_one_from_baselines_has_none(
    document: Document,
) -> None:
    titles = [section.title for section in evaluation_view.sections(document, document["metrics"][0])]
    assert [title for title in titles if title.startswith("Difference")] == ["Difference from fake"]


# Charts.


def places(mark: Mark) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", mark.path)]


def figure(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "count": 1, "problems": 1}


def shape(chart: charts.Chart, name: str) -> Mark:
    return next(mark for mark in chart.marks if mark.shape == name)


def inside(x: float, y: float) -> tuple[float, float]:
    """Where a point of the unit square is: y upwards."""
    across = charts.LEFT + x * (charts.RIGHT - charts.LEFT)
    up = charts.BOTTOM - y * (charts.BOTTOM - charts.TOP)
    return pytest.approx((across, up), abs=0.06)  # type: ignore[return-value]


def test_a_right_prediction_lies_on_the_diagonal_of_the_scatter_plot() -> None:
    # e^ln(10), e^ln(1000) and what is predicted ten times too high, on axes from 10 to 10,000.
    ten = np.log(10)
    chart = charts.scatter([[ten, ten], [3 * ten, 4 * ten]], "B")
    assert [tick.label for tick in chart.x_ticks] == ["1e1", "1e2", "1e3", "1e4"]
    assert places(shape(chart, "dots")) == [inside(0, 0), inside(2 / 3, 1)]


def test_points_of_one_cost_have_a_scale() -> None:
    assert len(charts.scatter([[0.0, 0.0]], "B").x_ticks) == 2


def test_a_coverage_curve_goes_through_each_probability_and_share() -> None:
    told = {"coverage/0.25/below": figure(0.5, 0.4, 0.6), "coverage/0.75/below": figure(0.8)}
    chart = charts.coverage([("it", told)])
    assert places(shape(chart, "points")) == [inside(0.25, 0.5), inside(0.75, 0.8)]
    assert [mark.label for mark in chart.legend] == ["it"]
    x, low, high = map(float, re.findall(r"[\d.]+", shape(chart, "whiskers").path))
    assert ((x, low), (x, high)) == (inside(0.25, 0.4), inside(0.25, 0.6))


def test_a_reliability_curve_leaves_empty_bins_out() -> None:
    told = {
        "probabilities/edits/0 to 0.1/predicted": figure(0.05),
        "probabilities/edits/0 to 0.1/observed": figure(0.2),
        "probabilities/edits/0.1 to 0.2/predicted": figure(None),
        "probabilities/edits/0.1 to 0.2/observed": figure(None),
    }
    chart = charts.reliability([("edits", told), ("solutions", told)])
    assert places(shape(chart, "points")) == [inside(0.05, 0.2)]
    assert [mark.label for mark in chart.legend] == ["edits"]


def test_bars_of_a_histogram_are_as_high_as_their_density() -> None:
    # Half of the values in the first quarter: a density of 2, the top of the axis.
    chart = charts.pit({"pit/0 to 0.25/mass": figure(0.5), "pit/0.25 to 1/mass": figure(0.5)})
    first, second = shape(chart, "bars").path.split("Z")[:2]
    left, base, top, right, _ = map(float, re.findall(r"[\d.]+", first))
    assert ((left, base), (right, top)) == (inside(0, 0), inside(0.25, 1))
    left, base, top, right, _ = map(float, re.findall(r"[\d.]+", second))
    assert ((left, base), (right, top)) == (inside(0.25, 0), inside(1, 1 / 3))


def test_picks_are_drawn_beside_a_blind_one() -> None:
    told = {"selection/50/hit": figure(0.9), "selection/50/chance": figure(0.5)}
    chart = charts.selection([("it", told)])
    assert places(shape(chart, "guide")) == [inside(0.5, 0.5)]
    assert places(shape(chart, "points")) == [inside(0.5, 0.9)]
