"""Published ``.npy`` files: pickles are never read, and errors name a damaged file."""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from prunekit.base import files
from prunekit.data.missing import need
from prunekit.errors import UsageError

CIFAR_SHAPE = (32, 32, 3)
MAGIC = b"\x93NUMPY"
# NumPy parses the header as Python and does not check the shape in it.
DAMAGED = (
    *(ValueError, EOFError, OSError, SyntaxError, TokenError),
    *(TypeError, OverflowError, AttributeError, RecursionError, MemoryError, KeyError),
)


def read_images(path: Path, name: str) -> NDArray[np.uint8]:
    """uint8 [N, 32, 32, 3], mapped from the file and not yet read; ``name`` is the data set it belongs to."""
    images = _read(path, name)
    if images.dtype != np.uint8 or images.shape[1:] != CIFAR_SHAPE:
        raise UsageError(
            f"{path} is not a file of {name}: {images.dtype} {images.shape}, not uint8 (N, 32, 32, 3)"
        )
    return images


def read_labels(path: Path, name: str, *, classes: int, count: int) -> Tensor:
    """int64 [count], each of them a class; other integer types are read too, as published files differ."""
    labels = _read(path, name)
    if labels.dtype.kind not in "iu" or labels.shape != (count,):
        raise UsageError(
            f"{path} does not fit the images of {name}: {labels.shape} labels for {count} images"
        )
    return checked_labels(torch.from_numpy(labels.astype(np.int64)), path, classes=classes)


def checked_labels(labels: Tensor, path: Path, *, classes: int) -> Tensor:
    """``labels``, or a :class:`UsageError` if one of them is not a class."""
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise UsageError(
            f"{path} has a label outside 0 to {classes - 1}: it is damaged, or belongs to another data set"
        )
    return labels


def to_channels_first(images: NDArray[np.uint8]) -> Tensor:
    """uint8 [N, H, W, 3] as a new tensor [N, 3, H, W]."""
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def _read(path: Path, name: str) -> NDArray[Any]:
    try:
        with files.regular(need(path, name)) as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise ValueError("it is not a .npy file")
        found: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except DAMAGED as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"{path} is damaged: {why} (get it again with `prunekit data get {name}`)") from None
    return found
