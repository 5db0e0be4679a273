"""What a network is asked to do: its loss, its per-example outcomes, and the error they add up to.

Outcomes are measured once, in torch; every error below is arithmetic on stored numpy arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from prunekit.errors import PrunekitError
from prunekit.registry import Lazy, Registry

# Pixels of this label are neither trained on nor counted (PASCAL VOC's "void").
IGNORED = 255
Outcomes = Mapping[str, np.ndarray[Any, Any]]


class Task(NamedTuple):
    """One kind of task.

    ``loss(logits, labels, *, label_smoothing=0.0)`` is a scalar tensor; ``outcomes(logits, labels)`` a dict of tensors
    with one row per example; ``error(outcomes)`` a number in [0, 1] from the stored arrays. Classification stores
    ``predicted``, ``label``, ``rank``, ``loss``, ``confidence`` and ``brier``; segmentation ``intersection``,
    ``union``, ``wrong``, ``pixels`` and ``loss``.
    """

    loss: Callable[..., Any]
    outcomes: Callable[..., dict[str, Any]]
    error: Callable[[Outcomes], float]
    error_name: str


def top_k_error(outcomes: Outcomes, k: int = 1) -> float:
    """Share of examples whose true class is not among the ``k`` largest logits."""
    return float((_rows(outcomes, "rank") >= k).mean())


def miou_error(outcomes: Outcomes) -> float:
    """1 - mean intersection over union of the whole data set, over the classes that appear in labels or predictions."""
    intersection, union = (_rows(outcomes, name).sum(axis=0) for name in ("intersection", "union"))
    seen = union > 0
    return float(1 - (intersection[seen] / union[seen]).mean()) if seen.any() else 0.0


def pixel_error(outcomes: Outcomes) -> float:
    """Share of labelled pixels that are given the wrong class, over the whole data set."""
    pixels = int(_rows(outcomes, "pixels").sum())
    return float(_rows(outcomes, "wrong").sum() / pixels) if pixels else 0.0


def _rows(outcomes: Outcomes, name: str) -> np.ndarray[Any, Any]:
    rows = outcomes[name]
    if not len(rows):
        raise PrunekitError("there is no error of zero examples")
    return rows


TASKS: Registry[Task] = Registry(
    "task",
    {
        "classification": Task(
            loss=Lazy("prunekit.data.scoring:classification_loss"),
            outcomes=Lazy("prunekit.data.scoring:classification_outcomes"),
            error=top_k_error,
            error_name="top-1 error",
        ),
        "segmentation": Task(
            loss=Lazy("prunekit.data.scoring:segmentation_loss"),
            outcomes=Lazy("prunekit.data.scoring:segmentation_outcomes"),
            error=miou_error,
            error_name="1 - mean IoU",
        ),
    },
)
