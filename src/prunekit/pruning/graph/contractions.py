"""Layers and matrix products, which read channels and make others."""

from __future__ import annotations

import torch
from torch import Tensor

from prunekit.pruning.graph.builder import Builder, Call, Track, origins_of
from prunekit.pruning.graph.channels import Flow, Made, labels_of, pairs, table_of
from prunekit.pruning.graph.moves import row_codes


def linear(builder: Builder, call: Call) -> list[Track] | None:
    tensor, weight, bias = call.args["input"], call.args["weight"], call.args.get("bias")
    return _weighted(builder, call, tensor, weight, bias, axes=(-1, -1), weight_axes=(0, 1), groups=1)


def conv(builder: Builder, call: Call) -> list[Track] | None:
    tensor, weight, bias = call.args["input"], call.args["weight"], call.args.get("bias")
    turned = "transpose" in call.name or bool(call.args.get("transposed"))
    axis = tensor.dim() - weight.dim() + 1
    groups = int(call.args.get("groups", 1))
    return _weighted(
        builder,
        call,
        tensor,
        weight,
        bias,
        axes=(axis, axis),
        weight_axes=(1, 0) if turned else (0, 1),
        groups=groups,
    )


def bilinear(builder: Builder, call: Call) -> list[Track] | None:
    """A layer that multiplies two inputs."""
    weight, bias = call.args["weight"], call.args.get("bias")
    fed = [builder.layer_fed(call.args[f"input{n}"], -1, weight.shape[n]) for n in (1, 2)]
    value = builder.add("mix", fed, size=len(weight))
    vectors = [
        Flow(side, (axis,), torch.arange(weight.shape[axis])) for axis, side in enumerate((value, *fed))
    ]
    builder.tie_weight(weight, *vectors)
    if bias is not None:
        builder.tie_weight(bias, vectors[0])
    return [builder.whole(value, call.outputs[0].dim() - 1)]


def addmm(builder: Builder, call: Call) -> list[Track] | None:
    return _product(builder, call, call.args["mat1"], call.args["mat2"], call.args["self"])


def matmul(builder: Builder, call: Call) -> list[Track] | None:
    left, right = (tensor for _, tensor in call.tensors())
    return _product(builder, call, left, right, None)


def added_matmul(builder: Builder, call: Call) -> list[Track] | None:
    """A product of two activations, added to a mask."""
    mask = builder.get(call.args["self"])
    found = _activations(builder, call, call.args["batch1"], call.args["batch2"])
    if not isinstance(mask, Made) or found is None:
        return None
    if mask.parts and isinstance(found[0], Flow):
        builder.tie_made(mask, call.args["self"].shape, found[0], call.outputs[0].shape)
    return found


def _product(
    builder: Builder, call: Call, left: Tensor, right: Tensor, bias: Tensor | None
) -> list[Track] | None:
    """A matrix product: a layer if one side is a parameter, else a product of two activations."""
    made = builder.get(right)
    if isinstance(made, Made) and made.parts and right.dim() == 2:
        return _weighted(builder, call, left, right, bias, axes=(-1, -1), weight_axes=(1, 0), groups=1)
    return None if bias is not None else _activations(builder, call, left, right)


def _weighted(
    builder: Builder,
    call: Call,
    tensor: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    *,
    axes: tuple[int, int],
    weight_axes: tuple[int, int],
    groups: int,
) -> list[Track] | None:
    """A layer. ``axes``: the channel axes of input and output; ``weight_axes``: the filter and channel axes."""
    made, output = builder.get(weight), call.outputs[0]
    if not isinstance(made, Made):
        return None
    axis, out_axis = (where % side.dim() for where, side in zip(axes, (tensor, output), strict=True))
    inputs, outputs = tensor.shape[axis], output.shape[out_axis]
    fed = builder.layer_fed(tensor, axis, inputs)
    layer = builder.layer_of.get(made.pure)
    if layer is not None and layer.inputs == inputs and layer.outputs == outputs and layer.groups == groups:
        builder.calls[layer.name] += 1
        builder.graph.positions[layer.name] = output.numel() // (outputs * max(1, len(output)))
        value = builder.add("layer", [fed], size=outputs, name=layer.name)
    else:
        value = _computed(builder, made, weight, fed, outputs, weight_axes, groups)
    found = builder.whole(value, out_axis)
    known = layer is not None and bias is not None and _is(builder, bias, layer.bias)
    if bias is not None and not known:
        moved = builder.get(bias)
        value = builder.add("fresh", [value], size=outputs)
        found = builder.whole(value, out_axis)
        if isinstance(moved, Made):
            builder.tie_made(moved, bias.shape, found._replace(axes=(0,) if outputs > 1 else ()), bias.shape)
    return [found]


def _is(builder: Builder, tensor: Tensor, name: str | None) -> bool:
    made = builder.get(tensor)
    return isinstance(made, Made) and name is not None and made.pure == name


def _computed(
    builder: Builder,
    made: Made,
    weight: Tensor,
    fed: int,
    outputs: int,
    weight_axes: tuple[int, int],
    groups: int,
) -> int:
    """A layer whose weight is not itself a parameter: it is computed from parameters, or a part of one."""
    value = builder.add("mix", [fed], size=outputs)
    builder.odd.update(part.name for part in made.parts)
    sides = ((weight_axes[0], value), (weight_axes[1], fed))
    for axis, side in sides:
        size = builder.graph.sizes[side]
        found = [part for part in made.parts if part.axes == (axis,) and weight.shape[axis] == size]
        for part in found:
            labels = torch.full((int(part.table.max()) + 1,), -1, dtype=torch.int64)
            labels[part.table] = torch.arange(size)
            builder.tie(part.name, part.axis, side, labels)
        if not found and size > 1 and not (groups == size and side == fed):
            builder.pin(side)
    if groups > 1 and groups == builder.graph.sizes[fed] == outputs:
        builder.join(fed, torch.arange(outputs), value, torch.arange(outputs))
    elif groups > 1:
        builder.pin(fed)
        builder.pin(value)
    return value


def _activations(builder: Builder, call: Call, left: Tensor, right: Tensor) -> list[Track] | None:
    """A product of two activations: channels summed over are coupled within every matrix of the batch."""
    output = call.outputs[0]
    if left.dim() < 2 or right.dim() < 2:
        return None
    tracks = builder.get(left), builder.get(right)
    last = left.dim() - 1, right.dim() - 2
    inner = [isinstance(track, Flow) and axis in track.axes for track, axis in zip(tracks, last, strict=True)]
    outer = [
        isinstance(track, Flow) and axis in track.axes
        for track, axis in zip(tracks, (left.dim() - 2, right.dim() - 1), strict=True)
    ]
    flows = [
        (track, tensor)
        for track, tensor in zip(tracks, (left, right), strict=True)
        if isinstance(track, Flow)
    ]
    if not flows:
        return [Made(origins=origins_of(tracks))]
    if any(inner) or all(outer):
        return _by_matrix(builder, flows, output, both=all(inner) and not any(outer))
    return _carried(builder, tracks, (left, right), output)


def _batch_rows(flow: Flow, tensor: Tensor, output: Tensor) -> Tensor:
    """The labels of every matrix in the batch as a row: ``[matrices of the result, labels]``."""
    labels = labels_of(flow, tensor.shape)
    for axis in (-2, -1):
        if axis % tensor.dim() not in flow.axes:
            labels = labels.narrow(axis, 0, 1)
    batch = output.shape[:-2]
    return labels.expand(*batch, *labels.shape[-2:]).reshape(-1, labels.shape[-2] * labels.shape[-1])


def _by_matrix(
    builder: Builder, flows: list[tuple[Flow, Tensor]], output: Tensor, *, both: bool
) -> list[Track] | None:
    """One channel for every distinct matrix, all of whose channels are coupled."""
    rows = [_batch_rows(flow, tensor, output) for flow, tensor in flows]
    codes, labels = row_codes(torch.cat(rows, 1))
    if len(codes) == 1:
        return _one_matrix(builder, flows, rows, both=both)
    value = builder.add("mix", [flow.value for flow, _ in flows], size=len(codes))
    for (flow, _), own in zip(flows, rows, strict=True):
        builder.bind(flow.value, own)
        builder.join(flow.value, own[:, 0], value, labels)
    table = labels.reshape(*output.shape[:-2], 1, 1).expand(output.shape)
    return [Flow(value, *table_of(table))]


def _one_matrix(
    builder: Builder, flows: list[tuple[Flow, Tensor]], rows: list[Tensor], *, both: bool
) -> list[Track] | None:
    """All matrices sum over the same channels, which are coupled in pairs if both sides have channels there."""
    if not both or len(flows) != 2 or rows[0].shape != rows[1].shape:
        return None
    first, second = (flow.value for flow, _ in flows)
    builder.join(first, rows[0], second, rows[1])
    if builder.attends():  # its only head
        builder.pin(first)
        builder.pin(second)
    builder.add("mix", [first, second], size=1)
    return [Made(origins=frozenset((first, second)))]


def _carried(
    builder: Builder, tracks: tuple[Track, Track], tensors: tuple[Tensor, Tensor], output: Tensor
) -> list[Track] | None:
    """A sum over something other than channels, such as tokens: the channels keep their axes."""
    found: Flow | None = None
    for track, tensor in zip(tracks, tensors, strict=True):
        if not isinstance(track, Flow):
            continue
        moved = track._replace(axes=tuple(axis + output.dim() - tensor.dim() for axis in track.axes))
        if found is None:
            found = moved
            continue
        met = pairs(found, moved, (output.shape, output.shape), output.shape)
        if met is None:
            return None
        value = builder.add("mix", [found.value, moved.value], size=len(met.left))
        every = torch.arange(len(met.left))
        builder.join(found.value, met.left, value, every)
        builder.join(moved.value, met.right, value, every)
        return [Flow(value, met.axes, met.table)]
    if found is None:
        return None
    size = builder.graph.sizes[found.value]
    value = builder.add("mix", [found.value], size=size)
    builder.join(found.value, torch.arange(size), value, torch.arange(size))
    if builder.attends():
        builder.pin(value)
    return [found._replace(value=value)]


def attention(builder: Builder, call: Call) -> list[Track] | None:
    """Scaled dot products of queries and keys, applied to values; heads stay separate."""
    query, key, value = (call.args[name] for name in ("query", "key", "value"))
    scores = torch.empty(*call.outputs[0].shape[:-2], query.shape[-2], key.shape[-2], device="meta")
    turned = key.transpose(-2, -1)
    track = builder.get(key)
    if isinstance(track, Flow):
        builder.put(turned, Flow(track.value, *table_of(labels_of(track, key.shape).transpose(-2, -1))))
    met = _activations(builder, call._replace(outputs=(scores,)), query, turned)
    if met is None:
        return None
    return _carried_or_not(builder, met[0], scores, value, call)


def _carried_or_not(
    builder: Builder, met: Track, scores: Tensor, value: Tensor, call: Call
) -> list[Track] | None:
    held = builder.get(value)
    if not isinstance(met, Flow) and not isinstance(held, Flow):
        return [Made(origins=origins_of([met, held]))]
    return _carried(builder, (met, held), (scores, value), call.outputs[0])
