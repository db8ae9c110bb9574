"""The card of a checkpoint, and the changes between releases that it is calibrated with and counted on."""

from __future__ import annotations

from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from ci_rlm.errors import UsageError
from ci_rlm.training.card import figures_table, hunks_table, wild_table
from ci_rlm.training.recorded import Row, Wild
from ci_rlm.training.releases import Changes, read


def row(
    figure: str, predictor: str, value: float | None, low: float | None = None, high: float | None = None
) -> Row:
    return Row("peak_memory", figure, predictor, value, low, high, 40, 8)


def test_every_figure_has_its_interval_and_what_a_baseline_lacks_is_left_empty() -> None:
    rows = [
        row("ranking/spearman", "ours", 0.8125, 0.75, 0.875),
        row("ranking/spearman", "counts", 0.5, 0.25, 0.625),
        row("calls/recall", "ours", 0.5),
        row("calls/precision", "ours", None),
    ]
    assert figures_table(rows).split("\n") == [
        "| metric | figure | ours | counts |",
        "|---|---|---|---|",
        "| peak memory | Spearman, all sizes | 0.812 [0.750, 0.875] | 0.500 [0.250, 0.625] |",
        "| peak memory | edits of over 1.5x called regressed | 0.500 |  |",
        "| peak memory | calls whose measured ratio is over 1.1 |  |  |",
    ]


def test_how_often_the_right_hunk_is_first_is_told_of_all_and_of_called_changes() -> None:
    rows = [
        row("explanation", "all", 0.75, 0.5, 1.0),
        row("drawn blindly", "all", 0.25),
        row("explanation", "called", 1.0),
    ]
    assert hunks_table(rows).split("\n") == [
        "| the hunk | all (40 of 8 problems) | called (40 of 8 problems) |",
        "|---|---|---|",
        "| that `ci-rlm explain` names | 0.750 [0.500, 1.000] | 1.000 |",
        "| drawn blindly | 0.250 |  |",
    ]


def test_what_is_called_between_releases_is_counted() -> None:
    wild = [Wild("cpu_time", 3, {"regressed": 1, "same": 3})]
    assert wild_table(wild).split("\n")[2] == "| cpu time | 4 | 1 (25.0%) | 0 (0.0%) | 3 (75.0%) | 0 (0.0%) |"


def table(path: Path, count: int) -> Path:
    rows = [
        {
            "before_text": f"x={number}",
            "after_text": f"y={number}",
            "package": "abcd"[number % 4],
            "split": ("learn", "fit", "judge")[number % 3],
        }
        for number in range(count)
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


def test_changes_are_read_by_split_and_thinned_evenly(tmp_path: Path) -> None:
    path = table(tmp_path / "changes.parquet", 12)
    whole, some = read(path), read(path, 2)
    assert whole.fit == tuple((f"x={at}", f"y={at}") for at in range(1, 12, 3))
    assert (len(whole.judge), whole.packages) == (4, 4)
    assert some.judge == (("x=2", "y=2"), ("x=8", "y=8"))
    assert some.packages == 2
    assert some.learn == whole.learn == tuple((f"x={at}", f"y={at}") for at in range(0, 12, 3))


def test_a_digest_tells_what_is_learned_from_what_is_counted() -> None:
    texts = (("x", "y"),)
    assert Changes().digest is None
    assert len({Changes(learn=texts).digest, Changes(fit=texts).digest, Changes(judge=texts).digest}) == 3


@pytest.mark.parametrize("content", [None, b"no table"])
def test_a_file_that_holds_no_changes_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "changes.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match="cannot read changes"):
        read(path)
