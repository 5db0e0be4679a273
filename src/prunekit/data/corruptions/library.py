"""Large images on a CPU go through Pillow or SciPy, image by image: faster there, and used only where the bytes agree.

The blocks' formulas stay the rule: they serve small images and GPUs, and every setting is compared with them once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from io import BytesIO
from typing import Any

import numpy as np
import torch
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from prunekit.data.corruptions.pixelate import boxes
from prunekit.data.corruptions.table import Corruption
from prunekit.data.images import Planes, fill_planes

# Below this many pixels on the shorter side, our own formulas are faster or as fast.
LIBRARY_FROM_PX = 80
# The made-up image of the comparison: odd sides, partly smooth and partly noise.
TRIAL_SIZE = (41, 58)
# Writes the changed copy of one image [3, H, W] into the second.
PerImage = Callable[[Planes, Planes], None]


def jpeg_compression(planes: Planes, out: Planes, *, quality: int) -> None:
    """Written as JPEG and read again."""
    written = BytesIO()
    _joined(planes).save(written, "JPEG", quality=quality)
    written.seek(0)
    fill_planes(JpegImageFile(written), out)


def pixelate(planes: Planes, out: Planes, *, scale: float) -> None:
    """Shrunk along the width and then the height by a box filter, and enlarged by repetition."""
    _, height, width = planes.shape
    across, down = int(width * scale), int(height * scale)
    narrow = _joined(planes).resize((across, height), Image.Resampling.BOX)
    small = np.empty((3, down, across), np.uint8)
    fill_planes(narrow.resize((across, down), Image.Resampling.BOX), small)
    wide = small.take(boxes(across, width)[0][:, 0].numpy(), 2)
    wide.take(boxes(down, height)[0][:, 0].numpy(), 1, out, mode="clip")


def gaussian_blur(planes: Planes, out: Planes, *, sigma: float) -> None:
    """Smoothed along the height, then the width; two arrays of one plane's size serve all."""
    unit, tall = np.empty(planes.shape[1:]), np.empty(planes.shape[1:])
    for plane, place in zip(planes, out, strict=True):
        np.divide(plane, 255, out=unit)
        gaussian_filter1d(unit, sigma, 0, output=tall, mode="nearest")
        gaussian_filter1d(tall, sigma, 1, output=unit, mode="nearest")
        np.multiply(unit.clip(0, 1, out=unit), 255, out=place, casting="unsafe")


def by_library(images: Tensor, row: Corruption, settings: Mapping[str, Any]) -> Tensor | None:
    """The corrupted copy of ``images`` (uint8 [N, 3, H, W]); None where blocks must make it."""
    if row.library is None or images.device.type != "cpu" or min(images.shape[2:]) < LIBRARY_FROM_PX:
        return None
    if not agrees(row, tuple(settings.items())):
        return None
    return _each(images, partial(row.library.load(), **settings))


@cache
def agrees(row: Corruption, settings: tuple[tuple[str, Any], ...]) -> bool:
    """Whether the library, as it was built here, gives the bytes of our own formula."""
    if row.library is None:
        return False
    image = _trial()
    own = row.apply.load()(image[..., None], **dict(settings))[..., 0]
    found = _each(image[None], partial(row.library.load(), **dict(settings)))[0]
    return torch.equal(own, found)


def _trial() -> Tensor:
    height, width = TRIAL_SIZE
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    smooth = torch.stack([rows * 6 + columns * 0, columns * 4 + rows * 0, 255 - rows * 3 - columns * 2])
    noise = (rows * 7919 + columns * 104_729 + torch.arange(3)[:, None, None] * 1_299_709).square() >> 7
    return torch.where(columns < width // 2, smooth, noise % 256).to(torch.uint8)


def _each(images: Tensor, change: PerImage) -> Tensor:
    """All images, in as many threads as torch uses; the libraries work without Python's lock."""
    whole = images.contiguous().numpy()
    out = np.empty_like(whole)
    threads = min(torch.get_num_threads(), len(whole))
    if threads < 2:
        for planes, place in zip(whole, out, strict=True):
            change(planes, place)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(change, whole, out))
    return torch.from_numpy(out)


def _joined(planes: Planes) -> Image.Image:
    size = planes.shape[2], planes.shape[1]
    return Image.merge("RGB", [Image.frombuffer("L", size, plane, "raw", "L", 0, 1) for plane in planes])
