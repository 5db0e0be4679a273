"""What a few networks say of all that could have been trained: the variance between seeds, moderated.

Two or three seeds know their own spread badly, but all rows of a study know together how far networks of one kind
lie apart. A row's variance is drawn towards that, as limma does with genes (Smyth 2004; robust: Phipson et al. 2016).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import fdtrc, ndtri, polygamma, psi

from prunekit.analysis.outcome import Array
from prunekit.analysis.proportions import Means
from prunekit.analysis.student import Student

# What the other rows of a study may count at most, in seeds: one row may yet vary more than all others
# (docs/decisions/057-analysis-few-seeds.md).
MOST_PRIOR_DEGREES = 4.0
OUTLYING_AT = 0.05
OUTLIER = "seeds differ far more here than elsewhere in the study: the interval uses only these seeds"
SMALLEST_SCALE = 1e-6
TINY = 1e-300


class Prior(NamedTuple):
    """What all rows of one kind say of the variance between networks: ``tau2`` x scale, worth ``degrees`` ``[rows]``.

    ``outlying`` says which rows it leaves out, and does not speak for.
    """

    tau2: float
    degrees: Array
    outlying: Array


class Moderated(NamedTuple):
    """Per row: the variance of a seed's value, that of a network's true value, and the degrees of freedom of both."""

    variance: Array
    between: Array
    degrees: Array


def probit_scale(*errors: Array | float) -> Array:
    """Sum of squared normal densities at the probits of error rates: how much networks' luck shows in their sum.

    A network that is better or worse than its kind by the same amount on a normal scale moves a share near a half most,
    and one near 0 or 1 hardly.
    """
    clipped = [np.clip(np.asarray(error, dtype=np.float64), 1e-4, 1 - 1e-4) for error in errors]
    return np.asarray(
        np.maximum(sum(np.exp(-(ndtri(error) ** 2)) / (2 * np.pi) for error in clipped), SMALLEST_SCALE)
    )


def pooled(found: Means, scale: Array, values: Array) -> Prior:
    """What rows of one kind ``[rows]`` say together; rows that vary far more than the others are left out.

    ``values`` ``[rows, seeds]`` are each seed's, NaN where a row lacks it: rows whose seeds move together, because all
    have the same lucky parent, say less than as many that do not.
    """
    several = found.seeds > 1
    outlying = np.zeros(len(several), dtype=bool)
    for _ in range(2):
        outlying = _stand_out(found, scale, several & ~outlying)
    kept = several & ~outlying
    tau2 = _pooled_tau2(found, scale, kept)
    taught = _taught_by_others(found, kept) * _independent(values[kept], (tau2 * scale + found.own)[kept])
    degrees = np.minimum(_prior_degrees(found, scale, kept, tau2), taught)
    return Prior(tau2, np.where(outlying, 0.0, degrees), outlying)


def _pooled_tau2(found: Means, scale: Array, kept: Array) -> float:
    weight = (found.seeds - 1) * kept
    total = float((weight * scale).sum())
    return max(float((weight * (found.variance - found.own)).sum()) / total, 0.0) if total else 0.0


def _stand_out(found: Means, scale: Array, kept: Array) -> Array:
    """Which rows vary more than all others: an F test of each against the others, Bonferroni over rows."""
    weight = (found.seeds - 1) * kept
    excess, size = weight * (found.variance - found.own), weight * scale
    others = np.maximum(excess.sum() - excess, 0) / np.maximum(size.sum() - size, TINY)
    expected = np.maximum(others * scale + found.own, TINY)
    degrees = np.maximum(found.seeds - 1, 1), np.maximum(weight.sum() - weight, 1)
    p_values = fdtrc(*degrees, found.variance / expected)
    return np.asarray((found.seeds > 1) & (p_values < OUTLYING_AT / len(scale)))


def _prior_degrees(found: Means, scale: Array, kept: Array, tau2: float) -> float:
    """Smyth's moment rule, capped: do the logarithms of the variances scatter more than so few seeds make them?"""
    expected = tau2 * scale + found.own
    usable = kept & (expected > 0)
    if usable.sum() < 2:
        return 0.0
    half = (found.seeds[usable] - 1) / 2
    beyond = np.log(np.maximum(found.variance[usable] / expected[usable], 1e-3)) - psi(half) + np.log(half)
    left = float(beyond.var(ddof=1) - polygamma(1, half).mean())
    return min(MOST_PRIOR_DEGREES, 2 * _inverse_trigamma(left)) if left > 0 else MOST_PRIOR_DEGREES


def _taught_by_others(found: Means, kept: Array) -> Array:
    """The degrees of freedom of all rows but each: a row alone learns nothing."""
    weight = (found.seeds - 1) * kept
    return np.asarray(weight.sum() - weight)


def _independent(values: Array, expected: Array) -> float:
    """As what share of the rows they count: squares of numbers that correlate by r do so by r²."""
    return float(1 / (1 + (len(values) - 1) * together(values, expected) ** 2)) if len(values) else 1.0


def together(values: Array, expected: Array, groups: Sequence[int] = ()) -> float:
    """How much rows ``[rows, seeds]`` move together from seed to seed: their mean correlation, from 0 to 1.

    Parts of the same group only, where ``groups`` names the group of each row. ``expected`` are the rows' variances.
    """
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a row without any seed
        off = values - np.nanmean(values, axis=1, keepdims=True)
    off = np.nan_to_num(off / np.sqrt(np.maximum(expected, TINY))[:, None])
    members = np.asarray(groups) if len(groups) else np.zeros(len(values))
    shared = possible = 0.0
    for group in np.unique(members):
        own = off[members == group]
        squares = float((own**2).sum())
        shared += float((own.sum(axis=0) ** 2).sum()) - squares
        possible += squares * (len(own) - 1)
    return float(np.clip(shared / possible, 0, 1)) if possible > 0 else 0.0


def _inverse_trigamma(value: float) -> float:
    """The x at which the trigamma function is ``value`` (Newton's method, Smyth 2004, appendix)."""
    x = 0.5 + 1 / value
    for _ in range(50):
        at = float(polygamma(1, x))
        step = at * (1 - at / value) / float(polygamma(2, x))
        x += step
        if abs(step) < 1e-10 * x:
            break
    return x


def moderated(found: Means, scale: Array, prior: Prior) -> Moderated:
    """Each row's variance between seeds, drawn towards what the rows say together."""
    own_degrees = np.maximum(found.seeds - 1, 0)
    degrees = prior.degrees + own_degrees
    total = prior.degrees * (prior.tau2 * scale + found.own) + own_degrees * found.variance
    variance = np.divide(total, degrees, out=np.zeros(len(total)), where=degrees > 0)
    variance = np.maximum(variance, found.own)
    return Moderated(variance, variance - found.own, degrees)


def over_networks(found: Means, spread: Moderated) -> Student:
    """The mean over *new networks* and other images; degrees of freedom by Satterthwaite.

    Undefined (NaN) for one seed, which cannot say how the next would do.
    """
    images = np.maximum(found.images - found.own / found.seeds, 0)
    between = spread.variance / found.seeds
    total = between + images
    unsure = between**2 / np.maximum(spread.degrees, TINY) + images**2 / np.maximum(found.n - 1, 1)
    degrees = np.maximum(total**2 / np.maximum(unsure, TINY), 1)
    return Student(found.centre, np.where(found.seeds > 1, np.sqrt(total), np.nan), degrees)
