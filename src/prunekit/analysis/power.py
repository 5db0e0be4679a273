"""Power: the images, seeds and comparisons needed to decide a rise in error with a wanted chance.

A network breaks a share of the images (right before, wrong after) and fixes a share. The rise is their difference;
their sum makes it uncertain. Power is how often prunekit's interval would lie on one side of the margin.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from prunekit.analysis.made_up import EITHER_WAY
from prunekit.analysis.outcome import Array
from prunekit.analysis.seeds import MOST_PRIOR_DEGREES
from prunekit.analysis.special import bdtr, bdtrc, nctdtr, ndtri, stdtrit
from prunekit.analysis.student import LEVEL
from prunekit.errors import UsageError

POWER = 0.8
# Two networks of nearly equal error usually differ on 8 % of the images (docs/statistics.md).
USUAL_DISCORDANCE = 0.08
MOST_IMAGES = 10**9
SIDE = (1 + LEVEL) / 2
# The sum over counts of differing images reaches so many standard deviations.
REACH = 6.0
MADE_UP = 2 * EITHER_WAY
# Standard errors from the margin beyond which a decision is certain (and a noncentral t is computed badly).
CERTAIN = 30.0


class Rates(NamedTuple):
    """Shares of the images that a network breaks and fixes, and the standard deviation of its rise between seeds."""

    broken: float
    fixed: float
    between: float = 0.0

    @property
    def rise(self) -> float:
        """The rise in error."""
        return self.broken - self.fixed

    @property
    def discordance(self) -> float:
        """The share of images on which the two differ."""
        return self.broken + self.fixed


def rates_of(rise: float, discordance: float, between: float = 0.0) -> Rates:
    """The rates behind a rise and a share of differing images; a :class:`UsageError` if they are impossible."""
    if not (0 <= discordance <= 1 and abs(rise) <= discordance):
        raise UsageError(
            f"a rise of {rise:g} with {discordance:g} of the images broken or fixed is impossible: "
            "the rise is at most that share, and the share is at most 1"
        )
    return Rates((discordance + rise) / 2, (discordance - rise) / 2, between)


def power(rates: Rates, *, n: int, margin: float, seeds: int = 1) -> float:
    """The chance that the rise is decided on its own side of the margin: within if at most the margin, else beyond.

    Exact for one seed, or for several without deviation between them; otherwise by a noncentral t.
    """
    if seeds == 1 or rates.between == 0:
        return _exact(rates, n, margin)
    return _between_seeds(rates, n, margin, seeds)


def _exact(rates: Rates, n: int, margin: float) -> float:
    differing = _counts(n, rates.discordance)
    chance = bdtr(differing, n, rates.discordance) - np.where(
        differing > 0, bdtr(np.maximum(differing - 1, 0), n, rates.discordance), 0
    )
    share = rates.broken / rates.discordance if rates.discordance else 0.0
    most = _most_broken(differing, n, margin) if rates.rise <= margin else None
    if most is not None:
        decided = np.where(most >= 0, bdtr(np.minimum(most, differing), differing, share), 0.0)
    else:
        least = _least_broken(differing, n, margin)
        reached = np.where(least > 0, bdtrc(np.clip(least - 1, 0, differing), differing, share), 1.0)
        decided = np.where(least <= differing, reached, 0.0)
    return float(chance @ decided)


def _counts(n: int, discordance: float) -> Array:
    """The counts of differing images that matter."""
    reach = REACH * np.sqrt(n * discordance * (1 - discordance)) + 3
    return np.arange(max(0, int(n * discordance - reach)), min(n, int(n * discordance + reach)) + 1)


def _rise_at(edge: float, differing: Array, n: int, side: int) -> Array:
    """The rise whose interval ends at ``edge``, its upper end if ``side`` is +1, for each number of differing images.

    Solves rise + side z sqrt((share - rise^2) / count) = edge for the rise.
    """
    count = n + MADE_UP
    share, z = (differing + MADE_UP) / count, float(ndtri(SIDE)) ** 2 / count
    root = np.sqrt(np.maximum(edge**2 - (1 + z) * (edge**2 - z * share), 0))
    return np.asarray((edge - side * root) / (1 + z))


def _most_broken(differing: Array, n: int, margin: float) -> Array:
    """How many of the differing images may be broken for the verdict *within*; -1 if even 0 is too many."""
    rise = _rise_at(margin, differing, n, 1) * (n + MADE_UP)
    return np.floor((differing + rise) / 2 + 1e-9).astype(np.int64).clip(-1)


def _least_broken(differing: Array, n: int, margin: float) -> Array:
    """The fewest of the differing images that must be broken for the verdict *beyond*."""
    rise = _rise_at(margin, differing, n, -1) * (n + MADE_UP)
    return np.floor((differing + rise) / 2 + 1e-9).astype(np.int64) + 1


def _between_seeds(rates: Rates, n: int, margin: float, seeds: int) -> float:
    """All seeds share the images; half of the variance from images is taken to be a network's own luck."""
    images = (rates.discordance - rates.rise**2 + MADE_UP / n) / (n + MADE_UP)
    own, between = images / 2, rates.between**2
    by_seed, common = (between + own) / seeds, images / 2
    known = MOST_PRIOR_DEGREES + seeds - 1
    degrees = (by_seed + common) ** 2 / (by_seed**2 / known + common**2 / max(n - 1, 1))
    away = abs(margin - rates.rise) / np.sqrt(by_seed + common)
    return float(1 - nctdtr(degrees, min(away, CERTAIN), stdtrit(degrees, SIDE)))


def images_needed(rates: Rates, *, margin: float, seeds: int = 1, wanted: float = POWER) -> int | None:
    """The fewest images at which the rise is decided with the wanted chance; None if no number is enough.

    A rise at the margin is never decided; nor is one that varies too much between so few seeds.
    """
    if rates.rise == margin or power(rates, n=MOST_IMAGES, margin=margin, seeds=seeds) < wanted:
        return None
    few, many = 1, 2
    while power(rates, n=many, margin=margin, seeds=seeds) < wanted:
        few, many = many, many * 2
    while many - few > max(1, few // 1000):
        middle = (few + many) // 2
        few, many = (
            (few, middle) if power(rates, n=middle, margin=margin, seeds=seeds) >= wanted else (middle, many)
        )
    return many


def seeds_needed(
    rates: Rates, *, n: int, margin: float, wanted: float = POWER, most: int = 100
) -> int | None:
    """The fewest seeds that decide the rise on so many images; None if ``most`` are not enough.

    One seed says nothing about others: where networks differ, at least two are needed.
    """
    fewest = 2 if rates.between else 1
    found = (
        seeds for seeds in range(fewest, most + 1) if power(rates, n=n, margin=margin, seeds=seeds) >= wanted
    )
    return next(found, None)


def smallest_rise(
    *,
    n: int,
    discordance: float = USUAL_DISCORDANCE,
    margin: float = 0.0,
    wanted: float = POWER,
    between: float = 0.0,
    seeds: int = 1,
) -> float | None:
    """The smallest rise that so many images show to be beyond the margin with the wanted chance; None if there is none.

    ``discordance`` is the share of images that differ, or the rise where that is larger.
    """

    def reached(rise: float) -> bool:
        rates = rates_of(rise, max(discordance, abs(rise)), between)
        return power(rates, n=n, margin=margin, seeds=seeds) >= wanted

    low, high = margin, 1.0
    if not reached(high):
        return None
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def each_of(comparisons: int, wanted: float = POWER) -> float:
    """The chance of a decision that each comparison needs for all to be decided, if they were independent.

    They share images and networks, so the true need is lower.
    """
    return float(wanted ** (1 / max(comparisons, 1)))
