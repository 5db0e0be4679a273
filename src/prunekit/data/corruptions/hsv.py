"""Hue, saturation and value of colours, in float64 and in the reference's order (CORRUPTIONS section 2.6)."""

from __future__ import annotations

import torch
from torch import Tensor


def to_hsv(unit: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue, saturation and value in [0, 1], each ``[H, W, N]``, of a block ``[3, H, W, N]``."""
    red, green, blue = unit
    value, spread = unit.amax(0), unit.amax(0) - unit.amin(0)
    grey = spread == 0
    safe = spread.masked_fill(grey, 1)
    hue = torch.where(green == value, 2 + (blue - red) / safe, (green - blue) / safe)
    # Blue wins a tie: it is looked at last.
    hue = torch.where(blue == value, 4 + (red - green) / safe, hue).div_(6).remainder_(1)
    saturation = spread / value.masked_fill(grey, 1)
    return hue.masked_fill_(grey, 0), saturation, value


def from_hsv(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """The block ``[3, H, W, N]`` of these hues, saturations and values."""
    sector = (hue * 6).floor_()
    part = hue * 6 - sector
    low = value * (1 - saturation)
    falling = value * (1 - part * saturation)
    rising = value * (1 - (1 - part) * saturation)
    sector = sector.to(torch.int8).remainder_(6)
    return torch.stack([_channel(sector - turn, value, falling, low, rising) for turn in (0, 2, 4)])


def _channel(sector: Tensor, value: Tensor, falling: Tensor, low: Tensor, rising: Tensor) -> Tensor:
    """Red over the six sectors is V q p p t V; green and blue are the same, two and four sectors later."""
    sector = sector.remainder(6)
    out = torch.where((sector == 0) | (sector == 5), value, low)
    out = torch.where(sector == 1, falling, out)
    return torch.where(sector == 4, rising, out)
