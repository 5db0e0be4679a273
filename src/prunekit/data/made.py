"""Corruptions made here, on the images of any data set; labels do not change, even where pixels move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from prunekit.data.cache import kept
from prunekit.data.corruptions import corrupt
from prunekit.data.examples import ArrayExamples, Device, Examples
from prunekit.data.images import view_all
from prunekit.data.made_names import kept_name
from prunekit.data.mixed import mix
from prunekit.data.own import held
from prunekit.data.preprocessing import View
from prunekit.data.seeds import image_seeds
from prunekit.distribution import Distribution

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
        """The examples at ``indices``; each image changes as in the whole set."""
        return replace(self, source=self.source.subset(indices), places=self.places[indices.cpu()])

    def to(self, device: Device) -> ChangedExamples:
        """The same examples, given out on ``device``."""
        return replace(self, source=self.source.to(device))


def corrupted(
    examples: Examples, distribution: Distribution, root: Path, *, seed: int, few: bool = False
) -> Examples:
    """``examples`` under the distribution's corruption; an image's draws depend only on ``seed`` and its place.

    Images held in memory are made once and kept under ``root/cache``, unless only a ``few`` will be read. The file's
    name has the generator's version, the seed and a digest of the images; published files are never read from there.
    """
    seeds = image_seeds(len(examples), seed=seed)

    def change(images: Tensor, places: Tensor) -> Tensor:
        return corrupt(
            images,
            corruption=str(distribution.corruption),
            severity=distribution.severity,
            seeds=seeds[places],
            table="auto",
        )

    if few or not isinstance(examples, ArrayExamples):
        return ChangedExamples(examples, change, torch.arange(len(examples)))
    name = kept_name(distribution, seed, examples.images.contiguous().numpy().data)
    made = kept(root, name, lambda: {"images": _changed(examples, change)})
    return ArrayExamples(made["images"], examples.labels)


def through(examples: Examples, view: View) -> Examples:
    """``examples`` as a network of this view sees them; held in memory if they fit."""

    def change(images: Tensor, places: Tensor) -> Tensor:
        return view_all(images, view)

    if not isinstance(examples, ArrayExamples):
        return ChangedExamples(examples, change, torch.arange(len(examples)))
    if tuple(examples.images.shape[2:]) == view.size and view.resize is None:
        return examples
    if not held(len(examples), view.size):
        return ChangedExamples(examples, change, torch.arange(len(examples)))
    return ArrayExamples(_changed(examples, change), examples.labels)


def mixed(examples: Examples, *, mixture: str, seed: int) -> Examples:
    """``examples``, each under a corruption and a severity drawn for it: the first epoch of :func:`mix`."""

    def change(images: Tensor, places: Tensor) -> Tensor:
        return mix(images, places, mixture=mixture, seed=seed)

    if not isinstance(examples, ArrayExamples):
        return ChangedExamples(examples, change, torch.arange(len(examples)))
    return ArrayExamples(_changed(examples, change), examples.labels)


def _changed(examples: ArrayExamples, change: Change) -> Tensor:
    places = torch.split(torch.arange(len(examples)), CHUNK)
    return torch.cat([change(examples.images[part], part) for part in places])
