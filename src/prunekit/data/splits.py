"""Stratified, seeded splits: the same labels, fraction and seed give the same split anywhere."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from prunekit.errors import UsageError


def hold_out(labels: Tensor, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Split off ``fraction`` of every class: ``(train_indices, valid_indices)``, both ascending int64.

    ``labels`` int64 [N]; labels with more dimensions have no class per image, so the split is over all images.
    A class gives up ``round(fraction * its images)``, but never its last image.
    """
    if not 0 <= fraction < 1:
        raise UsageError(f"the held-out fraction {fraction:g} is not in [0, 1)")
    classes = labels.cpu().numpy() if labels.ndim == 1 else np.zeros(len(labels), dtype=np.int64)
    # The legacy generator: NumPy promises never to change its stream, and a split must not change.
    rng = np.random.RandomState(seed % 2**32)
    held = np.zeros(len(classes), dtype=bool)
    for name in np.unique(classes):
        members = rng.permutation(np.flatnonzero(classes == name))
        held[members[: min(round(fraction * len(members)), len(members) - 1)]] = True
    return torch.from_numpy(np.flatnonzero(~held)), torch.from_numpy(np.flatnonzero(held))
