"""The chance that several rises in error on the same images are all decided, as a claim requires.

As many images as planned are drawn from those of a pilot, and every rise is judged as in a study. If rises were
independent, the chances would multiply; networks that break the same images are decided together more often.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prunekit.analysis.made_up import PAIRED
from prunekit.analysis.outcome import Array
from prunekit.analysis.proportions import means_of, moments_of_sums, over_images

STUDIES = 4000


def chance_of_all(values: Sequence[Array], *, n: int, margin: float, seed: int = 0) -> float:
    """The share of simulated studies of ``n`` images that decide every rise on its own side of the margin.

    Each of ``values`` says of the same images whether a network breaks (1) or fixes (-1) them, one number per image.
    """
    patterns, counts = np.unique(np.stack(values, axis=1), axis=0, return_counts=True)
    drawn = np.random.default_rng([seed, n]).multinomial(n, counts / counts.sum(), size=STUDIES)
    sums, squares = drawn @ patterns.astype(np.float64), drawn @ patterns.astype(np.float64) ** 2
    low, high = over_images(
        means_of(moments_of_sums(sums[..., None], squares[..., None, None], n, PAIRED))
    ).ends()
    rises = counts @ patterns / counts.sum()
    decided = np.where(rises <= margin, high <= margin, low > margin)
    return float(decided.all(axis=1).mean())
