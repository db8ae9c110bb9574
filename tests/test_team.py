"""A team's own measurements as a training run reads them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.errors import UsageError
from ci_rlm.logs import Kind, Measurement, Place
from ci_rlm.training import ingested, team
from ci_rlm.training.corpus import Example
from tests.conftest import Checkout
from tests.own_logs import ORDER, ORDER_AT, SHOP, TOTAL_AT, Fake, Logs, logs_of, measured


@pytest.fixture
def logs(repo: Checkout, tmp_path: Path) -> Logs:
    return logs_of(repo, tmp_path)


def test_examples_are_functions_with_a_metric(logs: Logs) -> None:
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
    order, total = team.examples(path, size=1024)
    assert (order.text, order.problem) == (f"PYTHON\n{ORDER}", "shop.py::order")
    assert rows_of(order) == [(300, 64.0, 0.5), (1024, 64.0, 0.5)]
    assert rows_of(total) == [(1024, None, 0.5)]
    order, total = team.examples(path, size=1024, time="wall_time")
    assert rows_of(order) == [(300, 64.0, 0.7), (1024, 64.0, None)]
    assert rows_of(total) == [(1024, None, 0.7)]


def rows_of(example: Example) -> list[tuple[float, float | None, float | None]]:
    return [(row.size, row.peak_memory, row.cpu_time) for row in example.rows]


def test_rows_of_one_size_are_one_row_of_their_median(logs: Logs) -> None:
    logs.ingest(
        Fake(
            [
                measured(value=value, params=(("n", "10"), ("how", how), ("k", "5")))
                for value, how in ((1.0, "fast"), (2.0, "slow"), (9.0, "odd"))
            ]
        )
    )
    (example,) = team.examples(logs.out / ingested.FILE, size=1024, time="wall_time")
    assert rows_of(example) == [(1024, None, 2.0)]


def test_a_benchmark_goes_before_a_profiler_whatever_its_parameters(logs: Logs) -> None:
    timed = [
        measured(value=5.0, origin="cprofile"),
        measured(value=3.0, origin="asv", params=(("how", "fast"),)),
        measured(value=4.0, origin="asv", params=(("how", "slow"),)),
    ]
    logs.ingest(Fake(timed))
    (example,) = team.examples(logs.out / ingested.FILE, size=1024, time="wall_time")
    assert rows_of(example) == [(1024, None, 3.5)]


def test_only_the_class_of_hardware_with_most_rows_is_learned_from(logs: Logs) -> None:
    logs.ingest(Fake([measured(ORDER_AT, 1.0), measured(TOTAL_AT, 1.0)]))
    other = replace(logs, assumed=replace(logs.assumed, hardware="a faster machine"))
    other.ingest(Fake([measured(ORDER_AT, 0.1)]), names="z")
    found = team.examples(logs.out / ingested.FILE, size=1024, time="wall_time")
    assert [row for example in found for row in rows_of(example)] == [(1024, None, 1.0)] * 2


def test_a_corpus_without_the_asked_time_says_what_it_has(logs: Logs) -> None:
    logs.ingest(Fake([measured(ORDER_AT, 1.0)]))
    with pytest.raises(UsageError, match="no peak memory and no cpu_time") as caught:
        team.examples(logs.out / ingested.FILE, size=1024)
    assert "1 of wall_time (python, per_call)" in caught.value.hint


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
