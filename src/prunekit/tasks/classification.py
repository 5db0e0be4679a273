"""Classification: a class an image. Stores ``predicted``, ``label``, ``rank``, ``loss``, ``confidence``, ``brier``."""

from __future__ import annotations

import numpy as np

from prunekit.errors import UsageError
from prunekit.registry import Lazy
from prunekit.tasks.task import Arrays, Counts, Task, rows_of


def outcome(arrays: Arrays, *, top_k: int = 1) -> Counts:
    """An image is wrong if its class is not among the ``top_k`` likeliest."""
    if top_k < 1:
        raise UsageError(f"top-k is {top_k}; it must be 1 or more")
    return Counts((np.asarray(arrays["rank"]) >= top_k).reshape(-1, 1))


def top_k_error(outcomes: Arrays, k: int = 1) -> float:
    """Share of examples whose true class is not among the ``k`` largest logits."""
    return float((rows_of(outcomes, "rank") >= k).mean())


CLASSIFICATION = Task(
    loss=Lazy("prunekit.data.scoring:classification_loss"),
    outcomes=Lazy("prunekit.data.scoring:classification_outcomes"),
    outcome=outcome,
    error=top_k_error,
    error_name="top-1 error",
    findings=frozenset(
        {"churn", "recall-shift", "excessive-loss", "class-potential", "exemplars", "calibration"}
    ),
)
