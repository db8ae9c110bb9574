"""Networks of published tables, against the parameters and operations published of them."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import onnx
import pytest

from ci_rlm.training.architectures import (
    architectures,
    cell_edges,
    fbnet_model,
    measure,
    mnasnet_model,
    nasbench201_model,
    ofa_model,
    sample,
    tasks,
)
from ci_rlm.training.graph_builder import filled
from ci_rlm.training.graph_costs import costs_of
from ci_rlm.training.graph_text import text_of
from ci_rlm.training.profile.rows import Row
from ci_rlm.training.sources import sha256

ALL_CONV = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
NOTHING = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
MIXED = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_3x3~0|none~1|skip_connect~2|"
PLAIN = {"ks": [3] * 20, "e": [3] * 20, "d": [2] * 5, "r": 128}
EFFICIENTNET_B0 = {
    f"block{place}_{name}": value
    for place, values in enumerate(
        [(1, 3, 1), (6, 3, 2), (6, 5, 2), (6, 3, 3), (6, 5, 3), (6, 5, 4), (6, 3, 1)]
    )
    for name, value in zip("ekl", values, strict=True)
} | {f"block{place}_se": True for place in range(7)}


def multiply_accumulates(model: onnx.ModelProto) -> int:
    """Of convolutions and classifiers, biases left out: what the papers tell."""
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    for node in bare.graph.node:
        if node.op_type in ("Conv", "Gemm"):
            del node.input[2:]
    by_operator = dict(costs_of(bare).by_operator)
    return (by_operator["Conv"] + by_operator["Gemm"]) // 2


def test_the_largest_and_smallest_nasbench201_networks_are_as_published() -> None:
    """NATS-Bench tells millions: 220.12 FLOPs, 1.531546 parameters; 7.78304 and 0.073306."""
    large, small = nasbench201_model(ALL_CONV), nasbench201_model(NOTHING)
    assert (multiply_accumulates(large), costs_of(large).parameters) == (220_119_680, 1_531_546)
    assert (multiply_accumulates(small), costs_of(small).parameters) == (7_783_040, 73_306)


def test_efficientnet_b0_is_as_torchvision_tells() -> None:
    """torchvision: 5,288,548 parameters, 0.386 billion operations."""
    model = mnasnet_model(EFFICIENTNET_B0)
    assert costs_of(model).parameters == 5_288_548
    assert round(multiply_accumulates(model) / 1e9, 3) == 0.386


def test_mobilenet_v3_large_is_as_torchvision_tells() -> None:
    """torchvision: 5,483,032 parameters, 1,280 of them a bias that Once-for-all leaves out; 0.217 billion."""
    kernels = [3, 3, 0, 0, 5, 5, 5, 0, 3, 3, 3, 3, 3, 3, 0, 0, 5, 5, 5, 0]
    expansions = [4, 3, 0, 0, 3, 3, 3, 0, 6, 2.5, 2.3, 2.3, 6, 6, 0, 0, 6, 6, 6, 0]
    setting = {"ks": kernels, "e": expansions, "d": [2, 3, 4, 2, 3], "r": 224}
    model = ofa_model(setting, width=1.0)
    assert costs_of(model).parameters == 5_483_032 - 1_280
    assert round(multiply_accumulates(model) / 1e9, 3) == 0.217


def test_an_fbnet_of_projections_alone_is_the_sum_of_its_layers() -> None:
    widths = [16, 24, 32, 64, 112, 184, 352]
    projections = sum(a * b + 2 * b for a, b in itertools.pairwise(widths))
    stem, head = 3 * 16 * 9 + 32, 352 * 1504 + 2 * 1504 + 1504 * 100 + 100
    assert costs_of(fbnet_model(["skip"] * 22)).parameters == stem + projections + head


@pytest.mark.parametrize(
    ("block", "inner", "kernel", "groups"),
    [("k3_e1", 24, 3, 1), ("k5_e6", 144, 5, 1), ("k5_e1_g2", 24, 5, 2)],
)
def test_an_fbnet_block_expands_filters_and_projects(
    block: str, inner: int, kernel: int, groups: int
) -> None:
    blocks = ["skip"] * 22
    without = costs_of(fbnet_model(blocks)).parameters
    blocks[2] = block  # the second of the stage of width 24
    expected = (
        24 * inner // groups + 2 * inner + inner * kernel**2 + 2 * inner + inner * 24 // groups + 2 * 24
    )
    assert costs_of(fbnet_model(blocks)).parameters - without == expected


@pytest.mark.parametrize(
    "model",
    [
        nasbench201_model(MIXED, classes=120, side=16),
        fbnet_model(["k3_e1_g2", "skip"] * 11),
        ofa_model(PLAIN),
        mnasnet_model(EFFICIENTNET_B0),
    ],
    ids=lambda model: model.graph.name,
)
def test_every_network_is_valid_onnx_and_fully_counted(model: onnx.ModelProto) -> None:
    onnx.checker.check_model(filled(model), full_check=True)
    assert costs_of(model).uncounted == ()


def test_a_cell_is_read_as_operations_from_earlier_nodes() -> None:
    assert cell_edges(MIXED)[2] == [("nor_conv_3x3", 0), ("none", 1), ("skip_connect", 2)]


@pytest.mark.parametrize("cell", ["|max_pool~0|", "|skip_connect~1|", "|skip_connect|", ""])
def test_what_is_no_cell_is_an_error(cell: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        cell_edges(cell)


def test_the_text_is_what_the_papers_models_read() -> None:
    lines = text_of(nasbench201_model(NOTHING)).splitlines()
    assert lines[:4] == [
        "graph nasbench201 (",
        "  %input[FLOAT, batchx3x32x32]",
        ") initializers (",
        "  %stem.conv.w[FLOAT, 16x3x3x3]",
    ]
    assert (
        "  %stem.conv = Conv[dilations = [1, 1], group = 1, kernel_shape = [3, 3], pads = [1, 1, 1, 1], "
        "strides = [1, 1]](%input, %stem.conv.w)"
    ) in lines


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a line or two a table, figures made up."""
    accuracies = {f"{name}-{split}": 50.0 for name in ("cifar10", "cifar100") for split in ("val", "test")}
    accuracies["cifar100-test"] = 21.0
    platforms = {
        "latency_zcu102": {"latency_mean": 5.0, "latency_std": None},
        "throughput_a100": {"throughput_mean": 7000.0, "throughput_std": 7.5},
        "throughput_tpuv2": {"throughput_mean": None, "throughput_std": None},
    }
    tables: dict[str, list[dict[str, Any]]] = {
        "nasbench201": [
            {
                "idx": 7,
                "arch": MIXED,
                "acc_12epoch": accuracies,
                "latency_ms": {"fpga": 2.5, "1080ti_256": 16.0},
            },
            {"idx": 9, "arch": NOTHING, "acc_12epoch": accuracies, "latency_ms": {"fpga": 1.5}},
        ],
        "fbnet": [{"idx": 1, "ops": ["skip"] * 22, "latency_ms": {"titan_rtx_64": 9.0, "samsung_s7": 100.0}}],
        "ofa_mbv3": [{"idx": 2, "arch": PLAIN, "latency_ms": {"v100_32": 10.0}}],
        "accel_nasbench": [
            {
                "id": 3,
                "architecture": EFFICIENTNET_B0,
                "metrics": {"val_top1": 60.0},
                "platform_perf": platforms,
            }
        ],
    }
    (tmp_path / "nas").mkdir()
    for name, rows in tables.items():
        with gzip.open(tmp_path / "nas" / f"{name}.jsonl.gz", "wt") as lines:
            lines.writelines(json.dumps(row) + "\n" for row in rows)
    return tmp_path


def rows_of(data: Path, source: str) -> list[Row]:
    return [row for task in tasks(data) if task.work.source == source for row in measure(task.work)]


def told(rows: list[Row], metric: str) -> list[tuple[str, int, float]]:
    return [(row["hardware"], row["size"], row["value"]) for row in rows if row["metric"] == metric]


def test_latencies_are_seconds_with_device_and_batch(data: Path) -> None:
    assert told(rows_of(data, "fbnet"), "latency") == [("titan_rtx_64", 64, 0.009), ("samsung_s7", 1, 0.1)]


def test_a_throughput_that_was_not_measured_has_no_row(data: Path) -> None:
    assert told(rows_of(data, "accel_nasbench"), "throughput") == [("a100", 0, 7000.0)]


def test_one_cell_is_two_networks_of_one_problem(data: Path) -> None:
    rows = [row for row in rows_of(data, "nasbench201") if row["problem"] == "nasbench201/7"]
    assert {row["record"].removeprefix("nasbench201/7/") for row in rows} == {"cifar10", "cifar100"}
    assert len({row["sha256"] for row in rows}) == 2


def test_test_accuracies_are_kept_and_latencies_belong_to_the_cifar100_network(data: Path) -> None:
    rows = [row for row in rows_of(data, "nasbench201") if row["problem"] == "nasbench201/7"]
    accuracies = {row["toolchain"]: row["value"] for row in rows if row["metric"] == "accuracy"}
    assert accuracies == {"cifar10 test, 12 epochs": 50.0, "cifar100 test, 12 epochs": 21.0}
    assert {row["record"] for row in rows if row["metric"] == "latency"} == {"nasbench201/7/cifar100"}


def test_rows_are_keyed_by_the_text_that_the_table_gives_again(data: Path) -> None:
    texts = {sha256(text_of(found.model)) for found in architectures(data)}
    rows = [row for task in tasks(data) for row in measure(task.work)]
    assert {row["sha256"] for row in rows} == texts


def test_a_sample_of_a_table_is_its_seeds(data: Path) -> None:
    (first,) = sample(data, "nasbench201", 1, 0)
    (again,) = sample(data, "nasbench201", 1, 0)
    assert first.record == again.record
    assert len(list(sample(data, "nasbench201", 10, 0))) == 2
