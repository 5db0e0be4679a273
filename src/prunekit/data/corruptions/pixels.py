"""From bytes to the unit interval and back, as the reference generator converts (docs/corruptions.md).

Inside the package a block of images is ``[3, H, W, N]``: with the images last, one number per image is a plain ``[N]``
vector, and a shifted slice of the block is one long run of memory.
"""

from __future__ import annotations

import torch
from torch import Tensor

# The weights of red, green and blue in the brightness of a pixel (ITU-R BT.601).
LUMA = torch.tensor((0.299, 0.587, 0.114)).tolist()


def divide_(values: Tensor, divisor: float) -> Tensor:
    """Divide in place by a number, with the same rounding on every device.

    For a Python number, a GPU multiplies by the reciprocal, which changes last bits; truncation then changes bytes.
    """
    return values.div_(torch.full((), divisor, dtype=values.dtype, device=values.device))


def to_unit(pixels: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
    """Bytes as numbers in [0, 1]."""
    return divide_(pixels.to(dtype), 255)


def to_bytes(unit: Tensor) -> Tensor:
    """Clipped to [0, 1], scaled to 255 and truncated (never rounded)."""
    return unit.clamp(0, 1).mul_(255).to(torch.uint8)


def luma(unit: Tensor) -> Tensor:
    """Brightness float32 ``[H, W, N]``, of a block ``[3, H, W, N]``; rounded once per term, as a fused multiply-add."""
    total = torch.zeros_like(unit[0])
    for channel, weight in zip(unit, LUMA, strict=True):
        total = (channel.double() * weight + total).float()
    return total
