"""From bytes to the unit interval and back, as the reference generator converts (CORRUPTIONS section 0).

Inside the package a block of images is ``[3, H, W, N]``: with the images last, a number per image is a plain ``[N]``
vector, and a shifted slice of the block is one long run of memory.
"""

from __future__ import annotations

import torch
from torch import Tensor

# The weights of red, green and blue in the brightness of a pixel (ITU-R BT.601).
LUMA = (0.299, 0.587, 0.114)


def to_unit(pixels: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
    """Bytes as numbers in [0, 1]."""
    return pixels.to(dtype).div_(255)


def to_bytes(unit: Tensor) -> Tensor:
    """Clipped to [0, 1], scaled to 255 and truncated (never rounded)."""
    return unit.clamp(0, 1).mul_(255).to(torch.uint8)


def luma(unit: Tensor) -> Tensor:
    """Brightness ``[H, W, N]`` of a block ``[3, H, W, N]``."""
    red, green, blue = unit
    return torch.add(red * LUMA[0] + green * LUMA[1], blue * LUMA[2])
