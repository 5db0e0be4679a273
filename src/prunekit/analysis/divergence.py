"""How far apart two networks' class probabilities are: the Kullback-Leibler divergence, in nats."""

from __future__ import annotations

import numpy as np

from prunekit.analysis.outcome import Array


def mean_divergence(own: Array, reference: Array) -> float:
    """KL from the reference to a network, mean over examples, from log-probabilities ``[n, classes]`` of each."""
    return float((np.exp(reference) * (reference - own)).sum(axis=1).mean())
