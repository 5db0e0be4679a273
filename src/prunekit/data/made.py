"""Corruptions made here, on the images of any data set; labels stay as they are, even where pixels move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from prunekit.data.examples import ArrayExamples, Device, Examples
from prunekit.data.mixed import mix
from prunekit.data.seeds import image_seeds
from prunekit.registry import Lazy

corrupt = Lazy("prunekit.data.corruptions:corrupt")

# Below this many pixels a side the CIFAR table of constants is used, from it on the ImageNet table.
IMAGENET_FROM = 100
CHUNK = 1000
# Turns uint8 images [n, 3, H, W] and their n positions in the set into images of the same shape.
Change = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class ChangedExamples:
    """Examples whose images are changed as they are read; ``places`` are their positions in the unchanged set."""

    source: Examples
    change: Change
    places: Tensor

    @property
    def strata(self) -> Tensor:
        """The classes of the unchanged images."""
        return self.source.strata

    def __len__(self) -> int:
        return len(self.source)

    def take(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """The changed images and their labels."""
        images, labels = self.source.take(indices)
        return self.change(images, self.places[indices.cpu()]), labels

    def subset(self, indices: Tensor) -> ChangedExamples:
        """The examples at ``indices``; each image is changed as it is in the whole set."""
        return replace(self, source=self.source.subset(indices), places=self.places[indices.cpu()])

    def to(self, device: Device) -> ChangedExamples:
        """The same examples, given out on ``device``."""
        return replace(self, source=self.source.to(device))


def table_of(size: tuple[int, int]) -> str:
    """The table of constants for images of ``size`` (H, W)."""
    return "cifar" if max(size) < IMAGENET_FROM else "imagenet"


def corrupted(
    examples: Examples, *, corruption: str, severity: int, size: tuple[int, int], seed: int
) -> Examples:
    """``examples`` under one corruption; each image's draws depend on ``seed`` and its position alone."""
    seeds = image_seeds(len(examples), seed=seed)

    def change(images: Tensor, places: Tensor) -> Tensor:
        own = seeds[places].tolist()
        changed: Tensor = corrupt(
            images, corruption=corruption, severity=severity, seeds=own, table=table_of(size)
        )
        return changed

    return changed(examples, change)


def mixed(examples: Examples, *, mixture: str, seed: int) -> Examples:
    """``examples``, each under a corruption and a severity drawn for it: the first epoch of :func:`mix`."""

    def change(images: Tensor, places: Tensor) -> Tensor:
        return mix(images, places, mixture=mixture, seed=seed)

    return changed(examples, change)


def changed(examples: Examples, change: Change) -> Examples:
    """Held images are changed at once, images in files as they are read."""
    lazy = ChangedExamples(examples, change, torch.arange(len(examples)))
    if not isinstance(examples, ArrayExamples):
        return lazy
    images = [lazy.take(part)[0] for part in torch.split(lazy.places, CHUNK)]
    return ArrayExamples(torch.cat(images), examples.labels)
