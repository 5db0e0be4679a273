"""What a user's own data set needs: statistics of its training images, a size, an augmentation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from prunekit.data.cache import kept
from prunekit.data.datasets import Dataset
from prunekit.data.examples import Examples
from prunekit.data.preprocessing import Channels, View
from prunekit.data.statistics import channel_statistics

# A split whose pixels take more than this (2 GiB) is not held in memory.
HELD_BYTES = 2 * 2**30
# Images of at least this many pixels a side are augmented like ImageNet's, smaller ones like CIFAR's.
LARGE_PX = 100
TASK = "classification"


def own_dataset(
    name: str,
    *,
    classes: tuple[str, ...],
    size: tuple[int, int],
    splits: tuple[str, ...],
    load: Callable[[str], Examples],
    keep: Path,
    key: str,
    contents: str,
    at: Callable[[View], Callable[[str], Examples]] | None = None,
) -> Dataset:
    """A data set with the mean and std of its training images, which are kept under ``keep`` by ``key``.

    One without training images is for measuring networks of other data sets, which have their own mean and std.
    """
    unknown: tuple[Channels, Channels] = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    mean, std = _statistics(lambda: load("train"), keep, key) if "train" in splits else unknown
    return Dataset(name, TASK, classes, mean, std, size, augment_of(size), splits, load, contents, at=at)


def augment_of(size: tuple[int, int]) -> str:
    """The augmentation of images of ``size`` (H, W)."""
    return "crop-flip" if max(size) < LARGE_PX else "resized-crop-flip"


def _statistics(train: Callable[[], Examples], keep: Path, key: str) -> tuple[Channels, Channels]:
    def measure() -> dict[str, Tensor]:
        mean, std = channel_statistics(train())
        return {
            "mean": torch.tensor(mean, dtype=torch.float64),
            "std": torch.tensor(std, dtype=torch.float64),
        }

    found = kept(keep, f"{key}-statistics", measure)
    return tuple(found["mean"].tolist()), tuple(found["std"].tolist())


def held(count: int, size: tuple[int, ...]) -> bool:
    """Whether ``count`` RGB images of ``size`` (H, W) are few enough to hold in memory."""
    return count * 3 * size[0] * size[1] <= HELD_BYTES
