"""Tests of differences: McNemar's for paired flips, Welch's for populations of networks, Holm's correction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import bdtr

from prunekit.analysis.outcome import Array


def mcnemar(broken: int, fixed: int) -> float:
    """Exact two-sided p value that broken and fixed are equally likely (a binomial test of one half)."""
    return min(1.0, 2 * float(bdtr(min(broken, fixed), broken + fixed, 0.5))) if broken + fixed else 1.0


def welch(before: Array, after: Array) -> Array:
    """Two-sided p values per column that two populations ``[networks, columns]`` have one mean.

    NaN with fewer than two networks a side. Populations that do not vary at all differ for certain or not at all.
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


def holm(p_values: Sequence[float] | Array) -> Array:
    """Holm's step-down correction (1979): p values that hold for all tests together; NaN stays NaN and is no test."""
    raw = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(raw)
    factors = np.maximum(np.count_nonzero(~np.isnan(raw)) - np.arange(len(raw)), 1)
    adjusted = np.empty(len(raw))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(raw[order] * factors))
    return adjusted
