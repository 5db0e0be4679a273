"""Gaussian and other linear filters over the height and width of a block ``[C, H, W, N]``."""

from __future__ import annotations

from functools import lru_cache
from math import floor

import numpy as np
import torch
from torch import Tensor

from prunekit.data.corruptions.borders import Rule, edge, mirror, pad

HEIGHT, WIDTH = 1, 2
# Taps of a kernel up to this size cannot change a byte.
NEGLIGIBLE = 1e-12


@lru_cache(maxsize=64)
def gaussian_weights(sigma: float, truncate: float = 4.0) -> tuple[float, ...]:
    """One half of a normalised Gaussian: weights of the offsets 0, 1, .. r with r = floor(truncate sigma + 1/2)."""
    radius = floor(truncate * sigma + 0.5)
    weights = np.exp(-0.5 / sigma**2 * np.arange(-radius, radius + 1) ** 2)
    return tuple((weights / weights.sum())[radius:].tolist())


def gaussian(x: Tensor, sigma: float, *, border: Rule = edge) -> Tensor:
    """Smooth height, then width, in float64; every pass is stored in the dtype of ``x`` (docs/corruptions.md).

    The additions are in the reference's order: flat areas lie on the edge between two bytes, so the last bit matters.
    """
    weights = gaussian_weights(sigma)
    for dim in (HEIGHT, WIDTH):
        x = _symmetric_pass(x.double(), weights, dim, border).to(x.dtype)
    return x


def _symmetric_pass(x: Tensor, weights: tuple[float, ...], dim: int, border: Rule) -> Tensor:
    radius, size = len(weights) - 1, x.shape[dim]
    if radius == 0:
        return x
    padded = pad(x, dim, radius, border)
    total, both = x * weights[0], torch.empty_like(x)
    for offset in range(radius, 0, -1):
        left, right = (padded.narrow(dim, radius + side * offset, size) for side in (-1, 1))
        total += torch.add(left, right, out=both).mul_(weights[offset])
    return total


def gaussian_matrix(size: int, sigma: float, *, truncate: float, border: Rule) -> Tensor:
    """The same filter along one axis as a float64 matrix ``[size, size]``, borders folded in.

    For wide filters, where a matrix product is faster than a sum of shifted copies.
    """
    half = torch.tensor(gaussian_weights(sigma, truncate), dtype=torch.float64)
    weights = torch.cat([half.flip(0)[:-1], half])
    radius = len(half) - 1
    source = border(torch.arange(size)[:, None] + torch.arange(-radius, radius + 1), size)
    return torch.zeros(size, size, dtype=torch.float64).scatter_add_(1, source, weights.expand(size, -1))


def apply_axes(rows: Tensor, columns: Tensor, x: Tensor) -> Tensor:
    """``rows @ x @ columns^T`` for every channel and image of ``[C, H, W, N]``."""
    channels, height, width, count = x.shape
    tall = torch.matmul(rows, x.reshape(channels, height, width * count))
    return torch.matmul(columns, tall.view(channels, len(rows), width, count))


def correlate(x: Tensor, kernel: Tensor) -> Tensor:
    """Slide a small 2-d kernel of odd sides over ``[C, H, W, N]``, borders mirrored, in the dtype of ``x``."""
    _, height, width, _ = x.shape
    down, right = (side // 2 for side in kernel.shape)
    taps = [
        (row, column) for row, column in kernel.nonzero().tolist() if abs(kernel[row, column]) > NEGLIGIBLE
    ]
    reach = max(max(abs(row - down), abs(column - right)) for row, column in taps)
    padded = pad(pad(x, HEIGHT, reach, mirror), WIDTH, reach, mirror)
    total = torch.zeros_like(x)
    for row, column in taps:
        top, left = row - down + reach, column - right + reach
        total.add_(padded[:, top : top + height, left : left + width], alpha=kernel[row, column].item())
    return total
