"""Segmentation: one class per pixel; ``intersection``, ``union``, ``truth``, ``wrong``, ``pixels``, ``loss``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from prunekit.registry import Lazy
from prunekit.tasks.task import Arrays, Counts, Task, rows_of

# Pixels with this label are neither trained on nor counted (PASCAL VOC's "void").
IGNORED = 255


def outcome(arrays: Arrays, *, top_k: int = 1) -> Counts:
    """Per image and class, the union of truth and prediction minus their intersection; ``top_k`` is not used."""
    there = classes_there(arrays)
    union = np.asarray(arrays["union"], dtype=np.int64)[:, there]
    return Counts(union - np.asarray(arrays["intersection"], dtype=np.int64)[:, there], union)


def classes_there(arrays: Arrays) -> np.ndarray:
    """Which classes count, bool ``[classes]``: those that occur in the truth of the data set.

    A class that is only predicted does not count: one pixel of it would cost a whole class. Version 0.1 did not store
    the truth: for its outcomes, the classes in truth or prediction count.
    """
    return np.asarray(np.asarray(arrays.get("truth", arrays["union"])).sum(axis=0) > 0)


def miou_error(outcomes: Arrays) -> float:
    """1 - mean intersection over union of the whole data set, over the classes that occur in its truth."""
    intersection, union = (rows_of(outcomes, name).sum(axis=0) for name in ("intersection", "union"))
    seen = classes_there(outcomes)
    return float(1 - (intersection[seen] / union[seen]).mean()) if seen.any() else 0.0


def pixel_error(outcomes: Arrays) -> float:
    """Share of labelled pixels predicted as the wrong class, over the whole data set."""
    pixels = int(rows_of(outcomes, "pixels").sum())
    return float(rows_of(outcomes, "wrong").sum() / pixels) if pixels else 0.0


def senseless(arrays: Arrays) -> Iterator[str]:
    """Check that pixel counts are integers and that a union is at least its intersection."""
    intersection, union = arrays["intersection"], arrays["union"]
    if intersection.dtype.kind not in "iu" or union.dtype.kind not in "iu":
        yield "its pixel counts are not whole numbers"
    if intersection.min() < 0 or (intersection > union).any():
        yield "its intersection has more pixels than its union"


SEGMENTATION = Task(
    loss=Lazy("prunekit.data.scoring:segmentation_loss"),
    outcomes=Lazy("prunekit.data.scoring:segmentation_outcomes"),
    outcome=outcome,
    error=miou_error,
    error_name="1 - mean IoU",
    senseless=senseless,
)
