"""What kinds of edits did where they were measured, on rows few enough to count by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_rlm.training import costs, edits, effects
from ci_rlm.training.effects import Effect
from tests.measurements import keep, measured, table

KIB = 1024.0


def effect(kind: str, *rows: list[object]) -> Effect:
    return effects.effects_of(costs.costs_of(table(*rows)))[kind]  # type: ignore[arg-type]


def memory(
    record: str, size: int, kibibytes: float, seconds: float = 1.0, problem: str = "p/1"
) -> list[object]:
    cost = {"peak_memory": kibibytes * KIB, "cpu_time": seconds}
    return measured(record, size, cost, problem=problem)  # type: ignore[return-value]


def test_a_costlier_edit_counts_where_what_it_made_is_dearer() -> None:
    found = effect(
        "set_to_list",
        *(memory("a", 1024, 10, problem=f"p/{n}") for n in range(4)),
        memory("a+set_to_list", 1024, 13, problem="p/0"),
        memory("a+set_to_list", 1024, 12, problem="p/1"),
        memory("a+set_to_list", 1024, 12, seconds=2.0, problem="p/2"),
        memory("a+set_to_list", 1024, 5, problem="p/3"),
    )
    assert found == Effect(4, {"peak_memory": 0.25, "cpu_time": 0.25, "any": 0.5})


def test_a_cheaper_edit_counts_where_what_it_came_from_is_dearer() -> None:
    found = effect("list_to_set", memory("a", 1024, 13), memory("a+list_to_set", 1024, 10))
    assert found.share["peak_memory"] == 1.0


def test_programs_are_compared_at_the_size_nearest_to_the_gate_s() -> None:
    rows = [(10, 99.0), (900, 10.0), (10_000, 99.0)]
    found = effect(
        "set_to_list",
        *(memory("a", size, 10.0) for size, _ in rows),
        *(memory("a+set_to_list", size, cost) for size, cost in rows),
    )
    assert found == Effect(1, {"peak_memory": 0.0, "cpu_time": 0.0, "any": 0.0})


@pytest.mark.parametrize(
    ("pairs", "share", "bad", "neutral"),
    [(20, 0.5, True, False), (19, 1.0, False, False), (20, 0.1, False, True), (20, 0.3, False, False)],
)
def test_a_kind_is_believed_where_enough_were_measured_and_agree(
    pairs: int, share: float, bad: bool, neutral: bool
) -> None:
    found = Effect(pairs, {"any": share})
    assert (found.bad, found.neutral) == (bad, neutral)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    rows = keep(tmp_path / "rows.parquet", memory("a", 8, 9), memory("a+rename_local", 8, 9))  # type: ignore[arg-type]
    effects.main([str(rows), "--into", str(tmp_path / "effects.json")])
    nothing = {"peak_memory": 0.0, "cpu_time": 0.0, "any": 0.0}
    assert effects.read(tmp_path / "effects.json") == {"rename_local": Effect(1, nothing)}


def test_the_effects_that_come_with_the_package_are_of_edits_that_there_are() -> None:
    known = {edit.name for edit in (*edits.EFFICIENCY, *edits.NEUTRAL)} | {edits.SEVERAL}
    assert set(effects.read()) <= known


def test_the_effects_that_come_with_the_package_are_those_of_its_measured_rows() -> None:
    folder = effects.EFFECTS.parent
    paths = [folder / "python.parquet", folder / "synthetic.parquet", folder / "general"]
    found = costs.costs_of(costs.read(paths, ["python"]))
    again = f"python -m ci_rlm.training.effects {' '.join(map(str, paths))}"
    assert effects.made_from() == effects.digest_of(found), again
    assert effects.read() == effects.effects_of(found), again


def test_other_rows_than_those_that_entered_are_told() -> None:
    rows = [memory("a", 1024, 10), memory("a+set_to_list", 1024, 13)]
    beside = [memory("a", 8, 10), memory("b", 1024, 10), memory("a+set_to_list", 8, 99)]
    digest = effects.digest_of(costs.costs_of(table(*rows)))  # type: ignore[arg-type]

    def of(*changed: list[object]) -> str:
        return effects.digest_of(costs.costs_of(table(*changed)))  # type: ignore[arg-type]

    assert of(*reversed(rows)) == digest
    assert of(*rows, *beside) == digest
    assert of(rows[0], memory("a+set_to_list", 1024, 13.001)) != digest
    assert of(rows[0], memory("a+set_to_list", 1025, 13), memory("a", 1025, 10)) != digest
    assert of(rows[0], memory("a+stream_to_list", 1024, 13)) != digest


def test_enough_kinds_are_believed_to_try_a_gate_with() -> None:
    """In the README of the measured costs, these double the memory or the time at the largest size."""
    found = effects.read()
    assert all(
        found[kind].bad for kind in ("stream_to_list", "item_of_copy", "search_a_copy", "search_by_loop")
    )
    assert all(found[kind].neutral for kind in ("rename_local", "swap_comparison", "reorder_statements"))
    assert not any(effect.bad and effect.neutral for effect in found.values())
