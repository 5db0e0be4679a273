"""Calibration: whether confidence means what it says, per distribution.

ECE, the gap between confidence and accuracy over 15 bins of equal width (Guo et al. 2017); NLL, the mean loss;
Brier, the squared distance of the probabilities to the truth, where it was stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from prunekit.analysis.curves import grouped
from prunekit.analysis.flags import Flag
from prunekit.analysis.outcome import Array
from prunekit.analysis.paired import Arrays, Paired, across_seeds, names_of, resampled_means, seeds_of
from prunekit.analysis.resample import RESAMPLES, estimate
from prunekit.analysis.rows import Row, role_at, row

BINS = 15


class Score(NamedTuple):
    """One score: per-image columns ``[n, k]`` of stored arrays, what their means ``[k, ...]`` give, and its notes."""

    needs: str
    columns: Callable[[Arrays], Array]
    combine: Callable[[Array], Array]
    unit: str
    bounds: tuple[float, float]
    flags: tuple[Flag, ...] = ()


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
        "confidence", gap_by_bin, lambda means: np.abs(means).sum(axis=0), "share", (0.0, 1.0), (Flag.BIASED,)
    ),
    "nll": Score("loss", _column("loss"), lambda means: means[0], "nats", (0.0, np.inf)),
    "brier": Score("brier", _column("brier"), lambda means: means[0], "squared distance", (0.0, 2.0)),
}


def calibration(pairs: Sequence[Paired], *, resamples: int = RESAMPLES, seed: int = 0) -> list[Row]:
    """Every score per variant, prune ratio and distribution, the unpruned parent at ratio 0 included."""
    groups = across_seeds(pairs)
    curves = grouped(groups, lambda group: (group[0].variant, group[0].distribution)).values()
    parents = [_parents(pair for group in curve for pair in group) for curve in curves]
    return [
        each
        for name, score in SCORES.items()
        for each in _score_rows(name, score, [*parents, *groups], resamples=resamples, seed=seed)
    ]


def _parents(pairs: Iterable[Paired]) -> list[Paired]:
    """The unpruned parents of a curve, each once, by rising seed."""
    found = {pair.parent: _parent(pair) for pair in pairs}
    return sorted(found.values(), key=lambda pair: pair.seed)


def _parent(pair: Paired) -> Paired:
    return pair._replace(key=pair.parent, prune_ratio=0.0, own=pair.reference, asked=0.0)


def _score_rows(
    name: str, score: Score, groups: Sequence[list[Paired]], *, resamples: int, seed: int
) -> Iterator[Row]:
    columns = partial(_columns_of, score=score)
    stored = [group for group in groups if _is_stored(score, group)]
    for group, means in resampled_means(stored, columns, resamples=resamples, seed=seed):
        yield _score_row(name, score, group, score.combine(means), score.flags)
    for group in (group for group in groups if not _is_stored(score, group)):
        unknown = np.full((len(group), 1 + resamples), np.nan)
        yield _score_row(name, score, group, unknown, (Flag.NOT_STORED,))


def _columns_of(pair: Paired, *, score: Score) -> Array:
    return score.columns(pair.own)


def _is_stored(score: Score, group: Sequence[Paired]) -> bool:
    return all(score.needs in pair.own for pair in group)


def _score_row(
    name: str, score: Score, group: Sequence[Paired], draws: Array, flags: tuple[Flag, ...]
) -> Row:
    return row(
        "calibration",
        estimate(draws, n=group[0].n, seeds=seeds_of(group), bounds=score.bounds, flags=flags),
        unit=score.unit,
        role=role_at(group[0].rung),
        metric=name,
        **names_of(group),
    )
