"""Drops of water or flecks of mud on the lens (docs/corruptions.md)."""

from __future__ import annotations

import torch
from torch import Tensor

from prunekit.data.corruptions.draws import Draws
from prunekit.data.corruptions.edges import canny, distance
from prunekit.data.corruptions.pixels import to_bytes, to_unit
from prunekit.data.corruptions.smooth import correlate, gaussian

WATER_RGB = (175, 238, 238)
MUD_RGB = (63, 42, 20)
# Canny's two thresholds, and the distance in pixels beyond which an edge has no effect.
WEAK, STRONG, FAR = 50, 150, 20
RELIEF = ((-2, -1, 0), (-1, 1, 1), (0, 1, 2))


def spatter(
    pixels: Tensor,
    *,
    draws: Draws,
    mean: float,
    std: float,
    sigma: float,
    threshold: float,
    strength: float,
    liquid: str,
) -> Tensor:
    """Smooth noise above ``threshold`` becomes drops of ``strength`` ("water") or flecks with that blur ("mud")."""
    noise = draws.normal("normal_layer", *pixels.shape[1:3], mean=mean, std=std).double()
    layer = gaussian(noise[None], sigma)[0]
    layer = layer.masked_fill_(layer < threshold, 0)
    unit = to_unit(pixels, torch.float32)
    if liquid == "mud":
        mask = gaussian((layer > threshold).float()[None], strength)
        mask.masked_fill_(mask < 0.8, 0)
        return to_bytes(unit * (1 - mask) + mask * _colour(MUD_RGB, unit))
    # The reference casts the layer to bytes and overflows: the brightest drops start again from black.
    drops = (layer * 255).int() & 255
    return to_bytes(unit + _shine(drops, strength) * _colour(WATER_RGB, unit))


def _colour(rgb: tuple[int, int, int], like: Tensor) -> Tensor:
    return to_unit(torch.tensor(rgb, device=like.device), torch.float32).view(3, 1, 1, 1)


def _shine(drops: Tensor, strength: float) -> Tensor:
    """How much light the water adds, float32 ``[H, W, N]``: the drops times a relief of their outlines."""
    away = distance(canny(drops, WEAK, STRONG), far=FAR)
    relief = _equalise(_box_mean(away).float().int()).float()
    relief = _slide(relief, RELIEF).clamp_(0, 255)
    light = drops.float() * _box_mean(relief).round_()
    brightest = light.amax(dim=(0, 1))
    return light / brightest.masked_fill(brightest == 0, 1) * strength


def _box_mean(x: Tensor) -> Tensor:
    """Means of 3 x 3 pixels in float64, computed from exact sums."""
    return _slide(x.double(), ((1, 1, 1),) * 3).mul_(1 / 9)


def _slide(x: Tensor, kernel: tuple[tuple[int, ...], ...]) -> Tensor:
    return correlate(x[None], torch.tensor(kernel))[0]


def _equalise(level: Tensor) -> Tensor:
    """Spread whole distances (0 to FAR) over 0 to 255 by their ranks; an image with only one level does not change."""
    flat = level.flatten(0, 1).long()
    pixels, images = flat.shape
    counts = torch.zeros(FAR + 1, images, dtype=torch.int64, device=level.device)
    upto = counts.scatter_add_(0, flat, torch.ones_like(flat)).cumsum(0)
    lowest = torch.where(upto > 0, upto, pixels).amin(0)
    scale = 255 / (pixels - lowest).clamp(min=1).float()
    lookup = ((upto - lowest).float() * scale).round_().int().clamp_(min=0)
    return torch.where(lowest == pixels, level, lookup.gather(0, flat).view_as(level))
