"""Stratified, seeded splits of labels in a tensor."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from prunekit.data.shares import held_out


def hold_out(labels: Tensor, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Split off ``fraction`` of every class: ``(train_indices, valid_indices)``, both ascending int64.

    ``labels`` int64 [N]; labels with more dimensions have no class per image, so the split is over all images.
    :class:`UsageError` for a fraction outside [0, 1).
    """
    classes = labels.cpu().numpy() if labels.ndim == 1 else np.zeros(len(labels), dtype=np.int64)
    held = held_out(classes, fraction, seed)
    return torch.from_numpy(np.flatnonzero(~held)), torch.from_numpy(np.flatnonzero(held))
