"""Fog, snow, frost and spatter on the lens."""

from __future__ import annotations

from torch import Tensor

from prunekit.data.corruptions.draws import Draws
from prunekit.data.corruptions.pixels import to_bytes, to_unit
from prunekit.data.corruptions.plasma import plasma


def fog(pixels: Tensor, *, draws: Draws, strength: float, decay: float) -> Tensor:
    """Lay a cloud over the image and keep its brightest value where it was."""
    _, height, width, _ = pixels.shape
    clouds = draws.given.get("plasma")
    if clouds is None:
        clouds = plasma(draws, 1 << (max(height, width) - 1).bit_length(), decay)
    unit = to_unit(pixels, clouds.dtype)
    brightest = unit.amax(dim=(0, 1, 2))
    return to_bytes((unit + clouds[:height, :width] * strength) * brightest / (brightest + strength))
