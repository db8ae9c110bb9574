"""Graphs as text, against the printer of onnx that the form comes from."""

from __future__ import annotations

import warnings

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from ci_rlm.training.graph_text import text_of
from ci_rlm.training.synthetic_graphs import FAMILIES, synthetic_graph

printable = pytest.mark.skipif(not hasattr(helper, "printable_graph"), reason="this onnx has no such printer")


def printed(model: onnx.ModelProto) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return helper.printable_graph(model.graph)


names = st.text("abc.:/_0", min_size=1, max_size=6)
floats = st.floats(width=32, allow_nan=False)
tensors = st.sampled_from(
    [
        helper.make_tensor("t", TensorProto.FLOAT, (), [0.5]),
        helper.make_tensor("t", TensorProto.INT64, (), [7]),
        helper.make_tensor("t", TensorProto.FLOAT, (2,), [0.5, 1.0]),
        helper.make_tensor("t", TensorProto.FLOAT16, (1,), [1.0]),
    ]
)
values = st.one_of(
    floats, st.integers(-(2**63), 2**63 - 1), st.text(max_size=90), tensors,
    st.lists(floats, min_size=1), st.lists(st.integers(-9, 9), min_size=1), st.lists(st.text(), min_size=1),
    st.lists(tensors, min_size=1),
)  # fmt: skip


@st.composite
def nodes(draw: st.DrawFn) -> onnx.NodeProto:
    made = helper.make_node(
        draw(names),
        draw(st.lists(st.one_of(names, st.just("")), max_size=3)),
        draw(st.lists(names, max_size=2)),
    )
    for name in draw(st.lists(names, max_size=3, unique=True)):
        made.attribute.append(helper.make_attribute(name, draw(values)))
    return made


@st.composite
def infos(draw: st.DrawFn) -> onnx.ValueInfoProto:
    kind = draw(st.sampled_from((TensorProto.FLOAT, TensorProto.INT64, TensorProto.BFLOAT16)))
    shape = draw(st.one_of(st.none(), st.lists(st.one_of(st.integers(0, 99), names, st.none()), max_size=4)))
    return helper.make_tensor_value_info(draw(names), kind, shape)


@st.composite
def graphs(draw: st.DrawFn, depth: int = 1) -> onnx.GraphProto:
    body = draw(st.lists(nodes(), max_size=3))
    if depth and body:
        body[0].attribute.append(helper.make_attribute("body", draw(graphs(depth=depth - 1))))
    inputs, outputs = draw(st.lists(infos(), max_size=3)), draw(st.lists(infos(), max_size=2))
    weights = [
        TensorProto(
            name=name, data_type=TensorProto.FLOAT, dims=draw(st.lists(st.integers(0, 9), max_size=3))
        )
        for name in draw(st.lists(st.one_of(names, *[st.just(each.name) for each in inputs]), max_size=3))
    ]
    return helper.make_graph(body, draw(names), inputs, outputs, weights)


@printable
@given(graphs())
def test_any_graph_reads_as_onnx_prints_it(graph: onnx.GraphProto) -> None:
    model = onnx.ModelProto(graph=graph)
    assert text_of(model) == printed(model)


@printable
@pytest.mark.parametrize("index", range(len(FAMILIES)), ids=list(FAMILIES))
def test_a_generated_graph_reads_as_onnx_prints_it(index: int) -> None:
    model = synthetic_graph(0, index)
    assert text_of(model) == printed(model)


def test_the_form_of_a_graph() -> None:
    model = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["": 17]>
        g (float[N, 3] x) => (float[N, 3] y) <float[3] w = {1, 2, 3}> {
            h = Add(x, w)
            y = LeakyRelu<alpha: float = 0.01>(h)
        }"""
    )
    assert text_of(model) == (
        "graph g (\n  %x[FLOAT, Nx3]\n) initializers (\n  %w[FLOAT, 3]\n) {\n"
        "  %h = Add(%x, %w)\n  %y = LeakyRelu[alpha = 0.00999999977648258](%h)\n  return %y\n}"
    )
