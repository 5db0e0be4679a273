"""Means over images with their variance from the choice of images, and intervals that always have a width.

Where all images agree, every resample is the same and the interval has no width, at 36 images as at 10,000. A few
made-up images of each kind fix that: Agresti and Coull 1998 for a share, Bonett and Price 2012 for the difference of
two shares of the same images (docs/decisions/056-analysis-made-up-images.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from prunekit.analysis.made_up import EITHER_WAY, MEASURED, MadeUp
from prunekit.analysis.outcome import Array
from prunekit.analysis.special import ndtri
from prunekit.analysis.student import LEVEL, Student


class Moments(NamedTuple):
    """Means over images of several networks' values ``[..., seeds]``, and how they vary with the choice of images.

    ``centre`` and ``covariance`` (``[..., seeds, seeds]``, of the means) include the made-up images, ``means`` does
    not.
    """

    means: Array
    centre: Array
    covariance: Array
    n: int


class Means(NamedTuple):
    """Means over images and seeds, any number of them at once ``[...]``.

    ``images`` is the variance of these networks' mean from the choice of images; ``variance`` is that of the seeds'
    values, ``own`` the part of it from the choice of images, both 0 for one seed. ``centre`` is that of the interval:
    it includes the made-up images.
    """

    mean: Array
    centre: Array
    images: Array
    variance: Array
    own: Array
    seeds: Array
    n: Array


def moments(values: Array, made_up: MadeUp = MEASURED) -> Moments:
    """The moments of values ``[seeds, n]`` of the same images; ``made_up`` images have one value for all seeds."""
    values = np.atleast_2d(np.asarray(values, dtype=np.float64))
    return moments_of_sums(values.sum(axis=1), values @ values.T, values.shape[1], made_up)


def moments_of_sums(sums: Array, products: Array, n: int, made_up: MadeUp = MEASURED) -> Moments:
    """The same from sums ``[..., seeds]`` and sums of products ``[..., seeds, seeds]`` over ``n`` images."""
    count = n + made_up.images
    centre = (sums + made_up.total) / count
    second = (products + made_up.squares) / count
    covariance = (second - centre[..., :, None] * centre[..., None, :]) / max(count - 1, 1)
    return Moments(np.asarray(sums / n), centre, covariance, n)


def combined(parts: Sequence[Moments], weights: Sequence[float]) -> Moments:
    """A weighted sum of means over different images, which are chosen independently."""
    return Moments(
        np.asarray(sum(weight * part.means for part, weight in zip(parts, weights, strict=True))),
        np.asarray(sum(weight * part.centre for part, weight in zip(parts, weights, strict=True))),
        np.asarray(sum(weight**2 * part.covariance for part, weight in zip(parts, weights, strict=True))),
        min(part.n for part in parts),
    )


def means_of(found: Moments) -> Means:
    """The mean over seeds, with the parts of its variance from images and from seeds."""
    seeds = found.means.shape[-1]
    total = found.covariance.sum(axis=(-2, -1))
    own = np.trace(found.covariance, axis1=-2, axis2=-1) - total / seeds
    shape = total.shape
    return Means(
        found.means.mean(axis=-1),
        found.centre.mean(axis=-1),
        np.maximum(total, 0) / seeds**2,
        found.means.var(axis=-1, ddof=1) if seeds > 1 else np.zeros(shape),
        np.maximum(own, 0) / (seeds - 1) if seeds > 1 else np.zeros(shape),
        np.full(shape, seeds),
        np.full(shape, found.n),
    )


def stacked(rows: Sequence[Means]) -> Means:
    """Several means as one, ``[rows]``."""
    return Means(*(np.stack([np.asarray(row[place]) for row in rows]) for place in range(len(Means._fields))))


def over_images(found: Means) -> Student:
    """The mean of *these networks* over other images; n - 1 degrees of freedom."""
    return Student(found.centre, np.sqrt(found.images), np.maximum(found.n - 1, 1))


def paired_ends(broken: int | Array, fixed: int | Array, n: int | Array, *, level: float = LEVEL) -> Array:
    """Interval ``[2, ...]`` of the rise in error from counts of broken and fixed images among ``n``.

    Bonett and Price 2012 (J. Educ. Behav. Stat. 37), with ``EITHER_WAY`` more images of each kind.
    """
    count = np.asarray(n) + 2 * EITHER_WAY
    up, down = (np.asarray(broken) + EITHER_WAY) / count, (np.asarray(fixed) + EITHER_WAY) / count
    rise = up - down
    arm = ndtri((1 + level) / 2) * np.sqrt((up + down - rise**2) / count)
    return np.stack([rise - arm, rise + arm])
