"""The definition of a task: its loss and per-example outcomes in torch, and their aggregation in numpy.

Outcomes are measured once, in torch; every error is arithmetic on stored numpy arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from prunekit.errors import PrunekitError

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]


class Counts(NamedTuple):
    """Per example and group ``[n, groups]``: how much is wrong, out of what total; a ``total`` of None means 1 each.

    The error is the mean over groups of sum(wrong) / sum(total).
    """

    wrong: Array
    total: Array | None = None


class Task(NamedTuple):
    """One kind of task.

    ``loss(logits, labels, *, label_smoothing=0.0)`` is a scalar tensor; ``outcomes(logits, labels)`` a dict of tensors
    with one row per example. The numpy half takes the stored arrays: ``outcome(arrays, top_k=1)`` gives the counts
    from which every error is computed, ``error(arrays)`` a number in [0, 1], ``senseless(arrays)`` why no network can
    have given such arrays (empty if one may have). ``findings`` are those of single predictions that the arrays
    support (``predicted``, ``label``, ``rank``), in addition to the findings of errors, which every task has.
    """

    loss: Callable[..., Any]
    outcomes: Callable[..., dict[str, Any]]
    outcome: Callable[..., Counts]
    error: Callable[[Arrays], float]
    error_name: str
    senseless: Callable[[Arrays], Iterator[str]]
    findings: frozenset[str] = frozenset()

    @property
    def breaks(self) -> bool:
        """Whether an image is right or wrong as a whole, so that a network breaks and fixes images."""
        return "churn" in self.findings


ROUNDING = 1e-5


def within(values: Array, least: float, most: float) -> bool:
    """Whether all values are numbers between two limits, with a small tolerance for rounding."""
    with np.errstate(invalid="ignore"):
        inside = (values >= least - ROUNDING) & (values <= most + ROUNDING)
    return bool(values.dtype.kind in "fiu" and inside.all())


def rows_of(outcomes: Arrays, name: str) -> Array:
    """One array of the outcomes; :class:`PrunekitError` if it has no examples."""
    rows = outcomes[name]
    if not len(rows):
        raise PrunekitError("there is no error of zero examples")
    return rows
