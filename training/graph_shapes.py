"""Shapes of all values of an ONNX graph, for one size of each open dimension.

ONNX's own inference goes a long way; where a graph computes a shape from shapes in ways that it does
not follow (slices and products of sizes, as exporters write a `view`), those computations are done
here, on the few integers that they are about, and inference goes on from there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ci_rlm.errors import UsageError
from ci_rlm.training.operator_costs import Shape, Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

_SMALL = 1024
"""Elements of a constant that may be a shape, or what one is computed from."""
_FOLDED = """
    Abs Add And Cast Concat Constant Div Equal Flatten Gather Greater Identity Less Max Min Mod Mul Neg Not Or
    ReduceMax ReduceMin ReduceProd ReduceSum Reshape Size Slice Split Squeeze Sub Transpose Unsqueeze Where
"""
"""Operators that shapes are computed with."""
_GROWING = frozenset({"ConstantOfShape", "Expand", "Range", "Tile"})
"""The same, but a few numbers may ask for a huge result: only where its size is known already."""


def require_onnx() -> Any:
    """The onnx package. Raises UsageError where it is not installed."""
    try:
        import onnx
    except ImportError as error:
        raise UsageError("graphs need the onnx package", hint='pip install "ci-rlm[onnx]"') from error
    return onnx


def batched(model: ModelProto) -> bool:
    """Whether the graph takes a batch of any size: an input's first dimension is open."""
    return any(shape and not isinstance(shape[0], int) for shape in _declared(model).values())


def input_shapes(model: ModelProto, batch: int, dims: Mapping[str, int]) -> dict[str, Shape]:
    """The shape of each input, its open dimensions filled.

    An open dimension takes its size from `dims`, by its name or as `INPUT:AXIS`; else it is
    `batch` where it is an input's first one, and so is every other of that name. Raises UsageError
    for one that is still open.
    """
    declared = _declared(model)
    first = {shape[0] for shape in declared.values() if shape and isinstance(shape[0], str)}
    sizes = dict.fromkeys(first, batch) | dict(dims)
    return {name: tuple(_size(name, axis, d, sizes) for axis, d in enumerate(shape))
            for name, shape in declared.items()}  # fmt: skip


def _size(name: str, axis: int, dim: int | str, sizes: Mapping[str, int]) -> int:
    if isinstance(dim, int):
        return dim
    if dim not in sizes:
        raise UsageError(f"input {name}, axis {axis}: the size of {dim!r} is open", hint=f"--dim {dim}=128")
    return sizes[dim]


def _declared(model: ModelProto) -> dict[str, tuple[int | str, ...]]:
    """Shapes of the inputs that a caller gives; a dimension without size or name is `INPUT:AXIS`."""
    constant = {tensor.name for tensor in model.graph.initializer}
    return {value.name: _dims(value) for value in model.graph.input if value.name not in constant}


def _dims(value: ValueInfoProto) -> tuple[int | str, ...]:
    tensor = value.type.tensor_type
    if not value.type.HasField("tensor_type") or not tensor.HasField("shape"):
        raise UsageError(f"input {value.name} declares no tensor shape", hint="export the graph with shapes")
    return tuple(
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param or f"{value.name}:{axis}"
        for axis, dim in enumerate(tensor.shape.dim)
    )


def inlined(model: ModelProto) -> ModelProto:
    """The graph with its local functions, which some exporters write, put in place."""
    if not model.functions:
        return model
    from onnx import inliner

    return inliner.inline_local_functions(model)


def tensors_of(model: ModelProto, shapes: Mapping[str, Shape]) -> dict[str, Tensor]:
    """What can be known of each value of a graph without local functions, by name."""
    bare = _without_weights(model, shapes)
    known = _inferred(bare)
    while _gaps(bare.graph, known) and (found := _computed(bare, known)):
        kept = [node for node in bare.graph.node if not set(filter(None, node.output)) <= found.keys()]
        del bare.graph.node[:]
        bare.graph.node.extend(kept)
        bare.graph.initializer.extend(found.values())
        known = _inferred(bare)
    return known


def _without_weights(model: ModelProto, shapes: Mapping[str, Shape]) -> ModelProto:
    """A copy with its inputs' shapes given, and without the data of its weights."""
    onnx = require_onnx()
    bare: ModelProto = onnx.ModelProto(ir_version=model.ir_version)
    bare.opset_import.extend(model.opset_import)
    bare.graph.name = model.graph.name
    bare.graph.node.extend(model.graph.node)
    bare.graph.initializer.extend(_bare(tensor) for tensor in model.graph.initializer)
    for value in model.graph.input:
        shape = shapes.get(value.name) or _dims(value)
        bare.graph.input.append(
            onnx.helper.make_tensor_value_info(value.name, value.type.tensor_type.elem_type, shape)
        )
    # Declared shapes of outputs may hold names, or a batch of the exporter's: they are found anew.
    for value in model.graph.output:
        bare.graph.output.append(onnx.helper.make_empty_tensor_value_info(value.name))
    return bare


def _bare(tensor: TensorProto) -> TensorProto:
    if math.prod(tensor.dims) <= _SMALL:
        return tensor
    bare: TensorProto = require_onnx().TensorProto(
        name=tensor.name, data_type=tensor.data_type, dims=tensor.dims
    )
    return bare


def _inferred(model: ModelProto) -> dict[str, Tensor]:
    graph = require_onnx().shape_inference.infer_shapes(model, data_prop=True).graph
    known = {tensor.name: Tensor(tensor.data_type, tuple(tensor.dims)) for tensor in graph.initializer}
    for value in (*graph.input, *graph.output, *graph.value_info):
        known.setdefault(value.name, _tensor(value))
    return known


def _tensor(value: ValueInfoProto) -> Tensor:
    kind = value.type.tensor_type
    sizes = tuple(dim.dim_value for dim in kind.shape.dim if dim.HasField("dim_value"))
    whole = kind.HasField("shape") and len(sizes) == len(kind.shape.dim)
    return Tensor(kind.elem_type, sizes if whole else None)


def _gaps(graph: GraphProto, known: Mapping[str, Tensor]) -> bool:
    names = [name for node in graph.node for name in node.output if name]
    return any(name not in known or known[name].shape is None for name in names)


def _computed(model: ModelProto, known: Mapping[str, Tensor]) -> dict[str, TensorProto]:
    """Values that follow from shapes and small constants alone, not constants already."""
    from onnx import numpy_helper

    values = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in model.graph.initializer
        if math.prod(tensor.dims) <= _SMALL and tensor.data_type in (6, 7, 9)
    }
    given = set(values)
    for node in model.graph.node:
        found = _values(node, known, values, model)
        if all(value.size <= _SMALL for value in found.values()):
            values.update(found)
    return {name: numpy_helper.from_array(value, name) for name, value in values.items() if name not in given}


def _values(
    node: NodeProto, known: Mapping[str, Tensor], values: Mapping[str, NDArray[Any]], model: ModelProto
) -> dict[str, NDArray[Any]]:
    """The outputs of one node, where its inputs are known and few."""
    from onnx.reference import ReferenceEvaluator

    if node.op_type == "Shape":
        return _sizes(node, known)
    inputs = [name for name in node.input if name]
    if node.domain or not _cheap(node, known) or not all(name in values for name in inputs):
        return {}
    opsets = {opset.domain: opset.version for opset in model.opset_import}
    found = ReferenceEvaluator(node, opsets=opsets).run(None, {name: values[name] for name in inputs})
    return {name: value for name, value in zip(node.output, found, strict=True) if name}


def _cheap(node: NodeProto, known: Mapping[str, Tensor]) -> bool:
    result = known.get(node.output[0])
    shape = None if result is None else result.shape
    if node.op_type in _GROWING:
        return shape is not None and math.prod(shape) <= _SMALL
    return node.op_type in _FOLDED.split()


def _sizes(node: NodeProto, known: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    import numpy

    tensor = known.get(node.input[0])
    if tensor is None or tensor.shape is None:
        return {}
    bounds = {attribute.name: attribute.i for attribute in node.attribute}
    sizes = tensor.shape[slice(bounds.get("start", 0), bounds.get("end", len(tensor.shape)))]
    return {node.output[0]: numpy.array(sizes, numpy.int64)}
