"""Classification: one class per image; ``predicted``, ``label``, ``rank``, ``loss``, ``confidence``, ``brier``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from prunekit.errors import UsageError
from prunekit.registry import Lazy
from prunekit.tasks.task import Arrays, Counts, Task, rows_of, within


def outcome(arrays: Arrays, *, top_k: int = 1) -> Counts:
    """An image is wrong if its class is not among the ``top_k`` likeliest."""
    if top_k < 1:
        raise UsageError(f"top-k is {top_k}; it must be 1 or more")
    return Counts((np.asarray(arrays["rank"]) >= top_k).reshape(-1, 1))


def top_k_error(outcomes: Arrays, k: int = 1) -> float:
    """Share of examples whose true class is not among the ``k`` largest logits."""
    return float((rows_of(outcomes, "rank") >= k).mean())


def senseless(arrays: Arrays) -> Iterator[str]:
    """Check that ranks are integers >= 0, confidences shares, Brier scores at most 2, and right ones have rank 0."""
    for name in {"rank", *({"label", "predicted"} & arrays.keys())}:
        if arrays[name].ndim != 1 or arrays[name].dtype.kind not in "iu" or arrays[name].min() < 0:
            yield f"its {name} is impossible"
    for name, most in (("confidence", 1.0), ("brier", 2.0), ("loss", np.inf)):
        if name in arrays and not within(arrays[name], 0, most):
            yield f"its {name} is impossible"
    if {"label", "predicted"} <= arrays.keys():
        right = arrays["predicted"] == arrays["label"]
        if (right & (arrays["rank"] > 0)).any():
            yield "its ranks contradict its predicted classes"


CLASSIFICATION = Task(
    loss=Lazy("prunekit.data.scoring:classification_loss"),
    outcomes=Lazy("prunekit.data.scoring:classification_outcomes"),
    outcome=outcome,
    error=top_k_error,
    error_name="top-1 error",
    senseless=senseless,
    findings=frozenset(
        {
            *("churn", "recall-shift", "excessive-loss", "class-potential", "exemplars", "calibration"),
            *("group-shift", "group-potential"),
        }
    ),
)
