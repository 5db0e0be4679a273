"""A seed for every image, from one seed: the same whatever the batch, the order or the number of images."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_WORD = 2**64
# The constants of SplitMix64 (Steele, Lea and Flood 2014), whose outputs for neighbouring inputs are unrelated.
_GOLDEN, _MIX1, _MIX2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def image_seeds(count: int, *, seed: int, stream: int = 0) -> Tensor:
    """``count`` seeds in [0, 2^31), int64; another ``seed`` or ``stream`` (an epoch, say) gives unrelated ones."""
    base = _mixed(np.array([seed % _WORD], dtype=np.uint64)) ^ _mixed(
        np.array([~stream % _WORD], dtype=np.uint64)
    )
    places: NDArray[np.uint64] = np.arange(count, dtype=np.uint64)
    words = _mixed(np.add(base, places, dtype=np.uint64))
    return torch.from_numpy((words >> np.uint64(33)).astype(np.int64))


def _mixed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One SplitMix64 step of every word; the arithmetic wraps at 64 bits by design."""
    state = words + np.uint64(_GOLDEN)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(_MIX1)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(_MIX2)
    return state ^ (state >> np.uint64(31))
