"""What can be pruned, and what a choice leaves: counted after propagation, over all parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from prunekit.pruning.graph.counts import Bools, Stock, amounts_of, stock_of
from prunekit.pruning.graph.graph import Graph
from prunekit.pruning.graph.propagation import Liveness, masks_of, propagate
from prunekit.pruning.masks import Masks, parameters


class Left(NamedTuple):
    """What a choice leaves: entries kept after propagation, and the layers that it would empty."""

    kept: int
    emptied: tuple[str, ...]
    liveness: Liveness


class _Counted(NamedTuple):
    """The weights of every layer that a choice leaves."""

    amounts: dict[str, int]
    liveness: Liveness


@dataclass(frozen=True)
class Room:
    """A network under the masks in force.

    ``present``: per layer, the weights that are kept, as bool ``[filters, channels per group, kernel positions]``.
    ``vectors``: the bias and norm masks in force. ``other``: entries that no choice here can remove.
    """

    graph: Graph
    present: dict[str, Tensor]
    vectors: Masks
    other: int

    @cached_property
    def stocks(self) -> dict[str, Stock]:
        """The weights that are kept, counted by filter and channel, as numbers for many products."""
        found = self.stocks_of(self.present)
        return {
            name: stock._replace(amounts=stock.amounts.astype(np.float32)) for name, stock in found.items()
        }

    def stocks_of(self, kept: Mapping[str, Tensor]) -> dict[str, Stock]:
        """What a choice of weights (in blocks) leaves of every layer."""
        amounts = {name: amounts_of(entries, -1) for name, entries in kept.items()}
        return {name: stock_of(self.graph.layers[name], amount) for name, amount in amounts.items()}

    @cached_property
    def idle(self) -> frozenset[str]:
        """The layers that are dead before any choice, such as one whose output is not read."""
        return frozenset(name for name, amount in self._everything.amounts.items() if not amount)

    @cached_property
    def now(self) -> Left:
        """What is left before any choice."""
        return self._left(self._everything)

    @cached_property
    def _everything(self) -> _Counted:
        # These stocks are not kept, since they may be as large as the network.
        return self._counted(self.stocks_of(self.present))

    def left(self, stocks: Mapping[str, Stock]) -> Left:
        """What a choice leaves after propagation."""
        return self._left(self._counted(stocks))

    def _left(self, found: _Counted) -> Left:
        amounts, small = found.amounts, self._small(found.liveness)
        held = [self._held[name] for name in small]
        others = int((np.concatenate(list(small.values())) & np.concatenate(held)).sum()) if small else 0
        emptied = tuple(name for name, amount in amounts.items() if not amount and name not in self.idle)
        return Left(sum(amounts.values()) + others + self.other, emptied, found.liveness)

    @cached_property
    def _held(self) -> dict[str, Bools]:
        return {name: entries.numpy() for name, entries in self.vectors.items()}

    def _counted(self, stocks: Mapping[str, Stock]) -> _Counted:
        liveness = propagate(self.graph, stocks)
        return _Counted(_amounts(stocks, liveness), liveness)

    def _small(self, liveness: Liveness) -> dict[str, Bools]:
        """The entries of biases and norms that a choice leaves, before the masks in force."""
        found: dict[str, Bools] = {}
        for name in liveness.read:
            bias = self.graph.layers[name].bias
            if bias in self.vectors:
                found[bias] = liveness.biased(name)
        for name, entries in liveness.normed.items():
            for part in self.graph.norms[name]:
                if part in self.vectors:
                    found[part] = entries
        return found

    def masks(self, kept: Mapping[str, Tensor]) -> Masks:
        """The masks of this choice of weights (in blocks), with everything that follows from it."""
        made = masks_of(self.graph, kept, propagate(self.graph, self.stocks_of(kept)))
        return {
            name: mask & self.vectors[name] if name in self.vectors else mask for name, mask in made.items()
        }


def _amounts(stocks: Mapping[str, Stock], liveness: Liveness) -> dict[str, int]:
    """The number of weights that every layer has left after propagation: sums in float64 over all layers at once."""
    values = []
    for name, stock in stocks.items():
        weights = liveness.weights.get(name)
        weights = stock.per_filter(None) if weights is None else weights
        chosen = stock.chosen(liveness.read.get(name))
        values.append(weights if chosen is None else weights * chosen)
    starts = np.cumsum([0, *map(len, values[:-1])])
    sums = np.add.reduceat(np.concatenate(values), starts, dtype=np.float64)
    return {name: int(amount) for name, amount in zip(stocks, sums.tolist(), strict=True)}


def room_of(model: nn.Module, graph: Graph, masks: Masks) -> Room:
    """The model under the masks in force; masks of parameters that are never pruned here are unchanged.

    Everything is on the CPU, wherever the model is, since a choice takes many small operations on few numbers.
    """
    like = {name: value.detach() for name, value in parameters(model).items()}
    present, weights = {}, set()
    for name, layer in graph.layers.items():
        mask = masks.get(layer.weight)
        weights.add(layer.weight)
        whole = torch.ones_like(like[layer.weight], dtype=torch.bool, device="cpu")
        present[name] = layer.blocks(whole if mask is None else mask.cpu())
    followed = {layer.bias for op in graph.ops if op.kind == "layer" for layer in (graph.layers[op.name],)}
    followed |= {part for norm in graph.norms.values() for part in norm}
    vectors = {
        name: masks[name].cpu() if name in masks else torch.ones_like(value, dtype=torch.bool, device="cpu")
        for name, value in like.items()
        if name in followed
    }
    other = [name for name in like if name not in weights and name not in vectors]
    kept = sum(int(masks[name].sum()) if name in masks else like[name].numel() for name in other)
    return Room(graph, present, vectors, kept)
