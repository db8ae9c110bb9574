"""Plots of a report: densities from quantiles, the interval of a ratio, and round ticks."""

from __future__ import annotations

import itertools
import math
import re
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.flow import Outcome
from ci_rlm.render import document, plot
from ci_rlm.render.document import Quantiles, Row
from ci_rlm.render.plot import Plot
from tests.reports import MIB, TIME, report, reports, verdict

PROBABILITIES = (0.01, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.99)


def side(quantiles: dict[float, float]) -> Quantiles:
    return {"median": quantiles.get(0.5, 0.0), "quantiles": {f"{p:g}": v for p, v in quantiles.items()}}


def lognormal(median: float, sigma: float) -> Quantiles:
    normal = NormalDist(math.log(median), sigma)
    return side({p: math.exp(normal.inv_cdf(p)) for p in PROBABILITIES})


def row(**changed: object) -> Row:
    made = document(report(verdict("f", Outcome.SAME, (1.0 * MIB, 2.0 * MIB))))["rows"][0]
    return {**made, **changed}  # type: ignore[typeddict-item]


def places(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", path)]


def drawn(made: Plot | None, style: str) -> str:
    assert made is not None
    (path,) = [mark.path for mark in made.marks if mark.style == style]
    return path


def middle(path: str) -> float:
    """The place of a curve's centre of mass."""
    points = [(x, plot._HILL_FLOOR - y) for x, y in places(path)]
    return math.fsum(x * y for x, y in points) / math.fsum(y for _, y in points)


def test_the_density_of_quantiles_is_that_of_the_distribution_they_are_of() -> None:
    normal = NormalDist(math.log(100.0), 0.7)
    found = plot.segments(lognormal(100.0, 0.7), "B")
    for z in (-1.2, -0.5, 0.0, 0.4, 1.1):
        log = normal.mean + z * normal.stdev
        assert plot.density(found, log, blur=0.1) == pytest.approx(normal.pdf(log), rel=0.1)


@given(st.lists(st.floats(0.0, 1e12), min_size=2, max_size=9), st.floats(0.01, 3.0))
def test_a_density_holds_the_probability_between_the_outermost_quantiles(
    values: list[float], blur: float
) -> None:
    shares = [(i + 1) / (len(values) + 1) for i in range(len(values))]
    found = plot.segments(side(dict(zip(shares, sorted(values), strict=True))), "B")
    low, high = found[0][0] - 6 * blur, found[-1][1] + 6 * blur
    steps = math.ceil((high - low) / blur * 4)
    width = (high - low) / steps
    mass = width * math.fsum(plot.density(found, low + width * (i + 0.5), blur) for i in range(steps))
    assert mass == pytest.approx(shares[-1] - shares[0], abs=0.02)


def test_a_prediction_of_more_is_drawn_further_right_by_its_logarithm() -> None:
    made = [
        plot.densities(row(before=lognormal(1e4, 0.5), after=lognormal(after, 0.5))) for after in (1e5, 1e4)
    ]
    apart = [middle(drawn(each, "after")) - middle(drawn(each, "before")) for each in made]
    assert apart[1] == pytest.approx(0.0, abs=0.2)
    assert made[0] is not None
    # Ten times is 3.32 doublings, and the ticks stand four doublings apart.
    ticks = [tick.at for tick in made[0].ticks]
    labels = [tick.label for tick in made[0].ticks]
    doubling = (ticks[-1] - ticks[0]) / math.log2(_bytes(labels[-1]) / _bytes(labels[0]))
    assert apart[0] == pytest.approx(math.log2(10) * doubling, rel=0.02)


def _bytes(label: str) -> float:
    digits, unit = label.split()
    return float(digits) * {"B": 1.0, "KiB": 1024.0, "MiB": 1024.0**2}[unit]


def test_both_sides_are_drawn_to_one_scale() -> None:
    made = plot.densities(row(before=lognormal(1e4, 1.0), after=lognormal(1e4, 0.5)))
    heights = [
        plot._HILL_FLOOR - min(y for _, y in places(drawn(made, style))) for style in ("before", "after")
    ]
    assert heights[1] == pytest.approx(plot._HILL_FLOOR - plot._HILL_TOP, abs=0.2)
    # A normal distribution twice as wide is half as high.
    assert heights[0] / heights[1] == pytest.approx(0.5, rel=0.1)


def test_medians_stand_at_their_places() -> None:
    made = plot.densities(row(before=lognormal(1e4, 0.5), after=lognormal(1e5, 0.5)))
    for style in ("before", "after"):
        x = float(re.findall(r"[\d.]+", drawn(made, f"median {style}"))[0])
        assert x == pytest.approx(middle(drawn(made, style)), abs=1.0)


def test_a_plot_is_told_to_those_who_do_not_see_it() -> None:
    before, after = side({0.05: 1024.0, 0.5: 2048.0, 0.95: 4096.0}), side({0.5: 8192.0})
    made = plot.densities(row(before=before, after=after))
    assert made is not None
    assert (
        made.text == "before: half below 2.00 KiB, 90% from 1.00 KiB to 4.00 KiB; after: half below 8.00 KiB"
    )


@pytest.mark.parametrize("sides", [(None, None), (side({}), side({0.5: 1.0}))])
def test_without_two_quantiles_there_is_no_density(sides: tuple[Quantiles | None, Quantiles | None]) -> None:
    assert plot.densities(row(before=sides[0], after=sides[1])) is None


@pytest.mark.parametrize(
    ("unit", "median", "sigma", "labels"),
    [
        ("B", 3e3, 0.1, ["2 KiB", "4 KiB", "8 KiB"]),
        ("B", 1e6, 1.5, ["64 KiB", "256 KiB", "1 MiB", "4 MiB", "16 MiB"]),
        ("s", 3e-3, 0.1, ["2 ms", "5 ms"]),
        ("s", 1e-3, 2.0, ["10 µs", "100 µs", "1 ms", "10 ms", "100 ms"]),
        ("FLOP", 30.0, 0.5, ["10 FLOP", "20 FLOP", "50 FLOP", "100 FLOP"]),
    ],
)
def test_ticks_stand_at_round_values(unit: str, median: float, sigma: float, labels: list[str]) -> None:
    made = plot.densities(row(unit=unit, before=None, after=lognormal(median, sigma)))
    assert made is not None
    assert [tick.label for tick in made.ticks] == labels


def test_an_interval_is_drawn_to_scale_with_the_band_of_the_limit() -> None:
    made = plot.ratio(row(ratio={"low": 0.5, "mid": 1.0, "high": 4.0}), 1.0)
    assert made is not None
    at = {tick.label: tick.at for tick in made.ticks}
    left, _, right = map(float, re.findall(r"[\d.]+", drawn(made, "bar")))
    assert (left, at["0%"]) == (at["-50%"], float(re.findall(r"[\d.]+", drawn(made, "dot"))[0]))
    assert right - at["0%"] == pytest.approx(2 * (at["+100%"] - at["0%"]), abs=0.2)
    edges = list(map(float, re.findall(r"[MH]([\d.]+)", drawn(made, "band"))))
    assert (edges[0], edges[1]) == pytest.approx((at["-50%"], at["+100%"]), abs=0.1)


@pytest.mark.parametrize("reach", [1.1, 3.0, 30.0, 1e3, 1e9])
def test_labels_under_an_interval_do_not_touch_and_one_of_them_is_no_change(reach: float) -> None:
    made = plot.ratio(row(ratio={"low": 1 / reach, "mid": 1.0, "high": reach}), 0.1)
    assert made is not None
    assert len(made.ticks) >= 3
    assert "0%" in [tick.label for tick in made.ticks]
    for left, right in itertools.pairwise(made.ticks):
        assert right.at - left.at > 6 * (len(left.label) + len(right.label)) / 2


def test_a_wide_interval_has_no_more_ticks_than_an_axis_may_have() -> None:
    made = plot.ratio(row(ratio={"low": 1 / 128, "mid": 1.0, "high": 5.0}), 0.1)
    assert made is not None
    assert [tick.label for tick in made.ticks] == ["÷100", "÷10", "-50%", "0%", "+100%", "+400%"]


def test_a_new_function_has_no_interval() -> None:
    assert plot.ratio(row(ratio=None), 0.1) is None


@given(reports)
def test_nothing_of_any_report_is_drawn_outside_the_box(any_report: object) -> None:
    for each in document(any_report)["rows"]:  # type: ignore[arg-type]
        for made in (plot.densities(each), plot.ratio(each, 0.1)):
            if made is not None:
                assert 0 <= len(made.ticks) <= 6
                numbers = [
                    float(number) for mark in made.marks for number in re.findall(r"[\d.]+", mark.path)
                ]
                assert all(0 <= number <= plot.WIDTH for number in numbers)
                assert not re.search("nan|inf|e|-", "".join(mark.path for mark in made.marks))


@pytest.mark.parametrize("value", [0.0, -1.0, 5e-324, 1e305, 1e308])
def test_extreme_values_are_drawn_too(value: float) -> None:
    strange = side({0.05: value, 0.5: value, 0.95: 1.0})
    assert plot.densities(row(metric=TIME.name, unit="s", before=strange, after=None)) is not None
    whole = side({0.05: value, 0.5: value, 0.95: value * 1.5 if value < 1e308 else value})
    assert plot.densities(row(metric=TIME.name, unit="s", before=whole, after=None)) is not None
    assert plot.ratio(row(ratio={"low": value, "mid": 1.0, "high": value}), 0.1) is not None
