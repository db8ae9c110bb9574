"""Pairs of programs: which are made, where they meet, and how far they stand above noise."""

from __future__ import annotations

import json
import math
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from ci_rlm.training import costs, pairs
from ci_rlm.training.costs import Costs
from ci_rlm.training.pairs import Pairs, Repeatability
from ci_rlm.training.profile.rows import Origin, Spread
from tests.measurements import measured, table


def costs_of(*parts: list[dict[str, object]]) -> Costs:
    return costs.costs_of(table(*parts))


def named(found: Costs, these: Pairs) -> list[tuple[str, str, str, str]]:
    record = found.programs["record"]
    columns = (record[these.before], record[these.after], these.kind, these.edit)
    return list(zip(*columns, strict=True))


def test_solutions_of_a_problem_are_paired_in_both_orders() -> None:
    found = costs_of(*(measured(record, 10) for record in "abc"), measured("d", 10, problem="leetcode/x"))
    expected = sorted(permutations("abc", 2))
    assert [(b, a) for b, a, _, _ in named(found, pairs.solution_pairs(found))] == expected


def test_two_records_with_one_text_are_no_pair() -> None:
    found = costs_of(measured("a", 10, text="same"), measured("b", 10, text="same"))
    assert len(pairs.solution_pairs(found).before) == 0


def test_programs_of_two_languages_are_no_pair() -> None:
    found = costs_of(measured("a", 10), measured("b", 10, language="perl"))
    assert len(pairs.solution_pairs(found).before) == 0


def test_a_problem_with_many_solutions_is_capped_and_keeps_both_orders() -> None:
    found = costs_of(*(measured(f"p{number}", 10) for number in range(30)))
    chosen = [(b, a) for b, a, _, _ in named(found, pairs.solution_pairs(found, cap=100))]
    assert len(set(chosen)) == 100
    assert set(chosen) == {(a, b) for b, a in chosen}


def test_a_capped_choice_keeps_most_pairs_when_a_solution_is_added() -> None:
    parts = [measured(f"p{number}", 10) for number in range(31)]
    fewer, more = costs_of(*parts[:30]), costs_of(*parts)
    before, after = (
        {(b, a) for b, a, _, _ in named(each, pairs.solution_pairs(each, cap=100))} for each in (fewer, more)
    )
    assert len(before & after) > 80


def test_an_edited_program_is_paired_with_its_original_by_the_kind_of_edit() -> None:
    found = costs_of(
        *(measured(record, 10) for record in ("a", "a+rename_local", "a+set_to_list.2", "b+set_to_list"))
    )
    assert named(found, pairs.edit_pairs(found)) == [
        ("a", "a+rename_local", "neutral", "rename_local"),
        ("a", "a+set_to_list.2", "efficiency", "set_to_list"),
    ]


def test_several_neutral_edits_at_once_are_neutral() -> None:
    found = costs_of(measured("a", 10), measured("a+several_neutral", 10))
    assert pairs.edit_pairs(found).kind.tolist() == ["neutral"]


def test_a_pair_meets_at_the_sizes_that_both_were_measured_at() -> None:
    found = costs_of(
        *(measured("a", size) for size in (10, 20, 40)), *(measured("b", size) for size in (20, 30, 40))
    )
    pair, left, right = pairs.meetings(found, np.array([0, 1]), np.array([1, 0]))
    assert pair.tolist() == [0, 0, 1, 1]
    assert found.size[left].tolist() == found.size[right].tolist() == [20, 40, 20, 40]
    assert found.program[left].tolist() == [0, 0, 1, 1]
    assert found.program[right].tolist() == [1, 1, 0, 0]


def test_measurements_of_two_machines_do_not_meet() -> None:
    found = costs_of(measured("a", 10), measured("b", 10, origin=Origin("fast", "another", "CPython 3.11")))
    assert len(pairs.meetings(found, np.array([0]), np.array([1]))[0]) == 0


def test_meetings_are_those_of_a_plain_search() -> None:
    chance = np.random.default_rng(3)
    origins = [Origin("fast", machine, "CPython") for machine in ("one", "two")]
    parts = [
        measured(record, size, origin=origin)
        for record in "abcdefgh"
        for size in (1, 2, 4, 8, 16)
        for origin in origins
        if chance.random() < 0.5
    ]
    found = costs_of(*parts)
    places = np.arange(len(found.programs["record"]))
    before, after = np.repeat(places, len(places)), np.tile(places, len(places))
    plain = [
        (pair, left, right)
        for pair, (b, a) in enumerate(zip(before, after, strict=True))
        for left in np.flatnonzero(found.program == b)
        for right in np.flatnonzero(found.program == a)
        if found.size[left] == found.size[right] and found.origin[left] == found.origin[right]
    ]
    assert list(zip(*pairs.meetings(found, before, after), strict=True)) == plain


def row_of(
    before: dict[str, float | Spread], after: dict[str, float | Spread], **spreads: float
) -> dict[str, float]:
    """The row of one pair, with a table of repeatability that is the same for all magnitudes."""
    found = costs_of(measured("a", 10, before), measured("b", 10, after))
    these = Pairs(np.array([0]), np.array([1]), np.array(["solutions"]), np.array([""]))
    known = Repeatability({metric: {0: spread} for metric, spread in spreads.items()})
    (made,) = pairs.tables(found, these, {"leetcode/sum-up": "train"}, known)
    (row,) = made.to_pylist()
    return dict(row)


def test_a_ratio_is_after_over_before() -> None:
    row = row_of({"peak_memory": 1000.0, "calls": 1.0}, {"peak_memory": 4000.0, "calls": 1.0})
    assert row["peak_memory"] == pytest.approx(math.log(4))
    assert (row["before"], row["after"], row["split"], row["size"]) == ("a", "b", "train", 10)


def test_a_metric_that_one_side_lacks_has_no_ratio() -> None:
    row = row_of({"peak_memory": 1000.0}, {"peak_memory": 1000.0, "line_events": 5.0})
    assert (row["line_events"], row["line_events_noise"], row["line_events_clear"]) == (None, None, None)


def test_equal_costs_are_not_clear_of_any_noise() -> None:
    row = row_of({"line_events": 50.0}, {"line_events": 50.0})
    assert (row["line_events"], row["line_events_clear"]) == (0, 0)


def test_clear_counts_standard_deviations_of_the_noise_of_both_sides() -> None:
    quiet = Spread.of([1.0, 1.0, 1.0])
    row = row_of({"cpu_time": quiet}, {"cpu_time": Spread.of([2.0, 2.0, 2.0])}, cpu_time=0.1)
    assert row["cpu_time_noise"] == pytest.approx(0.1 * math.sqrt(2))
    assert row["cpu_time_clear"] == pytest.approx(math.log(2) / (0.1 * math.sqrt(2)))


def test_repeats_that_scatter_more_than_processes_do_are_the_noise() -> None:
    # Mean 2 and minimum 1 of 5: the shortest is off by (2 - 1) / 4 of a second.
    wild, quiet = Spread.of([1.0, 1.5, 2.0, 2.5, 3.0]), Spread.of([1.0] * 5)
    row = row_of({"cpu_time": wild}, {"cpu_time": quiet}, cpu_time=0.01)
    assert row["cpu_time_noise"] == pytest.approx(math.hypot(0.25, 0.01))


def test_what_is_counted_is_no_surer_than_its_step() -> None:
    # Rounding to 16 bytes: uniform, of deviation 16 / √12.
    row = row_of({"peak_memory": 1600.0}, {"peak_memory": 3200.0})
    assert row["peak_memory_noise"] == pytest.approx(math.hypot(0.01, 0.005) / math.sqrt(12))


def test_both_memories_of_a_program_that_reads_its_input_are_compared() -> None:
    row = row_of(
        {"peak_memory": 1e6, "peak_memory_net": 1e3}, {"peak_memory": 1.001e6, "peak_memory_net": 2e3}
    )
    assert row["peak_memory"] == pytest.approx(math.log(1.001), rel=1e-4)
    assert row["peak_memory_net"] == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1e-5, 0.3), (2e-4, 0.3), (5e-3, 0.2), (0.5, 0.1), (7e3, 0.1), (0.0, 0.1)],
    ids=["below", "lowest", "between", "highest", "above", "nothing"],
)
def test_noise_is_that_of_the_nearest_decade(value: float, expected: float) -> None:
    known = Repeatability({"cpu_time": {-4: 0.3, -3: 0.2, -1: 0.1}})
    assert known.floor("cpu_time", np.array([value])).tolist() == [expected]


def test_a_metric_that_was_never_repeated_has_no_floor() -> None:
    assert Repeatability({}).floor("cpu_time", np.array([1.0])).tolist() == [0.0]


def test_a_decade_is_that_of_the_logarithm() -> None:
    values = [1e-7, 9.99e-7, 1e-3, 0.5, 1.0, 9.0, 10.0, 1000.0, 1e6]
    assert pairs.decades(np.array(values)).tolist() == [-7, -7, -3, -1, 0, 0, 1, 3, 6]


def test_a_table_of_repeatability_is_read_from_its_file(tmp_path: Path) -> None:
    told = {"metrics": {"cpu_time": {"spread": 0.5, "by_decade": {"-3": {"spread": 0.25, "rows": 30}}}}}
    (tmp_path / "r.json").write_text(json.dumps(told))
    found = pairs.read_repeatability(tmp_path / "r.json")
    assert found is not None
    assert found.floor("cpu_time", np.array([2e-3])).tolist() == [0.25]
    assert pairs.read_repeatability(tmp_path / "none.json") is None


def test_batches_hold_every_row_once() -> None:
    found = costs_of(*(measured(record, size) for record in "abcde" for size in (1, 2, 4)))
    made = list(pairs.tables(found, pairs.pairs_of(found), {"leetcode/sum-up": "train"}, None, batch=7))
    rows = [(row["before"], row["after"], row["size"]) for each in made for row in each.to_pylist()]
    assert len(made) == 3
    assert len(rows) == len(set(rows)) == 5 * 4 * 3
