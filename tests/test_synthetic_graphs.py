"""Generated graphs: valid, of bounded cost, the same from the same seed."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice

import onnx
import pytest

from ci_rlm.training.graph_builder import filled
from ci_rlm.training.graph_costs import costs_of
from ci_rlm.training.graph_text import text_of
from ci_rlm.training.sources import sha256
from ci_rlm.training.synthetic_graphs import FAMILIES, FLOPS, synthetic_graph, synthetic_graphs


@pytest.mark.parametrize("index", range(2 * len(FAMILIES)))
def test_a_graph_is_valid_onnx_of_bounded_cost(index: int) -> None:
    model = synthetic_graph(3, index)
    onnx.checker.check_model(filled(model), full_check=True)
    costs = costs_of(model)
    assert costs.uncounted == ()
    assert FLOPS[0] <= costs.flops <= FLOPS[1]


@pytest.mark.parametrize("index", range(len(FAMILIES)), ids=list(FAMILIES))
def test_a_batch_of_four_costs_four_times_one(index: int) -> None:
    model = synthetic_graph(0, index)
    assert costs_of(model, 4).flops == 4 * costs_of(model, 1).flops


def test_another_process_makes_the_same_graphs() -> None:
    program = (
        "from ci_rlm.training.synthetic_graphs import synthetic_graph\n"
        "from ci_rlm.training.graph_text import text_of\n"
        "from ci_rlm.training.sources import sha256\n"
        "print(*[sha256(text_of(synthetic_graph(5, i))) for i in range(9)])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [sha256(text_of(model)) for _, model in synthetic_graphs(9, 5)]


def test_a_longer_run_begins_as_a_shorter_one() -> None:
    assert [r for r, _ in synthetic_graphs(3, 1)] == [r for r, _ in islice(synthetic_graphs(9, 1), 3)]


def test_data_given_to_weights_is_theirs_alone() -> None:
    model = synthetic_graph(0, 0)
    assert text_of(filled(model)) == text_of(model)
    assert not any(tensor.raw_data for tensor in model.graph.initializer)
