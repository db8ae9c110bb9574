"""Floating-point operations of one ONNX operator, from the shapes around it.

The conventions are those of `graph_costs`; here is one rule for each operator that has a cost.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Shape = tuple[int, ...]
FLOATING = frozenset({1, 10, 11, 16, 17, 18, 19, 20, 23, 24})
"""`TensorProto.DataType`: float, float16, double, bfloat16, the float8 kinds, float4."""


class Unknown(Exception):  # noqa: N818  # told apart from a failure: it becomes a note beside the sum
    """The cost of an operator cannot be told; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value as far as shape inference knows it."""

    kind: int
    """`TensorProto.DataType`; 0 is not known."""
    shape: Shape | None


@dataclass(frozen=True, slots=True)
class Node:
    """An operator with the values around it. Reading a shape that is not known raises Unknown."""

    operator: str
    attribute: Callable[[str, Any], Any]
    """Value of an attribute by its name, or what is given beside it."""
    inputs: tuple[Tensor | None, ...]
    """None: not known, or left out."""
    outputs: tuple[Tensor | None, ...]
    present: frozenset[int]
    """Places of the inputs that are there."""

    def input(self, place: int = 0) -> Shape:
        """Shape of an input."""
        return _shape(self.inputs, place, "input")

    def output(self) -> Shape:
        """Shape of the first output."""
        return _shape(self.outputs, 0, "output")

    @property
    def integral(self) -> bool:
        """Whether it works on integers or truth values alone: arithmetic on shapes and indices."""
        kinds = [tensor.kind for tensor in (*self.inputs[:1], *self.outputs[:1]) if tensor and tensor.kind]
        return bool(kinds) and not any(kind in FLOATING for kind in kinds)


def _shape(tensors: tuple[Tensor | None, ...], place: int, side: str) -> Shape:
    tensor = tensors[place] if place < len(tensors) else None
    if tensor is None or tensor.shape is None:
        raise Unknown(f"no shape of {side} {place}")
    return tensor.shape


def flops(node: Node, domain: str) -> int:
    """Operations of one node. Raises Unknown without a rule or a shape."""
    if domain not in ("", "ai.onnx"):
        raise Unknown(f"no rule for operators of {domain}")
    if node.operator not in RULES:
        raise Unknown("no rule")
    return RULES[node.operator](node)


Rule = Callable[[Node], int]


def _nothing(_: Node) -> int:
    return 0


def _each(cost: int) -> Rule:
    """So many for each element of the output."""
    return lambda node: 0 if node.integral else cost * math.prod(node.output())


def _variadic(extra: int) -> Rule:
    """One for each operand after the first, and `extra`, for each element of the output."""
    return lambda node: 0 if node.integral else (len(node.present) - 1 + extra) * math.prod(node.output())


def _fold(reads: int, writes: int) -> Rule:
    """So many for each element read and for each element written."""

    def rule(node: Node) -> int:
        if node.integral:
            return 0
        return reads * math.prod(node.input()) + writes * math.prod(node.output())

    return rule


def _window(saved: int) -> Rule:
    """One for each place of the pooling window, less `saved`, for each element of the output."""
    return lambda node: (math.prod(node.attribute("kernel_shape", ())) - saved) * math.prod(node.output())


def _convolution(weight: int, bias: int) -> Rule:
    """Each output element is a sum over its group's channels and the kernel."""

    def rule(node: Node) -> int:
        return math.prod(node.output()) * (2 * math.prod(node.input(weight)[1:]) + (bias in node.present))

    return rule


def _transposed_convolution(node: Node) -> int:
    """Each input element is multiplied into its group's channels and the kernel."""
    added = math.prod(node.output()) if 2 in node.present else 0
    return 2 * math.prod(node.input()) * math.prod(node.input(1)[1:]) + added


def _product(node: Node) -> int:
    """A matrix product, with the shapes of numpy's `matmul`."""
    return 2 * node.input()[-1] * math.prod(node.output())


def _general_product(node: Node) -> int:
    inner: int = node.input()[0 if node.attribute("transA", 0) else 1]
    scaled: bool = node.attribute("alpha", 1.0) != 1.0
    added = (1 + (node.attribute("beta", 1.0) != 1.0)) if 2 in node.present else 0
    return (2 * inner + scaled + added) * math.prod(node.output())


def _einsum(node: Node) -> int:
    """Products over all labels at once, summed where a label is not in the result."""
    left, arrow, right = node.attribute("equation", b"").decode().replace(" ", "").partition("->")
    terms = left.split(",")
    if "." in left or not arrow or len(terms) > 2:
        raise Unknown("a rule only for explicit equations of at most two operands")
    sizes: dict[str, int] = {}
    for place, term in enumerate(terms):
        for label, size in zip(term, node.input(place), strict=True):
            sizes[label] = max(size, sizes.get(label, 1))
    whole, written = math.prod(sizes.values()), math.prod(sizes[label] for label in right)
    if len(terms) == 1:
        return whole - written
    return 2 * whole if set(sizes) - set(right) else whole


def _recurrent(gates: int, pointwise: int) -> Rule:
    """Products of input and state with their gates, their sum and biases, then the cell's own."""

    def rule(node: Node) -> int:
        steps, width = math.prod(node.input()[:2]), node.input(2)[-1]
        directions = node.input(2)[0]
        products = 2 * (math.prod(node.input(1)) + math.prod(node.input(2)))
        biases = 2 * gates * width * directions if 3 in node.present else 0
        return steps * (products + biases + directions * width * (gates + pointwise))

    return rule


def _local_normalization(node: Node) -> int:
    """Square, sum over neighbouring channels, scale, shift, power, divide."""
    neighbours: int = node.attribute("size", 0)
    return (neighbours + 4) * math.prod(node.output())


def _resize(node: Node) -> int:
    """Linear interpolation weighs two neighbours along each axis that changes; nearest copies."""
    mode = node.attribute("mode", b"nearest").decode()
    if mode == "nearest":
        return 0
    if mode != "linear":
        raise Unknown(f"no rule for mode {mode}")
    changed = sum(before != after for before, after in zip(node.input(), node.output(), strict=True))
    return (2 * 2**changed - 1 if changed else 0) * math.prod(node.output())


_ELEMENTWISE = """
    Abs Acos Acosh Add Asin Asinh Atan Atanh Ceil Celu Clip Cos Cosh DequantizeLinear Div Elu Equal Erf Exp
    Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish IsInf IsNaN LeakyRelu Less LessOrEqual Log Mish
    Mod Mul Neg PRelu Pow QuantizeLinear Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus
    Softsign Sqrt Sub Swish Tan Tanh ThresholdedRelu
"""
_MOVING = """
    And BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Compress Concat Constant
    ConstantOfShape DepthToSpace Dropout Expand EyeLike Flatten Gather GatherElements GatherND Identity
    NonZero Not OneHot Or Pad Range Reshape ReverseSequence Shape Size Slice SpaceToDepth Split Squeeze
    Tile Transpose Trilu Unsqueeze Where Xor
"""

RULES: dict[str, Rule] = {
    **dict.fromkeys(_ELEMENTWISE.split(), _each(1)),
    **dict.fromkeys(_MOVING.split(), _nothing),
    "ArgMax": _fold(1, -1),
    "ArgMin": _fold(1, -1),
    "AveragePool": _window(0),
    "BatchNormalization": _each(2),
    "Conv": _convolution(1, 2),
    "ConvInteger": _convolution(1, -1),
    "ConvTranspose": _transposed_convolution,
    "CumSum": _each(1),
    "DynamicQuantizeLinear": _each(3),
    "Einsum": _einsum,
    "GRU": _recurrent(3, 8),
    "Gemm": _general_product,
    "GlobalAveragePool": _fold(1, 0),
    "GlobalMaxPool": _fold(1, -1),
    "GroupNormalization": _each(7),
    "InstanceNormalization": _each(7),
    "LRN": _local_normalization,
    "LSTM": _recurrent(4, 9),
    "LayerNormalization": _each(7),
    "LogSoftmax": _each(5),
    "MatMul": _product,
    "MatMulInteger": _product,
    "Max": _variadic(0),
    "MaxPool": _window(1),
    "Mean": _variadic(1),
    "MeanVarianceNormalization": _each(5),
    "Min": _variadic(0),
    "QLinearConv": _convolution(3, 8),
    "QLinearMatMul": _product,
    "RMSNormalization": _each(4),
    "RNN": _recurrent(1, 1),
    "ReduceL1": _fold(2, -1),
    "ReduceL2": _fold(2, 0),
    "ReduceLogSum": _fold(1, 0),
    "ReduceLogSumExp": _fold(2, 0),
    "ReduceMax": _fold(1, -1),
    "ReduceMean": _fold(1, 0),
    "ReduceMin": _fold(1, -1),
    "ReduceProd": _fold(1, -1),
    "ReduceSum": _fold(1, -1),
    "ReduceSumSquare": _fold(2, -1),
    "Resize": _resize,
    "Softmax": _each(5),
    "Sum": _variadic(0),
}
