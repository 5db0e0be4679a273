"""Calibration: whether confidence means what it says, per distribution.

ECE, the gap between confidence and accuracy over 15 bins of equal width (Guo et al. 2017); NLL, the mean loss;
Brier, the squared distance of the probabilities to the truth, where it was stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from prunekit.analysis.outcome import Array
from prunekit.analysis.paired import Arrays, Paired, across_seeds, names_of, resampled_means
from prunekit.analysis.resample import RESAMPLES, estimate
from prunekit.analysis.rows import Row, row

BINS = 15
BIASED = "ECE of a finite sample is biased upwards, most at small n"
NOT_STORED = "not stored with these outcomes"


class Score(NamedTuple):
    """One score: per-image columns ``[n, k]`` of stored arrays, what their means ``[k, ...]`` give, and its notes."""

    needs: str
    columns: Callable[[Arrays], Array]
    combine: Callable[[Array], Array]
    unit: str
    bounds: tuple[float, float]
    flags: tuple[str, ...] = ()


def gap_by_bin(arrays: Arrays) -> Array:
    """Confidence less being right, in the column of the image's confidence bin, ``[n, bins]``."""
    confidence = np.asarray(arrays["confidence"], dtype=np.float64)
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    columns = np.zeros((len(confidence), BINS))
    columns[np.arange(len(confidence)), place] = confidence - (arrays["rank"] == 0)
    return columns


def _column(name: str) -> Callable[[Arrays], Array]:
    return lambda arrays: np.asarray(arrays[name], dtype=np.float64)[:, None]


SCORES: dict[str, Score] = {
    "ece": Score(
        "confidence", gap_by_bin, lambda means: np.abs(means).sum(axis=0), "share", (0.0, 1.0), (BIASED,)
    ),
    "nll": Score("loss", _column("loss"), lambda means: means[0], "nats", (0.0, np.inf)),
    "brier": Score("brier", _column("brier"), lambda means: means[0], "squared distance", (0.0, 2.0)),
}


def calibration(pairs: Sequence[Paired], *, resamples: int = RESAMPLES, seed: int = 0) -> list[Row]:
    """Every score per method, prune ratio and distribution, the unpruned parent at ratio 0 included."""
    groups = across_seeds(pairs)
    parents = {(group[0].method, group[0].distribution): list(map(_parent, group)) for group in groups}
    return [
        _score_row(name, group, resamples=resamples, seed=seed)
        for group in [*parents.values(), *groups]
        for name in SCORES
    ]


def _parent(pair: Paired) -> Paired:
    return pair._replace(key=pair.parent, prune_ratio=0.0, own=pair.reference, asked=0.0)


def _score_row(name: str, group: Sequence[Paired], *, resamples: int, seed: int) -> Row:
    score = SCORES[name]
    if all(score.needs in pair.own for pair in group):
        means = resampled_means(group, lambda pair: score.columns(pair.own), resamples=resamples, seed=seed)
        draws, flags = score.combine(means), score.flags
    else:
        draws, flags = np.full((len(group), 1 + resamples), np.nan), (NOT_STORED,)
    return row(
        "calibration",
        estimate(draws, n=group[0].n, bounds=score.bounds, flags=flags),
        unit=score.unit,
        metric=name,
        **names_of(group),
    )
