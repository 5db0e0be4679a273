"""Images for robust training: each is corrupted afresh in every epoch (Liebenwein et al. 2021, robust training)."""

from __future__ import annotations

import torch
from torch import Tensor

from prunekit.data.corruptions import corrupt_mixed
from prunekit.data.seeds import image_seeds
from prunekit.distribution import MIXTURES
from prunekit.errors import unknown


def mixed_epoch(images: Tensor, *, mixture: str, seed: int, epoch: int) -> Tensor:
    """uint8 ``images`` [N, 3, H, W] as epoch ``epoch`` trains on them; labels do not change.

    Every image draws a corruption uniformly from ``mixture`` and a severity uniformly from clean and 1 to 5; the
    draws depend only on ``seed``, ``epoch`` and the image's position. :class:`UsageError` for an unknown mixture.
    """
    return mix(images, torch.arange(len(images)), mixture=mixture, seed=seed, epoch=epoch)


def mix(images: Tensor, places: Tensor, *, mixture: str, seed: int, epoch: int = 0) -> Tensor:
    """The images at ``places`` (int64 [n], positions in the training set) as :func:`mixed_epoch` returns them."""
    if mixture not in MIXTURES:
        raise unknown("mixture", mixture, MIXTURES)
    count = int(places.max()) + 1 if len(places) else 0
    seeds = image_seeds(count, seed=seed, stream=epoch + 1)[places]
    return corrupt_mixed(images, corruptions=MIXTURES[mixture], seeds=seeds, table="auto")
