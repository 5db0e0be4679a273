"""Sensor noise: each value of each pixel is disturbed independently."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from prunekit.data.corruptions.draws import Draws
from prunekit.data.corruptions.pixels import divide_, to_bytes, to_unit

LEVELS = 256


def gaussian_noise(pixels: Tensor, *, draws: Draws, sigma: float) -> Tensor:
    """Add normal noise of standard deviation ``sigma`` (of the unit range) to every value."""
    z = draws.normal("z", *pixels.shape[:-1])
    return to_bytes(to_unit(pixels, z.dtype).add_(z * sigma))


def speckle_noise(pixels: Tensor, *, draws: Draws, sigma: float) -> Tensor:
    """Add normal noise in proportion to each value."""
    z = draws.normal("z", *pixels.shape[:-1])
    unit = to_unit(pixels, z.dtype)
    return to_bytes(unit + unit * (z * sigma))


def impulse_noise(pixels: Tensor, *, draws: Draws, amount: float) -> Tensor:
    """Replace a share ``amount`` of the values (not of the pixels) by 0 or 255."""
    shape = pixels.shape[:-1]
    if "hit" in draws.given:
        hit, white = draws.given["hit"] <= amount, draws.given["white"] <= 0.5
    else:
        # One 32-bit word decides both: the upper 31 bits whether, the lowest bit which.
        bits = draws.bits("hit", *shape)
        hit, white = (bits >> 1) < round((2 * amount - 1) * 2**30), (bits & 1).bool()
    return torch.where(hit, white.to(torch.uint8).mul_(255), pixels)


def shot_noise(pixels: Tensor, *, draws: Draws, photons: float) -> Tensor:
    """Count photons: a Poisson number with ``photons`` times the value as its rate."""
    if "counts" in draws.given:
        return to_bytes(divide_(draws.given["counts"].double(), photons))
    table = _poisson_table(photons).to(pixels.device)
    bits = draws.bits("counts", *pixels.shape[:-1])
    row = pixels.int().mul_(LEVELS)
    entry = table.index_select(0, row.add_(bits & 0xFF).flatten()).view_as(row)
    kept = (bits >> 8) < (entry >> 8)
    return torch.where(kept, bits, entry).to(torch.uint8)


@lru_cache(maxsize=16)
def _poisson_table(photons: float) -> Tensor:
    """Int32 ``[256 * 256]``: for each clean level an alias table over the noisy levels (Walker, 1977).

    A random byte picks a column. Its entry holds a threshold (upper 24 bits, signed as random words are) and another
    level (lower 8): a random number below the threshold keeps the column as the level, any other takes the entry's.
    """
    share, alias = _alias_tables(_level_probabilities(photons))
    threshold = np.minimum(np.rint(share * 2**24), 2**24 - 1).astype(np.int64) - 2**23
    return torch.from_numpy((threshold * LEVELS + alias).astype(np.int32).reshape(-1))


def _level_probabilities(photons: float) -> NDArray[np.float64]:
    """P[clean level, noisy level], the noisy one clipped at 255 and truncated."""
    rate = to_unit(torch.arange(LEVELS)).numpy() * photons
    counts = np.arange(int(photons + 12 * photons**0.5 + 30))
    noisy = to_bytes(torch.from_numpy(counts / photons)).numpy()
    onto = np.zeros((len(counts), LEVELS))
    onto[np.arange(len(counts)), noisy] = 1
    return poisson(counts[None], rate[:, None]) @ onto


def poisson(counts: NDArray[Any], rate: NDArray[Any]) -> NDArray[np.float64]:
    """The chance of each count at each rate: what scipy.stats has, bit for bit, which takes a second to import."""
    from scipy.special import gammaln, xlogy  # only shot noise needs it

    return np.asarray(np.exp(xlogy(counts, rate) - gammaln(counts + 1) - rate), dtype=np.float64)


def _alias_tables(probability: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Shares kept and aliases ``[rows, K]`` of ``K``-outcome rows: the fullest column tops up the emptiest."""
    left = probability / probability.sum(axis=1, keepdims=True) * probability.shape[1]
    share, alias = np.ones_like(left), np.tile(np.arange(left.shape[1]), (len(left), 1))
    row = np.arange(len(left))
    for _ in range(left.shape[1] - 1):
        empty, full = left.argmin(axis=1), np.where(np.isinf(left), -1, left).argmax(axis=1)
        share[row, empty], alias[row, empty] = np.clip(left[row, empty], 0, 1), full
        left[row, full] -= 1 - share[row, empty]
        left[row, empty] = np.inf
    return share, alias
