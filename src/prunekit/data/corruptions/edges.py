"""Outlines and the distance to them, in whole numbers as OpenCV computes them (CORRUPTIONS section 3, spatter)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad as pad_zeros

from prunekit.data.corruptions.borders import edge, pad

# tan 22.5 degrees, and the weights of a straight, a diagonal and a knight's step, in fixed point.
TANGENT_BITS, TANGENT = 15, 13573
DISTANCE_BITS = 16
STRAIGHT, DIAGONAL, KNIGHT = (round(step * (1 << DISTANCE_BITS)) for step in (1.0, 1.4, 2.1969))


def canny(image: Tensor, weak: int, strong: int) -> Tensor:
    """Where int32 ``[H, W, N]`` has an edge (bool), by Canny's method (PAMI 1986) with a 3 x 3 Sobel operator."""
    across, down = _sobel(image)
    strength = across.abs() + down.abs()
    thin = (strength > weak) & _is_ridge(strength, across, down)
    return _connected(thin & (strength > strong), thin)


def _sobel(image: Tensor) -> tuple[Tensor, Tensor]:
    padded = pad(pad(image, 0, 1, edge), 1, 1, edge)
    smooth_rows = padded[:-2] + padded[1:-1] * 2 + padded[2:]
    smooth_columns = padded[:, :-2] + padded[:, 1:-1] * 2 + padded[:, 2:]
    return smooth_rows[:, 2:] - smooth_rows[:, :-2], smooth_columns[2:] - smooth_columns[:-2]


def _is_ridge(strength: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """Whether the gradient is largest here along its own direction, rounded to one of four."""
    near = _neighbours(strength)
    flat, steep = across.abs() * TANGENT, down.abs() << TANGENT_BITS
    level = (strength > near[0, -1]) & (strength >= near[0, 1])
    upright = (strength > near[-1, 0]) & (strength >= near[1, 0])
    falling = (strength > near[-1, -1]) & (strength > near[1, 1])
    rising = (strength > near[-1, 1]) & (strength > near[1, -1])
    slanted = torch.where((across < 0) != (down < 0), rising, falling)
    is_upright = steep > flat + (across.abs() << (TANGENT_BITS + 1))
    return torch.where(steep < flat, level, torch.where(is_upright, upright, slanted))


def _connected(seeds: Tensor, allowed: Tensor) -> Tensor:
    """All of ``allowed`` that touches ``seeds`` through allowed pixels, corners included."""
    found = seeds
    while True:
        grown = allowed & torch.stack(list(_neighbours(found).values())).any(0) | found
        if torch.equal(grown, found):
            return found
        found = grown


def _neighbours(x: Tensor) -> dict[tuple[int, int], Tensor]:
    """The eight neighbours by (down, right); zero beyond the border."""
    height, width, _ = x.shape
    padded = pad_zeros(x, (0, 0, 1, 1, 1, 1))
    steps = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right]
    return {
        (down, right): padded[1 + down : 1 + down + height, 1 + right : 1 + right + width]
        for down, right in steps
    }


def distance(marked: Tensor, *, far: int) -> Tensor:
    """Distance in pixels, float32 ``[H, W, N]`` and at most ``far``, to the nearest marked one.

    The 5 x 5 chamfer distance (Borgefors, 1986): a pass down and a pass up over the rows.
    """
    limit = far << DISTANCE_BITS
    start = torch.where(marked, 0, limit).int()
    down = _sweep(start, limit)
    up = _sweep(down.flip(0, 1), limit).flip(0, 1)
    return up.float() / (1 << DISTANCE_BITS)


def _sweep(start: Tensor, limit: int) -> Tensor:
    """Shortest paths from above and from the left."""
    width = start.shape[1]
    wide = pad_zeros(start, (0, 0, 2, 2, 2, 0), value=limit)
    for row in range(2, len(wide)):
        above, higher = wide[row - 1], wide[row - 2]
        steps = [above[2 : 2 + width] + STRAIGHT]
        steps += [above[2 + right : 2 + right + width] + DIAGONAL for right in (-1, 1)]
        steps += [above[2 + right : 2 + right + width] + KNIGHT for right in (-2, 2)]
        steps += [higher[2 + right : 2 + right + width] + KNIGHT for right in (-1, 1)]
        best = wide[row, 2 : 2 + width]
        for step in steps:
            best = torch.minimum(best, step)
        wide[row, 2 : 2 + width] = _run_right(best, limit)
    return wide[2:, 2 : 2 + width]


def _run_right(best: Tensor, limit: int) -> Tensor:
    """Straight steps to the right of any number, by doubling: 1, 2, 4, .. until ``limit`` is passed."""
    reach = 1
    while reach < len(best) and reach * STRAIGHT < 2 * limit:
        stepped = best[:-reach] + reach * STRAIGHT
        best = torch.cat([best[:reach], torch.minimum(best[reach:], stepped)])
        reach *= 2
    return best
