"""Flips and churn: which predictions pruning changed, though the error may be the same.

Broken: right before, wrong after; fixed: the other way. The net of the two is what test error shows; their sum is
what users meet. McNemar's exact test asks whether breaking and fixing are equally likely.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prunekit.analysis.estimate import plain
from prunekit.analysis.outcome import Array
from prunekit.analysis.paired import Paired, across_seeds, names_of, resampled_means, seeds_of
from prunekit.analysis.resample import RESAMPLES, estimate, over_repetitions
from prunekit.analysis.rows import RATIO, Row, row
from prunekit.analysis.significance import mcnemar


def churn(pairs: Sequence[Paired], *, resamples: int = RESAMPLES, seed: int = 0) -> list[Row]:
    """The share of changed predictions per variant, prune ratio and distribution, with what it is made of."""
    found = resampled_means(across_seeds(pairs), _columns, resamples=resamples, seed=seed)
    return [_churn_row(group, *draws) for group, draws in found]


def _churn_row(group: Sequence[Paired], changed: Array, broken: Array, fixed: Array) -> Row:
    seeds, n = seeds_of(group), group[0].n
    net = estimate(fixed - broken, n=n, seeds=seeds, bounds=(-1.0, 1.0)).as_row()
    return row(
        "churn",
        estimate(changed, n=n, seeds=seeds, bounds=RATIO),
        unit="share of predictions",
        broken=_mean(broken, seeds),
        fixed=_mean(fixed, seeds),
        net=net["value"],
        net_low=net["low"],
        net_high=net["high"],
        mcnemar=[plain(float(mcnemar(*_counts(pair)))) for pair in group],
        **names_of(group),
    )


def _mean(draws: Array, seeds: Sequence[int]) -> float | None:
    return plain(over_repetitions(draws, seeds)[:, 0].mean())


def flips(pair: Paired) -> tuple[Array, Array]:
    """Which images were broken and which fixed, bool ``[n]`` each."""
    right, was_right = pair.own["rank"] == 0, pair.reference["rank"] == 0
    return was_right & ~right, right & ~was_right


def _columns(pair: Paired) -> Array:
    return np.stack([pair.own["predicted"] != pair.reference["predicted"], *flips(pair)], axis=1)


def _counts(pair: Paired) -> tuple[int, int]:
    broken, fixed = flips(pair)
    return int(broken.sum()), int(fixed.sum())
