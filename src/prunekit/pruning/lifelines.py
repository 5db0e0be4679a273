"""The one weight more that ties an emptied layer back to the network: no layer is ever cut off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from prunekit.pruning.allocation import largest
from prunekit.pruning.graph import Graph
from prunekit.pruning.propagation import by_filter
from prunekit.pruning.room import Left

Planes = Mapping[str, Tensor]


def lifelines(graph: Graph, left: Left, planes: Planes) -> dict[str, Tensor]:
    """For the layers that a choice empties, their best weight that would be fed and read; by layer, as bool planes.

    A layer that makes something nobody reads is helped by its readers. ``planes``: scores ``[kernel positions, filters,
    channels per group]``, -inf where no weight is. Layers that wait for others to be tied back get none.
    """
    found: dict[str, Tensor] = {}
    for name in left.emptied:
        for helper, places in _places(graph, left, name):
            if helper in planes:
                best = _best(planes[helper], places)
                found[helper] = found[helper] | best if helper in found else best
    return {name: added for name, added in found.items() if bool(added.any())}


def _best(plane: Tensor, places: Tensor) -> Tensor:
    scores = plane.masked_fill(~places.to(plane.device), -torch.inf)
    return largest(scores, 1) & (scores > -torch.inf)


def _places(graph: Graph, left: Left, name: str) -> Iterator[tuple[str, Tensor]]:
    """Where a weight would help an emptied layer: (layer, bool ``[filters, channels per group]``)."""
    layer, live = graph.layers[name], left.liveness
    if name not in live.made:
        yield name, torch.ones(layer.shape, dtype=torch.bool)
    elif not live.made[name].any() or live.read[name].any():
        rows = live.read[name] if live.read[name].any() else torch.ones_like(live.read[name])
        yield name, rows[:, None] & by_filter(layer, live.fed[name])
    else:
        for reader, columns in _readers(graph, name, live.made[name]):
            rows = live.biased(reader) if live.biased(reader).any() else torch.ones_like(live.read[reader])
            yield reader, rows[:, None] & by_filter(graph.layers[reader], columns & live.fed[reader])


def _readers(graph: Graph, name: str, made: Tensor) -> Iterator[tuple[str, Tensor]]:
    """The layers right behind a layer, each with its input channels that these filters reach."""
    reached = [torch.zeros(size, dtype=torch.bool, device=made.device) for size in graph.sizes]
    for op in graph.ops:
        inputs = [reached[value] for value in op.inputs]
        if op.kind == "layer" and op.name == name:
            reached[op.output] = made
        elif op.kind == "layer":
            yield op.name, inputs[0]
        elif op.kind == "cat":
            reached[op.output] = torch.cat(inputs)
        elif op.kind == "index":
            reached[op.output] = inputs[0][op.picks]
        elif op.kind not in ("source", "read"):
            reached[op.output] = torch.stack(inputs).any(0)
