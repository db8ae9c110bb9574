"""Small networks of many kinds, each a function of its seed and index: graphs to measure latency on.

Widths, depths, kernels and wiring are drawn; a drawing that costs too little or too much is drawn
again, so that a graph runs in well under a second on one core.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ci_rlm.training.graph_builder import Builder, chance_of
from ci_rlm.training.graph_costs import costs_of

if TYPE_CHECKING:
    from onnx import ModelProto

FLOPS = (2e5, 2e8)
"""Bounds of what one example may cost."""


def synthetic_graphs(count: int, seed: int = 0) -> Iterator[tuple[str, ModelProto]]:
    """The first `count` graphs of a seed, with their records; families take turns."""
    for index in range(count):
        yield f"synthetic-graph/{seed}/{index}", synthetic_graph(seed, index)


def synthetic_graph(seed: int, index: int) -> ModelProto:
    """One graph; its cost for one example lies in `FLOPS`."""
    name, draw = list(FAMILIES.items())[index % len(FAMILIES)]
    attempt = 0
    while True:
        model = draw(chance_of(seed, index, attempt), Builder(name))
        if FLOPS[0] <= costs_of(model).flops <= FLOPS[1]:
            return model
        attempt += 1


def _image(chance: random.Random, b: Builder) -> str:
    return b.input("input", chance.choice((1, 3, 3, 3)), *[chance.choice((16, 24, 32, 48, 64))] * 2)


def _width(chance: random.Random, low: int = 8, high: int = 96) -> int:
    """A multiple of 8, small ones more often."""
    return 8 * round(math.exp(chance.uniform(math.log(low / 8), math.log(high / 8))))


def _activation(chance: random.Random) -> Callable[[Builder, str], str]:
    name = chance.choice(("Relu", "Relu", "LeakyRelu", "HardSwish", "SiLU", "Sigmoid", "Tanh"))
    if name == "SiLU":
        return lambda b, x: b.op("Mul", x, b.op("Sigmoid", x))
    return lambda b, x: b.op(name, x)


def _pooled(chance: random.Random, b: Builder, x: str) -> str:
    operator = chance.choice(("MaxPool", "AveragePool"))
    return b.pool(operator, x, 2, stride=2) if b.shapes[x][-1] >= 4 else x


def _convnet(chance: random.Random, b: Builder) -> ModelProto:
    """Convolutions and pooling, with or without normalisation, and a wide classifier."""
    x, act, normed = _image(chance, b), _activation(chance), chance.random() < 0.6
    width, kernel = _width(chance, 8, 64), chance.choice((3, 3, 5, 7))
    for stage in range(chance.randint(1, 4)):
        for layer in range(chance.randint(1, 3)):
            with b.scope(f"s{stage}.l{layer}"):
                x = b.conv(x, width, kernel, bias=not normed, dilation=chance.choice((1, 1, 1, 2)))
                x = act(b, b.norm(x) if normed else x)
        x = _pooled(chance, b, x)
        width, kernel = min(256, round(width * chance.choice((1, 1.5, 2)))), 3
    if chance.random() < 0.5:
        return b.model(b.head(x, chance.choice((10, 100, 1000))))
    channels, high, wide = b.shapes[x]
    x = b.op("Flatten", x, shape=(channels * high * wide,), axis=1)
    return b.model(b.linear(b.op("Relu", b.linear(x, _width(chance, 16, 256))), 10))


def _residual(chance: random.Random, b: Builder) -> ModelProto:
    """Basic or bottleneck residual blocks, grouped or not."""
    x, width = _image(chance, b), _width(chance, 16, 64)
    x = b.op("Relu", b.norm(b.conv(x, width, 3, stride=chance.choice((1, 2)))))
    slim, groups = chance.random() < 0.5, chance.choice((1, 1, 2, 4))
    for stage in range(chance.randint(1, 4)):
        for block in range(chance.randint(1, 3)):
            with b.scope(f"s{stage}.b{block}"):
                x = _residual_block(b, x, width, 2 if stage and not block else 1, slim=slim, groups=groups)
        width = min(256, 2 * width)
    return b.model(b.head(x, chance.choice((10, 100))))


def _residual_block(b: Builder, x: str, width: int, stride: int, *, slim: bool, groups: int) -> str:
    inner = max(8, width // 4 // 4 * 4) if slim else width
    y = b.op("Relu", b.norm(b.conv(x, inner, 1 if slim else 3, stride=1 if slim else stride)))
    if slim:
        y = b.op("Relu", b.norm(b.conv(y, inner, 3, stride=stride, groups=groups)))
    y = b.norm(b.conv(y, width, 1 if slim else 3))
    plain = stride == 1 and b.shapes[x][0] == width
    return b.op("Relu", b.op("Add", y, x if plain else b.norm(b.conv(x, width, 1, stride=stride))))


def _mobile(chance: random.Random, b: Builder) -> ModelProto:
    """Depthwise-separable and inverted residual blocks, some with squeeze-and-excitation."""
    x, act, width = _image(chance, b), _activation(chance), _width(chance, 8, 32)
    x = act(b, b.norm(b.conv(x, width, 3, stride=2)))
    for stage in range(chance.randint(2, 4)):
        expansion, kernel, gated = (
            chance.choice((1, 2, 4, 6)),
            chance.choice((3, 5, 7)),
            chance.random() < 0.4,
        )
        for block in range(chance.randint(1, 3)):
            with b.scope(f"s{stage}.b{block}"):
                inner, before = b.shapes[x][0] * expansion, x
                y = act(b, b.norm(b.conv(x, inner, 1))) if expansion > 1 else x
                stride = 2 if block == 0 and b.shapes[x][-1] >= 8 else 1
                y = act(b, b.norm(b.conv(y, inner, kernel, stride=stride, groups=inner)))
                y = _gated(b, y) if gated else y
                x = b.norm(b.conv(y, width, 1))
                if b.shapes[x] == b.shapes[before]:
                    x = b.op("Add", x, before)
        width = min(160, 8 * round(width * chance.choice((1, 1.5, 2)) / 8))
    return b.model(b.head(act(b, b.norm(b.conv(x, 4 * width, 1))), chance.choice((10, 100, 1000))))


def _gated(b: Builder, x: str) -> str:
    width = b.shapes[x][0]
    squeezed = b.op("Relu", b.conv(b.mean(x), max(4, width // 4), 1, bias=True))
    return b.op("Mul", x, b.op("Sigmoid", b.conv(squeezed, width, 1, bias=True)))


def _branching(chance: random.Random, b: Builder) -> ModelProto:
    """Parallel branches that are concatenated, as in Inception and DenseNet."""
    x, dense = _image(chance, b), chance.random() < 0.5
    x = b.op("Relu", b.norm(b.conv(x, _width(chance, 16, 48), 3, stride=2)))
    for stage in range(chance.randint(1, 3)):
        for block in range(chance.randint(1, 4)):
            with b.scope(f"s{stage}.b{block}"):
                branches = [x] if dense else [b.pool("MaxPool", x, 3, stride=1, pad=1)]
                for kernel in chance.sample((1, 3, 5, 7), chance.randint(1, 3)):
                    y = b.op("Relu", b.norm(b.conv(x, _width(chance, 8, 48), 1)))
                    branches.append(b.op("Relu", b.norm(b.conv(y, _width(chance, 8, 48), kernel))))
                channels = sum(b.shapes[branch][0] for branch in branches)
                x = b.op("Concat", *branches, shape=(channels, *b.shapes[x][1:]), axis=1)
        x = _pooled(chance, b, b.op("Relu", b.conv(x, _width(chance, 16, 96), 1, bias=True)))
    return b.model(b.head(x, chance.choice((10, 100))))


def _perceptron(chance: random.Random, b: Builder) -> ModelProto:
    """Fully connected layers on vectors."""
    x, act = b.input("input", chance.choice((16, 64, 128, 256, 784, 1024))), _activation(chance)
    width = _width(chance, 64, 1024)
    for layer in range(chance.randint(2, 8)):
        with b.scope(f"l{layer}"):
            y = act(b, b.linear(x, width))
            x = b.op("Add", x, y) if b.shapes[x] == b.shapes[y] and chance.random() < 0.5 else y
            width = width if chance.random() < 0.5 else _width(chance, 64, 1024)
    return b.model(b.op("Softmax", b.linear(x, chance.choice((10, 100))), axis=-1))


def _transformer(chance: random.Random, b: Builder) -> ModelProto:
    """An encoder on token ids or on patches of an image."""
    steps, heads = chance.choice((8, 16, 32, 64, 128)), chance.choice((1, 2, 4, 8))
    width, expansion = heads * chance.choice((8, 16, 32)), chance.choice((2, 4))
    gelu = chance.random() < 0.6
    if chance.random() < 0.6:
        x = b.embed(b.input("ids", steps, kind="INT64"), chance.choice((256, 1000, 4000)), width)
    else:
        x = b.project(b.input("patches", steps, chance.choice((48, 192))), width)
    for layer in range(chance.randint(1, 6)):
        with b.scope(f"l{layer}"):
            x = b.op("Add", x, _attention(b, b.layer_norm(x), heads))
            y = b.project(b.layer_norm(x), expansion * width)
            x = b.op("Add", x, b.project(_gelu(b, y) if gelu else b.op("Relu", y), width))
    pooled = b.op("ReduceMean", b.layer_norm(x), shape=(width,), axes=[1], keepdims=0)
    return b.model(b.linear(pooled, chance.choice((2, 10, 100))))


def _attention(b: Builder, x: str, heads: int) -> str:
    steps, width = b.shapes[x]
    each = width // heads
    query, key, value = (b.reshape(b.project(x, width), steps, heads, each) for _ in range(3))
    scores = b.op(
        "MatMul", b.transpose(query, 0, 2, 1, 3), b.transpose(key, 0, 2, 3, 1), shape=(heads, steps, steps)
    )
    weights = b.op("Softmax", b.op("Mul", scores, b.constant("scale", [each**-0.5])), axis=-1)
    mixed = b.op("MatMul", weights, b.transpose(value, 0, 2, 1, 3), shape=(heads, steps, each))
    return b.project(b.reshape(b.transpose(mixed, 0, 2, 1, 3), steps, width), width)


def _gelu(b: Builder, x: str) -> str:
    """x · (1 + erf(x / √2)) / 2, as exporters write it."""
    inner = b.op("Erf", b.op("Div", x, b.constant("root", [2**0.5])))
    return b.op(
        "Mul", b.op("Mul", x, b.op("Add", inner, b.constant("one", [1.0]))), b.constant("half", [0.5])
    )


def _mixer(chance: random.Random, b: Builder) -> ModelProto:
    """Perceptrons over positions and over channels by turns."""
    steps, width = chance.choice((16, 36, 49, 64)), _width(chance, 32, 160)
    x = b.project(b.input("patches", steps, chance.choice((48, 108, 192))), width)
    for layer in range(chance.randint(2, 6)):
        with b.scope(f"l{layer}"):
            y = b.transpose(b.layer_norm(x), 0, 2, 1)
            y = b.project(b.op("Relu", b.project(y, 2 * steps)), steps)
            x = b.op("Add", x, b.transpose(y, 0, 2, 1))
            x = b.op("Add", x, b.project(_gelu(b, b.project(b.layer_norm(x), 2 * width)), width))
    return b.model(b.linear(b.op("ReduceMean", x, shape=(width,), axes=[1], keepdims=0), 10))


def _recurrent(chance: random.Random, b: Builder) -> ModelProto:
    """One or more LSTM or GRU layers over a sequence."""
    steps, (operator, gates) = chance.choice((8, 16, 32, 64)), chance.choice((("LSTM", 4), ("GRU", 3)))
    x = b.embed(b.input("ids", steps, kind="INT64"), chance.choice((256, 2000)), _width(chance, 16, 128))
    width = _width(chance, 32, 256)
    before = b.shapes[x]
    x = b.op("Transpose", x, shape=before, perm=[1, 0, 2])
    for layer in range(chance.randint(1, 3)):
        with b.scope(f"l{layer}"):
            x = b.recurrent(operator, x, width, gates)
    pooled = b.op("ReduceMean", x, shape=(width,), axes=[0], keepdims=0)
    return b.model(b.linear(pooled, chance.choice((2, 20))))


def _unet(chance: random.Random, b: Builder) -> ModelProto:
    """An image to an image: down, up again, with connections across."""
    x, width, skips = _image(chance, b), _width(chance, 8, 24), []
    depth = chance.randint(1, 3)
    for stage in range(depth):
        with b.scope(f"down{stage}"):
            x = b.op("Relu", b.norm(b.conv(x, width << stage, 3)))
            skips.append(x)
            x = b.pool("MaxPool", x, 2, stride=2)
    x = b.op("Relu", b.norm(b.conv(x, width << depth, 3)))
    for stage in reversed(range(depth)):
        with b.scope(f"up{stage}"):
            y, across = b.transposed_conv(x, width << stage), skips.pop()
            shape = (2 * (width << stage), *b.shapes[across][1:])
            x = b.op(
                "Relu", b.norm(b.conv(b.op("Concat", y, across, shape=shape, axis=1), width << stage, 3))
            )
    return b.model(b.op("Sigmoid", b.conv(x, 1, 1, bias=True)))


FAMILIES: dict[str, Callable[[random.Random, Builder], ModelProto]] = {
    "convnet": _convnet,
    "residual": _residual,
    "mobile": _mobile,
    "branching": _branching,
    "perceptron": _perceptron,
    "transformer": _transformer,
    "mixer": _mixer,
    "recurrent": _recurrent,
    "unet": _unet,
}
