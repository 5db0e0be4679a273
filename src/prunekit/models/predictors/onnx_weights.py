"""The weights of an ONNX graph: which constants are weights, how many bits they have, and which were removed."""

from __future__ import annotations

from typing import Any

import numpy as np

from prunekit.models.predictors.weights import Weight, zeros_beyond_rounding

# Operator inputs that are scales, zero points or statistics, not weights.
OTHERS: dict[str, tuple[int, ...]] = {
    "BatchNormalization": (3, 4),
    "DequantizeLinear": (1, 2),
    "QuantizeLinear": (1, 2),
    "QLinearConv": (1, 2, 4, 5, 6, 7),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7),
    "QGemm": (1, 2, 4, 5, 7, 8),
    "ConvInteger": (2, 3),
    "MatMulInteger": (2, 3),
    "MatMulNBits": (2, 3, 4),
}
# The input with a quantised weight's zero point, by operator and the weight's own input.
ZEROS = {
    ("DequantizeLinear", 0): 2,
    ("QLinearConv", 3): 5,
    ("QLinearMatMul", 3): 5,
    ("QGemm", 3): 5,
    ("ConvInteger", 1): 3,
    ("MatMulInteger", 1): 3,
}
# Weight types and their bits. Integers of more than 16 bits are shapes, indices and quantised biases, not weights.
FLOATS = {"FLOAT": 32, "DOUBLE": 64, "FLOAT16": 16, "BFLOAT16": 16, "FLOAT8E4M3FN": 8, "FLOAT8E5M2": 8}
WHOLE = {"INT8": 8, "UINT8": 8, "INT16": 16, "UINT16": 16, "INT4": 4, "UINT4": 4}


def weights_of(onnx: Any, graph: Any) -> tuple[Weight, ...]:
    """The weights among a graph's constants; a quantised value is zero if it equals its zero point."""
    tensors = _constants(graph)
    others, points, found = set(), {}, []
    for node in graph.node:
        others |= {node.input[place] for place in OTHERS.get(node.op_type, ()) if place < len(node.input)}
        for place, name in enumerate(node.input):
            at = ZEROS.get((node.op_type, place))
            if at is not None and at < len(node.input) and node.input[at] in tensors:
                points[name] = onnx.numpy_helper.to_array(tensors[node.input[at]])
        if node.op_type == "MatMulNBits":
            others.add(node.input[1])
            found.append(_packed(node))
    for name, tensor in tensors.items():
        kind = onnx.TensorProto.DataType.Name(tensor.data_type)
        if name not in others and kind in FLOATS | WHOLE:
            found.append(_weight(onnx, tensor, kind, points.get(name)))
    return tuple(found)


def _constants(graph: Any) -> dict[str, Any]:
    """Initialisers and values of constant nodes, by name."""
    nodes = [node for node in graph.node if node.op_type == "Constant"]
    values = {
        node.output[0]: each.t
        for node in nodes
        for each in node.attribute
        if each.name == "value" and node.output
    }
    return values | {tensor.name: tensor for tensor in graph.initializer}


def _packed(node: Any) -> Weight:
    """A packed weight, several of whose values share a byte; its zeros are not counted."""
    said = {each.name: each.i for each in node.attribute}
    return Weight.of((said.get("K", 0), said.get("N", 0)), said.get("bits", 4))


def _weight(onnx: Any, tensor: Any, kind: str, point: Any) -> Weight:
    array = onnx.numpy_helper.to_array(tensor)
    if kind in FLOATS:
        return Weight.of(array.shape, FLOATS[kind], int(np.count_nonzero(array == 0)))
    steps = array.astype(np.int32) - _broadcast(point, array)
    return Weight.of(array.shape, WHOLE[kind], zeros_beyond_rounding(steps))


def _broadcast(point: Any, array: Any) -> Any:
    """The zero point, given per tensor, per channel (of the axis with that length) or per block of one axis."""
    if point is None:
        return 0
    points = np.asarray(point).astype(np.int32)
    if points.size <= 1:
        return points.ravel()[0] if points.size else 0
    if points.ndim == array.ndim:
        for axis, side in enumerate(array.shape):
            points = np.repeat(points, -(-side // points.shape[axis]), axis).take(range(side), axis)
        return points
    axis = array.shape.index(points.size)
    return points.reshape([-1 if place == axis else 1 for place in range(array.ndim)])
