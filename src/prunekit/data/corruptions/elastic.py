"""Stretch the image: a random affine map, then a smooth random displacement (Simard et al., ICDAR 2003)."""

from __future__ import annotations

import torch
from torch import Tensor

from prunekit.data.corruptions.borders import Rule, mirror, symmetric
from prunekit.data.corruptions.draws import Draws
from prunekit.data.corruptions.pixels import to_bytes, to_unit
from prunekit.data.corruptions.smooth import apply_axes, gaussian_matrix

# OpenCV's fixed point: coordinates are rounded to 1/1024 and then to 1/32 of a pixel.
COORDINATE_BITS, SHARE_BITS = 10, 5


def elastic_transform(
    pixels: Tensor, *, draws: Draws, strength: float, sigma: float, jitter: float
) -> Tensor:
    """Move three points by up to ``jitter`` pixels, then every pixel by ``strength`` times smoothed noise."""
    _, height, width, _ = pixels.shape
    image = to_unit(pixels.permute(3, 0, 1, 2).flatten(2).contiguous(), torch.float32)
    image = _affine(image, draws.uniform("affine_offsets_xy", 3, 2, low=-jitter, high=jitter), height, width)
    if strength:
        right, down = (_field(axis, draws, height, width, strength, sigma) for axis in ("dx", "dy"))
        image = _displace(image.double(), right, down, height, width).float()
    return to_bytes(image).permute(1, 2, 0).reshape(3, height, width, -1)


def _field(axis: str, draws: Draws, height: int, width: int, strength: float, sigma: float) -> Tensor:
    """Displacements in pixels, float32 ``[N, H * W]``."""
    if axis in draws.given:
        return draws.given[axis].flatten(0, 1).t()
    noise = draws.uniform(axis, height, width, low=-1, high=1).double()
    rows, columns = (
        gaussian_matrix(size, sigma, truncate=3, border=symmetric).to(noise.device)
        for size in (height, width)
    )
    return apply_axes(rows, columns, noise[None])[0].mul_(strength).float().flatten(0, 1).t().contiguous()


def _affine(image: Tensor, offsets: Tensor, height: int, width: int) -> Tensor:
    """Float32 ``[N, 3, H * W]`` under the affine maps that move the three points by ``offsets`` ``[3, 2, N]``."""
    column, row = _affine_coordinates(offsets, height, width)
    below = (1 << SHARE_BITS) - 1
    down, across = ((part & below).float().div_(1 << SHARE_BITS) for part in (row, column))
    values = _corners(image, row >> SHARE_BITS, column >> SHARE_BITS, height, width, mirror)
    return _weighted(values, down[:, None], across[:, None])


def _affine_coordinates(offsets: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Where every pixel is read from: columns and rows in 32nds of a pixel, int32 ``[N, H * W]``."""
    third = min(height, width) // 3
    x, y = width // 2, height // 2
    still = torch.tensor([[x + third, y + third], [x + third, y - third], [x - third, y - third]])
    moved = (still.to(offsets)[..., None] + offsets).double()
    to_right, to_down = (moved[1] - moved[2]) / (2 * third), (moved[0] - moved[1]) / (2 * third)
    start = moved[0] - to_right * (x + third) - to_down * (y + third)
    (a, c), (b, d) = to_right, to_down
    determinant = a * d - b * c
    inverse = torch.stack([torch.stack([d, -b]), torch.stack([-c, a])]) / determinant
    origin = -(inverse * start).sum(1)
    grid = [torch.arange(size, device=offsets.device) for size in (width, height)]
    return _fixed(inverse[0], origin[0], *grid), _fixed(inverse[1], origin[1], *grid)


def _fixed(slope: Tensor, origin: Tensor, columns: Tensor, rows: Tensor) -> Tensor:
    """``slope`` (along columns, along rows) times the place plus ``origin``, in 32nds ``[N, H * W]``."""
    one, half = 1 << COORDINATE_BITS, 1 << (COORDINATE_BITS - SHARE_BITS - 1)
    across = (slope[0, :, None] * columns * one).round_().int()
    down = ((slope[1, :, None] * rows + origin[:, None]) * one).round_().int()
    return ((across[:, None] + down[..., None]).add_(half) >> (COORDINATE_BITS - SHARE_BITS)).flatten(1)


def _displace(image: Tensor, right: Tensor, down: Tensor, height: int, width: int) -> Tensor:
    """``image`` read at every pixel's position plus (right, down) ``[N, H * W]``, interpolated in float64."""
    place = torch.arange(height * width, device=image.device)
    row, column = down.double().add_(place // width), right.double().add_(place % width)
    top, left = row.floor(), column.floor()
    values = _corners(image, top.int(), left.int(), height, width, symmetric)
    down, across = row.sub_(top)[:, None], column.sub_(left)[:, None]
    upper, lower = values[0].lerp_(values[1], across), values[2].lerp_(values[3], across)
    return upper.lerp_(lower, down)


def _corners(image: Tensor, top: Tensor, left: Tensor, height: int, width: int, border: Rule) -> list[Tensor]:
    """The values ``[N, 3, H * W]`` of the four pixels around (top, left), row by row."""
    rows = [border(top + step, height).mul_(width) for step in (0, 1)]
    columns = [border(left + step, width) for step in (0, 1)]
    places = [(row + column).long()[:, None].expand_as(image) for row in rows for column in columns]
    return [image.gather(2, place) for place in places]


def _weighted(values: list[Tensor], down: Tensor, across: Tensor) -> Tensor:
    """The four values mixed in OpenCV's order, which matters in float32."""
    shares = [row * column for row in (1 - down, down) for column in (1 - across, across)]
    first, *rest = (value.mul_(share) for value, share in zip(values, shares, strict=True))
    for value in rest:
        first += value
    return first
