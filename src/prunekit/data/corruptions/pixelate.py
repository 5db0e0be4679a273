"""Large pixels: shrink with a box filter, enlarge by repetition (docs/corruptions.md)."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from prunekit.data.corruptions.borders import pick
from prunekit.data.corruptions.smooth import HEIGHT, WIDTH

FRACTION_BITS = 22


def pixelate(pixels: Tensor, *, scale: float) -> Tensor:
    """Resize to ``scale`` times the size and back."""
    _, height, width, _ = pixels.shape
    small = _resize(_resize(pixels, WIDTH, int(width * scale)), HEIGHT, int(height * scale))
    return _resize(_resize(small, WIDTH, width), HEIGHT, height)


def _resize(pixels: Tensor, dim: int, target: int) -> Tensor:
    """Resize one axis: every output is the rounded mean of the inputs whose centres lie in its box."""
    sources, weights = boxes(pixels.shape[dim], target)
    if sources.shape[1] == 1:
        return pick(pixels, dim, sources[:, 0].to(pixels.device))
    shape = [target if axis == dim else 1 for axis in range(4)]
    total = torch.full((), 1 << (FRACTION_BITS - 1), dtype=torch.int32, device=pixels.device)
    for source, weight in zip(sources.unbind(1), weights.unbind(1), strict=True):
        part = pick(pixels, dim, source.to(pixels.device)).int()
        total = total + part * weight.view(shape).to(pixels.device)
    return (total >> FRACTION_BITS).to(torch.uint8)


@lru_cache(maxsize=64)
def boxes(size: int, target: int) -> tuple[Tensor, Tensor]:
    """Of a scaled axis: source indices (int64) and fixed-point weights (int32), both ``[target, k]``.

    Spare places have weight 0; an axis that grows has one source each.
    """
    scale = size / target
    reach = max(scale, 1.0)
    held = [_held(size, (i + 0.5) * scale, reach) for i in range(target)]
    most = max(len(box) for box in held)
    sources = [box + box[:1] * (most - len(box)) for box in held]
    weights = [
        [int((1 << FRACTION_BITS) / len(box) + 0.5)] * len(box) + [0] * (most - len(box)) for box in held
    ]
    return torch.tensor(sources), torch.tensor(weights, dtype=torch.int32)


def _held(size: int, centre: float, reach: float) -> list[int]:
    """The samples whose centres lie in the box; no sample counts in part."""
    first, last = int(centre - reach / 2 + 0.5), int(centre + reach / 2 + 0.5)
    candidates = range(max(first, 0), min(last, size))
    return [j for j in candidates if -0.5 < (j - centre + 0.5) / reach <= 0.5]
