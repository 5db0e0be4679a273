"""Tests of differences, and corrections for many of them.

McNemar's for paired flips, Welch's and the paired t for populations of networks; Holm, false discovery rate, max-T.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from prunekit.analysis.outcome import Array
from prunekit.analysis.special import bdtr, betaincinv, stdtr

# From a count among the draws, and their number, to the share that it stands for.
Share = Callable[[Any, int], Array]
# The chance that what follows from random draws would hold however many more were drawn.
SURE_OF_DRAWS = 0.99


def mcnemar(broken: int | Array, fixed: int | Array) -> Array:
    """Exact two-sided p value that broken and fixed are equally likely (a binomial test of one half), ``[...]``."""
    broken, fixed = np.asarray(broken), np.asarray(fixed)
    tail = bdtr(np.minimum(broken, fixed).astype(np.float64), (broken + fixed).astype(np.int64), 0.5)
    return np.where(broken + fixed == 0, 1.0, np.minimum(1.0, 2 * tail))[()]


def at_most(count: int | Array, draws: int) -> Array:
    """The largest share that a count of random draws may stand for, 99 % one-sided (Clopper and Pearson 1934)."""
    rest = np.maximum(draws - np.asarray(count), 1e-9)
    return np.asarray(betaincinv(np.asarray(count) + 1.0, rest, SURE_OF_DRAWS))


def at_least(count: int | Array, draws: int) -> Array:
    """The smallest share that a count of random draws may stand for, 99 % one-sided."""
    counts = np.asarray(count, dtype=np.float64)
    low = betaincinv(np.maximum(counts, 1.0), draws - counts + 1.0, 1 - SURE_OF_DRAWS)
    return np.asarray(np.where(counts > 0, low, 0.0))


def welch(before: Array, after: Array) -> Array:
    """Two-sided p values per column that two populations ``[networks, columns]`` have the same mean.

    NaN with fewer than two networks on a side. Without any variation p is 0 or 1.
    """
    if min(len(before), len(after)) < 2:
        return np.full(before.shape[1], np.nan)
    from scipy.stats import ttest_ind_from_stats  # takes a second to import, and one seed does not need it

    sides = [(side.mean(axis=0), side.std(axis=0, ddof=1), len(side)) for side in (before, after)]
    (mean, spread, _), (mean_after, spread_after, _) = sides
    with np.errstate(divide="ignore", invalid="ignore"):
        tested = ttest_ind_from_stats(*sides[0], *sides[1], equal_var=False).pvalue
    still = (spread == 0) & (spread_after == 0)
    return np.asarray(np.where(still, mean == mean_after, tested), dtype=np.float64)


def paired_t(differences: Array) -> Array:
    """Two-sided p values per column that differences ``[networks, columns]`` have mean 0 over networks.

    NaN with fewer than two networks. Without any variation p is 0 or 1.
    """
    networks = len(differences)
    if networks < 2:
        return np.full(differences.shape[1], np.nan)
    mean, spread = differences.mean(axis=0), differences.std(axis=0, ddof=1)
    certain = np.where(mean == 0, 0.0, np.inf)
    distance = np.divide(
        np.abs(mean) * np.sqrt(networks),
        spread,
        out=certain,
        where=spread > 1e-12 * np.abs(mean).max(initial=1),
    )
    return np.asarray(2 * stdtr(networks - 1, -distance))


def holm(p_values: Sequence[float] | Array) -> Array:
    """Holm's step-down correction (1979): p values for all tests together; NaN stays NaN and is not counted."""
    raw = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(raw)
    factors = np.maximum(np.count_nonzero(~np.isnan(raw)) - np.arange(len(raw)), 1)
    adjusted = np.empty(len(raw))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(raw[order] * factors))
    return adjusted


def false_discovery(p_values: Sequence[float] | Array) -> Array:
    """Benjamini and Hochberg (1995): the false discovery rate among all tests at least as significant as each.

    NaN stays NaN and is not counted as a test.
    """
    raw = np.asarray(p_values, dtype=np.float64)
    tests = np.count_nonzero(~np.isnan(raw))
    order = np.argsort(raw)[:tests]
    scaled = raw[order] * tests / np.arange(1, tests + 1)
    adjusted = np.full(len(raw), np.nan)
    adjusted[order] = np.minimum(1, np.minimum.accumulate(scaled[::-1])[::-1])
    return adjusted


def max_t(values: Array, draws: Array, share: Share = at_most) -> Array:
    """One-sided p values, for all together, of values ``[contrasts]`` not being below zero (Westfall and Young 1993).

    ``draws`` ``[contrasts, draws]`` are joint draws of the values. Step-down: a rejected contrast no longer counts
    against the others. A contrast that does not vary is below zero with certainty or not at all. Each p value is the
    upper limit over possible draws, unless another ``share`` is given.
    """
    spread = draws.std(axis=1)
    varies = spread > 0
    distance = np.where(values < 0, np.inf, -np.inf)
    distance[varies] = -values[varies] / spread[varies]
    shifted = np.full(draws.shape, -np.inf)
    shifted[varies] = -(draws[varies] - draws[varies].mean(axis=1, keepdims=True)) / spread[varies, None]
    order = np.argsort(-distance, kind="stable")
    largest = np.maximum.accumulate(shifted[order][::-1], axis=0)[::-1]
    beaten = share(np.count_nonzero(largest >= distance[order, None], axis=1), draws.shape[1])
    adjusted = np.empty(len(values))
    adjusted[order] = np.maximum.accumulate(beaten)
    return adjusted
