"""Exact costs of an ONNX graph, from its shapes alone: parameters and floating-point operations.

Parameters are the elements of learned tensors, a shared one counted once (`parameters_of` says what
is learned). FLOPs are those of one inference, by these conventions:

- A multiply–accumulate is two: convolutions (groups, strides, dilations; positions in the padding
  included, as every counter does), matrix products, recurrent layers and their quantised forms.
  A bias is one more for each element of the output.
- An elementwise operator or activation is one for each element of its output, whatever its formula;
  of more than two operands, one for each operand after the first.
- BatchNormalization is two for each element (its statistics fold into a scale and a shift); layer,
  instance and group normalisation seven (sum, centre, square, sum, divide, scale, shift); RMS four.
- Softmax is five for each element: maximum, subtract, exponential, sum, divide.
- A reduction is one for each element that it folds away, a mean one for each element that it reads;
  pooling is the same over its whole window.
- Data movement, casts and integer arithmetic (shapes, indices) are none.

What has no rule or no known shape is named in `uncounted`, never dropped silently.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ci_rlm.training.graph_shapes import inlined, input_shapes, tensors_of
from ci_rlm.training.operator_costs import FLOATING, Node, Tensor, Unknown, flops

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto


@dataclass(frozen=True, slots=True)
class GraphCosts:
    """What one inference costs, and what of it is unknown."""

    parameters: int
    flops: int
    by_operator: tuple[tuple[str, int], ...]
    """FLOPs of each operator type that has any, sorted by type."""
    uncounted: tuple[str, ...]
    """Nodes left out of the sum, as `Operator (node): reason`."""


def costs_of(model: ModelProto, batch: int = 1, dims: Mapping[str, int] | None = None) -> GraphCosts:
    """Parameters and FLOPs of one inference on `batch` examples.

    `dims` gives the sizes of open dimensions other than the batch: see `graph_shapes.input_shapes`.
    """
    whole = inlined(model)
    tensors = tensors_of(whole, input_shapes(model, batch, dims or {}))
    counted: Counter[str] = Counter()
    uncounted = []
    for node in whole.graph.node:
        try:
            counted[node.op_type] += flops(_view(node, tensors), node.domain)
        except Unknown as reason:
            uncounted.append(f"{node.op_type} ({node.name or node.output[0]}): {reason}")
    by_operator = tuple(sorted((operator, count) for operator, count in counted.items() if count))
    return GraphCosts(parameters_of(model), sum(counted.values()), by_operator, tuple(uncounted))


def _view(node: NodeProto, tensors: Mapping[str, Tensor]) -> Node:
    return Node(
        operator=node.op_type,
        attribute=partial(_attribute, node),
        inputs=tuple([tensors.get(name) for name in node.input]),
        outputs=tuple([tensors.get(name) for name in node.output]),
        present=frozenset([place for place, name in enumerate(node.input) if name]),
    )


def _attribute(node: NodeProto, name: str, otherwise: Any) -> Any:
    from onnx.helper import get_attribute_value

    found = next((attribute for attribute in node.attribute if attribute.name == name), None)
    return otherwise if found is None else get_attribute_value(found)


_SETTINGS: dict[str, frozenset[int]] = {
    "BatchNormalization": frozenset({3, 4}),
    "Clip": frozenset({1, 2}),
    "ConvInteger": frozenset({2, 3}),
    "DequantizeLinear": frozenset({1, 2}),
    "Dropout": frozenset({1, 2}),
    "MatMulInteger": frozenset({2, 3}),
    "OneHot": frozenset({1, 2}),
    "Pad": frozenset({1, 2, 3}),
    "Pow": frozenset({1}),
    "QLinearConv": frozenset({1, 2, 4, 5, 6, 7}),
    "QLinearMatMul": frozenset({1, 2, 4, 5, 6, 7}),
    "QuantizeLinear": frozenset({1, 2}),
    "Range": frozenset({0, 1, 2}),
    "Resize": frozenset({1, 2, 3}),
    "Upsample": frozenset({1}),
}
"""Inputs that set an operator up, and the running statistics of BatchNormalization."""

_QUANTISED: dict[str, frozenset[int]] = {
    "ConvInteger": frozenset({1}),
    "DequantizeLinear": frozenset({0}),
    "MatMulInteger": frozenset({0, 1}),
    "QLinearConv": frozenset({3, 8}),
    "QLinearMatMul": frozenset({0, 3}),
}
"""Inputs where a tensor of integers is a weight."""


_ARITHMETIC = frozenset({"Div", "Equal", "Greater", "Less", "Max", "Min", "Mul", "Pow", "Sub", "Where"})
"""Operators whose operand of one element is a factor or a bound of the program, not a weight."""


def parameters_of(model: ModelProto) -> int:
    """Elements of the learned tensors, each counted once however often it is used.

    Learned is a constant (an initialiser or the value of a Constant node) of floating type and one
    axis or more that an operator computes with, and an integer one where a quantised operator
    expects its weight. Not learned: scalars, single factors, inputs that set an operator up (bounds,
    exponents, scales, zero points), running statistics. An exporter may have folded a weight into
    another or merged equal ones: the graph's parameters are counted, not the program's.
    """
    graph = inlined(model).graph
    return sum(dict(_learned(graph, {}, "")).values())


def _learned(
    graph: GraphProto, outer: Mapping[str, tuple[str, TensorProto]], path: str
) -> Iterator[tuple[str, int]]:
    """Learned tensors that a graph and the graphs inside it use, as (unique name, elements)."""
    constants = {**outer, **{name: (f"{path}/{name}", tensor) for name, tensor in _constants(graph)}}
    for place, node in enumerate(graph.node):
        for slot, name in enumerate(node.input):
            if name in constants and _is_learned(node.op_type, slot, constants[name][1]):
                unique, tensor = constants[name]
                yield unique, math.prod(tensor.dims)
        for attribute in node.attribute:
            for index, inner in enumerate((attribute.g, *attribute.graphs)):
                if inner.node:
                    yield from _learned(inner, constants, f"{path}/{place}.{attribute.name}.{index}")


def _constants(graph: GraphProto) -> Iterator[tuple[str, TensorProto]]:
    for tensor in graph.initializer:
        yield tensor.name, tensor
    for sparse in graph.sparse_initializer:
        yield sparse.values.name, sparse.values
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "value":
                yield node.output[0], attribute.t


def _is_learned(operator: str, slot: int, tensor: TensorProto) -> bool:
    if slot in _SETTINGS.get(operator, ()):
        return False
    if tensor.data_type in FLOATING:
        return len(tensor.dims) > 0 and (math.prod(tensor.dims) > 1 or operator not in _ARITHMETIC)
    return slot in _QUANTISED.get(operator, ())
