"""Measured rows as columns: what is kept, in which order, and how sure each value is."""

from __future__ import annotations

import math
import random
import statistics
from pathlib import Path

import numpy as np
import pytest

from ci_rlm.errors import CiRlmError
from ci_rlm.training import costs
from ci_rlm.training.profile.rows import Origin, Spread, Store
from tests.measurements import ORIGIN, failed, keep, measured, table


def test_the_metrics_of_a_program_at_a_size_are_side_by_side() -> None:
    found = costs.costs_of(
        table(measured("b", 20, {"peak_memory": 5.0, "calls": 2.0}), measured("a", 10, {"peak_memory": 7.0}))
    )
    assert found.programs["record"].tolist() == ["a", "b"]
    assert found.size.tolist() == [10, 20]
    assert found.value["peak_memory"].tolist() == [7.0, 5.0]
    assert np.isnan(found.value["calls"][0])
    assert found.value["calls"][1] == 2.0


def test_entries_are_sorted_by_program_and_size_whatever_the_order_of_rows() -> None:
    parts = [measured(record, size) for record in ("x", "y", "z") for size in (16, 64, 256)]
    random.Random(1).shuffle(parts)
    found = costs.costs_of(table(*parts))
    assert found.program.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert found.size.tolist() == [16, 64, 256] * 3
    assert found.starts().tolist() == [0, 3, 6, 9]


def test_a_failed_measurement_is_no_entry() -> None:
    found = costs.costs_of(table(failed("a", 10, "time limit"), measured("a", 20)))
    assert found.size.tolist() == [20]


def test_no_rows_make_no_entries() -> None:
    found = costs.costs_of(table(failed("a", 10, "time limit")))
    assert (len(found.size), found.origins, found.value) == (0, (), {})


def test_of_two_measurements_the_later_one_counts() -> None:
    first, second = measured("a", 10, {"calls": 1.0}), measured("a", 10, {"calls": 2.0})
    first[0]["utc"], second[0]["utc"] = 200, 100
    assert costs.costs_of(table(first, second)).value["calls"].tolist() == [1.0]


def test_times_taken_in_turns_replace_others_at_their_level() -> None:
    fast, turns = (Origin(name, "a machine", "CPython 3.11") for name in ("fast-2", "turns-1"))
    times = {"a": (2.0, 1.0), "b": (8.0, 4.0), "c": (5.0, 1.0)}
    parts = [
        measured(
            record,
            10,
            {"cpu_time": time, "peak_memory": 7.0} if origin is fast else {"cpu_time": time},
            origin=origin,
        )
        for record, both in times.items()
        for origin, time in zip((fast, turns), both, strict=True)
    ]
    parts += [
        measured("d", 10, {"cpu_time": 3.0}, origin=turns),
        measured("a", 20, {"cpu_time": 9.0}, origin=fast),
    ]
    found = costs.with_turns(costs.costs_of(table(*parts)))
    assert found.programs["record"].tolist() == ["a", "b", "c"]
    assert {found.origins[place][0] for place in found.origin} == {"fast-2"}
    # The median of old ÷ new is 2: c, which a slow spell hit, is at the level of the others.
    assert found.size.tolist() == [10, 20, 10, 10]
    assert found.value["cpu_time"].tolist() == pytest.approx([2.0, 9.0, 8.0, 2.0])
    assert found.value["peak_memory"].tolist()[::2] == [7.0, 7.0]


def test_without_times_in_turns_nothing_is_changed() -> None:
    plain = costs.costs_of(table(measured("a", 10), measured("b", 20)))
    same = costs.with_turns(plain)
    assert same.value["peak_memory"].tolist() == plain.value["peak_memory"].tolist()
    assert same.programs["record"].tolist() == ["a", "b"]
    none = costs.with_turns(costs.costs_of(table(failed("a", 10, "time limit"))))
    assert len(none.size) == 0


def test_measurements_of_two_machines_are_two_entries() -> None:
    other = Origin("fast", "another machine", "CPython 3.11")
    found = costs.costs_of(table(measured("a", 10, origin=other), measured("a", 10)))
    assert [found.origins[place][1] for place in found.origin] == ["a machine", "another machine"]
    assert found.program.tolist() == [0, 0]


def test_a_time_is_the_shortest_of_its_repeats_and_another_metric_the_median() -> None:
    times = Spread.of([3.0, 1.0, 2.0])
    found = costs.costs_of(table(measured("a", 10, {"cpu_time": times, "latency": times})))
    assert (found.value["cpu_time"][0], found.value["latency"][0]) == (1.0, 2.0)


def test_a_metric_that_was_measured_once_has_no_error_of_its_own() -> None:
    found = costs.costs_of(table(measured("a", 10, {"cpu_time": Spread.of([1.0]), "peak_memory": 9.0})))
    assert np.isnan([found.error["cpu_time"][0], found.error["peak_memory"][0]]).all()


def test_the_error_of_the_shortest_time_is_its_deviation_over_runs() -> None:
    # Delays exponential with mean 0.2 above an undisturbed second: simulated, not derived.
    chance = random.Random(0)
    runs = [[1 + chance.expovariate(5) for _ in range(7)] for _ in range(4000)]
    deviation = statistics.stdev(min(run) for run in runs)
    parts = [measured(str(index), 10, {"cpu_time": Spread.of(run)}) for index, run in enumerate(runs)]
    found = costs.costs_of(table(*parts))
    error = float(np.sqrt((found.error["cpu_time"] * found.value["cpu_time"]) ** 2).mean())
    assert error == pytest.approx(deviation, rel=0.1)


def test_the_error_of_a_median_is_its_deviation_over_runs() -> None:
    chance = random.Random(0)
    runs = [[chance.gauss(10, 1) for _ in range(11)] for _ in range(4000)]
    deviation = statistics.stdev(statistics.median(run) for run in runs) / 10
    parts = [measured(str(index), 10, {"latency": Spread.of(run)}) for index, run in enumerate(runs)]
    assert costs.costs_of(table(*parts)).error["latency"].mean() == pytest.approx(deviation, rel=0.1)


def test_logarithms_are_of_values_raised_to_what_can_be_measured() -> None:
    rows = table(measured("a", 10, {"peak_memory": 0.0}), measured("b", 10, {"peak_memory": 64.0}))
    found = costs.costs_of(rows)
    assert found.log("peak_memory") == pytest.approx([math.log(32), math.log(64)])


def test_some_programs_of_costs_are_costs() -> None:
    found = costs.costs_of(table(*(measured(record, size) for record in "abc" for size in (10, 20))))
    kept = found.of_programs(np.array([True, False, True]))
    assert kept.programs["record"].tolist() == ["a", "c"]
    assert (kept.program.tolist(), kept.size.tolist()) == ([0, 0, 1, 1], [10, 20, 10, 20])
    assert len(kept.value["cpu_time"]) == len(kept.error["cpu_time"]) == 4


def test_a_run_that_is_going_on_is_read_with_files_that_are_done(tmp_path: Path) -> None:
    path = keep(tmp_path / "done.parquet", measured("a", 10))
    with Store(tmp_path / "going") as store:
        store.add("task", measured("b", 10))
        found = costs.costs_of(costs.read([path, tmp_path / "going"]))
    assert found.programs["record"].tolist() == ["a", "b"]


def test_nothing_measured_is_an_error_that_says_where(tmp_path: Path) -> None:
    with pytest.raises(CiRlmError, match=str(tmp_path)):
        costs.read([tmp_path])


def test_numbers_of_combinations_sort_as_their_codes_even_where_a_product_overflows() -> None:
    chance = np.random.default_rng(0)
    parts = [chance.integers(0, 2**30, 50) for _ in range(4)]
    key = costs.joint([(part, 2**30) for part in parts], 50)
    order = sorted(range(50), key=lambda place: tuple(part[place] for part in parts))
    assert np.argsort(key, kind="stable").tolist() == order


def test_an_edit_is_known_by_its_record() -> None:
    found = costs.costs_of(table(measured("a", 10), measured("a+rename_local", 10)))
    assert found.edited.tolist() == [False, True]
    assert found.origins == ((ORIGIN.protocol, ORIGIN.hardware, ORIGIN.toolchain),)
