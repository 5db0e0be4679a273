"""Calibration per distribution: whether confidence matches accuracy.

ECE, the gap between confidence and accuracy over 15 bins of equal width (Guo et al. 2017); NLL, the mean loss; Brier,
the squared distance between probabilities and truth, where stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from prunekit.analysis.curves import grouped
from prunekit.analysis.estimate import Estimate
from prunekit.analysis.flags import Flag
from prunekit.analysis.outcome import Array
from prunekit.analysis.paired import (
    Arrays,
    Paired,
    across_seeds,
    names_of,
    resampled_means,
    seeds_of,
    values_of,
)
from prunekit.analysis.resample import RESAMPLES, estimate
from prunekit.analysis.rows import Row, role_at, row
from prunekit.analysis.sampled import Sampled, estimates, sampled

BINS = 15
# For ECE, the only score that is not a mean over images. Its interval is biased and flagged; more would not help.
ECE_RESAMPLES = 1000


class Score(NamedTuple):
    """One score that is a mean over images: the stored array that holds it, its unit and range."""

    needs: str
    unit: str
    bounds: tuple[float, float]


SCORES: dict[str, Score] = {
    "nll": Score("loss", "nats", (0.0, np.inf)),
    "brier": Score("brier", "squared distance", (0.0, 2.0)),
}


def calibration(pairs: Sequence[Paired], *, resamples: int = RESAMPLES, seed: int = 0) -> list[Row]:
    """Every score per variant, prune ratio and distribution, including the unpruned parent at ratio 0."""
    groups = across_seeds(pairs)
    curves = grouped(groups, lambda group: (group[0].variant, group[0].distribution)).values()
    parents = [_parents(pair for group in curve for pair in group) for curve in curves]
    every = [*parents, *groups]
    means = (each for name, score in SCORES.items() for each in _mean_rows(name, score, every))
    return [*_ece_rows(every, min(resamples, ECE_RESAMPLES), seed), *means]


def _parents(pairs: Iterable[Paired]) -> list[Paired]:
    """The distinct unpruned parents of a curve, by rising seed."""
    found = {pair.parent: _parent(pair) for pair in pairs}
    return sorted(found.values(), key=lambda pair: pair.seed)


def _parent(pair: Paired) -> Paired:
    return pair._replace(key=pair.parent, prune_ratio=0.0, own=pair.reference, asked=0.0)


def _ece_rows(groups: Sequence[list[Paired]], resamples: int, seed: int) -> Iterator[Row]:
    drawn = resampled_means(groups, _gaps, resamples=resamples, seed=seed, exact=False)
    for group, means in drawn:
        found = estimate(
            np.abs(means).sum(axis=0),
            n=group[0].n,
            seeds=seeds_of(group),
            bounds=(0.0, 1.0),
            flags=(Flag.BIASED,),
        )
        yield _row("ece", "share", group, found)


def _gaps(group: Sequence[Paired]) -> list[Array]:
    """The gaps of every network, for the bins in which any of them has images."""
    each = [gap_by_bin(pair.own) for pair in group]
    used = np.any([columns.any(axis=0) for columns in each], axis=0)
    return [columns[:, used] for columns in each]


def gap_by_bin(arrays: Arrays) -> Array:
    """Confidence minus correctness (0 or 1), in the column of the image's confidence bin, ``[n, bins]``."""
    confidence = np.asarray(arrays["confidence"], dtype=np.float64)
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    columns = np.zeros((len(confidence), BINS))
    columns[np.arange(len(confidence)), place] = confidence - (arrays["rank"] == 0)
    return columns


def _mean_rows(name: str, score: Score, groups: Sequence[list[Paired]]) -> Iterator[Row]:
    found = estimates([_sampled(score, group) for group in groups])
    for group, each in zip(groups, found, strict=True):
        yield _row(name, score.unit, group, each)


def _sampled(score: Score, group: Sequence[Paired]) -> Sampled:
    """The mean over images on which every network has a finite value; NaN where the score was not stored."""
    stored = all(score.needs in pair.own for pair in group)
    values = (
        values_of(group, lambda pair: pair.own[score.needs]) if stored else np.full((len(group), 1), np.nan)
    )
    known = np.isfinite(values).all(axis=0)
    flags = (Flag.NOT_STORED,) if not stored else () if known.all() else (Flag.NOT_FINITE,)
    chosen = values[:, known] if known.any() else np.full((len(group), 1), np.nan)
    return sampled(chosen, seeds_of(group), bounds=score.bounds, flags=flags)


def _row(name: str, unit: str, group: Sequence[Paired], found: Estimate) -> Row:
    n = group[0].n
    return row(
        "calibration",
        found._replace(n=n),
        unit=unit,
        role=role_at(group[0].rung),
        metric=name,
        **names_of(group),
    )
