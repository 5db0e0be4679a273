"""Clouds by the diamond-square fractal on a torus (Fournier, Fussell and Carpenter, 1982; docs/corruptions.md)."""

from __future__ import annotations

import torch
from torch import Tensor

from prunekit.data.corruptions.draws import Draws

START = 100.0


def plasma(draws: Draws, size: int, decay: float) -> Tensor:
    """Maps ``[size, size, N]`` in [0, 1], scaled to the whole range; ``size`` is a power of two."""
    clouds = torch.zeros(size, size, len(draws.seeds), device=draws.seeds.device)
    step, amplitude = size, START
    while step >= 2:
        _refine(clouds, draws, step, amplitude)
        step, amplitude = step // 2, amplitude / decay
    clouds -= clouds.amin(dim=(0, 1))
    return clouds / clouds.amax(dim=(0, 1))


def _refine(clouds: Tensor, draws: Draws, step: int, amplitude: float) -> None:
    """Fill the centres of the squares, then the middles of their sides: the mean of four neighbours plus noise."""
    half, cells = step // 2, len(clouds) // step
    # The reference multiplies a number in [-w, w) by w again.
    noise = draws.uniform(f"plasma/{step}", 3, cells, cells, low=-(amplitude**2), high=amplitude**2)
    corners = clouds[::step, ::step]
    below = corners + corners.roll(-1, 0)
    centres = (below + below.roll(-1, 1)) / 4 + noise[0]
    across = corners + corners.roll(-1, 1) + centres + centres.roll(1, 0)
    along = corners + corners.roll(-1, 0) + centres + centres.roll(1, 1)
    clouds[half::step, half::step] = centres
    clouds[::step, half::step] = across / 4 + noise[1]
    clouds[half::step, ::step] = along / 4 + noise[2]
