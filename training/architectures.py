"""Published tables of neural architectures: each one's graph as ONNX, and the costs told of it.

A table holds encodings (a cell string, a list of blocks); the network that was measured is built from
its paper's description, and its text is what a model reads. Nothing is measured here: latencies and
accuracies are the tables', parameters and FLOPs are counted on the graph.

Kept: every latency and throughput, on every device; the test accuracies. Left out: accuracies on
ImageNet16-120, and on validation sets where a test set is told as well; top-5; training times;
dispersions of throughputs.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ci_rlm.training.graph_builder import Builder, chance_of
from ci_rlm.training.graph_costs import costs_of
from ci_rlm.training.graph_text import text_of
from ci_rlm.training.profile.engine import Task
from ci_rlm.training.profile.rows import Origin, Row, Subject, measured
from ci_rlm.training.sources import sha256

if TYPE_CHECKING:
    from onnx import ModelProto

PROTOCOL = "published"
"""A figure of a table, measured by its authors."""
COUNTED = "counted-1"
"""Counted on the graph by the conventions of `graph_costs`."""
_BATCHED = frozenset({"1", "32", "64", "256"})
_CHUNK = 100
"""Architectures of one task."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """One network of a table: one text, with what the table tells of it."""

    source: str
    problem: str
    """Splits are by this name: one architecture, whatever it classifies."""
    record: str
    model: ModelProto
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A published figure, in SI base units."""

    metric: str
    value: float
    hardware: str
    """The device as the table names it; nothing for an accuracy."""
    size: int
    """Examples of a batch, 0 where it has none."""
    note: str = ""
    """What else is to be known: training or data."""


def nasbench201_model(cell: str, *, classes: int = 10, side: int = 32) -> ModelProto:
    """NAS-Bench-201 (Dong & Yang 2020, Section 2.1): three stages of five cells, 16, 32 and 64 wide."""
    b = Builder("nasbench201")
    x = b.input("input", 3, side, side)
    with b.scope("stem"):
        x = b.norm(b.conv(x, 16, 3))
    for stage, width in enumerate((16, 32, 64)):
        if stage:
            with b.scope(f"reduce{stage}"):
                x = _reduction(b, x, width)
        for index in range(5):
            with b.scope(f"s{stage}.c{index}"):
                x = _cell(b, x, cell)
    with b.scope("head"):
        return b.model(b.head(b.op("Relu", b.norm(x)), classes))


def cell_edges(cell: str) -> list[list[tuple[str, int]]]:
    """The edges into each node after the first, as (operation, source node).

    Raises ValueError for a text that is no cell.
    """
    nodes = [[edge.split("~") for edge in node.strip("|").split("|")] for node in cell.split("+")]
    edges = [[(operation, int(source)) for operation, source in node] for node in nodes]
    for place, node in enumerate(edges):
        for operation, source in node:
            if operation not in _CELL_OPERATIONS or source > place:
                raise ValueError(f"no edge of NAS-Bench-201: {operation}~{source} into node {place + 1}")
    return edges


def _cell(b: Builder, x: str, cell: str) -> str:
    values = [x]
    for place, edges in enumerate(cell_edges(cell), 1):
        total = ""
        for operation, source in edges:
            with b.scope(f"e{source}{place}"):
                value = _CELL_OPERATIONS[operation](b, values[source])
            total = b.op("Add", total, value) if total else value
        values.append(total)
    return values[-1]


def _relu_conv_norm(b: Builder, x: str, width: int, kernel: int, stride: int = 1) -> str:
    return b.norm(b.conv(b.op("Relu", x), width, kernel, stride=stride))


_CELL_OPERATIONS: dict[str, Callable[[Builder, str], str]] = {
    "none": lambda b, x: b.op("Mul", x, b.constant("zero", [0.0])),
    "skip_connect": lambda b, x: x,
    "nor_conv_1x1": lambda b, x: _relu_conv_norm(b, x, b.shapes[x][0], 1),
    "nor_conv_3x3": lambda b, x: _relu_conv_norm(b, x, b.shapes[x][0], 3),
    "avg_pool_3x3": lambda b, x: b.pool("AveragePool", x, 3, stride=1, pad=1, count_include_pad=0),
}


def _reduction(b: Builder, x: str, width: int) -> str:
    """The residual block between stages: halves the side."""
    main = _relu_conv_norm(b, _relu_conv_norm(b, x, width, 3, 2), width, 3)
    return b.op("Add", b.conv(b.pool("AveragePool", x, 2, stride=2), width, 1), main)


def fbnet_model(blocks: list[str], *, classes: int = 100) -> ModelProto:
    """FBNet (Wu et al. 2019, Table 1) with the strides that HW-NAS-Bench gives it for 32 × 32 images.

    The tables' FPGA latencies are sums over blocks; they are proportional to multiply–accumulates
    (0.41–0.57 ns for each million, block by block) on this input, and not on one of 224 × 224.
    """
    if len(blocks) != sum(_FBNET_DEPTHS):
        raise ValueError(f"FBNet has {sum(_FBNET_DEPTHS)} blocks, not {len(blocks)}")
    b = Builder("fbnet")
    x = b.input("input", 3, 32, 32)
    with b.scope("stem"):
        x = b.op("Relu", b.norm(b.conv(x, 16, 3)))
    waiting = iter(blocks)
    for stage, (depth, width, stride) in enumerate(
        zip(_FBNET_DEPTHS, _FBNET_WIDTHS, _FBNET_STRIDES, strict=True)
    ):
        for index in range(depth):
            with b.scope(f"s{stage}.b{index}"):
                x = _fbnet_block(b, x, next(waiting), width, stride if index == 0 else 1)
    with b.scope("head"):
        return b.model(b.head(b.op("Relu", b.norm(b.conv(x, 1504, 1))), classes))


_FBNET_DEPTHS = (1, 4, 4, 4, 4, 4, 1)
_FBNET_WIDTHS = (16, 24, 32, 64, 112, 184, 352)
_FBNET_STRIDES = (1, 1, 2, 2, 1, 2, 1)


def _fbnet_block(b: Builder, x: str, block: str, width: int, stride: int) -> str:
    """`kK_eE_gG`: kernel, expansion, groups; `skip` projects where the shape changes."""
    before = b.shapes[x][0]
    if block == "skip":
        plain = stride == 1 and before == width
        return x if plain else b.op("Relu", b.norm(b.conv(x, width, 1, stride=stride)))
    kernel, expansion, groups = (int(part[1:]) for part in f"{block}_g1".split("_")[:3])
    inner = before * expansion
    y = b.op("Relu", b.norm(b.conv(x, inner, 1, groups=groups)))
    if groups > 1:
        y = _shuffle(b, y, groups)
    y = b.op("Relu", b.norm(b.conv(y, inner, kernel, stride=stride, groups=inner)))
    y = b.norm(b.conv(y, width, 1, groups=groups))
    return b.op("Add", y, x) if stride == 1 and before == width else y


def _shuffle(b: Builder, x: str, groups: int) -> str:
    channels, *sides = b.shapes[x]
    split = b.reshape(x, groups, channels // groups, *sides)
    return b.reshape(b.transpose(split, 0, 2, 1, 3, 4), channels, *sides)


def ofa_model(setting: Mapping[str, Any], *, width: float = 1.2, classes: int = 1000) -> ModelProto:
    """A subnet of Once-for-all MobileNetV3 (Cai et al. 2020, Section 4.1).

    `ks` and `e` are kernels and expansions of five stages of four blocks, `d` the blocks used of each
    stage, `r` the image's side. The table's subnets are of the network 1.2 wide.
    """
    stem, first, *widths, expanded, last = (_divisible(width * base) for base in _OFA_WIDTHS)
    b = Builder("ofa_mbv3")
    x = b.input("input", 3, setting["r"], setting["r"])
    with b.scope("stem"):
        x = b.op("HardSwish", b.norm(b.conv(x, stem, 3, stride=2)))
    with b.scope("s0.b0"):
        x = _inverted(b, x, first, inner=stem, kernel=3, stride=1, activation="Relu", squeeze=0)
    for stage, (after, stride, swish, squeezed) in enumerate(zip(widths, *_OFA_STAGES, strict=True)):
        for index in range(setting["d"][stage]):
            place, before = 4 * stage + index, b.shapes[x][0]
            inner = _divisible(round(before * setting["e"][place]))
            with b.scope(f"s{stage + 1}.b{index}"):
                x = _inverted(
                    b, x, after, inner=inner, kernel=setting["ks"][place],
                    stride=stride if index == 0 else 1, activation="HardSwish" if swish else "Relu",
                    squeeze=_divisible(inner // 4) if squeezed else 0,
                )  # fmt: skip
    with b.scope("head"):
        x = b.op("HardSwish", b.norm(b.conv(x, expanded, 1)))
        x = b.mean(x)
        x = b.op("HardSwish", b.conv(x, last, 1))
        return b.model(b.linear(b.op("Flatten", x, shape=(last,), axis=1), classes))


_OFA_WIDTHS = (16, 16, 24, 40, 80, 112, 160, 960, 1280)
_OFA_STAGES = ((2, 2, 2, 1, 2), (False, False, True, True, True), (False, True, False, True, True))
"""Strides, whether the activation is hard-swish, whether channels are reweighted."""


def mnasnet_model(blocks: Mapping[str, Any], *, classes: int = 1000) -> ModelProto:
    """A network of Accel-NASBench's MnasNet space (its Appendix B): `block{0…6}_{e,k,l,se}`.

    Expansion, kernel, layers, squeeze-and-excitation; ReLU throughout, as it was trained and timed.
    """
    b = Builder("mnasnet")
    x = b.input("input", 3, 224, 224)
    with b.scope("stem"):
        x = b.op("Relu", b.norm(b.conv(x, 32, 3, stride=2)))
    for stage, (width, stride) in enumerate(zip(_MNASNET_WIDTHS, _MNASNET_STRIDES, strict=True)):
        for index in range(blocks[f"block{stage}_l"]):
            before = b.shapes[x][0]
            with b.scope(f"s{stage}.b{index}"):
                x = _inverted(
                    b, x, width, inner=_divisible(before * blocks[f"block{stage}_e"]),
                    kernel=blocks[f"block{stage}_k"], stride=stride if index == 0 else 1, activation="Relu",
                    squeeze=max(1, before // 4) if blocks[f"block{stage}_se"] else 0,
                )  # fmt: skip
    with b.scope("head"):
        return b.model(b.head(b.op("Relu", b.norm(b.conv(x, 1280, 1))), classes))


_MNASNET_WIDTHS = (16, 24, 40, 80, 112, 192, 320)
_MNASNET_STRIDES = (1, 2, 2, 2, 1, 2, 1)


def _inverted(
    b: Builder, x: str, width: int, *, inner: int, kernel: int, stride: int, activation: str, squeeze: int
) -> str:
    """An inverted residual block: expand, filter each channel, reweigh channels, project."""
    before = b.shapes[x][0]
    y = x if inner == before else b.op(activation, b.norm(b.conv(x, inner, 1)))
    y = b.op(activation, b.norm(b.conv(y, inner, kernel, stride=stride, groups=inner)))
    if squeeze:
        pooled = b.mean(y)
        gate = b.conv(b.op("Relu", b.conv(pooled, squeeze, 1, bias=True)), inner, 1, bias=True)
        y = b.op("Mul", y, b.op("HardSigmoid", gate, alpha=1 / 6))
    y = b.norm(b.conv(y, width, 1))
    return b.op("Add", x, y) if stride == 1 and before == width else y


def _divisible(width: float, by: int = 8) -> int:
    """The multiple of `by` nearest to a width and not below nine tenths of it (MobileNetV3)."""
    rounded = max(by, int(width + by / 2) // by * by)
    return rounded if rounded >= 0.9 * width else rounded + by


def _nasbench201(row: dict[str, Any]) -> Iterator[Architecture]:
    """One graph a data set: they differ in their classes. Latencies are of the CIFAR-100 one."""
    for dataset, classes in _NASBENCH201_DATA.items():
        told = [Told("accuracy", row["acc_12epoch"][f"{dataset}-test"], "", 0, f"{dataset} test, 12 epochs")]
        told += _latencies(row["latency_ms"]) if dataset == "cifar100" else []
        model = nasbench201_model(row["arch"], classes=classes)
        problem = f"nasbench201/{row['idx']}"
        yield Architecture("nasbench201", problem, f"{problem}/{dataset}", model, tuple(told))


_NASBENCH201_DATA = {"cifar10": 10, "cifar100": 100}


def _fbnet(row: dict[str, Any]) -> Iterator[Architecture]:
    yield _plain("fbnet", row["idx"], fbnet_model(row["ops"]), _latencies(row["latency_ms"]))


def _ofa(row: dict[str, Any]) -> Iterator[Architecture]:
    yield _plain("ofa_mbv3", row["idx"], ofa_model(row["arch"]), _latencies(row["latency_ms"]))


def _mnasnet(row: dict[str, Any]) -> Iterator[Architecture]:
    """Throughputs of batches that the table does not name; latencies of the FPGAs, one image."""
    told = [Told("accuracy", row["metrics"]["val_top1"], "", 0, "ImageNet validation top-1, proxy training")]
    for name, figures in row["platform_perf"].items():
        metric, device = name.split("_")
        mean = figures[f"{metric}_mean"]
        if mean is not None:
            told.append(
                Told(metric, mean, device, 0)
                if metric == "throughput"
                else Told(metric, mean / 1e3, device, 1)
            )
    yield _plain("accel_nasbench", row["id"], mnasnet_model(row["architecture"]), told)


def _plain(source: str, index: int, model: ModelProto, told: list[Told]) -> Architecture:
    name = f"{source}/{index}"
    return Architecture(source, name, name, model, tuple(told))


def _latencies(by_device: Mapping[str, float]) -> list[Told]:
    """Milliseconds by device, with the batch at the end of its name; without one, a batch of 1."""
    found = []
    for device, value in by_device.items():
        batch = device.rpartition("_")[2]
        size = int(batch) if batch in _BATCHED else 1
        found.append(Told("latency", value / 1e3, device, size))
    return found


TABLES: dict[str, tuple[str, Callable[[dict[str, Any]], Iterator[Architecture]]]] = {
    "nasbench201": ("nasbench201.jsonl.gz", _nasbench201),
    "fbnet": ("fbnet.jsonl.gz", _fbnet),
    "ofa_mbv3": ("ofa_mbv3.jsonl.gz", _ofa),
    "accel_nasbench": ("accel_nasbench.jsonl.gz", _mnasnet),
}
"""Each table's file under `nas/` and its reader."""


def architectures(data: Path) -> Iterator[Architecture]:
    """Every network of every table under a data folder."""
    for source, (_, read) in TABLES.items():
        for row in _rows(data, source):
            yield from read(row)


def _rows(data: Path, source: str) -> Iterator[dict[str, Any]]:
    with gzip.open(data / "nas" / TABLES[source][0], "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines of a table, as a worker gets them."""

    source: str
    lines: list[dict[str, Any]]


def tasks(data: Path) -> Iterator[Task]:
    """The tables in pieces of a hundred lines."""
    for source in TABLES:
        lines = list(_rows(data, source))
        for start in range(0, len(lines), _CHUNK):
            yield Task(f"{PROTOCOL}/{source}/{start}", Piece(source, lines[start : start + _CHUNK]))


def measure(work: Piece) -> list[Row]:
    """Rows of one piece: what the table tells, and what the graph costs for one example."""
    read = TABLES[work.source][1]
    return [row for line in work.lines for architecture in read(line) for row in rows_of(architecture)]


def rows_of(architecture: Architecture) -> list[Row]:
    """Rows of one network, keyed by its text."""
    subject = Subject(
        architecture.source,
        architecture.problem,
        architecture.record,
        sha256(text_of(architecture.model)),
        "onnx",
    )
    costs = costs_of(architecture.model)
    counts = {"parameters": float(costs.parameters), "flops": float(costs.flops)}
    rows = measured(subject, 1, counts, Origin(COUNTED, "", ""))
    for told in architecture.told:
        origin = Origin(PROTOCOL, told.hardware, told.note)
        rows += measured(subject, told.size, {told.metric: told.value}, origin)
    return rows


def sample(data: Path, source: str, count: int, seed: int) -> Iterator[Architecture]:
    """So many networks of a table, drawn by a seed; of several graphs of one network, the first."""
    lines = list(_rows(data, source))
    for line in chance_of(source, seed).sample(lines, min(count, len(lines))):
        yield next(TABLES[source][1](line))
