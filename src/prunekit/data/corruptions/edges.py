"""Outlines and the distance to them, in integers as OpenCV computes them (docs/corruptions.md, spatter)."""

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
        tall = pad_zeros(found, (0, 0, 0, 0, 1, 1))
        wide = pad_zeros(tall[:-2] | tall[1:-1] | tall[2:], (0, 0, 1, 1))
        grown = (wide[:, :-2] | wide[:, 1:-1] | wide[:, 2:]) & allowed
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

    The 5 x 5 chamfer distance (Borgefors, 1986). A shortest path takes its sideways steps first, then only steps up or
    only steps down, so the rows above and the rows below are swept in parallel.
    """
    limit = far << DISTANCE_BITS
    start = marked.logical_not().int().mul_(limit)
    for _ in range(2):
        start = _run_right(start, limit).flip(1)
    above, below = _sweep_down(torch.stack([start, start.flip(0)], 2), limit).unbind(2)
    return torch.minimum(above, below.flip(0)).float().div_(1 << DISTANCE_BITS)


def _run_right(best: Tensor, limit: int) -> Tensor:
    """Any number of steps to the right, by doubling: 1, 2, 4, .. until ``limit`` is passed."""
    reach = 1
    while reach < best.shape[1] and reach * STRAIGHT < 2 * limit:
        stepped = torch.minimum(best[:, reach:], best[:, :-reach] + reach * STRAIGHT)
        best = torch.cat([best[:, :reach], stepped], 1)
        reach *= 2
    return best


def _sweep_down(start: Tensor, limit: int) -> Tensor:
    """Lengths ``[H, W, *]`` of the shortest paths whose steps come from one or two rows above."""
    wide = pad_zeros(start, (0, 0, 0, 0, 2, 2, 2, 0), value=limit)
    for row in range(2, len(wide)):
        above, higher = wide[row - 1], wide[row - 2]
        knight = torch.minimum(above[:-4], above[4:])
        knight = torch.minimum(knight, higher[1:-3])
        knight = torch.minimum(knight, higher[3:-1]).add_(KNIGHT)
        diagonal = torch.minimum(above[1:-3], above[3:-1]).add_(DIAGONAL)
        best = torch.minimum(torch.minimum(knight, diagonal), above[2:-2] + STRAIGHT)
        here = wide[row, 2:-2]
        torch.minimum(here, best, out=here)
    return wide[2:, 2:-2]
