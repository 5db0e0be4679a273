"""The trail of a moving camera, as ImageMagick 6 (16 bits per value) draws it (docs/corruptions.md)."""

from __future__ import annotations

from math import ceil

import torch
from torch import Tensor

from prunekit.data.corruptions.borders import edge, pad

# From 8 to 16 bits, a byte is repeated: 0xAB becomes 0xABAB.
TO_16_BIT = 257


def trail(pixels: Tensor, *, radius: float, sigma: float, angle: Tensor) -> Tensor:
    """Smear bytes ``[C, H, W, N]`` along one direction per image (degrees, ``[N]``).

    The kernel is one half of a Gaussian, so that the content is also displaced; the result is truncated.
    """
    channels, height, width, count = pixels.shape
    taps = 2 * ceil(radius) + 1
    weights = torch.exp(-(torch.arange(taps).double() ** 2) / (2 * sigma**2))
    down, right = _offsets(angle.double(), taps)
    windows = _windows(pixels, taps - 1)
    image = torch.arange(count, device=pixels.device)
    total = torch.full(windows.shape[:1] + windows.shape[3:], 0.5, dtype=torch.float64, device=pixels.device)
    for tap, weight in enumerate((weights / weights.sum() * TO_16_BIT).tolist()):
        total.add_(windows[image, down[tap] + taps - 1, right[tap] + taps - 1], alpha=weight)
    smeared = total.floor_().div_(TO_16_BIT).to(torch.uint8)
    return smeared.view(count, height, width, channels).permute(3, 1, 2, 0).contiguous()


def _offsets(angle: Tensor, taps: int) -> tuple[Tensor, Tensor]:
    """Whole pixels down and to the right of every tap, int64 ``[taps, N]``."""
    step = torch.arange(taps, device=angle.device)[:, None]
    radians = angle.deg2rad()
    down, right = (torch.ceil(step * part - 0.5).long() for part in (radians.sin(), radians.cos()))
    return down, right


def _windows(pixels: Tensor, reach: int) -> Tensor:
    """A view ``[N, 2 reach + 1, 2 reach + 1, H, W * C]``: every image shifted by every offset."""
    channels, height, width, count = pixels.shape
    padded = pad(pad(pixels.permute(3, 1, 2, 0), 1, reach, edge), 2, reach, edge).contiguous()
    image, row, pixel, value = padded.stride()
    shifts = 2 * reach + 1
    return padded.as_strided(
        (count, shifts, shifts, height, width * channels), (image, row, pixel, row, value)
    )
