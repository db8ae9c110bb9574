"""An ONNX graph as text, in the form that the paper's models read (Appendix D.6).

That form is `onnx.helper.printable_graph`'s, which onnx has deprecated; rows are keyed by the text's
hash, so it is written here, and a test holds the two equal as long as both are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from ci_rlm.training.graph_shapes import require_onnx

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, TypeProto, ValueInfoProto


def text_of(model: ModelProto) -> str:
    """The graph's inputs, constants with their shapes, and operators; no weights."""
    require_onnx()
    return _graph(model.graph)


def _graph(graph: GraphProto) -> str:
    inner: list[GraphProto] = []
    lines = [*_header(graph), *(f"  {_node(node, inner)}" for node in graph.node)]
    outputs = "".join([" ", ", ".join(f"%{value.name}" for value in graph.output)]) if graph.output else ""
    lines += [f"  return{outputs}", "}"]
    return "\n".join([*lines, *(f"\n{_graph(each)}" for each in inner)])


def _header(graph: GraphProto) -> Iterator[str]:
    """Inputs and constants; a graph without inputs lists no constants."""
    constants = {tensor.name for tensor in graph.initializer}
    inputs = {value.name for value in graph.input}
    required = [_value(value) for value in graph.input if value.name not in constants]
    optional = [_value(value) for value in graph.input if value.name in constants]
    rest = [_constant(tensor) for tensor in graph.initializer if tensor.name not in inputs]
    opening = f"graph {graph.name}"
    if graph.input:
        opening += " ("
        if required:
            yield opening
            yield from required
            opening = ")"
        else:
            opening += " )"
        if optional:
            yield f"{opening} optional inputs with matching initializers ("
            yield from optional
            opening = ")"
        if len(optional) < len(constants):
            yield f"{opening} initializers ("
            yield from rest
            opening = ")"
    yield f"{opening} {{"


def _value(value: ValueInfoProto) -> str:
    return f"  %{value.name}[{_type(value.type)}]"


def _type(kind: TypeProto) -> str:
    which = kind.WhichOneof("value")
    if which != "tensor_type":
        return f"Unknown type {which}" if which else ""
    name = _kind(kind.tensor_type.elem_type)
    if not kind.tensor_type.HasField("shape"):
        return name
    dims = (getattr(dim, dim.WhichOneof("value") or "", "?") for dim in kind.tensor_type.shape.dim)
    return _sized(name, dims)


def _constant(tensor: TensorProto) -> str:
    return f"  %{tensor.name}[{_sized(_kind(tensor.data_type), tensor.dims)}]"


def _sized(kind: str, dims: Iterable[object]) -> str:
    return f"{kind}, {'x'.join(map(str, dims)) or 'scalar'}"


@cache
def _kind(number: int) -> str:
    name: str = require_onnx().TensorProto.DataType.Name(number)
    return name


def _node(node: NodeProto, inner: list[GraphProto]) -> str:
    """One operator; graphs among its attributes are added to `inner`, to follow."""
    inputs = ", ".join([f"%{name}" for name in node.input])
    outputs = ", ".join([f"%{name}" for name in node.output])
    attributes = ", ".join(sorted([f"{each.name} = {_attribute(each, inner)}" for each in node.attribute]))
    call = f"{node.op_type}[{attributes}]({inputs})" if attributes else f"{node.op_type}({inputs})"
    return f"{outputs} = {call}" if outputs else call


def _attribute(attribute: AttributeProto, inner: list[GraphProto]) -> str:
    kind = _attribute_kind(attribute.type)
    if kind == "GRAPH":
        inner.append(attribute.g)
        return f"<graph {attribute.g.name}>"
    if kind == "GRAPHS" and attribute.graphs:
        inner.extend(attribute.graphs)
        # As the original joins them: no comma after the last, a space between all.
        names = [f"<graph {graph.name}>" for graph in attribute.graphs]
        return f"[ {', '.join(names)} ]"
    written = _WRITTEN[kind](attribute) if kind in _WRITTEN else ""
    return written or "<Unknown>"


@cache
def _attribute_kind(number: int) -> str:
    name: str = require_onnx().AttributeProto.AttributeType.Name(number)
    return name


def _float(value: float) -> str:
    return f"{value:.15g}"


def _list(words: Iterable[str]) -> str:
    """Nothing of an empty list, which a graph does not tell from one that is missing."""
    inside = ", ".join(words)
    return f"[{inside}]" if inside else ""


def _string(value: bytes) -> str:
    text = value.decode("utf-8", errors="ignore")
    return (
        text
        if len(text) < _LONGEST_STRING
        else f"{text[:_LONGEST_STRING]}...<+len={len(text) - _LONGEST_STRING}>"
    )


def _tensor(tensor: TensorProto) -> str:
    if tensor.dims:
        return "<Tensor>"
    field = require_onnx().helper.tensor_dtype_to_field(tensor.data_type)
    return f"<Scalar Tensor {list(getattr(tensor, field))}>"


_LONGEST_STRING = 64
_WRITTEN: dict[str, Callable[[AttributeProto], str]] = {
    "FLOAT": lambda attribute: _float(attribute.f),
    "INT": lambda attribute: str(attribute.i),
    "STRING": lambda attribute: repr(_string(attribute.s)),
    "TENSOR": lambda attribute: _tensor(attribute.t),
    "SPARSE_TENSOR": lambda attribute: "<Sparse Tensor>",
    "TYPE_PROTO": lambda attribute: f"<Type Proto {attribute.tp}>",
    "FLOATS": lambda attribute: _list(map(_float, attribute.floats)),
    "INTS": lambda attribute: _list(map(str, attribute.ints)),
    "STRINGS": lambda attribute: _list(repr(_string(each)) for each in attribute.strings),
    "TENSORS": lambda attribute: "[<Tensor>, ...]" if attribute.tensors else "",
    "SPARSE_TENSORS": lambda attribute: "[<Sparse Tensor>, ...]" if attribute.sparse_tensors else "",
}
