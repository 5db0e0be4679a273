"""One model's outcome on each image of one test set, as the two counts from which every error is computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prunekit.analysis.made_up import MEASURED, PAIRED, SHARE, MadeUp
from prunekit.tasks import DEFAULT, TASKS

Array = NDArray[Any]


class Outcome(NamedTuple):
    """Per-image counts ``[n, groups]``: the error is the mean over groups of sum(wrong) / sum(total).

    Classification has one group and a total of one per image (``total`` is None). Segmentation has a group per
    class: ``total`` is the union of truth and prediction, ``wrong`` the part of it that they do not share, so that
    the error is 1 - mean IoU of the whole data set. Noise gives fractions: ``wrong`` is the mean over draws.
    """

    wrong: Array
    total: Array | None = None

    @property
    def n(self) -> int:
        """How many images."""
        return len(self.wrong)

    @property
    def error(self) -> float:
        """The task error in [0, 1]."""
        sums = self.wrong.sum(axis=0, dtype=np.float64)
        totals = np.full(1, self.n) if self.total is None else self.total.sum(axis=0, dtype=np.float64)
        return float(mean_over_groups(sums, totals))

    @property
    def per_image(self) -> Array:
        """Values ``[n]`` whose mean is the error, and whose variance says how it varies with the choice of images.

        A ratio of sums is linearised: an image's value is the error plus how far the image moves it.
        """
        if self.total is None:
            return np.asarray(self.wrong[:, 0])
        sums, totals = (each.sum(axis=0, dtype=np.float64) for each in (self.wrong, self.total))
        counted = totals > 0
        if not counted.any():
            return np.full(self.n, np.nan)
        shares = sums[counted] / totals[counted]
        moves = (self.wrong[:, counted] - shares * self.total[:, counted]) / totals[counted]
        return np.asarray(shares.mean() + self.n * moves.mean(axis=1))

    @property
    def made_up(self) -> tuple[MadeUp, MadeUp]:
        """The made-up images for its error, and for its rise over another's."""
        return (SHARE, PAIRED) if self.total is None else (MEASURED, MEASURED)

    def take(self, images: Array) -> Outcome:
        """The same counts for some of the images (indices or a bool array)."""
        return Outcome(self.wrong[images], None if self.total is None else self.total[images])


def wrong(flags: Array) -> Outcome:
    """The outcome of a classifier from one flag (or share of draws) per image."""
    return Outcome(np.asarray(flags).reshape(-1, 1))


def outcome_of(arrays: Mapping[str, Array], *, task: str = DEFAULT, top_k: int = 1) -> Outcome:
    """Read stored per-example arrays as their task counts them (``prunekit.tasks``)."""
    return Outcome(*TASKS[task].outcome(arrays, top_k=top_k))


def mean_over_groups(sums: Array, totals: Array) -> Array:
    """sum(wrong) / sum(total) averaged over the last axis; a group with nothing to count is left out."""
    counted = totals > 0
    shares = np.divide(sums, totals, out=np.zeros(np.broadcast(sums, totals).shape), where=counted)
    groups = counted.sum(axis=-1)
    return np.where(groups > 0, shares.sum(axis=-1) / np.maximum(groups, 1), np.nan)
