"""What else goes when weights go: the exact consequences of a choice of weights, through the whole graph.

Three rules, applied until nothing changes. A filter with no weight left is removed: its bias goes, and so does the
scale and shift of every norm whose channel is then exactly zero. A weight that reads an exactly zero channel does
nothing and goes. A filter that no remaining weight reads does nothing and goes. The last two move no output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from prunekit.pruning.graph import Graph, Op
from prunekit.pruning.layers import Layer
from prunekit.pruning.masks import Masks

Kept = Mapping[str, Tensor]


class Liveness(NamedTuple):
    """Bool vectors per layer and norm; a layer that is not named is followed neither way.

    ``read``: filters that something reads. ``fed``: input channels that are not zero. ``biased``: filters that are read
    and not zero, so that their bias stays. ``tapped``: input channels that are read and not zero. ``normed``: norm
    entries that stay.
    """

    read: dict[str, Tensor]
    fed: dict[str, Tensor]
    biased: dict[str, Tensor]
    tapped: dict[str, Tensor]
    normed: dict[str, Tensor]


def propagate(graph: Graph, kept: Kept) -> Liveness:
    """Follow ``kept`` (layer name to bool ``[filters, channels per group]``: has any weight left) through the graph.

    One pass with the flow finds zero channels, one against it finds unread filters. That is a fixpoint: a filter
    that is unread becomes zero only where nobody looks.
    """
    zero = _zeros(graph, kept)
    used = _uses(graph, kept, zero)
    layers = [op for op in graph.ops if op.kind == "layer"]
    norms = [op for op in graph.ops if op.kind == "norm"]
    return Liveness(
        read={op.name: used[op.output] for op in layers},
        fed={op.name: ~zero[op.inputs[0]] for op in layers},
        biased={op.name: used[op.output] & ~zero[op.output] for op in layers},
        tapped={op.name: used[op.inputs[0]] & ~zero[op.inputs[0]] for op in layers},
        normed={op.name: used[op.output] & ~zero[op.inputs[0]] for op in norms},
    )


def live(layer: Layer, kept: Tensor, liveness: Liveness) -> Tensor:
    """The ``[filters, channels per group]`` entries of ``kept`` that still do something."""
    if layer.name not in liveness.read:
        return kept
    return kept & liveness.read[layer.name][:, None] & by_filter(layer, liveness.fed[layer.name])


def between(layer: Layer, liveness: Liveness, like: Tensor) -> Tensor:
    """The ``[filters, channels per group]`` places where a weight more would add itself and revive nothing."""
    if layer.name not in liveness.biased:
        return torch.ones_like(like, dtype=torch.bool)
    return liveness.biased[layer.name][:, None] & by_filter(layer, liveness.tapped[layer.name])


def by_filter(layer: Layer, channels: Tensor) -> Tensor:
    """A vector over input channels as ``[filters, channels per group]``: what each filter sees of it."""
    seen = channels.reshape(layer.groups, 1, -1)
    return seen.expand(layer.groups, layer.outputs // layer.groups, -1).reshape(layer.shape)


def by_channel(layer: Layer, entries: Tensor) -> Tensor:
    """Which input channels any filter has an entry for; bool ``[channels]``."""
    return entries.reshape(layer.groups, layer.outputs // layer.groups, -1).any(1).reshape(-1)


def masks_of(graph: Graph, kept: Mapping[str, Tensor], liveness: Liveness) -> Masks:
    """The masks of every weight, bias and norm entry; ``kept``: weight masks as blocks."""
    masks: Masks = {}
    for name, layer in graph.layers.items():
        entries = live(layer, torch.ones(layer.shape, dtype=torch.bool, device=kept[name].device), liveness)
        masks[layer.weight] = layer.unblocks(kept[name] & entries[:, :, None])
        if layer.bias is not None and name in liveness.biased:
            masks[layer.bias] = liveness.biased[name]
    for name, entries in liveness.normed.items():
        masks |= {part: entries for part in graph.norms[name] if part is not None}
    return {name: mask.contiguous().clone() for name, mask in masks.items()}


def _zeros(graph: Graph, kept: Kept) -> list[Tensor]:
    """For every value, the channels that are exactly zero."""
    device = next(iter(kept.values())).device
    zero = [torch.zeros(size, dtype=torch.bool, device=device) for size in graph.sizes]
    for op in graph.ops:
        if op.kind in _FORWARD:
            zero[op.output] = _FORWARD[op.kind](graph, op, [zero[value] for value in op.inputs], kept)
    return zero


def _layer_zero(graph: Graph, op: Op, inputs: list[Tensor], kept: Kept) -> Tensor:
    if op.name in graph.heads:
        return torch.zeros_like(kept[op.name][:, 0])
    return ~(kept[op.name] & ~by_filter(graph.layers[op.name], inputs[0])).any(1)


def _all(inputs: list[Tensor]) -> Tensor:
    return torch.stack(inputs).all(0)


_Forward = Callable[[Graph, Op, list[Tensor], Kept], Tensor]
_FORWARD: dict[str, _Forward] = {
    "layer": _layer_zero,
    "norm": lambda graph, op, inputs, kept: inputs[0],
    "sum": lambda graph, op, inputs, kept: _all(inputs),
    "product": lambda graph, op, inputs, kept: torch.stack(inputs).any(0),
    "cat": lambda graph, op, inputs, kept: torch.cat(inputs),
    "index": lambda graph, op, inputs, kept: inputs[0][op.picks],
}


def _uses(graph: Graph, kept: Kept, zero: list[Tensor]) -> list[Tensor]:
    """For every value, the channels that something still reads."""
    used = [torch.zeros_like(channels) for channels in zero]
    for op in reversed(graph.ops):
        for value, channels in zip(op.inputs, _BACKWARD[op.kind](graph, op, used, zero, kept), strict=True):
            used[value] = used[value] | channels
    return used


_Vectors = list[Tensor]


def _read(graph: Graph, op: Op, used: _Vectors, zero: _Vectors, kept: Kept) -> _Vectors:
    return [torch.ones_like(zero[value]) for value in op.inputs]


def _passed_on(graph: Graph, op: Op, used: _Vectors, zero: _Vectors, kept: Kept) -> _Vectors:
    """A channel is used if the result is, and if the result is not zero anyhow."""
    return [used[op.output] & ~zero[op.output]] * len(op.inputs)


def _layer_uses(graph: Graph, op: Op, used: _Vectors, zero: _Vectors, kept: Kept) -> _Vectors:
    reading = kept[op.name] & used[op.output][:, None]
    return [by_channel(graph.layers[op.name], reading) & ~zero[op.inputs[0]]]


def _cat_uses(graph: Graph, op: Op, used: _Vectors, zero: _Vectors, kept: Kept) -> _Vectors:
    return list(torch.split(used[op.output], [graph.sizes[value] for value in op.inputs]))


def _index_uses(graph: Graph, op: Op, used: _Vectors, zero: _Vectors, kept: Kept) -> _Vectors:
    result = torch.zeros_like(zero[op.inputs[0]])
    result[op.picks.to(result.device)[used[op.output]]] = True
    return [result]


_BACKWARD: dict[str, Callable[[Graph, Op, _Vectors, _Vectors, Kept], _Vectors]] = {
    "source": lambda graph, op, used, zero, kept: [],
    "read": _read,
    "layer": _layer_uses,
    "norm": _passed_on,
    "sum": _passed_on,
    "product": _passed_on,
    "fresh": _passed_on,
    "cat": _cat_uses,
    "index": _index_uses,
}
