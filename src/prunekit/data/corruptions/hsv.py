"""Hue, saturation and value of colours, in float64 and in the reference's order (docs/corruptions.md)."""

from __future__ import annotations

import torch
from torch import Tensor

from prunekit.data.corruptions.pixels import divide_


def to_hsv(unit: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue, saturation and value in [0, 1], each ``[H, W, N]``, of a block ``[3, H, W, N]``."""
    red, green, blue = unit
    value, spread = unit.amax(0), unit.amax(0) - unit.amin(0)
    grey = spread == 0
    safe = spread.masked_fill(grey, 1)
    hue = torch.where(green == value, blue - red, green - blue).div_(safe).add_(2 * (green == value))
    # Blue wins a tie because it is checked last.
    hue = torch.where(blue == value, (red - green).div_(safe).add_(4), hue)
    hue = divide_(hue, 6)
    saturation = spread.div_(value.masked_fill(grey, 1))
    return hue.sub_(hue.floor()).masked_fill_(grey, 0), saturation, value


def recolour(unit: Tensor, hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """The block with another saturation and value, its hues kept.

    The largest channel becomes the value and the smallest is as far below as the saturation says; only the middle one
    needs the hue. Grey has hue 0: red counts as its largest channel.
    """
    sector = (hue * 6).floor_()
    part = hue * 6 - sector
    falling = sector - (sector / 2).floor_().mul_(2) == 1
    middle = value * (1 - torch.where(falling, part, 1 - part).mul_(saturation))
    lowest, highest = unit.amin(0), unit.amax(0)
    out = torch.where(unit == lowest, value * (1 - saturation), middle)
    grey = lowest == highest
    out = torch.where((unit == highest) & ~grey, value, out)
    out[0] = torch.where(grey, value, out[0])
    return out
