"""Test images that can be read without torch: of small data sets, and what was kept of their corruptions.

A report shows a few images, and importing torch takes longer than drawing it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from prunekit.data.cache_file import read
from prunekit.data.datasets import DATASETS
from prunekit.data.made_names import kept_name
from prunekit.data.preprocessing import View
from prunekit.distribution import Distribution


class AtHand(NamedTuple):
    """Images uint8 [N, 3, H, W] and their labels."""

    images: np.ndarray[Any, Any]
    labels: np.ndarray[Any, Any]


def at_hand(
    distribution: Distribution, root: Path, *, seed: int = 0, view: View | None = None
) -> AtHand | None:
    """What :func:`prunekit.data.load.load_distribution` gives, or None where that takes torch."""
    plain = not (distribution.published or distribution.mixture or distribution.noise)
    known = plain and distribution.split == "test" and distribution.dataset in DATASETS
    row = DATASETS[distribution.dataset] if known else None
    if row is None or row.arrays is None:
        return None
    found = AtHand(*row.arrays(distribution.split))
    if view is not None and (view.size != found.images.shape[2:] or view.resize is not None):
        return None
    if not distribution.corruption:
        return found
    kept = read(root, kept_name(distribution, seed, found.images.data))
    return None if kept is None else found._replace(images=kept["images"])
