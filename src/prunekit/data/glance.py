"""What is known of a data set without reading its images: for planning, when its files need not exist yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from prunekit.data.datasets import DATASETS, PLACES
from prunekit.distribution import unescaped


class Glance(NamedTuple):
    """``size`` is (H, W), ``images`` the number of images of each split, before any are held out."""

    task: str
    classes: int
    size: tuple[int, int]
    augment: str
    images: Mapping[str, int]


def glance(name: str) -> Glance:
    """What the row of a published data set says, or the names and the first image headers of a place.

    :class:`UsageError` if there is no such data set, or the place cannot be read.
    """
    place, colon, path = name.partition(":")
    if colon and place in PLACES:
        found: Glance = PLACES[place].glance(unescaped(path))
        return found
    row = DATASETS[name]
    images = dict(zip(row.splits, row.images, strict=False))
    return Glance(row.task, len(row.classes), row.size, row.augment, images)
