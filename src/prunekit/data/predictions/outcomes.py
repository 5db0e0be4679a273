"""From a network's answer to each example to the outcomes on which findings are based. Needs only NumPy.

The numbers equal those of ``data.scoring``, which computes them from batches of tensors during a measurement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prunekit.errors import UsageError

Array = NDArray[Any]
MORE: dict[str, type[np.generic]] = {
    "rank": np.int32,
    "loss": np.float32,
    "confidence": np.float32,
    "brier": np.float32,
}
UNIT_SUM = 1e-3  # how far probabilities that were rounded to three digits may be from a sum of one


class Scores(StrEnum):
    """What a file contains for each example."""

    LOGITS = "logits"
    PROBABILITIES = "probabilities"
    CLASSES = "classes"


class Predictions(NamedTuple):
    """One network's answers to all examples of one distribution.

    ``labels``: int64 ``[n]``. ``scores``: float ``[n, classes]`` as ``kind`` says, or int64 ``[n]`` predicted classes.
    ``ids``: a name for each example, in the same order; None if only the order identifies them. ``more``: with
    predicted classes, what else ``outcomes export`` wrote: ``rank``, ``loss``, ``confidence``, ``brier``.
    """

    labels: Array
    scores: Array
    kind: Scores
    ids: tuple[str, ...] | None = None
    more: Mapping[str, Array] = {}

    @property
    def n(self) -> int:
        """The number of examples."""
        return len(self.labels)


def checked(found: Predictions, source: str) -> Predictions:
    """The predictions themselves; a :class:`UsageError` that names ``source`` and the first example that is wrong."""
    if not found.n:
        raise UsageError(f"{source} contains no predictions")
    if len(found.scores) != found.n:
        raise UsageError(f"{source}: {found.n} labels for {len(found.scores)} predictions")
    if found.ids is not None:
        _check_ids(found.ids, found.n, source)
    if found.kind is Scores.CLASSES:
        _refuse(found, source, found.labels < 0, "its label is below 0")
        _refuse(found, source, found.scores < 0, "its predicted class is below 0")
        for name, values in found.more.items():
            _refuse(found, source, ~(values >= 0), f"its {name} is below 0 or not a number")
        if "rank" in found.more:
            differs = (found.more["rank"] == 0) != (found.scores == found.labels)
            _refuse(found, source, differs, "its rank and its predicted class contradict each other")
        return found
    if found.scores.ndim != 2 or found.scores.shape[1] < 2:
        raise UsageError(
            f"{source}: {found.kind} of shape {found.scores.shape}; expected (examples, 2 or more classes)"
        )
    classes = found.scores.shape[1]
    _refuse(
        found,
        source,
        (found.labels < 0) | (found.labels >= classes),
        f"its label is outside 0 to {classes - 1}",
    )
    _refuse(found, source, np.isnan(found.scores).any(axis=1), f"its {found.kind} are not numbers")
    if found.kind is Scores.PROBABILITIES:
        _check_probabilities(found, source)
    else:
        _refuse(found, source, ~np.isfinite(found.scores.max(axis=1)), "none of its logits are finite")
    return found


def _check_probabilities(found: Predictions, source: str) -> None:
    outside = ((found.scores < 0) | (found.scores > 1 + UNIT_SUM)).any(axis=1)
    _refuse(
        found, source, outside, "a probability is outside 0 to 1 (if these are logits, pass --scores logits)"
    )
    sums = np.abs(found.scores.sum(axis=1) - 1) > UNIT_SUM
    _refuse(
        found, source, sums, "its probabilities do not sum to 1 (if these are logits, pass --scores logits)"
    )


def _check_ids(ids: Sequence[str], n: int, source: str) -> None:
    if len(ids) != n:
        raise UsageError(f"{source}: {len(ids)} ids for {n} labels")
    seen: set[str] = set()
    for each in ids:
        if each in seen:
            raise UsageError(f"{source}: the id {each!r} appears twice")
        seen.add(each)


def _refuse(found: Predictions, source: str, wrong: Any, why: str) -> None:
    if wrong.any():
        place = int(np.flatnonzero(wrong)[0])
        name = f"example {found.ids[place]!r}" if found.ids is not None else f"example {place}"
        more = int(wrong.sum()) - 1
        raise UsageError(f"{source}, {name}: {why}{f' (and {more} more)' if more else ''}")


def outcomes(found: Predictions) -> dict[str, Array]:
    """Per-example outcomes as a measurement stores them, one entry per example.

    ``predicted``, ``label``, ``rank`` (0: the true class is first) int32; from scores also ``loss``, ``confidence``
    and ``brier`` float32. From classes only, a rank is 0 or 1, so that there is no top-k error with k > 1.
    """
    labels = found.labels.astype(np.int32)
    if found.kind is Scores.CLASSES:
        predicted = found.scores.astype(np.int32)
        alone = {"predicted": predicted, "label": labels, "rank": (predicted != labels).astype(np.int32)}
        return alone | {name: values.astype(MORE[name]) for name, values in found.more.items()}
    logs = log_probabilities(found)
    every = np.arange(found.n)
    own = logs[every, found.labels]
    lower = np.arange(logs.shape[1])[None] < found.labels[:, None]
    above = (logs > own[:, None]) | ((logs == own[:, None]) & lower)
    p = np.exp(logs)
    truth = p[every, found.labels]
    brier = np.square(p).sum(axis=1) - np.square(truth) + np.square(1 - truth)
    return {
        "predicted": found.scores.argmax(axis=1).astype(np.int32),
        "label": labels,
        "rank": above.sum(axis=1).astype(np.int32),
        "loss": (-own).astype(np.float32),
        "confidence": p.max(axis=1).astype(np.float32),
        "brier": brier.astype(np.float32),
    }


def log_probabilities(found: Predictions) -> Array:
    """Natural logarithms of the class probabilities, float64 ``[n, classes]``; a probability of 0 counts as 1e-12."""
    scores = found.scores.astype(np.float64)
    if found.kind is Scores.PROBABILITIES:
        logs = np.log(np.maximum(scores, 1e-12))
        return np.asarray(logs - np.log(np.exp(logs).sum(axis=1, keepdims=True)))
    shifted = scores - scores.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
