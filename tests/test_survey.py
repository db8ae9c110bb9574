"""Tables about measured rows, on rows few enough to count by hand."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest

from ci_rlm.errors import CiRlmError
from ci_rlm.training import costs, markdown, pairs, repeats, survey
from ci_rlm.training.profile.rows import Origin, Spread, Store
from tests.measurements import ADD, failed, keep, measured, table, write_data


def cells(text: str) -> list[list[str]]:
    """The body of a table in Markdown."""
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines()[2:]]


def test_a_table_has_its_numbers_to_the_right_and_no_bar_in_a_cell() -> None:
    text = markdown.table(("what", "count", "share"), [("a|b", 12345, "1.5%"), ("c", 6, "")])
    assert text.splitlines() == [
        "| what | count | share |", "| --- | ---: | ---: |", r"| a\|b | 12,345 | 1.5% |", "| c | 6 |  |",
    ]  # fmt: skip


def test_programs_rows_and_failures_are_counted_by_source() -> None:
    found = survey.rows_table(
        table(
            *(measured(record, size) for record in ("a", "a+set_to_list") for size in (10, 20)),
            failed("b", 10, "ValueError: no 7"),
            failed("b", 20, "ValueError: no 8"),
            failed("c", 0, "time limit"),
            measured("x", 1, problem="mbxp/1", language="perl"),
        )
    )
    assert cells(found) == [
        ["leetcode", "1", "3", "1", "4", "3", "2 ValueError, 1 time limit"],
        ["mbxp, perl", "1", "1", "0", "1", "0", ""],
    ]


def test_pairs_are_counted_by_kind_with_those_clear_of_noise() -> None:
    quiet = Spread.of([1.0] * 5)
    dear, cheap = {"peak_memory": 9e6, "cpu_time": quiet}, {"peak_memory": 1e6, "cpu_time": quiet}
    found = costs.costs_of(
        table(
            measured("a", 10, dear),
            measured("b", 10, cheap),
            measured("a+rename_local", 10, dear),
            measured("a+set_to_list", 10, cheap),
        )
    )
    known = pairs.Repeatability({"cpu_time": {0: 0.1}})
    assert cells(survey.pairs_table(found, known)) == [
        ["solutions", "2", "2", "100.0%", "0.0%"],
        ["efficiency", "1", "1", "100.0%", "0.0%"],
        ["neutral", "1", "1", "0.0%", "0.0%"],
    ]


def power(record: str, exponent: float) -> list[dict[str, object]]:
    """Rows whose line events grow with a power of the size."""
    sizes = (16, 64, 256, 1024)
    return [row for size in sizes for row in measured(record, size, {"line_events": 5.0 * size**exponent})]


def test_programs_are_counted_by_the_exponent_of_their_growth() -> None:
    parts = [power(f"linear {n}", 1.0) for n in range(3)] + [
        power("square", 2.0),
        power("x+set_to_list", 0.0),
    ]
    (row,) = cells(survey.growth_table(costs.costs_of(table(*parts))))
    assert row == ["line events", "leetcode", "4", "0%", "0%", "0%", "75%", "0%", "25%", "0%", "1"]


def test_examples_of_growth_go_from_the_flattest_to_the_steepest() -> None:
    parts = [power(f"p{n}", n / 20) for n in range(41)]
    rows = cells(survey.growth_examples(costs.costs_of(table(*parts)), count=5))
    assert [row[0] for row in rows] == ["p0", "p10", "p20", "p30", "p40"]
    assert rows[2][1:] == ["1.00", "16: 80, 64: 320, 256: 1280, 1,024: 5120"]


def edits_row(name: str, *parts: list[dict[str, object]], sites: dict[str, float] | None = None) -> list[str]:
    rows = table(*parts)
    found = cells(survey.edits_table(rows, costs.costs_of(rows), sites or {}))
    return next(row for row in found if row[0] == name)


def test_an_edit_is_told_by_its_ratio_at_the_largest_size() -> None:
    small, large = {"line_events": 10.0}, {"line_events": 100.0}
    row = edits_row(
        "set_to_list",
        *(measured("a", 10, small), measured("a", 20, small), measured("a", 30, small)),
        *(measured("a+set_to_list", 10, large), measured("a+set_to_list", 20, {"line_events": 25.0})),
    )
    assert row == ["set_to_list", "costlier", "", "1", "100.0%", "", "", "2.50×", ""]


def test_an_edit_survives_unless_an_answer_differs() -> None:
    row = edits_row(
        "set_to_list",
        *(measured("a+set_to_list", 10), failed("a+set_to_list", 20, "time limit")),
        *(measured("b+set_to_list.2", 10), failed("b+set_to_list.2", 20, "answer differs")),
        failed("c+set_to_list", 10, "TypeError: unhashable"),
        measured("d+set_to_list", 10),
    )
    assert row[3:5] == ["4", "50.0%"]


def test_a_kind_that_applies_and_was_not_tried_is_told_too() -> None:
    row = edits_row("hoist_invariant", measured("a", 10), sites={"hoist_invariant": 0.125})
    assert row[2:5] == ["12.5%", "0", ""]


def test_neutral_edits_and_several_at_once_are_meant_to_be_neutral() -> None:
    assert edits_row("several_neutral", measured("a+several_neutral", 10))[1] == "neutral"


def test_edits_apply_to_a_share_of_the_measured_programs(tmp_path: Path) -> None:
    data = write_data(tmp_path)
    found = costs.costs_of(
        table(
            measured("HumanEval/0/0", 10, text=ADD, problem="humaneval/0"),
            measured("other", 10, problem="humaneval/1"),
        )
    )
    shares = survey.applicability(data, found)
    assert shares["rename_parameter"] == 1.0
    assert "set_to_list" not in shares


def test_sections_are_told_of_a_run_that_is_going_on(tmp_path: Path) -> None:
    with Store(tmp_path / "run") as store:
        store.add("task", measured("a", 10))
        names = [name for name, _ in survey.sections([tmp_path / "run"], None)]
    assert names == ["rows", "pairs", "growth", "edits", "examples"]


def test_a_section_takes_its_place_in_a_page() -> None:
    page = "head\n<!-- survey: rows -->\nearlier\n<!-- end: rows -->\ntail\n"
    assert survey.placed(page, "rows", "| now |") == (
        "head\n<!-- survey: rows -->\n| now |\n<!-- end: rows -->\ntail\n"
    )


def test_a_page_without_the_section_is_an_error_that_tells_the_markers() -> None:
    with pytest.raises(CiRlmError) as caught:
        survey.placed("a page", "rows", "| now |")
    assert "<!-- survey: rows -->" in caught.value.hint


def test_the_page_of_the_measured_costs_has_a_place_for_every_table() -> None:
    page = survey.PAGE.read_text(encoding="utf-8")
    for name in ("rows", "pairs", "growth", "edits", "repeatability", "agreement"):
        assert "x" in survey.placed(page, name, "x")


def runs(*values: tuple[float, float]) -> tuple[object, object]:
    """Two runs of programs whose memory was the first of each pair, then the second."""
    made = [
        [measured(f"p{n}", 10, {"peak_memory": pair[run]}) for n, pair in enumerate(values)] for run in (0, 1)
    ]
    return table(*made[0]), table(*made[1])


def test_the_share_of_equal_values_is_counted() -> None:
    told = repeats.repeatability(*runs((100.0, 100.0), (200.0, 200.0), (300.0, 300.0), (400.0, 500.0)))
    assert told["metrics"]["peak_memory"]["identical"] == 0.75
    assert (told["rows"], told["programs"]) == (4, 4)


def test_the_spread_between_runs_is_that_of_one_run() -> None:
    chance = random.Random(0)
    spread = 0.2
    made = [
        (1000 * math.exp(chance.gauss(0, spread)), 1000 * math.exp(chance.gauss(0, spread)))
        for _ in range(5000)
    ]
    told = repeats.repeatability(*runs(*made))["metrics"]["peak_memory"]
    assert told["spread"] == pytest.approx(spread, rel=0.05)
    assert told["typical"] == pytest.approx(spread, rel=0.05)


def test_a_decade_with_rows_enough_has_its_own_spread() -> None:
    made = [(20.0, 20.0)] * 25 + [(3000.0, 3000.0 * math.e)] * 30 + [(5e6, 5e6)] * 3
    told = repeats.repeatability(*runs(*made))["metrics"]["peak_memory"]["by_decade"]
    assert {decade: figures["rows"] for decade, figures in told.items()} == {"1": 25, "3": 30}
    # A difference of 1 in the logarithm of two runs: each is off by 1 / √2.
    assert told["3"]["spread"] == pytest.approx(1 / math.sqrt(2), abs=1e-5)


def test_the_scatter_within_a_process_is_the_median_over_rows() -> None:
    times = [Spread.of([1.0, 1.0 + 2 * deviation]) for deviation in (0.1, 0.2, 0.4)]
    run = table(*(measured(f"p{n}", 10, {"cpu_time": time}) for n, time in enumerate(times)))
    # Deviation of two values: their difference over √2; over their middle.
    expected = 0.4 / math.sqrt(2) / 1.2
    assert repeats.variations(run)["cpu_time"][0] == pytest.approx(expected, rel=1e-6)


def test_runs_of_different_programs_are_not_compared() -> None:
    with pytest.raises(CiRlmError, match="no program was measured in both"):
        repeats.repeatability(table(measured("a", 10)), table(measured("b", 10)))


def test_runs_of_two_protocols_are_no_repeats() -> None:
    slow = Origin("faithful", "a machine", "CPython 3.11")
    with pytest.raises(CiRlmError) as caught:
        repeats.repeatability(table(measured("a", 10)), table(measured("a", 10, origin=slow)))
    assert "agree" in caught.value.hint


def test_a_table_of_repeats_is_what_pairs_read(tmp_path: Path) -> None:
    told = repeats.repeatability(*runs(*[(100.0, 100.0 * math.exp(0.1))] * 30))
    (tmp_path / "r.json").write_text(json.dumps(told))
    found = pairs.read_repeatability(tmp_path / "r.json")
    assert found is not None
    assert found.spread["peak_memory"] == {2: pytest.approx(0.1 / math.sqrt(2), abs=1e-5)}


def test_repeats_are_told_by_metric_and_times_by_magnitude() -> None:
    one = [measured(f"p{n}", 10, {"calls": 7.0, "cpu_time": Spread.of([0.02, 0.02])}) for n in range(30)]
    text = repeats.table_of(repeats.repeatability(table(*one), table(*one)))
    assert [row[:4] for row in cells(text)] == [
        ["calls", "all", "30", "100.0%"],
        ["CPU time", "all", "30", "100.0%"],
        ["", "from 1e-2 s", "30", "100.0%"],
    ]


def test_two_protocols_agree_by_rank_and_ratio() -> None:
    slow = Origin("faithful", "a machine", "CPython 3.11")
    first = [measured(f"p{n}", 10, {"peak_memory": 100.0 * 2**n}) for n in range(4)]
    costs = [120.0 * 2**n for n in (0, 2, 1, 3)]
    second = [measured(f"p{n}", 10, {"peak_memory": cost}, origin=slow) for n, cost in enumerate(costs)]
    ((metric, rows, rho, middle, _, near),) = cells(repeats.agreement(table(*first), table(*second)))
    # One swap of neighbours among four: 1 - 6·2 / (4·15).
    assert (metric, rows, rho, middle, near) == ("peak memory", "4", "0.8000", "1.200", "0.0%")


def test_survey_reads_the_files_that_it_is_given(tmp_path: Path) -> None:
    path = keep(tmp_path / "m.parquet", measured("a", 10))
    assert "leetcode" in dict(survey.sections([path], None))["rows"]
