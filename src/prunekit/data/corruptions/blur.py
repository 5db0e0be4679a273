"""Blur of the lens, of frosted glass and of motion."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from prunekit.data.corruptions.borders import mirror, pad
from prunekit.data.corruptions.pixels import to_bytes, to_unit
from prunekit.data.corruptions.smooth import correlate, gaussian


def gaussian_blur(pixels: Tensor, *, sigma: float) -> Tensor:
    """Smooth with a Gaussian of ``sigma`` pixels."""
    return to_bytes(gaussian(to_unit(pixels), sigma))


def defocus_blur(pixels: Tensor, *, radius: float, alias_sigma: float) -> Tensor:
    """Spread every point over a disk of ``radius`` pixels with a soft rim."""
    return to_bytes(correlate(to_unit(pixels), disk(radius, alias_sigma)))


@lru_cache(maxsize=16)
def disk(radius: float, alias_sigma: float) -> Tensor:
    """A float32 disk of sum 1, its rim smoothed by 3 taps (5 for a radius above 8).

    The mirror at the kernel's own border doubles a disk that touches it: at radius 8 and 10 the sum exceeds 1, and
    images get brighter, as in the reference (CORRUPTIONS, trap 9).
    """
    reach, taps = (8, 3) if radius <= 8 else (int(radius), 5)
    line = torch.arange(-reach, reach + 1)
    inside = (line[:, None] ** 2 + line**2 <= radius**2).float()
    offset = torch.arange(taps) - taps // 2
    weights = torch.exp(-(offset.double() ** 2) / (2 * alias_sigma**2))
    weights = (weights / weights.sum()).float()
    soft = inside / inside.sum()
    for dim in (0, 1):
        padded = pad(soft, dim, taps // 2, mirror)
        soft = sum(weights[t] * padded.narrow(dim, t, len(line)) for t in range(taps))  # type: ignore[assignment]
    return soft
