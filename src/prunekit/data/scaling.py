"""Scale an image by Pillow and compute little more than the part of it that is wanted.

Pillow scales from one bound of an axis to another and holds both in float32. For the wanted part alone they are seldom
whole numbers, and rounding them shifts the filter. So a few more pixels are computed, from bounds that round well.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image, Resampling

# Changed whenever an image's pixels change: decoded images are kept under it.
SCALING_VERSION = 2
# How far the filters reach, in samples of the smaller image. The nearest and the box filter are absent: the least shift
# may choose another sample.
REACH = {Resampling.BILINEAR: 1, Resampling.HAMMING: 1, Resampling.BICUBIC: 2, Resampling.LANCZOS: 3}
# The shifts below are in samples of the scaled image. One more line of pixels is computed to avoid this one, ...
SHIFT_PER_LINE = 5e-10
# ... a larger one than this is never accepted, and at most so many more lines are considered at each end.
LARGEST_SHIFT = 2e-7
SPARE = 160
# Older versions of Pillow treat images of such proportions in their own way.
LONGEST = 100
Size = tuple[int, int]


class Span(NamedTuple):
    """One axis: scaled lines ``first`` to ``last``, computed from the lines ``low`` to ``high``.

    ``bounds``: where the scaled lines begin and end, in lines from ``low``.
    """

    first: int
    last: int
    low: int
    high: int
    bounds: tuple[float, float]


def scaled_part(image: Image, size: Size, box: tuple[int, int, int, int], filtered: Resampling) -> Image:
    """``image.resize(size, filtered).crop(box)``, with fewer operations.

    ``size`` is (W, H), and ``box`` (left, top, right, bottom) lies within it. Bilinear, bicubic, Hamming and Lanczos:
    where the image becomes smaller, about one value in 100,000 differs by 1; everything else is equal.
    """
    left, top, right, bottom = box
    if size == image.size:
        return image.crop(box)
    if filtered in REACH and size[0] <= image.width and size[1] <= image.height <= LONGEST * image.width:
        across = span(image.width, size[0], left, right, REACH[filtered])
        down = span(image.height, size[1], top, bottom, REACH[filtered])
        part = image.crop((across.low, down.low, across.high, down.high))
        lines = across.last - across.first, down.last - down.first
        if _rows_first(part.size, lines) == _rows_first(image.size, size):
            bounds = across.bounds[0], down.bounds[0], across.bounds[1], down.bounds[1]
            left, right = left - across.first, right - across.first
            top, bottom = top - down.first, bottom - down.first
            return part.resize(lines, filtered, bounds).crop((left, top, right, bottom))
    return image.resize(size, filtered).crop(box)


def _rows_first(size: Size, scaled: Size) -> bool:
    """Whether Pillow 13 filters the columns of pixels before the rows; the bytes between them are rounded."""
    fewer_columns, fewer_rows = size[0] - scaled[0], size[1] - scaled[1]
    return fewer_rows > max(0, 2 * fewer_columns)


@lru_cache(maxsize=4096)
def span(size: int, scaled: int, first: int, last: int, reach: int) -> Span:
    """What to compute for the lines ``first`` to ``last`` when ``size`` lines are scaled to ``scaled``.

    The cheapest span with a tolerable shift, or the whole axis, which has none.
    """
    scale = size / scaled
    starts = np.arange(max(0, first - SPARE), first + 1)[:, None]
    ends = np.arange(last, min(scaled, last + SPARE) + 1)
    lows = np.maximum(np.floor(starts * scale - reach * scale) - 1, 0)
    shifts = _shifts(scale, starts, ends, lows, (first, last))
    cost = np.where(shifts <= LARGEST_SHIFT, ends - starts + shifts / SHIFT_PER_LINE, np.inf)
    best = np.unravel_index(cost.argmin(), cost.shape)
    if cost[best] >= scaled:
        return Span(0, scaled, 0, size, (0.0, float(size)))
    start, end, low = int(starts[best[0], 0]), int(ends[best[1]]), int(lows[best[0], 0])
    high = min(size, int(np.ceil(end * scale + reach * scale)) + 1)
    return Span(start, end, low, high, (start * scale - low, end * scale - low))


def _shifts(
    scale: float, starts: NDArray[np.int_], ends: NDArray[np.int_], lows: NDArray[np.float64], wanted: Size
) -> NDArray[np.float64]:
    """By how much the centres of the wanted lines move at most, with Pillow's arithmetic: it is linear in the line."""
    begin, finish = (starts * scale - lows).astype(np.float32), (ends * scale - lows).astype(np.float32)
    step = (finish - begin).astype(np.float64) / (ends - starts)
    moved = [
        begin + (line + 0.5 - starts) * step - ((line + 0.5) * scale - lows)
        for line in (wanted[0], wanted[1] - 1)
    ]
    shift: NDArray[np.float64] = np.maximum(*np.abs(moved)) / scale
    return shift
