"""Images for robust training: each is corrupted anew in every epoch (PAPER 1.9)."""

from __future__ import annotations

import torch
from torch import Tensor

from prunekit.data.seeds import image_seeds
from prunekit.distribution import MIXTURES, SEVERITIES
from prunekit.errors import unknown
from prunekit.registry import Lazy

corrupt_mixed = Lazy("prunekit.data.corruptions:corrupt_mixed")
# Severity 0 is the clean image: one draw in six.
STRENGTHS = (0, *SEVERITIES)


def mixed_epoch(images: Tensor, *, mixture: str, seed: int, epoch: int) -> Tensor:
    """uint8 ``images`` [N, 3, H, W] as epoch ``epoch`` trains on them; labels stay as they are.

    Every image draws a corruption uniformly from ``mixture`` and a severity uniformly from clean and 1 to 5; the
    draws depend on ``seed``, ``epoch`` and the image's position alone. :class:`UsageError` for an unknown mixture.
    """
    return mix(images, torch.arange(len(images)), mixture=mixture, seed=seed, epoch=epoch)


def mix(images: Tensor, places: Tensor, *, mixture: str, seed: int, epoch: int = 0) -> Tensor:
    """The images at ``places`` (int64 [n], positions in the training set) as :func:`mixed_epoch` has them."""
    names, severities, seeds = draws(places, mixture=mixture, seed=seed, epoch=epoch)
    mixed: Tensor = corrupt_mixed(images, corruptions=names, severities=severities, seeds=seeds)
    return mixed


def draws(places: Tensor, *, mixture: str, seed: int, epoch: int) -> tuple[list[str], list[int], list[int]]:
    """The corruption, severity (0: clean) and seed of each image at ``places``."""
    if mixture not in MIXTURES:
        raise unknown("mixture", mixture, MIXTURES)
    count = int(places.max()) + 1 if len(places) else 0
    what, how, seeds = (image_seeds(count, seed=seed, stream=3 * epoch + part)[places] for part in range(3))
    corruptions = MIXTURES[mixture]
    names = [corruptions[draw] for draw in (what % len(corruptions)).tolist()]
    severities = [STRENGTHS[draw] for draw in (how % len(STRENGTHS)).tolist()]
    return names, severities, seeds.tolist()
