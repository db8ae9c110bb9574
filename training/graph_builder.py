"""Build ONNX graphs in code: networks whose weights have shapes and no data.

Operators and attributes are those that PyTorch's exporter writes, so that a graph built here reads as
a user's does. The batch is open. `filled` gives the weights data, where a graph is to be run.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from ci_rlm.training.graph_shapes import require_onnx

if TYPE_CHECKING:
    from onnx import ModelProto

BATCH = "batch"
"""Name of the open dimension."""
_OPSET = 17
_IR = 8
"""Both of 2022, so that any onnxruntime in use reads the graphs."""
_EPSILON = 1e-5


class Builder:
    """A graph in the making. Values go by name; shapes are without the batch."""

    def __init__(self, title: str) -> None:
        self._onnx = require_onnx()
        self._title = title
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []
        self._scope: list[str] = []
        self._taken: Counter[str] = Counter()
        self.shapes: dict[str, tuple[int, ...]] = {}
        """Shape of each value, the batch left out."""

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Values and weights made inside are named `NAME.…`."""
        self._scope.append(name)
        yield
        self._scope.pop()

    def _name(self, stem: str) -> str:
        whole = ".".join((*self._scope, stem))
        self._taken[whole] += 1
        count = self._taken[whole]
        return whole if count == 1 else f"{whole}{count}"

    def input(self, name: str, *shape: int, kind: str = "FLOAT") -> str:
        """An input of the graph, of `kind` (a name of `TensorProto.DataType`)."""
        number = self._onnx.TensorProto.DataType.Value(kind)
        self._inputs.append(self._onnx.helper.make_tensor_value_info(name, number, (BATCH, *shape)))
        self.shapes[name] = shape
        return name

    def weight(self, name: str, *shape: int) -> str:
        """A learned tensor, without data."""
        onnx = self._onnx
        self._constants.append(onnx.TensorProto(name=name, data_type=onnx.TensorProto.FLOAT, dims=shape))
        return name

    def constant(self, stem: str, values: Sequence[float], *, whole: bool = False) -> str:
        """A constant with its values: a list of integers, or one scalar."""
        onnx, name = self._onnx, self._name(stem)
        kind = onnx.TensorProto.INT64 if whole else onnx.TensorProto.FLOAT
        dims = (len(values),) if whole else ()
        self._constants.append(onnx.helper.make_tensor(name, kind, dims, values))
        return name

    def op(
        self,
        operator: str,
        *inputs: str,
        shape: tuple[int, ...] | None = None,
        name: str = "",
        **attributes: Any,
    ) -> str:
        """Any operator; its output has the shape of the first input, or `shape`."""
        name = name or self._name(operator.lower())
        node = self._onnx.NodeProto(op_type=operator, input=inputs, output=(name,), name=name)
        for key, value in sorted(attributes.items()):
            node.attribute.append(_attribute(key, tuple(value) if isinstance(value, list) else value))
        self._nodes.append(node)
        self.shapes[name] = self.shapes[inputs[0]] if shape is None else shape
        return name

    def conv(
        self, x: str, width: int, kernel: int, *, stride: int = 1, groups: int = 1, dilation: int = 1,
        bias: bool = False,
    ) -> str:  # fmt: skip
        """A square convolution, padded so that stride 1 keeps the size."""
        channels, *sides = self.shapes[x]
        name, pad = self._name("conv"), dilation * (kernel - 1) // 2
        weights = [self.weight(f"{name}.w", width, channels // groups, kernel, kernel)]
        weights += [self.weight(f"{name}.b", width)] if bias else []
        shape = (width, *((side + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1 for side in sides))
        return self.op(
            "Conv", x, *weights, shape=shape, name=name, dilations=[dilation] * 2, group=groups,
            kernel_shape=[kernel] * 2, pads=[pad] * 4, strides=[stride] * 2,
        )  # fmt: skip

    def pool(
        self, operator: str, x: str, kernel: int, *, stride: int, pad: int = 0, **attributes: Any
    ) -> str:
        """A square pooling window."""
        channels, *sides = self.shapes[x]
        shape = (channels, *((side + 2 * pad - kernel) // stride + 1 for side in sides))
        return self.op(
            operator, x, shape=shape, ceil_mode=0, kernel_shape=[kernel] * 2, pads=[pad] * 4,
            strides=[stride] * 2, **attributes,
        )  # fmt: skip

    def norm(self, x: str) -> str:
        """Batch normalisation as at inference."""
        name, width = self._name("bn"), self.shapes[x][0]
        weights = (self.weight(f"{name}.{part}", width) for part in ("w", "b", "mean", "var"))
        return self.op("BatchNormalization", x, *weights, name=name, epsilon=_EPSILON)

    def layer_norm(self, x: str) -> str:
        """Normalisation over the last axis."""
        name, width = self._name("ln"), self.shapes[x][-1]
        weights = (self.weight(f"{name}.{part}", width) for part in ("w", "b"))
        return self.op("LayerNormalization", x, *weights, name=name, axis=-1, epsilon=_EPSILON)

    def linear(self, x: str, width: int, *, bias: bool = True) -> str:
        """A fully connected layer on vectors, as Gemm."""
        name, (before,) = self._name("fc"), self.shapes[x]
        weights = [self.weight(f"{name}.w", width, before)]
        weights += [self.weight(f"{name}.b", width)] if bias else []
        return self.op("Gemm", x, *weights, shape=(width,), name=name, transB=1)

    def project(self, x: str, width: int) -> str:
        """A fully connected layer on the last axis of sequences: MatMul, then Add."""
        name, (*rest, before) = self._name("proj"), self.shapes[x]
        weight = self.weight(f"{name}.w", before, width)
        product = self.op("MatMul", x, weight, shape=(*rest, width), name=name)
        return self.op("Add", product, self.weight(f"{name}.b", width))

    def reshape(self, x: str, *shape: int) -> str:
        """The same elements in another shape; the batch stays."""
        target = self.constant("shape", (0, *shape), whole=True)
        return self.op("Reshape", x, target, shape=shape)

    def transposed_conv(self, x: str, width: int) -> str:
        """A transposed convolution that doubles the sides."""
        name, (channels, *sides) = self._name("upconv"), self.shapes[x]
        weights = (self.weight(f"{name}.w", channels, width, 2, 2), self.weight(f"{name}.b", width))
        shape = (width, *(2 * side for side in sides))
        return self.op(
            "ConvTranspose", x, *weights, shape=shape, name=name, dilations=[1, 1], group=1,
            kernel_shape=[2, 2], pads=[0] * 4, strides=[2, 2],
        )  # fmt: skip

    def embed(self, ids: str, vocabulary: int, width: int) -> str:
        """Rows of a learned table, by index."""
        table = self.weight(self._name("table"), vocabulary, width)
        return self.op("Gather", table, ids, shape=(*self.shapes[ids], width), axis=0)

    def recurrent(self, operator: str, x: str, width: int, gates: int) -> str:
        """A recurrent layer over (time, batch, features), its states in that order too."""
        name, (steps, before) = self._name(operator.lower()), self.shapes[x]
        weights = (
            self.weight(f"{name}.w", 1, gates * width, before),
            self.weight(f"{name}.r", 1, gates * width, width),
            self.weight(f"{name}.b", 1, 2 * gates * width),
        )
        states = self.op(operator, x, *weights, shape=(steps, width), name=name, hidden_size=width)
        axes = self.constant("axes", (1,), whole=True)
        return self.op("Squeeze", states, axes, shape=(steps, width))

    def transpose(self, x: str, *axes: int) -> str:
        """Axes in another order; 0 is the batch and comes first."""
        before = self.shapes[x]
        return self.op("Transpose", x, shape=tuple(before[axis - 1] for axis in axes[1:]), perm=list(axes))

    def head(self, x: str, classes: int) -> str:
        """Mean over the image, then a classifier."""
        width = self.shapes[x][0]
        pooled = self.mean(x)
        return self.linear(self.op("Flatten", pooled, shape=(width,), axis=1), classes)

    def mean(self, x: str) -> str:
        """Mean over the image, for each channel."""
        return self.op("GlobalAveragePool", x, shape=(self.shapes[x][0], 1, 1), name=self._name("mean"))

    def model(self, output: str) -> ModelProto:
        """The finished graph."""
        helper = self._onnx.helper
        info = helper.make_tensor_value_info(
            output, self._onnx.TensorProto.FLOAT, (BATCH, *self.shapes[output])
        )
        graph = helper.make_graph(self._nodes, self._title, self._inputs, [info], self._constants)
        made: ModelProto = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR, producer_name="ci-rlm"
        )
        return made


@cache
def _attribute(name: str, value: Any) -> Any:
    """An attribute; few are different ones, and making one takes longer than copying it."""
    return require_onnx().helper.make_attribute(name, value)


def filled(model: ModelProto, seed: int = 0) -> ModelProto:
    """A copy whose weights have data: normal, scaled by the inputs of a sum; statistics and scales near 1.

    The data is there to be computed with: it keeps values in the normal range of float32, where
    arithmetic takes the time that it takes in a trained network.
    """
    import numpy

    onnx = require_onnx()
    whole: ModelProto = onnx.ModelProto()
    whole.CopyFrom(model)
    chance = numpy.random.default_rng(seed)
    for tensor in whole.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and not (tensor.raw_data or tensor.float_data):
            tensor.raw_data = _values(chance, tuple(tensor.dims), tensor.name).tobytes()
    return whole


def _values(chance: Any, shape: tuple[int, ...], name: str) -> Any:
    import numpy

    if len(shape) == 1:
        low, high = (-0.1, 0.1) if name.endswith((".b", ".mean")) else (0.5, 1.5)
        return chance.uniform(low, high, shape).astype(numpy.float32)
    reach = math.sqrt(2 / max(1, math.prod(shape[1:]) if len(shape) == 4 else shape[-1]))
    return (reach * chance.standard_normal(shape)).astype(numpy.float32)


def chance_of(*parts: object) -> random.Random:
    """A generator of random numbers that is a function of its parts alone."""
    return random.Random("/".join(map(str, parts)))
