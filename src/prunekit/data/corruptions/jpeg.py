"""The effect of JPEG on an image without a bitstream: only the coefficients are rounded.

Baseline JPEG with chroma at half size (4:2:0), bit for bit as libjpeg encodes and decodes (docs/corruptions.md).
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from prunekit.data.corruptions import dct
from prunekit.data.corruptions.borders import edge, pad, pick
from prunekit.data.corruptions.smooth import HEIGHT, WIDTH

SIDE = 8
# ITU-T T.81, annex K: quantisation of luminance and of chrominance at quality 50.
LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)


def jpeg_compression(pixels: Tensor, *, quality: int) -> Tensor:
    """Encode and decode as JPEG of this quality."""
    _, height, width, _ = pixels.shape
    luminance, chrominance = _to_ycc(pixels.int())
    light = _round_trip(luminance[None], LUMINANCE, quality)[0]
    halved = _round_trip(_halve(chrominance), CHROMINANCE, quality)
    colour = _enlarge(halved[:, :, : (width + 1) // 2])
    return _to_rgb(light, colour[:, :height, :width].sub_(128))


def _to_ycc(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance ``[H, W, N]`` and chrominance ``[2, H, W, N]`` computed with 16 fractional bits and rounded."""
    red, green, blue = rgb
    light = (red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16
    middle = (128 << 16) + 32767
    to_blue = (red * -11059 - green * 21709 + blue * 32768 + middle) >> 16
    to_red = (red * 32768 - green * 27439 - blue * 5329 + middle) >> 16
    return light, torch.stack([to_blue, to_red])


def _to_rgb(light: Tensor, colour: Tensor) -> Tensor:
    to_blue, to_red = colour
    red = light + ((to_red * 91881 + 32768) >> 16)
    green = light + ((to_blue * -22554 - to_red * 46802 + 32768) >> 16)
    blue = light + ((to_blue * 116130 + 32768) >> 16)
    return torch.stack([red, green, blue]).clamp_(0, 255).to(torch.uint8)


def _halve(chrominance: Tensor) -> Tensor:
    """Means of 2 x 2; halves are rounded down in even columns and up in odd ones, so that they average out."""
    even = _pad_to(_pad_to(chrominance, HEIGHT, 2), WIDTH, 2 * SIDE)
    rows = even[:, ::2] + even[:, 1::2]
    sums = rows[:, :, ::2] + rows[:, :, 1::2]
    bias = torch.arange(sums.shape[WIDTH], dtype=sums.dtype, device=sums.device).remainder_(2).add_(1)
    return (sums + bias[:, None]) >> 2


def _enlarge(chrominance: Tensor) -> Tensor:
    """Twice as high and wide: three parts of the nearer sample and one of the farther, along both axes."""
    tall = _interleave(*_near_and_far(chrominance, HEIGHT), HEIGHT)
    left, right = _near_and_far(tall, WIDTH)
    return _interleave((left + 8) >> 4, (right + 7) >> 4, WIDTH)


def _near_and_far(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    padded, size = pad(x, dim, 1, edge), x.shape[dim]
    near = x * 3
    return near + padded.narrow(dim, 0, size), near + padded.narrow(dim, 2, size)


def _interleave(even: Tensor, odd: Tensor, dim: int) -> Tensor:
    return torch.stack([even, odd], dim + 1).flatten(dim, dim + 1)


def _round_trip(planes: Tensor, base: tuple[tuple[int, ...], ...], quality: int) -> Tensor:
    """Planes ``[C, H, W, N]`` of bytes after their coefficients were rounded to the quantiser's steps."""
    channels, height, width, count = planes.shape
    padded = _pad_to(_pad_to(planes, HEIGHT, SIDE), WIDTH, SIDE) - 128
    down, across = padded.shape[HEIGHT] // SIDE, padded.shape[WIDTH] // SIDE
    blocks = padded.view(channels, down, SIDE, across, SIDE, count).permute(4, 2, 0, 1, 3, 5).contiguous()
    decoded = dct.inverse(_quantise(dct.forward(blocks), _steps(base, quality).to(planes.device)))
    image = decoded.permute(2, 3, 1, 4, 0, 5).reshape(padded.shape)
    return image[:, :height, :width].add(128).clamp_(0, 255)


def _quantise(coefficients: Tensor, steps: Tensor) -> Tensor:
    """The nearest multiples of the steps (halves away from zero); the coefficients come in 8 times too large.

    A float32 division is exact enough: both numbers are below 2^16, so no quotient is rounded up to an integer.
    """
    step = steps.view(SIDE, SIDE, 1, 1, 1, 1)
    counts = ((coefficients.abs() + 4 * step).float() / (8 * step)).int()
    return counts * step * coefficients.sign()


@lru_cache(maxsize=64)
def _steps(base: tuple[tuple[int, ...], ...], quality: int) -> Tensor:
    factor = 5000 // quality if quality < 50 else 200 - 2 * quality
    return (
        (torch.tensor(base, dtype=torch.int32) * factor + 50).div(100, rounding_mode="floor").clamp_(1, 255)
    )


def _pad_to(x: Tensor, dim: int, multiple: int) -> Tensor:
    """``x`` with its last sample repeated until the size is a multiple."""
    size = x.shape[dim]
    position = torch.arange(-(-size // multiple) * multiple, device=x.device)
    return x if len(position) == size else pick(x, dim, edge(position, size))
