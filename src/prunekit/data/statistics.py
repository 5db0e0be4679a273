"""The mean and standard deviation of a data set's pixels: exact sums, so the same on every machine."""

from __future__ import annotations

import numpy as np
import torch

from prunekit.data.examples import Examples
from prunekit.errors import UsageError

CHUNK = 500


def channel_statistics(examples: Examples) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """``(mean, std)`` per channel of pixels in [0, 1], over all images, a chunk of them in memory at a time.

    :class:`UsageError` if a channel has one value throughout: nothing can be normalised by it.
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
    if (variance <= 0).any():
        raise UsageError("the training images are of one colour: there is nothing to normalise by")
    return tuple((mean / 255).tolist()), tuple((np.sqrt(variance) / 255).tolist())
