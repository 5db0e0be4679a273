"""Blur by the lens, by frosted glass and by motion."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from prunekit.data.corruptions.borders import mirror, pad
from prunekit.data.corruptions.draws import Draws
from prunekit.data.corruptions.packing import pack, take, unpack
from prunekit.data.corruptions.pixels import divide_, to_bytes, to_unit
from prunekit.data.corruptions.smooth import correlate, gaussian
from prunekit.data.corruptions.trail import trail
from prunekit.data.corruptions.zoom import grid, zoom


def gaussian_blur(pixels: Tensor, *, sigma: float) -> Tensor:
    """Smooth with a Gaussian of ``sigma`` pixels."""
    return to_bytes(gaussian(to_unit(pixels), sigma))


def defocus_blur(pixels: Tensor, *, radius: float, alias_sigma: float) -> Tensor:
    """Spread every point over a disk of ``radius`` pixels with a soft rim."""
    return to_bytes(correlate(to_unit(pixels), disk(radius, alias_sigma)))


def motion_blur(pixels: Tensor, *, draws: Draws, radius: float, sigma: float) -> Tensor:
    """Smear along a direction within 45 degrees of the horizontal."""
    return trail(pixels, radius=radius, sigma=sigma, angle=draws.uniform("angle_deg", low=-45, high=45))


def zoom_blur(pixels: Tensor, *, count: int, step: float) -> Tensor:
    """The mean of the image and of ``count`` zooms into it, by 1, 1 + step, ..

    Summed in float32 as the reference does; neighbouring factors often give the same zoom, which is computed once.
    """
    clean = to_unit(pixels).float()
    wide, total = clean.double(), torch.zeros_like(clean)
    made: tuple[tuple[int, int], ...] = ()
    zoomed = clean
    for number in range(count):
        factor = 1 + number * ((1 + step) - 1)
        needed = tuple(grid(size, factor) for size in pixels.shape[1:3])
        if needed != made:
            made, zoomed = needed, zoom(wide, factor).float()
        total += zoomed
    return to_bytes(divide_(clean + total, count + 1))


def glass_blur(pixels: Tensor, *, draws: Draws, sigma: float, reach: int, rounds: int) -> Tensor:
    """Overwrite every pixel with a random neighbour, between two smoothings.

    ``reach``: neighbours are up to this far up and left, and up to one less down and right, as in the reference.
    """
    _, height, width, _ = pixels.shape
    packed = pack(to_bytes(gaussian(to_unit(pixels), sigma)))
    inner = (height - 2 * reach, width - 2 * reach)
    for shift in draws.choice("dx_dy", rounds, *inner, 2, low=-reach, high=reach).unbind(0):
        packed = take(packed, _copied_from(shift.movedim(-1, 0), height, width, reach))
    return to_bytes(gaussian(to_unit(unpack(packed, height, width)), sigma))


def _copied_from(shift: Tensor, height: int, width: int, reach: int) -> Tensor:
    """For every pixel, the place ``[N, H * W]`` whose old value it ends up with.

    ``shift``: (right, down) ``[N, rows, columns, 2]`` in the order of the scan, from the bottom right. A pixel whose
    source was overwritten earlier in the scan gets the source of that one: the chains are followed by doubling.
    """
    place = torch.arange(height * width, device=shift.device).view(height, width)
    inside = (slice(reach + 1, height - reach + 1), slice(reach + 1, width - reach + 1))
    source = place.repeat(len(shift), 1, 1)
    right, down = shift.flip(1, 2).unbind(-1)
    source[:, *inside] += down * width + right
    written = torch.zeros(height, width, dtype=torch.bool, device=shift.device)
    written[inside] = True
    source = source.flatten(1)
    # Scanned before this pixel: after it in reading order, and within the area of the scan.
    chained = (source > place.flatten()) & written.flatten()[source]
    while chained.any():
        chained, source = (
            chained & chained.gather(1, source),
            torch.where(chained, source.gather(1, source), source),
        )
    return source


@lru_cache(maxsize=16)
def disk(radius: float, alias_sigma: float) -> Tensor:
    """A float32 disk of sum 1, its rim smoothed by 3 taps (5 for a radius above 8).

    The mirror at the kernel's own border doubles a disk that touches it: at radius 8 and 10 the sum exceeds 1, and
    images get brighter, as in the reference (CORRUPTIONS, trap 9).
    """
    reach, taps = (8, 3) if radius <= 8 else (int(radius), 5)
    line = torch.arange(-reach, reach + 1)
    inside = (line[:, None] ** 2 + line**2 <= radius**2).float()
    offset = torch.arange(taps) - taps // 2
    weights = torch.exp(-(offset.double() ** 2) / (2 * alias_sigma**2))
    weights = (weights / weights.sum()).float()
    soft = inside / inside.sum()
    for dim in (0, 1):
        padded = pad(soft, dim, taps // 2, mirror)
        soft = sum(weights[t] * padded.narrow(dim, t, len(line)) for t in range(taps))  # type: ignore[assignment]
    return soft
