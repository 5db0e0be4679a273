"""Padding of an image beyond its border: three rules, each a table of indices (docs/corruptions.md)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Rule = Callable[[Tensor, int], Tensor]


def edge(position: Tensor, size: int) -> Tensor:
    """The last sample is repeated: ``.. 0 0 | 0 1 2``."""
    return position.clamp(0, size - 1)


def mirror(position: Tensor, size: int) -> Tensor:
    """Reflected about the centre of the last sample: ``.. 2 1 | 0 1 2``."""
    period = max(2 * (size - 1), 1)
    folded = _fold(position, period)
    return torch.minimum(folded, period - folded).clamp_(max=size - 1)


def symmetric(position: Tensor, size: int) -> Tensor:
    """Reflected about the outer side of the last sample: ``.. 1 0 | 0 1 2``."""
    folded = _fold(position, 2 * size)
    return torch.minimum(folded, 2 * size - 1 - folded)


def pad(x: Tensor, dim: int, width: int, rule: Rule) -> Tensor:
    """``x`` with ``width`` more samples at both ends of ``dim``."""
    size = x.shape[dim]
    position = torch.arange(-width, size + width, device=x.device)
    return pick(x, dim, rule(position, size))


def pick(x: Tensor, dim: int, places: Tensor) -> Tensor:
    """The slices of ``x`` at these places along ``dim``.

    ``index_select`` is several times as fast as indexing on small numbers, and half as fast on float64.
    """
    if x.element_size() < 8:
        return x.index_select(dim, places)
    return x[(slice(None),) * dim + (places,)]


def _fold(position: Tensor, period: int) -> Tensor:
    """``position`` modulo ``period``; a float's division is vectorised, an integer's is not."""
    return position - (position / period).floor_().to(position.dtype).mul_(period)
