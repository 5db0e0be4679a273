"""Image files to uint8 tensors, by parallel threads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from prunekit.errors import UsageError

DAMAGED = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


def decode(path: Path) -> Tensor:
    """One image file as uint8 [3, H, W]: RGB, alpha dropped, EXIF rotation ignored (as torchvision's folders do)."""
    return to_tensor(open_rgb(path))


def open_rgb(path: Path) -> Image.Image:
    """The decoded RGB image; an unreadable file is a :class:`UsageError` that names it."""
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except DAMAGED as error:
        raise _unreadable(path, error) from None


def to_tensor(image: Image.Image) -> Tensor:
    """An RGB image as uint8 [3, H, W]."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def size_of(path: Path) -> tuple[int, int]:
    """(H, W) from the file's header, without decoding it."""
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except DAMAGED as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> UsageError:
    why = (
        " ".join(str(error).split())
        if not isinstance(error, OSError)
        else error.strerror or "not a whole image"
    )
    return UsageError(f"unreadable image {path}: {why}")


def decode_all(paths: Sequence[Path], size: tuple[int, int]) -> Tensor:
    """All images as one tensor uint8 [N, 3, H, W]; every one must be of ``size``."""
    images = np.empty((len(paths), 3, *size), dtype=np.uint8)

    def fill(place: int) -> None:
        pixels = np.asarray(open_rgb(paths[place]))
        check_size(paths[place], pixels.shape[:2], paths[0], size)
        images[place] = pixels.transpose(2, 0, 1)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(fill, range(len(paths))):
            pass
    return torch.from_numpy(images)


def check_size(path: Path, size: tuple[int, ...], first: Path, expected: tuple[int, int]) -> None:
    """Raise a :class:`UsageError` that names both files if their sizes (H, W) differ."""
    if size != expected:
        raise UsageError(
            f"images of several sizes: {first} has {expected[0]}x{expected[1]} pixels, {path} has {size[0]}x{size[1]}"
        )
