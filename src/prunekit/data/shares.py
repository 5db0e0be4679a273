"""Stratified, seeded shares: the same classes, fraction and seed give the same share anywhere. No torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prunekit.errors import UsageError


def held_out(classes: NDArray[np.int64], fraction: float, seed: int) -> NDArray[np.bool_]:
    """Which images ``[N]`` are in the share ``fraction`` of every class.

    A class gives up ``round(fraction * its images)``, but never its last image.
    """
    if not 0 <= fraction < 1:
        raise UsageError(f"the held-out fraction {fraction:g} is not in [0, 1)")
    # The legacy generator: NumPy promises never to change its stream, and a split must not change.
    rng = np.random.RandomState(seed % 2**32)
    held = np.zeros(len(classes), dtype=bool)
    for name in np.unique(classes):
        members = rng.permutation(np.flatnonzero(classes == name))
        held[members[: min(round(fraction * len(members)), len(members) - 1)]] = True
    return held
