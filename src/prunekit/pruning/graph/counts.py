"""How many weights a choice leaves between a layer's filters and channels, by matrix–vector products."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from prunekit.pruning.layers import Layer


class Stock(NamedTuple):
    """The weights of one layer that a choice leaves.

    ``amounts``: ``[groups, filters per group, channels per group]``, of any type; in products they are float32, which
    is exact since they stay far below 2^24.
    ``filters`` · ``channels``: the chosen ones (bool vectors; None: all); weights of the others do not count.
    """

    amounts: Tensor
    filters: Tensor | None = None
    channels: Tensor | None = None

    def fed_filters(self, channels: Tensor) -> Tensor:
        """Bool over filters: whether the filter has a weight that reads one of these channels."""
        return self.made(self.per_filter(channels))

    def made(self, per_filter: Tensor) -> Tensor:
        """Bool over filters: whether a chosen filter has a weight left, given the number of weights of each."""
        return self._restricted(per_filter > 0, self.filters)

    def read_channels(self, filters: Tensor) -> Tensor:
        """Bool over channels: whether a weight of one of these filters reads the channel."""
        chosen = self._restricted(filters, self.filters).to(torch.float32)
        groups, rows, columns = self.amounts.shape
        found = (
            torch.bmm(chosen.view(groups, 1, rows), self.amounts.to(torch.float32)).view(groups * columns) > 0
        )
        return self._restricted(found, self.channels)

    def total(self, filters: Tensor | None, channels: Tensor | None) -> Tensor:
        """The number of weights between these filters and channels, a scalar in float64."""
        per_filter, chosen = self.per_filter(channels), self.chosen(filters)
        return (per_filter if chosen is None else per_filter * chosen).sum(dtype=torch.float64)

    def chosen(self, filters: Tensor | None) -> Tensor | None:
        """Those of these filters (None: all) that the choice keeps; None: all."""
        return _both(filters, self.filters)

    def per_filter(self, channels: Tensor | None) -> Tensor:
        """The number of weights of every filter that read one of these channels (None: any), in float32."""
        groups, rows, columns = self.amounts.shape
        chosen = _both(channels, self.channels)
        if chosen is None:
            return self.amounts.sum(-1, dtype=torch.float32).view(groups * rows)
        weights = chosen.to(torch.float32).view(groups, columns, 1)
        return torch.bmm(self.amounts.to(torch.float32), weights).view(groups * rows)

    @staticmethod
    def _restricted(found: Tensor, chosen: Tensor | None) -> Tensor:
        return found if chosen is None else found & chosen


def _both(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    """The entries that both choose; None chooses all."""
    return other if one is None else one if other is None else one & other


def stock_of(layer: Layer, amounts: Tensor) -> Stock:
    """The stock of a layer from its amounts ``[filters, channels per group]``."""
    return Stock(amounts.reshape(layer.groups, layer.outputs // layer.groups, -1))


def amounts_of(kept: Tensor, axis: int) -> Tensor:
    """The number of weights between each filter and channel, from bools with the kernel positions along ``axis``."""
    return kept.squeeze(axis) if kept.shape[axis] == 1 else kept.sum(axis, dtype=torch.int16)
