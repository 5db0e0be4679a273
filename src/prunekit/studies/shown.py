"""The images that a report shows, read without torch if possible: importing it takes as long as half of the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from prunekit.data.at_hand import AtHand, at_hand
from prunekit.data.preprocessing import Preprocessing, View
from prunekit.distribution import parse
from prunekit.errors import PrunekitError
from prunekit.params import ErrorParams
from prunekit.registry import Lazy
from prunekit.store.records import ModelRecord

LARGEST_PX = 96  # one inch on a page
SEEN_IMAGES = Lazy("prunekit.studies.seen:seen_images")
FIRST_IMAGES = Lazy("prunekit.studies.seen:first_images")


def seen_images(
    record: ModelRecord, step: ErrorParams, places: Sequence[int], n: int, data: Path
) -> list[np.ndarray[Any, Any]]:
    """The images at ``places`` of the ``n`` that ``step`` measured, as ``record``'s network sees them: uint8 [H, W, 3].

    They include corruptions and noise; values outside a pixel's range are clipped, and images with a side longer than
    ``LARGEST_PX`` are shrunk. :class:`PrunekitError` if the data set is missing or has a different number of images.
    """
    found = at_hand(parse(step.distribution), data, seed=step.seed, view=view_of(record))
    if found is None or max(found.images.shape[2:]) > LARGEST_PX:
        images: list[np.ndarray[Any, Any]] = SEEN_IMAGES(record, step, places, n, data)
        return images
    check_count(step.distribution, len(found.images), n)
    return list(found.images[list(places)].transpose(0, 2, 3, 1))


def first_images(distribution: str, count: int, data: Path, view: View | None) -> AtHand:
    """The first ``count`` images of a distribution, uint8 [count, 3, H, W], and their labels; fewer if it has fewer."""
    found = at_hand(parse(distribution), data, view=view)
    if found is None:
        first: AtHand = FIRST_IMAGES(distribution, count, data, view)
        return first
    return AtHand(found.images[:count], found.labels[:count])


def view_of(record: ModelRecord) -> View | None:
    """The pixels that a stored network sees; None if it sees its data set's."""
    return Preprocessing.read(record.preprocessing).view if record.preprocessing else None


def check_count(name: str, here: int, measured: int) -> None:
    """Raise a :class:`PrunekitError` if the data set has another number of images than were measured."""
    if here != measured:
        raise PrunekitError(f"{name} has {here} images here, but {measured} were measured")
