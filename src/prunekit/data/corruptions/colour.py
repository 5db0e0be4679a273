"""Brightness, contrast and saturation."""

from __future__ import annotations

from torch import Tensor

from prunekit.data.corruptions.hsv import recolour, to_hsv
from prunekit.data.corruptions.pixels import divide_, to_bytes, to_unit


def brightness(pixels: Tensor, *, shift: float) -> Tensor:
    """Add ``shift`` to the value channel (HSV) of every pixel."""
    unit = to_unit(pixels)
    hue, saturation, value = to_hsv(unit)
    return to_bytes(recolour(unit, hue, saturation, value.add_(shift).clamp_(0, 1)))


def saturate(pixels: Tensor, *, scale: float, shift: float) -> Tensor:
    """Scale the saturation of every pixel and add ``shift``: a scale below 1 makes colours greyer, above 1 deeper."""
    unit = to_unit(pixels)
    hue, saturation, value = to_hsv(unit)
    return to_bytes(recolour(unit, hue, saturation.mul_(scale).add_(shift).clamp_(0, 1), value))


def contrast(pixels: Tensor, *, scale: float) -> Tensor:
    """Move every value towards the mean of its channel over the image."""
    unit = to_unit(pixels)
    # Summed one by one, as the reference does: in flat areas the last bit of the mean decides the byte. A GPU has no
    # fixed order of such sums.
    total = unit.flatten(1, 2).cpu().cumsum(1)[:, -1:, None].to(unit.device)
    mean = divide_(total, unit[0, ..., 0].numel())
    return to_bytes((unit - mean).mul_(scale).add_(mean))
