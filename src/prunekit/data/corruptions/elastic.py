"""Stretch the image: a random affine map, then a smooth random displacement (Simard et al., ICDAR 2003)."""

from __future__ import annotations

import torch
from torch import Tensor

from prunekit.data.corruptions.borders import Rule, mirror, symmetric
from prunekit.data.corruptions.draws import Draws
from prunekit.data.corruptions.packing import pack
from prunekit.data.corruptions.pixels import to_bytes, to_unit
from prunekit.data.corruptions.smooth import apply_axes, gaussian_matrix

# OpenCV's fixed point: coordinates are rounded to 1/1024 and then to 1/32 of a pixel.
COORDINATE_BITS, SHARE_BITS = 10, 5


def elastic_transform(
    pixels: Tensor, *, draws: Draws, strength: float, sigma: float, jitter: float
) -> Tensor:
    """Move three points by up to ``jitter`` pixels, then every pixel by ``strength`` times smoothed noise."""
    _, height, width, _ = pixels.shape
    image = _affine(pixels, draws.uniform("affine_offsets_xy", 3, 2, low=-jitter, high=jitter))
    if strength:
        shift = {axis: _field(axis, draws, height, width, strength, sigma) for axis in ("dx", "dy")}
        image = _displace(image, shift["dx"], shift["dy"], height, width)
    return to_bytes(image.permute(1, 2, 0).reshape(3, height, width, -1))


def _field(axis: str, draws: Draws, height: int, width: int, strength: float, sigma: float) -> Tensor:
    """Displacements in pixels, float32 ``[N, H * W]``."""
    if axis in draws.given:
        return draws.given[axis].flatten(0, 1).t()
    noise = draws.uniform(axis, height, width, low=-1, high=1).double()
    rows, columns = (
        gaussian_matrix(size, sigma, truncate=3, border=symmetric).to(noise.device)
        for size in (height, width)
    )
    return apply_axes(rows, columns, noise[None])[0].mul_(strength).float().flatten(0, 1).t()


def _affine(pixels: Tensor, offsets: Tensor) -> Tensor:
    """Float32 ``[N, 3, H * W]`` on [0, 1] under the affine maps that move the three points by ``[3, 2, N]``."""
    _, height, width, _ = pixels.shape
    column, row = _affine_coordinates(offsets, height, width)
    shares = ((part & (1 << SHARE_BITS) - 1).float() / (1 << SHARE_BITS) for part in (row, column))
    down, across = (share[:, None] for share in shares)
    packed = pack(pixels)
    corners = _corners(row >> SHARE_BITS, column >> SHARE_BITS, height, width, mirror)
    values = [_channels(packed.gather(1, place)) for place in corners]
    return _bilinear(values, down, across)


def _affine_coordinates(offsets: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Where every pixel is read from: columns and rows in 32nds of a pixel, int64 ``[N, H * W]``."""
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
    columns, rows = (torch.arange(size, device=offsets.device)[:, None] for size in (width, height))
    return _fixed(inverse[0], origin[0], columns, rows), _fixed(inverse[1], origin[1], columns, rows)


def _fixed(slope: Tensor, origin: Tensor, columns: Tensor, rows: Tensor) -> Tensor:
    one = 1 << COORDINATE_BITS
    across = (slope[0] * columns * one).round_().long()
    down = ((slope[1] * rows + origin) * one).round_().long()
    half = 1 << (COORDINATE_BITS - SHARE_BITS - 1)
    return ((across + down[:, None] + half) >> (COORDINATE_BITS - SHARE_BITS)).flatten(0, 1).t()


def _displace(image: Tensor, right: Tensor, down: Tensor, height: int, width: int) -> Tensor:
    """Float32 ``[N, 3, H * W]`` read at every pixel's place plus (right, down), interpolated in float64."""
    place = torch.arange(height * width, device=image.device)
    row, column = place // width + down.double(), place % width + right.double()
    top, left = row.floor(), column.floor()
    corners = _corners(top.long(), left.long(), height, width, symmetric)
    values = [image.gather(2, corner[:, None].expand(-1, 3, -1)) for corner in corners]
    return _bilinear(values, (row - top)[:, None], (column - left)[:, None]).float()


def _corners(top: Tensor, left: Tensor, height: int, width: int, border: Rule) -> list[Tensor]:
    """The four neighbours' places ``[N, H * W]``, row by row."""
    rows = [border(top + step, height) * width for step in (0, 1)]
    columns = [border(left + step, width) for step in (0, 1)]
    return [row + column for row in rows for column in columns]


def _bilinear(values: list[Tensor], down: Tensor, across: Tensor) -> Tensor:
    shares = [row * column for row in (1 - down, down) for column in (1 - across, across)]
    first, *rest = (value * share for value, share in zip(values, shares, strict=True))
    return sum(rest, first)


def _channels(packed: Tensor) -> Tensor:
    """Float32 ``[N, 3, P]`` in [0, 1] of packed pixels ``[N, P]``."""
    return to_unit(torch.stack([packed, packed >> 8, packed >> 16], 1).bitwise_and_(255), torch.float32)
