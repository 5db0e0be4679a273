"""Segmentation: a class a pixel. Stores per image ``intersection``, ``union``, ``wrong``, ``pixels`` and ``loss``."""

from __future__ import annotations

import numpy as np

from prunekit.registry import Lazy
from prunekit.tasks.task import Arrays, Counts, Task, rows_of

# Pixels of this label are neither trained on nor counted (PASCAL VOC's "void").
IGNORED = 255


def outcome(arrays: Arrays, *, top_k: int = 1) -> Counts:
    """Per image and class: of the union of truth and prediction, what they do not share; ``top_k`` is not used."""
    union = np.asarray(arrays["union"], dtype=np.int64)
    return Counts(union - np.asarray(arrays["intersection"], dtype=np.int64), union)


def miou_error(outcomes: Arrays) -> float:
    """1 - mean intersection over union of the whole data set, over the classes that appear in labels or predictions."""
    intersection, union = (rows_of(outcomes, name).sum(axis=0) for name in ("intersection", "union"))
    seen = union > 0
    return float(1 - (intersection[seen] / union[seen]).mean()) if seen.any() else 0.0


def pixel_error(outcomes: Arrays) -> float:
    """Share of labelled pixels that are given the wrong class, over the whole data set."""
    pixels = int(rows_of(outcomes, "pixels").sum())
    return float(rows_of(outcomes, "wrong").sum() / pixels) if pixels else 0.0


SEGMENTATION = Task(
    loss=Lazy("prunekit.data.scoring:segmentation_loss"),
    outcomes=Lazy("prunekit.data.scoring:segmentation_outcomes"),
    outcome=outcome,
    error=miou_error,
    error_name="1 - mean IoU",
)
