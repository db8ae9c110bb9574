"""The curve of `benchmarks/unlike.py`: what counts as right, and what a limit leaves."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from ci_rlm.flow import Calibration, FalseAlarms, Prediction, Vocabulary
from tests.fakes import PROBABILITIES

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
KNOWN = Vocabulary(("append",), 0.5)
DEAR = tuple(Prediction(name, "1", tuple((u, 3.0) for u in PROBABILITIES)) for name in ("peak_memory",))
CHEAP = tuple(Prediction(name, "1", tuple((u, 1 / 3) for u in PROBABILITIES)) for name in ("peak_memory",))


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("unlike")


def test_only_a_bad_edit_the_right_way_round_is_right(script: ModuleType) -> None:
    cases = [
        script.Case("a", "x", "x.append(1)", {"peak_memory": 0.9}),
        script.Case("b", "x", "x.einsum(1)", {}),
        script.Case("b", "x", "x.append(2)", {"peak_memory": 0.1}),
    ]
    alarms = FalseAlarms(0.01, 0.5, 100)
    calibration = Calibration("peak_memory", (), 0, false_alarms=alarms)
    said = script.claims(cases, [(DEAR, CHEAP)] * 3, 0, calibration, KNOWN)
    assert said.right.tolist() == [True, False, False, False]
    assert said.share.tolist() == [0.0, 0.0, 1.0, 1.0]
    assert said.owner.tolist() == [0, 0, 1, 1]
    assert (said.found > 0).tolist() == [True, False, True, False]


def test_the_table_counts_claims_with_and_without_the_unlike(script: ModuleType) -> None:
    said = script.Claims(
        told=np.array([0.9, 0.8, 0.7, 0.1]),
        found=np.array([0.95, 0.85, 0.6, 0.0]),
        right=np.array([True, False, True, False]),
        share=np.array([0.0, 1.0, 0.5, 0.0]),
        owner=np.array([0, 1, 2, 3]),
    )
    lines = script.tables("peak_memory", said, KNOWN).split("\n")
    rows = {line.split(" | ")[0]: line.split(" | ")[1:] for line in lines if line.startswith("| 0")}
    assert [cell.split(" [")[0] for cell in rows["| 0.5"]] == ["2", "1", "0.67", "2", "0", "1.00"]
    assert [cell.split(" [")[0] for cell in rows["| 0.8"]] == ["1", "1", "0.50", "1", "0", "1.00"]
    # Three of the four sides are like the training code; both that cost more are above the one that does not.
    assert "ROC-AUC: 0.75 of all, 1.00 of those like it, – of those unlike it." in "\n".join(lines)
