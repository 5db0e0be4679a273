"""The effect on channels of operations that move, select, pool or reduce elements."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from prunekit.pruning.graph.builder import Builder, Call, Track, origins_of
from prunekit.pruning.graph.channels import Flow, Made, Part, distinct, labels_of, table_of
from prunekit.pruning.graph.pointwise import pointwise

# Reductions that ignore zeros; the others depend on the number of entries.
_SUMS = {"sum", "amax", "amin", "norm", "linalg_vector_norm", "max_values"}
_MANY_SLICES = 64
_CHOOSES = {"index", "index_select"}


def same(builder: Builder, call: Call) -> list[Track]:
    """The same tensor, in other memory or of another type."""
    return [builder.get(next(iter(call.tensors()))[1])] * len(call.outputs)


def moved(builder: Builder, call: Call) -> list[Track] | None:
    """Labels move with the elements."""
    (field, tensor), *others = call.tensors()
    if any(isinstance(builder.get(other), Flow) for _, other in others):
        return None
    track = builder.get(tensor)
    if isinstance(track, Flow):
        found = [
            Flow(track.value, *table_of(labels))
            for labels in _moved(call, field, labels_of(track, tensor.shape))
        ]
        if call.name in _CHOOSES and not torch.equal(found[0].table, track.table):
            builder.pin(track.value)  # the places to choose are written in the network
        _remember(builder, call, track, tensor, found)
        return list(found)
    parts: list[list[Part]] = [[] for _ in call.outputs]
    for part in track.parts:
        for place, labels in enumerate(_moved(call, field, labels_of(part, tensor.shape))):
            parts[place].append(Part(part.name, part.axis, *table_of(labels)))
    return [replace(track, parts=tuple(own)) for own in parts]


def _moved(call: Call, field: str, labels: Tensor) -> tuple[Tensor, ...]:
    """The labels of every tensor that a call returns."""
    args = {name: _on_cpu(value) for name, value in call.args.items()} | {field: labels.contiguous()}
    found = call.func(**args)
    return tuple(found) if isinstance(found, list | tuple) else (found,)


def _on_cpu(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_on_cpu(part) for part in value)
    return value.cpu() if isinstance(value, Tensor) else value


def like_other(builder: Builder, call: Call) -> list[Track] | None:
    """``view_as`` and similar operations, in which a second tensor gives the shape."""
    tensor, track = call.args["self"], builder.get(call.args["self"])
    shape = call.outputs[0].shape
    turn = torch.Tensor.expand if call.name == "expand_as" else torch.Tensor.reshape
    if isinstance(track, Flow):
        return [Flow(track.value, *table_of(turn(labels_of(track, tensor.shape), shape)))]
    parts = [
        Part(part.name, part.axis, *table_of(turn(labels_of(part, tensor.shape), shape)))
        for part in track.parts
    ]
    return [Made(tuple(parts), track.origins, track.pure, track.like)]


def _remember(builder: Builder, call: Call, before: Flow, tensor: Tensor, found: list[Flow]) -> None:
    """Record given sizes, and which parts must stay equally long."""
    for flow, output in zip(found, call.outputs, strict=True):
        builder.sized(call, flow, output)
    widths = {flow.table.numel() for flow in found}
    if len(found) > 1 and len(before.axes) == 1 and all(len(flow.axes) == 1 for flow in found):
        if len(widths) > 1:
            builder.pin(before.value)
            return
        _pieces(builder, call, before, torch.stack([flow.table for flow in found]))
    elif call.name == "slice" and len(before.axes) == 1 and widths != {before.table.numel()}:
        _sliced(builder, call, before, found[0])


def _sliced(builder: Builder, call: Call, before: Flow, after: Flow) -> None:
    """A slice of the channels: one of several equal pieces if its bounds allow it, else no channel can be removed."""
    total, width = before.table.numel(), after.table.numel()
    first = int((before.table == after.table.reshape(-1)[0]).nonzero()[0]) if width else 1
    if width and total % width == 0 and first % width == 0 and int(call.args.get("step", 1) or 1) == 1:
        _pieces(builder, call, before, before.table.reshape(total // width, width))
    else:
        builder.pin(before.value)


def _pieces(builder: Builder, call: Call, before: Flow, table: Tensor) -> None:
    builder.sized(call, Flow(before.value, (0, 1), table), torch.empty(table.shape), pieces=True)


def spatial(builder: Builder, call: Call) -> list[Track] | None:
    """Pooling and resizing, which change the axes after the second."""
    tensor, output = next(iter(call.tensors()))[1], call.outputs[0]
    track = builder.get(tensor)
    moving = [axis for axis in range(tensor.dim()) if tensor.shape[axis] != output.shape[axis]]
    limit = min([*moving, tensor.dim() - int(next((sign for sign in call.name if sign in "123"), "1"))])
    more = [Made(origins=origins_of([track])) for _ in call.outputs[1:]]
    if isinstance(track, Flow):
        return [track, *more] if all(axis < limit for axis in track.axes) else None
    parts = tuple(part for part in track.parts if all(axis < limit for axis in part.axes))
    builder.poisoned.update(part.name for part in track.parts if part not in parts and len(part.table) < 2)
    return [Made(parts, track.origins, like=track.like), *more]


def reduced(builder: Builder, call: Call) -> list[Track] | None:
    """A mean, sum or maximum over some axes."""
    tensor = call.args["self"]
    track, dims = builder.get(tensor), call.args.get("dim")
    dims = [dims] if isinstance(dims, int) else dims
    gone = {dim % tensor.dim() for dim in dims} if dims else set(range(tensor.dim()))
    if isinstance(track, Flow):
        return _reduced_flow(builder, call, track, tensor, gone)
    parts = []
    for part in track.parts:
        if gone.isdisjoint(part.axes):
            parts.append(part._replace(axes=_left(part.axes, gone, call)))
        elif call.name not in _SUMS:
            builder.poisoned.add(f"{part.name}:{part.axis}")
    return [Made(tuple(parts), track.origins, like=track.like)]


def extreme(builder: Builder, call: Call) -> list[Track] | None:
    """The largest or smallest entries along an axis, or of two tensors."""
    return pointwise(builder, call) if "other" in call.args else reduced(builder, call)


def spread(builder: Builder, call: Call) -> list[Track] | None:
    """Two statistics over some axes."""
    found = reduced(builder, call)
    return None if found is None else found * 2


def _left(axes: tuple[int, ...], gone: set[int], call: Call) -> tuple[int, ...]:
    """The axes, renumbered after ``gone`` are removed."""
    if call.args.get("keepdim"):
        return axes
    return tuple(axis - sum(other < axis for other in gone) for axis in axes)


def _reduced_flow(
    builder: Builder, call: Call, track: Flow, tensor: Tensor, gone: set[int]
) -> list[Track] | None:
    if gone.isdisjoint(track.axes):
        return [track._replace(axes=_left(track.axes, gone, call))]
    kept = [place for place, axis in enumerate(track.axes) if axis not in gone]
    if not kept:
        # It is of all channels, but only if something uses it, unlike the mean of unused attention weights.
        return [Made(origins=frozenset((track.value,)), stale=True)]
    others = [place for place in range(len(track.axes)) if place not in kept]
    rows = track.table.permute(*kept, *others).flatten(len(kept))
    axes = _left(tuple(track.axes[place] for place in kept), gone, call)
    slices = rows.shape[-1]
    shape = rows.shape[:-1]
    if call.name in ("sum", "mean") and slices <= _MANY_SLICES:
        inputs = [builder.picked(track.value, part.reshape(-1)) for part in rows.unbind(-1)]
        value = builder.add("sum", inputs, size=rows[..., 0].numel())
        return [Flow(value, axes, torch.arange(rows[..., 0].numel()).reshape(shape))]
    return [mixed_rows(builder, track, rows.reshape(-1, slices), axes, shape)]


def mixed_rows(builder: Builder, track: Flow, rows: Tensor, axes: tuple[int, ...], shape: Any) -> Flow:
    """Mix each row of channels into one channel; equal rows give the same channel."""
    codes, labels = row_codes(rows)
    builder.bind(track.value, rows)
    value = builder.add("mix", [track.value], size=len(codes))
    builder.join(track.value, rows[:, 0], value, labels)
    return Flow(value, *_trimmed(axes, labels.reshape(shape)))


def _trimmed(axes: tuple[int, ...], table: Tensor) -> tuple[tuple[int, ...], Tensor]:
    """The axes and table without the axes along which the table does not change."""
    own, smaller = table_of(table)
    return tuple(axes[axis] for axis in own), smaller


def row_codes(rows: Tensor) -> tuple[Tensor, Tensor]:
    """The distinct rows, in order of appearance, and the index of every row among them."""
    _, inverse = torch.unique(rows, dim=0, return_inverse=True)
    return distinct(inverse.reshape(-1))


def padded(builder: Builder, call: Call) -> list[Track] | None:
    """Constant padding: before and after elements of the same channel, or as new channels."""
    tensor, output = call.args["self"], call.outputs[0]
    track = builder.get(tensor)
    if not isinstance(track, Flow):
        return moved(builder, call) if not track.parts else None
    grown = {axis for axis in range(tensor.dim()) if tensor.shape[axis] != output.shape[axis]}
    if str(call.args.get("mode", "constant")) != "constant":
        return [track] if grown.isdisjoint(track.axes) else None
    if not grown.isdisjoint(track.axes):
        return _padded_channels(builder, call, track, tensor)
    if call.args.get("value"):
        return [
            track._replace(value=builder.add("fresh", [track.value], size=builder.graph.sizes[track.value]))
        ]
    return [track]


def _padded_channels(builder: Builder, call: Call, track: Flow, tensor: Tensor) -> list[Track] | None:
    """Padding with channels: treated as constants, and pinned since the network's code sets their number."""
    size = builder.graph.sizes[track.value]
    pad = list(call.args["pad"])
    labels = torch.nn.functional.pad(labels_of(track, tensor.shape), pad, value=size)
    extra = builder.source(1, 0)
    builder.pin(track.value)
    value = builder.add("cat", [track.value, extra.value], size=size + 1)
    builder.pin(value)
    return [Flow(value, *table_of(labels))]


def joined(builder: Builder, call: Call) -> list[Track] | None:
    """``cat`` and ``stack``: along the channels, or along another axis."""
    tensors = [tensor for _, tensor in call.tensors() if tensor.numel()]
    tracks = [builder.get(tensor) for tensor in tensors]
    flows = [track for track in tracks if isinstance(track, Flow)]
    dim = int(call.args.get("dim", 0)) % call.outputs[0].dim()
    stack = call.name == "stack"
    if not flows:
        return _joined_made(builder, call, tensors, [track for track in tracks if isinstance(track, Made)])
    moving = [tuple(axis + (stack and axis >= dim) for axis in flow.axes) for flow in flows]
    across = not any(dim in axes for axes in moving) and len(set(moving)) == 1 and moving[0]
    if across:
        return _one_behind_the_other(builder, call, tensors, tracks, moving[0])
    if stack:
        return None
    return _side_by_side(builder, call, tensors, tracks, dim)


def _joined_made(builder: Builder, call: Call, tensors: list[Tensor], tracks: list[Made]) -> list[Track]:
    """Parameters joined: every part keeps its places, and the elements of the others have none (-1)."""
    parts = []
    for place, (tensor, track) in enumerate(zip(tensors, tracks, strict=True)):
        for part in track.parts:
            rest = [torch.full_like(other, -1, dtype=torch.int64) for other in tensors]
            rest[place] = labels_of(part, tensor.shape)
            dim = int(call.args.get("dim", 0))
            labels = torch.stack(rest, dim) if call.name == "stack" else torch.cat(rest, dim)
            behind = _everywhere(labels, labels_of(part, tensor.shape), dim, call.name == "stack")
            parts.append(Part(part.name, part.axis, *table_of(behind)))
    return [Made(tuple(parts), origins_of(tracks))]


def _everywhere(labels: Tensor, own: Tensor, dim: int, stack: bool) -> Tensor:
    """Extend labels that do not change along ``dim`` to the joined tensors, which meet the same channels."""
    own = own.unsqueeze(dim) if stack else own
    first = own.narrow(dim, 0, 1)
    return first.expand_as(labels) if bool((own == first).all()) else labels


def _one_behind_the_other(
    builder: Builder, call: Call, tensors: list[Tensor], tracks: list[Track], axes: tuple[int, ...]
) -> list[Track]:
    """Tensors with the same channels, such as tokens, joined along another axis: zero where all of them are."""
    flows = [track for track in tracks if isinstance(track, Flow)]
    shape = flows[0].table.shape
    if any(flow.table.shape != shape for flow in flows):
        builder.read(flows)
        return [Made(origins=origins_of(flows))]
    picks = [distinct(flow.table.reshape(-1)) for flow in flows]
    places = picks[0][1]
    if any(not torch.equal(places, other) for _, other in picks):  # as many channels as places
        places = torch.arange(len(places))
        picks = [(flow.table.reshape(-1), places) for flow in flows]
    inputs = [builder.picked(flow.value, codes) for flow, (codes, _) in zip(flows, picks, strict=True)]
    fresh = len(flows) < len(tracks)
    value = builder.add("fresh" if fresh else "sum", inputs, size=len(picks[0][0]))
    made = Flow(value, axes, places.reshape(shape))
    dim, stack = int(call.args.get("dim", 0)) % call.outputs[0].dim(), call.name == "stack"
    for tensor, track in zip(tensors, tracks, strict=True):
        if isinstance(track, Made):
            own = list(tensor.shape)
            own[dim:dim] = [1] if stack else []
            parts = tuple(_shifted(part, dim, stack) for part in track.parts)
            builder.tie_made(Made(parts, like=track.like), own, made)
    return [made]


def _shifted(part: Part, dim: int, stack: bool) -> Part:
    return part._replace(axes=tuple(axis + (stack and axis >= dim) for axis in part.axes))


def _side_by_side(
    builder: Builder, call: Call, tensors: list[Tensor], tracks: list[Track], dim: int
) -> list[Track] | None:
    values, labels, start = [], [], 0
    for tensor, track in zip(tensors, tracks, strict=True):
        if isinstance(track, Made):
            track = _unknown_channels(builder, track, tensor, dim)
        codes, places = distinct(track.table.reshape(-1))
        values.append(builder.picked(track.value, codes))
        own = Flow(0, track.axes, places.reshape(track.table.shape) + start)
        labels.append(labels_of(own, tensor.shape))
        start += len(codes)
    value = builder.add("cat", values, size=start)
    return [Flow(value, *table_of(torch.cat(labels, dim)))]


def _unknown_channels(builder: Builder, made: Made, tensor: Tensor, dim: int) -> Flow:
    """Channels of which only the number is known."""
    flow = builder.source(tensor.shape[dim], dim, fixed=not made.parts)
    if made.parts:
        builder.tie_made(made, tensor.shape, flow)
    return flow
