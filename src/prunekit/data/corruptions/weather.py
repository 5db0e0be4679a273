"""Fog and snow."""

from __future__ import annotations

import torch
from torch import Tensor

from prunekit.data.corruptions.draws import Draws
from prunekit.data.corruptions.pixels import luma, to_bytes, to_unit
from prunekit.data.corruptions.plasma import plasma
from prunekit.data.corruptions.trail import trail
from prunekit.data.corruptions.zoom import zoom


def fog(pixels: Tensor, *, draws: Draws, strength: float, decay: float) -> Tensor:
    """Lay a cloud over the image without changing its brightest value."""
    _, height, width, _ = pixels.shape
    clouds = draws.given.get("plasma")
    if clouds is None:
        clouds = plasma(draws, 1 << (max(height, width) - 1).bit_length(), decay)
    unit = to_unit(pixels, clouds.dtype)
    brightest = unit.amax(dim=(0, 1, 2))
    return to_bytes((unit + clouds[:height, :width] * strength) * brightest / (brightest + strength))


def snow(
    pixels: Tensor,
    *,
    draws: Draws,
    mean: float,
    std: float,
    zoom_factor: float,
    threshold: float,
    radius: float,
    sigma: float,
    kept: float,
) -> Tensor:
    """Whiten the scene and let flakes fall: zoomed noise above ``threshold``, smeared, once more upside down.

    ``kept``: the share of the image that is not whitened.
    """
    noise = draws.normal("normal_layer", *pixels.shape[1:3], mean=mean, std=std).double()
    zoomed = zoom(noise[None], zoom_factor)
    flakes = to_bytes(zoomed.masked_fill(zoomed < threshold, 0))
    angle = draws.uniform("angle_deg", low=-135, high=-45)
    falling = to_unit(trail(flakes, radius=radius, sigma=sigma, angle=angle))
    unit = to_unit(pixels, torch.float32)
    paler = torch.maximum(unit, luma(unit) * 1.5 + 0.5)
    return to_bytes(unit * kept + paler * (1 - kept) + falling + falling.flip(1, 2))
