"""Costs of graphs, against torch's counter, naive loops and sums by hand."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from ci_rlm.errors import UsageError
from ci_rlm.training.graph_costs import GraphCosts, costs_of, parameters_of
from ci_rlm.training.graph_shapes import batched, input_shapes

Shape = Sequence[int | str]


def graph_of(
    nodes: Sequence[onnx.NodeProto],
    inputs: dict[str, Shape],
    weights: dict[str, Sequence[int]] | None = None,
    *,
    constants: Sequence[onnx.TensorProto] = (),
    kind: int = TensorProto.FLOAT,
    functions: Sequence[onnx.FunctionProto] = (),
) -> onnx.ModelProto:
    """A graph whose output is that of its last node."""
    given = [helper.make_tensor_value_info(name, kind, list(shape)) for name, shape in inputs.items()]
    out = [helper.make_empty_tensor_value_info(nodes[-1].output[0])]
    data = [
        TensorProto(name=name, data_type=TensorProto.FLOAT, dims=dims)
        for name, dims in (weights or {}).items()
    ]
    graph = helper.make_graph(list(nodes), "g", given, out, [*data, *constants])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ours", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=list(functions))


def one(
    operator: str,
    *inputs: Sequence[int],
    weights: Sequence[Sequence[int]] = (),
    constants: Sequence[onnx.TensorProto] = (),
    kind: int = TensorProto.FLOAT,
    **attributes: Any,
) -> GraphCosts:
    """Costs of one operator on inputs, then weights, then constants."""
    named = {f"x{place}": shape for place, shape in enumerate(inputs)}
    learned = {f"w{place}": shape for place, shape in enumerate(weights)}
    names = [*named, *learned, *(constant.name for constant in constants)]
    node = helper.make_node(operator, names, ["y"], **attributes)
    return costs_of(graph_of([node], named, learned, constants=constants, kind=kind))


def whole(name: str, *values: int) -> onnx.TensorProto:
    return helper.make_tensor(name, TensorProto.INT64, (len(values),), values)


@st.composite
def convolutions(draw: st.DrawFn) -> dict[str, Any]:
    groups = draw(st.sampled_from((1, 1, 2, 3)))
    kernel, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 2))
    return {
        "batch": draw(st.integers(1, 3)),
        "before": groups * draw(st.integers(1, 4)),
        "after": groups * draw(st.integers(1, 4)),
        "groups": groups,
        "kernel": kernel,
        "dilation": dilation,
        "stride": draw(st.integers(1, 3)),
        "pad": draw(st.integers(0, 2)),
        "side": dilation * (kernel - 1) + 1 + draw(st.integers(0, 6)),
    }


def torch_flops(call: Any) -> tuple[int, tuple[int, ...]]:
    """What torch counts of a call on tensors without data, and the shape of its result."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.device("meta"):
        shape = tuple(call(torch).shape)
    return counter.get_total_flops(), shape


@settings(max_examples=25)
@given(convolutions())
def test_a_convolution_costs_what_torch_counts(c: dict[str, Any]) -> None:
    costs = one(
        "Conv", (c["batch"], c["before"], c["side"], c["side"]),
        weights=[(c["after"], c["before"] // c["groups"], c["kernel"], c["kernel"])],
        kernel_shape=[c["kernel"]] * 2, strides=[c["stride"]] * 2, dilations=[c["dilation"]] * 2,
        pads=[c["pad"]] * 4, group=c["groups"],
    )  # fmt: skip
    expected, _ = torch_flops(
        lambda torch: torch.conv2d(
            torch.empty(c["batch"], c["before"], c["side"], c["side"]),
            torch.empty(c["after"], c["before"] // c["groups"], c["kernel"], c["kernel"]),
            stride=c["stride"], padding=c["pad"], dilation=c["dilation"], groups=c["groups"],
        )
    )  # fmt: skip
    assert costs.flops == expected


@settings(max_examples=25)
@given(convolutions())
def test_a_transposed_convolution_costs_what_torch_counts(c: dict[str, Any]) -> None:
    costs = one(
        "ConvTranspose", (c["batch"], c["before"], c["side"], c["side"]),
        weights=[(c["before"], c["after"] // c["groups"], c["kernel"], c["kernel"])],
        kernel_shape=[c["kernel"]] * 2, strides=[c["stride"]] * 2, dilations=[c["dilation"]] * 2,
        group=c["groups"],
    )  # fmt: skip
    expected, _ = torch_flops(
        lambda torch: torch.conv_transpose2d(
            torch.empty(c["batch"], c["before"], c["side"], c["side"]),
            torch.empty(c["before"], c["after"] // c["groups"], c["kernel"], c["kernel"]),
            stride=c["stride"], dilation=c["dilation"], groups=c["groups"],
        )
    )  # fmt: skip
    assert costs.flops == expected


def test_a_convolution_costs_what_its_loops_do() -> None:
    batch, before, after, groups, side, kernel, stride, pad = 2, 4, 6, 2, 5, 3, 2, 1
    loops = 0
    for _ in itertools.product(range(batch), range(after), range(-pad, side + pad - kernel + 1, stride)):
        for _ in range(-pad, side + pad - kernel + 1, stride):
            loops += 1  # the bias
            for _ in itertools.product(range(before // groups), range(kernel), range(kernel)):
                loops += 2  # multiply and add
    costs = one(
        "Conv", (batch, before, side, side), weights=[(after, before // groups, kernel, kernel), (after,)],
        kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, group=groups,
    )  # fmt: skip
    assert costs.flops == loops


@pytest.mark.parametrize(
    ("left", "right"),
    [((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((2, 1, 3, 4), (7, 4, 5)), ((4,), (4,)), ((4,), (2, 4, 5))],
)
def test_a_matrix_product_costs_what_numpy_would_sum(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    import numpy

    shape = numpy.matmul(numpy.zeros(left), numpy.zeros(right)).shape
    assert one("MatMul", left, right).flops == 2 * left[-1] * math.prod(shape)


@pytest.mark.parametrize(
    ("attributes", "weights", "flops"),
    [
        ({"transB": 1}, [(5, 4)], 2 * 3 * 4 * 5),
        ({}, [(4, 5)], 2 * 3 * 4 * 5),
        ({"transB": 1}, [(5, 4), (5,)], 2 * 3 * 4 * 5 + 15),
        ({"transB": 1, "alpha": 0.5}, [(5, 4), (5,)], 2 * 3 * 4 * 5 + 2 * 15),
        ({"transB": 1, "alpha": 0.5, "beta": 2.0}, [(5, 4), (5,)], 2 * 3 * 4 * 5 + 3 * 15),
    ],
)
def test_a_gemm_counts_its_bias_and_its_scales(
    attributes: dict[str, Any], weights: list[tuple[int, ...]], flops: int
) -> None:
    assert one("Gemm", (3, 4), weights=weights, **attributes).flops == flops


@pytest.mark.parametrize(
    ("equation", "shapes", "flops"),
    [
        ("bij,bjk->bik", ((2, 3, 4), (2, 4, 5)), 2 * 2 * 3 * 4 * 5),
        ("i,j->ij", ((3,), (4,)), 12),
        ("ij->i", ((3, 4),), 9),
        ("ij,ij->", ((3, 4), (3, 4)), 24),
        ("ij->ji", ((3, 4),), 0),
    ],
)
def test_an_einsum_counts_products_and_sums(equation: str, shapes: Any, flops: int) -> None:
    assert one("Einsum", *shapes, equation=equation).flops == flops


@pytest.mark.parametrize(
    ("operator", "shape", "attributes", "flops"),
    [
        ("Relu", (2, 3, 4), {}, 24),
        ("HardSwish", (2, 3, 4), {}, 24),
        ("Softmax", (2, 10), {}, 100),
        ("MaxPool", (1, 3, 8, 8), {"kernel_shape": [2, 2], "strides": [2, 2]}, 3 * 16 * 3),
        ("AveragePool", (1, 3, 8, 8), {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, 3 * 64 * 9),
        ("GlobalAveragePool", (1, 3, 8, 8), {}, 192),
        ("GlobalMaxPool", (1, 3, 8, 8), {}, 192 - 3),
        ("ReduceSumSquare", (2, 5), {"keepdims": 0}, 19),
        ("ReduceMean", (2, 5), {"keepdims": 0}, 10),
        ("ReduceMax", (2, 5), {"keepdims": 0}, 9),
        ("ArgMax", (2, 5), {"axis": 1}, 8),
        ("LRN", (1, 3, 2, 2), {"size": 5}, 12 * 9),
        ("Transpose", (2, 3), {"perm": [1, 0]}, 0),
        ("Flatten", (2, 3, 4), {}, 0),
        ("Identity", (2, 3), {}, 0),
    ],
)
def test_an_operator_on_one_tensor(
    operator: str, shape: tuple[int, ...], attributes: dict[str, Any], flops: int
) -> None:
    assert one(operator, shape, **attributes).flops == flops


@pytest.mark.parametrize(
    ("operator", "count", "flops"), [("Add", 2, 60), ("Sum", 3, 120), ("Max", 4, 180), ("Mean", 3, 180)]
)
def test_operands_after_the_first_count(operator: str, count: int, flops: int) -> None:
    shapes = [(3, 4, 5), *[(5,)] * (count - 1)]
    assert one(operator, *shapes).flops == flops


@pytest.mark.parametrize(
    ("operator", "weights", "flops", "parameters"),
    [
        ("BatchNormalization", [(3,)] * 4, 2 * 96, 6),
        ("InstanceNormalization", [(3,)] * 2, 7 * 96, 6),
        ("LayerNormalization", [(4,), (4,)], 7 * 96, 8),
        ("PRelu", [(3, 1, 1)], 96, 3),
    ],
)
def test_a_normalisation_counts_elements_and_learns_no_statistics(
    operator: str, weights: list[tuple[int, ...]], flops: int, parameters: int
) -> None:
    costs = one(operator, (2, 3, 4, 4), weights=weights)
    assert (costs.flops, costs.parameters) == (flops, parameters)


def test_a_recurrent_layer_is_its_gates_at_every_step() -> None:
    steps, batch, before, width = 5, 2, 3, 4
    costs = one(
        "LSTM", (steps, batch, before),
        weights=[(1, 4 * width, before), (1, 4 * width, width), (1, 8 * width)], hidden_size=width,
    )  # fmt: skip
    gate = 2 * before + 2 * width + 2 + 1  # two products, two biases, their sum
    cell = 3 + 2 + 3 + 1  # sigmoids, tangents, products, sum
    assert costs.flops == steps * batch * width * (4 * gate + cell)
    assert costs.parameters == 4 * width * (before + width + 2)


def test_linear_interpolation_weighs_the_axes_that_change() -> None:
    assert one(
        "Resize", (1, 2, 4, 4), constants=[_none("roi"), _none("scales"), whole("sizes", 1, 2, 8, 4)],
        mode="linear",
    ).flops == 64 * 3  # fmt: skip


def _none(name: str) -> onnx.TensorProto:
    return helper.make_tensor(name, TensorProto.FLOAT, (0,), [])


def test_arithmetic_on_integers_is_no_floating_point() -> None:
    assert one("Add", (100,), (100,), kind=TensorProto.INT64).flops == 0


def test_a_weight_used_twice_counts_once() -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("MatMul", ["h", "w"], ["y"])]
    assert parameters_of(graph_of(nodes, {"x": (2, 3)}, {"w": (3, 3), "unused": (100,)})) == 9


def test_constants_that_set_an_operator_up_are_not_learned() -> None:
    nodes = [
        helper.make_node("Clip", ["x", "low", "high"], ["a"]),
        helper.make_node("Pow", ["a", "power"], ["b"]),
        helper.make_node("Mul", ["b", "scalar"], ["c"]),
        helper.make_node("Div", ["c", "factor"], ["d"]),
        helper.make_node("Reshape", ["d", "shape"], ["y"]),
    ]
    scalars = [helper.make_tensor(name, TensorProto.FLOAT, (), [2.0]) for name in ("low", "high", "scalar")]
    singles = [helper.make_tensor(name, TensorProto.FLOAT, (1,), [2.0]) for name in ("power", "factor")]
    model = graph_of(nodes, {"x": (2, 3)}, constants=[*scalars, *singles, whole("shape", 3, 2)])
    assert parameters_of(model) == 0


def test_a_weight_in_a_constant_node_and_one_in_a_branch_are_learned() -> None:
    def branch(name: str, size: int) -> onnx.GraphProto:
        weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=(3, size))
        node = helper.make_node("MatMul", ["h", "w"], [name])
        return helper.make_graph([node], name, [], [helper.make_empty_tensor_value_info(name)], [weight])

    value = helper.make_tensor("v", TensorProto.FLOAT, (3,), [1.0] * 3)
    nodes = [
        helper.make_node("Constant", [], ["c"], value=value),
        helper.make_node("Add", ["x", "c"], ["h"]),
        helper.make_node("If", ["flag"], ["y"], then_branch=branch("t", 5), else_branch=branch("e", 7)),
    ]
    flag = helper.make_tensor("flag", TensorProto.BOOL, (), [True])
    assert parameters_of(graph_of(nodes, {"x": (2, 3)}, constants=[flag])) == 3 + 15 + 21


def test_the_bias_of_a_single_output_is_learned() -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Add", ["h", "b"], ["y"])]
    assert parameters_of(graph_of(nodes, {"x": (2, 3)}, {"w": (3, 1), "b": (1,)})) == 4


def test_a_quantised_weight_is_learned_and_its_scale_is_not() -> None:
    quantised = TensorProto(name="q", data_type=TensorProto.INT8, dims=(3, 4))
    scale = helper.make_tensor("s", TensorProto.FLOAT, (1,), [0.1])
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "s"], ["w"]),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    assert parameters_of(graph_of(nodes, {"x": (2, 3)}, constants=[quantised, scale])) == 12


def test_what_has_no_rule_is_named() -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Det", ["a"], ["b"], name="volume"),
        helper.make_node("Fancy", ["x"], ["c"], domain="ours"),
        helper.make_node("Relu", ["c"], ["y"]),
    ]
    costs = costs_of(graph_of(nodes, {"x": (3, 3)}))
    assert costs.flops == 9
    assert costs.uncounted == (
        "Det (volume): no rule",
        "Fancy (c): no rule for operators of ours",
        "Relu (y): no shape of output 0",
    )


def test_local_functions_are_counted_where_they_are_called() -> None:
    body = [helper.make_node("Relu", ["a"], ["r"]), helper.make_node("MatMul", ["r", "b"], ["c"])]
    function = helper.make_function("ours", "Layer", ["a", "b"], ["c"], body, [helper.make_opsetid("", 18)])
    nodes = [helper.make_node("Layer", ["x", "w"], ["y"], domain="ours")]
    costs = costs_of(graph_of(nodes, {"x": (2, 3)}, {"w": (3, 4)}, functions=[function]))
    assert (costs.flops, costs.parameters, costs.uncounted) == (6 + 2 * 2 * 3 * 4, 12, ())


def test_shapes_go_through_what_the_graph_computes_of_them() -> None:
    """`x.view(x.size(0), -1)`, as exporters write it."""
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Concat", ["n", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["y"]),
    ]
    model = graph_of(
        nodes, {"x": ("N", 2, 3)}, {"w": (6, 4)}, constants=[whole("zero", 0), whole("rest", -1)]
    )
    assert costs_of(model, 5).flops == 2 * 5 * 6 * 4


def test_shapes_go_through_slices_and_products_of_sizes() -> None:
    """A `view` that merges two axes, as exporters write it after a recurrent layer."""
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Slice", ["s", "one", "two"], ["wide"]),
        helper.make_node("Slice", ["s", "two", "three"], ["deep"]),
        helper.make_node("Mul", ["wide", "deep"], ["merged"]),
        helper.make_node("Reshape", ["merged", "minus"], ["last"]),
        helper.make_node("Slice", ["s", "zero", "one"], ["n"]),
        helper.make_node("Concat", ["n", "last"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["y"]),
    ]
    names = {"zero": 0, "one": 1, "two": 2, "three": 3, "minus": -1}
    numbers = [whole(name, value) for name, value in names.items()]
    costs = costs_of(graph_of(nodes, {"x": ("N", 2, 3)}, {"w": (6, 4)}, constants=numbers), 5)
    assert (costs.flops, costs.uncounted) == (2 * 5 * 6 * 4, ())


def test_a_shape_that_asks_for_the_impossible_is_not_computed() -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Mul", ["s", "huge"], ["most"]),
        helper.make_node("ConstantOfShape", ["most"], ["zeros"]),
        helper.make_node("Relu", ["zeros"], ["y"]),
    ]
    costs = costs_of(graph_of(nodes, {"x": ("N",)}, constants=[whole("huge", 10**12)]), 2)
    assert costs.flops == 2 * 10**12


def test_a_stale_batch_in_a_declared_output_is_not_believed() -> None:
    model = graph_of([helper.make_node("Relu", ["x"], ["y"])], {"x": ("N", 3)})
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 3)))
    assert costs_of(model, 4).flops == 12


def test_the_batch_fills_first_dimensions_and_their_namesakes() -> None:
    nodes = [helper.make_node("Add", ["x", "z"], ["y"])]
    model = graph_of(nodes, {"x": ("N", 3), "z": (3, "N")})
    assert input_shapes(model, 4, {}) == {"x": (4, 3), "z": (3, 4)}


def test_other_open_dimensions_take_the_sizes_given() -> None:
    model = graph_of([helper.make_node("Relu", ["x"], ["y"])], {"x": ("N", "time", 3)})
    assert costs_of(model, 2, {"time": 7}).flops == 42


def test_an_unnamed_open_dimension_is_named_by_input_and_axis() -> None:
    model = graph_of([helper.make_node("Relu", ["x"], ["y"])], {"x": ("N", "time", 3)})
    model.graph.input[0].type.tensor_type.shape.dim[1].Clear()
    assert input_shapes(model, 2, {"x:1": 7}) == {"x": (2, 7, 3)}


def test_an_open_dimension_without_a_size_is_an_error_that_names_it() -> None:
    model = graph_of([helper.make_node("Relu", ["x"], ["y"])], {"x": ("N", "time", 3)})
    with pytest.raises(UsageError, match="input x, axis 1: the size of 'time' is open") as caught:
        costs_of(model)
    assert caught.value.hint == "--dim time=128"


def test_a_graph_of_fixed_shapes_takes_no_batch() -> None:
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    assert batched(graph_of(nodes, {"x": ("N", 3)}))
    assert not batched(graph_of(nodes, {"x": (2, 3)}))


def test_an_old_graph_that_lists_its_weights_as_inputs() -> None:
    model = graph_of([helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": ("N", 3)}, {"w": (3, 4)})
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, (3, 4)))
    assert costs_of(model, 2) == GraphCosts(12, 2 * 2 * 3 * 4, (("MatMul", 48),), ())
