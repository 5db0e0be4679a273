"""Norms and softmaxes, which couple channels through their statistics."""

from __future__ import annotations

import torch
from torch import Tensor

from prunekit.pruning.graph.builder import Builder, Call, Track
from prunekit.pruning.graph.channels import Flow, Made, along, by_axis, counted, distinct, table_of
from prunekit.pruning.graph.graph import Sized


def layer_norm(builder: Builder, call: Call) -> list[Track] | None:
    """A norm over the last axes: over all channels, over groups of them, or over none."""
    tensor, track = call.args["input"], builder.get(call.args["input"])
    shape = call.args["normalized_shape"]
    gone = set(range(tensor.dim() - len(shape), tensor.dim()))
    weights = [weight for name in ("weight", "bias") if (weight := call.args.get(name)) is not None]
    if not isinstance(track, Flow):
        return None
    if gone.isdisjoint(track.axes):
        value = builder.add("fresh", [track.value], size=builder.graph.sizes[track.value])
        return [track._replace(value=value)]
    found = _mixed_norm(builder, track, tensor, gone)
    for weight in weights:
        made = builder.get(weight)
        if isinstance(made, Made):
            builder.tie_made(made, weight.shape, found, tensor.shape)
    return [found]


def _mixed_norm(builder: Builder, track: Flow, tensor: Tensor, gone: set[int]) -> Flow:
    """Every channel depends on all channels that it is normalised with, and keeps its place."""
    size = builder.graph.sizes[track.value]
    value = builder.add("mix", [track.value], size=size)
    builder.join(track.value, torch.arange(size), value, torch.arange(size))
    if set(track.axes) <= gone:
        builder.pin(value)
    else:
        axis = next(axis for axis in reversed(track.axes) if axis in gone)
        builder.bind(track.value, by_axis(track, tensor.shape, axis))
    return track._replace(value=value)


def group_norm(builder: Builder, call: Call) -> list[Track] | None:
    """Couple the channels that are normalised together."""
    tensor, track = call.args["input"], builder.get(call.args["input"])
    groups = int(call.args["num_groups"] if "num_groups" in call.args else call.args["group"])
    vector = along(track, tensor.shape, 1) if isinstance(track, Flow) else None
    if not isinstance(track, Flow) or vector is None:
        return None
    fed = builder.picked(track.value, vector)
    size = len(vector)
    value = builder.add("mix", [fed], size=size)
    builder.join(fed, torch.arange(size), value, torch.arange(size))
    builder.bind(fed, torch.arange(size).reshape(groups, -1))
    found = builder.whole(value, 1)
    if groups == 1:
        builder.pin(value)
    for name in ("weight", "bias"):
        weight = call.args.get(name)
        if weight is not None and isinstance(made := builder.get(weight), Made):
            own = [1, size, *[1] * (tensor.dim() - 2)]
            moved = Made(tuple(part._replace(axes=(1,)) for part in made.parts))
            builder.tie_made(moved, own, found, tensor.shape)
    table = torch.arange(size).reshape(groups, -1)
    if groups > 1:
        builder.graph.sized.append(Sized(builder.scope, value, (0, 1), table, tuple(table.shape), (groups,)))
    return [found]


def batch_norm(builder: Builder, call: Call) -> list[Track] | None:
    """A norm per channel of the second axis; where channels are repeated (instance norm), so are its parameters."""
    tensor, track = call.args["input"], builder.get(call.args["input"])
    if isinstance(track, Made):
        return [_normed_parameters(builder, track, call)]
    vector = along(track, tensor.shape, 1)
    if vector is None:
        return None
    names = ("weight", "bias", "running_mean", "running_var")
    held = {name: builder.get(call.args[name]) for name in names if call.args.get(name) is not None}
    made = {name: track for name, track in held.items() if isinstance(track, Made)}
    scale = made.get("weight")
    home = scale.pure.rpartition(".")[0] if scale is not None else ""
    order = _order(made["weight"], vector) if home else None
    if order is None:
        picks, labels = vector, counted(len(vector))
        fed = builder.picked(track.value, picks)
        value = builder.add("fresh", [fed], size=len(vector))
    else:
        picks, labels = order
        fed = builder.picked(track.value, picks)
        shift = made["bias"].pure if "bias" in made else None
        value = builder.norm(home, (made["weight"].pure, shift or None), fed)
    found = Flow(value, *_along_second(labels))
    for part_of in made.values():
        moved = Made(tuple(part._replace(axes=(1,)) for part in part_of.parts), like=part_of.like)
        builder.tie_made(moved, [1, len(vector), *[1] * (tensor.dim() - 2)], found, tensor.shape)
    return [found]


def _along_second(labels: Tensor) -> tuple[tuple[int, ...], Tensor]:
    axes, table = table_of(labels)
    return tuple(axis + 1 for axis in axes), table


def _order(scale: Made, vector: Tensor) -> tuple[Tensor, Tensor] | None:
    """The channels in the order of the norm's entries, and the entry of each place; None if they do not fit."""
    table = scale.parts[0].table.reshape(-1) if scale.parts else torch.zeros(1, dtype=torch.int64)
    places = table.expand(len(vector))
    if torch.equal(places, counted(len(vector))) and len(distinct(vector)[0]) == len(vector):
        return vector, places
    picks = torch.full((int(places.max()) + 1,), -1, dtype=torch.int64)
    picks[places] = vector
    if (
        bool((picks < 0).any())
        or not bool((picks[places] == vector).all())
        or len(distinct(picks)[0]) < len(picks)
    ):
        return None
    return picks, places


def _normed_parameters(builder: Builder, made: Made, call: Call) -> Made:
    """A weight that is standardised before its use: its filters stay separate, its input channels do not."""
    kept = tuple(part for part in made.parts if set(part.axes) <= {1})
    builder.poisoned.update(f"{part.name}:{part.axis}" for part in made.parts if part not in kept)
    return Made(kept, made.origins, like=made.like)


def softmax(builder: Builder, call: Call) -> list[Track] | None:
    """A softmax over no channels, over groups of them, or over all, in which case all are needed."""
    tensor = call.args["self"] if "self" in call.args else call.args["input"]
    track, dim = builder.get(tensor), int(call.args["dim"]) % tensor.dim()
    if not isinstance(track, Flow):
        return [Made(origins=track.origins, like=track.like)]
    if dim not in track.axes:
        value = builder.add("fresh", [track.value], size=builder.graph.sizes[track.value])
        return [track._replace(value=value)]
    if track.axes == (dim,):
        return None
    return [_mixed_norm(builder, track, tensor, {dim})]
