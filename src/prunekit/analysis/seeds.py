"""What a few networks say about all that could have been trained: the moderated variance between seeds.

Two or three seeds estimate their own spread badly, but all rows of a study together show how much networks of one kind
vary. A row's variance is shrunk towards that, as limma does for genes (Smyth 2004; robust: Phipson et al. 2016).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from prunekit.analysis.outcome import Array
from prunekit.analysis.proportions import Means
from prunekit.analysis.special import fdtrc, ndtri, polygamma, psi
from prunekit.analysis.student import Student

# The most that the other rows of a study may count, in seeds: one row may still vary more than all others
# (docs/decisions/057-analysis-few-seeds.md).
MOST_PRIOR_DEGREES = 4.0
OUTLYING_AT = 0.05
OUTLIER = "seeds differ far more here than elsewhere in the study: the interval uses only these seeds"
SMALLEST_SCALE = 1e-6
TINY = 1e-300


class Prior(NamedTuple):
    """The variance between networks by all rows of one kind: ``tau2`` x scale, with ``degrees`` of freedom ``[rows]``.

    ``outlying`` marks the rows that it leaves out and does not apply to.
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
    """Sum of squared normal densities at the probits of error rates: how much the networks' luck shows in their sum.

    An equal deviation on the normal scale moves a share near one half most, and one near 0 or 1 hardly at all.
    """
    clipped = [np.clip(np.asarray(error, dtype=np.float64), 1e-4, 1 - 1e-4) for error in errors]
    return np.asarray(
        np.maximum(sum(np.exp(-(ndtri(error) ** 2)) / (2 * np.pi) for error in clipped), SMALLEST_SCALE)
    )


def pooled(found: Means, scale: Array, values: Array) -> Prior:
    """The prior from rows of one kind ``[rows]``; rows that vary far more than the others are left out.

    ``values`` ``[rows, seeds]`` hold each seed's value, NaN where a row lacks it: rows that move together from seed to
    seed, because they share a lucky parent, count less than independent ones.
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
    """Smyth's moment rule, capped: do the logarithms of the variances scatter more than so few seeds explain?"""
    expected = tau2 * scale + found.own
    usable = kept & (expected > 0)
    if usable.sum() < 2:
        return 0.0
    half = (found.seeds[usable] - 1) / 2
    beyond = np.log(np.maximum(found.variance[usable] / expected[usable], 1e-3)) - psi(half) + np.log(half)
    left = float(beyond.var(ddof=1) - polygamma(1, half).mean())
    return min(MOST_PRIOR_DEGREES, 2 * _inverse_trigamma(left)) if left > 0 else MOST_PRIOR_DEGREES


def _taught_by_others(found: Means, kept: Array) -> Array:
    """The degrees of freedom of all rows except each: a single row learns nothing."""
    weight = (found.seeds - 1) * kept
    return np.asarray(weight.sum() - weight)


def _independent(values: Array, expected: Array) -> float:
    """The share of the rows that counts as independent: squares of numbers with correlation r have correlation r²."""
    return float(1 / (1 + (len(values) - 1) * together(values, expected) ** 2)) if len(values) else 1.0


def together(values: Array, expected: Array, groups: Sequence[int] = ()) -> float:
    """How much rows ``[rows, seeds]`` move together from seed to seed: their mean correlation, from 0 to 1.

    Only rows of the same group are compared, where ``groups`` names the group of each row. ``expected`` are the rows'
    variances.
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
    """Each row's variance between seeds, shrunk towards the prior."""
    own_degrees = np.maximum(found.seeds - 1, 0)
    degrees = prior.degrees + own_degrees
    total = prior.degrees * (prior.tau2 * scale + found.own) + own_degrees * found.variance
    variance = np.divide(total, degrees, out=np.zeros(len(total)), where=degrees > 0)
    variance = np.maximum(variance, found.own)
    return Moderated(variance, variance - found.own, degrees)


def over_networks(found: Means, spread: Moderated) -> Student:
    """The mean over *new networks* and other images; degrees of freedom by Satterthwaite.

    Undefined (NaN) for one seed, which says nothing about the next.
    """
    images = np.maximum(found.images - found.own / found.seeds, 0)
    between = spread.variance / found.seeds
    total = between + images
    unsure = between**2 / np.maximum(spread.degrees, TINY) + images**2 / np.maximum(found.n - 1, 1)
    degrees = np.maximum(total**2 / np.maximum(unsure, TINY), 1)
    return Student(found.centre, np.where(found.seeds > 1, np.sqrt(total), np.nan), degrees)
