"""Zoom into the centre at constant image size (docs/corruptions.md)."""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from typing import NamedTuple

import torch
from torch import Tensor

from prunekit.data.corruptions.borders import pick
from prunekit.data.corruptions.smooth import HEIGHT, WIDTH


class Resampling(NamedTuple):
    """Linear interpolation along one axis: output i is ``low[i]`` and ``high[i]`` mixed by ``share[i]``."""

    low: Tensor
    high: Tensor
    share: Tensor


def grid(size: int, factor: float) -> tuple[int, int]:
    """The side of the central crop, and the side to which it is enlarged (at least ``size``)."""
    side = ceil(size / factor)
    return side, round(side * factor)


def zoom(x: Tensor, factor: float) -> Tensor:
    """The centre of float64 ``[C, H, W, N]``, ``factor`` times as large, with the corners of the crop aligned."""
    for dim in (HEIGHT, WIDTH):
        side, enlarged = grid(x.shape[dim], factor)
        if side != enlarged:
            x = _resample(x, dim, resampling(x.shape[dim], side, enlarged))
    return x


@lru_cache(maxsize=256)
def resampling(size: int, side: int, enlarged: int) -> Resampling:
    """From a central crop of ``side`` to ``enlarged`` samples, of which the central ``size`` are kept."""
    kept = torch.arange(size) + (enlarged - size) // 2
    position = kept.double() * ((side - 1) / (enlarged - 1))
    low = position.long().clamp_(max=side - 1)
    top = (size - side) // 2
    return Resampling(low + top, (low + 1).clamp_(max=side - 1) + top, position - low)


def _resample(x: Tensor, dim: int, plan: Resampling) -> Tensor:
    low, high, share = (part.to(x.device) for part in plan)
    share = share.view([-1 if axis == dim else 1 for axis in range(4)])
    return pick(x, dim, low).lerp_(pick(x, dim, high), share)
