"""The mean and standard deviation of a data set's pixels: exact sums, so the same on every machine."""

from __future__ import annotations

import numpy as np
import torch

from prunekit.data.examples import Examples
from prunekit.errors import UsageError

CHUNK = 500


def channel_statistics(examples: Examples) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """``(mean, std)`` per channel of pixels in [0, 1], over all images, a chunk of them in memory at a time.

    A constant channel has the std 1; :class:`UsageError` if all channels are constant.
    """
    counts = np.zeros((3, 256), dtype=np.int64)
    for part in torch.split(torch.arange(len(examples)), CHUNK):
        images = examples.take(part)[0].cpu()
        for channel in range(3):
            counts[channel] += np.bincount(images[:, channel].numpy().ravel(), minlength=256)
    levels = np.arange(256)
    pixels = counts[0].sum()
    mean = counts @ levels / pixels
    variance = counts @ levels**2 / pixels - mean**2
    flat = variance <= 0
    if flat.all():
        raise UsageError("the training images have only one colour: they cannot be normalised")
    std = np.where(flat, 1.0, np.sqrt(np.where(flat, 0.0, variance)) / 255)
    return tuple((mean / 255).tolist()), tuple(std.tolist())
