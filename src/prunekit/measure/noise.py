"""Noise that depends only on the seed, the draw and the image: every batch size and set of models sees the same noise.

Each image has its own counter-based generator (Philox: seed as key, draw and image as counter), and noise is made on
the CPU, so that every device adds the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from prunekit.errors import unknown


def _uniform(source: np.random.Generator, count: int) -> np.ndarray:
    return 2 * source.random(count, dtype=np.float32) - 1


def _gaussian(source: np.random.Generator, count: int) -> np.ndarray:
    return source.standard_normal(count, dtype=np.float32)


# Noise is made for RGB pixels, whatever channels a network takes.
PLANES = 3
KINDS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "uniform": _uniform,
    "gaussian": _gaussian,
}


def unit_noise(
    kind: str, *, seed: int, draw: int, indices: Sequence[int] | Tensor, shape: Sequence[int]
) -> Tensor:
    """Noise of size 1, U[-1, 1] or N(0, 1): float32 ``[images, *shape]``, channels-last, on the CPU.

    ``indices`` are the images' positions among the examples; noise of size ε is ε times this.
    """
    if kind not in KINDS:
        raise unknown("noise", kind, KINDS)
    channels, height, width = shape
    noise = np.empty((len(indices), height * width * channels), dtype=np.float32)
    for row, index in zip(noise, indices, strict=True):
        source = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, draw, int(index)]))
        row[:] = KINDS[kind](source, row.size)
    return torch.from_numpy(noise).view(-1, height, width, channels).permute(0, 3, 1, 2)
