"""A team's own measurements as a training run reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.logs import Kind, Measurement, Place
from ci_rlm.training import ingested, team
from tests.conftest import Checkout
from tests.own_logs import ORDER, ORDER_AT, SHOP, TOTAL_AT, Fake, Logs, logs_of, measured


@pytest.fixture
def logs(repo: Checkout, tmp_path: Path) -> Logs:
    return logs_of(repo, tmp_path)


def test_examples_are_functions_with_both_metrics(logs: Logs) -> None:
    def costs(place: Place, *given: str, params: tuple[tuple[str, str], ...] = ()) -> list[Measurement]:
        values = {
            "peak_memory": measured(place, 64.0, metric="peak_memory", kind=Kind.PEAK, params=params),
            "cpu_time": measured(place, 0.5, metric="cpu_time", params=params),
            "wall_time": measured(place, 0.7, params=params),
        }
        return [values[name] for name in given]

    logs.ingest(
        Fake([
            *costs(ORDER_AT, "peak_memory", "cpu_time", "wall_time", params=(("n", "300"), ("how", "fast"))),
            *costs(ORDER_AT, "peak_memory", "cpu_time"),
            *costs(TOTAL_AT, "cpu_time", "wall_time"),
        ])
    )  # fmt: skip
    path = logs.out / ingested.FILE
    (example,) = team.examples(path, size=1024)
    assert (example.text, example.problem) == (f"PYTHON\n{ORDER}", "shop.py::order")
    assert {(row.size, row.peak_memory, row.cpu_time) for row in example.rows} == {
        (300, 64.0, 0.5),
        (1024, 64.0, 0.5),
    }
    (example,) = team.examples(path, size=1024, time="wall_time")
    assert [(row.size, row.cpu_time) for row in example.rows] == [(300, 0.7)]


def test_an_example_is_timed_by_a_benchmark_before_a_profiler(logs: Logs) -> None:
    peak = measured(value=64.0, metric="peak_memory", kind=Kind.PEAK, origin="memray")
    timed = [measured(value=5.0, origin="cprofile"), measured(value=3.0, origin="pytest_benchmark")]
    logs.ingest(Fake([peak, *timed]))
    (example,) = team.examples(logs.out / ingested.FILE, size=1024, time="wall_time")
    assert [row.cpu_time for row in example.rows] == [3.0]


def test_all_texts_of_a_function_are_on_one_side(logs: Logs) -> None:
    def both(commit: str) -> list[Measurement]:
        places = [Place(file="shop.py", symbol=name) for name in ("order", "total", "third")]
        return [
            measured(place, 1.0, metric=metric, kind=kind, commit=commit)
            for place in places
            for metric, kind in (("peak_memory", Kind.PEAK), ("cpu_time", Kind.PER_CALL))
        ]

    third = "\n\ndef third():\n    return 3\n"
    logs.checkout.write("shop.py", SHOP + third)
    first = logs.checkout.commit()
    logs.checkout.write("shop.py", SHOP.replace("sum", "max") + third)
    logs.ingest(Fake(both(first)), Fake(both(logs.checkout.commit())))
    found = team.examples(logs.out / ingested.FILE, size=1024)
    splits = {(example.problem, example.split) for example in found}
    assert (len(found), len(splits)) == (4, 3)
    # It alone has a text of the newer commit.
    assert ("shop.py::total", "test") in splits


@given(st.dictionaries(st.text(max_size=4), st.integers(0, 5), max_size=40))
def test_no_function_that_is_trained_on_is_newer_than_one_that_is_held_out(times: dict[str, int]) -> None:
    splits = team.splits_in_time(times)
    assert splits.keys() == times.keys()
    newest = {
        split: [times[problem] for problem, where in splits.items() if where == split]
        for split in ("train", "calibration", "test")
    }
    assert max(newest["train"], default=0) <= min(newest["calibration"], default=9)
    assert max(newest["calibration"], default=0) <= min(newest["test"], default=9)
    assert len(times) < 3 or min(map(len, newest.values())) >= 1
