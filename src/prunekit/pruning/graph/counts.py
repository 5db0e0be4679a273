"""How many weights a choice leaves between a layer's filters and channels, by matrix–vector products.

Vectors of channels are numpy arrays here and in ``propagation``: a search takes thousands of operations on a few
numbers each, for which numpy needs a third of torch's time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from prunekit.pruning.layers import Layer

Bools = NDArray[np.bool_]
Numbers = NDArray[np.float32]
# Larger products are torch's, which uses as many threads as it was told to.
_SMALL = 2**13


class Stock(NamedTuple):
    """The weights of one layer that a choice leaves.

    ``amounts``: ``[groups, filters per group, channels per group]``, of any type; in products they are float32, which
    is exact since they stay far below 2^24.
    ``filters`` · ``channels``: the chosen ones (None: all); weights of the others do not count.
    """

    amounts: NDArray[Any]
    filters: Bools | None = None
    channels: Bools | None = None

    def fed_filters(self, channels: Bools) -> Bools:
        """Whether each filter has a weight that reads one of these channels."""
        return self.made(self.per_filter(channels))

    def made(self, per_filter: Numbers) -> Bools:
        """Whether each filter is chosen and has a weight left, given the number of weights of each."""
        return _restricted(per_filter > 0, self.filters)

    def read_channels(self, filters: Bools) -> Bools:
        """Whether a weight of one of these filters reads each channel."""
        groups, rows, _ = self.amounts.shape
        chosen = _restricted(filters, self.filters).astype(np.float32).reshape(groups, 1, rows)
        return _restricted(_product(chosen, self._numbers()).reshape(-1) > 0, self.channels)

    def total(self, filters: Bools | None, channels: Bools | None) -> float:
        """The number of weights between these filters and channels."""
        per_filter, chosen = self.per_filter(channels), self.chosen(filters)
        return float((per_filter if chosen is None else per_filter * chosen).sum(dtype=np.float64))

    def chosen(self, filters: Bools | None) -> Bools | None:
        """Those of these filters (None: all) that the choice keeps; None: all."""
        return _both(filters, self.filters)

    def per_filter(self, channels: Bools | None) -> Numbers:
        """The number of weights of every filter that read one of these channels (None: any)."""
        groups, rows, columns = self.amounts.shape
        chosen = _both(channels, self.channels)
        if chosen is None:
            found: Numbers = self.amounts.sum(-1, dtype=np.float32)
        else:
            found = _product(self._numbers(), chosen.astype(np.float32).reshape(groups, columns, 1))
        return found.reshape(groups * rows)

    def _numbers(self) -> Numbers:
        numbers: Numbers = self.amounts.astype(np.float32, copy=False)
        return numbers


def _product(left: Numbers, right: Numbers) -> Numbers:
    if left.size > _SMALL or right.size > _SMALL:
        return torch.bmm(torch.from_numpy(left), torch.from_numpy(right)).numpy()
    found: Numbers = np.matmul(left, right)
    return found


def _restricted(found: Bools, chosen: Bools | None) -> Bools:
    return found if chosen is None else found & chosen


def _both(one: Bools | None, other: Bools | None) -> Bools | None:
    """The entries that both choose; None chooses all."""
    return other if one is None else one if other is None else one & other


def stock_of(layer: Layer, amounts: Tensor) -> Stock:
    """The stock of a layer from its amounts ``[filters, channels per group]``, on the CPU."""
    return Stock(amounts.reshape(layer.groups, layer.outputs // layer.groups, -1).numpy())


def amounts_of(kept: Tensor, axis: int) -> Tensor:
    """The number of weights between each filter and channel, from bools with the kernel positions along ``axis``."""
    return kept.squeeze(axis) if kept.shape[axis] == 1 else kept.sum(axis, dtype=torch.int16)
