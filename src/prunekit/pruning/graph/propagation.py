"""What else is removed when weights are: the exact consequences of a choice of weights, through the whole graph.

Three rules apply until nothing changes. A filter with no weight left is removed, with its bias and with the scale and
shift of every norm whose channel is then exactly zero. A weight that reads an exactly zero channel does nothing and is
removed. A filter that no remaining weight reads does nothing and is removed. The last two change no output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from prunekit.pruning.graph.counts import Bools, Numbers, Stock
from prunekit.pruning.graph.graph import Graph, Op
from prunekit.pruning.layers import Layer
from prunekit.pruning.masks import Masks

Stocks = Mapping[str, Stock]


class Liveness(NamedTuple):
    """Bool vectors per layer and norm; layers that are absent are not followed in either direction.

    ``read``: filters that something reads. ``made``: filters that are not zero. ``fed``: input channels that are not
    zero. ``tapped``: input channels that are read and not zero. ``normed``: norm entries that stay. ``weights``: for
    every filter, the number of its weights that read channels that are not zero. ``there``: for every value of the
    graph, the channels that are not zero.
    """

    read: dict[str, Bools]
    made: dict[str, Bools]
    fed: dict[str, Bools]
    tapped: dict[str, Bools]
    normed: dict[str, Bools]
    weights: dict[str, Numbers]
    there: list[Bools]

    def biased(self, name: str) -> Bools:
        """The filters that are read and not zero, whose bias stays."""
        return self.read[name] & self.made[name]


def propagate(graph: Graph, stocks: Stocks) -> Liveness:
    """Propagate what is left of every layer (``stocks``, by layer name) through the graph.

    A forward pass finds zero channels, then a backward pass finds unread filters. This is a fixpoint, because removing
    an unread filter makes zero only what nothing reads.
    """
    there, weights = _forward(graph, stocks)
    used = _uses(graph, stocks, there)
    layers = [op for op in graph.ops if op.kind == "layer"]
    norms = [op for op in graph.ops if op.kind == "norm"]
    return Liveness(
        read={op.name: used[op.output] for op in layers},
        made={op.name: there[op.output] for op in layers},
        fed={op.name: there[op.inputs[0]] for op in layers},
        tapped={op.name: used[op.inputs[0]] & there[op.inputs[0]] for op in layers},
        normed={op.name: used[op.output] & there[op.inputs[0]] for op in norms},
        weights=weights,
        there=there,
    )


def live(layer: Layer, liveness: Liveness, device: torch.device) -> Tensor:
    """The ``[filters, channels per group]`` places where a weight does something."""
    if layer.name not in liveness.read:
        return torch.ones(layer.shape, dtype=torch.bool, device=device)
    return _places(layer, liveness.read[layer.name], liveness.fed[layer.name])


def between(layer: Layer, liveness: Liveness, device: torch.device) -> Tensor:
    """The ``[filters, channels per group]`` places where another weight would add only itself and revive nothing."""
    if layer.name not in liveness.read:
        return torch.ones(layer.shape, dtype=torch.bool, device=device)
    return _places(layer, liveness.biased(layer.name), liveness.tapped[layer.name])


def _places(layer: Layer, filters: Bools, channels: Bools) -> Tensor:
    return torch.from_numpy(filters)[:, None] & by_filter(layer, torch.from_numpy(channels))


def by_filter(layer: Layer, channels: Tensor) -> Tensor:
    """A vector over input channels as ``[filters, channels per group]``: the part that each filter reads."""
    seen = channels.reshape(layer.groups, 1, -1)
    return seen.expand(layer.groups, layer.outputs // layer.groups, -1).reshape(layer.shape)


def masks_of(graph: Graph, kept: Mapping[str, Tensor], liveness: Liveness) -> Masks:
    """The masks of every weight, bias and norm entry; ``kept``: weight masks as blocks."""
    masks: Masks = {}
    for name, layer in graph.layers.items():
        entries = live(layer, liveness, kept[name].device)
        masks[layer.weight] = layer.unblocks(kept[name] & entries[:, :, None])
        if layer.bias is not None and name in liveness.read:
            masks[layer.bias] = torch.from_numpy(liveness.biased(name))
    for name, left in liveness.normed.items():
        masks |= {part: torch.from_numpy(left) for part in graph.norms[name] if part is not None}
    return {name: mask.contiguous().clone() for name, mask in masks.items()}


def _forward(graph: Graph, stocks: Stocks) -> tuple[list[Bools], dict[str, Numbers]]:
    """For every value, the channels that are not zero; for every layer, how many weights of each filter count."""
    everything = np.ones(max(graph.sizes, default=0), dtype=np.bool_)
    there = [everything[:size] for size in graph.sizes]
    weights: dict[str, Numbers] = {}
    for op in graph.ops:
        if op.kind == "layer":
            weights[op.name] = stocks[op.name].per_filter(there[op.inputs[0]])
            if op.name not in graph.heads:
                there[op.output] = stocks[op.name].made(weights[op.name])
        elif op.kind in _FORWARD:
            there[op.output] = _FORWARD[op.kind](op, [there[value] for value in op.inputs])
    return there, weights


_Vectors = list[Bools]
_FORWARD: dict[str, Callable[[Op, _Vectors], Bools]] = {
    "norm": lambda op, inputs: inputs[0],
    "sum": lambda op, inputs: reduce(np.bitwise_or, inputs),
    "product": lambda op, inputs: reduce(np.bitwise_and, inputs),
    "cat": lambda op, inputs: np.concatenate(inputs),
    "index": lambda op, inputs: inputs[0][op.picks.numpy()],
}


def _uses(graph: Graph, stocks: Stocks, there: _Vectors) -> _Vectors:
    """For every value, the channels that something still reads."""
    nothing = np.zeros(max(graph.sizes, default=0), dtype=np.bool_)
    used = [nothing[:size] for size in graph.sizes]
    for op in reversed(graph.ops):
        for value, channels in zip(
            op.inputs, _BACKWARD[op.kind](graph, op, used, there, stocks), strict=True
        ):
            used[value] = used[value] | channels
    return used


def _read(graph: Graph, op: Op, used: _Vectors, there: _Vectors, stocks: Stocks) -> _Vectors:
    return [np.ones_like(there[value]) for value in op.inputs]


def _passed_on(graph: Graph, op: Op, used: _Vectors, there: _Vectors, stocks: Stocks) -> _Vectors:
    """A channel is used if the result is used and not zero anyway."""
    return [used[op.output] & there[op.output]] * len(op.inputs)


def _layer_uses(graph: Graph, op: Op, used: _Vectors, there: _Vectors, stocks: Stocks) -> _Vectors:
    return [stocks[op.name].read_channels(used[op.output]) & there[op.inputs[0]]]


def _cat_uses(graph: Graph, op: Op, used: _Vectors, there: _Vectors, stocks: Stocks) -> _Vectors:
    ends = list(accumulate(graph.sizes[value] for value in op.inputs))
    return [used[op.output][start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _index_uses(graph: Graph, op: Op, used: _Vectors, there: _Vectors, stocks: Stocks) -> _Vectors:
    result = np.zeros_like(there[op.inputs[0]])
    result[op.picks.numpy()[used[op.output]]] = True
    return [result]


_BACKWARD: dict[str, Callable[[Graph, Op, _Vectors, _Vectors, Stocks], _Vectors]] = {
    "source": lambda graph, op, used, there, stocks: [],
    "read": _read,
    "mix": _read,
    "layer": _layer_uses,
    "norm": _passed_on,
    "sum": _passed_on,
    "product": _passed_on,
    "fresh": _passed_on,
    "cat": _cat_uses,
    "index": _index_uses,
}
